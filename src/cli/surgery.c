/* savedmodel checkpoint: rename, subset, merge; average is in a file of its own. */
#include "cli/surgery.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/failure.h"
#include "cli/json.h"
#include "cli/key_map.h"
#include "cli/optimizer_keys.h"
#include "cli/tensor_compare.h"

static int usage(const char *what) {
  fprintf(stderr, "savedmodel: %s; savedmodel checkpoint --help tells more\n", what);
  return CLI_USAGE;
}

/* ---- Reports ---- */

static void begin_report(json *out, const surgery *the) {
  json_begin_object(out, NULL);
  json_string(out, "command", the->args->words[1]);
  json_bytes(out, "dst", the->dst, strlen(the->dst));
}

static void report_dropped(json *out, const surgery_plan *plan) {
  json_begin_list(out, "dropped");
  for (size_t i = 0; i < plan->in.n; i++) {
    const tensor_item *item = plan->by_name[i];
    if (plan->fates[item - plan->in.items].is_dropped) json_bytes(out, NULL, item->name.data, item->name.size);
  }
  json_end_list(out);
}

static void report_renamed(json *out, const surgery_plan *plan) {
  json_begin_list(out, "renamed");
  for (size_t i = 0; i < plan->in.n; i++) {
    const tensor_item *item = plan->by_name[i];
    const char *new_key = plan->fates[item - plan->in.items].new_key;
    if (new_key == NULL) continue;
    json_begin_object(out, NULL);
    json_bytes(out, "from", item->name.data, item->name.size);
    json_bytes(out, "to", new_key, strlen(new_key));
    json_end_object(out);
  }
  json_end_list(out);
}

/* What became of the tensors, with --json. */
static void report(const surgery *the) {
  json out = {.depth = 0};
  size_t n = 0;
  if (the->args->values[CLI_json] == NULL) return;
  begin_report(&out, the);
  if (the->n_src == 1) report_dropped(&out, &the->plans[0]);
  json_string(&out, "format", "savedmodel/1");
  if (the->n_src == 1) report_renamed(&out, &the->plans[0]);
  json_begin_list(&out, "sources");
  for (size_t i = 0; i < the->n_src; i++) {
    const surgery_plan *plan = &the->plans[i];
    json_begin_object(&out, NULL);
    json_bytes(&out, "path", plan->path, strlen(plan->path));
    json_uint(&out, "tensors", plan->in.n);
    json_end_object(&out);
    n += plan->in.n - plan->n_dropped;
  }
  json_end_list(&out);
  json_uint(&out, "tensors", n);
  json_end_object(&out);
  json_finish(&out);
}

/* ---- Writing ---- */

static bool is_big_endian(const surgery_plan *plan) {
  const sm_bundle_header *header = sm_bundle_reader_get_header(plan->in.reader);
  return header->format == 2 && header->big_endian;
}

/* All that the plans leave. */
static int write_all(surgery *the, bool may_link) {
  sm_bundle_writer *out;
  progress shown;
  sm_error err;
  the->options.big_endian = is_big_endian(&the->plans[0]);
  sm_status status = sm_bundle_writer_open(&out, the->dst, &the->options, &err);
  if (status != SM_OK) return cli_fail_status(&err);
  progress_begin(&shown, "written");
  for (size_t i = 0; i < the->n_src && status == SM_OK; i++)
    status = surgery_plan_write(&the->plans[i], out, may_link, the->options.big_endian, &shown, &err);
  for (size_t i = 0; i < the->n_src && status == SM_OK; i++)
    status = surgery_plan_write_graph(&the->plans[i], out, &err);
  status = surgery_finish(out, status, &err);
  progress_end(&shown);
  if (status != SM_OK) return cli_fail_status(&err);
  report(the);
  return CLI_OK;
}

/* ---- rename ---- */

static int rename_keys(surgery *the) {
  sm_error err;
  int code = key_map_apply(&the->plans[0], the->args);
  if (code != CLI_OK) return code;
  if (surgery_plan_update_graph(&the->plans[0], &err) != SM_OK) return cli_fail_status(&err);
  return write_all(the, true);
}

/* ---- subset ---- */

static bool fits(const cli_args *args, const char *key) {
  size_t position = 0;
  const char *pattern;
  while ((pattern = cli_args_next(args, CLI_filter, &position)) != NULL)
    if (fnmatch(pattern, key, 0) == 0) return true;
  return false;
}

/* Keys are compared up to a NUL. The object graph tells of what is left, and stays. */
static int apply_filter(surgery_plan *plan, const cli_args *args) {
  size_t n_fitting = 0;
  for (size_t i = 0; i < plan->in.n; i++) {
    bool is_graph = plan->graph != NULL && i == plan->graph_item;
    if (!is_graph && !fits(args, plan->in.items[i].name.data)) surgery_plan_drop(plan, i);
    n_fitting += !is_graph && !plan->fates[i].is_dropped;
  }
  return n_fitting != 0 ? CLI_OK : cli_fail("%s: no key fits --filter", plan->path);
}

static int take_subset(surgery *the) {
  surgery_plan *plan = &the->plans[0];
  bool has_filter = the->args->values[CLI_filter] != NULL;
  sm_error err;
  int code = has_filter ? apply_filter(plan, the->args) : CLI_OK;
  if (code != CLI_OK) return code;
  sm_status status = SM_OK;
  if (the->args->values[CLI_drop_optimizer] != NULL) {
    drop_optimizer_keys(plan);
    status = surgery_plan_drop_optimizers(plan, &err);
  }
  if (status == SM_OK) status = surgery_plan_update_graph(plan, &err);
  return status == SM_OK ? write_all(the, false) : cli_fail_status(&err);
}

