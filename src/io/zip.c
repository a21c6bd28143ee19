/*
 * The members of a zip archive: PKWARE, APPNOTE.TXT 6.3.10, whose section numbers stand here.
 *
 *   +--------------+----------+-----+-------------------+-------------------+------------------+
 *   | local header | contents | ... | central directory | [zip64 records]   | end record       |
 *   | 4.3.7        |          |     | 4.3.12            | 4.3.14, 4.3.15    | 4.3.16, at most  |
 *   |              |          |     |                   |                   | 65557 bytes      |
 *   +--------------+----------+-----+-------------------+-------------------+------------------+
 *
 * The central directory is what counts. Readers that go by the local headers may see other files in an archive that was
 * made to show each something else, so both have to agree; and nothing may lie over something else. All numbers are
 * little endian.
 */
#include "base/base.h"
#include "io/archive_internal.h"
#include "io/io.h"

enum {
  LOCAL_SIZE = 30,
  CENTRAL_SIZE = 46,
  END_SIZE = 22,
  END64_SIZE = 56,
  LOCATOR_SIZE = 20,
  MAX_COMMENT = 0xFFFF,
  ZIP64_EXTRA = 1 /* 4.5.3 */
};

/* General purpose flags, 4.4.4. */
enum { FLAG_ENCRYPTED = 1 << 0, FLAG_DESCRIPTOR = 1 << 3, FLAG_STRONG = 1 << 6, FLAG_MASKED = 1 << 13 };

/* Deflate codes at most 258 bytes in 2 bits: RFC 1951, 3.2.5. */
enum { MAX_RATIO = 258 * 8 / 2 };

static const uint32_t no32 = UINT32_MAX; /* the number is in the zip64 records */

typedef struct end_record {
  uint64_t n_members, directory_offset, directory_size;
  uint64_t offset; /* of this record, or of its zip64 form */
} end_record;

typedef struct zip_member {
  sm_archive_member *member;
  const uint8_t *central; /* its entry of the directory */
  uint16_t flags;
  uint64_t end; /* behind its contents and their descriptor */
} zip_member;

typedef struct zip_reader {
  sm_archive *archive;
  const sm_archive_source *source;
  end_record end;
  const uint8_t *directory;
  zip_member *members; /* end.n_members */
} zip_reader;

static uint16_t read16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
static uint32_t read32(const uint8_t *p) { return read16(p) | (uint32_t)read16(p + 2) << 16; }
static uint64_t read64(const uint8_t *p) { return read32(p) | (uint64_t)read32(p + 4) << 32; }

static sm_status fail(const zip_reader *reader, sm_status code, uint64_t offset, const char *fault, sm_error *err) {
  return sm_fail_at(err, code, offset, "%.200s: at byte %llu: %s", reader->source->name, (unsigned long long)offset,
                    fault);
}

static sm_status fail_member(const zip_reader *reader, const zip_member *m, const char *fault, sm_error *err) {
  return sm_fail_at(err, SM_DATA_LOSS, m->member->header_offset, "%.200s: member %.150s: %s", reader->source->name,
                    m->member->path, fault);
}

/* ---- End records ---- */

/* The end record is the last thing that ends, with its comment, where the archive ends. */
static sm_status find_end(uint64_t *offset, uint8_t record[END_SIZE], const zip_reader *reader, uint8_t *buffer,
                          size_t size, sm_error *err) {
  uint64_t start = reader->source->size - size;
  const uint8_t *tail;
  SM_TRY(sm_archive_peek(&tail, reader->source, start, size, buffer, "the end record", err));
  for (size_t comment = 0; size >= END_SIZE && comment <= size - END_SIZE; comment++) {
    size_t at = size - END_SIZE - comment;
    if (memcmp(tail + at, "PK\5\6", 4) != 0 || read16(tail + at + 20) != comment) continue;
    *offset = start + at;
    memcpy(record, tail + at, END_SIZE);
    return SM_OK;
  }
  return SM_FAIL(err, SM_DATA_LOSS, "%.200s: begins as a zip archive, but has no end record", reader->source->name);
}

