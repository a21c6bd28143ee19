/* An archive as sm_fs. */
#include <stdalign.h>

#include "base/base.h"
#include "io/archive_internal.h"
#include "io/io.h"
#include "io/io_internal.h"

/* A member that is open or mapped. */
typedef struct open_member {
  const sm_archive_member *member;
  const uint8_t *data;                     /* its bytes; NULL: they are read from the archive */
  atomic_size_t n_users;                   /* of unpacked: the open file, and each mapping */
  alignas(max_align_t) uint8_t unpacked[]; /* of a deflated member */
} open_member;

static sm_archive *archive_of(const sm_fs *fs) { return fs->ctx; }

static bool is_unpacked(const sm_archive_member *member) { return member->packing == SM_PACKED_DEFLATED; }

/* ---- Contents ---- */

static sm_status fail_member(const sm_archive *archive, const sm_archive_member *member, sm_status code,
                             const char *fault, sm_error *err) {
  return sm_fail_at(err, code, member->header_offset, "%.200s: member %.150s: %s", archive->source.name, member->path,
                    fault);
}

static sm_status check_crc32(const sm_archive *archive, const sm_archive_member *member, uint32_t found,
                             sm_error *err) {
  if (found == member->crc32) return SM_OK;
  return sm_fail_at(err, SM_DATA_LOSS, member->offset, "%.200s: member %.150s: crc32 0x%08x, the archive says 0x%08x",
                    archive->source.name, member->path, (unsigned)found, (unsigned)member->crc32);
}

/* Reads a stored member through, once. Two threads may do it at the same time. */
static sm_status check_stored(const sm_archive *archive, const sm_archive_member *member, sm_error *err) {
  uint8_t buffer[16384];
  uint32_t crc = 0;
  if (!archive->checks_stored || !member->has_crc32 || atomic_load(&member->is_checked)) return SM_OK;
  for (uint64_t done = 0; done < member->size;) {
    size_t n = member->size - done < sizeof buffer ? (size_t)(member->size - done) : sizeof buffer;
    const uint8_t *bytes = NULL;
    SM_TRY(sm_archive_peek(&bytes, &archive->source, member->offset + done, n, buffer, "a member", err));
    crc = sm_crc32(crc, bytes, n);
    done += n;
  }
  SM_TRY(check_crc32(archive, member, crc, err));
  atomic_store(&((sm_archive_member *)(uintptr_t)member)->is_checked, true);
  return SM_OK;
}

/* Counts size bytes more as held, unless they pass the limit. */
static bool reserve(sm_archive *archive, uint64_t size) {
  uint_fast64_t held = atomic_load(&archive->held_bytes);
  do {
    if (size > archive->max_bytes || held > archive->max_bytes - size) return false;
  } while (!atomic_compare_exchange_weak(&archive->held_bytes, &held, held + size));
  return true;
}

static void release(sm_archive *archive, open_member *opened) {
  if (atomic_fetch_sub(&opened->n_users, 1) != 1) return;
  if (is_unpacked(opened->member)) (void)atomic_fetch_sub(&archive->held_bytes, opened->member->size);
  sm_free(archive->allocator, opened);
}

static sm_status new_open_member(open_member **out, sm_archive *archive, const sm_archive_member *member,
                                 sm_error *err) {
  uint64_t unpacked = is_unpacked(member) ? member->size : 0;
  size_t size;
  if (!reserve(archive, unpacked))
    return sm_fail_at(err, SM_RESOURCE_EXHAUSTED, member->header_offset,
                      "%.200s: member %.150s: %llu bytes more when unpacked, the limit is %llu (max_bytes)",
                      archive->source.name, member->path, (unsigned long long)unpacked,
                      (unsigned long long)archive->max_bytes);
  bool fits = unpacked <= SIZE_MAX && sm_add_size(sizeof(open_member), (size_t)unpacked, &size);
  open_member *opened = fits ? sm_alloc(archive->allocator, size) : NULL;
  if (opened == NULL) {
    (void)atomic_fetch_sub(&archive->held_bytes, unpacked);
    return SM_FAIL_OOM(err, unpacked);
  }
  opened->member = member;
  opened->data = archive->source.data != NULL ? archive->source.data + member->offset : NULL;
  atomic_init(&opened->n_users, 1);
  *out = opened;
  return SM_OK;
}

