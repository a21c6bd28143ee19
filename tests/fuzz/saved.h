/* What targets save in a file system in memory, and must save again to the byte. */
#ifndef SM_TESTS_FUZZ_SAVED_H
#define SM_TESTS_FUZZ_SAVED_H

#include <string.h>

#include <savedmodel/fs.h>

#include "fuzz.h"

static inline uint8_t *read_saved(const sm_fs *fs, const char *dir, const char *name, size_t *size) {
  sm_file file;
  MUST(fs->open(&file, fs, dir, name, 0, NULL) == SM_OK);
  *size = (size_t)file.size;
  uint8_t *bytes = malloc(*size + 1);
  MUST(bytes != NULL && fs->read_at(fs, &file, 0, bytes, *size, NULL) == SM_OK);
  fs->close(fs, &file);
  return bytes;
}

/* A file of that name in both directories. */
static inline void must_be_same_file(const sm_fs *fs, const char *a, const char *b, const char *name) {
  size_t a_size, b_size;
  uint8_t *a_bytes = read_saved(fs, a, name, &a_size), *b_bytes = read_saved(fs, b, name, &b_size);
  MUST(a_size == b_size && memcmp(a_bytes, b_bytes, a_size) == 0);
  free(a_bytes);
  free(b_bytes);
}

#endif
