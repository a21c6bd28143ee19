/*
 * The members of a tar archive: POSIX.1-2017 pax, "ustar Interchange Format" and "pax Interchange Format"; GNU tar
 * manual, "Basic Tar Format"; Unix V7.
 *
 *   +-----------+------------------------+-----------+-----------------+-----+-------+-------+
 *   | header    | file, padded with      | header    | PAX records or  | ... | zeros | zeros |
 *   | 512 bytes | zeros to blocks of 512 | type x, L | a long name     |     |       |       |
 *   +-----------+------------------------+-----------+-----------------+-----+-------+-------+
 *
 * A header of type x or L says of the next one what has no room in it. Archives end with two blocks of zeros; one is
 * taken for the end too, as by other readers. Nothing else tells a whole archive from a truncated one.
 */
#include "base/base.h"
#include "io/archive_internal.h"
#include "io/io.h"

/* Where the fields of a header lie. */
enum {
  BLOCK = 512,
  NAME = 0,
  NAME_SIZE = 100,
  SIZE = 124,
  SIZE_SIZE = 12,
  CHECKSUM = 148,
  CHECKSUM_SIZE = 8,
  TYPE = 156,
  MAGIC = 257,
  PREFIX = 345,
  PREFIX_SIZE = 155
};

/* More than anybody writes, little enough to be held in memory. */
enum { MAX_PAX_SIZE = 1 << 20 };

typedef struct tar_reader {
  sm_archive *archive;
  const sm_archive_source *source;
  uint64_t offset; /* of the next header */
  uint64_t header_offset;
  /* What x and L said of the next member. */
  bool has_name, has_size;
  size_t name_size;
  uint64_t size;
  char name[SM_PATH_MAX];
} tar_reader;

/* ---- Fields ---- */

/* Octal digits, spaces before and behind; or, the first bit set, a binary number (GNU). False: neither, too large. */
static bool read_number(uint64_t *out, const uint8_t *field, size_t size) {
  uint64_t value = 0;
  size_t i = 0;
  *out = 0;
  if ((field[0] & 0x80) != 0) {
    if (field[0] != 0x80) return false; /* negative, or more than 88 bits */
    for (i = 1; i < size; i++) {
      if (value >> 55 != 0) return false;
      value = value << 8 | field[i];
    }
    *out = value;
    return true;
  }
  while (i < size && field[i] == ' ') i++;
  for (; i < size && field[i] >= '0' && field[i] <= '7'; i++) value = value << 3 | (unsigned)(field[i] - '0');
  *out = value; /* twelve digits have 36 bits */
  for (; i < size; i++)
    if (field[i] != ' ' && field[i] != '\0') return false;
  return true;
}

/* The sum of all bytes, those of the checksum taken for spaces. Some old writers took bytes for signed. */
static bool has_checksum(const uint8_t block[BLOCK]) {
  uint64_t wanted;
  uint32_t as_unsigned = 0, as_signed = 0; /* modulo 2^32 */
  if (!read_number(&wanted, block + CHECKSUM, CHECKSUM_SIZE)) return false;
  for (size_t i = 0; i < BLOCK; i++) {
    uint8_t byte = i >= CHECKSUM && i < CHECKSUM + CHECKSUM_SIZE ? ' ' : block[i];
    as_unsigned += byte;
    as_signed += byte < 0x80 ? byte : byte - 0x100u;
  }
  return wanted == as_unsigned || wanted == as_signed;
}

static bool is_zero(const uint8_t block[BLOCK]) {
  for (size_t i = 0; i < BLOCK; i++)
    if (block[i] != 0) return false;
  return true;
}

bool sm_tar_is_block(const uint8_t block[512]) { return is_zero(block) || has_checksum(block); }

static size_t text_size(const uint8_t *field, size_t size) {
  const uint8_t *end = memchr(field, '\0', size);
  return end != NULL ? (size_t)(end - field) : size;
}

/* prefix + "/" + name into dst, which has room for both. Only POSIX has a prefix: "ustar" and a NUL. */
static size_t join_name(char *dst, const uint8_t block[BLOCK]) {
  size_t used = 0, size = text_size(block + NAME, NAME_SIZE);
  if (memcmp(block + MAGIC, "ustar", 6) == 0) used = text_size(block + PREFIX, PREFIX_SIZE);
  memcpy(dst, block + PREFIX, used);
  if (used != 0) dst[used++] = '/';
  memcpy(dst + used, block + NAME, size);
  return used + size;
}

