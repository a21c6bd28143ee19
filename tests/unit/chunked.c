/* saved_model.cpb: records of a riegeli file joined to one message. */
#include "model/chunked.h"

#include <savedmodel/pb/saved_model.pb-c.h>

#include "support/check.h"
#include "support/fault_alloc.h"
#include "support/files.h"
#include "support/models.h"
#include "support/splitter.h"

/* Fields of the schemas that the cases lead through. */
enum {
  META_GRAPHS = 2, /* SavedModel */
  INFO = 1,        /* MetaGraphDef */
  GRAPH = 2,
  SIGNATURES = 5,
  INFO_TAGS = 4, /* MetaInfoDef, a repeated string */
  INFO_TF_VERSION = 5,
  NODES = 1, /* GraphDef */
  LIBRARY = 2,
  FUNCTIONS = 1, /* FunctionDefLibrary */
  ARG_ATTR = 7,  /* FunctionDef, a map with uint32 keys */
  UNIQUE_ID = 8, /* FunctionDef, a map from uint32 to uint32 */
  NODE_NAME = 1, /* NodeDef */
  NODE_OP = 2,
  NODE_ATTR = 5,
  ATTR_TENSOR = 8, /* AttrValue */
  TENSOR_CONTENT = 4
};

static const ProtobufCMessageDescriptor *const type = &tensorflow__saved_model__descriptor;
static sm_fault_alloc fa;
static c_file c;
static w_buffer path, message;
static sm_error err;
static sm_bytes joined;

static int set_up(void **state) {
  (void)state;
  sm_fault_alloc_init(&fa, UINT64_MAX);
  c = (c_file){0};
  c_begin(&c);
  path = message = (w_buffer){0};
  joined = (sm_bytes){0};
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  sm_bytes_unload(&joined);
  c_free(&c);
  w_free(&path);
  w_free(&message);
  return fa.live_blocks == 0 ? 0 : -1;
}

static sm_status join_limited(uint64_t max_bytes) {
  const sm_wire_source file = {.name = "f", .bytes = {c.file.bytes.data, c.file.bytes.size}};
  sm_bytes_unload(&joined);
  return sm_chunked_join(&joined, &file, type, max_bytes, &fa.base, &err);
}

static sm_status join(void) { return join_limited(UINT64_MAX); }

static void start_again(void) {
  c_free(&c);
  c = (c_file){0};
  c_begin(&c);
  w_clear(&path);
  w_clear(&message);
}

static void assert_joined(const char *what, const w_buffer *expected) {
  assert_ok(join(), err);
  assert_bytes(what, joined.data, joined.size, expected->data, expected->size);
}

/* The path to the graph of meta graph 0. */
static void to_graph(void) {
  w_clear(&path);
  c_field(&path, META_GRAPHS);
  c_index(&path, 0);
  c_field(&path, GRAPH);
}

static void to_node(uint64_t index) {
  to_graph();
  c_field(&path, NODES);
  c_index(&path, index);
}

/* A node; name or op may be NULL. */
static void put_node(w_buffer *w, const char *name, const char *op) {
  size_t node = w_begin(w, NODES);
  if (name != NULL) w_text(w, NODE_NAME, name);
  if (op != NULL) w_text(w, NODE_OP, op);
  w_end(w, node);
}

/* A SavedModel with schema version 1 and a graph of that many nodes, "n0", "n1", ... without ops. */
static void put_model(w_buffer *w, int n_nodes) {
  w_varint(w, 1, 1);
  size_t meta_graph = w_begin(w, META_GRAPHS), graph = w_begin(w, GRAPH);
  for (int i = 0; i < n_nodes; i++) {
    char name[16];
    snprintf(name, sizeof name, "n%d", i);
    put_node(w, name, NULL);
  }
  w_end(w, graph);
  w_end(w, meta_graph);
}

/* Chunk 0: that model. */
static void add_model(int n_nodes) {
  w_clear(&message);
  put_model(&message, n_nodes);
  (void)c_chunk(&c, message.data, message.size);
}

static void add_text(const char *text) { c_place(&c, &path, c_chunk(&c, text, strlen(text))); }

/* ---- What splitters make ---- */

static void chunked__one_chunk(void **state) {
  (void)state;
  add_model(2);
  c_finish(&c, 0);
  assert_joined("one chunk", &message);
}

