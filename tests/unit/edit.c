/* Changes of meta graphs, in the signature and in the object graph; interop/edit_tf.py has TensorFlow run the results. */
#include "support/check.h"

#include <savedmodel/builder.h>
#include <savedmodel/objects.h>
#include <savedmodel/proto.h>
#include <savedmodel/savedmodel.h>

#include "support/files.h"
#include "support/models.h"
#include "support/wire_writer.h"

static temp_dir dir;
static sm_error err;

/* A model, what is made of it, and that once it is open. */
static sm_model *model, *made;
static sm_builder *builder;

static int set_up(void **state) {
  (void)state;
  dir = make_temp_dir();
  model = made = NULL;
  builder = NULL;
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  sm_builder_close(builder);
  sm_model_close(made);
  sm_model_close(model);
  remove_temp_dir(&dir);
  return 0;
}

static void begin(const char *name) {
  assert_ok(sm_model_open(&model, name[0] == '/' ? name : model_dir(name), NULL, &err), err);
  assert_ok(sm_builder_open(&builder, path_in(dir.path, "made"), NULL, &err), err);
  assert_ok(sm_builder_add_model(builder, model, &err), err);
}

static const sm_meta_graph *finish(void) {
  assert_ok(sm_builder_finish(builder, &err), err);
  assert_ok(sm_model_open(&made, path_in(dir.path, "made"), NULL, &err), err);
  return sm_model_get_meta_graph(made, 0);
}

static const sm_signature *signature_of(const sm_meta_graph *graph, const char *key) {
  const sm_signature *signature;
  assert_ok(sm_meta_graph_find_signature(&signature, graph, key, &err), err);
  return signature;
}

/* The function that the object graph has for a signature. */
static const sm_concrete_function *function_of(const sm_meta_graph *graph, const char *key) {
  const sm_trackable *node;
  const sm_concrete_function *function;
  assert_ok(sm_meta_graph_get_root(&node, graph, &err), err);
  assert_ok(sm_trackable_find(&node, node, "signatures", &err), err);
  for (size_t i = 0; i < sm_trackable_n_children(node); i++) {
    const sm_trackable *child;
    const char *name;
    assert_ok(sm_trackable_get_child(&child, &name, node, i, &err), err);
    if (strcmp(name, key) != 0) continue;
    assert_ok(sm_trackable_get_function(&function, child, 0, &err), err);
    return function;
  }
  return NULL;
}

static const Tensorflow__FunctionDef *def_of(const sm_meta_graph *graph, const char *name) {
  const Tensorflow__GraphDef *def;
  assert_ok(sm_meta_graph_get_graph_def(&def, graph, &err), err);
  for (size_t i = 0; i < def->library->n_function; i++)
    if (strcmp(def->library->function[i]->signature->name, name) == 0) return def->library->function[i];
  return NULL;
}

static size_t n_functions(const sm_meta_graph *graph) {
  const Tensorflow__GraphDef *def;
  assert_ok(sm_meta_graph_get_graph_def(&def, graph, &err), err);
  return def->library->n_function;
}

/* Names of a dict of specs: "key/spec key/spec", in the order of keys. */
static const char *specs_of(const sm_structured *dict) {
  static char text[256];
  size_t used = 0;
  text[0] = '\0';
  for (size_t i = 0; i < dict->n_items; i++)
    used += (size_t)snprintf(text + used, sizeof text - used, "%s%s/%s", i != 0 ? " " : "", dict->keys[i],
                             dict->items[i].text);
  return text;
}

static const char *arguments_of(const Tensorflow__FunctionDef *def) {
  static char text[256];
  size_t used = 0;
  text[0] = '\0';
  for (size_t i = 0; i < def->signature->n_input_arg; i++)
    used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i != 0 ? " " : "",
                             def->signature->input_arg[i]->name);
  return text;
}

/* ---- Signatures ---- */

