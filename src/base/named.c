#include "base/named.h"

#include "base/bytes.h"

static sm_string name_at(const void *items, size_t i, size_t item_size) {
  sm_string name;
  memcpy(&name, (const char *)items + i * item_size, sizeof name);
  return name;
}

size_t sm_named_find(const void *items, size_t n, size_t item_size, sm_string name) {
  size_t low = 0, high = n; /* names below low are not greater, those from high on are */
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (sm_string_compare(name_at(items, middle, item_size), name) <= 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low > 0 && sm_string_equal(name_at(items, low - 1, item_size), name) ? low - 1 : SIZE_MAX;
}
