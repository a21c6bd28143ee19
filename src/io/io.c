#include "io/io.h"

#include "base/base.h"
#include "io/io_internal.h"

/* ---- Whole files ---- */

static sm_status read_whole(sm_bytes *out, const sm_root *root, const sm_file *file, uint64_t max_bytes,
                            const sm_allocator *allocator, sm_error *err) {
  if (file->size > max_bytes || file->size > SIZE_MAX)
    return SM_FAIL(err, SM_RESOURCE_EXHAUSTED, "%llu bytes, the limit is %llu (max_bytes)",
                   (unsigned long long)file->size, (unsigned long long)max_bytes);
  size_t size = (size_t)file->size;
  uint8_t *data = sm_alloc(allocator, size);
  if (data == NULL) return SM_FAIL_OOM(err, size);
  sm_status status = root->fs->read_at(root->fs, file, 0, data, size, err);
  if (status != SM_OK)
    sm_free(allocator, data);
  else
    *out = (sm_bytes){.data = data, .size = size, .owned_from = allocator};
  return status;
}

sm_status sm_bytes_load(sm_bytes *out, const sm_root *root, const char *name, uint64_t max_bytes,
                        const sm_allocator *allocator, sm_error *err) {
  *out = (sm_bytes){0};
  sm_file file;
  SM_TRY(root->fs->open(&file, root->fs, root->dir, name, root->flags, err));
  sm_status status;
  if (root->no_mmap || root->fs->map == NULL || file.size == 0) {
    status = read_whole(out, root, &file, max_bytes, allocator, err);
  } else {
    const void *data = NULL;
    status = root->fs->map(&data, root->fs, &file, err);
    if (status == SM_OK) *out = (sm_bytes){.data = data, .size = (size_t)file.size, .mapped_by = root->fs};
  }
  root->fs->close(root->fs, &file);
  if (status != SM_OK) { /* the file system knew only the open file */
    sm_error_add_place(err, name);
    sm_error_add_place(err, root->dir);
  }
  return status;
}

void sm_bytes_unload(sm_bytes *bytes) {
  if (bytes->mapped_by != NULL) bytes->mapped_by->unmap(bytes->mapped_by, bytes->data, bytes->size);
  if (bytes->owned_from != NULL) sm_free(bytes->owned_from, (void *)(uintptr_t)bytes->data);
  *bytes = (sm_bytes){0};
}

void sm_bytes_release(const sm_bytes *bytes, const uint8_t *from, size_t size) {
  const sm_fs *fs = bytes->mapped_by;
  if (fs != NULL && fs->release != NULL) fs->release(fs, from, size);
}

/* ---- Copying ---- */

static sm_status copy_bytes(const sm_fs *src_fs, const sm_file *src, const sm_fs *dst_fs, sm_file *dst, sm_error *err) {
  char buffer[16384];
  for (uint64_t offset = 0; offset < src->size;) {
    size_t n = src->size - offset < sizeof buffer ? (size_t)(src->size - offset) : sizeof buffer;
    SM_TRY(src_fs->read_at(src_fs, src, offset, buffer, n, err));
    SM_TRY(dst_fs->write(dst_fs, dst, buffer, n, err));
    offset += n;
  }
  return dst_fs->sync(dst_fs, dst, err);
}

/* A name beside path that nothing has: the file it made is open then. */
static sm_status create_beside(sm_file *file, char *name, size_t name_size, const sm_fs *fs, const char *path,
                               sm_error *err) {
  for (unsigned attempt = 0;; attempt++) {
    int n = snprintf(name, name_size, "%s.partial%u", path, attempt);
    if (n < 0 || (size_t)n >= name_size) return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: the path is too long", path);
    sm_error failure;
    sm_status status = fs->create(file, fs, "", name, &failure);
    if (status == SM_ALREADY_EXISTS && attempt < 99) continue;
    if (status != SM_OK && err != NULL) *err = failure;
    return status;
  }
}

sm_status sm_file_copy(const sm_root *root, const char *name, const sm_fs *dst_fs, const char *dst_path,
                       sm_error *err) {
  char partial[SM_PATH_MAX];
  sm_file src, dst;
  SM_TRY(root->fs->open(&src, root->fs, root->dir, name, root->flags, err));
  sm_status status = create_beside(&dst, partial, sizeof partial, dst_fs, dst_path, err);
  if (status != SM_OK) goto done;
  status = copy_bytes(root->fs, &src, dst_fs, &dst, err);
  if (status != SM_OK) sm_error_add_place(err, dst_path); /* the file systems knew only the open files */
  dst_fs->close(dst_fs, &dst);
  if (status == SM_OK) status = dst_fs->rename(dst_fs, "", partial, dst_path, err);
  if (status != SM_OK) (void)dst_fs->remove(dst_fs, "", partial, NULL);
done:
  root->fs->close(root->fs, &src);
  return status;
}
