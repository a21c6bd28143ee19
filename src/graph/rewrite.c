#include "graph/graph_edit.h"
#include "wire/emit.h"

/* Fields of GraphDef and FunctionDefLibrary: proto/graph.proto, function.proto. */
enum { GRAPH_NODE = 1, GRAPH_LIBRARY = 2, LIBRARY_FUNCTION = 1 };

typedef struct rewrite {
  sm_node_rewrite_fn fn;
  void *ctx;
  const sm_wire_source *source;
} rewrite;

/* What of a message has to be looked into: a field that is a node, or one that leads to nodes. */
typedef struct level {
  uint32_t node, inner; /* field numbers; 0: none */
} level;

enum { IN_GRAPH, IN_LIBRARY, IN_FUNCTION, N_LEVELS };

static const level levels[N_LEVELS] = {[IN_GRAPH] = {GRAPH_NODE, GRAPH_LIBRARY},
                                       [IN_LIBRARY] = {0, LIBRARY_FUNCTION},
                                       [IN_FUNCTION] = {SM_FUNCTION_NODE, 0}};

/* A message that is being written again. */
typedef struct frame {
  sm_wire_reader reader;
  sm_span whole; /* as it was, tag included */
  size_t start;  /* of what is written */
  size_t contents;
  bool is_same;
} frame;

static sm_status open_frame(frame *made, sm_buffer *out, const sm_wire_field *field, const rewrite *r, sm_error *err) {
  *made = (frame){
      .reader = sm_wire_read(field->bytes, r->source), .whole = field->whole, .start = out->size, .is_same = true};
  return sm_wire_open(&made->contents, out, sm_wire_number(field), err);
}

/* Bytes that stayed as they were keep the form of their length, too. */
static sm_status close_frame(frame *top, sm_buffer *out, sm_error *err) {
  if (!top->is_same) return sm_wire_close(out, top->contents, err);
  out->size = top->start;
  return sm_buffer_put(out, top->whole.data, top->whole.size, err);
}

static sm_status rewrite_node(bool *is_same, sm_buffer *out, const rewrite *r, const sm_wire_field *field,
                              sm_error *err) {
  frame node;
  SM_TRY(open_frame(&node, out, field, r, err));
  node.is_same = false;
  SM_TRY(r->fn(&node.is_same, out, r->ctx, field->bytes, err));
  *is_same &= node.is_same;
  return close_frame(&node, out, err);
}

static sm_status rewrite_piece(sm_buffer *out, sm_span piece, bool in_functions, const rewrite *r, sm_error *err) {
  frame stack[N_LEVELS] = {[IN_GRAPH] = {.reader = sm_wire_read(piece, r->source)}};
  for (size_t depth = IN_GRAPH;;) {
    frame *top = &stack[depth];
    sm_wire_field field;
    if (!sm_wire_next(&top->reader, &field)) {
      SM_TRY(sm_wire_finish(&top->reader, err));
      if (depth == IN_GRAPH) return SM_OK;
      SM_TRY(close_frame(top, out, err));
      stack[--depth].is_same &= top->is_same;
    } else if (field.tag == SM_WIRE_TAG(levels[depth].node, SM_WIRE_BYTES)) {
      SM_TRY(rewrite_node(&top->is_same, out, r, &field, err));
    } else if (in_functions && field.tag == SM_WIRE_TAG(levels[depth].inner, SM_WIRE_BYTES)) {
      SM_TRY(open_frame(&stack[++depth], out, &field, r, err));
    } else {
      SM_TRY(sm_buffer_put(out, field.whole.data, field.whole.size, err));
    }
  }
}

sm_status sm_graph_rewrite(sm_buffer *out, sm_spans graph_def, bool in_functions, sm_node_rewrite_fn fn, void *ctx,
                           const sm_wire_source *source, sm_error *err) {
  const rewrite r = {fn, ctx, source};
  for (size_t i = 0; i < graph_def.n; i++) SM_TRY(rewrite_piece(out, graph_def.items[i], in_functions, &r, err));
  return SM_OK;
}
