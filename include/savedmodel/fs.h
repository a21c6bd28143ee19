/* Storage: a file system as a struct of functions. The library opens every file through one, so a model can lie in a
 * directory, in memory, or wherever a struct of your own reaches. */
#ifndef SAVEDMODEL_FS_H
#define SAVEDMODEL_FS_H

#include <stdbool.h>

#include <savedmodel/status.h>

SM_BEGIN_DECLS

typedef struct sm_fs sm_fs;

/** An open file. The caller owns the struct, the file system fills it in open and create. */
typedef struct sm_file {
  void *handle;  /* the file system's own */
  uint64_t size; /* bytes, as of open */
} sm_file;

typedef enum sm_file_kind { SM_FILE_REGULAR = 1, SM_FILE_DIRECTORY, SM_FILE_OTHER } sm_file_kind;

/** One name of a directory. Borrowed for the call that hands it out. */
typedef struct sm_dir_entry {
  const char *name; /* without its directory */
  uint64_t size;    /* bytes; 0 unless a regular file */
  sm_file_kind kind;
  bool is_symlink; /* the name is a link; kind and size are those of what it leads to */
} sm_dir_entry;

typedef sm_status (*sm_dir_fn)(void *ctx, const sm_dir_entry *entry, sm_error *err);

/* Flag of open, stat and list: no part of name may be a symbolic link. root may. */
#define SM_FS_NO_SYMLINKS 1u

/**
 * A file system. shared: every function may be called from several threads at once; one sm_file is written by one thread.
 *
 * Every file is named by root, a directory the user chose, and name, '/'-separated and relative to it ("" is root
 * itself). Names never hold "." or ".." parts and never start with '/': the library checks them first.
 *
 * Errors of all: NOT_FOUND (no such name), PERMISSION_DENIED, FAILED_PRECONDITION (not a regular file, not a directory, a
 * refused link), RESOURCE_EXHAUSTED, UNAVAILABLE (input or output failed); the message names the path.
 */
struct sm_fs {
  size_t struct_size; /* sizeof(sm_fs) */
  void *ctx;          /* for the functions' own use */

  /* Reading. All but map, unmap and release are required. */
  sm_status (*open)(sm_file *file, const sm_fs *fs, const char *root, const char *name, unsigned flags, sm_error *err);
  /* Exactly dst_size bytes from offset; OUT_OF_RANGE when the file ends before. */
  sm_status (*read_at)(const sm_fs *fs, const sm_file *file, uint64_t offset, void *dst, size_t dst_size,
                       sm_error *err);
  void (*close)(const sm_fs *fs, sm_file *file);
  sm_status (*stat)(sm_dir_entry *entry, const sm_fs *fs, const char *root, const char *name, unsigned flags,
                    sm_error *err); /* entry->name is name */
  /* fn once per name, "." and ".." left out, in no order; a status of fn other than SM_OK ends it and is returned. */
  sm_status (*list)(const sm_fs *fs, const char *root, const char *name, unsigned flags, sm_dir_fn fn, void *fn_ctx,
                    sm_error *err);
  /* The whole file as memory, unchanged until unmap even after close. NULL: there is no such thing, files are read. */
  sm_status (*map)(const void **data, const sm_fs *fs, const sm_file *file, sm_error *err);
  void (*unmap)(const sm_fs *fs, const void *data, size_t size);
  /* A hint: this part of mapped memory was read through and may leave it; it must still read the same afterwards. Other
   * threads may be reading it. NULL: nothing to gain. */
  void (*release)(const sm_fs *fs, const void *data, size_t size);

  /* Writing. NULL, all of them: a read-only file system. */
  sm_status (*create)(sm_file *file, const sm_fs *fs, const char *root, const char *name,
                      sm_error *err); /* ALREADY_EXISTS rather than overwriting */
  sm_status (*write)(const sm_fs *fs, sm_file *file, const void *data, size_t size, sm_error *err); /* appends, all */
  sm_status (*sync)(const sm_fs *fs, sm_file *file, sm_error *err); /* of files that were opened, too */
  sm_status (*mkdir)(const sm_fs *fs, const char *root, const char *name, sm_error *err); /* one level */
  sm_status (*rename)(const sm_fs *fs, const char *root, const char *from, const char *to, sm_error *err);
  sm_status (*remove)(const sm_fs *fs, const char *root, const char *name,
                      sm_error *err); /* a file, or an empty directory */

