/* savedmodel diff: tensors of two checkpoints, in the order of their keys. */
#include "cli/differences.h"
#include "cli/progress.h"
#include "cli/text_buffer.h"

typedef struct walk {
  checkpoint_place place;
  sm_bundle_iter *iter;
  const sm_bundle_entry *entry; /* NULL: there are no more */
} walk;

static sm_status step(walk *w, sm_error *err) {
  w->entry = NULL;
  return w->iter != NULL ? sm_bundle_iter_next(&w->entry, w->iter, err) : SM_OK;
}

static sm_status begin(walk *out, const checkpoint_place *place, sm_error *err) {
  *out = (walk){.place = *place};
  if (place->reader == NULL) return SM_OK;
  SM_TRY(sm_bundle_iter_new(&out->iter, place->reader, NULL, err));
  return step(out, err);
}

static sm_status compare_pair(differences *out, const walk *a, const walk *b, sm_error *err) {
  tensor_difference values;
  if (!tensor_has_form_of(a->entry, b->entry)) return differences_add_tensor(out, a->entry, b->entry, NULL, err);
  const tensor_place x = {a->place.reader, a->place.fs, a->entry}, y = {b->place.reader, b->place.fs, b->entry};
  SM_TRY(tensor_compare(&values, &x, &y, err));
  return values.n_different != 0 ? differences_add_tensor(out, a->entry, b->entry, &values, err) : SM_OK;
}

static sm_status compare_next(differences *out, walk *a, walk *b, progress *shown, sm_error *err) {
  int order = a->entry == NULL ? 1 : b->entry == NULL ? -1 : text_compare(a->entry->key, b->entry->key);
  if (order == 0) {
    SM_TRY(compare_pair(out, a, b, err));
    progress_add(shown, a->entry->size);
  } else {
    const sm_bundle_entry *entry = order < 0 ? a->entry : b->entry;
    SM_TRY(differences_add(out, DIFFERENT_TENSOR, order < 0 ? WAS_REMOVED : WAS_ADDED, entry->key, err));
  }
  if (order <= 0) SM_TRY(step(a, err));
  return order >= 0 ? step(b, err) : SM_OK;
}

sm_status diff_tensors(differences *out, const checkpoint_place *a, const checkpoint_place *b, sm_error *err) {
  walk x, y = {.iter = NULL};
  progress shown;
  sm_status status = begin(&x, a, err);
  if (status == SM_OK) status = begin(&y, b, err);
  progress_begin(&shown, "compared");
  while (status == SM_OK && (x.entry != NULL || y.entry != NULL)) status = compare_next(out, &x, &y, &shown, err);
  progress_end(&shown);
  sm_bundle_iter_free(x.iter);
  sm_bundle_iter_free(y.iter);
  return status;
}
