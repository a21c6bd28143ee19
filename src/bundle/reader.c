#include "bundle/bundle_internal.h"

/* The variables of a SavedModel. Source: cc/saved_model/constants.h, kSavedModelVariablesDirectory and -Filename. */
#define VARIABLES "variables"

/* ---- Opening ---- */

/* file: what messages speak of. */
static sm_status name_files(sm_bundle_reader *reader, const char *dir, const char *base, const char *file,
                            sm_error *err) {
  char path[SM_PATH_MAX];
  if (!sm_path_join(path, sizeof path, dir, file))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: the path is longer than %d bytes", dir, SM_PATH_MAX - 1);
  sm_string copies[3] = {sm_arena_copy(&reader->arena, sm_string_of(dir)),
                         sm_arena_copy(&reader->arena, sm_string_of(base)),
                         sm_arena_copy(&reader->arena, sm_string_of(path))};
  for (size_t i = 0; i < 3; i++)
    if (copies[i].data == NULL) return sm_arena_fail(&reader->arena, strlen(path) + 1, err);
  reader->root.dir = copies[0].data;
  reader->base = copies[1].data;
  reader->source.name = copies[2].data;
  return SM_OK;
}

static sm_status read_header(sm_bundle_reader *reader, sm_error *err) {
  sm_string value;
  sm_status status = sm_table_find(&value, reader->index, (sm_string){"", 0}, err);
  if (status == SM_NOT_FOUND)
    return SM_FAIL(err, SM_DATA_LOSS, "%s: no header, which is the value of the empty key", reader->source.name);
  SM_TRY(status);
  SM_TRY(sm_header_read(&reader->header, (sm_span){(const uint8_t *)value.data, value.size}, &reader->source,
                        &reader->arena, err));
  size_t size = (size_t)reader->header.n_shards * sizeof *reader->shards;
  reader->shards = sm_calloc(reader->allocator, size);
  return reader->shards != NULL ? SM_OK : SM_FAIL_OOM(err, size);
}

/* NOT_FOUND: there is no such index. */
static sm_status open_v2(sm_bundle_reader *reader, const char *dir, const char *base, sm_error *err) {
  char name[SM_PATH_MAX];
  sm_bytes file;
  if (!sm_index_name(name, sizeof name, base))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: the name is too long", base);
  SM_TRY(name_files(reader, dir, base, name, err));
  SM_TRY(sm_bytes_load(&file, &reader->root, name, reader->max_bytes != 0 ? reader->max_bytes : UINT64_MAX,
                       reader->allocator, err));
  reader->source.bytes = (sm_span){file.data, file.size};
  atomic_init(&reader->n_file_bytes, file.size);
  if (reader->max_bytes == 0) reader->arena.max_bytes = sm_default_max_bytes(file.size);
  const sm_table_options options = {
      .verify = reader->verify, .max_bytes = reader->max_bytes, .allocator = reader->allocator};
  sm_status status = sm_table_open(&reader->index, &file, reader->source.name, &options, err);
  if (status != SM_OK) {
    sm_bytes_unload(&file);
    return status;
  }
  return read_header(reader, err);
}

static sm_status open_v1(sm_bundle_reader *reader, const char *dir, const char *base, sm_error *err) {
  SM_TRY(name_files(reader, dir, base, base, err));
  return sm_v1_open(reader, err);
}

static sm_status open_prefix(sm_bundle_reader *reader, const char *prefix, sm_error *err) {
  char dir[SM_PATH_MAX], variables[SM_PATH_MAX];
  const char *base;
  if (!sm_prefix_split(dir, sizeof dir, &base, prefix) || !sm_path_join(variables, sizeof variables, prefix, VARIABLES))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: the path is longer than %d bytes", prefix, SM_PATH_MAX - 1);
  sm_status status = SM_NOT_FOUND;
  if (*base != '\0') status = open_v2(reader, dir, base, err);
  if (status == SM_NOT_FOUND) status = open_v2(reader, variables, VARIABLES, err);
  if (status == SM_NOT_FOUND && *base != '\0') status = open_v1(reader, dir, base, err);
  if (status != SM_NOT_FOUND) return status;
  return SM_FAIL(err, SM_NOT_FOUND,
                 "%s: no checkpoint: neither %s.index, nor a SavedModel's variables, nor files of version 1", prefix,
                 prefix);
}

