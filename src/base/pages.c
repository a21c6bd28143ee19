#define _DEFAULT_SOURCE /* MAP_ANONYMOUS, madvise */
#include "base/pages.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>

#include "base/size.h"

/* Linux has pages of up to 64 KiB, and huge ones of 2 MiB where those are 4 KiB; elsewhere a wrong guess costs speed only. */
enum { HUGE_PAGE = 2 << 20, PAGE = 64 << 10 };

void *sm_pages_alloc(size_t size) {
  size_t wanted, mapped;
  if (!sm_add_size(size, PAGE - 1, &wanted)) return NULL;
  wanted &= ~(size_t)(PAGE - 1);
  if (!sm_add_size(wanted, HUGE_PAGE, &mapped)) return NULL;
  uint8_t *start = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) return NULL;
  size_t before = (size_t)(-(uintptr_t)start % HUGE_PAGE), behind = HUGE_PAGE - before;
  if (before != 0) (void)munmap(start, before);
  (void)munmap(start + before + wanted, behind);
#ifdef MADV_HUGEPAGE
  (void)madvise(start + before, wanted, MADV_HUGEPAGE);
#endif
  return start + before;
}

void sm_pages_free(void *pages, size_t size) { (void)munmap(pages, (size + PAGE - 1) & ~(size_t)(PAGE - 1)); }

void sm_pages_advise(void *memory, size_t size) {
#ifdef MADV_HUGEPAGE
  if (memory == NULL || size < 2 * HUGE_PAGE) return;
  size_t before = (size_t)(-(uintptr_t)memory % HUGE_PAGE), whole = (size - before) & ~(size_t)(HUGE_PAGE - 1);
  (void)madvise((uint8_t *)memory + before, whole, MADV_HUGEPAGE);
#else
  (void)memory, (void)size;
#endif
}
