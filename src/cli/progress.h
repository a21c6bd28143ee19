/* How far long work has come, for somebody who waits at a terminal. */
#ifndef SM_CLI_PROGRESS_H
#define SM_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct progress {
  const char *what; /* "compared" */
  uint64_t n_bytes;
  double next; /* when to say something again, in seconds of the monotonic clock */
  bool is_terminal, is_shown;
} progress;

/* Nothing is printed unless stderr is a terminal, nor in the first second. */
void progress_begin(progress *out, const char *what);

/* n_bytes more are done: at most five times a second the line is replaced. */
void progress_add(progress *to, uint64_t n_bytes);

/* Removes the line, before anything else is printed. */
void progress_end(progress *of);

#endif
