/* Variables and constants of all types in several shards, and variables of odd shapes, cut into parts; a function returns all
 * of them. */
#include <stdio.h>
#include <string.h>

#include "written_objects.h"

/* What tensors have: two numbers of one byte are 1 and 0, of larger ones the bytes 1, 2, 3 and so on. v2_models.py says the
 * same. */
enum { N_ELEMENTS = 2, MAX_SIZE = 2 * 16, N_SHAPES = 4, MAX_TENSORS = 80 };

typedef struct written {
  sm_object_graph *objects;
  sm_graph *graph;
  sm_function_capture captures[MAX_TENSORS];
  sm_function_tensor outputs[MAX_TENSORS];
  char names[MAX_TENSORS][2][64]; /* of node and output */
  size_t n;
} written;

static void fill(sm_tensor_view *view, sm_dtype dtype, unsigned char *bytes) {
  static const sm_string words[] = {{"a", 1}, {"", 0}};
  size_t size = sm_dtype_size(dtype);
  *view = (sm_tensor_view){.dtype = dtype, .rank = 1, .dims = {N_ELEMENTS}, .data = bytes, .size = N_ELEMENTS * size};
  if (dtype == SM_DT_STRING) {
    view->data = words;
    view->size = sizeof words;
  }
  for (size_t i = 0; i < N_ELEMENTS * size; i++) bytes[i] = (unsigned char)(size == 1 ? 1 - i : i + 1);
}

/* A node for the function that stands for what is captured, and the tensor that it returns. */
static void use(written *w, const char *name, int32_t object, const sm_tensor_view *view, bool is_variable) {
  size_t i = w->n++;
  char *node = w->names[i][0], *tensor = w->names[i][1];
  snprintf(node, sizeof w->names[i][0], "%s", name);
  if (is_variable) {
    const sm_attr attrs[] = {sm_attr_type("dtype", view->dtype), sm_attr_shape("shape", view->dims, view->rank)};
    snprintf(tensor, sizeof w->names[i][1], "%s_read", name);
    CHECK(sm_graph_add_node(w->graph, &(sm_node_spec){.op = "VarHandleOp", .name = node, .attrs = attrs, .n_attrs = 2},
                            &err));
    CHECK(sm_graph_add_node(w->graph,
                            &(sm_node_spec){.op = "ReadVariableOp",
                                            .name = tensor,
                                            .inputs = (const char *[]){node},
                                            .n_inputs = 1,
                                            .attrs = attrs,
                                            .n_attrs = 1},
                            &err));
  } else {
    snprintf(tensor, sizeof w->names[i][1], "%s", name);
    CHECK(sm_graph_add_placeholder(w->graph, node, view->dtype, view->dims, view->rank, &err));
  }
  w->captures[i] = (sm_function_capture){node, object};
  w->outputs[i] = (sm_function_tensor){
      .name = node, .tensor = tensor, .dtype = view->dtype, .rank = view->rank, .dims = view->dims};
}

/* TensorFlow 2.21 has no kernel that assigns variables of the others. */
static bool is_assigned(sm_dtype dtype) {
  switch (dtype) {
    case SM_DT_QINT16:
    case SM_DT_QUINT16:
    case SM_DT_FLOAT8_E4M3FNUZ:
    case SM_DT_FLOAT8_E4M3B11FNUZ:
    case SM_DT_FLOAT8_E5M2FNUZ: return false;
    default: return true;
  }
}

/* It loads constants of these as the integers that they are made of, and cannot save those again. */
static bool is_quantized(sm_dtype dtype) {
  return (dtype >= SM_DT_QINT8 && dtype <= SM_DT_QINT32) || dtype == SM_DT_QINT16 || dtype == SM_DT_QUINT16;
}

static void add_types(written *w) {
  static const sm_dtype dtypes[] = {
#define NUMBER(name, number, size, python) SM_DT_##name,
      SM_DTYPE_LIST(NUMBER)
#undef NUMBER
  };
  static sm_tensor_view views[sizeof dtypes / sizeof *dtypes];
  static unsigned char bytes[sizeof dtypes / sizeof *dtypes][MAX_SIZE];
  char name[64];
  int32_t variables = add_container(w->objects, SM_OBJECT_ROOT, "variables", SM_CONTAINER_DICT), object;
  int32_t constants = add_container(w->objects, SM_OBJECT_ROOT, "constants", SM_CONTAINER_DICT);
  for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
    const char *type = sm_dtype_python_name(dtypes[i]);
    if (dtypes[i] == SM_DT_RESOURCE || dtypes[i] == SM_DT_VARIANT) continue;
    fill(&views[i], dtypes[i], bytes[i]);
    if (is_assigned(dtypes[i])) {
      const sm_variable_spec spec = {.value = &views[i]};
      CHECK(sm_object_graph_add_variable(&object, w->objects, variables, type, &spec, &err));
      snprintf(name, sizeof name, "variable_%s", type);
      use(w, name, object, &views[i], true);
    }
    if (!is_quantized(dtypes[i])) {
      CHECK(sm_object_graph_add_constant(&object, w->objects, constants, type, &views[i], &err));
      snprintf(name, sizeof name, "constant_%s", type);
      use(w, name, object, &views[i], false);
    }
  }
}

static void add_shapes(written *w) {
  static const float numbers[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  static sm_tensor_view views[N_SHAPES] = {
      {.dtype = SM_DT_FLOAT, .rank = 0, .data = numbers, .size = sizeof(float)},
      {.dtype = SM_DT_FLOAT, .rank = 2, .dims = {0, 3}},
      {.dtype = SM_DT_FLOAT, .rank = 20, .dims = {1, 2, 1, 2, [4] = 1}, .data = numbers, .size = 4 * sizeof(float)},
      {.dtype = SM_DT_FLOAT, .rank = 2, .dims = {8, 2}, .data = numbers, .size = sizeof numbers}};
  static const char *const names[N_SHAPES] = {"scalar", "empty", "deep", "cut"};
  int32_t object;
  for (int i = 5; i < 20; i++) views[2].dims[i] = 1;
  for (size_t i = 0; i < N_SHAPES; i++) {
    const sm_variable_spec spec = {.value = &views[i]};
    CHECK(sm_object_graph_add_variable(&object, w->objects, SM_OBJECT_ROOT, names[i], &spec, &err));
    use(w, names[i], object, &views[i], true);
  }
}

static void save_one(const char *root, const char *name, void (*add)(written *w), const sm_save_options *save) {
  static written w;
  w.n = 0;
  w.objects = begin();
  CHECK(sm_graph_new(&w.graph, NULL, &err));
  add(&w);
  const sm_trace trace = {
      .graph_def = def_of(w.graph), .outputs = w.outputs, .n_outputs = w.n, .captures = w.captures, .n_captures = w.n};
  add_function(w.objects, SM_OBJECT_ROOT, "get_all", &trace, SM_KEY_SERVING_DEFAULT);
  end_with(w.objects, root, name, NULL, save);
  sm_graph_free(w.graph);
}

void save_values(const char *root) {
  sm_save_options in_shards = SM_SAVE_OPTIONS_INIT, in_parts = SM_SAVE_OPTIONS_INIT;
  in_shards.n_shards = 3;
  in_parts.max_shard_size = 40; /* less than the largest of them has */
  save_one(root, "values", add_types, &in_shards);
  save_one(root, "shapes", add_shapes, &in_parts);
}
