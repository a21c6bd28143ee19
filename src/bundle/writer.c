#include "bundle/writer_internal.h"

/* Buffers of all data files together. */
enum { BUFFERS_SIZE = 1 << 23, MAX_BUFFER_SIZE = 1 << 20, MIN_BUFFER_SIZE = 1 << 14 };

/* Producer and consumer versions. Source: core/util/tensor_bundle/tensor_bundle.h, kTensorBundleVersion and MinConsumer. */
enum { PRODUCER = 1, MIN_CONSUMER = 0 };

/* ---- Beginning and ending calls ---- */

sm_status sm_writer_leave(sm_bundle_writer *writer, sm_status status, const sm_error *failure, sm_error *err) {
  if (status == SM_OK) return SM_OK;
  writer->failed = status;
  writer->failure = *failure;
  if (err != NULL) *err = *failure;
  return status;
}

sm_status sm_writer_enter(sm_bundle_writer *writer, sm_error *err) {
  if (writer->failed == SM_OK && writer->is_pending) {
    sm_error failure;
    const sm_index_entry *entry = &writer->index.entries[writer->pending];
    sm_status status =
        SM_FAIL(&failure, SM_INVALID_ARGUMENT, "%s: %llu bytes are missing",
                sm_key_text_of((sm_string){entry->bytes, entry->key_size}).text, (unsigned long long)writer->missing);
    return sm_writer_leave(writer, status, &failure, err);
  }
  if (writer->failed != SM_OK) {
    if (err != NULL) *err = writer->failure;
    return writer->failed;
  }
  if (writer->is_finished) return SM_FAIL(err, SM_FAILED_PRECONDITION, "%s: was finished before", writer->base);
  return SM_OK;
}

/* ---- Data files ---- */

static sm_status make_room(sm_bundle_writer *writer, sm_error *err) {
  if (writer->n_shards < writer->shards_capacity) return SM_OK;
  int32_t capacity = writer->shards_capacity == 0 ? 8 : 2 * writer->shards_capacity;
  if (capacity > 2 * MAX_SHARDS) return SM_FAIL(err, SM_RESOURCE_EXHAUSTED, "more than %d data files", (int)MAX_SHARDS);
  size_t size = (size_t)capacity * sizeof *writer->shards;
  sm_writer_shard *shards = sm_realloc(writer->allocator, writer->shards, size);
  if (shards == NULL) return SM_FAIL_OOM(err, size);
  writer->shards = shards;
  writer->shards_capacity = capacity;
  return SM_OK;
}

sm_status sm_writer_open_shard(sm_bundle_writer *writer, uint8_t *buffer, bool is_alone, sm_error *err) {
  char name[SM_PATH_MAX];
  SM_TRY(make_room(writer, err));
  if (!sm_staged_shard_name(name, sizeof name, &writer->staging, writer->n_shards))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: the name is too long", writer->base);
  sm_writer_shard *shard = &writer->shards[writer->n_shards];
  *shard = (sm_writer_shard){.is_alone = is_alone};
  SM_TRY(
      sm_shard_out_open(&shard->out, writer->options.fs, writer->staging.dir, name, buffer, writer->buffer_size, err));
  writer->n_shards++;
  return SM_OK;
}

sm_status sm_writer_link_shard(int32_t *number, sm_bundle_writer *writer, const sm_bundle_reader *reader, int32_t shard,
                               sm_error *err) {
  for (int32_t i = writer->n_shards; i-- > 0;) { /* tensors come in the order of files, mostly */
    if (writer->shards[i].linked != reader || writer->shards[i].linked_shard != shard) continue;
    *number = i;
    return SM_OK;
  }
  SM_TRY(make_room(writer, err));
  *number = writer->n_shards++;
  writer->shards[*number] = (sm_writer_shard){.linked = reader, .linked_shard = shard};
  return sm_shard_stage(&writer->staging, *number, reader, shard, writer->options.no_sync, &writer->scratch, err);
}

/* ---- Open, close ---- */

