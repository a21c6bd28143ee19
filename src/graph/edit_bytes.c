/* What savedmodel/graph.h does to GraphDefs as a whole. What is allocated depends on the bytes that are there, so memory has
 * no other limit. */
#include <savedmodel/graph.h>

#include "graph/graph_check.h"
#include "graph/graph_edit.h"

/* A GraphDef, and what is known of it. */
typedef struct subject {
  sm_span bytes;
  sm_wire_source source;
  sm_arena arena;
  sm_graph_library library;
  sm_op_defs defs; /* TensorFlow's */
  sm_buffer out;
} subject;

static sm_spans graph_of(const subject *s) { return (sm_spans){&s->bytes, 1}; }

static sm_status begin(subject *s, sm_string graph_def, const sm_allocator *allocator, sm_error *err) {
  *s = (subject){.bytes = {(const uint8_t *)graph_def.data, graph_def.size}};
  s->source = (sm_wire_source){.name = "GraphDef", .bytes = s->bytes};
  sm_arena_init(&s->arena, allocator, UINT64_MAX);
  sm_op_defs_init(&s->defs, allocator, UINT64_MAX);
  sm_buffer_init(&s->out, allocator, UINT64_MAX);
  if (graph_def.data == NULL && graph_def.size != 0) return SM_FAIL(err, SM_INVALID_ARGUMENT, "graph_def is NULL");
  return sm_graph_index_functions(&s->library, graph_of(s), &s->source, &s->arena, err);
}

/* Hands out what was written, terminated; out may be NULL. */
static sm_status end(sm_string *out, subject *s, sm_status status, sm_error *err) {
  if (status == SM_OK && out != NULL) status = sm_buffer_put(&s->out, "", 1, err);
  if (status == SM_OK && out != NULL)
    *out = (sm_string){(const char *)s->out.data, s->out.size - 1};
  else
    sm_buffer_free(&s->out);
  sm_op_defs_free(&s->defs);
  sm_arena_free(&s->arena);
  return status;
}

sm_status sm_graph_strip_defaults(sm_string *out, sm_string graph_def, const sm_allocator *allocator, sm_error *err) {
  subject s;
  *out = (sm_string){NULL, 0};
  sm_status status = begin(&s, graph_def, sm_allocator_or_malloc(allocator), err);
  if (status == SM_OK) status = sm_default_attrs_strip(&s.out, graph_of(&s), &s.defs, &s.library, &s.source, err);
  return end(out, &s, status, err);
}

sm_status sm_graph_restore_defaults(sm_string *out, sm_string graph_def, const sm_allocator *allocator, sm_error *err) {
  subject s;
  *out = (sm_string){NULL, 0};
  sm_status status = begin(&s, graph_def, sm_allocator_or_malloc(allocator), err);
  if (status == SM_OK) status = sm_default_attrs_restore(&s.out, graph_of(&s), &s.defs, &s.library, &s.source, err);
  return end(out, &s, status, err);
}

sm_status sm_graph_clear_devices(sm_string *out, sm_string graph_def, bool in_functions, const sm_allocator *allocator,
                                 sm_error *err) {
  subject s;
  *out = (sm_string){NULL, 0};
  sm_status status = begin(&s, graph_def, sm_allocator_or_malloc(allocator), err);
  if (status == SM_OK) status = sm_devices_clear(&s.out, graph_of(&s), in_functions, &s.source, err);
  return end(out, &s, status, err);
}

sm_status sm_graph_list_devices(sm_string graph_def, sm_name_fn fn, void *ctx, const sm_allocator *allocator,
                                sm_error *err) {
  subject s;
  const sm_string *devices;
  size_t n = 0;
  if (fn == NULL) return SM_FAIL(err, SM_INVALID_ARGUMENT, "fn is NULL");
  sm_status status = begin(&s, graph_def, sm_allocator_or_malloc(allocator), err);
  if (status == SM_OK) status = sm_devices_list(&devices, &n, graph_of(&s), &s.library, &s.source, &s.arena, err);
  for (size_t i = 0; status == SM_OK && i < n; i++) fn(ctx, devices[i]);
  return end(NULL, &s, status, err);
}

