/* scan: TensorFlow's text, or every finding by itself. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/json.h"
#include "cli/policy.h"
#include "cli/python.h"

/* ---- The denylist ---- */

/* An operation that is asked for, and whether the meta graph has it. */
typedef struct denied_op {
  const char *name;
  bool is_there;
} denied_op;

typedef struct denylist {
  char *text;     /* owned; the names lie in it */
  denied_op *ops; /* sorted, each once */
  size_t n;
} denylist;

static int compare_ops(const void *a, const void *b) {
  return strcmp(((const denied_op *)a)->name, ((const denied_op *)b)->name);
}

static bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* Splits at commas; trims; leaves out what is empty. */
static void split(denylist *list) {
  for (char *item = list->text; item != NULL;) {
    char *comma = strchr(item, ','), *end = comma != NULL ? comma : item + strlen(item);
    char *next = comma != NULL ? comma + 1 : NULL;
    while (item != end && is_blank(*item)) item++;
    while (item != end && is_blank(end[-1])) end--;
    *end = '\0';
    if (item != end) list->ops[list->n++].name = item;
    item = next;
  }
}

static bool read_denylist(denylist *out, const char *names) {
  if (names == NULL || *names == '\0') names = "PrintV2,ReadFile,WriteFile"; /* of saved_model_cli */
  size_t size = strlen(names) + 1;
  *out = (denylist){.text = malloc(size), .ops = calloc(size, sizeof *out->ops)};
  if (out->text == NULL || out->ops == NULL) return false;
  memcpy(out->text, names, size);
  split(out);
  qsort(out->ops, out->n, sizeof *out->ops, compare_ops);
  size_t kept = 0;
  for (size_t i = 0; i < out->n; i++)
    if (kept == 0 || compare_ops(&out->ops[kept - 1], &out->ops[i]) != 0) out->ops[kept++] = out->ops[i];
  out->n = kept;
  return true;
}

static void free_denylist(denylist *list) {
  free(list->text);
  free(list->ops);
}

static void note_op(denylist *list, sm_string op) {
  size_t low = 0, high = list->n;
  while (low < high) {
    size_t middle = low + (high - low) / 2, size = strlen(list->ops[middle].name);
    int order = memcmp(op.data, list->ops[middle].name, op.size < size ? op.size : size);
    if (order == 0) order = (op.size > size) - (op.size < size);
    if (order == 0) list->ops[middle].is_there = true;
    if (order == 0) return;
    if (order < 0)
      high = middle;
    else
      low = middle + 1;
  }
}

/* ---- What is found ---- */

/* A finding that outlives its callback. */
typedef struct kept {
  sm_scan_finding finding; /* its strings lie in text */
  char *text;
  bool is_denied;
} kept;

typedef struct scan {
  const policy *policy;
  denylist *denylist; /* NULL: the findings are wanted */
  kept *items;
  size_t n, capacity, n_denied;
} scan;

static sm_status fail_memory(sm_error *err) {
  snprintf(err->message, sizeof err->message, "out of memory");
  err->offset = UINT64_MAX;
  return err->code = SM_RESOURCE_EXHAUSTED;
}

static void copy_string(sm_string *string, char **at) {
  if (string->size != 0) memcpy(*at, string->data, string->size);
  string->data = *at;
  *at += string->size;
}

static sm_status keep(scan *s, const sm_scan_finding *finding, bool is_denied, sm_error *err) {
  if (s->n == s->capacity) {
    size_t capacity = s->capacity == 0 ? 64 : 2 * s->capacity;
    kept *items = capacity <= SIZE_MAX / sizeof *items ? realloc(s->items, capacity * sizeof *items) : NULL;
    if (items == NULL) return fail_memory(err);
    s->items = items;
    s->capacity = capacity;
  }
  size_t file_size = strlen(finding->file) + 1;
  kept *made = &s->items[s->n];
  *made = (kept){.finding = *finding, .is_denied = is_denied};
  char *at = made->text = malloc(finding->op.size + finding->node.size + finding->function.size + file_size);
  if (at == NULL) return fail_memory(err);
  copy_string(&made->finding.op, &at);
  copy_string(&made->finding.node, &at);
  copy_string(&made->finding.function, &at);
  memcpy(at, finding->file, file_size);
  made->finding.file = at;
  s->n++;
  s->n_denied += is_denied;
  return SM_OK;
}

