/*
 * Objects that are saved. The input begins with a program, instructions of four bytes: what is added, and to what; behind it
 * is a GraphDef, whose functions are given and whose nodes functions are cut out of. The same program saves the same bytes;
 * what is saved opens, and nothing is found that is wrong with it but values of constants of that GraphDef; what is not is
 * not there. Memory stays small, and all of it comes back.
 */
#include "fuzz.h"

#include <string.h>

#include <savedmodel/savedmodel.h>

#include "saved.h"
#include "support/fault_alloc.h"
#include "wire/wire.h"

enum { N_STEPS = 16, STEP = 4, PROGRAM = N_STEPS * STEP, MAX_NAMES = 48, MAX_NAME = 64, MAX_ELEMENTS = 4 };

const size_t fuzz_message_at = PROGRAM;

/* Definitions of all of TensorFlow's operations take some 10 MiB, and several graphs are looked at. */
enum { MAX_FIXED = 96 << 20, MAX_FACTOR = 4000 };

/* Fields of GraphDef, FunctionDefLibrary; the name is field 1 of a node, and of a function's signature, its field 1. */
enum { GRAPH_NODE = 1, GRAPH_LIBRARY = 2, LIBRARY_FUNCTION = 1, NAME = 1 };

typedef struct names {
  char items[MAX_NAMES][MAX_NAME];
  size_t n;
} names;

typedef struct program {
  const uint8_t *steps;
  sm_string graph_def;
  names nodes, functions;
  sm_fs *fs;
  sm_save_options save;
} program;

/* Objects while the program runs. */
typedef struct run {
  const program *p;
  sm_object_graph *objects;
  int32_t n_objects;
  uint8_t a, b, c; /* of the instruction */
} run;

/* ---- Names ---- */

static void keep_name(names *to, sm_span name) {
  if (to->n == MAX_NAMES || name.size >= MAX_NAME) return;
  if (name.size != 0) memcpy(to->items[to->n], name.data, name.size);
  to->items[to->n++][name.size] = '\0';
}

/* Of nodes; of functions where is_function. */
static void list_names(names *to, sm_span message, uint32_t number, bool is_function) {
  const sm_wire_source source = {.name = "graph", .bytes = message};
  sm_wire_reader reader = sm_wire_read(message, &source);
  sm_span inner, name;
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (field.tag != SM_WIRE_TAG(number, SM_WIRE_BYTES)) continue;
    inner = field.bytes;
    if (is_function && sm_wire_find_bytes(&inner, field.bytes, NAME, &source, NULL) != SM_OK) continue;
    if (sm_wire_find_bytes(&name, inner, NAME, &source, NULL) == SM_OK) keep_name(to, name);
  }
  (void)sm_wire_finish(&reader, NULL);
}

static void list_all_names(program *p) {
  const sm_span graph = {(const uint8_t *)p->graph_def.data, p->graph_def.size};
  const sm_wire_source source = {.name = "graph", .bytes = graph};
  sm_span library;
  list_names(&p->nodes, graph, GRAPH_NODE, false);
  if (sm_wire_find_bytes(&library, graph, GRAPH_LIBRARY, &source, NULL) == SM_OK)
    list_names(&p->functions, library, LIBRARY_FUNCTION, true);
}

static const char *pick(const names *from, unsigned which) { return from->n != 0 ? from->items[which % from->n] : ""; }

/* Of objects: those of lists, one that is reserved, some that nodes of the main graph have. */
static const char *name_of(unsigned which) {
  static const char *const texts[] = {"0",    "1", "a", "b/c.d",    "\xc3\xbc", "signatures",
                                      "NoOp", "x", "y", "__call__", "",         "w"};
  return texts[which % (sizeof texts / sizeof *texts)];
}

/* ---- Instructions ---- */

static int32_t object_of(const run *r, unsigned which) { return (int32_t)which % r->n_objects; }

static void note(run *r, sm_status status) { r->n_objects += status == SM_OK; }

static const char bytes[64] = "1234567";
static const sm_string words[MAX_ELEMENTS] = {{"one", 3}, {"", 0}, {"three", 5}, {"one", 3}};

