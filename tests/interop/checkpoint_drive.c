/*
 * Saves and restores as its input says, so that a script can do the same with TensorFlow. A line is a command, its words
 * separated by tabs:
 *
 *   clock SECONDS                                  what savers and managers are told from now on
 *   saver MAX HOURS PAD ABSOLUTE STATE_FILE        another saver
 *   save PREFIX STEP VALUE                         two tensors, "v" and "w", full of VALUE
 *   tree                                           another tree
 *   add PARENT NAME | link PARENT NAME NODE | slot OPTIMIZER VARIABLE NAME
 *   bind NODE ATTRIBUTE FULL_NAME DTYPE DIMS VALUE DIMS with commas; filled with VALUE
 *   register NODE SAVER VALUE                      of two registered savers 0 and 1; one number under "SAVER/OBJECT"
 *   registered                                     what the numbers are
 *   fill BINDING VALUE
 *   archive PATH                                   what restore, read and by_name read from now on; empty: local files
 *   write PREFIX | save_tree PREFIX                of the tree
 *   restore PREFIX POLICIES | read PREFIX POLICIES m, d, u, r: missing and mismatched are skipped, unused refused, reshape
 *   check LEVEL                                    sm_match
 *   values                                         status and first and last element of each binding
 *   manager DIR NAME MAX HOURS INTERVAL            another manager of the tree
 *   step N | manage NUMBER IGNORES_INTERVAL | checkpoints | restore_latest
 *   state DIR FILE | latest DIR
 *   by_name PREFIX KEY DTYPE DIMS POLICIES         sm_saver_restore of one tensor
 *
 * Every command is answered with a line: "OK" and what it gave, or the name of the status and the message.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <savedmodel/savedmodel.h>

enum { MAX_WORDS = 16, MAX_BINDINGS = 4096, MAX_REGISTERED = 64, MAX_DIMS = 8 };

typedef struct bound {
  sm_binding binding;
  int64_t dims[MAX_DIMS];
} bound;

static sm_error err;
static double now;
static int64_t step;
static sm_saver *saver;
static sm_checkpoint *tree;
static sm_checkpoint_manager *manager;
static bound *bounds[MAX_BINDINGS];
static size_t n_bounds;
static sm_fs *archive;
static sm_open_options from = SM_OPEN_OPTIONS_INIT;
static float registered[MAX_REGISTERED];
static size_t n_registered;

static void *must(void *pointer) {
  if (pointer != NULL) return pointer;
  fprintf(stderr, "checkpoint_drive: out of memory\n");
  exit(1);
}

static double tell_time(void *ctx) {
  (void)ctx;
  return now;
}

/* ---- Bindings ---- */

static void fill(sm_binding *binding, double value) {
  for (size_t i = 0; i < binding->size / sm_dtype_size(binding->dtype); i++) {
    if (binding->dtype == SM_DT_FLOAT) ((float *)binding->data)[i] = (float)value;
    if (binding->dtype == SM_DT_INT32) ((int32_t *)binding->data)[i] = (int32_t)value;
    if (binding->dtype == SM_DT_INT64) ((int64_t *)binding->data)[i] = (int64_t)value;
  }
}

static double element(const sm_binding *binding, size_t i) {
  if (binding->dtype == SM_DT_FLOAT) return (double)((float *)binding->data)[i];
  return binding->dtype == SM_DT_INT32 ? (double)((int32_t *)binding->data)[i] : (double)((int64_t *)binding->data)[i];
}

static char *copy_of(const char *text) {
  size_t size = strlen(text) + 1;
  return memcpy(must(malloc(size)), text, size);
}

static bound *new_bound(const char *key, const char *dtype, const char *dims) {
  bound *b = must(calloc(1, sizeof *b));
  size_t n = 1;
  sm_binding *binding = &b->binding;
  if (*key != '\0') binding->key = copy_of(key);
  binding->dtype = strcmp(dtype, "float32") == 0 ? SM_DT_FLOAT
                   : strcmp(dtype, "int32") == 0 ? SM_DT_INT32
                                                 : SM_DT_INT64;
  for (char *p = (char *)(uintptr_t)dims; *p != '\0' && binding->rank < MAX_DIMS; p += *p == ',') {
    b->dims[binding->rank] = strtoll(p, &p, 10);
    n *= (size_t)b->dims[binding->rank++];
  }
  binding->dims = b->dims;
  binding->size = n * sm_dtype_size(binding->dtype);
  binding->data = must(calloc(n + 1, sm_dtype_size(binding->dtype)));
  return b;
}

