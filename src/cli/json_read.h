/*
 * Reading JSON of a form that is known beforehand, part by part: RFC 8259. For the headers of safetensors, which have
 * nothing but objects, lists, strings and natural numbers, a library and its tree would be more than what is here.
 */
#ifndef SM_CLI_JSON_READ_H
#define SM_CLI_JSON_READ_H

#include <stdbool.h>
#include <stdint.h>

#include <savedmodel/status.h>

typedef struct json_reader {
  const char *name;    /* of the file, for messages */
  const char *start;   /* where offsets are counted from */
  const char *p, *end; /* what is left */
  char *strings;       /* room for the strings that are read: as many bytes as there are of JSON */
  sm_error *err;
} json_reader;

/* Is c, one of {}[]:, next? Takes it then. */
bool json_takes(json_reader *in, char c);

/* Errors of all: DATA_LOSS something else is next, what naming it. */
sm_status json_take(json_reader *in, char c);
sm_status json_take_string(sm_string *out, json_reader *in); /* UTF-8, terminated */
sm_status json_take_number(uint64_t *out, json_reader *in);
sm_status json_take_end(json_reader *in);

/* DATA_LOSS, where the reader is. */
sm_status json_fail(const json_reader *in, const char *what);

#endif