static sm_status unpack(open_member *opened, const sm_archive *archive, sm_error *err) {
  const sm_archive_member *member = opened->member;
  SM_TRY(sm_inflate_member(opened->unpacked, archive, member, err));
  opened->data = opened->unpacked;
  return check_crc32(archive, member, sm_crc32(0, opened->unpacked, (size_t)member->size), err);
}

/* ---- sm_fs ---- */

static sm_status archive_open(sm_file *file, const sm_fs *fs, const char *root, const char *name, unsigned flags,
                              sm_error *err) {
  (void)flags;
  sm_archive *archive = archive_of(fs);
  const sm_path_entry *found;
  open_member *opened = NULL;
  SM_TRY(sm_path_index_find(&found, &archive->index, root, name, err));
  const sm_archive_member *member = found->payload;
  if (member->is_encrypted) return fail_member(archive, member, SM_UNIMPLEMENTED, "is encrypted", err);
  if (member->packing != SM_PACKED_STORED && member->packing != SM_PACKED_DEFLATED)
    return sm_fail_at(err, SM_UNIMPLEMENTED, member->header_offset,
                      "%.200s: member %.150s: compression method %u; known are 0 (stored) and 8 (deflated)",
                      archive->source.name, member->path, member->packing);
  SM_TRY(new_open_member(&opened, archive, member, err));
  sm_status status = is_unpacked(member) ? unpack(opened, archive, err) : check_stored(archive, member, err);
  if (status != SM_OK)
    release(archive, opened);
  else
    *file = (sm_file){.handle = opened, .size = member->size};
  return status;
}

static sm_status archive_read_at(const sm_fs *fs, const sm_file *file, uint64_t offset, void *dst, size_t dst_size,
                                 sm_error *err) {
  const open_member *opened = file->handle;
  const sm_archive_source *source = &archive_of(fs)->source;
  if (offset > file->size || dst_size > file->size - offset)
    return sm_fail_at(err, SM_OUT_OF_RANGE, file->size,
                      "the file ends at byte %llu, %zu bytes were to be read from %llu", (unsigned long long)file->size,
                      dst_size, (unsigned long long)offset);
  if (opened->data == NULL)
    return source->fs->read_at(source->fs, &source->file, opened->member->offset + offset, dst, dst_size, err);
  if (dst_size != 0) memcpy(dst, opened->data + offset, dst_size);
  return SM_OK;
}

static void archive_close(const sm_fs *fs, sm_file *file) { release(archive_of(fs), file->handle); }

static sm_status archive_stat(sm_dir_entry *entry, const sm_fs *fs, const char *root, const char *name, unsigned flags,
                              sm_error *err) {
  (void)flags;
  return sm_path_index_stat(entry, &archive_of(fs)->index, root, name, err);
}

static sm_status archive_list(const sm_fs *fs, const char *root, const char *name, unsigned flags, sm_dir_fn fn,
                              void *fn_ctx, sm_error *err) {
  (void)flags;
  return sm_path_index_list(&archive_of(fs)->index, root, name, fn, fn_ctx, err);
}

static sm_status archive_map(const void **data, const sm_fs *fs, const sm_file *file, sm_error *err) {
  (void)fs;
  (void)err;
  open_member *opened = file->handle;
  if (is_unpacked(opened->member)) (void)atomic_fetch_add(&opened->n_users, 1);
  *data = opened->data;
  return SM_OK;
}

