/* Failures of the tool's own readers and writers, in the library's form. */
#ifndef SM_CLI_FAILURE_H
#define SM_CLI_FAILURE_H

#include <savedmodel/status.h>

/* Fills in err, which may be NULL, and returns code. offset: where in the file; UINT64_MAX: nowhere. */
__attribute__((format(printf, 4, 5))) sm_status failure_at(sm_error *err, sm_status code, uint64_t offset,
                                                           const char *format, ...);

#define failure(err, code, ...) failure_at((err), (code), UINT64_MAX, __VA_ARGS__)
#define failure_no_memory(err) failure_at((err), SM_RESOURCE_EXHAUSTED, UINT64_MAX, "out of memory")

#endif
