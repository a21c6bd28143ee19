/* Inside io/: closing the file systems that the library makes. */
#ifndef SM_IO_IO_INTERNAL_H
#define SM_IO_IO_INTERNAL_H

#include <stdbool.h>

#include <savedmodel/fs.h>

/* False, and nothing done, when fs is not of that kind. */
bool sm_memory_fs_close(sm_fs *fs);
bool sm_archive_fs_close(sm_fs *fs);

#endif
