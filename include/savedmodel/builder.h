/*
 * Writing SavedModels: new ones from GraphDefs and variables, and changed ones from those there are. A save is a
 * transaction: at every moment the directory has what it had before, or all of the new model.
 */
#ifndef SAVEDMODEL_BUILDER_H
#define SAVEDMODEL_BUILDER_H

#include <savedmodel/bundle.h>
#include <savedmodel/graph.h>
#include <savedmodel/model.h>
#include <savedmodel/options.h>

SM_BEGIN_DECLS

/* A SavedModel being written. exclusive. */
typedef struct sm_builder sm_builder;

/**
 * Begin a model.
 *
 * out      closed with sm_builder_close.
 * dir      that it will have; nothing is there before sm_builder_finish. What is above it is made as needed.
 * options  NULL: defaults. as_text, no_fingerprint, overwrite and in_place say how the model appears; the rest is for the
 *          variables too.
 *
 * How the model appears, whenever the process ends or the machine does:
 *   new        there is no such directory (or the empty one that there was), or all of the model. It is made beside dir, as
 *              dir.partial-model, under the lock dir.partial.
 *   overwrite  there is the old model or the new one: the directories change places. Where the file system cannot do that
 *              (sm_fs.exchange) there are two renames, and between them no model; the next save brings the old one back.
 *   in_place   every file is the old one or the new one, and saved_model.pb is the last to become new. So the fingerprint can
 *              be that of the new model for a moment, or after a crash.
 * What a process that died has left is removed by the next save to the same place.
 *
 * Errors: ALREADY_EXISTS dir is there and not empty, and neither overwrite nor in_place is set; FAILED_PRECONDITION what is to
 *   be overwritten is no SavedModel; NOT_FOUND there is nothing to be changed in place; ABORTED somebody else is saving to
 *   it; INVALID_ARGUMENT bad options, or dir is "." or the like, and not in_place; UNIMPLEMENTED the file system is
 *   read-only; those of sm_fs.
 */
SM_API sm_status sm_builder_open(sm_builder **out, const char *dir, const sm_save_options *options, sm_error *err);

/* ---- Meta graphs of new models ---- */

/** A file that the graph reads when it is initialised. */
typedef struct sm_asset_spec {
  const char *tensor_name; /* string tensor that is fed with its path, "vocab:0" */
  const char *path;        /* the file; NULL: its bytes are data */
  sm_string data;          /* borrowed until finish */
  const char *filename;    /* below assets/; NULL: the last part of path */
} sm_asset_spec;

/** A meta graph to be written. Zero is the default of every field but struct_size; start from SM_META_GRAPH_SPEC_INIT. */
typedef struct sm_meta_graph_spec {
  size_t struct_size;
  const char *const *tags;
  size_t n_tags;
  sm_string graph_def; /* serialised */
  const sm_signature *const *signatures;
  size_t n_signatures;
  const sm_asset_spec *assets;
  size_t n_assets;
  const char *init_op;  /* node that initialises tables and the like; NULL: none (or among the collections) */
  const char *train_op; /* node that makes a training step; NULL: none */
  const sm_saver_def
      *saver_def; /* nodes of the graph that save and restore; NULL: they are added, if it has variables */
  bool no_saver;
  bool no_variables_check; /* finish does not ask for what the saver restores: the variables are delivered apart */
  bool no_method_check;    /* inputs and outputs need not be what the signatures' methods want */
  const sm_collection *collections;
  size_t n_collections;
  bool clear_devices;         /* of the graph's nodes; its functions keep theirs */
  bool strip_default_attrs;   /* leave out attributes that equal their default */
  sm_string meta_info_def;    /* serialised; what is said of the meta graph beside tags; {NULL, 0}: nothing */
  sm_string object_graph_def; /* serialised SavedObjectGraph; {NULL, 0}: none, a V1 model */
} sm_meta_graph_spec;

#define SM_META_GRAPH_SPEC_INIT \
  { .struct_size = sizeof(sm_meta_graph_spec) }

/**
 * Add a meta graph. Everything is checked now and copied, but for files and data of assets.
 *
 * index  its number; NULL: not wanted.
 *
 * Errors: INVALID_ARGUMENT: no graph, or one that TensorFlow would not load (a node without an op, two of one name, inputs
 *   that are not there, attributes missing or against the definition of the op); signatures that name tensors which are
 *   not in the graph or of another dtype, have a reserved key, or are not as SM_METHOD_CLASSIFY and SM_METHOD_REGRESS want
 *   them; a file name that leaves the directory.
 *   ALREADY_EXISTS the tags, or an asset of that name with other bytes; NOT_FOUND an asset's file. DATA_LOSS graph_def is
 *   no GraphDef; RESOURCE_EXHAUSTED.
 * Source: what tf.compat.v1.saved_model.Builder refuses, and what TensorFlow's loaders refuse.
 */
