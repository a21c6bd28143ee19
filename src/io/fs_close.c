#include "base/base.h"
#include "io/io.h"
#include "io/io_internal.h"

void sm_fs_close(sm_fs *fs) {
  if (fs != NULL && !sm_memory_fs_close(fs)) (void)sm_archive_fs_close(fs); /* of another kind: left alone */
}
