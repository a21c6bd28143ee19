/*
 * .npz files: zip archives of .npy files, one for each array. Formats: numpy, lib/_npyio_impl.py; npy.h; PKWARE, APPNOTE.TXT
 * 6.3.10.
 */
#ifndef SM_CLI_NPZ_H
#define SM_CLI_NPZ_H

#include <savedmodel/convert.h>
#include <savedmodel/options.h>

#include "cli/array.h"
#include "cli/text_buffer.h"

/* ---- Reading ---- */

typedef struct npz {
  sm_fs *fs;
  const char *path;
  char **names; /* of the arrays, without ".npy", sorted by their bytes */
  size_t n;
} npz;

/* Does a file that begins with data look like one? */
bool npz_is(const void *data, size_t size);

/*
 * Opens the archive at path, which stays the caller's. out is closed with npz_close, whatever npz_open returns. Members
 * that are no .npy are left out.
 *
 * Errors: those of sm_fs_archive_open, so DATA_LOSS for members of one name and for names that climb out.
 */
sm_status npz_open(npz *out, const char *path, const sm_open_options *options, sm_error *err);
void npz_close(npz *in);

/* The array of that name, "a" or "a.npy"; in->n: there is none. */
size_t npz_find(const npz *in, const char *name);

/* Reads array number i as npy_read does. out is freed with array_free, before the npz is closed. */
sm_status npz_read(array *out, const npz *in, size_t i, sm_dtype wanted, sm_error *err);

/* ---- Writing ---- */

/* Arrays go to the sink as they come; memory is that of their names. The same arrays make the same bytes. */
typedef struct npz_writer {
  sm_sink_fn sink;
  void *ctx;
  uint64_t offset;
  uint64_t n;
  text_buffer directory; /* what is to be written at the end */
} npz_writer;

/* The caller frees out with npz_writer_free, finished or not. */
void npz_writer_begin(npz_writer *out, sm_sink_fn sink, void *ctx);

/*
 * name  without ".npy"; parts between '/' are neither empty nor "." or "..", as such a file could not be read again.
 *
 * Errors: INVALID_ARGUMENT a name as above, longer than 4000 bytes, or not UTF-8; those of npy_write; UNIMPLEMENTED the tool
 *   was built without zlib.
 */
sm_status npz_writer_add(npz_writer *out, sm_string name, const sm_tensor_view *view, sm_error *err);

/* Errors: INVALID_ARGUMENT two arrays have one name, or one is where another one's directory is; those of the sink. */
sm_status npz_writer_finish(npz_writer *out, sm_error *err);
void npz_writer_free(npz_writer *out);

#endif
