#include "support/fault_fs.h"

#include "base/error.h"

static sm_fault_fs *fault_of(const sm_fs *fs) { return fs->ctx; }

/* Fails when it is this call's turn. */
static sm_status turn(const sm_fs *fs, const char *what, sm_error *err) {
  sm_fault_fs *ff = fault_of(fs);
  uint64_t number = ff->n_calls++;
  if (number != ff->fail_at && !(ff->fired && ff->fail_all_after)) return SM_OK;
  ff->fired = true;
  return SM_FAIL(err, ff->fail_with, "%s: fails because the test wants it to", what);
}

static sm_status fault_open(sm_file *file, const sm_fs *fs, const char *root, const char *name, unsigned flags,
                            sm_error *err) {
  const sm_fs *inner = fault_of(fs)->inner;
  SM_TRY(turn(fs, "open", err));
  SM_TRY(inner->open(file, inner, root, name, flags, err));
  fault_of(fs)->open_files++;
  return SM_OK;
}

static sm_status fault_read_at(const sm_fs *fs, const sm_file *file, uint64_t offset, void *dst, size_t dst_size,
                               sm_error *err) {
  const sm_fs *inner = fault_of(fs)->inner;
  SM_TRY(turn(fs, "read_at", err));
  return inner->read_at(inner, file, offset, dst, dst_size, err);
}

static void fault_close(const sm_fs *fs, sm_file *file) {
  const sm_fs *inner = fault_of(fs)->inner;
  fault_of(fs)->open_files--;
  inner->close(inner, file);
}

static sm_status fault_stat(sm_dir_entry *entry, const sm_fs *fs, const char *root, const char *name, unsigned flags,
                            sm_error *err) {
  const sm_fs *inner = fault_of(fs)->inner;
  SM_TRY(turn(fs, "stat", err));
  return inner->stat(entry, inner, root, name, flags, err);
}

static sm_status fault_list(const sm_fs *fs, const char *root, const char *name, unsigned flags, sm_dir_fn fn,
                            void *fn_ctx, sm_error *err) {
  const sm_fs *inner = fault_of(fs)->inner;
  SM_TRY(turn(fs, "list", err));
  return inner->list(inner, root, name, flags, fn, fn_ctx, err);
}

static sm_status fault_map(const void **data, const sm_fs *fs, const sm_file *file, sm_error *err) {
  const sm_fs *inner = fault_of(fs)->inner;
  SM_TRY(turn(fs, "map", err));
  SM_TRY(inner->map(data, inner, file, err));
  fault_of(fs)->mapped_files++;
  return SM_OK;
}

static void fault_unmap(const sm_fs *fs, const void *data, size_t size) {
  const sm_fs *inner = fault_of(fs)->inner;
  fault_of(fs)->mapped_files--;
  inner->unmap(inner, data, size);
}

static void fault_release(const sm_fs *fs, const void *data, size_t size) {
  const sm_fs *inner = fault_of(fs)->inner;
  inner->release(inner, data, size);
}

static sm_status fault_create(sm_file *file, const sm_fs *fs, const char *root, const char *name, sm_error *err) {
  const sm_fs *inner = fault_of(fs)->inner;
  SM_TRY(turn(fs, "create", err));
  SM_TRY(inner->create(file, inner, root, name, err));
  fault_of(fs)->open_files++;
  return SM_OK;
}

static sm_status fault_write(const sm_fs *fs, sm_file *file, const void *data, size_t size, sm_error *err) {
  const sm_fs *inner = fault_of(fs)->inner;
  SM_TRY(turn(fs, "write", err));
  return inner->write(inner, file, data, size, err);
}

static sm_status fault_sync(const sm_fs *fs, sm_file *file, sm_error *err) {
  const sm_fs *inner = fault_of(fs)->inner;
  SM_TRY(turn(fs, "sync", err));
  return inner->sync(inner, file, err);
}