static void edit__renames_a_signature_in_both_places(void **state) {
  (void)state;
  begin("v2/several_signatures");
  assert_ok(sm_builder_rename_signature(builder, 0, "serving_default", "other", &err), err);
  const sm_meta_graph *graph = finish();
  const sm_signature *old = signature_of(only_graph(model), "serving_default"), *new = signature_of(graph, "other");
  assert_text("input", new->inputs[0]->tensor_name, old->inputs[0]->tensor_name);
  assert_text("method", new->method_name, old->method_name);
  assert_status(sm_meta_graph_find_signature(&new, graph, "serving_default", &err), SM_NOT_FOUND, err);
  assert_null(function_of(graph, "serving_default"));
  assert_text("function", function_of(graph, "other")->name, function_of(only_graph(model), "serving_default")->name);
}

static void edit__removes_a_signature_in_both_places(void **state) {
  (void)state;
  const sm_signature *signature;
  begin("v2/several_signatures");
  assert_ok(sm_builder_remove_signature(builder, 0, "bump", &err), err);
  const sm_meta_graph *graph = finish();
  assert_status(sm_meta_graph_find_signature(&signature, graph, "bump", &err), SM_NOT_FOUND, err);
  assert_null(function_of(graph, "bump"));
  assert_non_null(function_of(graph, "serving_default"));
}

static void edit__sets_method_and_signature(void **state) {
  (void)state;
  begin("v1/simple_save");
  sm_signature copy = *signature_of(only_graph(model), "serving_default");
  copy.key = "copy";
  copy.key_size = 0;
  assert_ok(sm_builder_set_signature(builder, 0, &copy, &err), err);
  assert_ok(sm_builder_set_method(builder, 0, "copy", "some/method", &err), err);
  const sm_meta_graph *graph = finish();
  const sm_signature *old = signature_of(graph, "serving_default"), *new = signature_of(graph, "copy");
  assert_text("method", new->method_name, "some/method");
  assert_text("the other's method", old->method_name, SM_METHOD_PREDICT);
  assert_number("inputs", new->n_inputs, old->n_inputs);
  assert_text("input", new->inputs[0]->tensor_name, old->inputs[0]->tensor_name);
}

static void edit__sets_tags(void **state) {
  (void)state;
  begin("v1/several_meta_graphs");
  assert_status(sm_builder_set_tags(builder, 0, (const char *[]){"gpu", "serve", "gpu"}, 3, &err), SM_ALREADY_EXISTS,
                err);
  assert_ok(sm_builder_set_tags(builder, 0, (const char *[]){"b", "a"}, 2, &err), err);
  assert_ok(sm_builder_remove_meta_graph(builder, 1, &err), err);
  assert_ok(sm_builder_set_tags(builder, 2, (const char *[]){"train"}, 1, &err), err);
  const sm_meta_graph *graph = finish();
  assert_number("meta graphs", sm_model_n_meta_graphs(made), 2);
  assert_number("tags", sm_meta_graph_n_tags(graph), 2);
  assert_text("first", sm_meta_graph_get_tag(graph, 0), "b");
  assert_text("of the last", sm_meta_graph_get_tag(sm_model_get_meta_graph(made, 1), 0), "train");
}

/* ---- Inputs and outputs ---- */

/* "k" and "rows" are in order; "zz" comes behind "rows". */
static void edit__a_new_order_is_taken_by_a_copy(void **state) {
  (void)state;
  begin("v2/several_signatures");
  const sm_concrete_function *old = function_of(only_graph(model), "serving_default");
  assert_ok(sm_builder_rename_input(builder, 0, "serving_default", "k", "zz", &err), err);
  const sm_meta_graph *graph = finish();
  const sm_signature *signature = signature_of(graph, "serving_default");
  assert_text("fed", sm_signature_find_input(signature, "zz")->tensor_name, "serving_default_k:0");
  const sm_concrete_function *new = function_of(graph, "serving_default");
  assert_text("keyword 0", new->argument_keywords[0], "rows");
  assert_text("keyword 1", new->argument_keywords[1], "zz");
  assert_text("specs", specs_of(&new->inputs->items[1]), "rows/rows zz/zz");
  assert_text("the old arguments", arguments_of(def_of(graph, old->name)), "k rows unknown");
  assert_text("the new arguments", arguments_of(def_of(graph, new->name)), "rows k unknown");
  assert_number("functions", n_functions(graph), n_functions(only_graph(model)) + 1);
}

