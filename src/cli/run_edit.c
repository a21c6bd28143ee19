/* savedmodel edit: a changed copy of a model, or the model itself changed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

enum { MAX_NAME = 4096 };

/* What is being edited. */
typedef struct editing {
  const cli_args *args;
  const sm_model *model;
  sm_builder *builder;
  size_t graph; /* the one that options are about; SIZE_MAX: not told which of several */
  int code;     /* of a failure that was said already, else CLI_OK */
} editing;

static int edit_usage(const char *what) {
  fprintf(stderr, "savedmodel: %s; savedmodel edit --help tells more\n", what);
  return CLI_USAGE;
}

/* ---- What is asked for ---- */

/* "SIG:OLD=NEW" and the like, taken apart at the first of each. */
typedef struct parts {
  char text[MAX_NAME];
  const char *signature, *name, *value;
} parts;

/* Which flags take which form; all that may be given several times. */
static const struct form {
  cli_flag flag;
  bool has_signature, has_value;
  const char *is;
} forms[] = {
    {CLI_rename_signature, false, true, "--rename-signature takes OLD=NEW"},
    {CLI_rename_input, true, true, "--rename-input takes SIGNATURE:OLD=NEW"},
    {CLI_rename_output, true, true, "--rename-output takes SIGNATURE:OLD=NEW"},
    {CLI_set_method, false, true, "--set-method takes SIGNATURE=NAME"},
    {CLI_set_meta, false, true, "--set-meta takes KEY=VALUE"},
    {CLI_drop_signature, false, false, "--drop-signature: the name is too long"},
    {CLI_drop_asset_extra, false, false, "--drop-asset-extra: the name is too long"},
    {CLI_drop_meta, false, false, "--drop-meta: the name is too long"},
    {CLI_add_asset_extra, false, false, "--add-asset-extra: the name is too long"},
};

/* False when the text is not of that form. */
static bool take_apart(parts *out, const char *text, const struct form *form) {
  int size = snprintf(out->text, sizeof out->text, "%s", text);
  if (size < 0 || (size_t)size >= sizeof out->text) return false;
  out->signature = out->value = NULL;
  out->name = out->text;
  if (form->has_value) {
    char *equals = strchr(out->text, '=');
    if (equals == NULL) return false;
    *equals = '\0';
    out->value = equals + 1;
  }
  if (form->has_signature) {
    char *colon = strchr(out->text, ':');
    if (colon == NULL) return false;
    *colon = '\0';
    out->signature = out->text;
    out->name = colon + 1;
  }
  return true;
}

static int check_forms(const cli_args *args) {
  parts taken;
  for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
    size_t position = 0;
    for (const char *text; (text = cli_args_next(args, forms[i].flag, &position)) != NULL;)
      if (!take_apart(&taken, text, &forms[i])) return edit_usage(forms[i].is);
  }
  return CLI_OK;
}

/* ---- Which meta graph ---- */

static bool is_about_one_graph(const cli_args *args) {
  static const cli_flag flags[] = {CLI_set_tags,     CLI_drop_meta_graph, CLI_rename_signature, CLI_drop_signature,
                                   CLI_rename_input, CLI_rename_output,   CLI_set_method,       CLI_keep_signatures};
  for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
    if (args->given[flags[i]]) return true;
  return false;
}

static int fail_selection(const sm_model *model, const char *tags) {
  char shown[MAX_NAME];
  snprintf(shown, sizeof shown, "'%s'", tags);
  return cli_fail_tags(model, shown);
}

static int select_graph(editing *the) {
  cli_tags tags;
  const char *list = the->args->values[CLI_select_tags];
  size_t n = sm_model_n_meta_graphs(the->model);
  the->graph = n == 1 ? 0 : SIZE_MAX;
  if (list == NULL) {
    if (n == 1 || !is_about_one_graph(the->args)) return CLI_OK;
    return cli_fail("the model has %zu meta graphs: --select-tags tells which of them is meant", n);
  }
  if (!cli_split_tags(&tags, list)) return cli_fail("--select-tags: too many tags");
  for (size_t i = n; i-- > 0;) /* the first that fits */
    if (sm_meta_graph_matches(sm_model_get_meta_graph(the->model, i), SM_TAGS_EQUAL, tags.tags, tags.n)) the->graph = i;
  return the->graph < n ? CLI_OK : fail_selection(the->model, list);
}

/* ---- Doing it ---- */

