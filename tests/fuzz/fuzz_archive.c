/*
 * An archive: every member listed, opened and read, mapped and in pieces, which must give the same.
 *
 *   byte 0   SIGNED, READ, UNCHECKED
 */
#include "fuzz.h"

#include <string.h>

#include <savedmodel/savedmodel.h>

#include "support/archive_writer.h"
#include "support/fault_alloc.h"

const size_t fuzz_message_at = NO_MESSAGE;

enum {
  SIGNED = 1,   /* the headers of a tar get the checksum they need, which chance would not find */
  READ = 2,     /* the archive is read, not mapped */
  UNCHECKED = 4 /* no crc32 of stored members */
};

/* Names are short when they are many: an input of 64 KiB cannot have more memory in them. */
enum { MAX_BYTES = 4 << 20, MAX_MEMORY = 4 * MAX_BYTES, MAX_READ = 1 << 20 };

typedef struct walk {
  const sm_fs *fs;
  const char *dir;
  w_buffer dirs; /* still to be listed, each terminated */
  char path[8192];
} walk;

static void read_member(const sm_fs *fs, const sm_file *file) {
  size_t size = file->size < MAX_READ ? (size_t)file->size : MAX_READ, half = size / 2;
  uint8_t *copy = malloc(size + 1);
  sm_error err;
  MUST(copy != NULL);
  sm_status status = fs->read_at(fs, file, half, copy + half, size - half, &err);
  if (status == SM_OK) status = fs->read_at(fs, file, 0, copy, half, &err);
  const void *mapped = NULL;
  if (fs->map != NULL && fs->map(&mapped, fs, file, &err) == SM_OK) {
    MUST(status != SM_OK || size == 0 || memcmp(mapped, copy, size) == 0);
    fs->unmap(fs, mapped, (size_t)file->size);
  }
  MUST(fs->read_at(fs, file, file->size, copy, 1, &err) != SM_OK);
  MUST(fs->read_at(fs, file, UINT64_MAX, copy, 1, &err) != SM_OK);
  free(copy);
}

static sm_status visit(void *ctx, const sm_dir_entry *entry, sm_error *err) {
  walk *w = ctx;
  sm_dir_entry facts;
  sm_file file;
  MUST(entry->name[0] != '\0' && strchr(entry->name, '/') == NULL);
  MUST(strcmp(entry->name, ".") != 0 && strcmp(entry->name, "..") != 0);
  int length = snprintf(w->path, sizeof w->path, "%s%s%s", w->dir, *w->dir != '\0' ? "/" : "", entry->name);
  MUST(length < (int)sizeof w->path);
  MUST(w->fs->stat(&facts, w->fs, "", w->path, 0, err) == SM_OK);
  MUST(facts.kind == entry->kind && facts.size == entry->size && facts.is_symlink == entry->is_symlink);
  if (entry->kind == SM_FILE_DIRECTORY) w_raw(&w->dirs, w->path, (size_t)length + 1);
  if (w->fs->open(&file, w->fs, "", w->path, 0, err) != SM_OK) return SM_OK;
  MUST(entry->kind == SM_FILE_REGULAR && file.size == entry->size);
  read_member(w->fs, &file);
  w->fs->close(w->fs, &file);
  return SM_OK;
}

/* Breadth first. A name of a directory is in dirs once, so the walk ends. */
static void walk_all(const sm_fs *fs) {
  walk w = {.fs = fs};
  sm_error err;
  w_raw(&w.dirs, "", 1);
  for (size_t at = 0; at < w.dirs.size;) {
    char dir[8192];
    size_t length = strlen((const char *)w.dirs.data + at);
    memcpy(dir, w.dirs.data + at, length + 1);
    at += length + 1;
    w.dir = dir;
    MUST(fs->list(fs, "", dir, 0, visit, &w, &err) == SM_OK);
  }
  w_free(&w.dirs);
}

static void sign_headers(uint8_t *data, size_t size) {
  w_buffer w = {.data = data, .size = size};
  for (size_t at = 0; at + 512 <= size; at += 512)
    if (memcmp(data + at + 257, "ustar", 5) == 0) tar_sign(&w, at);
}

static void open_archive(const uint8_t *data, size_t size, unsigned flags, const sm_allocator *allocator) {
  sm_fs *outer, *fs;
  sm_error err;
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  MUST(sm_fs_memory_new(&outer, NULL, NULL) == SM_OK);
  MUST(sm_fs_memory_add(outer, "archive", data, size, NULL) == SM_OK);
  options.fs = outer;
  options.allocator = allocator;
  options.max_bytes = MAX_BYTES;
  options.no_mmap = (flags & READ) != 0;
  options.verify = (flags & UNCHECKED) != 0 ? SM_VERIFY_NONE : SM_VERIFY_DEFAULT;
  if (sm_fs_archive_open(&fs, "archive", &options, &err) == SM_OK)
    walk_all(fs);
  else
    MUST(fs == NULL);
  sm_fs_close(fs);
  sm_fs_close(outer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  sm_fault_alloc memory;
  uint8_t *copy = malloc(size > 1 ? size - 1 : 1); /* no byte more, so that one too far is seen */
  MUST(copy != NULL);
  memcpy(copy, data + 1, size - 1);
  if ((data[0] & SIGNED) != 0) sign_headers(copy, size - 1);
  sm_fault_alloc_init(&memory, UINT64_MAX);
  open_archive(copy, size - 1, data[0], &memory.base);
  MUST(memory.live_blocks == 0);
  MUST(memory.peak_bytes <= MAX_MEMORY);
  sm_fault_alloc_destroy(&memory);
  free(copy);
  return 0;
}
