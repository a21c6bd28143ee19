/* savedmodel cat: one tensor, printed or written as .npy. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/array_text.h"
#include "cli/cli.h"
#include "cli/npy.h"
#include "cli/target.h"

static int usage(const char *what) {
  fprintf(stderr, "savedmodel: %s; savedmodel cat --help tells more\n", what);
  return CLI_USAGE;
}

/* ---- The slice, as numpy writes it ---- */

/* What a SPEC asks for. An index takes its dimension away. */
typedef struct selection {
  sm_extent extents[SM_MAX_RANK];
  bool is_index[SM_MAX_RANK];
} selection;

/* An integer at *at, which moves behind it; false when there is none. */
static bool read_number(int64_t *out, const char **at) {
  char *end;
  errno = 0;
  long long value = strtoll(*at, &end, 10);
  if (end == *at || errno != 0) return false;
  *out = value;
  *at = end;
  return true;
}

/* From the end when negative; cut to 0..dim. */
static int64_t clamp(int64_t position, int64_t dim) {
  if (position < 0) position = position < -dim ? 0 : position + dim;
  return position < dim ? position : dim;
}

/* "a:b", "a:", ":b", ":" or "a" at *at. NULL, or what is wrong. */
static const char *read_dimension(selection *out, size_t d, int64_t dim, const char **at) {
  int64_t start = 0, stop = dim;
  bool has_start = read_number(&start, at);
  if (**at != ':') {
    if (!has_start) return "a slice is made of numbers, ':' and ','";
    if (start < -dim || start >= dim) return "an index is out of bounds";
    out->extents[d] = (sm_extent){start < 0 ? start + dim : start, 1};
    out->is_index[d] = true;
    return NULL;
  }
  ++*at;
  (void)read_number(&stop, at);
  start = clamp(start, dim);
  stop = clamp(stop, dim);
  out->extents[d] = (sm_extent){start, stop > start ? stop - start : 0};
  out->is_index[d] = false;
  return **at == ':' ? "steps are not supported" : NULL;
}

static const char *read_selection(selection *out, const char *spec, const sm_bundle_entry *entry) {
  for (int32_t d = 0; d < entry->rank; d++) out->extents[d] = (sm_extent){0, entry->dims[d]};
  for (int32_t d = 0; *spec != '\0'; d++) {
    if (d == entry->rank) return "more dimensions than the tensor has";
    const char *wrong = read_dimension(out, (size_t)d, entry->dims[d], &spec);
    if (wrong != NULL) return wrong;
    if (*spec == ',')
      spec++;
    else if (*spec != '\0')
      return "a slice is made of numbers, ':' and ','";
  }
  return NULL;
}

/* Takes away the dimensions that were chosen by an index. */
static void drop_indices(sm_tensor_view *view, const selection *chosen) {
  int32_t rank = 0;
  for (int32_t d = 0; d < view->rank; d++)
    if (!chosen->is_index[d]) view->dims[rank++] = view->dims[d];
  view->rank = rank;
}

/* ---- Where it goes ---- */

static int print(const sm_tensor_view *view) {
  sm_error err;
  if (array_text_print(stdout, view, NULL, &err) != SM_OK) return cli_fail_status(&err);
  putchar('\n');
  return CLI_OK;
}

static int write_npy(const char *path, const sm_tensor_view *view) {
  sm_error err;
  target out;
  sm_status status = target_open(&out, path, &err);
  if (status == SM_OK) status = target_close(&out, npy_write(view, false, target_write, &out, &err), &err);
  return status == SM_OK ? CLI_OK : cli_fail_status(&err);
}

static int put(const cli_args *args, const sm_tensor_view *view) {
  return args->values[CLI_o] != NULL ? write_npy(args->values[CLI_o], view) : print(view);
}

/* chosen NULL: all. A slice may have no elements here, which the library does not know. */
static sm_status read_chosen(sm_tensor **out, const sm_bundle_reader *reader, const sm_bundle_entry *entry,
                             const selection *chosen, sm_error *err) {
  int64_t dims[SM_MAX_RANK];
  bool is_empty = false;
  if (chosen == NULL) return sm_bundle_reader_read_entry_tensor(out, reader, entry, NULL, err);
  for (int32_t d = 0; d < entry->rank; d++) {
    dims[d] = chosen->extents[d].length;
    is_empty |= dims[d] == 0;
  }
  if (is_empty) return sm_tensor_new(out, entry->dtype, dims, entry->rank, NULL, err);
  const sm_slice_spec slice = {chosen->extents, (size_t)entry->rank};
  return sm_bundle_reader_read_entry_tensor(out, reader, entry, &slice, err);
}

static int cat(const cli_args *args, const sm_bundle_reader *reader, const char *key) {
  sm_error err;
  sm_bundle_entry entry;
  sm_tensor *tensor;
  selection chosen = {.is_index = {false}};
  const char *spec = args->values[CLI_slice];
  if (sm_bundle_reader_find(&entry, reader, key, &err) != SM_OK) return cli_fail_status(&err);
  const char *wrong = spec != NULL ? read_selection(&chosen, spec, &entry) : NULL;
  if (wrong != NULL) return cli_fail("--slice %s: %s", spec, wrong);
  if (read_chosen(&tensor, reader, &entry, spec != NULL ? &chosen : NULL, &err) != SM_OK) return cli_fail_status(&err);
  sm_tensor_view view = *sm_tensor_get_view(tensor);
  drop_indices(&view, &chosen);
  int code = put(args, &view);
  sm_tensor_free(tensor);
  return code;
}

int cli_cat(const cli_args *args) {
  sm_bundle_reader *reader;
  size_t key_word = args->values[CLI_dir] != NULL ? 1 : 2;
  if (args->n_words <= key_word) return usage("cat needs PATH and KEY");
  int code = cli_checkpoint_open(&reader, args, cli_dir(args));
  if (code != CLI_OK) return code;
  code = cat(args, reader, args->words[key_word]);
  sm_bundle_reader_close(reader);
  return code;
}
