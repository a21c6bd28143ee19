#include "support/check.h"

#include "support/fault_alloc.h"
#include "support/tensor_protos.h"
#include "tensor/slice.h"
#include "tensor/tensor_proto.h"

static sm_arena arena;
static sm_error err;

static int set_up(void **state) {
  (void)state;
  sm_arena_init(&arena, sm_allocator_or_malloc(NULL), UINT64_MAX);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  sm_arena_free(&arena);
  return 0;
}

/* The pieces and the source live as long as the arena. */
static sm_status read_split(sm_tensor_proto *out, const w_buffer *w, size_t split) {
  sm_wire_source *source = sm_arena_new(&arena, sm_wire_source);
  sm_span *pieces = sm_arena_array(&arena, sm_span, 2);
  *source = (sm_wire_source){.name = "m", .bytes = {w->data, w->size}};
  pieces[0] = (sm_span){w->data, split};
  pieces[1] = (sm_span){split != 0 ? w->data + split : w->data, w->size - split};
  return sm_tensor_proto_read(out, (sm_spans){pieces, 2}, source, &arena, &err);
}

static sm_status decode_split(sm_tensor **out, const w_buffer *w, size_t split, uint64_t max_bytes) {
  sm_tensor_proto proto;
  *out = NULL;
  SM_TRY(read_split(&proto, w, split));
  return sm_tensor_proto_decode(out, &proto, max_bytes, NULL, &err);
}

/* ---- As TensorFlow decodes ---- */

/* A value of unknown shape is a scalar to TensorFlow; here it is refused. */
static bool is_refused(const recorded_tensor *line) {
  return line->is_refused || strcmp(line->what, "unknown rank") == 0;
}

static void check_whole(const recorded_tensor *line) {
  sm_tensor *tensor;
  sm_status status = decode_split(&tensor, &line->proto, 0, UINT64_MAX);
  if (status != (is_refused(line) ? SM_DATA_LOSS : SM_OK)) fail_msg("%s: %d %s", line->what, status, err.message);
  if (status == SM_OK) assert_same_tensor(line->what, sm_tensor_get_view(tensor), &line->view);
  sm_tensor_free(tensor);
}

static void tensor_proto_decode__as_tensorflow(void **state) {
  (void)state;
  each_recorded_tensor("decode content python values", check_whole);
}

/* Bytes of a first field: a message can be cut there. */
static size_t first_field(const w_buffer *w) {
  sm_wire_source source = {.name = "m", .bytes = {w->data, w->size}};
  sm_wire_reader reader = sm_wire_read((sm_span){w->data, w->size}, &source);
  sm_wire_field field;
  return sm_wire_next(&reader, &field) ? field.whole.size : 0;
}

static void check_pieces(const recorded_tensor *line) {
  size_t head = first_field(&line->proto);
  sm_tensor *tensor;
  sm_status status = decode_split(&tensor, &line->proto, head, UINT64_MAX);
  assert_number(line->what, status, is_refused(line) ? SM_DATA_LOSS : SM_OK);
  if (status == SM_OK) assert_same_tensor(line->what, sm_tensor_get_view(tensor), &line->view);
  sm_tensor_free(tensor);
}

static void tensor_proto_decode__in_pieces(void **state) {
  (void)state;
  each_recorded_tensor("decode", check_pieces);
}

static void check_into(const recorded_tensor *line) {
  sm_tensor_proto proto;
  if (is_refused(line)) return;
  assert_ok(read_split(&proto, &line->proto, 0), err);
  bool is_text = line->view.dtype == SM_DT_STRING || line->view.dtype == SM_DT_VARIANT;
  uint8_t *dst = malloc(line->view.size + 1);
  sm_status status = sm_tensor_proto_decode_into(dst, line->view.size, &proto, &err);
  assert_status(status, is_text ? SM_INVALID_ARGUMENT : SM_OK, err);
  if (!is_text) assert_bytes(line->what, dst, line->view.size, line->view.data, line->view.size);
  assert_status(sm_tensor_proto_decode_into(dst, line->view.size + 1, &proto, &err), SM_INVALID_ARGUMENT, err);
  free(dst);
}

