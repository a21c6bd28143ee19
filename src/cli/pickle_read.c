#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cli/failure.h"
#include "cli/pickle.h"

/* ---- Values ---- */

/* The functions that numpy's pickles name. */
typedef enum global { RECONSTRUCT, NDARRAY, DTYPE, ENCODE, BYTES_TYPE } global;

static const struct {
  const char *module, *name;
  global global;
} globals[] = {
    {"numpy._core.multiarray", "_reconstruct", RECONSTRUCT}, /* numpy 2 */
    {"numpy.core.multiarray", "_reconstruct", RECONSTRUCT},
    {"numpy", "ndarray", NDARRAY},
    {"numpy", "dtype", DTYPE},
    {"_codecs", "encode", ENCODE}, /* how protocol 2 writes bytes */
    {"__builtin__", "bytes", BYTES_TYPE},
    {"builtins", "bytes", BYTES_TYPE},
};

typedef enum kind { NONE, FLAG, INTEGER, BYTES, TEXT, TUPLE, LIST, GLOBAL, OBJECT_DTYPE, ARRAY, MARK } kind;

static const char *const kind_names[] = {"None",   "a bool",     "an int",  "bytes",    "a str", "a tuple",
                                         "a list", "a function", "a dtype", "an array", "a mark"};

/* What a tuple or a list holds, and an array is made of. */
typedef struct items {
  struct items *next; /* of all there are */
  struct value *values;
  size_t n, capacity;
} items;

typedef struct value {
  kind kind;
  union {
    int64_t integer;
    sm_string bytes;
    items *items;
    global global;
  } as;
} value;

typedef struct machine {
  const unsigned char *data, *p, *end;
  items stack, memo;
  items *all;    /* tuples, lists and arrays */
  char *decoded; /* bytes that do not lie in the pickle as they are */
  size_t n_decoded;
  sm_error *err;
} machine;

static uint64_t offset_of(const machine *m) { return (uint64_t)(m->p - m->data); }

static sm_status damaged(const machine *m, const char *what) {
  return failure_at(m->err, SM_DATA_LOSS, offset_of(m), "pickle: before byte %llu: %s",
                    (unsigned long long)offset_of(m), what);
}

static sm_status append(machine *m, items *to, value v) {
  if (to->n == to->capacity) {
    size_t capacity = to->capacity == 0 ? 4 : 2 * to->capacity;
    value *values = realloc(to->values, capacity * sizeof *values);
    if (values == NULL) return failure_no_memory(m->err);
    to->values = values;
    to->capacity = capacity;
  }
  to->values[to->n++] = v;
  return SM_OK;
}

static sm_status push(machine *m, value v) { return append(m, &m->stack, v); }

static sm_status push_bytes(machine *m, kind type, sm_string bytes) {
  return push(m, (value){.kind = type, .as.bytes = bytes});
}

static sm_status push_number(machine *m, kind type, int64_t number) {
  return push(m, (value){.kind = type, .as.integer = number});
}

/* The value so far below the top. Damaged pickles may not have it, nor may it be a mark. */
static sm_status peek(value **out, machine *m, size_t below) {
  if (below >= m->stack.n || m->stack.values[m->stack.n - 1 - below].kind == MARK)
    return damaged(m, "takes a value from an empty stack");
  *out = &m->stack.values[m->stack.n - 1 - below];
  return SM_OK;
}

static sm_status push_items(machine *m, kind type, const value *first, size_t n) {
  items *new = calloc(1, sizeof *new);
  if (new == NULL) return failure_no_memory(m->err);
  new->next = m->all;
  m->all = new;
  if (n != 0) new->values = malloc(n * sizeof *first);
  if (n != 0 && new->values == NULL) return failure_no_memory(m->err);
  if (n != 0) memcpy(new->values, first, n * sizeof *first);
  new->n = new->capacity = n;
  m->stack.n -= n;
  return push(m, (value){.kind = type, .as.items = new});
}

/* Number of values above the topmost mark. */
static sm_status above_mark(size_t *n, machine *m) {
  for (*n = 0; *n < m->stack.n; ++*n)
    if (m->stack.values[m->stack.n - 1 - *n].kind == MARK) return SM_OK;
  return damaged(m, "has no mark on its stack");
}

