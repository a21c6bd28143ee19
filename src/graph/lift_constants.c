#include <stdio.h>

#include "graph/cut_function.h"
#include "graph/lift_internal.h"
#include "graph/name_index.h"

/* Fields of NodeDef, FunctionDef, its signature: proto/node_def.proto, function.proto, op_def.proto. */
enum { NODE_NAME = 1, FUNCTION_SIGNATURE = 1, OP_INPUT_ARG = 2, ARG_NAME = 1, ATTR_TENSOR = 8 };

typedef struct lifting {
  sm_lift_work work;
  size_t at;           /* function that is looked at */
  sm_buffer constants; /* of sm_lifted_constant */
  sm_buffer nodes;     /* of sm_lift_node, by function */
  sm_buffer calls;     /* of sm_lift_call, by function */
  sm_name_index values;
  size_t n_kept;
} lifting;

static size_t n_functions(const lifting *l) { return l->work.spec->library->n; }
static size_t n_nodes(const lifting *l) { return l->nodes.size / sizeof(sm_lift_node); }
static size_t n_calls(const lifting *l) { return l->calls.size / sizeof(sm_lift_call); }

/* ---- Constants ---- */

/* All values are given one by one, so that the tensor is as large as what is stored; of strings nobody knows. */
static sm_status is_large(bool *out, const lifting *l, const sm_tensor_proto *value, sm_error *err) {
  size_t size;
  uint64_t n_values;
  *out = false;
  size_t element = sm_dtype_size(value->dtype);
  if (element == 0 || value->shape.rank < 0 ||
      !sm_shape_bytes(&size, value->dtype, value->shape.dims, (size_t)value->shape.rank) || size <= l->work.spec->above)
    return SM_OK;
  if (value->content.size == 0) SM_TRY(sm_tensor_proto_n_values(&n_values, value, err));
  *out = value->content.size != 0 ? value->content.size == size : n_values == size / element;
  return SM_OK;
}

static sm_status note_constant(lifting *l, sm_span node, sm_error *err) {
  const sm_wire_source *source = l->work.source;
  sm_lifted_constant constant;
  sm_span attr, tensor, name;
  bool is;
  SM_TRY(sm_node_find_attr(&attr, node, "value", source, err));
  SM_TRY(sm_wire_find_bytes(&tensor, attr, ATTR_TENSOR, source, err));
  if (tensor.size <= l->work.spec->above) return SM_OK;
  sm_span *message = sm_arena_new(l->work.arena, sm_span);
  if (message == NULL) return sm_arena_fail(l->work.arena, sizeof *message, err);
  *message = tensor;
  SM_TRY(sm_tensor_proto_read(&constant.value, (sm_spans){message, 1}, source, l->work.arena, err));
  SM_TRY(is_large(&is, l, &constant.value, err));
  if (!is) return SM_OK;
  SM_TRY(sm_wire_find_bytes(&name, node, NODE_NAME, source, err));
  constant.node = sm_span_text(name);
  sm_lift_node found = {node, l->at, sm_name_index_find(&l->values, sm_span_text(tensor))};
  if (found.constant == SIZE_MAX) {
    found.constant = l->values.n;
    SM_TRY(sm_name_index_add(&l->values, sm_span_text(tensor), err));
    SM_TRY(sm_buffer_put(&l->constants, &constant, sizeof constant, err));
  }
  return sm_buffer_put(&l->nodes, &found, sizeof found, err);
}

/* ---- Calls ---- */

typedef struct named_functions {
  const lifting *lifting;
  size_t first, n;
} named_functions;

/* Whoever is named otherwise than by a call of its own takes what it takes. */
static sm_status fix(void *ctx, sm_string name, sm_error *err) {
  const lifting *l = ctx;
  (void)err;
  size_t i = sm_graph_find_function(l->work.spec->library, name);
  if (i != SIZE_MAX) l->work.functions[i].is_fixed = true;
  return SM_OK;
}

