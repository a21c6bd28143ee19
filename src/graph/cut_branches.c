/* Nodes that may not run: those behind a Switch of TensorFlow 1, and those that run once for each round of a loop. */
#include "graph/cut_internal.h"

/* Fields of NodeDef: proto/node_def.proto. */
enum { NODE_INPUT = 3 };

/* Which nodes of the body take something of which: those of node i are at users[first[i]] up to users[first[i + 1]]. */
typedef struct edges {
  size_t *first, *users;
} edges;

static bool divides(const sm_cut_node *node) {
  static const char *const ops[] = {"Switch", "RefSwitch", "_SwitchN", "Enter", "RefEnter"};
  for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++)
    if (sm_string_equal(node->def->name, sm_string_of(ops[i]))) return true;
  return false;
}

/* fn for the place in the body of each node that node takes something of. */
static sm_status each_input(const sm_cut_work *work, size_t node, size_t *counts, size_t *users, sm_error *err) {
  sm_wire_reader reader = sm_wire_read(work->body[node]->bytes, work->graph->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    sm_tensor_ref ref;
    if (field.tag != SM_WIRE_TAG(NODE_INPUT, SM_WIRE_BYTES)) continue;
    const sm_string text = {(const char *)field.bytes.data, field.bytes.size};
    const sm_cut_node *from = sm_tensor_ref_parse(&ref, text) ? sm_cut_find_node(work->graph, ref.node) : NULL;
    if (from == NULL || !from->is_inside) continue;
    if (users != NULL) users[counts[from->place]] = node;
    counts[from->place]++;
  }
  return sm_wire_finish(&reader, err);
}

static sm_status find_edges(edges *out, sm_cut_work *work, sm_error *err) {
  sm_arena *arena = &work->scratch;
  size_t n = work->n_body, at = 0;
  size_t *next = sm_arena_array(arena, size_t, n);
  out->first = sm_arena_array(arena, size_t, n + 1);
  if (next == NULL || out->first == NULL) return sm_arena_fail(arena, n * sizeof *next, err);
  for (size_t i = 0; i < n; i++) SM_TRY(each_input(work, i, next, NULL, err));
  for (size_t i = 0; i < n; i++) {
    out->first[i] = at;
    at += next[i];
    next[i] = out->first[i];
  }
  out->first[n] = at;
  out->users = sm_arena_array(arena, size_t, at);
  if (out->users == NULL) return sm_arena_fail(arena, at * sizeof *out->users, err);
  for (size_t i = 0; i < n; i++) SM_TRY(each_input(work, i, next, out->users, err));
  return SM_OK;
}

sm_status sm_cut_find_branches(sm_cut_work *work, sm_error *err) {
  edges e;
  size_t n = 0;
  size_t *waiting = sm_arena_array(&work->scratch, size_t, work->n_body);
  if (waiting == NULL) return sm_arena_fail(&work->scratch, work->n_body * sizeof *waiting, err);
  for (size_t i = 0; i < work->n_body; i++) {
    work->body[i]->place = i;
    work->body[i]->is_conditional = divides(work->body[i]);
    if (work->body[i]->is_conditional) waiting[n++] = i;
  }
  if (n == 0) return SM_OK;
  SM_TRY(find_edges(&e, work, err));
  while (n > 0) {
    size_t node = waiting[--n];
    for (size_t i = e.first[node]; i < e.first[node + 1]; i++) {
      sm_cut_node *user = work->body[e.users[i]];
      if (user->is_conditional) continue;
      user->is_conditional = true;
      waiting[n++] = e.users[i];
    }
  }
  return SM_OK;
}