static void chunked__nothing(void **state) {
  (void)state;
  c_finish(&c, 1);
  assert_joined("nothing", &message);
}

/* The value of a constant, behind a map key: TensorFlow's ConstantNodeDefSplitter. */
static void chunked__tensor_content(void **state) {
  (void)state;
  static uint8_t content[100000];
  w_buffer expected = {0};
  for (int pass = 0; pass < 2; pass++) { /* first what is expected, then without the content */
    w_buffer *w = pass == 0 ? &expected : &message;
    size_t meta_graph = w_begin(w, META_GRAPHS), graph = w_begin(w, GRAPH);
    put_node(w, "first", "NoOp");
    size_t node = w_begin(w, NODES);
    w_text(w, NODE_NAME, "second");
    w_entry dtype = w_begin_entry(w, NODE_ATTR, "dtype");
    w_varint(w, 6, 1);
    w_end_entry(w, dtype);
    w_entry value = w_begin_entry(w, NODE_ATTR, "value");
    size_t tensor = w_begin(w, ATTR_TENSOR);
    w_varint(w, 1, 1);
    if (pass == 0) w_bytes(w, TENSOR_CONTENT, content, sizeof content);
    w_end(w, tensor);
    w_end_entry(w, value);
    w_end(w, node);
    w_end(w, graph);
    w_end(w, meta_graph);
  }
  (void)c_chunk(&c, message.data, message.size);
  to_node(1);
  c_field(&path, NODE_ATTR);
  c_text_key(&path, "value", 5);
  c_field(&path, ATTR_TENSOR);
  c_field(&path, TENSOR_CONTENT);
  c_place(&c, &path, c_chunk(&c, content, sizeof content));
  c_finish(&c, 0);
  assert_joined("content", &expected);
  w_free(&expected);
}

/* Elements are cut off and merged again; an index counts all of them, whichever chunk they come from. */
static void chunked__nodes_in_several_chunks(void **state) {
  (void)state;
  w_buffer expected = {0}, part = {0};
  put_model(&expected, 6);
  add_model(2);
  for (int i = 2; i < 6; i += 2) {
    char names[2][16];
    w_clear(&part);
    for (int k = 0; k < 2; k++) {
      snprintf(names[k], sizeof names[k], "n%d", i + k);
      if (i + k == 5)
        put_node(&part, NULL, NULL); /* comes by itself */
      else
        put_node(&part, names[k], NULL);
    }
    to_graph();
    c_place(&c, &path, c_chunk(&c, part.data, part.size));
  }
  to_node(5);
  c_place(&c, &path, c_chunk(&c, "\x0A\x02n5", 4));
  c_finish(&c, 0);
  assert_joined("nodes", &expected);
  w_free(&expected);
  w_free(&part);
}

/* Wherever they stand in the metadata: shallow ones go first, and of one place the lower index. */
static void chunked__order_is_that_of_depth_and_index(void **state) {
  (void)state;
  w_buffer expected = {0};
  put_model(&expected, 2);
  (void)c_chunk(&c, "\x08\x01", 2); /* 0: the outermost message */
  uint64_t name = c_chunk(&c, "n1", 2), first = c_chunk(&c, "\x0A\x04\x0A\x02n0", 6),
           second = c_chunk(&c, "\x0A\x00", 2);
  to_node(1);
  c_field(&path, NODE_NAME);
  c_place(&c, &path, name);
  to_graph();
  c_place(&c, &path, second);
  c_place(&c, &path, first);
  c_finish(&c, 0);
  assert_joined("order", &expected);
  w_free(&expected);
}

