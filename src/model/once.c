/* What is decoded on first use: built by one thread behind the model's lock, published to all. */
#include <stdatomic.h>

#include "model/model_internal.h"

sm_status sm_model_once(void **out, sm_model *model, sm_once *slot, sm_build_fn build, const sm_meta_graph *graph,
                        const void *subject, sm_error *err) {
  *out = atomic_load_explicit(slot, memory_order_acquire);
  if (*out != NULL) return SM_OK;
  sm_status status = SM_OK;
  sm_mutex_lock(&model->lock);
  void *made = atomic_load_explicit(slot, memory_order_acquire);
  if (made == NULL) {
    sm_arena_mark mark = sm_arena_get_mark(&model->arena);
    status = build(&made, graph, subject, &model->arena, err);
    if (status == SM_OK)
      atomic_store_explicit(slot, made, memory_order_release);
    else
      sm_arena_rewind(&model->arena, mark);
  }
  sm_mutex_unlock(&model->lock);
  *out = status == SM_OK ? made : NULL;
  return status;
}

sm_status sm_meta_graph_once(void **out, const sm_meta_graph *graph, sm_once *slot, sm_build_fn build,
                             const void *subject, sm_error *err) {
  return sm_model_once(out, graph->model, slot, build, graph, subject, err);
}

sm_status sm_slots_index(sm_slots *out, sm_spans message, uint32_t number, const sm_wire_source *source,
                         sm_arena *arena, sm_error *err) {
  SM_TRY(sm_wire_index_map(&out->map, message, number, source, arena, err));
  out->values = sm_arena_array(arena, sm_once, out->map.n);
  return out->values != NULL ? SM_OK : sm_arena_fail(arena, out->map.n * sizeof(sm_once), err);
}