static void tensor_proto_decode__into_memory(void **state) {
  (void)state;
  each_recorded_tensor("decode", check_into);
}

static size_t n_views;

static void check_view(const recorded_tensor *line) {
  sm_tensor_proto proto;
  sm_tensor_view view;
  if (read_split(&proto, &line->proto, 0) != SM_OK) return;
  sm_status status = sm_tensor_proto_view(&view, &proto, &err);
  bool has_content = proto.content.size != 0 || line->view.size == 0;
  bool is_text = proto.dtype == SM_DT_STRING || proto.dtype == SM_DT_VARIANT;
  if (is_refused(line)) {
    assert_true(status == SM_DATA_LOSS || status == SM_FAILED_PRECONDITION);
  } else if (!has_content || is_text || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__) {
    assert_status(status, SM_FAILED_PRECONDITION, err);
  } else {
    assert_status(status, SM_OK, err);
    assert_same_tensor(line->what, &view, &line->view);
    assert_true(view.size == 0 || view.data == proto.content.data);
    n_views++;
  }
}

static void tensor_proto_decode__in_place(void **state) {
  (void)state;
  n_views = 0;
  each_recorded_tensor("decode content", check_view);
  assert_true(n_views > 80 || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__);
}

/* ---- What TensorFlow cannot be asked ---- */

static w_buffer start(uint64_t dtype, const int64_t *dims, size_t rank) {
  w_buffer w = {0};
  w_varint(&w, 1, dtype);
  size_t shape = w_begin(&w, 2);
  for (size_t i = 0; i < rank; i++) {
    size_t dim = w_begin(&w, 2);
    w_varint(&w, 1, (uint64_t)dims[i]);
    w_end(&w, dim);
  }
  w_end(&w, shape);
  return w;
}

/* CVE-2022-23571: an invalid dtype with no elements. */
static void tensor_proto_decode__dtypes_that_are_none(void **state) {
  (void)state;
  static const uint64_t dtypes[] = {0, 34, 99, 100, 101, 107, 133, 134, UINT32_MAX, UINT64_MAX, (uint64_t)1 << 31};
  for (size_t i = 0; i < N_OF(dtypes); i++) {
    for (int64_t n = 0; n < 2; n++) {
      w_buffer w = start(dtypes[i], &n, 1);
      sm_tensor *tensor;
      sm_tensor_proto proto;
      uint64_t n_values;
      assert_status(decode_split(&tensor, &w, 0, UINT64_MAX), SM_DATA_LOSS, err);
      assert_null(tensor);
      assert_ok(read_split(&proto, &w, 0), err);
      assert_status(sm_tensor_proto_n_values(&n_values, &proto, &err), SM_DATA_LOSS, err);
      w_free(&w);
    }
  }
}

static void tensor_proto_decode__resources(void **state) {
  (void)state;
  w_buffer w = start(SM_DT_RESOURCE, NULL, 0);
  w_text(&w, 14, "\x1A\x01x");
  sm_tensor *tensor;
  assert_status(decode_split(&tensor, &w, 0, UINT64_MAX), SM_UNIMPLEMENTED, err);
  w_free(&w);
}

/* Twenty bytes that ask for 256 GiB. */
static void tensor_proto_decode__fill_bombs(void **state) {
  (void)state;
  static const int64_t dims[] = {1 << 18, 1 << 18};
  static const struct {
    sm_dtype dtype;
    uint32_t field;
  } rows[] = {{SM_DT_FLOAT, 5}, {SM_DT_INT32, 7}, {SM_DT_STRING, 8}, {SM_DT_VARIANT, 15}, {SM_DT_FLOAT8_E5M2, 18}};
  sm_fault_alloc fa;
  sm_fault_alloc_init(&fa, UINT64_MAX);
  for (size_t i = 0; i < N_OF(rows); i++) {
    w_buffer w = start(rows[i].dtype, dims, 2);
    w_bytes(&w, rows[i].field, "\0\0\0\0", 4);
    sm_tensor_proto proto;
    sm_tensor *tensor;
    assert_ok(read_split(&proto, &w, 0), err);
    assert_status(sm_tensor_proto_decode(&tensor, &proto, 1 << 30, &fa.base, &err), SM_RESOURCE_EXHAUSTED, err);
    assert_mentions(err.message, "max_bytes");
    assert_null(tensor);
    w_free(&w);
  }
  assert_number("allocations", fa.n_calls, 0);
  sm_fault_alloc_destroy(&fa);
}

