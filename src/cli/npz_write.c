#include <stdlib.h>
#include <string.h>

#include "cli/failure.h"
#include "cli/npy.h"
#include "cli/npz.h"

#ifdef SM_HAVE_ZLIB
#include <zlib.h>
#endif

/* Sizes and marks of a zip's records: PKWARE, APPNOTE.TXT 4.3.7, 4.3.12, 4.3.14 to 4.3.16, 4.5.3. */
enum {
  LOCAL_SIZE = 30,
  CENTRAL_SIZE = 46,
  END64_SIZE = 56,
  LOCATOR_SIZE = 20,
  END_SIZE = 22,
  ZIP64_EXTRA = 1,
  EXTRA_HEADER_SIZE = 4,
  MAX_NAME = 4000
};

enum {
  VERSION = 20,
  VERSION_ZIP64 = 45,
  MADE_BY_UNIX = 3 << 8,
  FLAG_UTF8 = 1 << 11,
  FIRST_DAY = 1 << 5 | 1, /* January 1 of 1980 */
  READABLE = 0100644      /* of all, as a Unix file's mode */
};

static const char suffix[] = ".npy";

typedef struct member {
  char name[MAX_NAME + sizeof suffix];
  uint64_t offset, size;
  uint32_t crc32;
} member;

/* ---- Records ---- */

static void put_number(text_buffer *to, uint64_t number, size_t n_bytes) {
  char bytes[8];
  for (size_t i = 0; i < n_bytes; i++, number >>= 8) bytes[i] = (char)(number & 0xFF);
  text_put(to, bytes, n_bytes);
}

static void put_16(text_buffer *to, uint64_t number) { put_number(to, number, 2); }

/* What does not fit is all ones here, and in the extra field that follows. */
static void put_32(text_buffer *to, uint64_t number) { put_number(to, number < UINT32_MAX ? number : UINT32_MAX, 4); }

static bool is_ascii(const char *name) {
  while ((unsigned char)*name - 1u < 0x7F) name++;
  return *name == '\0';
}

/* What local header and directory have in common: version to sizes. */
static void put_facts(text_buffer *to, const member *m, bool is_large) {
  put_16(to, is_large ? VERSION_ZIP64 : VERSION);
  put_16(to, is_ascii(m->name) ? 0 : FLAG_UTF8);
  put_16(to, 0); /* stored */
  put_16(to, 0);
  put_16(to, FIRST_DAY);
  put_number(to, m->crc32, 4);
  put_32(to, m->size);
  put_32(to, m->size);
  put_16(to, strlen(m->name));
}

static void put_local(text_buffer *to, const member *m) {
  bool is_large = m->size >= UINT32_MAX;
  text_put_string(to, "PK\3\4");
  put_facts(to, m, is_large);
  put_16(to, is_large ? EXTRA_HEADER_SIZE + 16 : 0);
  text_put_string(to, m->name);
  if (!is_large) return;
  put_16(to, ZIP64_EXTRA);
  put_16(to, 16);
  put_number(to, m->size, 8);
  put_number(to, m->size, 8);
}

static void put_central(text_buffer *to, const member *m) {
  bool is_large = m->size >= UINT32_MAX, is_far = m->offset >= UINT32_MAX;
  size_t extra = (is_large ? 16 : 0) + (is_far ? 8 : 0);
  text_put_string(to, "PK\1\2");
  put_16(to, MADE_BY_UNIX | (extra != 0 ? VERSION_ZIP64 : VERSION));
  put_facts(to, m, extra != 0);
  put_16(to, extra != 0 ? EXTRA_HEADER_SIZE + extra : 0);
  put_16(to, 0); /* comment */
  put_16(to, 0); /* disk */
  put_16(to, 0); /* internal attributes */
  put_number(to, (uint64_t)READABLE << 16, 4);
  put_32(to, m->offset);
  text_put_string(to, m->name);
  if (extra == 0) return;
  put_16(to, ZIP64_EXTRA);
  put_16(to, extra);
  if (is_large) put_number(to, m->size, 8);
  if (is_large) put_number(to, m->size, 8);
  if (is_far) put_number(to, m->offset, 8);
}

static void put_end(text_buffer *to, uint64_t n, uint64_t offset, uint64_t size) {
  if (n >= UINT16_MAX || offset >= UINT32_MAX || size >= UINT32_MAX) {
    text_put_string(to, "PK\6\6");
    put_number(to, END64_SIZE - 12, 8);
    put_16(to, MADE_BY_UNIX | VERSION_ZIP64);
    put_16(to, VERSION_ZIP64);
    put_number(to, 0, 8); /* disks */
    put_number(to, n, 8);
    put_number(to, n, 8);
    put_number(to, size, 8);
    put_number(to, offset, 8);
    text_put_string(to, "PK\6\7");
    put_number(to, 0, 4);
    put_number(to, offset + size, 8);
    put_number(to, 1, 4);
  }
  text_put_string(to, "PK\5\6");
  put_number(to, 0, 4); /* disks */
  put_16(to, n < UINT16_MAX ? n : UINT16_MAX);
  put_16(to, n < UINT16_MAX ? n : UINT16_MAX);
  put_32(to, size);
  put_32(to, offset);
  put_16(to, 0); /* comment */
}

