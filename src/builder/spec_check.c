#include "builder/spec_check.h"

#include "graph/graph_check.h"

/* Components of components. */
enum { MAX_LEVELS = 16 };

typedef struct spec_walk {
  const sm_wire_source *source;
  sm_op_defs *ops;
  sm_node_index nodes;
  sm_status status; /* of the first thing that is wrong */
  sm_error first;
} spec_walk;

/* What callers leave out is NULL. */
static const char *or_empty(const char *text) { return text != NULL ? text : ""; }

/* ---- Nodes ---- */

static void note(void *ctx, sm_severity severity, const sm_graph_place *place, const char *what) {
  spec_walk *w = ctx;
  if (severity != SM_SEVERITY_ERROR || w->status != SM_OK) return;
  bool is_inside = place->function.size != 0;
  w->status = SM_FAIL(&w->first, SM_INVALID_ARGUMENT, "graph_def: %s%s%.*s%s%.*s: %s",
                      place->kind != NULL ? place->kind : "graph", place->name.size != 0 ? " " : "",
                      SM_SHOWN(place->name), is_inside ? " of function " : "", SM_SHOWN(place->function), what);
}

static void pass_over(void *ctx, sm_severity severity, const sm_graph_place *place, const char *what) {
  (void)ctx, (void)severity, (void)place, (void)what;
}

/* All handles without one lead to a single variable (core/kernels/resource_variable_ops.cc). */
static sm_status check_handle(const spec_walk *w, const sm_node_place *node, sm_error *err) {
  sm_span attr, name = {NULL, 0};
  enum { ATTR_S = 2 };
  if (!sm_string_equal(node->op, sm_string_of("VarHandleOp"))) return SM_OK;
  SM_TRY(sm_node_find_attr(&attr, node->bytes, "shared_name", w->source, err));
  if (attr.data != NULL) SM_TRY(sm_wire_find_bytes(&name, attr, ATTR_S, w->source, err));
  if (name.size != 0) return SM_OK;
  return SM_FAIL(err, SM_INVALID_ARGUMENT,
                 "graph_def: node %.*s: a VarHandleOp without a shared_name: all such handles are one variable",
                 SM_SHOWN(node->name));
}

static sm_status visit(void *ctx, const sm_node_place *node, sm_string function, sm_error *err) {
  return function.size == 0 ? check_handle(ctx, node, err) : SM_OK;
}

/* ---- Names ---- */

/* what: "signature s: input x". */
static sm_status fail_name(const char *what, sm_string name, const char *why, sm_error *err) {
  return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: %.*s%s%s", what, SM_SHOWN(name), name.size != 0 ? ": " : "", why);
}

static sm_status check_op(const spec_walk *w, const char *what, const char *op, sm_error *err) {
  if (op == NULL) return SM_OK;
  if (sm_node_index_find(&w->nodes, sm_string_of(op)) != NULL) return SM_OK;
  return fail_name(what, sm_string_of(op), "there is no such node in the graph", err);
}

/* dtype SM_DT_INVALID: any. */
static sm_status check_tensor(const spec_walk *w, const char *what, const char *name, sm_dtype dtype, sm_error *err) {
  sm_tensor_ref ref;
  sm_dtype found;
  sm_string text = sm_string_of(name);
  if (!sm_tensor_ref_parse(&ref, text) || ref.is_control || ref.node.size == text.size)
    return fail_name(what, text, "not the name of a tensor, which is NODE:NUMBER", err);
  const sm_node_place *node = sm_node_index_find(&w->nodes, ref.node);
  if (node == NULL) return fail_name(what, text, "there is no such node in the graph", err);
  if (node->n_outputs >= 0 && ref.index >= (uint64_t)node->n_outputs)
    return fail_name(what, text, "the node has fewer outputs", err);
  SM_TRY(sm_node_find_output_dtype(&found, node->def, node->bytes, ref.index, w->source, err));
  bool is_known = found != SM_DT_INVALID && dtype != SM_DT_INVALID;
  if (!is_known || found % SM_DT_REF_OFFSET == dtype % SM_DT_REF_OFFSET) return SM_OK;
  return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: %.200s is of dtype %s, not %s", what, name, sm_dtype_python_name(found),
                 sm_dtype_python_name(dtype));
}

