#include "builder/edit_internal.h"

static sm_status get_tags(sm_spans *out, const sm_draft *meta_graph, sm_error *err) {
  sm_draft info;
  SM_TRY(sm_draft_open(&info, meta_graph, SM_META_GRAPH_INFO, err));
  return sm_draft_get(out, &info, SM_META_INFO_TAG, err);
}

static bool has_tag(sm_spans tags, sm_span tag) {
  for (size_t i = 0; i < tags.n; i++)
    if (sm_string_equal(sm_text_of(tags.items[i]), sm_text_of(tag))) return true;
  return false;
}

/* As sets: order and repetition do not count (cc/saved_model/reader.cc). */
static bool is_within(sm_spans tags, sm_spans other) {
  for (size_t i = 0; i < tags.n; i++)
    if (!has_tag(other, tags.items[i])) return false;
  return true;
}

/* Loaders take the first meta graph of a set: a second one could not be reached. */
static sm_status check_others(const sm_builder *builder, const sm_edit *edit, sm_spans tags, sm_error *err) {
  for (size_t i = 0; i < builder->n_graphs; i++) {
    const sm_built_graph *other = builder->graphs[i];
    sm_spans others;
    if (other == edit->graph || other->is_removed) continue;
    SM_TRY(get_tags(&others, &other->draft, err));
    if (is_within(tags, others) && is_within(others, tags))
      return SM_FAIL(err, SM_ALREADY_EXISTS, "meta graph %zu has these tags already", i);
  }
  return SM_OK;
}

sm_status sm_builder_set_tags(sm_builder *builder, size_t graph, const char *const *tags, size_t n_tags,
                              sm_error *err) {
  sm_edit edit;
  sm_draft info;
  SM_TRY(sm_edit_begin(&edit, builder, graph, err));
  sm_span *spans = sm_arena_array(&builder->arena, sm_span, n_tags);
  if (spans == NULL) return sm_arena_fail(&builder->arena, n_tags * sizeof *spans, err);
  for (size_t i = 0; i < n_tags; i++) {
    spans[i] = sm_span_of(sm_string_of(tags[i]));
    if (!sm_utf8_is_valid(tags[i], spans[i].size))
      return SM_FAIL(err, SM_INVALID_ARGUMENT, "tag \"%.200s\" is not UTF-8", tags[i]);
  }
  SM_TRY(check_others(builder, &edit, (sm_spans){spans, n_tags}, err));
  SM_TRY(sm_draft_open(&info, &edit.draft, SM_META_GRAPH_INFO, err));
  SM_TRY(sm_draft_set_list(&info, SM_META_INFO_TAG, (sm_spans){spans, n_tags}, err));
  SM_TRY(sm_draft_set_draft(&edit.draft, SM_META_GRAPH_INFO, &info, err));
  sm_edit_commit(&edit);
  return SM_OK;
}
