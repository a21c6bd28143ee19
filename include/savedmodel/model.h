/* A SavedModel: a directory that holds meta graphs, chosen by tags, with signatures that name their inputs and outputs.
 * Nothing is unpacked before it is asked for: opening costs about the same for a graph of ten nodes and of a million. */
#ifndef SAVEDMODEL_MODEL_H
#define SAVEDMODEL_MODEL_H

#include <stdbool.h>

#include <savedmodel/bundle.h>
#include <savedmodel/options.h>
#include <savedmodel/status.h>
#include <savedmodel/tensor.h>

SM_BEGIN_DECLS

/* ---- The field's constants (TensorFlow: cc/saved_model/{tag_constants,signature_constants,constants}.h) ---- */

#define SM_TAG_SERVE "serve"
#define SM_TAG_TRAIN "train"
#define SM_TAG_EVAL "eval"
#define SM_TAG_GPU "gpu"
#define SM_TAG_TPU "tpu"

/* Signature keys. */
#define SM_KEY_SERVING_DEFAULT "serving_default"
#define SM_KEY_TRAIN "train"
#define SM_KEY_EVAL "eval"
#define SM_KEY_INIT_OP "__saved_model_init_op"
#define SM_KEY_TRAIN_OP "__saved_model_train_op"

/* Method names, and the input and output keys that classify and regress ask for. */
#define SM_METHOD_PREDICT "tensorflow/serving/predict"
#define SM_METHOD_CLASSIFY "tensorflow/serving/classify"
#define SM_METHOD_REGRESS "tensorflow/serving/regress"
#define SM_METHOD_TRAIN "tensorflow/supervised/training"
#define SM_METHOD_EVAL "tensorflow/supervised/eval"
#define SM_KEY_PREDICT_INPUTS "inputs"
#define SM_KEY_PREDICT_OUTPUTS "outputs"
#define SM_KEY_CLASSIFY_INPUTS "inputs"
#define SM_KEY_CLASSIFY_OUTPUT_CLASSES "classes"
#define SM_KEY_CLASSIFY_OUTPUT_SCORES "scores"
#define SM_KEY_REGRESS_INPUTS "inputs"
#define SM_KEY_REGRESS_OUTPUTS "outputs"

/* Collection keys. */
#define SM_KEY_ASSETS "saved_model_assets"
#define SM_KEY_MAIN_OP "saved_model_main_op"
#define SM_KEY_LEGACY_INIT_OP "legacy_init_op"
#define SM_KEY_TRAIN_OP_COLLECTION "saved_model_train_op"

/* Files of the directory. */
#define SM_FILE_SAVED_MODEL_PB "saved_model.pb"
#define SM_FILE_SAVED_MODEL_PBTXT "saved_model.pbtxt"
#define SM_FILE_SAVED_MODEL_CPB "saved_model.cpb"
#define SM_FILE_FINGERPRINT "fingerprint.pb"
#define SM_FILE_DEBUG_INFO "debug/saved_model_debug_info.pb"
#define SM_FILE_KERAS_METADATA "keras_metadata.pb" /* what Keras wants to know of objects, by their numbers */
#define SM_DIR_VARIABLES "variables"
#define SM_FILE_VARIABLES_PREFIX "variables"
#define SM_DIR_ASSETS "assets"
#define SM_DIR_ASSETS_EXTRA "assets.extra"
#define SM_FILE_WARMUP_REQUESTS "assets.extra/tf_serving_warmup_requests"
#define SM_FILE_METADATA "assets.extra/metadata.json"

#define SM_SCHEMA_VERSION 1

/* ---- Model ---- */

/** An open SavedModel. shared: any number of threads. */
typedef struct sm_model sm_model;

/** One graph variant of a model. shared; lives until sm_model_close. */
typedef struct sm_meta_graph sm_meta_graph;

/**
 * Open the SavedModel in a directory.
 *
 * out      NULL after a failure; closed with sm_model_close.
 * dir      path for options->fs.
 * options  NULL: defaults.
 *
 * Errors: NOT_FOUND no saved_model file in dir; DATA_LOSS it is not the bytes of a SavedModel; UNIMPLEMENTED there is only
 *   a form of it that this version does not read, or one compressed with a library that this build is without;
 *   FAILED_PRECONDITION a saved_model.cpb that asks for a later version; RESOURCE_EXHAUSTED; INVALID_ARGUMENT.
 * Cost: maps saved_model.pb and reads the top levels of its meta graphs: tags, signature keys, assets. What lies deeper
 *   is looked at when it is asked for, so damage there is reported by the call that meets it. A saved_model.cpb is
 *   decompressed and copied as a whole.
 * A mapped file that another process truncates ends this one with SIGBUS: replace model files by rename, or set no_mmap.
 * Format: proto/saved_model.proto; of several forms the first of .pb, .pbtxt and .cpb is the one that counts.
 */
