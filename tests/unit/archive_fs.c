#include <pthread.h>

#include "support/archives.h"
#include "support/check.h"
#include "support/fault_alloc.h"
#include "support/fault_fs.h"
#include "support/files.h"

static sm_error err;

/* RFC 1952, with raw deflate that is not compressed. */
static void gzip(w_buffer *w, const w_buffer *bytes) {
  uint8_t tail[8];
  w_raw(w, "\x1F\x8B\x08\0\0\0\0\0\0\xFF", 10);
  deflate_stored(w, bytes->data, bytes->size);
  put32(tail, crc32_of(bytes->data, bytes->size));
  put32(tail + 4, (uint32_t)bytes->size);
  w_raw(w, tail, sizeof tail);
}

static void make_tar(w_buffer *w) {
  tar_add_text(w, "m/f", "contents of f");
  tar_add_text(w, "m/g", "contents of g, longer");
  tar_end(w);
}

static void make_gzip(w_buffer *w) {
  w_buffer tar = {0};
  make_tar(&tar);
  gzip(w, &tar);
  w_free(&tar);
}

static void make_zip_by(w_buffer *w, uint16_t method) {
  zip_writer z = {.n = 0};
  zip_add(&z, (zip_member){.name = "m/f", .data = "contents of f", .size = 13, .method = method});
  zip_add(&z, (zip_member){.name = "m/g", .data = "contents of g, longer", .size = 21, .method = method});
  zip_finish(w, &z, method == 8, "");
}

static void make_stored(w_buffer *w) { make_zip_by(w, 0); }
static void make_deflated(w_buffer *w) { make_zip_by(w, 8); }

static void (*const kinds[])(w_buffer *) = {make_tar, make_gzip, make_stored, make_deflated};

/* That kind is compressed, and there is no zlib: then it is refused, which is made sure of. */
static bool is_refused(size_t kind, const w_buffer *w) {
  if (kinds[kind] == make_gzip) return archive_lacks_zlib(w, NULL);
  return kinds[kind] == make_deflated && archive_lacks_zlib(w, "m/f");
}

static void assert_contents(const archive *a, const char *name, const char *text) {
  w_buffer contents = {0};
  assert_ok(archive_read(a, name, &contents, &err), err);
  assert_bytes(name, contents.data, contents.size, text, strlen(text));
  w_free(&contents);
}

static void archive_fs__all_kinds(void **state) {
  (void)state;
  for (size_t i = 0; i < 2 * N_OF(kinds); i++) {
    char names[100];
    w_buffer w = {0};
    archive a;
    sm_open_options options = SM_OPEN_OPTIONS_INIT;
    options.no_mmap = i % 2 != 0;
    kinds[i / 2](&w);
    if (is_refused(i / 2, &w)) {
      w_free(&w);
      continue;
    }
    assert_ok(archive_open(&a, &w, &options, &err), err);
    archive_names(&a, names, sizeof names);
    assert_text("names", names, "dir:m m/f m/g");
    assert_contents(&a, "m/f", "contents of f");
    assert_contents(&a, "m/g", "contents of g, longer");
    assert_null(a.fs->create);
    assert_number("struct_size", a.fs->struct_size, sizeof(sm_fs));
    archive_close(&a);
    w_free(&w);
  }
}

/* ---- gzip ---- */

static void bad_gzip(w_buffer *w, size_t from_end, int change, size_t cut) {
  make_gzip(w);
  w->data[w->size - from_end] ^= (uint8_t)change;
  w->size -= cut;
}

static void gzip_cut(w_buffer *w) { bad_gzip(w, 1, 0, 9); }
static void gzip_trailer_cut(w_buffer *w) { bad_gzip(w, 1, 0, 3); }
static void gzip_crc(w_buffer *w) { bad_gzip(w, 8, 1, 0); }
static void gzip_size(w_buffer *w) { bad_gzip(w, 4, 1, 0); }
static void gzip_contents(w_buffer *w) { bad_gzip(w, 2000, 1, 0); }
static void gzip_only_magic(w_buffer *w) { w_raw(w, "\x1F\x8B", 2); }

