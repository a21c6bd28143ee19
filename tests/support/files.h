/* Directories that go away again, and whole files. Failing calls end the test. */
#ifndef SM_TESTS_SUPPORT_FILES_H
#define SM_TESTS_SUPPORT_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A fresh directory, removed with all inside by remove_temp_dir; path has no '/' at its end. */
typedef struct temp_dir {
  char path[256];
} temp_dir;

temp_dir make_temp_dir(void);
void remove_temp_dir(const temp_dir *dir);

/* path: dir + "/" + name. The result lives until the next but three calls. */
const char *path_in(const char *dir, const char *name);

/* Path of a model below tests/data/models, "v2/strings". Lives like path_in's. */
const char *model_dir(const char *name);

void write_file(const char *path, const void *data, size_t size);

/* Freed with free; terminated by a NUL that *size does not count. */
uint8_t *read_file(const char *path, size_t *size);

bool file_exists(const char *path);

/* Names in a directory, "." and ".." left out. */
size_t count_names(const char *dir);

#endif