SM_API sm_status sm_model_open(sm_model **out, const char *dir, const sm_open_options *options, sm_error *err);

/**
 * Open the bytes of a saved_model.pb. data is borrowed until sm_model_close; of the options, fs, no_mmap and
 * refuse_symlinks say nothing. Such a model has no directory: what lies in other files is NOT_FOUND. Errors as above.
 */
SM_API sm_status sm_model_open_buffer(sm_model **out, const void *data, size_t size, const sm_open_options *options,
                                      sm_error *err);

/** Close a model and all that was borrowed from it. NULL is fine. No other call may be under way. */
SM_API void sm_model_close(sm_model *model);

/** The file's saved_model_schema_version; TensorFlow writes SM_SCHEMA_VERSION and no loader checks it. */
SM_API int64_t sm_model_get_schema_version(const sm_model *model);

/** Number of meta graphs; they are numbered in file order. */
SM_API size_t sm_model_n_meta_graphs(const sm_model *model);

/** Meta graph i; NULL when there is none of that number. */
SM_API const sm_meta_graph *sm_model_get_meta_graph(const sm_model *model, size_t i);

/**
 * Find the meta graph whose set of tags equals the given one; order and repetition do not count, the first match wins.
 *
 * tags  n_tags of them; NULL (with n_tags 0): the only meta graph there is. Non-NULL with n_tags 0: the untagged one.
 *
 * Errors: NOT_FOUND, with a message that lists the tag sets there are; it also says so when NULL tags meet several meta
 *   graphs, or none. INVALID_ARGUMENT tags is NULL but n_tags is not 0.
 */
SM_API sm_status sm_model_find_meta_graph(const sm_meta_graph **out, const sm_model *model, const char *const *tags,
                                          size_t n_tags, sm_error *err);

/**
 * The model's variables, opened on the first call with the model's options; until sm_model_close.
 *
 * Errors: NOT_FOUND the model has none (a model without variables has no variables directory), or was opened from a
 *   buffer; those of sm_bundle_reader_open.
 */
SM_API sm_status sm_model_get_variables(const sm_bundle_reader **out, const sm_model *model, sm_error *err);

/** What tells a model from others. Format: proto/fingerprint.proto. */
typedef struct sm_fingerprint {
  uint64_t saved_model_checksum;
  uint64_t graph_def_program_hash;
  uint64_t signature_def_hash;
  uint64_t saved_object_graph_hash;
  uint64_t checkpoint_hash;
  const char *uuid; /* "" when absent, as in models of TensorFlow 2.12 and before */
  int32_t producer; /* version of the hashing */
  int32_t min_consumer;
  const int32_t *bad_consumers;
  size_t n_bad_consumers;
} sm_fingerprint;

/**
 * The fingerprint that was stored with the model, read on the first call. out lives until sm_model_close.
 * Errors: NOT_FOUND there is no fingerprint.pb; DATA_LOSS it is not a FingerprintDef; RESOURCE_EXHAUSTED.
 */
SM_API sm_status sm_model_get_fingerprint(const sm_fingerprint **out, const sm_model *model, sm_error *err);

/**
 * The fingerprint that the model should have: what TensorFlow 2.21 computes of the model as it is, but for the uuid, which
 * TensorFlow draws at random and which here follows from the hashes. Computed on the first call. out lives until
 * sm_model_close.
 *
 * Errors: FAILED_PRECONDITION TensorFlow has none for such a model: there is no meta graph, or the name of a concrete
 *   function does not end in a number. DATA_LOSS, RESOURCE_EXHAUSTED.
 * Cost: reads all of saved_model.pb and the index of the variables, and hashes them; copies neither.
 */
SM_API sm_status sm_model_compute_fingerprint(const sm_fingerprint **out, const sm_model *model, sm_error *err);

/** Something that somebody says of a model. */
typedef struct sm_metadata_entry {
  const char *key, *value; /* UTF-8 */
} sm_metadata_entry;

