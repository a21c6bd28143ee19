#include <savedmodel/debug_info.h>

#include <sys/stat.h>

#include "support/check.h"
#include "support/fault_alloc.h"
#include "support/files.h"
#include "support/models.h"

static sm_error err;
static sm_fault_alloc fa;
static temp_dir dir;
static sm_model *model;
static w_buffer w;

static int set_up(void **state) {
  (void)state;
  sm_fault_alloc_init(&fa, UINT64_MAX);
  dir = make_temp_dir();
  w = (w_buffer){0};
  model = NULL;
  write_file(path_in(dir.path, "saved_model.pb"), "", 0);
  return mkdir(path_in(dir.path, "debug"), 0777);
}

static int tear_down(void **state) {
  (void)state;
  sm_model_close(model);
  remove_temp_dir(&dir);
  w_free(&w);
  return fa.live_blocks == 0 ? 0 : -1;
}

/* Opens the debug info that w holds. */
static sm_status open_info(const sm_debug_info **info) {
  write_file(path_in(dir.path, SM_FILE_DEBUG_INFO), w.data, w.size);
  sm_model_close(model);
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  options.allocator = &fa.base;
  assert_ok(sm_model_open(&model, dir.path, &options, &err), err);
  return sm_model_get_debug_info(info, model, &err);
}

static void put_fixed64_key(uint64_t key) { w_fixed64(&w, 1, key); }

static void put_frame(uint64_t id, uint64_t file, uint64_t line, const char *function) {
  size_t entry = w_begin(&w, 4);
  put_fixed64_key(id);
  size_t frame = w_begin(&w, 2);
  if (file != 0) w_varint(&w, 1, file); /* as a writer that leaves out defaults */
  w_varint(&w, 2, line);
  if (function != NULL) w_text(&w, 4, function);
  w_end(&w, frame);
  w_end(&w, entry);
}

static void put_trace(uint64_t id, const uint64_t *frames, size_t n, bool is_packed) {
  size_t entry = w_begin(&w, 6);
  put_fixed64_key(id);
  size_t trace = w_begin(&w, 2);
  size_t packed = is_packed ? w_begin(&w, 2) : 0;
  for (size_t i = 0; i < n; i++) {
    uint8_t bytes[8];
    for (int k = 0; k < 8; k++) bytes[k] = (uint8_t)(frames[i] >> (8 * k));
    if (is_packed)
      w_raw(&w, bytes, sizeof bytes);
    else
      w_fixed64(&w, 2, frames[i]);
  }
  if (is_packed) w_end(&w, packed);
  w_end(&w, trace);
  w_end(&w, entry);
}

static void put_name(const char *name, uint64_t trace) {
  size_t entry = w_begin(&w, 5);
  w_text(&w, 1, name);
  w_fixed64(&w, 2, trace);
  w_end(&w, entry);
}

/* An entry of the old form with one frame. */
static void put_old(const char *name, uint64_t file, uint64_t line) {
  w_entry entry = w_begin_entry(&w, 2, name);
  size_t frame = w_begin(&w, 1);
  w_varint(&w, 1, file);
  w_varint(&w, 2, line);
  w_varint(&w, 3, 7);
  w_text(&w, 4, "f");
  w_text(&w, 5, "x = 1");
  w_end(&w, frame);
  w_end_entry(&w, entry);
}

static void assert_frame(const sm_source_frame *frame, const char *file, int32_t line, const char *function) {
  assert_text("file", frame->file, file);
  assert_number("line", frame->line, line);
  assert_text("function", frame->function, function);
}

/* As TensorFlow 2.21 wrote it. Expected values: its own graph_debug_info_pb2. */
static void debug_info__of_tensorflow(void **state) {
  (void)state;
  const sm_debug_info *info;
  const sm_stack_trace *trace;
  model = open_data("v2/debug_info");
  assert_ok(sm_model_get_debug_info(&info, model, &err), err);
  assert_number("traces", sm_debug_info_n_traces(info), 33);
  assert_text("first", sm_debug_info_get_name(info, 0).data, "Const@__inference__traced_save_35");
  assert_text("last", sm_debug_info_get_name(info, 32).data, "x@__inference_signature_wrapper_13");
  assert_null(sm_debug_info_get_name(info, 33).data);
  assert_ok(sm_debug_info_find_trace(&trace, info, "x", "__inference_f_7", &err), err);
  assert_number("frames", trace->n_frames, 6);
  assert_frame(&trace->frames[0], "make_fixtures.py", 3305, "<module>");
  assert_frame(&trace->frames[1], "make_fixtures.py", 3300, "main");
  assert_frame(&trace->frames[5], "tensorflow/core/function/polymorphism/function_type.py", 356,
               "placeholder_arguments");
  const sm_stack_trace *again;
  assert_ok(sm_debug_info_find_trace(&again, info, "x@__inference_f_7", NULL, &err), err);
  assert_ptr_equal(again, trace);
  for (size_t i = 0; i < 33; i++) assert_ok(sm_debug_info_get_trace(&trace, info, i, &err), err);
}

