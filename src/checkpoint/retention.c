/* Which checkpoints go when there are too many: the oldest, but one for all so many hours, and the best. The first two
 * are those of python/checkpoint/checkpoint_management.py, CheckpointManager._sweep. */
#include <math.h>

#include <savedmodel/checkpoint.h>

#include "checkpoint/checkpoint_internal.h"

static bool is_next(const sm_recent_item *item, const char *next) {
  return next != NULL && strcmp(item->prefix, next) == 0;
}

/* How many are too many, next included. */
static size_t count_surplus(const sm_recent *recent, size_t max_to_keep, const char *next) {
  size_t n = recent->n;
  bool is_new = next != NULL;
  for (size_t i = 0; i < recent->n && is_new; i++) is_new = !is_next(&recent->items[i], next);
  n += is_new;
  return max_to_keep != 0 && n > max_to_keep ? n - max_to_keep : 0;
}

/* The oldest ones go, or stay for good if enough time went by since the last one that did. */
static void decide_by_age(sm_retention *retention, sm_recent *recent, const char *next) {
  size_t n_left = count_surplus(recent, retention->max_to_keep, next);
  for (size_t i = 0; i < recent->n; i++) {
    sm_recent_item *item = &recent->items[i];
    item->fate = SM_FATE_STAYS;
    if (n_left == 0 || is_next(item, next)) continue;
    n_left--;
    item->fate = SM_FATE_IS_REMOVED;
    if (retention->keep_every == 0 || !(item->timestamp - retention->keep_every >= retention->last_preserved)) continue;
    item->fate = SM_FATE_IS_KEPT;
    retention->last_preserved = item->timestamp;
  }
}

/* Of equal ones the newer, which lies behind. */
static bool is_better(const void *a, const void *b) {
  const sm_recent_item *left = *(sm_recent_item *const *)a, *right = *(sm_recent_item *const *)b;
  return left->score != right->score ? left->score > right->score : left > right;
}

static sm_status spare_best(sm_recent *recent, size_t keep_best, sm_error *err) {
  size_t size = recent->n * sizeof(sm_recent_item *), n = 0; /* less than the items have */
  if (size == 0) return SM_OK;
  sm_recent_item **scored = sm_alloc(recent->allocator, size);
  if (scored == NULL) return SM_FAIL_OOM(err, size);
  for (size_t i = 0; i < recent->n; i++)
    if (recent->items[i].fate == SM_FATE_IS_REMOVED && !isnan(recent->items[i].score)) scored[n++] = &recent->items[i];
  sm_sort(scored, n, sizeof *scored, is_better);
  for (size_t i = 0; i < n && i < keep_best; i++) scored[i]->fate = SM_FATE_STAYS;
  sm_free(recent->allocator, scored);
  return SM_OK;
}

sm_status sm_retention_decide(sm_retention *retention, sm_recent *recent, const char *next, sm_error *err) {
  decide_by_age(retention, recent, next);
  return retention->keep_best != 0 ? spare_best(recent, retention->keep_best, err) : SM_OK;
}

/* ---- Scores ---- */

static sm_status read_score(double *score, const sm_bundle_reader *reader, sm_error *err) {
  sm_bundle_entry entry;
  double value;
  SM_TRY(sm_bundle_reader_find(&entry, reader, SM_KEY_CHECKPOINT_SCORE, err));
  if (entry.dtype != SM_DT_DOUBLE || entry.rank != 0) return SM_OK;
  SM_TRY(sm_bundle_reader_read_entry(reader, &entry, NULL, &value, sizeof value, err));
  *score = value;
  return SM_OK;
}

sm_status sm_checkpoint_read_score(double *score, const char *prefix, const sm_open_options *options, sm_error *err) {
  sm_bundle_reader *reader;
  *score = NAN;
  sm_status status = sm_bundle_reader_open(&reader, prefix, options, err);
  if (status == SM_OK) {
    status = read_score(score, reader, err);
    sm_bundle_reader_close(reader);
  }
  bool has_none = status == SM_NOT_FOUND || status == SM_DATA_LOSS || status == SM_FAILED_PRECONDITION;
  return has_none ? SM_OK : status;
}
