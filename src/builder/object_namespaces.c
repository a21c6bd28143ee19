/* Operations "namespace>Op" that may be saved. Source: python/saved_model/save.py, _verify_ops. */
#include "builder/built_objects.h"

enum { NODE_NAME = 1 };

static bool is_allowed(sm_string space, const sm_export_options *options) {
  for (size_t i = 0; i < options->n_namespaces; i++)
    if (sm_string_equal(space, sm_string_of(options->namespace_whitelist[i]))) return true;
  return false;
}

sm_status sm_built_check_namespace(sm_span node, const sm_graph_function *function, const sm_export_options *options,
                                   const sm_wire_source *source, sm_error *err) {
  sm_string op;
  sm_span name;
  if (options->namespace_whitelist == NULL) return SM_OK;
  SM_TRY(sm_node_get_op(&op, node, source, err));
  const char *end = op.size != 0 ? memchr(op.data, '>', op.size) : NULL;
  if (end == NULL) return SM_OK;
  const sm_string space = {op.data, (size_t)(end - op.data)};
  if (is_allowed(space, options)) return SM_OK;
  SM_TRY(sm_wire_find_bytes(&name, node, NODE_NAME, source, err));
  return SM_FAIL(err, SM_INVALID_ARGUMENT,
                 "operation %.*s of node %.*s in function %.*s: namespace \"%.*s\" is not in the whitelist",
                 SM_SHOWN(op), sm_shown_size((sm_string){(const char *)name.data, name.size}), (const char *)name.data,
                 SM_SHOWN(function->name), SM_SHOWN(space));
}
