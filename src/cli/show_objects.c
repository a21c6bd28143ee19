/* savedmodel objects: the object graph of a model, or of a checkpoint. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/json.h"
#include "cli/object_tree.h"
#include "cli/python.h"
#include "cli/show_saved_objects.h"

/* An object, with all that is printed of it looked up. */
typedef struct object {
  const sm_trackable *node;
  const sm_object *info;
  const char *path; /* NULL: nothing leads there */
  const char *key;  /* of a variable; NULL: the checkpoint does not have it */
} object;

typedef struct graph {
  const sm_meta_graph *meta_graph;
  const sm_meta_info *info;
  object *objects;
  size_t n;
} graph;

/* ---- Looking up ---- */

static sm_status or_null(sm_status status) { return status == SM_NOT_FOUND ? SM_OK : status; }

static sm_status look_up_object(object *to, const sm_meta_graph *meta_graph, size_t id, sm_error *err) {
  const sm_trackable *child;
  SM_TRY(sm_meta_graph_get_object(&to->node, meta_graph, (int64_t)id, err));
  SM_TRY(sm_trackable_get_info(&to->info, to->node, err));
  SM_TRY(or_null(sm_trackable_get_path(&to->path, to->node, err)));
  if (to->info->kind == SM_OBJECT_VARIABLE) SM_TRY(or_null(sm_trackable_get_key(&to->key, to->node, NULL, err)));
  for (size_t i = 0; i < sm_trackable_n_children(to->node); i++)
    SM_TRY(sm_trackable_get_child(&child, NULL, to->node, i, err));
  return SM_OK;
}

/* All before anything is printed: what is damaged is one message, not half a document. */
static sm_status look_up(graph *g, sm_error *err) {
  const sm_concrete_function *function;
  size_t n_functions;
  SM_TRY(sm_meta_graph_get_info(&g->info, g->meta_graph, err));
  for (size_t i = 0; i < g->n; i++) SM_TRY(look_up_object(&g->objects[i], g->meta_graph, i, err));
  SM_TRY(sm_meta_graph_n_concrete_functions(&n_functions, g->meta_graph, err));
  for (size_t i = 0; i < n_functions; i++)
    SM_TRY(sm_meta_graph_get_concrete_function(&function, g->meta_graph, i, err));
  return SM_OK;
}

/* Field names of SavedObject. */
static const char *kind_name(sm_object_kind kind) {
  switch (kind) {
    case SM_OBJECT_USER_OBJECT: return "user_object";
    case SM_OBJECT_ASSET: return "asset";
    case SM_OBJECT_FUNCTION: return "function";
    case SM_OBJECT_VARIABLE: return "variable";
    case SM_OBJECT_BARE_CONCRETE_FUNCTION: return "bare_concrete_function";
    case SM_OBJECT_CONSTANT: return "constant";
    case SM_OBJECT_RESOURCE: return "resource";
    case SM_OBJECT_CAPTURED_TENSOR: return "captured_tensor";
    default: return "unknown";
  }
}

/* TensorFlow's name; of a number that is no dtype DT_INVALID. */
static const char *dtype_name(sm_dtype dtype) {
  const char *name = sm_dtype_name(dtype);
  return name != NULL ? name : "DT_INVALID";
}

/* ---- JSON ---- */

static void json_text(json *out, const char *key, const char *text) {
  if (text != NULL)
    json_string(out, key, text);
  else
    json_null(out, key);
}

static void print_children(json *out, const sm_trackable *node) {
  json_begin_list(out, "children");
  for (size_t i = 0; i < sm_trackable_n_children(node); i++) {
    const sm_trackable *child;
    const char *name;
    if (sm_trackable_get_child(&child, &name, node, i, NULL) != SM_OK) continue; /* it could before */
    json_begin_object(out, NULL);
    json_int(out, "id", sm_trackable_get_id(child));
    json_string(out, "name", name);
    json_end_object(out);
  }
  json_end_list(out);
}

static void print_slots(json *out, const sm_object *info) {
  json_begin_list(out, "slot_variables");
  for (size_t i = 0; i < info->n_slot_variables; i++) {
    json_begin_object(out, NULL);
    json_int(out, "id", info->slot_variables[i].id);
    json_string(out, "name", info->slot_variables[i].name);
    json_int(out, "variable", info->slot_variables[i].variable);
    json_end_object(out);
  }
  json_end_list(out);
}

static void print_shape(json *out, const sm_variable_object *variable) {
  if (variable == NULL || variable->rank < 0) {
    json_null(out, "shape");
    return;
  }
  json_begin_list(out, "shape");
  for (int32_t i = 0; i < variable->rank; i++) json_int(out, NULL, variable->dims[i]);
  json_end_list(out);
}

static void print_object(json *out, const object *o) {
  const sm_object *info = o->info;
  json_begin_object(out, NULL);
  print_children(out, o->node);
  json_text(out, "dtype", info->variable != NULL ? dtype_name(info->variable->dtype) : NULL);
  json_begin_list(out, "functions");
  for (size_t i = 0; i < info->n_concrete_functions; i++) json_string(out, NULL, info->concrete_functions[i]);
  json_end_list(out);
  json_int(out, "id", sm_trackable_get_id(o->node));
  json_text(out, "key", o->key);
  json_string(out, "kind", kind_name(info->kind));
  json_text(out, "path", o->path);
  print_shape(out, info->variable);
  print_slots(out, info);
  json_end_object(out);
}

