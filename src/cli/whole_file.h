/* A file, all of it: mapped. */
#ifndef SM_CLI_WHOLE_FILE_H
#define SM_CLI_WHOLE_FILE_H

#include <savedmodel/fs.h>

typedef struct whole_file {
  const sm_fs *fs;
  sm_file file;
  const void *data; /* NULL: empty */
} whole_file;

/* path: borrowed until whole_file_close, which is for what was opened only. */
sm_status whole_file_open(whole_file *out, const char *path, sm_error *err);
void whole_file_close(whole_file *in);

#endif
