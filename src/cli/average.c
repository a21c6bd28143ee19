/*
 * savedmodel checkpoint average: the mean of every floating-point and complex number, computed in doubles. Whatever is counted
 * and not measured, such as steps, strings and the object graph, is that of the last source, as OpenNMT-tf's
 * average_checkpoints and tensor2tensor's avg_checkpoints take the newest step.
 */
#include <math.h>
#include <stdlib.h>

#include "cli/element.h"
#include "cli/failure.h"
#include "cli/float_bits.h"
#include "cli/json.h"
#include "cli/surgery.h"
#include "cli/tensor_blocks.h"
#include "cli/tensor_compare.h"

typedef struct averaging {
  surgery *the;
  sm_bundle_writer *out;
  tensor_blocks *blocks; /* one for each source */
  const void **data;     /* their present blocks */
  double *sums;          /* of a block; complex numbers have two */
  char *bytes;           /* of its means */
  bool *differs;         /* by item of the last source: taken from it, and others have another value */
  size_t n_averaged;
  progress shown;
} averaging;

static surgery_plan *last_plan(const averaging *a) { return &a->the->plans[a->the->n_src - 1]; }

static bool is_averaged(sm_dtype dtype) {
  element_class kind = element_class_of(dtype);
  return kind == ELEMENT_FLOAT || kind == ELEMENT_SMALL_FLOAT || kind == ELEMENT_COMPLEX;
}

/* ---- Are they of one kind ---- */

static sm_status find_same(sm_bundle_entry *out, const averaging *a, size_t source, const sm_bundle_entry *like,
                           sm_error *err) {
  const surgery_plan *plan = &a->the->plans[source];
  const int shown = like->key.size < 200 ? (int)like->key.size : 200;
  if (surgery_plan_find(plan, like->key) == SIZE_MAX)
    return failure(err, SM_INVALID_ARGUMENT, "%.*s: is in %s, not in %s", shown, like->key.data, last_plan(a)->path,
                   plan->path);
  SM_TRY(sm_bundle_reader_find_n(out, plan->in.reader, like->key, err));
  if (tensor_has_form_of(out, like)) return SM_OK;
  return failure(err, SM_INVALID_ARGUMENT, "%.*s: has another dtype or shape in %s than in %s", shown, like->key.data,
                 plan->path, last_plan(a)->path);
}

/* Every key of a source is in the last one; the other way round shows when they are averaged. */
static sm_status check_keys(const averaging *a, sm_error *err) {
  const surgery_plan *last = last_plan(a);
  for (size_t s = 0; s + 1 < a->the->n_src; s++) {
    const surgery_plan *plan = &a->the->plans[s];
    for (size_t i = 0; i < plan->in.n; i++) {
      sm_string key = plan->by_name[i]->name;
      if (surgery_plan_find(last, key) == SIZE_MAX)
        return failure(err, SM_INVALID_ARGUMENT, "%.*s: is in %s, not in %s", key.size < 200 ? (int)key.size : 200,
                       key.data, plan->path, last->path);
    }
  }
  return SM_OK;
}

/* ---- Means ---- */

static sm_status add_block(averaging *a, sm_dtype dtype, size_t *n, sm_error *err) {
  const size_t parts = element_class_of(dtype) == ELEMENT_COMPLEX ? 2 : 1;
  for (size_t s = 0; s < a->the->n_src; s++) {
    SM_TRY(tensor_blocks_next(&a->data[s], n, &a->blocks[s], err));
    for (size_t i = 0; s == 0 && i < *n * parts; i++) a->sums[i] = 0;
    if (*n != 0) float_bits_add(a->sums, dtype, a->data[s], *n * parts);
  }
  return SM_OK;
}

/* The mean of number i of the block, whose sum is no double: of doubles it may be one all the same. */
static double mean_of_large(const averaging *a, sm_dtype dtype, size_t i) {
  const bool is_double = dtype == SM_DT_DOUBLE || dtype == SM_DT_COMPLEX128;
  double mean = 0;
  for (size_t s = 0; s < a->the->n_src && is_double; s++)
    mean += element_float(SM_DT_DOUBLE, (const char *)a->data[s] + i * sizeof mean) / (double)a->the->n_src;
  return is_double ? mean : a->sums[i];
}

static sm_status average_blocks(averaging *a, sm_dtype dtype, sm_error *err) {
  const size_t parts = element_class_of(dtype) == ELEMENT_COMPLEX ? 2 : 1;
  const double n_sources = (double)a->the->n_src;
  for (;;) {
    size_t n;
    SM_TRY(add_block(a, dtype, &n, err));
    if (n == 0) return SM_OK;
    for (size_t i = 0; i < n * parts; i++)
      a->sums[i] = isinf(a->sums[i]) ? mean_of_large(a, dtype, i) : a->sums[i] / n_sources;
    float_bits_put(a->bytes, dtype, a->sums, n * parts);
    SM_TRY(sm_bundle_writer_append(a->out, a->bytes, n * sm_dtype_size(dtype), err));
  }
}

