#include "support/check.h"

#include <savedmodel/fs.h>

#include "support/fault_alloc.h"

static sm_fs *fs;
static sm_error err;

static int set_up(void **state) {
  (void)state;
  return sm_fs_memory_new(&fs, NULL, &err) == SM_OK ? 0 : -1;
}

static int tear_down(void **state) {
  (void)state;
  sm_fs_close(fs);
  return 0;
}

static void add(const char *path, const char *text) {
  assert_ok(sm_fs_memory_add(fs, path, text, strlen(text), &err), err);
}

static void memory_fs__add_refuses(void **state) {
  (void)state;
  static const struct {
    const char *path;
    sm_status status;
  } rows[] = {
      {"", SM_INVALID_ARGUMENT},
      {"/a", SM_INVALID_ARGUMENT},
      {"a//b", SM_INVALID_ARGUMENT},
      {"a/", SM_INVALID_ARGUMENT},
      {"./a", SM_INVALID_ARGUMENT},
      {"a/./b", SM_INVALID_ARGUMENT},
      {"..", SM_INVALID_ARGUMENT},
      {"a/../b", SM_INVALID_ARGUMENT},
      {".", SM_INVALID_ARGUMENT},
      {"d/f", SM_ALREADY_EXISTS},   /* a file */
      {"d", SM_ALREADY_EXISTS},     /* a directory */
      {"d/f/g", SM_ALREADY_EXISTS}, /* below a file */
      {"d/f/g/h", SM_ALREADY_EXISTS},
      {"d/f-g", SM_OK},
      {"d/f0", SM_OK},
      {"d-", SM_OK},
  };
  add("d/f", "1");
  for (size_t i = 0; i < N_OF(rows); i++) {
    sm_status status = sm_fs_memory_add(fs, rows[i].path, "2", 1, &err);
    assert_text(rows[i].path, sm_status_name(status), sm_status_name(rows[i].status));
  }
  assert_status(sm_fs_memory_add((sm_fs *)(uintptr_t)sm_fs_local(), "a", "", 0, &err), SM_INVALID_ARGUMENT, err);
  assert_status(sm_fs_memory_add(NULL, "a", "", 0, &err), SM_INVALID_ARGUMENT, err);
}

static void memory_fs__close_leaves_others_alone(void **state) {
  (void)state;
  sm_fs_close(NULL);
  sm_fs_close((sm_fs *)(uintptr_t)sm_fs_local());
  assert_non_null(sm_fs_local()->open);
}

/* root and name are joined, however the root is written. */
static void memory_fs__finds(void **state) {
  (void)state;
  static const struct {
    const char *root, *name;
    sm_status open;
    sm_status stat;
    sm_file_kind kind;
  } rows[] = {
      {"m", "saved_model.pb", SM_OK, SM_OK, SM_FILE_REGULAR},
      {"m/", "saved_model.pb", SM_OK, SM_OK, SM_FILE_REGULAR},
      {"./m", "saved_model.pb", SM_OK, SM_OK, SM_FILE_REGULAR},
      {"", "m/saved_model.pb", SM_OK, SM_OK, SM_FILE_REGULAR},
      {".", "m/saved_model.pb", SM_OK, SM_OK, SM_FILE_REGULAR},
      {"./", "m/saved_model.pb", SM_OK, SM_OK, SM_FILE_REGULAR},
      {"m/saved_model.pb", "", SM_OK, SM_OK, SM_FILE_REGULAR},
      {"m", "", SM_FAILED_PRECONDITION, SM_OK, SM_FILE_DIRECTORY},
      {"m/", "", SM_FAILED_PRECONDITION, SM_OK, SM_FILE_DIRECTORY},
      {"m", "sub", SM_FAILED_PRECONDITION, SM_OK, SM_FILE_DIRECTORY},
      {"", "", SM_FAILED_PRECONDITION, SM_OK, SM_FILE_DIRECTORY},
      {".", "", SM_FAILED_PRECONDITION, SM_OK, SM_FILE_DIRECTORY},
      {"m", "saved_model", SM_NOT_FOUND, SM_NOT_FOUND, SM_FILE_OTHER}, /* a prefix is not a directory */
      {"m", "saved_model.pb/x", SM_NOT_FOUND, SM_NOT_FOUND, SM_FILE_OTHER},
      {"n", "saved_model.pb", SM_NOT_FOUND, SM_NOT_FOUND, SM_FILE_OTHER},
      {"m", "su", SM_NOT_FOUND, SM_NOT_FOUND, SM_FILE_OTHER},
      {"..m", "saved_model.pb", SM_NOT_FOUND, SM_NOT_FOUND, SM_FILE_OTHER},
  };
  add("m/saved_model.pb", "bytes");
  add("m/sub/f", "x");
  for (size_t i = 0; i < N_OF(rows); i++) {
    sm_file file;
    sm_dir_entry entry;
    sm_status status = fs->open(&file, fs, rows[i].root, rows[i].name, SM_FS_NO_SYMLINKS, &err);
    assert_text(rows[i].root, sm_status_name(status), sm_status_name(rows[i].open));
    if (status == SM_OK) {
      assert_number("size", file.size, 5);
      fs->close(fs, &file);
    }
    status = fs->stat(&entry, fs, rows[i].root, rows[i].name, 0, &err);
    assert_text(rows[i].root, sm_status_name(status), sm_status_name(rows[i].stat));
    if (status != SM_OK) continue;
    assert_number(rows[i].root, entry.kind, rows[i].kind);
    assert_number(rows[i].root, entry.size, rows[i].kind == SM_FILE_REGULAR ? 5 : 0);
    assert_false(entry.is_symlink);
  }
}

