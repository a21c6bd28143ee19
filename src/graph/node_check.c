#include <stdio.h>

#include "codec/varint.h"
#include "graph/graph_check.h"

/* Fields of AttrValue and ListValue: proto/attr_value.proto. */
enum { ATTR_LIST = 1, ATTR_PLACEHOLDER = 9, LIST_FUNC = 9, ATTR_FUNC = 10 };

static const char LIST[] = "list(";

/* The members of both, by field number; a list has functions where an AttrValue has a placeholder. */
static const struct {
  const char *type;
  sm_wire_type wire;
} members[] = {[2] = {"string", SM_WIRE_BYTES}, [3] = {"int", SM_WIRE_VARINT},  [4] = {"float", SM_WIRE_FIXED32},
               [5] = {"bool", SM_WIRE_VARINT},  [6] = {"type", SM_WIRE_VARINT}, [7] = {"shape", SM_WIRE_BYTES},
               [8] = {"tensor", SM_WIRE_BYTES}, [10] = {"func", SM_WIRE_BYTES}};

static const char *type_of(uint32_t number) {
  return number < sizeof members / sizeof members[0] ? members[number].type : NULL;
}

typedef struct checked {
  const sm_op_attr *attr;
  const char *type; /* "int", also of a list of them */
  bool is_list;
  int64_t length; /* of the list */
  sm_error *err;
} checked;

/* ---- Values ---- */

static sm_status fail_type(const checked *c, const char *found, bool is_list) {
  const char *open = is_list ? LIST : "", *close = is_list ? ")" : "";
  return SM_FAIL(c->err, SM_INVALID_ARGUMENT, "AttrValue had value with type '%s%s%s' when '%s' expected for attr '%s'",
                 open, found, close, c->attr->proto->type, c->attr->name.data);
}

/* Is it a type that a tensor can have? */
static sm_status check_is_type(const checked *c, sm_dtype type) {
  const char *attr = c->attr->name.data;
  if (type == SM_DT_INVALID)
    return SM_FAIL(c->err, SM_INVALID_ARGUMENT, "AttrValue has invalid DataType for attr '%s'", attr);
  if (sm_dtype_name(type) == NULL)
    return SM_FAIL(c->err, SM_INVALID_ARGUMENT, "AttrValue has invalid DataType enum: %d for attr '%s'", (int)type,
                   attr);
  if (type > SM_DT_REF_OFFSET)
    return SM_FAIL(c->err, SM_INVALID_ARGUMENT, "AttrValue must not have reference type value of %s for attr '%s'",
                   sm_dtype_text(type).text, attr);
  return SM_OK;
}

/* The values that are allowed; NULL: all of them. */
static const Tensorflow__AttrValue__ListValue *allowed_values(const checked *c) {
  const Tensorflow__AttrValue *allowed = c->attr->proto->allowed_values;
  return allowed != NULL && allowed->value_case == TENSORFLOW__ATTR_VALUE__VALUE_LIST ? allowed->list : NULL;
}

static sm_status check_type(const checked *c, uint64_t number) {
  const sm_dtype type = (sm_dtype)(int32_t)number;
  const Tensorflow__AttrValue__ListValue *allowed = allowed_values(c);
  char list[300] = "";
  SM_TRY(check_is_type(c, type));
  for (size_t i = 0; allowed != NULL && i < allowed->n_type; i++)
    if ((sm_dtype)allowed->type[i] == type) return SM_OK;
  if (allowed == NULL) return SM_OK;
  for (size_t i = 0, used = 0; i < allowed->n_type && used < sizeof list - 1; used = strlen(list), i++)
    snprintf(list + used, sizeof list - used, "%s%s", i == 0 ? "" : ", ",
             sm_dtype_text((sm_dtype)allowed->type[i]).text);
  return SM_FAIL(c->err, SM_INVALID_ARGUMENT, "Value for attr '%s' of %s is not in the list of allowed values: %s",
                 c->attr->name.data, sm_dtype_text(type).text, list);
}

