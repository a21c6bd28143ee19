/* Writing checkpoints: what is refused, what is left, what the bytes are. Failures of files and memory: fault/save_fault.c;
 * all dtypes and forms, with TensorFlow: interop/bundle_tf.py. */
#include "support/check.h"

#include <sys/stat.h>
#include <unistd.h>

#include "codec/crc32c.h"
#include "support/bundles.h"
#include "support/fault_alloc.h"
#include "support/files.h"
#include "support/wire_writer.h"

static temp_dir dir;
static sm_bundle_writer *writer;
static sm_error err;
static sm_save_options options;

static const float numbers[6] = {0, 1, 2, 3, 4, 5};
static const int64_t dims_23[] = {2, 3}, dims_6[] = {6};

static int set_up(void **state) {
  (void)state;
  dir = make_temp_dir();
  options = (sm_save_options)SM_SAVE_OPTIONS_INIT;
  options.no_sync = true;
  writer = NULL;
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  sm_bundle_writer_close(writer);
  remove_temp_dir(&dir);
  return 0;
}

static void open_writer(void) {
  assert_ok(sm_bundle_writer_open(&writer, path_in(dir.path, "m"), &options, &err), err);
}

static void finish_writer(void) {
  assert_ok(sm_bundle_writer_finish(writer, &err), err);
  sm_bundle_writer_close(writer);
  writer = NULL;
}

static sm_tensor_view floats(int32_t rank, const int64_t *dims) {
  return view_of(SM_DT_FLOAT, numbers, sizeof numbers, rank, dims);
}

static void check_file(const char *name, const void *wanted, size_t wanted_size) {
  size_t size;
  uint8_t *data = read_file(path_in(dir.path, name), &size);
  assert_bytes(name, data, size, wanted, wanted_size);
  free(data);
}

/* ---- Refusals ---- */

/* Nothing of what is refused is written, and the writer goes on. */
static void writer__refuses(void **state) {
  (void)state;
  static const int64_t negative[] = {-1, 6}, huge[] = {INT64_MAX, 3};
  const struct {
    const char *what, *key;
    sm_tensor_view view;
    sm_status status;
  } rows[] = {
      {"header's key", "", floats(2, dims_23), SM_INVALID_ARGUMENT},
      {"twice", "there", floats(2, dims_23), SM_ALREADY_EXISTS},
      {"resource", "k", view_of(SM_DT_RESOURCE, numbers, 0, 0, NULL), SM_INVALID_ARGUMENT},
      {"reference", "k", view_of((sm_dtype)(SM_DT_FLOAT + SM_DT_REF_OFFSET), numbers, 4, 0, NULL), SM_INVALID_ARGUMENT},
      {"no dtype", "k", view_of(SM_DT_INVALID, numbers, 4, 0, NULL), SM_INVALID_ARGUMENT},
      {"unknown dtype", "k", view_of((sm_dtype)77, numbers, 4, 0, NULL), SM_INVALID_ARGUMENT},
      {"size", "k", view_of(SM_DT_FLOAT, numbers, 23, 2, dims_23), SM_INVALID_ARGUMENT},
      {"negative dimension", "k", view_of(SM_DT_FLOAT, numbers, 24, 2, negative), SM_INVALID_ARGUMENT},
      {"too many elements", "k", view_of(SM_DT_FLOAT, numbers, 24, 2, huge), SM_INVALID_ARGUMENT},
      {"negative rank", "k", view_of(SM_DT_FLOAT, numbers, 4, -1, NULL), SM_INVALID_ARGUMENT},
      {"no data", "k", view_of(SM_DT_FLOAT, NULL, 24, 2, dims_23), SM_INVALID_ARGUMENT},
  };
  open_writer();
  sm_tensor_view view = floats(2, dims_23);
  assert_ok(sm_bundle_writer_add(writer, "there", &view, &err), err);
  for (size_t i = 0; i < N_OF(rows); i++)
    assert_text(rows[i].what, sm_status_name(sm_bundle_writer_add(writer, rows[i].key, &rows[i].view, &err)),
                sm_status_name(rows[i].status));
  finish_writer();
  check_file("m.data-00000-of-00001", numbers, sizeof numbers);
}

