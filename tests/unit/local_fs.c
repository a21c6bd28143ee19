#include "support/check.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <savedmodel/fs.h>

#include "support/files.h"

static temp_dir dir;
static const sm_fs *fs;
static sm_error err;

/*
 *   file (12 bytes)   sub/inner (5 bytes)   fifo   dangling -> nothing
 *   link -> file      sublink -> sub        loop -> loop
 */
static int set_up(void **state) {
  (void)state;
  dir = make_temp_dir();
  fs = sm_fs_local();
  write_file(path_in(dir.path, "file"), "twelve bytes", 12);
  bool made = mkdir(path_in(dir.path, "sub"), 0777) == 0 && mkfifo(path_in(dir.path, "fifo"), 0666) == 0 &&
              symlink("file", path_in(dir.path, "link")) == 0 && symlink("sub", path_in(dir.path, "sublink")) == 0 &&
              symlink("nothing", path_in(dir.path, "dangling")) == 0 && symlink("loop", path_in(dir.path, "loop")) == 0;
  write_file(path_in(dir.path, "sub/inner"), "inner", 5);
  return made ? 0 : -1;
}

static int tear_down(void **state) {
  (void)state;
  remove_temp_dir(&dir);
  return 0;
}

/* What open and stat say of each name, links followed and refused. */
static const struct {
  const char *name;
  sm_status open, stat, open_strict, stat_strict;
  sm_file_kind kind;
  uint64_t size;
  bool is_symlink;
} names[] = {
    {"file", SM_OK, SM_OK, SM_OK, SM_OK, SM_FILE_REGULAR, 12, false},
    {"sub/inner", SM_OK, SM_OK, SM_OK, SM_OK, SM_FILE_REGULAR, 5, false},
    {"sub", SM_FAILED_PRECONDITION, SM_OK, SM_FAILED_PRECONDITION, SM_OK, SM_FILE_DIRECTORY, 0, false},
    {"", SM_FAILED_PRECONDITION, SM_OK, SM_FAILED_PRECONDITION, SM_OK, SM_FILE_DIRECTORY, 0, false},
    {"fifo", SM_FAILED_PRECONDITION, SM_OK, SM_FAILED_PRECONDITION, SM_OK, SM_FILE_OTHER, 0, false},
    {"missing", SM_NOT_FOUND, SM_NOT_FOUND, SM_NOT_FOUND, SM_NOT_FOUND, SM_FILE_OTHER, 0, false},
    {"missing/inner", SM_NOT_FOUND, SM_NOT_FOUND, SM_NOT_FOUND, SM_NOT_FOUND, SM_FILE_OTHER, 0, false},
    {"file/inner", SM_NOT_FOUND, SM_NOT_FOUND, SM_NOT_FOUND, SM_NOT_FOUND, SM_FILE_OTHER, 0, false},
    {"link", SM_OK, SM_OK, SM_FAILED_PRECONDITION, SM_FAILED_PRECONDITION, SM_FILE_REGULAR, 12, true},
    {"sublink", SM_FAILED_PRECONDITION, SM_OK, SM_FAILED_PRECONDITION, SM_FAILED_PRECONDITION, SM_FILE_DIRECTORY, 0,
     true},
    {"sublink/inner", SM_OK, SM_OK, SM_FAILED_PRECONDITION, SM_FAILED_PRECONDITION, SM_FILE_REGULAR, 5, false},
    {"dangling", SM_NOT_FOUND, SM_NOT_FOUND, SM_FAILED_PRECONDITION, SM_FAILED_PRECONDITION, SM_FILE_OTHER, 0, true},
    {"loop", SM_FAILED_PRECONDITION, SM_FAILED_PRECONDITION, SM_FAILED_PRECONDITION, SM_FAILED_PRECONDITION,
     SM_FILE_OTHER, 0, true},
};

static void local_fs__open(void **state) {
  (void)state;
  for (size_t i = 0; i < N_OF(names); i++)
    for (unsigned flags = 0; flags <= SM_FS_NO_SYMLINKS; flags++) {
      sm_file file;
      sm_status wanted = flags ? names[i].open_strict : names[i].open;
      sm_status status = fs->open(&file, fs, dir.path, names[i].name, flags, &err);
      assert_text(names[i].name, sm_status_name(status), sm_status_name(wanted));
      if (status != SM_OK) {
        assert_mentions(err.message, names[i].name);
        continue;
      }
      assert_number(names[i].name, file.size, names[i].size);
      fs->close(fs, &file);
    }
}

