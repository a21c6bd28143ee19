#include <savedmodel/pb/meta_graph.pb-c.h>

#include "builder/encode_parts.h"

/* Fields: proto/meta_graph.proto, tensor_shape.proto. */
enum {
  SIGNATURE_INPUT = 1,
  SIGNATURE_OUTPUT = 2,
  SIGNATURE_METHOD = 3,
  SIGNATURE_DEFAULT = 4,
  ENTRY_KEY = 1,
  ENTRY_VALUE = 2,
  INFO_NAME = 1,
  INFO_DTYPE = 2,
  INFO_SHAPE = 3,
  INFO_COO_SPARSE = 4,
  INFO_COMPOSITE = 5,
  COMPOSITE_TYPE_SPEC = 1,
  COMPOSITE_COMPONENT = 2,
  SHAPE_DIM = 2,
  SHAPE_UNKNOWN_RANK = 3,
  DIM_SIZE = 1,
  N_COO_SPARSE = 3 /* values, indices, shape: fields 1 to 3 of CooSparse */
};

/* Composite tensors of composite tensors. */
enum { MAX_LEVELS = 16 };

/* The text of a struct whose size may have been left out. */
static sm_string text_of(const char *text, size_t size) {
  return text == NULL ? (sm_string){"", 0} : (sm_string){text, size != 0 ? size : strlen(text)};
}

/* ---- Tensors ---- */

static sm_status put_shape(sm_buffer *out, const sm_tensor_info *info, sm_error *err) {
  size_t shape, dim;
  SM_TRY(sm_wire_open(&shape, out, INFO_SHAPE, err));
  for (int32_t i = 0; i < info->rank; i++) {
    SM_TRY(sm_wire_open(&dim, out, SHAPE_DIM, err));
    if (info->dims[i] != 0) SM_TRY(sm_wire_put_varint(out, DIM_SIZE, (uint64_t)info->dims[i], err));
    SM_TRY(sm_wire_close(out, dim, err));
  }
  if (info->rank < 0) SM_TRY(sm_wire_put_varint(out, SHAPE_UNKNOWN_RANK, 1, err));
  return sm_wire_close(out, shape, err);
}

/* As tf.compat.v1.saved_model.Builder (builder_impl.py, _validate_tensor_info). */
static sm_status check_info(const sm_tensor_info *info, bool is_op, sm_error *err) {
  bool has_name = info->tensor_name != NULL && *info->tensor_name != '\0';
  bool is_whole = info->kind == SM_TENSOR_NAME         ? has_name
                  : info->kind == SM_TENSOR_COO_SPARSE ? info->n_components == N_COO_SPARSE
                                                       : info->kind == SM_TENSOR_COMPOSITE;
  if (!is_whole)
    return SM_FAIL(err, SM_INVALID_ARGUMENT,
                   "invalid tensor_info: it must have one of the \"encoding\" fields (name, coo_sparse or "
                   "composite_tensor) set");
  if (info->kind != SM_TENSOR_COMPOSITE && info->dtype == SM_DT_INVALID && !is_op)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "invalid tensor_info: it must have the dtype field set");
  return SM_OK;
}

static sm_status put_coo_sparse(sm_buffer *out, const sm_tensor_info *info, sm_error *err) {
  size_t sparse;
  SM_TRY(sm_wire_open(&sparse, out, INFO_COO_SPARSE, err));
  for (uint32_t i = 0; i < N_COO_SPARSE; i++) {
    const sm_tensor_info *part = info->components[i];
    SM_TRY(sm_encode_text(out, i + 1, text_of(part->tensor_name, part->tensor_name_size), err));
  }
  return sm_wire_close(out, sparse, err);
}

/* A composite tensor whose components are being put. */
typedef struct level {
  const sm_tensor_info *info;
  size_t next;                /* component */
  size_t composite, contents; /* where CompositeTensor, and the TensorInfo that is a component, began */
} level;

static sm_status begin_composite(level *out, sm_buffer *buffer, const sm_tensor_info *info, sm_error *err) {
  out->info = info;
  out->next = 0;
  SM_TRY(sm_wire_open(&out->composite, buffer, INFO_COMPOSITE, err));
  if (info->type_spec.size == 0) return SM_OK;
  return sm_wire_put_bytes(buffer, COMPOSITE_TYPE_SPEC, info->type_spec.data, info->type_spec.size, err);
}

/* All fields but those of a composite tensor, which come last. is_op: it names an op, which has no dtype. */
static sm_status put_simple_fields(sm_buffer *out, const sm_tensor_info *info, bool is_op, sm_error *err) {
  SM_TRY(check_info(info, is_op, err));
  if (info->kind == SM_TENSOR_NAME)
    SM_TRY(sm_encode_text(out, INFO_NAME, text_of(info->tensor_name, info->tensor_name_size), err));
  if (info->dtype != SM_DT_INVALID) SM_TRY(sm_wire_put_varint(out, INFO_DTYPE, (uint64_t)info->dtype, err));
  if (info->kind != SM_TENSOR_COMPOSITE || info->rank != 0) SM_TRY(put_shape(out, info, err)); /* its spec has it */
  return info->kind == SM_TENSOR_COO_SPARSE ? put_coo_sparse(out, info, err) : SM_OK;
}

