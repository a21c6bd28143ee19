/* Checkpoints of a training run: which there are, and which is the newest. */
#ifndef SAVEDMODEL_CHECKPOINT_H
#define SAVEDMODEL_CHECKPOINT_H

#include <savedmodel/options.h>

SM_BEGIN_DECLS

/* The file of a directory that names its checkpoints, as text. */
#define SM_FILE_CHECKPOINT_STATE "checkpoint"

/**
 * The newest checkpoint of a directory, as its state file records it.
 *
 * dst      its prefix, terminated: what sm_bundle_reader_open takes. Paths are recorded relative to dir, or absolute; one
 *          that is absolute and leads nowhere is looked for in dir, where it lies if the directory was moved.
 * options  allocator, fs, max_bytes and refuse_symlinks are heeded. NULL: defaults.
 *
 * Errors: NOT_FOUND there is no state file, or what it names is not there; DATA_LOSS it is no CheckpointState, or names no
 *   checkpoint; OUT_OF_RANGE dst_size does not suffice; those of sm_fs.
 * Format: proto/checkpoint_state.proto in the text format; TensorFlow: checkpoint_management.py, latest_checkpoint.
 */
SM_API sm_status sm_latest_checkpoint(char *dst, size_t dst_size, const char *dir, const sm_open_options *options,
                                      sm_error *err);

SM_END_DECLS

#endif
