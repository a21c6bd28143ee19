/*
 * savedmodel diff: signatures, ops, functions and nodes of two meta graphs. Nodes and functions are compared by their bytes,
 * with the entries of maps sorted, for which order means nothing.
 */
#include <stdlib.h>
#include <string.h>

#include <savedmodel/proto.h>

#include "cli/differences.h"
#include "cli/failure.h"
#include "cli/text_buffer.h"

/* ---- Messages ---- */

static sm_status pack(uint8_t **out, size_t *size, const ProtobufCMessage *message, sm_error *err) {
  *size = protobuf_c_message_get_packed_size(message);
  *out = malloc(*size + 1);
  if (*out == NULL) return failure_no_memory(err);
  (void)protobuf_c_message_pack(message, *out);
  return SM_OK;
}

static sm_status same_message(bool *same, const ProtobufCMessage *a, const ProtobufCMessage *b, sm_error *err) {
  uint8_t *x = NULL, *y = NULL;
  size_t x_size = 0, y_size = 0;
  *same = false;
  sm_status status = pack(&x, &x_size, a, err);
  if (status == SM_OK) status = pack(&y, &y_size, b, err);
  if (status == SM_OK) *same = x_size == y_size && memcmp(x, y, x_size) == 0;
  free(x);
  free(y);
  return status;
}

/* ---- Nodes ---- */

static int compare_attrs(const void *a, const void *b) {
  return strcmp((*(Tensorflow__NodeDef__AttrEntry *const *)a)->key, (*(Tensorflow__NodeDef__AttrEntry *const *)b)->key);
}

/* A copy of the node's struct with sorted attributes; *attrs is freed by the caller. */
static sm_status sort_attrs(Tensorflow__NodeDef *out, Tensorflow__NodeDef__AttrEntry ***attrs,
                            const Tensorflow__NodeDef *node, sm_error *err) {
  *out = *node;
  *attrs = malloc((node->n_attr + 1) * sizeof **attrs);
  if (*attrs == NULL) return failure_no_memory(err);
  if (node->n_attr != 0) memcpy(*attrs, node->attr, node->n_attr * sizeof **attrs);
  qsort(*attrs, node->n_attr, sizeof **attrs, compare_attrs);
  out->attr = *attrs;
  return SM_OK;
}

static sm_status same_node(bool *same, const void *a, const void *b, sm_error *err) {
  Tensorflow__NodeDef x, y;
  Tensorflow__NodeDef__AttrEntry **x_attrs = NULL, **y_attrs = NULL;
  sm_status status = sort_attrs(&x, &x_attrs, a, err);
  if (status == SM_OK) status = sort_attrs(&y, &y_attrs, b, err);
  if (status == SM_OK) status = same_message(same, &x.base, &y.base, err);
  free(x_attrs);
  free(y_attrs);
  return status;
}

static sm_status list_nodes(named_item **out, Tensorflow__NodeDef *const *nodes, size_t n, sm_error *err) {
  *out = malloc((n + 1) * sizeof **out);
  if (*out == NULL) return failure_no_memory(err);
  for (size_t i = 0; i < n; i++) (*out)[i] = (named_item){{nodes[i]->name, strlen(nodes[i]->name)}, nodes[i]};
  named_items_sort(*out, n);
  return SM_OK;
}

static sm_status diff_nodes(differences *out, Tensorflow__NodeDef *const *a, size_t n_a, Tensorflow__NodeDef *const *b,
                            size_t n_b, sm_error *err) {
  named_item *x = NULL, *y = NULL;
  sm_status status = list_nodes(&x, a, n_a, err);
  if (status == SM_OK) status = list_nodes(&y, b, n_b, err);
  if (status == SM_OK) status = differences_add_named(out, DIFFERENT_NODE, x, n_a, y, n_b, same_node, err);
  free(x);
  free(y);
  return status;
}

/* ---- Functions ---- */

static int compare_function_attrs(const void *a, const void *b) {
  return strcmp((*(Tensorflow__FunctionDef__AttrEntry *const *)a)->key,
                (*(Tensorflow__FunctionDef__AttrEntry *const *)b)->key);
}

static int compare_rets(const void *a, const void *b) {
  return strcmp((*(Tensorflow__FunctionDef__RetEntry *const *)a)->key,
                (*(Tensorflow__FunctionDef__RetEntry *const *)b)->key);
}

