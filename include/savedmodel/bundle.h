/*
 * Checkpoints: tensors by key in a few files (PREFIX.index, PREFIX.data-00000-of-00001), what TensorFlow calls a tensor
 * bundle. The variables of a SavedModel are one. Reading takes no graph and no model; V1 checkpoints, one file that holds
 * all, are read through the same calls.
 */
#ifndef SAVEDMODEL_BUNDLE_H
#define SAVEDMODEL_BUNDLE_H

#include <savedmodel/options.h>
#include <savedmodel/tensor.h>

SM_BEGIN_DECLS

/* ---- Reading ---- */

/* An open checkpoint. shared: every function may be called from several threads at once. */
typedef struct sm_bundle_reader sm_bundle_reader;

/** Facts of the whole checkpoint. Source: BundleHeaderProto (tensor_bundle.proto); formats of version 1 have no header. */
typedef struct sm_bundle_header {
  int32_t format;   /* 2: tensor bundle, 1: V1 checkpoint */
  int32_t n_shards; /* data files */
  bool big_endian;  /* byte order of the data */
  int32_t producer;
  int32_t min_consumer;
  const int32_t *bad_consumers; /* until the reader is closed */
  size_t n_bad_consumers;
} sm_bundle_header;

/**
 * One tensor of a checkpoint. Filled in by find and by iterators; plain data but for key and what is reserved, which
 * point to where the function that filled it in says.
 */
typedef struct sm_bundle_entry {
  sm_string key; /* any bytes, NUL among them, or none at all; not terminated */
  sm_dtype dtype;
  int32_t rank;
  int32_t shard;   /* -1: sliced or in a V1 checkpoint, and the three below are then 0 */
  uint32_t crc32c; /* masked, as stored */
  uint64_t offset; /* bytes, in the shard */
  uint64_t size;   /* bytes in the shard */
  size_t n_slices; /* parts it was saved in; 0: as a whole, which V1 checkpoints have as one part */
  sm_string reserved[2];
  int64_t dims[SM_MAX_RANK];
} sm_bundle_entry;

/**
 * Open a checkpoint.
 *
 * out      closed with sm_bundle_reader_close.
 * prefix   what was given to whoever saved it: PREFIX of PREFIX.index, or the file of a V1 checkpoint (of a sharded one
 *          the part before -00000-of-00002, or with question marks or stars as tf.train.Saver returns it), or the
 *          directory of a SavedModel.
 * options  NULL: defaults. verify: DEFAULT checks blocks of the index and tensors when they are first used; INDEX and
 *          NONE leave out the tensors, NONE the index too; ALL is DEFAULT, and reads of slices check whole parts.
 *
 * Cost: independent of the number of keys. The index is mapped (or read, with no_mmap); shards are when first used.
 *   Mapped files may be renamed, removed and replaced, but not truncated: that would kill the process (SIGBUS).
 *
 * Errors: NOT_FOUND no such checkpoint; DATA_LOSS damaged; FAILED_PRECONDITION made for newer readers;
 *   RESOURCE_EXHAUSTED; those of sm_fs.
 * Format: tensorflow/core/util/tensor_bundle/tensor_bundle.h, tensorflow/core/util/tensor_slice_reader.h.
 */
SM_API sm_status sm_bundle_reader_open(sm_bundle_reader **out, const char *prefix, const sm_open_options *options,
                                       sm_error *err);

/** Close; NULL is left alone. Views end here, tensors do not. exclusive. */
SM_API void sm_bundle_reader_close(sm_bundle_reader *reader);

/** Until close. */
SM_API const sm_bundle_header *sm_bundle_reader_get_header(const sm_bundle_reader *reader);

/**
 * Find a tensor by its key, a C string; _find_n: by any bytes. Does not open its data file.
 *
 * entry  its key points to key, the rest is good until close.
 *
 * Errors: NOT_FOUND; DATA_LOSS the index is damaged there, or says what cannot be (a negative dimension, a size that
 *   does not fit the shape, a shard that there is not, slices outside the shape). Whether the bytes are inside of the
 *   shard shows when they are read.
 */
