#include "cli/whole_file.h"

sm_status whole_file_open(whole_file *out, const char *path, sm_error *err) {
  *out = (whole_file){.fs = sm_fs_local()};
  SM_TRY(out->fs->open(&out->file, out->fs, "", path, 0, err));
  sm_status status = out->file.size != 0 ? out->fs->map(&out->data, out->fs, &out->file, err) : SM_OK;
  if (status != SM_OK) out->fs->close(out->fs, &out->file);
  return status;
}

void whole_file_close(whole_file *in) {
  if (in->data != NULL) in->fs->unmap(in->fs, in->data, (size_t)in->file.size);
  in->fs->close(in->fs, &in->file);
}