typedef struct level {
  const sm_tensor_info *const *infos;
  size_t n, next;
} level;

/* An input or output, with its components. */
static sm_status check_info(const spec_walk *w, const char *what, const sm_tensor_info *info, sm_error *err) {
  level levels[MAX_LEVELS] = {{&info, 1, 0}};
  for (size_t n = 1; n > 0;) {
    level *top = &levels[n - 1];
    if (top->next == top->n) {
      n--;
      continue;
    }
    const sm_tensor_info *next = top->infos[top->next++];
    bool is_op = next->dtype == SM_DT_INVALID &&
                 strchr(or_empty(next->tensor_name), ':') == NULL; /* as in __saved_model_init_op */
    if (next->kind == SM_TENSOR_NAME)
      SM_TRY(is_op ? check_op(w, what, or_empty(next->tensor_name), err)
                   : check_tensor(w, what, or_empty(next->tensor_name), next->dtype, err));
    else if (n < MAX_LEVELS)
      levels[n++] = (level){next->components, next->n_components, 0};
  }
  return SM_OK;
}

static sm_status check_infos(const spec_walk *w, const char *key, const char *direction,
                             const sm_tensor_info *const *infos, size_t n, sm_error *err) {
  char what[256];
  for (size_t i = 0; i < n; i++) {
    snprintf(what, sizeof what, "signature %.100s: %s %.100s", key, direction, infos[i]->name);
    SM_TRY(check_info(w, what, infos[i], err));
  }
  return SM_OK;
}

/* ---- Methods ---- */

/* What TensorFlow Serving's calls other than Predict take and give. One input, of any dtype: its tutorial model has one that
 * is no string. */
static const struct method {
  const char *name, *input;
  struct {
    const char *name;
    sm_dtype dtype;
  } outputs[2]; /* one of them at least */
} methods[] = {
    {SM_METHOD_CLASSIFY,
     SM_KEY_CLASSIFY_INPUTS,
     {{SM_KEY_CLASSIFY_OUTPUT_CLASSES, SM_DT_STRING}, {SM_KEY_CLASSIFY_OUTPUT_SCORES, SM_DT_FLOAT}}},
    {SM_METHOD_REGRESS, SM_KEY_REGRESS_INPUTS, {{SM_KEY_REGRESS_OUTPUTS, SM_DT_FLOAT}}},
};

static sm_status fail_method(const sm_signature *signature, const char *what, const char *name, const char *why,
                             sm_error *err) {
  return SM_FAIL(err, SM_INVALID_ARGUMENT, "signature %.100s: method %s: %s%s%.100s%s", signature->key,
                 signature->method_name, what, name != NULL ? " " : "", or_empty(name), why);
}

static sm_status check_output(const struct method *method, const sm_signature *signature, const sm_tensor_info *output,
                              sm_error *err) {
  for (size_t i = 0; i < sizeof method->outputs / sizeof method->outputs[0] && method->outputs[i].name != NULL; i++) {
    if (strcmp(or_empty(output->name), method->outputs[i].name) != 0) continue;
    if (output->dtype == method->outputs[i].dtype) return SM_OK;
    const char *why = method->outputs[i].dtype == SM_DT_STRING ? " has to be string" : " has to be float32";
    return fail_method(signature, "output", output->name, why, err);
  }
  return fail_method(signature, "output", output->name, " is not one of its", err);
}

/*
 * Other methods have no rules. Errors: INVALID_ARGUMENT.
 * Source: servables/tensorflow/classifier.cc, PreProcessClassification, and regressor.cc, PreProcessRegression, of
 * TensorFlow Serving; python/saved_model/signature_def_utils_impl.py, is_valid_signature.
 */
static sm_status check_method(const sm_signature *signature, sm_error *err) {
  const struct method *method = NULL;
  for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
    if (strcmp(or_empty(signature->method_name), methods[i].name) == 0) method = &methods[i];
  if (method == NULL) return SM_OK;
  if (signature->n_inputs != 1 || strcmp(or_empty(signature->inputs[0]->name), method->input) != 0)
    return fail_method(signature, "it has one input,", method->input, "", err);
  if (signature->n_outputs == 0) return fail_method(signature, "no output", NULL, "", err);
  for (size_t i = 0; i < signature->n_outputs; i++) SM_TRY(check_output(method, signature, signature->outputs[i], err));
  return SM_OK;
}

