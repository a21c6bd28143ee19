/* Constants too large for a graph, made into variables: their values lie in the checkpoint. A function that captures one, or
 * has one inside, gets another one around it that reads the variable and passes the value on; so does whatever it calls
 * stay free of variables. */
#include <stdio.h>

#include "builder/built_objects.h"
#include "graph/lift_constants.h"

/* Field numbers of GradientDef and RegisteredGradient in a FunctionDefLibrary: proto/function.proto, graph.proto. */
enum { GRADIENT_DEF = 2, GRADIENT_FUNCTION_NAME = 1, GRADIENT_FUNCTION = 2, REGISTERED_FUNCTION = 1 };

static const char CALL[] = "StatefulPartitionedCall", CONTAINER[] = "moved_constants";

typedef struct moving {
  sm_object_graph *objects;
  sm_arena *scratch;
  sm_graph_library library;       /* what objects call */
  bool *is_fixed;                 /* by index in it */
  bool *is_moved;                 /* objects: constants that become variables */
  int32_t container, n_contained; /* of variables to which nothing else leads; -1: not made yet */
  int32_t *lifted;                /* the variable of each lifted constant */
  sm_lifted changes;
} moving;

/* ---- The library ---- */

static sm_status open_library(moving *m, sm_error *err) {
  sm_graph_library all;
  SM_TRY(sm_built_sort_library(&all, m->objects, m->scratch, err));
  SM_TRY(sm_built_find_called(&m->library, m->objects, &all, m->scratch, err));
  m->is_fixed = sm_arena_array(m->scratch, bool, m->library.n);
  m->is_moved = sm_arena_array(m->scratch, bool, (size_t)m->objects->n_objects);
  if (m->is_fixed == NULL || m->is_moved == NULL) return sm_arena_fail(m->scratch, m->library.n, err);
  return SM_OK;
}

static void fix(moving *m, sm_string name) {
  size_t i = sm_graph_find_function(&m->library, name);
  if (i != SIZE_MAX) m->is_fixed[i] = true;
}

/* Gradients are found by the names of functions, and take what those take. */
static sm_status fix_gradients(moving *m, sm_error *err) {
  const sm_span gradients = {m->objects->gradients.data, m->objects->gradients.size};
  const sm_wire_source source = {.name = "gradients", .bytes = gradients};
  sm_wire_reader reader = sm_wire_read(gradients, &source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    static const uint32_t of_def[] = {GRADIENT_FUNCTION_NAME, GRADIENT_FUNCTION}, registered[] = {REGISTERED_FUNCTION};
    bool is_def = sm_wire_number(&field) == GRADIENT_DEF;
    for (size_t i = 0; i < (is_def ? 2 : 1); i++) {
      sm_span name;
      SM_TRY(sm_wire_find_bytes(&name, field.bytes, (is_def ? of_def : registered)[i], &source, err));
      fix(m, sm_span_text(name));
    }
  }
  return sm_wire_finish(&reader, err);
}

static void fix_all(moving *m, const sm_built_functions *functions) {
  for (size_t i = 0; i < functions->n; i++) fix(m, functions->items[i].name);
}

/* The main graph calls functions that make resources and save objects, and passes what these capture. Where functions of
 * gradients capture tensors inside others, these stay, too. */
static void fix_objects(moving *m) {
  sm_built_object *const *objects = m->objects->objects;
  for (int32_t i = 0; i < m->objects->n_objects; i++) {
    const sm_built_object *object = objects[i];
    if (object->kind == SM_BUILT_CAPTURED_TENSOR) fix(m, object->captured.function);
    if (object->kind == SM_BUILT_RESOURCE)
      for (const sm_built_edge *edge = object->first_edge; edge != NULL; edge = edge->next)
        fix_all(m, &objects[edge->child]->functions);
    for (const sm_built_saveable *saveable = object->first_saveable; saveable != NULL; saveable = saveable->next) {
      fix_all(m, &objects[saveable->save]->functions);
      fix_all(m, &objects[saveable->restore]->functions);
    }
  }
}

/* ---- Which objects ---- */

static void choose_objects(moving *m, uint64_t above) {
  for (int32_t i = 0; i < m->objects->n_objects; i++) {
    const sm_built_object *object = m->objects->objects[i];
    m->is_moved[i] =
        object->kind == SM_BUILT_CONSTANT && sm_dtype_size(object->value.dtype) != 0 && object->value.size > above;
  }
  for (int32_t i = 0; i < m->objects->n_objects; i++) { /* what is fixed goes on taking values */
    const sm_built_functions *functions = &m->objects->objects[i]->functions;
    for (size_t k = 0; k < functions->n; k++) {
      const sm_built_function *f = &functions->items[k];
      size_t found = sm_graph_find_function(&m->library, f->name);
      if (found == SIZE_MAX || !m->is_fixed[found]) continue;
      for (size_t c = 0; c < f->n_captures; c++) m->is_moved[f->captures[c]] = false;
    }
  }
}

