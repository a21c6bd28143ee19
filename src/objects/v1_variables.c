/*
 * The variables of a V1 graph. Collections hold a VariableDef for each; the checkpoint has the values, under the names
 * that tf.train.Saver gives them: of the variable's op, or of the whole of which it is a part.
 * Source: python/ops/variables.py; python/training/saving/saveable_object_util.py, op_list_to_dict.
 */
#include <savedmodel/pb/variable.pb-c.h>

#include "objects/checkpoint_graph.h"
#include "objects/objects_internal.h"

/* A variable on its way into the list. */
typedef struct candidate {
  sm_string name; /* "v:0" */
  size_t position;
} candidate;

/* A key that a variable has, to leave out where the checkpoint's own are listed. */
typedef struct taken_key {
  sm_string key;
} taken_key;

typedef struct lister {
  const sm_bundle_reader *reader; /* NULL: there is none */
  sm_arena *arena;
  sm_variable *variables;
  size_t n;
} lister;

/* ---- VariableDef ---- */

static sm_status copy_slice(sm_variable_def *to, const Tensorflow__SaveSliceInfoDef *slice, sm_error *err) {
  if (slice == NULL || *slice->full_name == '\0') return SM_OK;
  size_t rank = slice->n_full_shape;
  if (slice->n_var_offset != rank || slice->n_var_shape != rank)
    return SM_FAIL(err, SM_DATA_LOSS, "variable %.150s: a part of %zu dimensions, whose offset has %zu and shape %zu",
                   to->variable_name, rank, slice->n_var_offset, slice->n_var_shape);
  to->full_name = slice->full_name;
  to->slice_rank = rank;
  to->full_shape = slice->full_shape;
  to->slice_offset = slice->var_offset;
  to->slice_shape = slice->var_shape;
  return SM_OK;
}

static sm_status read_def(const sm_variable_def **out, sm_string bytes, sm_arena *arena, sm_error *err) {
  const sm_span span = {(const uint8_t *)bytes.data, bytes.size};
  const sm_wire_source source = {.name = "VariableDef of a collection", .bytes = span};
  ProtobufCMessage *message;
  sm_variable_def *made = sm_arena_new(arena, sm_variable_def);
  if (made == NULL) return sm_arena_fail(arena, sizeof *made, err);
  SM_TRY(sm_wire_unpack(&message, &tensorflow__variable_def__descriptor, (sm_spans){&span, 1}, &source, arena, err));
  const Tensorflow__VariableDef *def = (const Tensorflow__VariableDef *)message;
  *made = (sm_variable_def){.variable_name = def->variable_name,
                            .initializer_name = def->initializer_name,
                            .snapshot_name = def->snapshot_name,
                            .initial_value_name = def->initial_value_name,
                            .is_resource = def->is_resource != 0,
                            .trainable = def->trainable != 0,
                            .synchronization = (sm_synchronization)def->synchronization,
                            .aggregation = (sm_aggregation)def->aggregation};
  *out = made;
  return copy_slice(made, def->save_slice_info_def, err);
}

/* ---- Of the collections ---- */

/* "v:0" without the number of the output. */
static sm_string op_name(const char *tensor) {
  const char *colon = strrchr(tensor, ':');
  return (sm_string){tensor, colon != NULL ? (size_t)(colon - tensor) : strlen(tensor)};
}

static sm_status set_key(sm_variable *variable, const lister *l, sm_string key, sm_error *err) {
  sm_bundle_entry entry;
  sm_error failure;
  if (l->reader == NULL || key.size == 0) return SM_OK;
  sm_status status = sm_bundle_reader_find_n(&entry, l->reader, key, &failure);
  if (status == SM_NOT_FOUND) return SM_OK;
  SM_TRY(sm_error_pass(err, status, &failure));
  variable->key = sm_arena_copy(l->arena, key).data;
  variable->key_size = key.size;
  return variable->key != NULL ? SM_OK : sm_arena_fail(l->arena, key.size, err);
}

static sm_status add_def(lister *l, const sm_variable_def *def, sm_error *err) {
  sm_variable *variable = &l->variables[l->n++];
  sm_string name = op_name(def->variable_name);
  variable->def = def;
  variable->id = -1;
  variable->name = sm_arena_copy(l->arena, name).data;
  if (variable->name == NULL) return sm_arena_fail(l->arena, name.size, err);
  return set_key(variable, l, def->full_name != NULL ? sm_string_of(def->full_name) : name, err);
}

static bool candidate_less(const void *a, const void *b) {
  const candidate *left = a, *right = b;
  int order = sm_string_compare(left->name, right->name);
  return order != 0 ? order < 0 : left->position < right->position;
}