static void free_bound(bound *b) {
  free((void *)(uintptr_t)b->binding.key);
  free(b->binding.data);
  free(b);
}

static void free_tree(void) {
  sm_checkpoint_manager_close(manager);
  sm_checkpoint_free(tree);
  while (n_bounds > 0) free_bound(bounds[--n_bounds]);
  n_registered = 0;
  manager = NULL;
  tree = NULL;
}

/* ---- Answers ---- */

static void answer(sm_status status) {
  if (status == SM_OK)
    printf("OK");
  else
    printf("%s %s", sm_status_name(status), err.message);
}

static void answer_saved(sm_status status, const sm_saved *saved) {
  answer(status);
  if (status == SM_OK)
    printf("\t%s\t%" PRIu64 "\t%zu\t%d", saved->prefix != NULL ? saved->prefix : "", saved->n_bytes, saved->n_tensors,
           (int)saved->n_shards);
}

static void answer_report(sm_status status, const sm_restore_report *report) {
  answer(status);
  printf("\t%zu\t%zu\t%zu\t%zu", report->n_restored, report->n_missing, report->n_mismatched, report->n_unused);
}

/* ---- Commands ---- */

static void do_saver(char **w) {
  sm_saver_options options = SM_SAVER_OPTIONS_INIT;
  sm_saver_close(saver);
  options.max_to_keep = atoi(w[1]);
  options.keep_every_n_hours = strtod(w[2], NULL);
  options.pad_step_number = *w[3] == '1';
  options.absolute_paths = *w[4] == '1';
  options.state_file = *w[5] != '\0' ? w[5] : NULL;
  options.clock.now = tell_time;
  answer(sm_saver_open(&saver, &options, &err));
}

static void do_save(char **w) {
  bound *v = new_bound("v", "float32", "2,3"), *x = new_bound("w", "int64", "");
  sm_binding bindings[] = {v->binding, x->binding};
  sm_saved saved;
  fill(&v->binding, strtod(w[3], NULL));
  fill(&x->binding, strtod(w[3], NULL));
  answer_saved(sm_saver_save(&saved, saver, w[1], strtoll(w[2], NULL, 10), bindings, 2, &err), &saved);
  free_bound(v);
  free_bound(x);
}

static void do_bind(char **w) {
  bound *b = bounds[n_bounds++] = new_bound(w[3], w[4], w[5]);
  fill(&b->binding, strtod(w[6], NULL));
  answer(sm_checkpoint_bind(tree, atoi(w[1]), *w[2] != '\0' ? w[2] : NULL, &b->binding, &err));
}

/* ctx: the saver's name. */
static sm_status save_registered(void *ctx, sm_bundle_writer *writer, const char *file_prefix,
                                 const sm_registered_object *objects, size_t n_objects, sm_error *e) {
  char key[512];
  sm_status status = SM_OK;
  (void)file_prefix;
  for (size_t i = 0; i < n_objects && status == SM_OK; i++) {
    const sm_tensor_view view = {.dtype = SM_DT_FLOAT, .data = objects[i].object, .size = sizeof(float)};
    snprintf(key, sizeof key, "%s/%s", (const char *)ctx, objects[i].name);
    status = sm_bundle_writer_add(writer, key, &view, e);
  }
  return status;
}

static sm_status restore_registered(void *ctx, const sm_bundle_reader *reader, const char *file_prefix,
                                    const sm_registered_object *objects, size_t n_objects, sm_error *e) {
  char key[512];
  sm_status status = SM_OK;
  (void)file_prefix;
  for (size_t i = 0; i < n_objects && status == SM_OK; i++) {
    snprintf(key, sizeof key, "%s/%s", (const char *)ctx, objects[i].name);
    status = sm_bundle_reader_read(reader, key, NULL, objects[i].object, sizeof(float), e);
  }
  return status;
}

static const sm_registered_saver registered_savers[] = {
    {"Test.First", (void *)(uintptr_t) "Test.First", save_registered, restore_registered},
    {"Test.Second", (void *)(uintptr_t) "Test.Second", save_registered, restore_registered},
};