static sm_status visit(void *ctx, const sm_scan_finding *finding, sm_error *err) {
  scan *s = ctx;
  if (s->denylist != NULL) {
    if (finding->kind == SM_SCAN_FINDING_OP) note_op(s->denylist, finding->op);
    return SM_OK;
  }
  bool is_denied = policy_denies(s->policy, finding);
  bool is_of_note = finding->kind != SM_SCAN_FINDING_OP || (finding->effects & SM_EFFECTS_OF_NOTE) != 0;
  return is_denied || is_of_note ? keep(s, finding, is_denied, err) : SM_OK;
}

static void free_findings(scan *s) {
  for (size_t i = 0; i < s->n; i++) free(s->items[i].text);
  free(s->items);
}

/* Denied ones first, then by class, then as they were found: only for printing, so the order of meta graphs stays. */
static int compare_kept(const void *a, const void *b) {
  const kept *left = *(const kept *const *)a, *right = *(const kept *const *)b;
  if (left->is_denied != right->is_denied) return left->is_denied ? -1 : 1;
  if (left->finding.effects != right->finding.effects) return left->finding.effects > right->finding.effects ? -1 : 1;
  return (left > right) - (left < right);
}

static const kept **sort_findings(const scan *s) {
  const kept **sorted = calloc(s->n + 1, sizeof *sorted);
  if (sorted == NULL) return NULL;
  for (size_t i = 0; i < s->n; i++) sorted[i] = &s->items[i];
  qsort(sorted, s->n, sizeof *sorted, compare_kept);
  return sorted;
}

/* ---- In TensorFlow's words ---- */

static void print_tags(const sm_meta_graph *graph) {
  putchar('[');
  for (size_t i = 0; i < sm_meta_graph_n_tags(graph); i++) {
    if (i > 0) fputs(", ", stdout);
    python_print_repr_str(sm_meta_graph_get_tag(graph, i), sm_meta_graph_get_tag_size(graph, i));
  }
  putchar(']');
}

/* A set; Python's has no order. */
static void print_ops(const denylist *list, bool only_there) {
  bool is_first = true;
  for (size_t i = 0; i < list->n; i++) {
    if (only_there && !list->ops[i].is_there) continue;
    fputs(is_first ? "{" : ", ", stdout);
    python_print_repr_str(list->ops[i].name, strlen(list->ops[i].name));
    is_first = false;
  }
  puts(is_first ? "set()" : "}");
}

/* Looks through all nodes of a meta graph. */
static sm_status check_graph(denylist *list, bool *has_denied, const sm_meta_graph *graph, sm_error *err) {
  sm_scan_options options = SM_SCAN_OPTIONS_INIT;
  options.all_ops = true;
  scan s = {.denylist = list};
  for (size_t i = 0; i < list->n; i++) list->ops[i].is_there = false;
  SM_TRY(sm_meta_graph_scan(graph, &options, visit, &s, err));
  *has_denied = false;
  for (size_t i = 0; i < list->n; i++) *has_denied |= list->ops[i].is_there;
  return SM_OK;
}

static sm_status print_graph(denylist *list, size_t *n_denied, const sm_meta_graph *graph, sm_error *err) {
  bool has_denied;
  SM_TRY(check_graph(list, &has_denied, graph, err));
  fputs("MetaGraph with tag set ", stdout);
  print_tags(graph);
  fputs(has_denied ? " contains the following denylisted ops: " : " does not contain the default denylisted ops: ",
        stdout);
  print_ops(list, has_denied);
  *n_denied += has_denied;
  return SM_OK;
}

/* only: NULL for all. */
static sm_status print_graphs(denylist *list, size_t *n_denied, const sm_model *model, const sm_meta_graph *only,
                              sm_error *err) {
  for (size_t i = 0; i < sm_model_n_meta_graphs(model); i++) {
    const sm_meta_graph *graph = sm_model_get_meta_graph(model, i);
    if (only == NULL || graph == only) SM_TRY(print_graph(list, n_denied, graph, err));
  }
  return SM_OK;
}

/* ---- Finding by finding ---- */

/* fn for the name of each class. */
static void each_class(const sm_scan_finding *finding, void (*fn)(void *ctx, const char *name), void *ctx) {
  if (finding->is_checkpointing) fn(ctx, "checkpoint");
  if (finding->is_asset_read) fn(ctx, "asset");
  if (finding->effects == 0) fn(ctx, finding->kind == SM_SCAN_FINDING_OP ? "pure" : "note");
  for (uint32_t effect = 1; sm_effect_name(effect) != NULL; effect <<= 1)
    if ((finding->effects & effect) != 0) fn(ctx, sm_effect_name(effect));
}