static sm_status fail(const tar_reader *reader, sm_status code, const char *fault, sm_error *err) {
  return sm_fail_at(err, code, reader->header_offset, "%.200s: header at byte %llu: %s", reader->source->name,
                    (unsigned long long)reader->header_offset, fault);
}

/* ---- What is said of the next member ---- */

static sm_status set_name(tar_reader *reader, const char *name, size_t size, sm_error *err) {
  while (size > 0 && name[size - 1] == '\0') size--; /* L counts a NUL */
  if (size >= sizeof reader->name) return fail(reader, SM_DATA_LOSS, "the name it gives the next one is too long", err);
  memcpy(reader->name, name, size);
  reader->name_size = size;
  reader->has_name = true;
  return SM_OK;
}

static bool read_decimal(uint64_t *out, const char *digits, size_t size) {
  uint64_t value = 0;
  for (size_t i = 0; i < size; i++) {
    if (digits[i] < '0' || digits[i] > '9' || value > (UINT64_MAX - 9) / 10) return false;
    value = 10 * value + (unsigned)(digits[i] - '0');
  }
  *out = value;
  return size > 0;
}

static bool is_key(const char *key, size_t size, const char *wanted) {
  return strlen(wanted) == size && memcmp(key, wanted, size) == 0;
}

static sm_status use_pax_record(tar_reader *reader, const char *key, size_t key_size, const char *value,
                                size_t value_size, sm_error *err) {
  static const char sparse[] = "GNU.sparse.";
  if (is_key(key, key_size, "path")) return set_name(reader, value, value_size, err);
  if (key_size >= sizeof sparse - 1 && memcmp(key, sparse, sizeof sparse - 1) == 0)
    return fail(reader, SM_UNIMPLEMENTED, "the next member is sparse, which is not read", err);
  if (!is_key(key, key_size, "size")) return SM_OK;
  reader->has_size = read_decimal(&reader->size, value, value_size);
  return reader->has_size ? SM_OK : fail(reader, SM_DATA_LOSS, "a PAX record says size, but no number", err);
}

/* Records "LENGTH KEY=VALUE\n"; the length counts all of it. */
static sm_status read_pax_records(tar_reader *reader, const char *records, size_t size, sm_error *err) {
  const char fault[] = "a PAX record that is not 'LENGTH KEY=VALUE'";
  for (size_t at = 0; at < size;) {
    const char *record = records + at, *space = memchr(record, ' ', size - at);
    uint64_t length;
    if (space == NULL || !read_decimal(&length, record, (size_t)(space - record)))
      return fail(reader, SM_DATA_LOSS, fault, err);
    const char *key = space + 1;
    if (length > size - at || length < (size_t)(key - record) + 2 || record[length - 1] != '\n')
      return fail(reader, SM_DATA_LOSS, fault, err);
    const char *end = record + length - 1, *equals = memchr(key, '=', (size_t)(end - key));
    if (equals == NULL) return fail(reader, SM_DATA_LOSS, fault, err);
    SM_TRY(use_pax_record(reader, key, (size_t)(equals - key), equals + 1, (size_t)(end - equals - 1), err));
    at += (size_t)length;
  }
  return SM_OK;
}

/* The size bytes behind a header of type x, g or L. */
static sm_status read_extension(tar_reader *reader, char type, uint64_t size, sm_error *err) {
  const uint8_t *bytes;
  void *buffer = NULL;
  if (size > MAX_PAX_SIZE) return fail(reader, SM_RESOURCE_EXHAUSTED, "an extended header of more than 1 MiB", err);
  if (reader->source->data == NULL) {
    buffer = sm_alloc(reader->archive->allocator, (size_t)size);
    if (buffer == NULL) return SM_FAIL_OOM(err, size);
  }
  sm_status status =
      sm_archive_peek(&bytes, reader->source, reader->offset, (size_t)size, buffer, "an extended header", err);
  if (status == SM_OK && type == 'L') status = set_name(reader, (const char *)bytes, (size_t)size, err);
  if (status == SM_OK && type != 'L') status = read_pax_records(reader, (const char *)bytes, (size_t)size, err);
  sm_free(reader->archive->allocator, buffer);
  if (status == SM_OK && type == 'g' && (reader->has_name || reader->has_size))
    status = fail(reader, SM_UNIMPLEMENTED, "one path or size for all members that follow", err);
  return status;
}

