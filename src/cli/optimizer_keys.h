/* Which tensors of a checkpoint by names, as tf.train.Saver writes it, are an optimizer's. */
#ifndef SM_CLI_OPTIMIZER_KEYS_H
#define SM_CLI_OPTIMIZER_KEYS_H

#include "cli/surgery_plan.h"

/* Drops them. */
void drop_optimizer_keys(surgery_plan *plan);

#endif
