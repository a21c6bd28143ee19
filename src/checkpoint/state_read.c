/* The state file of a directory with checkpoints, and where what it names lies. */
#include <savedmodel/pb/checkpoint_state.pb-c.h>

#include "checkpoint/checkpoint_internal.h"
#include "wire/text.h"

/* How many of its last parts an absolute path can have in common with one in the directory; how many checkpoints are looked
 * for when the newest is gone. A file may name millions. */
enum { MAX_PARTS = 8, MAX_FALLBACKS = 100 };

/* ---- What is on disk ---- */

typedef struct pattern {
  const char *name;
  bool is_met;
} pattern;

static sm_status compare_name(void *ctx, const sm_dir_entry *entry, sm_error *err) {
  pattern *p = ctx;
  (void)err;
  p->is_met = p->is_met || (entry->kind == SM_FILE_REGULAR && sm_name_matches(entry->name, p->name));
  return SM_OK;
}

/* tf.train.Saver records a sharded V1 checkpoint with question marks. */
static bool is_pattern_there(const sm_root *root, const char *prefix) {
  char folder[SM_PATH_MAX];
  pattern p = {.name = prefix};
  if (strpbrk(prefix, "?*") == NULL || !sm_prefix_split(folder, sizeof folder, &p.name, prefix)) return false;
  return root->fs->list(root->fs, root->dir, folder, root->flags, compare_name, &p, NULL) == SM_OK && p.is_met;
}

bool sm_checkpoint_is_there(const sm_root *root, const char *prefix) {
  char index[SM_PATH_MAX];
  sm_dir_entry entry;
  return (sm_index_name(index, sizeof index, prefix) &&
          root->fs->stat(&entry, root->fs, root->dir, index, root->flags, NULL) == SM_OK) ||
         (root->fs->stat(&entry, root->fs, root->dir, prefix, root->flags, NULL) == SM_OK &&
          entry.kind == SM_FILE_REGULAR) ||
         is_pattern_there(root, prefix);
}

const char *sm_state_pick(const sm_checkpoint_state *state, const sm_root *root) {
  if (sm_checkpoint_is_there(root, state->latest)) return state->latest;
  size_t first = state->n_paths > MAX_FALLBACKS ? state->n_paths - MAX_FALLBACKS : 0;
  for (size_t i = state->n_paths; i-- > first;)
    if (sm_checkpoint_is_there(root, state->paths[i])) return state->paths[i];
  return state->latest;
}

sm_root sm_state_root(const char *dir, const sm_open_options *options) {
  return (sm_root){.fs = options->fs != NULL ? options->fs : sm_fs_local(),
                   .dir = dir,
                   .flags = options->refuse_symlinks ? SM_FS_NO_SYMLINKS : 0,
                   .no_mmap = true};
}

/* ---- Where a recorded path leads ---- */

/* The last n parts of path; all of it, if there are not so many. */
static const char *last_parts(const char *path, int n) {
  const char *p = path + strlen(path);
  while (p > path && (p[-1] != '/' || --n > 0)) p--;
  return p;
}

typedef struct state_reader {
  const sm_root *root;
  const char *file; /* its path, for messages */
  sm_arena *arena;
  sm_wire_source source;
  char old_dir[SM_PATH_MAX]; /* what the directory was called when the newest was recorded, with its last '/'; or "" */
} state_reader;

/* The newest, as an absolute path: as many of its last parts as lead to something, or the last one. */
static const char *find_newest(state_reader *r, const char *path) {
  char found[SM_PATH_MAX];
  const char *part = last_parts(path + 1, 1);
  for (int n = MAX_PARTS; n > 1; n--) {
    const char *longer = last_parts(path + 1, n);
    if (!sm_path_clean(found, sizeof found, longer) || !sm_checkpoint_is_there(r->root, found)) continue;
    part = longer;
    break;
  }
  memcpy(r->old_dir, path, (size_t)(part - path));
  r->old_dir[part - path] = '\0';
  return part;
}

/* Of another one: what is behind the old directory. */
static const char *find_older(const state_reader *r, const char *path) {
  size_t size = strlen(r->old_dir);
  return size != 0 && strncmp(path, r->old_dir, size) == 0 ? path + size : last_parts(path + 1, 1);
}

static sm_status resolve(const char **out, state_reader *r, sm_span recorded, bool is_newest, sm_error *err) {
  char path[SM_PATH_MAX], found[SM_PATH_MAX];
  if (recorded.size >= sizeof path || memchr(recorded.data, '\0', recorded.size) != NULL)
    return SM_FAIL(err, SM_DATA_LOSS, "%s: a path of a checkpoint is no path", r->file);
  memcpy(path, recorded.data, recorded.size);
  path[recorded.size] = '\0';
  const char *inside = path[0] != '/' ? path : is_newest ? find_newest(r, path) : find_older(r, path);
  if (!sm_path_clean(found, sizeof found, inside) || found[0] == '\0')
    return SM_FAIL(err, SM_DATA_LOSS, "%s: names %.300s, which is outside of its directory", r->file, path);
  *out = sm_arena_copy(r->arena, sm_string_of(found)).data;
  return *out != NULL ? SM_OK : sm_arena_fail(r->arena, strlen(found) + 1, err);
}

/* ---- The message ---- */

static void get_doubles(double *out, sm_span packed) {
  for (size_t i = 0; i < packed.size / sizeof *out; i++) {
    uint64_t bits = 0;
    for (size_t k = sizeof bits; k-- > 0;) bits = bits << 8 | packed.data[i * sizeof bits + k];
    memcpy(&out[i], &bits, sizeof bits);
  }
}