static void edit__the_copy_is_changed_itself(void **state) {
  (void)state;
  begin("v2/several_signatures");
  assert_ok(sm_builder_rename_input(builder, 0, "serving_default", "k", "zz", &err), err);
  assert_ok(sm_builder_rename_input(builder, 0, "serving_default", "zz", "k", &err), err);
  const sm_meta_graph *graph = finish();
  const sm_concrete_function *function = function_of(graph, "serving_default");
  assert_text("arguments", arguments_of(def_of(graph, function->name)), "k rows unknown");
  assert_number("functions", n_functions(graph), n_functions(only_graph(model)) + 1);
}

static void edit__the_same_order_needs_no_copy(void **state) {
  (void)state;
  begin("v2/several_signatures");
  const sm_concrete_function *old = function_of(only_graph(model), "serving_default");
  assert_ok(sm_builder_rename_input(builder, 0, "serving_default", "k", "l", &err), err);
  assert_ok(sm_builder_rename_output(builder, 0, "serving_default", "y", "z", &err), err);
  const sm_meta_graph *graph = finish();
  const sm_concrete_function *new = function_of(graph, "serving_default");
  assert_text("function", new->name, old->name);
  assert_text("specs", specs_of(&new->inputs->items[1]), "l/l rows/rows");
  assert_text("results", specs_of(new->outputs), "rows_out/rows_out z/z");
  assert_number("functions", n_functions(graph), n_functions(only_graph(model)));
}

static void edit__results_change_places(void **state) {
  (void)state;
  begin("v2/several_signatures");
  assert_ok(sm_builder_rename_output(builder, 0, "serving_default", "y", "a", &err), err);
  const sm_meta_graph *graph = finish();
  const sm_signature *signature = signature_of(graph, "serving_default");
  const sm_signature *old = signature_of(only_graph(model), "serving_default");
  assert_text("fetched", sm_signature_find_output(signature, "a")->tensor_name,
              sm_signature_find_output(old, "y")->tensor_name);
  const sm_concrete_function *function = function_of(graph, "serving_default");
  const Tensorflow__FunctionDef *def = def_of(graph, function->name);
  assert_text("results", specs_of(function->outputs), "a/a rows_out/rows_out");
  assert_text("first", def->signature->output_arg[0]->name, "identity_1");
  assert_text("second", def->signature->output_arg[1]->name, "identity");
}

/* A name that Python has no parameter for gets a key that it has, as TensorFlow makes it. */
static void edit__names_that_are_no_parameters(void **state) {
  (void)state;
  begin("v2/several_signatures");
  assert_ok(sm_builder_rename_input(builder, 0, "serving_default", "k", "0/k-1", &err), err);
  assert_ok(sm_builder_rename_input(builder, 0, "serving_default", "0/k-1", "0/k-2", &err), err);
  const sm_meta_graph *graph = finish();
  const sm_concrete_function *function = function_of(graph, "serving_default");
  assert_text("specs", specs_of(&function->inputs->items[1]), "arg_0_k_2/0/k-2 rows/rows");
  assert_text("keyword", function->argument_keywords[0], "0/k-2");
}

static void edit__a_default_follows(void **state) {
  (void)state;
  begin("v2/signature_defaults");
  assert_ok(sm_builder_rename_input(builder, 0, "serving_default", "k", "zz", &err), err);
  const sm_signature *signature = signature_of(finish(), "serving_default");
  assert_number("defaults", signature->n_defaults, 1);
  assert_text("default", signature->defaults[0]->name, "zz");
}

