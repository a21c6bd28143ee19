/*
 * Opens a SavedModel through a file system of its own: the files lie in a table of this program and are encrypted (with
 * XOR, which protects nothing). They are decrypted as they are read; nothing is written anywhere.
 *
 *     cc own_fs.c -o own_fs $(pkg-config --cflags --libs savedmodel)
 *     ./own_fs secret
 */
#include <stdio.h>
#include <string.h>

#include <savedmodel/savedmodel.h>

typedef struct stored_file {
  const char *dir, *name;
  size_t size;
  unsigned char bytes[64];
} stored_file;

enum { KEY = 0x5A };
/* One meta graph with the tags "serve" and "gpu", and nothing in it. */
static const stored_file files[] = {
    {"secret",
     "saved_model.pb",
     18,
     {0x52, 0x5B, 0x48, 0x54, 0x50, 0x56, 0x78, 0x5F, 0x29, 0x3F, 0x28, 0x2C, 0x3F, 0x78, 0x59, 0x3D, 0x2A, 0x2F}},
};
enum { N_FILES = sizeof files / sizeof files[0] };

/* The message of a failure is for people: it should name the path. err may be NULL. */
static sm_status fail(sm_error *err, sm_status code, const char *root, const char *name) {
  if (err == NULL) return code;
  *err = (sm_error){.code = code, .offset = UINT64_MAX};
  snprintf(err->message, sizeof err->message, "%s/%s: not in the table", root, name);
  return code;
}

static sm_status own_open(sm_file *file, const sm_fs *fs, const char *root, const char *name, unsigned flags,
                          sm_error *err) {
  (void)fs, (void)flags; /* no links to refuse */
  for (size_t i = 0; i < N_FILES; i++) {
    if (strcmp(files[i].dir, root) != 0 || strcmp(files[i].name, name) != 0) continue;
    *file = (sm_file){.handle = (void *)&files[i], .size = files[i].size};
    return SM_OK;
  }
  return fail(err, SM_NOT_FOUND, root, name);
}

static sm_status own_read_at(const sm_fs *fs, const sm_file *file, uint64_t offset, void *dst, size_t dst_size,
                             sm_error *err) {
  (void)fs;
  const stored_file *stored = file->handle;
  if (offset > stored->size || dst_size > stored->size - offset)
    return fail(err, SM_OUT_OF_RANGE, stored->dir, stored->name);
  for (size_t i = 0; i < dst_size; i++) ((unsigned char *)dst)[i] = stored->bytes[offset + i] ^ KEY;
  return SM_OK;
}

static void own_close(const sm_fs *fs, sm_file *file) { (void)fs, (void)file; }

static sm_status own_stat(sm_dir_entry *entry, const sm_fs *fs, const char *root, const char *name, unsigned flags,
                          sm_error *err) {
  sm_file file;
  SM_TRY(own_open(&file, fs, root, name, flags, err));
  *entry = (sm_dir_entry){.name = name, .size = file.size, .kind = SM_FILE_REGULAR};
  return SM_OK;
}

static sm_status own_list(const sm_fs *fs, const char *root, const char *name, unsigned flags, sm_dir_fn fn,
                          void *fn_ctx, sm_error *err) {
  (void)fs, (void)flags;
  if (*name != '\0') return fail(err, SM_NOT_FOUND, root, name); /* directories have no directories here */
  for (size_t i = 0; i < N_FILES; i++) {
    sm_dir_entry entry = {.name = files[i].name, .size = files[i].size, .kind = SM_FILE_REGULAR};
    if (strcmp(files[i].dir, root) == 0) SM_TRY(fn(fn_ctx, &entry, err));
  }
  return SM_OK;
}

int main(int argc, char **argv) {
  /* No map: what is decrypted exists only where the library reads it to. No create and so on: it is read-only. */
  const sm_fs fs = {.struct_size = sizeof fs,
                    .open = own_open,
                    .read_at = own_read_at,
                    .close = own_close,
                    .stat = own_stat,
                    .list = own_list};
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  options.fs = &fs;
  sm_model *model;
  sm_error err;
  if (sm_model_open(&model, argc > 1 ? argv[1] : "secret", &options, &err) != SM_OK) {
    fprintf(stderr, "%s (%s)\n", err.message, sm_status_name(err.code));
    return 1;
  }
  const sm_meta_graph *graph = sm_model_get_meta_graph(model, 0);
  for (size_t i = 0; i < sm_meta_graph_n_tags(graph); i++) printf("%s\n", sm_meta_graph_get_tag(graph, i));
  sm_model_close(model);
  return 0;
}