/* What a path leads through and is not there is made: messages, the next element, map entries of any key. */
static void chunked__makes_what_is_missing(void **state) {
  (void)state;
  w_buffer expected = {0};
  size_t meta_graph = w_begin(&expected, META_GRAPHS), graph = w_begin(&expected, GRAPH);
  size_t library = w_begin(&expected, LIBRARY), function = w_begin(&expected, FUNCTIONS);
  for (uint32_t key = 0; key < 300; key += 299) {
    size_t entry = w_begin(&expected, ARG_ATTR);
    w_varint(&expected, 1, key);
    size_t value = w_begin(&expected, 2);
    w_text(&expected, 1, key == 0 ? "a" : "b"); /* ArgAttrs.attr entry, as bytes */
    w_end(&expected, value);
    w_end(&expected, entry);
  }
  w_end(&expected, function);
  w_end(&expected, library);
  w_end(&expected, graph);
  w_entry signature = w_begin_entry(&expected, SIGNATURES, "serve");
  w_text(&expected, 3, "method");
  w_end_entry(&expected, signature);
  w_end(&expected, meta_graph);
  for (uint32_t key = 0; key < 300; key += 299) {
    to_graph();
    c_field(&path, LIBRARY);
    c_field(&path, FUNCTIONS);
    c_index(&path, 0);
    c_field(&path, ARG_ATTR);
    c_number_key(&path, 3, key);
    c_place(&c, &path,
            c_chunk(&c,
                    key == 0 ? "\x0A\x01"
                               "a"
                             : "\x0A\x01"
                               "b",
                    3));
  }
  w_clear(&path);
  c_field(&path, META_GRAPHS);
  c_index(&path, 0);
  c_field(&path, SIGNATURES);
  c_text_key(&path, "serve", 5);
  c_field(&path, 3);
  add_text("method");
  c_finish(&c, 1);
  assert_joined("made", &expected);
  w_free(&expected);
}

/* Of entries with one key the last counts, so that is the one to change. */
static void chunked__map_key_given_twice(void **state) {
  (void)state;
  w_buffer expected = {0};
  for (int pass = 0; pass < 2; pass++) {
    w_buffer *w = pass == 0 ? &expected : &message;
    size_t meta_graph = w_begin(w, META_GRAPHS);
    for (int i = 0; i < 2; i++) {
      w_entry entry = w_begin_entry(w, SIGNATURES, "serve");
      if (i == 1) w_text(w, 9, "kept");
      if (i == 1 && pass == 0) w_text(w, 3, "method");
      w_end_entry(w, entry);
    }
    w_entry other = w_begin_entry(w, SIGNATURES, "serv");
    w_end_entry(w, other);
    w_end(w, meta_graph);
  }
  (void)c_chunk(&c, message.data, message.size);
  c_field(&path, META_GRAPHS);
  c_index(&path, 0);
  c_field(&path, SIGNATURES);
  c_text_key(&path, "serve", 5);
  c_field(&path, 3);
  add_text("method");
  c_finish(&c, 0);
  assert_joined("the last", &expected);
  w_free(&expected);
}

/* A message that stands there in pieces is one message: its elements are counted through. */
static void chunked__message_given_in_pieces(void **state) {
  (void)state;
  w_buffer expected = {0};
  size_t meta_graph = w_begin(&message, META_GRAPHS);
  for (int i = 0; i < 3; i++) {
    size_t graph = w_begin(&message, GRAPH);
    put_node(&message, i == 0 ? "n0" : i == 1 ? "n1" : NULL, NULL);
    w_end(&message, graph);
    if (i == 0) w_varint(&message, 99, 7); /* unknown, stays where it is */
  }
  w_end(&message, meta_graph);
  meta_graph = w_begin(&expected, META_GRAPHS);
  size_t graph = w_begin(&expected, GRAPH);
  for (int i = 0; i < 3; i++) put_node(&expected, i == 0 ? "n0" : i == 1 ? "n1" : "n2", NULL);
  w_end(&expected, graph);
  w_varint(&expected, 99, 7);
  w_end(&expected, meta_graph);
  (void)c_chunk(&c, message.data, message.size);
  to_node(2);
  c_field(&path, NODE_NAME);
  add_text("n2");
  c_finish(&c, 0);
  assert_joined("pieces", &expected);
  w_free(&expected);
}