static sm_status read_end64(zip_reader *reader, const uint8_t locator[LOCATOR_SIZE], uint64_t locator_offset,
                            sm_error *err) {
  uint64_t offset = read64(locator + 8);
  uint8_t buffer[END64_SIZE];
  const uint8_t *record;
  SM_TRY(sm_archive_peek(&record, reader->source, offset, END64_SIZE, buffer, "the zip64 end record", err));
  uint64_t size = read64(record + 4); /* of what follows these twelve bytes */
  if (memcmp(record, "PK\6\6", 4) != 0 || offset > locator_offset || locator_offset - offset < 12 ||
      size != locator_offset - offset - 12 || size < END64_SIZE - 12)
    return fail(reader, SM_DATA_LOSS, offset, "no zip64 end record where its locator says", err);
  if (read32(locator + 4) != 0 || read32(locator + 16) > 1 || read32(record + 16) != 0 || read32(record + 20) != 0)
    return fail(reader, SM_UNIMPLEMENTED, offset, "the archive is split over several files", err);
  if (read64(record + 24) != read64(record + 32))
    return fail(reader, SM_DATA_LOSS, offset, "two numbers of members", err);
  reader->end = (end_record){.n_members = read64(record + 32),
                             .directory_size = read64(record + 40),
                             .directory_offset = read64(record + 48),
                             .offset = offset};
  return SM_OK;
}

static sm_status use_end(zip_reader *reader, uint64_t offset, const uint8_t record[END_SIZE], sm_error *err) {
  uint8_t buffer[LOCATOR_SIZE];
  const uint8_t *locator;
  if (offset >= LOCATOR_SIZE) {
    SM_TRY(sm_archive_peek(&locator, reader->source, offset - LOCATOR_SIZE, LOCATOR_SIZE, buffer, "a locator", err));
    if (memcmp(locator, "PK\6\7", 4) == 0) return read_end64(reader, locator, offset - LOCATOR_SIZE, err);
  }
  if (read16(record + 4) != 0 || read16(record + 6) != 0)
    return fail(reader, SM_UNIMPLEMENTED, offset, "the archive is split over several files", err);
  if (read16(record + 8) != read16(record + 10))
    return fail(reader, SM_DATA_LOSS, offset, "two numbers of members", err);
  reader->end = (end_record){.n_members = read16(record + 10),
                             .directory_size = read32(record + 12),
                             .directory_offset = read32(record + 16),
                             .offset = offset};
  return SM_OK;
}

static sm_status check_end(const zip_reader *reader, sm_error *err) {
  const end_record *end = &reader->end;
  if (end->directory_offset > end->offset || end->directory_size != end->offset - end->directory_offset)
    return sm_fail_at(err, SM_DATA_LOSS, end->offset,
                      "%.200s: a directory of %llu bytes at byte %llu does not end at its end record at %llu",
                      reader->source->name, (unsigned long long)end->directory_size,
                      (unsigned long long)end->directory_offset, (unsigned long long)end->offset);
  if (end->n_members > end->directory_size / CENTRAL_SIZE)
    return sm_fail_at(err, SM_DATA_LOSS, end->offset, "%.200s: a directory of %llu bytes cannot name %llu members",
                      reader->source->name, (unsigned long long)end->directory_size,
                      (unsigned long long)end->n_members);
  return SM_OK;
}

static sm_status read_end(zip_reader *reader, sm_error *err) {
  uint64_t size = reader->source->size, offset = 0;
  uint8_t record[END_SIZE] = {0};
  size_t tail = size < END_SIZE + MAX_COMMENT ? (size_t)size : END_SIZE + MAX_COMMENT;
  uint8_t *buffer = NULL;
  if (reader->source->data == NULL) {
    buffer = sm_alloc(reader->archive->allocator, tail);
    if (buffer == NULL) return SM_FAIL_OOM(err, tail);
  }
  sm_status status = find_end(&offset, record, reader, buffer, tail, err);
  sm_free(reader->archive->allocator, buffer);
  SM_TRY(status);
  SM_TRY(use_end(reader, offset, record, err));
  return check_end(reader, err);
}

/* ---- The central directory ---- */

/* Takes the next number of the zip64 extra field, if value says that it is there. */
static bool take64(uint64_t *value, const uint8_t **extra, size_t *size) {
  if (*value != no32) return true;
  if (*size < 8) return false;
  *value = read64(*extra);
  *extra += 8;
  *size -= 8;
  return true;
}

