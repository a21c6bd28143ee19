/* Operations "namespace>Op" that may be saved. Source: python/saved_model/save.py, _verify_ops. */
#include "builder/built_objects.h"

enum { NODE_NAME = 1 };

static bool is_allowed(sm_string space, const sm_export_options *options) {
  for (size_t i = 0; i < options->n_namespaces; i++)
    if (sm_string_equal(space, sm_string_of(options->namespace_whitelist[i]))) return true;
  return false;
}

static sm_status check_node(sm_span node, const sm_graph_function *function, const sm_export_options *options,
                            const sm_wire_source *source, sm_error *err) {
  sm_string op;
  sm_span name;
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

sm_status sm_built_check_namespaces(const sm_object_graph *objects, const sm_export_options *options, sm_error *err) {
  sm_wire_field field;
  if (options->namespace_whitelist == NULL) return SM_OK;
  for (size_t i = 0; i < objects->function_names.n; i++) {
    const sm_graph_function *function = &objects->functions[i];
    const sm_wire_source source = {.name = function->name.data, .bytes = function->def};
    sm_wire_reader reader = sm_wire_read(function->def, &source);
    while (sm_wire_next(&reader, &field))
      if (field.tag == SM_WIRE_TAG(SM_FUNCTION_NODE, SM_WIRE_BYTES))
        SM_TRY(check_node(field.bytes, function, options, &source, err));
    SM_TRY(sm_wire_finish(&reader, err));
  }
  return SM_OK;
}