/**
 * What people say of the model, sorted by key: the JSON object of strings in SM_FILE_METADATA, read on the first call. out
 * lives until sm_model_close; without such a file *n is 0. Errors: DATA_LOSS it is something else; RESOURCE_EXHAUSTED; those
 * of sm_fs.
 */
SM_API sm_status sm_model_get_metadata(const sm_metadata_entry **out, size_t *n, const sm_model *model, sm_error *err);

/**
 * Size of a file of the model's directory, such as SM_FILE_DEBUG_INFO, in bytes. name is relative to the directory.
 * Errors: NOT_FOUND no such file; FAILED_PRECONDITION it is not a regular one; INVALID_ARGUMENT name is absolute or
 *   climbs out; the file system's.
 */
SM_API sm_status sm_model_get_file_size(uint64_t *out, const sm_model *model, const char *name, sm_error *err);

/**
 * Copy a file of the model's directory to a local path, through a temporary name and a rename: the copy is there whole or
 * not at all. An existing dst_path is replaced; its directory must exist.
 * Errors: as sm_model_get_file_size; those of writing.
 */
SM_API sm_status sm_model_copy_file(const sm_model *model, const char *name, const char *dst_path, sm_error *err);

/** A file below a model's directory. Borrowed for the call of the callback. */
typedef struct sm_model_file {
  const char *name; /* relative to the listed directory, '/'-separated */
  uint64_t size;    /* bytes */
  bool is_symlink;  /* it, or a directory on the way to it, is a symbolic link */
} sm_model_file;

typedef sm_status (*sm_model_file_fn)(void *ctx, const sm_model_file *file, sm_error *err);

/**
 * Call fn for every regular file below a directory of the model, such as SM_DIR_ASSETS_EXTRA, sorted by name. A directory
 * that is not there has no files. A status of fn other than SM_OK ends it and is returned.
 * Errors: RESOURCE_EXHAUSTED (also: more than 64 levels deep, or 262144 files); INVALID_ARGUMENT dir is absolute or climbs out; the file
 *   system's.
 */
SM_API sm_status sm_model_list_files(const sm_model *model, const char *dir, sm_model_file_fn fn, void *fn_ctx,
                                     sm_error *err);

/**
 * Check everything in a model: that all of it can be decoded, tags, assets, signatures and inputs against the nodes, the
 * object graph, and the variables as sm_bundle_reader_verify does.
 *
 * fn  called once for each finding, on the caller's thread; files are named from the model's directory. NULL: nobody wants
 *     to know.
 *
 * Errors: DATA_LOSS there was a finding of SM_SEVERITY_ERROR; the message is the first one. RESOURCE_EXHAUSTED; those of
 *   sm_fs.
 */
SM_API sm_status sm_model_verify(const sm_model *model, sm_finding_fn fn, void *ctx, sm_error *err);

/* ---- Meta graph: tags ---- */

/** Number of tags, in file order; a tag listed twice counts twice. */
SM_API size_t sm_meta_graph_n_tags(const sm_meta_graph *graph);

/** Tag i, terminated; its bytes with the length below. NULL (0) when there is none of that number. */
SM_API const char *sm_meta_graph_get_tag(const sm_meta_graph *graph, size_t i);
SM_API size_t sm_meta_graph_get_tag_size(const sm_meta_graph *graph, size_t i);

/* How a meta graph's set of tags is compared with a given set. */
typedef enum sm_tag_match {
  SM_TAGS_EQUAL = 0, /* the same set */
  SM_TAGS_INCLUDE,   /* the meta graph has all the given tags, perhaps more */
  SM_TAGS_WITHIN     /* the meta graph has no tag but given ones */
} sm_tag_match;

SM_API bool sm_meta_graph_matches(const sm_meta_graph *graph, sm_tag_match match, const char *const *tags,
                                  size_t n_tags);

/* ---- Signatures ---- */

/* How a TensorInfo says where its value is. */
typedef enum sm_tensor_kind {
  SM_TENSOR_NAME = 0,   /* tensor_name */
  SM_TENSOR_COO_SPARSE, /* three components: values, indices, dense_shape */
  SM_TENSOR_COMPOSITE   /* components, put together as type_spec says (ragged tensors and the like) */
} sm_tensor_kind;

/**
 * One input or output of a signature. A plain struct: what find_signature returns can be handed to a writer.
 * When writing, name_size and tensor_name_size may be 0: the terminated string counts.
 */
