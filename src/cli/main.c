#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static const cli_command *find_command(const char *name) {
  for (const cli_command *command = cli_commands; command->name != NULL; command++)
    if (strcmp(command->name, name) == 0) return command;
  return NULL;
}

/* "convert ... tensorrt" is one command of two words. */
static void join_convert(cli_args *args) {
  if (args->n_words < 2 || strcmp(args->words[0], "convert") != 0 || strcmp(args->words[1], "tensorrt") != 0) return;
  args->words[0] = "convert tensorrt";
  args->n_words--;
  memmove(args->words + 1, args->words + 2, (args->n_words - 1) * sizeof args->words[0]);
}

static bool asks_for_help(int argc, char **argv) {
  for (int i = 2; i < argc; i++)
    if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0) return true;
  return false;
}

static int run(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "inspect_checkpoint") == 0)
    return asks_for_help(argc, argv) ? cli_help(argv[1]) : cli_inspect_checkpoint(argc, argv);
  cli_args args;
  int code = cli_args_read(&args, argc, argv);
  if (code != CLI_OK) return code;
  if (args.wants_version) return printf("savedmodel %s\n", sm_version()) > 0 ? CLI_OK : CLI_FAILED;
  if (args.wants_help) return cli_help(args.n_words > 0 ? args.words[0] : NULL);
  join_convert(&args);
  const cli_command *command = find_command(args.words[0]);
  if (command == NULL) {
    fprintf(stderr, "savedmodel: no command '%s'; savedmodel --help lists them\n", args.words[0]);
    return CLI_USAGE;
  }
  code = cli_args_check(&args, command);
  if (code != CLI_OK) return code;
  cli_storage storage = {.fs = NULL};
  args.storage = &storage;
  code = command->run(&args);
  cli_storage_close(&storage);
  return code;
}

int main(int argc, char **argv) {
  int code = run(argc, argv);
  if ((fflush(stdout) != 0 || ferror(stdout)) && code == CLI_OK) code = cli_fail("writing to standard output failed");
  return code;
}
