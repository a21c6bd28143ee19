/*
 * The checks of unit/crc32c.c for a CPU that this machine does not have, and so without cmocka.
 *
 *     crc32c FORM     the form that such a CPU has to choose
 */
#include <stdio.h>
#include <string.h>

#include "codec/crc32c.h"
#include "support/crc32c_check.h"

static int n_passed, n_failed;

static void count(const char *form, const char *check, bool is_right) {
  printf("%s: %s: %s\n", form, check, is_right ? "ok" : "FAILED");
  *(is_right ? &n_passed : &n_failed) += 1;
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  for (size_t i = 0; sm_crc32c_form_at(i) != NULL; i++) {
    const sm_crc32c_form *form = sm_crc32c_form_at(i);
    if (!form->is_there()) continue;
    for (size_t c = 0; c < N_CRC32C_CHECKS; c++)
      count(form->name, crc32c_checks[c].name, crc32c_checks[c].check(form) == 0);
  }
  count(sm_crc32c_chosen()->name, "is what was to be chosen", strcmp(sm_crc32c_chosen()->name, argv[1]) == 0);
  count("all", "combine", check_crc32c_combine() == 0);
  printf("%d passed, %d failed\n", n_passed, n_failed);
  return n_failed != 0;
}
