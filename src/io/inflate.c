/* What zlib does for archives; without it (SM_HAVE_ZLIB not defined) what is compressed is refused. */
#ifdef SM_HAVE_ZLIB
#include <zlib.h>
#endif

#include "base/base.h"
#include "io/archive_internal.h"

#ifdef SM_HAVE_ZLIB

enum { LARGEST_STEP = 1 << 30, RAW = -MAX_WBITS, GZIP = MAX_WBITS + 16, SMALLEST_TAR = 1024 };

/* Packed bytes on their way to zlib. */
typedef struct inflater {
  z_stream z;
  const sm_archive *archive;
  const char *member;    /* NULL: all of a .tar.gz */
  uint64_t offset, left; /* of what zlib has not got yet */
  bool ended;
  uint8_t buffer[16384];
} inflater;

static void *zlib_alloc(void *allocator, uInt count, uInt size) {
  size_t total;
  return sm_mul_size(count, size, &total) ? sm_alloc(allocator, total) : NULL;
}

static void zlib_free(void *allocator, void *block) { sm_free(allocator, block); }

static sm_status fail(const inflater *in, const char *fault, sm_error *err) {
  uint64_t at = in->offset - in->z.avail_in;
  const char *of_member = in->member != NULL ? ": member " : "", *member = in->member != NULL ? in->member : "";
  return sm_fail_at(err, SM_DATA_LOSS, at, "%.200s%s%.150s: compressed data before byte %llu: %s",
                    in->archive->source.name, of_member, member, (unsigned long long)at, fault);
}

static sm_status start(inflater *in, const sm_archive *archive, const char *member, int format, sm_error *err) {
  in->z = (z_stream){.zalloc = zlib_alloc, .zfree = zlib_free, .opaque = (void *)(uintptr_t)archive->allocator};
  in->archive = archive;
  in->member = member;
  in->ended = false;
  int result = inflateInit2(&in->z, format);
  return result == Z_OK ? SM_OK : SM_FAIL(err, SM_RESOURCE_EXHAUSTED, "no memory for zlib");
}

/* Gives zlib bytes when it has none, as long as there are any. */
static sm_status feed(inflater *in, sm_error *err) {
  if (in->z.avail_in != 0 || in->left == 0) return SM_OK;
  const sm_archive_source *source = &in->archive->source;
  uint64_t most = source->data != NULL ? LARGEST_STEP : sizeof in->buffer;
  size_t n = (size_t)(in->left < most ? in->left : most);
  const uint8_t *bytes;
  SM_TRY(sm_archive_peek(&bytes, source, in->offset, n, in->buffer, "compressed data", err));
  in->z.next_in = (z_const Bytef *)(uintptr_t)bytes;
  in->z.avail_in = (uInt)n;
  in->offset += n;
  in->left -= n;
  return SM_OK;
}

/* Fills dst as far as the data reach, but not more than LARGEST_STEP at a time. */
static sm_status step(size_t *made, inflater *in, uint8_t *dst, size_t dst_size, sm_error *err) {
  uInt room = dst_size < LARGEST_STEP ? (uInt)dst_size : LARGEST_STEP;
  in->z.next_out = dst;
  in->z.avail_out = room;
  while (in->z.avail_out != 0 && !in->ended) {
    SM_TRY(feed(in, err));
    if (in->z.avail_in == 0) return fail(in, "they end before their end mark", err);
    int result = inflate(&in->z, Z_NO_FLUSH);
    if (result == Z_MEM_ERROR) return SM_FAIL(err, SM_RESOURCE_EXHAUSTED, "no memory for zlib");
    if (result == Z_NEED_DICT) return fail(in, "they need a dictionary", err);
    if (result != Z_OK && result != Z_STREAM_END) return fail(in, in->z.msg != NULL ? in->z.msg : "damaged", err);
    in->ended = result == Z_STREAM_END;
  }
  *made = room - in->z.avail_out;
  return SM_OK;
}

/* ---- A member of a zip ---- */

static sm_status inflate_exactly(inflater *in, uint8_t *dst, size_t size, sm_error *err) {
  size_t done = 0, made;
  uint8_t beyond;
  for (; done < size && !in->ended; done += made) SM_TRY(step(&made, in, dst + done, size - done, err));
  if (done < size)
    return sm_fail_at(err, SM_DATA_LOSS, in->offset, "%.200s: member %.150s: unpacks to %zu bytes, %zu are due",
                      in->archive->source.name, in->member, done, size);
  SM_TRY(step(&made, in, &beyond, 1, err)); /* only the end mark is left, or nothing */
  if (made != 0)
    return sm_fail_at(err, SM_DATA_LOSS, in->offset, "%.200s: member %.150s: unpacks to more than the %zu bytes due",
                      in->archive->source.name, in->member, size);
  return in->left + in->z.avail_in == 0 ? SM_OK : fail(in, "bytes follow their end mark", err);
}

sm_status sm_inflate_member(uint8_t *dst, const sm_archive *archive, const sm_archive_member *member, sm_error *err) {
  inflater in;
  in.offset = member->offset;
  in.left = member->packed_size;
  SM_TRY(start(&in, archive, member->path, RAW, err));
  sm_status status = inflate_exactly(&in, dst, (size_t)member->size, err);
  (void)inflateEnd(&in.z);
  return status;
}

