/* savedmodel tensors: what a checkpoint holds. */
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/json.h"
#include "cli/sha256.h"

typedef struct listing {
  const sm_bundle_reader *reader;
  const cli_args *args;
  json *out; /* NULL: text */
  bool wants_sha256;
  size_t n_failed;
  sm_error first; /* of the failures */
  char hex[SHA256_HEX_SIZE];
} listing;

/* ---- Which ---- */

/* Without --filter all, else those that any of the patterns fits. Keys are compared up to a NUL. */
static int is_wanted(bool *out, const cli_args *args, sm_string key) {
  size_t position = 0;
  const char *pattern = cli_args_next(args, CLI_filter, &position);
  *out = pattern == NULL;
  if (*out) return CLI_OK;
  char *text = malloc(key.size + 1);
  if (text == NULL) return cli_fail("out of memory");
  memcpy(text, key.data, key.size);
  text[key.size] = '\0';
  for (; pattern != NULL && !*out; pattern = cli_args_next(args, CLI_filter, &position))
    *out = fnmatch(pattern, text, 0) == 0;
  free(text);
  return CLI_OK;
}

static void note_failure(listing *to, const sm_error *err) {
  if (to->n_failed++ == 0) to->first = *err;
}

/* ---- One tensor ---- */

static bool is_in_one_place(const sm_bundle_entry *entry) { return entry->shard >= 0; }

static bool compute_sha256(listing *to, const sm_bundle_entry *entry, sm_error *err) {
  sm_tensor *tensor;
  if (sm_bundle_reader_read_entry_tensor(&tensor, to->reader, entry, NULL, err) != SM_OK) return false;
  sha256_of_tensor(to->hex, sm_tensor_get_view(tensor));
  sm_tensor_free(tensor);
  return true;
}

static void print_dims(const sm_bundle_entry *entry) {
  putchar('[');
  for (int32_t i = 0; i < entry->rank; i++) printf("%s%" PRId64, i != 0 ? "," : "", entry->dims[i]);
  putchar(']');
}

static void print_line(listing *to, const sm_bundle_entry *entry) {
  sm_error err;
  cli_put(entry->key.data, entry->key.size);
  printf("\t%s\t", sm_dtype_name(entry->dtype));
  print_dims(entry);
  if (is_in_one_place(entry))
    printf("\t%" PRIu64 "\t%" PRId32 ":%" PRIu64, entry->size, entry->shard, entry->offset);
  else
    fputs("\t-\t-", stdout);
  if (entry->n_slices != 0)
    printf("\t%zu %s", entry->n_slices, entry->n_slices == 1 ? "slice" : "slices");
  else
    fputs("\t-", stdout);
  if (to->wants_sha256 && compute_sha256(to, entry, &err)) {
    printf("\t%s", to->hex);
  } else if (to->wants_sha256) {
    fputs("\terror", stdout);
    note_failure(to, &err);
  }
  putchar('\n');
}

/* [[start, length], ...] of each part; a dimension as a whole is [0, -1]. */
static bool print_slices(listing *to, const sm_bundle_entry *entry, sm_error *err) {
  sm_extent extents[SM_MAX_RANK];
  uint64_t position = 0;
  sm_status status = SM_OK;
  if (entry->n_slices == 0) {
    json_null(to->out, "slices");
    return true;
  }
  json_begin_list(to->out, "slices");
  for (size_t i = 0; status == SM_OK && i < entry->n_slices; i++) {
    status = sm_bundle_entry_next_slice(extents, entry, &position, err);
    if (status != SM_OK) break;
    json_begin_list(to->out, NULL);
    for (int32_t d = 0; d < entry->rank; d++) {
      json_begin_list(to->out, NULL);
      json_int(to->out, NULL, extents[d].start);
      json_int(to->out, NULL, extents[d].length);
      json_end_list(to->out);
    }
    json_end_list(to->out);
  }
  json_end_list(to->out);
  return status == SM_OK;
}

static void print_place(json *out, const sm_bundle_entry *entry) {
  if (is_in_one_place(entry)) {
    json_uint(out, "bytes", entry->size);
    json_uint(out, "crc32c", entry->crc32c);
  } else {
    json_null(out, "bytes");
    json_null(out, "crc32c");
  }
}

