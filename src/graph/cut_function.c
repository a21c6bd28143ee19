#include "graph/cut_internal.h"

#include <stdio.h>

#include "graph/graph_check.h"
#include "graph/name_set.h"
#include "graph/reach.h"

enum { NODE_INPUT = 3 }; /* field of NodeDef: proto/node_def.proto */

/* ---- Tensors ---- */

/* The node and output that a name in the spec is of, and its dtype, which is none of a reference. */
static sm_status find_tensor(sm_cut_node **node, uint64_t *index, sm_dtype *dtype, sm_cut_work *work,
                             const sm_cut_arg *arg, sm_error *err) {
  sm_tensor_ref ref;
  sm_arg_place place;
  bool is_name = sm_tensor_ref_parse(&ref, arg->tensor) && !ref.is_control;
  *node = is_name ? sm_cut_find_node(work->graph, ref.node) : NULL;
  if (*node == NULL)
    return sm_cut_fail(work, err, SM_NOT_FOUND, "tensor %.*s is not in the graph", SM_SHOWN(arg->tensor));
  *index = ref.index;
  SM_TRY(sm_cut_read_attrs(work, *node, err));
  SM_TRY(sm_cut_find_output(&place, work, *node, ref.index, err));
  const sm_op_arg *output = &(*node)->def->outputs.items[place.arg];
  SM_TRY(sm_arg_dtype(dtype, output, place.index, (*node)->attrs, work->graph->source, err));
  if (*dtype == SM_DT_INVALID)
    return sm_cut_fail(work, err, SM_INVALID_ARGUMENT, "tensor %.*s: its type cannot be told", SM_SHOWN(arg->tensor));
  if (output->proto->is_ref)
    return sm_cut_fail(work, err, SM_INVALID_ARGUMENT,
                       "tensor %.*s is a reference to a variable, which functions neither take nor return",
                       SM_SHOWN(arg->tensor));
  if (arg->dtype != SM_DT_INVALID && arg->dtype != *dtype)
    return sm_cut_fail(work, err, SM_INVALID_ARGUMENT, "tensor %.*s is of type %s, expected %s", SM_SHOWN(arg->tensor),
                       sm_dtype_text(*dtype).text, sm_dtype_text(arg->dtype).text);
  return SM_OK;
}

/* ---- Names ---- */

/* As NodeNameMapping::Normalize (core/framework/graph_to_functiondef.cc): [a-z][a-z0-9_]*. */
static sm_status normalise(sm_string *out, sm_cut_work *work, sm_string name, sm_error *err) {
  static const char unnamed[] = "unknown";
  char *text = sm_arena_calloc(work->graph->arena, 1, name.size + sizeof unnamed);
  if (text == NULL) return sm_arena_fail(work->graph->arena, name.size, err);
  size_t n = 0;
  for (size_t i = 0; i < name.size; i++) {
    char c = name.data[i];
    bool is_upper = c >= 'A' && c <= 'Z', is_letter = is_upper || (c >= 'a' && c <= 'z');
    if (n == 0 && !is_letter) continue;
    bool is_digit = c >= '0' && c <= '9';
    text[n++] = is_upper ? (char)(c - 'A' + 'a') : is_letter || is_digit ? c : '_';
  }
  if (n == 0) memcpy(text, unnamed, n = sizeof unnamed - 1);
  *out = (sm_string){text, n};
  return SM_OK;
}

static bool is_taken(const sm_cut_work *work, sm_string name, bool among_nodes) {
  if (sm_name_index_find(&work->names, name) != SIZE_MAX) return true;
  return among_nodes && sm_cut_find_node(work->graph, name) != NULL;
}

/* The numbers go on from name to name, so that many of one name take no longer than many names. */
static sm_status make_unique(sm_string *name, sm_cut_work *work, bool among_nodes, sm_error *err) {
  enum { MAX_NUMBER = 24 };
  const sm_string stem = *name;
  char *text = sm_arena_alloc(work->graph->arena, stem.size + MAX_NUMBER);
  if (text == NULL) return sm_arena_fail(work->graph->arena, stem.size + MAX_NUMBER, err);
  if (stem.size != 0) memcpy(text, stem.data, stem.size);
  do {
    int size = snprintf(text + stem.size, MAX_NUMBER, "_%llu", (unsigned long long)++work->last_number);
    *name = (sm_string){text, stem.size + (size_t)size};
  } while (is_taken(work, *name, among_nodes));
  return SM_OK;
}

