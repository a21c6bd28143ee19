/*
 * base: what every other module stands on, and nothing about any format.
 *
 *   alloc.h    memory through the caller's allocator      arena.h    memory that dies together
 *   error.h    filling sm_error                           size.h     arithmetic on sizes that come from files
 *   sort.h     n log n in place                           bytes.h    comparing strings that have a length
 *   named.h    finding by name in sorted arrays           buffer.h   bytes that grow
 *   threads.h  doing many things at once                  mutex.h    a lock, for what is built once
 *   utf8.h     is it UTF-8                                pages.h    memory for large data (included by itself)
 *
 * This header includes them all, and poison.h, which forbids the unbounded string functions.
 */
#ifndef SM_BASE_BASE_H
#define SM_BASE_BASE_H

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/mutex.h"
#include "base/named.h"
#include "base/poison.h"
#include "base/size.h"
#include "base/sort.h"
#include "base/threads.h"
#include "base/utf8.h"

#endif
