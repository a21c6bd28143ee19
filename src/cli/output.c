#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"

int cli_fail(const char *format, ...) {
  va_list args;
  va_start(args, format);
  fputs("savedmodel: ", stderr);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
  return CLI_FAILED;
}

int cli_fail_status(const sm_error *err) { return cli_fail("%s (%s)", err->message, sm_status_name(err->code)); }

uint32_t cli_n_threads(void) {
  long n = sysconf(_SC_NPROCESSORS_ONLN);
  return n < 1 ? 1 : n > 64 ? 64 : (uint32_t)n;
}

void cli_put(const char *bytes, size_t size) {
  if (!isatty(STDOUT_FILENO)) {
    fwrite(bytes, 1, size, stdout);
    return;
  }
  for (size_t i = 0; i < size; i++) {
    unsigned char byte = (unsigned char)bytes[i];
    if (byte < 0x20 || byte == 0x7F)
      printf("\\x%02x", byte);
    else
      putchar(byte);
  }
}