static sm_status new_reader(sm_bundle_reader **out, const sm_open_options *options, sm_error *err) {
  const sm_allocator *allocator = sm_allocator_or_malloc(options->allocator);
  sm_bundle_reader *reader = sm_new(allocator, sm_bundle_reader);
  if (reader == NULL) return SM_FAIL_OOM(err, sizeof *reader);
  if (!sm_mutex_init(&reader->lock)) {
    sm_free(allocator, reader);
    return SM_FAIL(err, SM_RESOURCE_EXHAUSTED, "no mutex to be had");
  }
  reader->allocator = allocator;
  reader->verify = options->verify;
  reader->max_bytes = options->max_bytes;
  sm_arena_init(&reader->arena, allocator, options->max_bytes != 0 ? options->max_bytes : UINT64_MAX);
  reader->root = (sm_root){.fs = options->fs != NULL ? options->fs : sm_fs_local(),
                           .flags = options->refuse_symlinks ? SM_FS_NO_SYMLINKS : 0,
                           .no_mmap = options->no_mmap};
  *out = reader;
  return SM_OK;
}

sm_status sm_bundle_reader_open(sm_bundle_reader **out, const char *prefix, const sm_open_options *options,
                                sm_error *err) {
  sm_open_options known;
  *out = NULL;
  if (prefix == NULL) return SM_FAIL(err, SM_INVALID_ARGUMENT, "prefix is NULL");
  SM_TRY(sm_options_read(&known, options, err));
  sm_bundle_reader *reader = NULL;
  sm_status status = new_reader(&reader, &known, err);
  if (status == SM_OK) status = open_prefix(reader, prefix, err);
  if (status != SM_OK)
    sm_bundle_reader_close(reader);
  else
    *out = reader;
  return status;
}

void sm_bundle_reader_close(sm_bundle_reader *reader) {
  if (reader == NULL) return;
  const sm_allocator *allocator = reader->allocator;
  for (int32_t i = 0; reader->shards != NULL && i < reader->header.n_shards; i++)
    sm_shard_let_go(atomic_load(&reader->shards[i]));
  sm_free(allocator, reader->shards);
  sm_seen_free(&reader->seen, allocator);
  sm_v1_close(reader->v1);
  sm_table_close(reader->index);
  sm_arena_free(&reader->arena);
  sm_mutex_destroy(&reader->lock);
  sm_free(allocator, reader);
}

const sm_bundle_header *sm_bundle_reader_get_header(const sm_bundle_reader *reader) { return &reader->header; }

/* ---- Finding ---- */

static sm_status find_value(sm_string *value, const sm_bundle_reader *reader, sm_string key, sm_error *err) {
  if (reader->v1 == NULL) /* where the empty key is the header's; a V1 tensor may have no name */
    return key.size != 0 ? sm_table_find(value, reader->index, key, err) : SM_NOT_FOUND;
  size_t i = sm_v1_lower_bound(reader->v1, key);
  if (i == reader->v1->n_tensors || !sm_string_equal(reader->v1->tensors[i].name, key)) return SM_NOT_FOUND;
  *value = reader->v1->tensors[i].entry;
  return SM_OK;
}

sm_status sm_bundle_reader_find_n(sm_bundle_entry *entry, const sm_bundle_reader *reader, sm_string key,
                                  sm_error *err) {
  sm_string value;
  sm_status status = find_value(&value, reader, key, err);
  if (status == SM_NOT_FOUND)
    return SM_FAIL(err, SM_NOT_FOUND, "%s: no tensor %s", reader->source.name, sm_key_text_of(key).text);
  SM_TRY(status);
  return sm_entry_read(entry, key, value, &reader->header, &reader->source, err);
}

sm_status sm_bundle_reader_find(sm_bundle_entry *entry, const sm_bundle_reader *reader, const char *key,
                                sm_error *err) {
  return sm_bundle_reader_find_n(entry, reader, sm_string_of(key), err);
}
