/*
 * checkpoint: those of a training run. What is public of it is in savedmodel/checkpoint.h; nothing else is for others.
 *
 *   latest.c             the newest of a directory
 *   state_read.c         the state file, and where what it names lies
 *   state_write.c        writing it
 *   recent.c             checkpoints in the order in which they were saved
 *   checkpoint_files.c   the files of one: how many, removing them; files that are replaced whole
 *   saver.c              series by name
 *   saver_restore.c      reading by name, from trees of objects too
 *   binding.c            bindings as tensors to be written
 *   checkpoint_tree.c    trees of objects
 *   tree_keys.c          their numbers and keys in a checkpoint
 *   tree_write.c         writing them
 *   tree_registered.c    objects that are saved and restored in a way of their own
 *   tree_match.c         which object of a checkpoint is which of the tree
 *   tree_restore.c       reading values
 *   tree_check.c         what is different after that
 *   manager.c            rotation
 */
#ifndef SM_CHECKPOINT_CHECKPOINT_H
#define SM_CHECKPOINT_CHECKPOINT_H

#include <savedmodel/checkpoint.h>

#endif
