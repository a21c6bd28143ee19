/* savedmodel inspect_checkpoint: TensorFlow's script of that name, flags and text (tensorflow/python/tools). It says what
 * goes wrong on stdout and exits with 0 all the same. */
#include <inttypes.h>
#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/array_text.h"
#include "cli/cli.h"
#include "cli/utf8_text.h"

/* ---- The command line, as argparse reads it ---- */

typedef enum option_kind { TEXT, SWITCH, PRINTOPTIONS } option_kind;

enum { FILE_NAME, TENSOR_NAME, COUNT_EXCLUDE_PATTERN, ALL_TENSORS, ALL_TENSOR_NAMES, PRINT_OPTIONS, N_OPTIONS };

static const struct {
  const char *name;
  option_kind kind;
} options[N_OPTIONS] = {{"--file_name", TEXT},     {"--tensor_name", TEXT},        {"--count_exclude_pattern", TEXT},
                        {"--all_tensors", SWITCH}, {"--all_tensor_names", SWITCH}, {"--printoptions", PRINTOPTIONS}};

typedef struct job {
  const char *text[N_OPTIONS]; /* of TEXT, never NULL */
  bool is_on[N_OPTIONS];       /* of SWITCH */
  array_text_options print;
} job;

__attribute__((format(printf, 1, 2))) static int usage_error(const char *format, ...) {
  va_list args;
  fputs(
      "usage: savedmodel inspect_checkpoint [-h] [--file_name FILE_NAME] [--tensor_name TENSOR_NAME]\n"
      "                                     [--count_exclude_pattern COUNT_EXCLUDE_PATTERN]\n"
      "                                     [--all_tensors [ALL_TENSORS]]\n"
      "                                     [--all_tensor_names [ALL_TENSOR_NAMES]]\n"
      "                                     [--printoptions [PRINTOPTIONS ...]]\n"
      "savedmodel inspect_checkpoint: error: ",
      stderr);
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  fputc('\n', stderr);
  return CLI_USAGE;
}

/* The option of that name, or the only one that begins with it; N_OPTIONS: none. */
static int find_option(unsigned *out, const char *text, size_t size) {
  unsigned n_found = 0;
  *out = N_OPTIONS;
  for (unsigned i = 0; i < N_OPTIONS; i++) {
    if (strncmp(options[i].name, text, size) != 0) continue;
    *out = i;
    if (options[i].name[size] == '\0') return CLI_OK;
    n_found++;
  }
  if (n_found > 1) return usage_error("ambiguous option: %.*s could match several", (int)size, text);
  return CLI_OK;
}

static bool is_true(const char *text) {
  return strlen(text) == 4 && (text[0] | 0x20) == 't' && (text[1] | 0x20) == 'r' && (text[2] | 0x20) == 'u' &&
         (text[3] | 0x20) == 'e';
}

static int set_print_option(job *the, const char *text) {
  char name[64];
  const char *equals = strchr(text, '=');
  if (equals == NULL || equals == text)
    return usage_error("argument --printoptions: '%s' is not in the form k=v.", text);
  size_t size = (size_t)(equals - text);
  snprintf(name, sizeof name, "%.*s", size < sizeof name ? (int)size : (int)sizeof name - 1, text);
  const char *wrong = array_text_set_option(&the->print, name, equals + 1);
  if (wrong == NULL) return CLI_OK;
  return usage_error("argument --printoptions: '%.*s' is %s.", (int)size, text, wrong);
}

/* argv[*at] is an option; its values follow, after '=' or as arguments of their own. */
static int read_option(job *the, unsigned option, const char *equals, int argc, char **argv, int *at) {
  const char *value = equals != NULL ? equals + 1 : NULL;
  bool has_next = value == NULL && *at + 1 < argc && argv[*at + 1][0] != '-';
  if (value == NULL && has_next && options[option].kind != PRINTOPTIONS) value = argv[++*at];
  switch (options[option].kind) {
    case TEXT:
      if (value == NULL) return usage_error("argument %s: expected one argument", options[option].name);
      the->text[option] = value;
      return CLI_OK;
    case SWITCH: the->is_on[option] = value == NULL || is_true(value); return CLI_OK;
    default: break;
  }
  if (value != NULL) return set_print_option(the, value);
  int code = CLI_OK;
  while (code == CLI_OK && *at + 1 < argc && argv[*at + 1][0] != '-') code = set_print_option(the, argv[++*at]);
  return code;
}

