/*
 * io: files through sm_fs. local_fs.c, memory_fs.c and archive_fs.c are the file systems of the library; here is what
 * the other modules use: whole files as bytes, names that stay inside their root, files that appear whole or not at all.
 */
#ifndef SM_IO_IO_H
#define SM_IO_IO_H

#include <stdbool.h>

#include <savedmodel/fs.h>
#include <savedmodel/options.h>

/* A file's bytes: mapped, or read into memory, or borrowed. */
typedef struct sm_bytes {
  const uint8_t *data;
  size_t size;
  const sm_fs *mapped_by;         /* not NULL: unmap */
  const sm_allocator *owned_from; /* not NULL: free */
} sm_bytes;

/* Where a directory lies and how its files are opened. */
typedef struct sm_root {
  const sm_fs *fs;
  const char *dir;
  unsigned flags; /* SM_FS_NO_SYMLINKS */
  bool no_mmap;
} sm_root;

/* Errors: those of sm_fs; RESOURCE_EXHAUSTED more than max_bytes where the file cannot be mapped. */
sm_status sm_bytes_load(sm_bytes *out, const sm_root *root, const char *name, uint64_t max_bytes,
                        const sm_allocator *allocator, sm_error *err);
void sm_bytes_unload(sm_bytes *bytes);

/* A part of bytes was read through and will not be soon again. */
void sm_bytes_release(const sm_bytes *bytes, const uint8_t *from, size_t size);

/* name without empty and "." parts. False when it is absolute, has a ".." part, or does not fit: then it names nothing
 * that is sure to be inside a directory it is joined to. */
bool sm_path_clean(char *dst, size_t dst_size, const char *name);

/* dir + "/" + name, terminated; either may be "". False when it does not fit. */
bool sm_path_join(char *dst, size_t dst_size, const char *dir, const char *name);

/* The options as far as the caller knows them, the rest being defaults. */
sm_status sm_options_read(sm_open_options *out, const sm_open_options *options, sm_error *err);

/* The same, and defaults in place of zeros. */
sm_status sm_save_options_read(sm_save_options *out, const sm_save_options *options, sm_error *err);

/* What max_bytes 0 means for something made of a file of that size. */
uint64_t sm_default_max_bytes(uint64_t file_size);

/* Copies a file to dst_path of dst_fs through a temporary name beside it. */
sm_status sm_file_copy(const sm_root *root, const char *name, const sm_fs *dst_fs, const char *dst_path, sm_error *err);

/*
 * Gives a file of one directory to another, which has none of that name: as one more name of it where may_link and the
 * file systems are one, else sharing its blocks, else as a copy. Unless no_sync, its contents have reached the disk then.
 *
 * to is below to_dir of fs. Errors: those of sm_fs; what was made of the file then is gone.
 */
typedef struct sm_file_target {
  const sm_fs *fs;
  const char *dir, *name;
  bool may_link, no_sync;
} sm_file_target;
sm_status sm_file_take(const sm_root *from_root, const char *from, const sm_file_target *to, sm_error *err);

/* The same of bytes. */
sm_status sm_file_write(const sm_file_target *to, sm_string data, sm_error *err);

/*
 * Removes a file, or a directory with all that is in it. Links are removed, not followed.
 * Errors: those of sm_fs, NOT_FOUND among them; what was removed until then stays so.
 */
sm_status sm_tree_remove(const sm_fs *fs, const char *root, const char *name, sm_error *err);

enum { SM_PATH_MAX = 4096 };

#endif