/* In the archive, that is, in what stays as long as the archive is open. */
static bool is_in_place(const sm_archive *archive, const void *data) {
  uintptr_t start = (uintptr_t)archive->source.data, at = (uintptr_t)data;
  return at >= start && at - start < archive->source.size;
}

static void archive_unmap(const sm_fs *fs, const void *data, size_t size) {
  (void)size;
  if (!is_in_place(archive_of(fs), data))
    release(archive_of(fs), (open_member *)((uintptr_t)data - offsetof(open_member, unpacked)));
}

/* Only a mapped archive can be had back from where it came. */
static void archive_release(const sm_fs *fs, const void *data, size_t size) {
  const sm_archive *archive = archive_of(fs);
  const sm_fs *outer = archive->unpacked == NULL ? archive->source.fs : NULL;
  if (outer != NULL && outer->release != NULL && is_in_place(archive, data)) outer->release(outer, data, size);
}

/* ---- Opening and closing ---- */

static sm_status open_file(sm_archive_source *source, const char *path, bool no_mmap, sm_error *err) {
  const char *slash = strrchr(path, '/');
  char dir[SM_PATH_MAX];
  size_t dir_size = slash == NULL ? 0 : (size_t)(slash - path) + 1; /* with the '/', for "/x.zip" */
  if (dir_size >= sizeof dir)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: the path is longer than %d bytes", path, SM_PATH_MAX - 1);
  memcpy(dir, path, dir_size);
  dir[dir_size] = '\0';
  const sm_fs *fs = source->fs;
  SM_TRY(fs->open(&source->file, fs, dir, path + dir_size, 0, err));
  source->size = source->file.size;
  if (no_mmap || fs->map == NULL || source->size == 0) return SM_OK;
  const void *data = NULL;
  sm_status status = fs->map(&data, fs, &source->file, err);
  source->data = data;
  if (status != SM_OK) fs->close(fs, &source->file);
  return status;
}

static void close_file(sm_archive_source *source) {
  const sm_fs *fs = source->fs;
  if (source->data != NULL) fs->unmap(fs, source->data, (size_t)source->size);
  fs->close(fs, &source->file);
  source->data = NULL;
  source->fs = NULL;
}

typedef enum archive_kind { KIND_NONE, KIND_TAR, KIND_ZIP, KIND_GZIP } archive_kind;

/* A zip begins with a member, an empty one with its end record: APPNOTE 4.3.6. gzip: RFC 1952, 2.3.1. */
static sm_status find_kind(archive_kind *kind, const sm_archive_source *source, sm_error *err) {
  uint8_t buffer[512];
  const uint8_t *first;
  size_t n = source->size < sizeof buffer ? (size_t)source->size : sizeof buffer;
  SM_TRY(sm_archive_peek(&first, source, 0, n, buffer, "the archive", err));
  if (n >= 4 && (memcmp(first, "PK\3\4", 4) == 0 || memcmp(first, "PK\5\6", 4) == 0))
    *kind = KIND_ZIP;
  else if (n >= 2 && first[0] == 0x1F && first[1] == 0x8B)
    *kind = KIND_GZIP;
  else
    *kind = n == sizeof buffer && sm_tar_is_block(first) ? KIND_TAR : KIND_NONE;
  return SM_OK;
}

/* Puts what the archive unpacks to in its place. */
static sm_status unpack_whole(sm_archive *archive, sm_error *err) {
  archive_kind kind;
  size_t size;
  SM_TRY(sm_gunzip(&archive->unpacked, &size, archive, err));
  close_file(&archive->source);
  archive->source.data = archive->unpacked;
  archive->source.size = size;
  atomic_store(&archive->held_bytes, size);
  SM_TRY(find_kind(&kind, &archive->source, err));
  if (kind == KIND_TAR) return SM_OK;
  return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: compressed with gzip, but what is in it is no tar archive",
                 archive->source.name);
}