static int read_command_line(job *the, int argc, char **argv) {
  *the = (job){.print = ARRAY_TEXT_OPTIONS_INIT};
  for (unsigned i = 0; i < N_OPTIONS; i++) the->text[i] = "";
  for (int at = 2; at < argc; at++) {
    const char *text = argv[at], *equals = strchr(text, '=');
    unsigned option;
    if (text[0] != '-' || text[1] != '-') continue; /* words are left alone */
    int code = find_option(&option, text, equals != NULL ? (size_t)(equals - text) : strlen(text));
    if (code == CLI_OK && option == N_OPTIONS) return cli_fail("Unknown command line flag '%s'", text + 2);
    if (code == CLI_OK) code = read_option(the, option, equals, argc, argv, &at);
    if (code != CLI_OK) return code;
  }
  return CLI_OK;
}

/* ---- The lines ---- */

static void print_list(const sm_bundle_entry *entry, const char *separator) {
  putchar('[');
  for (int32_t i = 0; i < entry->rank; i++) printf("%s%" PRId64, i != 0 ? separator : "", entry->dims[i]);
  putchar(']');
}

/* str.decode("utf-8", errors="ignore") */
static void print_decoded(const char *bytes, size_t size) {
  for (size_t at = 0; at < size;) {
    size_t n = utf8_char_size(bytes + at, size - at);
    fwrite(bytes + at, 1, n, stdout);
    at += n != 0 ? n : 1;
  }
}

/* What TensorFlow does not read, its whole-tensor reader of V1 checkpoints above all (tensor_slice_reader.cc), and numpy
 * not hold. True: said so. */
static bool refuse_value(const sm_bundle_header *header, const sm_bundle_entry *entry) {
  enum { NUMPY_MAX_RANK = 64 };
  bool is_v1 = header->format == 1;
  switch (entry->dtype) {
    case SM_DT_FLOAT:
    case SM_DT_DOUBLE:
    case SM_DT_INT32:
    case SM_DT_UINT8:
    case SM_DT_INT16:
    case SM_DT_INT8:
    case SM_DT_INT64:
    case SM_DT_BOOL:
    case SM_DT_STRING: break;
    default:
      if (is_v1) return puts("Data type not supported") >= 0;
  }
  if (is_v1 && entry->n_slices > 1) return puts("Sliced checkpoints are not supported") >= 0;
  if (entry->rank > NUMPY_MAX_RANK)
    return printf(
               "Cannot convert tensor with %d dimensions to NumPy array. NumPy arrays can have at most %d dimensions\n",
               (int)entry->rank, NUMPY_MAX_RANK) >= 0;
  return false;
}

static void print_gap(const sm_bundle_entry *entry) {
  printf("Does not have sufficient slices for partitioned tensor %.*s to restore in slice_spec: ", (int)entry->key.size,
         entry->key.data);
  for (int32_t i = 0; i < entry->rank; i++) fputs(i != 0 ? ":-" : "-", stdout);
  putchar('\n');
}

/* The numbers behind quantised ones. */
static sm_dtype unquantised(sm_dtype dtype) {
  switch (dtype) {
    case SM_DT_QINT8: return SM_DT_INT8;
    case SM_DT_QUINT8: return SM_DT_UINT8;
    case SM_DT_QINT16: return SM_DT_INT16;
    case SM_DT_QUINT16: return SM_DT_UINT16;
    case SM_DT_QINT32: return SM_DT_INT32;
    default: return dtype;
  }
}

/* False: it cannot be read, and that was said. */
static bool print_value(const job *the, const sm_bundle_reader *reader, const sm_bundle_entry *entry) {
  sm_error err;
  sm_tensor *tensor;
  if (refuse_value(sm_bundle_reader_get_header(reader), entry)) return false;
  if (sm_bundle_reader_read_entry_tensor(&tensor, reader, entry, NULL, &err) != SM_OK) {
    if (entry->n_slices != 0 && strstr(err.message, "gap") != NULL)
      print_gap(entry);
    else
      puts(err.message);
    return false;
  }
  sm_tensor_view view = *sm_tensor_get_view(tensor);
  view.dtype = unquantised(view.dtype);
  sm_status status = array_text_print(stdout, &view, &the->print, &err);
  sm_tensor_free(tensor);
  bool is_one = !the->is_on[ALL_TENSORS];
  if (status != SM_OK && is_one) printf("Tensorflow type %d not convertible to numpy dtype.\n", (int)entry->dtype);
  if (status == SM_OK || !is_one) puts(status == SM_OK ? "" : "<not convertible to a numpy dtype>");
  return status == SM_OK || !is_one;
}

