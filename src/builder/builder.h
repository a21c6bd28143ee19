/*
 * builder: SavedModels are written here; the public side is savedmodel/builder.h.
 *
 *   draft.c   a meta graph that is being made or changed, field by field
 */
#ifndef SM_BUILDER_BUILDER_H
#define SM_BUILDER_BUILDER_H

#include <savedmodel/builder.h>

#endif