SM_API sm_status sm_bundle_reader_find(sm_bundle_entry *entry, const sm_bundle_reader *reader, const char *key,
                                       sm_error *err);
SM_API sm_status sm_bundle_reader_find_n(sm_bundle_entry *entry, const sm_bundle_reader *reader, sm_string key,
                                         sm_error *err);

/**
 * The next of an entry's n_slices parts, in stored order.
 *
 * extents   room for entry->rank of them; lengths of -1 as stored.
 * position  0 before the first; moved on by the call.
 *
 * Errors: OUT_OF_RANGE there are no more; DATA_LOSS.
 */
SM_API sm_status sm_bundle_entry_next_slice(sm_extent *extents, const sm_bundle_entry *entry, uint64_t *position,
                                            sm_error *err);

/**
 * A tensor where it lies in the mapped shard, without a copy; until close. Its checksum is computed the first time only.
 *
 * Data may be less aligned than its dtype: TensorFlow does not align tensors.
 *
 * Errors: NOT_FOUND; DATA_LOSS the checksum differs, or the index is damaged; FAILED_PRECONDITION it does not lie in one
 *   piece of this machine's byte order (strings, variants, slices, foreign order, V1, no_mmap): read it; those of sm_fs.
 */
SM_API sm_status sm_bundle_reader_view(sm_tensor_view *view, const sm_bundle_reader *reader, const char *key,
                                       sm_error *err);
SM_API sm_status sm_bundle_reader_view_entry(sm_tensor_view *view, const sm_bundle_reader *reader,
                                             const sm_bundle_entry *entry, sm_error *err);

/**
 * Copy a tensor, or a slice of it, into the caller's memory, from however many parts it is stored in.
 *
 * slice  NULL: all of it.
 * dst    dst_size bytes, exactly what the slice takes. Undefined after an error.
 *
 * A slice reads the bytes it needs; checksums cover stored parts and are checked for those that are read whole.
 *
 * Errors: NOT_FOUND; INVALID_ARGUMENT dst_size or the slice do not fit the shape, or the dtype is DT_STRING or
 *   DT_VARIANT (use sm_bundle_reader_read_tensor); DATA_LOSS damaged, or stored parts do not cover the slice;
 *   RESOURCE_EXHAUSTED; those of sm_fs.
 */
SM_API sm_status sm_bundle_reader_read(const sm_bundle_reader *reader, const char *key, const sm_slice_spec *slice,
                                       void *dst, size_t dst_size, sm_error *err);
SM_API sm_status sm_bundle_reader_read_entry(const sm_bundle_reader *reader, const sm_bundle_entry *entry,
                                             const sm_slice_spec *slice, void *dst, size_t dst_size, sm_error *err);

/**
 * A tensor, or a slice of it, as an object of its own, which outlives the reader: in place where it can be viewed, else
 * in memory. Any dtype.
 *
 * out    freed with sm_tensor_free.
 * slice  NULL: all of it.
 *
 * Errors: those of sm_bundle_reader_read.
 */
SM_API sm_status sm_bundle_reader_read_tensor(sm_tensor **out, const sm_bundle_reader *reader, const char *key,
                                              const sm_slice_spec *slice, sm_error *err);
SM_API sm_status sm_bundle_reader_read_entry_tensor(sm_tensor **out, const sm_bundle_reader *reader,
                                                    const sm_bundle_entry *entry, const sm_slice_spec *slice,
                                                    sm_error *err);

/* ---- All of them, in key order ---- */

/* exclusive; the reader must outlive it. */
typedef struct sm_bundle_iter sm_bundle_iter;

/**
 * Walk the tensors in the order of their keys' bytes. The header and the entries of single slices are not among them.
 *
 * out    freed with sm_bundle_iter_free.
 * start  the first key, or if there is none the one after it; NULL: from the beginning.
 */