static const struct {
  uint32_t way;
  const char *name;
} ways[] = {{SM_REACHED_BY_SIGNATURE, "signature"}, {SM_REACHED_BY_INIT_OP, "init-op"},
            {SM_REACHED_BY_TRAIN_OP, "train-op"},   {SM_REACHED_BY_OBJECT, "object"},
            {SM_REACHED_BY_SAVE, "save"},           {SM_REACHED_BY_RESTORE, "restore"}};

static void print_in_list(void *ctx, const char *name) {
  bool *is_first = ctx;
  printf("%s%s", *is_first ? "" : ",", name);
  *is_first = false;
}

static void print_ways(const sm_scan_finding *finding) {
  bool is_first = true;
  fputs("; reached by ", stdout);
  for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
    if ((finding->reached_by & ways[i].way) != 0) print_in_list(&is_first, ways[i].name);
  if (is_first) fputs("nothing", stdout);
}

/* Names come from the file: a line stays a line. */
static void print_name(const char *before, sm_string name) {
  fputs(before, stdout);
  for (size_t i = 0; i < name.size; i++) {
    unsigned char byte = (unsigned char)name.data[i];
    if (byte < 0x20 || byte == 0x7F)
      printf("\\x%02x", byte);
    else
      putchar(byte);
  }
}

static void print_finding(const kept *item) {
  const sm_scan_finding *finding = &item->finding;
  bool is_first = true;
  fputs(item->is_denied ? "denied  " : "allowed ", stdout);
  each_class(finding, print_in_list, &is_first);
  if (finding->op.size != 0) print_name(" ", finding->op);
  print_name(" in ", (sm_string){finding->file, strlen(finding->file)});
  if (finding->graph != NULL) printf(", meta graph %zu", finding->meta_graph);
  if (finding->function.size != 0) print_name(", function ", finding->function);
  if (finding->node.size != 0) print_name(finding->kind == SM_SCAN_FINDING_OP ? ", node " : ", ", finding->node);
  if (finding->kind == SM_SCAN_FINDING_OP) print_ways(finding);
  printf("; it %s\n", finding->reason);
}

static bool print_findings(const scan *s) {
  const kept **sorted = sort_findings(s);
  if (sorted == NULL) return false;
  for (size_t i = 0; i < s->n; i++) print_finding(sorted[i]);
  printf("%zu found, %zu denied\n", s->n, s->n_denied);
  free(sorted);
  return true;
}

/* ---- JSON ---- */

static void add_class(void *ctx, const char *name) { json_string(ctx, NULL, name); }

static void json_finding(json *out, const kept *item) {
  static const char *const kinds[] = {"op", "keras", "file"};
  const sm_scan_finding *finding = &item->finding;
  json_begin_object(out, NULL);
  json_begin_list(out, "classes");
  each_class(finding, add_class, out);
  json_end_list(out);
  json_bool(out, "denied", item->is_denied);
  json_bytes(out, "file", finding->file, strlen(finding->file));
  json_bytes(out, "function", finding->function.data, finding->function.size);
  json_string(out, "kind", kinds[finding->kind]);
  if (finding->graph != NULL)
    json_uint(out, "meta_graph", finding->meta_graph);
  else
    json_null(out, "meta_graph");
  json_bytes(out, "node", finding->node.data, finding->node.size);
  json_bytes(out, "op", finding->op.data, finding->op.size);
  json_begin_list(out, "reached_by");
  for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
    if ((finding->reached_by & ways[i].way) != 0) json_string(out, NULL, ways[i].name);
  json_end_list(out);
  json_string(out, "reason", finding->reason);
  json_end_object(out);
}

static sm_status json_graph(json *out, denylist *list, size_t *n_denied, const sm_meta_graph *graph, sm_error *err) {
  bool has_denied;
  SM_TRY(check_graph(list, &has_denied, graph, err));
  *n_denied += has_denied;
  json_begin_object(out, NULL);
  json_begin_list(out, "denylisted_ops");
  for (size_t i = 0; i < list->n; i++)
    if (list->ops[i].is_there) json_bytes(out, NULL, list->ops[i].name, strlen(list->ops[i].name));
  json_end_list(out);
  json_begin_list(out, "tags");
  for (size_t i = 0; i < sm_meta_graph_n_tags(graph); i++)
    json_bytes(out, NULL, sm_meta_graph_get_tag(graph, i), sm_meta_graph_get_tag_size(graph, i));
  json_end_list(out);
  json_end_object(out);
  return SM_OK;
}

