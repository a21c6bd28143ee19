/* Names of files, as text. */
#include <stdio.h>

#include "base/base.h"
#include "io/io.h"

bool sm_path_clean(char *dst, size_t dst_size, const char *name) {
  size_t used = 0;
  if (*name == '/' || dst_size == 0) return false;
  while (*name != '\0') {
    size_t size = strcspn(name, "/");
    bool is_dot = size == 1 && name[0] == '.', is_dot_dot = size == 2 && name[0] == '.' && name[1] == '.';
    if (is_dot_dot || dst_size - used < size + 2) return false;
    if (size != 0 && !is_dot) {
      if (used != 0) dst[used++] = '/';
      memcpy(dst + used, name, size);
      used += size;
    }
    name += size + (name[size] == '/');
  }
  dst[used] = '\0';
  return true;
}

bool sm_path_join(char *dst, size_t dst_size, const char *dir, const char *name) {
  size_t dir_size = strlen(dir);
  const char *separator = dir_size == 0 || *name == '\0' || dir[dir_size - 1] == '/' ? "" : "/";
  int n = snprintf(dst, dst_size, "%s%s%s", dir, separator, name);
  return n >= 0 && (size_t)n < dst_size;
}