/* Finds the zip64 field among the extra fields: *size 0 when there is none. False: they do not fit one another. */
static bool find_zip64(const uint8_t **field, size_t *field_size, const uint8_t *extra, size_t size) {
  *field = extra;
  *field_size = 0;
  while (size >= 4) {
    size_t n = read16(extra + 2);
    if (n > size - 4) return false;
    if (read16(extra) == ZIP64_EXTRA) {
      *field = extra + 4;
      *field_size = n;
      return true;
    }
    extra += 4 + n;
    size -= 4 + n;
  }
  return true; /* fewer than four bytes are left over by tools that align members */
}

static sm_file_kind kind_of(const uint8_t *central, sm_string name, bool *is_symlink) {
  enum { MADE_BY_UNIX = 3, TYPE_MASK = 0170000, REGULAR = 0100000, DIRECTORY = 0040000, LINK = 0120000 }; /* 4.4.2 */
  unsigned type = central[5] == MADE_BY_UNIX ? read32(central + 38) >> 16 & TYPE_MASK : 0;
  *is_symlink = type == LINK;
  if (name.size > 0 && name.data[name.size - 1] == '/') return SM_FILE_DIRECTORY;
  return type == 0 || type == REGULAR ? SM_FILE_REGULAR : type == DIRECTORY ? SM_FILE_DIRECTORY : SM_FILE_OTHER;
}

/* Sizes that cannot be: they would be found out when unpacking, but by then the memory would be asked for. */
static sm_status check_sizes(const zip_reader *reader, const zip_member *m, sm_error *err) {
  const sm_archive_member *member = m->member;
  if (member->is_encrypted) return SM_OK;
  if (member->packing == SM_PACKED_STORED && member->size != member->packed_size)
    return fail_member(reader, m, "is stored, but its two sizes differ", err);
  if (member->packing == SM_PACKED_DEFLATED && member->size / MAX_RATIO > member->packed_size)
    return sm_fail_at(err, SM_DATA_LOSS, member->header_offset,
                      "%.200s: member %.150s: %llu bytes cannot unpack to %llu, deflate makes at most %d of one",
                      reader->source->name, member->path, (unsigned long long)member->packed_size,
                      (unsigned long long)member->size, MAX_RATIO);
  return SM_OK;
}

/* One entry of the directory, at p, of which left bytes are there. *used: its size. */
static sm_status read_entry(size_t *used, zip_member *m, zip_reader *reader, const uint8_t *p, size_t left,
                            sm_error *err) {
  uint64_t offset = reader->end.offset - left;
  if (left < CENTRAL_SIZE || memcmp(p, "PK\1\2", 4) != 0)
    return fail(reader, SM_DATA_LOSS, offset, "no entry of the directory, though more are due", err);
  size_t name_size = read16(p + 28), extra_size = read16(p + 30), extra64_size;
  *used = CENTRAL_SIZE + name_size + extra_size + read16(p + 32);
  if (*used > left) return fail(reader, SM_DATA_LOSS, offset, "an entry reaches beyond the directory", err);
  sm_archive_member *member = m->member;
  sm_string name = {(const char *)p + CENTRAL_SIZE, name_size};
  const uint8_t *extra64;
  m->central = p;
  m->flags = read16(p + 8);
  member->header_offset = offset;
  SM_TRY(sm_archive_name(member, reader->archive, name, err));
  member->size = read32(p + 24);
  member->packed_size = read32(p + 20);
  member->header_offset = read32(p + 42);
  if (!find_zip64(&extra64, &extra64_size, p + CENTRAL_SIZE + name_size, extra_size) ||
      !take64(&member->size, &extra64, &extra64_size) || !take64(&member->packed_size, &extra64, &extra64_size) ||
      !take64(&member->header_offset, &extra64, &extra64_size))
    return fail_member(reader, m, "its extra fields are damaged, or a zip64 size is missing", err);
  if (read16(p + 34) != 0 && read16(p + 34) != UINT16_MAX)
    return fail(reader, SM_UNIMPLEMENTED, offset, "the archive is split over several files", err);
  member->kind = kind_of(p, name, &member->is_symlink);
  member->packing = read16(p + 10);
  member->crc32 = read32(p + 16);
  member->has_crc32 = true;
  member->is_encrypted = (m->flags & (FLAG_ENCRYPTED | FLAG_STRONG | FLAG_MASKED)) != 0;
  return check_sizes(reader, m, err);
}