static sm_status get_timestamps(sm_checkpoint_state *state, sm_span packed, const state_reader *r, sm_error *err) {
  if (packed.size != state->n_paths * sizeof *state->timestamps)
    return SM_FAIL(err, SM_DATA_LOSS, "%s: %zu timestamps of %zu checkpoints", r->file,
                   packed.size / sizeof *state->timestamps, state->n_paths);
  double *timestamps = sm_arena_array(r->arena, double, state->n_paths);
  if (timestamps == NULL) return sm_arena_fail(r->arena, packed.size, err);
  get_doubles(timestamps, packed);
  state->timestamps = timestamps;
  return SM_OK;
}

static sm_status get_paths(sm_checkpoint_state *state, sm_spans recorded, state_reader *r, sm_error *err) {
  const char **paths = sm_arena_array(r->arena, const char *, recorded.n);
  if (paths == NULL) return sm_arena_fail(r->arena, recorded.n * sizeof *paths, err);
  for (size_t i = 0; i < recorded.n; i++) SM_TRY(resolve(&paths[i], r, recorded.items[i], false, err));
  state->paths = paths;
  state->n_paths = recorded.n;
  return SM_OK;
}

/* message has its fields in order, numbers packed: sm_text_read made it. */
static sm_status get_state(sm_checkpoint_state *state, sm_span message, state_reader *r, sm_error *err) {
  sm_spans paths;
  sm_span latest = {0}, timestamps = {0};
  sm_wire_reader fields = sm_wire_read(message, &r->source);
  for (sm_wire_field field; sm_wire_next(&fields, &field);) {
    if (sm_wire_number(&field) == STATE_LATEST) latest = field.bytes;
    if (sm_wire_number(&field) == STATE_TIMESTAMPS) timestamps = field.bytes;
    if (sm_wire_number(&field) == STATE_LAST_PRESERVED) memcpy(&state->last_preserved, &field.value, sizeof(double));
  }
  SM_TRY(sm_wire_finish(&fields, err));
  if (latest.size == 0) return SM_FAIL(err, SM_DATA_LOSS, "%s: no model_checkpoint_path", r->file);
  SM_TRY(resolve(&state->latest, r, latest, true, err));
  SM_TRY(sm_wire_collect(&paths, (sm_spans){&message, 1}, STATE_PATHS, &r->source, r->arena, err));
  SM_TRY(get_paths(state, paths, r, err));
  return timestamps.size != 0 ? get_timestamps(state, timestamps, r, err) : SM_OK;
}

/* ---- The file ---- */

typedef struct state_owner {
  sm_checkpoint_state state; /* the first member: a state leads to its owner */
  sm_arena arena;
} state_owner;

void sm_checkpoint_state_free(sm_checkpoint_state *state) {
  if (state == NULL) return;
  state_owner *owner = (state_owner *)state;
  const sm_allocator *allocator = owner->arena.allocator;
  sm_arena_free(&owner->arena);
  sm_free(allocator, owner);
}

static sm_status parse_file(state_owner *owner, sm_string text, const sm_root *root, const char *file, uint64_t limit,
                            sm_error *err) {
  sm_buffer message;
  sm_buffer_init(&message, owner->arena.allocator, limit);
  sm_status status = sm_text_read(&message, &tensorflow__checkpoint_state__descriptor, text, err);
  if (status != SM_OK) sm_error_add_place(err, file);
  if (status == SM_OK) {
    const sm_span bytes = {message.data, message.size};
    state_reader r = {root, file, &owner->arena, {.name = file, .bytes = bytes}, ""};
    status = get_state(&owner->state, bytes, &r, err);
  }
  sm_buffer_free(&message);
  return status;
}

static sm_status read_file(sm_checkpoint_state **out, const sm_root *root, const char *name,
                           const sm_open_options *options, sm_error *err) {
  const sm_allocator *allocator = sm_allocator_or_malloc(options->allocator);
  char file[SM_PATH_MAX];
  sm_bytes text;
  if (!sm_path_join(file, sizeof file, root->dir, name))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: the path is too long", root->dir);
  SM_TRY(sm_bytes_load(&text, root, name, UINT64_MAX, allocator, err));
  uint64_t limit = options->max_bytes != 0 ? options->max_bytes : sm_default_max_bytes(text.size);
  state_owner *owner = sm_new(allocator, state_owner);
  sm_status status = owner != NULL ? SM_OK : SM_FAIL_OOM(err, sizeof *owner);
  if (owner != NULL) {
    sm_arena_init(&owner->arena, allocator, limit);
    status = parse_file(owner, (sm_string){(const char *)text.data, text.size}, root, file, limit, err);
    if (status == SM_OK)
      *out = &owner->state;
    else
      sm_checkpoint_state_free(&owner->state);
  }
  sm_bytes_unload(&text);
  return status;
}

sm_status sm_checkpoint_state_read(sm_checkpoint_state **out, const char *dir, const char *file,
                                   const sm_open_options *options, sm_error *err) {
  sm_open_options known;
  char name[SM_PATH_MAX];
  *out = NULL;
  if (dir == NULL) return SM_FAIL(err, SM_INVALID_ARGUMENT, "dir is NULL");
  if (!sm_path_clean(name, sizeof name, file != NULL ? file : SM_FILE_CHECKPOINT_STATE))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: not the name of a file in a directory", file);
  SM_TRY(sm_options_read(&known, options, err));
  const sm_root root = sm_state_root(dir, &known);
  return read_file(out, &root, name, &known, err);
}
