/* Archives by hand, right or wrong. Written for the tests alone and shares nothing with src/, so that it can be believed. */
#ifndef SM_TESTS_SUPPORT_ARCHIVE_WRITER_H
#define SM_TESTS_SUPPORT_ARCHIVE_WRITER_H

#include <stdbool.h>

#include "support/wire_writer.h"

/* ---- tar ---- */

enum { TAR_POSIX, TAR_GNU, TAR_V7 };

typedef struct tar_member {
  const char *name; /* cut at 100 bytes */
  char type;        /* '0' to '7', 'x', 'L', ...; 0: V7 */
  const void *data;
  size_t size;
  const char *prefix; /* NULL: none */
  int format;         /* whose magic */
} tar_member;

/* Header and padded contents. Returns where the header begins, for tests that change it (tar_sign afterwards). */
size_t tar_add(w_buffer *w, tar_member member);
size_t tar_add_text(w_buffer *w, const char *name, const char *text); /* a file */
void tar_end(w_buffer *w);                                            /* two blocks of zeros */

/* Computes the checksum of the header at offset anew. */
void tar_sign(w_buffer *w, size_t offset);

/* Appends a PAX record. */
void pax_record(w_buffer *w, const char *key, const char *value);

/* ---- zip ---- */

typedef struct zip_member {
  const char *name;
  const void *data;
  size_t size;
  const void
      *packed; /* with method 8: data as raw deflate makes it; NULL: one made of blocks that are not compressed */
  size_t packed_size;
  uint16_t method, flags;
  uint32_t unix_mode; /* 0: not made by Unix */
  bool zip64;         /* sizes in the extra field */
} zip_member;

enum { ZIP_ENCRYPTED = 1, ZIP_DESCRIPTOR = 8 };

/* Start with {0}. Tests may change local and central before zip_finish. */
typedef struct zip_writer {
  w_buffer local, central;
  size_t n;
  size_t local_at[16], central_at[16]; /* of the n-th header */
} zip_writer;

void zip_add(zip_writer *z, zip_member member);
void zip_add_text(zip_writer *z, const char *name, const char *text); /* stored */
/* Everything into w; frees the writer. with_zip64: zip64 end records too. */
void zip_finish(w_buffer *w, zip_writer *z, bool with_zip64, const char *comment);

/* Raw deflate, not compressed (RFC 1951, 3.2.4). */
void deflate_stored(w_buffer *w, const void *data, size_t size);

uint32_t crc32_of(const void *data, size_t size);

void put16(uint8_t *p, uint16_t value);
void put32(uint8_t *p, uint32_t value);
void put64(uint8_t *p, uint64_t value);

#endif
