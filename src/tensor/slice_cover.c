/*
 * Do boxes cover another one, each element once? Two steps. Counting: the elements that the boxes have of it must be as
 * many as it has. That decides, unless boxes overlap. So then: where boxes begin and end cuts each dimension into
 * intervals, the intervals make a grid, and each box marks the cells it has; a cell that is marked already lies in two.
 *
 *      0    3    5      9          boxes 0,3  3,6 : 0,4 and 3,6 : 4,2 of a tensor of shape [9, 6]:
 *    0 +----+----+------+          cells are marked at most once each, so no more steps are made than there are cells
 *      | a  |     b     |
 *    4 |    |...........|
 *      |    |     c     |
 *    6 +----+-----------+
 */
#include "tensor/slice.h"

/* A dimension in which some box is not whole. */
typedef struct cut {
  size_t dimension;
  int64_t *bounds; /* sorted, each once */
  size_t n_bounds;
} cut;

/* Each has two intervals or more, so there cannot be more of them in a grid of that size. */
enum { MAX_CUTS = 26 };

typedef struct grid {
  const sm_extent *wanted;
  sm_extent *boxes; /* cut to what they have of it */
  size_t n_boxes, rank;
  cut cuts[MAX_CUTS];
  size_t n_cuts;
  size_t n_cells;
} grid;

static sm_status fail_count(uint64_t count, int64_t n_wanted, sm_error *err) {
  return SM_FAIL(err, SM_DATA_LOSS, "the stored slices have %llu elements of the %lld that are wanted: %s",
                 (unsigned long long)count, (long long)n_wanted,
                 count < (uint64_t)n_wanted ? "there is a gap" : "slices overlap");
}

/* Fills in the boxes that have something of what is wanted, and counts that. */
static sm_status cut_boxes(grid *g, const sm_extent *boxes, size_t n_boxes, sm_error *err) {
  uint64_t count = 0;
  int64_t n_wanted, n;
  if (!sm_box_elements(&n_wanted, g->wanted, g->rank))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "a slice of more than 2^63-1 elements");
  for (size_t i = 0; n_wanted != 0 && i < n_boxes; i++) {
    sm_extent *out = &g->boxes[g->n_boxes * g->rank];
    if (!sm_box_intersect(out, g->wanted, &boxes[i * g->rank], g->rank)) continue;
    (void)sm_box_elements(&n, out, g->rank); /* part of wanted, so it fits */
    g->n_boxes++;
    count += (uint64_t)n;
    if (count > (uint64_t)n_wanted) break;
  }
  return count == (uint64_t)n_wanted ? SM_OK : fail_count(count, n_wanted, err);
}

static bool is_before(const void *a, const void *b) { return *(const int64_t *)a < *(const int64_t *)b; }

static size_t drop_repeated(int64_t *sorted, size_t n) {
  size_t kept = 1;
  for (size_t i = 1; i < n; i++)
    if (sorted[i] != sorted[kept - 1]) sorted[kept++] = sorted[i];
  return kept;
}

static bool is_cut(const grid *g, size_t dimension) {
  for (size_t i = 0; i < g->n_boxes; i++)
    if (g->boxes[i * g->rank + dimension].length != g->wanted[dimension].length) return true;
  return false;
}

static sm_status add_cut(grid *g, size_t dimension, sm_arena *arena, sm_error *err) {
  size_t n = 2 * g->n_boxes + 2;
  int64_t *bounds = sm_arena_array(arena, int64_t, n);
  if (bounds == NULL) return sm_arena_fail(arena, n * sizeof *bounds, err);
  bounds[n - 2] = g->wanted[dimension].start;
  bounds[n - 1] = g->wanted[dimension].start + g->wanted[dimension].length;
  for (size_t i = 0; i < g->n_boxes; i++) {
    const sm_extent *extent = &g->boxes[i * g->rank + dimension];
    bounds[2 * i] = extent->start;
    bounds[2 * i + 1] = extent->start + extent->length;
  }
  sm_sort(bounds, n, sizeof *bounds, is_before);
  size_t n_bounds = drop_repeated(bounds, n);
  if (!sm_mul_size(g->n_cells, n_bounds - 1, &g->n_cells) || g->n_cells > SM_COVER_MAX_CELLS)
    return SM_FAIL(err, SM_UNIMPLEMENTED, "%zu slices that make a grid of more than %d cells", g->n_boxes,
                   SM_COVER_MAX_CELLS);
  g->cuts[g->n_cuts++] = (cut){dimension, bounds, n_bounds};
  return SM_OK;
}

/* Where a bound is: it is there. */
static int64_t find_bound(const cut *c, int64_t bound) {
  size_t low = 0, high = c->n_bounds;
  while (high - low > 1) {
    size_t middle = low + (high - low) / 2;
    if (c->bounds[middle] <= bound)
      low = middle;
    else
      high = middle;
  }
  return (int64_t)low;
}

/* Marks the cells of a box; false when one is marked already. */
static bool mark(const grid *g, uint8_t *cells, const sm_extent *box) {
  sm_extent all[MAX_CUTS], own[MAX_CUTS];
  for (size_t i = 0; i < g->n_cuts; i++) {
    const cut *c = &g->cuts[i];
    const sm_extent *extent = &box[c->dimension];
    int64_t start = find_bound(c, extent->start);
    all[i] = (sm_extent){0, (int64_t)c->n_bounds - 1};
    own[i] = (sm_extent){start, find_bound(c, extent->start + extent->length) - start};
  }
  sm_box_rows rows;
  sm_box_rows_begin(&rows, all, own, g->n_cuts, 1);
  do {
    for (size_t i = 0; i < rows.n_rows; i++) {
      uint8_t *row = cells + rows.dst_at + i * rows.dst_step;
      if (memchr(row, 1, rows.row_size) != NULL) return false;
      memset(row, 1, rows.row_size);
    }
  } while (sm_box_rows_next(&rows));
  return true;
}

static sm_status mark_all(const grid *g, sm_arena *arena, sm_error *err) {
  uint8_t *cells = sm_arena_calloc(arena, g->n_cells, 1);
  if (cells == NULL) return sm_arena_fail(arena, g->n_cells, err);
  for (size_t i = 0; i < g->n_boxes; i++) {
    const sm_extent *box = &g->boxes[i * g->rank];
    char text[SM_SLICE_TEXT_SIZE];
    if (!mark(g, cells, box))
      return SM_FAIL(err, SM_DATA_LOSS, "stored slices overlap in %s", sm_slice_text(text, box, g->rank));
  }
  return SM_OK;
}

sm_status sm_box_check_cover(const sm_extent *wanted, const sm_extent *boxes, size_t n_boxes, size_t rank,
                             sm_arena *arena, sm_error *err) {
  grid g = {.wanted = wanted, .rank = rank, .n_cells = 1};
  size_t n_extents;
  if (!sm_mul_size(n_boxes, rank, &n_extents)) return SM_FAIL_OOM(err, SIZE_MAX);
  g.boxes = sm_arena_array(arena, sm_extent, n_extents);
  if (g.boxes == NULL) return sm_arena_fail(arena, n_extents * sizeof *g.boxes, err);
  SM_TRY(cut_boxes(&g, boxes, n_boxes, err));
  if (g.n_boxes <= 1) return SM_OK;
  for (size_t i = 0; i < rank; i++)
    if (is_cut(&g, i)) SM_TRY(add_cut(&g, i, arena, err));
  return mark_all(&g, arena, err);
}
