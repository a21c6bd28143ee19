/*
 * dump_table: what is in a table, and whether it comes out the same when it is written again.
 *
 *     dump_table FILE
 *
 * Prints a line "KEY VALUE" in hexadecimal for each entry, "-" for none, and last "rewritten: " with "equal",
 * "differs at byte N" or why it cannot be. Every key is looked up as well, and the first of its kind must be found. The
 * exit code is 1 when the table is damaged.
 */
#include <stdio.h>
#include <stdlib.h>

#include "table/table.h"

static sm_error error;

static void print_hex(sm_string bytes, char end) {
  if (bytes.size == 0) putchar('-');
  for (size_t i = 0; i < bytes.size; i++) printf("%02x", (unsigned char)bytes.data[i]);
  putchar(end);
}

static sm_status put(void *ctx, const void *data, size_t size, sm_error *err) {
  return sm_buffer_put(ctx, data, size, err);
}

/* The same value, or that of an equal key before. */
static void look_up(const sm_table *table, const sm_table_iter *iter, sm_string *last_key) {
  sm_string value;
  bool is_first = last_key->data == NULL || !sm_string_equal(*last_key, iter->key);
  if (sm_table_find(&value, table, iter->key, &error) != SM_OK || (is_first && value.data != iter->value.data)) {
    fprintf(stderr, "dump_table: a key that is there is not found\n");
    exit(1);
  }
  free((void *)(uintptr_t)last_key->data);
  char *copy = malloc(iter->key.size + 1);
  if (copy == NULL) exit(1);
  memcpy(copy, iter->key.data, iter->key.size);
  *last_key = (sm_string){copy, iter->key.size};
}

/* *refusal: that of the writer, which takes ascending keys only. */
static sm_status dump(const sm_table *table, sm_table_writer *writer, sm_error *refusal) {
  sm_table_iter iter;
  sm_string last_key = {NULL, 0};
  refusal->code = SM_OK;
  sm_table_iter_init(&iter, table);
  sm_status status = sm_table_iter_seek(&iter, (sm_string){"", 0}, &error);
  for (; status == SM_OK && iter.is_valid; status = sm_table_iter_next(&iter, &error)) {
    print_hex(iter.key, ' ');
    print_hex(iter.value, '\n');
    look_up(table, &iter, &last_key);
    if (refusal->code == SM_OK) (void)sm_table_writer_add(writer, iter.key, iter.value, refusal);
  }
  free((void *)(uintptr_t)last_key.data);
  sm_table_iter_free(&iter);
  return status;
}

static void compare(const sm_buffer *made, const sm_bytes *file) {
  size_t i = 0;
  while (i < made->size && i < file->size && made->data[i] == file->data[i]) i++;
  if (made->size == file->size && i == file->size)
    printf("rewritten: equal\n");
  else
    printf("rewritten: differs at byte %zu\n", i);
}

static sm_status run(const char *path) {
  const sm_allocator *allocator = sm_allocator_or_malloc(NULL);
  sm_root root = {.fs = sm_fs_local(), .dir = ""};
  sm_bytes bytes, whole;
  sm_table *table;
  sm_table_writer *writer;
  sm_buffer made;
  sm_error refusal;
  SM_TRY(sm_bytes_load(&bytes, &root, path, UINT64_MAX, allocator, &error));
  whole = (sm_bytes){.data = bytes.data, .size = bytes.size};
  sm_status status = sm_table_open(&table, &bytes, path, NULL, &error);
  if (status != SM_OK) {
    sm_bytes_unload(&bytes);
    return status;
  }
  sm_buffer_init(&made, allocator, UINT64_MAX);
  status = sm_table_writer_new(&writer, (sm_table_sink){put, &made}, NULL, &error);
  if (status == SM_OK) status = dump(table, writer, &refusal);
  if (status == SM_OK) status = sm_table_writer_finish(writer, &error);
  if (status == SM_OK && refusal.code != SM_OK)
    printf("rewritten: %s\n", refusal.message);
  else if (status == SM_OK)
    compare(&made, &whole);
  sm_table_writer_free(writer);
  sm_buffer_free(&made);
  sm_table_close(table);
  return status;
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: dump_table FILE\n");
    return 2;
  }
  if (run(argv[1]) == SM_OK) return 0;
  fprintf(stderr, "%s: %s\n", sm_status_name(error.code), error.message);
  return 1;
}