/* ---- Functions that others use ---- */

static void put_spec(w_buffer *w, const char *name) {
  w_entry entry = w_begin_entry(w, 1, name);
  size_t spec = w_begin(w, 33);
  w_text(w, 1, name);
  w_varint(w, 3, 1);
  w_end(w, spec);
  w_end_entry(w, entry);
}

/* {outer: {a, b}} of specs; as_arguments: ((), {a, b}). */
static void put_structure(w_buffer *w, uint32_t number, bool as_arguments) {
  size_t value = w_begin(w, number), tuple = 0, item = 0;
  if (as_arguments) {
    tuple = w_begin(w, 52);
    item = w_begin(w, 1);
    w_bytes(w, 52, "", 0);
    w_end(w, item);
    item = w_begin(w, 1);
  }
  size_t dict = w_begin(w, 53);
  put_spec(w, "a");
  put_spec(w, "b");
  w_end(w, dict);
  if (as_arguments) {
    w_end(w, item);
    w_end(w, tuple);
  }
  w_end(w, value);
}

static void put_edge(w_buffer *w, const char *name, uint32_t id) {
  size_t edge = w_begin(w, 1);
  w_varint(w, 1, id);
  w_text(w, 2, name);
  w_end(w, edge);
}

/* Root, map of signatures with "f", its concrete function, and what else uses that: a tf.function ("function"), or the
 * node itself under another name ("node"). */
static void put_objects(w_buffer *w, const char *other) {
  size_t objects = w_begin(w, 7), node = w_begin(w, 1), kind;
  bool is_function = strcmp(other, "function") == 0;
  put_edge(w, "signatures", 1);
  if (*other != '\0') put_edge(w, "other", is_function ? 3 : 2);
  w_bytes(w, 4, "", 0);
  w_end(w, node);
  node = w_begin(w, 1);
  put_edge(w, "f", 2);
  w_bytes(w, 4, "", 0);
  w_end(w, node);
  node = w_begin(w, 1);
  kind = w_begin(w, 8);
  w_text(w, 1, "f_7");
  w_text(w, 2, "a");
  w_text(w, 2, "b");
  w_end(w, kind);
  w_end(w, node);
  node = w_begin(w, 1);
  kind = w_begin(w, 6);
  if (is_function) w_text(w, 1, "f_7");
  w_end(w, kind);
  w_end(w, node);
  w_entry entry = w_begin_entry(w, 2, "f_7");
  put_structure(w, 3, true);
  put_structure(w, 4, false);
  w_end_entry(w, entry);
  w_end(w, objects);
}

static void put_args(w_buffer *w, uint32_t number) {
  static const char *const names[] = {"a", "b"};
  for (size_t i = 0; i < 2; i++) {
    size_t arg = w_begin(w, number);
    w_text(w, 1, names[i]);
    w_varint(w, 3, 1);
    w_end(w, arg);
  }
}

static void put_infos(w_buffer *w, uint32_t number) {
  static const char *const names[] = {"a", "b"};
  for (size_t i = 0; i < 2; i++) {
    w_entry entry = w_begin_entry(w, number, names[i]);
    w_text(w, 1, names[i]);
    w_end_entry(w, entry);
  }
}

/* A model with the function f_7(a, b) -> a, b and the signature f of it; nothing in the graph calls it. */
static void write_model(const char *other) {
  w_buffer w = {0};
  size_t graph = w_begin(&w, 2), def = w_begin(&w, 2), library = w_begin(&w, 2), function = w_begin(&w, 1);
  size_t op = w_begin(&w, 1);
  w_text(&w, 1, "f_7");
  put_args(&w, 2);
  put_args(&w, 3);
  w_end(&w, op);
  w_end(&w, function);
  w_end(&w, library);
  w_end(&w, def);
  w_entry signature = w_begin_entry(&w, 5, "f");
  put_infos(&w, 1);
  put_infos(&w, 2);
  w_end_entry(&w, signature);
  put_objects(&w, other);
  w_end(&w, graph);
  write_file(path_in(dir.path, "saved_model.pb"), w.data, w.size);
  w_free(&w);
}

