/* Saving and merging when something fails: each call of the file system and each allocation in turn, or the process. At
 * every moment there is the old checkpoint or the new one, never a mixture, and the next save works and tidies up. */
#include "support/check.h"

#include <unistd.h>

#include "support/bundles.h"
#include "support/fault_alloc.h"
#include "support/fault_fs.h"
#include "support/files.h"
#include "support/save_faults.h"

/* ---- Scenarios ---- */

/* What is done to a directory in which there may be checkpoint 1, to make checkpoint 2. */
typedef struct scenario {
  const char *name;
  bool has_old;
  uint32_t old_shards, new_shards;
  uint64_t max_shard_size;
  bool is_merge;
  bool is_link; /* of all tensors of a checkpoint that stays */
} scenario;

static const scenario scenarios[] = {
    {"new", false, 0, 1, 0, false, false},
    {"new, in a directory of its own", false, 0, 1, 0, false, false},
    {"other number of files", true, 1, 3, 0, false, false},
    {"same number of files", true, 2, 2, 0, false, false},
    {"cut", true, 1, 0, 100000, false, false},
    {"merge", false, 0, 0, 0, true, false},
    {"merge over another one", true, 1, 0, 0, true, false},
    {"link", false, 0, 0, 0, false, true},
    {"link over another one", true, 1, 0, 0, false, true},
};

static const char *prefix_of(const scenario *s, const char *dir) {
  return path_in(dir, s == &scenarios[1] ? "a/b/m" : "m");
}

static sm_save_options options_of(uint32_t n_shards, uint64_t max_shard_size, bool overwrite, const sm_fs *fs) {
  sm_save_options options = SM_SAVE_OPTIONS_INIT;
  options.n_shards = n_shards;
  options.max_shard_size = max_shard_size;
  options.overwrite = overwrite;
  options.fs = fs;
  return options;
}

/* Before anything fails. */
static void set_up_scenario(const scenario *s, const char *dir, const sm_fs *fs) {
  sm_error err;
  sm_save_options options = options_of(s->old_shards, 0, false, fs);
  if (s->has_old) assert_ok(save_numbered(prefix_of(s, dir), 1, &options, &err), err);
  options.n_shards = 1;
  if (s->is_merge || s->is_link) assert_ok(save_numbered(path_in(dir, "part"), 2, &options, &err), err);
}

static sm_status link_tensors(sm_bundle_writer *writer, const sm_bundle_reader *reader, sm_error *err) {
  sm_bundle_iter *iter;
  const sm_bundle_entry *entry;
  SM_TRY(sm_bundle_iter_new(&iter, reader, NULL, err));
  sm_status status = sm_bundle_iter_next(&entry, iter, err);
  while (status == SM_OK && entry != NULL) {
    status = sm_bundle_writer_link(writer, NULL, reader, entry, err);
    if (status == SM_OK) status = sm_bundle_iter_next(&entry, iter, err);
  }
  sm_bundle_iter_free(iter);
  return status == SM_OK ? sm_bundle_writer_finish(writer, err) : status;
}

static sm_status link_all(const char *prefix, const char *part, const sm_save_options *options, sm_error *err) {
  sm_open_options open = SM_OPEN_OPTIONS_INIT;
  open.fs = options->fs;
  open.allocator = options->allocator;
  sm_bundle_reader *reader;
  sm_bundle_writer *writer;
  SM_TRY(sm_bundle_reader_open(&reader, part, &open, err));
  sm_status status = sm_bundle_writer_open(&writer, prefix, options, err);
  if (status == SM_OK) status = link_tensors(writer, reader, err);
  sm_bundle_writer_close(writer);
  sm_bundle_reader_close(reader);
  return status;
}

static sm_status run(const scenario *s, const char *dir, const sm_fs *fs, const sm_allocator *allocator,
                     sm_error *err) {
  sm_save_options options = options_of(s->new_shards, s->max_shard_size, s->has_old, fs);
  options.allocator = allocator;
  if (s->is_link) return link_all(prefix_of(s, dir), path_in(dir, "part"), &options, err);
  if (!s->is_merge) return save_numbered(prefix_of(s, dir), 2, &options, err);
  const char *parts[] = {path_in(dir, "part")};
  return sm_bundle_merge(prefix_of(s, dir), parts, 1, &options, err);
}

/* The checkpoint is the old one or the new one; a part that was to be merged is there until that has come about. */
static int check_state(const scenario *s, const char *dir, const sm_fs *fs) {
  int n = read_numbered(prefix_of(s, dir), fs);
  if (n != 2) assert_number(s->name, n, s->has_old ? 1 : -1);
  if ((s->is_merge && n != 2) || s->is_link) assert_number("the part", read_numbered(path_in(dir, "part"), fs), 2);
  return n;
}

typedef struct names {
  const char *base;
  size_t n_staged, n_data, n_index;
} names;

static sm_status count_name(void *ctx, const sm_dir_entry *entry, sm_error *err) {
  names *counts = ctx;
  (void)err;
  if (strncmp(entry->name, "m.partial", 9) == 0) counts->n_staged++;
  if (strncmp(entry->name, "m.data-", 7) == 0) counts->n_data++;
  if (strcmp(entry->name, "m.index") == 0) counts->n_index++;
  return SM_OK;
}

