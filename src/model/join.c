/*
 * Sorted edits are a tree in the order of a walk: those that lead through one field stand side by side, those that end
 * there first. The walk goes down with a stack of its own, a frame for each message on the way:
 *
 *   1  pieces   what the message is made of: its bytes in the message around it, then the chunks that end here
 *   2  groups   the edits below it, by the field they lead into
 *   3  cuts     where in the pieces these fields are
 *   4  output   the pieces, with each cut replaced by what the frame below makes of it, and what had no cut at the end
 *
 * The length of a message is known when its frame is done; it is filled into the piece that was left for it.
 */
#include "model/join.h"

#include "codec/varint.h"

enum { ENTRY_KEY = 1 };

enum { MAX_FRAMES = SM_WIRE_MAX_DEPTH + 1, MAX_HEAD_SIZE = 2 * SM_VARINT_MAX_SIZE };

static const size_t NONE = SIZE_MAX;

/* Edits that share a path up to and with step. */
typedef struct group {
  const sm_join_step *step;
  size_t first, end; /* edits */
  size_t cut;        /* NONE: the field is not there yet */
} group;

/* A field in a piece that a group leads into. */
typedef struct cut {
  sm_span whole, content;
  size_t piece, group;
} cut;

typedef struct frame {
  sm_span *pieces;
  size_t n_pieces;
  group *groups;
  size_t n_groups;
  cut *cuts; /* in the order of the pieces */
  size_t n_cuts;
  size_t next_cut, next_group; /* of the output */
  size_t piece;                /* the output has come up to at in this one */
  const uint8_t *at;
  sm_join_piece *head; /* where tag and length go; NULL: the outermost message has none */
  uint32_t tag;
  size_t begun; /* size of the output when it began */
} frame;

typedef struct join {
  const sm_join_edit *edits;
  const sm_wire_source *source;
  sm_arena *arena;
  sm_join_piece first, *last;
  size_t size; /* of the output so far */
  frame *frames;
  size_t n_frames;
} join;

/* A scan of a frame's pieces for its groups. */
typedef struct search {
  uint32_t number;  /* of the fields found last */
  size_t low, high; /* the groups that lead into them */
} search;

/* ---- Order ---- */

static int compare_numbers(uint64_t a, uint64_t b) { return (a > b) - (a < b); }

static int compare_text(sm_span a, sm_span b) {
  return sm_string_compare((sm_string){(const char *)a.data, a.size}, (sm_string){(const char *)b.data, b.size});
}

static int compare_steps(const sm_join_step *a, const sm_join_step *b) {
  int order = compare_numbers(a->field->id, b->field->id);
  if (order == 0) order = compare_numbers(a->number, b->number);
  return order != 0 ? order : compare_text(a->text, b->text);
}

static bool edit_less(const void *a, const void *b) {
  const sm_join_edit *left = a, *right = b;
  size_t shorter = left->n_steps < right->n_steps ? left->n_steps : right->n_steps;
  for (size_t i = 0; i < shorter; i++) {
    int order = compare_steps(&left->steps[i], &right->steps[i]);
    if (order != 0) return order < 0;
  }
  if (left->n_steps != right->n_steps) return left->n_steps < right->n_steps;
  return left->chunk_index < right->chunk_index;
}

/* ---- Output ---- */

static sm_status add_piece(join *j, sm_span bytes, sm_join_piece **made, sm_error *err) {
  sm_join_piece *piece = sm_arena_new(j->arena, sm_join_piece);
  if (piece == NULL) return sm_arena_fail(j->arena, sizeof *piece, err);
  if (!sm_add_size(j->size, bytes.size, &j->size)) return SM_FAIL_OOM(err, SIZE_MAX);
  piece->bytes = bytes;
  j->last->next = piece;
  j->last = piece;
  if (made != NULL) *made = piece;
  return SM_OK;
}

static sm_status copy_piece(join *j, sm_span bytes, sm_error *err) {
  return bytes.size != 0 ? add_piece(j, bytes, NULL, err) : SM_OK;
}

/* Fills in tag and length of a field whose content is done. */
static sm_status fill_head(join *j, sm_join_piece *head, uint32_t tag, size_t content_size, sm_error *err) {
  uint8_t *bytes = sm_arena_alloc(j->arena, MAX_HEAD_SIZE);
  if (bytes == NULL) return sm_arena_fail(j->arena, MAX_HEAD_SIZE, err);
  uint8_t *end = sm_varint_write(sm_varint_write(bytes, tag), content_size);
  head->bytes = (sm_span){bytes, (size_t)(end - bytes)};
  return sm_add_size(j->size, head->bytes.size, &j->size) ? SM_OK : SM_FAIL_OOM(err, SIZE_MAX);
}