/* Elements of a repeated string: replaced, and added. */
static void chunked__repeated_strings(void **state) {
  (void)state;
  w_buffer expected = {0};
  static const char *const before[] = {"a", "", "c"}, *const after[] = {"a", "b", "c", "d", "e"};
  for (int pass = 0; pass < 2; pass++) {
    w_buffer *w = pass == 0 ? &expected : &message;
    size_t meta_graph = w_begin(w, META_GRAPHS), info = w_begin(w, INFO);
    for (size_t i = 0; i < (pass == 0 ? N_OF(after) : N_OF(before)); i++)
      w_text(w, INFO_TAGS, pass == 0 ? after[i] : before[i]);
    w_end(w, info);
    w_end(w, meta_graph);
  }
  (void)c_chunk(&c, message.data, message.size);
  static const size_t places[] = {4, 1, 3};
  for (size_t i = 0; i < N_OF(places); i++) {
    w_clear(&path);
    c_field(&path, META_GRAPHS);
    c_index(&path, 0);
    c_field(&path, INFO);
    c_field(&path, INFO_TAGS);
    c_index(&path, places[i]);
    add_text(after[places[i]]);
  }
  c_finish(&c, 0);
  assert_joined("strings", &expected);
  w_free(&expected);
}

/* ChunkedMessages inside of ChunkedMessages, whose paths go on from where they are. */
static void chunked__nested_messages(void **state) {
  (void)state;
  w_buffer expected = {0};
  put_model(&expected, 2);
  (void)c_chunk(&c, "\x08\x01", 2);
  uint64_t graph = c_chunk(&c, "\x0A\x04\x0A\x02n0\x0A\x00", 8), name = c_chunk(&c, "n1", 2);
  w_buffer *f = &c.fields;
  size_t outer = w_begin(f, 2); /* meta_graphs[0], without a chunk of its own */
  c_field(f, META_GRAPHS);
  c_index(f, 0);
  size_t outer_message = w_begin(f, 3), middle = w_begin(f, 2);
  c_field(f, GRAPH);
  size_t middle_message = w_begin(f, 3);
  size_t inner = w_begin(f, 2);
  c_field(f, NODES);
  c_index(f, 1);
  c_field(f, NODE_NAME);
  size_t inner_message = w_begin(f, 3);
  w_varint(f, 1, name);
  w_end(f, inner_message);
  w_end(f, inner);
  w_varint(f, 1, graph);
  w_end(f, middle_message);
  w_end(f, middle);
  w_end(f, outer_message);
  w_end(f, outer);
  c_finish(&c, 0);
  assert_joined("nested", &expected);
  w_free(&expected);
}

/* Real models, split at random in many ways, come out as they were. */
static void chunked__real_models(void **state) {
  (void)state;
  static const char *const names[] = {"v2/objects",
                                      "v2/control_flow",
                                      "v2/constant_dtypes",
                                      "v2/composite_arguments",
                                      "v1/control_flow_v1",
                                      "v2/table_asset",
                                      "v1/sparse_signature",
                                      "v2/custom_gradients_on",
                                      "broken/pb_unknown_fields"};
  size_t n_chunks = 0;
  for (size_t i = 0; i < N_OF(names); i++) {
    size_t size;
    uint8_t *data = read_file(path_in(model_dir(names[i]), "saved_model.pb"), &size);
    uint64_t expected = c_digest(type, data, size);
    for (uint32_t seed = 1; seed <= 8; seed++) {
      start_again();
      c_split(&c, type, data, size, seed);
      n_chunks += c.n_chunks;
      assert_ok(join(), err);
      assert_number(names[i], joined.size, size);
      assert_number(names[i], c_digest(type, joined.data, joined.size), expected);
    }
    free(data);
  }
  assert_true(n_chunks > 10000); /* else nothing was shown */
}

/* ---- What nobody makes ---- */

