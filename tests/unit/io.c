/* Names, whole files, copies. */
#include "support/check.h"

#include <sys/stat.h>

#include "io/io.h"
#include "support/fault_alloc.h"
#include "support/fault_fs.h"
#include "support/files.h"

static void io__path_clean(void **state) {
  (void)state;
  static const struct {
    const char *name, *clean; /* NULL: refused */
  } rows[] = {
      {"", ""},
      {".", ""},
      {"./", ""},
      {"a", "a"},
      {"a/", "a"},
      {"a//b", "a/b"},
      {"./a/./b/.", "a/b"},
      {"a/b/c.txt", "a/b/c.txt"},
      {"..a", "..a"},
      {"a..", "a.."},
      {"...", "..."},
      {".hidden/..b/c..d", ".hidden/..b/c..d"},
      {"a\\..\\b", "a\\..\\b"}, /* no separator here */
      {" ", " "},
      {"/", NULL},
      {"/a", NULL},
      {"//a", NULL},
      {"..", NULL},
      {"../", NULL},
      {"../a", NULL},
      {"a/..", NULL},
      {"a/../b", NULL}, /* stays inside, yet a link could make it climb */
      {"a/b/../../..", NULL},
      {"./..", NULL},
      {"a/./..//b", NULL},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    char clean[64] = "untouched";
    bool is_clean = sm_path_clean(clean, sizeof clean, rows[i].name);
    assert_number(rows[i].name, is_clean, rows[i].clean != NULL);
    if (is_clean) assert_text(rows[i].name, clean, rows[i].clean);
  }
}

/* Never a byte behind the end, never a cut name. */
static void io__path_clean_in_small_buffers(void **state) {
  (void)state;
  static const char name[] = "./ab//c/./def/";
  for (size_t size = 0; size < 24; size++) {
    char *clean = malloc(size + 1);
    clean[size] = '#';
    bool fits = sm_path_clean(clean, size, name);
    assert_int_equal(clean[size], '#');
    if (fits) assert_text("clean", clean, "ab/c/def");
    if (size < sizeof "ab/c/def") assert_false(fits);
    if (size > sizeof "ab/c/def") assert_true(fits);
    free(clean);
  }
}

static void io__path_join(void **state) {
  (void)state;
  static const struct {
    const char *dir, *name, *joined;
  } rows[] = {
      {"m", "f", "m/f"}, {"m/", "f", "m/f"},        {"", "f", "f"}, {"m", "", "m"}, {"", "", ""},
      {"/", "f", "/f"},  {"a/b", "c/d", "a/b/c/d"},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    char joined[16];
    assert_true(sm_path_join(joined, sizeof joined, rows[i].dir, rows[i].name));
    assert_text("joined", joined, rows[i].joined);
    size_t size = strlen(rows[i].joined);
    assert_true(sm_path_join(joined, size + 1, rows[i].dir, rows[i].name)); /* just fits */
    assert_false(sm_path_join(joined, size, rows[i].dir, rows[i].name));
  }
}

/* ---- Whole files ---- */

static void io__loads_whole_files(void **state) {
  (void)state;
  temp_dir dir = make_temp_dir();
  char content[50000];
  for (size_t i = 0; i < sizeof content; i++) content[i] = (char)(i * 7 + i / 251);
  write_file(path_in(dir.path, "f"), content, sizeof content);
  write_file(path_in(dir.path, "empty"), "", 0);
  for (int no_mmap = 0; no_mmap < 2; no_mmap++) {
    sm_root root = {sm_fs_local(), dir.path, 0, no_mmap != 0};
    sm_fault_alloc fa;
    sm_bytes bytes;
    sm_error err;
    sm_fault_alloc_init(&fa, UINT64_MAX);
    assert_ok(sm_bytes_load(&bytes, &root, "f", UINT64_MAX, &fa.base, &err), err);
    assert_bytes("f", bytes.data, bytes.size, content, sizeof content);
    assert_number("memory", fa.live_bytes, no_mmap ? sizeof content : 0);
    sm_bytes_unload(&bytes);
    assert_null(bytes.data);
    sm_bytes_unload(&bytes); /* once more is fine */
    assert_ok(sm_bytes_load(&bytes, &root, "empty", UINT64_MAX, &fa.base, &err), err);
    assert_number("empty", bytes.size, 0);
    sm_bytes_unload(&bytes);
    assert_status(sm_bytes_load(&bytes, &root, "missing", UINT64_MAX, &fa.base, &err), SM_NOT_FOUND, err);
    assert_null(bytes.data);
    assert_number("live blocks", fa.live_blocks, 0);
    sm_fault_alloc_destroy(&fa);
  }
  remove_temp_dir(&dir);
}

