/* What a SavedObjectGraph says of functions. Format: proto/saved_object_graph.proto. */
#include "builder/built_objects.h"

enum {
  CONCRETE_BOUND_INPUTS = 2,
  CONCRETE_INPUTS = 3,
  CONCRETE_OUTPUTS = 4,
  FUNCTION_CONCRETE = 1,
  FUNCTION_SPEC = 2,
  SPEC_FULLARGSPEC = 1,
  SPEC_IS_METHOD = 2,
  SPEC_INPUT_SIGNATURE = 5,
  SPEC_JIT_COMPILE = 6,
  BARE_NAME = 1,
  BARE_KEYWORDS = 2,
  BARE_POSITIONAL = 3,
  BARE_SPEC = 4
};

static sm_status put_value(sm_buffer *out, uint32_t number, const sm_structured *value, sm_error *err) {
  size_t message;
  SM_TRY(sm_wire_open(&message, out, number, err));
  SM_TRY(sm_structured_write(out, value, err));
  return sm_wire_close(out, message, err);
}

static sm_status put_text(sm_buffer *out, uint32_t number, sm_string text, sm_error *err) {
  return sm_wire_put_bytes(out, number, text.data, text.size, err);
}

sm_status sm_encode_concrete_function(sm_buffer *out, const sm_object_graph *objects, const sm_built_function *function,
                                      sm_error *err) {
  size_t packed;
  if (function->n_captures != 0) {
    SM_TRY(sm_wire_open(&packed, out, CONCRETE_BOUND_INPUTS, err));
    for (size_t i = 0; i < function->n_captures; i++)
      SM_TRY(sm_wire_put_raw_varint(out, (uint64_t)objects->objects[function->captures[i]]->id, err));
    SM_TRY(sm_wire_close(out, packed, err));
  }
  SM_TRY(put_value(out, CONCRETE_INPUTS, &function->inputs, err));
  return put_value(out, CONCRETE_OUTPUTS, &function->outputs, err);
}

sm_status sm_encode_function_spec(sm_buffer *out, uint32_t number, const sm_built_parameters *parameters,
                                  sm_error *err) {
  size_t spec;
  SM_TRY(sm_wire_open(&spec, out, number, err));
  SM_TRY(put_value(out, SPEC_FULLARGSPEC, &parameters->argspec, err));
  if (parameters->is_method) SM_TRY(sm_wire_put_varint(out, SPEC_IS_METHOD, true, err));
  SM_TRY(put_value(out, SPEC_INPUT_SIGNATURE, &parameters->input_signature, err));
  if (parameters->jit_compile != SM_JIT_DEFAULT)
    SM_TRY(sm_wire_put_varint(out, SPEC_JIT_COMPILE, (uint64_t)parameters->jit_compile, err));
  return sm_wire_close(out, spec, err);
}

sm_status sm_encode_function(sm_buffer *out, const sm_built_functions *functions, sm_error *err) {
  for (size_t i = 0; i < functions->n; i++) SM_TRY(put_text(out, FUNCTION_CONCRETE, functions->items[i].name, err));
  return sm_encode_function_spec(out, FUNCTION_SPEC, &functions->parameters, err);
}

sm_status sm_encode_bare_function(sm_buffer *out, const sm_built_function *function, const sm_built_calling *calling,
                                  sm_error *err) {
  SM_TRY(put_text(out, BARE_NAME, function->name, err));
  for (size_t i = 0; i < function->n_in; i++)
    SM_TRY(put_text(out, BARE_KEYWORDS, sm_string_of(calling->keywords[i]), err));
  if (calling->n_positional != 0) SM_TRY(sm_wire_put_varint(out, BARE_POSITIONAL, calling->n_positional, err));
  return calling->parameters != NULL ? sm_encode_function_spec(out, BARE_SPEC, calling->parameters, err) : SM_OK;
}
