/* Inside model/: what an open model is made of. */
#ifndef SM_MODEL_MODEL_INTERNAL_H
#define SM_MODEL_MODEL_INTERNAL_H

#include "io/io.h"
#include "model/model.h"

/* Fields of SavedModel, MetaGraphDef, MetaInfoDef: proto/saved_model.proto, meta_graph.proto. */
enum {
  SAVED_MODEL_SCHEMA_VERSION = 1,
  SAVED_MODEL_META_GRAPH = 2,
  META_GRAPH_INFO = 1,
  META_GRAPH_GRAPH = 2,
  META_GRAPH_SAVER = 3,
  META_GRAPH_COLLECTION = 4,
  META_GRAPH_SIGNATURE = 5,
  META_GRAPH_ASSET = 6,
  META_GRAPH_OBJECT_GRAPH = 7,
  INFO_TAG = 4
};

/* A map whose values are decoded on demand. */
typedef struct sm_slots {
  sm_wire_map map;
  sm_once *values; /* one for each entry */
} sm_slots;

typedef struct sm_asset_slot {
  sm_span bytes; /* AssetFileDef; of a V1 collection: Any */
  bool in_collection;
  sm_once value;
} sm_asset_slot;

struct sm_meta_graph {
  sm_model *model;
  sm_span bytes;
  sm_spans info, graph, saver, object_graph; /* pieces; nearly always one */
  size_t n_tags, n_assets;
  const sm_string *tags;
  sm_slots signatures;
  sm_asset_slot *assets;
  sm_once info_value, saver_value, collections_value, summary_value, objects_value, variables_value, init_op_value,
      train_op_value;
  sm_once proto_value, graph_proto_value, object_graph_proto_value;
};

struct sm_model {
  const sm_allocator *allocator;
  sm_open_options options; /* as given, the rest being defaults */
  sm_root root;            /* root.dir NULL: opened from a buffer */
  char *dir;               /* of root, owned */
  char *source_name;       /* owned */
  sm_bytes bytes;          /* of saved_model.pb */
  sm_wire_source source;
  sm_arena arena; /* all that was decoded; behind lock once the model is open */
  sm_mutex lock;
  int64_t schema_version;
  sm_meta_graph *meta_graphs;
  size_t n_meta_graphs;
  sm_once fingerprint, computed_fingerprint, debug_info, metadata;
  sm_once variables;    /* sm_bundle_reader */
  sm_bytes debug_bytes; /* of its file, once it is open */
};

/* As sm_meta_graph_once, for what belongs to the model: build gets a NULL graph and the model as subject. */
sm_status sm_model_once(void **out, sm_model *model, sm_once *slot, sm_build_fn build, const sm_meta_graph *graph,
                        const void *subject, sm_error *err);

/* Closes the variables if they are open. */
void sm_model_close_variables(sm_model *model);

/* The entries of a map field with string keys, no value decoded yet. */
sm_status sm_slots_index(sm_slots *out, sm_spans message, uint32_t number, const sm_wire_source *source,
                         sm_arena *arena, sm_error *err);

/* Lists the assets for sm_meta_graph_get_asset. */
sm_status sm_meta_graph_index_assets(sm_meta_graph *graph, sm_arena *arena, sm_error *err);

#endif
