/*
 * Prints all that the library says of a model's object graph, a line for each fact, for objects_tf.py to compare with what
 * TensorFlow reads from the same file.
 *
 *     dump_objects DIR
 *
 * Strings are in hexadecimal, lists in brackets. A structured value is None, True, i5, f0.5, s78 (text), dtype:1,
 * shape[2,-1], spec(name,dtype,shape), bounded(name,dtype,shape), type:Class(state), [..], (..), {key:..}, or
 * Name<key:..>; ? for what the library does not decode.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <savedmodel/savedmodel.h>

static void put_hex(const char *bytes, size_t size) {
  for (size_t i = 0; i < size; i++) printf("%02x", (unsigned char)bytes[i]);
}

static void put_text(const char *text) { put_hex(text, strlen(text)); }

/* ---- Structured values ---- */

static void put_shape(int32_t rank, const int64_t *dims) {
  if (rank < 0) {
    fputs("shape?", stdout);
    return;
  }
  fputs("shape[", stdout);
  for (int32_t i = 0; i < rank; i++) printf("%s%" PRId64, i != 0 ? "," : "", dims[i]);
  putchar(']');
}

static void put_spec(const char *kind, const sm_structured *value) {
  printf("%s(", kind);
  put_text(value->text);
  printf(",%d,", (int)value->dtype);
  put_shape(value->rank, value->dims);
  putchar(')');
}

static void put_leaf(const sm_structured *value) {
  switch (value->kind) {
    case SM_STRUCTURED_NONE: fputs("None", stdout); break;
    case SM_STRUCTURED_BOOL: fputs(value->bool_value ? "True" : "False", stdout); break;
    case SM_STRUCTURED_INT64: printf("i%" PRId64, value->int64_value); break;
    case SM_STRUCTURED_FLOAT64: printf("f%.17g", value->float64_value); break;
    case SM_STRUCTURED_STRING: putchar('s'), put_text(value->text); break;
    case SM_STRUCTURED_SHAPE: put_shape(value->rank, value->dims); break;
    case SM_STRUCTURED_DTYPE: printf("dtype:%d", (int)value->dtype); break;
    case SM_STRUCTURED_TENSOR_SPEC: put_spec("spec", value); break;
    case SM_STRUCTURED_BOUNDED_TENSOR_SPEC: put_spec("bounded", value); break;
    default: putchar('?'); break;
  }
}

static const char *brackets(sm_structured_kind kind) {
  switch (kind) {
    case SM_STRUCTURED_LIST: return "[]";
    case SM_STRUCTURED_TUPLE:
    case SM_STRUCTURED_TYPE_SPEC: return "()";
    case SM_STRUCTURED_DICT: return "{}";
    case SM_STRUCTURED_NAMED_TUPLE: return "<>";
    default: return NULL;
  }
}

enum { MAX_DEPTH = 128 }; /* the library reads 100 */

static void put_structured(const sm_structured *root) {
  struct {
    const sm_structured *value;
    size_t next;
  } stack[MAX_DEPTH];
  size_t depth = 0;
  if (root == NULL) {
    fputs("-", stdout);
    return;
  }
  for (const sm_structured *value = root; value != NULL || depth != 0;) {
    if (value != NULL && brackets(value->kind) == NULL) {
      put_leaf(value);
    } else if (value != NULL) {
      if (value->kind == SM_STRUCTURED_TYPE_SPEC) printf("type:%s", value->text);
      if (value->kind == SM_STRUCTURED_NAMED_TUPLE) fputs(value->text, stdout);
      putchar(brackets(value->kind)[0]);
      stack[depth].value = value;
      stack[depth++].next = 0;
    }
    value = NULL;
    while (depth != 0 && stack[depth - 1].next == stack[depth - 1].value->n_items)
      putchar(brackets(stack[--depth].value->kind)[1]);
    if (depth == 0) return;
    const sm_structured *in = stack[depth - 1].value;
    size_t i = stack[depth - 1].next++;
    if (i != 0) putchar(',');
    if (in->kind == SM_STRUCTURED_DICT || in->kind == SM_STRUCTURED_NAMED_TUPLE) put_text(in->keys[i]), putchar(':');
    value = &in->items[i];
  }
}

/* ---- Objects ---- */

static void put_variable(const sm_variable_object *variable) {
  fputs("variable ", stdout);
  put_text(variable->name);
  putchar(' ');
  put_text(variable->device);
  printf(" %d ", (int)variable->dtype);
  put_shape(variable->rank, variable->dims);
  printf(" %d %d %d components %zu\n", variable->trainable, (int)variable->synchronization, (int)variable->aggregation,
         variable->n_components);
}

static void put_parameters(const char *what, const sm_parameter *parameters, size_t n) {
  printf("%s [", what);
  for (size_t i = 0; i < n; i++) {
    if (i != 0) putchar(',');
    put_text(parameters[i].name);
    putchar('=');
    put_structured(parameters[i].default_value);
  }
  puts("]");
}