static sm_status check_own_ops(sm_string own_ops, sm_error *err) {
  if (own_ops.data != NULL || own_ops.size == 0) return SM_OK;
  return SM_FAIL(err, SM_INVALID_ARGUMENT, "own_ops is NULL");
}

sm_status sm_graph_list_ops(sm_string *out, sm_string graph_def, sm_string own_ops, const sm_allocator *allocator,
                            sm_error *err) {
  subject s;
  sm_graph_summary summary;
  const sm_span own = {(const uint8_t *)own_ops.data, own_ops.size};
  *out = (sm_string){NULL, 0};
  SM_TRY(check_own_ops(own_ops, err));
  sm_status status = begin(&s, graph_def, sm_allocator_or_malloc(allocator), err);
  if (status == SM_OK) status = sm_graph_summarise(&summary, graph_of(&s), &s.source, &s.arena, err);
  const sm_wire_source own_source = {.name = "OpList", .bytes = own};
  if (status == SM_OK)
    status = sm_op_list_put(&s.out, summary.ops, summary.n_ops, (sm_spans){&own, 1}, &own_source, err);
  return end(out, &s, status, err);
}

/* ---- Checking ---- */

typedef struct findings {
  sm_finding_fn fn;
  void *ctx;
  sm_status status; /* DATA_LOSS: there was an error */
  sm_error first;
} findings;

/* Names come from files: whatever a terminal would act on goes the way that messages of errors go. */
static void tell(void *ctx, sm_severity severity, const sm_graph_place *at, const char *text) {
  findings *f = ctx;
  sm_error what, where;
  (void)SM_FAIL(&where, SM_DATA_LOSS, "%s%s%.*s%s%.*s", at->kind, at->name.size != 0 ? " " : "", SM_SHOWN(at->name),
                at->function.size != 0 ? " of function " : "", SM_SHOWN(at->function));
  (void)SM_FAIL(&what, SM_DATA_LOSS, "%s", text);
  const sm_finding found = {.severity = severity, .file = "", .place = where.message, .what = what.message};
  if (f->fn != NULL) f->fn(f->ctx, &found);
  if (severity == SM_SEVERITY_ERROR && f->status == SM_OK)
    f->status = SM_FAIL(&f->first, SM_DATA_LOSS, "%s: %s", found.place, found.what);
}

static sm_status check(subject *s, sm_span op_list, findings *f, sm_error *err) {
  sm_node_index nodes;
  const sm_graph_checker checker = {.source = &s->source,
                                    .arena = &s->arena,
                                    .ops = &s->defs,
                                    .library = &s->library,
                                    .by_definition = true,
                                    .tell = tell,
                                    .ctx = f};
  SM_TRY(sm_op_defs_add(&s->defs, (sm_spans){&op_list, 1}, &s->library, &s->source, err));
  SM_TRY(sm_graph_check_all(&nodes, &checker, graph_of(s), err));
  if (f->status != SM_OK && err != NULL) *err = f->first;
  return f->status;
}

sm_status sm_graph_check(sm_string graph_def, sm_string own_ops, sm_finding_fn fn, void *ctx,
                         const sm_allocator *allocator, sm_error *err) {
  subject s;
  findings f = {.fn = fn, .ctx = ctx};
  const sm_span op_list = {(const uint8_t *)own_ops.data, own_ops.size};
  SM_TRY(check_own_ops(own_ops, err));
  sm_status status = begin(&s, graph_def, sm_allocator_or_malloc(allocator), err);
  if (status == SM_OK) status = check(&s, op_list, &f, err);
  return end(NULL, &s, status, err);
}
