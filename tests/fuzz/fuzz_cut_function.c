/*
 * Functions cut out of a GraphDef. The input begins with bytes that choose tensors of its nodes: three inputs, captures and
 * outputs, two nodes that have to run; 0xFF chooses none. What is cut comes out the same again, has the arguments and results
 * that are told of it, and is in order where the graph was; memory stays small.
 */
#include "fuzz.h"

#include <string.h>

#include <savedmodel/graph.h>

#include "graph/cut_function.h"
#include "graph/regular.h"
#include "support/fault_alloc.h"
#include "support/wire_writer.h"

enum { N_INPUTS = 3, N_CAPTURES = 3, N_OUTPUTS = 3, N_CONTROLS = 2, N_ARGS = N_INPUTS + N_CAPTURES + N_OUTPUTS };
enum { HEADER = N_ARGS + N_CONTROLS, NONE = 0xFF, MAX_NODES = 64, MAX_NAME = 64 };

const size_t fuzz_message_at = HEADER;

/* Definitions of all of TensorFlow's operations take some 10 MiB. */
enum { MAX_FIXED = 32 << 20, MAX_FACTOR = 1000 };

enum { GRAPH_NODE = 1, GRAPH_LIBRARY = 2, LIBRARY_FUNCTION = 1, NODE_NAME = 1 };

static const char NAME[] = "__inference_cut_1000000";

typedef struct cutting {
  sm_span bytes;
  sm_wire_source source;
  sm_arena arena;
  sm_op_defs defs;
  sm_graph_library library;
  sm_cut_graph graph;
  sm_string names[MAX_NODES]; /* of nodes */
  size_t n_names;
  sm_cut_arg args[N_ARGS];
  char texts[N_ARGS][MAX_NAME];
  sm_string controls[N_CONTROLS];
  sm_cut_spec spec;
} cutting;

static sm_status list_names(cutting *c) {
  sm_wire_reader reader = sm_wire_read(c->bytes, &c->source);
  sm_span name;
  for (sm_wire_field field; sm_wire_next(&reader, &field) && c->n_names < MAX_NODES;)
    if (field.tag == SM_WIRE_TAG(GRAPH_NODE, SM_WIRE_BYTES) &&
        sm_wire_find_bytes(&name, field.bytes, NODE_NAME, &c->source, NULL) == SM_OK)
      c->names[c->n_names++] = sm_span_text(name);
  return sm_wire_finish(&reader, NULL);
}

/* The first few outputs of the nodes, by number; those of one kind move together. */
static size_t choose(cutting *c, const uint8_t *header, size_t first, size_t n) {
  size_t n_chosen = 0;
  for (size_t i = 0; i < n; i++) {
    uint8_t which = header[first + i];
    if (which == NONE || c->n_names == 0) continue;
    sm_string node = c->names[which % c->n_names];
    char *text = c->texts[first + n_chosen];
    int size =
        snprintf(text, MAX_NAME, "%.*s:%zu", (int)(node.size < 48 ? node.size : 48), node.data, which / c->n_names % 3);
    c->args[first + n_chosen++] = (sm_cut_arg){.tensor = {text, (size_t)size}};
  }
  return n_chosen;
}

static void make_spec(cutting *c, const uint8_t *header) {
  c->spec = (sm_cut_spec){.name = {NAME, sizeof NAME - 1},
                          .inputs = c->args,
                          .captures = c->args + N_INPUTS,
                          .outputs = c->args + N_INPUTS + N_CAPTURES,
                          .controls = c->controls};
  c->spec.n_inputs = choose(c, header, 0, N_INPUTS);
  c->spec.n_captures = choose(c, header, N_INPUTS, N_CAPTURES);
  c->spec.n_outputs = choose(c, header, N_INPUTS + N_CAPTURES, N_OUTPUTS);
  for (size_t i = 0; i < N_CONTROLS; i++)
    if (header[N_ARGS + i] != NONE && c->n_names != 0)
      c->controls[c->spec.n_controls++] = c->names[header[N_ARGS + i] % c->n_names];
}

