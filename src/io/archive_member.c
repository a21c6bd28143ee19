/* What the readers of tar and zip share: looking into the archive, and members. */
#include "base/base.h"
#include "io/archive_internal.h"
#include "io/io.h"

sm_status sm_archive_peek(const uint8_t **out, const sm_archive_source *source, uint64_t offset, size_t size,
                          void *buffer, const char *what, sm_error *err) {
  if (offset > source->size || size > source->size - offset)
    return sm_fail_at(err, SM_DATA_LOSS, offset, "%.200s: the archive ends at byte %llu, in the midst of %s at %llu",
                      source->name, (unsigned long long)source->size, what, (unsigned long long)offset);
  *out = source->data != NULL ? source->data + offset : buffer;
  if (source->data != NULL) return SM_OK;
  sm_status status = source->fs->read_at(source->fs, &source->file, offset, buffer, size, err);
  if (status != SM_OK) sm_error_add_place(err, source->name);
  return status;
}

sm_status sm_archive_name(sm_archive_member *member, sm_archive *archive, sm_string name, sm_error *err) {
  char raw[SM_PATH_MAX], clean[SM_PATH_MAX];
  const char *fault = NULL;
  if (name.size >= sizeof raw) {
    fault = "the name is too long";
    name.size = sizeof raw - 1;
  } else if (memchr(name.data, '\0', name.size) != NULL) {
    fault = "a NUL is in the name";
  }
  memcpy(raw, name.data, name.size);
  raw[name.size] = '\0';
  if (fault == NULL && !sm_path_clean(clean, sizeof clean, raw)) fault = "the name leads out of the archive";
  if (fault != NULL)
    return sm_fail_at(err, SM_DATA_LOSS, member->header_offset, "%.200s: member %.150s: %s", archive->source.name, raw,
                      fault);
  sm_string copy = sm_arena_copy(&archive->arena, sm_string_of(clean));
  if (copy.data == NULL) return sm_arena_fail(&archive->arena, strlen(clean) + 1, err);
  member->path = copy.data;
  return SM_OK;
}

sm_status sm_archive_add(sm_archive *archive, const sm_archive_member *member, sm_error *err) {
  if (*member->path == '\0') { /* "./", which tar writes first */
    if (member->kind == SM_FILE_DIRECTORY) return SM_OK;
    return sm_fail_at(err, SM_DATA_LOSS, member->header_offset, "%.200s: a member has no name", archive->source.name);
  }
  sm_path_entry entry = {
      .path = member->path, .kind = member->kind, .is_symlink = member->is_symlink, .payload = member};
  if (member->kind == SM_FILE_REGULAR) entry.size = member->size;
  return sm_path_index_append(&archive->index, entry, err);
}
