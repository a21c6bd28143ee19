/* Arithmetic on sizes: true and the result, or false when it does not fit. */
#ifndef SM_BASE_SIZE_H
#define SM_BASE_SIZE_H

#include <stdbool.h>
#include <stddef.h>

static inline bool sm_add_size(size_t a, size_t b, size_t *sum) { return !__builtin_add_overflow(a, b, sum); }

static inline bool sm_mul_size(size_t a, size_t b, size_t *product) { return !__builtin_mul_overflow(a, b, product); }

#endif
