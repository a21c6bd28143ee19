/*
 * verify: is everything in a model as it should be? What is public of it is sm_model_verify, in savedmodel/model.h.
 *
 *   verify_model.c      goes through all of it, and hands out what is found
 *   check_bytes.c       the messages as such: can all be read, is all known
 *   check_files.c       which files there are: forms of the model, links, fingerprint, debug info, assets
 *   check_tags.c        tags
 *   check_graph.c       nodes, inputs, cycles, of the graph and of its functions
 *   check_values.c      constants
 *   check_signatures.c  signatures, and what else names tensors: saver, init op
 *   check_objects.c     the object graph: check_dependencies.c  the order in which it is loaded
 *                       check_object_values.c  its variables in the checkpoint
 *   check_variables.c   the checkpoint, and whether it fits
 *   op_outputs.c        how many outputs a node has, and of which types
 *
 * What is damaged as bytes is told by check_bytes.c alone: the others pass it over. What is wrong is an error when
 * TensorFlow refuses it, or would read what the library does not; a warning when it takes it and the meaning is in doubt;
 * else a note. The cases are in tests/data/tolerance.tsv.
 */
#ifndef SM_VERIFY_VERIFY_H
#define SM_VERIFY_VERIFY_H

#include <savedmodel/model.h>

#endif
