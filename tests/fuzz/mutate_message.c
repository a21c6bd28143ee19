/*
 * Mutates protobuf bytes so that they stay a message: what changes is a field somewhere inside, and the lengths of all
 * around it are made to fit. Bytes changed by chance alone break the framing and reach little. Inputs without a message
 * are left to libFuzzer.
 */
#include "fuzz.h"

#include <stdbool.h>
#include <string.h>

#include "support/wire_writer.h"

/* libFuzzer's names for the hook and for its own mutations. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

enum { MAX_LEVELS = 40 };

/* Bytes from to end of the input; a field with a length has its contents from inside on. */
typedef struct part {
  size_t from, inside, end;
} part;

static unsigned next_random(unsigned *state) {
  *state = *state * 1103515245u + 12345u;
  return *state >> 16;
}

static bool read_varint(const uint8_t *data, size_t *at, size_t end, uint64_t *value) {
  *value = 0;
  for (unsigned shift = 0; shift < 64 && *at < end; shift += 7) {
    uint8_t byte = data[(*at)++];
    *value |= (uint64_t)(byte & 0x7F) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

/* The field at *at, which goes behind it. One without a length has no inside: that is its end. */
static bool read_field(part *field, const uint8_t *data, size_t *at, size_t end) {
  uint64_t tag, value;
  field->from = *at;
  if (*at >= end || !read_varint(data, at, end, &tag)) return false;
  if ((tag & 7) == W_VARINT) {
    if (!read_varint(data, at, end, &value)) return false;
    field->inside = *at;
  } else if ((tag & 7) == W_FIXED32 || (tag & 7) == W_FIXED64) {
    size_t size = (tag & 7) == W_FIXED32 ? 4 : 8;
    if (end - *at < size) return false;
    field->inside = *at += size;
  } else if ((tag & 7) == W_BYTES) {
    if (!read_varint(data, at, end, &value) || value > end - *at) return false;
    field->inside = *at;
    *at += (size_t)value;
  } else {
    return false;
  }
  field->end = *at;
  return true;
}

/* A field of the message in around, by chance; of two that could be, one with a length is the likelier. */
static bool pick_field(part *out, const uint8_t *data, part around, unsigned *state) {
  size_t at = around.inside, n = 0;
  for (part field; read_field(&field, data, &at, around.end);) {
    n += field.inside != field.end ? 8 : 1;
    if (next_random(state) % n < (field.inside != field.end ? 8u : 1u)) *out = field;
  }
  return n != 0;
}

/* Parts inside one another, the first being the message and the last the field to be changed. */
static size_t pick_path(part *path, const uint8_t *data, size_t size, unsigned *state) {
  size_t n = 1;
  path[0] = (part){fuzz_message_at, fuzz_message_at, size};
  while (n < MAX_LEVELS && next_random(state) % 6 != 0 && pick_field(&path[n], data, path[n - 1], state)) n++;
  return n;
}

/* What takes the place of a field, whole. */
static void change(w_buffer *out, const uint8_t *data, size_t size, part field, unsigned *state) {
  part other[MAX_LEVELS];
  size_t n;
  unsigned how = next_random(state) % 8;
  w_clear(out);
  switch (how) {
    case 0: break; /* gone */
    case 1:        /* twice */
      w_raw(out, data + field.from, field.end - field.from);
      w_raw(out, data + field.from, field.end - field.from);
      break;
    case 2: /* another one before it */
    case 3: /* another one instead */
      n = pick_path(other, data, size, state);
      if (n > 1) w_raw(out, data + other[n - 1].from, other[n - 1].end - other[n - 1].from);
      if (how == 2) w_raw(out, data + field.from, field.end - field.from);
      break;
    case 4: /* a new one */
      w_raw(out, data + field.from, field.end - field.from);
      w_varint(out, 1 + next_random(state) % 16, next_random(state) % 4 - (uint64_t)(next_random(state) % 4));
      break;
    default: { /* changed inside */
      size_t room = field.end - field.from + 64;
      uint8_t *copy = malloc(room);
      MUST(copy != NULL);
      size_t head = field.inside;
      if (field.inside == field.end) head = field.from; /* the whole field, tag and value */
      memcpy(copy, data + head, field.end - head);
      size_t changed = LLVMFuzzerMutate(copy, field.end - head, room);
      if (head == field.inside) {
        uint64_t tag;
        size_t at = field.from;
        (void)read_varint(data, &at, field.end, &tag);
        w_bytes(out, (uint32_t)(tag >> 3), copy, changed);
      } else {
        w_raw(out, copy, changed);
      }
      free(copy);
    }
  }
}

/* The input with changed in place of the last part of path, the lengths of those around it made to fit. */
static void rebuild(w_buffer *changed, const uint8_t *data, const part *path, size_t n) {
  for (size_t i = n - 1; i-- > 0;) {
    w_buffer inside = {0};
    uint64_t tag;
    size_t at = path[i].from;
    w_raw(&inside, data + path[i].inside, path[i + 1].from - path[i].inside);
    w_raw(&inside, changed->data, changed->size);
    w_raw(&inside, data + path[i + 1].end, path[i].end - path[i + 1].end);
    w_clear(changed);
    if (i == 0) {
      w_raw(changed, inside.data, inside.size);
    } else {
      (void)read_varint(data, &at, path[i].end, &tag);
      w_bytes(changed, (uint32_t)(tag >> 3), inside.data, inside.size);
    }
    w_free(&inside);
  }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
  part path[MAX_LEVELS];
  unsigned state = seed;
  w_buffer changed = {0};
  size_t n = size > fuzz_message_at && next_random(&state) % 5 != 0 ? pick_path(path, data, size, &state) : 0;
  if (n < 2) return LLVMFuzzerMutate(data, size, max_size);
  change(&changed, data, size, path[n - 1], &state);
  rebuild(&changed, data, path, n);
  if (changed.size <= max_size - fuzz_message_at) {
    if (changed.size != 0) memcpy(data + fuzz_message_at, changed.data, changed.size);
    size = fuzz_message_at + changed.size;
  }
  w_free(&changed);
  return size;
}
