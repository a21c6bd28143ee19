#include "cli/cli.h"
int cli_diff(const cli_args *args) {
  (void)args;
  return cli_fail("not yet");
}
