#include "cli/failure.h"

#include <stdarg.h>
#include <stdio.h>

void failure_set(sm_error *err, sm_status code, uint64_t offset, const char *format, ...) {
  if (err == NULL) return;
  *err = (sm_error){.code = code, .offset = offset};
  va_list args;
  va_start(args, format);
  vsnprintf(err->message, sizeof err->message, format, args);
  va_end(args);
}
