#include "cli/show_saved_objects.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/json.h"
#include "cli/object_tree.h"
#include "cli/text_buffer.h"

/* The attribute that variables have. Source: tensorflow/python/trackable/base.py, VARIABLE_VALUE_KEY. */
static const sm_string variable_value = {"VARIABLE_VALUE", sizeof "VARIABLE_VALUE" - 1};

typedef struct saved_graph {
  const sm_bundle_reader *reader;
  sm_trackable_graph *objects;
  const char **paths; /* NULL: nothing leads there */
  size_t n;
} saved_graph;

static bool is_variable(const sm_saved_value *value) { return text_compare(value->attribute, variable_value) == 0; }

/* ---- Looking up ---- */

static sm_status or_null(sm_status status) { return status == SM_NOT_FOUND ? SM_OK : status; }

/* All before anything is printed: what is damaged is one message, not half a document. */
static sm_status look_up(saved_graph *g, sm_error *err) {
  for (size_t i = 0; i < g->n; i++) {
    sm_saved_object_info info;
    SM_TRY(or_null(sm_trackable_graph_get_path(&g->paths[i], g->objects, i, err)));
    SM_TRY(sm_trackable_graph_get_object(&info, g->objects, i, err));
    for (size_t v = 0; v < info.n_values; v++) {
      sm_saved_value value;
      sm_bundle_entry entry;
      SM_TRY(sm_trackable_graph_get_value(&value, g->objects, i, v, err));
      SM_TRY(or_null(sm_bundle_reader_find_n(&entry, g->reader, value.key, err)));
    }
  }
  return SM_OK;
}

/* What is there of objects that were looked up before. */
static sm_saved_object_info info_of(const saved_graph *g, size_t object) {
  sm_saved_object_info info = {.n_children = 0};
  (void)sm_trackable_graph_get_object(&info, g->objects, object, NULL);
  return info;
}

static bool find_entry(sm_bundle_entry *entry, const saved_graph *g, const sm_saved_value *value) {
  return sm_bundle_reader_find_n(entry, g->reader, value->key, NULL) == SM_OK;
}

static bool find_value(sm_saved_value *value, const saved_graph *g, size_t object, size_t i) {
  return sm_trackable_graph_get_value(value, g->objects, object, i, NULL) == SM_OK;
}

static const char *dtype_name(sm_dtype dtype) {
  const char *name = sm_dtype_name(dtype);
  return name != NULL ? name : "DT_INVALID";
}

/* ---- JSON ---- */

static void print_children(json *out, const saved_graph *g, size_t object, size_t n) {
  sm_saved_child child;
  json_begin_list(out, "children");
  for (size_t i = 0; i < n && sm_trackable_graph_get_child(&child, g->objects, object, i, NULL) == SM_OK; i++) {
    json_begin_object(out, NULL);
    json_uint(out, "id", child.object);
    json_bytes(out, "name", child.name.data, child.name.size);
    json_end_object(out);
  }
  json_end_list(out);
}

static void print_slots(json *out, const saved_graph *g, size_t object, size_t n) {
  sm_saved_slot slot;
  json_begin_list(out, "slot_variables");
  for (size_t i = 0; i < n && sm_trackable_graph_get_slot(&slot, g->objects, object, i, NULL) == SM_OK; i++) {
    json_begin_object(out, NULL);
    json_uint(out, "id", slot.object);
    json_bytes(out, "name", slot.name.data, slot.name.size);
    json_uint(out, "variable", slot.variable);
    json_end_object(out);
  }
  json_end_list(out);
}

/* entry NULL: null. */
static void print_dtype(json *out, const sm_bundle_entry *entry) {
  if (entry != NULL)
    json_string(out, "dtype", dtype_name(entry->dtype));
  else
    json_null(out, "dtype");
}

static void print_shape(json *out, const sm_bundle_entry *entry) {
  if (entry == NULL) {
    json_null(out, "shape");
    return;
  }
  json_begin_list(out, "shape");
  for (int32_t i = 0; i < entry->rank; i++) json_int(out, NULL, entry->dims[i]);
  json_end_list(out);
}

static void print_values(json *out, const saved_graph *g, size_t object, size_t n) {
  sm_saved_value value;
  sm_bundle_entry entry;
  json_begin_list(out, "values");
  for (size_t i = 0; i < n && find_value(&value, g, object, i); i++) {
    const sm_bundle_entry *found = find_entry(&entry, g, &value) ? &entry : NULL;
    json_begin_object(out, NULL);
    json_bytes(out, "attribute", value.attribute.data, value.attribute.size);
    print_dtype(out, found);
    json_bytes(out, "full_name", value.full_name.data, value.full_name.size);
    json_bytes(out, "key", value.key.data, value.key.size);
    print_shape(out, found);
    json_end_object(out);
  }
  json_end_list(out);
}

static void print_saver(json *out, const sm_saved_object_info *info) {
  if (info->saver.size == 0) {
    json_null(out, "registered_saver");
    return;
  }
  json_begin_object(out, "registered_saver");
  json_bytes(out, "name", info->saver.data, info->saver.size);
  json_bytes(out, "object_name", info->saver_object.data, info->saver_object.size);
  json_end_object(out);
}