uint32_t sm_crc32(uint32_t crc, const void *data, size_t size) { return (uint32_t)crc32_z(crc, data, size); }

/* ---- A whole .tar.gz ---- */

typedef struct growing {
  const sm_allocator *allocator;
  uint8_t *data;
  size_t size, capacity;
} growing;

/* One byte more than what is let in: a file that has just that many bytes shows its end. */
static sm_status grow(growing *to, uint64_t wanted, const sm_archive *archive, sm_error *err) {
  uint64_t limit = archive->max_bytes < SIZE_MAX ? archive->max_bytes : SIZE_MAX - 1;
  if (to->size > limit)
    return SM_FAIL(err, SM_RESOURCE_EXHAUSTED, "%.200s: more than %llu bytes when unpacked (max_bytes)",
                   archive->source.name, (unsigned long long)limit);
  size_t capacity = (size_t)(wanted < limit ? wanted : limit) + 1;
  uint8_t *data = sm_realloc(to->allocator, to->data, capacity);
  if (data == NULL) return SM_FAIL_OOM(err, capacity);
  to->data = data;
  to->capacity = capacity;
  return SM_OK;
}

/* RFC 1952, 2.3.1: a gzip file ends with its size modulo 2^32. A first guess, for which nothing is allocated that the
 * compressed size does not make likely. */
static sm_status guess_size(uint64_t *guess, const sm_archive_source *source, sm_error *err) {
  uint8_t buffer[4];
  const uint8_t *p;
  *guess = SMALLEST_TAR;
  if (source->size < sizeof buffer) return SM_OK;
  SM_TRY(sm_archive_peek(&p, source, source->size - 4, sizeof buffer, buffer, "the size of what it unpacks to", err));
  uint64_t size = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
  if (size > *guess && size / 64 < source->size) *guess = size;
  return SM_OK;
}

/* Behind the end of one: another one, or zeros up to the end of the file. */
static sm_status go_on(bool *is_done, inflater *in, sm_error *err) {
  SM_TRY(feed(in, err));
  *is_done = false;
  if (in->z.avail_in != 0 && *in->z.next_in != 0) {
    in->ended = false;
    return inflateReset(&in->z) == Z_OK ? SM_OK : fail(in, "damaged", err);
  }
  while (in->z.avail_in != 0) {
    if (*in->z.next_in != 0) return fail(in, "something follows that is not compressed", err);
    in->z.next_in++;
    in->z.avail_in--;
    SM_TRY(feed(in, err));
  }
  *is_done = true;
  return SM_OK;
}

static sm_status unpack_all(growing *to, inflater *in, sm_error *err) {
  size_t made;
  uint64_t guess;
  SM_TRY(guess_size(&guess, &in->archive->source, err));
  SM_TRY(grow(to, guess, in->archive, err));
  for (bool is_done = false; !is_done;) {
    if (to->size == to->capacity) SM_TRY(grow(to, 2 * (uint64_t)to->capacity, in->archive, err));
    SM_TRY(step(&made, in, to->data + to->size, to->capacity - to->size, err));
    to->size += made;
    if (in->ended) SM_TRY(go_on(&is_done, in, err));
  }
  return SM_OK;
}

sm_status sm_gunzip(uint8_t **out, size_t *size, const sm_archive *archive, sm_error *err) {
  inflater in;
  growing to = {.allocator = archive->allocator};
  in.offset = 0;
  in.left = archive->source.size;
  SM_TRY(start(&in, archive, NULL, GZIP, err));
  sm_status status = unpack_all(&to, &in, err);
  (void)inflateEnd(&in.z);
  if (status == SM_OK && to.size > archive->max_bytes) status = grow(&to, 0, archive, err);
  if (status != SM_OK) {
    sm_free(to.allocator, to.data);
    return status;
  }
  *out = to.data;
  *size = to.size;
  return SM_OK;
}

#else

sm_status sm_inflate_member(uint8_t *dst, const sm_archive *archive, const sm_archive_member *member, sm_error *err) {
  (void)dst;
  return sm_fail_at(err, SM_UNIMPLEMENTED, member->header_offset,
                    "%.200s: member %.150s is compressed, and this library was built without zlib",
                    archive->source.name, member->path);
}

sm_status sm_gunzip(uint8_t **out, size_t *size, const sm_archive *archive, sm_error *err) {
  (void)out;
  (void)size;
  return SM_FAIL(err, SM_UNIMPLEMENTED, "%.200s: compressed with gzip, and this library was built without zlib",
                 archive->source.name);
}

/* ISO 3309, bits reversed, four of them at a time. */
uint32_t sm_crc32(uint32_t crc, const void *data, size_t size) {
  static const uint32_t table[16] = {0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4,
                                     0x4DB26158, 0x5005713C, 0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C,
                                     0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C};
  const uint8_t *p = data;
  crc = ~crc;
  for (size_t i = 0; i < size; i++) {
    crc ^= p[i];
    crc = crc >> 4 ^ table[crc & 15];
    crc = crc >> 4 ^ table[crc & 15];
  }
  return ~crc;
}

#endif
