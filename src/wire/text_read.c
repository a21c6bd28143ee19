/* Fields are written as they are read. Where their order is not the canonical one, which is noticed on the way, the bytes
 * are put in order in the end. */
#include "wire/text_internal.h"

typedef enum frame_kind { PLAIN, IN_LIST, ANY_VALUE /* what an Any holds, spelled out */ } frame_kind;

/* A message being read. */
typedef struct frame {
  const ProtobufCMessageDescriptor *type;
  frame_kind kind;
  bool is_entry;
  bool outer_is_unordered; /* ANY_VALUE: is_unordered of what is around */
  char close;
  size_t contents; /* offset in the bytes */
  size_t n_fields; /* written */
  size_t last;     /* index of the last field written, plus 1 */
  sm_wire_run run;
  sm_wire_key last_key;  /* of the last map entry written, */
  size_t last_key_at;    /* its bytes by their offset, */
  size_t last_key_field; /* its map by last */
  uint64_t seen[SM_WIRE_MAX_FIELDS / 64];
} frame;

typedef struct parser {
  sm_text_tokens in;
  sm_buffer *out;
  sm_arena *arena;
  bool is_unordered;
  size_t depth;
  frame stack[SM_WIRE_MAX_DEPTH + 1]; /* the first is not nested */
} parser;

static size_t index_of(const frame *in, const ProtobufCFieldDescriptor *described) {
  return (size_t)(described - in->type->fields);
}

static bool was_seen(const frame *in, size_t index) { return (in->seen[index / 64] >> (index % 64) & 1) != 0; }

static void set_seen(frame *in, size_t index) { in->seen[index / 64] |= (uint64_t)1 << (index % 64); }

/* ---- Which field ---- */

static int compare_name(const char *name, const sm_text_tokens *in) {
  size_t size = sm_text_token_size(in);
  int order = strncmp(name, in->token, size);
  return order != 0 ? order : name[size] != '\0';
}

/* By the name that is the token; NULL. The field after the last one and the last one are tried first. */
static const ProtobufCFieldDescriptor *find_field(const frame *top, const sm_text_tokens *in) {
  const ProtobufCMessageDescriptor *type = top->type;
  for (size_t i = top->last + 1; i-- > 0 && i + 1 >= top->last;)
    if (i < type->n_fields && compare_name(type->fields[i].name, in) == 0) return &type->fields[i];
  size_t low = 0, high = type->n_fields;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    const ProtobufCFieldDescriptor *described = &type->fields[type->fields_sorted_by_name[middle]];
    int order = compare_name(described->name, in);
    if (order == 0) return described;
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return NULL;
}