static void edit__a_function_is_copied_when_others_use_it(void **state) {
  (void)state;
  static const struct {
    const char *other, *name;
    bool changes_order, is_copied;
  } rows[] = {
      {"", "c", true, false}, {"", "aa", false, false}, {"function", "c", true, true}, {"function", "aa", false, true}};
  for (size_t i = 0; i < N_OF(rows); i++) {
    write_model(rows[i].other);
    begin(dir.path);
    assert_ok(sm_builder_rename_input(builder, 0, "f", "a", rows[i].name, &err), err);
    const sm_meta_graph *graph = finish();
    const sm_concrete_function *function = function_of(graph, "f");
    assert_number(rows[i].name, n_functions(graph), rows[i].is_copied ? 2 : 1);
    assert_text(rows[i].other, function->name, rows[i].is_copied ? "f_8" : "f_7");
    assert_text(rows[i].name, arguments_of(def_of(graph, function->name)), rows[i].changes_order ? "b a" : "a b");
    if (rows[i].is_copied) assert_text("the other's", arguments_of(def_of(graph, "f_7")), "a b");
    tear_down(state);
    set_up(state);
  }
}

static void edit__a_node_of_two_names_is_copied(void **state) {
  (void)state;
  const sm_trackable *root, *other;
  const sm_concrete_function *function;
  write_model("node");
  begin(dir.path);
  assert_ok(sm_builder_rename_input(builder, 0, "f", "a", "c", &err), err);
  const sm_meta_graph *graph = finish();
  function = function_of(graph, "f");
  assert_text("the signature's", function->name, "f_8");
  assert_text("its specs", specs_of(&function->inputs->items[1]), "b/b c/c");
  assert_ok(sm_meta_graph_get_root(&root, graph, &err), err);
  assert_ok(sm_trackable_find(&other, root, "other", &err), err);
  assert_ok(sm_trackable_get_function(&function, other, 0, &err), err);
  assert_text("the other's", function->name, "f_7");
  assert_text("keyword", function->argument_keywords[0], "a");
}

/* ---- All nodes ---- */

static size_t count_devices(const sm_meta_graph *graph) {
  const Tensorflow__GraphDef *def;
  const Tensorflow__SavedObjectGraph *objects;
  size_t n = 0;
  assert_ok(sm_meta_graph_get_graph_def(&def, graph, &err), err);
  assert_ok(sm_meta_graph_get_object_graph_def(&objects, graph, &err), err);
  for (size_t i = 0; i < def->n_node; i++) n += *def->node[i]->device != '\0';
  for (size_t i = 0; i < def->library->n_function; i++)
    for (size_t k = 0; k < def->library->function[i]->n_node_def; k++)
      n += *def->library->function[i]->node_def[k]->device != '\0';
  for (size_t i = 0; i < objects->n_nodes; i++)
    if (objects->nodes[i]->kind_case == TENSORFLOW__SAVED_OBJECT__KIND_VARIABLE)
      n += *objects->nodes[i]->variable->device != '\0';
  return n;
}

static void edit__clears_devices(void **state) {
  (void)state;
  begin("v2/policy_save_devices");
  assert_true(count_devices(only_graph(model)) > 2);
  assert_ok(sm_builder_clear_devices(builder, 0, &err), err);
  assert_number("devices", count_devices(finish()), 0);
}