SM_API sm_status sm_bundle_iter_new(sm_bundle_iter **out, const sm_bundle_reader *reader, const char *start,
                                    sm_error *err);

/**
 * *entry is the next tensor, until the next call or the iterator is freed; NULL: there are no more.
 *
 * Errors: DATA_LOSS of one tensor's entry: *entry then has its key and nothing else, and the next call goes on behind it;
 *   of the index as such: *entry is NULL, and every later call fails.
 */
SM_API sm_status sm_bundle_iter_next(const sm_bundle_entry **entry, sm_bundle_iter *iter, sm_error *err);
SM_API void sm_bundle_iter_free(sm_bundle_iter *iter);

/**
 * The key under which the index has a part of a tensor, which tools may want to show. size: of it; dst_size may be 0 to
 * ask for that. Errors: OUT_OF_RANGE dst_size does not suffice.
 */
SM_API sm_status sm_bundle_slice_key(char *dst, size_t dst_size, size_t *size, sm_string key,
                                     const sm_slice_spec *slice, sm_error *err);

/* ---- Many at once ---- */

/* What to do about a difference. */
typedef enum sm_policy { SM_POLICY_ERROR = 0, SM_POLICY_SKIP } sm_policy;

/**
 * One tensor and the memory that it is to be read into (or, when saving, written from). The caller sets all but what is
 * marked out.
 */
typedef struct sm_binding {
  const char *key;
  sm_dtype dtype;             /* SM_DT_INVALID: whatever it is */
  int32_t rank;               /* -1: whatever it is */
  const int64_t *dims;        /* of the slice, if there is one */
  const sm_slice_spec *slice; /* NULL: all of it */
  const int64_t *whole_dims;  /* saving a slice: of the whole tensor; slice->n_extents of them */
  void *data;                 /* size bytes; NULL: the library allocates, see tensor */
  size_t size;
  sm_tensor *tensor; /* out: when data is NULL and status SM_OK, the caller's to free; else NULL */
  sm_status status;  /* out: of this one */
} sm_binding;

typedef enum sm_difference_kind {
  SM_DIFFERENCE_MISSING = 1, /* bound, and not in the checkpoint */
  SM_DIFFERENCE_MISMATCHED,  /* of another dtype or shape there */
  SM_DIFFERENCE_UNUSED       /* in the checkpoint, and not bound */
} sm_difference_kind;

/** One difference between bindings and a checkpoint; borrowed for the call. */
typedef struct sm_difference {
  sm_difference_kind kind;
  const char *key;           /* in the checkpoint */
  const sm_binding *binding; /* NULL: UNUSED, or an object of a registered saver (savedmodel/checkpoint.h) */
  const char *what;          /* a sentence */
} sm_difference;

typedef void (*sm_difference_fn)(void *ctx, const sm_difference *difference);

/** Zero is the default of every field but struct_size; start from SM_RESTORE_OPTIONS_INIT. */
typedef struct sm_restore_options {
  size_t struct_size;
  sm_policy missing;           /* no such key */
  sm_policy mismatched;        /* another dtype or shape */
  bool refuse_unused;          /* tensors of the checkpoint that no binding names are an error */
  bool in_place;               /* where the library allocates: map instead of copying, where that is possible */
  uint32_t n_threads;          /* 0: the caller's alone */
  const sm_executor *executor; /* instead of threads of the library's own */
  bool reshape; /* another shape of as many elements is no mismatch; what the library allocates has the stored one */
  bool compare_only;           /* read nothing: statuses and report say what would be read */
  sm_difference_fn difference; /* called for each one, before anything is written; NULL: nobody wants to know */
  void *difference_ctx;
} sm_restore_options;

#define SM_RESTORE_OPTIONS_INIT \
  { .struct_size = sizeof(sm_restore_options) }

typedef struct sm_restore_report {
  size_t n_restored;
  size_t n_missing;
  size_t n_mismatched;
  size_t n_unused;
  uint64_t n_bytes; /* of the tensors restored */
} sm_restore_report;