/* Those of the collection "trainable_variables" are usually among the others. */
static sm_status add_trainable(lister *l, const sm_collection *trainable, sm_error *err) {
  size_t n_all = l->n;
  candidate *sorted = sm_arena_array(l->arena, candidate, n_all);
  if (sorted == NULL) return sm_arena_fail(l->arena, n_all * sizeof *sorted, err);
  for (size_t i = 0; i < n_all; i++) sorted[i] = (candidate){sm_string_of(l->variables[i].def->variable_name), i};
  sm_sort(sorted, n_all, sizeof *sorted, candidate_less);
  for (size_t i = 0; i < trainable->n; i++) {
    const sm_variable_def *def;
    SM_TRY(read_def(&def, trainable->strings[i], l->arena, err));
    size_t found = sm_named_find(sorted, n_all, sizeof *sorted, sm_string_of(def->variable_name));
    if (found >= n_all) SM_TRY(add_def(l, def, err));
    l->variables[found < n_all ? sorted[found].position : l->n - 1].trainable = true;
  }
  return SM_OK;
}

static sm_status add_collections(lister *l, const sm_collection *all, const sm_collection *trainable, sm_error *err) {
  for (size_t i = 0; all != NULL && i < all->n; i++) {
    const sm_variable_def *def;
    SM_TRY(read_def(&def, all->strings[i], l->arena, err));
    SM_TRY(add_def(l, def, err));
  }
  return trainable != NULL ? add_trainable(l, trainable, err) : SM_OK;
}

/* ---- Of the checkpoint alone ---- */

static bool key_less(const void *a, const void *b) {
  return sm_string_compare(((const taken_key *)a)->key, ((const taken_key *)b)->key) < 0;
}

static sm_status add_key(sm_variable *variable, sm_string key, sm_arena *arena, sm_error *err) {
  *variable = (sm_variable){.id = -1, .key = sm_arena_copy(arena, key).data, .key_size = key.size};
  variable->name = variable->key;
  return variable->key != NULL ? SM_OK : sm_arena_fail(arena, key.size, err);
}

/* Counts the keys that are not taken, and lists them behind the variables where there is room. */
static sm_status walk_keys(size_t *n, sm_variable *variables, const lister *l, const taken_key *taken, size_t n_taken,
                           sm_error *err) {
  sm_bundle_iter *iter;
  const sm_bundle_entry *entry;
  *n = 0;
  SM_TRY(sm_bundle_iter_new(&iter, l->reader, NULL, err));
  sm_status status = sm_bundle_iter_next(&entry, iter, err);
  for (; status == SM_OK && entry != NULL; status = sm_bundle_iter_next(&entry, iter, err)) {
    bool is_graph = sm_string_equal(entry->key, sm_string_of(SM_KEY_OBJECT_GRAPH));
    if (is_graph || sm_named_find(taken, n_taken, sizeof *taken, entry->key) < n_taken) continue;
    if (variables != NULL) status = add_key(&variables[*n], entry->key, l->arena, err);
    if (status != SM_OK) break;
    ++*n;
  }
  sm_bundle_iter_free(iter);
  return status;
}

static sm_status add_keys(lister *l, sm_error *err) {
  size_t n_taken = 0, n_more;
  taken_key *taken = sm_arena_array(l->arena, taken_key, l->n);
  if (taken == NULL) return sm_arena_fail(l->arena, l->n * sizeof *taken, err);
  for (size_t i = 0; i < l->n; i++)
    if (l->variables[i].key != NULL) taken[n_taken++].key = (sm_string){l->variables[i].key, l->variables[i].key_size};
  sm_sort(taken, n_taken, sizeof *taken, key_less);
  SM_TRY(walk_keys(&n_more, NULL, l, taken, n_taken, err));
  sm_variable *grown = sm_arena_array(l->arena, sm_variable, l->n + n_more);
  if (grown == NULL) return sm_arena_fail(l->arena, (l->n + n_more) * sizeof *grown, err);
  if (l->n != 0) memcpy(grown, l->variables, l->n * sizeof *grown);
  l->variables = grown;
  SM_TRY(walk_keys(&n_more, grown + l->n, l, taken, n_taken, err));
  l->n += n_more;
  return SM_OK;
}

sm_status sm_v1_variables_list(sm_variable_list *out, const sm_bundle_reader *reader, const sm_collection *all,
                               const sm_collection *trainable, sm_arena *arena, sm_error *err) {
  size_t n = (all != NULL ? all->n : 0) + (trainable != NULL ? trainable->n : 0);
  lister l = {.reader = reader, .arena = arena, .variables = sm_arena_array(arena, sm_variable, n)};
  if (l.variables == NULL) return sm_arena_fail(arena, n * sizeof *l.variables, err);
  SM_TRY(add_collections(&l, all, trainable, err));
  if (reader != NULL) SM_TRY(add_keys(&l, err));
  *out = (sm_variable_list){l.variables, l.n};
  return SM_OK;
}
