/* HighwayHash with 64 bits, by which riegeli files know that they are whole. Source: google/highwayhash, c/highwayhash.c;
 * J. Alakuijala, B. Cox, J. Wassenberg, "Fast keyed hash/pseudo-random function using SIMD multiply and permute". */
#ifndef SM_CODEC_HIGHWAYHASH64_H
#define SM_CODEC_HIGHWAYHASH64_H

#include <stddef.h>
#include <stdint.h>

uint64_t sm_highwayhash64(const uint64_t key[4], const void *data, size_t size);

#endif