static void put_function_spec(const sm_function_spec *spec) {
  put_parameters("parameters", spec->parameters, spec->n_parameters);
  put_parameters("keyword_only", spec->keyword_only, spec->n_keyword_only);
  printf("varargs %s varkw %s is_method %d jit_compile %d\n", spec->varargs != NULL ? spec->varargs : "-",
         spec->varkw != NULL ? spec->varkw : "-", spec->is_method, (int)spec->jit_compile);
  fputs("input_signature ", stdout);
  put_structured(spec->input_signature);
  putchar('\n');
}

static void put_user_object(const sm_user_object *object) {
  fputs("user_object ", stdout);
  put_text(object->identifier);
  printf(" %d %d [", object->producer, object->min_consumer);
  for (size_t i = 0; i < object->n_bad_consumers; i++) printf("%s%d", i != 0 ? "," : "", object->bad_consumers[i]);
  fputs("] ", stdout);
  put_text(object->metadata);
  putchar('\n');
}

static void put_lists(const sm_object *info) {
  for (size_t i = 0; i < info->n_dependencies; i++) {
    printf("dependency %d ", info->dependencies[i].id);
    put_text(info->dependencies[i].name);
    putchar('\n');
  }
  for (size_t i = 0; i < info->n_slot_variables; i++) {
    printf("slot %d %d ", info->slot_variables[i].variable, info->slot_variables[i].id);
    put_text(info->slot_variables[i].name);
    putchar('\n');
  }
  for (size_t i = 0; i < info->n_saveables; i++) {
    printf("saveable %d %d ", info->saveables[i].save_function, info->saveables[i].restore_function);
    put_text(info->saveables[i].name);
    putchar('\n');
  }
}

static void put_info(const sm_object *info) {
  printf("registered %s saver %s\n", info->registered_name, info->registered_saver);
  if (*info->user_proto_type != '\0') {
    printf("user_proto %s ", info->user_proto_type);
    put_hex(info->user_proto.data, info->user_proto.size);
    putchar('\n');
  }
  put_lists(info);
  if (info->asset >= 0) printf("asset %d\n", info->asset);
  if (info->user_object != NULL) put_user_object(info->user_object);
  if (info->variable != NULL) {
    put_variable(info->variable);
    for (size_t i = 0; i < info->variable->n_components; i++) put_variable(&info->variable->components[i]);
  }
  if (info->kind == SM_OBJECT_RESOURCE) printf("device %s\n", info->device);
  if (info->kind == SM_OBJECT_CONSTANT) printf("constant %s\n", info->name);
  if (info->kind == SM_OBJECT_CAPTURED_TENSOR) printf("captured %s %s\n", info->name, info->function);
  for (size_t i = 0; i < info->n_concrete_functions; i++) printf("concrete %s\n", info->concrete_functions[i]);
  if (info->function_spec != NULL) put_function_spec(info->function_spec);
}

static void put_tensor(const char *what, const sm_tensor *tensor) {
  const sm_tensor_view *view = sm_tensor_get_view(tensor);
  printf("%s %d ", what, (int)view->dtype);
  put_shape(view->rank, view->dims);
  putchar(' ');
  if (view->dtype == SM_DT_STRING) {
    const sm_string *strings = view->data;
    for (size_t i = 0; i < view->size / sizeof *strings; i++) {
      if (i != 0) putchar(',');
      put_hex(strings[i].data, strings[i].size);
    }
  } else {
    put_hex(view->data, view->size);
  }
  putchar('\n');
}

static sm_status put_values(const sm_trackable *node, sm_error *err) {
  sm_tensor *keys, *values;
  if (sm_trackable_get_kind(node) == SM_OBJECT_CONSTANT) {
    SM_TRY(sm_trackable_read_constant(&values, node, err));
    put_tensor("value", values);
    sm_tensor_free(values);
  }
  if (sm_trackable_get_kind(node) != SM_OBJECT_RESOURCE) return SM_OK;
  sm_status status = sm_trackable_read_table(&keys, &values, node, err);
  if (status == SM_NOT_FOUND || status == SM_UNIMPLEMENTED) puts("table ?");
  if (status != SM_OK) return status == SM_NOT_FOUND || status == SM_UNIMPLEMENTED ? SM_OK : status;
  put_tensor("keys", keys);
  put_tensor("values", values);
  sm_tensor_free(keys);
  sm_tensor_free(values);
  return SM_OK;
}

static sm_status put_bare(const sm_trackable *node, sm_error *err) {
  const sm_concrete_function *function;
  if (sm_trackable_get_kind(node) != SM_OBJECT_BARE_CONCRETE_FUNCTION) return SM_OK;
  SM_TRY(sm_trackable_get_function(&function, node, 0, err));
  printf("positional %" PRId64 " [", function->allowed_positional_arguments);
  for (size_t i = 0; i < function->n_argument_keywords; i++) {
    if (i != 0) putchar(',');
    put_text(function->argument_keywords[i]);
  }
  puts("]");
  return SM_OK;
}

