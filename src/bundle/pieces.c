#include "bundle/bundle_internal.h"
#include "codec/crc32c.h"

/* Small enough to keep every thread busy to the end, and large enough that a task costs nothing beside it. */
enum { PIECE_SIZE = 8 << 20, TASK_SIZE = 4 << 20 };

/* A piece of a job's part; those of one job follow each other. */
typedef struct piece {
  sm_job *job;
  uint64_t at;
  size_t size;
  uint32_t crc;
  sm_status status;
} piece;

typedef struct work {
  const sm_bundle_reader *reader;
  piece *pieces;
  size_t n_pieces;
  size_t *tasks; /* the first piece of each, and the end of the last */
  size_t n_tasks;
} work;

/* ---- Cutting ---- */

static size_t count_pieces(const sm_job *job) {
  uint64_t n = job->run != NULL ? 0 : job->part.size / PIECE_SIZE + (job->part.size % PIECE_SIZE != 0);
  return n != 0 ? (size_t)n : 1;
}

static void cut(work *w, sm_job *job) {
  size_t n = count_pieces(job);
  for (size_t i = 0; i < n; i++) {
    uint64_t at = (uint64_t)i * PIECE_SIZE, left = job->part.size - at;
    size_t size = i + 1 == n ? (size_t)left : PIECE_SIZE;
    w->pieces[w->n_pieces++] = (piece){.job = job, .at = at, .size = size};
  }
}

/* Small pieces that follow each other become one task. */
static void group(work *w) {
  size_t size = TASK_SIZE; /* of the task so far */
  for (size_t i = 0; i < w->n_pieces; i++) {
    if (size >= TASK_SIZE) {
      w->tasks[w->n_tasks++] = i;
      size = 0;
    }
    size += w->pieces[i].size;
  }
  w->tasks[w->n_tasks] = w->n_pieces;
}

static sm_status plan(work *w, sm_job *jobs, size_t n, sm_arena *arena, sm_error *err) {
  size_t n_pieces = 0;
  for (size_t i = 0; i < n; i++) n_pieces += count_pieces(&jobs[i]);
  w->pieces = sm_arena_array(arena, piece, n_pieces);
  w->tasks = sm_arena_array(arena, size_t, n_pieces + 1);
  if (w->pieces == NULL || w->tasks == NULL) return sm_arena_fail(arena, n_pieces * sizeof(piece), err);
  for (size_t i = 0; i < n; i++) cut(w, &jobs[i]);
  group(w);
  return SM_OK;
}

/* ---- Doing ---- */

/* Of the pieces of a job that fail, the first tells its text; the others may be in other threads. */
static void keep_error(piece *p, const sm_bundle_reader *reader, sm_status status, const sm_error *err) {
  p->status = status;
  if (p->at != 0 || p->job->error != NULL) return;
  p->job->error = sm_alloc(reader->allocator, sizeof *err);
  if (p->job->error != NULL) *p->job->error = *err;
}

static sm_status run_piece(piece *p, const sm_bundle_reader *reader, sm_error *err) {
  sm_job *job = p->job;
  sm_shard *shard;
  if (job->run != NULL) return job->run(job, err);
  SM_TRY(sm_shard_of(&shard, reader, &job->part, err));
  if (job->dst == NULL) return sm_shard_crc(&p->crc, p->size, shard, p->at, reader, &job->part, err);
  uint8_t *dst = job->dst + p->at;
  SM_TRY(sm_shard_read(dst, p->size, job->is_checked ? &p->crc : NULL, shard, p->at, reader, &job->part, err));
  sm_copy_reordered(dst, dst, p->size, job->order_size); /* PIECE_SIZE is a multiple of it */
  return SM_OK;
}

static void run_task(void *ctx, size_t index) {
  const work *w = ctx;
  for (size_t i = w->tasks[index]; i < w->tasks[index + 1]; i++) {
    sm_error err;
    sm_status status = run_piece(&w->pieces[i], w->reader, &err);
    if (status != SM_OK) keep_error(&w->pieces[i], w->reader, status, &err);
  }
}

/* Puts together what the pieces of a job gave; *p moves behind them. */
static void join(piece **p, const work *w) {
  sm_job *job = (*p)->job;
  const piece *first = *p, *end = w->pieces + w->n_pieces;
  uint32_t crc = first->crc;
  for (; *p != end && (*p)->job == job; ++*p) {
    if (job->status == SM_OK) job->status = (*p)->status;
    if (*p != first) crc = sm_crc32c_combine(crc, (*p)->crc, (*p)->size);
  }
  if (job->status != SM_OK || job->run != NULL || !job->is_checked) return;
  sm_error err;
  job->status = sm_part_compare(crc, w->reader, &job->part, &err);
  if (job->status != SM_OK) {
    job->error = sm_alloc(w->reader->allocator, sizeof err);
    if (job->error != NULL) *job->error = err;
  }
}

sm_status sm_jobs_run(sm_job *jobs, size_t n, const sm_bundle_reader *reader, const sm_restore_options *options,
                      sm_error *err) {
  work w = {.reader = reader};
  sm_arena arena;
  if (n == 0) return SM_OK;
  sm_arena_init(&arena, reader->allocator, UINT64_MAX);
  sm_status status = plan(&w, jobs, n, &arena, err);
  if (status == SM_OK) {
    sm_parallel_for(options->executor, options->n_threads, w.n_tasks, run_task, &w);
    for (piece *p = w.pieces; p != w.pieces + w.n_pieces;) join(&p, &w);
  }
  sm_arena_free(&arena);
  return status;
}

bool sm_job_is_before(const void *a, const void *b) {
  const sm_part *x = &((const sm_job *)a)->part, *y = &((const sm_job *)b)->part;
  if (x->shard != y->shard) return x->shard < y->shard;
  return x->offset != y->offset ? x->offset < y->offset : x->size < y->size;
}

void sm_jobs_free_errors(sm_job *jobs, size_t n, const sm_bundle_reader *reader) {
  for (size_t i = 0; i < n; i++) sm_free(reader->allocator, jobs[i].error);
}
