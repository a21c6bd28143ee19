/*
 * Several checkpoints become one. Source: core/util/tensor_bundle/tensor_bundle.cc, MergeOneBundle and MergeBundles.
 *
 * Data files are numbered in the order in which entries first speak of them, part by part, keys in order; the entry of a
 * tensor that was saved in parts counts as one in data file 0 of its checkpoint. What TensorFlow does otherwise: it adds up
 * the numbers of data files that headers name, and so finds nothing any more when a part has a file without tensors.
 *
 * Until the merged index has its name the parts are whole: its data files are second names of theirs, or copies where a
 * file has one name only.
 */
#include "bundle/writer_internal.h"

typedef struct merge_part {
  sm_bundle_reader *reader;
  int32_t *ids; /* of each data file, in the merged checkpoint; -1: none yet */
} merge_part;

typedef struct merger {
  sm_save_options options;
  sm_staging staging;
  sm_index index;
  sm_index_header header;
  merge_part *parts;
  size_t n_parts;
  int32_t n_shards;
  sm_buffer scratch; /* for copies */
} merger;

/* ---- Data files ---- */

/* The number that a data file of a part has in the merged checkpoint. */
static sm_status number_shard(int32_t *out, merger *m, merge_part *part, int32_t shard, sm_error *err) {
  if (part->ids[shard] < 0) {
    if (m->n_shards == MAX_SHARDS)
      return SM_FAIL(err, SM_RESOURCE_EXHAUSTED, "more than %d data files", (int)MAX_SHARDS);
    int32_t number = m->n_shards;
    m->n_shards++;
    SM_TRY(sm_shard_stage(&m->staging, number, part->reader, shard, m->options.no_sync, &m->scratch, err));
    part->ids[shard] = number;
  }
  *out = part->ids[shard];
  return SM_OK;
}

/* ---- Entries ---- */

static sm_status refuse_twice(sm_status status, const merge_part *part, const sm_bundle_entry *entry, sm_error *err) {
  if (status != SM_ALREADY_EXISTS) return status;
  return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: %s: another part has a tensor of that name", part->reader->source.name,
                 sm_key_text_of(entry->key).text);
}

/* Adds the parts that a tensor was saved in to those of other checkpoints. */
static sm_status add_sliced(merger *m, merge_part *part, const sm_bundle_entry *entry, sm_error *err) {
  sm_extent extents[SM_MAX_RANK];
  sm_slice_spec slice = {extents, (size_t)entry->rank};
  uint64_t position = 0;
  int32_t shard = 0;
  bool is_new = sm_index_find(&m->index, entry->key) == NULL;
  SM_TRY(number_shard(&shard, m, part, 0, err));
  for (size_t i = 0; i < entry->n_slices; i++) {
    uint32_t number;
    SM_TRY(sm_bundle_entry_next_slice(extents, entry, &position, err));
    sm_status status = sm_index_add_part(&number, &m->index, entry->key, entry->dtype, entry->dims, &slice, err);
    SM_TRY(refuse_twice(status, part, entry, err));
    if (is_new) m->index.entries[number].place.shard = shard;
  }
  return SM_OK;
}

static sm_status add_entry(merger *m, merge_part *part, const sm_bundle_entry *entry, sm_error *err) {
  uint32_t number;
  int32_t shard = 0;
  if (entry->n_slices != 0) return add_sliced(m, part, entry, err);
  sm_status status = sm_index_add(&number, &m->index, entry->key, entry->dtype, entry->dims, entry->rank, err);
  SM_TRY(refuse_twice(status, part, entry, err));
  SM_TRY(number_shard(&shard, m, part, entry->shard, err));
  m->index.entries[number].place = (sm_place){shard, entry->crc32c, entry->offset, entry->size};
  return SM_OK;
}

static sm_status add_entries(merger *m, merge_part *part, sm_error *err) {
  const sm_bundle_reader *reader = part->reader;
  sm_table_iter iter;
  sm_bundle_entry entry;
  sm_table_iter_init(&iter, reader->index);
  sm_status status = sm_table_iter_seek(&iter, (sm_string){"", 0}, err);
  while (status == SM_OK && iter.is_valid) {
    if (iter.key.size != 0) { /* else the header */
      status = sm_entry_read(&entry, iter.key, iter.value, &reader->header, &reader->source, err);
      if (status == SM_OK) status = add_entry(m, part, &entry, err);
    }
    if (status == SM_OK) status = sm_table_iter_next(&iter, err);
  }
  sm_table_iter_free(&iter);
  return status;
}

/* ---- Parts ---- */

static bool headers_agree(const sm_bundle_header *a, const sm_bundle_header *b) {
  return a->big_endian == b->big_endian && a->producer == b->producer && a->min_consumer == b->min_consumer &&
         a->n_bad_consumers == b->n_bad_consumers &&
         (a->n_bad_consumers == 0 ||
          memcmp(a->bad_consumers, b->bad_consumers, a->n_bad_consumers * sizeof *a->bad_consumers) == 0);
}

static sm_status check_header(const merger *m, const sm_bundle_reader *reader, sm_error *err) {
  const sm_bundle_reader *first = m->parts[0].reader;
  if (reader->header.format != 2)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: a checkpoint of version 1", reader->source.name);
  if (headers_agree(&reader->header, &first->header)) return SM_OK;
  return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: byte order or version are not those of %s", reader->source.name,
                 first->source.name);
}

