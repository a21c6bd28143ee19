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
    "usage: savedmodel convert SRC DST [--align N] [--shards N | --shard-size BYTES] [--big-endian] [--overwrite]\n"
    "\n"
    "Writes what is in SRC in another form. The names tell the forms:\n"
    "\n"
    "  .pb, .pbtxt           a protobuf in binary or in text, one from the other\n"
    "  .npz                  arrays of numpy\n"
    "  .safetensors          arrays of safetensors\n"
    "  any other             a checkpoint: SRC in any form that savedmodel tensors takes, also of TensorFlow 1, or "
    "the\n"
    "                        directory of a model, whose variables it is then; DST the prefix of a new one\n"
    "\n"
    "A file DST is replaced if it is there. A failure leaves nothing behind.\n"
    "\n"
    "Protobufs: SRC may be the directory of a model: then it is the saved_model.pb or saved_model.pbtxt in it. Where "
    "SRC\n"
    "or DST has such a name it is a SavedModel, else a GraphDef. Fields come out in TensorFlow's order and maps "
    "sorted;\n"
    "nothing else changes. What TensorFlow 2.21 has no field for is refused, because text cannot hold it.\n"
    "\n"
    "Tensors: every value is copied as it is, under its name. What DST cannot hold is refused: variants in .npz;\n"
    "variants, strings, complex128 and quantised numbers in .safetensors. Of strings just the object graph of a\n"
    "checkpoint, _CHECKPOINTABLE_OBJECT_GRAPH, is left out of .safetensors. Tensors in several pieces stay so in a\n"
    "checkpoint and are put together in files.\n"
    "\n"
    "A new checkpoint has the format of TensorFlow 2, one data file and little-endian numbers, unless told otherwise:\n"
    "\n"
    "  --align N             each tensor begins at a multiple of N bytes, a power of two\n"
    "  --shards N            so many data files\n"
    "  --shard-size BYTES    as many as it takes to have none larger, for which large tensors are cut\n"
    "  --big-endian          the byte order of other machines\n"
    "  --overwrite           replaces a checkpoint of that name, which is refused without\n";

static const char edit_text[] =
    "usage: savedmodel edit SRC DST [--overwrite] [changes]\n"
    "       savedmodel edit SRC --in-place [changes]\n"
    "\n"
    "Copies a model with changes. Without any, every file is the same byte for byte. Of saved_model.pb only what is\n"
    "changed is written anew, and the fingerprint; variables and assets are linked where the file system can. DST\n"
    "appears as a whole or not at all; in place the files are replaced one by one, saved_model.pb last.\n"
    "\n"
    "  --select-tags A,B                the meta graph with just these tags, needed where there are several\n"
    "\n"
    "Changes are made in this order. Names are the old ones up to --rename-signature, the new ones behind it.\n"
    "\n"
    "  --drop-meta-graph                leaves that one out\n"
    "  --drop-signature KEY\n"
    "  --keep-signatures A,B            drops all others, and the nodes, functions and objects only they need\n"
    "  --drop-asset-extra NAME          a file of assets.extra\n"
    "  --drop-meta KEY                  what --set-meta has set\n"
    "  --strip-debug-info               debug/, and the traces in the graph\n"
    "  --rename-input SIG:OLD=NEW       also in the functions and objects of models of TensorFlow 2\n"
    "  --rename-output SIG:OLD=NEW\n"
    "  --rename-signature OLD=NEW\n"
    "  --set-method SIG=NAME            tensorflow/serving/predict and the like\n"
    "  --set-tags A,B                   in place of the tags there are\n"
    "  --freeze                         variables become constants\n"
    "  --to-v1                          leaves out the object graph of TensorFlow 2\n"
    "  --to-v2                          makes one: objects of variables and tables, functions of signatures\n"
    "  --flat-names                     with it: a variable a/b is called so, and is not b of an object a\n"
    "  --clear-devices                  of nodes, functions and variables\n"
    "  --strip-debug-ops                Assert and PrintV2 become NoOps, CheckNumerics and Print become Identities\n"
    "  --strip-default-attrs            leaves out attributes that have the value they have without\n"
    "  --add-asset-extra FILE[=NAME]    below assets.extra\n"
    "  --set-meta KEY=VALUE             words about the model, kept in assets.extra/metadata.json\n";

