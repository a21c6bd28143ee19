#include "cli/sha256.h"

#ifdef SM_HAVE_NETTLE

#include <nettle/sha2.h>
#include <stdint.h>
#include <stdio.h>

bool sha256_is_there(void) { return true; }

static void add_string(struct sha256_ctx *hash, const sm_string *string) {
  uint8_t length[8];
  for (unsigned i = 0; i < 8; i++) length[i] = (uint8_t)((uint64_t)string->size >> 8 * i);
  sha256_update(hash, sizeof length, length);
  sha256_update(hash, string->size, (const uint8_t *)string->data);
}

static bool is_little_endian(void) {
  const uint16_t one = 1;
  return *(const uint8_t *)&one == 1;
}

/* Bytes of what is swapped as one: of complex numbers a half. */
static size_t unit_of(sm_dtype dtype) {
  size_t size = sm_dtype_size(dtype);
  return dtype == SM_DT_COMPLEX64 || dtype == SM_DT_COMPLEX128 ? size / 2 : size;
}

static void add_swapped(struct sha256_ctx *hash, const sm_tensor_view *tensor) {
  size_t unit = unit_of(tensor->dtype);
  const uint8_t *data = tensor->data;
  for (size_t at = 0; at < tensor->size; at += unit) {
    uint8_t swapped[8];
    for (size_t i = 0; i < unit; i++) swapped[i] = data[at + unit - 1 - i];
    sha256_update(hash, unit, swapped);
  }
}

void sha256_of_tensor(char hex[SHA256_HEX_SIZE], const sm_tensor_view *tensor) {
  struct sha256_ctx hash;
  uint8_t digest[SHA256_DIGEST_SIZE];
  sha256_init(&hash);
  if (tensor->dtype == SM_DT_STRING || tensor->dtype == SM_DT_VARIANT) {
    const sm_string *strings = tensor->data;
    for (size_t i = 0; i < tensor->size / sizeof *strings; i++) add_string(&hash, &strings[i]);
  } else if (is_little_endian()) {
    sha256_update(&hash, tensor->size, tensor->data);
  } else {
    add_swapped(&hash, tensor);
  }
  sha256_digest(&hash, sizeof digest, digest);
  for (size_t i = 0; i < sizeof digest; i++) snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

#else

bool sha256_is_there(void) { return false; }

void sha256_of_tensor(char hex[SHA256_HEX_SIZE], const sm_tensor_view *tensor) {
  (void)tensor;
  hex[0] = '\0';
}

#endif
