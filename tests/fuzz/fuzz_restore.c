/*
 * A tree of objects and a checkpoint that was made for any other. The input is a message of 1 = the object graph in the
 * checkpoint, 2 = a program of three bytes a step: what to do, and with what. What a program writes it reads again with
 * nothing missing and nothing left over.
 */
#include "fuzz.h"

#include <string.h>

#include <savedmodel/checkpoint.h>

#include "support/fault_alloc.h"
#include "wire/wire.h"

const size_t fuzz_message_at = 0;

enum { INPUT_GRAPH = 1, INPUT_PROGRAM = 2 };
enum { ADD = 0, LINK, SLOT, BIND, REGISTER, RESTORE, READ, WRITE, CHECK, N_STEPS };
enum { MAX_BINDINGS = 64, MAX_PROGRAM = 600, MAX_BYTES = 16 << 20, MAX_MEMORY = 4 * MAX_BYTES };

/* As seeds.py knows them. */
static const char *const names[] = {"v", "a", "b", "optimizer", "m", "0", "s.t/u", "save_counter", ""};
static const char *const attributes[] = {SM_ATTRIBUTE_VARIABLE_VALUE, "table-keys", "a/b"};
enum { N_NAMES = sizeof names / sizeof *names, N_ATTRIBUTES = sizeof attributes / sizeof *attributes };

typedef struct machine {
  sm_checkpoint *tree;
  sm_fs *fs;
  sm_open_options open;
  sm_save_options save;
  sm_binding bindings[MAX_BINDINGS];
  float values[MAX_BINDINGS], registered;
  size_t n_bindings;
} machine;

/* ---- Registered savers ---- */

static sm_status save_objects(void *ctx, sm_bundle_writer *writer, const char *file_prefix,
                              const sm_registered_object *objects, size_t n, sm_error *err) {
  char key[256];
  (void)ctx;
  MUST(strlen(file_prefix) != 0);
  for (size_t i = 0; i < n; i++) {
    const sm_tensor_view view = {.dtype = SM_DT_FLOAT, .data = objects[i].object, .size = sizeof(float)};
    (void)snprintf(key, sizeof key, "registered/%zu/%.200s", i, objects[i].name);
    sm_status status = sm_bundle_writer_add(writer, key, &view, err);
    if (status != SM_OK) return status;
  }
  return SM_OK;
}

static sm_status restore_objects(void *ctx, const sm_bundle_reader *reader, const char *file_prefix,
                                 const sm_registered_object *objects, size_t n, sm_error *err) {
  sm_bundle_entry entry;
  (void)ctx;
  (void)err;
  MUST(n != 0 && strlen(file_prefix) != 0 && objects[n - 1].name != NULL);
  (void)sm_bundle_reader_find(&entry, reader, objects[0].name, NULL);
  return SM_OK;
}

static const sm_registered_saver savers[] = {{"Test.A", NULL, save_objects, restore_objects},
                                             {"Test.B", NULL, save_objects, restore_objects}};

/* ---- Steps ---- */

static void count(void *ctx, const sm_difference *difference) {
  MUST(difference->key != NULL && difference->what != NULL);
  ++*(size_t *)ctx;
}

static void restore(machine *m, bool is_read, unsigned how) {
  sm_restore_options options = SM_RESTORE_OPTIONS_INIT;
  sm_restore_report report;
  size_t n = 0;
  if ((how & 1) == 0) options.missing = SM_POLICY_SKIP;
  if ((how & 2) == 0) options.mismatched = SM_POLICY_SKIP;
  options.refuse_unused = (how & 4) != 0;
  options.compare_only = (how & 8) != 0;
  options.difference = count;
  options.difference_ctx = &n;
  const char *prefix = (how & 16) != 0 ? "by_name" : "c";
  sm_status status = is_read ? sm_checkpoint_read(&report, m->tree, prefix, &options, &m->open, NULL)
                             : sm_checkpoint_restore(&report, m->tree, prefix, &options, &m->open, NULL);
  if (status == SM_OK) MUST(n == report.n_missing + report.n_mismatched + report.n_unused);
}

static void write_and_read(machine *m) {
  sm_restore_options options = SM_RESTORE_OPTIONS_INIT;
  sm_saved saved;
  options.refuse_unused = true;
  sm_status status = sm_checkpoint_write(&saved, m->tree, "written", &m->save, NULL);
  MUST(status == SM_OK || status == SM_ALREADY_EXISTS); /* a name that is escaped may be one that is there */
  if (status != SM_OK) return;
  MUST(sm_checkpoint_read(NULL, m->tree, "written", &options, &m->open, NULL) == SM_OK);
  MUST(sm_checkpoint_check_match(m->tree, SM_MATCH_CONSUMED, NULL, NULL, NULL) == SM_OK);
}

