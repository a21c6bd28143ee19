/* A V2 model made one of V1: edit_drop_objects.c, to_v1_variables.c. Inside builder/. */
#ifndef SM_BUILDER_TO_V1_H
#define SM_BUILDER_TO_V1_H

#include "builder/edit_internal.h"

/*
 * Collections of the variables that the saver restores, and the nodes that these name. What they list already stays.
 *
 * graph   as it was when the model was taken over: its object graph says what is trained.
 * reader  of the model's variables.
 */
sm_status sm_convert_list_variables(sm_edit *edit, const sm_meta_graph *graph, const sm_bundle_reader *reader,
                                    sm_error *err);

#endif