static void local_fs__stat(void **state) {
  (void)state;
  for (size_t i = 0; i < N_OF(names); i++)
    for (unsigned flags = 0; flags <= SM_FS_NO_SYMLINKS; flags++) {
      sm_dir_entry entry;
      sm_status wanted = flags ? names[i].stat_strict : names[i].stat;
      sm_status status = fs->stat(&entry, fs, dir.path, names[i].name, flags, &err);
      assert_text(names[i].name, sm_status_name(status), sm_status_name(wanted));
      if (status != SM_OK) continue;
      assert_text("entry.name", entry.name, names[i].name);
      assert_number(names[i].name, entry.kind, names[i].kind);
      assert_number(names[i].name, entry.size, names[i].size);
      assert_number(names[i].name, entry.is_symlink, names[i].is_symlink);
    }
}

/* The directory the user names is trusted, whatever leads to it. */
static void local_fs__root_may_be_a_link(void **state) {
  (void)state;
  const char *root = path_in(dir.path, "sublink");
  sm_file file;
  assert_ok(fs->open(&file, fs, root, "inner", SM_FS_NO_SYMLINKS, &err), err);
  fs->close(fs, &file);
  sm_dir_entry entry;
  assert_ok(fs->stat(&entry, fs, root, "inner", SM_FS_NO_SYMLINKS, &err), err);
  assert_ok(fs->stat(&entry, fs, root, "", SM_FS_NO_SYMLINKS, &err), err);
  assert_number("kind", entry.kind, SM_FILE_DIRECTORY);
}

static void local_fs__reads_and_maps(void **state) {
  (void)state;
  static const struct {
    uint64_t offset;
    size_t size;
    const char *bytes; /* NULL: past the end */
  } reads[] = {{0, 12, "twelve bytes"}, {7, 5, "bytes"}, {11, 1, "s"},  {12, 0, ""}, {0, 0, ""},
               {0, 13, NULL},           {12, 1, NULL},   {100, 1, NULL}};
  sm_file file;
  assert_ok(fs->open(&file, fs, dir.path, "file", 0, &err), err);
  for (size_t i = 0; i < N_OF(reads); i++) {
    char bytes[16];
    sm_status status = fs->read_at(fs, &file, reads[i].offset, bytes, reads[i].size, &err);
    if (reads[i].bytes != NULL) {
      assert_ok(status, err);
      assert_bytes("read", bytes, reads[i].size, reads[i].bytes, reads[i].size);
    } else {
      assert_status(status, SM_OUT_OF_RANGE, err);
    }
  }
  const void *data;
  assert_ok(fs->map(&data, fs, &file, &err), err);
  fs->close(fs, &file); /* the mapping outlives it */
  assert_bytes("mapped", data, 12, "twelve bytes", 12);
  for (size_t from = 0; from <= 12; from++) { /* a hint: nothing is lost, wherever the part begins */
    fs->release(fs, (const char *)data + from, 12 - from);
    assert_bytes("mapped", data, 12, "twelve bytes", 12);
  }
  fs->unmap(fs, data, 12);
}

/* ---- list ---- */

typedef struct seen {
  char names[16][32];
  bool is_symlink[16];
  size_t n;
  size_t stop_at;
} seen;

static sm_status note(void *ctx, const sm_dir_entry *entry, sm_error *e) {
  seen *all = ctx;
  if (all->n == all->stop_at) {
    e->code = SM_CANCELLED;
    return SM_CANCELLED;
  }
  snprintf(all->names[all->n], sizeof all->names[0], "%s %d %llu", entry->name, (int)entry->kind,
           (unsigned long long)entry->size);
  all->is_symlink[all->n++] = entry->is_symlink;
  return SM_OK;
}

static size_t index_of(const seen *all, const char *text) {
  for (size_t i = 0; i < all->n; i++)
    if (strcmp(all->names[i], text) == 0) return i;
  fail_msg("\"%s\" is not listed", text);
  return 0;
}