/* Copies what lies between the last place of the output and the next: at in that piece. */
static sm_status copy_up_to(join *j, frame *f, size_t piece, const uint8_t *at, sm_error *err) {
  for (; f->piece < piece; f->at = f->pieces[f->piece].data) {
    const sm_span *rest = &f->pieces[f->piece++];
    SM_TRY(copy_piece(j, (sm_span){f->at, (size_t)(rest->data + rest->size - f->at)}, err));
    if (f->piece == f->n_pieces) return SM_OK;
  }
  if (f->piece == f->n_pieces) return SM_OK;
  SM_TRY(copy_piece(j, (sm_span){f->at, (size_t)(at - f->at)}, err));
  f->at = at;
  return SM_OK;
}

/* ---- Groups ---- */

static bool ends_at(const join *j, size_t edit, size_t depth) { return j->edits[edit].n_steps == depth; }

/* Edits from first on that share their step at depth. */
static size_t find_group_end(const join *j, size_t first, size_t end, size_t depth) {
  const sm_join_step *step = &j->edits[first].steps[depth];
  size_t i = first + 1;
  while (i < end && compare_steps(&j->edits[i].steps[depth], step) == 0) i++;
  return i;
}

static sm_status make_groups(join *j, frame *f, size_t first, size_t end, size_t depth, sm_error *err) {
  size_t n = 0;
  for (size_t i = first; i < end; i = find_group_end(j, i, end, depth)) n++;
  f->groups = sm_arena_array(j->arena, group, n);
  if (f->groups == NULL) return sm_arena_fail(j->arena, n * sizeof *f->groups, err);
  for (size_t i = first; i < end;) {
    group *g = &f->groups[f->n_groups++];
    *g = (group){&j->edits[i].steps[depth], i, find_group_end(j, i, end, depth), NONE};
    i = g->end;
  }
  return SM_OK;
}

static bool is_message(const group *g) { return g->step->field->type == PROTOBUF_C_TYPE_MESSAGE; }

/* ---- Cuts ---- */

/* Sets the range of groups that lead into fields of that number. */
static void find_groups(search *s, const frame *f, uint32_t number) {
  size_t low = 0, high = f->n_groups;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (f->groups[middle].step->field->id < number)
      low = middle + 1;
    else
      high = middle;
  }
  *s = (search){number, low, low};
  for (high = f->n_groups; s->high < high;) {
    size_t middle = s->high + (high - s->high) / 2;
    if (f->groups[middle].step->field->id == number)
      s->high = middle + 1;
    else
      high = middle;
  }
}

/* The group in that range whose step has this number or key; NONE. */
static size_t find_group(const frame *f, const search *s, const sm_join_step *step) {
  size_t low = s->low, high = s->high;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    int order = compare_steps(f->groups[middle].step, step);
    if (order == 0) return middle;
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return NONE;
}

/* The key of a map entry as a step has it. */
static sm_status read_key(sm_join_step *step, const join *j, sm_span entry, sm_error *err) {
  const ProtobufCFieldDescriptor *key = protobuf_c_message_descriptor_get_field(step->field->descriptor, ENTRY_KEY);
  bool is_text = key->type == PROTOBUF_C_TYPE_STRING;
  sm_wire_reader reader = sm_wire_read(entry, j->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (is_text && field.tag == SM_WIRE_TAG(ENTRY_KEY, SM_WIRE_BYTES)) step->text = field.bytes;
    if (!is_text && field.tag == SM_WIRE_TAG(ENTRY_KEY, SM_WIRE_VARINT)) step->number = field.value;
  }
  return sm_wire_finish(&reader, err);
}

/* The group that a field of the message belongs to; NONE. index: elements of its field before it. */
static sm_status match(size_t *out, const join *j, const frame *f, const search *s, sm_span content, uint64_t index,
                       sm_error *err) {
  const sm_join_step *first = f->groups[s->low].step;
  sm_join_step step = {.field = first->field, .kind = first->kind};
  *out = NONE;
  if (first->kind == SM_JOIN_SINGLE) {
    if (is_message(&f->groups[s->low])) *out = s->low; /* of another value the one that is added last counts */
    return SM_OK;
  }
  if (first->kind == SM_JOIN_INDEX) step.number = index;
  if (first->kind == SM_JOIN_KEY) SM_TRY(read_key(&step, j, content, err));
  *out = find_group(f, s, &step);
  return SM_OK;
}

