#include "wire/riegeli.h"

#include "codec/highwayhash64.h"
#include "support/check.h"
#include "support/fault_alloc.h"
#include "support/riegeli_writer.h"

static const char compressions[] = {
    0,
#ifdef SM_HAVE_BROTLI
    'b',
#endif
#ifdef SM_HAVE_ZSTD
    'z',
#endif
};

static sm_fault_alloc fa;
static sm_arena arena;
static r_file file;
static sm_error err;
static uint8_t *noise; /* something to make records of */

enum { NOISE_SIZE = 300000 };

static int set_up(void **state) {
  (void)state;
  sm_fault_alloc_init(&fa, UINT64_MAX);
  sm_arena_init(&arena, &fa.base, UINT64_MAX);
  file = (r_file){0};
  r_begin(&file);
  noise = malloc(NOISE_SIZE);
  for (uint32_t i = 0, x = 1; noise != NULL && i < NOISE_SIZE; i++)
    noise[i] = (uint8_t)((x = x * 1664525 + 1013904223) >> 27);
  return noise != NULL ? 0 : -1;
}

static int tear_down(void **state) {
  (void)state;
  sm_arena_free(&arena);
  r_free(&file);
  free(noise);
  return fa.live_blocks == 0 ? 0 : -1;
}

static sm_status read_bytes(sm_riegeli_records *records, const void *data, size_t size) {
  const sm_wire_source source = {.name = "f", .bytes = {data, size}};
  sm_arena_free(&arena);
  sm_arena_init(&arena, &fa.base, arena.max_bytes);
  return sm_riegeli_read(records, &source, &arena, &err);
}

static sm_status read_all(sm_riegeli_records *records) { return read_bytes(records, file.bytes.data, file.bytes.size); }

/* The signature chunk is as the format's document prints it. */
static void riegeli__signature(void **state) {
  (void)state;
  static const uint8_t printed[64] = {0x83, 0xAF, 0x70, 0xD1, 0x0D, 0x88, 0x4A, 0x3F, 0,    0,   0, 0,    0,
                                      0,    0,    0,    0x40, 0,    0,    0,    0,    0,    0,   0, 0x91, 0xBA,
                                      0xC2, 0x3C, 0x92, 0x87, 0xE1, 0xA9, 0,    0,    0,    0,   0, 0,    0,
                                      0,    0xE1, 0x9F, 0x13, 0xC0, 0xE9, 0xB1, 0xC3, 0x72, 0x73};
  sm_riegeli_records records;
  assert_bytes("signature", file.bytes.data, file.bytes.size, printed, sizeof printed);
  assert_ok(read_all(&records), err);
  assert_number("records", records.n, 0);
}

/* Records of all sizes, some in one chunk, some in chunks of their own, over several blocks. */
static void riegeli__records_of_all_sizes(void **state) {
  (void)state;
  static const size_t sizes[] = {0, 1, 127, 128, 0, 65000, 65471, 65472, 65512, 65536, 200000, 3, 0};
  for (size_t c = 0; c < N_OF(compressions); c++) {
    for (size_t per_chunk = 1; per_chunk <= N_OF(sizes); per_chunk += 3) {
      uint64_t positions[N_OF(sizes)];
      sm_riegeli_records records;
      w_clear(&file.bytes);
      r_begin(&file);
      file.compression = compressions[c];
      for (size_t i = 0; i < N_OF(sizes); i++) {
        positions[i] = r_add(&file, noise + i, sizes[i]);
        if (i % per_chunk == per_chunk - 1) r_flush(&file);
      }
      r_flush(&file);
      assert_ok(read_all(&records), err);
      assert_number("records", records.n, N_OF(sizes));
      for (size_t i = 0; i < N_OF(sizes); i++) {
        assert_bytes("record", records.items[i].bytes.data, records.items[i].bytes.size, noise + i, sizes[i]);
        assert_number("position", records.items[i].position, positions[i]);
        assert_ptr_equal(sm_riegeli_find(&records, positions[i]), &records.items[i]);
      }
      assert_null(sm_riegeli_find(&records, positions[0] - 1));
      assert_null(sm_riegeli_find(&records, UINT64_MAX));
    }
  }
}

