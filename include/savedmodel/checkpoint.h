/*
 * Checkpoints of a training run: series of them by name (tf.train.Saver), trees of objects (tf.train.Checkpoint), rotation
 * (tf.train.CheckpointManager), and the state file that says which is the newest. Values are memory of the caller, named
 * by the bindings of savedmodel/bundle.h, which serve for saving and for restoring.
 */
#ifndef SAVEDMODEL_CHECKPOINT_H
#define SAVEDMODEL_CHECKPOINT_H

#include <savedmodel/bundle.h>
#include <savedmodel/options.h>

SM_BEGIN_DECLS

/* The file of a directory that names its checkpoints, as text. */
#define SM_FILE_CHECKPOINT_STATE "checkpoint"

/* ---- The state file ---- */

/**
 * The newest checkpoint of a directory, as its state file records it.
 *
 * dst      its prefix, terminated: what sm_bundle_reader_open takes.
 * options  allocator, fs, max_bytes and refuse_symlinks are heeded. NULL: defaults.
 *
 * Nothing outside of dir is looked at. Paths are recorded relative to dir, or absolute; of one that is absolute, what lies
 * in dir under its last parts is meant, so that the directory can be moved. Where the newest one is gone, the newest of
 * the others that are recorded and there is taken.
 *
 * Errors: NOT_FOUND there is no state file, or nothing that it names is there; DATA_LOSS it is no CheckpointState, names
 *   no checkpoint, or one outside of dir; OUT_OF_RANGE dst_size does not suffice; those of sm_fs.
 * Format: proto/checkpoint_state.proto in the text format; TensorFlow: checkpoint_management.py, latest_checkpoint.
 */
SM_API sm_status sm_latest_checkpoint(char *dst, size_t dst_size, const char *dir, const sm_open_options *options,
                                      sm_error *err);

/** What a state file says. Paths are prefixes relative to its directory, whatever way they are written there. */
typedef struct sm_checkpoint_state {
  const char *latest;
  const char *const *paths; /* oldest first, latest the last of them */
  size_t n_paths;
  const double *timestamps; /* of paths, in seconds since 1970; NULL: not recorded */
  double last_preserved;    /* when the newest was saved of those that are kept for good; 0: not recorded */
} sm_checkpoint_state;

/**
 * Read a state file.
 *
 * out      freed with sm_checkpoint_state_free.
 * file     its name; NULL: SM_FILE_CHECKPOINT_STATE.
 * options  as for sm_latest_checkpoint.
 *
 * Whether the checkpoints are there is not looked at, but for absolute paths, as sm_latest_checkpoint does.
 *
 * Errors: NOT_FOUND; DATA_LOSS as above, or numbers of paths and timestamps that differ; RESOURCE_EXHAUSTED.
 */
SM_API sm_status sm_checkpoint_state_read(sm_checkpoint_state **out, const char *dir, const char *file,
                                          const sm_open_options *options, sm_error *err);
SM_API void sm_checkpoint_state_free(sm_checkpoint_state *state);

/**
 * Write a state file: at every moment there is the old one or the new one.
 *
 * options  fs, allocator and no_sync are heeded; NULL: defaults.
 *
 * Errors: INVALID_ARGUMENT there is no latest; ABORTED somebody else is writing it; those of sm_fs.
 */
SM_API sm_status sm_checkpoint_state_write(const char *dir, const char *file, const sm_checkpoint_state *state,
                                           const sm_save_options *options, sm_error *err);

/* ---- What all of the following share ---- */

/** Where the time comes from. Zero: from the system. */
typedef struct sm_clock {
  double (*now)(void *ctx); /* seconds since 1970 */
  void *ctx;
} sm_clock;

/** What a save has written. */
typedef struct sm_saved {
  const char *prefix; /* what sm_bundle_reader_open takes; until the next save, or its object is closed */
  uint64_t n_bytes;   /* of all files */
  size_t n_tensors;   /* an object graph counts; what registered savers add does not */
  int32_t n_shards;   /* data files */
} sm_saved;

/* ---- By name: tf.train.Saver ---- */

/* A series of checkpoints, of which the last ones are kept. exclusive; others may read while it saves. */
typedef struct sm_saver sm_saver;