/* ---- merge ---- */

/* A tensor that two sources have is taken once if it is the same. */
static sm_status compare_twice(surgery_plan *first, surgery_plan *second, size_t item, sm_error *err) {
  sm_bundle_entry a, b;
  sm_string key = second->in.items[item].name;
  tensor_difference difference = {.n_different = 1};
  SM_TRY(sm_bundle_reader_find_n(&a, first->in.reader, key, err));
  SM_TRY(sm_bundle_reader_find_n(&b, second->in.reader, key, err));
  const tensor_place x = {first->in.reader, first->storage.fs, &a}, y = {second->in.reader, second->storage.fs, &b};
  if (tensor_has_form_of(&a, &b)) SM_TRY(tensor_compare(&difference, &x, &y, err));
  if (difference.n_different != 0)
    return failure(err, SM_INVALID_ARGUMENT, "%.*s: %s and %s have different values for it",
                   key.size < 200 ? (int)key.size : 200, key.data, first->path, second->path);
  surgery_plan_drop(second, item);
  return SM_OK;
}

static sm_status merge_graph(surgery_plan *into, surgery_plan *from, sm_error *err) {
  surgery_plan_drop(from, from->graph_item);
  into->is_graph_changed = true;
  return sm_trackable_graph_merge(into->graph, from->graph, err);
}

/* What source number i has that those before it have too. */
static sm_status find_twice(surgery *the, size_t i, sm_error *err) {
  surgery_plan *plan = &the->plans[i];
  for (size_t item = 0; item < plan->in.n; item++) {
    if (plan->graph != NULL && item == plan->graph_item) continue;
    for (size_t earlier = 0; earlier < i && !plan->fates[item].is_dropped; earlier++)
      if (surgery_plan_find(&the->plans[earlier], plan->in.items[item].name) != SIZE_MAX)
        SM_TRY(compare_twice(&the->plans[earlier], plan, item, err));
  }
  return SM_OK;
}

static int merge(surgery *the) {
  surgery_plan *owner = NULL; /* of the first object graph, into which the others go */
  sm_error err;
  for (size_t i = 0; i < the->n_src; i++) {
    surgery_plan *plan = &the->plans[i];
    sm_status status = find_twice(the, i, &err);
    if (status == SM_OK && plan->graph != NULL && owner != NULL) status = merge_graph(owner, plan, &err);
    if (status != SM_OK) return cli_fail_status(&err);
    if (owner == NULL && plan->graph != NULL) owner = plan;
  }
  return write_all(the, true);
}

/* ---- Which ---- */

typedef struct surgery_command {
  const char *name;
  size_t least_sources, most_sources;
  bool takes_map, takes_filter;
  int (*run)(surgery *the);
} surgery_command;

static const surgery_command commands[] = {
    {"rename", 1, 1, true, false, rename_keys},
    {"subset", 1, 1, false, true, take_subset},
    {"merge", 2, CLI_MAX_WORDS, false, false, merge},
    {"average", 2, CLI_MAX_WORDS, false, false, surgery_average},
};

static const surgery_command *find_command(const char *name) {
  for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
    if (strcmp(commands[i].name, name) == 0) return &commands[i];
  return NULL;
}

/* What is wrong with the command line; NULL: nothing. */
static const char *check(const surgery_command *command, const surgery *the) {
  const cli_args *args = the->args;
  if (the->n_src < command->least_sources || the->n_src > command->most_sources)
    return command->most_sources == 1 ? "that takes SRC and DST" : "that takes two SRC or more, and DST";
  if (!command->takes_map && (args->given[CLI_map] || args->given[CLI_map_file]))
    return "--map and --map-file are for rename";
  if (!command->takes_filter && (args->given[CLI_filter] || args->given[CLI_drop_optimizer]))
    return "--filter and --drop-optimizer are for subset";
  if (command->takes_filter && !args->given[CLI_filter] && args->values[CLI_drop_optimizer] == NULL)
    return "subset needs --filter or --drop-optimizer";
  if (command->takes_map && !args->given[CLI_map] && !args->given[CLI_map_file])
    return "rename needs --map or --map-file";
  return cli_check_new_prefix(the->dst);
}

static int run(surgery *the, const surgery_command *command) {
  int code = CLI_OK;
  size_t n = 0;
  the->plans = calloc(the->n_src, sizeof *the->plans);
  if (the->plans == NULL) return cli_fail("out of memory");
  while (n < the->n_src && code == CLI_OK) {
    code = surgery_plan_open(&the->plans[n], the->args, the->src[n]);
    n++;
  }
  if (code == CLI_OK) code = command->run(the);
  for (size_t i = 0; i < n; i++) surgery_plan_close(&the->plans[i]);
  free(the->plans);
  return code;
}

int cli_surgery(const cli_args *args) {
  const surgery_command *command = args->n_words > 1 ? find_command(args->words[1]) : NULL;
  if (command == NULL) return usage("checkpoint is followed by rename, subset, merge or average");
  if (args->n_words < 4) return usage(command->most_sources == 1 ? "that takes SRC and DST" : "that takes SRC... DST");
  surgery the = {.args = args,
                 .src = args->words + 2,
                 .n_src = args->n_words - 3,
                 .dst = args->words[args->n_words - 1],
                 .options = SM_SAVE_OPTIONS_INIT};
  the.options.overwrite = args->values[CLI_overwrite] != NULL;
  the.options.n_threads = cli_n_threads();
  const char *wrong = check(command, &the);
  return wrong != NULL ? usage(wrong) : run(&the, command);
}
