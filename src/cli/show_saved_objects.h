/* savedmodel objects of a checkpoint. */
#ifndef SM_CLI_SHOW_SAVED_OBJECTS_H
#define SM_CLI_SHOW_SAVED_OBJECTS_H

#include "cli/cli.h"

/* Prints the object graph that a checkpoint has; returns an exit code. prefix: what to call the checkpoint. */
int show_saved_objects(const sm_bundle_reader *reader, const char *prefix, bool is_json);

#endif
