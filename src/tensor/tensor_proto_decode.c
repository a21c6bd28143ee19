/*
 * Values of a TensorProto to elements in memory. Numbers go into an array of units, of which complex numbers have two and
 * all others one; as many as fit are kept, all are checked.
 */
#include "codec/varint.h"
#include "io/io.h"
#include "tensor/slice.h"
#include "tensor/tensor_proto_internal.h"

static sm_status fail(const sm_tensor_proto *proto, sm_status code, const char *what, sm_error *err) {
  return SM_FAIL(err, code, "%s: a tensor of dtype %s: %s", proto->source->name, sm_dtype_name(proto->dtype), what);
}

static sm_status fail_dtype(const sm_tensor_proto *proto, sm_error *err) {
  return SM_FAIL(err, SM_DATA_LOSS, "%s: dtype %d: no tensor has that", proto->source->name, (int)proto->dtype);
}

/* Is there such a tensor, and how much memory do its elements take? */
static sm_status check(size_t *size, const sm_tensor_proto *proto, sm_error *err) {
  if (proto->dtype == SM_DT_RESOURCE)
    return fail(proto, SM_UNIMPLEMENTED, "handles mean something only to the process that made them", err);
  if (sm_element_size(proto->dtype) == 0) return fail_dtype(proto, err);
  if (proto->shape.rank < 0) return fail(proto, SM_DATA_LOSS, "its shape is unknown", err);
  if (!sm_shape_bytes(size, proto->dtype, proto->shape.dims, (size_t)proto->shape.rank))
    return fail(proto, SM_DATA_LOSS, "a negative dimension, too many of them, or more elements than fit", err);
  return SM_OK;
}

/* ---- Numbers ---- */

typedef struct units {
  uint8_t *data; /* NULL: only counting */
  size_t unit_size;
  uint64_t capacity; /* of data, in units */
  uint64_t n;        /* given; may be more than fit */
  bool is_bool;
} units;

static void put_unit(units *out, uint64_t value) {
  if (out->n++ >= out->capacity || out->data == NULL) return;
  uint8_t *at = out->data + (out->n - 1) * out->unit_size;
  switch (out->unit_size) {
    case 1: *at = out->is_bool ? value != 0 : (uint8_t)value; break;
    case 2: memcpy(at, &(uint16_t){(uint16_t)value}, 2); break;
    case 4: memcpy(at, &(uint32_t){(uint32_t)value}, 4); break;
    default: memcpy(at, &value, 8);
  }
}

static sm_status put_packed_varints(units *out, sm_span packed, const sm_wire_source *source, sm_error *err) {
  const uint8_t *p = packed.data, *end = p + packed.size;
  while (p != end) {
    uint64_t value;
    const uint8_t *next = sm_varint_read(p, end, &value);
    if (next == NULL) return sm_wire_fail(source, p, "a number in a packed list that does not end", err);
    put_unit(out, value);
    p = next;
  }
  return SM_OK;
}

static sm_status put_packed_fixed(units *out, sm_span packed, const sm_wire_source *source, sm_error *err) {
  uint64_t n = packed.size / out->unit_size, left = out->n < out->capacity ? out->capacity - out->n : 0;
  if (packed.size % out->unit_size != 0)
    return sm_wire_fail(source, packed.data, "a packed list that is no whole number of values", err);
  if (out->data != NULL)
    sm_copy_reordered(out->data + out->n * out->unit_size, packed.data, (n < left ? n : left) * out->unit_size,
                      sm_file_order(out->unit_size));
  out->n += n;
  return SM_OK;
}

/* Takes a field, if it is that of the values: packed, or a single one. */
static sm_status put_field(units *out, const sm_wire_field *field, sm_value_field values, const sm_wire_source *source,
                           sm_error *err) {
  if (sm_wire_number(field) != values.number) return SM_OK;
  sm_wire_type type = sm_wire_type_of(field);
  bool is_varint = values.kind == SM_VALUE_VARINT;
  sm_wire_type single = is_varint ? SM_WIRE_VARINT : out->unit_size == 4 ? SM_WIRE_FIXED32 : SM_WIRE_FIXED64;
  if (type == single) put_unit(out, field->value);
  if (type != SM_WIRE_BYTES) return SM_OK;
  return is_varint ? put_packed_varints(out, field->bytes, source, err)
                   : put_packed_fixed(out, field->bytes, source, err);
}

