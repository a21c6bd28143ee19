/* Feeds a fuzz target every file of a folder, and no input at all: replay DIR. The first that fails ends the program,
 * its name being the last that was printed. */
#define _XOPEN_SOURCE 700

#include "fuzz.h"

#include <dirent.h>
#include <string.h>

#include "support/files.h"

/* As large as the contents and no larger, so that a sanitizer sees a byte too far. */
static void replay(const char *path) {
  size_t size;
  uint8_t *contents = read_file(path, &size), *exact = malloc(size != 0 ? size : 1);
  MUST(exact != NULL);
  memcpy(exact, contents, size);
  free(contents);
  (void)LLVMFuzzerTestOneInput(exact, size);
  free(exact);
}

int main(int argc, char **argv) {
  struct dirent **names;
  int n = argc == 2 ? scandir(argv[1], &names, NULL, alphasort) : -1, n_replayed = 0;
  if (n < 0) {
    fprintf(stderr, "usage: %s DIR, a folder of inputs\n", argv[0]);
    return 2;
  }
  (void)LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
  for (int i = 0; i < n; i++) {
    if (names[i]->d_name[0] != '.') {
      puts(names[i]->d_name);
      fflush(stdout);
      replay(path_in(argv[1], names[i]->d_name));
      n_replayed++;
    }
    free(names[i]);
  }
  free(names);
  printf("%d passed, 0 failed\n", n_replayed);
  return n_replayed == 0; /* a corpus that is not there */
}
