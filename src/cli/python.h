/* How Python shows values: repr and str, as far as saved_model_cli prints them. */
#ifndef SM_CLI_PYTHON_H
#define SM_CLI_PYTHON_H

#include <stddef.h>

#include <savedmodel/objects.h>

/* repr of a str and of a bytes, terminated; cut where dst ends. 4 * size + 4 bytes always do. */
void python_repr_str(char *dst, size_t dst_size, const char *text, size_t size);
void python_repr_bytes(char *dst, size_t dst_size, const char *bytes, size_t size);

/* To stdout: repr of a str; repr(value); str(value), which differs for strings, dtypes and shapes. */
void python_print_repr_str(const char *text, size_t size);
void python_print_repr(const sm_structured *value);
void python_print_str(const sm_structured *value);

/* type(value).__name__ */
const char *python_type_name(const sm_structured *value);

#endif