static int compare_control_rets(const void *a, const void *b) {
  return strcmp((*(Tensorflow__FunctionDef__ControlRetEntry *const *)a)->key,
                (*(Tensorflow__FunctionDef__ControlRetEntry *const *)b)->key);
}

static int compare_resource_ids(const void *a, const void *b) {
  uint32_t x = (*(Tensorflow__FunctionDef__ResourceArgUniqueIdEntry *const *)a)->key;
  uint32_t y = (*(Tensorflow__FunctionDef__ResourceArgUniqueIdEntry *const *)b)->key;
  return (x > y) - (x < y);
}

/* Copies the entries of a map to *to, which moves behind them, and sorts them. Returns them. */
static void *sort_entries(void ***to, const void *entries, size_t n, int (*compare)(const void *, const void *)) {
  void **sorted = *to;
  if (n != 0) memcpy(sorted, entries, n * sizeof *sorted);
  qsort(sorted, n, sizeof *sorted, compare);
  *to += n;
  return sorted;
}

/* What a function is but for its nodes and arguments, maps sorted; *memory is freed by the caller. */
static sm_status sort_function(Tensorflow__FunctionDef *out, void **memory, const Tensorflow__FunctionDef *function,
                               sm_error *err) {
  *out = *function;
  out->n_node_def = out->n_arg_attr = 0;
  size_t n = out->n_attr + out->n_ret + out->n_control_ret + out->n_resource_arg_unique_id;
  void **pointers = *memory = malloc((n + 1) * sizeof *pointers);
  if (pointers == NULL) return failure_no_memory(err);
  out->attr = sort_entries(&pointers, function->attr, out->n_attr, compare_function_attrs);
  out->ret = sort_entries(&pointers, function->ret, out->n_ret, compare_rets);
  out->control_ret = sort_entries(&pointers, function->control_ret, out->n_control_ret, compare_control_rets);
  out->resource_arg_unique_id =
      sort_entries(&pointers, function->resource_arg_unique_id, out->n_resource_arg_unique_id, compare_resource_ids);
  return SM_OK;
}

/* ---- Arguments of functions ---- */

static int compare_arguments(const void *a, const void *b) {
  uint32_t x = (*(Tensorflow__FunctionDef__ArgAttrEntry *const *)a)->key;
  uint32_t y = (*(Tensorflow__FunctionDef__ArgAttrEntry *const *)b)->key;
  return (x > y) - (x < y);
}

static int compare_argument_attrs(const void *a, const void *b) {
  return strcmp((*(Tensorflow__FunctionDef__ArgAttrs__AttrEntry *const *)a)->key,
                (*(Tensorflow__FunctionDef__ArgAttrs__AttrEntry *const *)b)->key);
}

/* An entry without a value has an empty one. */
static sm_status sort_argument(Tensorflow__FunctionDef__ArgAttrs *out, void **memory,
                               const Tensorflow__FunctionDef__ArgAttrEntry *argument, sm_error *err) {
  *out = (Tensorflow__FunctionDef__ArgAttrs)TENSORFLOW__FUNCTION_DEF__ARG_ATTRS__INIT;
  if (argument->value != NULL) *out = *argument->value;
  void **pointers = *memory = malloc((out->n_attr + 1) * sizeof *pointers);
  if (pointers == NULL) return failure_no_memory(err);
  out->attr = sort_entries(&pointers, out->attr, out->n_attr, compare_argument_attrs);
  return SM_OK;
}

static sm_status same_argument(bool *same, const Tensorflow__FunctionDef__ArgAttrEntry *a,
                               const Tensorflow__FunctionDef__ArgAttrEntry *b, sm_error *err) {
  Tensorflow__FunctionDef__ArgAttrs x, y;
  void *x_memory = NULL, *y_memory = NULL;
  *same = a->key == b->key;
  if (!*same) return SM_OK;
  sm_status status = sort_argument(&x, &x_memory, a, err);
  if (status == SM_OK) status = sort_argument(&y, &y_memory, b, err);
  if (status == SM_OK) status = same_message(same, &x.base, &y.base, err);
  free(x_memory);
  free(y_memory);
  return status;
}