/* key, dtype and shape are those of a variable, as they are for models. */
static void print_object(json *out, const saved_graph *g, size_t object) {
  sm_saved_object_info info = info_of(g, object);
  sm_saved_value value;
  sm_bundle_entry entry;
  bool has_variable = false;
  for (size_t i = 0; i < info.n_values && !has_variable; i++)
    has_variable = find_value(&value, g, object, i) && is_variable(&value);
  const sm_bundle_entry *found = has_variable && find_entry(&entry, g, &value) ? &entry : NULL;
  json_begin_object(out, NULL);
  print_children(out, g, object, info.n_children);
  print_dtype(out, found);
  json_uint(out, "id", object);
  if (has_variable)
    json_bytes(out, "key", value.key.data, value.key.size);
  else
    json_null(out, "key");
  if (g->paths[object] != NULL)
    json_string(out, "path", g->paths[object]);
  else
    json_null(out, "path");
  print_saver(out, &info);
  print_shape(out, found);
  print_slots(out, g, object, info.n_slots);
  print_values(out, g, object, info.n_values);
  json_end_object(out);
}

static void print_document(const saved_graph *g) {
  json out = {.depth = 0};
  json_begin_object(&out, NULL);
  json_string(&out, "format", "savedmodel/1");
  json_begin_list(&out, "objects");
  for (size_t i = 0; i < g->n; i++) print_object(&out, g, i);
  json_end_list(&out);
  json_end_object(&out);
  json_finish(&out);
}

/* ---- Text ---- */

static void put_string(sm_string text) { cli_put(text.data, text.size); }

/* Tables have two tensors behind one key, and registered objects choose theirs: only a variable can be missing. */
static void print_value(const saved_graph *g, const sm_saved_value *value) {
  sm_bundle_entry entry;
  put_string(value->attribute);
  if (find_entry(&entry, g, value)) {
    printf(" %s [", dtype_name(entry.dtype));
    for (int32_t i = 0; i < entry.rank; i++) printf("%s%" PRId64, i != 0 ? "," : "", entry.dims[i]);
    putchar(']');
  } else if (is_variable(value)) {
    fputs(" not in the checkpoint", stdout);
  }
  putchar(' ');
  put_string(value->key);
}

static void print_line(const void *graph, size_t object) {
  const saved_graph *g = graph;
  sm_saved_object_info info = info_of(g, object);
  sm_saved_value value;
  if (info.n_values == 0) fputs("object", stdout);
  for (size_t i = 0; i < info.n_values && find_value(&value, g, object, i); i++) {
    if (i != 0) fputs(", ", stdout);
    print_value(g, &value);
  }
  if (info.saver.size != 0) {
    fputs(" saved by ", stdout);
    put_string(info.saver);
  }
  putchar('\n');
}

static size_t n_children(const void *graph, size_t object) { return info_of(graph, object).n_children; }

static void get_child(sm_string *name, size_t *child, const void *graph, size_t object, size_t i) {
  sm_saved_child found = {.object = 0};
  (void)sm_trackable_graph_get_child(&found, ((const saved_graph *)graph)->objects, object, i, NULL);
  *name = found.name;
  *child = found.object;
}

static const char *get_path(const void *graph, size_t object) { return ((const saved_graph *)graph)->paths[object]; }

/* ---- The command ---- */

static int print_graph(saved_graph *g, bool is_json) {
  sm_error err;
  g->n = sm_trackable_graph_n_objects(g->objects);
  if (g->n == 0) return cli_fail("%s: there is not even a root", SM_KEY_OBJECT_GRAPH);
  g->paths = calloc(g->n, sizeof *g->paths);
  if (g->paths == NULL) return cli_fail("out of memory");
  int code = look_up(g, &err) == SM_OK ? CLI_OK : cli_fail_status(&err);
  if (code == CLI_OK && is_json) print_document(g);
  if (code == CLI_OK && !is_json)
    code = object_tree_print(&(object_tree){g, g->n, n_children, get_child, get_path, print_line});
  free(g->paths);
  return code;
}

int show_saved_objects(const sm_bundle_reader *reader, const char *prefix, bool is_json) {
  sm_error err;
  sm_bundle_entry entry;
  sm_tensor *tensor;
  saved_graph g = {.reader = reader};
  sm_status status = sm_bundle_reader_find(&entry, reader, SM_KEY_OBJECT_GRAPH, &err);
  if (status == SM_NOT_FOUND)
    return cli_fail("%s: a checkpoint by names, it has no object graph (%s)", prefix, SM_KEY_OBJECT_GRAPH);
  if (status != SM_OK) return cli_fail_status(&err);
  if (entry.dtype != SM_DT_STRING || entry.rank != 0) return cli_fail("%s: it is not one string", SM_KEY_OBJECT_GRAPH);
  if (sm_bundle_reader_read_entry_tensor(&tensor, reader, &entry, NULL, &err) != SM_OK) return cli_fail_status(&err);
  const sm_string *bytes = sm_tensor_get_view(tensor)->data;
  int code = sm_trackable_graph_read(&g.objects, *bytes, NULL, &err) == SM_OK ? print_graph(&g, is_json)
                                                                              : cli_fail_status(&err);
  sm_trackable_graph_free(g.objects);
  sm_tensor_free(tensor);
  return code;
}
