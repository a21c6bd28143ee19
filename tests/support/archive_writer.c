#include "support/archive_writer.h"

#include "support/check.h"

void put16(uint8_t *p, uint16_t value) {
  p[0] = (uint8_t)value;
  p[1] = (uint8_t)(value >> 8);
}

void put32(uint8_t *p, uint32_t value) {
  put16(p, (uint16_t)value);
  put16(p + 2, (uint16_t)(value >> 16));
}

void put64(uint8_t *p, uint64_t value) {
  put32(p, (uint32_t)value);
  put32(p + 4, (uint32_t)(value >> 32));
}

/* ---- tar ---- */

void tar_sign(w_buffer *w, size_t offset) {
  unsigned sum = 0;
  char *header = (char *)w->data + offset;
  memset(header + 148, ' ', 8);
  for (size_t i = 0; i < 512; i++) sum += (uint8_t)header[i];
  snprintf(header + 148, 8, "%06o", sum);
}

size_t tar_add(w_buffer *w, tar_member member) {
  static const uint8_t zeros[512];
  /* Magic and version, eight bytes: a NUL and "00" in the first. */
  static const char *const magic[] = {[TAR_POSIX] = "ustar\00000", [TAR_GNU] = "ustar  ", [TAR_V7] = "\0\0\0\0\0\0\0"};
  char header[512] = {0};
  size_t at = w->size;
  memcpy(header, member.name, strlen(member.name) < 100 ? strlen(member.name) : 100);
  snprintf(header + 100, 8, "%07o", 0644u);
  snprintf(header + 124, 12, "%011llo", (unsigned long long)member.size);
  header[156] = member.type;
  memcpy(header + 257, magic[member.format], 8);
  if (member.prefix != NULL) memcpy(header + 345, member.prefix, strlen(member.prefix));
  w_raw(w, header, sizeof header);
  tar_sign(w, at);
  if (member.data != NULL) {
    w_raw(w, member.data, member.size);
    w_raw(w, zeros, (512 - member.size % 512) % 512);
  }
  return at;
}

size_t tar_add_text(w_buffer *w, const char *name, const char *text) {
  return tar_add(w, (tar_member){.name = name, .type = '0', .data = text, .size = strlen(text)});
}

void tar_end(w_buffer *w) {
  static const uint8_t zeros[1024];
  w_raw(w, zeros, sizeof zeros);
}

void pax_record(w_buffer *w, const char *key, const char *value) {
  size_t rest = strlen(key) + strlen(value) + 3, size = rest + 1; /* the length counts its own digits */
  char line[8192];
  while ((size_t)snprintf(line, sizeof line, "%zu %s=%s\n", size, key, value) != size) size++;
  w_raw(w, line, size);
}

/* ---- zip ---- */

uint32_t crc32_of(const void *data, size_t size) {
  const uint8_t *p = data;
  uint32_t crc = UINT32_MAX;
  for (size_t i = 0; i < size; i++) {
    crc ^= p[i];
    for (int bit = 0; bit < 8; bit++) crc = (crc & 1) != 0 ? crc >> 1 ^ 0xEDB88320u : crc >> 1;
  }
  return ~crc;
}

void deflate_stored(w_buffer *w, const void *data, size_t size) {
  const uint8_t *p = data;
  do {
    uint16_t n = size < 1000 ? (uint16_t)size : 1000;
    uint8_t head[5] = {n == size};
    put16(head + 1, n);
    put16(head + 3, (uint16_t)~n);
    w_raw(w, head, sizeof head);
    w_raw(w, p, n);
    p += n;
    size -= n;
  } while (size != 0);
}

/* The fields that both headers have in this order, from "version needed" to the size of the extra field. */
static void add_common(w_buffer *w, const zip_member *m, size_t packed_size, bool is_local) {
  uint8_t fields[26] = {0};
  bool left_out = is_local && (m->flags & ZIP_DESCRIPTOR) != 0;
  put16(fields, 45);
  put16(fields + 2, m->flags);
  put16(fields + 4, m->method);
  if (!left_out) {
    put32(fields + 10, crc32_of(m->data, m->size));
    put32(fields + 14, m->zip64 ? UINT32_MAX : (uint32_t)packed_size);
    put32(fields + 18, m->zip64 ? UINT32_MAX : (uint32_t)m->size);
  }
  put16(fields + 22, (uint16_t)strlen(m->name));
  put16(fields + 24, m->zip64 ? 4 + 5 + 4 + 16 : 0);
  w_raw(w, fields, sizeof fields);
}

