/* Local files. Every path is opened without blocking and must turn out to be a regular file: a pipe or a device in a
 * model's directory is refused, not waited for. */
#define _DEFAULT_SOURCE /* madvise, flock */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"
#include "io/io.h"
#include "io/local_internal.h"

/* ---- Errors ---- */

static sm_status status_of_errno(int number) {
  switch (number) {
    case ENOENT:
    case ENOTDIR: return SM_NOT_FOUND;
    case EEXIST:
    case ENOTEMPTY: return SM_ALREADY_EXISTS;
    case EACCES:
    case EPERM:
    case EROFS: return SM_PERMISSION_DENIED;
    case ENOMEM:
    case EMFILE:
    case ENFILE:
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return SM_RESOURCE_EXHAUSTED;
    case ELOOP:
    case EISDIR: return SM_FAILED_PRECONDITION;
    case ENAMETOOLONG: return SM_INVALID_ARGUMENT;
    default: return SM_UNAVAILABLE;
  }
}

static sm_status fail_errno(sm_error *err, const char *path) {
  int number = errno;
  char text[128];
  if (strerror_r(number, text, sizeof text) != 0) snprintf(text, sizeof text, "error %d", number);
  return SM_FAIL(err, status_of_errno(number), "%s: %s", path, text);
}

/* ---- Names ---- */

static sm_status join(char *path, const char *root, const char *name, sm_error *err) {
  if (sm_path_join(path, SM_PATH_MAX, root, name)) return SM_OK;
  return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: the path is longer than %d bytes", root, SM_PATH_MAX - 1);
}

