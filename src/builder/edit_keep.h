/* What of a meta graph some of its signatures need. Inside builder/. */
#ifndef SM_BUILDER_EDIT_KEEP_H
#define SM_BUILDER_EDIT_KEEP_H

#include "builder/edit_internal.h"

#include "graph/reach.h"

/* Marks of what stays. */
enum { SM_KEEP = 1 };

/*
 * Cuts the object graph down to the signatures that signature_def still has, marks the functions and constants that it
 * names in the graph, and numbers its nodes anew. Left are: the functions of these signatures; the variables, constants,
 * assets and tables that they capture, with what makes, initialises, saves and restores tables; the objects that lead from
 * the root to these. There need be no object graph.
 *
 * Errors: DATA_LOSS, RESOURCE_EXHAUSTED.
 */
sm_status sm_keep_objects(sm_draft *meta_graph, sm_reach *reach, sm_error *err);

/* Marks what collections name and need together with what is marked already: initialisers of variables and tables. May be called
 * again when that led to more; *more: did it? Then, with all marked: takes out of collections what is not. */
sm_status sm_keep_mark_variables(bool *more, const sm_draft *meta_graph, sm_reach *reach, sm_error *err);
sm_status sm_keep_collections(sm_draft *meta_graph, const sm_reach *reach, sm_error *err);

/* Marks what the signatures, init ops, the saver and the assets of a meta graph lead to. */
sm_status sm_keep_mark_all(sm_reach *reach, const sm_draft *meta_graph, sm_error *err);

/* Leaves of the meta graph's graph, which reach is about, what is marked. */
sm_status sm_keep_prune(sm_draft *meta_graph, sm_spans graph, const sm_reach *reach, sm_error *err);

/* Is the node of that tensor marked? */
bool sm_keep_has(const sm_reach *reach, sm_string tensor);

#endif
