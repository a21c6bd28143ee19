/* A directory with one file in it, which is a file of another directory under another name. So what only
 * sm_model_open reads can be read wherever it lies. */
#ifndef SM_MODEL_ALIAS_FS_H
#define SM_MODEL_ALIAS_FS_H

#include "io/io.h"

typedef struct sm_alias_fs {
  sm_fs base; /* ctx is this struct: it must not move */
  const sm_root *root;
  const char *name, *alias;
} sm_alias_fs;

/* name below root is to be found as alias, directly in whatever directory is asked for. All is borrowed. */
void sm_alias_fs_init(sm_alias_fs *out, const sm_root *root, const char *name, const char *alias);

#endif
