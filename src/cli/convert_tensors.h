/* savedmodel convert, where SRC and DST hold tensors: checkpoints, .npz, .safetensors. */
#ifndef SM_CLI_CONVERT_TENSORS_H
#define SM_CLI_CONVERT_TENSORS_H

#include "cli/cli.h"

/* DST's name says what it becomes; without a known ending it is a checkpoint. Returns an exit code. */
int convert_tensors(const cli_args *args, const char *src, const char *dst);

/* Says what is wrong with the command line; returns CLI_USAGE. */
int convert_usage(const char *what);

#endif