static sm_status put_info(sm_buffer *out, const sm_tensor_info *info, bool is_op, sm_error *err) {
  level levels[MAX_LEVELS];
  size_t n = 0;
  SM_TRY(put_simple_fields(out, info, is_op, err));
  if (info->kind == SM_TENSOR_COMPOSITE) SM_TRY(begin_composite(&levels[n++], out, info, err));
  while (n > 0) {
    level *top = &levels[n - 1];
    if (top->next == top->info->n_components) {
      SM_TRY(sm_wire_close(out, top->composite, err));
      if (--n > 0) SM_TRY(sm_wire_close(out, levels[n].contents, err));
      continue;
    }
    const sm_tensor_info *part = top->info->components[top->next++];
    size_t contents;
    SM_TRY(sm_wire_open(&contents, out, COMPOSITE_COMPONENT, err));
    SM_TRY(put_simple_fields(out, part, false, err));
    if (part->kind != SM_TENSOR_COMPOSITE) {
      SM_TRY(sm_wire_close(out, contents, err));
      continue;
    }
    if (n == MAX_LEVELS) return SM_FAIL(err, SM_INVALID_ARGUMENT, "components more than %d deep", (int)MAX_LEVELS);
    SM_TRY(begin_composite(&levels[n], out, part, err));
    levels[n++].contents = contents;
  }
  return SM_OK;
}

/* ---- Maps ---- */

/* An entry of any of the maps. */
typedef struct entry {
  sm_string key;
  const sm_tensor_info *info; /* or */
  const sm_signature_default *given_value;
} entry;

static bool entry_less(const void *a, const void *b) {
  return sm_string_compare(((const entry *)a)->key, ((const entry *)b)->key) < 0;
}

static sm_status put_default(sm_buffer *out, const sm_signature_default *given_value, sm_error *err) {
  return sm_wire_put_bytes(out, ENTRY_VALUE, given_value->tensor_proto.data, given_value->tensor_proto.size, err);
}

/* The one output of the signatures of that key is an op. */
static bool is_reserved(sm_string key) {
  return sm_string_equal(key, sm_string_of(SM_KEY_INIT_OP)) || sm_string_equal(key, sm_string_of(SM_KEY_TRAIN_OP));
}

static sm_status put_entry(sm_buffer *out, uint32_t number, const entry *e, sm_error *err) {
  size_t contents, value;
  SM_TRY(sm_wire_open(&contents, out, number, err));
  SM_TRY(sm_encode_text(out, ENTRY_KEY, e->key, err));
  if (e->given_value != NULL) {
    SM_TRY(put_default(out, e->given_value, err));
  } else {
    SM_TRY(sm_wire_open(&value, out, ENTRY_VALUE, err));
    sm_status status = put_info(out, e->info, is_reserved(e->key), err);
    if (status != SM_OK) {
      sm_error_add_place(err, e->key.size < 200 ? e->key.data : "(a long name)");
      return status;
    }
    SM_TRY(sm_wire_close(out, value, err));
  }
  return sm_wire_close(out, contents, err);
}

static sm_status put_entries(sm_buffer *out, uint32_t number, entry *entries, size_t n, sm_error *err) {
  sm_sort(entries, n, sizeof *entries, entry_less);
  for (size_t i = 0; i < n; i++) {
    if (i > 0 && sm_string_equal(entries[i - 1].key, entries[i].key))
      return SM_FAIL(err, SM_INVALID_ARGUMENT, "\"%.*s\": there are two of that name", SM_SHOWN(entries[i].key));
    SM_TRY(put_entry(out, number, &entries[i], err));
  }
  return SM_OK;
}

static sm_status put_infos(sm_buffer *out, uint32_t number, const sm_tensor_info *const *infos, size_t n,
                           sm_arena *arena, sm_error *err) {
  entry *entries = sm_arena_array(arena, entry, n);
  if (entries == NULL) return sm_arena_fail(arena, n * sizeof *entries, err);
  for (size_t i = 0; i < n; i++)
    entries[i] = (entry){.key = text_of(infos[i]->name, infos[i]->name_size), .info = infos[i]};
  return put_entries(out, number, entries, n, err);
}

static sm_status put_defaults(sm_buffer *out, const sm_signature *signature, sm_arena *arena, sm_error *err) {
  size_t n = signature->n_defaults;
  entry *entries = sm_arena_array(arena, entry, n);
  if (entries == NULL) return sm_arena_fail(arena, n * sizeof *entries, err);
  for (size_t i = 0; i < n; i++) {
    const sm_signature_default *given_value = signature->defaults[i];
    entries[i] = (entry){.key = text_of(given_value->name, given_value->name_size), .given_value = given_value};
  }
  return put_entries(out, SIGNATURE_DEFAULT, entries, n, err);
}

/* type_specs and defaults are the caller's bytes: is all of it a message? */
static sm_status check_message(const sm_buffer *out, size_t begin, sm_arena *arena, sm_error *err) {
  ProtobufCMessage *message;
  const sm_wire_source source = {.name = "signature", .bytes = {out->data + begin, out->size - begin}};
  return sm_wire_unpack(&message, &tensorflow__signature_def__descriptor, (sm_spans){&source.bytes, 1}, &source, arena,
                        err);
}

sm_status sm_encode_signature(sm_buffer *out, const sm_signature *signature, sm_arena *arena, sm_error *err) {
  size_t begin = out->size;
  SM_TRY(put_infos(out, SIGNATURE_INPUT, signature->inputs, signature->n_inputs, arena, err));
  SM_TRY(put_infos(out, SIGNATURE_OUTPUT, signature->outputs, signature->n_outputs, arena, err));
  SM_TRY(sm_encode_text(out, SIGNATURE_METHOD, text_of(signature->method_name, signature->method_name_size), err));
  SM_TRY(put_defaults(out, signature, arena, err));
  return out->size != begin ? check_message(out, begin, arena, err) : SM_OK; /* an empty one is a message, too */
}