static void edit__strips_and_restores_defaults(void **state) {
  (void)state;
  const sm_meta_info *info;
  const Tensorflow__GraphDef *before, *after;
  begin("v1/strip_default_attrs_off");
  assert_ok(sm_builder_strip_default_attrs(builder, 0, &err), err);
  const sm_meta_graph *graph = finish();
  assert_ok(sm_meta_graph_get_info(&info, graph, &err), err);
  assert_true(info->stripped_default_attrs);
  assert_ok(sm_meta_graph_get_graph_def(&before, only_graph(model), &err), err);
  assert_ok(sm_meta_graph_get_graph_def(&after, graph, &err), err);
  size_t n_before = 0, n_after = 0;
  for (size_t i = 0; i < before->n_node; i++) n_before += before->node[i]->n_attr;
  for (size_t i = 0; i < after->n_node; i++) n_after += after->node[i]->n_attr;
  assert_true(n_after < n_before);
}

/* ---- Keeping ---- */

static void edit__keeps_what_a_signature_needs(void **state) {
  (void)state;
  size_t n_objects;
  const sm_trackable *root, *variable;
  begin("v2/several_signatures");
  assert_ok(sm_builder_keep_signatures(builder, 0, (const char *[]){"bump"}, 1, &err), err);
  const sm_meta_graph *graph = finish();
  assert_number("signatures, with the init op", sm_meta_graph_n_signatures(graph), 2);
  assert_non_null(function_of(graph, "bump"));
  assert_null(function_of(graph, "serving_default"));
  assert_non_null(def_of(graph, function_of(graph, "bump")->name));
  assert_null(def_of(graph, function_of(only_graph(model), "serving_default")->name));
  assert_ok(sm_meta_graph_n_objects(&n_objects, graph, &err), err);
  assert_number("root, map, function, variable", n_objects, 4);
  assert_ok(sm_meta_graph_get_root(&root, graph, &err), err);
  const sm_concrete_function *bump = function_of(graph, "bump");
  assert_number("captures", bump->n_captures, 1);
  assert_ok(sm_meta_graph_get_object(&variable, graph, bump->captures[0], &err), err);
  assert_int_equal(sm_trackable_get_kind(variable), SM_OBJECT_VARIABLE);
}

/* The train op, the loss and their collections go; the saver and its variables stay. */
static void edit__collections_follow(void **state) {
  (void)state;
  const sm_collection *collection;
  begin("v1/control_flow_v1");
  assert_ok(sm_builder_keep_signatures(builder, 0, (const char *[]){"serving_default"}, 1, &err), err);
  const sm_meta_graph *graph = finish();
  assert_status(sm_meta_graph_find_collection(&collection, graph, "while_context", &err), SM_NOT_FOUND, err);
  assert_status(sm_model_verify(made, NULL, NULL, &err), SM_OK, err);
}

static void begin_saving(const char *from, const char *to, bool in_place) {
  sm_save_options options = SM_SAVE_OPTIONS_INIT;
  options.in_place = in_place;
  assert_ok(sm_model_open(&model, from, NULL, &err), err);
  assert_ok(sm_builder_open(&builder, to, &options, &err), err);
  assert_ok(sm_builder_add_model(builder, model, &err), err);
}

static void end_saving(void) {
  assert_ok(sm_builder_finish(builder, &err), err);
  sm_builder_close(builder);
  sm_model_close(model);
  builder = NULL;
  model = NULL;
}

/* A file that names objects by number goes with the numbers, in a copy and in place, and stays where these stay. */
static void edit__metadata_of_keras(void **state) {
  (void)state;
  char keras[400], to[sizeof keras + sizeof "-changed"];
  for (int way = 0; way < 4; way++) {
    bool in_place = way == 1;
    (void)snprintf(keras, sizeof keras, "%s/keras%d", dir.path, way);
    (void)snprintf(to, sizeof to, "%s%s", keras, in_place ? "" : "-changed");
    begin_saving(model_dir("v2/several_signatures"), keras, false);
    end_saving();
    write_file(path_in(keras, SM_FILE_KERAS_METADATA), "x", 1);
    write_file(path_in(keras, "other.pb"), "x", 1);
    begin_saving(keras, to, in_place);
    if (way <= 1) assert_ok(sm_builder_keep_signatures(builder, 0, (const char *[]){"bump"}, 1, &err), err);
    if (way == 2) assert_ok(sm_builder_drop_object_graph(builder, 0, &err), err);
    if (way == 3) assert_ok(sm_builder_rename_signature(builder, 0, "bump", "other", &err), err);
    end_saving();
    assert_true(file_exists(path_in(to, SM_FILE_KERAS_METADATA)) == (way == 3));
    assert_true(file_exists(path_in(to, "other.pb")));
  }
}