/* Places that there cannot be, and what the message says. */
static void chunked__impossible_places(void **state) {
  (void)state;
  enum { FIELD, INDEX, TEXT, UI32, I64, EMPTY, END };
  static const struct {
    struct {
      int kind;
      uint64_t value;
    } path[12];
    const char *says;
  } cases[] = {
      {{{FIELD, 2}, {END, 0}}, "without an index"},
      {{{FIELD, 2}, {FIELD, 1}, {END, 0}}, "without an index"},
      {{{INDEX, 0}, {END, 0}}, "where a field belongs"},
      {{{TEXT, 0}, {END, 0}}, "where a field belongs"},
      {{{EMPTY, 0}, {END, 0}}, "where a field belongs"},
      {{{FIELD, 2}, {INDEX, 1}, {END, 0}},
       "element 1 of field meta_graphs, of which there are 1"}, /* made: see below */
      {{{FIELD, 2}, {INDEX, 2}, {END, 0}}, "element 2 of field meta_graphs, of which there are 1"},
      {{{FIELD, 2}, {INDEX, UINT64_MAX}, {END, 0}}, "of which there are 1"},
      {{{FIELD, 2}, {TEXT, 0}, {END, 0}}, "without an index"},
      {{{FIELD, 3}, {END, 0}}, "field 3 of tensorflow.SavedModel"},
      {{{FIELD, 0}, {END, 0}}, "field 0 of tensorflow.SavedModel"},
      {{{FIELD, 0xFFFFFFFF}, {END, 0}}, "cannot be a chunk"},
      {{{FIELD, 1}, {END, 0}}, "field 1 of tensorflow.SavedModel"}, /* a number */
      {{{FIELD, 2}, {INDEX, 0}, {INDEX, 0}, {END, 0}}, "where a field belongs"},
      {{{FIELD, 2}, {INDEX, 0}, {FIELD, 5}, {END, 0}}, "a map without a key"},
      {{{FIELD, 2}, {INDEX, 0}, {FIELD, 5}, {INDEX, 0}, {END, 0}}, "a map without a key"},
      {{{FIELD, 2}, {INDEX, 0}, {FIELD, 5}, {UI32, 0}, {END, 0}}, "a key that its map cannot have"},
      {{{FIELD, 2}, {INDEX, 0}, {FIELD, 5}, {TEXT, 0}, {FIELD, 3}, {FIELD, 1}, {END, 0}}, "there is no message"},
      {{{FIELD, 2}, {INDEX, 0}, {FIELD, 2}, {FIELD, 2}, {FIELD, 1}, {INDEX, 0}, {FIELD, 7}, {I64, 0}, {END, 0}},
       "a key that its map cannot have"},
      {{{FIELD, 2}, {INDEX, 0}, {FIELD, 2}, {FIELD, 2}, {FIELD, 1}, {INDEX, 0}, {FIELD, 8}, {UI32, 0}, {END, 0}},
       "field 8 of tensorflow.FunctionDef"}, /* a map to numbers */
      {{{FIELD, 2}, {INDEX, 0}, {FIELD, 2}, {FIELD, 1}, {INDEX, 3}, {END, 0}},
       "element 3 of field node, of which there are 2"},
      {{{FIELD, 2}, {INDEX, 0}, {FIELD, 1}, {FIELD, 4}, {INDEX, 1}, {END, 0}},
       "element 1 of field tags, of which there are 0"},
  };
  for (size_t i = 0; i < N_OF(cases); i++) {
    start_again();
    add_model(2);
    for (size_t k = 0; cases[i].path[k].kind != END; k++) {
      uint64_t value = cases[i].path[k].value;
      switch (cases[i].path[k].kind) {
        case FIELD: c_field(&path, (uint32_t)value); break;
        case INDEX: c_index(&path, value); break;
        case TEXT: c_text_key(&path, "k", 1); break;
        case UI32: c_number_key(&path, 3, value); break;
        case I64: c_number_key(&path, 6, value); break;
        default: w_bytes(&path, 1, "", 0);
      }
    }
    add_text("");
    c_finish(&c, 0);
    if (i == 5) {
      assert_ok(join(), err); /* one behind the last is made */
      continue;
    }
    sm_status status = join();
    if (status != SM_DATA_LOSS) print_error("case %zu\n", i);
    assert_int_equal(status, SM_DATA_LOSS);
    if (cases[i].says != NULL) assert_mentions(err.message, cases[i].says);
  }
}

static void chunked__two_chunks_for_one_value(void **state) {
  (void)state;
  add_model(1);
  to_node(0);
  c_field(&path, NODE_OP);
  add_text("Add");
  add_text("Sub");
  c_finish(&c, 0);
  assert_status(join(), SM_DATA_LOSS, err);
  assert_mentions(err.message, "2 chunks for one value of field op");
}

static void chunked__chunks_that_are_no_messages(void **state) {
  (void)state;
  static const char *const chunks[] = {"\x0A", "\x0A\x7F", "\x0B", "\xFF\xFF\xFF\xFF\xFF\xFF"};
  for (size_t i = 0; i < N_OF(chunks); i++) {
    for (int place = 0; place < 3; place++) {
      start_again();
      if (place == 0)
        (void)c_chunk(&c, chunks[i], strlen(chunks[i]));
      else
        add_model(1);
      if (place == 1) to_graph();
      if (place == 2) to_node(0);
      if (place != 0) add_text(chunks[i]);
      c_finish(&c, 0);
      assert_status(join(), SM_DATA_LOSS, err);
    }
  }
}