static void memory_fs__reads(void **state) {
  (void)state;
  sm_file file;
  char bytes[8];
  const void *data;
  add("f", "12345");
  assert_ok(fs->open(&file, fs, "", "f", 0, &err), err);
  assert_ok(fs->read_at(fs, &file, 1, bytes, 3, &err), err);
  assert_bytes("read", bytes, 3, "234", 3);
  assert_ok(fs->read_at(fs, &file, 5, bytes, 0, &err), err);
  assert_status(fs->read_at(fs, &file, 3, bytes, 3, &err), SM_OUT_OF_RANGE, err);
  assert_status(fs->read_at(fs, &file, 6, bytes, 0, &err), SM_OUT_OF_RANGE, err);
  assert_status(fs->read_at(fs, &file, UINT64_MAX, bytes, 2, &err), SM_OUT_OF_RANGE, err);
  assert_ok(fs->map(&data, fs, &file, &err), err);
  assert_bytes("mapped", data, 5, "12345", 5);
  fs->unmap(fs, data, 5);
  fs->close(fs, &file);
}

/* ---- Writing ---- */

static void create(const char *root, const char *name, const char *text) {
  sm_file file;
  assert_ok(fs->create(&file, fs, root, name, &err), err);
  assert_ok(fs->write(fs, &file, text, strlen(text), &err), err);
  assert_ok(fs->sync(fs, &file, &err), err);
  fs->close(fs, &file);
}

/* "-": there is no such file. */
static void check_text(const char *name, const char *wanted) {
  sm_file file;
  char text[64] = "-";
  sm_status status = fs->open(&file, fs, "", name, 0, &err);
  if (status == SM_OK) {
    assert_ok(fs->read_at(fs, &file, 0, text, (size_t)file.size, &err), err);
    text[file.size] = '\0';
    fs->close(fs, &file);
  }
  assert_text(name, text, wanted);
}

