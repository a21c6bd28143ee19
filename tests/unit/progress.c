/* cli/progress.c: what is printed, and when nothing is. */
#include "support/check.h"

#include <stdio.h>
#include <unistd.h>

#include "cli/progress.h"

/* What work of three steps prints: stderr is a file for so long. */
static size_t print_work(char *text, size_t text_size, progress *shown) {
  FILE *file = tmpfile();
  int saved = dup(STDERR_FILENO);
  assert_non_null(file);
  assert_true(saved >= 0 && dup2(fileno(file), STDERR_FILENO) >= 0);
  for (int i = 0; i < 3; i++) {
    progress_add(shown, 700000);
    shown->next = i == 0 ? 1e300 : 0; /* the second comes too soon */
  }
  progress_end(shown);
  progress_end(shown);
  fflush(stderr);
  assert_true(dup2(saved, STDERR_FILENO) >= 0);
  close(saved);
  rewind(file);
  size_t size = fread(text, 1, text_size, file);
  fclose(file);
  return size;
}

static void progress__replaces_its_line_at_a_terminal(void **state) {
  (void)state;
  static const char expected[] = "\r0.7 MB done\r2.1 MB done\r\033[K";
  char text[200];
  progress shown = {.what = "done", .is_terminal = true};
  size_t size = print_work(text, sizeof text, &shown);
  assert_bytes("text", text, size, expected, sizeof expected - 1);
}

static void progress__prints_nothing_elsewhere(void **state) {
  (void)state;
  char text[200];
  progress shown;
  FILE *file = tmpfile();
  int saved = dup(STDERR_FILENO);
  assert_non_null(file);
  assert_true(saved >= 0 && dup2(fileno(file), STDERR_FILENO) >= 0);
  progress_begin(&shown, "done");
  assert_true(dup2(saved, STDERR_FILENO) >= 0);
  close(saved);
  fclose(file);
  assert_false(shown.is_terminal);
  assert_number("bytes", print_work(text, sizeof text, &shown), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(progress__replaces_its_line_at_a_terminal),
      cmocka_unit_test(progress__prints_nothing_elsewhere),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
