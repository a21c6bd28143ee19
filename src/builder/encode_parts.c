#include "builder/encode_parts.h"

#include "codec/varint.h"

/* Fields: proto/saver.proto, meta_graph.proto, google/protobuf/any.proto. */
enum {
  SAVER_FILENAME = 1,
  SAVER_SAVE = 2,
  SAVER_RESTORE = 3,
  SAVER_MAX_TO_KEEP = 4,
  SAVER_SHARDED = 5,
  SAVER_KEEP_HOURS = 6,
  SAVER_VERSION = 7,
  LIST_VALUE = 1, /* of all lists of a CollectionDef */
  ANY_TYPE_URL = 1,
  ANY_VALUE = 2,
  ASSET_TENSOR_INFO = 1,
  ASSET_FILENAME = 2,
  TENSOR_INFO_NAME = 1
};

sm_status sm_encode_text(sm_buffer *out, uint32_t number, sm_string text, sm_error *err) {
  if (!sm_utf8_is_valid(text.data, text.size))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "\"%.*s\": not UTF-8", SM_SHOWN(text));
  return text.size != 0 ? sm_wire_put_bytes(out, number, text.data, text.size, err) : SM_OK;
}

static sm_status put_text(sm_buffer *out, uint32_t number, const char *text, sm_error *err) {
  return text != NULL ? sm_encode_text(out, number, sm_string_of(text), err) : SM_OK;
}

static sm_status put_number(sm_buffer *out, uint32_t number, int64_t value, sm_error *err) {
  return value != 0 ? sm_wire_put_varint(out, number, (uint64_t)value, err) : SM_OK;
}

static sm_status put_float(sm_buffer *out, uint32_t number, float value, sm_error *err) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits != 0 ? sm_wire_put_fixed32(out, number, bits, err) : SM_OK;
}

sm_status sm_encode_saver(sm_buffer *out, const sm_saver_def *saver, sm_error *err) {
  SM_TRY(put_text(out, SAVER_FILENAME, saver->filename_tensor_name, err));
  SM_TRY(put_text(out, SAVER_SAVE, saver->save_tensor_name, err));
  SM_TRY(put_text(out, SAVER_RESTORE, saver->restore_op_name, err));
  SM_TRY(put_number(out, SAVER_MAX_TO_KEEP, saver->max_to_keep, err));
  SM_TRY(put_number(out, SAVER_SHARDED, saver->sharded, err));
  SM_TRY(put_float(out, SAVER_KEEP_HOURS, saver->keep_checkpoint_every_n_hours, err));
  return put_number(out, SAVER_VERSION, saver->version, err);
}

sm_status sm_encode_asset(sm_buffer *out, const char *tensor_name, const char *filename, sm_error *err) {
  size_t info;
  SM_TRY(sm_wire_open(&info, out, ASSET_TENSOR_INFO, err));
  SM_TRY(put_text(out, TENSOR_INFO_NAME, tensor_name, err));
  SM_TRY(sm_wire_close(out, info, err));
  return put_text(out, ASSET_FILENAME, filename, err);
}

/* ---- Collections ---- */

static sm_status put_any(sm_buffer *out, sm_string type_url, sm_string value, sm_error *err) {
  size_t any;
  SM_TRY(sm_wire_open(&any, out, LIST_VALUE, err));
  SM_TRY(sm_encode_text(out, ANY_TYPE_URL, type_url, err));
  if (value.size != 0) SM_TRY(sm_wire_put_bytes(out, ANY_VALUE, value.data, value.size, err));
  return sm_wire_close(out, any, err);
}

/* Raw bytes of a varint or a float, in a packed field. */
static sm_status put_packed(sm_buffer *out, const sm_collection *collection, size_t i, sm_error *err) {
  SM_TRY(sm_buffer_reserve(out, SM_VARINT_MAX_SIZE, err));
  if (collection->kind == SM_COLLECTION_INT64) {
    out->size = (size_t)(sm_varint_write(out->data + out->size, (uint64_t)collection->int64s[i]) - out->data);
    return SM_OK;
  }
  uint32_t bits;
  memcpy(&bits, &collection->floats[i], sizeof bits);
  for (unsigned k = 0; k < sizeof bits; k++) out->data[out->size++] = (uint8_t)(bits >> (8 * k));
  return SM_OK;
}

static sm_status put_value(sm_buffer *out, const sm_collection *collection, size_t i, sm_error *err) {
  switch (collection->kind) {
    case SM_COLLECTION_NODES: /* an empty name is a value, too */
      if (!sm_utf8_is_valid(collection->strings[i].data, collection->strings[i].size))
        return SM_FAIL(err, SM_INVALID_ARGUMENT, "a name that is not UTF-8");
      return sm_wire_put_bytes(out, LIST_VALUE, collection->strings[i].data, collection->strings[i].size, err);
    case SM_COLLECTION_BYTES:
      return sm_wire_put_bytes(out, LIST_VALUE, collection->strings[i].data, collection->strings[i].size, err);
    case SM_COLLECTION_ANY: return put_any(out, collection->type_urls[i], collection->strings[i], err);
    default: return put_packed(out, collection, i, err);
  }
}

sm_status sm_encode_collection(sm_buffer *out, const sm_collection *collection, sm_error *err) {
  size_t list, packed;
  sm_collection_kind kind = collection->kind;
  bool is_packed = kind == SM_COLLECTION_INT64 || kind == SM_COLLECTION_FLOAT;
  if (kind == SM_COLLECTION_EMPTY) return SM_OK;
  if ((unsigned)kind > SM_COLLECTION_ANY)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "no such kind of collection: %d", (int)kind);
  SM_TRY(sm_wire_open(&list, out, (uint32_t)kind, err)); /* the kinds have the numbers of the fields */
  if (is_packed && collection->n != 0) SM_TRY(sm_wire_open(&packed, out, LIST_VALUE, err));
  for (size_t i = 0; i < collection->n; i++) SM_TRY(put_value(out, collection, i, err));
  if (is_packed && collection->n != 0) SM_TRY(sm_wire_close(out, packed, err));
  return sm_wire_close(out, list, err);
}
