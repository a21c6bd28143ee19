/* Sorted arrays of structs whose first member is their name, a sm_string. */
#ifndef SM_BASE_NAMED_H
#define SM_BASE_NAMED_H

#include <stddef.h>

#include <savedmodel/status.h>

/* Index of the last item of that name, by bisection; SIZE_MAX when there is none. */
size_t sm_named_find(const void *items, size_t n, size_t item_size, sm_string name);

#endif