/* A graph that has the functions of the first one, and the new one. */
static bool is_in_order(const cutting *c, const sm_cut *cut, const sm_allocator *allocator) {
  w_buffer library = {0}, graph = {0};
  const sm_string none = {NULL, 0};
  for (size_t i = 0; i < c->library.n; i++)
    w_bytes(&library, LIBRARY_FUNCTION, c->library.functions[i].def.data, c->library.functions[i].def.size);
  if (cut != NULL) w_bytes(&library, LIBRARY_FUNCTION, cut->function_def.data, cut->function_def.size);
  w_bytes(&graph, GRAPH_LIBRARY, library.data, library.size);
  sm_status status =
      sm_graph_check((sm_string){(const char *)graph.data, graph.size}, none, NULL, NULL, allocator, NULL);
  w_free(&library);
  w_free(&graph);
  return status == SM_OK;
}

static void look_at(cutting *c, const sm_cut *cut, const sm_allocator *allocator) {
  sm_cut again;
  sm_function_type type;
  const sm_span def = {(const uint8_t *)cut->function_def.data, cut->function_def.size};
  const sm_wire_source source = {.name = "function", .bytes = def};
  MUST(sm_cut_function(&again, &c->graph, &c->spec, NULL) == SM_OK);
  MUST(again.function_def.size == def.size && memcmp(again.function_def.data, def.data, def.size) == 0);
  MUST(sm_function_read_type(&type, def, &source, &c->arena, NULL) == SM_OK);
  MUST(type.n_inputs == cut->type.n_inputs && type.n_outputs == cut->type.n_outputs);
  MUST(type.n_inputs == c->spec.n_inputs + cut->n_captures && type.n_outputs == c->spec.n_outputs);
  for (size_t i = 0; i < type.n_inputs; i++) MUST(type.inputs[i].dtype == cut->type.inputs[i].dtype);
  const sm_string whole = {(const char *)c->bytes.data, c->bytes.size}, none = {NULL, 0};
  if (sm_graph_check(whole, none, NULL, NULL, allocator, NULL) == SM_OK)
    MUST(is_in_order(c, NULL, allocator) && is_in_order(c, cut, allocator));
}

static sm_status open_graph(cutting *c) {
  const sm_spans graph_def = {&c->bytes, 1};
  SM_TRY(list_names(c));
  SM_TRY(sm_graph_index_functions(&c->library, graph_def, &c->source, &c->arena, NULL));
  SM_TRY(sm_op_defs_add(&c->defs, (sm_spans){NULL, 0}, &c->library, &c->source, NULL));
  return sm_cut_graph_init(&c->graph, graph_def, &c->library, &c->defs, &c->source, &c->arena, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  sm_fault_alloc memory;
  sm_cut cut;
  if (size < HEADER) return 0;
  cutting c = {.bytes = {data + HEADER, size - HEADER}};
  c.source = (sm_wire_source){.name = "graph", .bytes = c.bytes};
  sm_fault_alloc_init(&memory, UINT64_MAX);
  sm_arena_init(&c.arena, &memory.base, UINT64_MAX);
  sm_op_defs_init(&c.defs, &memory.base, UINT64_MAX);
  if (open_graph(&c) == SM_OK) {
    make_spec(&c, data);
    if (sm_cut_function(&cut, &c.graph, &c.spec, NULL) == SM_OK) look_at(&c, &cut, &memory.base);
  }
  sm_op_defs_free(&c.defs);
  sm_arena_free(&c.arena);
  MUST(memory.live_blocks == 0);
  MUST(memory.peak_bytes <= MAX_FIXED + (uint64_t)MAX_FACTOR * size);
  sm_fault_alloc_destroy(&memory);
  return 0;
}
