/*
 * Writes checkpoints as its input says, so that a script can have them read by TensorFlow. A line is a command, its words
 * separated by blanks:
 *
 *   open PREFIX [OPTION=VALUE]...   options: alignment n_shards max_shard_size big_endian overwrite no_sync n_threads
 *   add KEY DTYPE RANK DIM... FILE
 *   slice KEY DTYPE RANK DIM... START LENGTH... FILE    an extent for each dimension; FILE holds the part
 *   pieces KEY DTYPE RANK DIM... SIZE FILE              appended SIZE bytes at a time
 *   finish
 *   merge PREFIX OVERWRITE PART...
 *   copy PREFIX FROM                                    all tensors of a checkpoint, each with all its parts
 *   rewrite PREFIX FROM                                 the same, part by part in the order of the data; one checkpoint for
 *                                                       each data file, and these merged
 *
 * KEY is hexadecimal. FILE holds the elements; of strings and variants a length of 8 bytes before each. Bytes are in the
 * order of the machine. Every command is answered with a line: "OK", or the name of the status and the message.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <savedmodel/savedmodel.h>

enum { MAX_WORDS = 1024 };

static sm_bundle_writer *writer;
static sm_error err;

static void *must(void *pointer) {
  if (pointer != NULL) return pointer;
  fprintf(stderr, "bundle_write: out of memory\n");
  exit(1);
}

/* ---- Words ---- */

static sm_string key_of(const char *hex) {
  size_t n = strlen(hex) / 2;
  char *bytes = must(malloc(n + 1));
  for (size_t i = 0; i < n; i++) {
    unsigned byte = 0;
    (void)sscanf(hex + 2 * i, "%2x", &byte);
    bytes[i] = (char)byte;
  }
  bytes[n] = '\0';
  return (sm_string){bytes, n};
}

static char *read_all(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) {
    perror(path);
    exit(1);
  }
  fseek(file, 0, SEEK_END);
  *size = (size_t)ftell(file);
  rewind(file);
  char *data = must(malloc(*size + 1));
  if (fread(data, 1, *size, file) != *size) exit(1);
  fclose(file);
  return data;
}

/* A tensor whose elements are in a file. owned: to be freed afterwards. */
static sm_tensor_view tensor_of(const char *dtype, char **dims, int rank, const char *path, void *owned[2]) {
  sm_tensor_view view = {.dtype = (sm_dtype)strtol(dtype, NULL, 10), .rank = rank};
  size_t size, n = 0;
  char *data = owned[0] = read_all(path, &size);
  for (int i = 0; i < rank; i++) view.dims[i] = strtoll(dims[i], NULL, 10);
  owned[1] = NULL;
  view.data = data;
  view.size = size;
  if (view.dtype != SM_DT_STRING && view.dtype != SM_DT_VARIANT) return view;
  sm_string *strings = owned[1] = must(malloc((size / 8 + 1) * sizeof *strings));
  for (size_t at = 0; at < size; n++) {
    uint64_t length;
    memcpy(&length, data + at, 8);
    strings[n] = (sm_string){data + at + 8, (size_t)length};
    at += 8 + length;
  }
  view.data = strings;
  view.size = n * sizeof *strings;
  return view;
}

/* ---- Commands ---- */

static sm_status open_writer(char **words, int n) {
  sm_save_options options = SM_SAVE_OPTIONS_INIT;
  sm_bundle_writer_close(writer);
  writer = NULL;
  for (int i = 2; i < n; i++) {
    char *value = strchr(words[i], '=');
    if (value == NULL) exit(1);
    *value++ = '\0';
    uint64_t number = strtoull(value, NULL, 10);
    if (strcmp(words[i], "alignment") == 0) options.alignment = (uint32_t)number;
    if (strcmp(words[i], "n_shards") == 0) options.n_shards = (uint32_t)number;
    if (strcmp(words[i], "max_shard_size") == 0) options.max_shard_size = number;
    if (strcmp(words[i], "big_endian") == 0) options.big_endian = number != 0;
    if (strcmp(words[i], "overwrite") == 0) options.overwrite = number != 0;
    if (strcmp(words[i], "no_sync") == 0) options.no_sync = number != 0;
    if (strcmp(words[i], "n_threads") == 0) options.n_threads = (uint32_t)number;
  }
  return sm_bundle_writer_open(&writer, words[1], &options, &err);
}

