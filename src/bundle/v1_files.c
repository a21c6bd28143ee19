/* V1 checkpoints: one file that holds all, PREFIX, or several, PREFIX-00000-of-00002. Each is a table of its own. */
#include "bundle/bundle_internal.h"

/* Names that belong to a sharded checkpoint. */
typedef struct name_list {
  sm_bundle_reader *reader;
  sm_buffer names; /* of const char * */
} name_list;

static size_t n_names(const name_list *list) { return list->names.size / sizeof(const char *); }
static const char **names_of(const name_list *list) { return (const char **)list->names.data; }

static sm_status add_name(void *ctx, const sm_dir_entry *entry, sm_error *err) {
  name_list *list = ctx;
  int32_t shard, n_shards;
  if (entry->kind != SM_FILE_REGULAR) return SM_OK;
  if (!sm_v1_name_parse(&shard, &n_shards, list->reader->base, entry->name) &&
      !sm_name_matches(entry->name, list->reader->base))
    return SM_OK;
  sm_string copy = sm_arena_copy(&list->reader->arena, sm_string_of(entry->name));
  if (copy.data == NULL) return sm_arena_fail(&list->reader->arena, strlen(entry->name) + 1, err);
  return sm_buffer_put(&list->names, &copy.data, sizeof copy.data, err);
}

static bool is_name_before(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b) < 0;
}

/* The N of a name that ends in -SHARD-of-N; 0: another name. */
static int32_t number_of_shards(const char *name) {
  const char *of = NULL;
  for (const char *p = strstr(name, "-of-"); p != NULL; p = strstr(p + 1, "-of-")) of = p;
  const char *begin = of;
  while (begin != NULL && begin > name && begin[-1] >= '0' && begin[-1] <= '9') begin--;
  if (begin == NULL || begin == name || begin[-1] != '-') return 0;
  int32_t shard, n_shards;
  return sm_v1_name_parse(&shard, &n_shards, "", begin - 1) ? n_shards : 0;
}

/* All the files of one save, and no others? */
static sm_status check_names(const name_list *list, sm_error *err) {
  size_t n = n_names(list);
  int32_t n_shards = number_of_shards(names_of(list)[0]);
  if (n_shards == 0) return SM_OK; /* named otherwise, so there is no telling */
  for (size_t i = 1; i < n; i++)
    if (number_of_shards(names_of(list)[i]) != n_shards)
      return SM_FAIL(err, SM_DATA_LOSS, "%s: files of several saves: %s, %s", list->reader->source.name,
                     names_of(list)[0], names_of(list)[i]);
  if (n != (size_t)n_shards)
    return SM_FAIL(err, SM_DATA_LOSS, "%s: %zu of %d files are there, the first is %s", list->reader->source.name, n,
                   (int)n_shards, names_of(list)[0]);
  return SM_OK;
}

static sm_status open_file(sm_v1_index *v1, sm_bundle_reader *reader, const char *name, sm_error *err) {
  sm_bytes file;
  char path[SM_PATH_MAX];
  if (!sm_path_join(path, sizeof path, reader->root.dir, name))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: the path is too long", name);
  SM_TRY(sm_bytes_load(&file, &reader->root, name, reader->max_bytes != 0 ? reader->max_bytes : UINT64_MAX,
                       reader->allocator, err));
  (void)atomic_fetch_add_explicit(&reader->n_file_bytes, file.size, memory_order_relaxed);
  const sm_table_options options = {
      .verify = reader->verify, .max_bytes = reader->max_bytes, .allocator = reader->allocator};
  sm_status status = sm_table_open(&v1->files[v1->n_files], &file, path, &options, err);
  if (status == SM_OK)
    v1->n_files++;
  else
    sm_bytes_unload(&file);
  return status;
}

static sm_status new_index(sm_v1_index **out, sm_bundle_reader *reader, size_t n_files, sm_error *err) {
  sm_v1_index *v1 = sm_arena_new(&reader->arena, sm_v1_index);
  if (v1 == NULL) return sm_arena_fail(&reader->arena, sizeof *v1, err);
  v1->files = sm_arena_array(&reader->arena, sm_table *, n_files);
  if (v1->files == NULL) return sm_arena_fail(&reader->arena, n_files * sizeof *v1->files, err);
  *out = reader->v1 = v1;
  return SM_OK;
}

static sm_status open_listed(sm_bundle_reader *reader, const name_list *list, sm_error *err) {
  sm_v1_index *v1 = NULL;
  size_t n = n_names(list);
  if (n == 0) return SM_NOT_FOUND;
  sm_sort(names_of(list), n, sizeof(const char *), is_name_before);
  SM_TRY(check_names(list, err));
  SM_TRY(new_index(&v1, reader, n, err));
  for (size_t i = 0; i < n; i++) SM_TRY(open_file(v1, reader, names_of(list)[i], err));
  return SM_OK;
}

static sm_status open_sharded(sm_bundle_reader *reader, sm_error *err) {
  name_list list = {.reader = reader};
  sm_buffer_init(&list.names, reader->allocator, sm_reader_limit(reader));
  const sm_root *root = &reader->root;
  sm_status status = root->fs->list(root->fs, root->dir, "", root->flags, add_name, &list, err);
  if (status == SM_OK) status = open_listed(reader, &list, err);
  sm_buffer_free(&list.names);
  return status;
}

sm_status sm_v1_open(sm_bundle_reader *reader, sm_error *err) {
  sm_v1_index *v1 = NULL;
  SM_TRY(new_index(&v1, reader, 1, err));
  sm_status status = open_file(v1, reader, reader->base, err);
  if (status == SM_NOT_FOUND || status == SM_FAILED_PRECONDITION) { /* a directory of that name is no checkpoint */
    reader->v1 = NULL;
    status = open_sharded(reader, err);
  }
  SM_TRY(status);
  if (reader->max_bytes == 0) reader->arena.max_bytes = sm_reader_limit(reader);
  reader->header = (sm_bundle_header){.format = 1, .n_shards = (int32_t)reader->v1->n_files};
  return sm_v1_index_tensors(reader->v1, reader, err);
}

void sm_v1_close(sm_v1_index *v1) {
  for (size_t i = 0; v1 != NULL && i < v1->n_files; i++) sm_table_close(v1->files[i]);
}