/** Zero is the default of every field but struct_size; start from SM_SAVER_OPTIONS_INIT. Names: tf.train.Saver. */
typedef struct sm_saver_options {
  size_t struct_size;
  int32_t max_to_keep;       /* the last ones; 0: 5; -1: all, and the state file has the newest only */
  double keep_every_n_hours; /* in addition, one for all so many hours; 0: 10000 */
  bool pad_step_number;      /* PREFIX-00000042 */
  bool absolute_paths;       /* in the state file, where prefixes are absolute: what save_relative_paths=False means */
  bool no_state;             /* write no state file, remove nothing */
  bool allow_empty;          /* saving nothing is no error: nothing is written */
  const char *state_file;    /* NULL: SM_FILE_CHECKPOINT_STATE. Copied */
  sm_string meta_graph_def;  /* serialised, written to PREFIX.meta; borrowed until close; {NULL, 0}: none */
  sm_clock clock;
  const sm_save_options *save; /* form of the checkpoints, memory, files; overwrite is set. Copied; NULL: defaults */
} sm_saver_options;

#define SM_SAVER_OPTIONS_INIT \
  { .struct_size = sizeof(sm_saver_options) }

/** options: NULL: defaults. Errors: INVALID_ARGUMENT bad options, a path in state_file; RESOURCE_EXHAUSTED. */
SM_API sm_status sm_saver_open(sm_saver **out, const sm_saver_options *options, sm_error *err);

/** Free; the checkpoints stay. NULL is left alone. */
SM_API void sm_saver_close(sm_saver *saver);

/**
 * Save tensors as PREFIX-STEP, record it in the state file beside it, and remove the oldest one if there are too many.
 *
 * saved     NULL: not wanted.
 * step      -1: none, the checkpoint is PREFIX.
 * bindings  with data, dtype and shape; not written. Those of a slice add a part of a tensor: whole_dims says of which.
 *
 * Nothing is removed before the new one is recorded. What cannot be removed stays, without an error.
 *
 * Errors: INVALID_ARGUMENT nothing to save, a binding without data or shape, prefix is the state file; those of
 *   sm_bundle_writer_open, _add and _finish: the new checkpoint is then not there; those of sm_checkpoint_state_write: it
 *   is there, and not recorded.
 * Source: python/training/saver.py, Saver.save.
 */
SM_API sm_status sm_saver_save(sm_saved *saved, sm_saver *saver, const char *prefix, int64_t step,
                               const sm_binding *bindings, size_t n_bindings, sm_error *err);

/* Those that are recorded and will be removed one day, oldest first; NULL: no such number. Until the next save. */
SM_API size_t sm_saver_n_checkpoints(const sm_saver *saver);
SM_API const char *sm_saver_get_checkpoint(const sm_saver *saver, size_t i);

/**
 * Take over the series of a saver that is no more.
 *
 * timestamps  when they were saved; NULL: now, so that none is kept for its age. Oldest first.
 */
SM_API sm_status sm_saver_set_checkpoints(sm_saver *saver, const char *const *prefixes, const double *timestamps,
                                          size_t n, sm_error *err);

/**
 * Read tensors by name: sm_bundle_reader_open and sm_bundle_reader_restore in one. Of an object-based checkpoint those are
 * found that have these names there (full_name: what they were called in a graph).
 *
 * Errors: those of the two.
 * Source: python/training/saver.py, Saver.restore.
 */
SM_API sm_status sm_saver_restore(sm_restore_report *report, const char *prefix, sm_binding *bindings,
                                  size_t n_bindings, const sm_restore_options *options, const sm_open_options *open,
                                  sm_error *err);

/* ---- Trees of objects: tf.train.Checkpoint ---- */

/*
 * Objects of a program, called by the names of edges that lead to them from the root, with values bound to them. Objects are
 * numbered; the root is 0. exclusive.
 */
typedef struct sm_checkpoint sm_checkpoint;

#define SM_ATTRIBUTE_VARIABLE_VALUE "VARIABLE_VALUE"

/** Make a tree with a root. allocator: NULL: malloc. */
SM_API sm_status sm_checkpoint_new(sm_checkpoint **out, const sm_allocator *allocator, sm_error *err);

/** Free; bindings and their memory are the caller's. NULL is left alone. */
SM_API void sm_checkpoint_free(sm_checkpoint *checkpoint);

