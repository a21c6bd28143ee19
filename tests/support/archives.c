#include "support/archives.h"

#include "support/check.h"

sm_status archive_open(archive *a, const w_buffer *bytes, const sm_open_options *options, sm_error *err) {
  sm_open_options used = SM_OPEN_OPTIONS_INIT;
  if (options != NULL) used = *options;
  *a = (archive){.fs = NULL};
  assert_ok(sm_fs_memory_new(&a->outer, NULL, err), *err);
  assert_ok(sm_fs_memory_add(a->outer, "dir/test.archive", bytes->data, bytes->size, err), *err);
  used.fs = a->outer;
  return sm_fs_archive_open(&a->fs, "dir/test.archive", &used, err);
}

void archive_close(archive *a) {
  sm_fs_close(a->fs);
  sm_fs_close(a->outer);
}

static void read_again(const archive *a, const sm_file *file, const uint8_t *expected) {
  sm_error err;
  size_t size = (size_t)file->size, half = size / 2;
  uint8_t *copy = malloc(size + 1);
  assert_non_null(copy);
  assert_ok(a->fs->read_at(a->fs, file, half, copy + half, size - half, &err), err);
  assert_ok(a->fs->read_at(a->fs, file, 0, copy, half, &err), err);
  assert_bytes("read_at and map", copy, size, expected, size);
  assert_status(a->fs->read_at(a->fs, file, size, copy, 1, &err), SM_OUT_OF_RANGE, err);
  assert_status(a->fs->read_at(a->fs, file, UINT64_MAX, copy, 1, &err), SM_OUT_OF_RANGE, err);
  free(copy);
}

sm_status archive_read(const archive *a, const char *name, w_buffer *out, sm_error *err) {
  sm_file file;
  const void *mapped = NULL;
  SM_TRY(a->fs->open(&file, a->fs, "", name, 0, err));
  size_t size = (size_t)file.size;
  if (a->fs->map != NULL) {
    assert_ok(a->fs->map(&mapped, a->fs, &file, err), *err);
    read_again(a, &file, mapped);
    a->fs->close(a->fs, &file);
    w_raw(out, mapped, size); /* it stays after close */
    a->fs->unmap(a->fs, mapped, size);
    return SM_OK;
  }
  uint8_t *copy = malloc(size + 1);
  assert_non_null(copy);
  sm_status status = a->fs->read_at(a->fs, &file, 0, copy, size, err);
  if (status == SM_OK) {
    w_raw(out, copy, size);
    read_again(a, &file, copy);
  }
  free(copy);
  a->fs->close(a->fs, &file);
  return status;
}

typedef struct names {
  const archive *a;
  const char *dir;
  char *text;
  size_t size;
  char dirs[16][256];
  size_t n_dirs;
} names;

static sm_status add_name(void *ctx, const sm_dir_entry *entry, sm_error *err) {
  names *to = ctx;
  sm_dir_entry facts;
  char path[256];
  size_t used = strlen(to->text);
  snprintf(path, sizeof path, "%s%s%s", to->dir, *to->dir != '\0' ? "/" : "", entry->name);
  const char *kind = entry->kind == SM_FILE_DIRECTORY ? "dir:" : entry->is_symlink ? "link:" : "";
  if (entry->kind == SM_FILE_OTHER && !entry->is_symlink) kind = "other:";
  snprintf(to->text + used, to->size - used, "%s%s%s", used != 0 ? " " : "", kind, path);
  assert_ok(to->a->fs->stat(&facts, to->a->fs, "", path, 0, err), *err);
  assert_number(path, facts.kind, entry->kind);
  assert_number(path, facts.size, entry->size);
  assert_number(path, facts.is_symlink, entry->is_symlink);
  if (entry->kind == SM_FILE_DIRECTORY && to->n_dirs < 16) snprintf(to->dirs[to->n_dirs++], 256, "%s", path);
  return SM_OK;
}

