#include "builder/to_v2.h"

#include "tensor/slice.h"

/* Fields of SaverDef, CollectionDef, its lists, VariableDef, NodeDef, AttrValue: proto/saver.proto, meta_graph.proto,
 * variable.proto, node_def.proto, attr_value.proto. */
enum {
  SAVER_RESTORE = 3,
  BYTES_LIST = 2,
  VALUE = 1,
  VARIABLE_NAME = 1,
  VARIABLE_SYNCHRONIZATION = 8,
  VARIABLE_AGGREGATION = 9,
  NODE_INPUT = 3,
  ATTR_STRING = 2,
  ATTR_TYPE = 6,
  ATTR_SHAPE = 7
};

static const char VARIABLES[] = "variables", TRAINABLE[] = "trainable_variables";

/* ---- Which there are ---- */

static sm_status find_restores(const sm_restored_variable **out, size_t *n, sm_conversion *c, sm_error *err) {
  sm_draft saver;
  sm_spans names;
  SM_TRY(sm_draft_open(&saver, &c->edit.draft, SM_META_GRAPH_SAVER, err));
  SM_TRY(sm_draft_get(&names, &saver, SAVER_RESTORE, err));
  sm_string restore = names.n != 0 ? sm_text_of(names.items[names.n - 1]) : (sm_string){"", 0};
  return sm_graph_find_restores(out, n, c->graph_def, &c->library, restore, c->source, c->arena, err);
}

static bool node_less(const void *a, const void *b) {
  return sm_string_compare(((const sm_converted *)a)->node, ((const sm_converted *)b)->node) < 0;
}

static bool is_listed(const sm_conversion *c, size_t n, sm_string node) {
  return sm_named_find(c->variables, n, sizeof *c->variables, node) != SIZE_MAX;
}

/* The variable that a node of the init op assigns to; "": none. */
static sm_status find_assigned(sm_string *out, const sm_conversion *c, const sm_reach_node *node, sm_error *err) {
  sm_string op;
  *out = (sm_string){"", 0};
  if ((node->marks & SM_OF_INIT) == 0) return SM_OK;
  SM_TRY(sm_node_get_op(&op, node->bytes, c->source, err));
  if (!sm_string_equal(op, sm_string_of("AssignVariableOp"))) return SM_OK;
  sm_wire_reader reader = sm_wire_read(node->bytes, c->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (field.tag != SM_WIRE_TAG(NODE_INPUT, SM_WIRE_BYTES)) continue;
    const sm_reach_node *variable = sm_reach_find_node(&c->reach, sm_text_of(field.bytes));
    if (variable == NULL) return SM_OK;
    SM_TRY(sm_node_get_op(&op, variable->bytes, c->source, err));
    if (sm_string_equal(op, sm_string_of("VarHandleOp"))) *out = variable->name;
    return SM_OK;
  }
  return sm_wire_finish(&reader, err);
}

/* Variables that no checkpoint has, such as local ones: the init op gives them their values. */
static sm_status list_assigned(sm_conversion *c, sm_error *err) {
  size_t n_restored = c->n_variables;
  for (size_t i = 0; i < c->reach.n_nodes; i++) {
    sm_string name;
    SM_TRY(find_assigned(&name, c, &c->reach.nodes[i], err));
    if (name.size != 0 && !is_listed(c, n_restored, name))
      c->variables[c->n_variables++] = (sm_converted){.node = name, .name = name, .position = SIZE_MAX};
  }
  size_t n = n_restored;
  sm_sort(c->variables + n, c->n_variables - n, sizeof *c->variables, node_less);
  for (size_t i = n; i < c->n_variables; i++) /* each once */
    if (i == n_restored || !sm_string_equal(c->variables[i].node, c->variables[n - 1].node))
      c->variables[n++] = c->variables[i];
  c->n_variables = n;
  sm_sort(c->variables, n, sizeof *c->variables, node_less);
  return SM_OK;
}

static sm_status count_assigned(size_t *out, const sm_conversion *c, sm_error *err) {
  *out = 0;
  for (size_t i = 0; i < c->reach.n_nodes; i++) {
    sm_string name;
    SM_TRY(find_assigned(&name, c, &c->reach.nodes[i], err));
    *out += name.size != 0;
  }
  return SM_OK;
}

