/* Many tasks at once, on the caller's executor or on threads that live as long as the call. */
#ifndef SM_BASE_THREADS_H
#define SM_BASE_THREADS_H

#include <savedmodel/status.h>

/*
 * Calls task(task_ctx, index) once for each index below n_tasks and returns when all are done; what they wrote is
 * visible then. With an executor, by it. Without, on n_threads threads of which the calling one is the first; 0 is 1,
 * and more than 256 are 256. Where the system gives no more threads, fewer do the work, so this cannot fail; tasks
 * report failures through task_ctx. A thread that is done with a task takes the next, in the order of the indexes: long
 * ones belong first.
 */
void sm_parallel_for(const sm_executor *executor, uint32_t n_threads, size_t n_tasks,
                     void (*task)(void *task_ctx, size_t index), void *task_ctx);

#endif