static void gzip_behind(w_buffer *w) {
  make_gzip(w);
  w_raw(w, "behind", 6);
}

static void gzip_behind_zeros(w_buffer *w) {
  make_gzip(w);
  w_raw(w, "\0\0\0behind", 9);
}

static void gzip_of_text(w_buffer *w) {
  w_buffer text = {0};
  w_raw(&text, "text", 4);
  gzip(w, &text);
  w_free(&text);
}

static void gzip_of_zip(w_buffer *w) {
  w_buffer zip = {0};
  make_stored(&zip);
  gzip(w, &zip);
  w_free(&zip);
}

static void gzip_of_gzip(w_buffer *w) {
  w_buffer inner = {0};
  make_gzip(&inner);
  gzip(w, &inner);
  w_free(&inner);
}

static void gzip_of_truncated(w_buffer *w) {
  w_buffer tar = {0};
  make_tar(&tar);
  tar.size -= 1024;
  gzip(w, &tar);
  w_free(&tar);
}

static void archive_fs__gzip_refuses(void **state) {
  (void)state;
  static const bad_archive rows[] = {
      {"cut", gzip_cut, NULL, SM_DATA_LOSS, "end before their end mark"},
      {"trailer cut", gzip_trailer_cut, NULL, SM_DATA_LOSS, "end before their end mark"},
      {"crc32", gzip_crc, NULL, SM_DATA_LOSS, "incorrect data check"},
      {"size", gzip_size, NULL, SM_DATA_LOSS, "incorrect length check"},
      {"contents", gzip_contents, NULL, SM_DATA_LOSS, "incorrect data check"},
      {"magic alone", gzip_only_magic, NULL, SM_DATA_LOSS, "end before their end mark"},
      {"bytes behind", gzip_behind, NULL, SM_DATA_LOSS, "compressed data"},
      {"bytes behind zeros", gzip_behind_zeros, NULL, SM_DATA_LOSS, "something follows"},
      {"of text", gzip_of_text, NULL, SM_INVALID_ARGUMENT, "no tar archive"},
      {"of a zip", gzip_of_zip, NULL, SM_INVALID_ARGUMENT, "no tar archive"},
      {"of a gzip", gzip_of_gzip, NULL, SM_INVALID_ARGUMENT, "no tar archive"},
      {"of a truncated tar", gzip_of_truncated, NULL, SM_DATA_LOSS, "ends at byte 2048"},
  };
  check_bad_compressed(rows, N_OF(rows));
}

/* gzip says: several in a row are one, zeros may fill up the last block of a tape. */
static void archive_fs__gzip_in_pieces(void **state) {
  (void)state;
  w_buffer tar = {0}, w = {0};
  archive a;
  make_tar(&tar);
  for (size_t at = 0; at < tar.size; at += 1000) {
    w_buffer piece = {.data = tar.data + at, .size = tar.size - at < 1000 ? tar.size - at : 1000};
    gzip(&w, &piece);
  }
  w_raw(&w, "\0\0\0\0\0", 5);
  if (!archive_lacks_zlib(&w, NULL)) {
    assert_ok(archive_open(&a, &w, NULL, &err), err);
    assert_contents(&a, "m/g", "contents of g, longer");
    archive_close(&a);
  }
  w_free(&w);
  w_free(&tar);
}

/* ---- Limits ---- */

static void gzip_keeps_to_max_bytes(w_buffer w) {
  archive a;
  sm_fault_alloc fa;
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  sm_fault_alloc_init(&fa, UINT64_MAX);
  options.allocator = &fa.base;
  for (options.max_bytes = 1; options.max_bytes < 3072; options.max_bytes += 511) {
    assert_status(archive_open(&a, &w, &options, &err), SM_RESOURCE_EXHAUSTED, err);
    assert_mentions(err.message, "dir/test.archive");
    archive_close(&a);
  }
  put32(w.data + w.size - 4, 0xFFFFFF00); /* it says it were four gigabytes: nothing is allocated for that */
  options.max_bytes = 0;
  assert_status(archive_open(&a, &w, &options, &err), SM_DATA_LOSS, err);
  archive_close(&a);
  assert_true(fa.peak_bytes < 200000);
  assert_number("live blocks", fa.live_blocks, 0);
  sm_fault_alloc_destroy(&fa);
}

