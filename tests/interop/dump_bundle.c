/*
 * What is in a checkpoint, for check_bundles.py.
 *
 *   dump_bundle [--no-mmap] PREFIX                 every tensor
 *   dump_bundle [--no-mmap] PREFIX KEY_HEX SLICE   a part of one: 0,2:- is rows 0 and 1, "" a scalar
 *   dump_bundle [--no-mmap] --verify PREFIX        what verify finds
 *
 * Each tensor is a line "KEY_HEX DTYPE SIZE_OF_VALUE N_SLICES DIMS..." and its value: numbers as little-endian bytes, of
 * each string its length as eight bytes and its bytes. An error is a line "KEY_HEX error: MESSAGE". All ways of reading a
 * tensor are taken and have to agree.
 */
#include <savedmodel/bundle.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_key(sm_string key) {
  for (size_t i = 0; i < key.size; i++) printf("%02x", (unsigned)(unsigned char)key.data[i]);
  if (key.size == 0) printf("-");
}

static int is_text(sm_dtype dtype) { return dtype == SM_DT_STRING || dtype == SM_DT_VARIANT; }

static void print_tensor(const sm_bundle_entry *entry, const sm_tensor_view *view) {
  const sm_string *strings = view->data;
  size_t n = is_text(view->dtype) ? view->size / sizeof(sm_string) : 0, size = is_text(view->dtype) ? 0 : view->size;
  for (size_t i = 0; i < n; i++) size += 8 + strings[i].size;
  print_key(entry->key);
  printf(" %s %zu %zu", sm_dtype_python_name(view->dtype), size, entry->n_slices);
  for (int32_t i = 0; i < view->rank; i++) printf(" %" PRId64, view->dims[i]);
  printf("\n");
  if (!is_text(view->dtype)) fwrite(view->data, 1, view->size, stdout);
  for (size_t i = 0; i < n; i++) {
    uint64_t length = strings[i].size;
    for (unsigned k = 0; k < 8; k++) putchar((int)(length >> 8 * k & 0xFF));
    fwrite(strings[i].data, 1, strings[i].size, stdout);
    if (strings[i].data[strings[i].size] != '\0') abort();
  }
}

/* The other two ways. */
static void compare(const sm_bundle_reader *reader, const sm_bundle_entry *entry, const sm_slice_spec *slice,
                    const sm_tensor_view *view) {
  sm_error err;
  sm_tensor_view other;
  void *copy = malloc(view->size + 1);
  sm_status status = sm_bundle_reader_read_entry(reader, entry, slice, copy, view->size, &err);
  if (is_text(view->dtype) ? status != SM_INVALID_ARGUMENT : status != SM_OK) abort();
  if (status == SM_OK && view->size != 0 && memcmp(copy, view->data, view->size) != 0) abort();
  free(copy);
  if (slice != NULL) return;
  status = sm_bundle_reader_view_entry(&other, reader, entry, &err);
  if (status != SM_OK && status != SM_FAILED_PRECONDITION) abort();
  if (status != SM_OK) return;
  if (other.size != view->size || other.dtype != view->dtype || other.rank != view->rank) abort();
  if (other.size != 0 && memcmp(other.data, view->data, view->size) != 0) abort();
}

static int dump(const sm_bundle_reader *reader, const sm_bundle_entry *entry, const sm_slice_spec *slice) {
  sm_error err;
  sm_tensor *tensor;
  if (sm_bundle_reader_read_entry_tensor(&tensor, reader, entry, slice, &err) != SM_OK) {
    print_key(entry->key);
    printf(" error: %s: %s\n", sm_status_name(err.code), err.message);
    return 1;
  }
  compare(reader, entry, slice, sm_tensor_get_view(tensor));
  print_tensor(entry, sm_tensor_get_view(tensor));
  sm_tensor_free(tensor);
  return 0;
}

static int dump_all(const sm_bundle_reader *reader) {
  sm_error err;
  sm_bundle_iter *iter;
  const sm_bundle_entry *entry;
  sm_bundle_entry found;
  int result = 0;
  if (sm_bundle_iter_new(&iter, reader, NULL, &err) != SM_OK) {
    printf("- error: %s: %s\n", sm_status_name(err.code), err.message);
    return 1;
  }
  for (;;) {
    sm_status status = sm_bundle_iter_next(&entry, iter, &err);
    if (status != SM_OK) {
      print_key(entry != NULL ? entry->key : (sm_string){NULL, 0});
      printf(" error: %s: %s\n", sm_status_name(err.code), err.message);
      result = 1;
      if (entry == NULL) break;
      continue;
    }
    if (entry == NULL) break;
    if (sm_bundle_reader_find_n(&found, reader, entry->key, &err) != SM_OK || found.n_slices != entry->n_slices)
      abort();
    result |= dump(reader, entry, NULL);
  }
  sm_bundle_iter_free(iter);
  return result;
}

static int dump_slice(const sm_bundle_reader *reader, const char *key_hex, const char *text) {
  sm_error err;
  sm_bundle_entry entry;
  char key[1024];
  size_t size = strlen(key_hex) / 2;
  for (size_t i = 0; i < size && i < sizeof key; i++) {
    const char digits[] = {key_hex[2 * i], key_hex[2 * i + 1], '\0'};
    key[i] = (char)strtoul(digits, NULL, 16);
  }
  if (sm_bundle_reader_find_n(&entry, reader, (sm_string){key, size}, &err) != SM_OK) {
    printf("%s error: %s: %s\n", key_hex, sm_status_name(err.code), err.message);
    return 1;
  }
  sm_extent extents[SM_MAX_RANK];
  sm_slice_spec slice = {extents, 0};
  for (char *end; *text != '\0' && slice.n_extents < SM_MAX_RANK; text += *text == ':') {
    sm_extent *extent = &extents[slice.n_extents++];
    *extent = (sm_extent){0, -1};
    if (*text == '-') {
      text++;
      continue;
    }
    extent->start = strtoll(text, &end, 10);
    extent->length = strtoll(end + 1, &end, 10);
    text = end;
  }
  return dump(reader, &entry, &slice);
}

static void print_defect(void *ctx, const sm_finding *defect) {
  (void)ctx;
  static const char *const names[] = {"note", "warning", "error"};
  printf("%s: %s: %s: %s\n", names[defect->severity], defect->file, defect->place, defect->what);
}

int main(int argc, char **argv) {
  sm_error err;
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  sm_bundle_reader *reader;
  int verifies = 0;
  for (; argc > 1 && strncmp(argv[1], "--", 2) == 0; argc--, argv++) {
    if (strcmp(argv[1], "--no-mmap") == 0) options.no_mmap = true;
    if (strcmp(argv[1], "--verify-all") == 0) options.verify = SM_VERIFY_ALL;
    if (strcmp(argv[1], "--verify") == 0) verifies = 1;
  }
  if (sm_bundle_reader_open(&reader, argc > 1 ? argv[1] : "", &options, &err) != SM_OK) {
    printf("- error: %s: %s\n", sm_status_name(err.code), err.message);
    return 1;
  }
  int result;
  if (verifies)
    result = sm_bundle_reader_verify(reader, print_defect, NULL, NULL, &err) != SM_OK;
  else
    result = argc > 3 ? dump_slice(reader, argv[2], argv[3]) : dump_all(reader);
  sm_bundle_reader_close(reader);
  return result;
}