static void io__max_bytes_is_asked_before_memory(void **state) {
  (void)state;
  temp_dir dir = make_temp_dir();
  write_file(path_in(dir.path, "f"), "12345", 5);
  sm_root root = {sm_fs_local(), dir.path, 0, true};
  sm_fault_alloc fa;
  sm_bytes bytes;
  sm_error err;
  sm_fault_alloc_init(&fa, UINT64_MAX);
  assert_status(sm_bytes_load(&bytes, &root, "f", 4, &fa.base, &err), SM_RESOURCE_EXHAUSTED, err);
  assert_mentions(err.message, "max_bytes");
  assert_number("allocations", fa.n_calls, 0);
  assert_ok(sm_bytes_load(&bytes, &root, "f", 5, &fa.base, &err), err);
  sm_bytes_unload(&bytes);
  root.no_mmap = false; /* what is mapped costs no memory */
  assert_ok(sm_bytes_load(&bytes, &root, "f", 4, &fa.base, &err), err);
  sm_bytes_unload(&bytes);
  sm_fault_alloc_destroy(&fa);
  remove_temp_dir(&dir);
}

/* ---- Copying ---- */

static char large[100000]; /* more than one buffer */

static void io__copies(void **state) {
  (void)state;
  static const size_t sizes[] = {0, 1, 16383, 16384, 16385, sizeof large};
  for (size_t i = 0; i < sizeof large; i++) large[i] = (char)(i * 31 + i / 255);
  temp_dir dir = make_temp_dir();
  sm_root root = {sm_fs_local(), dir.path, 0, false};
  for (size_t i = 0; i < N_OF(sizes); i++) {
    sm_error err;
    size_t size;
    write_file(path_in(dir.path, "src"), large, sizes[i]);
    assert_ok(sm_file_copy(&root, "src", sm_fs_local(), path_in(dir.path, "dst"), &err), err); /* replaced each time */
    uint8_t *copy = read_file(path_in(dir.path, "dst"), &size);
    assert_bytes("copy", copy, size, large, sizes[i]);
    free(copy);
    assert_number("names in the directory", count_names(dir.path), 2);
  }
  remove_temp_dir(&dir);
}

static void io__copy_is_whole_or_not_at_all(void **state) {
  (void)state;
  for (int existed = 0; existed < 2; existed++) {
    for (uint64_t n = 0;; n++) {
      temp_dir dir = make_temp_dir();
      sm_fault_fs src_fs, dst_fs;
      sm_fault_fs_init(&src_fs, sm_fs_local(), n);
      sm_fault_fs_init(&dst_fs, sm_fs_local(), n);
      write_file(path_in(dir.path, "src"), large, sizeof large);
      if (existed) write_file(path_in(dir.path, "dst"), "old", 3);
      sm_root root = {&src_fs.base, dir.path, 0, false};
      sm_error err = {.code = SM_OK};
      sm_status status = sm_file_copy(&root, "src", &dst_fs.base, path_in(dir.path, "dst"), &err);
      assert_number("open files", src_fs.open_files + dst_fs.open_files, 0);
      size_t size;
      uint8_t *found = file_exists(path_in(dir.path, "dst")) ? read_file(path_in(dir.path, "dst"), &size) : NULL;
      bool fired = src_fs.fired || dst_fs.fired;
      if (fired) {
        assert_status(status, SM_UNAVAILABLE, err);
        assert_number("names in the directory", count_names(dir.path), existed ? 2 : 1);
        if (existed) assert_bytes("the old file", found, size, "old", 3);
      } else {
        assert_ok(status, err);
        assert_bytes("the new file", found, size, large, sizeof large);
        assert_number("err is left alone", err.code, SM_OK);
      }
      free(found);
      remove_temp_dir(&dir);
      if (!fired) {
        assert_true(n > 8); /* open, create, seven reads and as many writes, sync, rename */
        break;
      }
    }
  }
}