static sm_status put_object(const sm_meta_graph *graph, size_t id, sm_error *err) {
  const sm_trackable *node, *child, *found;
  const sm_object *info;
  const char *name, *path, *metadata;
  SM_TRY(sm_meta_graph_get_object(&node, graph, (int64_t)id, err));
  SM_TRY(sm_trackable_get_info(&info, node, err));
  printf("object %zu %d\n", id, (int)info->kind);
  for (size_t i = 0; i < sm_trackable_n_children(node); i++) {
    SM_TRY(sm_trackable_get_child(&child, &name, node, i, err));
    printf("child %d ", sm_trackable_get_id(child));
    put_text(name);
    putchar('\n');
  }
  put_info(info);
  SM_TRY(put_bare(node, err));
  sm_status status = sm_trackable_get_keras_metadata(&metadata, node, err);
  if (status != SM_OK && status != SM_NOT_FOUND) return status;
  fputs("keras ", stdout);
  if (status == SM_OK) put_text(metadata);
  putchar('\n');
  /* A path leads back to where it came from. */
  if (sm_trackable_get_path(&path, node, NULL) == SM_OK) {
    SM_TRY(sm_meta_graph_get_root(&node, graph, err));
    SM_TRY(sm_trackable_find(&found, node, path, err));
    printf("found %d\n", sm_trackable_get_id(found));
    node = found;
  }
  return put_values(node, err);
}

/* ---- The rest ---- */

static sm_status put_functions(const sm_meta_graph *graph, sm_error *err) {
  size_t n;
  SM_TRY(sm_meta_graph_n_concrete_functions(&n, graph, err));
  for (size_t i = 0; i < n; i++) {
    const sm_concrete_function *function, *found;
    SM_TRY(sm_meta_graph_get_concrete_function(&function, graph, i, err));
    SM_TRY(sm_meta_graph_find_concrete_function(&found, graph, function->name, err));
    printf("function %s [", found->name);
    for (size_t k = 0; k < found->n_captures; k++) printf("%s%d", k != 0 ? "," : "", found->captures[k]);
    fputs("] ", stdout);
    put_structured(found->inputs);
    putchar(' ');
    put_structured(found->outputs);
    putchar('\n');
  }
  return SM_OK;
}

static sm_status put_variables(const sm_meta_graph *graph, sm_error *err) {
  size_t n;
  SM_TRY(sm_meta_graph_n_variables(&n, graph, err));
  for (size_t i = 0; i < n; i++) {
    const sm_variable *variable;
    SM_TRY(sm_meta_graph_get_variable(&variable, graph, i, err));
    printf("listed %d %d ", variable->id, variable->trainable);
    put_text(variable->name);
    putchar(' ');
    if (variable->key != NULL) put_hex(variable->key, variable->key_size);
    putchar('\n');
    const sm_variable_def *def = variable->def;
    if (def == NULL) continue;
    printf("def %s %s %s %s %d %d", def->variable_name, def->initializer_name, def->snapshot_name,
           def->initial_value_name, def->is_resource, def->trainable);
    for (size_t d = 0; d < def->slice_rank; d++)
      printf(" %" PRId64 ":%" PRId64 ":%" PRId64, def->full_shape[d], def->slice_offset[d], def->slice_shape[d]);
    putchar('\n');
  }
  return SM_OK;
}

/* What tf.saved_model.load says with and without allow_partial_checkpoint; for models with an object graph. */
static void put_load_checks(const sm_meta_graph *graph) {
  for (int allow_partial = 0; allow_partial < 2; allow_partial++) {
    sm_status status = sm_meta_graph_check_variables(graph, allow_partial != 0, NULL, NULL, NULL);
    printf("load %d %s\n", allow_partial, status == SM_OK ? "passes" : "fails");
  }
}

static sm_status dump(const char *dir, sm_error *err) {
  sm_model *model;
  size_t n;
  SM_TRY(sm_model_open(&model, dir, NULL, err));
  sm_status status = SM_OK;
  for (size_t g = 0; status == SM_OK && g < sm_model_n_meta_graphs(model); g++) {
    const sm_meta_graph *graph = sm_model_get_meta_graph(model, g);
    printf("graph %zu\n", g);
    sm_status has_objects = sm_meta_graph_n_objects(&n, graph, err);
    for (size_t i = 0; has_objects == SM_OK && status == SM_OK && i < n; i++) status = put_object(graph, i, err);
    if (has_objects == SM_OK && status == SM_OK) status = put_functions(graph, err);
    if (has_objects != SM_OK && has_objects != SM_NOT_FOUND) status = has_objects;
    if (status == SM_OK) status = put_variables(graph, err);
    if (has_objects == SM_OK && status == SM_OK) put_load_checks(graph);
  }
  sm_model_close(model);
  return status;
}

int main(int argc, char **argv) {
  sm_error err;
  if (argc != 2) {
    fputs("usage: dump_objects DIR\n", stderr);
    return 2;
  }
  if (dump(argv[1], &err) == SM_OK) return 0;
  fprintf(stderr, "dump_objects: %s (%s)\n", err.message, sm_status_name(err.code));
  return 1;
}