static sm_status list_variables(sm_conversion *c, sm_error *err) {
  const sm_restored_variable *restores;
  size_t n, n_assigned;
  SM_TRY(find_restores(&restores, &n, c, err));
  SM_TRY(count_assigned(&n_assigned, c, err));
  c->variables = sm_arena_array(c->arena, sm_converted, n + n_assigned);
  if (c->variables == NULL) return sm_arena_fail(c->arena, (n + n_assigned) * sizeof *c->variables, err);
  for (size_t i = 0; i < n; i++) {
    if (i > 0 && sm_string_equal(restores[i].node, restores[i - 1].node)) continue;
    sm_converted *variable = &c->variables[c->n_variables++];
    *variable = (sm_converted){
        .node = restores[i].node, .key = restores[i].key, .slice = restores[i].slice, .position = SIZE_MAX};
    sm_convert_find_name(variable);
  }
  return list_assigned(c, err);
}

/* ---- What collections say of them ---- */

static sm_status read_def(sm_conversion *c, sm_span def, size_t position, bool is_trainable, sm_error *err) {
  sm_span name;
  SM_TRY(sm_wire_find_bytes(&name, def, VARIABLE_NAME, c->source, err));
  size_t found =
      sm_named_find(c->variables, c->n_variables, sizeof *c->variables, sm_tensor_node_name(sm_text_of(name)));
  if (found == SIZE_MAX) return SM_OK;
  sm_converted *variable = &c->variables[found];
  if (variable->position == SIZE_MAX) variable->position = position;
  variable->is_trainable |= is_trainable;
  sm_wire_reader reader = sm_wire_read(def, c->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (field.tag == SM_WIRE_TAG(VARIABLE_SYNCHRONIZATION, SM_WIRE_VARINT)) variable->synchronization = field.value;
    if (field.tag == SM_WIRE_TAG(VARIABLE_AGGREGATION, SM_WIRE_VARINT)) variable->aggregation = field.value;
  }
  return sm_wire_finish(&reader, err);
}

static sm_status read_collection(bool *found, sm_conversion *c, const char *key, sm_error *err) {
  sm_draft collection, list;
  sm_spans defs;
  SM_TRY(sm_draft_open_entry(&collection, found, &c->edit.draft, SM_META_GRAPH_COLLECTION, sm_string_of(key), err));
  if (!*found) return SM_OK;
  SM_TRY(sm_draft_open(&list, &collection, BYTES_LIST, err));
  SM_TRY(sm_draft_get(&defs, &list, VALUE, err));
  for (size_t i = 0; i < defs.n; i++) SM_TRY(read_def(c, defs.items[i], i, key == TRAINABLE, err));
  return SM_OK;
}

static bool is_listed_before(const void *a, const void *b) {
  const sm_converted *left = a, *right = b;
  if (left->position != right->position) return left->position < right->position;
  return sm_string_compare(left->node, right->node) < 0;
}

/* In the order of the collection. Graphs without one do not say what is trained: floating-point numbers may be. */
static sm_status read_collections(sm_conversion *c, sm_error *err) {
  bool has_all, has_trainable;
  SM_TRY(read_collection(&has_all, c, VARIABLES, err));
  SM_TRY(read_collection(&has_trainable, c, TRAINABLE, err));
  for (size_t i = 0; i < c->n_variables && !has_all && !has_trainable; i++) c->variables[i].is_trainable = true;
  sm_sort(c->variables, c->n_variables, sizeof *c->variables, is_listed_before);
  return SM_OK;
}

/* ---- Objects ---- */

