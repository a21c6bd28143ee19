/*
 * Memory from the system itself, for data of megabytes that is written once, from end to end.
 *
 * The dearest part of reading such data is pages that are touched for the first time. Huge pages make that three times
 * cheaper, but malloc's memory does not begin where one can begin.
 */
#ifndef SM_BASE_PAGES_H
#define SM_BASE_PAGES_H

#include <stddef.h>

/* Aligned to a huge page (2 MiB) and advised to be such; zeroed; NULL when there is no memory. size is not 0. */
void *sm_pages_alloc(size_t size);
void sm_pages_free(void *pages, size_t size);

/* Asks for huge pages where memory that malloc made is large; what it holds stays. NULL is left alone. */
void sm_pages_advise(void *memory, size_t size);

#endif