/**
 * Add an object as a child of another. Lists have "0", "1" and so on as names; any name will do.
 *
 * Errors: NOT_FOUND no such parent; ALREADY_EXISTS it has a child of that name; RESOURCE_EXHAUSTED.
 */
SM_API sm_status sm_checkpoint_add(int32_t *node, sm_checkpoint *checkpoint, int32_t parent, const char *name,
                                   sm_error *err);

/** Add an edge to an object that is there: things may be shared, and there may be cycles. Errors: as of add. */
SM_API sm_status sm_checkpoint_link(sm_checkpoint *checkpoint, int32_t parent, const char *name, int32_t node,
                                    sm_error *err);

/**
 * Add the variable in which an optimizer keeps its state for another variable ("momentum"). It is no child of anything.
 *
 * Errors: as of add; INVALID_ARGUMENT variable is such a one itself.
 */
SM_API sm_status sm_checkpoint_add_slot(int32_t *node, sm_checkpoint *checkpoint, int32_t optimizer, int32_t variable,
                                        const char *slot_name, sm_error *err);

/**
 * Give an object a value.
 *
 * attribute  NULL: SM_ATTRIBUTE_VARIABLE_VALUE, what a variable has. Other objects have names of their own.
 * binding    borrowed until the tree is freed; its key is the name in name-based checkpoints, or NULL. It is read by
 *            save and write, and written by restore. slice is not heeded.
 *
 * When a restored checkpoint has a value for it that nobody took before, it is read now; binding->status says OK, and
 * NOT_FOUND when there was none.
 *
 * Errors: NOT_FOUND no such object; ALREADY_EXISTS it has this attribute, or a registered saver; INVALID_ARGUMENT the
 *   value to be read now has another dtype or shape; those of sm_bundle_reader_restore.
 */
SM_API sm_status sm_checkpoint_bind(sm_checkpoint *checkpoint, int32_t node, const char *attribute, sm_binding *binding,
                                    sm_error *err);

/** An object whose values a registered saver takes care of; borrowed for the call. */
typedef struct sm_registered_object {
  const char
      *name;    /* saving: its path, escaped, '/' between the names; restoring: what it was called when it was saved */
  void *object; /* what sm_checkpoint_register was given */
} sm_registered_object;

/**
 * Saves and restores objects in a way of its own: what TensorFlow calls a registered checkpoint saver. Each of the two is
 * called once for all its objects, in the order of the checkpoint, and calls nothing of the tree.
 *
 * file_prefix  PREFIX-NAME, for those who write files beside the checkpoint: nobody else renames or removes those.
 */
typedef struct sm_registered_saver {
  const char *name; /* PACKAGE.NAME, of letters, digits, '.', '_' and '-': checkpoints have it */
  void *ctx;
  /* Adds tensors, under keys of its choice, and neither finishes nor closes the writer. Before other values are. */
  sm_status (*save)(void *ctx, sm_bundle_writer *writer, const char *file_prefix, const sm_registered_object *objects,
                    size_t n_objects, sm_error *err);
  /* Reads what it needs. After other values are. */
  sm_status (*restore)(void *ctx, const sm_bundle_reader *reader, const char *file_prefix,
                       const sm_registered_object *objects, size_t n_objects, sm_error *err);
} sm_registered_saver;

/**
 * Let a registered saver take care of an object, which then has no values of its own. One that was saved with values is given
 * to restore under the key of the first of them, as in TensorFlow; one that another saver saved is missing.
 *
 * saver  borrowed until the tree is freed.
 *
 * When a restored checkpoint has the object, and nobody took it before, it is restored now.
 *
 * Errors: NOT_FOUND no such object; ALREADY_EXISTS it has a saver or values; INVALID_ARGUMENT it is a slot variable, the
 *   saver lacks a function, its name is none or that of another one in the tree; those of restore, and the object is then
 *   still without a saver.
 * Source: python/saved_model/registration/registration.py, register_checkpoint_saver.
 */
SM_API sm_status sm_checkpoint_register(sm_checkpoint *checkpoint, int32_t node, const sm_registered_saver *saver,
                                        void *object, sm_error *err);

/**
 * Write all values and the object graph to PREFIX. _save: to PREFIX-N, N being the number of saves, which is kept in the
 * checkpoint as the root's child "save_counter"; and names it in the state file beside it.
 *
 * saved    NULL: not wanted.
 * options  NULL: defaults. overwrite is set.
 *
 * Errors: INVALID_ARGUMENT a binding without data or shape; those of sm_bundle_writer_open, _add and _finish, and of
 *   registered savers. The counter is then what it was.
 * Source: python/checkpoint/checkpoint.py, Checkpoint.write, .save.
 */
