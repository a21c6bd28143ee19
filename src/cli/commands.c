/* The commands of the tool. */
#include "cli/cli.h"

/* TensorFlow hands these to XLA and TensorRT, which are no part of a file format. */
static int refuse(const cli_args *args) { return cli_fail("%s is not supported in this build", args->words[0]); }

static int refuse_convert(const cli_args *args) {
  (void)args;
  return cli_fail("convert tensorrt is not supported in this build");
}

static const char *const needs_dir[] = {"dir", NULL};
static const char *const needs_convert[] = {"dir", "output_dir", "tag_set", NULL};
static const char *const needs_freeze[] = {"dir", "output_prefix", "tag_set", NULL};
static const char *const needs_class[] = {"cpp_class", NULL};

const cli_command cli_commands[] = {
    {"show", cli_show, needs_dir, true, "list tag sets, signatures, ops and functions of a model", 0},
    {"assets", cli_assets, needs_dir, false, "list the files that belong to a model, or copy them out", 0},
    {"scan", cli_scan, needs_dir, true, "find operations that reach files, the network or code", 0},
    {"convert", cli_convert, needs_dir, false, "write a .pb as .pbtxt, a checkpoint as .npz, and so on", 1},
    {"edit", cli_edit, needs_dir, false, "write a changed copy of a model, or change it where it is", 1},
    {"tensors", cli_tensors, needs_dir, false, "list the tensors of a checkpoint or a model", 0},
    {"cat", cli_cat, needs_dir, false, "print a tensor, or write it as .npy", 1},
    {"objects", cli_objects, needs_dir, false, "show the object graph of a model or a checkpoint as a tree", 0},
    {"checkpoint", cli_surgery, NULL, false, "rename, leave out, merge or average the tensors of checkpoints",
     CLI_MAX_WORDS},
    {"diff", cli_diff, NULL, false, "say what differs between two models or checkpoints", 1},
    {"verify", cli_verify, needs_dir, false, "check everything that can be checked", 0},
    {"freeze_model", cli_freeze_model, needs_freeze, true,
     "write the graph of a signature with its variables as constants", 0},
    {"convert tensorrt", refuse_convert, needs_convert, true, "not supported: needs TensorRT", 0},
    {"aot_compile_cpu", refuse, needs_class, true, "not supported: needs XLA", 0},
    {NULL, NULL, NULL, false, NULL, 0},
};