/**
 * Read many tensors, in the order they lie in the files, by several threads; each is verified while it is copied.
 *
 * Names, dtypes and shapes are compared first: a difference whose policy is SM_POLICY_ERROR fails the call before any
 * memory is written. After a later error, memory of bindings whose status is not SM_OK is undefined.
 *
 * report   NULL: not wanted. Written also on failure.
 * options  NULL: defaults.
 *
 * Errors: NOT_FOUND missing ones, INVALID_ARGUMENT mismatched ones, FAILED_PRECONDITION unused ones: the message names
 *   the first and says how many; those of sm_bundle_reader_read.
 */
SM_API sm_status sm_bundle_reader_restore(sm_restore_report *report, const sm_bundle_reader *reader,
                                          sm_binding *bindings, size_t n_bindings, const sm_restore_options *options,
                                          sm_error *err);

/* ---- Verifying ---- */

typedef enum sm_severity { SM_SEVERITY_NOTE = 0, SM_SEVERITY_WARNING, SM_SEVERITY_ERROR } sm_severity;

/** One thing found wrong; borrowed for the call. */
typedef struct sm_finding {
  sm_severity severity;
  const char *file;  /* below the directory looked at; of a checkpoint, beside its prefix */
  const char *place; /* key, node, signature, offset; "" the file as such */
  const char *what;  /* what was found, what was expected */
} sm_finding;

typedef void (*sm_finding_fn)(void *ctx, const sm_finding *defect);

/**
 * Check everything in a checkpoint: blocks of the index, every entry, the checksum of every tensor (by several threads),
 * sizes of the shards, gaps and overlaps, files left over from other saves.
 *
 * fn       called once for each finding, on the caller's thread, in order of the files; NULL: nobody wants to know.
 * options  its threads are used; NULL: defaults.
 *
 * Errors: DATA_LOSS there was a finding of SM_SEVERITY_ERROR; the message is the first one; those of sm_fs.
 */
SM_API sm_status sm_bundle_reader_verify(const sm_bundle_reader *reader, sm_finding_fn fn, void *ctx,
                                         const sm_restore_options *options, sm_error *err);

/* ---- Writing ---- */

/* A checkpoint being written. exclusive. */
typedef struct sm_bundle_writer sm_bundle_writer;

/**
 * Begin a checkpoint. Nothing is there under its name until sm_bundle_writer_finish.
 *
 * out      closed with sm_bundle_writer_close.
 * prefix   directories are made as needed.
 * options  NULL: defaults.
 *
 * The same tensors and options give the same bytes. Memory: some megabytes and the index, whatever the tensors take.
 *
 * Until it has its name it is in files beside it, PREFIX.partial and PREFIX.partial-*; those of a process that died are
 * removed by the next save to the same prefix. With overwrite, at every moment there is the old one or the new one.
 *
 * Errors: INVALID_ARGUMENT bad options; ALREADY_EXISTS there is such a checkpoint, or data files of one, and no overwrite;
 *   ABORTED somebody else is saving to that prefix; UNIMPLEMENTED the file system is read-only; those of sm_fs.
 */
SM_API sm_status sm_bundle_writer_open(sm_bundle_writer **out, const char *prefix, const sm_save_options *options,
                                       sm_error *err);

/**
 * Add a tensor.
 *
 * tensor  borrowed for the call; of any dtype but DT_RESOURCE.
 *
 * Errors: INVALID_ARGUMENT the dtype cannot be stored, sizes do not fit, or key is empty (that is the header's);
 *   ALREADY_EXISTS the key was added before; those of sm_fs. After an error of writing all later calls give the same.
 */
SM_API sm_status sm_bundle_writer_add(sm_bundle_writer *writer, const char *key, const sm_tensor_view *tensor,
                                      sm_error *err);
SM_API sm_status sm_bundle_writer_add_n(sm_bundle_writer *writer, sm_string key, const sm_tensor_view *tensor,
                                        sm_error *err);