static names count(const char *dir, const sm_fs *fs) {
  names counts = {0};
  (void)fs->list(fs, dir, "", 0, count_name, &counts, NULL);
  return counts;
}

/* After a failure that the process survived: nothing is left of the attempt. */
static void check_tidy(const scenario *s, const char *dir, const sm_fs *fs, int n) {
  names counts = count(dir, fs);
  assert_number("staged files", counts.n_staged, 0);
  if (n == 1) assert_number("data files", counts.n_data, s->old_shards);
  if (n == -1) assert_number("data files", counts.n_data, 0);
}

/* The next save, of three files, works and leaves nothing but itself. */
static void check_next_save(const scenario *s, const char *dir, const sm_fs *fs, int n) {
  sm_error err;
  sm_save_options options = options_of(3, 0, n != -1, fs);
  assert_ok(save_numbered(prefix_of(s, dir), 3, &options, &err), err);
  assert_number("the next one", read_numbered(prefix_of(s, dir), fs), 3);
  if (s == &scenarios[1]) return;
  names counts = count(dir, fs);
  assert_number("data files of the next one", counts.n_data, 3);
  assert_number("staged files after the next one", counts.n_staged, 0);
}

/* ---- The file system ---- */

static bool one_io_fault(const void *ctx, const sm_fs *inner, const char *dir, uint64_t n, bool is_death) {
  const scenario *s = ctx;
  sm_fault_fs ff;
  sm_fault_alloc fa;
  sm_error err;
  set_up_scenario(s, dir, inner);
  sm_fault_fs_init(&ff, inner, n);
  sm_fault_alloc_init(&fa, UINT64_MAX);
  ff.fail_all_after = is_death;
  sm_status status = run(s, dir, &ff.base, &fa.base, &err);
  bool fired = ff.fired;
  assert_number("open files", ff.open_files, 0);
  assert_number("mapped files", ff.mapped_files, 0);
  assert_number("live blocks", fa.live_blocks, 0);
  sm_fault_alloc_destroy(&fa);
  int found = check_state(s, dir, inner);
  if (status == SM_OK) assert_number("what was saved", found, 2);
  if (!fired) assert_ok(status, err);
  if (!is_death) check_tidy(s, dir, inner, found);
  check_next_save(s, dir, inner, found);
  return fired;
}

static void save_fault__io(void **state) {
  (void)state;
  const sm_fs fast = fast_fs();
  for (size_t i = 0; i < N_OF(scenarios); i++) fail_each_call(one_io_fault, &scenarios[i], &fast);
}

static void save_fault__io_in_memory(void **state) {
  (void)state;
  for (size_t i = 0; i < N_OF(scenarios); i++) fail_each_call_in_memory(one_io_fault, &scenarios[i]);
}

/* ---- Memory ---- */

static void save_fault__memory(void **state) {
  (void)state;
  const sm_fs fast = fast_fs();
  for (size_t i = 0; i < N_OF(scenarios); i++) {
    bool fired = true;
    for (uint64_t n = 0; fired; n++) {
      const scenario *s = &scenarios[i];
      temp_dir dir = make_temp_dir();
      sm_fault_alloc fa;
      sm_error err;
      set_up_scenario(s, dir.path, &fast);
      sm_fault_alloc_init(&fa, n);
      sm_status status = run(s, dir.path, &fast, &fa.base, &err);
      fired = fa.fired;
      assert_number("live blocks", fa.live_blocks, 0);
      sm_fault_alloc_destroy(&fa);
      int found = check_state(s, dir.path, &fast);
      if (status != SM_OK) assert_status(status, SM_RESOURCE_EXHAUSTED, err);
      if (status == SM_OK) assert_number("what was saved", found, 2);
      if (!fired) assert_ok(status, err);
      check_tidy(s, dir.path, &fast, found);
      check_next_save(s, dir.path, &fast, found);
      remove_temp_dir(&dir);
    }
  }
}

/* ---- The process ---- */

/* Saves one checkpoint after the other, numbered from first on, over the one before, until it is killed. */
static void save_until_killed(const char *prefix, int first) {
  const sm_fs fast = fast_fs();
  for (int n = first;; n++) {
    sm_save_options options = options_of(1 + (uint32_t)(n / 2) % 2, 0, true, &fast);
    sm_error err;
    if (save_numbered(prefix, n, &options, &err) != SM_OK) _exit(1);
  }
}

static int read_whole(const char *prefix) { return read_numbered(prefix, sm_fs_local()); }

static void save_fault__killed(void **state) {
  (void)state;
  const unsigned n_kills = n_or_long(100, 5000);
  temp_dir dir = make_temp_dir();
  char kept[4096];
  snprintf(kept, sizeof kept, "%s", path_in(dir.path, "m"));
  int last = kill_while_saving(kept, n_kills, save_until_killed, read_whole);
  sm_save_options options = options_of(3, 0, true, NULL);
  sm_error err;
  assert_ok(save_numbered(kept, 1, &options, &err), err);
  assert_number("names in the directory", count_names(dir.path), 4);
  print_message("killed %u times, %d checkpoints saved\n", n_kills, last);
  remove_temp_dir(&dir);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(save_fault__io),
      cmocka_unit_test(save_fault__io_in_memory),
      cmocka_unit_test(save_fault__memory),
      cmocka_unit_test(save_fault__killed),
  };
  return cmocka_run_group_tests_name("save_fault", tests, NULL, NULL);
}