static bool print_tensor(const job *the, const sm_bundle_reader *reader, const sm_bundle_entry *entry,
                         bool with_value) {
  fputs("tensor: ", stdout);
  fwrite(entry->key.data, 1, entry->key.size, stdout);
  printf(" (%s) ", sm_dtype_python_name(entry->dtype));
  print_list(entry, ", ");
  putchar('\n');
  return !with_value || print_value(the, reader, entry);
}

/* fn for each tensor. False: something could not be read, and that was said. */
typedef bool (*entry_fn)(void *ctx, const sm_bundle_entry *entry);

static bool each_tensor(const sm_bundle_reader *reader, entry_fn fn, void *ctx) {
  sm_bundle_iter *iter;
  const sm_bundle_entry *entry = NULL;
  sm_error err;
  sm_status status = sm_bundle_iter_new(&iter, reader, NULL, &err);
  bool goes_on = true;
  while (status == SM_OK && goes_on && (status = sm_bundle_iter_next(&entry, iter, &err)) == SM_OK && entry != NULL)
    goes_on = fn(ctx, entry);
  if (status != SM_OK) puts(err.message);
  sm_bundle_iter_free(iter);
  return status == SM_OK && goes_on;
}

typedef struct naming {
  const job *the;
  const sm_bundle_reader *reader;
} naming;

static bool print_named(void *ctx, const sm_bundle_entry *entry) {
  const naming *to = ctx;
  return print_tensor(to->the, to->reader, entry, to->the->is_on[ALL_TENSORS]);
}

/* ---- The plain listing ---- */

/* Parts are listed under the keys that the index has for them, which come before all names. */
static bool print_part(const sm_bundle_entry *entry, const sm_extent *extents) {
  char key[4096];
  size_t size;
  sm_error err;
  const sm_slice_spec slice = {extents, (size_t)entry->rank};
  if (sm_bundle_slice_key(key, sizeof key, &size, entry->key, &slice, &err) != SM_OK) {
    puts(err.message);
    return false;
  }
  print_decoded(key, size);
  printf(" (%s) [", sm_dtype_name(entry->dtype));
  for (int32_t i = 0; i < entry->rank; i++)
    printf("%s%" PRId64, i != 0 ? "," : "", extents[i].length < 0 ? entry->dims[i] : extents[i].length);
  puts("]");
  return true;
}

static bool print_parts(void *ctx, const sm_bundle_entry *entry) {
  sm_extent extents[SM_MAX_RANK];
  uint64_t position = 0;
  (void)ctx;
  for (size_t i = 0; i < entry->n_slices; i++) {
    sm_error err;
    if (sm_bundle_entry_next_slice(extents, entry, &position, &err) != SM_OK) {
      puts(err.message);
      return false;
    }
    if (!print_part(entry, extents)) return false;
  }
  return true;
}

static bool print_plain(void *ctx, const sm_bundle_entry *entry) {
  const sm_bundle_header *header = ctx;
  if (header->format == 2 && entry->n_slices != 0) return true;
  print_decoded(entry->key.data, entry->key.size);
  printf(" (%s) ", sm_dtype_name(entry->dtype));
  print_list(entry, ",");
  if (entry->n_slices > 1) printf(", %zu slices", entry->n_slices);
  putchar('\n');
  return true;
}

static bool list_plainly(const sm_bundle_reader *reader) {
  const sm_bundle_header *header = sm_bundle_reader_get_header(reader);
  bool is_sound = header->format == 1 || each_tensor(reader, print_parts, NULL);
  is_sound = is_sound && each_tensor(reader, print_plain, (void *)(uintptr_t)header);
  if (is_sound) putchar('\n');
  return is_sound;
}

/* ---- Names that Python has no string for ---- */

/* Python's words for the first byte that is no UTF-8; false when there is none. */
static bool refuse_name(sm_string name) {
  size_t at = 0, n = 1;
  while (at < name.size && (n = utf8_char_size(name.data + at, name.size - at)) != 0) at += n;
  if (n != 0) return false;
  unsigned char first = (unsigned char)name.data[at];
  size_t want = first < 0xC2 || first > 0xF4 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  const char *why = want == 0               ? "invalid start byte"
                    : name.size - at < want ? "unexpected end of data"
                                            : "invalid continuation byte";
  printf("'utf-8' codec can't decode byte 0x%02x in position %zu: %s\n", first, at, why);
  return true;
}

static bool accept_name(void *ctx, const sm_bundle_entry *entry) {
  (void)ctx;
  return !refuse_name(entry->key);
}

/* ---- Counting ---- */

typedef struct count {
  const regex_t *excluded; /* NULL: none */
  uint64_t n_excluded, excluded_params, params;
} count;

