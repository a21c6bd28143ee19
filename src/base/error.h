/* Filling sm_error. A good message has the place, the fact and the expectation:
 * "m/saved_model.pb: field 2: length 900, only 41 bytes left". */
#ifndef SM_BASE_ERROR_H
#define SM_BASE_ERROR_H

#include <savedmodel/status.h>

#define SM_NO_OFFSET UINT64_MAX

/* Fills err, unless it is NULL, and returns code. Bytes that a terminal would act on, and what is not UTF-8, come out as
 * \xNN: names in messages come from files. */
__attribute__((format(printf, 4, 5))) sm_status sm_fail_at(sm_error *err, sm_status code, uint64_t offset,
                                                           const char *format, ...);

#define SM_FAIL(err, code, ...) sm_fail_at((err), (code), SM_NO_OFFSET, __VA_ARGS__)

/* Returns status, and where that is a failure hands it on to err, unless it is NULL. For calls whose failure may be no failure
 * of the caller: err is left alone by what ends well. */
sm_status sm_error_pass(sm_error *err, sm_status status, const sm_error *failure);

/* Puts "place: " in front of the message; err may be NULL. */
void sm_error_add_place(sm_error *err, const char *place);

/* size: bytes that could not be had. */
#define SM_FAIL_OOM(err, size) \
  sm_fail_at((err), SM_RESOURCE_EXHAUSTED, SM_NO_OFFSET, "no memory for %zu bytes", (size_t)(size))

#endif
