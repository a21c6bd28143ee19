/*
 * A directory of files that appears as a whole. exclusive.
 *
 *   new, overwrite   PARENT/NAME.partial is the lock, PARENT/NAME.partial-model a directory that becomes PARENT/NAME
 *   in place         DIR/saved_model.pb.partial is the lock, DIR/saved_model.pb.partial-0 and so on are files that get
 *                    their names one after the other
 *
 * Each way makes a promise, whenever the process ends:
 *
 *   new         there is no such directory, or all of it
 *   overwrite   there is the old directory, or the new one: names are exchanged. Where the file system cannot do that
 *               there are two renames, and between them no directory: PARENT/NAME.partial-old-model is the old one then,
 *               which the next save puts back
 *   in place    each file is the old one or the new one, and the one that is called key is the last to become new
 *
 * What a process that died has left is removed by the next save to the same place.
 */
#ifndef SM_BUILDER_TRANSACTION_H
#define SM_BUILDER_TRANSACTION_H

#include "base/base.h"
#include "graph/name_index.h"
#include "io/io.h"
#include "io/staging.h"

typedef enum sm_transaction_kind {
  SM_TRANSACTION_NEW,
  SM_TRANSACTION_OVERWRITE,
  SM_TRANSACTION_IN_PLACE
} sm_transaction_kind;

/* What happens to a name when the transaction is committed. */
typedef struct sm_transaction_step {
  sm_string name; /* below the directory */
  uint32_t staged_number;
  bool is_removal; /* of the file, or of the tree */
  bool is_key;
} sm_transaction_step;

typedef struct sm_transaction {
  const sm_fs *fs;
  const sm_allocator *allocator;
  sm_transaction_kind kind;
  bool no_sync;
  sm_staging staging;
  sm_staging guard;         /* overwrite: the lock inside the old directory, against changes in place */
  char dir[SM_PATH_MAX];    /* that is made or changed; messages have it, too */
  char name[SM_PATH_MAX];   /* its last part */
  char staged[SM_PATH_MAX]; /* new, overwrite: what will be called dir; in place: dir */
  sm_arena arena;
  sm_transaction_step *steps; /* in place: what is done at the end, in this order */
  size_t n_steps, steps_capacity;
  uint32_t n_staged;  /* in place: files that were put */
  sm_name_index dirs; /* whose names have to reach the disk, "" among them */
  bool has_staged_dir, is_done;
} sm_transaction;

/* How files are written. */
typedef struct sm_transaction_options {
  const sm_fs *fs;
  const sm_allocator *allocator;
  bool no_sync;
} sm_transaction_options;

/*
 * Takes the lock; makes what is above dir, or finds dir where it is changed in place.
 *
 * Errors: ALREADY_EXISTS dir is there and not empty (new); FAILED_PRECONDITION it is there, and no SavedModel that may be
 *   overwritten; NOT_FOUND it is not there (in place); INVALID_ARGUMENT dir has no name that can be given to another (".");
 *   ABORTED somebody else is saving to it; UNIMPLEMENTED the file system is read-only; those of sm_fs.
 */
sm_status sm_transaction_open(sm_transaction *transaction, const char *dir, sm_transaction_kind kind,
                              const sm_transaction_options *options, sm_error *err);

/* Frees; what was not committed leaves nothing behind. */
void sm_transaction_close(sm_transaction *transaction);

/*
 * Files, their directories with them. Names are clean (sm_path_clean), each is put once. key: the one that makes the
 * others count; it is put last.
 */
sm_status sm_transaction_put(sm_transaction *transaction, const char *name, sm_string data, bool is_key, sm_error *err);

/* The contents of a file of another directory: as one more name of it where may_link, else sharing its blocks, else a copy. */
sm_status sm_transaction_put_file(sm_transaction *transaction, const char *name, const sm_root *from_root,
                                  const char *from, bool may_link, sm_error *err);

/* A directory, for others to write in (not in place): its path below fs. */
sm_status sm_transaction_make_dir(sm_transaction *transaction, const char *name, sm_error *err);

/* In place: a file, or a directory with all that is in it, goes. */
sm_status sm_transaction_remove(sm_transaction *transaction, const char *name, sm_error *err);

/* What was put appears. */
sm_status sm_transaction_commit(sm_transaction *transaction, sm_error *err);

#endif