void archive_names(const archive *a, char *text, size_t size) {
  sm_error err;
  names to = {.a = a, .dir = "", .text = text, .size = size};
  *text = '\0';
  assert_ok(a->fs->list(a->fs, "", "", 0, add_name, &to, &err), err);
  for (size_t i = 0; i < to.n_dirs; i++) {
    to.dir = to.dirs[i];
    assert_ok(a->fs->list(a->fs, to.dir, "", 0, add_name, &to, &err), err);
  }
}

static void check_bad(const bad_archive *row, const w_buffer *bytes, bool no_mmap) {
  archive a;
  w_buffer contents = {0};
  sm_error err = {0};
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  options.no_mmap = no_mmap;
  sm_status status = archive_open(&a, bytes, &options, &err);
  if (row->member != NULL) {
    assert_ok(status, err);
    status = archive_read(&a, row->member, &contents, &err);
  }
  if (status != row->status) print_error("%s: %s\n", row->what, err.message);
  assert_text(row->what, sm_status_name(status), sm_status_name(row->status));
  if (status != SM_OK) {
    assert_mentions(err.message, "dir/test.archive");
    assert_mentions(err.message, row->message);
  }
  w_free(&contents);
  archive_close(&a);
}

void check_bad_archives(const bad_archive *rows, size_t n) {
  for (size_t i = 0; i < n; i++) {
    w_buffer bytes = {0};
    rows[i].make(&bytes);
    check_bad(&rows[i], &bytes, false);
    check_bad(&rows[i], &bytes, true);
    w_free(&bytes);
  }
}

#ifdef SM_HAVE_ZLIB
enum { HAS_ZLIB = true };
#else
enum { HAS_ZLIB = false };
#endif

void check_bad_compressed(const bad_archive *rows, size_t n) {
  for (size_t i = 0; i < n; i++) {
    bad_archive row = rows[i];
    if (!HAS_ZLIB) {
      row.status = SM_UNIMPLEMENTED;
      row.message = "zlib";
    }
    check_bad_archives(&row, 1);
  }
}

bool archive_lacks_zlib(const w_buffer *bytes, const char *member) {
  const bad_archive row = {"without zlib", NULL, member, SM_UNIMPLEMENTED, "built without zlib"};
  if (HAS_ZLIB) return false;
  check_bad(&row, bytes, false);
  check_bad(&row, bytes, true);
  return true;
}

void check_truncated(const w_buffer *bytes, size_t whole) {
  for (size_t n = 0; n < bytes->size; n++) {
    archive a;
    sm_error err;
    w_buffer part = {0};
    w_raw(&part, bytes->data, n); /* a block of its own: reading behind it shows */
    sm_open_options options = SM_OPEN_OPTIONS_INIT;
    options.no_mmap = n % 2 != 0;
    sm_status status = archive_open(&a, &part, &options, &err);
    if (n >= whole)
      assert_ok(status, err);
    else if (status != SM_INVALID_ARGUMENT || n >= 512)
      assert_status(status, SM_DATA_LOSS, err);
    archive_close(&a);
    w_free(&part);
  }
}

void check_changed(const w_buffer *bytes, const char *member, const char *text, bool contents_may_change) {
  static const uint8_t changes[] = {0x01, 0x80, 0xFF, 0x20};
  w_buffer changed = {0};
  w_raw(&changed, bytes->data, bytes->size);
  for (size_t i = 0; i < N_OF(changes) * bytes->size; i++) {
    archive a;
    sm_error err;
    w_buffer contents = {0};
    changed.data[i / N_OF(changes)] ^= changes[i % N_OF(changes)];
    sm_open_options options = SM_OPEN_OPTIONS_INIT;
    options.no_mmap = i % 3 == 0;
    options.max_bytes = 1 << 20;
    if (archive_open(&a, &changed, &options, &err) == SM_OK && archive_read(&a, member, &contents, &err) == SM_OK &&
        !contents_may_change)
      assert_bytes(member, contents.data, contents.size, text, strlen(text));
    w_free(&contents);
    archive_close(&a);
    changed.data[i / N_OF(changes)] ^= changes[i % N_OF(changes)];
  }
  w_free(&changed);
}