static void writer__refuses_slices(void **state) {
  (void)state;
  const struct {
    const char *what, *key;
    sm_dtype dtype;
    int64_t dims[2], part[2];
    sm_extent extents[2];
    sm_status status;
  } rows[] = {
      {"first", "v", SM_DT_FLOAT, {4, 3}, {2, 3}, {{0, 2}, {0, -1}}, SM_OK},
      {"outside", "v", SM_DT_FLOAT, {4, 3}, {2, 3}, {{3, 2}, {0, -1}}, SM_INVALID_ARGUMENT},
      {"behind", "v", SM_DT_FLOAT, {4, 3}, {2, 3}, {{INT64_MAX, 2}, {0, -1}}, SM_INVALID_ARGUMENT},
      {"negative", "v", SM_DT_FLOAT, {4, 3}, {2, 3}, {{-1, 2}, {0, -1}}, SM_INVALID_ARGUMENT},
      {"length", "v", SM_DT_FLOAT, {4, 3}, {2, 3}, {{0, -2}, {0, -1}}, SM_INVALID_ARGUMENT},
      {"start of a whole one", "v", SM_DT_FLOAT, {4, 3}, {2, 3}, {{2, 2}, {1, -1}}, SM_INVALID_ARGUMENT},
      {"other shape of the part", "v", SM_DT_FLOAT, {4, 3}, {3, 2}, {{2, 2}, {0, -1}}, SM_INVALID_ARGUMENT},
      {"the same part", "v", SM_DT_FLOAT, {4, 3}, {2, 3}, {{0, 2}, {0, -1}}, SM_ALREADY_EXISTS},
      {"other shape of the whole", "v", SM_DT_FLOAT, {5, 3}, {2, 3}, {{2, 2}, {0, -1}}, SM_INVALID_ARGUMENT},
      {"other dtype", "v", SM_DT_INT32, {4, 3}, {2, 3}, {{2, 2}, {0, -1}}, SM_INVALID_ARGUMENT},
      {"whole of a tensor in parts", "v", SM_DT_FLOAT, {2, 3}, {2, 3}, {{0, -1}, {0, 3}}, SM_ALREADY_EXISTS},
      {"second", "v", SM_DT_FLOAT, {4, 3}, {2, 3}, {{2, 2}, {0, -1}}, SM_OK},
      {"part of a whole tensor", "w", SM_DT_FLOAT, {4, 3}, {2, 3}, {{2, 2}, {0, -1}}, SM_ALREADY_EXISTS},
  };
  for (uint64_t limit = 0; limit < 2; limit++) { /* with data files of any size, and of 40 bytes */
    options.max_shard_size = limit * 40;
    options.overwrite = true;
    open_writer();
    sm_tensor_view view = floats(2, dims_23);
    assert_ok(sm_bundle_writer_add(writer, "w", &view, &err), err);
    for (size_t i = 0; i < N_OF(rows); i++) {
      view = view_of(rows[i].dtype, numbers, sizeof numbers, 2, rows[i].part);
      const sm_slice_spec slice = {rows[i].extents, 2};
      sm_status status = sm_bundle_writer_add_slice(writer, rows[i].key, rows[i].dims, &slice, &view, &err);
      if (limit != 0 && rows[i].status == SM_ALREADY_EXISTS && i == 7) continue; /* below: it was cut otherwise */
      assert_text(rows[i].what, sm_status_name(status), sm_status_name(rows[i].status));
    }
    if (limit == 0) finish_writer();
    sm_bundle_writer_close(writer);
    writer = NULL;
  }
}

static void writer__refuses_options(void **state) {
  (void)state;
  static const struct {
    const char *what;
    uint32_t alignment, n_shards;
    uint64_t max_shard_size;
  } rows[] = {{"alignment", 3, 0, 0}, {"alignment", 24, 0, 0}, {"both", 0, 2, 5}, {"shards", 0, UINT32_MAX, 0}};
  for (size_t i = 0; i < N_OF(rows); i++) {
    sm_save_options bad = SM_SAVE_OPTIONS_INIT;
    bad.alignment = rows[i].alignment;
    bad.n_shards = rows[i].n_shards;
    bad.max_shard_size = rows[i].max_shard_size;
    assert_status(sm_bundle_writer_open(&writer, path_in(dir.path, "m"), &bad, &err), SM_INVALID_ARGUMENT, err);
    assert_null(writer);
  }
  sm_save_options none = {0};
  assert_status(sm_bundle_writer_open(&writer, path_in(dir.path, "m"), &none, &err), SM_INVALID_ARGUMENT, err);
  assert_number("names in the directory", count_names(dir.path), 0);
}

/* ---- What is there ---- */

