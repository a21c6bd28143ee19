/* A length comes before what it counts, and is not known then: it gets one byte, and where that was not enough the contents
 * move. Nesting is bounded, so a byte moves a bounded number of times. */
#include "wire/canonical_internal.h"

sm_status sm_wire_put_raw_varint(sm_buffer *out, uint64_t value, sm_error *err) {
  SM_TRY(sm_buffer_reserve(out, SM_VARINT_MAX_SIZE, err));
  out->size = (size_t)(sm_varint_write(out->data + out->size, value) - out->data);
  return SM_OK;
}

sm_status sm_wire_put_tag(sm_buffer *out, uint32_t number, sm_wire_type type, sm_error *err) {
  return sm_wire_put_raw_varint(out, SM_WIRE_TAG(number, type), err);
}

sm_status sm_wire_put_varint(sm_buffer *out, uint32_t number, uint64_t value, sm_error *err) {
  SM_TRY(sm_wire_put_tag(out, number, SM_WIRE_VARINT, err));
  return sm_wire_put_raw_varint(out, value, err);
}

sm_status sm_wire_put_fixed32(sm_buffer *out, uint32_t number, uint32_t value, sm_error *err) {
  uint8_t bytes[4];
  for (unsigned i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(value >> (8 * i));
  SM_TRY(sm_wire_put_tag(out, number, SM_WIRE_FIXED32, err));
  return sm_buffer_put(out, bytes, sizeof bytes, err);
}

sm_status sm_wire_put_bytes(sm_buffer *out, uint32_t number, const void *data, size_t size, sm_error *err) {
  if (size > INT32_MAX)
    return SM_FAIL(err, SM_RESOURCE_EXHAUSTED, "a field of %zu bytes: protobuf allows 2^31-1", size);
  SM_TRY(sm_wire_put_tag(out, number, SM_WIRE_BYTES, err));
  SM_TRY(sm_buffer_reserve(out, SM_VARINT_MAX_SIZE + size, err));
  out->size = (size_t)(sm_varint_write(out->data + out->size, size) - out->data);
  return sm_buffer_put(out, data, size, err);
}

sm_status sm_wire_put_scalar(sm_buffer *out, const ProtobufCFieldDescriptor *described, uint64_t decoded,
                             sm_error *err) {
  SM_TRY(sm_buffer_reserve(out, SM_VARINT_MAX_SIZE, err));
  out->size = (size_t)(sm_wire_write_scalar(out->data + out->size, described, decoded) - out->data);
  return SM_OK;
}

sm_status sm_wire_open(size_t *contents, sm_buffer *out, uint32_t number, sm_error *err) {
  SM_TRY(sm_wire_put_tag(out, number, SM_WIRE_BYTES, err));
  SM_TRY(sm_buffer_reserve(out, 1, err));
  *contents = ++out->size;
  return SM_OK;
}

sm_status sm_wire_close_all(sm_buffer *out, const size_t *contents, size_t n, sm_error *err) {
  size_t sizes[SM_WIRE_MAX_CLOSED], more = 0; /* bytes that lengths take beyond the one they have */
  uint8_t length[SM_VARINT_MAX_SIZE];
  for (size_t i = n; i-- > 0;) {
    sizes[i] = out->size - contents[i] + more;
    if (sizes[i] > INT32_MAX)
      return SM_FAIL(err, SM_RESOURCE_EXHAUSTED, "a message of %zu bytes: protobuf allows 2^31-1", sizes[i]);
    more += (size_t)(sm_varint_write(length, sizes[i]) - length) - 1;
  }
  SM_TRY(sm_buffer_reserve(out, more, err));
  size_t end = out->size;
  out->size += more;
  for (size_t i = n; i-- > 0;) { /* from the end: nothing is moved onto what has yet to move */
    size_t length_size = (size_t)(sm_varint_write(length, sizes[i]) - length);
    uint8_t *from = out->data + contents[i];
    if (more != 0) memmove(from + more, from, end - contents[i]);
    more -= length_size - 1;
    memcpy(from - 1 + more, length, length_size);
    end = contents[i] - 1;
  }
  return SM_OK;
}

sm_status sm_wire_close(sm_buffer *out, size_t contents, sm_error *err) {
  return sm_wire_close_all(out, &contents, 1, err);
}

sm_status sm_wire_run_open(sm_wire_run *run, sm_buffer *out, const ProtobufCFieldDescriptor *described, sm_error *err) {
  if (run->described == described) return SM_OK;
  SM_TRY(sm_wire_run_close(run, out, err));
  SM_TRY(sm_wire_open(&run->contents, out, described->id, err));
  run->described = described;
  return SM_OK;
}

sm_status sm_wire_run_close(sm_wire_run *run, sm_buffer *out, sm_error *err) {
  if (run->described == NULL) return SM_OK;
  run->described = NULL;
  return sm_wire_close(out, run->contents, err);
}
