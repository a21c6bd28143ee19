/* Files that the tool writes: each appears under its name when it is whole, or not at all. */
#ifndef SM_CLI_TARGET_H
#define SM_CLI_TARGET_H

#include <savedmodel/fs.h>

enum { TARGET_MAX_PATH = 4096 };

typedef struct target {
  const sm_fs *fs;
  const char *path;
  char partial[TARGET_MAX_PATH + 16]; /* its name until then */
  sm_file file;
} target;

/* path: borrowed until target_close. */
sm_status target_open(target *out, const char *path, sm_error *err);

/* A sm_sink_fn; ctx is the target. */
sm_status target_write(void *ctx, const void *data, size_t size, sm_error *err);

/* status: of what was done so far; unless it is SM_OK, the file goes. An existing file of that name is replaced. */
sm_status target_close(target *out, sm_status status, sm_error *err);

#endif
