#include "support/check.h"

#include <inttypes.h>

void check_status_(sm_status actual, sm_status expected, const sm_error *err, const char *call, const char *file,
                   int line) {
  if (actual == expected && (actual == SM_OK || err->code == actual)) return;
  print_error("%s\n  is %s, expected %s\n", call, sm_status_name(actual), sm_status_name(expected));
  if (actual != SM_OK) print_error("  err: %s: %s\n", sm_status_name(err->code), err->message);
  _fail(file, line);
}

void check_number_(const char *what, uint64_t actual, uint64_t expected, const char *file, int line) {
  if (actual == expected) return;
  print_error("%s: is %" PRIu64 " (0x%" PRIx64 "), expected %" PRIu64 " (0x%" PRIx64 ")\n", what, actual, actual,
              expected, expected);
  _fail(file, line);
}

void check_text_(const char *what, const char *actual, const char *expected, const char *file, int line) {
  if (actual == expected || (actual != NULL && expected != NULL && strcmp(actual, expected) == 0)) return;
  print_error("%s: is \"%s\", expected \"%s\"\n", what, actual != NULL ? actual : "(NULL)",
              expected != NULL ? expected : "(NULL)");
  _fail(file, line);
}

static void print_hex(const char *label, const unsigned char *data, size_t size) {
  print_error("  %s (%zu bytes):", label, size);
  for (size_t i = 0; i < size && i < 256; i++) print_error(" %02X", data[i]);
  print_error("%s\n", size > 256 ? " ..." : "");
}

void check_bytes_(const char *what, const void *actual, size_t actual_size, const void *expected, size_t expected_size,
                  const char *file, int line) {
  if (actual_size == expected_size && (actual_size == 0 || memcmp(actual, expected, actual_size) == 0)) return;
  print_error("%s: bytes differ\n", what);
  print_hex("is      ", actual, actual_size);
  print_hex("expected", expected, expected_size);
  _fail(file, line);
}

void check_mentions_(const char *text, const char *part, const char *file, int line) {
  if (strstr(text, part) != NULL) return;
  print_error("\"%s\" does not mention \"%s\"\n", text, part);
  _fail(file, line);
}