SM_API sm_status sm_builder_add_meta_graph(size_t *index, sm_builder *builder, const sm_meta_graph_spec *spec,
                                           sm_error *err);

/**
 * The model's variables, to be added under the names that the graph's saver restores. Made on the first call, finished by
 * sm_builder_finish, closed by sm_builder_close. Errors: those of sm_bundle_writer_open.
 */
SM_API sm_status sm_builder_get_variables(sm_bundle_writer **out, sm_builder *builder, sm_error *err);

/**
 * Take all variables from another checkpoint, as they are: its files are linked, or copied where that is not possible.
 *
 * prefix   as sm_bundle_reader_open takes it.
 * options  how to read it; NULL: defaults.
 *
 * Errors: those of sm_bundle_reader_open; FAILED_PRECONDITION there are variables already.
 */
SM_API sm_status sm_builder_link_variables(sm_builder *builder, const char *prefix, const sm_open_options *options,
                                           sm_error *err);

/* ---- Changing models there are ---- */

/**
 * Take over a whole model: its meta graphs, by reference, and all its files. Nothing else can have been added before.
 *
 * model  outlives the builder.
 *
 * The functions below change it. What is not changed stays as it is, byte for byte; files are linked, or copied where that
 * is not possible. With the option in_place the model's own directory is changed: saved_model.pb and what belongs to it
 * are replaced, other files stay where they are. A saved_model.cpb of which a meta graph is changed becomes a
 * saved_model.pb, and a saved_model.pbtxt too unless as_text is set.
 *
 * Errors: FAILED_PRECONDITION the builder has something already; INVALID_ARGUMENT in_place, and the model was not opened
 *   from a directory of the same file system; ABORTED in_place, and what is in the directory is another model, or was changed
 *   since it was opened; those of sm_fs.
 */
SM_API sm_status sm_builder_add_model(sm_builder *builder, const sm_model *model, sm_error *err);

/*
 * Meta graphs are numbered from 0 in the order in which they were added; one that was removed keeps its number. Changes are
 * made in the order of the calls, and reach the object graph and its functions where the model has them.
 *
 * Errors of all: NOT_FOUND no such meta graph, signature, input, output or file; the message says which there are.
 * ALREADY_EXISTS the new name is taken; INVALID_ARGUMENT a reserved key; DATA_LOSS the part to be changed is damaged;
 * UNIMPLEMENTED it cannot be changed without losing what this version does not know; RESOURCE_EXHAUSTED.
 */
SM_API sm_status sm_builder_remove_meta_graph(sm_builder *builder, size_t graph, sm_error *err);
SM_API sm_status sm_builder_set_tags(sm_builder *builder, size_t graph, const char *const *tags, size_t n_tags,
                                     sm_error *err);

/**
 * Add a signature, or replace that of its key. Of V2 models only loaders that run a session (V1, TensorFlow Serving) see an
 * added one; tf.saved_model.load goes on with what the object graph has.
 * Errors: also INVALID_ARGUMENT: what sm_builder_add_meta_graph refuses of signatures.
 */
SM_API sm_status sm_builder_set_signature(sm_builder *builder, size_t graph, const sm_signature *signature,
                                          sm_error *err);
SM_API sm_status sm_builder_rename_signature(sm_builder *builder, size_t graph, const char *key, const char *new_key,
                                             sm_error *err);
SM_API sm_status sm_builder_remove_signature(sm_builder *builder, size_t graph, const char *key, sm_error *err);

/**
 * Give an input or output of a signature another name. Nodes and tensors of the graph keep theirs. In the object graph the
 * tensors of a function are passed in the order of their names, so where the new name changes that, the function has to
 * take another order. If it has other users (the graph's node for the signature is one) a copy of it does, with another
 * number at the end of its name. Names that no parameter in Python can have ("0/x") become keys there as TensorFlow makes
 * them ("arg_0_x"); callers pass them as they are.
 */
SM_API sm_status sm_builder_rename_input(sm_builder *builder, size_t graph, const char *key, const char *name,
                                         const char *new_name, sm_error *err);
