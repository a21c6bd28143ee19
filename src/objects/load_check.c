/* The variables of the object graph against the checkpoint, as tf.saved_model.load would find them. */
#include <stdio.h>

#include "objects/objects_internal.h"

typedef struct checker {
  const sm_meta_graph *graph;
  const sm_bundle_reader *reader;
  sm_difference_fn fn;
  void *ctx;
  size_t n, n_found;
  sm_status status; /* of the first difference that matters */
  sm_error *err;
  bool allow_partial;
} checker;

static const char *name_of(const sm_variable *variable) {
  return variable->path != NULL ? variable->path : variable->name;
}

static void tell(checker *c, sm_difference_kind kind, const sm_variable *variable, bool matters, const char *what) {
  const sm_difference difference = {.kind = kind, .key = name_of(variable), .what = what};
  if (c->fn != NULL) c->fn(c->ctx, &difference);
  if (!matters || c->status != SM_OK) return;
  c->status = SM_FAIL(c->err, SM_FAILED_PRECONDITION, "variable %.200s: %s", name_of(variable), what);
}

/* Do all dimensions that are known agree? */
static bool fits(const sm_variable_object *variable, const sm_bundle_entry *entry) {
  if (variable->rank < 0) return true;
  if (variable->rank != entry->rank) return false;
  for (int32_t i = 0; i < entry->rank; i++)
    if (variable->dims[i] >= 0 && variable->dims[i] != entry->dims[i]) return false;
  return true;
}

static void compare(checker *c, const sm_variable *variable, const sm_variable_object *wanted,
                    const sm_bundle_entry *found) {
  char what[96];
  const char *wanted_name = sm_dtype_name(wanted->dtype), *found_name = sm_dtype_name(found->dtype);
  if (wanted->dtype != found->dtype) {
    snprintf(what, sizeof what, "it is %s, its value in the checkpoint %s",
             wanted_name != NULL ? wanted_name : "of no dtype", found_name != NULL ? found_name : "of no dtype");
    tell(c, SM_DIFFERENCE_MISMATCHED, variable, true, what);
  } else if (!fits(wanted, found)) {
    tell(c, SM_DIFFERENCE_MISMATCHED, variable, true, "its value in the checkpoint has another shape");
  }
}

static sm_status check(checker *c, const sm_variable *variable, sm_error *err) {
  const sm_trackable *node;
  const sm_object *info;
  sm_bundle_entry entry;
  sm_status status = SM_NOT_FOUND; /* a key of the checkpoint's object graph need not be there */
  if (variable->key != NULL) status = sm_bundle_reader_find(&entry, c->reader, variable->key, err);
  if (status == SM_NOT_FOUND) {
    tell(c, SM_DIFFERENCE_MISSING, variable, variable->path != NULL && !c->allow_partial,
         "the checkpoint has no value for it");
    return SM_OK;
  }
  SM_TRY(status);
  c->n_found++;
  SM_TRY(sm_meta_graph_get_object(&node, c->graph, variable->id, err));
  SM_TRY(sm_trackable_get_info(&info, node, err));
  compare(c, variable, info->variable, &entry);
  return SM_OK;
}

sm_status sm_meta_graph_check_variables(const sm_meta_graph *graph, bool allow_partial, sm_difference_fn fn, void *ctx,
                                        sm_error *err) {
  sm_objects *objects;
  sm_error first;
  checker c = {.graph = graph, .fn = fn, .ctx = ctx, .status = SM_OK, .err = &first, .allow_partial = allow_partial};
  SM_TRY(sm_objects_get(&objects, graph, err));
  SM_TRY(sm_meta_graph_n_variables(&c.n, graph, err));
  if (c.n == 0) return SM_OK;
  SM_TRY(sm_model_get_variables(&c.reader, sm_meta_graph_get_model(graph), err));
  for (size_t i = 0; i < c.n; i++) {
    const sm_variable *variable;
    SM_TRY(sm_meta_graph_get_variable(&variable, graph, i, err));
    SM_TRY(check(&c, variable, err));
  }
  if (c.status != SM_OK) {
    if (err != NULL) *err = first;
    return c.status;
  }
  if (c.n_found != 0) return SM_OK;
  return SM_FAIL(err, SM_FAILED_PRECONDITION, "%s: the checkpoint has a value for none of %zu variables",
                 sm_meta_graph_source(graph)->name, c.n);
}