static void print_object(listing *to, const sm_bundle_entry *entry) {
  sm_error err;
  json *out = to->out;
  bool has_sha256 = to->wants_sha256 && compute_sha256(to, entry, &err);
  bool is_sound = has_sha256 || !to->wants_sha256;
  json_begin_object(out, NULL);
  print_place(out, entry);
  json_string(out, "dtype", sm_dtype_name(entry->dtype));
  if (!is_sound) json_string(out, "error", err.message);
  json_bytes(out, "key", entry->key.data, entry->key.size);
  if (is_in_one_place(entry))
    json_uint(out, "offset", entry->offset);
  else
    json_null(out, "offset");
  if (has_sha256) json_string(out, "sha256", to->hex);
  json_begin_list(out, "shape");
  for (int32_t i = 0; i < entry->rank; i++) json_int(out, NULL, entry->dims[i]);
  json_end_list(out);
  if (is_in_one_place(entry))
    json_int(out, "shard", entry->shard);
  else
    json_null(out, "shard");
  sm_error slice_err;
  if (!print_slices(to, entry, &slice_err)) note_failure(to, &slice_err);
  json_end_object(out);
  if (!is_sound) note_failure(to, &err);
}

/* An entry of the index that says nothing sensible: only its key is known. */
static void print_damaged(listing *to, sm_string key, const sm_error *err) {
  note_failure(to, err);
  if (to->out == NULL) {
    cli_put(key.data, key.size);
    puts("\terror");
    return;
  }
  json_begin_object(to->out, NULL);
  json_string(to->out, "error", err->message);
  json_bytes(to->out, "key", key.data, key.size);
  json_end_object(to->out);
}

/* ---- All of them ---- */

static int print_tensors(listing *to) {
  sm_bundle_iter *iter;
  const sm_bundle_entry *entry;
  sm_error err;
  if (sm_bundle_iter_new(&iter, to->reader, NULL, &err) != SM_OK) return cli_fail_status(&err);
  int code = CLI_OK;
  for (;;) {
    bool wanted;
    sm_status status = sm_bundle_iter_next(&entry, iter, &err);
    if (entry == NULL && status != SM_OK) note_failure(to, &err);
    if (entry == NULL) break;
    code = is_wanted(&wanted, to->args, entry->key);
    if (code != CLI_OK) break;
    if (!wanted) continue;
    if (status != SM_OK)
      print_damaged(to, entry->key, &err);
    else if (to->out != NULL)
      print_object(to, entry);
    else
      print_line(to, entry);
  }
  sm_bundle_iter_free(iter);
  return code;
}

static void print_header(json *out, const sm_bundle_header *header) {
  json_begin_object(out, "header");
  json_string(out, "endianness", header->big_endian ? "big" : "little");
  json_int(out, "num_shards", header->n_shards);
  json_begin_object(out, "version");
  json_begin_list(out, "bad_consumers");
  for (size_t i = 0; i < header->n_bad_consumers; i++) json_int(out, NULL, header->bad_consumers[i]);
  json_end_list(out);
  json_int(out, "min_consumer", header->min_consumer);
  json_int(out, "producer", header->producer);
  json_end_object(out);
  json_end_object(out);
}

static int print_document(listing *to) {
  json_begin_object(to->out, NULL);
  json_string(to->out, "format", "savedmodel/1");
  print_header(to->out, sm_bundle_reader_get_header(to->reader));
  json_begin_list(to->out, "tensors");
  int code = print_tensors(to);
  json_end_list(to->out);
  json_end_object(to->out);
  json_finish(to->out);
  return code;
}

int cli_tensors(const cli_args *args) {
  sm_bundle_reader *reader;
  json out = {.depth = 0};
  listing to = {.args = args, .wants_sha256 = args->values[CLI_sha256] != NULL};
  if (to.wants_sha256 && !sha256_is_there())
    return cli_fail("--sha256 is not supported in this build: it lacks nettle");
  int code = cli_checkpoint_open(&reader, args, cli_dir(args));
  if (code != CLI_OK) return code;
  to.reader = reader;
  to.out = args->values[CLI_json] != NULL ? &out : NULL;
  code = to.out != NULL ? print_document(&to) : print_tensors(&to);
  sm_bundle_reader_close(reader);
  if (to.n_failed == 1) return cli_fail_status(&to.first);
  if (to.n_failed > 1)
    return cli_fail("%zu tensors cannot be read; the first: %s (%s)", to.n_failed, to.first.message,
                    sm_status_name(to.first.code));
  return code;
}