/* The one bytes field: as everywhere, the last one counts. */
static sm_status put_bytes(units *out, const sm_tensor_proto *proto, sm_value_field values, sm_error *err) {
  sm_span last = {NULL, 0};
  for (size_t i = 0; i < proto->message.n; i++) {
    sm_wire_reader reader = sm_wire_read(proto->message.items[i], proto->source);
    for (sm_wire_field field; sm_wire_next(&reader, &field);)
      if (field.tag == SM_WIRE_TAG(values.number, SM_WIRE_BYTES)) last = field.bytes;
    SM_TRY(sm_wire_finish(&reader, err));
  }
  return put_packed_fixed(out, last, proto->source, err);
}

static sm_status put_values(units *out, const sm_tensor_proto *proto, sm_error *err) {
  sm_value_field values = sm_value_field_of(proto->dtype);
  if (values.kind == SM_VALUE_BYTES) return put_bytes(out, proto, values, err);
  for (size_t i = 0; i < proto->message.n; i++) {
    sm_wire_reader reader = sm_wire_read(proto->message.items[i], proto->source);
    for (sm_wire_field field; sm_wire_next(&reader, &field);)
      SM_TRY(put_field(out, &field, values, proto->source, err));
    SM_TRY(sm_wire_finish(&reader, err));
  }
  return SM_OK;
}

/* Repeats the last of the n elements that are there; zeros when there is none. */
static void repeat_last(uint8_t *dst, size_t n, size_t size, size_t element_size) {
  size_t have = n * element_size;
  if (n == 0) {
    if (size != 0) memset(dst, 0, size);
    return;
  }
  uint8_t *last = dst + have - element_size;
  for (size_t run = element_size; have < size;) {
    size_t more = run < size - have ? run : size - have;
    memcpy(dst + have, last, more);
    have += more;
    run += more; /* all that follows last is the same */
  }
}

static bool are_bools(sm_span bytes) {
  uint8_t all = 0;
  for (size_t i = 0; i < bytes.size; i++) all |= bytes.data[i];
  return all <= 1;
}

static sm_status check_content(const sm_tensor_proto *proto, size_t size, sm_error *err) {
  if (proto->content.size != size)
    return SM_FAIL(err, SM_DATA_LOSS, "%s: a tensor of dtype %s: tensor_content of %zu bytes, its shape takes %zu",
                   proto->source->name, sm_dtype_name(proto->dtype), proto->content.size, size);
  if (proto->dtype == SM_DT_BOOL && !are_bools(proto->content))
    return fail(proto, SM_DATA_LOSS, "neither 0 nor 1", err);
  return SM_OK;
}

static sm_status decode_numbers(uint8_t *dst, size_t size, const sm_tensor_proto *proto, sm_error *err) {
  size_t element_size = sm_element_size(proto->dtype), unit_size = sm_dtype_order_size(proto->dtype);
  if (size == 0) return SM_OK;
  if (proto->content.size != 0) {
    SM_TRY(check_content(proto, size, err));
    sm_copy_reordered(dst, proto->content.data, size, sm_file_order(unit_size));
    return SM_OK;
  }
  units out = {dst, unit_size, size / unit_size, 0, proto->dtype == SM_DT_BOOL};
  SM_TRY(put_values(&out, proto, err));
  uint64_t n = out.n < out.capacity ? out.n : out.capacity;
  repeat_last(dst, (size_t)n / (element_size / unit_size), size, element_size);
  return SM_OK;
}

/* ---- Strings ---- */

/* Walks over strings, in values or in content. */
typedef struct string_walk {
  const sm_tensor_proto *proto;
  uint32_t tag; /* 0: in content */
  /* values */
  size_t piece;
  sm_wire_reader reader;
  /* content: all lengths, then all bytes */
  const uint8_t *length, *bytes;
} string_walk;

static sm_status fail_lengths(const sm_tensor_proto *proto, const uint8_t *at, sm_error *err) {
  return sm_wire_fail(proto->source, at, "tensor_content: lengths of strings that do not fit", err);
}

/* A length is a varint of at most 32 bits (tensor_coding.cc, DecodeStringList). */
static const uint8_t *read_length(uint64_t *length, const uint8_t *p, const uint8_t *end) {
  p = sm_varint_read(p, end, length);
  return p != NULL && *length <= UINT32_MAX ? p : NULL;
}