/* ---- Instructions ---- */

/* What of an instruction is read with it. */
typedef struct argument {
  uint64_t number;
  sm_string bytes, more;
} argument;

static sm_status do_nothing(machine *m, const argument *in) {
  (void)m;
  (void)in;
  return SM_OK;
}

static sm_status do_mark(machine *m, const argument *in) { return push_number(m, MARK, (int64_t)in->number); }

static sm_status do_none(machine *m, const argument *in) { return push_number(m, NONE, (int64_t)in->number); }

static sm_status do_true(machine *m, const argument *in) { return push_number(m, FLAG, (int64_t)in->number + 1); }

static sm_status do_false(machine *m, const argument *in) { return push_number(m, FLAG, (int64_t)in->number); }

static sm_status do_integer(machine *m, const argument *in) { return push_number(m, INTEGER, (int64_t)in->number); }

static sm_status do_binint(machine *m, const argument *in) {
  return push_number(m, INTEGER, (int64_t)(in->number ^ 0x80000000u) - 0x80000000);
}

/* Little-endian, in two's complement. */
static sm_status do_long1(machine *m, const argument *in) {
  const unsigned char *bytes = (const unsigned char *)in->bytes.data;
  size_t n = in->bytes.size;
  if (n > 8) return failure_at(m->err, SM_UNIMPLEMENTED, offset_of(m), "pickle: an integer of %zu bytes", n);
  uint64_t number = n > 0 && bytes[n - 1] >= 0x80 ? UINT64_MAX : 0;
  while (n > 0) number = number << 8 | bytes[--n];
  return push_number(m, INTEGER, (int64_t)number);
}

static sm_status do_bytes(machine *m, const argument *in) { return push_bytes(m, BYTES, in->bytes); }

static sm_status do_text(machine *m, const argument *in) { return push_bytes(m, TEXT, in->bytes); }

static sm_status do_empty_tuple(machine *m, const argument *in) {
  (void)in;
  return push_items(m, TUPLE, NULL, 0);
}

static sm_status do_empty_list(machine *m, const argument *in) {
  (void)in;
  return push_items(m, LIST, NULL, 0);
}

static sm_status tuple_of(machine *m, size_t n) {
  value *first, *last;
  SM_TRY(peek(&last, m, 0));
  SM_TRY(peek(&first, m, n - 1));
  for (const value *v = first; v != last; v++)
    if (v->kind == MARK) return damaged(m, "makes a tuple across a mark");
  return push_items(m, TUPLE, first, n);
}

static sm_status do_tuple1(machine *m, const argument *in) { return tuple_of(m, (size_t)in->number + 1); }

static sm_status do_tuple2(machine *m, const argument *in) { return tuple_of(m, (size_t)in->number + 2); }

static sm_status do_tuple3(machine *m, const argument *in) { return tuple_of(m, (size_t)in->number + 3); }

static sm_status do_tuple(machine *m, const argument *in) {
  (void)in;
  size_t n;
  SM_TRY(above_mark(&n, m));
  SM_TRY(push_items(m, TUPLE, m->stack.values + m->stack.n - n, n));
  value made = m->stack.values[--m->stack.n];
  m->stack.values[m->stack.n - 1] = made; /* where the mark was */
  return SM_OK;
}

static sm_status append_to_list(machine *m, size_t n, size_t n_marks) {
  value *list;
  SM_TRY(peek(&list, m, n + n_marks));
  if (list->kind != LIST) return damaged(m, "appends to what is no list");
  items *to = list->as.items;
  for (size_t i = m->stack.n - n; i < m->stack.n; i++) SM_TRY(append(m, to, m->stack.values[i]));
  m->stack.n -= n + n_marks;
  return SM_OK;
}

static sm_status do_append(machine *m, const argument *in) {
  (void)in;
  value *top;
  SM_TRY(peek(&top, m, 0));
  return append_to_list(m, 1, 0);
}

static sm_status do_appends(machine *m, const argument *in) {
  (void)in;
  size_t n;
  SM_TRY(above_mark(&n, m));
  return append_to_list(m, n, 1);
}

