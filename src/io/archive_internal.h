/*
 * Archives as file systems.
 *
 *   archive_fs.c  the sm_fs: opens the archive, finds out what it is, hands out its members
 *   tar.c         indexes a tar          zip.c       indexes a zip
 *   archive_member.c  what these two share
 *   inflate.c     what is compressed, where there is zlib; CRC-32
 *
 * Opening an archive reads its structure alone (headers, the directory of a zip) and refuses it when anything of that
 * is wrong. The contents of a member are read, and checked, when it is opened.
 */
#ifndef SM_IO_ARCHIVE_INTERNAL_H
#define SM_IO_ARCHIVE_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/arena.h"
#include "io/path_index_internal.h"

/* Where the bytes of the members lie. */
typedef struct sm_archive_source {
  const char *name; /* the path of the archive, for messages */
  const sm_fs *fs;
  sm_file file;
  const uint8_t *data; /* the whole archive in memory, mapped or unpacked; NULL: read from file */
  uint64_t size;
} sm_archive_source;

/* How a member is packed: APPNOTE.TXT (PKWARE's description of zip) 4.4.5. Members of a tar are stored. */
enum { SM_PACKED_STORED = 0, SM_PACKED_DEFLATED = 8 };

typedef struct sm_archive_member {
  const char *path;       /* clean, in the archive's arena; "" is the root */
  uint64_t header_offset; /* where the archive says what it is */
  uint64_t offset;        /* where its bytes lie */
  uint64_t packed_size;   /* of those */
  uint64_t size;          /* of the file */
  sm_file_kind kind;
  bool is_symlink;
  bool is_encrypted;
  bool has_crc32; /* a zip's */
  uint16_t packing;
  uint32_t crc32;
  atomic_bool is_checked; /* stored, and crc32 was found to be right */
} sm_archive_member;

typedef struct sm_archive {
  sm_fs base;
  const sm_allocator *allocator;
  sm_archive_source source;
  uint8_t *unpacked; /* of a .tar.gz */
  sm_arena arena;    /* names, members */
  sm_path_index index;
  uint64_t max_bytes;
  atomic_uint_fast64_t held_bytes; /* of max_bytes */
  bool checks_stored;
} sm_archive;

/* size bytes from offset: in place, or read into buffer, which has room for them. DATA_LOSS: the archive ends before;
 * what says what they were to be. */
sm_status sm_archive_peek(const uint8_t **out, const sm_archive_source *source, uint64_t offset, size_t size,
                          void *buffer, const char *what, sm_error *err);

/* Sets member->path to a copy of name. DATA_LOSS: it is absolute, climbs out, holds a NUL or is too long. */
sm_status sm_archive_name(sm_archive_member *member, sm_archive *archive, sm_string name, sm_error *err);

/* Puts member, which must stay where it is, into the index. */
sm_status sm_archive_add(sm_archive *archive, const sm_archive_member *member, sm_error *err);

bool sm_tar_is_block(const uint8_t block[512]); /* a header with the right checksum, or all zeroes */
sm_status sm_tar_index(sm_archive *archive, sm_error *err);
sm_status sm_zip_index(sm_archive *archive, sm_error *err);

/* ---- inflate.c ---- */

/* The file of a deflated member into dst, which has room for member->size bytes. */
sm_status sm_inflate_member(uint8_t *dst, const sm_archive *archive, const sm_archive_member *member, sm_error *err);

/* All that a gzip file unpacks to, within archive->max_bytes; freed with its allocator. */
sm_status sm_gunzip(uint8_t **out, size_t *size, const sm_archive *archive, sm_error *err);

/* As zlib's crc32: 0 to begin with, the last result to go on. */
uint32_t sm_crc32(uint32_t crc, const void *data, size_t size);

#endif
