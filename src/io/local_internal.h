/* Inside io/: what Linux does for local_fs.c and POSIX does not. Elsewhere these fail with ENOSYS. */
#ifndef SM_IO_LOCAL_INTERNAL_H
#define SM_IO_LOCAL_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

/* Two paths change places. False: errno says why. */
bool sm_local_exchange(const char *a, const char *b);

/* Fills an empty file with size bytes of another one: the same blocks where the file system can share them, else copied
 * by the system. False: errno says why; then the file may have some of them. */
bool sm_local_clone(int from, int to, uint64_t size);

#endif