typedef sm_status (*change_fn)(editing *the, const parts *taken, sm_error *err);

/* Each value of a flag; that they have its form was checked. */
static sm_status each(editing *the, cli_flag flag, change_fn change, sm_error *err) {
  parts taken;
  size_t position = 0, form = 0;
  while (forms[form].flag != flag) form++;
  for (const char *text; (text = cli_args_next(the->args, flag, &position)) != NULL;)
    if (take_apart(&taken, text, &forms[form])) SM_TRY(change(the, &taken, err));
  return SM_OK;
}

static sm_status drop_signature(editing *the, const parts *taken, sm_error *err) {
  return sm_builder_remove_signature(the->builder, the->graph, taken->name, err);
}

static sm_status rename_input(editing *the, const parts *taken, sm_error *err) {
  return sm_builder_rename_input(the->builder, the->graph, taken->signature, taken->name, taken->value, err);
}

static sm_status rename_output(editing *the, const parts *taken, sm_error *err) {
  return sm_builder_rename_output(the->builder, the->graph, taken->signature, taken->name, taken->value, err);
}

static sm_status rename_signature(editing *the, const parts *taken, sm_error *err) {
  return sm_builder_rename_signature(the->builder, the->graph, taken->name, taken->value, err);
}

static sm_status set_method(editing *the, const parts *taken, sm_error *err) {
  return sm_builder_set_method(the->builder, the->graph, taken->name, taken->value, err);
}

static sm_status drop_extra(editing *the, const parts *taken, sm_error *err) {
  return sm_builder_remove_extra_asset(the->builder, taken->name, err);
}

/* FILE, or FILE=NAME; a file whose name has '=' in it may be given alone. */
static sm_status add_extra(editing *the, const parts *taken, sm_error *err) {
  const sm_fs *fs = sm_fs_local();
  sm_dir_entry entry;
  char path[MAX_NAME];
  snprintf(path, sizeof path, "%s", taken->name);
  char *equals = strrchr(path, '=');
  bool is_whole = equals == NULL || fs->stat(&entry, fs, "", path, 0, NULL) == SM_OK;
  if (!is_whole) {
    *equals = '\0';
    return sm_builder_add_extra_asset(the->builder, equals + 1, path, err);
  }
  const char *slash = strrchr(path, '/');
  return sm_builder_add_extra_asset(the->builder, slash != NULL ? slash + 1 : path, path, err);
}

static sm_status drop_meta(editing *the, const parts *taken, sm_error *err) {
  return sm_builder_remove_metadata(the->builder, taken->name, err);
}

static sm_status set_meta(editing *the, const parts *taken, sm_error *err) {
  return sm_builder_set_metadata(the->builder, taken->name, taken->value, err);
}

static sm_status drop(editing *the, sm_error *err) {
  cli_tags keys;
  const char *kept = the->args->values[CLI_keep_signatures];
  if (the->args->values[CLI_drop_meta_graph] != NULL)
    SM_TRY(sm_builder_remove_meta_graph(the->builder, the->graph, err));
  SM_TRY(each(the, CLI_drop_signature, drop_signature, err));
  if (kept != NULL) {
    if (!cli_split_tags(&keys, kept)) the->code = edit_usage("--keep-signatures: too many");
    if (the->code != CLI_OK) return SM_INVALID_ARGUMENT;
    SM_TRY(sm_builder_keep_signatures(the->builder, the->graph, keys.tags, keys.n, err));
  }
  SM_TRY(each(the, CLI_drop_asset_extra, drop_extra, err));
  SM_TRY(each(the, CLI_drop_meta, drop_meta, err));
  if (the->args->values[CLI_strip_debug_info] != NULL) SM_TRY(sm_builder_strip_debug_info(the->builder, err));
  return SM_OK;
}

/* Of the selected meta graph, or of all. */
static sm_status change_nodes(editing *the, sm_status (*change)(sm_builder *, size_t, sm_error *), sm_error *err) {
  if (the->graph != SIZE_MAX) return change(the->builder, the->graph, err);
  for (size_t i = 0; i < sm_model_n_meta_graphs(the->model); i++) SM_TRY(change(the->builder, i, err));
  return SM_OK;
}

static sm_status add_objects(sm_builder *builder, size_t graph, sm_error *err) {
  return sm_builder_add_object_graph(builder, graph, NULL, err);
}