static sm_status name_arg(sm_string *out, sm_cut_work *work, const sm_cut_arg *arg, sm_error *err) {
  sm_tensor_ref ref;
  sm_tensor_ref_parse(&ref, arg->tensor);
  SM_TRY(normalise(out, work, arg->name.size != 0 ? arg->name : ref.node, err));
  if (is_taken(work, *out, false)) SM_TRY(make_unique(out, work, false, err));
  return sm_name_index_add(&work->names, *out, err);
}

/* ---- Arguments ---- */

static sm_status add_place(sm_cut_work *work, const sm_cut_arg *arg, bool is_input, sm_error *err) {
  sm_cut_place *place = &work->places[work->n_places];
  *place = (sm_cut_place){.is_input = is_input, .is_needed = is_input};
  SM_TRY(find_tensor(&place->node, &place->index, &place->arg.dtype, work, arg, err));
  if (sm_cut_find_place(work, place->node, place->index) != NULL)
    return sm_cut_fail(work, err, SM_INVALID_ARGUMENT, "tensor %.*s is given twice as input or capture",
                       SM_SHOWN(arg->tensor));
  place->next = place->node->first_place;
  place->node->first_place = work->n_places++;
  return SM_OK;
}

static sm_status add_places(sm_cut_work *work, sm_error *err) {
  const sm_cut_spec *spec = work->spec;
  size_t n = spec->n_inputs + spec->n_captures;
  work->places = sm_arena_array(&work->scratch, sm_cut_place, n);
  if (work->places == NULL) return sm_arena_fail(&work->scratch, n * sizeof *work->places, err);
  for (size_t i = 0; i < spec->n_inputs; i++) SM_TRY(add_place(work, &spec->inputs[i], true, err));
  for (size_t i = 0; i < spec->n_captures; i++) SM_TRY(add_place(work, &spec->captures[i], false, err));
  return SM_OK;
}

/* ---- What belongs to it ---- */

/* While the body is found, body is what was found; n_done of it was looked at. */
static sm_status reach_node(sm_cut_work *work, sm_cut_node *node, sm_error *err) {
  if (node->is_inside) return SM_OK;
  if (node->is_placeholder)
    return sm_cut_fail(work, err, SM_INVALID_ARGUMENT, "needs the Placeholder %.*s, which is none of its inputs",
                       SM_SHOWN(node->name));
  if (node->is_variable)
    return sm_cut_fail(work, err, SM_INVALID_ARGUMENT, "needs the variable %.*s, which is none of its captures",
                       SM_SHOWN(node->name));
  SM_TRY(sm_cut_define(work, node, err));
  node->is_inside = true;
  work->body[work->n_body++] = node;
  return SM_OK;
}

/* user: the node that names it; NULL: the spec does. */
static sm_status reach_name(sm_cut_work *work, sm_string text, const sm_cut_node *user, sm_error *err) {
  sm_tensor_ref ref;
  sm_arg_place output;
  sm_cut_node *node = sm_tensor_ref_parse(&ref, text) ? sm_cut_find_node(work->graph, ref.node) : NULL;
  if (node == NULL && user != NULL)
    return sm_cut_fail(work, err, SM_INVALID_ARGUMENT, "node %.*s: its input %.*s is not in the graph",
                       SM_SHOWN(user->name), SM_SHOWN(text));
  if (node == NULL) return sm_cut_fail(work, err, SM_NOT_FOUND, "node %.*s is not in the graph", SM_SHOWN(text));
  if (ref.is_control) return sm_cut_keeps_control(work, node) ? reach_node(work, node, err) : SM_OK;
  sm_cut_place *place = sm_cut_find_place(work, node, ref.index);
  if (place != NULL) {
    place->is_needed = true;
    return SM_OK;
  }
  SM_TRY(reach_node(work, node, err));
  return sm_cut_find_output(&output, work, node, ref.index, err);
}

