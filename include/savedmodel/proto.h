/* The raw protobuf-c structs of a model. Opt-in: users of this header compile against protobuf-c and link it. */
#ifndef SAVEDMODEL_PROTO_H
#define SAVEDMODEL_PROTO_H

#include <savedmodel/model.h>
#include <savedmodel/pb/graph.pb-c.h>
#include <savedmodel/pb/meta_graph.pb-c.h>
#include <savedmodel/pb/saved_object_graph.pb-c.h>

SM_BEGIN_DECLS

/**
 * A meta graph, its graph, its object graph, each unpacked whole on the first call, into memory that lives until
 * sm_model_close: about seven times the bytes. The structs are shared and must not be changed.
 *
 * They follow TensorFlow's schemas (proto/), and protobuf-c: a map is an array of entries, in which a key may come twice
 * (the last one counts) and a value may be NULL (its default).
 *
 * Errors: NOT_FOUND the meta graph has none; DATA_LOSS the bytes are no such message, or nested more than 100 deep;
 *   UNIMPLEMENTED a string holds a NUL, which these structs cannot show; RESOURCE_EXHAUSTED more than max_bytes.
 */
SM_API sm_status sm_meta_graph_get_proto(const Tensorflow__MetaGraphDef **out, const sm_meta_graph *graph,
                                         sm_error *err);
SM_API sm_status sm_meta_graph_get_graph_def(const Tensorflow__GraphDef **out, const sm_meta_graph *graph,
                                             sm_error *err);
SM_API sm_status sm_meta_graph_get_object_graph_def(const Tensorflow__SavedObjectGraph **out,
                                                    const sm_meta_graph *graph, sm_error *err);

/** Walks the nodes of a graph, in file order. exclusive. */
typedef struct sm_node_iter sm_node_iter;

/**
 * Begin a walk over the nodes of graph, function bodies left out. out is freed with sm_node_iter_free, before the model is
 * closed. Errors: RESOURCE_EXHAUSTED. Memory: that of one node, whatever the graph.
 */
SM_API sm_status sm_node_iter_new(sm_node_iter **out, const sm_meta_graph *graph, sm_error *err);

/** The next node, valid until the next call; NULL at the end. Errors as above; after one the walk is over. */
SM_API sm_status sm_node_iter_next(const Tensorflow__NodeDef **out, sm_node_iter *iter, sm_error *err);

/** NULL is fine. */
SM_API void sm_node_iter_free(sm_node_iter *iter);

SM_END_DECLS

#endif
