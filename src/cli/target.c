#include "cli/target.h"

#include <stdio.h>

sm_status target_open(target *out, const char *path, sm_error *err) {
  *out = (target){.fs = sm_fs_local(), .path = path};
  for (unsigned attempt = 0;; attempt++) {
    snprintf(out->partial, sizeof out->partial, "%.4095s.partial%u", path, attempt);
    sm_status status = out->fs->create(&out->file, out->fs, "", out->partial, err);
    if (status != SM_ALREADY_EXISTS || attempt == 99) return status;
  }
}

sm_status target_write(void *ctx, const void *data, size_t size, sm_error *err) {
  target *out = ctx;
  return out->fs->write(out->fs, &out->file, data, size, err);
}

sm_status target_close(target *out, sm_status status, sm_error *err) {
  if (status == SM_OK) status = out->fs->sync(out->fs, &out->file, err);
  out->fs->close(out->fs, &out->file);
  if (status == SM_OK) status = out->fs->rename(out->fs, "", out->partial, out->path, err);
  if (status != SM_OK) (void)out->fs->remove(out->fs, "", out->partial, NULL);
  return status;
}