static void writer__there_is_nothing_before_finish(void **state) {
  (void)state;
  sm_bundle_writer *second;
  sm_tensor_view view = floats(2, dims_23);
  sm_bundle_writer *made;
  assert_ok(sm_bundle_writer_open(&made, path_in(dir.path, "a/b//c/m"), &options, &err), err);
  assert_true(file_exists(path_in(dir.path, "a/b/c")));
  sm_bundle_writer_close(made);
  assert_false(file_exists(path_in(dir.path, "a")));
  open_writer();
  assert_ok(sm_bundle_writer_add(writer, "k", &view, &err), err);
  assert_number("no checkpoint", read_numbered(path_in(dir.path, "m"), NULL), -1);
  assert_status(sm_bundle_writer_open(&second, path_in(dir.path, "./m"), &options, &err), SM_ABORTED, err);
  sm_bundle_writer_close(writer);
  writer = NULL;
  assert_number("names in the directory", count_names(dir.path), 0);
}

static void writer__does_not_replace(void **state) {
  (void)state;
  assert_ok(save_numbered(path_in(dir.path, "m"), 1, &options, &err), err);
  assert_status(save_numbered(path_in(dir.path, "m"), 2, &options, &err), SM_ALREADY_EXISTS, err);
  assert_number("the first", read_numbered(path_in(dir.path, "m"), NULL), 1);
  (void)remove(path_in(dir.path, "m.index"));
  assert_status(save_numbered(path_in(dir.path, "m"), 2, &options, &err), SM_ALREADY_EXISTS, err);
  assert_mentions(err.message, "without an index");
  options.overwrite = true;
  assert_ok(save_numbered(path_in(dir.path, "m"), 2, &options, &err), err);
  assert_number("the second", read_numbered(path_in(dir.path, "m"), NULL), 2);
  assert_number("names in the directory", count_names(dir.path), 2);
}

static void writer__empty(void **state) {
  (void)state;
  static const uint8_t header[] = {0x08, 0x01, 0x1A, 0x02, 0x08, 0x01}; /* formats: BundleHeaderProto */
  open_writer();
  finish_writer();
  size_t size;
  uint8_t *index = read_file(path_in(dir.path, "m.index"), &size);
  assert_bytes("header", index + 3, sizeof header, header, sizeof header);
  free(index);
  check_file("m.data-00000-of-00001", "", 0);
  assert_number("names in the directory", count_names(dir.path), 2);
}

/* ---- Bytes ---- */

/* Of TensorFlow's: lengths, their masked crc, the strings. */
static void writer__strings(void **state) {
  (void)state;
  static const uint8_t scalar[] = {0x02, 0xD8, 0xD8, 0x10, 0x73, 0x68, 0x69};
  static const uint8_t none[] = {0xD8, 0xEA, 0x82, 0xA2};
  static const uint8_t lengths[] = {0x00, 0x03, 0xAC, 0x02, 0x25, 0x09, 0x2B, 0x70};
  char x[300];
  memset(x, 'x', sizeof x);
  const sm_string hi = {"hi", 2}, three[] = {{"", 0}, {"abc", 3}, {x, sizeof x}};
  const int64_t zero[] = {0}, n[] = {3};
  w_buffer wanted = {0};
  w_raw(&wanted, scalar, sizeof scalar);
  w_raw(&wanted, none, sizeof none);
  w_raw(&wanted, lengths, sizeof lengths);
  w_raw(&wanted, "abc", 3);
  w_raw(&wanted, x, sizeof x);
  open_writer();
  sm_tensor_view view = view_of(SM_DT_STRING, &hi, sizeof hi, 0, NULL);
  assert_ok(sm_bundle_writer_add(writer, "a", &view, &err), err);
  view = view_of(SM_DT_STRING, NULL, 0, 1, zero);
  assert_ok(sm_bundle_writer_add(writer, "b", &view, &err), err);
  view = view_of(SM_DT_STRING, three, sizeof three, 1, n);
  assert_ok(sm_bundle_writer_add(writer, "c", &view, &err), err);
  finish_writer();
  check_file("m.data-00000-of-00001", wanted.data, wanted.size);
  w_free(&wanted);
}

static void writer__alignment_and_order(void **state) {
  (void)state;
  static const uint8_t wanted[] = {0x12, 0x34, 0, 0, 0, 0, 0, 0, 0x3F, 0x80, 0, 0, 0x40, 0, 0, 0};
  const uint16_t number = 0x1234;
  const float complex[2] = {1, 2};
  options.alignment = 8;
  options.big_endian = true;
  open_writer();
  sm_tensor_view view = view_of(SM_DT_UINT16, &number, 2, 0, NULL);
  assert_ok(sm_bundle_writer_add(writer, "z", &view, &err), err);
  view = view_of(SM_DT_COMPLEX64, complex, 8, 0, NULL);
  assert_ok(sm_bundle_writer_add(writer, "a", &view, &err), err);
  view = view_of(SM_DT_VARIANT, &(sm_string){"", 0}, sizeof(sm_string), 0, NULL);
  assert_status(sm_bundle_writer_add(writer, "v", &view, &err), SM_UNIMPLEMENTED, err);
  finish_writer();
  check_file("m.data-00000-of-00001", wanted, sizeof wanted);
}