static void archive_fs__gzip_keeps_to_max_bytes(void **state) {
  (void)state;
  w_buffer w = {0};
  make_gzip(&w);
  if (!archive_lacks_zlib(&w, NULL)) gzip_keeps_to_max_bytes(w);
  w_free(&w);
}

/* What is unpacked counts while it is open or mapped, and not longer. */
static void members_keep_to_max_bytes(const w_buffer *w, const char *text) {
  archive a;
  sm_file first, second;
  const void *mapped;
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  options.max_bytes = 80000;
  assert_ok(archive_open(&a, w, &options, &err), err);
  for (int round = 0; round < 3; round++) {
    assert_ok(a.fs->open(&first, a.fs, "", "f", 0, &err), err);
    assert_status(a.fs->open(&second, a.fs, "", "g", 0, &err), SM_RESOURCE_EXHAUSTED, err);
    assert_mentions(err.message, "dir/test.archive: member g: 50000 bytes");
    assert_mentions(err.message, "80000");
    assert_ok(a.fs->map(&mapped, a.fs, &first, &err), err);
    a.fs->close(a.fs, &first);
    assert_status(a.fs->open(&second, a.fs, "", "g", 0, &err), SM_RESOURCE_EXHAUSTED, err);
    assert_memory_equal(mapped, text, 50000);
    a.fs->unmap(a.fs, mapped, 50000);
    assert_ok(a.fs->open(&second, a.fs, "", "g", 0, &err), err);
    assert_ok(a.fs->open(&first, a.fs, "", "h", 0, &err), err); /* in place: counts nothing */
    a.fs->close(a.fs, &first);
    a.fs->close(a.fs, &second);
  }
  archive_close(&a);
}

static void archive_fs__members_keep_to_max_bytes(void **state) {
  (void)state;
  static char text[50001];
  memset(text, 't', 50000);
  zip_writer z = {.n = 0};
  w_buffer w = {0};
  zip_add(&z, (zip_member){.name = "f", .data = text, .size = 50000, .method = 8});
  zip_add(&z, (zip_member){.name = "g", .data = text, .size = 50000, .method = 8});
  zip_add(&z, (zip_member){.name = "h", .data = text, .size = 50000});
  zip_finish(&w, &z, false, "");
  if (!archive_lacks_zlib(&w, "f")) members_keep_to_max_bytes(&w, text);
  w_free(&w);
}

/* Contents that are not compressed lie in the archive. */
static void archive_fs__maps_in_place(void **state) {
  (void)state;
  for (size_t i = 0; i < N_OF(kinds); i++) {
    w_buffer w = {0};
    archive a;
    sm_file file;
    const void *mapped;
    kinds[i](&w);
    if (is_refused(i, &w)) {
      w_free(&w);
      continue;
    }
    assert_ok(archive_open(&a, &w, NULL, &err), err);
    assert_ok(a.fs->open(&file, a.fs, "m", "f", 0, &err), err);
    assert_ok(a.fs->map(&mapped, a.fs, &file, &err), err);
    bool in_place = (uintptr_t)mapped >= (uintptr_t)w.data && (uintptr_t)mapped < (uintptr_t)w.data + w.size;
    assert_int_equal(in_place, kinds[i] == make_tar || kinds[i] == make_stored);
    a.fs->unmap(a.fs, mapped, 13);
    a.fs->close(a.fs, &file);
    archive_close(&a);
    w_free(&w);
  }
}

/* ---- Options ---- */

