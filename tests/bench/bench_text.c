/*
 * bench_text: protobuf text to bytes and back, many times in this process.
 *
 *     bench_text RUNS MODEL.pb         text of a SavedModel
 *     bench_text RUNS --floats FILE    a GraphDef of half a million random floats, whose text is left in FILE
 *
 * Prints one line of JSON: the size of the text in bytes, and for both directions the lowest time in milliseconds and MB of
 * text per second (10^6 bytes). Nothing is read from or written to files in that time.
 */
#include <string.h>

#include <savedmodel/savedmodel.h>

#include "bench/bench.h"
#include "support/files.h"
#include "support/wire_writer.h"

enum { N_FLOATS = 500000 };

static sm_error error;

static void check(sm_status status) { bench_check("bench_text", status, &error); }

static sm_status append(void *ctx, const void *data, size_t size, sm_error *err) {
  (void)err;
  w_raw(ctx, data, size);
  return SM_OK;
}

static sm_status count(void *ctx, const void *data, size_t size, sm_error *err) {
  (void)data;
  (void)err;
  *(size_t *)ctx += size;
  return SM_OK;
}

static double lower(double a, double b) { return a < b ? a : b; }

/* Weights as networks have them: between -1 and 1, with all their digits. */
static void make_floats(w_buffer *graph) {
  size_t node = w_begin(graph, 1);
  w_entry entry = w_begin_entry(graph, 5, "value");
  size_t tensor = w_begin(graph, 8);
  w_varint(graph, 1, 1);
  w_buffer floats = {0};
  uint64_t seed = 1;
  for (size_t i = 0; i < N_FLOATS; i++) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    float value = (float)((double)(int64_t)seed / 9223372036854775808.0);
    w_raw(&floats, &value, sizeof value);
  }
  w_message(graph, 5, &floats);
  w_free(&floats);
  w_end(graph, tensor);
  w_end_entry(graph, entry);
  w_end(graph, node);
}

int main(int argc, char **argv) {
  size_t runs = argc >= 3 ? strtoul(argv[1], NULL, 10) : 0;
  bool is_floats = argc == 4 && strcmp(argv[2], "--floats") == 0;
  if (runs == 0 || (argc != 3 && !is_floats)) {
    fprintf(stderr, "usage: bench_text RUNS MODEL.pb | bench_text RUNS --floats FILE\n");
    return 2;
  }
  sm_message_kind kind = is_floats ? SM_MESSAGE_GRAPH_DEF : SM_MESSAGE_SAVED_MODEL;
  w_buffer bytes = {0}, text = {0};
  if (is_floats) {
    make_floats(&bytes);
  } else {
    bytes.data = read_file(argv[2], &bytes.size);
  }
  check(sm_convert_to_text(kind, bytes.data, bytes.size, NULL, append, &text, NULL, &error));
  if (is_floats) write_file(argv[3], text.data, text.size);
  double best_write = 1e300, best_read = 1e300;
  for (size_t i = 0; i < runs; i++) {
    size_t written = 0;
    sm_string back;
    double start = bench_now();
    check(sm_convert_to_text(kind, bytes.data, bytes.size, NULL, count, &written, NULL, &error));
    double middle = bench_now();
    check(sm_convert_from_text(&back, kind, (const char *)text.data, text.size, NULL, &error));
    best_read = lower(best_read, bench_now() - middle);
    best_write = lower(best_write, middle - start);
    sm_convert_free(&back, NULL);
  }
  printf("{\"text_bytes\":%zu,\"read_min\":%.3f,\"read_mbps\":%.0f,\"write_min\":%.3f,\"write_mbps\":%.0f}\n",
         text.size, best_read, (double)text.size / 1e3 / best_read, best_write, (double)text.size / 1e3 / best_write);
  w_free(&bytes);
  w_free(&text);
  return 0;
}