#define CHECKPOINT_PATHS                                                                                          \
  "PATH is the directory of a model, the prefix of a checkpoint (dir/model.ckpt-100, of TensorFlow 1 or 2), its " \
  ".index\n"                                                                                                      \
  "file, or a directory with a file named checkpoint: the newest one then. It may lie in a tar or zip archive.\n"

static const char tensors_text[] =
    "usage: savedmodel tensors PATH [--filter GLOB]... [--sha256] [--json]\n"
    "\n"
    "Lists the tensors of a checkpoint, sorted by key: key, dtype, shape, bytes, shard:offset, number of slices.\n"
    "Bytes and place are - where a tensor is in several pieces, or in a checkpoint of TensorFlow 1.\n"
    "\n" CHECKPOINT_PATHS
    "\n"
    "  --filter GLOB         only keys that fit this or another pattern, with * ? and []\n"
    "  --sha256              checksums of the values: little-endian bytes; of strings each after its length (8 bytes)\n"
    "  --json                one JSON document\n";

static const char surgery_text[] =
    "usage: savedmodel checkpoint rename SRC DST --map OLD=NEW... [--map-file FILE] [--overwrite] [--json]\n"
    "       savedmodel checkpoint subset SRC DST [--filter GLOB]... [--drop-optimizer] [--overwrite] [--json]\n"
    "       savedmodel checkpoint merge SRC SRC... DST [--overwrite] [--json]\n"
    "       savedmodel checkpoint average SRC SRC... DST [--overwrite] [--json]\n"
    "\n"
    "Makes a checkpoint of others, in constant memory. SRC is what savedmodel tensors takes, DST the prefix of a new\n"
    "checkpoint of TensorFlow 2. The object graph that tf.train.Checkpoint restores by follows the tensors.\n"
    "\n"
    "rename: other keys for tensors. The data files are not read: they become DST's by a second name (a hard link),\n"
    "or are copied where the file system has no such.\n"
    "\n"
    "  --map OLD=NEW         a key, or where OLD ends in / all that begin with it. tf.train.Checkpoint finds a\n"
    "                        variable only when its new key too ends in .ATTRIBUTES/VARIABLE_VALUE\n"
    "  --map-file FILE       more of them, one to a line, with a tab instead of = where keys have a =\n"
    "\n"
    "subset: some of the tensors. Their bytes are copied, the others are gone.\n"
    "\n"
    "  --filter GLOB         keys that fit this or another pattern, with * ? and []; without it all\n"
    "  --drop-optimizer      but not those of optimizers: slot variables, step counters, hyperparameters\n"
    "\n"
    "merge: the tensors of all. What two have has to be the same in both. Data files as with rename.\n"
    "\n"
    "average: the mean of each floating-point or complex number, computed in doubles, of checkpoints with the same\n"
    "tensors. All else, such as steps and strings, is that of the last SRC.\n"
    "\n"
    "  --overwrite           replaces a checkpoint of the name DST, which is refused without\n"
    "  --json                one JSON document that says what became of the tensors\n";

static const char diff_text[] =
    "usage: savedmodel diff A B [--json]\n"
    "\n"
    "Says in what B differs from A: of models tags, signatures, ops, functions, nodes, objects, collections, saver,\n"
    "init op and train op, assets, extra assets, and whether there is a fingerprint; of models and checkpoints\n"
    "tensors, with the number of elements that differ and the largest difference. Elements are compared\n"
    "by their bytes: a NaN equals itself, 0.0 and -0.0 differ. Exit status 0 when nothing differs, 1 otherwise.\n"
    "\n"
    "A and B are directories of models, or what savedmodel tensors takes; of a model and a checkpoint just the "
    "tensors\n"
    "are compared.\n"
    "\n"
    "  --json                one JSON document\n";

static const char cat_text[] =
    "usage: savedmodel cat PATH KEY [--slice SPEC] [-o FILE.npy]\n"
    "\n"
    "Prints a tensor as numpy does.\n"
    "\n" CHECKPOINT_PATHS
    "\n"
    "  --slice SPEC          a part, as numpy writes it: 0:10,:,3\n"
    "  -o FILE.npy           writes it to a file instead, which numpy.load reads\n";

static const char verify_text[] =
    "usage: savedmodel verify PATH [--json]\n"
    "\n"
    "Checks everything that can be checked: checksums of index and tensors, sizes of shards, gaps and overlaps; of a\n"
    "model also tags, assets, signatures and graphs. One line per finding: severity, file, place, what. Exit status 1\n"
    "when there is an error; warnings and notes are none.\n"
    "\n" CHECKPOINT_PATHS
    "\n"
    "  --json                one JSON document\n";

