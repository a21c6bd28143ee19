/* What a model would do if it were run: which of its operations read or write files, reach the network, run code.
 * Nothing is run to find out. */
#ifndef SAVEDMODEL_SCAN_H
#define SAVEDMODEL_SCAN_H

#include <savedmodel/model.h>

SM_BEGIN_DECLS

/* ---- Effects ---- */

/* What an operation does beyond computing its outputs. Bits: one may do several things. None: it is pure. */
typedef enum sm_effect {
  SM_EFFECT_STATE = 1,      /* reads or changes what lives in the process: variables, tables, random numbers; prints */
  SM_EFFECT_FILE_READ = 2,  /* reads, maps or lists files */
  SM_EFFECT_FILE_WRITE = 4, /* writes, moves or deletes files */
  SM_EFFECT_NETWORK = 8,    /* talks to other machines, or opens a port */
  SM_EFFECT_PROCESS = 16,   /* ends, starts or reconfigures processes */
  SM_EFFECT_CODE = 32,      /* runs code that is not in the graph: of the host, or carried along as bytes */
  SM_EFFECT_UNKNOWN = 64    /* nobody can tell: a custom operation, or a part of the model that is not read */
} sm_effect;

/* Those worth a look: all but state. */
#define SM_EFFECTS_OF_NOTE                                                                               \
  (SM_EFFECT_FILE_READ | SM_EFFECT_FILE_WRITE | SM_EFFECT_NETWORK | SM_EFFECT_PROCESS | SM_EFFECT_CODE | \
   SM_EFFECT_UNKNOWN)

/** Name of a single effect, "file-write"; "pure" for 0; NULL for anything else. Static storage, any thread. */
SM_API const char *sm_effect_name(uint32_t effect);

/**
 * Effects of an operation of TensorFlow 2.21 by name, in the worst case of its attributes: SM_EFFECT_UNKNOWN for a name
 * that is none.
 *
 * reason  what it does, to be read after the name: "reads a file whose name it is given". Static storage; NULL: not
 *         wanted.
 */
SM_API uint32_t sm_op_get_effects(const char **reason, const char *op);

/* ---- Findings ---- */

/* What leads to a finding. Bits: several ways may. */
typedef enum sm_reached {
  SM_REACHED_BY_SIGNATURE = 1,
  SM_REACHED_BY_INIT_OP = 2, /* runs when the model is loaded */
  SM_REACHED_BY_TRAIN_OP = 4,
  SM_REACHED_BY_OBJECT = 8,   /* a function of the object graph, or a gradient */
  SM_REACHED_BY_SAVE = 16,    /* saver_def.save_tensor_name */
  SM_REACHED_BY_RESTORE = 32, /* saver_def.restore_op_name; runs when the model is loaded */
} sm_reached;

typedef enum sm_scan_finding_kind {
  SM_SCAN_FINDING_OP = 0,    /* a node */
  SM_SCAN_FINDING_KERAS = 1, /* a layer in the metadata of Keras, whose code a Keras that loads the model would run */
  SM_SCAN_FINDING_FILE = 2   /* a file that holds a model but could not be looked through */
} sm_scan_finding_kind;

/** One thing that was found. All of it is borrowed for the call of the callback; the strings are not terminated. */
typedef struct sm_scan_finding {
  sm_scan_finding_kind kind;
  uint32_t effects;           /* of sm_effect; 0: pure */
  uint32_t reached_by;        /* of sm_reached; 0: nothing the model offers runs it. OP only */
  bool is_checkpointing;      /* an operation of the saver that gets no file name but the one that the saver is given */
  bool is_asset_read;         /* fills a table from a file, or reads it, which can only be an asset of the model */
  const sm_meta_graph *graph; /* NULL: of no meta graph */
  size_t meta_graph;          /* its number in the file */
  const char *file;           /* in the model's directory; "" for a model without one */
  sm_string op;               /* OP: the operation; KERAS: the class, module or key that was met; FILE: "" */
  sm_string node;             /* OP: the node; KERAS: "object 17" */
  sm_string function;         /* the function the node is in; "": in the graph itself */
  const char *reason;
} sm_scan_finding;

/** KERAS and FILE findings are handed out whatever the options say. A status other than SM_OK ends the scan and is
 * returned by it. */
typedef sm_status (*sm_scan_fn)(void *ctx, const sm_scan_finding *finding, sm_error *err);

/** Zero is the default of every field but struct_size; NULL options are all defaults. */
typedef struct sm_scan_options {
  size_t struct_size;
  uint32_t effects; /* report what has one of these; 0: SM_EFFECTS_OF_NOTE */
  bool all_ops;     /* report every node, pure ones too */
} sm_scan_options;

#define SM_SCAN_OPTIONS_INIT \
  { .struct_size = sizeof(sm_scan_options) }

/**
 * Look through a meta graph: every node of the graph, in file order, then of every function in its library by name,
 * called or not, then the metadata of Keras in its object graph.
 *
 * Errors: DATA_LOSS the graph is damaged, so that TensorFlow could not load it either; RESOURCE_EXHAUSTED;
 * INVALID_ARGUMENT.
 * Cost: a few walks over the bytes; memory for the names of nodes, about 60 bytes each, until it returns.
 */
SM_API sm_status sm_meta_graph_scan(const sm_meta_graph *graph, const sm_scan_options *options, sm_scan_fn fn,
                                    void *fn_ctx, sm_error *err);

/**
 * Look through what else lies in the model's directory: keras_metadata.pb, and every other regular file that holds a
 * SavedModel, a MetaGraphDef or a GraphDef, whatever its name, saved_model.pbtxt beside saved_model.pb among them.
 * Shards of variables are left out. What cannot be looked through, but may be a model, is a FILE finding.
 *
 * Errors: as above; those of the file system. A damaged file is a finding, not an error.
 * Cost: maps every file; one that is no protobuf is given up at its first bytes.
 */
SM_API sm_status sm_model_scan_files(const sm_model *model, const sm_scan_options *options, sm_scan_fn fn, void *fn_ctx,
                                     sm_error *err);

/** All meta graphs, then the other files. */
SM_API sm_status sm_model_scan(const sm_model *model, const sm_scan_options *options, sm_scan_fn fn, void *fn_ctx,
                               sm_error *err);

SM_END_DECLS

#endif
