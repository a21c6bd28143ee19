/* Failures of the tool's own readers and writers, in the library's form. */
#ifndef SM_CLI_FAILURE_H
#define SM_CLI_FAILURE_H

#include <savedmodel/status.h>

/* Fills in err, which may be NULL; the value is code. offset: where in the file; UINT64_MAX: nowhere. Macros, so that the
 * compiler sees that it is not SM_OK. */
#define failure_at(err, code, offset, ...) (failure_set((err), (code), (offset), __VA_ARGS__), (code))
#define failure(err, code, ...) failure_at(err, code, UINT64_MAX, __VA_ARGS__)
#define failure_no_memory(err) failure(err, SM_RESOURCE_EXHAUSTED, "out of memory")

__attribute__((format(printf, 4, 5))) void failure_set(sm_error *err, sm_status code, uint64_t offset,
                                                       const char *format, ...);

#endif
