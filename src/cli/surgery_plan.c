#include "cli/surgery_plan.h"

#include <stdlib.h>
#include <string.h>

#include "cli/failure.h"
#include "cli/text_buffer.h"

/* ---- Open, close ---- */

static int compare_names(const void *a, const void *b) {
  return text_compare((*(const tensor_item *const *)a)->name, (*(const tensor_item *const *)b)->name);
}

static sm_status make_lists(surgery_plan *plan, sm_error *err) {
  size_t n = plan->in.n;
  plan->fates = calloc(n + 1, sizeof *plan->fates);
  plan->by_name = calloc(n + 1, sizeof *plan->by_name);
  if (plan->fates == NULL || plan->by_name == NULL) return failure_no_memory(err);
  for (size_t i = 0; i < n; i++) plan->by_name[i] = &plan->in.items[i];
  qsort(plan->by_name, n, sizeof *plan->by_name, compare_names);
  return SM_OK;
}

static sm_status mark_key(void *ctx, sm_string *key, sm_error *err) {
  surgery_plan *plan = ctx;
  size_t item = surgery_plan_find(plan, *key);
  (void)err;
  if (item != SIZE_MAX) plan->fates[item].is_of_object = true;
  return SM_OK;
}

/* A scalar string under the key of the object graph is one; anything else there is a tensor as any. The string stays until
 * the graph is closed: nothing else is read through plan->in. */
static sm_status read_graph(surgery_plan *plan, sm_error *err) {
  static const char key[] = SM_KEY_OBJECT_GRAPH;
  sm_tensor_view view;
  plan->graph_item = surgery_plan_find(plan, (sm_string){key, sizeof key - 1});
  if (plan->graph_item == SIZE_MAX) return SM_OK;
  const tensor_item *item = &plan->in.items[plan->graph_item];
  if (item->dtype != SM_DT_STRING || item->rank != 0) return SM_OK;
  SM_TRY(tensor_source_read(&view, &plan->in, plan->graph_item, err));
  SM_TRY(sm_trackable_graph_read(&plan->graph, *(const sm_string *)view.data, NULL, err));
  return sm_trackable_graph_map_keys(plan->graph, mark_key, plan, err);
}

int surgery_plan_open(surgery_plan *out, const cli_args *args, const char *path) {
  sm_error err;
  cli_args own = *args;
  *out = (surgery_plan){.path = path};
  own.storage = &out->storage;
  if (tensor_form_of(path) != FORM_CHECKPOINT)
    return cli_fail("%s is no checkpoint; savedmodel convert makes one", path);
  int code = tensor_source_open(&out->in, &own, path);
  if (code != CLI_OK) return code;
  sm_status status = tensor_source_list(&out->in, false, &err);
  if (status == SM_OK) status = make_lists(out, &err);
  if (status == SM_OK) status = read_graph(out, &err);
  return status == SM_OK ? CLI_OK : cli_fail_status(&err);
}

void surgery_plan_close(surgery_plan *plan) {
  sm_trackable_graph_free(plan->graph);
  for (size_t i = 0; plan->fates != NULL && i < plan->in.n; i++) free(plan->fates[i].new_key);
  free(plan->fates);
  free(plan->by_name);
  tensor_source_close(&plan->in);
  cli_storage_close(&plan->storage);
}

/* ---- Finding ---- */

size_t surgery_plan_lower_bound(const surgery_plan *plan, sm_string key) {
  size_t begin = 0, end = plan->in.n;
  while (begin < end) {
    size_t middle = begin + (end - begin) / 2;
    if (text_compare(plan->by_name[middle]->name, key) < 0)
      begin = middle + 1;
    else
      end = middle;
  }
  return begin;
}

size_t surgery_plan_find(const surgery_plan *plan, sm_string key) {
  size_t at = surgery_plan_lower_bound(plan, key);
  if (at == plan->in.n || text_compare(plan->by_name[at]->name, key) != 0) return SIZE_MAX;
  return (size_t)(plan->by_name[at] - plan->in.items);
}

/* ---- Deciding ---- */

void surgery_plan_drop(surgery_plan *plan, size_t item) {
  plan->n_dropped += !plan->fates[item].is_dropped;
  plan->fates[item].is_dropped = true;
}