static void writer__pieces(void **state) {
  (void)state;
  const uint8_t *bytes = (const uint8_t *)numbers;
  open_writer();
  assert_status(sm_bundle_writer_append(writer, bytes, 1, &err), SM_INVALID_ARGUMENT, err);
  assert_status(sm_bundle_writer_begin(writer, "s", SM_DT_STRING, NULL, 0, &err), SM_INVALID_ARGUMENT, err);
  assert_ok(sm_bundle_writer_begin(writer, "k", SM_DT_FLOAT, dims_6, 1, &err), err);
  for (size_t at = 0; at < sizeof numbers - 1; at += 5)
    assert_ok(sm_bundle_writer_append(writer, bytes + at, at + 5 < sizeof numbers ? 5 : sizeof numbers - 1 - at, &err),
              err);
  assert_status(sm_bundle_writer_append(writer, bytes, 2, &err), SM_INVALID_ARGUMENT, err);
  assert_ok(sm_bundle_writer_append(writer, bytes + sizeof numbers - 1, 1, &err), err);
  assert_status(sm_bundle_writer_append(writer, bytes, 1, &err), SM_INVALID_ARGUMENT, err);
  finish_writer();
  check_file("m.data-00000-of-00001", numbers, sizeof numbers);
}

static void writer__missing_pieces(void **state) {
  (void)state;
  sm_tensor_view view = floats(2, dims_23);
  open_writer();
  assert_ok(sm_bundle_writer_begin(writer, "k", SM_DT_FLOAT, dims_6, 1, &err), err);
  assert_ok(sm_bundle_writer_append(writer, numbers, 7, &err), err);
  assert_status(sm_bundle_writer_add(writer, "l", &view, &err), SM_INVALID_ARGUMENT, err);
  assert_mentions(err.message, "17 bytes are missing");
  assert_status(sm_bundle_writer_finish(writer, &err), SM_INVALID_ARGUMENT, err);
  assert_mentions(err.message, "17 bytes are missing");
}

/* ---- Data files of others ---- */

/* Makes "from", two data files with a tensor each, and opens it. */
static sm_bundle_reader *make_source(bool big_endian) {
  sm_bundle_reader *reader;
  sm_tensor_view view = floats(2, dims_23);
  sm_save_options two = options;
  two.n_shards = 2;
  two.big_endian = big_endian;
  assert_ok(sm_bundle_writer_open(&writer, path_in(dir.path, "from"), &two, &err), err);
  assert_ok(sm_bundle_writer_add(writer, "a", &view, &err), err);
  assert_ok(sm_bundle_writer_add(writer, "b", &view, &err), err);
  finish_writer();
  assert_ok(sm_bundle_reader_open(&reader, path_in(dir.path, "from"), NULL, &err), err);
  return reader;
}

static sm_status link_as(const char *new_key, const sm_bundle_reader *reader, const char *key) {
  sm_bundle_entry entry;
  assert_ok(sm_bundle_reader_find(&entry, reader, key, &err), err);
  return sm_bundle_writer_link(writer, new_key, reader, &entry, &err);
}

static ino_t inode_of(const char *name) {
  struct stat facts;
  assert_int_equal(stat(path_in(dir.path, name), &facts), 0);
  return facts.st_ino;
}

static void check_value(const sm_bundle_reader *reader, const char *key) {
  float got[6];
  assert_ok(sm_bundle_reader_read(reader, key, NULL, got, sizeof got, &err), err);
  assert_memory_equal(got, numbers, sizeof numbers);
}

/* What is linked needs no data file but its own; what is added comes into one of the writer's. */
static void writer__links(void **state) {
  (void)state;
  sm_tensor_view view = floats(1, dims_6);
  for (int is_mixed = 0; is_mixed < 2; is_mixed++) {
    sm_bundle_reader *from = make_source(false), *reader;
    open_writer();
    assert_ok(link_as("new", from, "b"), err);
    if (is_mixed) assert_ok(sm_bundle_writer_add(writer, "own", &view, &err), err);
    assert_status(link_as("new", from, "a"), SM_ALREADY_EXISTS, err);
    assert_ok(link_as(NULL, from, "b"), err);
    finish_writer();
    sm_bundle_reader_close(from);
    assert_ok(sm_bundle_reader_open(&reader, path_in(dir.path, "m"), NULL, &err), err);
    assert_number("data files", sm_bundle_reader_get_header(reader)->n_shards, 1 + is_mixed);
    check_value(reader, "new");
    check_value(reader, "b");
    if (is_mixed) check_value(reader, "own");
    sm_bundle_reader_close(reader);
    const char *name = is_mixed ? "m.data-00000-of-00002" : "m.data-00000-of-00001";
    assert_true(inode_of(name) == inode_of("from.data-00001-of-00002"));
    options.overwrite = true;
  }
}