static sm_status count_name(void *ctx, sm_string name, sm_error *err) {
  named_functions *named = ctx;
  (void)err;
  if (named->n++ == 0) named->first = sm_graph_find_function(named->lifting->work.spec->library, name);
  return SM_OK;
}

static bool hands_on(sm_string op) {
  return sm_string_equal(op, sm_string_of("PartitionedCall")) ||
         sm_string_equal(op, sm_string_of("StatefulPartitionedCall"));
}

static sm_status note_calls(lifting *l, sm_span node, sm_string op, sm_error *err) {
  const sm_wire_source *source = l->work.source;
  named_functions named = {.lifting = l, .first = SIZE_MAX};
  size_t direct = sm_graph_find_function(l->work.spec->library, op);
  SM_TRY(sm_node_each_nested_func(node, source, count_name, &named, err));
  if (direct != SIZE_MAX || (hands_on(op) && named.n == 1)) {
    const sm_lift_call call = {node, l->at, direct != SIZE_MAX ? direct : named.first};
    if (call.callee != SIZE_MAX) SM_TRY(sm_buffer_put(&l->calls, &call, sizeof call, err));
    if (direct == SIZE_MAX) return SM_OK;
  }
  return named.n != 0 ? sm_node_each_nested_func(node, source, fix, l, err) : SM_OK;
}

/* ---- Looking at all functions ---- */

static sm_status look_at_function(lifting *l, sm_error *err) {
  sm_span def = l->work.spec->library->functions[l->at].def;
  sm_string op;
  sm_wire_reader reader = sm_wire_read(def, l->work.source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (field.tag != SM_WIRE_TAG(SM_FUNCTION_NODE, SM_WIRE_BYTES)) continue;
    SM_TRY(sm_node_get_op(&op, field.bytes, l->work.source, err));
    SM_TRY(sm_string_equal(op, sm_string_of("Const")) ? note_constant(l, field.bytes, err)
                                                      : note_calls(l, field.bytes, op, err));
  }
  return sm_wire_finish(&reader, err);
}

static sm_status check_calls(const lifting *l, sm_error *err) {
  const sm_graph_library *library = l->work.spec->library;
  const size_t *called;
  size_t n;
  sm_string *names = sm_arena_array(l->work.arena, sm_string, library->n);
  if (names == NULL) return sm_arena_fail(l->work.arena, library->n * sizeof *names, err);
  for (size_t i = 0; i < library->n; i++) names[i] = library->functions[i].name;
  return sm_functions_check_calls(&called, &n, names, library->n, library, l->work.source, l->work.arena, err);
}

/* What was found lies by function already. */
static void share_out(lifting *l) {
  const sm_lift_node *nodes = (const sm_lift_node *)(const void *)l->nodes.data;
  const sm_lift_call *calls = (const sm_lift_call *)(const void *)l->calls.data;
  size_t node = 0, call = 0;
  for (size_t i = 0; i < n_functions(l); i++) {
    sm_lift_function *f = &l->work.functions[i];
    for (f->nodes = nodes + node; node < n_nodes(l) && nodes[node].function == i; node++) f->n_nodes++;
    for (f->calls = calls + call; call < n_calls(l) && calls[call].caller == i; call++) f->n_calls++;
  }
}

/* ---- Who needs what ---- */

static bool is_number_before(const void *a, const void *b) { return *(const size_t *)a < *(const size_t *)b; }