/* A block header interrupts a chunk at every place of its header and of its first data. */
static void riegeli__block_header_anywhere(void **state) {
  (void)state;
  for (size_t before = 0; before < 130; before++) {
    sm_riegeli_records records;
    w_clear(&file.bytes);
    r_begin(&file);
    r_chunk(&file, 'p', noise, 65536 - 64 - 40 - before, 0,
            0); /* the next chunk begins so many bytes before the block */
    uint64_t first = r_add(&file, noise, 50);
    uint64_t second = r_add(&file, noise + 50, 20);
    r_flush(&file);
    if (before > 0) assert_number("begin", first, 65536 - before);
    uint64_t third = r_add(&file, noise + 70, 1);
    r_flush(&file);
    assert_ok(read_all(&records), err);
    assert_number("records", records.n, 3);
    assert_bytes("first", records.items[0].bytes.data, records.items[0].bytes.size, noise, 50);
    assert_bytes("second", records.items[1].bytes.data, records.items[1].bytes.size, noise + 50, 20);
    assert_bytes("third", records.items[2].bytes.data, records.items[2].bytes.size, noise + 70, 1);
    assert_number("position", records.items[1].position, second);
    assert_number("position", records.items[2].position, third);
  }
}

/* A chunk is padded to have a position for every record, and that may lead over blocks. */
static void riegeli__many_empty_records(void **state) {
  (void)state;
  static const size_t counts[] = {65536 - 64, 65536 - 63, 65536 - 40, 65536, 100000, 140000};
  for (size_t c = 0; c < N_OF(compressions); c++) {
    for (size_t i = 0; i < N_OF(counts); i++) {
      sm_riegeli_records records;
      w_clear(&file.bytes);
      r_begin(&file);
      file.compression = compressions[c];
      for (size_t k = 0; k < counts[i]; k++) r_add(&file, NULL, 0);
      r_flush(&file);
      uint64_t last = r_add(&file, "x", 1);
      r_flush(&file);
      assert_ok(read_all(&records), err);
      assert_number("records", records.n, counts[i] + 1);
      assert_number("position", records.items[counts[i]].position, last);
    }
  }
}

static void riegeli__passes_over_what_has_no_records(void **state) {
  (void)state;
  sm_riegeli_records records;
  r_chunk(&file, 'm', "metadata", 8, 0, 100);
  r_chunk(&file, 'p', noise, 100000, 0, 0);
  r_chunk(&file, 's', "", 0, 0, 0);
  r_chunk(&file, '?', "later", 5, 0, 0);
  r_add(&file, "abc", 3);
  r_flush(&file);
  r_chunk(&file, 'p', "", 0, 0, 0);
  assert_ok(read_all(&records), err);
  assert_number("records", records.n, 1);
  assert_bytes("record", records.items[0].bytes.data, records.items[0].bytes.size, "abc", 3);
}

static void riegeli__not_supported(void **state) {
  (void)state;
  sm_riegeli_records records;
  size_t empty = file.bytes.size;
  r_chunk(&file, 't', "x", 1, 1, 1);
  assert_status(read_all(&records), SM_UNIMPLEMENTED, err);
  assert_mentions(err.message, "transposed");
  file.bytes.size = empty;
  r_chunk(&file, '?', "x", 1, 1, 1);
  assert_status(read_all(&records), SM_UNIMPLEMENTED, err);
  file.bytes.size = empty;
  r_chunk(&file, 'r', "s\1\1x", 4, 1, 1); /* snappy, which the format's document does not list */
  assert_status(read_all(&records), SM_UNIMPLEMENTED, err);
  assert_mentions(err.message, "0x73");
#ifndef SM_HAVE_BROTLI
  file.bytes.size = empty;
  r_chunk(&file, 'r', "b\2\1x\1x", 6, 1, 1);
  assert_status(read_all(&records), SM_UNIMPLEMENTED, err);
  assert_mentions(err.message, "libbrotlidec");
#endif
#ifndef SM_HAVE_ZSTD
  file.bytes.size = empty;
  r_chunk(&file, 'r', "z\2\1x\1x", 6, 1, 1);
  assert_status(read_all(&records), SM_UNIMPLEMENTED, err);
  assert_mentions(err.message, "libzstd");
#endif
}

/* The end of the file is noticed wherever it comes, and at the end of a chunk it is the end. */
static void riegeli__cut_off_anywhere(void **state) {
  (void)state;
  sm_riegeli_records records;
  size_t chunk = file.bytes.size;
  r_add(&file, noise, 100);
  r_flush(&file);
  for (size_t size = 0; size < file.bytes.size; size++) {
    uint8_t *copy = malloc(size + 1);
    memcpy(copy, file.bytes.data, size);
    assert_status(read_bytes(&records, copy, size), size == chunk ? SM_OK : SM_DATA_LOSS, err);
    if (size > chunk) assert_number("offset", err.offset, chunk);
    free(copy);
  }
}