/* Writes metadata as given behind a file with the chunks "\x08\x01" at 64 and "" at 65. */
static sm_status join_with(const w_buffer *metadata) {
  start_again();
  r_add(&c.file, "\x08\x01", 2);
  r_add(&c.file, "", 0);
  r_flush(&c.file);
  r_add(&c.file, metadata->data, metadata->size);
  r_flush(&c.file);
  return join();
}

static void put_info(w_buffer *w, uint64_t size, uint64_t offset) {
  size_t info = w_begin(w, 2);
  w_varint(w, 1, 1);
  w_varint(w, 2, size);
  w_varint(w, 3, offset);
  w_end(w, info);
}

/* Chunk tables that do not tell the truth. */
static void chunked__tables_that_lie(void **state) {
  (void)state;
  static const struct {
    const char *what;
    uint64_t size0, offset0, size1, offset1, used, also_used;
    sm_status expected;
    const char *says;
  } cases[] = {
      {"the truth", 2, 64, 0, 65, 0, 1, SM_OK, NULL},
      {"in another order", 0, 65, 2, 64, 1, 0, SM_OK, NULL},
      {"too large", 3, 64, 0, 65, 0, 1, SM_DATA_LOSS, "chunk 0: no record of 3 bytes at position 64"},
      {"too small", 1, 64, 0, 65, 0, 1, SM_DATA_LOSS, "no record of 1 bytes"},
      {"between chunks", 2, 63, 0, 65, 0, 1, SM_DATA_LOSS, "position 63"},
      {"behind the records", 2, 66, 0, 65, 0, 1, SM_DATA_LOSS, "position 66"},
      {"far away", 2, UINT64_MAX, 0, 65, 0, 1, SM_DATA_LOSS, "position 18446744073709551615"},
      {"one used twice", 2, 64, 0, 65, 0, 0, SM_DATA_LOSS, "chunk 0 is used twice"},
      {"one out of range", 2, 64, 0, 65, 0, 2, SM_DATA_LOSS, "chunk 2 of 2"},
      {"one far out of range", 2, 64, 0, 65, 0, UINT64_MAX, SM_DATA_LOSS, "of 2"},
  };
  for (size_t i = 0; i < N_OF(cases); i++) {
    w_buffer w = {0};
    put_info(&w, cases[i].size0, cases[i].offset0);
    put_info(&w, cases[i].size1, cases[i].offset1);
    size_t whole = w_begin(&w, 3);
    w_varint(&w, 1, cases[i].used);
    size_t field = w_begin(&w, 2), inner = w_begin(&w, 3); /* with an empty path: merged */
    w_varint(&w, 1, cases[i].also_used);
    w_end(&w, inner);
    w_end(&w, field);
    w_end(&w, whole);
    sm_status status = join_with(&w);
    assert_text(cases[i].what, sm_status_name(status), sm_status_name(cases[i].expected));
    if (cases[i].says != NULL) assert_mentions(err.message, cases[i].says);
    if (status == SM_OK) assert_bytes(cases[i].what, joined.data, joined.size, "\x08\x01", 2);
    w_free(&w);
  }
}

static void chunked__tables_that_leave_something_out(void **state) {
  (void)state;
  w_buffer w = {0};
  assert_status(join_with(&w), SM_DATA_LOSS, err); /* no message */
  put_info(&w, 2, 64);
  size_t at = w_begin(&w, 3);
  w_varint(&w, 1, 0);
  w_end(&w, at);
  assert_status(join_with(&w), SM_DATA_LOSS, err); /* a record that is no chunk */
  assert_mentions(err.message, "1 chunks, but 2 records");
  put_info(&w, 0, 65);
  assert_status(join_with(&w), SM_DATA_LOSS, err); /* a chunk that goes nowhere */
  assert_mentions(err.message, "chunk 1 is not used");
  at = w_begin(&w, 3);
  w_bytes(&w, 2, "", 0);
  w_end(&w, at);
  assert_status(join_with(&w), SM_DATA_LOSS, err); /* a field without a message */
  w_clear(&w);
  w_raw(&w, "\x0A\x7F", 2);
  assert_status(join_with(&w), SM_DATA_LOSS, err); /* no ChunkMetadata */
  start_again();
  assert_status(join(), SM_DATA_LOSS, err); /* no records at all */
  assert_mentions(err.message, "no records");
  w_free(&w);
}

