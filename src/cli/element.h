/* Single elements of tensors as numbers. They may lie at any address. */
#ifndef SM_CLI_ELEMENT_H
#define SM_CLI_ELEMENT_H

#include <savedmodel/tensor.h>

typedef enum element_class {
  ELEMENT_OTHER, /* variants, resources, what is no dtype */
  ELEMENT_BOOL,
  ELEMENT_SIGNED,
  ELEMENT_UNSIGNED,
  ELEMENT_FLOAT,       /* half, single, double */
  ELEMENT_SMALL_FLOAT, /* those of ml_dtypes: bfloat16, eight bits, four */
  ELEMENT_COMPLEX,
  ELEMENT_STRING
} element_class;

/* What a dtype holds; quantised numbers are integers. */
element_class element_class_of(sm_dtype dtype);

/* qint8 and so on. To numpy they are records of one integer. */
bool element_is_quantised(sm_dtype dtype);

/* The element at p, of a class that the name says; a bool is 0 or 1. Four-bit and two-bit ones lie one to a byte. */
int64_t element_signed(sm_dtype dtype, const void *p);
uint64_t element_unsigned(sm_dtype dtype, const void *p); /* of bool too */
double element_float(sm_dtype dtype, const void *p);      /* of small floats too; of complex numbers the real part */
double element_imaginary(sm_dtype dtype, const void *p);

#endif