  /* Writing that survives a crash. Each may be NULL: there is no such thing here. */
  /* The names in a directory reach the disk, as sync does it with the contents of a file. */
  sm_status (*sync_dir)(const sm_fs *fs, const char *root, const char *name, sm_error *err);
  /* One more name for a file; of a symbolic link, for what it leads to. ALREADY_EXISTS rather than replacing;
   * UNIMPLEMENTED: not here, or not in that place. */
  sm_status (*link)(const sm_fs *fs, const char *from_root, const char *from, const char *to_root, const char *to,
                    sm_error *err);
  /* Opens a file, made if there is none, that nobody else can lock until close or the end of the process. It is not
   * written. ABORTED: somebody else holds it; UNIMPLEMENTED: files cannot be locked here. */
  sm_status (*lock)(sm_file *file, const sm_fs *fs, const char *root, const char *name, sm_error *err);

  /* Replacing whole directories. Each may be NULL. */
  /* Two names change places in one step: at no moment is either of them absent. UNIMPLEMENTED: not here. */
  sm_status (*exchange)(const sm_fs *fs, const char *root, const char *a, const char *b, sm_error *err);
  /* A new file with the contents of another one, without reading them here: blocks are shared, or the system copies. Flags
   * as of open, for from. ALREADY_EXISTS rather than replacing; UNIMPLEMENTED: not here, and nothing was made. */
  sm_status (*clone)(const sm_fs *fs, const char *from_root, const char *from, unsigned flags, const char *to_root,
                     const char *to, sm_error *err);
};

/** Local files. Static storage; the same object on every call. */
SM_API const sm_fs *sm_fs_local(void);

/**
 * Make an empty file system in memory. It can be written; nothing in it is a link, and no file has two names.
 *
 * out        freed with sm_fs_close.
 * allocator  NULL: malloc. What is written counts against nothing but it.
 */
SM_API sm_status sm_fs_memory_new(sm_fs **out, const sm_allocator *allocator, sm_error *err);

/**
 * Put a file into a memory file system without copying it, its directories with it.
 *
 * path  '/'-separated and relative; root and name of later calls are joined to it ("m" and "saved_model.pb" find
 *       "m/saved_model.pb").
 * data  borrowed until sm_fs_close.
 *
 * Errors: INVALID_ARGUMENT path is empty, absolute or holds an empty, "." or ".." part, or fs is not of this kind;
 *   ALREADY_EXISTS there is such a file, or a directory of that name; RESOURCE_EXHAUSTED.
 */
SM_API sm_status sm_fs_memory_add(sm_fs *fs, const char *path, const void *data, size_t size, sm_error *err);

struct sm_open_options; /* savedmodel/options.h */

/**
 * Open a tar or zip archive as a read-only file system: sm_model_open reads a model in it without extracting anything.
 *
 * What it is shows in its contents, not in its name: tar (ustar, GNU, PAX, V7), tar compressed with gzip, zip (with
 * zip64; members stored or deflated). Links and devices in it are listed as SM_FILE_OTHER and cannot be opened. Paths are
 * relative to the top of the archive, as with sm_fs_memory_add.
 *
 * out      freed with sm_fs_close.
 * path     of the archive, in options->fs.
 * options  heeded are fs (where the archive lies: local files, memory, another archive), allocator, no_mmap, max_bytes
 *          and verify. NULL: defaults.
 *
 * Memory: members that are not compressed are mapped in place. A deflated one is in memory as long as it is open or
 *   mapped, a tar.gz whole as long as the file system; all that, and the list of the members, within max_bytes.
 * Checks: the structure when the archive is opened, contents when a member is: the crc32 of a zip, which for members
 *   that are stored means reading them once and is left out with SM_VERIFY_NONE and SM_VERIFY_INDEX.
 *
 * Errors: those of sm_fs; INVALID_ARGUMENT the file is no archive of these kinds; DATA_LOSS it is damaged, two members
 *   have one name or lie one over the other, a name is absolute or climbs out; UNIMPLEMENTED it is sparse, split or
 *   encrypted, or compressed in another way, or this library was built without zlib; RESOURCE_EXHAUSTED no memory, or
 *   more than max_bytes. From open of a member too.
 * Formats: POSIX.1-2017 pax, GNU tar manual "Basic Tar Format", PKWARE APPNOTE 6.3.10, RFC 1951, RFC 1952.
 */
SM_API sm_status sm_fs_archive_open(sm_fs **out, const char *path, const struct sm_open_options *options,
                                    sm_error *err);

/** Free a file system that the library made; NULL and sm_fs_local() are left alone. Whatever was opened from it must be
 * closed before. */
SM_API void sm_fs_close(sm_fs *fs);

SM_END_DECLS

#endif
