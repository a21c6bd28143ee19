/* Status codes, error messages, byte strings, the hooks for memory and for threads: what every other header of
 * libsavedmodel uses. */
#ifndef SAVEDMODEL_STATUS_H
#define SAVEDMODEL_STATUS_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define SM_API
#else
#define SM_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
#define SM_BEGIN_DECLS extern "C" {
#define SM_END_DECLS }
#else
#define SM_BEGIN_DECLS
#define SM_END_DECLS
#endif

SM_BEGIN_DECLS

/* The canonical codes of TensorFlow and gRPC, with their numbers. */
#define SM_STATUS_LIST(X)                                   \
  X(OK, 0, "ok")                                            \
  X(CANCELLED, 1, "cancelled")                              \
  X(UNKNOWN, 2, "unknown error")                            \
  X(INVALID_ARGUMENT, 3, "bad argument")                    \
  X(DEADLINE_EXCEEDED, 4, "deadline exceeded")              \
  X(NOT_FOUND, 5, "not found")                              \
  X(ALREADY_EXISTS, 6, "already exists")                    \
  X(PERMISSION_DENIED, 7, "permission denied")              \
  X(RESOURCE_EXHAUSTED, 8, "out of memory or over a limit") \
  X(FAILED_PRECONDITION, 9, "not possible in this state")   \
  X(ABORTED, 10, "aborted")                                 \
  X(OUT_OF_RANGE, 11, "out of range")                       \
  X(UNIMPLEMENTED, 12, "not supported")                     \
  X(INTERNAL, 13, "internal error")                         \
  X(UNAVAILABLE, 14, "unavailable")                         \
  X(DATA_LOSS, 15, "corrupt data")                          \
  X(UNAUTHENTICATED, 16, "unauthenticated")

typedef enum sm_status {
#define SM_STATUS_ENUM_(name, number, text) SM_##name = number,
  SM_STATUS_LIST(SM_STATUS_ENUM_)
#undef SM_STATUS_ENUM_
} sm_status;

/** Name of a code, "DATA_LOSS"; "UNKNOWN" for a number that is none. Static storage, any thread. */
SM_API const char *sm_status_name(sm_status status);

/**
 * What went wrong. Owned by the caller, who passes its address as the last argument of a call (NULL: not wanted). It is
 * written, in full, only when the call fails, so it needs no initialisation. 512 bytes, frozen; holds no pointers.
 */
typedef struct sm_error {
  sm_status code;
  uint32_t reserved;
  uint64_t offset;   /* byte position in the file that message names; UINT64_MAX: there is none */
  char message[496]; /* UTF-8, terminated, cut when too long: file or object, what was found, what was expected */
} sm_error;

/** Leaves the enclosing function with the status of call, unless it is SM_OK. */
#define SM_TRY(call)                                    \
  do {                                                  \
    sm_status sm_try_status_ = (call);                  \
    if (sm_try_status_ != SM_OK) return sm_try_status_; \
  } while (0)

/** Bytes with a length. Where the library makes one, data[size] is a NUL that size does not count, unless said. */
typedef struct sm_string {
  const char *data;
  size_t size;
} sm_string;

/**
 * Where memory comes from. Set in options; NULL there means malloc. The functions are called from any thread that uses
 * the object, must return memory aligned for any type, may return NULL (the call then fails with RESOURCE_EXHAUSTED),
 * and must outlive every object made with them.
 */
typedef struct sm_allocator {
  void *(*alloc)(void *ctx, size_t size);
  void *(*realloc)(void *ctx, void *block, size_t size);
  void (*free)(void *ctx, void *block); /* block may be NULL */
  void *ctx;
} sm_allocator;

/**
 * Who runs tasks in parallel: a thread pool that the program has already. Set in options; NULL there means threads of
 * the library's own, which end with the call that made them.
 *
 * run calls task(task_ctx, index) once for each index below n_tasks, in any order and on any threads, the calling one
 * among them if it likes, and returns when all of these calls have returned; what they wrote must be visible then. No
 * task may be left out, and none waits for another, so any number of threads will do. run itself may be called from
 * several threads at once, and must outlive every object made with it.
 */
typedef struct sm_executor {
  void (*run)(void *ctx, size_t n_tasks, void (*task)(void *task_ctx, size_t index), void *task_ctx);
  void *ctx;
} sm_executor;

SM_END_DECLS

#endif