static void memory_fs__writes(void **state) {
  (void)state;
  sm_file file, second;
  sm_dir_entry entry;
  assert_number("struct_size", fs->struct_size, sizeof(sm_fs));
  assert_ok(fs->mkdir(fs, "", "d", &err), err);
  assert_status(fs->mkdir(fs, "", "d", &err), SM_ALREADY_EXISTS, err);
  assert_status(fs->mkdir(fs, "none", "d", &err), SM_NOT_FOUND, err);
  assert_ok(fs->create(&file, fs, "d", "f", &err), err);
  assert_status(fs->create(&second, fs, "d", "f", &err), SM_ALREADY_EXISTS, err);
  assert_status(fs->create(&second, fs, "none", "f", &err), SM_NOT_FOUND, err);
  assert_status(fs->create(&second, fs, "d/f", "g", &err), SM_NOT_FOUND, err);
  assert_status(fs->create(&second, fs, "", "d", &err), SM_ALREADY_EXISTS, err);
  assert_status(fs->create(&second, fs, "", "", &err), SM_INVALID_ARGUMENT, err);
  assert_ok(fs->write(fs, &file, "abc", 3, &err), err);
  assert_ok(fs->write(fs, &file, "", 0, &err), err);
  assert_status(fs->open(&second, fs, "", "d/f", 0, &err), SM_FAILED_PRECONDITION, err);
  assert_ok(fs->write(fs, &file, "de", 2, &err), err);
  assert_ok(fs->stat(&entry, fs, "d", "f", 0, &err), err);
  assert_number("size while it is written", entry.size, 5);
  fs->close(fs, &file);
  check_text("d/f", "abcde");
}

static void memory_fs__removes(void **state) {
  (void)state;
  sm_dir_entry entry;
  add("borrowed", "b");
  assert_ok(fs->mkdir(fs, "", "d", &err), err);
  create("d", "f", "f");
  add("below/g", "g");
  assert_status(fs->remove(fs, "", "d", &err), SM_ALREADY_EXISTS, err);
  assert_status(fs->remove(fs, "", "below", &err), SM_ALREADY_EXISTS, err);
  assert_status(fs->remove(fs, "", "none", &err), SM_NOT_FOUND, err);
  assert_status(fs->remove(fs, "", "", &err), SM_INVALID_ARGUMENT, err);
  assert_ok(fs->remove(fs, "d", "f", &err), err);
  assert_ok(fs->remove(fs, "", "borrowed", &err), err);
  check_text("d/f", "-");
  check_text("borrowed", "-");
  assert_ok(fs->stat(&entry, fs, "", "d", 0, &err), err);
  assert_ok(fs->remove(fs, "", "d", &err), err);
  assert_status(fs->stat(&entry, fs, "", "d", 0, &err), SM_NOT_FOUND, err);
}

static void memory_fs__renames(void **state) {
  (void)state;
  add("a", "1");
  create("", "b", "22");
  assert_ok(fs->mkdir(fs, "", "d", &err), err);
  assert_ok(fs->rename(fs, "", "a", "a", &err), err);
  assert_ok(fs->rename(fs, "", "a", "d/c", &err), err);
  check_text("a", "-");
  check_text("d/c", "1");
  assert_ok(fs->rename(fs, "", "b", "d/c", &err), err); /* replaces */
  check_text("b", "-");
  check_text("d/c", "22");
  create("d", "c-", "3");
  assert_ok(fs->mkdir(fs, "d", "e", &err), err);
  create("d/e", "x", "4");
  assert_status(fs->rename(fs, "", "d", "d/e/d", &err), SM_INVALID_ARGUMENT, err);
  assert_status(fs->rename(fs, "", "d/c", "d/e", &err), SM_ALREADY_EXISTS, err);
  assert_status(fs->rename(fs, "", "d/e", "d/c", &err), SM_ALREADY_EXISTS, err);
  assert_status(fs->rename(fs, "", "none", "x", &err), SM_NOT_FOUND, err);
  assert_status(fs->rename(fs, "", "d", "none/x", &err), SM_NOT_FOUND, err);
  assert_ok(fs->rename(fs, "", "d", "dd", &err), err); /* with all below it */
  check_text("dd/c", "22");
  check_text("dd/c-", "3");
  check_text("dd/e/x", "4");
  check_text("d/c", "-");
}