static sm_tensor_view view_of(unsigned dtype, unsigned n) {
  sm_tensor_view view = {.dtype = (sm_dtype)(dtype % 34), .rank = 1, .dims = {n % (MAX_ELEMENTS + 1)}};
  view.data = view.dtype == SM_DT_STRING ? (const void *)words : bytes;
  view.size = (size_t)view.dims[0] * (view.dtype == SM_DT_STRING ? sizeof *words : sm_dtype_size(view.dtype));
  return view;
}

static void add_container(run *r) {
  note(r, sm_object_graph_add(NULL, r->objects, object_of(r, r->a), name_of(r->b), (sm_container)(r->c % 4), NULL));
}

static void add_link(run *r) {
  (void)sm_object_graph_link(r->objects, object_of(r, r->a), name_of(r->b), object_of(r, r->c), NULL);
}

static void add_variable(run *r) {
  const sm_tensor_view view = view_of(r->c, r->c / 34);
  const sm_variable_spec spec = {.value = &view, .name = (r->c & 64) != 0 ? "same" : NULL};
  note(r, sm_object_graph_add_variable(NULL, r->objects, object_of(r, r->a), name_of(r->b), &spec, NULL));
}

static void add_constant(run *r) {
  const sm_tensor_view view = view_of(r->c, r->c / 34);
  note(r, sm_object_graph_add_constant(NULL, r->objects, object_of(r, r->a), name_of(r->b), &view, NULL));
}

static void add_asset(run *r) {
  const sm_asset_spec spec = {.data = {bytes, r->c % sizeof bytes}, .filename = (r->c & 1) != 0 ? "f" : "g"};
  note(r, sm_object_graph_add_asset(NULL, r->objects, object_of(r, r->a), name_of(r->b), &spec, NULL));
}

static void add_table(run *r) {
  const sm_tensor_view keys = view_of((r->c & 1) != 0 ? SM_DT_STRING : SM_DT_INT64, r->c / 16);
  const sm_tensor_view values = view_of(SM_DT_INT64, (r->c & 2) != 0 ? 1 : r->c / 16);
  sm_lookup_table spec = {.key_dtype = keys.dtype, .value_dtype = SM_DT_INT64, .is_mutable = (r->c & 4) != 0};
  spec.asset = (r->c & 8) != 0 ? object_of(r, r->b) : 0;
  if (spec.asset == 0 && (r->c & 128) == 0) {
    spec.keys = &keys;
    spec.values = &values;
  }
  spec.key_index = SM_TABLE_WHOLE_LINE;
  spec.value_index = SM_TABLE_LINE_NUMBER;
  note(r, sm_object_graph_add_table(NULL, r->objects, object_of(r, r->a), name_of(r->b), &spec, NULL));
}

static void add_slot(run *r) {
  const sm_tensor_view view = view_of(SM_DT_FLOAT, 1);
  const sm_variable_spec spec = {.value = &view};
  note(r,
       sm_object_graph_add_slot(NULL, r->objects, object_of(r, r->a), object_of(r, r->b), name_of(r->c), &spec, NULL));
}

static void add_traced(run *r, const sm_trace *trace) {
  const sm_traced_function function = {.traces = trace, .n_traces = 1, .is_fixed = (r->b & 128) != 0};
  note(r, sm_object_graph_add_function(NULL, r->objects, SM_OBJECT_ROOT, name_of(r->b), &function, NULL));
}

static void add_given(run *r) {
  const sm_function_capture captures[] = {{.object = object_of(r, r->c)}, {.object = object_of(r, r->c / 8u)}};
  const sm_trace trace = {
      .function = pick(&r->p->functions, r->a), .captures = captures, .n_captures = (r->b & 127u) / 12 % 3};
  add_traced(r, &trace);
}

