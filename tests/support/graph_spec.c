#include "support/graph_spec.h"

#include <savedmodel/model.h>

#include "support/check.h"

/* Field numbers: proto/saved_model.proto, meta_graph.proto, graph.proto, function.proto, node_def.proto,
 * attr_value.proto, saved_object_graph.proto. */
enum { META_GRAPH = 2, GRAPH = 2, SAVER = 3, COLLECTION = 4, SIGNATURE = 5, ASSET = 6, OBJECTS = 7, LIBRARY = 2 };

size_t begin_node(w_buffer *w, uint32_t number, const char *text) {
  char copy[512];
  snprintf(copy, sizeof copy, "%s", text);
  char *op = strchr(copy, '='), *inputs = strchr(copy, '(');
  *op++ = *inputs++ = '\0';
  *strchr(inputs, ')') = '\0';
  size_t node = w_begin(w, number);
  w_text(w, 1, copy);
  w_text(w, 2, op);
  for (char *input = strtok(inputs, ", "); input != NULL; input = strtok(NULL, ", ")) w_text(w, 3, input);
  return node;
}

/* "g", or "g>h". */
static void put_func(w_buffer *w, const char *key, const char *function) {
  char name[64];
  const char *nested = strchr(function, '>');
  w_entry entry = w_begin_entry(w, 5, key);
  size_t func = w_begin(w, 10);
  snprintf(name, sizeof name, "%.*s", (int)strcspn(function, ">"), function);
  w_text(w, 1, name);
  if (nested != NULL) {
    w_entry attr = w_begin_entry(w, 2, "body");
    size_t inner = w_begin(w, 10);
    w_text(w, 1, nested + 1);
    w_end(w, inner);
    w_end_entry(w, attr);
  }
  w_end(w, func);
  w_end_entry(w, entry);
}

static void put_type(w_buffer *w, const char *key, const char *number) {
  w_entry entry = w_begin_entry(w, 5, key);
  w_varint(w, 6, strtoul(number, NULL, 10));
  w_end_entry(w, entry);
}

void put_attr_text(w_buffer *w, const char *key, const char *text) {
  w_entry entry = w_begin_entry(w, 5, key);
  w_text(w, 2, text);
  w_end_entry(w, entry);
}

static void put_constant(w_buffer *w, uint32_t number, const char *name, const char *value) {
  char text[128];
  snprintf(text, sizeof text, "%s=Const()", name);
  size_t node = begin_node(w, number, text);
  w_entry entry = w_begin_entry(w, 5, "value");
  size_t tensor = w_begin(w, 8);
  w_varint(w, 1, 7);
  w_text(w, 8, value);
  w_end(w, tensor);
  w_end_entry(w, entry);
  w_end(w, node);
}

void put_node(w_buffer *w, uint32_t number, const char *text) {
  const char *quote = strchr(text, '\'');
  if (quote != NULL) {
    char name[64], value[64];
    assert_int_equal(sscanf(text, "%63[^=]='%63[^']'", name, value), 2);
    put_constant(w, number, name, value);
    return;
  }
  size_t node = begin_node(w, number, text);
  const char *attr = strchr(text, ')') + 1;
  if (attr[0] == ' ' && attr[1] == '#')
    put_type(w, "dtype", attr + 2);
  else if (attr[0] == ' ')
    put_func(w, "f", attr + 1);
  w_end(w, node);
}

/* A library for each function: they merge. */
static void put_function(w_buffer *w, const function_spec *spec) {
  size_t library = w_begin(w, LIBRARY), function = w_begin(w, 1), signature = w_begin(w, 1);
  w_text(w, 1, spec->name);
  char arguments[64];
  snprintf(arguments, sizeof arguments, "%s", spec->arguments != NULL ? spec->arguments : "");
  for (char *name = strtok(arguments, " "); name != NULL; name = strtok(NULL, " ")) {
    size_t argument = w_begin(w, 2);
    bool is_list = name[strlen(name) - 1] == '*';
    w_bytes(w, 1, name, strlen(name) - is_list);
    if (is_list) w_text(w, 5, "N");
    w_end(w, argument);
  }
  w_end(w, signature);
  for (size_t i = 0; i < N_OF(spec->nodes) && spec->nodes[i] != NULL; i++)
    put_node(w, SPEC_FUNCTION_NODE, spec->nodes[i]);
  w_end(w, function);
  w_end(w, library);
}

static void put_signature(w_buffer *w, const char *text) {
  char key[64], sign, tensor[64];
  assert_int_equal(sscanf(text, "%63[^=<]%c%63s", key, &sign, tensor), 3);
  w_entry signature = w_begin_entry(w, SIGNATURE, key), info = w_begin_entry(w, sign == '<' ? 1 : 2, key);
  w_text(w, 1, tensor);
  w_end_entry(w, info);
  w_end_entry(w, signature);
}