static void move_object(sm_built_object *object) {
  object->kind = SM_BUILT_VARIABLE;
  object->variable = (sm_built_variable){.shape = object->value.shape, .not_trainable = true};
}

/* ---- Variables of what was inside functions ---- */

static sm_status find_container(moving *m, sm_error *err) {
  sm_built_object *object;
  const char *name = CONTAINER, *place;
  if (m->container >= 0) return SM_OK;
  SM_TRY(sm_built_print(&place, m->scratch, err, "%d/%s", SM_OBJECT_ROOT, name));
  while (sm_name_index_find(&m->objects->edges, sm_string_of(place)) != SIZE_MAX) {
    SM_TRY(sm_built_print(&name, m->scratch, err, "%s_", name));
    SM_TRY(sm_built_print(&place, m->scratch, err, "%d/%s", SM_OBJECT_ROOT, name));
  }
  SM_TRY(sm_built_add(&object, &m->container, m->objects, SM_OBJECT_ROOT, name, SM_BUILT_CONTAINER, err));
  object->container = SM_CONTAINER_LIST;
  return SM_OK;
}

static sm_status read_value(sm_built_value *out, moving *m, const sm_tensor_proto *value, sm_error *err) {
  sm_tensor_view view;
  sm_error unusual;
  size_t size, rank = (size_t)value->shape.rank;
  int64_t *dims = sm_arena_array(&m->objects->arena, int64_t, rank + 1);
  if (dims == NULL) return sm_arena_fail(&m->objects->arena, rank * sizeof *dims, err);
  if (rank != 0) memcpy(dims, value->shape.dims, rank * sizeof *dims);
  *out = (sm_built_value){.dtype = value->dtype, .shape = {value->shape.rank, dims}, .is_given = true};
  sm_status status = sm_tensor_proto_view(&view, value, &unusual);
  if (status == SM_OK) { /* in the function as it was, which the arena keeps */
    out->data = view.data;
    out->size = view.size;
    return SM_OK;
  }
  sm_shape_bytes(&size, value->dtype, dims, rank); /* it was computed when the constant was chosen */
  void *data = sm_arena_alloc(&m->objects->arena, size);
  if (data == NULL) return sm_arena_fail(&m->objects->arena, size, err);
  out->data = data;
  out->size = size;
  return sm_tensor_proto_decode_into(data, size, value, err);
}

static sm_status add_variable(int32_t *out, moving *m, const sm_lifted_constant *constant, sm_error *err) {
  sm_built_object *object;
  sm_built_value value;
  const char *number;
  SM_TRY(find_container(m, err));
  SM_TRY(read_value(&value, m, &constant->value, err));
  SM_TRY(sm_built_print(&number, m->scratch, err, "%d", (int)m->n_contained++));
  sm_string name = sm_arena_copy(&m->objects->arena, constant->node);
  if (name.data == NULL) return sm_arena_fail(&m->objects->arena, constant->node.size, err);
  SM_TRY(sm_built_add(&object, out, m->objects, m->container, number, SM_BUILT_VARIABLE, err));
  object->value = value;
  object->variable = (sm_built_variable){.name = name.data, .shape = value.shape, .not_trainable = true};
  return SM_OK;
}

/* What only fixed functions have stays there. */
static sm_status find_used(bool **out, moving *m, sm_error *err) {
  *out = sm_arena_array(m->scratch, bool, m->changes.n_constants);
  if (*out == NULL) return sm_arena_fail(m->scratch, m->changes.n_constants, err);
  for (size_t i = 0; i < m->library.n; i++)
    for (size_t k = 0; k < m->changes.functions[i].n_constants; k++)
      (*out)[m->changes.functions[i].constants[k]] = true;
  return SM_OK;
}

static sm_status add_variables(moving *m, sm_error *err) {
  bool *is_used;
  size_t n = m->changes.n_constants;
  m->lifted = sm_arena_array(m->scratch, int32_t, n);
  if (m->lifted == NULL) return sm_arena_fail(m->scratch, n * sizeof *m->lifted, err);
  SM_TRY(find_used(&is_used, m, err));
  for (size_t i = 0; i < n; i++) {
    if (is_used[i]) SM_TRY(add_variable(&m->lifted[i], m, &m->changes.constants[i], err));
  }
  return SM_OK;
}