/* Opens name below root one part at a time, so that no link can slip in between a check and its use. */
static int open_parts(const char *root, const char *name, int flags) {
  int dir = open(*root != '\0' ? root : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  while (dir >= 0) {
    char part[256];
    size_t size = strcspn(name, "/");
    bool is_last = name[size] == '\0';
    int next = -1;
    if (size >= sizeof part) {
      errno = ENAMETOOLONG;
    } else {
      memcpy(part, name, size);
      part[size] = '\0';
      next = openat(dir, size != 0 ? part : ".", (is_last ? flags : O_RDONLY | O_DIRECTORY) | O_NOFOLLOW | O_CLOEXEC);
    }
    int number = errno;
    struct stat link;
    if (next < 0 && number == ENOTDIR && fstatat(dir, part, &link, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(link.st_mode))
      number = ELOOP; /* what O_DIRECTORY says of a link that O_NOFOLLOW refuses */
    (void)close(dir);
    errno = number;
    if (is_last || next < 0) return next;
    dir = next;
    name += size + 1;
  }
  return -1;
}

static int open_fd(const char *path, const char *root, const char *name, unsigned flags, int how) {
  if ((flags & SM_FS_NO_SYMLINKS) != 0) return open_parts(root, name, how);
  return open(*path != '\0' ? path : ".", how | O_CLOEXEC);
}

/* ---- Reading ---- */

static int fd_of(const sm_file *file) { return (int)(intptr_t)file->handle; }

static sm_status local_open(sm_file *file, const sm_fs *fs, const char *root, const char *name, unsigned flags,
                            sm_error *err) {
  (void)fs;
  char path[SM_PATH_MAX];
  struct stat facts;
  SM_TRY(join(path, root, name, err));
  int fd = open_fd(path, root, name, flags, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return fail_errno(err, path);
  sm_status status = SM_OK;
  if (fstat(fd, &facts) != 0)
    status = fail_errno(err, path);
  else if (!S_ISREG(facts.st_mode))
    status = SM_FAIL(err, SM_FAILED_PRECONDITION, "%s: not a regular file", path);
  if (status != SM_OK)
    (void)close(fd);
  else
    *file = (sm_file){.handle = (void *)(intptr_t)fd, .size = (uint64_t)facts.st_size};
  return status;
}

static sm_status local_read_at(const sm_fs *fs, const sm_file *file, uint64_t offset, void *dst, size_t dst_size,
                               sm_error *err) {
  (void)fs;
  for (size_t done = 0; done < dst_size;) {
    ssize_t n = pread(fd_of(file), (char *)dst + done, dst_size - done, (off_t)(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno(err, "reading");
    if (n == 0)
      return sm_fail_at(err, SM_OUT_OF_RANGE, offset + done,
                        "the file ends at byte %llu, %zu bytes were to be read from %llu",
                        (unsigned long long)(offset + done), dst_size, (unsigned long long)offset);
    done += (size_t)n;
  }
  return SM_OK;
}

static void local_close(const sm_fs *fs, sm_file *file) {
  (void)fs;
  (void)close(fd_of(file));
}

static sm_status local_map(const void **data, const sm_fs *fs, const sm_file *file, sm_error *err) {
  (void)fs;
  if (file->size > SIZE_MAX) return SM_FAIL(err, SM_RESOURCE_EXHAUSTED, "the file is larger than the address space");
  void *mapped = mmap(NULL, (size_t)file->size, PROT_READ, MAP_PRIVATE, fd_of(file), 0);
  if (mapped == MAP_FAILED) return fail_errno(err, "mapping the file");
  *data = mapped;
  return SM_OK;
}

static void local_unmap(const sm_fs *fs, const void *data, size_t size) {
  (void)fs;
  (void)munmap((void *)(uintptr_t)data, size);
}

/* Drops whole pages from the mapping; they come back from the page cache when they are read again. */
static void local_release(const sm_fs *fs, const void *data, size_t size) {
  (void)fs;
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start = ((uintptr_t)data + page - 1) & ~(page - 1);
  uintptr_t end = ((uintptr_t)data + size) & ~(page - 1);
  if (start < end) (void)madvise((void *)start, end - start, MADV_DONTNEED);
}

/* ---- Directories ---- */

static sm_dir_entry entry_of(const char *name, const struct stat *facts, bool is_symlink) {
  sm_file_kind kind = S_ISREG(facts->st_mode)   ? SM_FILE_REGULAR
                      : S_ISDIR(facts->st_mode) ? SM_FILE_DIRECTORY
                                                : SM_FILE_OTHER;
  uint64_t size = kind == SM_FILE_REGULAR ? (uint64_t)facts->st_size : 0;
  return (sm_dir_entry){.name = name, .size = size, .kind = kind, .is_symlink = is_symlink};
}

static sm_status local_stat(sm_dir_entry *entry, const sm_fs *fs, const char *root, const char *name, unsigned flags,
                            sm_error *err) {
  (void)fs;
  char path[SM_PATH_MAX];
  struct stat facts, link;
  SM_TRY(join(path, root, name, err));
  const char *shown = *path != '\0' ? path : ".";
  if (lstat(shown, &link) != 0) return fail_errno(err, path);
  if ((flags & SM_FS_NO_SYMLINKS) != 0 && *name != '\0') { /* opened as open would: unreadable counts as absent */
    int fd = open_parts(root, name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return fail_errno(err, path);
    int result = fstat(fd, &facts);
    (void)close(fd);
    if (result != 0) return fail_errno(err, path);
  } else if (stat(shown, &facts) != 0) {
    return fail_errno(err, path);
  }
  *entry = entry_of(name, &facts, S_ISLNK(link.st_mode));
  return SM_OK;
}

static sm_status list_open_dir(DIR *dir, const char *path, sm_dir_fn fn, void *fn_ctx, sm_error *err) {
  for (;;) {
    errno = 0;
    const struct dirent *found = readdir(dir);
    if (found == NULL) return errno == 0 ? SM_OK : fail_errno(err, path);
    const char *name = found->d_name;
    if (name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'))) continue;
    struct stat facts, link;
    if (fstatat(dirfd(dir), name, &link, AT_SYMLINK_NOFOLLOW) != 0) continue; /* removed in the meantime */
    if (fstatat(dirfd(dir), name, &facts, 0) != 0) facts = link;              /* a link that leads nowhere */
    sm_dir_entry entry = entry_of(name, &facts, S_ISLNK(link.st_mode));
    SM_TRY(fn(fn_ctx, &entry, err));
  }
}

static sm_status local_list(const sm_fs *fs, const char *root, const char *name, unsigned flags, sm_dir_fn fn,
                            void *fn_ctx, sm_error *err) {
  (void)fs;
  char path[SM_PATH_MAX];
  SM_TRY(join(path, root, name, err));
  int fd = open_fd(path, root, name, flags, O_RDONLY | O_DIRECTORY);
  if (fd < 0) return fail_errno(err, path);
  DIR *dir = fdopendir(fd);
  if (dir == NULL) {
    sm_status status = fail_errno(err, path);
    (void)close(fd);
    return status;
  }
  sm_status status = list_open_dir(dir, path, fn, fn_ctx, err);
  (void)closedir(dir);
  return status;
}

/* ---- Writing ---- */

static sm_status local_create(sm_file *file, const sm_fs *fs, const char *root, const char *name, sm_error *err) {
  (void)fs;
  char path[SM_PATH_MAX];
  SM_TRY(join(path, root, name, err));
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0) return fail_errno(err, path);
  *file = (sm_file){.handle = (void *)(intptr_t)fd};
  return SM_OK;
}

static sm_status local_write(const sm_fs *fs, sm_file *file, const void *data, size_t size, sm_error *err) {
  (void)fs;
  for (size_t done = 0; done < size;) {
    ssize_t n = write(fd_of(file), (const char *)data + done, size - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno(err, "writing");
    done += (size_t)n;
  }
  file->size += size;
  return SM_OK;
}

static sm_status local_sync(const sm_fs *fs, sm_file *file, sm_error *err) {
  (void)fs;
  return fsync(fd_of(file)) == 0 ? SM_OK : fail_errno(err, "syncing");
}

static sm_status local_mkdir(const sm_fs *fs, const char *root, const char *name, sm_error *err) {
  (void)fs;
  char path[SM_PATH_MAX];
  SM_TRY(join(path, root, name, err));
  return mkdir(path, 0777) == 0 ? SM_OK : fail_errno(err, path);
}

static sm_status local_rename(const sm_fs *fs, const char *root, const char *from, const char *to, sm_error *err) {
  (void)fs;
  char from_path[SM_PATH_MAX], to_path[SM_PATH_MAX];
  SM_TRY(join(from_path, root, from, err));
  SM_TRY(join(to_path, root, to, err));
  return rename(from_path, to_path) == 0 ? SM_OK : fail_errno(err, to_path);
}

static sm_status local_remove(const sm_fs *fs, const char *root, const char *name, sm_error *err) {
  (void)fs;
  char path[SM_PATH_MAX];
  SM_TRY(join(path, root, name, err));
  return remove(path) == 0 ? SM_OK : fail_errno(err, path);
}

/* ---- Surviving a crash ---- */

static sm_status local_sync_dir(const sm_fs *fs, const char *root, const char *name, sm_error *err) {
  (void)fs;
  char path[SM_PATH_MAX];
  SM_TRY(join(path, root, name, err));
  int fd = open(*path != '\0' ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return fail_errno(err, path);
  sm_status status = fsync(fd) == 0 || errno == EINVAL ? SM_OK : fail_errno(err, path); /* EINVAL: not needed there */
  (void)close(fd);
  return status;
}

static sm_status local_link(const sm_fs *fs, const char *from_root, const char *from, const char *to_root,
                            const char *to, sm_error *err) {
  (void)fs;
  char from_path[SM_PATH_MAX], to_path[SM_PATH_MAX];
  SM_TRY(join(from_path, from_root, from, err));
  SM_TRY(join(to_path, to_root, to, err));
  if (linkat(AT_FDCWD, from_path, AT_FDCWD, to_path, AT_SYMLINK_FOLLOW) == 0) return SM_OK;
  if (errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS || errno == EMLINK || errno == EXDEV)
    return SM_FAIL(err, SM_UNIMPLEMENTED, "%s: cannot be one more name of %s", to_path, from_path);
  return fail_errno(err, to_path);
}

/* Whether path still leads to the open file: whoever held the lock before may have removed it. */
static bool is_at(int fd, const char *path) {
  struct stat held, found;
  return fstat(fd, &held) == 0 && lstat(path, &found) == 0 && held.st_dev == found.st_dev &&
         held.st_ino == found.st_ino;
}

static sm_status local_lock(sm_file *file, const sm_fs *fs, const char *root, const char *name, sm_error *err) {
  (void)fs;
  char path[SM_PATH_MAX];
  SM_TRY(join(path, root, name, err));
  for (;;) {
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0666);
    if (fd < 0) return fail_errno(err, path);
    bool is_held = flock(fd, LOCK_EX | LOCK_NB) == 0;
    int number = errno;
    if (is_held && is_at(fd, path)) {
      *file = (sm_file){.handle = (void *)(intptr_t)fd};
      return SM_OK;
    }
    (void)close(fd);
    if (is_held || number == EINTR) continue;
    if (number == EWOULDBLOCK) return SM_FAIL(err, SM_ABORTED, "%s: in use by somebody else", path);
    return SM_FAIL(err, SM_UNIMPLEMENTED, "%s: its file system has no locks", path);
  }
}

/* ---- Whole directories ---- */

static sm_status local_exchange(const sm_fs *fs, const char *root, const char *a, const char *b, sm_error *err) {
  (void)fs;
  char a_path[SM_PATH_MAX], b_path[SM_PATH_MAX];
  SM_TRY(join(a_path, root, a, err));
  SM_TRY(join(b_path, root, b, err));
  if (sm_local_exchange(a_path, b_path)) return SM_OK;
  if (errno == ENOSYS || errno == EINVAL || errno == EOPNOTSUPP)
    return SM_FAIL(err, SM_UNIMPLEMENTED, "%s: cannot change places with %s", a_path, b_path);
  return fail_errno(err, a_path);
}

static sm_status clone_into(int from, uint64_t size, const char *path, sm_error *err) {
  int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (to < 0) return fail_errno(err, path);
  bool is_done = sm_local_clone(from, to, size);
  int number = errno;
  (void)close(to);
  if (is_done) return SM_OK;
  (void)unlink(path);
  errno = number;
  if (number == ENOSYS || number == EINVAL || number == EXDEV || number == EOPNOTSUPP || number == EPERM)
    return SM_FAIL(err, SM_UNIMPLEMENTED, "%s: the system copies nothing there", path);
  return fail_errno(err, path);
}

static sm_status local_clone(const sm_fs *fs, const char *from_root, const char *from, unsigned flags,
                             const char *to_root, const char *to, sm_error *err) {
  sm_file file;
  char path[SM_PATH_MAX];
  SM_TRY(join(path, to_root, to, err));
  SM_TRY(local_open(&file, fs, from_root, from, flags, err));
  sm_status status = clone_into(fd_of(&file), file.size, path, err);
  local_close(fs, &file);
  return status;
}

const sm_fs *sm_fs_local(void) {
  static const sm_fs local = {
      .struct_size = sizeof(sm_fs),
      .open = local_open,
      .read_at = local_read_at,
      .close = local_close,
      .stat = local_stat,
      .list = local_list,
      .map = local_map,
      .unmap = local_unmap,
      .release = local_release,
      .create = local_create,
      .write = local_write,
      .sync = local_sync,
      .mkdir = local_mkdir,
      .rename = local_rename,
      .remove = local_remove,
      .sync_dir = local_sync_dir,
      .link = local_link,
      .lock = local_lock,
      .exchange = local_exchange,
      .clone = local_clone,
  };
  return &local;
}
