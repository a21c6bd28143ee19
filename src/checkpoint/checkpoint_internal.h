/* Inside checkpoint/: what its files tell each other. */
#ifndef SM_CHECKPOINT_CHECKPOINT_INTERNAL_H
#define SM_CHECKPOINT_CHECKPOINT_INTERNAL_H

#include "base/base.h"
#include "bundle/bundle.h"
#include "checkpoint/checkpoint.h"
#include "io/io.h"
#include "wire/wire.h"

/* Fields of CheckpointState. */
enum { STATE_LATEST = 1, STATE_PATHS = 2, STATE_TIMESTAMPS = 3, STATE_LAST_PRESERVED = 4 };

/* ---- state_read.c ---- */

/* Is there a checkpoint of that prefix in root, of either format? */
bool sm_checkpoint_is_there(const sm_root *root, const char *prefix);

/* The prefix of the newest that is there; the newest, if none is. */
const char *sm_state_pick(const sm_checkpoint_state *state, const sm_root *root);

/* options as the functions of the state file heed them. */
sm_root sm_state_root(const char *dir, const sm_open_options *options);

/* ---- recent.c ---- */

typedef enum sm_fate {
  SM_FATE_STAYS = 0, /* may be removed one day */
  SM_FATE_IS_KEPT,   /* for good: nobody is in charge of it any more */
  SM_FATE_IS_REMOVED
} sm_fate;

typedef struct sm_recent_item {
  char *prefix;
  double timestamp;
  double score; /* NAN: none */
  sm_fate fate; /* between a decision and sm_recent_drop */
} sm_recent_item;

/* Checkpoints, the oldest first. */
typedef struct sm_recent {
  const sm_allocator *allocator;
  sm_recent_item *items;
  size_t n, capacity;
} sm_recent;

void sm_recent_free(sm_recent *recent);

/* Puts it at the end; if it is there already, it moves. Takes a step for each that is there. */
sm_status sm_recent_put(sm_recent *recent, const char *prefix, double timestamp, sm_error *err);

/* The same for many: puts it at the end whatever is there. sm_recent_unite, once, leaves of those with one prefix the first,
 * with the time of the last. */
sm_status sm_recent_append(sm_recent *recent, const char *prefix, double timestamp, sm_error *err);
sm_status sm_recent_unite(sm_recent *recent, sm_error *err);

/* Takes those out that do not stay. */
void sm_recent_drop(sm_recent *recent);

/* The time, by the clock or by the system's. */
double sm_clock_now(const sm_clock *clock);

/* ---- retention.c ---- */

/* Which stay when there are too many, as sm_manager_options has it. */
typedef struct sm_retention {
  size_t max_to_keep; /* 0: all */
  size_t keep_best;
  double keep_every;     /* seconds; 0: none is kept for its age */
  double last_preserved; /* when the newest was saved of those that are kept for good */
} sm_retention;

/* Decides the fate of all, and moves last_preserved. next: one that is there already, or not yet, and is to be counted
 * as the newest; NULL: none. */
sm_status sm_retention_decide(sm_retention *retention, sm_recent *recent, const char *next, sm_error *err);

/* The score that a checkpoint was saved with; NAN: none, or the checkpoint is gone or damaged. */
sm_status sm_checkpoint_read_score(double *score, const char *prefix, const sm_open_options *options, sm_error *err);

/* ---- checkpoint_files.c ---- */

/* Fills in all but n_tensors and prefix: what lies on disk of the checkpoint. */
sm_status sm_saved_measure(sm_saved *saved, const sm_fs *fs, const char *prefix, sm_error *err);

/* Removes its index, then its data files, then PREFIX.meta if there is one. What cannot be removed stays. */
void sm_checkpoint_remove_files(const sm_fs *fs, const char *prefix, bool has_meta);

/* Puts bytes in the place of a file, or makes it: at every moment there is the old one or the new one. */
sm_status sm_file_replace(const char *dir, const char *name, sm_span bytes, const sm_save_options *options,
                          sm_error *err);

/* PREFIX-NUMBER, of so many digits at least. False: it does not fit. */
bool sm_numbered_prefix(char *dst, size_t dst_size, const char *prefix, int64_t number, int n_digits);

/* ---- binding.c ---- */

/* Adds what is bound, or the part of it that slice is. */
sm_status sm_binding_save(sm_bundle_writer *writer, const char *key, const sm_binding *binding, sm_error *err);

#endif