static void debug_info__not_recorded(void **state) {
  (void)state;
  const sm_debug_info *info;
  const sm_stack_trace *trace;
  model = open_data("v2/debug_info");
  assert_ok(sm_model_get_debug_info(&info, model, &err), err);
  static const char *const names[][2] = {{"x", NULL},
                                         {"x", ""},
                                         {"x", "__inference_f_"},
                                         {"x", "__inference_f_77"},
                                         {"", "x@__inference_f_7"},
                                         {"x@", "__inference_f_7"},
                                         {"x@__inference", "_f_7"},
                                         {"", NULL},
                                         {"zzz", "zzz"}};
  for (size_t i = 0; i < N_OF(names); i++) {
    assert_status(sm_debug_info_find_trace(&trace, info, names[i][0], names[i][1], &err), SM_NOT_FOUND, err);
    assert_null(trace);
  }
  assert_status(sm_debug_info_get_trace(&trace, info, 33, &err), SM_NOT_FOUND, err);
  sm_model_close(model);
  model = open_data("v2/strings");
  assert_status(sm_model_get_debug_info(&info, model, &err), SM_NOT_FOUND, err);
  assert_null(info);
  sm_model_close(model);
  assert_ok(sm_model_open_buffer(&model, "", 0, NULL, &err), err);
  assert_status(sm_model_get_debug_info(&info, model, &err), SM_NOT_FOUND, err);
}

static void debug_info__new_form(void **state) {
  (void)state;
  static const uint64_t frames[] = {UINT64_MAX, 3, UINT64_MAX, 0};
  put_name("n@f", UINT64_MAX - 1);
  put_name("n@g", 5);
  put_name("m@f", 5);
  put_trace(5, frames, 4, false); /* list elements one by one are as good as packed */
  put_trace(UINT64_MAX - 1, frames, 2, true);
  put_frame(3, 1, 30, "three");
  put_frame(UINT64_MAX, 0, 99, NULL);
  put_frame(0, 0, 98, "overridden");
  put_frame(0, 1, 1, "zero");
  w_text(&w, 1, "a.py");
  w_text(&w, 1, "b.py");
  const sm_debug_info *info;
  const sm_stack_trace *trace;
  assert_ok(open_info(&info), err);
  assert_number("traces", sm_debug_info_n_traces(info), 3);
  assert_text("first", sm_debug_info_get_name(info, 0).data, "m@f");
  assert_ok(sm_debug_info_find_trace(&trace, info, "n", "f", &err), err);
  assert_number("frames", trace->n_frames, 2);
  assert_frame(&trace->frames[0], "a.py", 99, "");
  assert_frame(&trace->frames[1], "b.py", 30, "three");
  assert_text("code", trace->frames[1].code, "");
  assert_ok(sm_debug_info_find_trace(&trace, info, "m", "f", &err), err);
  assert_number("frames", trace->n_frames, 4);
  assert_frame(&trace->frames[2], "a.py", 99, "");
  assert_frame(&trace->frames[3], "b.py", 1, "zero"); /* of an id given twice the last counts */
}

/* Both forms in a file: the old one counts where both have a name. */
static void debug_info__old_form(void **state) {
  (void)state;
  w_text(&w, 1, "a.py");
  w_text(&w, 1, "b\xFF.py"); /* a proto2 string may hold anything */
  put_old("n@f", 1, 10);
  put_old("z@f", 0, 20);
  put_name("n@f", 1);
  put_name("o@f", 1);
  put_trace(1, (const uint64_t[]){4}, 1, true);
  put_frame(4, 0, 40, "new");
  const sm_debug_info *info;
  const sm_stack_trace *trace;
  assert_ok(open_info(&info), err);
  assert_number("traces", sm_debug_info_n_traces(info), 3);
  assert_ok(sm_debug_info_find_trace(&trace, info, "n", "f", &err), err);
  assert_number("frames", trace->n_frames, 1);
  assert_frame(&trace->frames[0], "b\xFF.py", 10, "f");
  assert_number("column", trace->frames[0].column, 7);
  assert_text("code", trace->frames[0].code, "x = 1");
  assert_ok(sm_debug_info_find_trace(&trace, info, "o", "f", &err), err);
  assert_frame(&trace->frames[0], "a.py", 40, "new");
  assert_ok(sm_debug_info_find_trace(&trace, info, "z", "f", &err), err);
  assert_frame(&trace->frames[0], "a.py", 20, "f");
}

static void debug_info__empty(void **state) {
  (void)state;
  const sm_debug_info *info;
  const sm_stack_trace *trace;
  assert_ok(open_info(&info), err);
  assert_number("traces", sm_debug_info_n_traces(info), 0);
  put_name("n@f", 0);
  put_trace(0, NULL, 0, true);
  assert_ok(open_info(&info), err);
  assert_ok(sm_debug_info_get_trace(&trace, info, 0, &err), err);
  assert_number("frames", trace->n_frames, 0);
}