static sm_status add_flat_objects(sm_builder *builder, size_t graph, sm_error *err) {
  sm_objects_options options = SM_OBJECTS_OPTIONS_INIT;
  options.flat_names = true;
  return sm_builder_add_object_graph(builder, graph, &options, err);
}

/* What only writes may be what nobody needs. */
static sm_status freeze(editing *the, sm_error *err) {
  sm_status status = change_nodes(the, sm_builder_freeze, err);
  if (status == SM_UNIMPLEMENTED && !the->args->given[CLI_keep_signatures]) {
    the->code = cli_fail_status(err);
    fprintf(stderr, "savedmodel: --keep-signatures with those that are needed leaves out what others do\n");
  }
  return status;
}

static sm_status set(editing *the, sm_error *err) {
  cli_tags tags;
  const cli_args *args = the->args;
  SM_TRY(each(the, CLI_set_method, set_method, err));
  if (args->values[CLI_set_tags] != NULL) {
    if (!cli_split_tags(&tags, args->values[CLI_set_tags])) the->code = edit_usage("--set-tags: too many");
    if (the->code != CLI_OK) return SM_INVALID_ARGUMENT;
    SM_TRY(sm_builder_set_tags(the->builder, the->graph, tags.tags, tags.n, err));
  }
  if (args->values[CLI_freeze] != NULL) SM_TRY(freeze(the, err));
  if (args->values[CLI_to_v1] != NULL) SM_TRY(change_nodes(the, sm_builder_drop_object_graph, err));
  if (args->values[CLI_to_v2] != NULL)
    SM_TRY(change_nodes(the, args->values[CLI_flat_names] != NULL ? add_flat_objects : add_objects, err));
  if (args->values[CLI_clear_devices] != NULL) SM_TRY(change_nodes(the, sm_builder_clear_devices, err));
  if (args->values[CLI_strip_debug_ops] != NULL) SM_TRY(change_nodes(the, sm_builder_strip_debug_ops, err));
  if (args->values[CLI_strip_default_attrs] != NULL) SM_TRY(change_nodes(the, sm_builder_strip_default_attrs, err));
  SM_TRY(each(the, CLI_add_asset_extra, add_extra, err));
  return each(the, CLI_set_meta, set_meta, err);
}

static sm_status change(editing *the, sm_error *err) {
  SM_TRY(sm_builder_add_model(the->builder, the->model, err));
  SM_TRY(drop(the, err));
  if (the->args->values[CLI_drop_meta_graph] == NULL) {
    SM_TRY(each(the, CLI_rename_input, rename_input, err));
    SM_TRY(each(the, CLI_rename_output, rename_output, err));
    SM_TRY(each(the, CLI_rename_signature, rename_signature, err));
  }
  SM_TRY(set(the, err));
  return sm_builder_finish(the->builder, err);
}

static int run(editing *the, const char *dst, const sm_save_options *options) {
  sm_error err;
  sm_status status = sm_builder_open(&the->builder, dst, options, &err);
  if (status == SM_OK) status = change(the, &err);
  sm_builder_close(the->builder);
  if (the->code != CLI_OK) return the->code;
  return status == SM_OK ? CLI_OK : cli_fail_status(&err);
}

/* A model in text stays one. */
static bool is_text(const sm_model *model) {
  uint64_t size;
  return sm_model_get_file_size(&size, model, SM_FILE_SAVED_MODEL_PB, NULL) != SM_OK &&
         sm_model_get_file_size(&size, model, SM_FILE_SAVED_MODEL_PBTXT, NULL) == SM_OK;
}

int cli_edit(const cli_args *args) {
  editing the = {.args = args};
  sm_model *model;
  sm_save_options options = SM_SAVE_OPTIONS_INIT;
  size_t dst_word = args->values[CLI_dir] != NULL ? 1 : 2;
  bool has_dst = args->n_words > dst_word;
  options.in_place = args->values[CLI_in_place] != NULL;
  options.overwrite = args->values[CLI_overwrite] != NULL;
  if (has_dst == options.in_place) return edit_usage("edit needs either DST or --in-place");
  if (options.in_place && options.overwrite) return edit_usage("--overwrite is for DST");
  int code = check_forms(args);
  if (code == CLI_OK) code = cli_open(&model, args);
  if (code != CLI_OK) return code;
  the.model = model;
  options.as_text = is_text(model);
  code = select_graph(&the);
  if (code == CLI_OK) code = run(&the, has_dst ? args->words[dst_word] : cli_dir(args), &options);
  sm_model_close(model);
  return code;
}
