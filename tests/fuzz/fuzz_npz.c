/*
 * An .npz file: each array read, and all written again, which must read back as the same. With the checksums of its members
 * and without: chance would not find these.
 *
 *   byte 0   dtype that bytes without a name are taken for
 *   byte 1   IGNORE_CHECKSUMS
 */
#include "cli/npz.h"
#include "written.h"

enum { IGNORE_CHECKSUMS = 1 };

enum { MAX_BYTES = 1 << 20, MAX_ARRAYS = 64, MEMBER_SIZE = 2000 /* of a member, its array apart */ };

const size_t fuzz_message_at = NO_MESSAGE;

static bool open_npz(npz *out, sm_fs **fs, const void *data, size_t size, bool is_checked) {
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  MUST(sm_fs_memory_new(fs, NULL, NULL) == SM_OK);
  MUST(sm_fs_memory_add(*fs, "f.npz", data, size, NULL) == SM_OK);
  options.fs = *fs;
  options.verify = is_checked ? SM_VERIFY_ALL : SM_VERIFY_NONE;
  options.max_bytes = MAX_BYTES;
  return npz_open(out, "f.npz", &options, NULL) == SM_OK;
}

static void close_npz(npz *in, sm_fs *fs) {
  npz_close(in);
  sm_fs_close(fs);
}

/* Everything that is in to is in in. */
static void compare(const npz *in, const written *to, sm_dtype wanted) {
  npz again;
  sm_fs *fs;
  MUST(open_npz(&again, &fs, to->bytes, to->size, true));
  for (size_t i = 0; i < again.n; i++) {
    array a, b;
    size_t found = npz_find(in, again.names[i]);
    MUST(found < in->n);
    MUST(npz_read(&a, &again, i, SM_DT_INVALID, NULL) == SM_OK && npz_read(&b, in, found, wanted, NULL) == SM_OK);
    must_be_same_array(&a.view, &b.view);
    array_free(&a);
    array_free(&b);
  }
  close_npz(&again, fs);
}

static void read_all(const npz *in, sm_dtype wanted) {
  written to = written_new();
  npz_writer writer;
  size_t room = MAX_WRITTEN;
  bool is_written = true;
  npz_writer_begin(&writer, written_take, &to);
  for (size_t i = 0; i < in->n && i < MAX_ARRAYS; i++) {
    array a;
    size_t name_size = strlen(in->names[i]);
    MUST(npz_find(in, in->names[i]) < in->n);
    if (npz_read(&a, in, i, wanted, NULL) != SM_OK) continue;
    size_t needed = written_size_of(&a.view) + MEMBER_SIZE + 3 * name_size;
    if (needed <= room / 2) {
      room -= needed;
      is_written &= npz_writer_add(&writer, (sm_string){in->names[i], name_size}, &a.view, NULL) == SM_OK;
    }
    array_free(&a);
  }
  if (is_written && npz_writer_finish(&writer, NULL) == SM_OK) compare(in, &to, wanted);
  npz_writer_free(&writer);
  free(to.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2) return 0;
  npz in;
  sm_fs *fs;
  size -= 2;
  uint8_t *copy = malloc(size != 0 ? size : 1); /* no byte more, so that one too far is seen */
  MUST(copy != NULL);
  memcpy(copy, data + 2, size);
  if (open_npz(&in, &fs, copy, size, (data[1] & IGNORE_CHECKSUMS) == 0)) read_all(&in, (sm_dtype)data[0]);
  close_npz(&in, fs);
  free(copy);
  return 0;
}