sm_status surgery_plan_rename(surgery_plan *plan, size_t item, sm_string new_key, sm_error *err) {
  tensor_fate *fate = &plan->fates[item];
  if (plan->graph != NULL && item == plan->graph_item)
    return failure(err, SM_INVALID_ARGUMENT, "%s: the object graph has to keep its key", SM_KEY_OBJECT_GRAPH);
  if (fate->new_key != NULL)
    return failure(err, SM_INVALID_ARGUMENT, "%s: is to get two other keys", plan->in.items[item].name.data);
  fate->new_key = malloc(new_key.size + 1);
  if (fate->new_key == NULL) return failure_no_memory(err);
  memcpy(fate->new_key, new_key.data, new_key.size);
  fate->new_key[new_key.size] = '\0';
  plan->n_renamed++;
  return SM_OK;
}

static sm_status update_key(void *ctx, sm_string *key, sm_error *err) {
  surgery_plan *plan = ctx;
  size_t item = surgery_plan_find(plan, *key);
  (void)err;
  if (item == SIZE_MAX) return SM_OK;
  const tensor_fate *fate = &plan->fates[item];
  if (!fate->is_dropped && fate->new_key == NULL) return SM_OK;
  *key = fate->is_dropped ? (sm_string){NULL, 0} : (sm_string){fate->new_key, strlen(fate->new_key)};
  plan->is_graph_changed = true;
  return SM_OK;
}

sm_status surgery_plan_update_graph(surgery_plan *plan, sm_error *err) {
  return plan->graph != NULL ? sm_trackable_graph_map_keys(plan->graph, update_key, plan, err) : SM_OK;
}

/* What had an object and has none any more was an optimizer's. */
sm_status surgery_plan_drop_optimizers(surgery_plan *plan, sm_error *err) {
  size_t n_optimizers;
  if (plan->graph == NULL) return SM_OK;
  bool *was_of_object = malloc(plan->in.n * sizeof *was_of_object);
  if (was_of_object == NULL) return failure_no_memory(err);
  for (size_t i = 0; i < plan->in.n; i++) {
    was_of_object[i] = plan->fates[i].is_of_object;
    plan->fates[i].is_of_object = false;
  }
  sm_status status = sm_trackable_graph_drop_optimizers(&n_optimizers, plan->graph, err);
  if (status == SM_OK) status = sm_trackable_graph_map_keys(plan->graph, mark_key, plan, err);
  if (status == SM_OK && n_optimizers != 0) plan->is_graph_changed = true;
  for (size_t i = 0; i < plan->in.n && status == SM_OK; i++)
    if (was_of_object[i] && !plan->fates[i].is_of_object) surgery_plan_drop(plan, i);
  free(was_of_object);
  return status;
}

/* ---- Writing ---- */

sm_status surgery_plan_write(surgery_plan *plan, sm_bundle_writer *out, bool may_link, bool big_endian, progress *shown,
                             sm_error *err) {
  const sm_bundle_header *header = sm_bundle_reader_get_header(plan->in.reader);
  bool links = may_link && header->format == 2 && header->big_endian == big_endian;
  sm_bundle_entry entry;
  for (size_t i = 0; i < plan->in.n; i++) {
    const tensor_fate *fate = &plan->fates[i];
    if (fate->is_dropped || (i == plan->graph_item && plan->is_graph_changed)) continue;
    SM_TRY(sm_bundle_reader_find_n(&entry, plan->in.reader, plan->in.items[i].name, err));
    SM_TRY(links ? sm_bundle_writer_link(out, fate->new_key, plan->in.reader, &entry, err)
                 : sm_bundle_writer_copy(out, fate->new_key, plan->in.reader, &entry, err));
    progress_add(shown, entry.size);
  }
  return SM_OK;
}

sm_status surgery_plan_write_graph(surgery_plan *plan, sm_bundle_writer *out, sm_error *err) {
  sm_string bytes;
  if (plan->graph == NULL || !plan->is_graph_changed || plan->fates[plan->graph_item].is_dropped) return SM_OK;
  SM_TRY(sm_trackable_graph_write(&bytes, plan->graph, err));
  const sm_tensor_view view = {.dtype = SM_DT_STRING, .data = &bytes, .size = sizeof bytes};
  return sm_bundle_writer_add(out, SM_KEY_OBJECT_GRAPH, &view, err);
}