/* Finds where the bytes begin, which they have to fill to the end. */
static sm_status begin_content(string_walk *walk, size_t n, sm_error *err) {
  sm_span content = walk->proto->content;
  const uint8_t *p = content.data, *end = p + content.size;
  uint64_t total = 0, length;
  for (size_t i = 0; i < n; i++) {
    const uint8_t *next = read_length(&length, p, end);
    if (next == NULL) return fail_lengths(walk->proto, p, err);
    p = next;
    total += length; /* n is below 2^60 */
    if (total > content.size) return fail_lengths(walk->proto, p, err);
  }
  if (total != (uint64_t)(end - p)) return fail_lengths(walk->proto, p, err);
  walk->length = content.data;
  walk->bytes = p;
  return SM_OK;
}

static sm_status begin_strings(string_walk *walk, const sm_tensor_proto *proto, size_t n, sm_error *err) {
  *walk = (string_walk){.proto = proto};
  if (proto->content.size != 0) return begin_content(walk, n, err);
  walk->tag = SM_WIRE_TAG(sm_value_field_of(proto->dtype).number, SM_WIRE_BYTES);
  if (proto->message.n != 0) walk->reader = sm_wire_read(proto->message.items[0], proto->source);
  return SM_OK;
}

/* The next string; in values, false at the end, or at damage that sm_tensor_proto_read has seen. */
static bool next_string(string_walk *walk, sm_span *string) {
  if (walk->tag == 0) {
    uint64_t length = 0;
    const uint8_t *end = walk->proto->content.data + walk->proto->content.size;
    walk->length = read_length(&length, walk->length, end);
    *string = (sm_span){walk->bytes, (size_t)length};
    walk->bytes += length;
    return true;
  }
  while (walk->piece < walk->proto->message.n) {
    for (sm_wire_field field; sm_wire_next(&walk->reader, &field);) {
      if (field.tag != walk->tag) continue;
      *string = field.bytes;
      return true;
    }
    if (++walk->piece < walk->proto->message.n)
      walk->reader = sm_wire_read(walk->proto->message.items[walk->piece], walk->proto->source);
  }
  return false;
}

/* How many of the n strings are given, and their bytes with a NUL behind each. */
static sm_status measure_strings(size_t *n_given, size_t *n_bytes, const sm_tensor_proto *proto, size_t n,
                                 sm_error *err) {
  string_walk walk;
  sm_span string;
  *n_given = *n_bytes = 0;
  if (n == 0) return SM_OK;
  SM_TRY(begin_strings(&walk, proto, n, err));
  while (*n_given < n && next_string(&walk, &string)) {
    ++*n_given;
    *n_bytes += string.size + 1; /* no more than the message has */
  }
  return SM_OK;
}

static sm_status check_limit(size_t size, size_t extra, uint64_t max_bytes, const sm_tensor_proto *proto,
                             sm_error *err) {
  if (size <= max_bytes && extra <= max_bytes - size) return SM_OK;
  return SM_FAIL(err, SM_RESOURCE_EXHAUSTED, "%s: a tensor of %zu bytes would pass the limit of %llu bytes (max_bytes)",
                 proto->source->name, size, (unsigned long long)max_bytes);
}

/* A variant that is not given is an empty one, where a string would be the last one again. */
static sm_status decode_strings(sm_tensor **out, const sm_tensor_proto *proto, size_t size, uint64_t max_bytes,
                                const sm_allocator *allocator, sm_error *err) {
  size_t n = size / sizeof(sm_string), n_given, n_bytes;
  char *bytes;
  SM_TRY(measure_strings(&n_given, &n_bytes, proto, n, err));
  SM_TRY(check_limit(size, n_bytes, max_bytes, proto, err));
  SM_TRY(sm_tensor_new_strings(out, &bytes, n_bytes, &proto->shape, proto->dtype, allocator, err));
  sm_string *strings = sm_tensor_get_data(*out);
  string_walk walk;
  if (n_given != 0) (void)begin_strings(&walk, proto, n, err); /* was checked */
  for (size_t i = 0; i < n_given; i++) {
    sm_span string;
    (void)next_string(&walk, &string);
    if (string.size != 0) memcpy(bytes, string.data, string.size);
    bytes[string.size] = '\0';
    strings[i] = (sm_string){bytes, string.size};
    bytes += string.size + 1;
  }
  for (size_t i = n_given; n_given != 0 && i < n && proto->dtype == SM_DT_STRING; i++)
    strings[i] = strings[n_given - 1];
  return SM_OK;
}

