/*
 * Restores all variables from the newest checkpoint of a directory, into memory of the program. Nothing has to be
 * initialised before; either all of it is restored, or nothing is.
 *
 *     cc restore_variables.c -o restore_variables $(pkg-config --cflags --libs savedmodel)
 *     ./restore_variables DIRECTORY
 */
#include <stdio.h>

#include <savedmodel/savedmodel.h>

static float v1[3], v2[5];

static sm_binding variables[] = {
    {.key = "v1", .dtype = SM_DT_FLOAT, .rank = 1, .dims = (const int64_t[]){3}, .data = v1, .size = sizeof v1},
    {.key = "v2", .dtype = SM_DT_FLOAT, .rank = 1, .dims = (const int64_t[]){5}, .data = v2, .size = sizeof v2},
};

int main(int argc, char **argv) {
  sm_error err;
  sm_restore_report report;
  char prefix[1000];
  if (argc != 2) return 2;
  sm_status status = sm_latest_checkpoint(prefix, sizeof prefix, argv[1], NULL, &err);
  if (status == SM_OK) status = sm_saver_restore(&report, prefix, variables, 2, NULL, NULL, &err);
  if (status == SM_OK)
    printf("%zu tensors restored: v1 begins with %g, v2 with %g\n", report.n_restored, (double)v1[0], (double)v2[0]);
  else
    fprintf(stderr, "%s (%s)\n", err.message, sm_status_name(err.code));
  return status == SM_OK ? 0 : 1;
}
