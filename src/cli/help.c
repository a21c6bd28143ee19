#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static const char show_text[] =
    "usage: savedmodel show DIR [--all] [--tag_set TAGS [--signature_def KEY] [--list_ops]]\n"
    "                           [--with-tags TAGS] [--json]\n"
    "\n"
    "Without flags, lists the tag sets of the model in DIR, which may also be given as --dir DIR. DIR may be a tar or\n"
    "zip archive that holds a model, or, when it holds several, a directory in it: models.zip/first.\n"
    "\n"
    "  --all                 everything: signatures, ops and functions of all meta graphs\n"
    "  --tag_set TAGS        the signature keys of the meta graph with just these tags, separated by commas;\n"
    "                        '' is the one without tags\n"
    "  --signature_def KEY   with --tag_set: inputs, outputs and method of that signature\n"
    "  --list_ops            with --tag_set: the ops of the graph and of the functions it calls\n"
    "  --with-tags TAGS      the tag sets that contain all of these tags\n"
    "  --json                one JSON document; --tag_set and --with-tags choose meta graphs\n"
    "\n"
    "The text is that of TensorFlow's saved_model_cli.\n";

static const char assets_text[] =
    "usage: savedmodel assets DIR [--extract OUT] [--json]\n"
    "\n"
    "Lists the model's assets with size and the tensor that reads each, then the files of assets.extra.\n"
    "\n"
    "  --extract OUT         copies them to OUT/assets and OUT/assets.extra\n"
    "  --json                one JSON document\n";

static void print_commands(void) {
  puts("usage: savedmodel COMMAND [flags]\n\nReads TensorFlow SavedModels without TensorFlow.\n");
  for (const cli_command *command = cli_commands; command->name != NULL; command++)
    printf("  %-17s %s\n", command->name, command->summary);
  puts(
      "\nsavedmodel COMMAND --help tells the flags of a command, savedmodel --version the version.\n"
      "Exit status: 0 done, 1 the work failed, 2 the command line was not understood.");
}

int cli_help(const char *command) {
  if (command != NULL && strcmp(command, "show") == 0)
    fputs(show_text, stdout);
  else if (command != NULL && strcmp(command, "assets") == 0)
    fputs(assets_text, stdout);
  else
    print_commands();
  return CLI_OK;
}