typedef struct sm_tensor_info {
  const char *name;        /* the key in the signature, "x" */
  const char *tensor_name; /* in the graph, "serving_default_x:0"; "" unless kind is SM_TENSOR_NAME */
  sm_dtype dtype;          /* SM_DT_INVALID for an op, as in init op signatures */
  int32_t rank;            /* -1: unknown */
  const int64_t *dims;     /* rank of them; -1: unknown */
  sm_tensor_kind kind;
  const struct sm_tensor_info *const *components;
  size_t n_components;
  sm_string type_spec; /* serialised TypeSpecProto of a composite tensor; not terminated */
  size_t name_size;
  size_t tensor_name_size;
} sm_tensor_info;

/** The value an input takes when it is not fed. */
typedef struct sm_signature_default {
  const char *name; /* of the input */
  size_t name_size;
  sm_dtype dtype;
  int32_t rank;
  const int64_t *dims;
  sm_string tensor_proto; /* serialised TensorProto; not terminated */
} sm_signature_default;

/** A callable entry of a meta graph. Inputs, outputs and defaults are sorted by name. */
typedef struct sm_signature {
  const char *key;         /* "serving_default" */
  const char *method_name; /* SM_METHOD_PREDICT, ...; "" when there is none */
  size_t n_inputs;
  const sm_tensor_info *const *inputs;
  size_t n_outputs;
  const sm_tensor_info *const *outputs;
  size_t n_defaults;
  const sm_signature_default *const *defaults;
  size_t key_size; /* when writing 0 will do */
  size_t method_name_size;
} sm_signature;

/** Number of signatures, sorted by key (as bytes). Init and train op signatures of V2 models are among them. */
SM_API size_t sm_meta_graph_n_signatures(const sm_meta_graph *graph);

/**
 * Signature i; decoded on the first call, it lives until sm_model_close.
 * Errors: NOT_FOUND no such number; DATA_LOSS its bytes are no SignatureDef; RESOURCE_EXHAUSTED.
 */
SM_API sm_status sm_meta_graph_get_signature(const sm_signature **out, const sm_meta_graph *graph, size_t i,
                                             sm_error *err);

/** The signature of that key. Errors as above; NOT_FOUND lists the keys there are. */
SM_API sm_status sm_meta_graph_find_signature(const sm_signature **out, const sm_meta_graph *graph, const char *key,
                                              sm_error *err);

/** The input (output) of that name; NULL when there is none. */
SM_API const sm_tensor_info *sm_signature_find_input(const sm_signature *signature, const char *name);
SM_API const sm_tensor_info *sm_signature_find_output(const sm_signature *signature, const char *name);

/* ---- Assets ---- */

/** A file the graph reads when it is initialised. */
typedef struct sm_asset {
  const char *tensor_name; /* the string tensor that is fed with the file's path, "asset_path:0" */
  const char *filename;    /* below the assets directory; safe to join to it */
} sm_asset;

/** Number of assets: those of asset_file_def or, when it is empty, of the V1 collection SM_KEY_ASSETS. */
SM_API size_t sm_meta_graph_n_assets(const sm_meta_graph *graph);

/**
 * Asset i; decoded on the first call, it lives until sm_model_close. That the file exists is not checked.
 * Errors: NOT_FOUND no such number; DATA_LOSS its bytes are no AssetFileDef, or its file name is absolute or climbs out of
 *   the assets directory (the other assets stay usable); RESOURCE_EXHAUSTED.
 */
SM_API sm_status sm_meta_graph_get_asset(const sm_asset **out, const sm_meta_graph *graph, size_t i, sm_error *err);

/* ---- What else a meta graph records ---- */

typedef struct sm_function_alias {
  const char *function; /* name of a concrete function */
  const char *alias;
} sm_function_alias;

/** meta_info_def. Absent strings are "". Format: proto/meta_graph.proto. */
typedef struct sm_meta_info {
  const char *meta_graph_version;
  const char *tensorflow_version;
  const char *tensorflow_git_version;
  bool stripped_default_attrs; /* attributes that equal their default were left out of the nodes */
  size_t n_function_aliases;   /* sorted by function */
  const sm_function_alias *function_aliases;
} sm_meta_info;

/** Errors: DATA_LOSS, RESOURCE_EXHAUSTED. */
SM_API sm_status sm_meta_graph_get_info(const sm_meta_info **out, const sm_meta_graph *graph, sm_error *err);

