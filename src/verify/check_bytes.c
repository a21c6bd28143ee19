/* The messages as such: whether all of them can be read, and what is in them that the schema does not know. */
#include "verify/verify_internal.h"

/* Kinds of unknown fields told of one by one. A newer TensorFlow adds a few. */
enum { MAX_KINDS = 32 };

typedef struct unknown_field {
  const ProtobufCMessageDescriptor *in;
  uint32_t number;
  size_t n;
} unknown_field;

typedef struct inspection {
  sm_verifier *v;
  const char *file;
  unknown_field unknown[MAX_KINDS];
  size_t n, n_more;
} inspection;

static void count_unknown(inspection *i, const ProtobufCMessageDescriptor *in, uint32_t number) {
  for (size_t k = 0; k < i->n; k++) {
    if (i->unknown[k].in != in || i->unknown[k].number != number) continue;
    i->unknown[k].n++;
    return;
  }
  if (i->n < MAX_KINDS)
    i->unknown[i->n++] = (unknown_field){in, number, 1};
  else
    i->n_more++;
}

static void take_oddity(void *ctx, const ProtobufCMessageDescriptor *in, uint32_t number, const sm_error *fault) {
  inspection *i = ctx;
  const sm_place place = {.file = i->file, .kind = in->short_name};
  if (fault == NULL)
    count_unknown(i, in, number);
  else /* a NUL inside a string is no damage, but C programs will not see what is behind it */
    sm_verify_tell_error(i->v, fault->code == SM_UNIMPLEMENTED ? SM_SEVERITY_WARNING : SM_SEVERITY_ERROR, &place,
                         fault);
}

void sm_check_bytes(sm_verifier *v, const char *file, const ProtobufCMessageDescriptor *type,
                    const sm_wire_source *source) {
  inspection i = {.v = v, .file = file};
  sm_wire_inspect(type, source->bytes, source, take_oddity, &i);
  for (size_t k = 0; k < i.n; k++) {
    const sm_place place = {.file = file, .kind = i.unknown[k].in->short_name};
    sm_verify_tell(v, SM_SEVERITY_NOTE, &place, "unknown field %u, %zu %s", (unsigned)i.unknown[k].number,
                   i.unknown[k].n, i.unknown[k].n == 1 ? "time" : "times");
  }
  const sm_place whole = {.file = file};
  if (i.n_more != 0) sm_verify_tell(v, SM_SEVERITY_NOTE, &whole, "%zu more unknown fields", i.n_more);
}