static sm_status make_buffers(sm_bundle_writer *writer, sm_error *err) {
  size_t n = writer->cutter.max_size != 0 ? 2 : writer->options.n_shards, size = BUFFERS_SIZE / n, total;
  if (size > MAX_BUFFER_SIZE) size = MAX_BUFFER_SIZE;
  if (size < MIN_BUFFER_SIZE) size = MIN_BUFFER_SIZE;
  if (!sm_mul_size(n, size, &total) || !sm_add_size(total, SM_SCRATCH_SIZE, &total)) return SM_FAIL_OOM(err, SIZE_MAX);
  writer->buffers = sm_alloc(writer->allocator, total);
  if (writer->buffers == NULL) return SM_FAIL_OOM(err, total);
  writer->buffer_size = size;
  writer->encoder = (sm_encoder){writer->options.big_endian, writer->buffers + n * size};
  return SM_OK;
}

sm_status sm_writer_open_own(sm_bundle_writer *writer, sm_error *err) {
  for (uint32_t i = 0; i < writer->options.n_shards; i++)
    SM_TRY(sm_writer_open_shard(writer, writer->buffers + i * writer->buffer_size, false, err));
  writer->has_own = true;
  return SM_OK;
}

static sm_status check_shards(const sm_bundle_writer *writer, sm_error *err) {
  if (writer->options.n_shards > MAX_SHARDS)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "sm_save_options.n_shards is %u, the limit is %d",
                   (unsigned)writer->options.n_shards, (int)MAX_SHARDS);
  return SM_OK;
}

static sm_status open_staging(sm_bundle_writer *writer, const char *prefix, sm_error *err) {
  char dir[SM_PATH_MAX];
  const char *base;
  if (!sm_prefix_split(dir, sizeof dir, &base, prefix))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: the path is longer than %d bytes", prefix, SM_PATH_MAX - 1);
  size_t size = strlen(base) + 1;
  writer->base = sm_alloc(writer->allocator, size);
  if (writer->base == NULL) return SM_FAIL_OOM(err, size);
  memcpy(writer->base, base, size);
  SM_TRY(sm_staging_open(&writer->staging, writer->options.fs, dir, writer->base, err));
  return writer->options.overwrite ? SM_OK : sm_commit_check(&writer->staging, err);
}

sm_status sm_bundle_writer_open(sm_bundle_writer **out, const char *prefix, const sm_save_options *options,
                                sm_error *err) {
  sm_save_options known;
  *out = NULL;
  SM_TRY(sm_save_options_read(&known, options, err));
  sm_bundle_writer *writer = sm_new(known.allocator, sm_bundle_writer);
  if (writer == NULL) return SM_FAIL_OOM(err, sizeof *writer);
  writer->allocator = known.allocator;
  writer->options = known;
  writer->current = -1;
  if (known.max_shard_size != 0) sm_cutter_init(&writer->cutter, known.max_shard_size);
  sm_index_init(&writer->index, known.allocator);
  sm_buffer_init(&writer->key, known.allocator, UINT64_MAX);
  sm_buffer_init(&writer->scratch, known.allocator, UINT64_MAX);
  sm_status status = open_staging(writer, prefix, err);
  if (status == SM_OK) status = check_shards(writer, err);
  if (status == SM_OK) status = make_buffers(writer, err);
  if (status == SM_OK)
    *out = writer;
  else
    sm_bundle_writer_close(writer);
  return status;
}

void sm_bundle_writer_close(sm_bundle_writer *writer) {
  if (writer == NULL) return;
  for (int32_t i = 0; i < writer->n_shards; i++) sm_shard_out_close(&writer->shards[i].out);
  sm_commit_remove_staged(&writer->staging, writer->n_shards);
  sm_staging_close(&writer->staging, !writer->is_finished);
  const sm_allocator *allocator = writer->allocator;
  sm_index_free(&writer->index);
  sm_buffer_free(&writer->key);
  sm_buffer_free(&writer->scratch);
  if (writer->shards != NULL) sm_free(allocator, writer->shards);
  if (writer->buffers != NULL) sm_free(allocator, writer->buffers);
  if (writer->base != NULL) sm_free(allocator, writer->base);
  sm_free(allocator, writer);
}

/* ---- Finishing ---- */

