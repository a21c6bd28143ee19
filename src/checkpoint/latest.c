/* The state file of a directory with checkpoints. */
#include <savedmodel/checkpoint.h>
#include <savedmodel/pb/checkpoint_state.pb-c.h>

#include "io/io.h"
#include "wire/text.h"

/* Fields of CheckpointState. */
enum { STATE_MODEL_CHECKPOINT_PATH = 1 };

/* ---- Reading the file ---- */

static sm_status find_path(char *dst, sm_span state, const char *file, sm_error *err) {
  const sm_wire_source source = {.name = file, .bytes = state};
  sm_span path;
  SM_TRY(sm_wire_find_bytes(&path, state, STATE_MODEL_CHECKPOINT_PATH, &source, err));
  if (path.size == 0) return SM_FAIL(err, SM_DATA_LOSS, "%s: no model_checkpoint_path", file);
  if (path.size >= SM_PATH_MAX || memchr(path.data, '\0', path.size) != NULL)
    return SM_FAIL(err, SM_DATA_LOSS, "%s: model_checkpoint_path is no path", file);
  memcpy(dst, path.data, path.size);
  dst[path.size] = '\0';
  return SM_OK;
}

/* dst: SM_PATH_MAX bytes. */
static sm_status read_state(char *dst, const sm_root *root, const sm_open_options *options, sm_error *err) {
  const sm_allocator *allocator = sm_allocator_or_malloc(options->allocator);
  sm_bytes text;
  sm_buffer state;
  char file[SM_PATH_MAX];
  if (!sm_path_join(file, sizeof file, root->dir, SM_FILE_CHECKPOINT_STATE))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: the path is too long", root->dir);
  SM_TRY(sm_bytes_load(&text, root, SM_FILE_CHECKPOINT_STATE, UINT64_MAX, allocator, err));
  uint64_t max_bytes = options->max_bytes != 0 ? options->max_bytes : sm_default_max_bytes(text.size);
  sm_buffer_init(&state, allocator, max_bytes);
  sm_status status = sm_text_read(&state, &tensorflow__checkpoint_state__descriptor,
                                  (sm_string){(const char *)text.data, text.size}, err);
  if (status != SM_OK) sm_error_add_place(err, file);
  if (status == SM_OK) status = find_path(dst, (sm_span){state.data, state.size}, file, err);
  sm_buffer_free(&state);
  sm_bytes_unload(&text);
  return status;
}

/* ---- Where it is ---- */

/* Is there a checkpoint of that prefix, of either format? */
static bool exists(const sm_root *root, const char *prefix) {
  char index[SM_PATH_MAX + sizeof ".index"];
  sm_dir_entry entry;
  snprintf(index, sizeof index, "%s.index", prefix);
  return root->fs->stat(&entry, root->fs, index, "", root->flags, NULL) == SM_OK ||
         (root->fs->stat(&entry, root->fs, prefix, "", root->flags, NULL) == SM_OK && entry.kind == SM_FILE_REGULAR);
}

static sm_status locate(char *dst, size_t dst_size, const sm_root *root, const char *recorded, sm_error *err) {
  char prefix[SM_PATH_MAX];
  const char *slash = strrchr(recorded, '/');
  const char *in_dir = recorded[0] == '/' ? slash + 1 : recorded;
  bool fits = sm_path_join(prefix, sizeof prefix, root->dir, in_dir);
  if (recorded[0] == '/' && exists(root, recorded)) {
    memcpy(prefix, recorded, strlen(recorded) + 1);
  } else if (!fits || !exists(root, prefix)) {
    return SM_FAIL(err, SM_NOT_FOUND, "%s/%s: names %.300s, which is not there", root->dir, SM_FILE_CHECKPOINT_STATE,
                   recorded);
  }
  size_t size = strlen(prefix) + 1;
  if (size > dst_size) return SM_FAIL(err, SM_OUT_OF_RANGE, "%zu bytes are needed, there are %zu", size, dst_size);
  memcpy(dst, prefix, size);
  return SM_OK;
}

sm_status sm_latest_checkpoint(char *dst, size_t dst_size, const char *dir, const sm_open_options *options,
                               sm_error *err) {
  sm_open_options known;
  char recorded[SM_PATH_MAX];
  if (dst_size != 0) dst[0] = '\0';
  if (dir == NULL) return SM_FAIL(err, SM_INVALID_ARGUMENT, "dir is NULL");
  SM_TRY(sm_options_read(&known, options, err));
  const sm_root root = {.fs = known.fs != NULL ? known.fs : sm_fs_local(),
                        .dir = dir,
                        .flags = known.refuse_symlinks ? SM_FS_NO_SYMLINKS : 0,
                        .no_mmap = true};
  SM_TRY(read_state(recorded, &root, &known, err));
  return locate(dst, dst_size, &root, recorded, err);
}