static sm_status get_dtype(uint64_t *out, const sm_conversion *c, const sm_reach_node *node, sm_error *err) {
  sm_span attr;
  *out = SM_DT_INVALID;
  SM_TRY(sm_node_find_attr(&attr, node->bytes, "dtype", c->source, err));
  sm_wire_reader reader = sm_wire_read(attr, c->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    if (field.tag == SM_WIRE_TAG(ATTR_TYPE, SM_WIRE_VARINT)) *out = field.value;
  return sm_wire_finish(&reader, err);
}

/* What the node says of a variable that is not in the checkpoint. */
static sm_status describe_node(sm_bundle_entry *out, const sm_conversion *c, const sm_converted *variable,
                               sm_error *err) {
  sm_span attr;
  sm_spans pieces;
  sm_shape shape = {.rank = -1};
  uint64_t dtype;
  int64_t n;
  const sm_reach_node *node = sm_reach_find_node(&c->reach, variable->node);
  SM_TRY(get_dtype(&dtype, c, node, err));
  SM_TRY(sm_node_find_attr(&attr, node->bytes, "shape", c->source, err));
  SM_TRY(sm_wire_collect(&pieces, (sm_spans){&attr, 1}, ATTR_SHAPE, c->source, c->arena, err));
  if (pieces.n != 0) SM_TRY(sm_shape_read(&shape, pieces, c->source, c->arena, err));
  if (shape.rank < 0 || shape.rank > SM_MAX_RANK || !sm_shape_elements(&n, shape.dims, (size_t)shape.rank))
    return SM_FAIL(err, SM_UNIMPLEMENTED, "variable %.*s: it is not in the checkpoint, and its shape is not known",
                   SM_SHOWN(variable->node));
  *out = (sm_bundle_entry){.dtype = (sm_dtype)dtype, .rank = shape.rank};
  if (shape.rank > 0) memcpy(out->dims, shape.dims, (size_t)shape.rank * sizeof *shape.dims);
  return SM_OK;
}

static sm_status get_entry(sm_bundle_entry *out, const sm_conversion *c, const sm_converted *variable, sm_error *err) {
  if (variable->key.data == NULL) return describe_node(out, c, variable, err);
  sm_status status = c->reader != NULL ? sm_bundle_reader_find_n(out, c->reader, variable->key, err) : SM_NOT_FOUND;
  if (status != SM_NOT_FOUND) return status;
  return SM_FAIL(err, SM_NOT_FOUND, "variable %.*s: the checkpoint has no %.*s", SM_SHOWN(variable->node),
                 SM_SHOWN(variable->key));
}

/* Of the tensor, or of the part of it that is restored. */
static sm_status find_shape(sm_bundle_entry *entry, const sm_converted *variable, sm_error *err) {
  sm_shape_and_slice part;
  SM_TRY(sm_shape_and_slice_read(&part, variable->slice, err));
  if (part.rank < 0) return SM_OK;
  if (part.rank != entry->rank)
    return SM_FAIL(err, SM_DATA_LOSS, "variable %.*s: a part of %d dimensions of a tensor of %d",
                   SM_SHOWN(variable->node), (int)part.rank, (int)entry->rank);
  for (int32_t i = 0; i < part.rank; i++)
    if (part.extents[i].length >= 0) entry->dims[i] = part.extents[i].length;
  return SM_OK;
}

static sm_status check_dtype(const sm_conversion *c, const sm_converted *variable, sm_dtype dtype, sm_error *err) {
  uint64_t number;
  const sm_reach_node *node = sm_reach_find_node(&c->reach, variable->node);
  if (node == NULL) return SM_OK;
  SM_TRY(get_dtype(&number, c, node, err));
  if (number == (uint64_t)dtype) return SM_OK;
  return SM_FAIL(err, SM_DATA_LOSS, "variable %.*s: the checkpoint has %s, the graph another dtype",
                 SM_SHOWN(variable->node), sm_dtype_python_name(dtype));
}

static bool is_floating(sm_dtype dtype) {
  return dtype == SM_DT_FLOAT || dtype == SM_DT_DOUBLE || dtype == SM_DT_HALF || dtype == SM_DT_BFLOAT16 ||
         dtype == SM_DT_COMPLEX64 || dtype == SM_DT_COMPLEX128;
}

static sm_status add_variable(sm_convert_names *names, sm_conversion *c, sm_converted *variable, sm_error *err) {
  sm_bundle_entry entry;
  int32_t parent;
  const char *name;
  SM_TRY(get_entry(&entry, c, variable, err));
  SM_TRY(check_dtype(c, variable, entry.dtype, err));
  SM_TRY(find_shape(&entry, variable, err));
  SM_TRY(sm_convert_find_place(&parent, &name, names, c, variable, err));
  const sm_variable_spec spec = {.dtype = entry.dtype,
                                 .rank = entry.rank,
                                 .dims = entry.dims,
                                 .name = sm_arena_copy(c->arena, variable->node).data,
                                 .not_trainable = !variable->is_trainable || !is_floating(entry.dtype),
                                 .synchronization = (sm_synchronization)variable->synchronization,
                                 .aggregation = (sm_aggregation)variable->aggregation};
  if (spec.name == NULL) return sm_arena_fail(c->arena, variable->node.size, err);
  variable->is_trainable = !spec.not_trainable;
  return sm_object_graph_add_variable(&variable->object, c->objects, parent, name, &spec, err);
}

static sm_status add_table(sm_convert_names *names, sm_conversion *c, sm_converted *table, sm_error *err) {
  int32_t parent;
  const char *name;
  sm_built_object *object;
  SM_TRY(sm_convert_find_place(&parent, &name, names, c, table, err));
  return sm_built_add(&object, &table->object, c->objects, parent, name, SM_BUILT_RESOURCE, err);
}

static sm_status add_objects(sm_convert_names *names, sm_conversion *c, sm_error *err) {
  for (size_t i = 0; i < c->n_variables; i++) SM_TRY(add_variable(names, c, &c->variables[i], err));
  for (size_t i = 0; i < c->n_tables; i++) SM_TRY(add_table(names, c, &c->tables[i], err));
  return SM_OK;
}

/* Of all variables, or of those that are trained; none where the root has an attribute of that name. */
static sm_status add_list(sm_conversion *c, const char *name, bool trainable, sm_error *err) {
  int32_t list;
  size_t n = 0;
  char item[24];
  sm_error failure;
  sm_status status = sm_object_graph_add(&list, c->objects, SM_OBJECT_ROOT, name, SM_CONTAINER_LIST, &failure);
  if (status == SM_ALREADY_EXISTS) return SM_OK;
  SM_TRY(sm_error_pass(err, status, &failure));
  for (size_t i = 0; i < c->n_variables; i++) {
    if (trainable && !c->variables[i].is_trainable) continue;
    snprintf(item, sizeof item, "%zu", n++);
    SM_TRY(sm_object_graph_link(c->objects, list, item, c->variables[i].object, err));
  }
  return SM_OK;
}

/* ---- Handles ---- */

/* Handles of one shared_name, in one container, are of one resource. */
static sm_status resource_of(sm_string *out, const sm_conversion *c, sm_span node, sm_error *err) {
  sm_span attr, container, name;
  const char *text;
  SM_TRY(sm_node_find_attr(&attr, node, "container", c->source, err));
  SM_TRY(sm_wire_find_bytes(&container, attr, ATTR_STRING, c->source, err));
  SM_TRY(sm_node_find_attr(&attr, node, "shared_name", c->source, err));
  SM_TRY(sm_wire_find_bytes(&name, attr, ATTR_STRING, c->source, err));
  SM_TRY(sm_built_print(&text, c->arena, err, "%.*s\n%.*s", (int)container.size, (const char *)container.data,
                        (int)name.size, (const char *)name.data));
  *out = sm_string_of(text);
  return SM_OK;
}

typedef struct resource {
  sm_string name;
  int32_t object;
} resource;

static bool resource_less(const void *a, const void *b) {
  const resource *left = a, *right = b;
  int order = sm_string_compare(left->name, right->name);
  return order != 0 ? order < 0 : left->object < right->object;
}

static sm_status list_resources(resource **out, const sm_conversion *c, sm_error *err) {
  *out = sm_arena_array(c->arena, resource, c->n_variables);
  if (*out == NULL) return sm_arena_fail(c->arena, c->n_variables * sizeof **out, err);
  for (size_t i = 0; i < c->n_variables; i++) {
    const sm_reach_node *node = sm_reach_find_node(&c->reach, c->variables[i].node);
    (*out)[i].object = c->variables[i].object;
    if (node != NULL) SM_TRY(resource_of(&(*out)[i].name, c, node->bytes, err));
  }
  sm_sort(*out, c->n_variables, sizeof **out, resource_less);
  return SM_OK;
}

static sm_status capture_variables(sm_conversion *c, sm_error *err) {
  resource *resources;
  SM_TRY(list_resources(&resources, c, err));
  for (size_t i = 0; i < c->reach.n_nodes; i++) {
    sm_string op, name;
    const sm_reach_node *node = &c->reach.nodes[i];
    SM_TRY(sm_node_get_op(&op, node->bytes, c->source, err));
    if (!sm_string_equal(op, sm_string_of("VarHandleOp"))) continue;
    SM_TRY(resource_of(&name, c, node->bytes, err));
    size_t found = sm_named_find(resources, c->n_variables, sizeof *resources, name);
    sm_convert_capture(c, node->name, found != SIZE_MAX ? resources[found].object : -1);
  }
  return SM_OK;
}

/* ---- All ---- */

sm_status sm_convert_variables(sm_conversion *c, sm_error *err) {
  sm_convert_names names;
  SM_TRY(list_variables(c, err));
  SM_TRY(read_collections(c, err));
  SM_TRY(sm_convert_names_init(&names, c, err));
  sm_status status = add_objects(&names, c, err);
  sm_convert_names_free(&names, c);
  SM_TRY(status);
  SM_TRY(add_list(c, VARIABLES, false, err));
  SM_TRY(add_list(c, TRAINABLE, true, err));
  return capture_variables(c, err);
}
