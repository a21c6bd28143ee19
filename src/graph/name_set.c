/* A graph of a million nodes has a hundred distinct ops, so a small cache answers nearly always. The rest is appended and
 * now and then sorted, which no choice of names can make slow as it could a hash table. */
#include "graph/name_set.h"

enum { FIRST_CAPACITY = 64 };

void sm_name_set_init(sm_name_set *set, const sm_allocator *allocator) { *set = (sm_name_set){.allocator = allocator}; }

void sm_name_set_free(sm_name_set *set) { sm_free(set->allocator, set->names); }

static bool name_less(const void *a, const void *b) {
  return sm_string_compare(*(const sm_string *)a, *(const sm_string *)b) < 0;
}

void sm_name_set_finish(sm_name_set *set) {
  if (set->n == set->n_sorted) return;
  sm_sort(set->names, set->n, sizeof *set->names, name_less);
  size_t kept = 1;
  for (size_t i = 1; i < set->n; i++)
    if (!sm_string_equal(set->names[i], set->names[kept - 1])) set->names[kept++] = set->names[i];
  set->n = set->n_sorted = kept;
}

static sm_status make_room(sm_name_set *set, sm_error *err) {
  if (set->n < set->capacity) return SM_OK;
  sm_name_set_finish(set);
  if (set->n < set->capacity / 2) return SM_OK;
  size_t capacity = set->capacity == 0 ? FIRST_CAPACITY : 2 * set->capacity, size;
  if (!sm_mul_size(capacity, sizeof *set->names, &size)) return SM_FAIL_OOM(err, SIZE_MAX);
  sm_string *names = sm_realloc(set->allocator, set->names, size);
  if (names == NULL) return SM_FAIL_OOM(err, size);
  set->names = names;
  set->capacity = capacity;
  return SM_OK;
}

static size_t cache_slot(sm_string name) {
  size_t sum = name.size;
  if (name.size != 0)
    sum += 31u * (unsigned char)name.data[0] + 7u * (unsigned char)name.data[name.size - 1] +
           3u * (unsigned char)name.data[name.size / 2];
  return sum % SM_NAME_CACHE_SIZE;
}

sm_status sm_name_set_add(bool *was_recent, sm_name_set *set, sm_string name, sm_error *err) {
  sm_string *recent = &set->recent[cache_slot(name)];
  *was_recent = recent->data != NULL && sm_string_equal(*recent, name);
  if (*was_recent) return SM_OK;
  SM_TRY(make_room(set, err));
  set->names[set->n++] = name;
  *recent = name;
  return SM_OK;
}