static sm_string string_of(const ProtobufCBinaryData *bytes) {
  return (sm_string){(const char *)bytes->data, bytes->len};
}

static sm_status check_string(const checked *c, sm_span value) {
  const Tensorflow__AttrValue__ListValue *allowed = allowed_values(c);
  const sm_string text = {(const char *)value.data, value.size};
  char list[300] = "";
  for (size_t i = 0; allowed != NULL && i < allowed->n_s; i++)
    if (sm_string_equal(string_of(&allowed->s[i]), text)) return SM_OK;
  if (allowed == NULL) return SM_OK;
  for (size_t i = 0, used = 0; i < allowed->n_s && used < sizeof list - 1; used = strlen(list), i++)
    snprintf(list + used, sizeof list - used, "%s\"%.*s\"", i == 0 ? "" : ", ", SM_SHOWN(string_of(&allowed->s[i])));
  return SM_FAIL(c->err, SM_INVALID_ARGUMENT,
                 "Value for attr '%s' of \"%.*s\" is not in the list of allowed values: %s", c->attr->name.data,
                 SM_SHOWN(text), list);
}

/* One value, alone or in a list. */
static sm_status check_value(const checked *c, uint64_t number, sm_span bytes) {
  const Tensorflow__OpDef__AttrDef *proto = c->attr->proto;
  if (strcmp(c->type, "type") == 0) return check_type(c, number);
  if (strcmp(c->type, "string") == 0) return check_string(c, bytes);
  if (c->is_list || strcmp(c->type, "int") != 0 || !proto->has_minimum || (int64_t)number >= proto->minimum)
    return SM_OK;
  return SM_FAIL(c->err, SM_INVALID_ARGUMENT, "Value for attr '%s' of %lld must be at least minimum %lld",
                 c->attr->name.data, (long long)number, (long long)proto->minimum);
}

/* ---- Lists ---- */

static sm_status check_packed(checked *c, sm_span packed, const sm_wire_source *source) {
  const uint8_t *p = packed.data, *end = p + packed.size;
  for (; p != end; c->length++) {
    uint64_t number;
    p = sm_varint_read(p, end, &number);
    if (p == NULL) return sm_wire_fail(source, packed.data, "a packed list ends inside an element", c->err);
    SM_TRY(check_value(c, number, (sm_span){NULL, 0}));
  }
  return SM_OK;
}

/* A field of a list: one value, or several numbers that are packed. */
static sm_status check_element(checked *c, const sm_wire_field *field, const sm_wire_source *source) {
  uint32_t number = sm_wire_number(field);
  if (number == ATTR_FUNC) return SM_OK; /* no member of a list */
  if (number == LIST_FUNC) number = ATTR_FUNC;
  const char *found = type_of(number);
  if (found == NULL) return SM_OK;
  bool is_packed = members[number].wire != SM_WIRE_BYTES && sm_wire_type_of(field) == SM_WIRE_BYTES;
  if (is_packed && field->bytes.size == 0) return SM_OK;
  if (!c->is_list || strcmp(found, c->type) != 0) return fail_type(c, found, true);
  if (is_packed && members[number].wire == SM_WIRE_VARINT) return check_packed(c, field->bytes, source);
  c->length += is_packed ? (int64_t)(field->bytes.size / 4) : 1;
  return is_packed ? SM_OK : check_value(c, field->value, field->bytes);
}

static sm_status check_list(checked *c, sm_span list, const sm_wire_source *source) {
  sm_wire_reader reader = sm_wire_read(list, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) SM_TRY(check_element(c, &field, source));
  return sm_wire_finish(&reader, c->err);
}

static sm_status check_length(const checked *c) {
  const Tensorflow__OpDef__AttrDef *proto = c->attr->proto;
  if (!proto->has_minimum || c->length >= proto->minimum) return SM_OK;
  return SM_FAIL(c->err, SM_INVALID_ARGUMENT, "Length for attr '%s' of %lld must be at least minimum %lld",
                 c->attr->name.data, (long long)c->length, (long long)proto->minimum);
}

