/*
 * A sorted list of the paths of a file system that is not made of directories: memory, an archive. Directories are what
 * lies before a '/'; empty ones may be entries of their own.
 *
 * The order is that of bytes, but '/' comes before all others: what is below a directory then follows it without a gap,
 * and every question is answered by bisection.
 */
#ifndef SM_IO_PATH_INDEX_INTERNAL_H
#define SM_IO_PATH_INDEX_INTERNAL_H

#include <stdbool.h>

#include <savedmodel/fs.h>

typedef struct sm_path_entry {
  const char *path; /* borrowed; relative, without empty, "." and ".." parts, shorter than SM_PATH_MAX */
  uint64_t size;
  sm_file_kind kind;
  bool is_symlink;
  const void *payload; /* of whoever made the entry */
} sm_path_entry;

typedef struct sm_path_index {
  const char *where; /* for messages: "no such file in WHERE" */
  const sm_allocator *allocator;
  sm_path_entry *entries;
  size_t n, capacity;
} sm_path_index;

/* where is borrowed. Allocates nothing. */
void sm_path_index_init(sm_path_index *index, const char *where, const sm_allocator *allocator);
void sm_path_index_free(sm_path_index *index);

/* One entry, put where it belongs. ALREADY_EXISTS: the path is a file or a directory already, or lies below a file. */
sm_status sm_path_index_insert(sm_path_index *index, sm_path_entry entry, sm_error *err);

/* Many entries: appended, then sorted once, which drops directories that are there twice. *clash is the path that two
 * entries have, or that is below a file (NULL: there is none, all is well). */
sm_status sm_path_index_append(sm_path_index *index, sm_path_entry entry, sm_error *err);
void sm_path_index_sort(sm_path_index *index, const char **clash);

/* What sm_fs.open, stat and list do with names. find gives regular files only. */
sm_status sm_path_index_find(const sm_path_entry **out, const sm_path_index *index, const char *root, const char *name,
                             sm_error *err);
sm_status sm_path_index_stat(sm_dir_entry *entry, const sm_path_index *index, const char *root, const char *name,
                             sm_error *err);
sm_status sm_path_index_list(const sm_path_index *index, const char *root, const char *name, sm_dir_fn fn, void *fn_ctx,
                             sm_error *err);

/* ---- What changes ---- */

/* root and name as one path that something may have, for sm_path_index_insert: the directory it is to lie in is there.
 * path has room for SM_PATH_MAX bytes. */
sm_status sm_path_index_join_new(char *path, const sm_path_index *index, const char *root, const char *name,
                                 sm_error *err);

/* The entry of exactly that path; NULL. Until the index changes. */
sm_path_entry *sm_path_index_get(const sm_path_index *index, const char *path);

/* The entries from *first up to *end are path itself and what lies below it. */
void sm_path_index_range(size_t *first, size_t *end, const sm_path_index *index, const char *path);

void sm_path_index_remove(sm_path_index *index, sm_path_entry *entry);

#endif
