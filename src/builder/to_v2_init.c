/*
 * What the init op of a V1 model does besides filling tables, such as giving variables their values that no checkpoint has:
 * tf.saved_model.load calls the function _initialize of each resource when it has restored the variables, as sessions run the
 * init op. So there is one for it, of a table that nobody looks into.
 */
#include "builder/to_v2.h"

static bool is_op(sm_string op, const char *name) { return sm_string_equal(op, sm_string_of(name)); }

/* ---- What it does ---- */

/* Operations that TensorFlow has for stateful, and that change nothing. */
static bool only_reads(sm_string op) {
  static const char *const ops[] = {"VarHandleOp", "ReadVariableOp", "VarIsInitializedOp", "Placeholder"};
  for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++)
    if (is_op(op, ops[i])) return true;
  return false;
}

static sm_status has_effects(bool *out, sm_conversion *c, const sm_reach_node *node, sm_error *err) {
  const sm_op_def *def;
  sm_string op;
  *out = false;
  if ((node->marks & SM_OF_INIT) == 0) return SM_OK;
  SM_TRY(sm_node_get_op(&op, node->bytes, c->source, err));
  if (only_reads(op) || sm_convert_is_table(op) || sm_convert_fills_table(op)) return SM_OK;
  SM_TRY(sm_op_defs_find(&def, &c->defs, op, err));
  *out = def != NULL && def->proto->is_stateful;
  return SM_OK;
}

static sm_status find_effects(sm_cut_spec *spec, sm_conversion *c, sm_error *err) {
  bool is_one;
  for (int pass = 0; pass < 2; pass++) { /* counts, then lists */
    size_t n = 0;
    sm_string *controls = pass != 0 ? sm_arena_array(c->arena, sm_string, spec->n_controls) : NULL;
    if (pass != 0 && controls == NULL) return sm_arena_fail(c->arena, spec->n_controls * sizeof *controls, err);
    for (size_t i = 0; i < c->reach.n_nodes; i++) {
      SM_TRY(has_effects(&is_one, c, &c->reach.nodes[i], err));
      if (is_one && pass != 0) controls[n] = c->reach.nodes[i].name;
      n += is_one;
    }
    spec->n_controls = n;
    spec->controls = controls;
  }
  return SM_OK;
}

/* ---- The resource ---- */

static sm_status make_create(sm_conversion *c, int32_t object, sm_error *err) {
  sm_built_function *out;
  SM_TRY(sm_built_add_plain_function(&out, c->objects, object, "_create_resource", err));
  SM_TRY(sm_built_name_function(&out->name, c->objects, "initializer_create_resource", err));
  const sm_attr attrs[] = {sm_attr_type("key_dtype", SM_DT_STRING),
                           sm_attr_string("shared_name", out->name.data + strspn(out->name.data, "_")),
                           sm_attr_type("value_dtype", SM_DT_INT64)};
  const sm_node_spec node = {.op = "HashTableV2", .name = "make", .attrs = attrs, .n_attrs = 3};
  const sm_function_part handle = {"handle", SM_DT_RESOURCE, "make:table_handle:0"};
  const sm_function_parts parts = {
      .name = out->name.data, .outputs = &handle, .n_outputs = 1, .nodes = &node, .n_nodes = 1, .control = "make"};
  const sm_structured inputs = out->inputs, output = sm_built_spec("", SM_DT_RESOURCE, (sm_shape){.rank = 0});
  SM_TRY(sm_structured_copy(&out->inputs, &inputs, &c->objects->arena, err));
  SM_TRY(sm_structured_copy(&out->outputs, &output, &c->objects->arena, err));
  return sm_built_make_function(out, c->objects, &parts, err);
}

static sm_status add_initializer(sm_conversion *c, sm_cut_spec *spec, sm_error *err) {
  int32_t object;
  sm_built_function *out;
  SM_TRY(sm_convert_add_child(&object, c, "initializer", SM_BUILT_RESOURCE, err));
  SM_TRY(make_create(c, object, err));
  SM_TRY(sm_built_add_plain_function(&out, c->objects, object, "_initialize", err));
  return sm_convert_cut(out, c, "initializer_initialize", spec, err);
}

sm_status sm_convert_init_op(sm_conversion *c, sm_error *err) {
  sm_cut_spec spec = {.captures = c->captures, .n_captures = c->n_captures};
  SM_TRY(find_effects(&spec, c, err));
  if (spec.n_controls == 0) return SM_OK;
  sm_status status = add_initializer(c, &spec, err);
  if (status != SM_OK) sm_error_add_place(err, "init op");
  return status;
}
