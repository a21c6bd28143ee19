/* The command line as saved_model_cli (absl and argparse) reads it: every flag is global, stands anywhere, and the last
 * one counts. Our own flags belong to commands. In names '-' and '_' are the same. */
#ifndef SM_CLI_FLAGS_H
#define SM_CLI_FLAGS_H

#include <stdbool.h>
#include <stddef.h>

/* name, kind, default */
#define CLI_TENSORFLOW_FLAGS(X)                   \
  X(all, BOOL, NULL)                              \
  X(checkpoint_path, STRING, NULL)                \
  X(convert_tf1_model, BOOL, NULL)                \
  X(cpp_class, STRING, NULL)                      \
  X(dir, STRING, NULL)                            \
  X(init_tpu, BOOL, NULL)                         \
  X(input_examples, STRING, "")                   \
  X(input_exprs, STRING, "")                      \
  X(inputs, STRING, "")                           \
  X(list_ops, BOOL, NULL)                         \
  X(max_workspace_size_bytes, INTEGER, "2097152") \
  X(minimum_segment_size, INTEGER, "3")           \
  X(multithreading, STRING, "False")              \
  X(op_denylist, STRING, NULL)                    \
  X(outdir, STRING, NULL)                         \
  X(output_dir, STRING, NULL)                     \
  X(output_prefix, STRING, NULL)                  \
  X(overwrite, BOOL, NULL)                        \
  X(precision_mode, PRECISION, "FP32")            \
  X(signature_def, STRING, NULL)                  \
  X(signature_def_key, STRING, "serving_default") \
  X(tag_set, STRING, NULL)                        \
  X(target_cpu, STRING, "")                       \
  X(target_triple, STRING, "x86_64-pc-linux")     \
  X(tf_debug, BOOL, NULL)                         \
  X(use_tfrt, BOOL, NULL)                         \
  X(variables_to_feed, STRING, "")                \
  X(worker, STRING, NULL)

/* name, kind, commands that take it */
#define CLI_OWN_FLAGS(X)                                                   \
  X(add_asset_extra, REPEATED, "edit")                                     \
  X(align, STRING, "convert")                                              \
  X(big_endian, BOOL, "convert")                                           \
  X(clear_devices, BOOL, "edit")                                           \
  X(deep, BOOL, "scan")                                                    \
  X(drop_asset_extra, REPEATED, "edit")                                    \
  X(drop_meta, REPEATED, "edit")                                           \
  X(drop_meta_graph, BOOL, "edit")                                         \
  X(drop_optimizer, BOOL, "checkpoint")                                    \
  X(drop_signature, REPEATED, "edit")                                      \
  X(extract, STRING, "assets")                                             \
  X(fail_on_denied, BOOL, "scan")                                          \
  X(filter, REPEATED, "tensors checkpoint")                                \
  X(flat_names, BOOL, "edit")                                              \
  X(freeze, BOOL, "edit")                                                  \
  X(in_place, BOOL, "edit")                                                \
  X(json, BOOL, "show assets scan tensors verify objects checkpoint diff") \
  X(keep_signatures, STRING, "edit")                                       \
  X(map, REPEATED, "checkpoint")                                           \
  X(map_file, STRING, "checkpoint")                                        \
  X(o, STRING, "cat")                                                      \
  X(policy, STRING, "scan")                                                \
  X(rename_input, REPEATED, "edit")                                        \
  X(rename_output, REPEATED, "edit")                                       \
  X(rename_signature, REPEATED, "edit")                                    \
  X(select_tags, STRING, "edit")                                           \
  X(set_meta, REPEATED, "edit")                                            \
  X(set_method, REPEATED, "edit")                                          \
  X(set_tags, STRING, "edit")                                              \
  X(sha256, BOOL, "tensors")                                               \
  X(shard_size, STRING, "convert")                                         \
  X(shards, STRING, "convert")                                             \
  X(slice, STRING, "cat")                                                  \
  X(strip_debug_info, BOOL, "edit")                                        \
  X(strip_debug_ops, BOOL, "edit")                                         \
  X(strip_default_attrs, BOOL, "edit")                                     \
  X(to_v1, BOOL, "edit")                                                   \
  X(to_v2, BOOL, "edit")                                                   \
  X(with_tags, STRING, "show")

typedef enum cli_flag {
#define CLI_FLAG_ENUM_(name, kind, third) CLI_##name,
  CLI_TENSORFLOW_FLAGS(CLI_FLAG_ENUM_) CLI_OWN_FLAGS(CLI_FLAG_ENUM_)
#undef CLI_FLAG_ENUM_
      CLI_N_FLAGS
} cli_flag;

enum { CLI_MAX_WORDS = 64 };

struct cli_storage;

typedef struct cli_args {
  const char *values[CLI_N_FLAGS]; /* NULL: not given and without default; of a boolean flag: not set */
  bool given[CLI_N_FLAGS];
  const char *words[CLI_MAX_WORDS]; /* the command first */
  size_t n_words;
  struct {
    cli_flag flag;
    const char *value;
  } repeated[CLI_MAX_WORDS]; /* flags that may be given several times, in their order */
  size_t n_repeated;
  bool has_dash_word; /* a word such as -all, which is no flag */
  bool wants_help, wants_version;
  struct cli_storage *storage; /* of main; filled by cli_open */
} cli_args;

/* Reads the command line. Returns CLI_OK, or another exit code when it was refused and said so. */
int cli_args_read(cli_args *args, int argc, char **argv);

/* The next value of a flag that may be given several times, NULL at the end; *position is 0 before the first. */
const char *cli_args_next(const cli_args *args, cli_flag flag, size_t *position);

/* Refuses our own flags where they do not belong, and missing required ones. */
struct cli_command;
int cli_args_check(const cli_args *args, const struct cli_command *command);

const char *cli_flag_name(cli_flag flag);

#endif
