/* Tags: how a loader tells the meta graphs apart. */
#include "verify/verify_internal.h"

/* The tags of a meta graph, sorted, each one once. */
typedef struct tag_set {
  sm_string *tags;
  size_t n;
  size_t graph;
} tag_set;

static bool tag_less(const void *a, const void *b) {
  return sm_string_compare(*(const sm_string *)a, *(const sm_string *)b) < 0;
}

static int compare_sets(const tag_set *a, const tag_set *b) {
  for (size_t i = 0; i < a->n && i < b->n; i++) {
    int order = sm_string_compare(a->tags[i], b->tags[i]);
    if (order != 0) return order;
  }
  return (a->n > b->n) - (a->n < b->n);
}

static bool set_less(const void *a, const void *b) {
  const tag_set *left = a, *right = b;
  int order = compare_sets(left, right);
  return order != 0 ? order < 0 : left->graph < right->graph;
}

static sm_status read_set(tag_set *out, sm_verifier *v, sm_error *err) {
  size_t n = sm_meta_graph_n_tags(v->graph), kept = 0;
  *out = (tag_set){.tags = sm_arena_array(&v->arena, sm_string, n), .graph = v->graph_number};
  if (out->tags == NULL) return sm_arena_fail(&v->arena, n * sizeof *out->tags, err);
  for (size_t i = 0; i < n; i++)
    out->tags[i] = (sm_string){sm_meta_graph_get_tag(v->graph, i), sm_meta_graph_get_tag_size(v->graph, i)};
  sm_sort(out->tags, n, sizeof *out->tags, tag_less);
  for (size_t i = 0; i < n; i++) {
    if (kept == 0 || !sm_string_equal(out->tags[kept - 1], out->tags[i])) {
      out->tags[kept++] = out->tags[i];
      continue;
    }
    const sm_place place = {.kind = "tag", .name = out->tags[i]};
    sm_verify_tell(v, SM_SEVERITY_NOTE, &place, "listed more than once");
  }
  out->n = kept;
  if (n == 0) sm_verify_tell(v, SM_SEVERITY_NOTE, NULL, "the meta graph has no tags");
  return SM_OK;
}

static sm_status check_sets(sm_verifier *v, sm_error *err) {
  size_t n = sm_model_n_meta_graphs(v->model);
  tag_set *sets = sm_arena_array(&v->arena, tag_set, n);
  if (sets == NULL) return sm_arena_fail(&v->arena, n * sizeof *sets, err);
  for (size_t i = 0; i < n; i++) {
    v->graph = sm_model_get_meta_graph(v->model, i);
    v->graph_number = i;
    SM_TRY(read_set(&sets[i], v, err));
  }
  sm_sort(sets, n, sizeof *sets, set_less);
  for (size_t i = 1; i < n; i++) {
    if (compare_sets(&sets[i - 1], &sets[i]) != 0) continue;
    v->graph_number = sets[i].graph;
    sm_verify_tell(v, SM_SEVERITY_WARNING, NULL, "the same tags as meta graph %zu: loaders take the first",
                   sets[i - 1].graph);
  }
  return SM_OK;
}

sm_status sm_check_tags(sm_verifier *v, sm_error *err) {
  sm_status status = check_sets(v, err);
  v->graph = NULL;
  sm_arena_rewind(&v->arena, (sm_arena_mark){NULL, 0});
  return status;
}