static void put_main_op(w_buffer *w, const char *op) {
  w_entry collection = w_begin_entry(w, COLLECTION, SM_KEY_MAIN_OP);
  size_t list = w_begin(w, 1);
  w_text(w, 1, op);
  w_end(w, list);
  w_end_entry(w, collection);
}

static void put_asset(w_buffer *w, const char *text) {
  char tensor[64], filename[64];
  assert_int_equal(sscanf(text, "%63[^=]=%63s", tensor, filename), 2);
  size_t asset = w_begin(w, ASSET), info = w_begin(w, 1);
  w_text(w, 1, tensor);
  w_end(w, info);
  w_text(w, 2, filename);
  w_end(w, asset);
}

/* ">2", "~1:2": SavedObject.dependencies (15), slot_variables (3). */
static void put_object_edge(w_buffer *w, const char *text) {
  const char *colon = strchr(text, ':');
  size_t edge = w_begin(w, *text == '>' ? 15 : 3);
  w_varint(w, 1, (uint64_t)atoi(text + 1));
  if (*text == '~') w_varint(w, 3, (uint64_t)atoi(colon + 1));
  w_end(w, edge);
}

static void put_object(w_buffer *w, const char *text) {
  bool is_asset = strncmp(text, "asset ", 6) == 0;
  size_t object = w_begin(w, 1), kind = w_begin(w, is_asset ? 5 : (uint32_t)strtoul(text, NULL, 10));
  if (is_asset) w_varint(w, 1, strtoul(text + 6, NULL, 10));
  if (strchr(text, '=') != NULL) w_text(w, 1, strchr(text, '=') + 1);
  w_end(w, kind);
  for (const char *edge = strpbrk(text, ">~"); edge != NULL; edge = strpbrk(edge + 1, ">~")) put_object_edge(w, edge);
  if (is_asset && strchr(text + 6, ' ') != NULL) w_end(w, w_begin(w, (uint32_t)atoi(strchr(text + 6, ' ') + 1)));
  w_end(w, object);
}

static void put_object_function(w_buffer *w, const char *text) {
  char name[64];
  uint8_t ids[8];
  size_t n = 0;
  assert_int_equal(sscanf(text, "%63s", name), 1);
  for (const char *id = strchr(text, ' '); id != NULL; id = strchr(id + 1, ' ')) ids[n++] = (uint8_t)atoi(id + 1);
  w_entry function = w_begin_entry(w, 2, name);
  if (n != 0) w_bytes(w, 2, ids, n);
  w_end_entry(w, function);
}

static void put_gradient(w_buffer *w, const char *function) {
  size_t library = w_begin(w, LIBRARY), gradient = w_begin(w, 3);
  w_text(w, 1, function);
  w_end(w, gradient);
  w_end(w, library);
}

void put_meta_graph(w_buffer *w, const graph_spec *spec) {
  size_t meta_graph = w_begin(w, META_GRAPH), graph = w_begin(w, GRAPH);
  for (size_t i = 0; i < N_OF(spec->nodes) && spec->nodes[i] != NULL; i++) put_node(w, SPEC_NODE, spec->nodes[i]);
  for (size_t i = 0; i < N_OF(spec->functions) && spec->functions[i].name != NULL; i++)
    put_function(w, &spec->functions[i]);
  if (spec->gradient != NULL) put_gradient(w, spec->gradient);
  w_end(w, graph);
  for (size_t i = 0; i < N_OF(spec->signatures) && spec->signatures[i] != NULL; i++)
    put_signature(w, spec->signatures[i]);
  if (spec->main_op != NULL) put_main_op(w, spec->main_op);
  if (spec->saver[0] != NULL) {
    size_t saver = w_begin(w, SAVER);
    for (uint32_t i = 0; i < 3; i++) w_text(w, i + 1, spec->saver[i]);
    w_end(w, saver);
  }
  for (size_t i = 0; i < N_OF(spec->assets) && spec->assets[i] != NULL; i++) put_asset(w, spec->assets[i]);
  size_t objects = w_begin(w, OBJECTS);
  for (size_t i = 0; i < N_OF(spec->objects) && spec->objects[i] != NULL; i++) put_object(w, spec->objects[i]);
  for (size_t i = 0; i < N_OF(spec->object_functions) && spec->object_functions[i] != NULL; i++)
    put_object_function(w, spec->object_functions[i]);
  w_end(w, objects);
  w_end(w, meta_graph);
}