/* Elements of a repeated field that were met, for each group that is the first of its field. */
static sm_status scan_pieces(join *j, frame *f, uint64_t *seen, sm_error *err) {
  search s = {0};
  f->n_cuts = 0;
  if (f->n_groups != 0) memset(seen, 0, f->n_groups * sizeof *seen);
  for (size_t i = 0; i < f->n_pieces; i++) {
    sm_wire_reader reader = sm_wire_read(f->pieces[i], j->source);
    for (sm_wire_field field; sm_wire_next(&reader, &field);) {
      if (sm_wire_type_of(&field) != SM_WIRE_BYTES) continue;
      if (sm_wire_number(&field) != s.number) find_groups(&s, f, sm_wire_number(&field));
      if (s.low == s.high) continue;
      size_t found;
      SM_TRY(match(&found, j, f, &s, field.bytes, seen[s.low]++, err));
      if (found == NONE) continue;
      if (f->cuts != NULL) f->cuts[f->n_cuts] = (cut){field.whole, field.bytes, i, found};
      f->n_cuts++;
    }
    SM_TRY(sm_wire_finish(&reader, err));
  }
  return SM_OK;
}

/* Which cut stands for its group: the first of a field that is there once, where all of them are merged; the last of a
 * map key, which is the one that counts. The others of a key stay as they are. */
static void choose_cuts(frame *f) {
  for (size_t i = 0; i < f->n_cuts; i++) {
    group *g = &f->groups[f->cuts[i].group];
    if (g->cut != NONE && g->step->kind == SM_JOIN_KEY) f->cuts[g->cut].group = NONE;
    if (g->cut == NONE || g->step->kind == SM_JOIN_KEY) g->cut = i;
  }
}

/* A missing element can be made only where the elements before it are there. */
static sm_status check_indexes(const join *j, const frame *f, uint64_t *seen, sm_error *err) {
  size_t first = 0;
  for (size_t i = 0; i < f->n_groups; i++) {
    const sm_join_step *step = f->groups[i].step;
    if (step->field->id != f->groups[first].step->field->id) first = i;
    if (step->kind != SM_JOIN_INDEX || f->groups[i].cut != NONE) continue;
    if (step->number != seen[first]++)
      return SM_FAIL(err, SM_DATA_LOSS, "%s: a chunk goes into element %llu of field %s, of which there are %llu",
                     j->source->name, (unsigned long long)step->number, step->field->name,
                     (unsigned long long)seen[first] - 1);
  }
  return SM_OK;
}

static sm_status find_cuts(join *j, frame *f, sm_error *err) {
  uint64_t *seen = sm_arena_array(j->arena, uint64_t, f->n_groups);
  if (seen == NULL) return sm_arena_fail(j->arena, f->n_groups * sizeof *seen, err);
  SM_TRY(scan_pieces(j, f, seen, err));
  cut *cuts = sm_arena_array(j->arena, cut, f->n_cuts);
  if (cuts == NULL) return sm_arena_fail(j->arena, f->n_cuts * sizeof *cuts, err);
  f->cuts = cuts;
  if (f->n_cuts != 0) SM_TRY(scan_pieces(j, f, seen, err));
  choose_cuts(f);
  return check_indexes(j, f, seen, err);
}

/* ---- Going down ---- */

/* The key of an entry that is to be made, as a field of it. */
static sm_status make_key(sm_span *out, const join *j, const sm_join_step *step, sm_error *err) {
  const ProtobufCFieldDescriptor *key = protobuf_c_message_descriptor_get_field(step->field->descriptor, ENTRY_KEY);
  bool is_text = key->type == PROTOBUF_C_TYPE_STRING;
  size_t room;
  if (!sm_add_size(MAX_HEAD_SIZE, step->text.size, &room)) return SM_FAIL_OOM(err, SIZE_MAX);
  uint8_t *bytes = sm_arena_alloc(j->arena, room);
  if (bytes == NULL) return sm_arena_fail(j->arena, room, err);
  uint8_t *end = sm_varint_write(bytes, SM_WIRE_TAG(ENTRY_KEY, is_text ? SM_WIRE_BYTES : SM_WIRE_VARINT));
  end = sm_varint_write(end, is_text ? step->text.size : step->number);
  if (step->text.size != 0) memcpy(end, step->text.data, step->text.size);
  *out = (sm_span){bytes, (size_t)(end - bytes) + step->text.size};
  return SM_OK;
}