static void archive_fs__verify(void **state) {
  (void)state;
  static const struct {
    sm_verify verify;
    sm_status stored, deflated;
  } rows[] = {{SM_VERIFY_DEFAULT, SM_DATA_LOSS, SM_DATA_LOSS},
              {SM_VERIFY_NONE, SM_OK, SM_DATA_LOSS},
              {SM_VERIFY_INDEX, SM_OK, SM_DATA_LOSS},
              {SM_VERIFY_ALL, SM_DATA_LOSS, SM_DATA_LOSS}};
  for (size_t i = 0; i < N_OF(rows); i++) {
    zip_writer z = {.n = 0};
    w_buffer w = {0};
    archive a;
    sm_file file;
    sm_open_options options = SM_OPEN_OPTIONS_INIT;
    options.verify = rows[i].verify;
    zip_add_text(&z, "f", "contents");
    zip_add(&z, (zip_member){.name = "g", .data = "contents", .size = 8, .method = 8});
    zip_finish(&w, &z, false, "");
    w.data[30 + 1] ^= 1;              /* of f */
    w.data[38 + 1 + 30 + 5 + 1] ^= 1; /* of g, behind the head of its block */
    assert_ok(archive_open(&a, &w, &options, &err), err);
    for (int again = 0; again < 2; again++) {
      sm_status status = a.fs->open(&file, a.fs, "", "f", 0, &err);
      assert_text("stored", sm_status_name(status), sm_status_name(rows[i].stored));
      if (status == SM_OK) a.fs->close(a.fs, &file);
      status = a.fs->open(&file, a.fs, "", "g", 0, &err);
      if (!archive_lacks_zlib(&w, "g"))
        assert_text("deflated", sm_status_name(status), sm_status_name(rows[i].deflated));
    }
    archive_close(&a);
    w_free(&w);
  }
}

static void archive_fs__arguments(void **state) {
  (void)state;
  static char path[5000];
  sm_fs *fs;
  sm_open_options options = {.struct_size = 0};
  memset(path, 'p', sizeof path - 1);
  path[4990] = '/';
  assert_status(sm_fs_archive_open(&fs, NULL, NULL, &err), SM_INVALID_ARGUMENT, err);
  assert_status(sm_fs_archive_open(&fs, "x", &options, &err), SM_INVALID_ARGUMENT, err);
  assert_status(sm_fs_archive_open(&fs, path, NULL, &err), SM_INVALID_ARGUMENT, err);
  assert_status(sm_fs_archive_open(&fs, "no/such/file.zip", NULL, &err), SM_NOT_FOUND, err);
  assert_mentions(err.message, "no/such/file.zip");
  assert_null(fs);
  assert_int_equal(sm_fs_archive_open(&fs, "/", NULL, NULL), SM_FAILED_PRECONDITION);
}

static void archive_fs__of_a_local_file(void **state) {
  (void)state;
  temp_dir dir = make_temp_dir();
  for (size_t i = 0; i < 2 * N_OF(kinds); i++) {
    w_buffer w = {0};
    archive a = {.outer = NULL};
    sm_open_options options = SM_OPEN_OPTIONS_INIT;
    options.no_mmap = i % 2 != 0;
    kinds[i / 2](&w);
    if (is_refused(i / 2, &w)) {
      w_free(&w);
      continue;
    }
    write_file(path_in(dir.path, "archive"), w.data, w.size);
    assert_ok(sm_fs_archive_open(&a.fs, path_in(dir.path, "archive"), &options, &err), err);
    assert_contents(&a, "m/f", "contents of f");
    archive_close(&a);
    w_free(&w);
  }
  remove_temp_dir(&dir);
}