static const char objects_text[] =
    "usage: savedmodel objects PATH [--json]\n"
    "\n"
    "Shows the object graph of a model of TensorFlow 2 as a tree: the path of each object, its kind, and what there "
    "is\n"
    "to say of that: dtype, shape and checkpoint key of variables, parameters and aliases of functions, inputs and\n"
    "outputs of concrete ones. An object that was shown before is a reference to its path. Objects without a path, "
    "such\n"
    "as the slot variables of optimizers, come last, by number.\n"
    "\n"
    "PATH is a model, or a checkpoint: its prefix, its .index, or a directory with a state file. Checkpoints by "
    "objects\n"
    "say of those the values with their keys, and who saves them if that is registered, but neither kinds nor "
    "functions:\n"
    "JSON leaves these out.\n"
    "\n"
    "In paths, '.' in a name is written '..' and '/' is written '.S'.\n"
    "\n"
    "  --json                one JSON document\n";

static const char inspect_text[] =
    "usage: savedmodel inspect_checkpoint --file_name PREFIX [--tensor_name KEY | --all_tensors | --all_tensor_names]\n"
    "                                     [--count_exclude_pattern RE] [--printoptions k=v ...]\n"
    "\n"
    "Lists a checkpoint in the words of TensorFlow's inspect_checkpoint, with the number of parameters.\n"
    "\n"
    "  --tensor_name KEY             this tensor, with its value\n"
    "  --all_tensors                 all, with their values\n"
    "  --all_tensor_names            all, without\n"
    "  --count_exclude_pattern RE    leaves tensors out of the count: an extended regular expression\n"
    "  --printoptions k=v ...        how numpy prints: precision, threshold, edgeitems, linewidth, suppress, nanstr,\n"
    "                                infstr, floatmode, sign, legacy\n"
    "\n"
    "What goes wrong is said on standard output, and the exit status is 0, as there.\n";

static const char freeze_text[] =
    "usage: savedmodel freeze_model --dir DIR --tag_set A,B --output_prefix OUT [--signature_def_key KEY]\n"
    "                               [--checkpoint_path PREFIX] [--variables_to_feed NAMES]\n"
    "\n"
    "Writes into the directory OUT the graph of a signature in which inputs are zeros and variables constants\n"
    "(frozen_graph.pb), with variables still (prefrozen_graph.pb), as it was (original_graph.pb), and what tfcompile "
    "has\n"
    "to know of it (config.pbtxt). All inputs need complete shapes. edit --freeze makes a model that can be run.\n"
    "\n"
    "  --signature_def_key KEY      default: serving_default\n"
    "  --checkpoint_path PREFIX     values of the variables; default: those of the model\n"
    "  --variables_to_feed NAMES    stay variables: A,B or all\n";

static void print_commands(void) {
  puts("usage: savedmodel COMMAND [flags]\n\nReads TensorFlow SavedModels without TensorFlow.\n");
  for (const cli_command *command = cli_commands; command->name != NULL; command++)
    printf("  %-18s %s\n", command->name, command->summary);
  printf("  %-18s %s\n", "inspect_checkpoint", "list a checkpoint in the words of TensorFlow's script");
  puts(
      "\nsavedmodel COMMAND --help tells the flags of a command, savedmodel --version the version.\n"
      "Exit status: 0 done, 1 the work failed, 2 the command line was not understood.");
}

static const struct {
  const char *command, *text;
} texts[] = {{"show", show_text},
             {"assets", assets_text},
             {"scan", scan_text},
             {"convert", convert_text},
             {"edit", edit_text},
             {"tensors", tensors_text},
             {"cat", cat_text},
             {"checkpoint", surgery_text},
             {"diff", diff_text},
             {"objects", objects_text},
             {"freeze_model", freeze_text},
             {"verify", verify_text},
             {"inspect_checkpoint", inspect_text}};

int cli_help(const char *command) {
  for (size_t i = 0; command != NULL && i < sizeof texts / sizeof texts[0]; i++) {
    if (strcmp(command, texts[i].command) != 0) continue;
    fputs(texts[i].text, stdout);
    return CLI_OK;
  }
  print_commands();
  return CLI_OK;
}
