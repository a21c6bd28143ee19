/* Files beside the SavedModel: assets, extra assets, metadata; debug info, which can go. */
#include "builder/builder_internal.h"
#include "builder/edit_internal.h"
#include "codec/flat_json.h"

/* ---- Assets ---- */

const char *sm_asset_filename(const sm_asset_spec *asset) {
  if (asset->filename != NULL || asset->path == NULL) return asset->filename != NULL ? asset->filename : "";
  const char *slash = strrchr(asset->path, '/');
  return slash != NULL ? slash + 1 : asset->path;
}

static sm_status load(sm_bytes *out, const sm_builder *builder, const sm_planned_file *file, sm_error *err) {
  *out = (sm_bytes){.data = (const uint8_t *)file->data.data, .size = file->data.size};
  return file->root == NULL ? SM_OK
                            : sm_bytes_load(out, file->root, file->from.data, UINT64_MAX, builder->allocator, err);
}

/* Two files of one name are one, if they have the same bytes. */
static sm_status check_same(const sm_builder *builder, const sm_planned_file *there, const sm_planned_file *asset,
                            sm_error *err) {
  sm_bytes a, b;
  SM_TRY(load(&a, builder, there, err));
  sm_status status = load(&b, builder, asset, err);
  bool is_same = status == SM_OK && a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
  if (status == SM_OK) sm_bytes_unload(&b);
  sm_bytes_unload(&a);
  SM_TRY(status);
  if (is_same) return SM_OK;
  return SM_FAIL(err, SM_ALREADY_EXISTS, "%s: there is such a file already, with other bytes", there->name.data);
}

/* Is it there, and a file? */
static sm_status check_file(const sm_builder *builder, const char *path, sm_error *err) {
  sm_dir_entry found;
  const sm_fs *fs = builder->local.fs;
  SM_TRY(fs->stat(&found, fs, "", path, 0, err));
  if (found.kind == SM_FILE_REGULAR) return SM_OK;
  return SM_FAIL(err, SM_FAILED_PRECONDITION, "%s: not a regular file", path);
}

static sm_status plan_asset(sm_builder *builder, const sm_asset_spec *asset, sm_error *err) {
  char clean[SM_PATH_MAX], name[SM_PATH_MAX];
  const char *filename = sm_asset_filename(asset);
  sm_planned_file file = {.data = asset->data};
  if (!sm_path_clean(clean, sizeof clean, filename) || *clean == '\0' ||
      !sm_path_join(name, sizeof name, SM_DIR_ASSETS, clean))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "asset \"%.200s\": not a name inside of " SM_DIR_ASSETS, filename);
  if (asset->path != NULL) {
    SM_TRY(check_file(builder, asset->path, err));
    file = (sm_planned_file){.root = &builder->local, .from = sm_string_of(asset->path)};
  }
  const sm_planned_file *there = sm_file_plan_find(&builder->files, sm_string_of(name));
  return there != NULL ? check_same(builder, there, &file, err) : sm_file_plan_put(&builder->files, name, &file, err);
}

sm_status sm_builder_plan_assets(sm_builder *builder, const sm_asset_spec *assets, size_t n, sm_error *err) {
  size_t n_before = builder->files.n;
  for (size_t i = 0; i < n; i++) {
    sm_status status = plan_asset(builder, &assets[i], err);
    if (status == SM_OK) continue;
    builder->files.n = n_before;
    return status;
  }
  return SM_OK;
}

/* ---- Extra assets ---- */

static sm_status name_extra(char *dst, const char *name, sm_error *err) {
  char clean[SM_PATH_MAX];
  if (sm_path_clean(clean, sizeof clean, name) && *clean != '\0' &&
      sm_path_join(dst, SM_PATH_MAX, SM_DIR_ASSETS_EXTRA, clean))
    return SM_OK;
  return SM_FAIL(err, SM_INVALID_ARGUMENT, "\"%.200s\": not a name inside of " SM_DIR_ASSETS_EXTRA, name);
}

sm_status sm_builder_add_extra_asset(sm_builder *builder, const char *name, const char *path, sm_error *err) {
  char full[SM_PATH_MAX];
  SM_TRY(sm_builder_check_open(builder, err));
  SM_TRY(name_extra(full, name, err));
  SM_TRY(check_file(builder, path, err));
  sm_planned_file file = {.root = &builder->local, .from = sm_string_of(path)};
  return sm_file_plan_put(&builder->files, full, &file, err);
}

