/* The floating-point numbers of tensors, in doubles: read in blocks, and rounded back. */
#ifndef SM_CLI_FLOAT_BITS_H
#define SM_CLI_FLOAT_BITS_H

#include <savedmodel/tensor.h>

/* Adds n numbers at data, which may lie at any address, to sums. dtype: of a class that element.h calls float, small float or
 * complex; of complex numbers n counts the parts. */
void float_bits_add(double *sums, sm_dtype dtype, const void *data, size_t n);

/* Writes them, rounded to nearest, ties to even. Beyond the largest number of a type: infinity, where it has none NaN, where
 * it has no NaN the largest. dst as data. */
void float_bits_put(void *dst, sm_dtype dtype, const double *values, size_t n);

#endif
