/* A file system that passes everything on to another one, counts, and fails on demand. exclusive. */
#ifndef SM_TESTS_SUPPORT_FAULT_FS_H
#define SM_TESTS_SUPPORT_FAULT_FS_H

#include <savedmodel/fs.h>

typedef struct sm_fault_fs {
  sm_fs base; /* ctx is this struct: it must not move */
  const sm_fs *inner;
  uint64_t
      fail_at; /* number of the call that fails, from 0; UINT64_MAX: none. close, unmap, release and remove do not */
  sm_status fail_with; /* UNAVAILABLE */
  bool fail_all_after; /* and so do all that follow it, remove too: as if the process had ended there */
  uint64_t n_calls;
  bool fired;
  size_t open_files;
  size_t mapped_files;
} sm_fault_fs;

/* Without map when inner has none. */
void sm_fault_fs_init(sm_fault_fs *ff, const sm_fs *inner, uint64_t fail_at);

/* From here on the n-th call fails, counted anew. */
void sm_fault_fs_rearm(sm_fault_fs *ff, uint64_t fail_at);

#endif