static void do_register(char **w) {
  float *value = &registered[n_registered++];
  *value = strtof(w[3], NULL);
  answer(sm_checkpoint_register(tree, atoi(w[1]), &registered_savers[*w[2] == '1'], value, &err));
}

static void do_registered(void) {
  printf("OK");
  for (size_t i = 0; i < n_registered; i++) printf("\t%g", (double)registered[i]);
}

static sm_restore_options policies(const char *text) {
  sm_restore_options options = SM_RESTORE_OPTIONS_INIT;
  if (strchr(text, 'm') != NULL) options.missing = SM_POLICY_SKIP;
  if (strchr(text, 'd') != NULL) options.mismatched = SM_POLICY_SKIP;
  options.refuse_unused = strchr(text, 'u') != NULL;
  options.reshape = strchr(text, 'r') != NULL;
  return options;
}

static void do_restore(char **w) {
  sm_restore_options options = policies(w[2]);
  sm_restore_report report;
  bool is_read = strcmp(w[0], "read") == 0;
  sm_status status = is_read ? sm_checkpoint_read(&report, tree, w[1], &options, &from, &err)
                             : sm_checkpoint_restore(&report, tree, w[1], &options, &from, &err);
  answer_report(status, &report);
}

/* The tree may still read from the last one. */
static void do_archive(char **w) {
  free_tree();
  sm_fs_close(archive);
  archive = NULL;
  answer(*w[1] != '\0' ? sm_fs_archive_open(&archive, w[1], NULL, &err) : SM_OK);
  from.fs = archive;
}

static void do_write(char **w) {
  sm_saved saved;
  bool is_save = strcmp(w[0], "save_tree") == 0;
  answer_saved(is_save ? sm_checkpoint_save(&saved, tree, w[1], NULL, &err)
                       : sm_checkpoint_write(&saved, tree, w[1], NULL, &err),
               &saved);
}

static void do_values(void) {
  printf("OK\t%" PRId64, sm_checkpoint_get_save_counter(tree));
  for (size_t i = 0; i < n_bounds; i++) {
    const sm_binding *binding = &bounds[i]->binding;
    size_t n = binding->size / sm_dtype_size(binding->dtype);
    printf("\t%s %g %g", sm_status_name(binding->status), n == 0 ? 0 : element(binding, 0),
           n == 0 ? 0 : element(binding, n - 1));
  }
}

static void do_manager(char **w) {
  sm_manager_options options = SM_MANAGER_OPTIONS_INIT;
  sm_checkpoint_manager_close(manager);
  options.checkpoint_name = *w[2] != '\0' ? w[2] : NULL;
  options.max_to_keep = strtoull(w[3], NULL, 10);
  options.keep_every_n_hours = strtod(w[4], NULL);
  options.checkpoint_interval = strtoll(w[5], NULL, 10);
  options.step_counter = &step;
  options.clock.now = tell_time;
  answer(sm_checkpoint_manager_open(&manager, tree, w[1], &options, &err));
}

static void do_manage(char **w) {
  sm_saved saved;
  answer_saved(sm_checkpoint_manager_save(&saved, manager, strtoll(w[1], NULL, 10), *w[2] == '1', &err), &saved);
}

static void do_checkpoints(void) {
  const char *latest = sm_checkpoint_manager_get_latest(manager);
  printf("OK\t%s", latest != NULL ? latest : "");
  for (size_t i = 0; i < sm_checkpoint_manager_n_checkpoints(manager); i++)
    printf("\t%s", sm_checkpoint_manager_get_checkpoint(manager, i));
}

static void do_restore_latest(void) {
  const char *prefix;
  answer(sm_checkpoint_manager_restore_or_initialize(&prefix, manager, NULL, &err));
  printf("\t%s", prefix != NULL ? prefix : "");
}

static void do_state(char **w) {
  sm_checkpoint_state *state;
  sm_status status = sm_checkpoint_state_read(&state, w[1], *w[2] != '\0' ? w[2] : NULL, NULL, &err);
  answer(status);
  if (status != SM_OK) return;
  printf("\t%s\t%.17g", state->latest, state->last_preserved);
  for (size_t i = 0; i < state->n_paths; i++)
    printf("\t%s %.17g", state->paths[i], state->timestamps != NULL ? state->timestamps[i] : -1);
  sm_checkpoint_state_free(state);
}