static void print_concrete_functions(json *out, const sm_meta_graph *meta_graph) {
  const sm_concrete_function *function;
  size_t n;
  json_begin_list(out, "concrete_functions");
  if (sm_meta_graph_n_concrete_functions(&n, meta_graph, NULL) != SM_OK) n = 0;
  for (size_t i = 0; i < n; i++)
    if (sm_meta_graph_get_concrete_function(&function, meta_graph, i, NULL) == SM_OK)
      json_string(out, NULL, function->name);
  json_end_list(out);
}

static void print_aliases(json *out, const sm_meta_info *info) {
  json_begin_object(out, "function_aliases");
  for (size_t i = 0; i < info->n_function_aliases; i++)
    json_string(out, info->function_aliases[i].function, info->function_aliases[i].alias);
  json_end_object(out);
}

static void print_document(const graph *g) {
  json out = {.depth = 0};
  json_begin_object(&out, NULL);
  print_concrete_functions(&out, g->meta_graph);
  json_string(&out, "format", "savedmodel/1");
  print_aliases(&out, g->info);
  json_begin_list(&out, "objects");
  for (size_t i = 0; i < g->n; i++) print_object(&out, &g->objects[i]);
  json_end_list(&out);
  json_end_object(&out);
  json_finish(&out);
}

/* ---- Text: what an object is ---- */

static void put_text(const char *text) { cli_put(text, strlen(text)); }

static void print_variable(const object *o) {
  const sm_variable_object *variable = o->info->variable;
  printf(" %s ", dtype_name(variable->dtype));
  if (variable->rank < 0) fputs("unknown", stdout);
  for (int32_t i = 0; i < variable->rank; i++) printf("%c%" PRId64, i == 0 ? '[' : ',', variable->dims[i]);
  if (variable->rank >= 0) fputs(variable->rank == 0 ? "[]" : "]", stdout);
  fputs(o->key != NULL ? " " : " not in the checkpoint", stdout);
  if (o->key != NULL) put_text(o->key);
}

static void print_parameters(const sm_parameter *parameters, size_t n, const char **before) {
  for (size_t i = 0; i < n; i++) {
    fputs(*before, stdout);
    *before = ", ";
    put_text(parameters[i].name);
    if (parameters[i].default_value == NULL) continue;
    putchar('=');
    python_print_repr(parameters[i].default_value);
  }
}

/* As Python would write it: (x, y=2, *args, k=1, **kwargs). */
static void print_spec(const sm_function_spec *spec) {
  const char *before = "";
  fputs(" (", stdout);
  print_parameters(spec->parameters, spec->n_parameters, &before);
  if (spec->varargs != NULL || spec->n_keyword_only != 0) {
    printf("%s*", before);
    if (spec->varargs != NULL) put_text(spec->varargs);
    before = ", ";
  }
  print_parameters(spec->keyword_only, spec->n_keyword_only, &before);
  if (spec->varkw != NULL) {
    printf("%s**", before);
    put_text(spec->varkw);
  }
  putchar(')');
}

/* What it takes and gives, as Python shows them. */
static void print_concrete(const object *o) {
  const sm_concrete_function *function;
  putchar(' ');
  put_text(o->info->concrete_functions[0]);
  if (sm_trackable_get_function(&function, o->node, 0, NULL) != SM_OK) return;
  if (function->inputs != NULL) {
    putchar(' ');
    python_print_repr(function->inputs);
  }
  if (function->outputs != NULL) {
    fputs(" -> ", stdout);
    python_print_repr(function->outputs);
  }
}

/* Those of a function have all the same alias. */
static void print_alias(const object *o, const graph *g) {
  if (o->info->n_concrete_functions == 0) return;
  const char *name = o->info->concrete_functions[0];
  size_t low = 0, high = g->info->n_function_aliases;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (strcmp(g->info->function_aliases[middle].function, name) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == g->info->n_function_aliases || strcmp(g->info->function_aliases[low].function, name) != 0) return;
  fputs(" alias ", stdout);
  put_text(g->info->function_aliases[low].alias);
}

static void print_kind(const object *o, const graph *g) {
  const sm_object *info = o->info;
  const sm_asset *asset;
  fputs(kind_name(info->kind), stdout);
  switch (info->kind) {
    case SM_OBJECT_USER_OBJECT: putchar(' '), put_text(info->user_object->identifier); break;
    case SM_OBJECT_VARIABLE: print_variable(o); break;
    case SM_OBJECT_CONSTANT:
    case SM_OBJECT_CAPTURED_TENSOR: putchar(' '), put_text(info->name); break;
    case SM_OBJECT_BARE_CONCRETE_FUNCTION: print_concrete(o); break;
    case SM_OBJECT_FUNCTION:
      if (info->function_spec != NULL) print_spec(info->function_spec);
      break;
    case SM_OBJECT_ASSET:
      if (info->asset < 0 || sm_meta_graph_get_asset(&asset, g->meta_graph, (size_t)info->asset, NULL) != SM_OK) break;
      putchar(' '), put_text(asset->filename);
      break;
    default: break;
  }
  print_alias(o, g);
  if (*info->registered_name != '\0') putchar(' '), put_text(info->registered_name);
  putchar('\n');
}