SM_API sm_status sm_checkpoint_write(sm_saved *saved, sm_checkpoint *checkpoint, const char *prefix,
                                     const sm_save_options *options, sm_error *err);
SM_API sm_status sm_checkpoint_save(sm_saved *saved, sm_checkpoint *checkpoint, const char *prefix,
                                    const sm_save_options *options, sm_error *err);

/** The number of saves; 0: none yet. */
SM_API int64_t sm_checkpoint_get_save_counter(const sm_checkpoint *checkpoint);

/**
 * Read the values of all objects that are in the checkpoint too: objects are matched by the names of the edges from the
 * root, slot variables by those of variable and optimizer and their own. One without an object graph is read by the keys
 * of the bindings.
 *
 * report   NULL: not wanted. Written on failure, too. n_unused are values that no binding took.
 * options  NULL: defaults. A value that is bound and missing, or different, is an error before anything is written, unless
 *          its policy says otherwise; refuse_unused is assert_consumed().
 * open     NULL: defaults. Must outlive the tree, or what it names must.
 *
 * The file stays open: what is bound later is read then. The next restore ends that (in TensorFlow, what is bound later
 * still gets from an earlier restore what the last one lacks). A save counter is restored as well; _read is for
 * checkpoints that were written without, and leaves it alone.
 *
 * Objects with a registered saver count among what is restored, missing and unused; differences have no binding there.
 *
 * Errors: those of sm_bundle_reader_open and sm_bundle_reader_restore; DATA_LOSS the object graph is damaged; those of
 *   registered savers, by then all values are read.
 * Source: python/checkpoint/checkpoint.py, Checkpoint.restore, .read; python/checkpoint/restore.py.
 */
SM_API sm_status sm_checkpoint_restore(sm_restore_report *report, sm_checkpoint *checkpoint, const char *prefix,
                                       const sm_restore_options *options, const sm_open_options *open, sm_error *err);
SM_API sm_status sm_checkpoint_read(sm_restore_report *report, sm_checkpoint *checkpoint, const char *prefix,
                                    const sm_restore_options *options, const sm_open_options *open, sm_error *err);

/* How much has to match. */
typedef enum sm_match {
  SM_MATCH_CONSUMED = 0, /* all objects with values, on both sides: assert_consumed() */
  SM_MATCH_EXISTING,     /* all objects of the program: assert_existing_objects_matched() */
  SM_MATCH_NONTRIVIAL    /* anything but the root: assert_nontrivial_match() */
} sm_match;

/**
 * Does what was restored match by now? What was bound after the restore counts. Beyond TensorFlow's assertions, an object
 * that is in the checkpoint without the value that is bound to it does not match.
 *
 * fn  called for each difference that matters to match; NULL: nobody wants to know.
 *
 * Errors: FAILED_PRECONDITION it does not: the message names the first difference; or nothing was restored.
 */
SM_API sm_status sm_checkpoint_check_match(const sm_checkpoint *checkpoint, sm_match match, sm_difference_fn fn,
                                           void *ctx, sm_error *err);

/* ---- Rotation: tf.train.CheckpointManager ---- */

/* The checkpoints of a tree in a directory, which is its own while it is open. exclusive; others may read. */
typedef struct sm_checkpoint_manager sm_checkpoint_manager;

/* What score was when the checkpoint was saved, a double. No object has it, so restoring does not see it. */
#define SM_KEY_CHECKPOINT_SCORE "_CHECKPOINT_SCORE"

/**
 * Zero is the default of every field but struct_size; start from SM_MANAGER_OPTIONS_INIT. Names: CheckpointManager.
 *
 * The two last fields are not TensorFlow's. The best are recorded in the state file with the others, and each checkpoint
 * has its score, so that a later manager goes on with both; TensorFlow's, and one without keep_best, lists them too, and
 * removes them as the oldest that they are, or leaves them for good where something newer was kept for its age. Those that have no score, or no number, are never among the best.
 */
