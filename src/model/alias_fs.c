#include "model/alias_fs.h"

#include "base/base.h"

static sm_status resolve(const sm_alias_fs *self, const char *name, sm_error *err) {
  if (strcmp(name, self->alias) == 0) return SM_OK;
  return SM_FAIL(err, SM_NOT_FOUND, "%s/%s: no such file", self->root->dir, name);
}

static sm_status alias_open(sm_file *file, const sm_fs *fs, const char *root, const char *name, unsigned flags,
                            sm_error *err) {
  const sm_alias_fs *self = fs->ctx;
  (void)root;
  SM_TRY(resolve(self, name, err));
  return self->root->fs->open(file, self->root->fs, self->root->dir, self->name, flags, err);
}

static sm_status alias_stat(sm_dir_entry *entry, const sm_fs *fs, const char *root, const char *name, unsigned flags,
                            sm_error *err) {
  const sm_alias_fs *self = fs->ctx;
  (void)root;
  SM_TRY(resolve(self, name, err));
  SM_TRY(self->root->fs->stat(entry, self->root->fs, self->root->dir, self->name, flags, err));
  entry->name = name;
  return SM_OK;
}

static sm_status alias_list(const sm_fs *fs, const char *root, const char *name, unsigned flags, sm_dir_fn fn,
                            void *fn_ctx, sm_error *err) {
  const sm_alias_fs *self = fs->ctx;
  sm_dir_entry entry;
  if (*name != '\0') return SM_FAIL(err, SM_NOT_FOUND, "%s/%s: no such directory", self->root->dir, name);
  SM_TRY(alias_stat(&entry, fs, root, self->alias, flags, err));
  return fn(fn_ctx, &entry, err);
}

static sm_status alias_read_at(const sm_fs *fs, const sm_file *file, uint64_t offset, void *dst, size_t dst_size,
                               sm_error *err) {
  const sm_fs *inner = ((const sm_alias_fs *)fs->ctx)->root->fs;
  return inner->read_at(inner, file, offset, dst, dst_size, err);
}

static void alias_close(const sm_fs *fs, sm_file *file) {
  const sm_fs *inner = ((const sm_alias_fs *)fs->ctx)->root->fs;
  inner->close(inner, file);
}

static sm_status alias_map(const void **data, const sm_fs *fs, const sm_file *file, sm_error *err) {
  const sm_fs *inner = ((const sm_alias_fs *)fs->ctx)->root->fs;
  return inner->map(data, inner, file, err);
}

static void alias_unmap(const sm_fs *fs, const void *data, size_t size) {
  const sm_fs *inner = ((const sm_alias_fs *)fs->ctx)->root->fs;
  inner->unmap(inner, data, size);
}

static void alias_release(const sm_fs *fs, const void *data, size_t size) {
  const sm_fs *inner = ((const sm_alias_fs *)fs->ctx)->root->fs;
  inner->release(inner, data, size);
}

void sm_alias_fs_init(sm_alias_fs *out, const sm_root *root, const char *name, const char *alias) {
  bool maps = root->fs->map != NULL;
  *out = (sm_alias_fs){.root = root, .name = name, .alias = alias};
  out->base = (sm_fs){.struct_size = sizeof out->base,
                      .ctx = out,
                      .open = alias_open,
                      .read_at = alias_read_at,
                      .close = alias_close,
                      .stat = alias_stat,
                      .list = alias_list,
                      .map = maps ? alias_map : NULL,
                      .unmap = maps ? alias_unmap : NULL,
                      .release = root->fs->release != NULL ? alias_release : NULL};
}
