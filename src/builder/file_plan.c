#include "builder/file_plan.h"

void sm_file_plan_init(sm_file_plan *plan, sm_arena *arena, const sm_allocator *allocator) {
  *plan = (sm_file_plan){.allocator = allocator, .arena = arena};
}

void sm_file_plan_free(sm_file_plan *plan) { sm_free(plan->allocator, plan->files); }

sm_planned_file *sm_file_plan_find(const sm_file_plan *plan, sm_string name) {
  for (size_t i = 0; i < plan->n; i++)
    if (!plan->files[i].is_removed && sm_string_equal(plan->files[i].name, name)) return &plan->files[i];
  return NULL;
}

static sm_status copy(sm_string *out, const sm_file_plan *plan, sm_string text, sm_error *err) {
  *out = sm_arena_copy(plan->arena, text);
  return out->data != NULL ? SM_OK : sm_arena_fail(plan->arena, text.size + 1, err);
}

static sm_status make_room(sm_file_plan *plan, sm_error *err) {
  if (plan->n < plan->capacity) return SM_OK;
  sm_planned_file *files = sm_grow(plan->allocator, plan->files, &plan->capacity, sizeof *files);
  if (files == NULL) return SM_FAIL_OOM(err, 2 * plan->capacity * sizeof *files);
  plan->files = files;
  return SM_OK;
}

sm_status sm_file_plan_put(sm_file_plan *plan, const char *name, const sm_planned_file *file, sm_error *err) {
  char clean[SM_PATH_MAX];
  sm_planned_file made = *file;
  if (!sm_path_clean(clean, sizeof clean, name) || *clean == '\0')
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "\"%.200s\": not a name inside the model's directory", name);
  SM_TRY(copy(&made.name, plan, sm_string_of(clean), err));
  if (made.root != NULL) SM_TRY(copy(&made.from, plan, file->from, err));
  made.is_removed = false;
  SM_TRY(make_room(plan, err));
  if (!made.is_kept) (void)sm_file_plan_remove(plan, made.name.data); /* what is kept comes first, each name once */
  plan->files[plan->n++] = made;
  return SM_OK;
}

bool sm_file_plan_remove(sm_file_plan *plan, const char *prefix) {
  size_t size = strlen(prefix);
  bool was_there = false;
  for (size_t i = 0; i < plan->n; i++) {
    sm_planned_file *file = &plan->files[i];
    if (file->is_removed || strncmp(file->name.data, prefix, size) != 0) continue;
    if (file->name.data[size] != '\0' && file->name.data[size] != '/') continue;
    file->is_removed = true;
    was_there = true;
  }
  return was_there;
}