static sm_status find_needs(lifting *l, size_t i, sm_error *err) {
  sm_lift_function *f = &l->work.functions[i];
  size_t n = f->n_nodes, n_needs = 0;
  if (f->is_fixed) l->n_kept += f->n_nodes;
  if (f->is_fixed) return SM_OK;
  for (size_t k = 0; k < f->n_calls; k++) n += l->work.functions[f->calls[k].callee].n_needs;
  size_t *needs = sm_arena_array(l->work.arena, size_t, n);
  if (needs == NULL) return sm_arena_fail(l->work.arena, n * sizeof *needs, err);
  n = 0;
  for (size_t k = 0; k < f->n_nodes; k++) needs[n++] = f->nodes[k].constant;
  for (size_t k = 0; k < f->n_calls; k++) {
    const sm_lift_function *callee = &l->work.functions[f->calls[k].callee];
    for (size_t j = 0; j < callee->n_needs; j++) needs[n++] = callee->needs[j];
  }
  sm_sort(needs, n, sizeof *needs, is_number_before);
  for (size_t k = 0; k < n; k++)
    if (k == 0 || needs[k] != needs[k - 1]) needs[n_needs++] = needs[k];
  f->needs = needs;
  f->n_needs = n_needs;
  return SM_OK;
}

/* Callees first. There are no cycles, so each has its turn. */
static sm_status order_functions(size_t *order, const lifting *l, sm_error *err) {
  size_t n = n_functions(l), n_found = 0;
  const sm_lift_call *calls = (const sm_lift_call *)(const void *)l->calls.data;
  size_t *left = sm_arena_array(l->work.arena, size_t, n), *next = sm_arena_array(l->work.arena, size_t, n_calls(l));
  size_t *first = sm_arena_array(l->work.arena, size_t, n); /* call of each function, as one more than its index */
  if (left == NULL || next == NULL || first == NULL) return sm_arena_fail(l->work.arena, n * sizeof *left, err);
  for (size_t i = 0; i < n_calls(l); i++) {
    left[calls[i].caller]++;
    next[i] = first[calls[i].callee];
    first[calls[i].callee] = i + 1;
  }
  for (size_t i = 0; i < n; i++)
    if (left[i] == 0) order[n_found++] = i;
  for (size_t done = 0; done < n_found; done++)
    for (size_t call = first[order[done]]; call != 0; call = next[call - 1])
      if (--left[calls[call - 1].caller] == 0) order[n_found++] = calls[call - 1].caller;
  return SM_OK;
}

static sm_status find_all_needs(lifting *l, sm_error *err) {
  size_t n = n_functions(l);
  size_t *order = sm_arena_array(l->work.arena, size_t, n);
  if (order == NULL) return sm_arena_fail(l->work.arena, n * sizeof *order, err);
  SM_TRY(order_functions(order, l, err));
  for (size_t i = n; i-- > 0;) {
    const sm_lift_function *f = &l->work.functions[order[i]];
    for (size_t k = 0; f->is_fixed && k < f->n_calls; k++) l->work.functions[f->calls[k].callee].is_fixed = true;
  }
  for (size_t i = 0; i < n; i++) SM_TRY(find_needs(l, order[i], err));
  return SM_OK;
}

/* ---- Names ---- */

static bool begins_so(sm_span name, const char *stem) {
  size_t size = strlen(stem);
  return name.size >= size && memcmp(name.data, stem, size) == 0;
}

static sm_status is_used(bool *out, const lifting *l, sm_span message, uint32_t repeated, const char *stem,
                         sm_error *err) {
  sm_span name;
  sm_wire_reader reader = sm_wire_read(message, l->work.source);
  for (sm_wire_field field; !*out && sm_wire_next(&reader, &field);) {
    if (field.tag != SM_WIRE_TAG(repeated, SM_WIRE_BYTES)) continue;
    SM_TRY(sm_wire_find_bytes(&name, field.bytes, NODE_NAME, l->work.source, err)); /* ARG_NAME is the same */
    *out |= begins_so(name, stem);
  }
  return *out ? SM_OK : sm_wire_finish(&reader, err);
}