/* The limit is that of the tensor, to the byte. A repeated string takes the room of one. */
static void tensor_proto_decode__limits(void **state) {
  (void)state;
  static const int64_t dim = 1000;
  sm_tensor *tensor;
  w_buffer w = start(SM_DT_FLOAT, &dim, 1);
  assert_status(decode_split(&tensor, &w, 0, 3999), SM_RESOURCE_EXHAUSTED, err);
  assert_ok(decode_split(&tensor, &w, 0, 4000), err);
  sm_tensor_free(tensor);
  w_free(&w);
  w = start(SM_DT_STRING, &dim, 1);
  w_text(&w, 8, "abc");
  w_text(&w, 8, "defgh");
  uint64_t size = 1000 * sizeof(sm_string) + 4 + 6;
  assert_status(decode_split(&tensor, &w, 0, size - 1), SM_RESOURCE_EXHAUSTED, err);
  assert_ok(decode_split(&tensor, &w, 0, size), err);
  const sm_string *strings = sm_tensor_get_view(tensor)->data;
  assert_text("first", strings[0].data, "abc");
  assert_text("last", strings[999].data, "defgh");
  assert_true(strings[999].data == strings[1].data);
  sm_tensor_free(tensor);
  w_free(&w);
}

/* More strings than content can have lengths of: found before there is memory for them. */
static void tensor_proto_decode__strings_that_are_not_there(void **state) {
  (void)state;
  static const int64_t dims[] = {INT64_C(1) << 58};
  w_buffer w = start(SM_DT_STRING, dims, 1);
  w_text(&w, 4, "\1\1\1");
  sm_tensor *tensor;
  assert_status(decode_split(&tensor, &w, 0, UINT64_MAX), SM_DATA_LOSS, err);
  w_free(&w);
  w = start(SM_DT_FLOAT, dims, 1); /* and content of the wrong size */
  w_text(&w, 4, "\1\1\1");
  assert_status(decode_split(&tensor, &w, 0, UINT64_MAX), SM_DATA_LOSS, err);
  w_free(&w);
}

/* Repeating fills to the last byte and not further, for every size of element and however many there are. */
static void tensor_proto_decode__repeats(void **state) {
  (void)state;
  for (int64_t n = 1; n < 70; n++) {
    for (int64_t given = 1; given <= n && given < 5; given++) {
      w_buffer w = start(SM_DT_INT16, &n, 1);
      for (int64_t i = 0; i < given; i++) w_varint(&w, 7, (uint64_t)(i + 0x0102));
      sm_tensor *tensor;
      assert_ok(decode_split(&tensor, &w, 0, UINT64_MAX), err);
      const int16_t *data = sm_tensor_get_view(tensor)->data;
      for (int64_t i = 0; i < n; i++) assert_number("element", data[i], (i < given ? i : given - 1) + 0x0102);
      sm_tensor_free(tensor);
      w_free(&w);
    }
  }
}