sm_status sm_builder_remove_extra_asset(sm_builder *builder, const char *name, sm_error *err) {
  char full[SM_PATH_MAX];
  SM_TRY(sm_builder_check_open(builder, err));
  SM_TRY(name_extra(full, name, err));
  if (sm_file_plan_remove(&builder->files, full)) return SM_OK;
  return SM_FAIL(err, SM_NOT_FOUND, "%s: the model has no such file", full);
}

/* ---- Metadata ---- */

/* What the model has until now. */
static sm_status read_metadata(sm_json_pairs *out, sm_builder *builder, sm_error *err) {
  sm_bytes bytes;
  const sm_planned_file *file = sm_file_plan_find(&builder->files, sm_string_of(SM_FILE_METADATA));
  *out = (sm_json_pairs){NULL, 0};
  if (file == NULL) return SM_OK;
  SM_TRY(load(&bytes, builder, file, err));
  sm_status status = sm_flat_json_read(out, (sm_string){(const char *)bytes.data, bytes.size}, &builder->arena, err);
  sm_bytes_unload(&bytes);
  if (status != SM_OK) sm_error_add_place(err, SM_FILE_METADATA);
  return status;
}

static sm_status write_metadata(sm_builder *builder, const sm_json_pairs *pairs, sm_error *err) {
  sm_buffer text;
  sm_buffer_init(&text, builder->allocator, UINT64_MAX);
  sm_status status = sm_flat_json_write(&text, pairs, err);
  sm_planned_file file = {.data = sm_arena_copy(&builder->arena, (sm_string){(const char *)text.data, text.size})};
  if (status == SM_OK && file.data.data == NULL) status = sm_arena_fail(&builder->arena, text.size, err);
  if (status == SM_OK) status = sm_file_plan_put(&builder->files, SM_FILE_METADATA, &file, err);
  sm_buffer_free(&text);
  return status;
}

/* Index of the first pair that is not before key. */
static size_t find_pair(const sm_json_pairs *pairs, sm_string key) {
  size_t i = 0;
  while (i < pairs->n && sm_string_compare(pairs->items[i].key, key) < 0) i++;
  return i;
}

static bool is_pair(const sm_json_pairs *pairs, size_t i, sm_string key) {
  return i < pairs->n && sm_string_equal(pairs->items[i].key, key);
}

sm_status sm_builder_set_metadata(sm_builder *builder, const char *key, const char *value, sm_error *err) {
  sm_json_pairs pairs, made;
  const sm_json_pair pair = {sm_string_of(key), sm_string_of(value)};
  SM_TRY(sm_builder_check_open(builder, err));
  if (!sm_utf8_is_valid(key, pair.key.size) || !sm_utf8_is_valid(value, pair.value.size))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "metadata \"%.200s\": not UTF-8", key);
  SM_TRY(read_metadata(&pairs, builder, err));
  size_t at = find_pair(&pairs, pair.key), n_replaced = is_pair(&pairs, at, pair.key);
  made.n = pairs.n + 1 - n_replaced;
  made.items = sm_arena_array(&builder->arena, sm_json_pair, made.n);
  if (made.items == NULL) return sm_arena_fail(&builder->arena, made.n * sizeof *made.items, err);
  for (size_t i = 0; i < at; i++) made.items[i] = pairs.items[i];
  made.items[at] = pair;
  for (size_t i = at + 1; i < made.n; i++) made.items[i] = pairs.items[i - 1 + n_replaced];
  return write_metadata(builder, &made, err);
}

sm_status sm_builder_remove_metadata(sm_builder *builder, const char *key, sm_error *err) {
  sm_json_pairs pairs;
  SM_TRY(sm_builder_check_open(builder, err));
  SM_TRY(read_metadata(&pairs, builder, err));
  size_t at = find_pair(&pairs, sm_string_of(key));
  if (!is_pair(&pairs, at, sm_string_of(key)))
    return SM_FAIL(err, SM_NOT_FOUND, "metadata \"%.200s\": there is none of that key", key);
  for (pairs.n--; at < pairs.n; at++) pairs.items[at] = pairs.items[at + 1];
  if (pairs.n != 0) return write_metadata(builder, &pairs, err);
  (void)sm_file_plan_remove(&builder->files, SM_FILE_METADATA);
  return SM_OK;
}

/* ---- Debug info ---- */

sm_status sm_builder_strip_debug_info(sm_builder *builder, sm_error *err) {
  SM_TRY(sm_builder_check_open(builder, err));
  for (size_t i = 0; i < builder->n_graphs; i++)
    if (!builder->graphs[i]->is_removed) SM_TRY(sm_edit_strip_debug_info(builder, i, err));
  (void)sm_file_plan_remove(&builder->files, "debug");
  return SM_OK;
}
