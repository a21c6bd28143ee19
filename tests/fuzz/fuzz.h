/*
 * fuzz: parsers fed with anything.
 *
 *   fuzz_NAME.c        one entry for each parser, for libFuzzer and for replay.c alike
 *   replay.c           feeds one of them the files of a folder
 *   mutate_message.c   changes inputs that are messages, for libFuzzer
 *   corpus/NAME/       inputs that are replayed by every test run: those that reach far, all that ever broke something
 *   seeds.py           makes inputs to start from
 *   run.sh             builds with clang and fuzzes
 *
 * What is wrong ends the program: a sanitizer's report, or MUST where the result can be known.
 */
#ifndef SM_TESTS_FUZZ_FUZZ_H
#define SM_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* libFuzzer's name for the entry; returns 0. Format: https://llvm.org/docs/LibFuzzer.html */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each target says how many bytes of its input come before a message, which mutate_message.c then changes field by field;
 * NO_MESSAGE: it has none. */
extern const size_t fuzz_message_at;
#define NO_MESSAGE SIZE_MAX

#define MUST(fact)                                                          \
  do {                                                                      \
    if (!(fact)) {                                                          \
      fprintf(stderr, "%s:%d: must hold: %s\n", __FILE__, __LINE__, #fact); \
      abort();                                                              \
    }                                                                       \
  } while (0)

#endif