/* ---- Text: the tree ---- */

static const object *object_of(const void *g, size_t id) { return &((const graph *)g)->objects[id]; }

static size_t n_children(const void *g, size_t id) { return sm_trackable_n_children(object_of(g, id)->node); }

/* Of objects that were looked up: it could before. */
static void get_child(sm_string *name, size_t *child, const void *g, size_t id, size_t i) {
  const sm_trackable *node;
  const char *text = "";
  *child = 0;
  if (sm_trackable_get_child(&node, &text, object_of(g, id)->node, i, NULL) == SM_OK)
    *child = (size_t)sm_trackable_get_id(node);
  *name = (sm_string){text, strlen(text)};
}

static const char *get_path(const void *g, size_t id) { return object_of(g, id)->path; }

static void print_line(const void *g, size_t id) { print_kind(object_of(g, id), g); }

static int print_text(const graph *g) {
  return object_tree_print(&(object_tree){g, g->n, n_children, get_child, get_path, print_line});
}

/* ---- The command ---- */

/* The first meta graph that has an object graph; TensorFlow writes one alone. */
static sm_status find_graph(graph *g, const sm_model *model, sm_error *err) {
  sm_status status = SM_NOT_FOUND;
  *err = (sm_error){.code = SM_NOT_FOUND, .offset = UINT64_MAX, .message = "there is no meta graph in the model"};
  for (size_t i = 0; status == SM_NOT_FOUND && i < sm_model_n_meta_graphs(model); i++) {
    g->meta_graph = sm_model_get_meta_graph(model, i);
    status = sm_meta_graph_n_objects(&g->n, g->meta_graph, err);
  }
  const sm_trackable *root;
  return status == SM_OK ? sm_meta_graph_get_root(&root, g->meta_graph, err) : status;
}

static int print_graph(graph *g, bool is_json) {
  sm_error err;
  g->objects = calloc(g->n, sizeof *g->objects);
  if (g->objects == NULL) return cli_fail("out of memory");
  int code = look_up(g, &err) == SM_OK ? CLI_OK : cli_fail_status(&err);
  if (code == CLI_OK && !is_json) code = print_text(g);
  if (code == CLI_OK && is_json) print_document(g);
  free(g->objects);
  return code;
}

static int show_model(const cli_args *args) {
  sm_model *model;
  sm_error err;
  graph g = {.objects = NULL};
  int code = cli_open(&model, args);
  if (code != CLI_OK) return code;
  if (find_graph(&g, model, &err) != SM_OK)
    code = cli_fail_status(&err);
  else
    code = print_graph(&g, args->values[CLI_json] != NULL);
  sm_model_close(model);
  return code;
}

/* A directory without a state file is taken for a model that is not there. */
static bool is_checkpoint(const sm_fs *fs, const char *path, const char *prefix) {
  sm_dir_entry entry;
  if (fs == NULL) fs = sm_fs_local();
  return strcmp(path, prefix) != 0 || fs->stat(&entry, fs, path, "", 0, NULL) != SM_OK ||
         entry.kind != SM_FILE_DIRECTORY;
}

/* Neither a file of that name nor an index of a checkpoint: what the user meant nobody knows. */
static bool is_nothing(const sm_fs *fs, const char *path) {
  sm_dir_entry entry;
  char index[4096];
  if (fs == NULL) fs = sm_fs_local();
  int size = snprintf(index, sizeof index, "%s.index", path);
  return size < (int)sizeof index && fs->stat(&entry, fs, path, "", 0, NULL) == SM_NOT_FOUND &&
         fs->stat(&entry, fs, index, "", 0, NULL) == SM_NOT_FOUND;
}

int cli_objects(const cli_args *args) {
  char prefix[4096];
  sm_error err;
  sm_bundle_reader *reader;
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  int code = cli_checkpoint_find(prefix, &options, args, cli_dir(args));
  if (code != CLI_OK) return code;
  const char *path = args->storage->fs != NULL ? args->storage->dir : cli_dir(args);
  if (!is_checkpoint(options.fs, path, prefix)) {
    cli_storage_close(args->storage); /* cli_open looks for itself */
    return show_model(args);
  }
  sm_status status = sm_bundle_reader_open(&reader, prefix, &options, &err);
  if (status == SM_NOT_FOUND && is_nothing(options.fs, path))
    return cli_fail("%s: neither a SavedModel nor a checkpoint (%s)", path, sm_status_name(status));
  if (status != SM_OK) return cli_fail_status(&err);
  code = show_saved_objects(reader, prefix, args->values[CLI_json] != NULL);
  sm_bundle_reader_close(reader);
  return code;
}
