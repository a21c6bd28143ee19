/*
 * savedmodel diff: the object graphs of two meta graphs. Objects are called by their paths, as their numbers change whenever
 * one is added; concrete functions are counted only, as their names do so too: what is in them is among functions.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/differences.h"
#include "cli/failure.h"
#include "cli/text_buffer.h"

/* ---- Comparing ---- */

static bool same_text(const char *a, const char *b) { return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0; }

static bool same_variable(const sm_variable_object *a, const sm_variable_object *b) {
  if (a == NULL || b == NULL) return a == b;
  return same_text(a->name, b->name) && a->dtype == b->dtype && a->rank == b->rank &&
         (a->rank <= 0 || memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims) == 0) &&
         a->trainable == b->trainable && a->synchronization == b->synchronization && a->aggregation == b->aggregation &&
         a->n_components == b->n_components && same_text(a->device, b->device);
}

static bool same_user_object(const sm_user_object *a, const sm_user_object *b) {
  if (a == NULL || b == NULL) return a == b;
  return same_text(a->identifier, b->identifier) && same_text(a->metadata, b->metadata) && a->producer == b->producer &&
         a->min_consumer == b->min_consumer;
}

static bool same_parameters(const sm_parameter *a, size_t n_a, const sm_parameter *b, size_t n_b) {
  bool same = n_a == n_b;
  for (size_t i = 0; i < n_a && same; i++)
    same = same_text(a[i].name, b[i].name) && (a[i].default_value == NULL) == (b[i].default_value == NULL);
  return same;
}

static bool same_spec(const sm_function_spec *a, const sm_function_spec *b) {
  if (a == NULL || b == NULL) return a == b;
  return same_parameters(a->parameters, a->n_parameters, b->parameters, b->n_parameters) &&
         same_parameters(a->keyword_only, a->n_keyword_only, b->keyword_only, b->n_keyword_only) &&
         same_text(a->varargs, b->varargs) && same_text(a->varkw, b->varkw) && a->is_method == b->is_method &&
         a->jit_compile == b->jit_compile;
}

static bool same_slots(const sm_object *a, const sm_object *b) {
  bool same = a->n_slot_variables == b->n_slot_variables;
  for (size_t i = 0; i < a->n_slot_variables && same; i++)
    same = same_text(a->slot_variables[i].name, b->slot_variables[i].name);
  return same;
}

static bool same_saveables(const sm_object *a, const sm_object *b) {
  bool same = a->n_saveables == b->n_saveables;
  for (size_t i = 0; i < a->n_saveables && same; i++) same = same_text(a->saveables[i].name, b->saveables[i].name);
  return same;
}

static bool same_info(const sm_object *a, const sm_object *b) {
  return a->kind == b->kind && same_user_object(a->user_object, b->user_object) &&
         same_variable(a->variable, b->variable) && same_spec(a->function_spec, b->function_spec) &&
         a->n_concrete_functions == b->n_concrete_functions && same_text(a->device, b->device) && same_slots(a, b) &&
         same_saveables(a, b) && same_text(a->registered_name, b->registered_name) &&
         same_text(a->registered_saver, b->registered_saver) && same_text(a->user_proto_type, b->user_proto_type) &&
         text_compare(a->user_proto, b->user_proto) == 0;
}

/* ---- Children ---- */

/* Under which names an object has which others, by their paths. */
static sm_status list_children(named_item **out, size_t *n, const sm_trackable *node, sm_error *err) {
  *n = sm_trackable_n_children(node);
  *out = malloc((*n + 1) * sizeof **out);
  if (*out == NULL) return failure_no_memory(err);
  for (size_t i = 0; i < *n; i++) {
    const sm_trackable *child;
    const char *name, *path;
    SM_TRY(sm_trackable_get_child(&child, &name, node, i, err));
    SM_TRY(sm_trackable_get_path(&path, child, err));
    (*out)[i] = (named_item){{name, strlen(name)}, path};
  }
  named_items_sort(*out, *n);
  return SM_OK;
}

static sm_status same_children(bool *same, const sm_trackable *a, const sm_trackable *b, sm_error *err) {
  named_item *x = NULL, *y = NULL;
  size_t n_x = 0, n_y = 0;
  sm_status status = list_children(&x, &n_x, a, err);
  if (status == SM_OK) status = list_children(&y, &n_y, b, err);
  *same = n_x == n_y;
  for (size_t i = 0; status == SM_OK && i < n_x && *same; i++)
    *same = text_compare(x[i].name, y[i].name) == 0 && same_text(x[i].item, y[i].item);
  free(x);
  free(y);
  return status;
}

static sm_status same_object(bool *same, const void *a, const void *b, sm_error *err) {
  const sm_object *x, *y;
  SM_TRY(sm_trackable_get_info(&x, a, err));
  SM_TRY(sm_trackable_get_info(&y, b, err));
  *same = same_info(x, y);
  return *same ? same_children(same, a, b, err) : SM_OK;
}

/* ---- All of them ---- */

static sm_status list_objects(named_item **out, size_t *n, const sm_meta_graph *graph, sm_error *err) {
  size_t n_objects = 0;
  sm_status status = sm_meta_graph_n_objects(&n_objects, graph, err);
  *n = 0;
  if (status != SM_OK && status != SM_NOT_FOUND) return status;
  *out = malloc((n_objects + 1) * sizeof **out);
  if (*out == NULL) return failure_no_memory(err);
  for (size_t i = 0; i < n_objects; i++) {
    const sm_trackable *node;
    const char *path;
    SM_TRY(sm_meta_graph_get_object(&node, graph, (int64_t)i, err));
    status = sm_trackable_get_path(&path, node, err);
    if (status == SM_NOT_FOUND) continue; /* nobody gets there */
    SM_TRY(status);
    (*out)[(*n)++] = (named_item){{path, strlen(path)}, node};
  }
  named_items_sort(*out, *n);
  return SM_OK;
}

sm_status diff_objects(differences *out, const sm_meta_graph *a, const sm_meta_graph *b, sm_error *err) {
  named_item *x = NULL, *y = NULL;
  size_t n_x = 0, n_y = 0;
  sm_status status = list_objects(&x, &n_x, a, err);
  if (status == SM_OK) status = list_objects(&y, &n_y, b, err);
  if (status == SM_OK) status = differences_add_named(out, DIFFERENT_OBJECT, x, n_x, y, n_y, same_object, err);
  free(x);
  free(y);
  return status;
}
