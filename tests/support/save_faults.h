/* What tests of saving share: each call of the file system fails in turn, or the process is killed. */
#ifndef SM_TESTS_SUPPORT_SAVE_FAULTS_H
#define SM_TESTS_SUPPORT_SAVE_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

#include <savedmodel/fs.h>

/* Local files that reach no disk: nothing is synced. */
sm_fs fast_fs(void);

/* Saves in a fresh directory dir of fs, whose call n fails, and checks what is there then. is_death: all calls behind it fail,
 * too. False: there was no such call. */
typedef bool one_fault_fn(const void *scenario, const sm_fs *fs, const char *dir, uint64_t n, bool is_death);

/* One call after the other, as a failure and as a death. fs: a local one; of these there are more than a dozen calls. In
 * memory there are no links, and directories are not synced. */
void fail_each_call(one_fault_fn *one_fault, const void *scenario, const sm_fs *fs);
void fail_each_call_in_memory(one_fault_fn *one_fault, const void *scenario);

/*
 * Kills a process that saves, n_kills times, after 0 to 16 ms. What is there may only become newer, and may be missing only
 * as long as nothing was saved.
 *
 * save  saves to path one after the other, numbered from first on, each over the one before; never returns.
 * read  the number of what is there; -1: nothing. Anything but a whole one ends the test.
 *
 * Returns the number of the last one that was read.
 */
int kill_while_saving(const char *path, unsigned n_kills, void (*save)(const char *path, int first),
                      int (*read)(const char *path));

/* So many, or where SM_TEST_LONG is set so many. */
unsigned n_or_long(unsigned n, unsigned n_long);

#endif
