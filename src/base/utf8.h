/* UTF-8 as the protobuf runtimes check it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef SM_BASE_UTF8_H
#define SM_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the character at p, which is before end; 0 when there is none that is well formed. */
size_t sm_utf8_char_size(const unsigned char *p, const unsigned char *end);

bool sm_utf8_is_valid(const void *data, size_t size);

#endif