static void add_cut(run *r) {
  const names *nodes = &r->p->nodes;
  const sm_function_tensor input = {.name = "in", .tensor = pick(nodes, r->a), .rank = -1};
  const sm_function_tensor output = {.name = (r->c & 1) != 0 ? "out" : NULL, .tensor = pick(nodes, r->c), .rank = -1};
  const sm_function_capture captures[] = {{pick(nodes, r->a + 1u), object_of(r, r->b)},
                                          {pick(nodes, r->a + 2u), object_of(r, r->b + 1u)}};
  const sm_trace trace = {.graph_def = r->p->graph_def,
                          .inputs = &input,
                          .n_inputs = (r->a & 128) == 0,
                          .outputs = &output,
                          .n_outputs = 1,
                          .captures = captures,
                          .n_captures = r->c / 2 % 3};
  add_traced(r, &trace);
}

static void add_library(run *r) { (void)sm_object_graph_add_library(r->objects, r->p->graph_def, NULL); }

static void set_signature(run *r) {
  (void)sm_object_graph_set_signature(r->objects, name_of(r->b), object_of(r, r->a), r->c % 2, NULL);
}

static void set_registered_name(run *r) {
  (void)sm_object_graph_set_registered_name(r->objects, object_of(r, r->a), name_of(r->b), NULL);
}

static void execute(run *r) {
  static void (*const instructions[])(run * r) = {
      add_container, add_link, add_variable, add_constant, add_asset, add_table,     add_slot,
      add_given,     add_cut,  add_library,  add_given,    add_cut,   set_signature, set_registered_name};
  for (size_t i = 0; i < N_STEPS; i++) {
    const uint8_t *step = r->p->steps + i * STEP;
    r->a = step[1];
    r->b = step[2];
    r->c = step[3];
    if (step[0] < sizeof instructions / sizeof *instructions) instructions[step[0]](r);
  }
}

/* ---- What becomes of it ---- */

static sm_status save(const program *p, const char *dir) {
  run r = {.p = p, .n_objects = 1};
  MUST(sm_object_graph_new(&r.objects, p->save.allocator, NULL) == SM_OK);
  execute(&r);
  sm_status status = sm_object_graph_save(r.objects, dir, NULL, &p->save, NULL);
  sm_object_graph_free(r.objects);
  return status;
}

static void look_at(const program *p, const char *dir, bool is_saved) {
  sm_open_options how = SM_OPEN_OPTIONS_INIT;
  sm_model *model;
  sm_error err;
  how.fs = p->fs;
  how.allocator = p->save.allocator;
  sm_status status = sm_model_open(&model, dir, &how, NULL);
  MUST(status == (is_saved ? SM_OK : SM_NOT_FOUND));
  if (!is_saved) return;
  status = sm_model_verify(model, NULL, NULL, &err);
  bool is_of_the_input = status != SM_OK && strstr(err.message, "a constant of") != NULL; /* nobody else decodes it */
  if (status != SM_OK && !is_of_the_input) fprintf(stderr, "%s\n", err.message);
  MUST(status == SM_OK || is_of_the_input);
  sm_model_close(model);
}

static void try_all(program *p) {
  sm_status status = save(p, "first");
  look_at(p, "first", status == SM_OK);
  MUST(save(p, "second") == status);
  if (status != SM_OK) return;
  must_be_same_file(p->fs, "first", "second", SM_FILE_SAVED_MODEL_PB);
  must_be_same_file(p->fs, "first", "second", "variables/variables.index");
  must_be_same_file(p->fs, "first", "second", "variables/variables.data-00000-of-00001");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  sm_fault_alloc memory;
  if (size < PROGRAM) return 0;
  program p = {
      .steps = data, .graph_def = {(const char *)data + PROGRAM, size - PROGRAM}, .save = SM_SAVE_OPTIONS_INIT};
  list_all_names(&p);
  sm_fault_alloc_init(&memory, UINT64_MAX);
  MUST(sm_fs_memory_new(&p.fs, NULL, NULL) == SM_OK);
  p.save.fs = p.fs;
  p.save.allocator = &memory.base;
  try_all(&p);
  MUST(memory.live_blocks == 0);
  MUST(memory.peak_bytes <= MAX_FIXED + (uint64_t)MAX_FACTOR * size);
  sm_fault_alloc_destroy(&memory);
  sm_fs_close(p.fs);
  return 0;
}
