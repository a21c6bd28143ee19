/*
 * objects: the object graph of V2 models.
 *
 *   nodes.c        the nodes, found in one walk and unpacked one by one when they are asked for
 *   structured.c   StructuredValue as a plain tree
 *   functions.c    concrete functions
 *   function_spec.c  what Python calls them with
 *   load_order.c   the order in which TensorFlow lists them
 *   object_info.c  what else a node records
 *   links.c        all edges without the nodes, for walks over all        reference.c  one edge
 *   paths.c        names of nodes from the root
 *   keys.c         where their values are in the checkpoint
 *   variable_list.c, v1_variables.c  the variables of a model, of either version
 *   load_check.c   are they all in the checkpoint?
 *   constant.c, table_contents.c, table_text.c  values of constants and of tables
 *   keras_metadata_file.c  what Keras keeps
 *   trackable_graph.c, trackable_graph_edit.c   the object graph of a checkpoint: savedmodel/trackable_graph.h
 *
 * Reading the object graph of a checkpoint is a door of its own: checkpoint_graph.h. The rest of the public side is
 * savedmodel/objects.h.
 */
#ifndef SM_OBJECTS_OBJECTS_H
#define SM_OBJECTS_OBJECTS_H

#include <savedmodel/objects.h>

#include "model/model.h"

#endif