/* Numbers follow each other; Python 2 begins with 1. */
static sm_status do_put(machine *m, const argument *in) {
  value *top;
  SM_TRY(peek(&top, m, 0));
  if (in->number > (uint64_t)m->memo.n + 1) return damaged(m, "leaves out numbers of its memo");
  if (in->number == m->memo.n + 1) SM_TRY(append(m, &m->memo, *top));
  if (in->number == m->memo.n) return append(m, &m->memo, *top);
  m->memo.values[in->number] = *top;
  return SM_OK;
}

static sm_status do_memoize(machine *m, const argument *in) {
  (void)in;
  return do_put(m, &(argument){.number = m->memo.n});
}

static sm_status do_get(machine *m, const argument *in) {
  if (in->number >= m->memo.n) return damaged(m, "gets from its memo what was not put there");
  return push(m, m->memo.values[in->number]);
}

static bool is(sm_string bytes, const char *text) {
  return bytes.size == strlen(text) && memcmp(bytes.data, text, bytes.size) == 0;
}

/* For messages. */
static int shown_size(sm_string bytes) { return bytes.size < 150 ? (int)bytes.size : 150; }

static sm_status push_global(machine *m, sm_string module, sm_string name) {
  for (size_t i = 0; i < sizeof globals / sizeof globals[0]; i++)
    if (is(module, globals[i].module) && is(name, globals[i].name))
      return push(m, (value){.kind = GLOBAL, .as.global = globals[i].global});
  return failure_at(m->err, SM_UNIMPLEMENTED, offset_of(m),
                    "pickle: wants %.*s.%.*s, which arrays of strings do not need; it is not called",
                    shown_size(module), module.data, shown_size(name), name.data);
}

static sm_status do_global(machine *m, const argument *in) { return push_global(m, in->bytes, in->more); }

static sm_status do_stack_global(machine *m, const argument *in) {
  (void)in;
  value *module, *name;
  SM_TRY(peek(&name, m, 0));
  SM_TRY(peek(&module, m, 1));
  if (name->kind != TEXT || module->kind != TEXT) return damaged(m, "names a function by what is no text");
  sm_string module_name = module->as.bytes, function_name = name->as.bytes;
  m->stack.n -= 2;
  return push_global(m, module_name, function_name);
}

/* ---- Functions ---- */

/* _codecs.encode(text, "latin1"): text in UTF-8 of characters below 256. */
static sm_status encode(machine *m, const items *arguments) {
  size_t most = (size_t)(m->end - m->data);
  const value *in = arguments->values;
  if (arguments->n != 2 || in[0].kind != TEXT || in[1].kind != TEXT || !is(in[1].as.bytes, "latin1"))
    return damaged(m, "encodes otherwise than bytes are");
  sm_string text = in[0].as.bytes;
  if (m->decoded == NULL && (m->decoded = malloc(most + 1)) == NULL) return failure_no_memory(m->err);
  if (text.size > most - m->n_decoded) return damaged(m, "encodes the same text again and again");
  char *start = m->decoded + m->n_decoded, *to = start;
  for (size_t i = 0; i < text.size; i++) {
    unsigned char byte = (unsigned char)text.data[i];
    unsigned char next = i + 1 < text.size ? (unsigned char)text.data[i + 1] : 0;
    if (byte >= 0x80) {
      if ((byte != 0xC2 && byte != 0xC3) || (next & 0xC0) != 0x80) return damaged(m, "encodes what is not latin1");
      byte = (unsigned char)((byte & 3) << 6 | (next & 0x3F));
      i++;
    }
    *to++ = (char)byte;
  }
  m->n_decoded += (size_t)(to - start);
  return push_bytes(m, BYTES, (sm_string){start, (size_t)(to - start)});
}

/* numpy.dtype("O8", ...) */
static sm_status make_dtype(machine *m, const items *arguments) {
  const value *code = arguments->n > 0 ? &arguments->values[0] : NULL;
  if (code == NULL || (code->kind != TEXT && code->kind != BYTES)) return damaged(m, "makes a dtype of no code");
  if (code->as.bytes.size == 0 || code->as.bytes.data[0] != 'O')
    return failure_at(m->err, SM_UNIMPLEMENTED, offset_of(m), "pickle: an array of '%.*s' among objects",
                      shown_size(code->as.bytes), code->as.bytes.data);
  return push_number(m, OBJECT_DTYPE, 0);
}