static sm_status same_arguments(bool *same, const Tensorflow__FunctionDef *a, const Tensorflow__FunctionDef *b,
                                sm_error *err) {
  size_t n = a->n_arg_attr;
  *same = n == b->n_arg_attr;
  if (!*same) return SM_OK;
  void **pointers = malloc((2 * n + 1) * sizeof *pointers), **end = pointers;
  if (pointers == NULL) return failure_no_memory(err);
  Tensorflow__FunctionDef__ArgAttrEntry **x = sort_entries(&end, a->arg_attr, n, compare_arguments);
  Tensorflow__FunctionDef__ArgAttrEntry **y = sort_entries(&end, b->arg_attr, n, compare_arguments);
  sm_status status = SM_OK;
  for (size_t i = 0; i < n && *same && status == SM_OK; i++) status = same_argument(same, x[i], y[i], err);
  free(pointers);
  return status;
}

/* ---- Whole functions ---- */

static sm_status same_head(bool *same, const Tensorflow__FunctionDef *a, const Tensorflow__FunctionDef *b,
                           sm_error *err) {
  Tensorflow__FunctionDef x, y;
  void *x_memory = NULL, *y_memory = NULL;
  sm_status status = sort_function(&x, &x_memory, a, err);
  if (status == SM_OK) status = sort_function(&y, &y_memory, b, err);
  if (status == SM_OK) status = same_message(same, &x.base, &y.base, err);
  free(x_memory);
  free(y_memory);
  return status;
}

static sm_status same_function(bool *same, const void *a, const void *b, sm_error *err) {
  const Tensorflow__FunctionDef *x = a, *y = b;
  differences inside = {.items = NULL};
  SM_TRY(same_head(same, x, y, err));
  if (*same) SM_TRY(same_arguments(same, x, y, err));
  if (!*same) return SM_OK;
  sm_status status = diff_nodes(&inside, x->node_def, x->n_node_def, y->node_def, y->n_node_def, err);
  *same = inside.n == 0;
  differences_free(&inside);
  return status;
}

static sm_status list_functions(named_item **out, size_t *n, const Tensorflow__GraphDef *graph, sm_error *err) {
  const Tensorflow__FunctionDefLibrary *library = graph != NULL ? graph->library : NULL;
  *n = library != NULL ? library->n_function : 0;
  *out = malloc((*n + 1) * sizeof **out);
  if (*out == NULL) return failure_no_memory(err);
  for (size_t i = 0; i < *n; i++) {
    const Tensorflow__OpDef *signature = library->function[i]->signature;
    const char *name = signature != NULL ? signature->name : "";
    (*out)[i] = (named_item){{name, strlen(name)}, library->function[i]};
  }
  named_items_sort(*out, *n);
  return SM_OK;
}

static sm_status diff_functions(differences *out, const Tensorflow__GraphDef *a, const Tensorflow__GraphDef *b,
                                sm_error *err) {
  named_item *x = NULL, *y = NULL;
  size_t n_x = 0, n_y = 0;
  sm_status status = list_functions(&x, &n_x, a, err);
  if (status == SM_OK) status = list_functions(&y, &n_y, b, err);
  if (status == SM_OK) status = differences_add_named(out, DIFFERENT_FUNCTION, x, n_x, y, n_y, same_function, err);
  free(x);
  free(y);
  return status;
}

/* ---- Ops ---- */

static sm_status list_ops(named_item **out, size_t *n, const sm_meta_graph *graph, sm_error *err) {
  const sm_graph_summary *summary;
  SM_TRY(sm_meta_graph_get_graph_summary(&summary, graph, err));
  *n = summary->n_ops;
  *out = malloc((*n + 1) * sizeof **out);
  if (*out == NULL) return failure_no_memory(err);
  for (size_t i = 0; i < *n; i++) (*out)[i] = (named_item){summary->ops[i], NULL};
  return SM_OK;
}

static sm_status diff_ops(differences *out, const sm_meta_graph *a, const sm_meta_graph *b, sm_error *err) {
  named_item *x = NULL, *y = NULL;
  size_t n_x = 0, n_y = 0;
  sm_status status = list_ops(&x, &n_x, a, err);
  if (status == SM_OK) status = list_ops(&y, &n_y, b, err);
  if (status == SM_OK) status = differences_add_named(out, DIFFERENT_OP, x, n_x, y, n_y, NULL, err);
  free(x);
  free(y);
  return status;
}

/* ---- Signatures ---- */

static bool same_strings(const char *a, const char *b) { return strcmp(a, b) == 0; }

