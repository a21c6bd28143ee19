/*
 * bundle: checkpoints. What is public of it is in savedmodel/bundle.h; this door adds what modules above need to know of
 * the files that make one.
 *
 * Reading:
 *   names.c        PREFIX.index, PREFIX.data-00000-of-00001
 *   entry.c        what the index says of a tensor: BundleHeaderProto, BundleEntryProto
 *   slice_key.c    the keys of single slices
 *   shards.c       data files: opened on first use, mapped, read
 *   seen.c         which checksums were found right
 *   v1_files.c     V1 checkpoints: which files
 *   v1_index.c     what they say of tensors, brought into the form of the other
 *   v1_values.c    their values
 *   reader.c       open, find, view, close
 *   bundle_iter.c  all tensors in order
 *   parts.c        the stored parts that a read touches
 *   bundle_read.c  copies of tensors and slices
 *   strings.c      DT_STRING and DT_VARIANT
 *   restore.c      many tensors at once
 *   verify.c       everything checked
 *
 * Writing: see writer_internal.h.
 *
 * A checkpoint is read where it lies: nothing is built when it is opened but for V1, whose index is a message.
 */
#ifndef SM_BUNDLE_BUNDLE_H
#define SM_BUNDLE_BUNDLE_H

#include <savedmodel/bundle.h>

#include "base/base.h"
#include "io/io.h"

/* ---- names.c ---- */

/* Cuts a prefix at its last '/': dir becomes what is before ("/" stays), *base points to what is behind, in prefix. False
 * when dir does not fit. */
bool sm_prefix_split(char *dir, size_t dir_size, const char **base, const char *prefix);

/* BASE.index and BASE.data-00000-of-00001, as TensorFlow names them (tensor_bundle/naming.cc). False: does not fit. */
bool sm_index_name(char *dst, size_t dst_size, const char *base);
bool sm_shard_name(char *dst, size_t dst_size, const char *base, int32_t shard, int32_t n_shards);

/* Is name BASE.data-SHARD-of-N? */
bool sm_shard_name_parse(int32_t *shard, int32_t *n_shards, const char *base, const char *name);

/* Is it BASE-SHARD-of-N, a file of a V1 checkpoint (python/training/saver.py, ShardedFilename)? */
bool sm_v1_name_parse(int32_t *shard, int32_t *n_shards, const char *base, const char *name);

/* pattern: '?' is any byte, '*' any number of them. In time of the product of the sizes. */
bool sm_name_matches(const char *name, const char *pattern);

/* ---- slice_key.c ---- */

/* Appends the key under which a part of a tensor is stored, its extents as they are listed. */
sm_status sm_slice_key_put(sm_buffer *out, sm_string name, const sm_extent *extents, size_t rank, sm_error *err);

/* The way back. name is replaced. *rank is -1 when key is not the key of a slice. Errors: RESOURCE_EXHAUSTED. */
sm_status sm_slice_key_parse(sm_buffer *name, sm_extent extents[SM_MAX_RANK], int32_t *rank, sm_string key,
                             sm_error *err);

/* ---- restore.c ---- */

/* The options as far as the caller knows them, the rest being defaults. */
sm_status sm_restore_options_read(sm_restore_options *out, const sm_restore_options *options, sm_error *err);

#endif
