#include "support/save_faults.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/check.h"
#include "support/files.h"

static sm_status sync_nothing(const sm_fs *fs, sm_file *file, sm_error *err) {
  (void)fs, (void)file, (void)err;
  return SM_OK;
}

static sm_status sync_no_dir(const sm_fs *fs, const char *root, const char *name, sm_error *err) {
  (void)fs, (void)root, (void)name, (void)err;
  return SM_OK;
}

sm_fs fast_fs(void) {
  sm_fs fs = *sm_fs_local();
  fs.sync = sync_nothing;
  fs.sync_dir = sync_no_dir;
  return fs;
}

void fail_each_call(one_fault_fn *one_fault, const void *scenario, const sm_fs *fs) {
  for (int is_death = 0; is_death < 2; is_death++) {
    bool fired = true;
    for (uint64_t n = 0; fired; n++) {
      temp_dir dir = make_temp_dir();
      fired = one_fault(scenario, fs, dir.path, n, is_death != 0);
      remove_temp_dir(&dir);
      if (!fired) assert_true(n > 12);
    }
  }
}

void fail_each_call_in_memory(one_fault_fn *one_fault, const void *scenario) {
  for (int is_death = 0; is_death < 2; is_death++) {
    bool fired = true;
    for (uint64_t n = 0; fired; n++) {
      sm_fs *fs;
      sm_error err;
      assert_ok(sm_fs_memory_new(&fs, NULL, &err), err);
      assert_ok(fs->mkdir(fs, "", "d", &err), err);
      fired = one_fault(scenario, fs, "d", n, is_death != 0);
      sm_fs_close(fs);
    }
  }
}

int kill_while_saving(const char *path, unsigned n_kills, void (*save)(const char *path, int first),
                      int (*read)(const char *path)) {
  int last = 0;
  uint32_t random = 1;
  for (unsigned i = 0; i < n_kills; i++) {
    pid_t child = fork();
    if (child == 0) save(path, last + 1);
    random = random * 1664525u + 1013904223u;
    const struct timespec pause = {0, (long)(random >> 8) % 16000000};
    (void)nanosleep(&pause, NULL);
    int how;
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how));
    int found = read(path);
    if (found == -1 && last == 0) continue;
    assert_true(found >= last);
    last = found;
  }
  return last;
}

unsigned n_or_long(unsigned n, unsigned n_long) {
  const char *is_long = getenv("SM_TEST_LONG");
  return is_long != NULL && *is_long != '\0' ? n_long : n;
}