static bool same_shapes(int32_t a_rank, const int64_t *a, int32_t b_rank, const int64_t *b) {
  return a_rank == b_rank && (a_rank <= 0 || memcmp(a, b, (size_t)a_rank * sizeof *a) == 0);
}

static bool same_bytes(sm_string a, sm_string b) { return text_compare(a, b) == 0; }

static bool same_info(const sm_tensor_info *a, const sm_tensor_info *b) {
  return same_strings(a->name, b->name) && same_strings(a->tensor_name, b->tensor_name) && a->dtype == b->dtype &&
         a->kind == b->kind && same_shapes(a->rank, a->dims, b->rank, b->dims) &&
         same_bytes(a->type_spec, b->type_spec) && a->n_components == b->n_components;
}

/* A tensor and what it is put together of, which has no components itself. */
static bool same_infos(const sm_tensor_info *const *a, size_t n_a, const sm_tensor_info *const *b, size_t n_b) {
  if (n_a != n_b) return false;
  for (size_t i = 0; i < n_a; i++) {
    if (!same_info(a[i], b[i])) return false;
    for (size_t c = 0; c < a[i]->n_components; c++)
      if (!same_info(a[i]->components[c], b[i]->components[c])) return false;
  }
  return true;
}

static bool same_defaults(const sm_signature *a, const sm_signature *b) {
  if (a->n_defaults != b->n_defaults) return false;
  for (size_t i = 0; i < a->n_defaults; i++) {
    const sm_signature_default *x = a->defaults[i], *y = b->defaults[i];
    if (!same_strings(x->name, y->name) || !same_bytes(x->tensor_proto, y->tensor_proto)) return false;
  }
  return true;
}

static sm_status same_signature(bool *same, const void *a, const void *b, sm_error *err) {
  const sm_signature *x = a, *y = b;
  (void)err;
  *same = same_strings(x->method_name, y->method_name) && same_infos(x->inputs, x->n_inputs, y->inputs, y->n_inputs) &&
          same_infos(x->outputs, x->n_outputs, y->outputs, y->n_outputs) && same_defaults(x, y);
  return SM_OK;
}

static sm_status list_signatures(named_item **out, size_t *n, const sm_meta_graph *graph, sm_error *err) {
  *n = sm_meta_graph_n_signatures(graph);
  *out = malloc((*n + 1) * sizeof **out);
  if (*out == NULL) return failure_no_memory(err);
  for (size_t i = 0; i < *n; i++) {
    const sm_signature *signature;
    SM_TRY(sm_meta_graph_get_signature(&signature, graph, i, err));
    (*out)[i] = (named_item){{signature->key, strlen(signature->key)}, signature};
  }
  return SM_OK;
}

static sm_status diff_signatures(differences *out, const sm_meta_graph *a, const sm_meta_graph *b, sm_error *err) {
  named_item *x = NULL, *y = NULL;
  size_t n_x = 0, n_y = 0;
  sm_status status = list_signatures(&x, &n_x, a, err);
  if (status == SM_OK) status = list_signatures(&y, &n_y, b, err);
  if (status == SM_OK) status = differences_add_named(out, DIFFERENT_SIGNATURE, x, n_x, y, n_y, same_signature, err);
  free(x);
  free(y);
  return status;
}

/* ---- All of it ---- */

/* *out NULL: there is none. */
static sm_status get_graph(const Tensorflow__GraphDef **out, const sm_meta_graph *graph, sm_error *err) {
  sm_error failure;
  *out = NULL;
  sm_status status = sm_meta_graph_get_graph_def(out, graph, &failure);
  if (status == SM_OK || status == SM_NOT_FOUND) return SM_OK;
  *err = failure;
  return status;
}

sm_status diff_meta_graphs(differences *out, const sm_meta_graph *a, const sm_meta_graph *b, sm_error *err) {
  const Tensorflow__GraphDef *x, *y;
  SM_TRY(diff_signatures(out, a, b, err));
  SM_TRY(diff_ops(out, a, b, err));
  SM_TRY(get_graph(&x, a, err));
  SM_TRY(get_graph(&y, b, err));
  SM_TRY(diff_functions(out, x, y, err));
  return diff_nodes(out, x != NULL ? x->node : NULL, x != NULL ? x->n_node : 0, y != NULL ? y->node : NULL,
                    y != NULL ? y->n_node : 0, err);
}