/* Functions merely captured it; a variable is an object of the model. */
static sm_status lead_to(moving *m, int32_t object, sm_error *err) {
  char number[16];
  if (m->objects->objects[object]->parent != SM_OBJECT_NONE) return SM_OK;
  SM_TRY(find_container(m, err));
  snprintf(number, sizeof number, "%d", (int)m->n_contained++);
  return sm_object_graph_link(m->objects, m->container, number, object, err);
}

/* ---- Functions around functions ---- */

typedef struct wrapping {
  moving *m;
  const sm_built_function *inner;
  const sm_lifted_function *lifted;
  sm_built_function out;
  sm_function_part *parts; /* arguments, then results */
  size_t n_args;
  sm_node_spec *nodes; /* reads, then the call */
  size_t n_nodes;
  const char **values; /* what the call gets for each argument */
  sm_dtype *dtypes;    /* of that, then of the results */
} wrapping;

static sm_status allocate(wrapping *w, sm_error *err) {
  sm_arena *arena = w->m->scratch;
  size_t n_captures = w->inner->n_captures + w->lifted->n_constants, n_out = w->inner->n_out;
  int32_t *captures = sm_arena_array(&w->m->objects->arena, int32_t, n_captures);
  w->n_args = w->inner->n_in + n_captures;
  w->parts = sm_arena_array(arena, sm_function_part, w->n_args + n_out);
  w->nodes = sm_arena_array(arena, sm_node_spec, n_captures + 1);
  w->values = sm_arena_array(arena, const char *, w->n_args);
  w->dtypes = sm_arena_array(arena, sm_dtype, w->n_args + n_out);
  if (captures == NULL || w->parts == NULL || w->nodes == NULL || w->values == NULL || w->dtypes == NULL)
    return sm_arena_fail(arena, (w->n_args + n_out) * sizeof *w->parts, err);
  for (size_t i = 0; i < w->inner->n_captures; i++) captures[i] = w->inner->captures[i];
  for (size_t i = w->inner->n_captures; i < n_captures; i++)
    captures[i] = w->m->lifted[w->lifted->constants[i - w->inner->n_captures]];
  w->out.captures = captures;
  w->out.n_captures = n_captures;
  return SM_OK;
}

static sm_status add_read(wrapping *w, const char *handle, sm_dtype dtype, const char **value, sm_error *err) {
  sm_arena *arena = w->m->scratch;
  sm_node_spec *node = &w->nodes[w->n_nodes];
  sm_attr *attr = sm_arena_new(arena, sm_attr);
  const char **input = sm_arena_new(arena, const char *);
  if (attr == NULL || input == NULL) return sm_arena_fail(arena, sizeof *attr, err);
  *attr = sm_attr_type("dtype", dtype);
  *input = handle;
  *node = (sm_node_spec){.op = "ReadVariableOp", .inputs = input, .n_inputs = 1, .attrs = attr, .n_attrs = 1};
  SM_TRY(sm_built_print(&node->name, arena, err, "ReadVariableOp_%zu", w->n_nodes++));
  return sm_built_print(value, arena, err, "%s:value:0", node->name);
}

/* Captured variables of the inner function are passed on; what was a constant is read. */
static sm_status add_capture(wrapping *w, size_t i, sm_error *err) {
  const moving *m = w->m;
  const sm_built_object *object = m->objects->objects[w->out.captures[i]];
  size_t arg = w->inner->n_in + i;
  sm_function_part *part = &w->parts[arg];
  bool is_moved = i >= w->inner->n_captures || m->is_moved[w->out.captures[i]];
  SM_TRY(sm_built_print(&part->name, m->scratch, err, "capture_%zu", i));
  part->dtype = is_moved ? SM_DT_RESOURCE : sm_built_capture_dtype(object);
  w->values[arg] = part->name;
  w->dtypes[arg] = is_moved ? object->value.dtype : part->dtype;
  return is_moved ? add_read(w, part->name, object->value.dtype, &w->values[arg], err) : SM_OK;
}

static sm_status add_arguments(wrapping *w, sm_error *err) {
  for (size_t i = 0; i < w->inner->n_in; i++) {
    SM_TRY(sm_built_print(&w->parts[i].name, w->m->scratch, err, "input_%zu", i));
    w->parts[i].dtype = w->dtypes[i] = w->inner->in[i]->dtype;
    w->values[i] = w->parts[i].name;
  }
  for (size_t i = 0; i < w->out.n_captures; i++) SM_TRY(add_capture(w, i, err));
  for (size_t i = 0; i < w->inner->n_out; i++) {
    sm_function_part *part = &w->parts[w->n_args + i];
    part->dtype = w->dtypes[w->n_args + i] = w->inner->out[i]->dtype;
    SM_TRY(sm_built_print(&part->name, w->m->scratch, err, "output_%zu", i));
    SM_TRY(sm_built_print(&part->value, w->m->scratch, err, "%s:output:%zu", CALL, i));
  }
  return SM_OK;
}