static void do_latest(char **w) {
  char prefix[4096];
  answer(sm_latest_checkpoint(prefix, sizeof prefix, w[1], NULL, &err));
  printf("\t%s", prefix);
}

static void do_by_name(char **w) {
  bound *b = new_bound(w[2], w[3], w[4]);
  sm_restore_options options = policies(w[5]);
  sm_restore_report report;
  answer_report(sm_saver_restore(&report, w[1], &b->binding, 1, &options, &from, &err), &report);
  printf("\t%g", b->binding.size != 0 ? element(&b->binding, 0) : 0);
  free_bound(b);
}

static sm_status make_node(char **w, int32_t *node) {
  if (strcmp(w[0], "add") == 0) return sm_checkpoint_add(node, tree, atoi(w[1]), w[2], &err);
  if (strcmp(w[0], "slot") == 0) return sm_checkpoint_add_slot(node, tree, atoi(w[1]), atoi(w[2]), w[3], &err);
  *node = atoi(w[3]);
  return sm_checkpoint_link(tree, atoi(w[1]), w[2], *node, &err);
}

static void do_node(char **w) {
  int32_t node = -1;
  sm_status status = make_node(w, &node);
  answer(status);
  if (status == SM_OK) printf("\t%d", (int)node);
}

static void do_tree(void) {
  free_tree();
  answer(sm_checkpoint_new(&tree, NULL, &err));
}

static bool is_one_of(const char *word, const char *words) {
  const char *found = strstr(words, word);
  return found != NULL && (found == words || found[-1] == ' ') && strchr(" ", found[strlen(word)]) != NULL;
}

static void run(char **w) {
  if (is_one_of(w[0], "clock"))
    now = strtod(w[1], NULL), printf("OK");
  else if (is_one_of(w[0], "step"))
    step = strtoll(w[1], NULL, 10), printf("OK");
  else if (is_one_of(w[0], "fill"))
    fill(&bounds[atoi(w[1])]->binding, strtod(w[2], NULL)), printf("OK");
  else if (is_one_of(w[0], "saver"))
    do_saver(w);
  else if (is_one_of(w[0], "save"))
    do_save(w);
  else if (is_one_of(w[0], "tree"))
    do_tree();
  else if (is_one_of(w[0], "add link slot"))
    do_node(w);
  else if (is_one_of(w[0], "bind"))
    do_bind(w);
  else if (is_one_of(w[0], "archive"))
    do_archive(w);
  else if (is_one_of(w[0], "register"))
    do_register(w);
  else if (is_one_of(w[0], "registered"))
    do_registered();
  else if (is_one_of(w[0], "write save_tree"))
    do_write(w);
  else if (is_one_of(w[0], "restore read"))
    do_restore(w);
  else if (is_one_of(w[0], "check"))
    answer(sm_checkpoint_check_match(tree, (sm_match)atoi(w[1]), NULL, NULL, &err));
  else if (is_one_of(w[0], "values"))
    do_values();
  else if (is_one_of(w[0], "manager"))
    do_manager(w);
  else if (is_one_of(w[0], "manage"))
    do_manage(w);
  else if (is_one_of(w[0], "checkpoints"))
    do_checkpoints();
  else if (is_one_of(w[0], "restore_latest"))
    do_restore_latest();
  else if (is_one_of(w[0], "state"))
    do_state(w);
  else if (is_one_of(w[0], "latest"))
    do_latest(w);
  else if (is_one_of(w[0], "by_name"))
    do_by_name(w);
  else
    printf("no such command: %s", w[0]);
}

int main(void) {
  static char line[1 << 16];
  static char empty[] = "";
  while (fgets(line, sizeof line, stdin) != NULL) {
    char *words[MAX_WORDS];
    size_t n = 0;
    line[strcspn(line, "\n")] = '\0';
    for (char *p = line; p != NULL && n < MAX_WORDS;) {
      words[n++] = p;
      p = strchr(p, '\t');
      if (p != NULL) *p++ = '\0';
    }
    while (n < MAX_WORDS) words[n++] = empty;
    run(words);
    printf("\n");
    fflush(stdout);
  }
  free_tree();
  sm_saver_close(saver);
  sm_fs_close(archive);
  return 0;
}