static sm_status do_reduce(machine *m, const argument *in) {
  (void)in;
  value *function, *tuple;
  SM_TRY(peek(&tuple, m, 0));
  SM_TRY(peek(&function, m, 1));
  if (function->kind != GLOBAL || tuple->kind != TUPLE) return damaged(m, "calls what is no function");
  const items *arguments = tuple->as.items;
  global called = function->as.global;
  m->stack.n -= 2;
  switch (called) {
    case RECONSTRUCT: return push_items(m, ARRAY, NULL, 0);
    case ENCODE: return encode(m, arguments);
    case DTYPE: return make_dtype(m, arguments);
    case BYTES_TYPE:
      return arguments->n == 0 ? push_bytes(m, BYTES, (sm_string){"", 0}) : damaged(m, "makes bytes of something");
    default: return damaged(m, "calls what numpy does not");
  }
}

/* An array's state: version, shape, dtype, is Fortran's order, list. The list is in C's order in any case. */
static sm_status do_build(machine *m, const argument *in) {
  (void)in;
  value *object, *state;
  SM_TRY(peek(&state, m, 0));
  SM_TRY(peek(&object, m, 1));
  if (state->kind != TUPLE || (object->kind != ARRAY && object->kind != OBJECT_DTYPE))
    return damaged(m, "sets the state of what has none");
  if (object->kind == ARRAY) object->as.items = state->as.items;
  m->stack.n--;
  return SM_OK;
}

/* ---- The instruction set ---- */

typedef enum layout { NO_ARGUMENT, BYTE_1, BYTE_2, BYTE_4, BYTE_8, COUNTED_1, COUNTED_4, COUNTED_8, TWO_LINES } layout;

typedef struct instruction {
  unsigned char code;
  const char *name;
  sm_status (*run)(machine *m, const argument *in); /* NULL: refused */
  layout layout;
} instruction;