static sm_status fault_mkdir(const sm_fs *fs, const char *root, const char *name, sm_error *err) {
  const sm_fs *inner = fault_of(fs)->inner;
  SM_TRY(turn(fs, "mkdir", err));
  return inner->mkdir(inner, root, name, err);
}

static sm_status fault_rename(const sm_fs *fs, const char *root, const char *from, const char *to, sm_error *err) {
  const sm_fs *inner = fault_of(fs)->inner;
  SM_TRY(turn(fs, "rename", err));
  return inner->rename(inner, root, from, to, err);
}

/* Never made to fail: it is what cleans up after another failure. The dead do not clean up. */
static sm_status fault_remove(const sm_fs *fs, const char *root, const char *name, sm_error *err) {
  const sm_fault_fs *ff = fault_of(fs);
  if (ff->fail_all_after) SM_TRY(turn(fs, "remove", err));
  return ff->inner->remove(ff->inner, root, name, err);
}

static sm_status fault_sync_dir(const sm_fs *fs, const char *root, const char *name, sm_error *err) {
  const sm_fs *inner = fault_of(fs)->inner;
  SM_TRY(turn(fs, "sync_dir", err));
  return inner->sync_dir(inner, root, name, err);
}

static sm_status fault_link(const sm_fs *fs, const char *from_root, const char *from, const char *to_root,
                            const char *to, sm_error *err) {
  const sm_fs *inner = fault_of(fs)->inner;
  SM_TRY(turn(fs, "link", err));
  return inner->link(inner, from_root, from, to_root, to, err);
}

static sm_status fault_lock(sm_file *file, const sm_fs *fs, const char *root, const char *name, sm_error *err) {
  const sm_fs *inner = fault_of(fs)->inner;
  SM_TRY(turn(fs, "lock", err));
  SM_TRY(inner->lock(file, inner, root, name, err));
  fault_of(fs)->open_files++;
  return SM_OK;
}

static sm_status fault_exchange(const sm_fs *fs, const char *root, const char *a, const char *b, sm_error *err) {
  const sm_fs *inner = fault_of(fs)->inner;
  SM_TRY(turn(fs, "exchange", err));
  return inner->exchange(inner, root, a, b, err);
}

static sm_status fault_clone(const sm_fs *fs, const char *from_root, const char *from, unsigned flags,
                             const char *to_root, const char *to, sm_error *err) {
  const sm_fs *inner = fault_of(fs)->inner;
  SM_TRY(turn(fs, "clone", err));
  return inner->clone(inner, from_root, from, flags, to_root, to, err);
}

void sm_fault_fs_init(sm_fault_fs *ff, const sm_fs *inner, uint64_t fail_at) {
  *ff = (sm_fault_fs){.inner = inner, .fail_at = fail_at, .fail_with = SM_UNAVAILABLE};
  ff->base = (sm_fs){.struct_size = sizeof(sm_fs),
                     .ctx = ff,
                     .open = fault_open,
                     .read_at = fault_read_at,
                     .close = fault_close,
                     .stat = fault_stat,
                     .list = fault_list,
                     .map = inner->map != NULL ? fault_map : NULL,
                     .unmap = inner->map != NULL ? fault_unmap : NULL,
                     .release = inner->release != NULL ? fault_release : NULL,
                     .create = fault_create,
                     .write = fault_write,
                     .sync = fault_sync,
                     .mkdir = fault_mkdir,
                     .rename = fault_rename,
                     .remove = fault_remove,
                     .sync_dir = inner->sync_dir != NULL ? fault_sync_dir : NULL,
                     .link = inner->link != NULL ? fault_link : NULL,
                     .lock = inner->lock != NULL ? fault_lock : NULL,
                     .exchange = inner->exchange != NULL ? fault_exchange : NULL,
                     .clone = inner->clone != NULL ? fault_clone : NULL};
}

void sm_fault_fs_rearm(sm_fault_fs *ff, uint64_t fail_at) {
  ff->fail_at = fail_at;
  ff->n_calls = 0;
  ff->fired = false;
}
