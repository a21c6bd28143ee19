#ifdef __linux__
#define _GNU_SOURCE /* renameat2, copy_file_range */
#endif

#include "io/local_internal.h"

#include <errno.h>

#ifdef __linux__

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

bool sm_local_exchange(const char *a, const char *b) {
  return renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) == 0;
}

bool sm_local_clone(int from, int to, uint64_t size) {
#ifdef FICLONE
  if (ioctl(to, FICLONE, from) == 0) return true;
#endif
  while (size > 0) {
    size_t part = size < SIZE_MAX / 2 ? (size_t)size : SIZE_MAX / 2;
    ssize_t n = copy_file_range(from, NULL, to, NULL, part, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    if (n == 0) { /* it is shorter than it was, or of a kind that has no bytes to give here */
      errno = EINVAL;
      return false;
    }
    size -= (uint64_t)n;
  }
  return true;
}

#else

bool sm_local_exchange(const char *a, const char *b) {
  (void)a, (void)b;
  errno = ENOSYS;
  return false;
}

bool sm_local_clone(int from, int to, uint64_t size) {
  (void)from, (void)to, (void)size;
  errno = ENOSYS;
  return false;
}

#endif
