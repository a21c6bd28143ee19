#include "graph/graph_check.h"

/* Takes away what waits for nothing, again and again. What is left lies on a cycle or behind one. */
typedef struct order {
  size_t *waits;   /* inputs of each node that are left */
  size_t *first;   /* where the edges of a node begin in targets */
  size_t *targets; /* sorted by where they come from */
  size_t *ready;
} order;

static sm_status new_order(order *o, size_t n, size_t n_edges, sm_arena *arena, sm_error *err) {
  *o = (order){sm_arena_array(arena, size_t, n), sm_arena_array(arena, size_t, n + 1),
               sm_arena_array(arena, size_t, n_edges), sm_arena_array(arena, size_t, n)};
  if (o->waits == NULL || o->first == NULL || o->targets == NULL || o->ready == NULL)
    return sm_arena_fail(arena, (3 * n + n_edges) * sizeof(size_t), err);
  return SM_OK;
}

static void sort_edges(order *o, const sm_node_edge *edges, size_t n_edges, size_t n) {
  for (size_t i = 0; i < n_edges; i++) {
    o->waits[edges[i].to]++;
    o->first[edges[i].from + 1]++;
  }
  for (size_t i = 0; i < n; i++) o->first[i + 1] += o->first[i];
  for (size_t i = 0; i < n; i++) o->ready[i] = o->first[i]; /* not needed before */
  for (size_t i = 0; i < n_edges; i++) o->targets[o->ready[edges[i].from]++] = edges[i].to;
}

/* How many nodes could be taken away. */
static size_t take_away(order *o, size_t n) {
  size_t n_ready = 0, n_done = 0;
  for (size_t i = 0; i < n; i++)
    if (o->waits[i] == 0) o->ready[n_ready++] = i;
  while (n_done < n_ready) {
    size_t node = o->ready[n_done++];
    for (size_t i = o->first[node]; i < o->first[node + 1]; i++)
      if (--o->waits[o->targets[i]] == 0) o->ready[n_ready++] = o->targets[i];
  }
  return n_done;
}

/* A node on a cycle: backwards from any that is left, as many steps as there are nodes. */
static size_t find_on_cycle(order *o, const sm_node_edge *edges, size_t n_edges, size_t n) {
  size_t *before = o->ready, at = 0;
  for (size_t i = 0; i < n_edges; i++)
    if (o->waits[edges[i].from] != 0) before[edges[i].to] = edges[i].from;
  while (o->waits[at] == 0) at++;
  for (size_t i = 0; i < n; i++) at = before[at];
  return at;
}

sm_status sm_node_find_cycle(size_t *out, const sm_node_edge *edges, size_t n_edges, size_t n_nodes, sm_arena *arena,
                             sm_error *err) {
  order o;
  sm_arena_mark mark = sm_arena_get_mark(arena);
  *out = SIZE_MAX;
  SM_TRY(new_order(&o, n_nodes, n_edges, arena, err));
  sort_edges(&o, edges, n_edges, n_nodes);
  if (take_away(&o, n_nodes) != n_nodes) *out = find_on_cycle(&o, edges, n_edges, n_nodes);
  sm_arena_rewind(arena, mark);
  return SM_OK;
}