static sm_status add(char **words, bool is_slice) {
  void *owned[2];
  sm_string key = key_of(words[1]);
  int rank = (int)strtol(words[3], NULL, 10);
  sm_tensor_view view = tensor_of(words[2], words + 4, rank, words[4 + rank * (is_slice ? 3 : 1)], owned);
  sm_status status;
  if (is_slice) {
    int64_t dims[SM_MAX_RANK];
    sm_extent extents[SM_MAX_RANK];
    for (int i = 0; i < rank; i++) {
      dims[i] = view.dims[i];
      extents[i].start = strtoll(words[4 + rank + 2 * i], NULL, 10);
      extents[i].length = strtoll(words[5 + rank + 2 * i], NULL, 10);
      if (extents[i].length >= 0) view.dims[i] = extents[i].length;
    }
    sm_slice_spec slice = {extents, (size_t)rank};
    status = sm_bundle_writer_add_slice(writer, key.data, dims, &slice, &view, &err);
  } else {
    status = sm_bundle_writer_add_n(writer, key, &view, &err);
  }
  free(owned[0]);
  free(owned[1]);
  free((void *)(uintptr_t)key.data);
  return status;
}

static sm_status add_pieces(char **words) {
  void *owned[2];
  sm_string key = key_of(words[1]);
  int rank = (int)strtol(words[3], NULL, 10);
  size_t piece = (size_t)strtoull(words[4 + rank], NULL, 10);
  sm_tensor_view view = tensor_of(words[2], words + 4, rank, words[5 + rank], owned);
  sm_status status = sm_bundle_writer_begin(writer, key.data, view.dtype, view.dims, rank, &err);
  for (size_t at = 0; at < view.size && status == SM_OK; at += piece) {
    size_t left = view.size - at;
    status = sm_bundle_writer_append(writer, (const char *)view.data + at, left < piece ? left : piece, &err);
  }
  free(owned[0]);
  free((void *)(uintptr_t)key.data);
  return status;
}

static sm_status merge(char **words, int n) {
  sm_save_options options = SM_SAVE_OPTIONS_INIT;
  options.overwrite = strcmp(words[2], "1") == 0;
  return sm_bundle_merge(words[1], (const char *const *)words + 3, (size_t)(n - 3), &options, &err);
}

/* ---- Copying ---- */

/* A tensor, or a part of one, and where its bytes lie. */
typedef struct item {
  sm_bundle_entry entry;
  bool is_slice;
  int32_t shard;
  uint64_t offset, size;
  sm_extent extents[SM_MAX_RANK];
} item;

typedef struct items {
  item **all;
  size_t n;
} items;

static int by_place(const void *a, const void *b) {
  const item *p = *(item *const *)a, *q = *(item *const *)b;
  if (p->shard != q->shard) return p->shard < q->shard ? -1 : 1;
  if (p->offset != q->offset) return p->offset < q->offset ? -1 : 1;
  return p->size < q->size ? -1 : p->size > q->size; /* no bytes lie before the others at one place */
}

static item *add_item(items *list, const sm_bundle_entry *entry) {
  item *added = must(calloc(1, sizeof *added));
  char *key = must(malloc(entry->key.size + 1));
  memcpy(key, entry->key.data, entry->key.size);
  added->entry = *entry;
  added->entry.key.data = key;
  added->shard = entry->shard;
  added->offset = entry->offset;
  added->size = entry->size;
  list->all = must(realloc(list->all, (list->n + 1) * sizeof *list->all));
  return list->all[list->n++] = added;
}

static sm_status add_parts(items *list, const sm_bundle_reader *reader, const sm_bundle_entry *entry) {
  uint64_t position = 0;
  for (size_t i = 0; i < entry->n_slices; i++) {
    static char key[1 << 16];
    size_t size;
    sm_bundle_entry part;
    item *added = add_item(list, entry);
    sm_slice_spec slice = {added->extents, (size_t)entry->rank};
    sm_status status = sm_bundle_entry_next_slice(added->extents, entry, &position, &err);
    if (status == SM_OK) status = sm_bundle_slice_key(key, sizeof key, &size, entry->key, &slice, &err);
    if (status == SM_OK) status = sm_bundle_reader_find_n(&part, reader, (sm_string){key, size}, &err);
    if (status != SM_OK) return status;
    added->is_slice = true;
    added->shard = part.shard;
    added->offset = part.offset;
    added->size = part.size;
  }
  return SM_OK;
}

static sm_status list_items(items *list, const sm_bundle_reader *reader, bool with_parts) {
  sm_bundle_iter *iter;
  sm_status status = sm_bundle_iter_new(&iter, reader, NULL, &err);
  for (const sm_bundle_entry *entry; status == SM_OK;) {
    status = sm_bundle_iter_next(&entry, iter, &err);
    if (status != SM_OK || entry == NULL) break;
    if (with_parts && entry->n_slices != 0)
      status = add_parts(list, reader, entry);
    else
      (void)add_item(list, entry);
  }
  sm_bundle_iter_free(iter);
  if (list->n != 0) qsort(list->all, list->n, sizeof *list->all, by_place);
  return status;
}

