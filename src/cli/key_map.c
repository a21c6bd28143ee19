/*
 * A mapping is OLD=NEW, one key for another; where OLD ends in '/', all keys that begin with it get another beginning, but
 * those that are named themselves. A file has one to a line, with a tab instead of '=' where keys have a '='.
 */
#include "cli/key_map.h"

#include <stdlib.h>
#include <string.h>

#include "cli/failure.h"
#include "cli/text_buffer.h"
#include "cli/whole_file.h"

typedef struct mapping {
  sm_string from, to;
} mapping;

typedef struct key_map {
  mapping *items;
  size_t n, capacity;
} key_map;

static bool is_beginning(const mapping *m) { return m->from.data[m->from.size - 1] == '/'; }

static const char *add_mapping(key_map *map, sm_string text, char separator) {
  const char *middle = memchr(text.data, separator, text.size), *end = text.data + text.size;
  if (middle == NULL || middle == text.data || middle + 1 == end) return "is not OLD=NEW";
  if (memchr(text.data, '\0', text.size) != NULL) return "has a NUL";
  if (map->n == map->capacity) {
    size_t capacity = map->capacity == 0 ? 64 : 2 * map->capacity;
    mapping *items = realloc(map->items, capacity * sizeof *items);
    if (items == NULL) return "finds no memory";
    map->items = items;
    map->capacity = capacity;
  }
  map->items[map->n++] = (mapping){{text.data, (size_t)(middle - text.data)}, {middle + 1, (size_t)(end - middle - 1)}};
  return NULL;
}

static int usage(const char *what) {
  cli_fail("%s; savedmodel checkpoint --help tells more", what);
  return CLI_USAGE;
}

static int read_flags(key_map *map, const cli_args *args) {
  size_t position = 0;
  const char *text;
  while ((text = cli_args_next(args, CLI_map, &position)) != NULL) {
    const char *wrong = add_mapping(map, (sm_string){text, strlen(text)}, '=');
    if (wrong == NULL) continue;
    cli_fail("--map %s: %s", text, wrong);
    return CLI_USAGE;
  }
  return CLI_OK;
}

static int read_lines(key_map *map, const char *path, sm_string text) {
  for (size_t line = 1; text.size != 0; line++) {
    const char *end = memchr(text.data, '\n', text.size);
    size_t size = end != NULL ? (size_t)(end - text.data) : text.size, next = size + (end != NULL);
    size_t shown = size > 0 && text.data[size - 1] == '\r' ? size - 1 : size;
    char separator = memchr(text.data, '\t', shown) != NULL ? '\t' : '=';
    const char *wrong = shown != 0 ? add_mapping(map, (sm_string){text.data, shown}, separator) : NULL;
    if (wrong != NULL) return cli_fail("%s: line %zu %s", path, line, wrong);
    text = (sm_string){text.data + next, text.size - next};
  }
  return CLI_OK;
}

/* ---- What it does ---- */

static sm_status fail_unused(const mapping *m, const surgery_plan *plan, sm_error *err) {
  return failure(err, SM_NOT_FOUND, "%s: no key %s %.*s", plan->path, is_beginning(m) ? "begins with" : "is",
                 m->from.size < 200 ? (int)m->from.size : 200, m->from.data);
}

static sm_status apply_exact(surgery_plan *plan, const mapping *m, sm_error *err) {
  size_t item = surgery_plan_find(plan, m->from);
  return item != SIZE_MAX ? surgery_plan_rename(plan, item, m->to, err) : fail_unused(m, plan, err);
}

static sm_status rename_beginning(surgery_plan *plan, size_t item, const mapping *m, sm_error *err) {
  sm_string key = plan->in.items[item].name;
  text_buffer text = {.data = NULL};
  text_put(&text, m->to.data, m->to.size);
  text_put(&text, key.data + m->from.size, key.size - m->from.size);
  sm_status status =
      text.is_short ? failure_no_memory(err) : surgery_plan_rename(plan, item, (sm_string){text.data, text.size}, err);
  text_free(&text);
  return status;
}

static sm_status apply_beginning(surgery_plan *plan, const mapping *m, sm_error *err) {
  bool is_used = false;
  for (size_t i = surgery_plan_lower_bound(plan, m->from); i < plan->in.n; i++) {
    sm_string key = plan->by_name[i]->name;
    size_t item = (size_t)(plan->by_name[i] - plan->in.items);
    if (key.size < m->from.size || memcmp(key.data, m->from.data, m->from.size) != 0) break;
    is_used = true;
    if (plan->fates[item].new_key == NULL) SM_TRY(rename_beginning(plan, item, m, err));
  }
  return is_used ? SM_OK : fail_unused(m, plan, err);
}

/* The longest first, and keys before beginnings of them. */
static int compare_mappings(const void *a, const void *b) {
  const mapping *x = a, *y = b;
  if (is_beginning(x) != is_beginning(y)) return is_beginning(x) ? 1 : -1;
  return (x->from.size < y->from.size) - (x->from.size > y->from.size);
}

static int apply(surgery_plan *plan, key_map *map) {
  sm_error err;
  if (map->n == 0) return usage("rename needs --map or --map-file");
  qsort(map->items, map->n, sizeof *map->items, compare_mappings);
  for (size_t i = 0; i < map->n; i++) {
    const mapping *m = &map->items[i];
    sm_status status = is_beginning(m) ? apply_beginning(plan, m, &err) : apply_exact(plan, m, &err);
    if (status != SM_OK) return cli_fail_status(&err);
  }
  return CLI_OK;
}

int key_map_apply(surgery_plan *plan, const cli_args *args) {
  key_map map = {.items = NULL};
  const char *path = args->values[CLI_map_file];
  whole_file file = {.fs = NULL};
  sm_error err;
  int code = read_flags(&map, args);
  if (code == CLI_OK && path != NULL) {
    code = whole_file_open(&file, path, &err) == SM_OK ? CLI_OK : cli_fail_status(&err);
    if (code == CLI_OK)
      code = read_lines(&map, path, (sm_string){file.data, (size_t)file.file.size});
    else
      file.fs = NULL;
  }
  if (code == CLI_OK) code = apply(plan, &map);
  if (file.fs != NULL) whole_file_close(&file);
  free(map.items);
  return code;
}
