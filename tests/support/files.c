#include "support/files.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/check.h"

temp_dir make_temp_dir(void) {
  temp_dir dir;
  const char *parent = getenv("TMPDIR");
  int n = snprintf(dir.path, sizeof dir.path, "%s/savedmodel-XXXXXX", parent != NULL ? parent : "/tmp");
  if (n < 0 || (size_t)n >= sizeof dir.path || mkdtemp(dir.path) == NULL)
    fail_msg("mkdtemp %s: %s", dir.path, strerror(errno));
  return dir;
}

static bool is_dot(const char *name) { return strcmp(name, ".") == 0 || strcmp(name, "..") == 0; }

static void remove_tree(const char *path) {
  DIR *dir = opendir(path);
  if (dir == NULL) return;
  for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
    char child[4096];
    struct stat facts;
    if (is_dot(entry->d_name)) continue;
    snprintf(child, sizeof child, "%s/%s", path, entry->d_name);
    if (lstat(child, &facts) == 0 && S_ISDIR(facts.st_mode))
      remove_tree(child);
    else
      (void)unlink(child);
  }
  (void)closedir(dir);
  (void)rmdir(path);
}

void remove_temp_dir(const temp_dir *dir) { remove_tree(dir->path); }

const char *path_in(const char *dir, const char *name) {
  static _Thread_local char paths[4][4096];
  static _Thread_local unsigned next;
  char *path = paths[next++ % N_OF(paths)];
  int n = snprintf(path, sizeof paths[0], "%s/%s", dir, name);
  if (n < 0 || (size_t)n >= sizeof paths[0]) fail_msg("%s: the path is too long", dir);
  return path;
}

const char *model_dir(const char *name) { return path_in(SM_TEST_DATA "/models", name); }

void write_file(const char *path, const void *data, size_t size) {
  FILE *file = fopen(path, "wb");
  if (file == NULL) fail_msg("%s: %s", path, strerror(errno));
  if (size != 0 && fwrite(data, size, 1, file) != 1) fail_msg("%s: %s", path, strerror(errno));
  if (fclose(file) != 0) fail_msg("%s: %s", path, strerror(errno));
}

uint8_t *read_file(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) fail_msg("%s: %s", path, strerror(errno));
  uint8_t *data = NULL;
  size_t capacity = 0, used = 0, n;
  do {
    capacity = capacity != 0 ? 2 * capacity : 65536;
    data = realloc(data, capacity);
    if (data == NULL) fail_msg("%s: no memory", path);
    n = fread(data + used, 1, capacity - used - 1, file);
    used += n;
  } while (n != 0);
  (void)fclose(file);
  data[used] = 0;
  *size = used;
  return data;
}

bool file_exists(const char *path) {
  struct stat facts;
  return lstat(path, &facts) == 0;
}

size_t count_names(const char *path) {
  size_t n = 0;
  DIR *dir = opendir(path);
  if (dir == NULL) fail_msg("%s: %s", path, strerror(errno));
  for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) n += !is_dot(entry->d_name);
  (void)closedir(dir);
  return n;
}
