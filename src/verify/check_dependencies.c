/*
 * Which objects have to be loaded before which: those that they depend on, that their functions capture, the function that
 * makes a resource, and for a slot variable its optimizer, its variable and the slot before it. TensorFlow refuses circles.
 * Source: python/saved_model/load.py, Loader._generate_ordered_node_ids, _get_node_dependencies.
 */
#include <savedmodel/objects.h>
#include <stdio.h>

#include "verify/verify_internal.h"

typedef struct order_edge {
  uint32_t from, to; /* to is loaded first */
} order_edge;

/* Objects by number, and behind them concrete functions, which many objects may share. */
typedef struct order {
  sm_verifier *v;
  size_t n_objects, n;  /* of both */
  sm_string *functions; /* sorted */
  sm_buffer edges;
} order;

/* ---- Edges ---- */

static sm_status add(order *o, size_t from, size_t to, sm_error *err) {
  const order_edge edge = {(uint32_t)from, (uint32_t)to};
  return sm_buffer_put(&o->edges, &edge, sizeof edge, err);
}

/* What leads nowhere was told before. */
static sm_status add_object_edge(order *o, int64_t from, int64_t to, sm_error *err) {
  bool are_objects = from >= 0 && (uint64_t)from < o->n_objects && to >= 0 && (uint64_t)to < o->n_objects;
  return are_objects ? add(o, (size_t)from, (size_t)to, err) : SM_OK;
}

static sm_status add_functions(order *o, size_t id, const sm_object *info, sm_error *err) {
  size_t n = o->n - o->n_objects;
  for (size_t i = 0; i < info->n_concrete_functions; i++) {
    size_t found = sm_named_find(o->functions, n, sizeof *o->functions, sm_string_of(info->concrete_functions[i]));
    if (found < n) SM_TRY(add(o, id, o->n_objects + found, err));
  }
  return SM_OK;
}

static sm_status add_captures(order *o, size_t i, sm_error *err) {
  const sm_concrete_function *function;
  o->functions[i] = (sm_string){"", 0};
  sm_status status = sm_meta_graph_get_concrete_function(&function, o->v->graph, i, err);
  if (status != SM_OK) return sm_verify_is_defect(status) ? SM_OK : status;
  o->functions[i] = sm_string_of(function->name);
  for (size_t k = 0; k < function->n_captures; k++)
    if (function->captures[k] >= 0 && (size_t)function->captures[k] < o->n_objects)
      SM_TRY(add(o, o->n_objects + i, (size_t)function->captures[k], err));
  return SM_OK;
}

static sm_status add_slots(order *o, int32_t id, const sm_object *info, sm_error *err) {
  for (size_t i = 0; i < info->n_slot_variables; i++) {
    const sm_slot_variable *slot = &info->slot_variables[i];
    SM_TRY(add_object_edge(o, slot->id, id, err));
    SM_TRY(add_object_edge(o, slot->id, slot->variable, err));
    if (i != 0) SM_TRY(add_object_edge(o, slot->id, info->slot_variables[i - 1].id, err));
  }
  return SM_OK;
}

static sm_status add_creator(order *o, const sm_trackable *node, sm_error *err) {
  const sm_trackable *creator;
  sm_status status = sm_trackable_find(&creator, node, "_create_resource", err);
  if (status != SM_OK) return sm_verify_is_defect(status) ? SM_OK : status;
  return add_object_edge(o, sm_trackable_get_id(node), sm_trackable_get_id(creator), err);
}

static sm_status add_object(order *o, size_t i, sm_error *err) {
  const sm_trackable *node;
  const sm_object *info;
  sm_status status = sm_meta_graph_get_object(&node, o->v->graph, (int64_t)i, err);
  if (status == SM_OK) status = sm_trackable_get_info(&info, node, err);
  if (status == SM_DATA_LOSS && node != NULL) { /* as a message it is sound, and only loaders of V2 look at it */
    const sm_place place = {.kind = "object graph"};
    sm_verify_tell_error(o->v, SM_SEVERITY_WARNING, &place, err);
  }
  if (status != SM_OK) return sm_verify_is_defect(status) ? SM_OK : status;
  for (size_t k = 0; k < info->n_dependencies; k++)
    SM_TRY(add_object_edge(o, (int64_t)i, info->dependencies[k].id, err));
  if (info->kind == SM_OBJECT_RESOURCE) SM_TRY(add_creator(o, node, err));
  SM_TRY(add_functions(o, i, info, err));
  return add_slots(o, (int32_t)i, info, err);
}

/* ---- Circles ---- */

static bool edge_less(const void *a, const void *b) {
  return ((const order_edge *)a)->to < ((const order_edge *)b)->to;
}

