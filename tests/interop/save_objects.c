/*
 * Writes V2 models into a directory, for v2_tf.py. What each has to compute is in v2_models.py.
 *
 *     save_objects DIR
 *
 *   objects    variables in all kinds of containers, shared, in a cycle; names of all kinds; an optimizer's slot
 *   values     variables and constants of all types, in several shards
 *   shapes     variables of odd shapes, some of them cut into parts
 *   functions  traces, defaults, structures, and dicts with keys that are not in order; methods; shared captures
 *   effects    operations that no result needs: assignments, assertions, prints
 *   library    functions that are given: that call others, loop, choose, and change variables
 *   tables     from files, from arrays, mutable; assets
 */
#include "written_objects.h"

#include <stdio.h>
#include <stdlib.h>

sm_error err;

void check(sm_status status, const char *what) {
  if (status == SM_OK) return;
  fprintf(stderr, "save_objects: %s: %s\n", what, err.message);
  exit(1);
}

sm_object_graph *begin(void) {
  sm_object_graph *objects;
  CHECK(sm_object_graph_new(&objects, NULL, &err));
  return objects;
}

void end_with(sm_object_graph *objects, const char *root, const char *name, const sm_export_options *options,
              const sm_save_options *save) {
  char dir[4096];
  sm_save_options how = SM_SAVE_OPTIONS_INIT;
  if (save != NULL) how = *save;
  how.no_sync = true;
  snprintf(dir, sizeof dir, "%s/%s", root, name);
  CHECK(sm_object_graph_save(objects, dir, options, &how, &err));
  sm_object_graph_free(objects);
}

void end(sm_object_graph *objects, const char *root, const char *name) { end_with(objects, root, name, NULL, NULL); }

sm_tensor_view scalar(sm_dtype dtype, const void *data, size_t size) {
  return (sm_tensor_view){.dtype = dtype, .data = data, .size = size};
}

int32_t add_variable(sm_object_graph *objects, int32_t parent, const char *name, const float *value) {
  int32_t number;
  const sm_tensor_view view = scalar(SM_DT_FLOAT, value, sizeof *value);
  CHECK(sm_object_graph_add_variable(&number, objects, parent, name, &(sm_variable_spec){.value = &view}, &err));
  return number;
}

int32_t add_container(sm_object_graph *objects, int32_t parent, const char *name, sm_container container) {
  int32_t number;
  CHECK(sm_object_graph_add(&number, objects, parent, name, container, &err));
  return number;
}

int32_t add_function(sm_object_graph *objects, int32_t parent, const char *name, const sm_trace *trace,
                     const char *signature) {
  int32_t number;
  const sm_traced_function function = {.traces = trace, .n_traces = 1};
  CHECK(sm_object_graph_add_function(&number, objects, parent, name, &function, &err));
  if (signature != NULL) CHECK(sm_object_graph_set_signature(objects, signature, number, 0, &err));
  return number;
}

sm_string read_graph(const char *path) {
  enum { MAX_TEXT = 1 << 16 };
  static char text[MAX_TEXT];
  sm_string bytes;
  FILE *file = fopen(path, "rb");
  check(file != NULL ? SM_OK : SM_NOT_FOUND, path);
  size_t size = fread(text, 1, sizeof text, file);
  fclose(file);
  CHECK(sm_convert_from_text(&bytes, SM_MESSAGE_GRAPH_DEF, text, size, NULL, &err));
  return bytes;
}

sm_string def_of(sm_graph *graph) {
  sm_string def;
  CHECK(sm_graph_get_def(&def, graph, &err));
  return def;
}

/* ---- Objects ---- */

/* Two variables whose users see one name, and one that is not trained. */
static void add_namesakes(sm_object_graph *objects, int32_t parent) {
  static const float values[] = {6, 7, 8};
  sm_tensor_view view;
  sm_variable_spec spec = {.value = &view, .name = "same"};
  for (size_t i = 0; i < 3; i++) {
    static const char *const names[] = {"first", "second", "third"};
    view = scalar(SM_DT_FLOAT, &values[i], sizeof values[i]);
    spec.not_trainable = i == 2;
    CHECK(sm_object_graph_add_variable(NULL, objects, parent, names[i], &spec, &err));
  }
}

static void save_containers(const char *root) {
  static const float one = 1, two = 2, three = 3, four = 4, five = 5, nine = 9, momentum = 0.25f;
  sm_object_graph *objects = begin();
  int32_t nested = add_container(objects, SM_OBJECT_ROOT, "nested", SM_CONTAINER_OBJECT);
  int32_t list = add_container(objects, SM_OBJECT_ROOT, "list", SM_CONTAINER_LIST);
  int32_t dict = add_container(objects, nested, "dict", SM_CONTAINER_DICT);
  int32_t tuple = add_container(objects, SM_OBJECT_ROOT, "tuple", SM_CONTAINER_TUPLE);
  int32_t shared = add_variable(objects, SM_OBJECT_ROOT, "v", &one);
  add_variable(objects, list, "0", &two);
  CHECK(sm_object_graph_link(objects, list, "1", shared, &err));
  add_variable(objects, dict, "a/b.c", &three);
  add_variable(objects, dict,
               "gr\xc3\xb6\xc3\x9f"
               "e \xe5\xa4\x89\xe6\x95\xb0",
               &nine);
  add_variable(objects, tuple, "0", &four);
  add_variable(objects, tuple, "1", &five);
  add_namesakes(objects, nested);
  CHECK(sm_object_graph_link(objects, nested, "parent", SM_OBJECT_ROOT, &err));
  int32_t optimizer = add_container(objects, SM_OBJECT_ROOT, "optimizer", SM_CONTAINER_OBJECT);
  const sm_tensor_view slot = scalar(SM_DT_FLOAT, &momentum, sizeof momentum);
  const sm_variable_spec spec = {.value = &slot, .not_trainable = true};
  CHECK(sm_object_graph_add_slot(NULL, objects, optimizer, shared, "momentum", &spec, &err));
  sm_export_options options = SM_EXPORT_OPTIONS_INIT;
  options.extra_tags = (const char *[]){"extra"};
  options.n_extra_tags = 1;
  end_with(objects, root, "objects", &options, NULL);
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  save_containers(argv[1]);
  save_values(argv[1]);
  save_functions(argv[1]);
  save_effects(argv[1]);
  save_library(argv[1]);
  save_tables(argv[1]);
  save_nodes(argv[1]);
  return 0;
}