typedef struct sm_manager_options {
  size_t struct_size;
  const char *checkpoint_name; /* NULL: "ckpt". Copied */
  size_t max_to_keep;          /* 0: all of them */
  double keep_every_n_hours;   /* of those that would be removed, keep one for all so many hours; 0: none */
  const int64_t *step_counter; /* what checkpoint_interval counts; until close */
  int64_t checkpoint_interval; /* steps from one save to the next, at least; 0: any */
  sm_status (*init)(void *ctx, sm_error *err); /* called by restore_or_initialize when there is nothing to restore */
  void *init_ctx;
  sm_clock clock;
  const sm_save_options *save; /* form of the checkpoints, memory, files; overwrite is set. Copied; NULL: defaults */
  const sm_open_options *open; /* for restoring; must outlive the tree. NULL: memory and files of save */
  size_t keep_best;            /* of those that would be removed, keep so many of the best; of equal ones the newer */
  const double *score;         /* of what is saved next: more is better; until close. NULL: none is saved */
} sm_manager_options;

#define SM_MANAGER_OPTIONS_INIT \
  { .struct_size = sizeof(sm_manager_options) }

/**
 * Take charge of a directory, and of the checkpoints that an earlier manager left in charge there.
 *
 * checkpoint  outlives the manager.
 * dir         made by the first save.
 * options     NULL: defaults.
 *
 * Errors: INVALID_ARGUMENT bad options; DATA_LOSS the state file is damaged; those of sm_fs.
 * Cost: with keep_best, each checkpoint that is recorded is opened for its score.
 */
SM_API sm_status sm_checkpoint_manager_open(sm_checkpoint_manager **out, sm_checkpoint *checkpoint, const char *dir,
                                            const sm_manager_options *options, sm_error *err);

/** Free; the checkpoints stay. NULL is left alone. */
SM_API void sm_checkpoint_manager_close(sm_checkpoint_manager *manager);

/** The prefix of the newest one; NULL: none. Until the next save. */
SM_API const char *sm_checkpoint_manager_get_latest(const sm_checkpoint_manager *manager);

/* Those that may be removed one day, oldest first; NULL: no such number. Until the next save. */
SM_API size_t sm_checkpoint_manager_n_checkpoints(const sm_checkpoint_manager *manager);
SM_API const char *sm_checkpoint_manager_get_checkpoint(const sm_checkpoint_manager *manager, size_t i);

/**
 * Save to DIR/NAME-NUMBER, record it, and remove what is too much: the oldest first, and of each its index first.
 *
 * saved             prefix is NULL when nothing was saved, as too few steps went by. NULL: not wanted.
 * number            -1: the number of saves, which is counted in any case.
 * ignores_interval  save unless there is a checkpoint of this very step.
 *
 * Nothing is removed before the new one is recorded. What cannot be removed stays, without an error, and is not recorded.
 *
 * Errors: those of sm_checkpoint_write; those of sm_checkpoint_state_write, after which the next save tries again.
 * Source: python/checkpoint/checkpoint_management.py, CheckpointManager.save.
 */
SM_API sm_status sm_checkpoint_manager_save(sm_saved *saved, sm_checkpoint_manager *manager, int64_t number,
                                            bool ignores_interval, sm_error *err);

/**
 * What a save would remove now, without saving: none, when it would save nothing.
 *
 * prefixes                  in the order in which they would be removed; until the next save or the next call.
 * number, ignores_interval  as for save.
 *
 * Errors: INVALID_ARGUMENT the path is too long; RESOURCE_EXHAUSTED; those of reading a save counter from what was restored.
 */
SM_API sm_status sm_checkpoint_manager_list_removals(const char *const **prefixes, size_t *n_prefixes,
                                                     sm_checkpoint_manager *manager, int64_t number,
                                                     bool ignores_interval, sm_error *err);

/**
 * Restore the newest checkpoint, or call init if there is none.
 *
 * prefix   of what was restored; NULL: nothing. Until the next save. NULL: not wanted.
 * options  as for sm_checkpoint_restore.
 *
 * Where the newest one is gone, the newest of the others that are there is restored.
 *
 * Errors: those of sm_checkpoint_restore and of init; NOT_FOUND all of them are gone.
 */
SM_API sm_status sm_checkpoint_manager_restore_or_initialize(const char **prefix, sm_checkpoint_manager *manager,
                                                             const sm_restore_options *options, sm_error *err);

SM_END_DECLS

#endif