/* ---- The whole ---- */

sm_status sm_tensor_proto_n_values(uint64_t *out, const sm_tensor_proto *proto, sm_error *err) {
  sm_value_field values = sm_value_field_of(proto->dtype);
  *out = 0;
  if (values.kind == SM_VALUE_NONE) return fail_dtype(proto, err);
  if (values.kind == SM_VALUE_STRINGS) {
    sm_tensor_proto in_values = *proto;
    string_walk walk;
    sm_span string;
    in_values.content = (sm_span){NULL, 0};
    SM_TRY(begin_strings(&walk, &in_values, 0, err));
    while (next_string(&walk, &string)) ++*out;
    return SM_OK;
  }
  size_t unit_size = sm_dtype_order_size(proto->dtype);
  units counted = {.unit_size = unit_size};
  SM_TRY(put_values(&counted, proto, err));
  *out = counted.n / (sm_element_size(proto->dtype) / unit_size);
  return SM_OK;
}

sm_status sm_tensor_proto_decode_into(void *dst, size_t dst_size, const sm_tensor_proto *proto, sm_error *err) {
  size_t size;
  SM_TRY(check(&size, proto, err));
  if (sm_value_field_of(proto->dtype).kind == SM_VALUE_STRINGS)
    return fail(proto, SM_INVALID_ARGUMENT, "strings have no place in bytes", err);
  if (size != dst_size)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: a tensor of %zu bytes, room for %zu", proto->source->name, size,
                   dst_size);
  return decode_numbers(dst, size, proto, err);
}

sm_status sm_tensor_proto_decode(sm_tensor **out, const sm_tensor_proto *proto, uint64_t max_bytes,
                                 const sm_allocator *allocator, sm_error *err) {
  size_t size;
  *out = NULL;
  SM_TRY(check(&size, proto, err));
  if (sm_value_field_of(proto->dtype).kind == SM_VALUE_STRINGS)
    return decode_strings(out, proto, size, max_bytes, allocator, err);
  SM_TRY(check_limit(size, 0, max_bytes, proto, err));
  if (size != 0 && proto->content.size != 0) SM_TRY(check_content(proto, size, err)); /* before memory is had */
  SM_TRY(sm_tensor_new(out, proto->dtype, proto->shape.dims, proto->shape.rank, allocator, err));
  sm_status status = decode_numbers(sm_tensor_get_data(*out), size, proto, err);
  if (status == SM_OK) return SM_OK;
  sm_tensor_free(*out);
  *out = NULL;
  return status;
}

sm_status sm_tensor_proto_view(sm_tensor_view *out, const sm_tensor_proto *proto, sm_error *err) {
  size_t size;
  SM_TRY(check(&size, proto, err));
  bool lies_there = sm_host_is_little_endian() && sm_value_field_of(proto->dtype).kind != SM_VALUE_STRINGS;
  if (!lies_there || (size != 0 && proto->content.size == 0))
    return fail(proto, SM_FAILED_PRECONDITION, "its elements have to be decoded", err);
  if (size != 0) SM_TRY(check_content(proto, size, err));
  *out = (sm_tensor_view){
      .dtype = proto->dtype, .rank = proto->shape.rank, .data = size != 0 ? proto->content.data : NULL, .size = size};
  if (out->rank != 0) memcpy(out->dims, proto->shape.dims, (size_t)out->rank * sizeof *out->dims);
  return SM_OK;
}

sm_status sm_tensor_read_proto(sm_tensor **out, sm_string proto, uint64_t max_bytes, const sm_allocator *allocator,
                               sm_error *err) {
  sm_span bytes = {(const uint8_t *)proto.data, proto.size};
  sm_wire_source source = {.name = "TensorProto", .bytes = bytes};
  sm_arena arena; /* for the shape */
  sm_tensor_proto read;
  if (max_bytes == 0) max_bytes = sm_default_max_bytes(proto.size);
  *out = NULL;
  sm_arena_init(&arena, sm_allocator_or_malloc(allocator), max_bytes);
  sm_status status = sm_tensor_proto_read(&read, (sm_spans){&bytes, 1}, &source, &arena, err);
  if (status == SM_OK) status = sm_tensor_proto_decode(out, &read, max_bytes, allocator, err);
  sm_arena_free(&arena);
  return status;
}