typedef struct index_source {
  sm_bundle_writer *writer;
  const int32_t *shard_ids;
} index_source;

static sm_status write_index(void *ctx, int32_t n_shards, sm_table_sink sink, sm_error *err) {
  const index_source *source = ctx;
  sm_index_header header = {.n_shards = n_shards,
                            .big_endian = source->writer->options.big_endian,
                            .producer = PRODUCER,
                            .min_consumer = MIN_CONSUMER};
  return sm_index_write(&source->writer->index, &header, source->shard_ids, sink, err);
}

/* Data files that stand alone come behind the others: *ids tells what numbers become, NULL when they stay. */
static sm_status order_shards(int32_t **ids, sm_bundle_writer *writer, sm_error *err) {
  int32_t n = 0, n_alone = 0;
  *ids = NULL;
  for (int32_t i = 0; i < writer->n_shards; i++) n_alone += writer->shards[i].is_alone;
  if (n_alone == 0) return SM_OK;
  size_t size = (size_t)writer->n_shards * sizeof **ids;
  *ids = sm_alloc(writer->allocator, size);
  if (*ids == NULL) return SM_FAIL_OOM(err, size);
  for (int alone = 0; alone < 2; alone++)
    for (int32_t i = 0; i < writer->n_shards; i++)
      if (writer->shards[i].is_alone == (alone != 0)) (*ids)[i] = n++;
  return SM_OK;
}

typedef struct finish_task {
  sm_bundle_writer *writer;
  sm_mutex lock;
  sm_status status; /* of the first that failed */
  sm_error *err;
} finish_task;

/* Syncing is waiting, which several files can do at once. */
static void finish_shard(void *ctx, size_t number) {
  finish_task *task = ctx;
  sm_shard_out *shard = &task->writer->shards[number].out;
  sm_error failure;
  if (!shard->is_open) return;
  sm_status status = sm_shard_out_finish(shard, task->writer->options.no_sync, &failure);
  if (status == SM_OK) return;
  sm_mutex_lock(&task->lock);
  if (task->status == SM_OK) {
    task->status = status;
    *task->err = failure;
  }
  sm_mutex_unlock(&task->lock);
}

/* A checkpoint without tensors has data files all the same. */
static sm_status open_first(sm_bundle_writer *writer, sm_error *err) {
  return writer->cutter.max_size != 0 ? sm_writer_open_shard(writer, writer->buffers, false, err)
                                      : sm_writer_open_own(writer, err);
}

static sm_status finish_shards(sm_bundle_writer *writer, sm_error *err) {
  const sm_save_options *options = &writer->options;
  finish_task task = {.writer = writer, .err = err};
  if (writer->n_shards == 0) SM_TRY(open_first(writer, err));
  if (!sm_mutex_init(&task.lock)) return SM_FAIL(err, SM_RESOURCE_EXHAUSTED, "no mutex to be had");
  sm_parallel_for(options->executor, options->n_threads, (size_t)writer->n_shards, finish_shard, &task);
  sm_mutex_destroy(&task.lock);
  return task.status;
}

static sm_status finish(sm_bundle_writer *writer, sm_error *err) {
  int32_t *ids;
  SM_TRY(finish_shards(writer, err));
  SM_TRY(order_shards(&ids, writer, err));
  index_source source = {writer, ids};
  sm_commit commit = {.staging = &writer->staging,
                      .n_shards = writer->n_shards,
                      .shard_ids = ids,
                      .overwrite = writer->options.overwrite,
                      .no_sync = writer->options.no_sync,
                      .write_index = write_index,
                      .ctx = &source};
  sm_status status = sm_commit_run(&commit, err);
  if (ids != NULL) sm_free(writer->allocator, ids);
  return status;
}

sm_status sm_bundle_writer_finish(sm_bundle_writer *writer, sm_error *err) {
  sm_error failure;
  SM_TRY(sm_writer_enter(writer, err));
  sm_status status = finish(writer, &failure);
  if (status == SM_OK) {
    writer->is_finished = true;
    sm_commit_remove_staged(&writer->staging, writer->n_shards);
    sm_staging_close(&writer->staging, false);
  }
  return sm_writer_leave(writer, status, &failure, err);
}