static sm_status reach_inputs(sm_cut_work *work, const sm_cut_node *node, sm_error *err) {
  sm_wire_reader reader = sm_wire_read(node->bytes, work->graph->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    if (field.tag == SM_WIRE_TAG(NODE_INPUT, SM_WIRE_BYTES))
      SM_TRY(reach_name(work, sm_span_text(field.bytes), node, err));
  return sm_wire_finish(&reader, err);
}

static bool earlier_in_file(const void *a, const void *b) {
  return (*(const sm_cut_node *const *)a)->position < (*(const sm_cut_node *const *)b)->position;
}

static sm_status find_body(sm_cut_work *work, sm_error *err) {
  const sm_cut_spec *spec = work->spec;
  work->body = sm_arena_array(&work->scratch, sm_cut_node *, work->graph->n_nodes);
  if (work->body == NULL) return sm_arena_fail(&work->scratch, work->graph->n_nodes * sizeof *work->body, err);
  for (size_t i = 0; i < spec->n_outputs; i++) SM_TRY(reach_name(work, spec->outputs[i].tensor, NULL, err));
  for (size_t i = 0; i < spec->n_controls; i++) {
    sm_cut_node *node = sm_cut_find_node(work->graph, sm_tensor_node_name(spec->controls[i]));
    if (node == NULL)
      return sm_cut_fail(work, err, SM_NOT_FOUND, "node %.*s is not in the graph", SM_SHOWN(spec->controls[i]));
    if (!sm_cut_keeps_control(work, node)) continue;
    SM_TRY(reach_node(work, node, err));
    node->is_control = true;
  }
  for (size_t done = 0; done < work->n_body; done++) SM_TRY(reach_inputs(work, work->body[done], err));
  sm_sort(work->body, work->n_body, sizeof *work->body, earlier_in_file);
  return sm_cut_find_branches(work, err);
}

/* Arguments have their names first, as in TensorFlow; a node of one of these gets another. */
static sm_status give_names(sm_cut_work *work, sm_error *err) {
  const sm_cut_spec *spec = work->spec;
  for (size_t i = 0; i < work->n_places; i++) {
    const sm_cut_arg *arg = i < spec->n_inputs ? &spec->inputs[i] : &spec->captures[i - spec->n_inputs];
    if (work->places[i].is_needed) SM_TRY(name_arg(&work->places[i].arg.name, work, arg, err));
  }
  for (size_t i = 0; i < work->n_body; i++) {
    sm_cut_node *node = work->body[i];
    if (!is_taken(work, node->name, false)) continue;
    node->new_name = node->name;
    SM_TRY(make_unique(&node->new_name, work, true, err));
  }
  for (size_t i = 0; i < spec->n_outputs; i++) {
    sm_cut_node *node;
    uint64_t index;
    SM_TRY(find_tensor(&node, &index, &work->outputs[i].dtype, work, &spec->outputs[i], err));
    SM_TRY(name_arg(&work->outputs[i].name, work, &spec->outputs[i], err));
  }
  return SM_OK;
}

/* ---- Calls ---- */

static sm_status note_call(void *ctx, sm_string name, sm_error *err) {
  bool was_recent;
  return sm_name_set_add(&was_recent, ctx, name, err);
}

static sm_status find_calls(sm_name_set *names, const sm_cut_work *work, sm_error *err) {
  for (size_t i = 0; i < work->n_body; i++) {
    const sm_cut_node *node = work->body[i];
    if (sm_graph_find_function(work->graph->library, node->def->name) != SIZE_MAX)
      SM_TRY(note_call(names, node->def->name, err));
    SM_TRY(sm_node_each_nested_func(node->bytes, work->graph->source, note_call, names, err));
  }
  sm_name_set_finish(names);
  return SM_OK;
}

static sm_status check_calls(sm_cut *out, const sm_cut_work *work, sm_error *err) {
  const sm_cut_graph *graph = work->graph;
  sm_name_set names;
  const size_t *all;
  size_t n_all;
  sm_name_set_init(&names, graph->arena->allocator);
  sm_status status = find_calls(&names, work, err);
  if (status == SM_OK)
    status =
        sm_functions_check_calls(&all, &n_all, names.names, names.n, graph->library, graph->source, graph->arena, err);
  sm_string *called = status == SM_OK ? sm_arena_array(graph->arena, sm_string, names.n) : NULL;
  if (status == SM_OK && called == NULL) status = sm_arena_fail(graph->arena, names.n * sizeof *called, err);
  if (status == SM_OK && names.n != 0) memcpy(called, names.names, names.n * sizeof *called);
  *out = (sm_cut){.called = called, .n_called = names.n};
  sm_name_set_free(&names);
  return status;
}

/* ---- All ---- */

static sm_status report(sm_cut *out, sm_cut_work *work, sm_error *err) {
  sm_arena *arena = work->graph->arena;
  sm_function_arg *inputs = sm_arena_array(arena, sm_function_arg, work->n_places);
  size_t *captures = sm_arena_array(arena, size_t, work->spec->n_captures), n = 0;
  if (inputs == NULL || captures == NULL) return sm_arena_fail(arena, work->n_places * sizeof *inputs, err);
  for (size_t i = 0; i < work->n_places; i++) {
    if (!work->places[i].is_needed) continue;
    if (i >= work->spec->n_inputs) captures[out->n_captures++] = i - work->spec->n_inputs;
    inputs[n++] = work->places[i].arg;
  }
  out->captures = captures;
  out->type = (sm_function_type){.name = work->spec->name,
                                 .inputs = inputs,
                                 .n_inputs = n,
                                 .outputs = work->outputs,
                                 .n_outputs = work->spec->n_outputs};
  for (size_t i = 0; i < work->n_body; i++) out->type.is_stateful |= work->body[i]->def->proto->is_stateful;
  return SM_OK;
}

static sm_status write_def(sm_cut *out, sm_cut_work *work, sm_error *err) {
  sm_arena *arena = work->graph->arena;
  sm_buffer bytes;
  sm_buffer_init(&bytes, arena->allocator, arena->max_bytes);
  sm_status status = sm_cut_write(&bytes, work, err);
  if (status == SM_OK) {
    out->function_def = sm_arena_copy(arena, (sm_string){(const char *)bytes.data, bytes.size});
    if (out->function_def.data == NULL) status = sm_arena_fail(arena, bytes.size, err);
  }
  sm_buffer_free(&bytes);
  return status;
}

static sm_status cut(sm_cut *out, sm_cut_work *work, sm_error *err) {
  sm_arena *arena = work->graph->arena;
  work->outputs = sm_arena_array(arena, sm_function_arg, work->spec->n_outputs);
  if (work->outputs == NULL) return sm_arena_fail(arena, work->spec->n_outputs * sizeof *work->outputs, err);
  SM_TRY(add_places(work, err));
  SM_TRY(find_body(work, err));
  SM_TRY(check_calls(out, work, err));
  SM_TRY(give_names(work, err));
  SM_TRY(report(out, work, err));
  return write_def(out, work, err);
}

/* Nodes forget the function they were in. */
static void forget(sm_cut_work *work) {
  for (size_t i = 0; i < work->n_body; i++) {
    work->body[i]->is_inside = work->body[i]->is_control = false;
    work->body[i]->new_name = (sm_string){NULL, 0};
  }
  for (size_t i = 0; i < work->n_places; i++) work->places[i].node->first_place = SIZE_MAX;
}

sm_status sm_cut_function(sm_cut *out, sm_cut_graph *graph, const sm_cut_spec *spec, sm_error *err) {
  sm_cut_work work = {.graph = graph, .spec = spec};
  *out = (sm_cut){.n_captures = 0};
  sm_name_index_init(&work.names, graph->arena->allocator);
  sm_arena_init(&work.scratch, graph->arena->allocator, graph->arena->max_bytes);
  sm_status status = cut(out, &work, err);
  forget(&work);
  sm_arena_free(&work.scratch);
  sm_name_index_free(&work.names);
  return status;
}