static void local_fs__lists(void **state) {
  (void)state;
  seen all = {.stop_at = SIZE_MAX};
  assert_ok(fs->list(fs, dir.path, "", 0, note, &all, &err), err);
  assert_number("names", all.n, 7);
  assert_false(all.is_symlink[index_of(&all, "file 1 12")]); /* kind 1: regular, 2: directory, 3: other */
  assert_false(all.is_symlink[index_of(&all, "sub 2 0")]);
  assert_false(all.is_symlink[index_of(&all, "fifo 3 0")]);
  assert_true(all.is_symlink[index_of(&all, "link 1 12")]);
  assert_true(all.is_symlink[index_of(&all, "sublink 2 0")]);
  assert_true(all.is_symlink[index_of(&all, "dangling 3 0")]);
  seen inside = {.stop_at = SIZE_MAX};
  assert_ok(fs->list(fs, dir.path, "sublink", 0, note, &inside, &err), err);
  assert_number("names", inside.n, 1);
  seen some = {.stop_at = 2};
  assert_status(fs->list(fs, dir.path, "", 0, note, &some, &err), SM_CANCELLED, err);
  assert_number("names", some.n, 2);
}

static void local_fs__list_refuses(void **state) {
  (void)state;
  seen none = {.stop_at = SIZE_MAX};
  assert_status(fs->list(fs, dir.path, "missing", 0, note, &none, &err), SM_NOT_FOUND, err);
  assert_int_not_equal(fs->list(fs, dir.path, "file", 0, note, &none, &err), SM_OK);
  assert_status(fs->list(fs, dir.path, "sublink", SM_FS_NO_SYMLINKS, note, &none, &err), SM_FAILED_PRECONDITION, err);
  assert_number("names", none.n, 0);
  assert_ok(fs->list(fs, dir.path, "sub", SM_FS_NO_SYMLINKS, note, &none, &err), err);
  assert_number("names", none.n, 1);
}

static void local_fs__long_names(void **state) {
  (void)state;
  static char part[300], path[9000];
  memset(part, 'p', sizeof part - 1);
  memset(path, 'p', sizeof path - 1);
  for (unsigned flags = 0; flags <= SM_FS_NO_SYMLINKS; flags++) {
    sm_file file;
    sm_dir_entry entry;
    assert_status(fs->open(&file, fs, dir.path, part, flags, &err), SM_INVALID_ARGUMENT, err);
    assert_status(fs->open(&file, fs, dir.path, path, flags, &err), SM_INVALID_ARGUMENT, err);
    assert_status(fs->open(&file, fs, path, "file", flags, &err), SM_INVALID_ARGUMENT, err);
    assert_status(fs->stat(&entry, fs, dir.path, path, flags, &err), SM_INVALID_ARGUMENT, err);
  }
}

/* ---- Writing ---- */

static void local_fs__creates_once(void **state) {
  (void)state;
  sm_file file;
  size_t size;
  assert_ok(fs->create(&file, fs, dir.path, "new", &err), err);
  assert_ok(fs->write(fs, &file, "first ", 6, &err), err);
  assert_ok(fs->write(fs, &file, "second", 6, &err), err);
  assert_ok(fs->sync(fs, &file, &err), err);
  assert_number("file.size", file.size, 12);
  fs->close(fs, &file);
  uint8_t *data = read_file(path_in(dir.path, "new"), &size);
  assert_bytes("new", data, size, "first second", 12);
  free(data);
  static const char *const taken[] = {"new", "sub", "link", "dangling"};
  for (size_t i = 0; i < N_OF(taken); i++)
    assert_status(fs->create(&file, fs, dir.path, taken[i], &err), SM_ALREADY_EXISTS, err);
  assert_status(fs->create(&file, fs, dir.path, "missing/new", &err), SM_NOT_FOUND, err);
  assert_false(file_exists(path_in(dir.path, "nothing"))); /* not made through the link */
}

static void local_fs__renames_and_removes(void **state) {
  (void)state;
  assert_ok(fs->mkdir(fs, dir.path, "made", &err), err);
  assert_status(fs->mkdir(fs, dir.path, "made", &err), SM_ALREADY_EXISTS, err);
  assert_ok(fs->rename(fs, dir.path, "file", "made/moved", &err), err);
  assert_false(file_exists(path_in(dir.path, "file")));
  assert_status(fs->rename(fs, dir.path, "file", "again", &err), SM_NOT_FOUND, err);
  assert_status(fs->remove(fs, dir.path, "made", &err), SM_ALREADY_EXISTS, err); /* not empty */
  assert_ok(fs->rename(fs, dir.path, "made/moved", "sub/inner", &err), err);     /* replaces */
  size_t size;
  uint8_t *data = read_file(path_in(dir.path, "sub/inner"), &size);
  assert_bytes("moved", data, size, "twelve bytes", 12);
  free(data);
  assert_ok(fs->remove(fs, dir.path, "made", &err), err);
  assert_ok(fs->remove(fs, dir.path, "sub/inner", &err), err);
  assert_status(fs->remove(fs, dir.path, "sub/inner", &err), SM_NOT_FOUND, err);
  assert_ok(fs->remove(fs, dir.path, "dangling", &err), err); /* the link, not what it leads to */
}