static void bind(machine *m, int32_t node, const char *attribute) {
  if (m->n_bindings == MAX_BINDINGS) return;
  sm_binding *binding = &m->bindings[m->n_bindings];
  *binding = (sm_binding){.key = names[m->n_bindings % N_NAMES],
                          .dtype = SM_DT_FLOAT,
                          .data = &m->values[m->n_bindings],
                          .size = sizeof(float)};
  m->n_bindings += sm_checkpoint_bind(m->tree, node, attribute, binding, NULL) == SM_OK;
}

static void step(machine *m, uint8_t what, uint8_t a, uint8_t b) {
  int32_t node, first = a & 15, second = a >> 4;
  const char *name = names[b % N_NAMES];
  switch (what % N_STEPS) {
    case ADD: (void)sm_checkpoint_add(&node, m->tree, first, name, NULL); break;
    case LINK: (void)sm_checkpoint_link(m->tree, first, name, second, NULL); break;
    case SLOT: (void)sm_checkpoint_add_slot(&node, m->tree, first, second, name, NULL); break;
    case BIND: bind(m, first, attributes[b % N_ATTRIBUTES]); break;
    case REGISTER: (void)sm_checkpoint_register(m->tree, first, &savers[b & 1], &m->registered, NULL); break;
    case RESTORE: restore(m, false, b); break;
    case READ: restore(m, true, b); break;
    case WRITE: write_and_read(m); break;
    default: (void)sm_checkpoint_check_match(m->tree, (sm_match)(b % 3), NULL, NULL, NULL); break;
  }
}

/* ---- All of it ---- */

static sm_span part_of(sm_span input, uint32_t number) {
  sm_span found;
  const sm_wire_source source = {.name = "input", .bytes = input};
  if (sm_wire_find_bytes(&found, input, number, &source, NULL) != SM_OK || found.data == NULL)
    return (sm_span){input.data, 0};
  return found;
}

/* Keys as TensorFlow makes them, and those that name-based checkpoints have; of other dtypes and shapes, too. */
static void put_checkpoint(sm_fs *fs, const char *prefix, const sm_span *graph) {
  static const char *const keys[] = {"v/.ATTRIBUTES/VARIABLE_VALUE", "a/b/.ATTRIBUTES/VARIABLE_VALUE",
                                     "v/.OPTIMIZER_SLOT/optimizer/m/.ATTRIBUTES/VARIABLE_VALUE", "a"};
  const float values[2] = {1, 2};
  const int64_t number = 7;
  const sm_tensor_view vector = {.dtype = SM_DT_FLOAT, .rank = 1, .dims = {2}, .data = values, .size = sizeof values};
  const sm_tensor_view counter = {.dtype = SM_DT_INT64, .data = &number, .size = sizeof number};
  const sm_tensor_view scalar = {.dtype = SM_DT_FLOAT, .data = values, .size = sizeof *values};
  sm_bundle_writer *writer;
  sm_save_options options = SM_SAVE_OPTIONS_INIT;
  options.fs = fs;
  MUST(sm_bundle_writer_open(&writer, prefix, &options, NULL) == SM_OK);
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
    MUST(sm_bundle_writer_add(writer, keys[i], &scalar, NULL) == SM_OK);
  MUST(sm_bundle_writer_add(writer, "save_counter/.ATTRIBUTES/VARIABLE_VALUE", &counter, NULL) == SM_OK);
  MUST(sm_bundle_writer_add(writer, "b", &vector, NULL) == SM_OK);
  if (graph != NULL) {
    const sm_string text = {(const char *)graph->data, graph->size};
    const sm_tensor_view string = {.dtype = SM_DT_STRING, .data = &text, .size = sizeof text};
    MUST(sm_bundle_writer_add(writer, "_CHECKPOINTABLE_OBJECT_GRAPH", &string, NULL) == SM_OK);
  }
  MUST(sm_bundle_writer_finish(writer, NULL) == SM_OK);
  sm_bundle_writer_close(writer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  sm_fault_alloc memory;
  machine m = {.open = SM_OPEN_OPTIONS_INIT, .save = SM_SAVE_OPTIONS_INIT};
  const sm_span input = {data, size}, graph = part_of(input, INPUT_GRAPH), program = part_of(input, INPUT_PROGRAM);
  sm_fault_alloc_init(&memory, UINT64_MAX);
  MUST(sm_fs_memory_new(&m.fs, NULL, NULL) == SM_OK);
  put_checkpoint(m.fs, "c", &graph);
  put_checkpoint(m.fs, "by_name", NULL);
  m.open.fs = m.save.fs = m.fs;
  m.open.allocator = m.save.allocator = &memory.base;
  m.open.max_bytes = MAX_BYTES;
  MUST(sm_checkpoint_new(&m.tree, &memory.base, NULL) == SM_OK);
  for (size_t i = 0; i + 3 <= program.size && i + 3 <= MAX_PROGRAM; i += 3)
    step(&m, program.data[i], program.data[i + 1], program.data[i + 2]);
  sm_checkpoint_free(m.tree);
  MUST(memory.live_blocks == 0);
  MUST(memory.peak_bytes <= MAX_MEMORY);
  sm_fault_alloc_destroy(&memory);
  sm_fs_close(m.fs);
  return 0;
}