/* ---- Members ---- */

/* Types that are followed by contents; links, devices and directories are not, whatever size they give. */
static bool has_contents(char type) { return type == '\0' || type == '0' || type < '1' || type > '6'; }

static sm_file_kind kind_of(char type, sm_string name) {
  if (type == '5' || (type == '\0' && name.size > 0 && name.data[name.size - 1] == '/'))
    return SM_FILE_DIRECTORY; /* V7 */
  return type == '\0' || type == '0' || type == '7' ? SM_FILE_REGULAR : SM_FILE_OTHER;
}

static sm_status add_member(tar_reader *reader, const uint8_t block[BLOCK], uint64_t size, sm_error *err) {
  char own[PREFIX_SIZE + 1 + NAME_SIZE];
  char type = (char)block[TYPE];
  sm_string name = {reader->name, reader->name_size};
  if (!reader->has_name) name = (sm_string){own, join_name(own, block)};
  sm_archive_member *member = sm_arena_new(&reader->archive->arena, sm_archive_member);
  if (member == NULL) return sm_arena_fail(&reader->archive->arena, sizeof *member, err);
  member->header_offset = reader->header_offset;
  member->offset = reader->offset;
  member->packed_size = member->size = size;
  member->kind = kind_of(type, name);
  member->is_symlink = type == '1' || type == '2';
  SM_TRY(sm_archive_name(member, reader->archive, name, err));
  return sm_archive_add(reader->archive, member, err);
}

/* Moves over size bytes of contents and what pads them. */
static sm_status skip_contents(tar_reader *reader, uint64_t size, sm_error *err) {
  uint64_t left = reader->source->size - reader->offset, padding = (BLOCK - size % BLOCK) % BLOCK;
  if (size > left || padding > left - size)
    return sm_fail_at(err, SM_DATA_LOSS, reader->header_offset,
                      "%.200s: header at byte %llu: %llu bytes follow, but the archive ends after %llu",
                      reader->source->name, (unsigned long long)reader->header_offset, (unsigned long long)size,
                      (unsigned long long)left);
  reader->offset += size + padding;
  return SM_OK;
}

static sm_status read_header(tar_reader *reader, const uint8_t block[BLOCK], sm_error *err) {
  char type = (char)block[TYPE];
  uint64_t size;
  if (!has_checksum(block)) return fail(reader, SM_DATA_LOSS, "the checksum does not fit", err);
  if (!read_number(&size, block + SIZE, SIZE_SIZE))
    return fail(reader, SM_DATA_LOSS, "no number where the size is", err);
  if (type == 'S') return fail(reader, SM_UNIMPLEMENTED, "the member is sparse, which is not read", err);
  if (type == 'M') return fail(reader, SM_UNIMPLEMENTED, "the member began in another archive", err);
  bool is_extension = type == 'x' || type == 'g' || type == 'L' || type == 'K';
  if (!is_extension) {
    if (reader->has_size) size = reader->size;
    SM_TRY(add_member(reader, block, size, err));
    reader->has_name = reader->has_size = false;
  } else if (type != 'K') { /* K: where a link leads */
    SM_TRY(read_extension(reader, type, size, err));
  }
  return has_contents(type) ? skip_contents(reader, size, err) : SM_OK;
}

sm_status sm_tar_index(sm_archive *archive, sm_error *err) {
  tar_reader reader = {.archive = archive, .source = &archive->source};
  for (;;) {
    uint8_t buffer[BLOCK];
    const uint8_t *block;
    reader.header_offset = reader.offset;
    SM_TRY(sm_archive_peek(&block, reader.source, reader.offset, BLOCK, buffer, "a header or the block that ends it",
                           err));
    reader.offset += BLOCK;
    if (!is_zero(block)) {
      SM_TRY(read_header(&reader, block, err));
    } else if (reader.has_name || reader.has_size) {
      return fail(&reader, SM_DATA_LOSS, "the archive ends where the member of an extended header is due", err);
    } else {
      return SM_OK;
    }
  }
}