/* What is wrong with one trace leaves the others readable. */
static void debug_info__damaged_traces(void **state) {
  (void)state;
  const sm_debug_info *info;
  const sm_stack_trace *trace;
  w_text(&w, 1, "a.py");
  put_name("good@f", 1);
  put_name("no frame@f", 2);
  put_name("no trace@f", 9);
  put_name("no file@f", 3);
  put_name("negative file@f", 4);
  put_name("cut off@f", 5);
  put_trace(1, (const uint64_t[]){1}, 1, true);
  put_trace(2, (const uint64_t[]){1, 9}, 2, true);
  put_trace(3, (const uint64_t[]){2}, 1, true);
  put_trace(4, (const uint64_t[]){3}, 1, true);
  put_frame(1, 0, 1, "f");
  put_frame(2, 1, 1, "f");
  put_frame(3, UINT64_MAX, 1, "f");
  size_t entry = w_begin(&w, 6);
  put_fixed64_key(5);
  w_bytes(&w, 2, "\x12\x04xxxx", 6); /* half an id */
  w_end(&w, entry);
  assert_ok(open_info(&info), err);
  for (size_t i = 0; i < sm_debug_info_n_traces(info); i++) {
    const char *name = sm_debug_info_get_name(info, i).data;
    bool is_good = strcmp(name, "good@f") == 0;
    sm_status status = sm_debug_info_get_trace(&trace, info, i, &err);
    assert_text(name, sm_status_name(status), is_good ? "OK" : "DATA_LOSS");
    if (!is_good) assert_mentions(err.message, "saved_model_debug_info.pb");
    if (strcmp(name, "cut off@f") == 0) assert_mentions(err.message, "ends inside an element");
  }
}

static void debug_info__damaged_files(void **state) {
  (void)state;
  static const struct {
    const char *bytes;
    size_t size;
  } rows[] = {{"\x0A", 1}, {"\x0A\x05x", 3}, {"\x22\x02\x09x", 4}, {"\x2A\x03\x0A\x05x", 5}, {"\x32\x01\x0A", 3}};
  for (size_t i = 0; i < N_OF(rows); i++) {
    const sm_debug_info *info;
    w_clear(&w);
    w_raw(&w, rows[i].bytes, rows[i].size);
    assert_status(open_info(&info), SM_DATA_LOSS, err);
    assert_null(info);
    assert_mentions(err.message, "saved_model_debug_info.pb");
  }
}

/* One long string, in a frame that a trace names over and over, is held against the limit. */
static void debug_info__memory_is_limited(void **state) {
  (void)state;
  enum { N = 2000, SIZE = 100000 };
  static uint64_t frames[N];
  static char function[SIZE + 1];
  memset(function, 'f', SIZE);
  put_name("n@f", 0);
  put_trace(0, frames, N, true);
  put_frame(0, 0, 1, function);
  write_file(path_in(dir.path, SM_FILE_DEBUG_INFO), w.data, w.size);
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  options.allocator = &fa.base;
  options.max_bytes = 1 << 20;
  const sm_debug_info *info;
  const sm_stack_trace *trace;
  assert_ok(sm_model_open(&model, dir.path, &options, &err), err);
  assert_ok(sm_model_get_debug_info(&info, model, &err), err);
  assert_status(sm_debug_info_get_trace(&trace, info, 0, &err), SM_RESOURCE_EXHAUSTED, err);
  assert_true(fa.peak_bytes < 3 << 20);
}

static void debug_info__failing_allocations(void **state) {
  (void)state;
  for (uint64_t n = 0;; n++) {
    const sm_debug_info *info;
    const sm_stack_trace *trace;
    sm_open_options options = SM_OPEN_OPTIONS_INIT;
    options.allocator = &fa.base;
    options.no_mmap = true;
    sm_fault_alloc_rearm(&fa, UINT64_MAX);
    assert_ok(sm_model_open(&model, model_dir("v2/debug_info"), &options, &err), err);
    sm_fault_alloc_rearm(&fa, n);
    sm_status status = sm_model_get_debug_info(&info, model, &err);
    if (status == SM_OK) status = sm_debug_info_find_trace(&trace, info, "x", "__inference_f_7", &err);
    if (fa.fired) { /* the next call mends it */
      assert_status(status, SM_RESOURCE_EXHAUSTED, err);
      assert_ok(sm_model_get_debug_info(&info, model, &err), err);
      assert_ok(sm_debug_info_find_trace(&trace, info, "x", "__inference_f_7", &err), err);
    }
    assert_number("frames", trace->n_frames, 6);
    sm_model_close(model);
    model = NULL;
    assert_number("live blocks", fa.live_blocks, 0);
    if (!fa.fired) break;
  }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(debug_info__of_tensorflow),
      CASE(debug_info__not_recorded),
      CASE(debug_info__new_form),
      CASE(debug_info__old_form),
      CASE(debug_info__empty),
      CASE(debug_info__damaged_traces),
      CASE(debug_info__damaged_files),
      CASE(debug_info__memory_is_limited),
      CASE(debug_info__failing_allocations),
  };
  return cmocka_run_group_tests_name("debug_info", tests, NULL, NULL);
}