/* ---- Attributes ---- */

/* The member that counts is the last one. */
static sm_status find_member(sm_wire_field *out, sm_span value, const sm_wire_source *source, sm_error *err) {
  sm_wire_reader reader = sm_wire_read(value, source);
  *out = (sm_wire_field){.tag = 0};
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    uint32_t number = sm_wire_number(&field);
    bool is_scalar = type_of(number) != NULL && members[number].wire == sm_wire_type_of(&field);
    bool is_other =
        field.tag == SM_WIRE_TAG(ATTR_LIST, SM_WIRE_BYTES) || field.tag == SM_WIRE_TAG(ATTR_PLACEHOLDER, SM_WIRE_BYTES);
    if (is_scalar || is_other) *out = field;
  }
  return sm_wire_finish(&reader, err);
}

static sm_status check_attr(const sm_op_attr *attr, sm_span value, const sm_wire_source *source, sm_error *err) {
  char type[32];
  sm_wire_field member;
  checked c = {.attr = attr, .type = type, .is_list = strncmp(attr->proto->type, LIST, strlen(LIST)) == 0, .err = err};
  snprintf(type, sizeof type, "%s", attr->proto->type + (c.is_list ? strlen(LIST) : 0));
  type[strcspn(type, ")")] = '\0';
  SM_TRY(find_member(&member, value, source, err));
  uint32_t number = sm_wire_number(&member);
  if (number == ATTR_PLACEHOLDER) return SM_OK; /* of a function: whoever calls it says */
  if (number == ATTR_LIST) {
    SM_TRY(check_list(&c, member.bytes, source));
    return c.is_list
               ? check_length(&c)
               : SM_FAIL(err, SM_INVALID_ARGUMENT, "AttrValue missing value with expected type '%s' for attr '%s'",
                         attr->proto->type, attr->name.data);
  }
  const char *found = type_of(number);
  if (found == NULL && c.is_list) return check_length(&c);
  if (found == NULL)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "AttrValue missing value with expected type '%s' for attr '%s'",
                   attr->proto->type, attr->name.data);
  if (c.is_list || strcmp(found, type) != 0) return fail_type(&c, found, false);
  return check_value(&c, member.value, member.bytes);
}

sm_status sm_node_check_attrs(const sm_op_def *def, const sm_node_attrs *attrs, const sm_wire_source *source,
                              sm_error *err) {
  for (size_t i = 0; i < def->n_attrs; i++) {
    const sm_op_attr *attr = &def->attrs[i];
    if (attrs->values[i].data == NULL)
      return SM_FAIL(err, SM_INVALID_ARGUMENT, "NodeDef missing attr '%s' from Op<name=%s>", attr->name.data,
                     def->name.data);
    if ((attrs->is_given >> i & 1) != 0) SM_TRY(check_attr(attr, attrs->values[i], source, err));
  }
  return SM_OK;
}

/* ---- Types ---- */

sm_dtype_word sm_dtype_text(sm_dtype dtype) {
  sm_dtype_word word = {""};
  const char *name = sm_dtype_name(dtype); /* "DT_FLOAT" */
  if (name == NULL) {
    snprintf(word.text, sizeof word.text, "unknown dtype enum (%d)", (int)dtype);
    return word;
  }
  name += strlen("DT_");
  for (size_t i = 0; name[i] != '\0' && i + 1 < sizeof word.text; i++)
    word.text[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] - 'A' + 'a' : name[i]);
  return word;
}

/* As TypesCompatible (core/framework/types.h): a reference can be read where a value is expected. */
bool sm_dtype_is_compatible(sm_dtype expected, sm_dtype actual) {
  if (expected == SM_DT_INVALID || actual == SM_DT_INVALID || expected == actual) return true;
  return actual > SM_DT_REF_OFFSET && (int)actual - SM_DT_REF_OFFSET == (int)expected;
}