static void local_fs__links(void **state) {
  (void)state;
  size_t size;
  assert_ok(fs->link(fs, dir.path, "file", path_in(dir.path, "sub"), "second", &err), err);
  assert_status(fs->link(fs, dir.path, "file", path_in(dir.path, "sub"), "second", &err), SM_ALREADY_EXISTS, err);
  assert_status(fs->link(fs, dir.path, "missing", dir.path, "third", &err), SM_NOT_FOUND, err);
  assert_ok(fs->remove(fs, dir.path, "file", &err), err);
  uint8_t *data = read_file(path_in(dir.path, "sub/second"), &size);
  assert_bytes("second", data, size, "twelve bytes", 12);
  free(data);
}

static void local_fs__syncs_directories(void **state) {
  (void)state;
  assert_ok(fs->sync_dir(fs, dir.path, "", &err), err);
  assert_ok(fs->sync_dir(fs, dir.path, "sub", &err), err);
  assert_ok(fs->sync_dir(fs, "", "", &err), err);
  assert_status(fs->sync_dir(fs, dir.path, "missing", &err), SM_NOT_FOUND, err);
  assert_status(fs->sync_dir(fs, dir.path, "file", &err), SM_NOT_FOUND, err);
}

static void local_fs__locks(void **state) {
  (void)state;
  sm_file lock, other;
  assert_ok(fs->lock(&lock, fs, dir.path, "lock", &err), err);
  assert_true(file_exists(path_in(dir.path, "lock")));
  assert_status(fs->lock(&other, fs, dir.path, "lock", &err), SM_ABORTED, err);
  assert_ok(fs->lock(&other, fs, dir.path, "other", &err), err);
  fs->close(fs, &other);
  fs->close(fs, &lock);
  assert_ok(fs->lock(&lock, fs, dir.path, "lock", &err), err); /* it was there, and nobody held it */
  assert_ok(fs->remove(fs, dir.path, "lock", &err), err);
  assert_ok(fs->lock(&other, fs, dir.path, "lock", &err), err); /* another file by now */
  fs->close(fs, &other);
  fs->close(fs, &lock);
  assert_status(fs->lock(&lock, fs, dir.path, "missing/lock", &err), SM_NOT_FOUND, err);
  assert_status(fs->lock(&lock, fs, dir.path, "link", &err), SM_FAILED_PRECONDITION, err);
}

/* A process that ends lets go, however it ends. */
static void local_fs__lock_ends_with_the_process(void **state) {
  (void)state;
  sm_file lock;
  int ready[2];
  char byte;
  assert_int_equal(pipe(ready), 0);
  pid_t child = fork();
  if (child == 0) {
    bool is_held = fs->lock(&lock, fs, dir.path, "lock", &err) == SM_OK;
    (void)!write(ready[1], is_held ? "y" : "n", 1);
    for (;;) (void)pause();
  }
  assert_int_equal(read(ready[0], &byte, 1), 1);
  assert_int_equal(byte, 'y');
  assert_status(fs->lock(&lock, fs, dir.path, "lock", &err), SM_ABORTED, err);
  assert_int_equal(kill(child, SIGKILL), 0);
  assert_int_equal(waitpid(child, NULL, 0), child);
  assert_ok(fs->lock(&lock, fs, dir.path, "lock", &err), err);
  fs->close(fs, &lock);
  (void)close(ready[0]);
  (void)close(ready[1]);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(local_fs__open),
      CASE(local_fs__stat),
      CASE(local_fs__root_may_be_a_link),
      CASE(local_fs__reads_and_maps),
      CASE(local_fs__lists),
      CASE(local_fs__list_refuses),
      CASE(local_fs__long_names),
      CASE(local_fs__creates_once),
      CASE(local_fs__renames_and_removes),
      CASE(local_fs__links),
      CASE(local_fs__syncs_directories),
      CASE(local_fs__locks),
      CASE(local_fs__lock_ends_with_the_process),
  };
  return cmocka_run_group_tests_name("local_fs", tests, NULL, NULL);
}