static void memory_fs__locks(void **state) {
  (void)state;
  sm_file lock, other;
  assert_ok(fs->lock(&lock, fs, "", "lock", &err), err);
  assert_status(fs->lock(&other, fs, "", "lock", &err), SM_ABORTED, err);
  assert_ok(fs->lock(&other, fs, "", "other", &err), err);
  fs->close(fs, &other);
  fs->close(fs, &lock);
  assert_ok(fs->lock(&lock, fs, "", "lock", &err), err);
  assert_ok(fs->remove(fs, "", "lock", &err), err);
  assert_ok(fs->lock(&other, fs, "", "lock", &err), err); /* another file by now */
  fs->close(fs, &other);
  fs->close(fs, &lock);
  assert_status(fs->lock(&lock, fs, "missing", "lock", &err), SM_NOT_FOUND, err);
}

/* Who has a file open or mapped keeps it. */
static void memory_fs__what_is_gone_stays_readable(void **state) {
  (void)state;
  sm_file file;
  const void *first, *second;
  char text[3];
  create("", "f", "old");
  assert_ok(fs->open(&file, fs, "", "f", 0, &err), err);
  assert_ok(fs->map(&first, fs, &file, &err), err);
  assert_ok(fs->map(&second, fs, &file, &err), err);
  fs->unmap(fs, second, 3);
  create("", "g", "new");
  assert_ok(fs->rename(fs, "", "g", "f", &err), err);
  assert_ok(fs->read_at(fs, &file, 0, text, 3, &err), err);
  assert_bytes("open", text, 3, "old", 3);
  fs->close(fs, &file);
  assert_bytes("mapped", first, 3, "old", 3);
  check_text("f", "new");
  assert_ok(fs->remove(fs, "", "f", &err), err);
  assert_bytes("mapped", first, 3, "old", 3);
  fs->unmap(fs, first, 3);
}

/* A call that finds no memory leaves everything as it was. */
static void memory_fs__survives_allocations(void **state) {
  (void)state;
  for (uint64_t n = 0;; n++) {
    sm_fault_alloc fa;
    sm_fs *faulty;
    sm_file file = {0};
    sm_dir_entry entry;
    sm_fault_alloc_init(&fa, UINT64_MAX);
    assert_ok(sm_fs_memory_new(&faulty, &fa.base, &err), err);
    assert_ok(sm_fs_memory_add(faulty, "d/old", "1", 1, &err), err);
    sm_fault_alloc_rearm(&fa, n);
    sm_status status = faulty->create(&file, faulty, "d", "f", &err);
    if (status == SM_OK) {
      status = faulty->write(faulty, &file, "abc", 3, &err);
      faulty->close(faulty, &file);
    }
    if (status == SM_OK) status = faulty->rename(faulty, "", "d/old", "d/new", &err);
    if (status == SM_OK) status = faulty->rename(faulty, "", "d", "e", &err);
    assert_status(status, fa.fired ? SM_RESOURCE_EXHAUSTED : SM_OK, err);
    bool is_there = false;
    static const char *const names[] = {"d/old", "d/new", "e/new"};
    for (size_t i = 0; i < N_OF(names); i++)
      is_there |= faulty->stat(&entry, faulty, "", names[i], 0, &err) == SM_OK && entry.size == 1;
    assert_true(is_there);
    bool fired = fa.fired;
    sm_fs_close(faulty);
    assert_number("live blocks", fa.live_blocks, 0);
    sm_fault_alloc_destroy(&fa);
    if (!fired) {
      assert_true(n > 6);
      break;
    }
  }
}

/* ---- list ---- */

/* Appends "name " or, of a directory, "name/ ". */
static sm_status append(void *ctx, const sm_dir_entry *entry, sm_error *e) {
  (void)e;
  char *text = ctx;
  size_t used = strlen(text);
  snprintf(text + used, 500 - used, "%s%s ", entry->name, entry->kind == SM_FILE_DIRECTORY ? "/" : "");
  return SM_OK;
}