/* A field that nobody knows, then the sizes. */
static void add_extra(w_buffer *w, const zip_member *m, size_t packed_size) {
  uint8_t extra[29] = {0xFE, 0xCA, 5, 0, 1, 2, 3, 4, 5, 1, 0, 16, 0};
  put64(extra + 13, m->size);
  put64(extra + 21, packed_size);
  if (m->zip64) w_raw(w, extra, sizeof extra);
}

void zip_add(zip_writer *z, zip_member m) {
  w_buffer packed = {0};
  uint8_t tail[14] = {0}, descriptor[24] = "PK\7\10";
  if (m.packed != NULL)
    w_raw(&packed, m.packed, m.packed_size);
  else if (m.method == 8)
    deflate_stored(&packed, m.data, m.size);
  else
    w_raw(&packed, m.data, m.size);
  z->local_at[z->n] = z->local.size;
  z->central_at[z->n++] = z->central.size;
  w_raw(&z->central, (const uint8_t[]){'P', 'K', 1, 2, 45, m.unix_mode != 0 ? 3 : 0}, 6);
  add_common(&z->central, &m, packed.size, false);
  put32(tail + 6, m.unix_mode << 16);
  put32(tail + 10, (uint32_t)z->local.size);
  w_raw(&z->central, tail, sizeof tail);
  w_raw(&z->central, m.name, strlen(m.name));
  add_extra(&z->central, &m, packed.size);
  w_raw(&z->local, "PK\3\4", 4);
  add_common(&z->local, &m, packed.size, true);
  w_raw(&z->local, m.name, strlen(m.name));
  add_extra(&z->local, &m, packed.size);
  w_raw(&z->local, packed.data, packed.size);
  put32(descriptor + 4, crc32_of(m.data, m.size));
  put32(descriptor + 8, (uint32_t)packed.size);
  put32(descriptor + 12, (uint32_t)m.size);
  if ((m.flags & ZIP_DESCRIPTOR) != 0) w_raw(&z->local, descriptor, 16);
  w_free(&packed);
}

void zip_add_text(zip_writer *z, const char *name, const char *text) {
  zip_add(z, (zip_member){.name = name, .data = text, .size = strlen(text)});
}

static void add_zip64_end(w_buffer *w, const zip_writer *z) {
  uint8_t end[56] = {'P', 'K', 6, 6}, locator[20] = {'P', 'K', 6, 7};
  put64(end + 4, 44);
  put16(end + 12, 45);
  put16(end + 14, 45);
  put64(end + 24, z->n);
  put64(end + 32, z->n);
  put64(end + 40, z->central.size);
  put64(end + 48, z->local.size);
  put64(locator + 8, w->size);
  put32(locator + 16, 1);
  w_raw(w, end, sizeof end);
  w_raw(w, locator, sizeof locator);
}

void zip_finish(w_buffer *w, zip_writer *z, bool with_zip64, const char *comment) {
  uint8_t end[22] = {'P', 'K', 5, 6};
  w_raw(w, z->local.data, z->local.size);
  w_raw(w, z->central.data, z->central.size);
  if (with_zip64) add_zip64_end(w, z);
  put16(end + 8, with_zip64 ? UINT16_MAX : (uint16_t)z->n);
  put16(end + 10, with_zip64 ? UINT16_MAX : (uint16_t)z->n);
  put32(end + 12, with_zip64 ? UINT32_MAX : (uint32_t)z->central.size);
  put32(end + 16, with_zip64 ? UINT32_MAX : (uint32_t)z->local.size);
  put16(end + 20, (uint16_t)strlen(comment));
  w_raw(w, end, sizeof end);
  w_raw(w, comment, strlen(comment));
  w_free(&z->local);
  w_free(&z->central);
  *z = (zip_writer){0};
}