/* ---- All names ---- */

static sm_status check_signature(const spec_walk *w, const sm_signature *signature, sm_error *err) {
  SM_TRY(check_infos(w, signature->key, "input", signature->inputs, signature->n_inputs, err));
  return check_infos(w, signature->key, "output", signature->outputs, signature->n_outputs, err);
}

static sm_status check_names(const spec_walk *w, const sm_meta_graph_spec *spec, const sm_saver_def *saver,
                             sm_error *err) {
  for (size_t i = 0; i < spec->n_signatures; i++) {
    SM_TRY(check_signature(w, spec->signatures[i], err));
    if (!spec->no_method_check) SM_TRY(check_method(spec->signatures[i], err));
  }
  for (size_t i = 0; i < spec->n_assets; i++)
    SM_TRY(check_tensor(w, "asset", or_empty(spec->assets[i].tensor_name), SM_DT_STRING, err));
  SM_TRY(check_op(w, "init op", spec->init_op, err));
  SM_TRY(check_op(w, "train op", spec->train_op, err));
  if (saver == NULL) return SM_OK;
  SM_TRY(check_tensor(w, "saver_def: filename_tensor_name", or_empty(saver->filename_tensor_name), SM_DT_STRING, err));
  SM_TRY(check_tensor(w, "saver_def: save_tensor_name", or_empty(saver->save_tensor_name), SM_DT_INVALID, err));
  return check_op(w, "saver_def: restore_op_name", or_empty(saver->restore_op_name), err);
}

/* ---- All ---- */

/* Indexes the nodes, and may check them. */
static sm_status walk_nodes(spec_walk *w, sm_spans graph_def, sm_spans meta_info_def, bool is_check, sm_arena *arena,
                            sm_error *err) {
  sm_graph_library library;
  sm_spans op_lists;
  SM_TRY(sm_graph_index_functions(&library, graph_def, w->source, arena, err));
  SM_TRY(sm_wire_collect(&op_lists, meta_info_def, SM_META_INFO_STRIPPED_OP_LIST, w->source, arena, err));
  SM_TRY(sm_op_defs_add(w->ops, op_lists, &library, w->source, err));
  const sm_graph_checker checker = {.source = w->source,
                                    .arena = arena,
                                    .ops = w->ops,
                                    .library = &library,
                                    .by_definition = is_check,
                                    .tell = is_check ? note : pass_over,
                                    .visit = is_check ? visit : NULL,
                                    .ctx = w};
  SM_TRY(sm_graph_check_all(&w->nodes, &checker, graph_def, err));
  if (w->status != SM_OK && err != NULL) *err = w->first;
  return w->status;
}

sm_status sm_spec_check(const sm_meta_graph_spec *spec, sm_spans graph_def, const sm_saver_def *saver,
                        const sm_wire_source *source, sm_arena *arena, sm_error *err) {
  sm_op_defs ops;
  spec_walk w = {.source = source, .ops = &ops, .status = SM_OK};
  const sm_span info = {(const uint8_t *)spec->meta_info_def.data, spec->meta_info_def.size};
  sm_op_defs_init(&ops, arena->allocator, UINT64_MAX);
  sm_status status = walk_nodes(&w, graph_def, (sm_spans){&info, 1}, true, arena, err);
  if (status == SM_OK) status = check_names(&w, spec, saver, err);
  sm_op_defs_free(&ops);
  return status;
}

sm_status sm_spec_check_signature(const sm_signature *signature, sm_spans graph_def, sm_spans meta_info_def,
                                  const sm_wire_source *source, sm_arena *arena, sm_error *err) {
  sm_op_defs ops;
  spec_walk w = {.source = source, .ops = &ops, .status = SM_OK};
  sm_op_defs_init(&ops, arena->allocator, UINT64_MAX);
  sm_status status = walk_nodes(&w, graph_def, meta_info_def, false, arena, err);
  if (status == SM_OK) status = check_signature(&w, signature, err);
  if (status == SM_OK) status = check_method(signature, err);
  sm_op_defs_free(&ops);
  return status;
}