static void free_items(items *list) {
  for (size_t i = 0; i < list->n; i++) {
    free((void *)(uintptr_t)list->all[i]->entry.key.data);
    free(list->all[i]);
  }
  free(list->all);
}

static sm_status copy_item(sm_bundle_writer *to, const sm_bundle_reader *reader, const item *copied) {
  const sm_bundle_entry *entry = &copied->entry;
  sm_tensor *part;
  sm_slice_spec slice = {copied->extents, (size_t)entry->rank};
  if (!copied->is_slice) return sm_bundle_writer_copy(to, NULL, reader, entry, &err);
  sm_status status = sm_bundle_reader_read_entry_tensor(&part, reader, entry, &slice, &err);
  if (status != SM_OK) return status;
  status = sm_bundle_writer_add_slice_n(to, entry->key, entry->dims, &slice, sm_tensor_get_view(part), &err);
  sm_tensor_free(part);
  return status;
}

/* Those that lie in one data file; -1: all. */
static sm_status copy_items(const char *prefix, const sm_bundle_reader *reader, const items *list, int32_t shard) {
  sm_save_options options = SM_SAVE_OPTIONS_INIT;
  options.no_sync = true;
  options.big_endian = sm_bundle_reader_get_header(reader)->big_endian;
  sm_bundle_writer *to;
  sm_status status = sm_bundle_writer_open(&to, prefix, &options, &err);
  for (size_t i = 0; i < list->n && status == SM_OK; i++)
    if (shard == -1 || list->all[i]->shard == shard) status = copy_item(to, reader, list->all[i]);
  if (status == SM_OK) status = sm_bundle_writer_finish(to, &err);
  sm_bundle_writer_close(to);
  return status;
}

/* A checkpoint for each data file, then all merged. */
static sm_status copy_shards(const char *prefix, const sm_bundle_reader *reader, const items *list) {
  int32_t n = sm_bundle_reader_get_header(reader)->n_shards;
  const char **parts = must(calloc((size_t)n, sizeof *parts));
  sm_save_options options = SM_SAVE_OPTIONS_INIT;
  sm_status status = SM_OK;
  options.no_sync = true;
  for (int32_t i = 0; i < n; i++) {
    char *part = must(malloc(strlen(prefix) + 32));
    snprintf(part, strlen(prefix) + 32, "%s_temp/part-%d", prefix, (int)i);
    parts[i] = part;
    if (status == SM_OK) status = copy_items(part, reader, list, i);
  }
  if (status == SM_OK) status = sm_bundle_merge(prefix, parts, (size_t)n, &options, &err);
  for (int32_t i = 0; i < n; i++) free((void *)(uintptr_t)parts[i]);
  free(parts);
  return status;
}

static sm_status copy(char **words) {
  sm_bundle_reader *reader;
  items list = {0};
  bool is_rewrite = strcmp(words[0], "rewrite") == 0;
  sm_status status = sm_bundle_reader_open(&reader, words[2], NULL, &err);
  if (status == SM_OK) status = list_items(&list, reader, is_rewrite);
  if (status == SM_OK && is_rewrite && sm_bundle_reader_get_header(reader)->n_shards > 1)
    status = copy_shards(words[1], reader, &list);
  else if (status == SM_OK)
    status = copy_items(words[1], reader, &list, -1);
  free_items(&list);
  sm_bundle_reader_close(reader);
  return status;
}

static sm_status run(char **words, int n) {
  if (strcmp(words[0], "merge") == 0) return merge(words, n);
  if (strcmp(words[0], "copy") == 0 || strcmp(words[0], "rewrite") == 0) return copy(words);
  if (strcmp(words[0], "open") == 0) return open_writer(words, n);
  if (strcmp(words[0], "add") == 0) return add(words, false);
  if (strcmp(words[0], "slice") == 0) return add(words, true);
  if (strcmp(words[0], "pieces") == 0) return add_pieces(words);
  if (strcmp(words[0], "finish") == 0) return sm_bundle_writer_finish(writer, &err);
  fprintf(stderr, "bundle_write: %s?\n", words[0]);
  exit(1);
}

int main(void) {
  static char line[1 << 20];
  while (fgets(line, sizeof line, stdin) != NULL) {
    char *words[MAX_WORDS];
    int n = 0;
    for (char *p = line; *p != '\0' && n < MAX_WORDS;) {
      p += strspn(p, " \n");
      if (*p == '\0') break;
      words[n++] = p;
      p += strcspn(p, " \n");
      if (*p != '\0') *p++ = '\0';
    }
    if (n == 0) continue;
    sm_status status = run(words, n);
    if (status == SM_OK)
      printf("OK\n");
    else
      printf("%s %s\n", sm_status_name(status), err.message);
    fflush(stdout);
  }
  sm_bundle_writer_close(writer);
  return 0;
}
