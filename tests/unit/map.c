#include "support/check.h"

#include "support/wire_writer.h"
#include "wire/wire.h"

static sm_arena arena;
static w_buffer w;
static sm_error err;
static sm_wire_source source;

static int set_up(void **state) {
  (void)state;
  sm_arena_init(&arena, sm_allocator_or_malloc(NULL), UINT64_MAX);
  w = (w_buffer){0};
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  sm_arena_free(&arena);
  w_free(&w);
  return 0;
}

/* An entry of field 4, key NULL: without one. */
static void put(const char *key, size_t key_size, const char *value) {
  size_t entry = w_begin(&w, 4);
  if (key != NULL) w_bytes(&w, 1, key, key_size);
  if (value != NULL) w_text(&w, 2, value);
  w_end(&w, entry);
}

static sm_status index_all(sm_wire_map *map) {
  source = (sm_wire_source){.name = "m", .bytes = {w.data, w.size}};
  return sm_wire_index_map(map, (sm_spans){&source.bytes, 1}, 4, &source, &arena, &err);
}

/* The last piece of the value of entry i, as text; "(none)". */
static const char *value_of(const sm_wire_map *map, size_t i) {
  static char text[32];
  sm_spans value;
  assert_ok(sm_wire_entry_value(&value, &map->entries[i], &source, &arena, &err), err);
  snprintf(text, sizeof text, "%s", "(none)");
  if (value.n != 0)
    snprintf(text, sizeof text, "%.*s", (int)value.items[value.n - 1].size,
             (const char *)value.items[value.n - 1].data);
  return text;
}

static void map__sorted_and_the_last_wins(void **state) {
  (void)state;
  static const struct {
    const char *key;
    size_t key_size;
    const char *value;
  } given[] = {{"b", 1, "1"},   {"a", 1, "2"},    {"", 0, "3"},         {"b", 1, "4"},  {"ab", 2, "5"}, {NULL, 0, "6"},
               {"a\0", 2, "7"}, {"a\0b", 3, "8"}, {"\xC3\xBC", 2, "9"}, {"b", 1, NULL}, {"B", 1, "10"}, {"a", 1, "11"}},
    wanted[] = {{"", 0, "6"},     {"B", 1, "10"}, {"a", 1, "11"},     {"a\0", 2, "7"},
                {"a\0b", 3, "8"}, {"ab", 2, "5"}, {"b", 1, "(none)"}, {"\xC3\xBC", 2, "9"}};
  for (size_t i = 0; i < N_OF(given); i++) {
    put(given[i].key, given[i].key_size, given[i].value);
    w_varint(&w, 4, 3); /* not of this field, by its type */
  }
  sm_wire_map map;
  assert_ok(index_all(&map), err);
  assert_number("entries", map.n, N_OF(wanted));
  for (size_t i = 0; i < map.n; i++) {
    sm_string key = map.entries[i].key;
    assert_bytes("key, terminated", key.data, key.size + 1, wanted[i].key, wanted[i].key_size + 1);
    assert_text(wanted[i].key, value_of(&map, i), wanted[i].value);
    assert_number(wanted[i].key, sm_wire_map_find(&map, (sm_string){wanted[i].key, wanted[i].key_size}), i);
  }
}

static void map__finds_nothing_else(void **state) {
  (void)state;
  sm_wire_map map;
  assert_ok(index_all(&map), err);
  assert_number("entries", map.n, 0);
  assert_number("in an empty map", sm_wire_map_find(&map, sm_string_of("a")), SIZE_MAX);
  put("b", 1, "1");
  put("d", 1, "2");
  assert_ok(index_all(&map), err);
  static const char *const others[] = {"", "a", "b ", "bb", "c", "cc", "d ", "e", "\xFF"};
  for (size_t i = 0; i < N_OF(others); i++)
    assert_number(others[i], sm_wire_map_find(&map, sm_string_of(others[i])), SIZE_MAX);
}

/* Within an entry the same rule holds: the last key counts. */
static void map__key_given_twice_in_an_entry(void **state) {
  (void)state;
  size_t entry = w_begin(&w, 4);
  w_text(&w, 2, "early value");
  w_text(&w, 1, "x");
  w_text(&w, 1, "y");
  w_text(&w, 2, "v");
  w_end(&w, entry);
  sm_wire_map map;
  assert_ok(index_all(&map), err);
  assert_number("entries", map.n, 1);
  assert_text("key", map.entries[0].key.data, "y");
  sm_spans value;
  assert_ok(sm_wire_entry_value(&value, &map.entries[0], &source, &arena, &err), err);
  assert_number("pieces", value.n, 2);
}

static void map__over_several_pieces(void **state) {
  (void)state;
  put("a", 1, "early");
  put("b", 1, "1");
  size_t first = w.size;
  put("a", 1, "late");
  put("c", 1, "2");
  source = (sm_wire_source){.name = "m", .bytes = {w.data, w.size}};
  const sm_span pieces[] = {{w.data, first}, {w.data + first, w.size - first}};
  sm_wire_map map;
  assert_ok(sm_wire_index_map(&map, (sm_spans){pieces, 2}, 4, &source, &arena, &err), err);
  assert_number("entries", map.n, 3);
  assert_text("a", value_of(&map, 0), "late");
}

static void map__bad_keys(void **state) {
  (void)state;
  sm_wire_map map;
  put("ok", 2, "1");
  put("\xFF", 1, "1");
  assert_status(index_all(&map), SM_DATA_LOSS, err);
  w_clear(&w);
  w_bytes(&w, 4, "\x0A\x05x", 3); /* a key longer than its entry */
  assert_status(index_all(&map), SM_DATA_LOSS, err);
  assert_number("offset", err.offset, 4);
}

/* Sorted whatever the order, and as fast for one key given many times as for many keys. */
static void map__many_entries(void **state) {
  (void)state;
  enum { N = 100000 };
  for (int same = 0; same < 2; same++) {
    w_clear(&w);
    for (unsigned i = 0; i < N; i++) {
      char key[16];
      snprintf(key, sizeof key, "%06u", same ? 7u : (i * 7919u) % N);
      put(key, strlen(key), i == N - 1 ? "last" : "x");
    }
    sm_wire_map map;
    assert_ok(index_all(&map), err);
    assert_number("entries", map.n, same ? 1 : N);
    if (same) assert_text("the last one", value_of(&map, 0), "last");
    for (size_t i = 1; i < map.n; i++)
      if (memcmp(map.entries[i - 1].key.data, map.entries[i].key.data, 6) >= 0)
        fail_msg("entry %zu is out of order", i);
  }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(map__sorted_and_the_last_wins), CASE(map__finds_nothing_else), CASE(map__key_given_twice_in_an_entry),
      CASE(map__over_several_pieces),      CASE(map__bad_keys),           CASE(map__many_entries),
  };
  return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}