static bool count_tensor(void *ctx, const sm_bundle_entry *entry) {
  count *all = ctx;
  uint64_t params = 1;
  for (int32_t i = 0; i < entry->rank; i++) params *= (uint64_t)entry->dims[i];
  char name[4096];
  snprintf(name, sizeof name, "%.*s", (int)entry->key.size, entry->key.data);
  if (all->excluded != NULL && regexec(all->excluded, name, 0, NULL, 0) == 0) {
    all->n_excluded++;
    all->excluded_params += params;
  } else {
    all->params += params;
  }
  return true;
}

static int print_count(const job *the, const sm_bundle_reader *reader) {
  const char *pattern = the->text[COUNT_EXCLUDE_PATTERN];
  regex_t excluded;
  count all = {.excluded = NULL};
  if (!each_tensor(reader, accept_name, NULL)) return CLI_OK;
  if (*pattern != '\0') {
    if (regcomp(&excluded, pattern, REG_EXTENDED | REG_NOSUB) != 0) {
      printf("%s: not a regular expression\n", pattern);
      return CLI_OK;
    }
    all.excluded = &excluded;
  }
  bool is_sound = each_tensor(reader, count_tensor, &all);
  if (is_sound && all.excluded != NULL)
    printf("# Excluding %" PRIu64 " tensors (%" PRIu64 " params) that match %s when counting.\n", all.n_excluded,
           all.excluded_params, pattern);
  if (is_sound) printf("# Total number of params: %" PRIu64 "\n", all.params);
  if (all.excluded != NULL) regfree(&excluded);
  return CLI_OK;
}

/* ---- All of it ---- */

/* False: nothing more is to be printed. */
static bool print_wanted(const job *the, const sm_bundle_reader *reader) {
  naming to = {the, reader};
  sm_bundle_entry entry;
  if (the->is_on[ALL_TENSORS] || the->is_on[ALL_TENSOR_NAMES])
    return each_tensor(reader, accept_name, NULL) && each_tensor(reader, print_named, &to);
  const char *name = the->text[TENSOR_NAME];
  if (*name == '\0') return list_plainly(reader);
  if (sm_bundle_reader_find(&entry, reader, name, NULL) == SM_OK) return print_tensor(the, reader, &entry, true);
  printf("Tensor %s not found in checkpoint\n", name);
  return false;
}

/* Cuts what is behind the last dot. */
static void print_hint(const char *path) {
  const char *dot = strrchr(path, '.');
  printf(
      "\nIt's likely that this is a V2 checkpoint and you need to provide the filename\n"
      "*prefix*.  Try removing the '.' and extension.  Try:\n"
      "inspect checkpoint --file_name = %.*s\n",
      dot != NULL ? (int)(dot - path) : (int)strlen(path), path);
}

static int print_failure(const char *path, const sm_error *err) {
  enum { LEAST_TABLE = 48 }; /* bytes of a table's footer */
  const sm_fs *fs = sm_fs_local();
  sm_dir_entry entry;
  bool is_file = fs->stat(&entry, fs, path, "", 0, NULL) == SM_OK && entry.kind == SM_FILE_REGULAR;
  size_t size = strlen(path);
  if (is_file && size > 6 && strcmp(path + size - 6, ".index") == 0) {
    print_hint(path);
  } else if (err->code == SM_NOT_FOUND && !is_file) {
    printf("Unsuccessful TensorSliceReader constructor: Failed to find any matching files for %s\n", path);
  } else if (is_file && err->code == SM_DATA_LOSS) {
    printf(
        "Unable to open table file %s: DATA_LOSS: %s: perhaps your file is in a different file format and you need to "
        "use a different restore operator?\n",
        path, entry.size < LEAST_TABLE ? "file is too short to be an sstable" : "not an sstable (bad magic number)");
  } else {
    puts(err->message);
  }
  return CLI_OK;
}

int cli_inspect_checkpoint(int argc, char **argv) {
  job the;
  sm_bundle_reader *reader;
  sm_error err;
  int code = read_command_line(&the, argc, argv);
  if (code != CLI_OK) return code;
  const char *path = the.text[FILE_NAME];
  if (*path == '\0') {
    puts(
        "Usage: inspect_checkpoint --file_name=checkpoint_file_name [--tensor_name=tensor_to_print] [--all_tensors] "
        "[--all_tensor_names] [--count_exclude_pattern] [--printoptions]");
    return CLI_FAILED;
  }
  if (sm_bundle_reader_open(&reader, path, NULL, &err) != SM_OK) return print_failure(path, &err);
  code = print_wanted(&the, reader) ? print_count(&the, reader) : CLI_OK;
  sm_bundle_reader_close(reader);
  return code;
}