SM_API sm_status sm_builder_rename_output(sm_builder *builder, size_t graph, const char *key, const char *name,
                                          const char *new_name, sm_error *err);

/** Say how a signature is called. Any method is taken, as inputs and outputs may get the names that it wants afterwards. */
SM_API sm_status sm_builder_set_method(sm_builder *builder, size_t graph, const char *key, const char *method_name,
                                       sm_error *err);

/**
 * Remove all other signatures, and what only they need. Left are
 *
 *   of the graph         what the signatures, init op, saver and assets lead to; all variables of the saver are among it
 *   of the functions     what these nodes and the object graph call, and custom gradients
 *   of the object graph  the functions of the signatures; the variables, constants, assets and tables that they capture,
 *                        under the names they have; tf.functions and Keras metadata that name other nodes are gone
 *   of the collections   names and variables that are still there; no contexts of V1 loops, which only gradients need
 *
 * Variables stay in the checkpoint, and other files stay, but for SM_FILE_KERAS_METADATA, which has numbers of objects.
 */
SM_API sm_status sm_builder_keep_signatures(sm_builder *builder, size_t graph, const char *const *keys, size_t n_keys,
                                            sm_error *err);

/**
 * Make constants of all variables that the saver restores: the model then has its values in the graph, and can be loaded by
 * what knows no checkpoints. Nodes, functions and objects that only variables needed are gone; objects that were variables
 * are constants under the same names. A model without variables stays what it is.
 *
 * Of the checkpoint stays what is no variable, such as the contents of tables that change, with a saver for them; in place,
 * or where another meta graph needs it, all of it stays. Without in_place the builder cannot get new variables afterwards.
 *
 * Errors: UNIMPLEMENTED something writes to a variable, or does more with it than to read it: the message names the node and
 *   its function (sm_builder_keep_signatures removes functions); or the saver restores what is neither variable nor table;
 *   FAILED_PRECONDITION no model was taken over, or it gets new variables; NOT_FOUND there is no checkpoint, or it lacks a
 *   variable; RESOURCE_EXHAUSTED more than the 2 GiB that a protobuf can have, which is known before anything is read.
 * Source: convert_variables_to_constants_v2 (tensorflow/python/framework/convert_to_constants.py).
 */
SM_API sm_status sm_builder_freeze(sm_builder *builder, size_t graph, sm_error *err);

/**
 * Leave out the object graph: the model is then one of V1 for all loaders. Sessions never see the difference;
 * tf.saved_model.load gives the signatures and, in a list, the variables, and can save them again: for that each variable
 * that the saver restores gets a node that reads it, one that would initialise it, and a VariableDef in the collections. The
 * init op is named by the collection "saved_model_main_op", as V1 models have it. Functions and the checkpoint stay. Nothing
 * happens to a model without.
 */
SM_API sm_status sm_builder_drop_object_graph(sm_builder *builder, size_t graph, sm_error *err);

/** How a V1 model gets an object graph. Zero is the default of every field; start from SM_OBJECTS_OPTIONS_INIT. */
typedef struct sm_objects_options {
  size_t struct_size;
  bool
      flat_names; /* a variable "layer/kernel" becomes the root's attribute of that name; default: the attribute "kernel"
                      of an object "layer" */
} sm_objects_options;

#define SM_OBJECTS_OPTIONS_INIT \
  { .struct_size = sizeof(sm_objects_options) }

/**
 * Give a V1 model an object graph: tf.saved_model.load then gives its variables and tables as objects, and its signatures
 * as functions; tf.train.Checkpoint restores its variables by name. Sessions run the graph, saver and signatures that they
 * ran before. Made are
 *
 *   of each variable that the saver restores   an object under its name. Where one is called "a" and another "a/b", the second
 *                                              keeps its name in one piece, as what lies below a hundred others does. Lists
 *                                              "variables" and "trainable_variables" have all of them, unless variables are
 *                                              called so
 *   of each table that the init op fills       an object that is made and filled when the model is loaded
 *   of each asset                              an object in the list "asset_paths"
 *   of what the init op does besides           an object "initializer", whose function tf.saved_model.load calls when it has
 *                                              restored the variables: local variables get their values so
 *   of each signature                          a function, cut out of the graph
 *   of each reference variable (VariableV2)    a resource: VarHandleOp and operations that go with it, in the graph too
 *
 * The values are not copied, but for those of partitioned variables, each part of which is a variable: the checkpoint gets
 * second names for them, and the object graph. Variables that were objects before have the names again that they had then.
 * Nothing happens to a model that has an object graph.
 *
 * options  NULL: defaults.
 *
 * Errors: FAILED_PRECONDITION in_place, or there are other meta graphs, of which tf.saved_model.load wants none; UNIMPLEMENTED
 *   something is done to a reference variable that resources do not have, the saver restores tables, a signature has sparse or
 *   composite tensors, or operations that new graphs do not have any more; the message names the node. INVALID_ARGUMENT a
 *   signature that cannot be cut: it needs a Placeholder that is none of its inputs, or a variable without a value. NOT_FOUND
 *   the checkpoint lacks a variable. RESOURCE_EXHAUSTED.
 */