/* Counts down what each object waits for, beginning with those that wait for nothing; waits has what is left of it. */
static sm_status settle(size_t *waits, const order *o, order_edge *edges, size_t n_edges, sm_error *err) {
  size_t *first = sm_arena_array(&o->v->arena, size_t, o->n + 1);
  size_t *queue = sm_arena_array(&o->v->arena, size_t, o->n);
  if (first == NULL || queue == NULL) return sm_arena_fail(&o->v->arena, o->n * 2 * sizeof *first, err);
  sm_sort(edges, n_edges, sizeof *edges, edge_less);
  for (size_t i = 0, e = 0; i <= o->n; i++) {
    while (e < n_edges && edges[e].to < i) e++;
    first[i] = e;
  }
  for (size_t e = 0; e < n_edges; e++) waits[edges[e].from]++;
  size_t n_queued = 0;
  for (size_t i = 0; i < o->n; i++)
    if (waits[i] == 0) queue[n_queued++] = i;
  for (size_t next = 0; next < n_queued; next++)
    for (size_t e = first[queue[next]]; e < first[queue[next] + 1]; e++)
      if (--waits[edges[e].from] == 0) queue[n_queued++] = edges[e].from;
  return SM_OK;
}

/* The objects that are left wait for a circle, or are in one: following what they wait for ends in it. */
static sm_status tell_circle(const order *o, const size_t *waits, const order_edge *edges, size_t n_edges,
                             sm_error *err) {
  char number[24];
  size_t id = 0;
  uint32_t *waits_for = sm_arena_array(&o->v->arena, uint32_t, o->n);
  if (waits_for == NULL) return sm_arena_fail(&o->v->arena, o->n * sizeof *waits_for, err);
  for (size_t e = 0; e < n_edges; e++)
    if (waits[edges[e].to] != 0) waits_for[edges[e].from] = edges[e].to;
  while (id < o->n && waits[id] == 0) id++;
  if (id == o->n) return SM_OK;
  for (size_t i = 0; i < o->n; i++) id = waits_for[id];
  size_t lowest = id;
  for (size_t at = waits_for[id]; at != id; at = waits_for[at]) /* functions wait for objects alone */
    if (at < lowest) lowest = at;
  id = lowest;
  snprintf(number, sizeof number, "%zu", id);
  const sm_place place = {.kind = "object", .name = sm_string_of(number)};
  if (waits_for[id] < o->n_objects)
    sm_verify_tell(o->v, SM_SEVERITY_ERROR, &place, "it depends on itself, by way of object %u", waits_for[id]);
  else
    sm_verify_tell(o->v, SM_SEVERITY_ERROR, &place, "it depends on itself, by way of concrete function %.*s",
                   SM_SHOWN(o->functions[waits_for[id] - o->n_objects]));
  return SM_OK;
}

static sm_status check(order *o, sm_error *err) {
  size_t n_functions = o->n - o->n_objects;
  o->functions = sm_arena_array(&o->v->arena, sm_string, n_functions);
  if (o->functions == NULL) return sm_arena_fail(&o->v->arena, n_functions * sizeof *o->functions, err);
  for (size_t i = 0; i < n_functions; i++) SM_TRY(add_captures(o, i, err));
  for (size_t i = 0; i < o->n_objects; i++) SM_TRY(add_object(o, i, err));
  order_edge *edges = (order_edge *)(void *)o->edges.data;
  size_t n_edges = o->edges.size / sizeof *edges;
  size_t *waits = sm_arena_array(&o->v->arena, size_t, o->n);
  if (waits == NULL) return sm_arena_fail(&o->v->arena, o->n * sizeof *waits, err);
  SM_TRY(settle(waits, o, edges, n_edges, err));
  return tell_circle(o, waits, edges, n_edges, err);
}

sm_status sm_check_dependencies(sm_verifier *v, sm_error *err) {
  order o = {.v = v};
  sm_error failure;
  size_t n_functions = 0;
  if (err == NULL) err = &failure;
  sm_status status = sm_meta_graph_n_objects(&o.n_objects, v->graph, err);
  if (status == SM_OK) status = sm_meta_graph_n_concrete_functions(&n_functions, v->graph, err);
  if (status != SM_OK) return sm_verify_is_defect(status) ? SM_OK : status;
  if (o.n_objects > INT32_MAX || n_functions > INT32_MAX) return SM_OK; /* no such file can be read */
  o.n = o.n_objects + n_functions;
  sm_buffer_init(&o.edges, v->arena.allocator, v->arena.max_bytes);
  status = check(&o, err);
  sm_buffer_free(&o.edges);
  return status;
}
