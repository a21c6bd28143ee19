/* The form for any machine, the choice of one, and joining. crc32c_internal.h has the arithmetic. */
#include "codec/crc32c.h"

#include <stdatomic.h>
#include <string.h>

#include "codec/crc32c_internal.h"

/* ---- Eight bytes at a time, from tables ---- */

/*
 * Row n, entry b: what byte b leaves in the register after n zero bytes more. That is the sum of what its bits leave,
 * which are 64 powers of x that follow each other, from x^32 (bit 7, n = 0) to x^95 (bit 0, n = 7). SUMS_n lists the
 * sums of n of them, in the order of b.
 */
#define SUMS_1(s, p0) (s), (s) ^ (p0)
#define SUMS_2(s, p1, p0) SUMS_1(s, p0), SUMS_1((s) ^ (p1), p0)
#define SUMS_3(s, p2, p1, p0) SUMS_2(s, p1, p0), SUMS_2((s) ^ (p2), p1, p0)
#define SUMS_4(s, p3, p2, p1, p0) SUMS_3(s, p2, p1, p0), SUMS_3((s) ^ (p3), p2, p1, p0)
#define SUMS_5(s, p4, p3, p2, p1, p0) SUMS_4(s, p3, p2, p1, p0), SUMS_4((s) ^ (p4), p3, p2, p1, p0)
#define SUMS_6(s, p5, p4, p3, p2, p1, p0) SUMS_5(s, p4, p3, p2, p1, p0), SUMS_5((s) ^ (p5), p4, p3, p2, p1, p0)
#define SUMS_7(s, p6, p5, p4, p3, p2, p1, p0) \
  SUMS_6(s, p5, p4, p3, p2, p1, p0), SUMS_6((s) ^ (p6), p5, p4, p3, p2, p1, p0)
#define ROW(p7, p6, p5, p4, p3, p2, p1, p0) \
  { SUMS_7(0u, p6, p5, p4, p3, p2, p1, p0), SUMS_7(0u ^ (p7), p6, p5, p4, p3, p2, p1, p0) }

static const uint32_t table[8][256] = {
    ROW(0x82F63B78, 0x417B1DBC, 0x20BD8EDE, 0x105EC76F, 0x8AD958CF, 0xC79A971F, 0xE13B70F7, 0xF26B8303),
    ROW(0xFBC3FAF9, 0xFF17C604, 0x7F8BE302, 0x3FC5F181, 0x9D14C3B8, 0x4E8A61DC, 0x274530EE, 0x13A29877),
    ROW(0x8B277743, 0xC76580D9, 0xE144FB14, 0x70A27D8A, 0x38513EC5, 0x9EDEA41A, 0x4F6F520D, 0xA541927E),
    ROW(0x52A0C93F, 0xABA65FE7, 0xD725148B, 0xE964B13D, 0xF64463E6, 0x7B2231F3, 0xBF672381, 0xDD45AAB8),
    ROW(0x6EA2D55C, 0x37516AAE, 0x1BA8B557, 0x8F2261D3, 0xC5670B91, 0xE045BEB0, 0x7022DF58, 0x38116FAC),
    ROW(0x1C08B7D6, 0x0E045BEB, 0x85F4168D, 0xC00C303E, 0x6006181F, 0xB2F53777, 0xDB8CA0C3, 0xEF306B19),
    ROW(0xF56E0EF4, 0x7AB7077A, 0x3D5B83BD, 0x9C5BFAA6, 0x4E2DFD53, 0xA5E0C5D1, 0xD0065990, 0x68032CC8),
    ROW(0x34019664, 0x1A00CB32, 0x0D006599, 0x847609B4, 0x423B04DA, 0x211D826D, 0x9278FA4E, 0x493C7D27),
};

static bool always(void) { return true; }