static void chunked__later_versions(void **state) {
  (void)state;
  for (uint64_t join_version = 0; join_version < 2; join_version++) {
    w_buffer w = {0};
    size_t version = w_begin(&w, 1);
    w_varint(&w, 1, 99);
    w_varint(&w, 2, join_version);
    w_end(&w, version);
    put_info(&w, 2, 64);
    put_info(&w, 0, 65);
    size_t whole = w_begin(&w, 3);
    w_raw(&w, "\x08\x00\x12\x04\x1A\x02\x08\x01", 8);
    w_end(&w, whole);
    assert_status(join_with(&w), join_version == 0 ? SM_OK : SM_FAILED_PRECONDITION, err);
    w_free(&w);
  }
}

/* Paths and ChunkedMessages of any depth end in an error and not on the stack. */
static void chunked__depth_is_limited(void **state) {
  (void)state;
  static const uint32_t nested[] = {2, 3};
  for (size_t levels = 40; levels <= 100000; levels = levels < 50 ? levels + 1 : levels * 10) {
    w_buffer w = {0}, inner = {0};
    put_info(&w, 2, 64);
    put_info(&w, 0, 65);
    w_raw(&inner, "\x08\x01", 2);
    size_t whole = w_begin(&w, 3);
    w_varint(&w, 1, 0);
    w_nest(&w, nested, 2, levels, inner.data, inner.size);
    w_end(&w, whole);
    bool fits = 1 + 1 + 2 * levels <= 100; /* ChunkMetadata, ChunkedMessage, and two for each */
    assert_status(join_with(&w), fits ? SM_OK : SM_DATA_LOSS, err);
    w_free(&w);
    w_free(&inner);
  }
  /* NodeDef.attr["a"].list.func[0].attr["a"]... is as deep as one likes. */
  for (size_t n = 1; n <= 100000; n *= 10) {
    start_again();
    add_model(1);
    to_node(0);
    for (size_t i = 0; i < n; i++) {
      c_field(&path, i == 0 ? NODE_ATTR : 2);
      c_text_key(&path, "a", 1);
      c_field(&path, 1);
      c_field(&path, 9);
      c_index(&path, 0);
    }
    add_text("");
    c_finish(&c, 0);
    assert_status(join(), n <= 10 ? SM_OK : SM_DATA_LOSS, err);
    if (n > 10) assert_mentions(err.message, "too long");
  }
}

/* Metadata with some byte changed: an answer of some kind, in the memory allowed. Under sanitizers this says more. */
static void chunked__changed_metadata(void **state) {
  (void)state;
  size_t size, n_ok = 0, n_bad = 0;
  uint32_t x = 1;
  uint8_t *data = read_file(path_in(model_dir("v2/objects"), "saved_model.pb"), &size);
  for (int round = 0; round < 300; round++) {
    start_again();
    c_split(&c, type, data, size, 1 + (uint32_t)round % 5);
    c_file copy = {.n_chunks = c.n_chunks}; /* the same records, other metadata behind them */
    copy.file.bytes = c.file.bytes;
    copy.infos = c.infos;
    copy.fields = c.fields;
    c.file.bytes = c.infos = c.fields = (w_buffer){0};
    w_buffer *changed = round % 3 == 0 ? &copy.infos : &copy.fields;
    for (int k = 0; k < 1 + round % 4; k++) {
      x = x * 1664525 + 1013904223;
      changed->data[(x >> 8) % changed->size] ^= (uint8_t)(1u << (x >> 5 & 7));
    }
    c_finish(&copy, 0);
    c_free(&c);
    c = copy;
    sm_status status = join_limited(1 << 24);
    *(status == SM_OK ? &n_ok : &n_bad) += 1;
  }
  free(data);
  assert_true(n_bad > 50);
  assert_true(n_ok + n_bad == 300);
}