/* "constant", with as many '_' behind it as no name of any function has. */
static sm_status choose_stem(lifting *l, sm_error *err) {
  static const char word[] = "constant";
  sm_span signature;
  for (size_t n_more = 0;; n_more++) {
    char *stem = sm_arena_calloc(l->work.arena, 1, sizeof word + n_more);
    if (stem == NULL) return sm_arena_fail(l->work.arena, sizeof word + n_more, err);
    memcpy(stem, word, sizeof word - 1);
    memset(stem + sizeof word - 1, '_', n_more);
    bool is = false;
    for (size_t i = 0; i < n_functions(l) && !is; i++) {
      sm_span def = l->work.spec->library->functions[i].def;
      SM_TRY(sm_wire_find_bytes(&signature, def, FUNCTION_SIGNATURE, l->work.source, err));
      SM_TRY(is_used(&is, l, signature, OP_INPUT_ARG, stem, err));
      if (!is) SM_TRY(is_used(&is, l, def, SM_FUNCTION_NODE, stem, err));
    }
    l->work.stem = stem;
    if (!is) return SM_OK;
  }
}

/* ---- All ---- */

static sm_status write_function(sm_lifted_function *out, const lifting *l, size_t i, sm_error *err) {
  sm_buffer def;
  const sm_lift_function *f = &l->work.functions[i];
  *out = (sm_lifted_function){.constants = f->needs, .n_constants = f->n_needs};
  if (f->n_needs == 0) return SM_OK;
  sm_buffer_init(&def, l->work.arena->allocator, UINT64_MAX);
  sm_status status = sm_lift_write(&def, &l->work, i, err);
  if (status == SM_OK) {
    out->def = sm_arena_copy(l->work.arena, (sm_string){(const char *)def.data, def.size});
    if (out->def.data == NULL) status = sm_arena_fail(l->work.arena, def.size, err);
  }
  sm_buffer_free(&def);
  return status;
}

static sm_status keep_constants(sm_lifted *out, lifting *l, sm_error *err) {
  out->n_constants = l->values.n;
  if (l->values.n == 0) return SM_OK;
  out->constants =
      (const void *)sm_arena_copy(l->work.arena, (sm_string){(const char *)l->constants.data, l->constants.size}).data;
  l->work.constants = out->constants;
  return out->constants != NULL ? SM_OK : sm_arena_fail(l->work.arena, l->constants.size, err);
}

static sm_status lift(sm_lifted *out, lifting *l, sm_error *err) {
  size_t n = n_functions(l);
  sm_lifted_function *functions = sm_arena_array(l->work.arena, sm_lifted_function, n);
  l->work.functions = sm_arena_array(l->work.arena, sm_lift_function, n);
  if (functions == NULL || l->work.functions == NULL) return sm_arena_fail(l->work.arena, n * sizeof *functions, err);
  SM_TRY(check_calls(l, err));
  for (size_t i = 0; i < n; i++) l->work.functions[i].is_fixed = l->work.spec->is_fixed[i];
  for (l->at = 0; l->at < n; l->at++) SM_TRY(look_at_function(l, err));
  share_out(l);
  SM_TRY(find_all_needs(l, err));
  SM_TRY(choose_stem(l, err));
  SM_TRY(keep_constants(out, l, err));
  for (size_t i = 0; i < n; i++) SM_TRY(write_function(&functions[i], l, i, err));
  out->functions = functions;
  out->n_kept = l->n_kept;
  return SM_OK;
}

sm_status sm_graph_lift_constants(sm_lifted *out, const sm_lift_spec *spec, sm_arena *arena, sm_error *err) {
  static const sm_wire_source source = {.name = "library"}; /* what is lifted refers to it */
  lifting l = {.work = {.spec = spec, .arena = arena, .source = &source}};
  *out = (sm_lifted){.n_constants = 0};
  sm_buffer *const buffers[] = {&l.constants, &l.nodes, &l.calls};
  for (size_t i = 0; i < 3; i++) sm_buffer_init(buffers[i], arena->allocator, UINT64_MAX);
  sm_name_index_init(&l.values, arena->allocator);
  sm_status status = lift(out, &l, err);
  for (size_t i = 0; i < 3; i++) sm_buffer_free(buffers[i]);
  sm_name_index_free(&l.values);
  return status;
}
