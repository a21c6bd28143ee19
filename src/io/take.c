/* Files that are written for the first time, from another file or from memory. */
#include "base/base.h"
#include "io/io.h"

static sm_status create(sm_file *file, const sm_file_target *to, sm_error *err) {
  return to->fs->create(file, to->fs, to->dir, to->name, err);
}

/* Ends what create began: status is that of the writing. */
static sm_status finish(sm_file *file, const sm_file_target *to, sm_status status, sm_error *err) {
  if (status == SM_OK && !to->no_sync) status = to->fs->sync(to->fs, file, err);
  to->fs->close(to->fs, file);
  if (status == SM_OK) return SM_OK;
  sm_error_add_place(err, to->name); /* the file system knew only the open file */
  (void)to->fs->remove(to->fs, to->dir, to->name, NULL);
  return status;
}

sm_status sm_file_write(const sm_file_target *to, sm_string data, sm_error *err) {
  sm_file file;
  SM_TRY(create(&file, to, err));
  sm_status status = data.size != 0 ? to->fs->write(to->fs, &file, data.data, data.size, err) : SM_OK;
  return finish(&file, to, status, err);
}

/* ---- Other files ---- */

static sm_status copy_contents(const sm_fs *from_fs, const sm_file *from, const sm_file_target *to, sm_file *file,
                               sm_error *err) {
  char buffer[16384];
  for (uint64_t offset = 0; offset < from->size;) {
    size_t n = from->size - offset < sizeof buffer ? (size_t)(from->size - offset) : sizeof buffer;
    SM_TRY(from_fs->read_at(from_fs, from, offset, buffer, n, err));
    SM_TRY(to->fs->write(to->fs, file, buffer, n, err));
    offset += n;
  }
  return SM_OK;
}

static sm_status copy(const sm_root *from_root, const char *from, const sm_file_target *to, sm_error *err) {
  const sm_fs *fs = from_root->fs;
  sm_file in, out;
  SM_TRY(fs->open(&in, fs, from_root->dir, from, from_root->flags, err));
  sm_status status = create(&out, to, err);
  if (status == SM_OK) status = finish(&out, to, copy_contents(fs, &in, to, &out, err), err);
  fs->close(fs, &in);
  return status;
}

/* Of a file that has a second name, or was made by the file system: it may be in memory only, still. */
static sm_status sync_made(const sm_file_target *to, sm_error *err) {
  sm_file file;
  if (to->no_sync) return SM_OK;
  sm_status status = to->fs->open(&file, to->fs, to->dir, to->name, 0, err);
  if (status == SM_OK) return finish(&file, to, SM_OK, err);
  (void)to->fs->remove(to->fs, to->dir, to->name, NULL);
  return status;
}

sm_status sm_file_take(const sm_root *from_root, const char *from, const sm_file_target *to, sm_error *err) {
  const sm_fs *fs = to->fs;
  sm_error failure;
  sm_status status = SM_UNIMPLEMENTED;
  sm_dir_entry found;
  if (from_root->fs != fs) return copy(from_root, from, to, err);
  SM_TRY(fs->stat(&found, fs, from_root->dir, from, from_root->flags, err)); /* for the flags, which link has not */
  if (to->may_link && fs->link != NULL) status = fs->link(fs, from_root->dir, from, to->dir, to->name, &failure);
  if (status == SM_UNIMPLEMENTED && fs->clone != NULL)
    status = fs->clone(fs, from_root->dir, from, from_root->flags, to->dir, to->name, &failure);
  if (status == SM_UNIMPLEMENTED) return copy(from_root, from, to, err);
  if (status == SM_OK) return sync_made(to, err);
  if (err != NULL) *err = failure;
  return status;
}
