/* Characters of UTF-8. */
#ifndef SM_CLI_UTF8_TEXT_H
#define SM_CLI_UTF8_TEXT_H

#include <stddef.h>

/* Bytes of the character that text begins with; 0 when it is not well formed: overlong, a surrogate, cut off. */
size_t utf8_char_size(const char *text, size_t size);

#endif