static uint32_t read_32(const uint8_t *p) {
  return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t extend_by_tables(uint32_t crc, const void *data, size_t size) {
  const uint8_t *p = data;
  crc = ~crc;
  for (; size >= 8; p += 8, size -= 8) {
    uint32_t first = crc ^ read_32(p), second = read_32(p + 4);
    crc = table[7][first & 0xFF] ^ table[6][first >> 8 & 0xFF] ^ table[5][first >> 16 & 0xFF] ^ table[4][first >> 24] ^
          table[3][second & 0xFF] ^ table[2][second >> 8 & 0xFF] ^ table[1][second >> 16 & 0xFF] ^
          table[0][second >> 24];
  }
  for (; size != 0; p++, size--) crc = crc >> 8 ^ table[0][(crc ^ *p) & 0xFF];
  return ~crc;
}

/* ---- Choosing ---- */

static const sm_crc32c_form portable = {"tables", always, extend_by_tables, NULL};

const sm_crc32c_form *sm_crc32c_form_at(size_t index) {
  if (index == 0) return &portable;
#if defined(SM_CRC32C_X86) || defined(SM_CRC32C_ARM)
  if (index <= SM_CRC32C_N_CPU_FORMS) return &sm_crc32c_cpu_forms[index - 1];
#endif
  return NULL;
}

const sm_crc32c_form *sm_crc32c_chosen(void) {
  static const sm_crc32c_form *_Atomic chosen; /* whoever comes first finds it; all find the same */
  const sm_crc32c_form *form = atomic_load_explicit(&chosen, memory_order_relaxed);
  if (form != NULL) return form;
  form = &portable;
  for (size_t i = 1; sm_crc32c_form_at(i) != NULL; i++)
    if (sm_crc32c_form_at(i)->is_there()) form = sm_crc32c_form_at(i);
  atomic_store_explicit(&chosen, form, memory_order_relaxed); /* constants: nothing to publish but the address */
  return form;
}

uint32_t sm_crc32c_extend(uint32_t crc, const void *data, size_t size) {
  return sm_crc32c_chosen()->extend(crc, data, size);
}

uint32_t sm_crc32c_copy_with(const sm_crc32c_form *form, uint32_t crc, void *dst, const void *src, size_t size) {
  enum { PIECE = 64 * 1024 }; /* for the second level of the cache; pieces small enough for the first are slower */
  if (form->copy != NULL) return form->copy(crc, dst, src, size);
  for (size_t at = 0; at < size;) {
    size_t n = size - at < PIECE ? size - at : PIECE;
    uint8_t *piece = (uint8_t *)dst + at;
    memcpy(piece, (const uint8_t *)src + at, n);
    crc = form->extend(crc, piece, n);
    at += n;
  }
  return crc;
}

uint32_t sm_crc32c_copy(uint32_t crc, void *dst, const void *src, size_t size) {
  return sm_crc32c_copy_with(sm_crc32c_chosen(), crc, dst, src, size);
}

/* ---- Joining ---- */

/* a * b modulo P. */
static uint32_t multiply(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  for (; a != 0; a <<= 1) {
    product ^= b & -(a >> 31);
    b = b >> 1 ^ (0x82F63B78u & -(b & 1));
  }
  return product;
}

/* x^(2^n) modulo P. The powers of x repeat after 2^31 - 1, so these repeat after 31. */
static const uint32_t squares[31] = {0x40000000, 0x20000000, 0x08000000, 0x00800000, 0x00008000, 0x82F63B78, 0x6EA2D55C,
                                     0x18B8EA18, 0x510AC59A, 0xB82BE955, 0xB8FDB1E7, 0x88E56F72, 0x74C360A4, 0xE4172B16,
                                     0x0D65762A, 0x35D73A62, 0x28461564, 0xBF455269, 0xE2EA32DC, 0xFE7740E6, 0xF946610B,
                                     0x3C204F8F, 0x538586E3, 0x59726915, 0x734D5309, 0xBC1AC763, 0x7D0722CC, 0xD289CABE,
                                     0xE94CA9BC, 0x05B74F3F, 0xA51E1F42};

uint32_t sm_crc32c_combine(uint32_t crc_a, uint32_t crc_b, uint64_t size_b) {
  for (size_t n = 3; size_b != 0; n++, size_b >>= 1) /* a byte is x^(2^3) */
    if (size_b & 1) crc_a = multiply(squares[n % 31], crc_a);
  return crc_a ^ crc_b;
}