static sm_status read_directory(zip_reader *reader, sm_error *err) {
  size_t left = (size_t)reader->end.directory_size, used = 0;
  const uint8_t *p = reader->directory;
  for (size_t i = 0; i < reader->end.n_members; i++, p += used, left -= used) {
    zip_member *m = &reader->members[i];
    m->member = sm_arena_new(&reader->archive->arena, sm_archive_member);
    if (m->member == NULL) return sm_arena_fail(&reader->archive->arena, sizeof *m->member, err);
    SM_TRY(read_entry(&used, m, reader, p, left, err));
  }
  if (left == 0) return SM_OK;
  return fail(reader, SM_DATA_LOSS, reader->end.offset - left, "bytes of the directory are left over", err);
}

/* ---- Local headers ---- */

/* 4.3.9: crc32 and sizes again, of 4 or 8 bytes, with or without a signature. 0: nothing of that kind is there. */
static size_t descriptor_size(const sm_archive_member *member, const uint8_t *p, size_t size) {
  for (unsigned form = 0; form < 4; form++) {
    size_t signature = form < 2 ? 4 : 0, width = form % 2 == 0 ? 4 : 8, total = signature + 4 + 2 * width;
    if (total > size || (signature != 0 && memcmp(p, "PK\7\10", 4) != 0)) continue;
    const uint8_t *sizes = p + signature + 4;
    uint64_t packed = width == 4 ? read32(sizes) : read64(sizes);
    uint64_t unpacked = width == 4 ? read32(sizes + 4) : read64(sizes + 8);
    if (read32(p + signature) == member->crc32 && packed == member->packed_size && unpacked == member->size)
      return total;
  }
  return 0;
}

static sm_status read_descriptor(zip_member *m, const zip_reader *reader, sm_error *err) {
  uint8_t buffer[24];
  const uint8_t *bytes;
  uint64_t left = reader->end.directory_offset - m->end;
  size_t n = left < sizeof buffer ? (size_t)left : sizeof buffer;
  SM_TRY(sm_archive_peek(&bytes, reader->source, m->end, n, buffer, "a data descriptor", err));
  size_t size = descriptor_size(m->member, bytes, n);
  if (size == 0) return fail_member(reader, m, "what follows its contents does not repeat its sizes and crc32", err);
  m->end += size;
  return SM_OK;
}

/* Sizes and crc32 of the local header, which are left to the descriptor when there is one. */
static sm_status compare_sizes(const zip_reader *reader, const zip_member *m, const uint8_t *local,
                               const uint8_t *extra, size_t extra_size, sm_error *err) {
  uint64_t size = read32(local + 22), packed_size = read32(local + 18);
  size_t extra64_size;
  const uint8_t *extra64;
  if ((m->flags & FLAG_DESCRIPTOR) != 0) return SM_OK;
  if (!find_zip64(&extra64, &extra64_size, extra, extra_size) || !take64(&size, &extra64, &extra64_size) ||
      !take64(&packed_size, &extra64, &extra64_size))
    return fail_member(reader, m, "the extra fields of its header are damaged", err);
  if (size != m->member->size || packed_size != m->member->packed_size || read32(local + 14) != m->member->crc32)
    return fail_member(reader, m, "the directory and its header give it other sizes or another crc32", err);
  return SM_OK;
}

/* Name and extra fields, behind the fixed part of the header. */
static sm_status compare_names(const zip_reader *reader, zip_member *m, const uint8_t *local, sm_error *err) {
  size_t name_size = read16(local + 26), extra_size = read16(local + 28), total = name_size + extra_size;
  const uint8_t *bytes;
  uint8_t *buffer = NULL;
  if (reader->source->data == NULL && (buffer = sm_alloc(reader->archive->allocator, total)) == NULL)
    return SM_FAIL_OOM(err, total);
  sm_status status = sm_archive_peek(&bytes, reader->source, m->member->header_offset + LOCAL_SIZE, total, buffer,
                                     "a member's header", err);
  if (status == SM_OK &&
      (name_size != read16(m->central + 28) || memcmp(bytes, m->central + CENTRAL_SIZE, name_size) != 0))
    status = fail_member(reader, m, "its header gives it another name than the directory", err);
  if (status == SM_OK) status = compare_sizes(reader, m, local, bytes + name_size, extra_size, err);
  sm_free(reader->archive->allocator, buffer);
  m->member->offset = m->member->header_offset + LOCAL_SIZE + total;
  return status;
}