/* Where a file has one name only, it is copied. */
static void writer__copies_what_it_cannot_link(void **state) {
  (void)state;
  sm_fs *memory;
  sm_bundle_reader *from = make_source(false), *reader;
  sm_open_options in_memory = SM_OPEN_OPTIONS_INIT;
  assert_ok(sm_fs_memory_new(&memory, NULL, &err), err);
  options.fs = in_memory.fs = memory;
  assert_ok(sm_bundle_writer_open(&writer, "m", &options, &err), err);
  assert_ok(link_as("new", from, "b"), err);
  finish_writer();
  sm_bundle_reader_close(from);
  assert_ok(sm_bundle_reader_open(&reader, "m", &in_memory, &err), err);
  check_value(reader, "new");
  sm_bundle_reader_close(reader);
  sm_fs_close(memory);
}

static void writer__refuses_links(void **state) {
  (void)state;
  sm_bundle_reader *from = make_source(true);
  open_writer();
  assert_status(link_as(NULL, from, "a"), SM_INVALID_ARGUMENT, err);
  assert_mentions(err.message, "byte order");
  assert_status(link_as("", from, "a"), SM_INVALID_ARGUMENT, err);
  sm_tensor_view view = floats(2, dims_23);
  assert_ok(sm_bundle_writer_add(writer, "a", &view, &err), err); /* it goes on */
  finish_writer();
  sm_bundle_reader_close(from);
}

/* An entry that leads behind the end of its data file. */
static void writer__refuses_links_to_nothing(void **state) {
  (void)state;
  sm_bundle_reader *from = make_source(false);
  assert_int_equal(truncate(path_in(dir.path, "from.data-00000-of-00002"), 23), 0);
  open_writer();
  assert_status(link_as(NULL, from, "a"), SM_DATA_LOSS, err);
  assert_ok(link_as(NULL, from, "b"), err);
  finish_writer();
  sm_bundle_reader_close(from);
}

/* ---- Memory ---- */

static void writer__memory_does_not_grow(void **state) {
  (void)state;
  enum { N = 5000, MEGABYTE = 1 << 20 };
  static char data[MEGABYTE];
  sm_fault_alloc fa;
  const int64_t dims[] = {MEGABYTE}, small[] = {8};
  sm_fault_alloc_init(&fa, UINT64_MAX);
  options.allocator = &fa.base;
  open_writer();
  for (int i = 0; i < 64; i++) {
    char key[16];
    snprintf(key, sizeof key, "%d", i);
    sm_tensor_view view = view_of(SM_DT_UINT8, data, sizeof data, 1, dims);
    assert_ok(sm_bundle_writer_add(writer, key, &view, &err), err);
  }
  assert_true(fa.peak_bytes < 4 * MEGABYTE);
  size_t before = fa.live_bytes;
  for (int i = 0; i < N; i++) {
    char key[32];
    snprintf(key, sizeof key, "layer_%05d/kernel", i);
    sm_tensor_view view = view_of(SM_DT_UINT8, data, 8, 1, small);
    assert_ok(sm_bundle_writer_add(writer, key, &view, &err), err);
  }
  size_t per_entry = (fa.live_bytes - before) / N;
  if (per_entry > 200) assert_number("bytes of memory for an entry", per_entry, 200);
  finish_writer();
  assert_number("live blocks", fa.live_blocks, 0);
  sm_fault_alloc_destroy(&fa);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(writer__refuses),
      CASE(writer__refuses_slices),
      CASE(writer__refuses_options),
      CASE(writer__there_is_nothing_before_finish),
      CASE(writer__does_not_replace),
      CASE(writer__empty),
      CASE(writer__strings),
      CASE(writer__alignment_and_order),
      CASE(writer__pieces),
      CASE(writer__missing_pieces),
      CASE(writer__links),
      CASE(writer__copies_what_it_cannot_link),
      CASE(writer__refuses_links),
      CASE(writer__refuses_links_to_nothing),
      CASE(writer__memory_does_not_grow),
  };
  return cmocka_run_group_tests_name("writer", tests, NULL, NULL);
}
