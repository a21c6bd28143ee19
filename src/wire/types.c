#include "wire/canonical_internal.h"

/* All messages of proto/, as the build lists them. */
#define TYPE(name) extern const ProtobufCMessageDescriptor name;
#include <savedmodel/pb/types.inc>
#undef TYPE

#define TYPE(name) &name,
static const ProtobufCMessageDescriptor *const types[] = {
#include <savedmodel/pb/types.inc>
};
#undef TYPE

const ProtobufCMessageDescriptor *sm_wire_find_type(const char *name, size_t size) {
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
    if (strncmp(types[i]->name, name, size) == 0 && types[i]->name[size] == '\0') return types[i];
  return NULL;
}
