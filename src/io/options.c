#include "base/base.h"
#include "io/io.h"

static sm_status check_fs(const sm_fs *fs, sm_error *err) {
  if (fs == NULL || fs->struct_size >= sizeof(sm_fs)) return SM_OK;
  return SM_FAIL(err, SM_INVALID_ARGUMENT, "sm_fs.struct_size is %zu, expected %zu", fs->struct_size, sizeof(sm_fs));
}

sm_status sm_options_read(sm_open_options *out, const sm_open_options *options, sm_error *err) {
  *out = (sm_open_options)SM_OPEN_OPTIONS_INIT;
  if (options == NULL) return SM_OK;
  if (options->struct_size == 0)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "sm_open_options.struct_size is 0: start from SM_OPEN_OPTIONS_INIT");
  size_t known = options->struct_size < sizeof *out ? options->struct_size : sizeof *out;
  memcpy(out, options, known);
  return check_fs(out->fs, err);
}

static sm_status check_numbers(const sm_save_options *options, sm_error *err) {
  if ((options->alignment & (options->alignment - 1)) != 0)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "sm_save_options.alignment is %u, which is no power of two",
                   (unsigned)options->alignment);
  if (options->n_shards > 1 && options->max_shard_size != 0)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "sm_save_options: n_shards or max_shard_size, not both");
  return SM_OK;
}

sm_status sm_save_options_read(sm_save_options *out, const sm_save_options *options, sm_error *err) {
  *out = (sm_save_options)SM_SAVE_OPTIONS_INIT;
  if (options != NULL) {
    if (options->struct_size == 0)
      return SM_FAIL(err, SM_INVALID_ARGUMENT, "sm_save_options.struct_size is 0: start from SM_SAVE_OPTIONS_INIT");
    memcpy(out, options, options->struct_size < sizeof *out ? options->struct_size : sizeof *out);
  }
  if (out->alignment == 0) out->alignment = 1;
  if (out->n_shards == 0) out->n_shards = 1;
  out->allocator = sm_allocator_or_malloc(out->allocator);
  SM_TRY(check_fs(out->fs, err));
  if (out->fs == NULL) out->fs = sm_fs_local();
  return check_numbers(out, err);
}

uint64_t sm_default_max_bytes(uint64_t file_size) {
  const uint64_t least = (uint64_t)1 << 30;
  uint64_t by_size = file_size > UINT64_MAX / 64 ? UINT64_MAX : 64 * file_size;
  return by_size > least ? by_size : least;
}