/* What is released still reads the same, also where it was unpacked and is to be had from nowhere else. */
static void archive_fs__release(void **state) {
  (void)state;
  enum { SIZE = 100000 };
  static char text[SIZE + 1];
  temp_dir dir = make_temp_dir();
  for (size_t i = 0; i < SIZE; i++) text[i] = (char)('a' + i % 23);
  for (uint16_t method = 0; method <= 8; method += 8) {
    zip_writer z = {.n = 0};
    w_buffer w = {0};
    sm_fs *fs;
    sm_file file;
    const void *mapped;
    zip_add(&z, (zip_member){.name = "f", .data = text, .size = SIZE, .method = method});
    zip_finish(&w, &z, false, "");
    if (method == 8 && archive_lacks_zlib(&w, "f")) {
      w_free(&w);
      continue;
    }
    write_file(path_in(dir.path, "archive"), w.data, w.size);
    assert_ok(sm_fs_archive_open(&fs, path_in(dir.path, "archive"), NULL, &err), err);
    assert_ok(fs->open(&file, fs, "", "f", 0, &err), err);
    assert_ok(fs->map(&mapped, fs, &file, &err), err);
    fs->close(fs, &file);
    assert_memory_equal(mapped, text, SIZE);
    fs->release(fs, mapped, SIZE);
    assert_memory_equal(mapped, text, SIZE);
    fs->unmap(fs, mapped, SIZE);
    sm_fs_close(fs);
    w_free(&w);
  }
  remove_temp_dir(&dir);
}

static void archive_fs__inside_an_archive(void **state) {
  (void)state;
  for (size_t i = 0; i < 2 * N_OF(kinds); i++) {
    w_buffer inner = {0}, w = {0};
    zip_writer z = {.n = 0};
    archive a, b = {.outer = NULL};
    sm_open_options options = SM_OPEN_OPTIONS_INIT;
    options.no_mmap = i % 2 != 0;
    kinds[i / 2](&inner);
    zip_add(&z, (zip_member){.name = "a/inner", .data = inner.data, .size = inner.size, .method = i < 4 ? 0 : 8});
    zip_finish(&w, &z, false, "");
    if (i < 4 ? is_refused(i / 2, &inner) : archive_lacks_zlib(&w, "a/inner")) {
      w_free(&w);
      w_free(&inner);
      continue;
    }
    assert_ok(archive_open(&a, &w, &options, &err), err);
    options.fs = a.fs;
    assert_ok(sm_fs_archive_open(&b.fs, "a/inner", &options, &err), err);
    assert_contents(&b, "m/g", "contents of g, longer");
    archive_close(&b);
    archive_close(&a);
    w_free(&w);
    w_free(&inner);
  }
}

static void archive_fs__holds_a_model(void **state) {
  (void)state;
  size_t size;
  w_buffer w = {0};
  archive a;
  sm_model *model;
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  uint8_t *pb = read_file(path_in(model_dir("v2/one_signature"), "saved_model.pb"), &size);
  tar_add(&w, (tar_member){.name = "some/model/saved_model.pb", .type = '0', .data = pb, .size = size});
  tar_end(&w);
  assert_ok(archive_open(&a, &w, NULL, &err), err);
  options.fs = a.fs;
  assert_ok(sm_model_open(&model, "some/model", &options, &err), err);
  assert_number("meta graphs", sm_model_n_meta_graphs(model), 1);
  sm_model_close(model);
  assert_status(sm_model_open(&model, "some", &options, &err), SM_NOT_FOUND, err);
  archive_close(&a);
  w_free(&w);
  free(pb);
}

/* ---- Faults ---- */

/* Opens, lists, reads and maps. Every failure is returned, nothing is left. */
static sm_status use(const sm_fs *outer, const sm_allocator *allocator, bool no_mmap) {
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  sm_fs *fs;
  sm_file file;
  const void *mapped;
  char bytes[13];
  options.fs = outer;
  options.allocator = allocator;
  options.no_mmap = no_mmap;
  SM_TRY(sm_fs_archive_open(&fs, "x", &options, &err));
  sm_status status = fs->open(&file, fs, "m", "f", 0, &err);
  if (status == SM_OK) {
    status = fs->read_at(fs, &file, 0, bytes, 13, &err);
    if (status == SM_OK) assert_memory_equal(bytes, "contents of f", 13);
    if (status == SM_OK && fs->map != NULL) {
      status = fs->map(&mapped, fs, &file, &err);
      if (status == SM_OK) fs->unmap(fs, mapped, 13);
    }
    fs->close(fs, &file);
  }
  sm_fs_close(fs);
  return status;
}

