/* Other keys for tensors: --map OLD=NEW and --map-file. */
#ifndef SM_CLI_KEY_MAP_H
#define SM_CLI_KEY_MAP_H

#include "cli/surgery_plan.h"

/* Applies what the flags say. CLI_USAGE: they say nothing, or it cannot be read. */
int key_map_apply(surgery_plan *plan, const cli_args *args);

#endif