static sm_status read_local(zip_member *m, const zip_reader *reader, sm_error *err) {
  const uint16_t compared = FLAG_ENCRYPTED | FLAG_DESCRIPTOR;
  sm_archive_member *member = m->member;
  uint8_t buffer[LOCAL_SIZE];
  const uint8_t *local;
  uint64_t limit = reader->end.directory_offset;
  if (limit < LOCAL_SIZE || member->header_offset > limit - LOCAL_SIZE)
    return fail_member(reader, m, "lies beyond the start of the directory", err);
  SM_TRY(sm_archive_peek(&local, reader->source, member->header_offset, LOCAL_SIZE, buffer, "a member's header", err));
  if (memcmp(local, "PK\3\4", 4) != 0) return fail_member(reader, m, "no header where the directory says", err);
  if (read16(local + 8) != member->packing || ((read16(local + 6) ^ m->flags) & compared) != 0)
    return fail_member(reader, m, "the directory and its header give it other flags or another compression", err);
  SM_TRY(compare_names(reader, m, local, err));
  if (member->offset > limit || member->packed_size > limit - member->offset)
    return fail_member(reader, m, "reaches into the directory", err);
  m->end = member->offset + member->packed_size;
  return (m->flags & FLAG_DESCRIPTOR) != 0 ? read_descriptor(m, reader, err) : SM_OK;
}

/* ---- All ---- */

static bool member_less(const void *a, const void *b) {
  return ((const zip_member *)a)->member->header_offset < ((const zip_member *)b)->member->header_offset;
}

/* In the order in which they lie: each begins where the one before it has ended, or later. */
static sm_status read_locals(zip_reader *reader, sm_error *err) {
  size_t n = (size_t)reader->end.n_members;
  sm_sort(reader->members, n, sizeof *reader->members, member_less);
  for (size_t i = 0; i < n; i++) {
    zip_member *m = &reader->members[i], *last = i > 0 ? m - 1 : NULL;
    if (last != NULL && m->member->header_offset < last->end)
      return sm_fail_at(err, SM_DATA_LOSS, m->member->header_offset,
                        "%.200s: member %.100s begins at byte %llu, inside member %.100s, which ends at %llu",
                        reader->source->name, m->member->path, (unsigned long long)m->member->header_offset,
                        last->member->path, (unsigned long long)last->end);
    SM_TRY(read_local(m, reader, err));
    SM_TRY(sm_archive_add(reader->archive, m->member, err));
  }
  return SM_OK;
}

static sm_status read_members(zip_reader *reader, uint8_t *buffer, sm_error *err) {
  const end_record *end = &reader->end;
  SM_TRY(sm_archive_peek(&reader->directory, reader->source, end->directory_offset, (size_t)end->directory_size, buffer,
                         "the directory", err));
  SM_TRY(read_directory(reader, err));
  return read_locals(reader, err);
}

/* The directory in memory, when it cannot be looked at in place, and the list of the members, are needed no longer than
 * this takes. */
sm_status sm_zip_index(sm_archive *archive, sm_error *err) {
  zip_reader reader = {.archive = archive, .source = &archive->source};
  const sm_allocator *allocator = archive->allocator;
  SM_TRY(read_end(&reader, err));
  uint64_t size = reader.end.directory_size;
  size_t list_size;
  if (size > archive->max_bytes || size > SIZE_MAX ||
      !sm_mul_size((size_t)reader.end.n_members, sizeof *reader.members, &list_size))
    return fail(&reader, SM_RESOURCE_EXHAUSTED, reader.end.directory_offset, "the directory is larger than max_bytes",
                err);
  uint8_t *buffer = archive->source.data == NULL ? sm_alloc(allocator, (size_t)size) : NULL;
  reader.members = sm_calloc(allocator, list_size);
  sm_status status;
  if (reader.members == NULL || (archive->source.data == NULL && buffer == NULL))
    status = SM_FAIL_OOM(err, list_size + (size_t)size);
  else
    status = read_members(&reader, buffer, err);
  sm_free(allocator, reader.members);
  sm_free(allocator, buffer);
  return status;
}