/* What the message of a group is made of: cuts of the frame above it (NULL: it has none), then chunks. */
static sm_status make_pieces(join *j, frame *f, const frame *above, size_t group_index, size_t first, size_t chunks_end,
                             sm_error *err) {
  const group *g = above != NULL ? &above->groups[group_index] : NULL;
  bool takes_all = g != NULL && g->step->kind == SM_JOIN_SINGLE;
  size_t room = chunks_end - first + 1;
  for (size_t i = 0; takes_all && i < above->n_cuts; i++) room += above->cuts[i].group == group_index;
  f->pieces = sm_arena_array(j->arena, sm_span, room);
  if (f->pieces == NULL) return sm_arena_fail(j->arena, room * sizeof *f->pieces, err);
  for (size_t i = 0; takes_all && i < above->n_cuts; i++)
    if (above->cuts[i].group == group_index) f->pieces[f->n_pieces++] = above->cuts[i].content;
  if (g != NULL && !takes_all && g->cut != NONE) f->pieces[f->n_pieces++] = above->cuts[g->cut].content;
  if (g != NULL && g->step->kind == SM_JOIN_KEY && g->cut == NONE)
    SM_TRY(make_key(&f->pieces[f->n_pieces++], j, g->step, err));
  for (size_t i = first; i < chunks_end; i++) f->pieces[f->n_pieces++] = j->edits[i].chunk;
  return SM_OK;
}

/* Begins the message that the edits from first to end lead to; above is NULL for the outermost. */
static sm_status begin_message(join *j, const frame *above, size_t group_index, size_t first, size_t end,
                               sm_error *err) {
  size_t depth = j->n_frames, chunks_end = first;
  frame *f = &j->frames[j->n_frames++];
  *f = (frame){.n_pieces = 0};
  while (chunks_end < end && ends_at(j, chunks_end, depth)) chunks_end++;
  SM_TRY(make_pieces(j, f, above, group_index, first, chunks_end, err));
  SM_TRY(make_groups(j, f, chunks_end, end, depth, err));
  SM_TRY(find_cuts(j, f, err));
  if (f->n_pieces != 0) f->at = f->pieces[0].data;
  if (above == NULL) return SM_OK;
  f->tag = SM_WIRE_TAG(above->groups[group_index].step->field->id, SM_WIRE_BYTES);
  SM_TRY(add_piece(j, (sm_span){NULL, 0}, &f->head, err));
  f->begun = j->size;
  return SM_OK;
}

/* Puts the value of a bytes or string field. */
static sm_status put_value(join *j, const group *g, sm_error *err) {
  sm_join_piece *head = NULL;
  sm_span chunk = j->edits[g->first].chunk;
  if (g->end - g->first != 1)
    return SM_FAIL(err, SM_DATA_LOSS, "%s: %zu chunks for one value of field %s", j->source->name, g->end - g->first,
                   g->step->field->name);
  SM_TRY(add_piece(j, (sm_span){NULL, 0}, &head, err));
  SM_TRY(copy_piece(j, chunk, err));
  return fill_head(j, head, SM_WIRE_TAG(g->step->field->id, SM_WIRE_BYTES), chunk.size, err);
}

static sm_status put_group(join *j, const frame *f, size_t group_index, sm_error *err) {
  const group *g = &f->groups[group_index];
  return is_message(g) ? begin_message(j, f, group_index, g->first, g->end, err) : put_value(j, g, err);
}

static sm_status put_cut(join *j, frame *f, sm_error *err) {
  const cut *c = &f->cuts[f->next_cut++];
  if (c->group == NONE) return SM_OK;
  SM_TRY(copy_up_to(j, f, c->piece, c->whole.data, err));
  f->at = c->whole.data + c->whole.size;
  return &f->cuts[f->groups[c->group].cut] == c ? put_group(j, f, c->group, err) : SM_OK;
}

/* What comes next of the innermost message. */
static sm_status put_next(join *j, sm_error *err) {
  frame *f = &j->frames[j->n_frames - 1];
  if (f->next_cut < f->n_cuts) return put_cut(j, f, err);
  SM_TRY(copy_up_to(j, f, f->n_pieces, NULL, err));
  while (f->next_group < f->n_groups && f->groups[f->next_group].cut != NONE) f->next_group++;
  if (f->next_group < f->n_groups) return put_group(j, f, f->next_group++, err);
  j->n_frames--;
  return f->head != NULL ? fill_head(j, f->head, f->tag, j->size - f->begun, err) : SM_OK;
}

sm_status sm_join(sm_joined *out, sm_join_edit *edits, size_t n_edits, const sm_wire_source *source, sm_arena *arena,
                  sm_error *err) {
  join j = {.edits = edits, .source = source, .arena = arena};
  j.last = &j.first;
  sm_sort(edits, n_edits, sizeof *edits, edit_less);
  j.frames = sm_arena_array(arena, frame, MAX_FRAMES);
  if (j.frames == NULL) return sm_arena_fail(arena, MAX_FRAMES * sizeof *j.frames, err);
  SM_TRY(begin_message(&j, NULL, 0, 0, n_edits, err));
  while (j.n_frames != 0) SM_TRY(put_next(&j, err));
  *out = (sm_joined){j.first.next, j.size};
  return SM_OK;
}
