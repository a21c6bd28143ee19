/*
 * Restores one variable under another name than it was saved by, and another one that may not be there. What differs
 * between the program and the checkpoint is told, one line each.
 *
 *     cc choose_variables.c -o choose_variables $(pkg-config --cflags --libs savedmodel)
 *     ./choose_variables DIRECTORY
 */
#include <stdio.h>

#include <savedmodel/savedmodel.h>

static float weights[5], bias = 0.5f;

static void print_difference(void *ctx, const sm_difference *difference) {
  (void)ctx;
  printf("%s: %s\n", difference->key, difference->what);
}

int main(int argc, char **argv) {
  sm_error err;
  char prefix[1000];
  sm_binding chosen[] = {
      {.key = "v2", .dtype = SM_DT_FLOAT, .rank = 1, .dims = (const int64_t[]){5}, .data = weights, .size = 5 * 4},
      {.key = "bias", .dtype = SM_DT_FLOAT, .data = &bias, .size = 4},
  };
  sm_restore_options options = SM_RESTORE_OPTIONS_INIT;
  options.missing = SM_POLICY_SKIP;
  options.difference = print_difference;
  if (argc != 2) return 2;
  sm_status status = sm_latest_checkpoint(prefix, sizeof prefix, argv[1], NULL, &err);
  if (status == SM_OK) status = sm_saver_restore(NULL, prefix, chosen, 2, &options, NULL, &err);
  if (status == SM_OK)
    printf("weights begin with %g, bias is %s: %g\n", (double)weights[0],
           chosen[1].status == SM_OK ? "restored" : "as it was", (double)bias);
  else
    fprintf(stderr, "%s (%s)\n", err.message, sm_status_name(err.code));
  return status == SM_OK ? 0 : 1;
}
