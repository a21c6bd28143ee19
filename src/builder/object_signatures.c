/* Signatures: which functions are, and which values their inputs have when they are not fed.
 * Source: python/saved_model/signature_serialization.py. */
#include "builder/built_objects.h"
#include "tensor/tensor_proto.h"

static const char DEFAULT_FUNCTION[] = "_default_save_signature";

/* ---- Choosing ---- */

static sm_built_signature *find_signature(const sm_object_graph *objects, const char *key) {
  for (size_t i = 0; i < objects->n_signatures; i++)
    if (strcmp(objects->signatures[i].key.data, key) == 0) return &objects->signatures[i];
  return NULL;
}

static sm_status add_signature(sm_object_graph *objects, const char *key, int32_t function, size_t trace,
                               sm_error *err) {
  sm_built_object *object;
  sm_built_signature signature = {.function = function, .trace = trace};
  SM_TRY(sm_built_find(&object, objects, function, err));
  if (trace >= object->functions.n)
    return SM_FAIL(err, SM_NOT_FOUND, "signature %.200s: %s is no function with a trace %zu", key,
                   sm_built_place_of(objects, function).text, trace);
  if (*key == '\0' || strcmp(key, SM_KEY_INIT_OP) == 0 || strcmp(key, SM_KEY_TRAIN_OP) == 0)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "signature \"%.200s\": the key is reserved", key);
  if (find_signature(objects, key) != NULL)
    return SM_FAIL(err, SM_ALREADY_EXISTS, "there is a signature \"%.200s\" already", key);
  SM_TRY(sm_built_copy(&signature.key, objects, key, err));
  if (objects->n_signatures == objects->signatures_capacity) {
    void *grown =
        sm_grow(objects->allocator, objects->signatures, &objects->signatures_capacity, sizeof *objects->signatures);
    if (grown == NULL) return SM_FAIL_OOM(err, objects->signatures_capacity * sizeof *objects->signatures);
    objects->signatures = grown;
  }
  objects->signatures[objects->n_signatures++] = signature;
  return SM_OK;
}

sm_status sm_object_graph_set_signature(sm_object_graph *objects, const char *key, int32_t function, size_t trace,
                                        sm_error *err) {
  SM_TRY(sm_built_check_open(objects, err));
  return add_signature(objects, key, function, trace, err);
}

/* ---- Default values ---- */

static sm_status copy_value(sm_string *out, sm_object_graph *objects, const sm_tensor_view *value, sm_error *err) {
  sm_buffer bytes;
  sm_buffer_init(&bytes, objects->allocator, UINT64_MAX);
  sm_status status = sm_tensor_proto_write(&bytes, value, SM_TENSOR_PROTO_PYTHON, err);
  if (status == SM_OK) *out = sm_arena_copy(&objects->arena, (sm_string){(const char *)bytes.data, bytes.size});
  if (status == SM_OK && out->data == NULL) status = sm_arena_fail(&objects->arena, bytes.size + 1, err);
  sm_buffer_free(&bytes);
  return status;
}

sm_status sm_object_graph_set_signature_default(sm_object_graph *objects, const char *key, const char *input,
                                                const sm_tensor_view *value, sm_error *err) {
  sm_built_signature *signature = find_signature(objects, key);
  SM_TRY(sm_built_check_open(objects, err));
  if (signature == NULL) return SM_FAIL(err, SM_NOT_FOUND, "there is no signature \"%.200s\"", key);
  if (sm_built_find_default(signature, input) != NULL)
    return SM_FAIL(err, SM_ALREADY_EXISTS, "signature %.100s: input \"%.100s\" has a default already", key, input);
  sm_built_default *made = sm_arena_new(&objects->arena, sm_built_default);
  if (made == NULL) return sm_arena_fail(&objects->arena, sizeof *made, err);
  SM_TRY(sm_built_copy(&made->input, objects, input, err));
  SM_TRY(copy_value(&made->proto, objects, value, err));
  made->next = signature->defaults;
  signature->defaults = made;
  signature->n_defaults++;
  return SM_OK;
}

/* ---- TensorFlow's choice ---- */

/* A function with an input signature, or a concrete one, that can be a signature. */
static bool is_candidate(const sm_built_object *object) {
  bool is_fixed = object->kind == SM_BUILT_FUNCTION && object->functions.is_fixed;
  if (!is_fixed && object->kind != SM_BUILT_CONCRETE_FUNCTION) return false;
  return object->functions.n != 0 && sm_built_can_wrap(object->functions.items);
}

/* Candidates among the children of the root; n of them, *found the last, or the one that is named for it. */
static size_t find_default(int32_t *found, const sm_object_graph *objects) {
  size_t n = 0;
  for (const sm_built_edge *edge = objects->objects[SM_OBJECT_ROOT]->first_edge; edge != NULL; edge = edge->next) {
    const sm_built_object *child = objects->objects[edge->child];
    bool is_function = child->kind == SM_BUILT_FUNCTION || child->kind == SM_BUILT_CONCRETE_FUNCTION;
    bool is_named = is_function && strcmp(edge->name.data, DEFAULT_FUNCTION) == 0;
    if (!is_named && !is_candidate(child)) continue;
    *found = edge->child;
    if (is_named) return 1;
    n++;
  }
  return n;
}

/* python/saved_model/signature_serialization.py, find_function_to_export. */
static sm_status choose(sm_object_graph *objects, const sm_export_options *options, sm_error *err) {
  int32_t function = -1;
  if (objects->n_signatures != 0 || options->no_signatures) return SM_OK;
  size_t n = find_default(&function, objects);
  if (n == 1) return add_signature(objects, SM_KEY_SERVING_DEFAULT, function, 0, err);
  if (options->note != NULL)
    options->note(options->note_ctx, n == 0 ? "no function can be called without a choice: the model has no signatures"
                                            : "several functions have an input signature: the model has no signatures");
  return SM_OK;
}

/* ---- All ---- */

static bool is_key_before(const void *a, const void *b) {
  return strcmp(((const sm_built_signature *)a)->key.data, ((const sm_built_signature *)b)->key.data) < 0;
}

sm_status sm_built_wrap(sm_built_wrappers *out, sm_object_graph *objects, const sm_export_options *options,
                        sm_error *err) {
  char place[256];
  SM_TRY(choose(objects, options, err));
  size_t n = objects->n_signatures;
  *out = (sm_built_wrappers){.items = sm_arena_array(&objects->arena, sm_built_wrapper, n), .n = n};
  if (out->items == NULL) return sm_arena_fail(&objects->arena, n * sizeof *out->items, err);
  sm_sort(objects->signatures, n, sizeof *objects->signatures, is_key_before);
  for (size_t i = 0; i < n; i++) {
    const sm_built_signature *signature = &objects->signatures[i];
    sm_status status = sm_built_wrap_one(&out->items[i], objects, signature, err);
    if (status == SM_OK) continue;
    snprintf(place, sizeof place, "signature %.60s: %s", signature->key.data,
             sm_built_place_of(objects, signature->function).text);
    sm_error_add_place(err, place);
    return status;
  }
  return SM_OK;
}