static sm_status check_oneof(const parser *p, const frame *top, const ProtobufCFieldDescriptor *member, sm_error *err) {
  const ProtobufCMessageDescriptor *type = top->type;
  if ((member->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0 || top->last == 0) return SM_OK;
  for (size_t i = 0; i < type->n_fields; i++) {
    const ProtobufCFieldDescriptor *other = &type->fields[i];
    bool is_rival = other != member && (other->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 &&
                    other->quantifier_offset == member->quantifier_offset;
    if (is_rival && was_seen(top, i))
      return sm_text_fail_before(&p->in, err,
                                 "Field \"%s\" is specified along with field \"%s\", another member of a oneof for "
                                 "message type \"%s\".",
                                 member->name, other->name, type->name);
  }
  return SM_OK;
}

static sm_status check_once(const parser *p, const frame *top, const ProtobufCFieldDescriptor *described,
                            sm_error *err) {
  if (!sm_wire_is_singular(described) || !was_seen(top, index_of(top, described))) return SM_OK;
  return sm_text_fail_before(&p->in, err, "Message type \"%s\" should not have multiple \"%s\" fields.",
                             top->type->name, described->name);
}

/* Before a field is written. */
static sm_status note_field(parser *p, frame *top, const ProtobufCFieldDescriptor *described, sm_error *err) {
  size_t last = index_of(top, described) + 1;
  if (last < top->last || (last == top->last && sm_wire_is_singular(described))) p->is_unordered = true;
  top->last = last;
  top->n_fields++;
  return top->run.described == described ? SM_OK : sm_wire_run_close(&top->run, p->out, err);
}

/* ---- Values ---- */

/* True when the value just read is not to be written. Notes that it was there. */
static bool is_left_out(frame *top, const ProtobufCFieldDescriptor *described, bool is_zero) {
  if (!is_zero || !sm_wire_has_implicit_presence(described)) {
    set_seen(top, index_of(top, described));
    return false;
  }
  return !top->is_entry;
}

static sm_status read_string(parser *p, frame *top, const ProtobufCFieldDescriptor *described, sm_error *err) {
  size_t contents, start;
  SM_TRY(sm_wire_run_close(&top->run, p->out, err));
  start = p->out->size;
  SM_TRY(sm_wire_open(&contents, p->out, described->id, err));
  SM_TRY(sm_text_read_string(p->out, &p->in, described->type == PROTOBUF_C_TYPE_STRING, err));
  SM_TRY(check_once(p, top, described, err));
  if (is_left_out(top, described, p->out->size == contents)) {
    p->out->size = start;
    return SM_OK;
  }
  SM_TRY(note_field(p, top, described, err));
  return sm_wire_close(p->out, contents, err);
}

static sm_status read_value(parser *p, frame *top, const ProtobufCFieldDescriptor *described, sm_error *err) {
  uint64_t decoded;
  if (sm_wire_is_text_or_bytes(described)) return read_string(p, top, described, err);
  SM_TRY(sm_text_read_scalar(&decoded, &p->in, described, err));
  SM_TRY(check_once(p, top, described, err));
  if (is_left_out(top, described, decoded == 0)) return SM_OK;
  SM_TRY(note_field(p, top, described, err));
  if ((described->flags & PROTOBUF_C_FIELD_FLAG_PACKED) != 0)
    SM_TRY(sm_wire_run_open(&top->run, p->out, described, err));
  else
    SM_TRY(sm_wire_put_tag(p->out, described->id, sm_wire_native_type(described), err));
  return sm_wire_put_scalar(p->out, described, decoded, err);
}

static sm_status read_value_list(parser *p, frame *top, const ProtobufCFieldDescriptor *described, sm_error *err) {
  if (sm_text_take(&p->in, ']')) return SM_OK;
  for (;;) {
    SM_TRY(read_value(p, top, described, err));
    if (sm_text_take(&p->in, ']')) return SM_OK;
    SM_TRY(sm_text_expect(&p->in, ',', err));
  }
}

/* ---- Messages ---- */

static sm_status take_opening(char *close, sm_text_tokens *in, sm_error *err) {
  *close = sm_text_take(in, '<') ? '>' : '}';
  return *close == '>' ? SM_OK : sm_text_expect(in, '{', err);
}

/* Its opening bracket was taken. */
static sm_status push(parser *p, const ProtobufCMessageDescriptor *type, uint32_t number, frame_kind kind, char close,
                      sm_error *err) {
  if (p->depth == SM_WIRE_MAX_DEPTH + 1)
    return sm_text_fail_before(&p->in, err, "Message too deep. Max recursion depth is %d", SM_WIRE_MAX_DEPTH);
  frame *made = &p->stack[p->depth++];
  *made = (frame){.type = type, .kind = kind, .close = close, .is_entry = sm_wire_is_map_entry(type)};
  return sm_wire_open(&made->contents, p->out, number, err);
}

static sm_status open_message(parser *p, const ProtobufCFieldDescriptor *described, frame_kind kind, sm_error *err) {
  frame *top = &p->stack[p->depth - 1];
  char close;
  SM_TRY(take_opening(&close, &p->in, err));
  SM_TRY(check_once(p, top, described, err));
  set_seen(top, index_of(top, described));
  SM_TRY(note_field(p, top, described, err));
  return push(p, described->descriptor, described->id, kind, close, err);
}

static const sm_wire_source no_source = {.name = "text"}; /* bytes that were made here: no faults to report */

/* Puts all that was written from start on in order. */
static sm_status reorder(parser *p, const ProtobufCMessageDescriptor *type, size_t start, sm_error *err) {
  sm_buffer ordered;
  sm_span bytes = {p->out->data + start, p->out->size - start};
  sm_buffer_init(&ordered, p->out->allocator, p->out->max_size - p->out->size);
  sm_status status = sm_wire_canonical(&ordered, type, bytes, &no_source, p->arena, err);
  if (status == SM_OK && start == 0) {
    ordered.max_size = p->out->max_size;
    sm_buffer_free(p->out);
    *p->out = ordered;
    return SM_OK;
  }
  if (status == SM_OK) {
    p->out->size = start;
    status = sm_buffer_put(p->out, ordered.data, ordered.size, err);
  }
  sm_buffer_free(&ordered);
  return status;
}

/* A map entry, in, is whole now, as the last field of around. */
static sm_status close_entry(parser *p, frame *around, const frame *in, sm_error *err) {
  size_t size = p->out->size - in->contents, before = p->out->size;
  bool is_first = around->last_key_field != around->last;
  sm_wire_key key, last = around->last_key;
  SM_TRY(sm_wire_close(p->out, in->contents, err));
  const uint8_t *data = p->out->data, *bytes = data + in->contents + (p->out->size - before);
  SM_TRY(sm_wire_find_key(&key, in->type, (sm_span){bytes, size}, &no_source, err));
  last.bytes.data = data + around->last_key_at;
  if (in->n_fields != in->type->n_fields || (!is_first && sm_wire_compare_keys(&last, &key) >= 0))
    p->is_unordered = true;
  around->last_key = key;
  around->last_key_at = key.bytes.data != NULL ? (size_t)(key.bytes.data - data) : 0;
  around->last_key_field = around->last;
  return SM_OK;
}

/* An Any holds the bytes of another message: they are whole now. */
static sm_status close_any_value(parser *p, frame *any, const frame *in, sm_error *err) {
  if (p->is_unordered) SM_TRY(reorder(p, in->type, in->contents, err));
  p->is_unordered = in->outer_is_unordered;
  if (p->out->size == in->contents) { /* empty, so left out with its tag and length */
    p->out->size -= 2;
    return SM_OK;
  }
  set_seen(any, 1);
  return sm_wire_close(p->out, in->contents, err);
}

static void take_separator(sm_text_tokens *in) {
  if (!sm_text_take(in, ',')) (void)sm_text_take(in, ';');
}

/* After a closing bracket. */
static sm_status close_message(parser *p, sm_error *err) {
  frame *in = &p->stack[--p->depth], *around = in - 1;
  SM_TRY(sm_wire_run_close(&in->run, p->out, err));
  if (in->kind == ANY_VALUE)
    SM_TRY(close_any_value(p, around, in, err));
  else if (in->is_entry)
    SM_TRY(close_entry(p, around, in, err));
  else
    SM_TRY(sm_wire_close(p->out, in->contents, err));
  if (in->kind == IN_LIST && !sm_text_take(&p->in, ']')) {
    SM_TRY(sm_text_expect(&p->in, ',', err));
    return open_message(p, &around->type->fields[around->last - 1], IN_LIST, err);
  }
  take_separator(&p->in);
  return SM_OK;
}

/* ---- Any, spelled out: [type.googleapis.com/tensorflow.AssetFileDef] { filename: "x" } ---- */

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_hex(char c) { return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); }

/* Can the token be part of the address? White space between such is left out. */
static bool is_of_url(const sm_text_tokens *in) {
  if (in->kind == SM_TEXT_END) return false;
  for (const char *c = in->token; c != in->token_end; c++)
    if (!is_letter(*c) && !is_digit(*c) && (*c == '\0' || strchr("-.~!$&()*+,;=%/", *c) == NULL)) return false;
  return true;
}

static bool is_type_name(const char *name, size_t size) {
  bool at_start = true;
  for (size_t i = 0; i < size; i++) {
    if (!(at_start ? is_letter(name[i]) : is_letter(name[i]) || is_digit(name[i]) || name[i] == '.')) return false;
    at_start = name[i] == '.';
  }
  return !at_start;
}

static sm_status check_prefix(const parser *p, const char *prefix, size_t size, sm_error *err) {
  if (size == 0) return sm_text_fail(&p->in, err, "Type URL prefix is empty.");
  if (prefix[0] == '/') return sm_text_fail(&p->in, err, "Type URL prefix starts with \"/\".");
  for (size_t i = 0; i < size; i++)
    if (prefix[i] == '%' && (size - i < 3 || !is_hex(prefix[i + 1]) || !is_hex(prefix[i + 2])))
      return sm_text_fail(&p->in, err, "Invalid percent escape, got \"%.*s\".", (int)(size - i < 3 ? size - i : 3),
                          prefix + i);
  return SM_OK;
}

/* The type that the address of size bytes names: what follows its last slash. */
static sm_status find_any_type(const ProtobufCMessageDescriptor **type, const parser *p, const char *url, size_t size,
                               sm_error *err) {
  size_t slash = size;
  while (slash > 0 && url[slash - 1] != '/') slash--;
  if (slash == 0) return sm_text_fail(&p->in, err, "Type URL does not contain \"/\".");
  SM_TRY(check_prefix(p, url, slash - 1, err));
  const char *name = url + slash;
  int shown = (int)(size - slash < 120 ? size - slash : 120);
  if (!is_type_name(name, size - slash))
    return sm_text_fail(&p->in, err, "Expected type name, got \"%.*s\".", shown, name);
  *type = sm_wire_find_type(name, size - slash);
  if (*type == NULL) return sm_text_fail_before(&p->in, err, "Type %.*s not found in descriptor pool", shown, name);
  return SM_OK;
}

/* The opening '[' was taken. What the Any held before goes, as in TensorFlow. */
static sm_status read_any(parser *p, frame *top, sm_error *err) {
  const ProtobufCMessageDescriptor *type;
  size_t contents;
  char close;
  p->out->size = top->contents;
  SM_TRY(sm_wire_open(&contents, p->out, top->type->fields[0].id, err));
  for (; is_of_url(&p->in); sm_text_next(&p->in))
    SM_TRY(sm_buffer_put(p->out, p->in.token, sm_text_token_size(&p->in), err));
  SM_TRY(sm_text_expect(&p->in, ']', err));
  SM_TRY(find_any_type(&type, p, (const char *)p->out->data + contents, p->out->size - contents, err));
  SM_TRY(sm_wire_close(p->out, contents, err));
  (void)sm_text_take(&p->in, ':');
  SM_TRY(take_opening(&close, &p->in, err));
  memset(top->seen, 0, sizeof top->seen);
  set_seen(top, 0);
  top->last = 2;
  SM_TRY(push(p, type, top->type->fields[1].id, ANY_VALUE, close, err));
  p->stack[p->depth - 1].outer_is_unordered = p->is_unordered;
  p->is_unordered = false;
  return SM_OK;
}

/* ---- All of it ---- */

static sm_status read_name(const ProtobufCFieldDescriptor **described, parser *p, const frame *top, sm_error *err) {
  sm_text_tokens *in = &p->in;
  bool is_name = in->kind == SM_TEXT_WORD || (in->kind == SM_TEXT_NUMBER && is_digit(*in->token));
  int shown = (int)(sm_text_token_size(in) < 120 ? sm_text_token_size(in) : 120);
  if (!is_name) return sm_text_fail(in, err, "Expected identifier or number, got %.*s.", shown, in->token);
  const char *name = in->token;
  *described = find_field(top, in);
  sm_text_next(in);
  if (*described == NULL)
    return sm_text_fail_before(in, err, "Message type \"%s\" has no field named \"%.*s\".", top->type->name, shown,
                               name);
  return check_oneof(p, top, *described, err);
}

/* [package.extension]: the schema has none. Reported where TensorFlow does, at the last part of the name. */
static sm_status refuse_extension(parser *p, const frame *top, sm_error *err) {
  do {
    if (p->in.kind != SM_TEXT_WORD) return sm_text_fail(&p->in, err, "Expected identifier.");
    sm_text_next(&p->in);
  } while (sm_text_take(&p->in, '.'));
  return sm_text_fail_before(&p->in, err, "Message type \"%s\" does not have extensions.", top->type->name);
}

static sm_status read_field(parser *p, sm_error *err) {
  frame *top = &p->stack[p->depth - 1];
  const ProtobufCFieldDescriptor *described = NULL;
  if (sm_text_take(&p->in, '[')) {
    bool is_any = strcmp(top->type->name, "google.protobuf.Any") == 0;
    return is_any ? read_any(p, top, err) : refuse_extension(p, top, err);
  }
  SM_TRY(read_name(&described, p, top, err));
  bool is_message = described->type == PROTOBUF_C_TYPE_MESSAGE, is_list;
  if (is_message)
    (void)sm_text_take(&p->in, ':');
  else
    SM_TRY(sm_text_expect(&p->in, ':', err));
  is_list = !sm_wire_is_singular(described) && sm_text_take(&p->in, '[');
  if (is_message && !(is_list && sm_text_take(&p->in, ']')))
    return open_message(p, described, is_list ? IN_LIST : PLAIN, err);
  if (!is_message) SM_TRY(is_list ? read_value_list(p, top, described, err) : read_value(p, top, described, err));
  take_separator(&p->in);
  return SM_OK;
}

static sm_status read_all(parser *p, sm_error *err) {
  while (p->in.kind != SM_TEXT_END || p->depth > 1) {
    frame *top = &p->stack[p->depth - 1];
    if (p->depth > 1 && sm_text_take(&p->in, top->close))
      SM_TRY(close_message(p, err));
    else if (p->in.kind == SM_TEXT_END)
      return sm_text_fail_before(&p->in, err, "Expected \"%c\".", top->close);
    else
      SM_TRY(read_field(p, err));
  }
  SM_TRY(sm_wire_run_close(&p->stack[0].run, p->out, err));
  return p->is_unordered ? reorder(p, p->stack[0].type, 0, err) : SM_OK;
}

static sm_status check_utf8(const sm_text_tokens *in, sm_string text, sm_error *err) {
  if (sm_utf8_is_valid(text.data, text.size)) return SM_OK;
  const unsigned char *at = (const unsigned char *)text.data, *end = at + text.size;
  for (size_t n; (n = sm_utf8_char_size(at, end)) != 0;) at += n;
  sm_text_tokens place = *in;
  place.previous = (const char *)at;
  return sm_text_fail_before(&place, err, "not UTF-8");
}

sm_status sm_text_read(sm_buffer *out, const ProtobufCMessageDescriptor *type, sm_string text, sm_error *err) {
  parser p = {.out = out, .depth = 1};
  sm_arena arena;
  sm_text_begin(&p.in, text);
  SM_TRY(check_utf8(&p.in, text, err));
  sm_arena_init(&arena, out->allocator, out->max_size);
  p.arena = &arena;
  p.stack[0] = (frame){.type = type};
  sm_status status = read_all(&p, err);
  sm_arena_free(&arena);
  return status;
}