/* Nobody else writes the part, nor is it what the parts are merged into, whatever the paths look like. */
static sm_status check_lock(const merger *m, const sm_bundle_reader *reader, sm_error *err) {
  sm_staging staging;
  sm_status status = sm_staging_open(&staging, m->options.fs, reader->root.dir, reader->base, err);
  if (status == SM_ABORTED)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: is being written, or is what the parts are merged into",
                   reader->source.name);
  if (status == SM_OK) sm_staging_close(&staging, false);
  return status;
}

static sm_status open_part(merger *m, const char *prefix, sm_error *err) {
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  options.allocator = m->options.allocator;
  options.fs = m->options.fs;
  merge_part *part = &m->parts[m->n_parts];
  SM_TRY(sm_bundle_reader_open(&part->reader, prefix, &options, err));
  m->n_parts++;
  SM_TRY(check_header(m, part->reader, err));
  SM_TRY(check_lock(m, part->reader, err));
  size_t n = (size_t)part->reader->header.n_shards;
  part->ids = sm_alloc(m->options.allocator, n * sizeof *part->ids);
  if (part->ids == NULL) return SM_FAIL_OOM(err, n * sizeof *part->ids);
  for (size_t i = 0; i < n; i++) part->ids[i] = -1;
  return SM_OK;
}

static sm_status add_part(merger *m, const char *prefix, sm_error *err) {
  SM_TRY(open_part(m, prefix, err));
  return add_entries(m, &m->parts[m->n_parts - 1], err);
}

static void remove_file(const sm_bundle_reader *reader, const char *name) {
  (void)reader->root.fs->remove(reader->root.fs, reader->root.dir, name, NULL);
}

/* The index first: what is left then of a part looks like none. */
static void remove_part(const sm_bundle_reader *reader) {
  char name[SM_PATH_MAX];
  if (sm_index_name(name, sizeof name, reader->base)) remove_file(reader, name);
  for (int32_t i = 0; i < reader->header.n_shards; i++)
    if (sm_shard_name(name, sizeof name, reader->base, i, reader->header.n_shards)) remove_file(reader, name);
}

/* ---- All together ---- */

static sm_status write_index(void *ctx, int32_t n_shards, sm_table_sink sink, sm_error *err) {
  merger *m = ctx;
  m->header.n_shards = n_shards;
  return sm_index_write(&m->index, &m->header, NULL, sink, err);
}

/* A checkpoint without tensors has one data file all the same. */
static sm_status stage_empty_shard(merger *m, sm_error *err) {
  sm_shard_out shard;
  char staged[SM_PATH_MAX];
  if (!sm_staged_shard_name(staged, sizeof staged, &m->staging, m->n_shards))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: the name is too long", m->staging.base);
  SM_TRY(sm_shard_out_open(&shard, m->options.fs, m->staging.dir, staged, NULL, 0, err));
  m->n_shards++;
  return sm_shard_out_finish(&shard, m->options.no_sync, err);
}

static sm_status merge_parts(merger *m, const char *const *parts, size_t n_parts, sm_error *err) {
  if (!m->options.overwrite) SM_TRY(sm_commit_check(&m->staging, err));
  for (size_t i = 0; i < n_parts; i++) SM_TRY(add_part(m, parts[i], err));
  if (m->n_shards == 0) SM_TRY(stage_empty_shard(m, err));
  const sm_bundle_header *first = &m->parts[0].reader->header;
  m->header = (sm_index_header){.big_endian = first->big_endian,
                                .producer = first->producer,
                                .min_consumer = first->min_consumer,
                                .bad_consumers = first->bad_consumers,
                                .n_bad_consumers = first->n_bad_consumers};
  sm_commit commit = {.staging = &m->staging,
                      .n_shards = m->n_shards,
                      .overwrite = m->options.overwrite,
                      .no_sync = m->options.no_sync,
                      .write_index = write_index,
                      .ctx = m};
  return sm_commit_run(&commit, err);
}

static void free_merger(merger *m, bool is_merged) {
  const sm_allocator *allocator = m->options.allocator;
  for (size_t i = 0; i < m->n_parts; i++) {
    if (is_merged) remove_part(m->parts[i].reader);
    sm_bundle_reader_close(m->parts[i].reader);
    if (m->parts[i].ids != NULL) sm_free(allocator, m->parts[i].ids);
  }
  sm_commit_remove_staged(&m->staging, m->n_shards);
  sm_staging_close(&m->staging, !is_merged);
  sm_index_free(&m->index);
  sm_buffer_free(&m->scratch);
  if (m->parts != NULL) sm_free(allocator, m->parts);
}

sm_status sm_bundle_merge(const char *prefix, const char *const *parts, size_t n_parts, const sm_save_options *options,
                          sm_error *err) {
  char dir[SM_PATH_MAX];
  const char *base;
  size_t size;
  merger m = {0};
  if (n_parts == 0) return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: nothing to merge", prefix);
  if (!sm_prefix_split(dir, sizeof dir, &base, prefix) || !sm_mul_size(n_parts, sizeof *m.parts, &size))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: the path is longer than %d bytes", prefix, SM_PATH_MAX - 1);
  SM_TRY(sm_save_options_read(&m.options, options, err));
  sm_index_init(&m.index, m.options.allocator);
  sm_buffer_init(&m.scratch, m.options.allocator, UINT64_MAX);
  m.parts = sm_calloc(m.options.allocator, size);
  if (m.parts == NULL) return SM_FAIL_OOM(err, size);
  sm_status status = sm_staging_open(&m.staging, m.options.fs, dir, base, err);
  if (status == SM_OK) status = merge_parts(&m, parts, n_parts, err);
  free_merger(&m, status == SM_OK);
  return status;
}
