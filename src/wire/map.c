#include "wire/wire.h"

/* Every map field is a repeated message of these two. */
enum { ENTRY_KEY = 1, ENTRY_VALUE = 2 };

static bool entry_less(const void *a, const void *b) {
  const sm_wire_entry *left = a, *right = b;
  int order = sm_string_compare(left->key, right->key);
  return order != 0 ? order < 0 : left->bytes.data < right->bytes.data;
}

static size_t drop_overridden(sm_wire_entry *entries, size_t n) {
  size_t kept = 0;
  for (size_t i = 0; i < n; i++)
    if (i + 1 == n || !sm_string_equal(entries[i].key, entries[i + 1].key)) entries[kept++] = entries[i];
  return kept;
}

sm_status sm_wire_index_map(sm_wire_map *out, sm_spans message, uint32_t number, const sm_wire_source *source,
                            sm_arena *arena, sm_error *err) {
  sm_spans found;
  *out = (sm_wire_map){NULL, 0};
  SM_TRY(sm_wire_collect(&found, message, number, source, arena, err));
  sm_wire_entry *entries = sm_arena_array(arena, sm_wire_entry, found.n);
  if (entries == NULL) return sm_arena_fail(arena, found.n * sizeof *entries, err);
  for (size_t i = 0; i < found.n; i++) {
    sm_span key;
    entries[i].bytes = found.items[i];
    SM_TRY(sm_wire_find_bytes(&key, found.items[i], ENTRY_KEY, source, err));
    SM_TRY(sm_wire_copy_string(&entries[i].key, key, source, arena, err));
  }
  sm_sort(entries, found.n, sizeof *entries, entry_less);
  *out = (sm_wire_map){entries, drop_overridden(entries, found.n)};
  return SM_OK;
}

size_t sm_wire_map_find(const sm_wire_map *map, sm_string key) {
  return sm_named_find(map->entries, map->n, sizeof *map->entries, key);
}

sm_status sm_wire_entry_value(sm_spans *out, const sm_wire_entry *entry, const sm_wire_source *source, sm_arena *arena,
                              sm_error *err) {
  return sm_wire_collect(out, (sm_spans){&entry->bytes, 1}, ENTRY_VALUE, source, arena, err);
}