static sm_status average_tensor(averaging *a, const sm_bundle_entry *entry, sm_error *err) {
  size_t n_open = 0;
  sm_status status = sm_bundle_writer_begin_n(a->out, entry->key, entry->dtype, entry->dims, entry->rank, err);
  while (n_open < a->the->n_src && status == SM_OK) {
    const surgery_plan *plan = &a->the->plans[n_open];
    sm_bundle_entry same;
    status = find_same(&same, a, n_open, entry, err);
    if (status == SM_OK)
      status = tensor_blocks_open(&a->blocks[n_open], plan->in.reader, &same, plan->storage.fs, err);
    else
      a->blocks[n_open] = (tensor_blocks){.tensor = NULL};
    n_open++;
  }
  if (status == SM_OK) status = average_blocks(a, entry->dtype, err);
  for (size_t s = 0; s < n_open; s++) tensor_blocks_close(&a->blocks[s]);
  a->n_averaged++;
  return status;
}

/* ---- What is taken as it is ---- */

static sm_status take_tensor(averaging *a, size_t item, const sm_bundle_entry *entry, sm_error *err) {
  const surgery_plan *last = last_plan(a);
  bool is_graph = last->graph != NULL && item == last->graph_item;
  for (size_t s = 0; s + 1 < a->the->n_src && !a->differs[item]; s++) {
    sm_bundle_entry same;
    tensor_difference difference;
    SM_TRY(find_same(&same, a, s, entry, err));
    if (is_graph) continue; /* TensorFlow writes it in another order each time */
    const tensor_place x = {a->the->plans[s].in.reader, a->the->plans[s].storage.fs, &same};
    SM_TRY(tensor_compare(&difference, &x, &(tensor_place){last->in.reader, last->storage.fs, entry}, err));
    a->differs[item] = difference.n_different != 0;
  }
  return sm_bundle_writer_copy(a->out, NULL, last->in.reader, entry, err);
}

/* ---- All ---- */

static sm_status average_all(averaging *a, sm_error *err) {
  const surgery_plan *last = last_plan(a);
  SM_TRY(check_keys(a, err));
  for (size_t i = 0; i < last->in.n; i++) {
    sm_bundle_entry entry;
    SM_TRY(sm_bundle_reader_find_n(&entry, last->in.reader, last->in.items[i].name, err));
    SM_TRY(is_averaged(entry.dtype) ? average_tensor(a, &entry, err) : take_tensor(a, i, &entry, err));
    progress_add(&a->shown, entry.size);
  }
  return SM_OK;
}

static void report(const averaging *a) {
  const surgery_plan *last = last_plan(a);
  json out = {.depth = 0};
  json_begin_object(&out, NULL);
  json_uint(&out, "averaged", a->n_averaged);
  json_string(&out, "command", "average");
  json_begin_list(&out, "differing"); /* taken from the last source, where others have another value */
  for (size_t i = 0; i < last->in.n; i++) {
    const tensor_item *item = last->by_name[i];
    if (a->differs[item - last->in.items]) json_bytes(&out, NULL, item->name.data, item->name.size);
  }
  json_end_list(&out);
  json_string(&out, "dst", a->the->dst);
  json_string(&out, "format", "savedmodel/1");
  json_begin_list(&out, "sources");
  for (size_t s = 0; s < a->the->n_src; s++) json_string(&out, NULL, a->the->plans[s].path);
  json_end_list(&out);
  json_uint(&out, "taken", last->in.n - a->n_averaged);
  json_uint(&out, "tensors", last->in.n);
  json_end_object(&out);
  json_finish(&out);
}

static int run(averaging *a) {
  sm_error err;
  sm_status status = sm_bundle_writer_open(&a->out, a->the->dst, &a->the->options, &err);
  progress_begin(&a->shown, "averaged");
  if (status == SM_OK) status = surgery_finish(a->out, average_all(a, &err), &err);
  progress_end(&a->shown);
  if (status != SM_OK) return cli_fail_status(&err);
  if (a->the->args->values[CLI_json] != NULL) report(a);
  return CLI_OK;
}

int surgery_average(surgery *the) {
  const size_t largest = 16; /* bytes of an element */
  averaging a = {.the = the};
  a.blocks = calloc(the->n_src, sizeof *a.blocks);
  a.data = calloc(the->n_src, sizeof *a.data);
  a.sums = malloc(2 * MAX_BLOCK_ELEMENTS * sizeof *a.sums);
  a.bytes = malloc(MAX_BLOCK_ELEMENTS * largest);
  a.differs = calloc(last_plan(&a)->in.n + 1, sizeof *a.differs);
  bool has_memory = a.blocks != NULL && a.data != NULL && a.sums != NULL && a.bytes != NULL && a.differs != NULL;
  int code = has_memory ? run(&a) : cli_fail("out of memory");
  free(a.blocks);
  free((void *)a.data);
  free(a.sums);
  free(a.bytes);
  free(a.differs);
  return code;
}