/* *n_denied: meta graphs with denylisted ops. */
static sm_status print_json(const scan *s, denylist *list, size_t *n_denied, const sm_model *model,
                            const sm_meta_graph *only, sm_error *err) {
  json out = {.depth = 0};
  const kept **sorted = sort_findings(s);
  if (sorted == NULL) return fail_memory(err);
  sm_status status = SM_OK;
  json_begin_object(&out, NULL);
  json_uint(&out, "denied", s->n_denied);
  json_begin_list(&out, "findings");
  for (size_t i = 0; i < s->n; i++) json_finding(&out, sorted[i]);
  json_end_list(&out);
  json_string(&out, "format", "savedmodel/1");
  json_begin_list(&out, "meta_graphs");
  for (size_t i = 0; status == SM_OK && i < sm_model_n_meta_graphs(model); i++) {
    const sm_meta_graph *graph = sm_model_get_meta_graph(model, i);
    if (only == NULL || graph == only) status = json_graph(&out, list, n_denied, graph, err);
  }
  json_end_list(&out);
  json_end_object(&out);
  json_finish(&out);
  free(sorted);
  return status;
}

/* ---- The command ---- */

static int choose_graph(const sm_meta_graph **out, const sm_model *model, const char *tag_set) {
  char understood[CLI_MAX_TAG_TEXT] = "";
  size_t used = 0;
  cli_tags tags;
  sm_error err;
  *out = NULL;
  if (tag_set == NULL || *tag_set == '\0') return CLI_OK;
  if (!cli_split_tags(&tags, tag_set)) return cli_fail("--tag_set names too many tags");
  if (tags.n == 0) return cli_fail("tag_set must contain at least one non-empty item.");
  if (sm_model_find_meta_graph(out, model, tags.tags, tags.n, &err) == SM_OK) return CLI_OK;
  for (size_t i = 0; i < tags.n; i++)
    used += (size_t)snprintf(understood + used, sizeof understood - used, "%s%s", i == 0 ? "" : ",", tags.tags[i]);
  return cli_fail_tags(model, understood);
}

static sm_status find_all(scan *s, const sm_model *model, const sm_meta_graph *only, sm_error *err) {
  sm_scan_options options = SM_SCAN_OPTIONS_INIT;
  options.all_ops = s->policy->n != 0 || s->policy->denies_by_default;
  return only != NULL ? sm_meta_graph_scan(only, &options, visit, s, err)
                      : sm_model_scan(model, &options, visit, s, err);
}

static int scan_model(const cli_args *args, const sm_model *model, denylist *list, const policy *rules) {
  bool is_deep = args->values[CLI_deep] != NULL || args->values[CLI_policy] != NULL,
       as_json = args->values[CLI_json] != NULL;
  const sm_meta_graph *only;
  size_t n_denied = 0;
  sm_error err;
  scan s = {.policy = rules};
  int code = choose_graph(&only, model, args->values[CLI_tag_set]);
  if (code != CLI_OK) return code;
  sm_status status = is_deep || as_json ? find_all(&s, model, only, &err) : SM_OK;
  if (status == SM_OK && as_json) status = print_json(&s, list, &n_denied, model, only, &err);
  if (status == SM_OK && is_deep && !as_json && !print_findings(&s)) status = fail_memory(&err);
  if (status == SM_OK && !is_deep && !as_json) status = print_graphs(list, &n_denied, model, only, &err);
  n_denied += is_deep || as_json ? s.n_denied : 0;
  free_findings(&s);
  if (status != SM_OK) return cli_fail_status(&err);
  return n_denied != 0 && args->values[CLI_fail_on_denied] != NULL ? CLI_FAILED : CLI_OK;
}

int cli_scan(const cli_args *args) {
  policy rules = {.text = NULL};
  denylist list;
  sm_model *model = NULL;
  int code = read_denylist(&list, args->values[CLI_op_denylist]) ? CLI_OK : cli_fail("out of memory");
  if (code == CLI_OK && args->values[CLI_policy] != NULL) code = policy_read(&rules, args->values[CLI_policy]);
  if (code == CLI_OK) code = cli_open(&model, args);
  if (code == CLI_OK) code = scan_model(args, model, &list, &rules);
  sm_model_close(model);
  policy_free(&rules);
  free_denylist(&list);
  return code;
}