/* V1 checkpoints have neither dtype nor shape in the message; the number of values has to be right there. */
static void tensor_proto_decode__values_alone(void **state) {
  (void)state;
  static const int64_t dims[] = {3};
  static const struct {
    sm_dtype dtype;
    uint32_t field;
    const char *bytes;
    size_t size;
    uint64_t n;
  } rows[] = {
      {SM_DT_FLOAT, 5, "\0\0\200?\0\0\0@\0\0@@", 12, 3},
      {SM_DT_INT32, 7, "\1\2\3", 3, 3},
      {SM_DT_INT32, 7, "\1\2", 2, 2},
      {SM_DT_COMPLEX64, 9, "\0\0\200?\0\0\0@\0\0@@", 12, 1},
      {SM_DT_STRING, 8, "one", 3, 1},
      {SM_DT_FLOAT8_E5M2, 18, "\1\2\3\4", 4, 4},
      {SM_DT_FLOAT, 7, "\1\2\3", 3, 0},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    w_buffer w = {0};
    w_bytes(&w, rows[i].field, rows[i].bytes, rows[i].size);
    sm_tensor_proto proto;
    sm_tensor *tensor;
    uint64_t n;
    assert_ok(read_split(&proto, &w, 0), err);
    proto.dtype = rows[i].dtype;
    proto.shape = (sm_shape){1, dims};
    assert_ok(sm_tensor_proto_n_values(&n, &proto, &err), err);
    assert_number(sm_dtype_name(rows[i].dtype), n, rows[i].n);
    assert_ok(sm_tensor_proto_decode(&tensor, &proto, UINT64_MAX, NULL, &err), err);
    sm_tensor_free(tensor);
    w_free(&w);
  }
}

static void check_faults(const recorded_tensor *line) {
  if (is_refused(line)) return;
  for (uint64_t n = 0, fired = 1; fired; n++) {
    sm_fault_alloc fa;
    sm_fault_alloc_init(&fa, n);
    sm_arena own;
    sm_arena_init(&own, &fa.base, UINT64_MAX);
    sm_wire_source source = {.name = "m", .bytes = {line->proto.data, line->proto.size}};
    sm_tensor_proto proto;
    sm_tensor *tensor = NULL;
    sm_status status = sm_tensor_proto_read(&proto, (sm_spans){&source.bytes, 1}, &source, &own, &err);
    if (status == SM_OK) status = sm_tensor_proto_decode(&tensor, &proto, UINT64_MAX, &fa.base, &err);
    fired = fa.fired;
    assert_status(status, fired ? SM_RESOURCE_EXHAUSTED : SM_OK, err);
    sm_tensor_free(tensor);
    sm_arena_free(&own);
    assert_number("live blocks", fa.live_blocks, 0);
    sm_fault_alloc_destroy(&fa);
  }
}

static void tensor_proto_decode__without_memory(void **state) {
  (void)state;
  each_recorded_tensor("decode", check_faults);
}

/* Every byte changed and every beginning: something else, or refused, but no crash and no reading outside. */
static void check_damaged(const recorded_tensor *line) {
  w_buffer w = {0};
  if (line->proto.size > 100) return;
  for (size_t i = 0; i < line->proto.size * 9; i++) {
    w_clear(&w);
    w_raw(&w, line->proto.data, i % 9 == 8 ? i / 9 : line->proto.size);
    if (i % 9 != 8) w.data[i / 9] ^= (uint8_t)(1u << i % 9);
    uint8_t *exact = malloc(w.size + 1); /* so that the sanitizer sees a byte too many */
    exact = realloc(exact, w.size != 0 ? w.size : 1);
    if (w.size != 0) memcpy(exact, w.data, w.size);
    w_buffer copy = {exact, w.size, w.size};
    sm_tensor *tensor;
    (void)decode_split(&tensor, &copy, 0, 1 << 16);
    sm_tensor_free(tensor);
    free(exact);
  }
  w_free(&w);
}

static void tensor_proto_decode__damaged(void **state) {
  (void)state;
  each_recorded_tensor("decode", check_damaged);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(tensor_proto_decode__as_tensorflow),
      CASE(tensor_proto_decode__in_pieces),
      CASE(tensor_proto_decode__into_memory),
      CASE(tensor_proto_decode__in_place),
      CASE(tensor_proto_decode__dtypes_that_are_none),
      CASE(tensor_proto_decode__resources),
      CASE(tensor_proto_decode__fill_bombs),
      CASE(tensor_proto_decode__limits),
      CASE(tensor_proto_decode__strings_that_are_not_there),
      CASE(tensor_proto_decode__repeats),
      CASE(tensor_proto_decode__values_alone),
      CASE(tensor_proto_decode__without_memory),
      CASE(tensor_proto_decode__damaged),
  };
  return cmocka_run_group_tests_name("tensor_proto_decode", tests, NULL, NULL);
}
