/* savedmodel diff: the files in assets and in assets.extra. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/differences.h"
#include "cli/failure.h"

typedef struct asset_file {
  const model_place *place;
  const char *dir; /* in the model */
  char *name;
} asset_file;

typedef struct asset_list {
  const model_place *place;
  const char *dir;
  named_item *items; /* asset_files */
  size_t n, capacity;
} asset_list;

/* ---- Listing ---- */

static sm_status add_file(void *ctx, const sm_model_file *file, sm_error *err) {
  asset_list *list = ctx;
  if (list->n == list->capacity) {
    size_t capacity = list->capacity == 0 ? 64 : 2 * list->capacity;
    named_item *items = realloc(list->items, capacity * sizeof *items);
    if (items == NULL) return failure_no_memory(err);
    list->items = items;
    list->capacity = capacity;
  }
  asset_file *added = malloc(sizeof *added);
  char *name = strdup(file->name);
  if (added == NULL || name == NULL) {
    free(added);
    free(name);
    return failure_no_memory(err);
  }
  *added = (asset_file){list->place, list->dir, name};
  list->items[list->n++] = (named_item){{name, strlen(name)}, added};
  return SM_OK;
}

static sm_status list_files(asset_list *out, const model_place *place, const char *dir, sm_error *err) {
  *out = (asset_list){.place = place, .dir = dir};
  SM_TRY(sm_model_list_files(place->model, dir, add_file, out, err));
  if (out->n != 0) named_items_sort(out->items, out->n);
  return SM_OK;
}

static void free_list(asset_list *list) {
  for (size_t i = 0; i < list->n; i++) {
    asset_file *file = (asset_file *)list->items[i].item;
    free(file->name);
    free(file);
  }
  free(list->items);
}

/* ---- Comparing ---- */

static sm_status open_file(sm_file *out, const asset_file *file, sm_error *err) {
  char name[sizeof SM_DIR_ASSETS_EXTRA + 4096];
  int n = snprintf(name, sizeof name, "%s/%s", file->dir, file->name);
  if (n < 0 || (size_t)n >= sizeof name) return failure(err, SM_INVALID_ARGUMENT, "%s: the path is too long", name);
  return file->place->fs->open(out, file->place->fs, file->place->dir, name, 0, err);
}

static sm_status compare_bytes(bool *same, const sm_fs *a_fs, const sm_file *a, const sm_fs *b_fs, const sm_file *b,
                               sm_error *err) {
  char x[1 << 15], y[1 << 15];
  for (uint64_t at = 0; at < a->size && *same;) {
    size_t n = a->size - at < sizeof x ? (size_t)(a->size - at) : sizeof x;
    SM_TRY(a_fs->read_at(a_fs, a, at, x, n, err));
    SM_TRY(b_fs->read_at(b_fs, b, at, y, n, err));
    *same = memcmp(x, y, n) == 0;
    at += n;
  }
  return SM_OK;
}

static sm_status same_file(bool *same, const void *a, const void *b, sm_error *err) {
  const asset_file *x = a, *y = b;
  const sm_fs *x_fs = x->place->fs, *y_fs = y->place->fs;
  sm_file x_file, y_file;
  SM_TRY(open_file(&x_file, x, err));
  sm_status status = open_file(&y_file, y, err);
  if (status == SM_OK) {
    *same = x_file.size == y_file.size;
    status = compare_bytes(same, x_fs, &x_file, y_fs, &y_file, err);
    y_fs->close(y_fs, &y_file);
  }
  x_fs->close(x_fs, &x_file);
  return status;
}

static sm_status diff_dir(differences *out, difference_subject subject, const char *dir, const model_place *a,
                          const model_place *b, sm_error *err) {
  asset_list x, y = {.items = NULL};
  sm_status status = list_files(&x, a, dir, err);
  if (status == SM_OK) status = list_files(&y, b, dir, err);
  if (status == SM_OK) status = differences_add_named(out, subject, x.items, x.n, y.items, y.n, same_file, err);
  free_list(&x);
  free_list(&y);
  return status;
}

sm_status diff_assets(differences *out, const model_place *a, const model_place *b, sm_error *err) {
  SM_TRY(diff_dir(out, DIFFERENT_ASSET, SM_DIR_ASSETS, a, b, err));
  return diff_dir(out, DIFFERENT_EXTRA_ASSET, SM_DIR_ASSETS_EXTRA, a, b, err);
}