static const instruction instructions[] = {
    {'(', "MARK", do_mark, NO_ARGUMENT},
    {'.', "STOP", do_nothing, NO_ARGUMENT},
    {'0', "POP", NULL, NO_ARGUMENT},
    {'1', "POP_MARK", NULL, NO_ARGUMENT},
    {'2', "DUP", NULL, NO_ARGUMENT},
    {'F', "FLOAT", NULL, NO_ARGUMENT},
    {'I', "INT", NULL, NO_ARGUMENT},
    {'J', "BININT", do_binint, BYTE_4},
    {'K', "BININT1", do_integer, BYTE_1},
    {'L', "LONG", NULL, NO_ARGUMENT},
    {'M', "BININT2", do_integer, BYTE_2},
    {'N', "NONE", do_none, NO_ARGUMENT},
    {'P', "PERSID", NULL, NO_ARGUMENT},
    {'Q', "BINPERSID", NULL, NO_ARGUMENT},
    {'R', "REDUCE", do_reduce, NO_ARGUMENT},
    {'S', "STRING", NULL, NO_ARGUMENT},
    {'T', "BINSTRING", do_bytes, COUNTED_4},
    {'U', "SHORT_BINSTRING", do_bytes, COUNTED_1},
    {'V', "UNICODE", NULL, NO_ARGUMENT},
    {'X', "BINUNICODE", do_text, COUNTED_4},
    {'a', "APPEND", do_append, NO_ARGUMENT},
    {'b', "BUILD", do_build, NO_ARGUMENT},
    {'c', "GLOBAL", do_global, TWO_LINES},
    {'d', "DICT", NULL, NO_ARGUMENT},
    {'}', "EMPTY_DICT", NULL, NO_ARGUMENT},
    {'e', "APPENDS", do_appends, NO_ARGUMENT},
    {'g', "GET", NULL, NO_ARGUMENT},
    {'h', "BINGET", do_get, BYTE_1},
    {'i', "INST", NULL, NO_ARGUMENT},
    {'j', "LONG_BINGET", do_get, BYTE_4},
    {'l', "LIST", NULL, NO_ARGUMENT},
    {']', "EMPTY_LIST", do_empty_list, NO_ARGUMENT},
    {'o', "OBJ", NULL, NO_ARGUMENT},
    {'p', "PUT", NULL, NO_ARGUMENT},
    {'q', "BINPUT", do_put, BYTE_1},
    {'r', "LONG_BINPUT", do_put, BYTE_4},
    {'s', "SETITEM", NULL, NO_ARGUMENT},
    {'t', "TUPLE", do_tuple, NO_ARGUMENT},
    {')', "EMPTY_TUPLE", do_empty_tuple, NO_ARGUMENT},
    {'u', "SETITEMS", NULL, NO_ARGUMENT},
    {'G', "BINFLOAT", NULL, NO_ARGUMENT},
    {'B', "BINBYTES", do_bytes, COUNTED_4},
    {'C', "SHORT_BINBYTES", do_bytes, COUNTED_1},
    {0x80, "PROTO", do_nothing, BYTE_1},
    {0x81, "NEWOBJ", NULL, NO_ARGUMENT},
    {0x82, "EXT1", NULL, NO_ARGUMENT},
    {0x83, "EXT2", NULL, NO_ARGUMENT},
    {0x84, "EXT4", NULL, NO_ARGUMENT},
    {0x85, "TUPLE1", do_tuple1, NO_ARGUMENT},
    {0x86, "TUPLE2", do_tuple2, NO_ARGUMENT},
    {0x87, "TUPLE3", do_tuple3, NO_ARGUMENT},
    {0x88, "NEWTRUE", do_true, NO_ARGUMENT},
    {0x89, "NEWFALSE", do_false, NO_ARGUMENT},
    {0x8a, "LONG1", do_long1, COUNTED_1},
    {0x8b, "LONG4", NULL, NO_ARGUMENT},
    {0x8c, "SHORT_BINUNICODE", do_text, COUNTED_1},
    {0x8d, "BINUNICODE8", do_text, COUNTED_8},
    {0x8e, "BINBYTES8", do_bytes, COUNTED_8},
    {0x8f, "EMPTY_SET", NULL, NO_ARGUMENT},
    {0x90, "ADDITEMS", NULL, NO_ARGUMENT},
    {0x91, "FROZENSET", NULL, NO_ARGUMENT},
    {0x92, "NEWOBJ_EX", NULL, NO_ARGUMENT},
    {0x93, "STACK_GLOBAL", do_stack_global, NO_ARGUMENT},
    {0x94, "MEMOIZE", do_memoize, NO_ARGUMENT},
    {0x95, "FRAME", do_nothing, BYTE_8},
    {0x96, "BYTEARRAY8", NULL, NO_ARGUMENT},
    {0x97, "NEXT_BUFFER", NULL, NO_ARGUMENT},
    {0x98, "READONLY_BUFFER", NULL, NO_ARGUMENT},
};

static const instruction *instruction_of(unsigned char code) {
  for (size_t i = 0; i < sizeof instructions / sizeof instructions[0]; i++)
    if (instructions[i].code == code) return &instructions[i];
  return NULL;
}

static sm_status take(sm_string *out, machine *m, uint64_t n) {
  if (n > (uint64_t)(m->end - m->p)) return damaged(m, "ends too early");
  *out = (sm_string){(const char *)m->p, (size_t)n};
  m->p += n;
  return SM_OK;
}

static sm_status take_number(uint64_t *out, machine *m, unsigned n_bytes) {
  sm_string bytes;
  SM_TRY(take(&bytes, m, n_bytes));
  *out = 0;
  while (n_bytes > 0) *out = *out << 8 | (unsigned char)bytes.data[--n_bytes];
  return SM_OK;
}

static sm_status take_line(sm_string *out, machine *m) {
  const unsigned char *end = memchr(m->p, '\n', (size_t)(m->end - m->p));
  if (end == NULL) return damaged(m, "ends too early");
  *out = (sm_string){(const char *)m->p, (size_t)(end - m->p)};
  m->p = end + 1;
  return SM_OK;
}