/* Everything but block headers is under a hash. */
static void riegeli__changed_anywhere(void **state) {
  (void)state;
  sm_riegeli_records records;
  for (size_t c = 0; c < N_OF(compressions); c++) {
    w_clear(&file.bytes);
    r_begin(&file);
    file.compression = compressions[c];
    r_add(&file, noise, 100);
    r_flush(&file);
    for (size_t i = 24; i < file.bytes.size; i++) {
      file.bytes.data[i] ^= 0x10;
      assert_status(read_all(&records), SM_DATA_LOSS, err);
      file.bytes.data[i] ^= 0x10;
    }
    assert_ok(read_all(&records), err);
  }
}

/* A chunk whose hashes are right and whose numbers are not. */
static void riegeli__numbers_that_lie(void **state) {
  (void)state;
  static const struct {
    const char *what, *data;
    size_t size;
    uint64_t n_records, decoded_size;
    sm_status expected;
  } cases[] = {
      {"as it should be", "\0\1\3abc", 6, 1, 3, SM_OK},
      {"empty", "", 0, 0, 0, SM_DATA_LOSS},
      {"no sizes size", "\0", 1, 1, 3, SM_DATA_LOSS},
      {"sizes size that does not end", "\0\x80", 2, 1, 3, SM_DATA_LOSS},
      {"sizes past the end", "\0\7\3abc", 6, 1, 3, SM_DATA_LOSS},
      {"sizes far past the end", "\0\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\1\3abc", 15, 1, 3, SM_DATA_LOSS},
      {"a size past the end", "\0\1\4abc", 6, 1, 3, SM_DATA_LOSS},
      {"a huge size",
       "\0\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\1"
       "abc",
       15, 1, 3, SM_DATA_LOSS},
      {"sizes that leave something", "\0\1\2abc", 6, 1, 3, SM_DATA_LOSS},
      {"a record less", "\0\2\1\2abc", 7, 1, 3, SM_DATA_LOSS},
      {"a record more", "\0\1\3abc", 6, 2, 3, SM_DATA_LOSS},
      {"decoded size too small", "\0\1\3abc", 6, 1, 2, SM_DATA_LOSS},
      {"decoded size too large", "\0\1\3abc", 6, 1, UINT64_MAX, SM_DATA_LOSS},
#ifdef SM_HAVE_BROTLI
      {"brotli: sizes of a terabyte", "b\7\x80\x80\x80\x80\x80\x20x\3abc", 12, 1, 3, SM_DATA_LOSS},
      {"brotli: no size", "b\0", 2, 1, 3, SM_DATA_LOSS},
      {"brotli: not brotli", "b\2\1\xFF\3abc", 8, 1, 3, SM_DATA_LOSS},
      {"brotli: shorter than announced", "b\2\1\x3B\3\x3B", 6, 1, 3, SM_DATA_LOSS},
#endif
#ifdef SM_HAVE_ZSTD
      {"zstd: sizes of a terabyte", "z\7\x80\x80\x80\x80\x80\x20x\3abc", 12, 1, 3, SM_DATA_LOSS},
      {"zstd: not zstd", "z\2\1\xFF\3abc", 8, 1, 3, SM_DATA_LOSS},
#endif
  };
  sm_riegeli_records records;
  size_t empty = file.bytes.size;
  for (size_t i = 0; i < N_OF(cases); i++) {
    file.bytes.size = empty;
    r_chunk(&file, 'r', cases[i].data, cases[i].size, cases[i].n_records, cases[i].decoded_size);
    sm_status status = read_all(&records);
    assert_text(cases[i].what, sm_status_name(status), sm_status_name(cases[i].expected));
  }
}