static void archive_fs__faults(void **state) {
  (void)state;
  for (size_t i = 0; i < 4 * N_OF(kinds); i++) {
    w_buffer w = {0};
    sm_fs *memory;
    bool no_mmap = i % 2 != 0, of_allocator = i % 4 < 2;
    kinds[i / 4](&w);
    if (is_refused(i / 4, &w)) {
      w_free(&w);
      continue;
    }
    assert_ok(sm_fs_memory_new(&memory, NULL, &err), err);
    assert_ok(sm_fs_memory_add(memory, "x", w.data, w.size, &err), err);
    bool fired = true;
    for (uint64_t n = 0; fired; n++) {
      sm_fault_alloc fa;
      sm_fault_fs ff;
      sm_fault_alloc_init(&fa, of_allocator ? n : UINT64_MAX);
      sm_fault_fs_init(&ff, memory, of_allocator ? UINT64_MAX : n);
      sm_status status = use(&ff.base, &fa.base, no_mmap);
      fired = fa.fired || ff.fired;
      assert_status(status, !fired ? SM_OK : of_allocator ? SM_RESOURCE_EXHAUSTED : SM_UNAVAILABLE, err);
      assert_number("live blocks", fa.live_blocks, 0);
      assert_number("open files", ff.open_files, 0);
      assert_number("mapped files", ff.mapped_files, 0);
      sm_fault_alloc_destroy(&fa);
      if (!fired) assert_true(n >= 2);
    }
    sm_fs_close(memory);
    w_free(&w);
  }
}

/* ---- Threads ---- */

static void *read_often(void *fs_of_all) {
  const archive *a = fs_of_all;
  for (int i = 0; i < 200; i++) {
    sm_file file;
    const void *mapped;
    bool is_equal = false;
    if (a->fs->open(&file, a->fs, "m", i % 2 != 0 ? "f" : "g", 0, NULL) != SM_OK) return "open failed";
    if (a->fs->map(&mapped, a->fs, &file, NULL) == SM_OK) {
      is_equal = memcmp(mapped, i % 2 != 0 ? "contents of f" : "contents of g", 13) == 0;
      a->fs->unmap(a->fs, mapped, (size_t)file.size);
    }
    a->fs->close(a->fs, &file);
    if (!is_equal) return "other contents";
  }
  return NULL;
}

static void archive_fs__is_shared(void **state) {
  (void)state;
  for (size_t i = 0; i < N_OF(kinds); i++) {
    pthread_t threads[4];
    w_buffer w = {0};
    archive a;
    kinds[i](&w);
    if (is_refused(i, &w)) {
      w_free(&w);
      continue;
    }
    assert_ok(archive_open(&a, &w, NULL, &err), err);
    for (size_t t = 0; t < N_OF(threads); t++) assert_int_equal(pthread_create(&threads[t], NULL, read_often, &a), 0);
    for (size_t t = 0; t < N_OF(threads); t++) {
      void *fault;
      assert_int_equal(pthread_join(threads[t], &fault), 0);
      if (fault != NULL) fail_msg("%s", (const char *)fault);
    }
    archive_close(&a);
    w_free(&w);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(archive_fs__all_kinds),
      cmocka_unit_test(archive_fs__gzip_refuses),
      cmocka_unit_test(archive_fs__gzip_in_pieces),
      cmocka_unit_test(archive_fs__gzip_keeps_to_max_bytes),
      cmocka_unit_test(archive_fs__members_keep_to_max_bytes),
      cmocka_unit_test(archive_fs__maps_in_place),
      cmocka_unit_test(archive_fs__verify),
      cmocka_unit_test(archive_fs__arguments),
      cmocka_unit_test(archive_fs__of_a_local_file),
      cmocka_unit_test(archive_fs__release),
      cmocka_unit_test(archive_fs__inside_an_archive),
      cmocka_unit_test(archive_fs__holds_a_model),
      cmocka_unit_test(archive_fs__faults),
      cmocka_unit_test(archive_fs__is_shared),
  };
  return cmocka_run_group_tests_name("archive_fs", tests, NULL, NULL);
}
