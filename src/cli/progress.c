#include "cli/progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

static double seconds(void) {
  struct timespec now;
  if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) return 0;
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

void progress_begin(progress *out, const char *what) {
  *out = (progress){.what = what, .is_terminal = isatty(STDERR_FILENO) != 0};
  if (out->is_terminal) out->next = seconds() + 1;
}

void progress_add(progress *to, uint64_t n_bytes) {
  to->n_bytes += n_bytes;
  if (!to->is_terminal) return;
  double now = seconds();
  if (now < to->next) return;
  to->next = now + 0.2;
  to->is_shown = true;
  fprintf(stderr, "\r%.1f MB %s", (double)to->n_bytes * 1e-6, to->what);
  fflush(stderr);
}

void progress_end(progress *of) {
  if (of->is_shown) fputs("\r\033[K", stderr); /* ECMA-48: erase to the end of the line */
  of->is_shown = false;
}
