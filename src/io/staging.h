/*
 * Staging: files that are written beside where they will lie, under names that say so, until they are whole.
 *
 *   DIR/BASE.partial        a lock: who holds it owns the files below, and is the only one to save as BASE
 *   DIR/BASE.partial-WHAT   a file, or a directory; WHAT is digits, or a word of small letters
 *
 * A process that dies leaves them there, but not the lock: who gets it next removes them. One save at a time needs no
 * random names, so that the names cannot give away anything either. exclusive.
 */
#ifndef SM_IO_STAGING_H
#define SM_IO_STAGING_H

#include "io/io.h"

typedef struct sm_staging {
  const sm_fs *fs;
  const char *base; /* borrowed */
  sm_file lock;
  bool is_open;
  bool had_leftovers; /* a save to the same place did not come to its end */
  size_t made_size;   /* where directories were made: how much of dir is the first of them; else 0 */
  char dir[SM_PATH_MAX];
} sm_staging;

/*
 * Makes dir, with all directories above it, takes the lock, and removes what others have left there.
 *
 * Errors: ABORTED somebody else is saving as base; UNIMPLEMENTED the file system is read-only; those of sm_fs. Where files
 *   cannot be locked the lock file itself is the lock, and what is left of it after a crash has to be removed by hand.
 */
sm_status sm_staging_open(sm_staging *staging, const sm_fs *fs, const char *dir, const char *base, sm_error *err);

/* Gives up the lock. Files that were staged must be gone by then. remove_dirs: those that open made, if they are empty. */
void sm_staging_close(sm_staging *staging, bool remove_dirs);

/* The name of a staged file. False when it does not fit. */
bool sm_staging_name(char *dst, size_t dst_size, const sm_staging *staging, const char *what);

/* Names in dir reach the disk, and so do the directories that were made. */
sm_status sm_staging_sync(const sm_staging *staging, sm_error *err);

#endif