SM_API sm_status sm_builder_add_object_graph(sm_builder *builder, size_t graph, const sm_objects_options *options,
                                             sm_error *err);

/** Of nodes and functions, and of the object graph's variables. */
SM_API sm_status sm_builder_clear_devices(sm_builder *builder, size_t graph, sm_error *err);

/** Leave out attributes that equal their default, of nodes and functions. */
SM_API sm_status sm_builder_strip_default_attrs(sm_builder *builder, size_t graph, sm_error *err);

/** Write them again, for readers that do not know the defaults. */
SM_API sm_status sm_builder_restore_default_attrs(sm_builder *builder, size_t graph, sm_error *err);

/**
 * Make debug nodes into such that do nothing, in functions, too: Assert and PrintV2 become NoOps that wait for what they
 * looked at, CheckNumerics and Print hand their first input on.
 * Result: as SaveOptions(experimental_debug_stripper=True) of tf.saved_model.save.
 */
SM_API sm_status sm_builder_strip_debug_ops(sm_builder *builder, size_t graph, sm_error *err);

/** Leave out debug/ and the traces in the graph. */
SM_API sm_status sm_builder_strip_debug_info(sm_builder *builder, sm_error *err);

/* Files below assets.extra, which no loader of TensorFlow reads; name may have '/'. path: the file to take, whatever the
 * builder's file system a local one. */
SM_API sm_status sm_builder_add_extra_asset(sm_builder *builder, const char *name, const char *path, sm_error *err);
SM_API sm_status sm_builder_remove_extra_asset(sm_builder *builder, const char *name, sm_error *err);

/* What people want to say of a model, by key: kept in SM_FILE_METADATA, read with sm_model_get_metadata. DATA_LOSS: there is
 * such a file, and it is something else. */
SM_API sm_status sm_builder_set_metadata(sm_builder *builder, const char *key, const char *value, sm_error *err);
SM_API sm_status sm_builder_remove_metadata(sm_builder *builder, const char *key, sm_error *err);

/* ---- The end ---- */

/**
 * Check, write, sync, and give the model its name: now it exists. Its fingerprint is computed, unless options say no. No
 * other call than close may follow.
 *
 * Errors: FAILED_PRECONDITION there is no meta graph, or the variables lack what the saver restores; those of sm_fs and of
 *   sm_bundle_writer_finish. Of the directory there is then what there was before.
 */
SM_API sm_status sm_builder_finish(sm_builder *builder, sm_error *err);

/** Free; without finish nothing stays behind. NULL is left alone. */
SM_API void sm_builder_close(sm_builder *builder);

/* ---- All of the above in one call ---- */

/** A variable and its value. */
typedef struct sm_simple_variable {
  const char *name;
  const sm_tensor_view *value;
} sm_simple_variable;

/** A model of one meta graph, for serving. Borrowed for the call; zero is the default of every field but graph. */
typedef struct sm_simple_model {
  sm_graph *graph;
  const sm_signature *const *signatures;
  size_t n_signatures;
  const sm_simple_variable *variables; /* all of the graph */
  size_t n_variables;
  const sm_asset_spec *assets;
  size_t n_assets;
  const char *init_op; /* such as sm_graph_add_init_op adds; NULL: none */
} sm_simple_model;

/**
 * Save a model of tags {SM_TAG_SERVE}, its nodes on no particular device.
 *
 * dir, options  as sm_builder_open takes them; without in_place.
 *
 * Errors: those of sm_builder_open, sm_builder_add_meta_graph, sm_bundle_writer_add and sm_builder_finish.
 * Result: as tf.compat.v1.saved_model.simple_save, but that there may be any signatures.
 */
SM_API sm_status sm_simple_save(const char *dir, const sm_simple_model *model, const sm_save_options *options,
                                sm_error *err);

SM_END_DECLS

#endif