/* ---- Members ---- */

/* A sink for what is to be written later: its size and checksum come before it. */
static sm_status measure(void *ctx, const void *data, size_t size, sm_error *err) {
  member *m = ctx;
  m->size += size;
#ifdef SM_HAVE_ZLIB
  (void)err;
  m->crc32 = (uint32_t)crc32_z(m->crc32, data, size);
  return SM_OK;
#else
  (void)data;
  return failure(err, SM_UNIMPLEMENTED, "npz files cannot be written: built without zlib");
#endif
}

static sm_status write_out(void *ctx, const void *data, size_t size, sm_error *err) {
  npz_writer *out = ctx;
  SM_TRY(out->sink(out->ctx, data, size, err));
  out->offset += size;
  return SM_OK;
}

static bool is_path(sm_string name) {
  size_t start = 0;
  if (name.size == 0 || name.size > MAX_NAME || memchr(name.data, '\0', name.size) != NULL) return false;
  for (size_t i = 0; i <= name.size; i++) {
    if (i < name.size && name.data[i] != '/') continue;
    const char *part = name.data + start;
    size_t size = i - start;
    if (size == 0 || (size == 1 && part[0] == '.') || (size == 2 && part[0] == '.' && part[1] == '.')) return false;
    start = i + 1;
  }
  return true;
}

static sm_status write_header(npz_writer *out, const member *m, sm_error *err) {
  text_buffer header = {.data = NULL};
  put_local(&header, m);
  sm_status status = header.is_short ? failure_no_memory(err) : write_out(out, header.data, header.size, err);
  text_free(&header);
  return status;
}

void npz_writer_begin(npz_writer *out, sm_sink_fn sink, void *ctx) { *out = (npz_writer){.sink = sink, .ctx = ctx}; }

sm_status npz_writer_add(npz_writer *out, sm_string name, const sm_tensor_view *view, sm_error *err) {
  member m = {.offset = out->offset};
  if (!is_path(name) || !text_is_utf8(name.data, name.size))
    return failure(err, SM_INVALID_ARGUMENT, "an npz file cannot hold an array named '%.*s'",
                   name.size < 200 ? (int)name.size : 200, name.data);
  memcpy(m.name, name.data, name.size);
  memcpy(m.name + name.size, suffix, sizeof suffix);
  SM_TRY(npy_write(view, true, measure, &m, err));
  SM_TRY(write_header(out, &m, err));
  SM_TRY(npy_write(view, true, write_out, out, err));
  put_central(&out->directory, &m);
  out->n++;
  return out->directory.is_short ? failure_no_memory(err) : SM_OK;
}

/* ---- The end ---- */

static size_t get_16(const char *p) { return (size_t)(unsigned char)p[0] | (size_t)(unsigned char)p[1] << 8; }

static int compare_names(const void *a, const void *b) {
  return text_compare(*(const sm_string *)a, *(const sm_string *)b);
}

/* Names that no other file can be below of, or beside. */
static sm_status check_names(sm_string *names, size_t n, sm_error *err) {
  qsort(names, n, sizeof *names, compare_names);
  for (size_t i = 0; i < n; i++) {
    bool is_taken = i > 0 && compare_names(&names[i - 1], &names[i]) == 0;
    for (size_t end = 1; end < names[i].size && !is_taken; end++) {
      sm_string parent = {names[i].data, end};
      is_taken = names[i].data[end] == '/' && bsearch(&parent, names, n, sizeof *names, compare_names) != NULL;
    }
    if (is_taken)
      return failure(err, SM_INVALID_ARGUMENT, "two arrays of an npz file would both be '%.*s'",
                     names[i].size < 200 ? (int)names[i].size : 200, names[i].data);
  }
  return SM_OK;
}

static sm_status check_directory(const npz_writer *in, sm_error *err) {
  if (in->n == 0) return SM_OK;
  size_t n = (size_t)in->n;
  sm_string *names = malloc(n * sizeof *names);
  if (names == NULL) return failure_no_memory(err);
  const char *p = in->directory.data;
  for (size_t i = 0; i < n; i++) {
    names[i] = (sm_string){p + CENTRAL_SIZE, get_16(p + 28)};
    p += CENTRAL_SIZE + names[i].size + get_16(p + 30);
  }
  sm_status status = check_names(names, n, err);
  free(names);
  return status;
}

sm_status npz_writer_finish(npz_writer *out, sm_error *err) {
  SM_TRY(check_directory(out, err));
  uint64_t size = out->directory.size;
  put_end(&out->directory, out->n, out->offset, size);
  if (out->directory.is_short) return failure_no_memory(err);
  return write_out(out, out->directory.data, out->directory.size, err);
}

void npz_writer_free(npz_writer *out) { text_free(&out->directory); }