/* '-' and '.' are less than '/', '0' is greater: what is below a directory need not be together by the order of bytes. */
static void memory_fs__lists(void **state) {
  (void)state;
  static const char *const paths[] = {"a/b", "a-b",     "a/c/d", "a/c/e", "a/c-d", "a.b/x",
                                      "a0",  "b/a/a/a", "a/c0",  "ab",    "a/z/y", "a/z.y"};
  static const struct {
    const char *root, *name, *wanted;
  } rows[] = {
      {"", "", "a/ a-b a.b/ a0 ab b/ "},
      {".", "", "a/ a-b a.b/ a0 ab b/ "},
      {"./", "", "a/ a-b a.b/ a0 ab b/ "},
      {"a", "", "b c/ c-d c0 z/ z.y "},
      {"", "a", "b c/ c-d c0 z/ z.y "},
      {"a/", "", "b c/ c-d c0 z/ z.y "},
      {"a", "c", "d e "},
      {"a.b", "", "x "},
      {"b", "", "a/ "},
      {"b/a/a", "", "a "},
  };
  for (size_t i = 0; i < N_OF(paths); i++) add(paths[i], "x");
  for (size_t i = 0; i < N_OF(rows); i++) {
    char found[500] = "";
    assert_ok(fs->list(fs, rows[i].root, rows[i].name, 0, append, found, &err), err);
    assert_text(rows[i].root, found, rows[i].wanted);
  }
  char found[500] = "";
  assert_status(fs->list(fs, "c", "", 0, append, found, &err), SM_NOT_FOUND, err);
  assert_int_not_equal(fs->list(fs, "a/b", "", 0, append, found, &err), SM_OK); /* a file */
  assert_text("nothing found", found, "");
}

static sm_status stop(void *ctx, const sm_dir_entry *entry, sm_error *e) {
  (void)entry;
  ++*(int *)ctx;
  e->code = SM_ABORTED;
  return SM_ABORTED;
}

static void memory_fs__list_stops_when_told(void **state) {
  (void)state;
  int n = 0;
  add("a", "");
  add("b", "");
  assert_status(fs->list(fs, "", "", 0, stop, &n, &err), SM_ABORTED, err);
  assert_int_equal(n, 1);
}

static void memory_fs__long_names(void **state) {
  (void)state;
  static char path[5000];
  sm_file file;
  memset(path, 'p', sizeof path - 1);
  assert_status(sm_fs_memory_add(fs, path, "", 0, &err), SM_INVALID_ARGUMENT, err);
  assert_status(fs->open(&file, fs, path, "f", 0, &err), SM_INVALID_ARGUMENT, err);
  path[4000] = '\0';
  add(path, "x");
  assert_ok(fs->open(&file, fs, "", path, 0, &err), err);
  fs->close(fs, &file);
}

static void memory_fs__many_files_and_no_memory(void **state) {
  (void)state;
  for (uint64_t n = 0;; n++) {
    sm_fault_alloc fa;
    sm_fs *made;
    sm_fault_alloc_init(&fa, n);
    sm_status status = sm_fs_memory_new(&made, &fa.base, &err);
    for (unsigned i = 0; i < 100 && status == SM_OK; i++) {
      char path[32];
      snprintf(path, sizeof path, "d%u/f%u", i % 7, i);
      status = sm_fs_memory_add(made, path, "x", 1, &err);
      if (status != SM_OK) assert_ok(sm_fs_memory_add(made, path, "x", 1, &err), err); /* as if nothing had been */
    }
    sm_fs_close(made);
    assert_number("live blocks", fa.live_blocks, 0);
    bool fired = fa.fired;
    sm_fault_alloc_destroy(&fa);
    if (!fired) {
      assert_ok(status, err);
      break;
    }
    assert_status(status, SM_RESOURCE_EXHAUSTED, err);
  }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(memory_fs__add_refuses),
      CASE(memory_fs__close_leaves_others_alone),
      CASE(memory_fs__finds),
      CASE(memory_fs__reads),
      CASE(memory_fs__writes),
      CASE(memory_fs__removes),
      CASE(memory_fs__renames),
      CASE(memory_fs__locks),
      CASE(memory_fs__what_is_gone_stays_readable),
      CASE(memory_fs__survives_allocations),
      CASE(memory_fs__lists),
      CASE(memory_fs__list_stops_when_told),
      CASE(memory_fs__long_names),
      CASE(memory_fs__many_files_and_no_memory),
  };
  return cmocka_run_group_tests_name("memory_fs", tests, NULL, NULL);
}