/* A chunk that says it is longer than the file: by its data, by its records. */
static void riegeli__sizes_past_the_end(void **state) {
  (void)state;
  static const uint64_t key[4] = {0x2F696C6567656952, 0x0A7364726F636572, 0x2F696C6567656952, 0x0A7364726F636572};
  static const uint64_t sizes[] = {7,          65536,           1ull << 32, 1ull << 55, (1ull << 56) - 1,
                                   1ull << 63, UINT64_MAX - 63, UINT64_MAX};
  sm_riegeli_records records;
  size_t chunk = file.bytes.size;
  r_chunk(&file, 'r', "\0\1\3abc", 6, 1, 3);
  uint8_t *header = file.bytes.data + chunk;
  for (size_t field = 8; field <= 25; field += 17) { /* data_size, num_records */
    for (size_t i = 0; i < N_OF(sizes); i++) {
      uint8_t saved[40];
      memcpy(saved, header, sizeof saved);
      for (size_t k = 0; k < (field == 8 ? 8u : 7u); k++) header[field + k] = (uint8_t)(sizes[i] >> (8 * k));
      uint64_t hash = sm_highwayhash64(key, header + 8, 32);
      for (size_t k = 0; k < 8; k++) header[k] = (uint8_t)(hash >> (8 * k));
      bool is_zero = field != 8 && sizes[i] << 8 == 0; /* its seven bytes are */
      if (!is_zero && !(field != 8 && sizes[i] == 7)) {
        assert_status(read_all(&records), SM_DATA_LOSS, err);
        assert_mentions(err.message, "past the end");
      }
      memcpy(header, saved, sizeof saved);
    }
  }
  assert_ok(read_all(&records), err);
}

/* What a buffer announces is held against the limit before there is memory for it. */
static void riegeli__memory_is_limited(void **state) {
  (void)state;
  sm_riegeli_records records;
  for (size_t c = 1; c < N_OF(compressions); c++) {
    w_buffer zeros = {0};
    static const uint8_t none[4096];
    for (int i = 0; i < 1000; i++) w_raw(&zeros, none, sizeof none);
    w_clear(&file.bytes);
    r_begin(&file);
    file.compression = compressions[c];
    r_add(&file, zeros.data, zeros.size);
    r_flush(&file);
    arena.max_bytes = zeros.size / 2;
    assert_status(read_all(&records), SM_RESOURCE_EXHAUSTED, err);
    arena.max_bytes = 2 * zeros.size;
    assert_ok(read_all(&records), err);
    arena.max_bytes = UINT64_MAX;
    w_free(&zeros);
  }
}

static void riegeli__not_a_riegeli_file(void **state) {
  (void)state;
  sm_riegeli_records records;
  r_file other = {0};
  r_add(&other, "abc", 3);
  r_flush(&other); /* no signature */
  assert_status(read_bytes(&records, other.bytes.data, other.bytes.size), SM_DATA_LOSS, err);
  assert_mentions(err.message, "signature");
  assert_status(read_bytes(&records, "", 0), SM_DATA_LOSS, err);
  assert_status(read_bytes(&records, noise, 1000), SM_DATA_LOSS, err);
  r_chunk(&file, 'p', "", 0, 3, 0); /* records in padding */
  assert_status(read_all(&records), SM_DATA_LOSS, err);
  r_free(&other);
}

static void riegeli__failing_allocations(void **state) {
  (void)state;
  for (size_t c = 0; c < N_OF(compressions); c++) {
    file.compression = compressions[c];
    r_add(&file, noise, 100000);
    r_add(&file, noise, 10);
    r_flush(&file);
  }
  for (uint64_t n = 0;; n++) {
    sm_riegeli_records records;
    sm_arena_free(&arena);
    sm_fault_alloc_rearm(&fa, n);
    sm_status status = read_all(&records);
    sm_arena_free(&arena);
    assert_number("live blocks", fa.live_blocks, 0);
    if (!fa.fired) {
      assert_int_equal(status, SM_OK);
      break;
    }
    assert_status(status, SM_RESOURCE_EXHAUSTED, err);
  }
  sm_fault_alloc_rearm(&fa, UINT64_MAX);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(riegeli__signature),
      CASE(riegeli__records_of_all_sizes),
      CASE(riegeli__block_header_anywhere),
      CASE(riegeli__many_empty_records),
      CASE(riegeli__passes_over_what_has_no_records),
      CASE(riegeli__not_supported),
      CASE(riegeli__cut_off_anywhere),
      CASE(riegeli__changed_anywhere),
      CASE(riegeli__numbers_that_lie),
      CASE(riegeli__sizes_past_the_end),
      CASE(riegeli__memory_is_limited),
      CASE(riegeli__not_a_riegeli_file),
      CASE(riegeli__failing_allocations),
  };
  return cmocka_run_group_tests_name("riegeli", tests, NULL, NULL);
}
