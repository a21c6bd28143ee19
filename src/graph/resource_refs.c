/* Which tensors are references to variables. */
#include "graph/resource_internal.h"

sm_resource_node *sm_resource_find_node(const sm_resource_work *work, sm_string name) {
  size_t found = sm_named_find(work->nodes, work->n_nodes, sizeof *work->nodes, name);
  return found != SIZE_MAX ? &work->nodes[found] : NULL;
}

/* Is a tensor of an argument that is a reference? Most operations have no lists: nothing has to be counted there. A node
 * with many inputs is asked once for each: its attributes are read once. */
static sm_status is_ref(bool *out, const sm_op_args *args, const sm_resource_node *node, uint64_t i,
                        sm_resource_work *work, sm_error *err) {
  sm_arg_place place = {.arg = (size_t)i};
  bool is_there = i < args->n;
  *out = false;
  if (!sm_args_have_refs(args)) return SM_OK;
  if (args->n_lists != 0) {
    if (work->attrs_of != node) SM_TRY(sm_node_read_attrs(&work->attrs, node->def, node->bytes, work->source, err));
    work->attrs_of = node;
    SM_TRY(sm_args_place(&is_there, &place, args, &work->attrs, i, work->source, err));
  }
  *out = is_there && args->items[place.arg].proto->is_ref;
  return SM_OK;
}

sm_status sm_resource_takes_ref(bool *out, sm_resource_work *work, const sm_resource_node *node, size_t i,
                                sm_error *err) {
  *out = false;
  return node->def != NULL ? is_ref(out, &node->def->inputs, node, i, work, err) : SM_OK;
}

sm_status sm_resource_find_ref(sm_resource_ref *out, sm_resource_work *work, sm_string tensor, sm_error *err) {
  sm_tensor_ref ref;
  bool refers;
  *out = (sm_resource_ref){.variable = NULL};
  if (!sm_tensor_ref_parse(&ref, tensor) || ref.is_control) return SM_OK;
  const sm_resource_node *node = sm_resource_find_node(work, ref.node);
  if (node == NULL || node->variable == NULL) return SM_OK;
  SM_TRY(is_ref(&refers, &node->def->outputs, node, ref.index, work, err));
  if (!refers) return SM_OK;
  *out = (sm_resource_ref){.variable = node->variable, .handle = tensor};
  if (node->kind != SM_RESOURCE_WRITE) return SM_OK;
  out->handle = node->handle;
  out->after = node->name;
  return SM_OK;
}