static sm_status write_wrapper(wrapping *w, sm_error *err) {
  const sm_attr attrs[] = {sm_attr_types("Tin", w->dtypes, w->n_args),
                           sm_attr_types("Tout", w->dtypes + w->n_args, w->inner->n_out),
                           sm_attr_func("f", w->inner->name.data)};
  w->nodes[w->n_nodes++] = (sm_node_spec){
      .op = CALL, .name = CALL, .inputs = w->values, .n_inputs = w->n_args, .attrs = attrs, .n_attrs = 3};
  const sm_function_parts parts = {.name = w->out.name.data,
                                   .inputs = w->parts,
                                   .n_inputs = w->n_args,
                                   .outputs = w->parts + w->n_args,
                                   .n_outputs = w->inner->n_out,
                                   .nodes = w->nodes,
                                   .n_nodes = w->n_nodes,
                                   .control = CALL};
  return sm_built_make_function(&w->out, w->m->objects, &parts, err);
}

static bool captures_moved(const moving *m, const sm_built_function *f) {
  for (size_t i = 0; i < f->n_captures; i++)
    if (m->is_moved[f->captures[i]]) return true;
  return false;
}

static sm_status wrap(moving *m, sm_built_function *f, const char *stem, sm_error *err) {
  size_t found = sm_graph_find_function(&m->library, f->name);
  if (found == SIZE_MAX || m->is_fixed[found]) return SM_OK;
  wrapping w = {.m = m, .inner = f, .lifted = &m->changes.functions[found], .out = *f};
  if (w.lifted->n_constants == 0 && !captures_moved(m, f)) return SM_OK;
  SM_TRY(allocate(&w, err));
  SM_TRY(add_arguments(&w, err));
  SM_TRY(sm_built_name_function(&w.out.name, m->objects, stem, err));
  SM_TRY(write_wrapper(&w, err));
  *f = w.out;
  return SM_OK;
}

/* ---- All ---- */

/* The functions that lost constants, in place of those that had them. */
static sm_status replace_functions(moving *m, sm_error *err) {
  for (size_t i = 0; i < m->library.n; i++) {
    const sm_lifted_function *changed = &m->changes.functions[i];
    if (changed->def.data == NULL) continue;
    sm_string copy = sm_arena_copy(&m->objects->arena, changed->def);
    if (copy.data == NULL) return sm_arena_fail(&m->objects->arena, changed->def.size, err);
    m->objects->functions[m->library.functions[i].position].def = (sm_span){(const uint8_t *)copy.data, copy.size};
  }
  return SM_OK;
}

static sm_status wrap_all(moving *m, sm_error *err) {
  for (int32_t i = 0; i < m->objects->n_objects; i++) {
    sm_built_object *object = m->objects->objects[i];
    for (size_t k = 0; k < object->functions.n; k++)
      SM_TRY(wrap(m, &object->functions.items[k], object->name.data, err));
  }
  return SM_OK;
}

static void tell_kept(const moving *m, const sm_export_options *options) {
  char what[160];
  if (m->changes.n_kept == 0 || options->note == NULL) return;
  snprintf(what, sizeof what, "%zu large constants stay in the graph: their functions are called by more than calls",
           m->changes.n_kept);
  options->note(options->note_ctx, what);
}

static sm_status move(moving *m, const sm_export_options *options, sm_error *err) {
  int32_t n = m->objects->n_objects;
  SM_TRY(open_library(m, err));
  SM_TRY(fix_gradients(m, err));
  fix_objects(m);
  choose_objects(m, options->move_constants_above);
  const sm_lift_spec spec = {&m->library, m->is_fixed, options->move_constants_above};
  SM_TRY(sm_graph_lift_constants(&m->changes, &spec, m->scratch, err));
  SM_TRY(add_variables(m, err));
  SM_TRY(replace_functions(m, err));
  SM_TRY(wrap_all(m, err));
  for (int32_t i = 0; i < n; i++) {
    if (!m->is_moved[i]) continue;
    move_object(m->objects->objects[i]);
    SM_TRY(lead_to(m, i, err));
  }
  tell_kept(m, options);
  return SM_OK;
}

sm_status sm_built_move_constants(sm_object_graph *objects, const sm_export_options *options, sm_error *err) {
  sm_arena scratch;
  moving m = {.objects = objects, .scratch = &scratch, .container = -1};
  if (options->move_constants_above == 0) return SM_OK;
  sm_arena_init(&scratch, objects->allocator, UINT64_MAX);
  sm_status status = move(&m, options, err);
  sm_arena_free(&scratch);
  return status;
}