static sm_status index_members(sm_archive *archive, sm_error *err) {
  archive_kind kind;
  SM_TRY(find_kind(&kind, &archive->source, err));
  switch (kind) {
    case KIND_GZIP: SM_TRY(unpack_whole(archive, err)); return sm_tar_index(archive, err);
    case KIND_TAR: return sm_tar_index(archive, err);
    case KIND_ZIP: return sm_zip_index(archive, err);
    case KIND_NONE: break;
  }
  return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: neither a tar nor a zip archive", archive->source.name);
}

static sm_status build_index(sm_archive *archive, sm_error *err) {
  const char *clash;
  SM_TRY(index_members(archive, err));
  sm_path_index_sort(&archive->index, &clash);
  (void)atomic_fetch_add(&archive->held_bytes, archive->arena.bytes);
  if (clash == NULL) return SM_OK;
  return SM_FAIL(err, SM_DATA_LOSS,
                 "%.200s: member %.150s: two members have this name, or one of its parents is a file",
                 archive->source.name, clash);
}

static sm_status new_archive(sm_archive **out, const char *path, const sm_open_options *options, sm_error *err) {
  const sm_allocator *allocator = sm_allocator_or_malloc(options->allocator);
  sm_archive *archive = sm_new(allocator, sm_archive);
  if (archive == NULL) return SM_FAIL_OOM(err, sizeof *archive);
  archive->allocator = allocator;
  archive->checks_stored = options->verify == SM_VERIFY_DEFAULT || options->verify == SM_VERIFY_ALL;
  sm_arena_init(&archive->arena, allocator, UINT64_MAX);
  *out = archive;
  sm_string name = sm_arena_copy(&archive->arena, sm_string_of(path));
  if (name.data == NULL) return SM_FAIL_OOM(err, strlen(path) + 1);
  archive->source.name = name.data;
  sm_path_index_init(&archive->index, name.data, allocator);
  sm_archive_source opened = {.name = name.data, .fs = options->fs != NULL ? options->fs : sm_fs_local()};
  SM_TRY(open_file(&opened, path, options->no_mmap, err));
  archive->source = opened;
  archive->max_bytes = options->max_bytes != 0 ? options->max_bytes : sm_default_max_bytes(opened.size);
  archive->arena.max_bytes = archive->max_bytes;
  return SM_OK;
}

static void free_archive(sm_archive *archive) {
  if (archive == NULL) return;
  const sm_allocator *allocator = archive->allocator;
  if (archive->source.fs != NULL) close_file(&archive->source);
  sm_free(allocator, archive->unpacked);
  sm_free(allocator, archive->index.entries);
  sm_arena_free(&archive->arena);
  sm_free(allocator, archive);
}

sm_status sm_fs_archive_open(sm_fs **out, const char *path, const sm_open_options *options, sm_error *err) {
  sm_open_options known;
  *out = NULL;
  if (path == NULL) return SM_FAIL(err, SM_INVALID_ARGUMENT, "path is NULL");
  SM_TRY(sm_options_read(&known, options, err));
  sm_archive *archive = NULL;
  sm_status status = new_archive(&archive, path, &known, err);
  if (status == SM_OK) status = build_index(archive, err);
  if (status != SM_OK) {
    free_archive(archive);
    return status;
  }
  bool in_memory = archive->source.data != NULL;
  archive->base = (sm_fs){
      .struct_size = sizeof(sm_fs),
      .ctx = archive,
      .open = archive_open,
      .read_at = archive_read_at,
      .close = archive_close,
      .stat = archive_stat,
      .list = archive_list,
      .map = in_memory ? archive_map : NULL,
      .unmap = in_memory ? archive_unmap : NULL,
      .release = in_memory ? archive_release : NULL,
  };
  *out = &archive->base;
  return SM_OK;
}

bool sm_archive_fs_close(sm_fs *fs) {
  if (fs->open != archive_open) return false;
  free_archive(fs->ctx);
  return true;
}
