#include "base/base.h"
#include "io/io.h"

sm_status sm_options_read(sm_open_options *out, const sm_open_options *options, sm_error *err) {
  *out = (sm_open_options)SM_OPEN_OPTIONS_INIT;
  if (options == NULL) return SM_OK;
  if (options->struct_size == 0)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "sm_open_options.struct_size is 0: start from SM_OPEN_OPTIONS_INIT");
  size_t known = options->struct_size < sizeof *out ? options->struct_size : sizeof *out;
  memcpy(out, options, known);
  if (out->fs != NULL && out->fs->struct_size < sizeof(sm_fs))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "sm_fs.struct_size is %zu, expected %zu", out->fs->struct_size,
                   sizeof(sm_fs));
  return SM_OK;
}

uint64_t sm_default_max_bytes(uint64_t file_size) {
  const uint64_t least = (uint64_t)1 << 30;
  uint64_t by_size = file_size > UINT64_MAX / 64 ? UINT64_MAX : 64 * file_size;
  return by_size > least ? by_size : least;
}
