/* Writing JSON to stdout as it comes: UTF-8, two blanks of indentation, no memory. */
#ifndef SM_CLI_JSON_H
#define SM_CLI_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JSON_MAX_DEPTH = 16 };

typedef struct json {
  bool has_items[JSON_MAX_DEPTH];
  int depth;
} json;

/* key: in an object; NULL in a list. */
void json_begin_object(json *out, const char *key);
void json_end_object(json *out);
void json_begin_list(json *out, const char *key);
void json_end_list(json *out);
void json_string(json *out, const char *key, const char *text);
void json_int(json *out, const char *key, int64_t value);
void json_uint(json *out, const char *key, uint64_t value);
void json_float(json *out, const char *key, float value);   /* shortest that reads back; null unless finite */
void json_double(json *out, const char *key, double value); /* the same */
void json_bool(json *out, const char *key, bool value);
void json_null(json *out, const char *key);

/* A string where the bytes are UTF-8, else {"hex": "..."}. */
void json_bytes(json *out, const char *key, const char *bytes, size_t size);
void json_hex(json *out, const char *key, const char *bytes, size_t size);

/* As key of what follows, a name that has a length. */
void json_begin_object_named(json *out, const char *name, size_t size);

/* The end of the document. */
void json_finish(json *out);

#endif
