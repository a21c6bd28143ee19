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

static const char scan_text[] =
    "usage: savedmodel scan DIR [--tag_set TAGS] [--op_denylist OPS] [--deep] [--policy FILE] [--fail_on_denied]\n"
    "                       [--json]\n"
    "\n"
    "Says for each meta graph whether it contains denied operations, in the words of TensorFlow's saved_model_cli,\n"
    "which looks at fewer nodes: here all count, those in loops, branches and functions that nothing calls too.\n"
    "\n"
    "  --tag_set TAGS        only the meta graph with just these tags; without it also the other files in DIR\n"
    "  --op_denylist OPS     names, separated by commas; PrintV2,ReadFile,WriteFile without it\n"
    "  --deep                instead, a line for each operation that reads or writes files, reaches the network,\n"
    "                        ends or steers processes, runs code, or is unknown; for code in the metadata of\n"
    "                        Keras; for other files in DIR that hold graphs. All of that is denied but the\n"
    "                        checkpoint operations of the saver and the reading of assets\n"
    "  --policy FILE         as --deep, with other things denied or allowed. Lines of FILE, '#' begins a comment:\n"
    "                          allow WHAT, deny WHAT    a class, or a pattern of operation names with * and ?\n"
    "                          default deny             what no line speaks of is denied, down to Add\n"
    "                        Classes: pure state file-read file-write network process code unknown, and\n"
    "                        checkpoint for the saver's operations, asset for those that read nothing but files\n"
    "                        of the model's assets. Deny wins; an operation of several classes\n"
    "                        needs all of them allowed\n"
    "  --fail_on_denied      exit status 1 when anything is denied\n"
    "  --json                one JSON document with all of it\n";

static const char convert_text[] =
    "usage: savedmodel convert SRC DST\n"
    "\n"
    "Writes SRC, a protobuf in binary (.pb) or in text (.pbtxt), in the other form as the file DST, which is\n"
    "replaced if it is there. The names tell the forms.\n"
    "\n"
    "SRC may be the directory of a model: then it is the saved_model.pb or saved_model.pbtxt in it. Where SRC or DST\n"
    "has such a name it is a SavedModel, else a GraphDef.\n"
    "\n"
    "Fields come out in TensorFlow's order and maps sorted; nothing else changes. What TensorFlow 2.21 has no field\n"
    "for is refused, because text cannot hold it.\n";

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
  else if (command != NULL && strcmp(command, "scan") == 0)
    fputs(scan_text, stdout);
  else if (command != NULL && strcmp(command, "convert") == 0)
    fputs(convert_text, stdout);
  else
    print_commands();
  return CLI_OK;
}
