/*
 * The object graph of a checkpoint of TensorFlow 2: which Python object has its value under which key. tf.train.Checkpoint
 * restores by it, so whoever renames or leaves out tensors changes it too. It lies in the checkpoint as a string of its own.
 *
 * Objects are told by their numbers, in the order of the file; 0 is the root.
 */
#ifndef SAVEDMODEL_TRACKABLE_GRAPH_H
#define SAVEDMODEL_TRACKABLE_GRAPH_H

#include <savedmodel/options.h>

SM_BEGIN_DECLS

/* The key of that string, a scalar. Source: tensorflow/python/trackable/base.py, OBJECT_GRAPH_PROTO_KEY. */
#define SM_KEY_OBJECT_GRAPH "_CHECKPOINTABLE_OBJECT_GRAPH"

/* An object graph, to be looked at or changed. exclusive. */
typedef struct sm_trackable_graph sm_trackable_graph;

/**
 * Read an object graph.
 *
 * out      freed with sm_trackable_graph_free.
 * bytes    the string; borrowed until then.
 * options  allocator and max_bytes count; NULL: defaults.
 *
 * Errors: DATA_LOSS damaged, or a reference leads to no node; RESOURCE_EXHAUSTED.
 * Format: TrackableObjectGraph (proto/trackable_object_graph.proto).
 */
SM_API sm_status sm_trackable_graph_read(sm_trackable_graph **out, sm_string bytes, const sm_open_options *options,
                                         sm_error *err);

/** NULL is left alone. */
SM_API void sm_trackable_graph_free(sm_trackable_graph *graph);

/* ---- Looking ---- */

/** What there is of an object. Strings here and below are UTF-8, not terminated, and good until the graph is changed or
 * freed. */
typedef struct sm_saved_object_info {
  size_t n_children;
  size_t n_values;
  size_t n_slots;
  sm_string saver;        /* registered saver, which writes files of its own; "" */
  sm_string saver_object; /* the object's name for it; "" */
} sm_saved_object_info;

/** An edge to another object. */
typedef struct sm_saved_child {
  sm_string name;
  size_t object;
} sm_saved_child;

/** A value that an object was saved as. */
typedef struct sm_saved_value {
  sm_string attribute; /* "VARIABLE_VALUE"; what other objects chose */
  sm_string full_name; /* of a variable in a checkpoint by names; "" */
  sm_string key;       /* in the checkpoint; tables have theirs there with -keys and -values behind it */
} sm_saved_value;

/** A variable that an optimizer keeps for another one. */
typedef struct sm_saved_slot {
  sm_string name;  /* "momentum" */
  size_t variable; /* for which */
  size_t object;   /* the slot variable */
} sm_saved_slot;

SM_API size_t sm_trackable_graph_n_objects(const sm_trackable_graph *graph);

/** Errors of these four: OUT_OF_RANGE there is no object of that number, or no i-th item of it. Lists are in file order. */
SM_API sm_status sm_trackable_graph_get_object(sm_saved_object_info *out, const sm_trackable_graph *graph,
                                               size_t object, sm_error *err);
SM_API sm_status sm_trackable_graph_get_child(sm_saved_child *out, const sm_trackable_graph *graph, size_t object,
                                              size_t i, sm_error *err);
SM_API sm_status sm_trackable_graph_get_value(sm_saved_value *out, const sm_trackable_graph *graph, size_t object,
                                              size_t i, sm_error *err);
SM_API sm_status sm_trackable_graph_get_slot(sm_saved_slot *out, const sm_trackable_graph *graph, size_t object,
                                             size_t i, sm_error *err);

/**
 * The names on the first shortest way from the root, as sm_trackable_get_path gives them: "model/layers/0", "" of the root.
 * *out is terminated, and good until the graph is changed or freed.
 *
 * Errors: OUT_OF_RANGE there is no such object; NOT_FOUND nothing leads there from the root, as is so with slot variables;
 *   UNIMPLEMENTED a name holds a NUL; RESOURCE_EXHAUSTED.
 * Cost: the first time a walk over all objects; the path is kept.
 */
SM_API sm_status sm_trackable_graph_get_path(const char **out, sm_trackable_graph *graph, size_t object, sm_error *err);

/* ---- Changing ---- */

/** Told the key of a value, says what becomes of it: another key, in memory that is good until it is called again; {NULL, 0}:
 * the value is left out. A status other than SM_OK ends the call and is returned by it. */
typedef sm_status (*sm_object_key_fn)(void *ctx, sm_string *key, sm_error *err);

/**
 * Go over the keys of all values, in file order, renaming them or leaving values out. Objects stay, but slot variables that
 * have lost their value are forgotten by their optimizers.
 *
 * tf.train.Checkpoint reads a variable from the key up to ".ATTRIBUTES/" and the name of the value (tensorflow/python/
 * checkpoint/restore.py, _extract_saveable_name): a new key has to end as the old one for that.
 *
 * Errors: RESOURCE_EXHAUSTED; those of fn, and then the graph is half done.
 */
SM_API sm_status sm_trackable_graph_map_keys(sm_trackable_graph *graph, sm_object_key_fn fn, void *ctx, sm_error *err);

/**
 * Remove the optimizers, and all that only they lead to: step counters, hyperparameters, slot variables. The graph does not
 * say of what class an object is; an optimizer is what has slot variables, a child named _iterations, or those named iter
 * and learning_rate (Keras), or is called optimizer by another object. *n_dropped: optimizers; may be NULL.
 *
 * Errors: RESOURCE_EXHAUSTED.
 */
SM_API sm_status sm_trackable_graph_drop_optimizers(size_t *n_dropped, sm_trackable_graph *graph, sm_error *err);

/**
 * Add the objects of another graph: roots are one, and so are objects to which the same names lead from there. For what
 * they have both, the values of graph stay.
 *
 * other  borrowed until graph is freed.
 *
 * Errors: INVALID_ARGUMENT names lead to one object in other and to two in graph, or to an object that both give different
 *   values; RESOURCE_EXHAUSTED. The graph is then half done.
 */
SM_API sm_status sm_trackable_graph_merge(sm_trackable_graph *graph, const sm_trackable_graph *other, sm_error *err);

/** Its bytes, until the graph is changed or freed. Fields that are not spoken of here are as they were. Errors:
 * RESOURCE_EXHAUSTED. */
SM_API sm_status sm_trackable_graph_write(sm_string *out, sm_trackable_graph *graph, sm_error *err);

SM_END_DECLS

#endif
