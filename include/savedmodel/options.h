/* How to open a model or a checkpoint, and how to write one: limits, trust, where files and memory come from. */
#ifndef SAVEDMODEL_OPTIONS_H
#define SAVEDMODEL_OPTIONS_H

#include <stdbool.h>

#include <savedmodel/fs.h>
#include <savedmodel/status.h>

SM_BEGIN_DECLS

/* Which checksums of the variables are checked. saved_model.pb has none: opening a model and looking at its meta graphs
 * and signatures is the same under each value. */
typedef enum sm_verify {
  SM_VERIFY_DEFAULT = 0, /* the index, and every tensor when it is read */
  SM_VERIFY_NONE,
  SM_VERIFY_INDEX,
  SM_VERIFY_ALL
} sm_verify;

/**
 * Options of the functions that open something. Zero is the default of every field but struct_size; NULL options are all
 * defaults. Start from SM_OPEN_OPTIONS_INIT: a struct_size of 0 is INVALID_ARGUMENT.
 */
typedef struct sm_open_options {
  size_t struct_size;
  /* trust */
  sm_verify verify;
  bool refuse_symlinks; /* refuse links below the model's directory; default: follow them, as download caches need */
  uint64_t max_bytes;   /* ceiling of memory that no file bytes back; 0: max(1 GiB, 64 x file size); UINT64_MAX: none */
  /* resources */
  bool no_mmap;                  /* read files instead of mapping them (a mapped file must not be truncated) */
  const sm_allocator *allocator; /* NULL: malloc */
  const sm_fs *fs;               /* NULL: local files; must outlive what is opened */
} sm_open_options;

#define SM_OPEN_OPTIONS_INIT \
  { .struct_size = sizeof(sm_open_options) }

/**
 * Options of the functions that write something. As above: zero is the default of every field, start from
 * SM_SAVE_OPTIONS_INIT.
 */
typedef struct sm_save_options {
  size_t struct_size;
  /* form of the variables */
  uint32_t alignment; /* each tensor starts at a multiple of it in its shard, a power of two; 0: 1, as TensorFlow */
  uint32_t n_shards;  /* data files; 0: 1, unless max_shard_size makes more */
  uint64_t max_shard_size; /* bytes: cut larger tensors, start another shard, as MaxShardSizePolicy; 0: no limit.
                              TensorFlow 2.21 cannot restore parts of float16, uint16, uint32 and uint64 */
  bool big_endian;         /* write data in the byte order of such machines */
  /* how it appears */
  bool no_sync;   /* leave it to the system when the bytes reach the disk: a crash of the machine may lose the save */
  bool overwrite; /* replace what has that name; default: ALREADY_EXISTS */
  bool in_place;  /* of a model: replace its saved_model.pb and what belongs to that, leave its other files alone */
  /* form of a model */
  bool as_text;        /* saved_model.pbtxt */
  bool no_fingerprint; /* no fingerprint.pb */
  /* resources */
  uint32_t n_threads;            /* for syncing several data files at once; 0: the caller's alone */
  const sm_executor *executor;   /* instead of threads of the library's own */
  const sm_allocator *allocator; /* NULL: malloc */
  const sm_fs *fs;               /* NULL: local files */
} sm_save_options;

#define SM_SAVE_OPTIONS_INIT \
  { .struct_size = sizeof(sm_save_options) }

SM_END_DECLS

#endif
