/* Opening archives whose bytes a test has made. */
#ifndef SM_TESTS_SUPPORT_ARCHIVES_H
#define SM_TESTS_SUPPORT_ARCHIVES_H

#include <savedmodel/savedmodel.h>

#include "support/archive_writer.h"

/* "dir/test.archive" in a file system in memory, and what is in it. */
typedef struct archive {
  sm_fs *outer;
  sm_fs *fs; /* NULL when it was not to be opened */
} archive;

/* The bytes must outlive the archive; options->fs is not heeded, NULL: defaults. */
sm_status archive_open(archive *a, const w_buffer *bytes, const sm_open_options *options, sm_error *err);
void archive_close(archive *a);

/* A member's contents appended to out: mapped where that can be, and read again in two pieces, which must give the same. */
sm_status archive_read(const archive *a, const char *name, w_buffer *out, sm_error *err);

/* All names, each after "dir:" for a directory or "link:", "other:", separated by blanks, those of the top level first. */
void archive_names(const archive *a, char *text, size_t size);

/* A row of a table of damaged archives. make writes the archive. Opening it fails, or, where a member is named, reading
 * that; mapped and not mapped. message: part of what is said. */
typedef struct bad_archive {
  const char *what;
  void (*make)(w_buffer *out);
  const char *member; /* NULL: the archive itself is refused */
  sm_status status;
  const char *message;
} bad_archive;
void check_bad_archives(const bad_archive *rows, size_t n);

/* The same where decompressing is what fails. Without zlib all of it is refused, by name. */
void check_bad_compressed(const bad_archive *rows, size_t n);

/* False with zlib. Without, it makes sure that the archive, or the member that is named, is refused for that: compressed
 * it has to be. Then there is no more to see of it. */
bool archive_lacks_zlib(const w_buffer *bytes, const char *member);

/* Every beginning of the archive is refused without a crash: as no archive, or as damaged. From whole on it may be fine. */
void check_truncated(const w_buffer *bytes, size_t whole);

/* Every byte changed, in several ways: opened and read or refused, but not with other contents of member than text,
 * unless contents_may_change. */
void check_changed(const w_buffer *bytes, const char *member, const char *text, bool contents_may_change);

#endif
