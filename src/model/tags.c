#include "model/model_internal.h"

size_t sm_meta_graph_n_tags(const sm_meta_graph *graph) { return graph->n_tags; }

const char *sm_meta_graph_get_tag(const sm_meta_graph *graph, size_t i) {
  return i < graph->n_tags ? graph->tags[i].data : NULL;
}

size_t sm_meta_graph_get_tag_size(const sm_meta_graph *graph, size_t i) {
  return i < graph->n_tags ? graph->tags[i].size : 0;
}

static bool has_tag(const sm_meta_graph *graph, sm_string tag) {
  for (size_t i = 0; i < graph->n_tags; i++)
    if (sm_string_equal(graph->tags[i], tag)) return true;
  return false;
}

static bool is_given(sm_string tag, const char *const *tags, size_t n_tags) {
  for (size_t i = 0; i < n_tags; i++)
    if (sm_string_equal(sm_string_of(tags[i]), tag)) return true;
  return false;
}

static bool includes(const sm_meta_graph *graph, const char *const *tags, size_t n_tags) {
  for (size_t i = 0; i < n_tags; i++)
    if (!has_tag(graph, sm_string_of(tags[i]))) return false;
  return true;
}

static bool is_within(const sm_meta_graph *graph, const char *const *tags, size_t n_tags) {
  for (size_t i = 0; i < graph->n_tags; i++)
    if (!is_given(graph->tags[i], tags, n_tags)) return false;
  return true;
}

bool sm_meta_graph_matches(const sm_meta_graph *graph, sm_tag_match match, const char *const *tags, size_t n_tags) {
  return (match == SM_TAGS_WITHIN || includes(graph, tags, n_tags)) &&
         (match == SM_TAGS_INCLUDE || is_within(graph, tags, n_tags));
}

/* ---- What to say when nothing matches ---- */

typedef struct text {
  char data[256];
  size_t used;
} text;

static void append(text *to, const char *bytes) {
  int n = snprintf(to->data + to->used, sizeof to->data - to->used, "%s", bytes);
  to->used += (size_t)n < sizeof to->data - to->used ? (size_t)n : sizeof to->data - to->used - 1;
}

static void append_set(text *to, const sm_meta_graph *graph) {
  append(to, "{");
  for (size_t i = 0; i < graph->n_tags; i++) {
    append(to, i == 0 ? "" : ", ");
    append(to, graph->tags[i].data);
  }
  append(to, "}");
}

static text list_tag_sets(const sm_model *model) {
  text list = {.used = 0};
  for (size_t i = 0; i < model->n_meta_graphs; i++) {
    append(&list, i == 0 ? "" : ", ");
    append_set(&list, &model->meta_graphs[i]);
  }
  if (model->n_meta_graphs == 0) append(&list, "none");
  return list;
}

static sm_status fail_no_match(const sm_model *model, const char *const *tags, size_t n_tags, sm_error *err) {
  text there = list_tag_sets(model), wanted = {.used = 0};
  if (tags == NULL)
    return SM_FAIL(err, SM_NOT_FOUND, "%s: %zu meta graphs, so tags must say which one: %s", model->source.name,
                   model->n_meta_graphs, there.data);
  for (size_t i = 0; i < n_tags; i++) {
    append(&wanted, i == 0 ? "" : ", ");
    append(&wanted, tags[i]);
  }
  return SM_FAIL(err, SM_NOT_FOUND, "%s: no meta graph has just the tags {%s}; there are: %s", model->source.name,
                 wanted.data, there.data);
}

sm_status sm_model_find_meta_graph(const sm_meta_graph **out, const sm_model *model, const char *const *tags,
                                   size_t n_tags, sm_error *err) {
  *out = NULL;
  if (tags == NULL && n_tags != 0) return SM_FAIL(err, SM_INVALID_ARGUMENT, "tags is NULL, n_tags is %zu", n_tags);
  if (tags == NULL && model->n_meta_graphs == 1) {
    *out = &model->meta_graphs[0];
    return SM_OK;
  }
  for (size_t i = 0; tags != NULL && i < model->n_meta_graphs; i++)
    if (sm_meta_graph_matches(&model->meta_graphs[i], SM_TAGS_EQUAL, tags, n_tags)) {
      *out = &model->meta_graphs[i];
      return SM_OK;
    }
  return fail_no_match(model, tags, n_tags, err);
}