/* The limit covers records, edits and the result. */
static void chunked__memory_is_limited(void **state) {
  (void)state;
  static uint8_t content[200000];
  add_model(1);
  to_node(0);
  c_field(&path, NODE_OP);
  c_place(&c, &path, c_chunk(&c, content, sizeof content));
  c_finish(&c, 0);
  static const uint64_t limits[] = {0, 1000, 20000, 200000, 300000, 400000};
  for (size_t i = 0; i < N_OF(limits); i++) {
    assert_status(join_limited(limits[i]), SM_RESOURCE_EXHAUSTED, err);
    assert_true(fa.peak_bytes <= limits[i]);
  }
  assert_ok(join_limited(500000), err);
  assert_true(fa.peak_bytes <= 500000);
}

static void chunked__failing_allocations(void **state) {
  (void)state;
  for (uint32_t seed = 1; c.n_chunks < 6; seed++) { /* the first that makes several */
    start_again();
    put_model(&message, 12);
    c_split(&c, type, message.data, message.size, seed);
  }
  for (uint64_t n = 0;; n++) {
    sm_fault_alloc_rearm(&fa, n);
    sm_status status = join();
    if (!fa.fired) {
      assert_int_equal(status, SM_OK);
      break;
    }
    assert_status(status, SM_RESOURCE_EXHAUSTED, err);
    assert_number("live blocks", fa.live_blocks, 0);
  }
  sm_fault_alloc_rearm(&fa, UINT64_MAX);
}

/* ---- As a model ---- */

static void chunked__opens_as_a_model(void **state) {
  (void)state;
  temp_dir dir = make_temp_dir();
  size_t size;
  sm_model *model;
  uint8_t *data = read_file(path_in(model_dir("v2/one_signature"), "saved_model.pb"), &size);
  c_split(&c, type, data, size, 3);
  write_file(path_in(dir.path, "saved_model.cpb"), c.file.bytes.data, c.file.bytes.size);
  for (int no_mmap = 0; no_mmap < 2; no_mmap++) {
    sm_open_options options = SM_OPEN_OPTIONS_INIT;
    options.no_mmap = no_mmap != 0;
    options.allocator = &fa.base;
    assert_ok(sm_model_open(&model, dir.path, &options, &err), err);
    const sm_signature *signature;
    assert_ok(sm_meta_graph_find_signature(&signature, sm_model_get_meta_graph(model, 0), "serving_default", &err),
              err);
    assert_text("method", signature->method_name, "tensorflow/serving/predict");
    sm_model_close(model);
  }
  /* A damaged one names its file; saved_model.pb beside it is the one that counts. */
  c.file.bytes.data[100] ^= 1;
  write_file(path_in(dir.path, "saved_model.cpb"), c.file.bytes.data, c.file.bytes.size);
  assert_status(sm_model_open(&model, dir.path, NULL, &err), SM_DATA_LOSS, err);
  assert_mentions(err.message, "saved_model.cpb");
  write_file(path_in(dir.path, "saved_model.pb"), data, size);
  assert_ok(sm_model_open(&model, dir.path, NULL, &err), err);
  sm_model_close(model);
  free(data);
  remove_temp_dir(&dir);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(chunked__one_chunk),
      CASE(chunked__nothing),
      CASE(chunked__tensor_content),
      CASE(chunked__nodes_in_several_chunks),
      CASE(chunked__order_is_that_of_depth_and_index),
      CASE(chunked__makes_what_is_missing),
      CASE(chunked__map_key_given_twice),
      CASE(chunked__message_given_in_pieces),
      CASE(chunked__repeated_strings),
      CASE(chunked__nested_messages),
      CASE(chunked__real_models),
      CASE(chunked__impossible_places),
      CASE(chunked__two_chunks_for_one_value),
      CASE(chunked__chunks_that_are_no_messages),
      CASE(chunked__tables_that_lie),
      CASE(chunked__tables_that_leave_something_out),
      CASE(chunked__later_versions),
      CASE(chunked__depth_is_limited),
      CASE(chunked__changed_metadata),
      CASE(chunked__memory_is_limited),
      CASE(chunked__failing_allocations),
      CASE(chunked__opens_as_a_model),
  };
  return cmocka_run_group_tests_name("chunked", tests, NULL, NULL);
}