/** How variables are saved and restored by running the graph. Format: proto/saver.proto. */
typedef struct sm_saver_def {
  const char *filename_tensor_name; /* fed with the checkpoint's prefix */
  const char *save_tensor_name;
  const char *restore_op_name;
  int32_t max_to_keep;
  bool sharded;
  float keep_checkpoint_every_n_hours;
  int32_t version; /* 0 legacy, 1 V1, 2 V2 */
} sm_saver_def;

/** Errors: NOT_FOUND the meta graph has no saver; DATA_LOSS; UNIMPLEMENTED a name holds a NUL; RESOURCE_EXHAUSTED. */
SM_API sm_status sm_meta_graph_get_saver_def(const sm_saver_def **out, const sm_meta_graph *graph, sm_error *err);

/* What a collection holds. */
typedef enum sm_collection_kind {
  SM_COLLECTION_EMPTY = 0, /* no list was set */
  SM_COLLECTION_NODES,     /* names of nodes or tensors */
  SM_COLLECTION_BYTES,     /* serialised messages, such as VariableDef */
  SM_COLLECTION_INT64,
  SM_COLLECTION_FLOAT,
  SM_COLLECTION_ANY
} sm_collection_kind;

/** A named list of a V1 graph. n values, in the one array that kind names; the others are NULL. */
typedef struct sm_collection {
  const char *key;
  sm_collection_kind kind;
  size_t n;
  const sm_string *strings;   /* NODES and BYTES; the values of ANY */
  const sm_string *type_urls; /* ANY */
  const int64_t *int64s;
  const float *floats;
} sm_collection;

/** Number of collections, sorted by key. Errors: DATA_LOSS, RESOURCE_EXHAUSTED. */
SM_API sm_status sm_meta_graph_n_collections(size_t *out, const sm_meta_graph *graph, sm_error *err);

/** Collection i, or the one of that key. Errors: NOT_FOUND there is none; DATA_LOSS; UNIMPLEMENTED a name of a node holds
 * a NUL; RESOURCE_EXHAUSTED. */
SM_API sm_status sm_meta_graph_get_collection(const sm_collection **out, const sm_meta_graph *graph, size_t i,
                                              sm_error *err);
SM_API sm_status sm_meta_graph_find_collection(const sm_collection **out, const sm_meta_graph *graph, const char *key,
                                               sm_error *err);

/**
 * The op to run after the variables are restored: that of signature SM_KEY_INIT_OP, else of collection SM_KEY_MAIN_OP, else
 * of SM_KEY_LEGACY_INIT_OP (TensorFlow: loader_util.cc, GetInitOp).
 * Errors: NOT_FOUND none is recorded; FAILED_PRECONDITION the signature lacks its output, or the collection does not hold
 *   exactly one op; DATA_LOSS, RESOURCE_EXHAUSTED.
 */
SM_API sm_status sm_meta_graph_get_init_op(const char **out, const sm_meta_graph *graph, sm_error *err);

/** The op that makes a training step: of signature SM_KEY_TRAIN_OP, else of the V1 collection. Errors as above. */
SM_API sm_status sm_meta_graph_get_train_op(const char **out, const sm_meta_graph *graph, sm_error *err);

/* ---- The graph, from afar ---- */

/** Facts of a GraphDef, gathered in one walk over its bytes; memory depends on the number of functions and distinct ops,
 * not of nodes. */
typedef struct sm_graph_summary {
  size_t n_nodes; /* of the graph itself, function bodies not counted */
  size_t n_ops;   /* distinct ops of the graph and of the functions it calls, sorted (TensorFlow: ops_used_by_graph_def,
                     which follows nodes named after a function and the calls of (Stateful)PartitionedCall only) */
  const sm_string *ops;
  size_t n_functions; /* of the library, sorted by name */
  const sm_string *functions;
  int32_t producer; /* versions of the GraphDef */
  int32_t min_consumer;
  const int32_t *bad_consumers;
  size_t n_bad_consumers;
} sm_graph_summary;

/** Errors: DATA_LOSS, RESOURCE_EXHAUSTED. Cost: the first call reads the whole graph. */
SM_API sm_status sm_meta_graph_get_graph_summary(const sm_graph_summary **out, const sm_meta_graph *graph,
                                                 sm_error *err);

SM_END_DECLS

#endif
