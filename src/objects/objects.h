/*
 * objects: the object graph of V2 models.
 *
 *   nodes.c        the nodes, found in one walk and unpacked one by one when they are asked for
 *   structured.c   StructuredValue as a plain tree
 *   functions.c    concrete functions
 *   load_order.c   the order in which TensorFlow lists them
 *
 * The public side is savedmodel/objects.h; no other module needs more of it so far.
 */
#ifndef SM_OBJECTS_OBJECTS_H
#define SM_OBJECTS_OBJECTS_H

#include <savedmodel/objects.h>

#include "model/model.h"

#endif