/* ---- What is refused ---- */

static void edit__refuses_and_leaves_all_as_it_was(void **state) {
  (void)state;
  begin("v2/several_signatures");
  sm_signature strange = *signature_of(only_graph(model), "serving_default");
  sm_tensor_info info = *strange.inputs[0];
  const sm_tensor_info *infos[] = {&info};
  info.tensor_name = "nowhere:0";
  info.tensor_name_size = 0;
  strange.inputs = infos;
  strange.n_inputs = 1;
  assert_status(sm_builder_set_signature(builder, 0, &strange, &err), SM_INVALID_ARGUMENT, err);
  assert_mentions(err.message, "nowhere");
  assert_status(sm_builder_rename_signature(builder, 0, "nix", "x", &err), SM_NOT_FOUND, err);
  assert_mentions(err.message, "serving_default");
  assert_status(sm_builder_rename_signature(builder, 0, "bump", "serving_default", &err), SM_ALREADY_EXISTS, err);
  assert_status(sm_builder_rename_signature(builder, 0, SM_KEY_INIT_OP, "x", &err), SM_INVALID_ARGUMENT, err);
  assert_status(sm_builder_rename_signature(builder, 0, "bump", SM_KEY_TRAIN_OP, &err), SM_INVALID_ARGUMENT, err);
  assert_status(sm_builder_remove_signature(builder, 0, SM_KEY_INIT_OP, &err), SM_INVALID_ARGUMENT, err);
  assert_status(sm_builder_rename_input(builder, 0, "serving_default", "nix", "x", &err), SM_NOT_FOUND, err);
  assert_mentions(err.message, "k, rows");
  assert_status(sm_builder_rename_input(builder, 0, "serving_default", "k", "rows", &err), SM_ALREADY_EXISTS, err);
  assert_status(sm_builder_rename_input(builder, 0, "serving_default", "k", "", &err), SM_INVALID_ARGUMENT, err);
  assert_status(sm_builder_rename_output(builder, 0, "bump", "count", "\xFF", &err), SM_INVALID_ARGUMENT, err);
  assert_status(sm_builder_keep_signatures(builder, 0, (const char *[]){"nix"}, 1, &err), SM_NOT_FOUND, err);
  assert_status(sm_builder_set_tags(builder, 1, NULL, 0, &err), SM_NOT_FOUND, err);
  finish();
  size_t size, made_size;
  uint8_t *was = read_file(path_in(model_dir("v2/several_signatures"), "saved_model.pb"), &size);
  uint8_t *is = read_file(path_in(path_in(dir.path, "made"), "saved_model.pb"), &made_size);
  assert_bytes("saved_model.pb", is, made_size, was, size);
  free(was);
  free(is);
}

#define CASE(name) cmocka_unit_test_setup_teardown(edit__##name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(renames_a_signature_in_both_places),
      CASE(removes_a_signature_in_both_places),
      CASE(sets_method_and_signature),
      CASE(sets_tags),
      CASE(a_new_order_is_taken_by_a_copy),
      CASE(the_copy_is_changed_itself),
      CASE(the_same_order_needs_no_copy),
      CASE(results_change_places),
      CASE(names_that_are_no_parameters),
      CASE(a_default_follows),
      CASE(a_function_is_copied_when_others_use_it),
      CASE(a_node_of_two_names_is_copied),
      CASE(clears_devices),
      CASE(strips_and_restores_defaults),
      CASE(keeps_what_a_signature_needs),
      CASE(collections_follow),
      CASE(metadata_of_keras),
      CASE(refuses_and_leaves_all_as_it_was),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
