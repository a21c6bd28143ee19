/* A lock. Taken only to build what is made once; readers go by atomics. */
#ifndef SM_BASE_MUTEX_H
#define SM_BASE_MUTEX_H

#include <pthread.h>
#include <stdbool.h>

typedef pthread_mutex_t sm_mutex;

static inline bool sm_mutex_init(sm_mutex *mutex) { return pthread_mutex_init(mutex, NULL) == 0; }
static inline void sm_mutex_destroy(sm_mutex *mutex) { (void)pthread_mutex_destroy(mutex); }
static inline void sm_mutex_lock(sm_mutex *mutex) { (void)pthread_mutex_lock(mutex); }
static inline void sm_mutex_unlock(sm_mutex *mutex) { (void)pthread_mutex_unlock(mutex); }

#endif