/**
 * Add a part of a tensor that is saved in parts, by this writer or by others whose checkpoints are merged later.
 *
 * dims   of the whole tensor; rank of them is slice->n_extents.
 * part   has the shape of slice.
 *
 * Errors: those of add; INVALID_ARGUMENT slice is not inside dims, or dims or dtype differ from the parts before.
 */
SM_API sm_status sm_bundle_writer_add_slice(sm_bundle_writer *writer, const char *key, const int64_t *dims,
                                            const sm_slice_spec *slice, const sm_tensor_view *part, sm_error *err);
SM_API sm_status sm_bundle_writer_add_slice_n(sm_bundle_writer *writer, sm_string key, const int64_t *dims,
                                              const sm_slice_spec *slice, const sm_tensor_view *part, sm_error *err);

/**
 * Add a tensor piece by piece: begin, then append its bytes in any number of calls. The next call that is not append
 * ends it, and fails with INVALID_ARGUMENT when bytes are missing. Not for DT_STRING and DT_VARIANT; such a tensor is
 * never cut, whatever max_shard_size says.
 */
SM_API sm_status sm_bundle_writer_begin(sm_bundle_writer *writer, const char *key, sm_dtype dtype, const int64_t *dims,
                                        int32_t rank, sm_error *err);
SM_API sm_status sm_bundle_writer_begin_n(sm_bundle_writer *writer, sm_string key, sm_dtype dtype, const int64_t *dims,
                                          int32_t rank, sm_error *err);
SM_API sm_status sm_bundle_writer_append(sm_bundle_writer *writer, const void *data, size_t size, sm_error *err);

/**
 * Add a tensor of another checkpoint, with all its parts, as it is stored there; its checksums are checked on the way.
 *
 * key  NULL: its own.
 *
 * Errors: those of add and of sm_bundle_reader_read.
 */
SM_API sm_status sm_bundle_writer_copy(sm_bundle_writer *writer, const char *key, const sm_bundle_reader *reader,
                                       const sm_bundle_entry *entry, sm_error *err);

/**
 * Add a tensor of another checkpoint, with all its parts, without touching its bytes: the data file that they lie in becomes
 * one of this checkpoint, by a second name (a hard link) where the file system has such, else as a copy of the whole file.
 * So a checkpoint of any size gets other keys in the time that its index takes. What is not linked stays in the data files
 * too; copy writes only what is wanted. Alignment and limits of size are those of the other checkpoint.
 *
 * key     NULL: its own.
 * reader  stays open until the writer is finished or closed.
 *
 * Checksums are taken over, not checked; that the bytes are inside of the data file is.
 *
 * Errors: INVALID_ARGUMENT the byte orders differ; FAILED_PRECONDITION it is a V1 checkpoint, which has no data files: copy;
 *   those of add and of sm_bundle_reader_find; DATA_LOSS.
 */
SM_API sm_status sm_bundle_writer_link(sm_bundle_writer *writer, const char *key, const sm_bundle_reader *reader,
                                       const sm_bundle_entry *entry, sm_error *err);

/** Write the index, sync, and give all files their names, the index last: now the checkpoint exists. */
SM_API sm_status sm_bundle_writer_finish(sm_bundle_writer *writer, sm_error *err);

/** Free; without finish nothing stays behind. NULL is left alone. */
SM_API void sm_bundle_writer_close(sm_bundle_writer *writer);

/**
 * Make one checkpoint of several, as MergeV2Checkpoints does: their data files get new names, their entries one index,
 * and the parts are gone. Parts of one tensor come together. For writers in several threads, processes or machines:
 * each writes a part, one merges. When it fails, the parts are as they were, or can be merged again.
 *
 * Errors: INVALID_ARGUMENT byte orders or versions differ, a key is in two parts; NOT_FOUND; ALREADY_EXISTS; those of
 *   sm_fs.
 */
SM_API sm_status sm_bundle_merge(const char *prefix, const char *const *parts, size_t n_parts,
                                 const sm_save_options *options, sm_error *err);

SM_END_DECLS

#endif