static void io__copy_refuses(void **state) {
  (void)state;
  temp_dir dir = make_temp_dir();
  sm_error err;
  sm_root root = {sm_fs_local(), dir.path, 0, false};
  char long_path[SM_PATH_MAX + 10];
  memset(long_path, 'x', sizeof long_path);
  long_path[sizeof long_path - 1] = '\0';
  write_file(path_in(dir.path, "src"), "1", 1);
  assert_int_equal(mkdir(path_in(dir.path, "sub"), 0777), 0);
  assert_status(sm_file_copy(&root, "missing", sm_fs_local(), path_in(dir.path, "dst"), &err), SM_NOT_FOUND, err);
  assert_status(sm_file_copy(&root, "sub", sm_fs_local(), path_in(dir.path, "dst"), &err), SM_FAILED_PRECONDITION, err);
  assert_status(sm_file_copy(&root, "src", sm_fs_local(), path_in(dir.path, "none/dst"), &err), SM_NOT_FOUND, err);
  assert_status(sm_file_copy(&root, "src", sm_fs_local(), long_path, &err), SM_INVALID_ARGUMENT, err);
  assert_int_not_equal(sm_file_copy(&root, "src", sm_fs_local(), path_in(dir.path, "sub"), &err), SM_OK);
  assert_number("names in the directory", count_names(dir.path), 2);
  remove_temp_dir(&dir);
}

/* A temporary name that somebody else holds, say after a crash, is left alone and another one taken. */
static void io__copy_beside_leftovers(void **state) {
  (void)state;
  temp_dir dir = make_temp_dir();
  sm_root root = {sm_fs_local(), dir.path, 0, false};
  sm_error err = {.code = SM_OK};
  size_t size;
  write_file(path_in(dir.path, "src"), "new", 3);
  write_file(path_in(dir.path, "dst.partial0"), "theirs", 6);
  assert_ok(sm_file_copy(&root, "src", sm_fs_local(), path_in(dir.path, "dst"), &err), err);
  assert_number("err is left alone", err.code, SM_OK);
  uint8_t *theirs = read_file(path_in(dir.path, "dst.partial0"), &size);
  assert_bytes("theirs", theirs, size, "theirs", 6);
  free(theirs);
  uint8_t *copy = read_file(path_in(dir.path, "dst"), &size);
  assert_bytes("copy", copy, size, "new", 3);
  free(copy);
  assert_number("names in the directory", count_names(dir.path), 3);
  remove_temp_dir(&dir);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(io__path_clean),
      cmocka_unit_test(io__path_clean_in_small_buffers),
      cmocka_unit_test(io__path_join),
      cmocka_unit_test(io__loads_whole_files),
      cmocka_unit_test(io__max_bytes_is_asked_before_memory),
      cmocka_unit_test(io__copies),
      cmocka_unit_test(io__copy_is_whole_or_not_at_all),
      cmocka_unit_test(io__copy_refuses),
      cmocka_unit_test(io__copy_beside_leftovers),
  };
  return cmocka_run_group_tests_name("io", tests, NULL, NULL);
}