static sm_status take_argument(argument *out, machine *m, layout form) {
  *out = (argument){.number = 0};
  switch (form) {
    case BYTE_1: return take_number(&out->number, m, 1);
    case BYTE_2: return take_number(&out->number, m, 2);
    case BYTE_4: return take_number(&out->number, m, 4);
    case BYTE_8: return take_number(&out->number, m, 8);
    case COUNTED_1: SM_TRY(take_number(&out->number, m, 1)); break;
    case COUNTED_4: SM_TRY(take_number(&out->number, m, 4)); break;
    case COUNTED_8: SM_TRY(take_number(&out->number, m, 8)); break;
    case TWO_LINES: SM_TRY(take_line(&out->bytes, m)); return take_line(&out->more, m);
    default: return SM_OK;
  }
  return take(&out->bytes, m, out->number);
}

static sm_status run(machine *m) {
  for (;;) {
    if (m->p == m->end) return damaged(m, "ends without STOP");
    unsigned char code = *m->p++;
    const instruction *in = instruction_of(code);
    if (in == NULL)
      return failure_at(m->err, SM_DATA_LOSS, offset_of(m) - 1, "pickle: instruction 0x%02x is none", code);
    if (in->run == NULL)
      return failure_at(m->err, SM_UNIMPLEMENTED, offset_of(m) - 1,
                        "pickle: instruction %s, which arrays of strings do not need", in->name);
    argument with;
    SM_TRY(take_argument(&with, m, in->layout));
    SM_TRY(in->run(m, &with));
    if (code == '.') return SM_OK;
  }
}

/* ---- The result ---- */

static sm_status read_shape(pickled_strings *out, size_t *n, machine *m, const value *shape) {
  if (shape->kind != TUPLE || shape->as.items->n > SM_MAX_RANK) return damaged(m, "an array with a wrong shape");
  out->rank = (int32_t)shape->as.items->n;
  *n = 1;
  for (int32_t i = 0; i < out->rank; i++) {
    const value *dim = &shape->as.items->values[i];
    if (dim->kind != INTEGER || dim->as.integer < 0) return damaged(m, "an array with a wrong shape");
    out->dims[i] = dim->as.integer;
    if (__builtin_mul_overflow(*n, (uint64_t)out->dims[i], n)) return damaged(m, "an array that is too large");
  }
  return SM_OK;
}

static sm_status read_strings(pickled_strings *out, machine *m, const items *list) {
  out->strings = malloc(list->n != 0 ? list->n * sizeof *out->strings : 1);
  if (out->strings == NULL) return failure_no_memory(m->err);
  for (; out->n < list->n; out->n++) {
    const value *v = &list->values[out->n];
    if (v->kind != BYTES && v->kind != TEXT)
      return failure_at(m->err, SM_UNIMPLEMENTED, offset_of(m), "pickle: element %zu of the array is %s, not a string",
                        out->n, kind_names[v->kind]);
    out->strings[out->n] = v->as.bytes;
  }
  return SM_OK;
}

static sm_status read_result(pickled_strings *out, machine *m) {
  value *result;
  size_t n;
  SM_TRY(peek(&result, m, 0));
  if (result->kind != ARRAY)
    return failure_at(m->err, SM_UNIMPLEMENTED, offset_of(m), "pickle: holds %s, not an array",
                      kind_names[result->kind]);
  const items *state = result->as.items;
  if (state->n != 5 || state->values[2].kind != OBJECT_DTYPE || state->values[4].kind != LIST)
    return damaged(m, "an array with a wrong state");
  SM_TRY(read_shape(out, &n, m, &state->values[1]));
  if (n != state->values[4].as.items->n) return damaged(m, "an array that has not as many elements as its shape");
  return read_strings(out, m, state->values[4].as.items);
}

static void free_machine(machine *m) {
  while (m->all != NULL) {
    items *next = m->all->next;
    free(m->all->values);
    free(m->all);
    m->all = next;
  }
  free(m->stack.values);
  free(m->memo.values);
  free(m->decoded);
}

sm_status pickle_read(pickled_strings *out, const void *data, size_t size, sm_error *err) {
  machine m = {.data = data, .p = data, .end = (const unsigned char *)data + size, .err = err};
  *out = (pickled_strings){.rank = 0};
  sm_status status = run(&m);
  if (status == SM_OK) status = read_result(out, &m);
  if (status == SM_OK) {
    out->bytes = m.decoded;
    m.decoded = NULL;
  } else {
    free(out->strings);
    out->strings = NULL;
  }
  free_machine(&m);
  return status;
}
