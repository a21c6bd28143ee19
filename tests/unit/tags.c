#include "support/check.h"

#include <savedmodel/model.h>

#include "support/models.h"

static w_buffer w;
static sm_error err;

/* A meta graph of the given tags, "a b c"; "" is none. */
static void put_graph(const char *tags) {
  size_t graph = w_begin(&w, 2), info = w_begin(&w, 1);
  for (const char *tag = tags; *tag != '\0';
       tag += tag[strcspn(tag, " ")] == ' ' ? strcspn(tag, " ") + 1 : strcspn(tag, " "))
    w_bytes(&w, 4, tag, strcspn(tag, " "));
  w_end(&w, info), w_end(&w, graph);
}

/* Splits "a b c" into tags; returns their number. */
static size_t split(const char *tags[8], char *buffer, size_t size, const char *text) {
  size_t n = 0;
  snprintf(buffer, size, "%s", text);
  for (char *tag = buffer; *tag != '\0'; n++) {
    tags[n] = tag;
    tag += strcspn(tag, " ");
    if (*tag == ' ') *tag++ = '\0';
  }
  return n;
}

static int tear_down(void **state) {
  (void)state;
  w_free(&w);
  return 0;
}

static void tags__matches(void **state) {
  (void)state;
  static const struct {
    const char *there, *given;
    bool equal, include, within;
  } rows[] = {
      {"", "", true, true, true},
      {"", "a", false, false, true},
      {"a", "", false, true, false},
      {"a", "a", true, true, true},
      {"a", "b", false, false, false},
      {"a b", "a b", true, true, true},
      {"a b", "b a", true, true, true},       /* order does not count */
      {"a b", "b a b a a", true, true, true}, /* nor repetition */
      {"a a b", "a b", true, true, true},
      {"a b", "a", false, true, false},
      {"a", "a b", false, false, true},
      {"a b", "a c", false, false, false},
      {"serve", "serv", false, false, false}, /* whole tags */
      {"serv", "serve", false, false, false},
      {"Serve", "serve", false, false, false},
      {"a b c", "c a", false, true, false},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    const char *given[8];
    char buffer[64];
    size_t n = split(given, buffer, sizeof buffer, rows[i].given);
    w_clear(&w);
    put_graph(rows[i].there);
    sm_model *model = open_bytes(&w);
    const sm_meta_graph *graph = only_graph(model), *found;
    assert_number(rows[i].there, sm_meta_graph_matches(graph, SM_TAGS_EQUAL, given, n), rows[i].equal);
    assert_number(rows[i].there, sm_meta_graph_matches(graph, SM_TAGS_INCLUDE, given, n), rows[i].include);
    assert_number(rows[i].there, sm_meta_graph_matches(graph, SM_TAGS_WITHIN, given, n), rows[i].within);
    sm_status status = sm_model_find_meta_graph(&found, model, given, n, &err);
    assert_status(status, rows[i].equal ? SM_OK : SM_NOT_FOUND, err);
    assert_ptr_equal(found, rows[i].equal ? graph : NULL);
    sm_model_close(model);
  }
}

static void tags__in_file_order(void **state) {
  (void)state;
  put_graph("train serve train");
  sm_model *model = open_bytes(&w);
  const sm_meta_graph *graph = only_graph(model);
  assert_number("tags", sm_meta_graph_n_tags(graph), 3);
  assert_text("0", sm_meta_graph_get_tag(graph, 0), "train");
  assert_text("1", sm_meta_graph_get_tag(graph, 1), "serve");
  assert_text("2", sm_meta_graph_get_tag(graph, 2), "train");
  assert_number("size", sm_meta_graph_get_tag_size(graph, 1), 5);
  assert_null(sm_meta_graph_get_tag(graph, 3));
  assert_number("size", sm_meta_graph_get_tag_size(graph, 3), 0);
  sm_model_close(model);
}

static void tags__the_only_one(void **state) {
  (void)state;
  const sm_meta_graph *found;
  put_graph("serve gpu");
  sm_model *model = open_bytes(&w);
  assert_ok(sm_model_find_meta_graph(&found, model, NULL, 0, &err), err);
  assert_ptr_equal(found, only_graph(model));
  const char *const none[] = {NULL};
  assert_status(sm_model_find_meta_graph(&found, model, none, 0, &err), SM_NOT_FOUND, err); /* the untagged one */
  assert_status(sm_model_find_meta_graph(&found, model, NULL, 1, &err), SM_INVALID_ARGUMENT, err);
  sm_model_close(model);
  put_graph("");
  model = open_bytes(&w);
  assert_status(sm_model_find_meta_graph(&found, model, NULL, 0, &err), SM_NOT_FOUND, err); /* two of them now */
  assert_mentions(err.message, "{serve, gpu}");
  assert_mentions(err.message, "{}");
  assert_ok(sm_model_find_meta_graph(&found, model, none, 0, &err), err);
  assert_ptr_equal(found, sm_model_get_meta_graph(model, 1));
  sm_model_close(model);
  w_clear(&w);
  model = open_bytes(&w);
  assert_status(sm_model_find_meta_graph(&found, model, NULL, 0, &err), SM_NOT_FOUND, err); /* none at all */
  sm_model_close(model);
}

static void tags__first_match_wins(void **state) {
  (void)state;
  const sm_meta_graph *found;
  const char *const serve[] = {"serve"};
  put_graph("serve gpu");
  put_graph("serve");
  put_graph("serve serve");
  sm_model *model = open_bytes(&w);
  assert_ok(sm_model_find_meta_graph(&found, model, serve, 1, &err), err);
  assert_ptr_equal(found, sm_model_get_meta_graph(model, 1));
  sm_model_close(model);
}

static void tags__message_lists_what_there_is(void **state) {
  (void)state;
  const sm_meta_graph *found;
  const char *const given[] = {"serve", "tpu"};
  put_graph("serve");
  put_graph("serve train");
  sm_model *model = open_bytes(&w);
  assert_status(sm_model_find_meta_graph(&found, model, given, 2, &err), SM_NOT_FOUND, err);
  assert_mentions(err.message, "{serve, tpu}");
  assert_mentions(err.message, "{serve}, {serve, train}");
  sm_model_close(model);
  for (int i = 0; i < 1000; i++) put_graph("a_tag another_tag a_third_one"); /* more than a message holds */
  model = open_bytes(&w);
  assert_status(sm_model_find_meta_graph(&found, model, given, 2, &err), SM_NOT_FOUND, err);
  assert_true(strlen(err.message) < sizeof err.message);
  sm_model_close(model);
}

/* meta_info_def given twice is merged; a tag's bytes have a length. */
static void tags__odd_ones(void **state) {
  (void)state;
  size_t graph = w_begin(&w, 2);
  for (int i = 0; i < 2; i++) {
    size_t info = w_begin(&w, 1);
    w_bytes(&w, 4, i == 0 ? "a\0b" : "", i == 0 ? 3 : 0);
    w_end(&w, info);
  }
  w_end(&w, graph);
  sm_model *model = open_bytes(&w);
  assert_number("tags", sm_meta_graph_n_tags(only_graph(model)), 2);
  assert_bytes("0", sm_meta_graph_get_tag(only_graph(model), 0), sm_meta_graph_get_tag_size(only_graph(model), 0),
               "a\0b", 3);
  assert_text("1", sm_meta_graph_get_tag(only_graph(model), 1), "");
  const char *const given[] = {"a", ""};
  assert_false(sm_meta_graph_matches(only_graph(model), SM_TAGS_EQUAL, given, 2)); /* "a" is another tag */
  sm_model_close(model);
  w_clear(&w);
  put_graph("\xFF");
  assert_status(sm_model_open_buffer(&model, w.data, w.size, NULL, &err), SM_DATA_LOSS, err);
}

/* Several meta graphs as TensorFlow wrote them: data/models/v1/several_meta_graphs/truth.json. */
static void tags__as_written_by_tensorflow(void **state) {
  (void)state;
  const sm_meta_graph *found;
  const char *const wanted[] = {"gpu", "serve"};
  sm_model *model = open_data("v1/several_meta_graphs");
  assert_ok(sm_model_find_meta_graph(&found, model, wanted, 2, &err), err);
  assert_number("tags", sm_meta_graph_n_tags(found), 2);
  sm_model_close(model);
}

#define CASE(name) cmocka_unit_test_teardown(name, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(tags__matches),
      CASE(tags__in_file_order),
      CASE(tags__the_only_one),
      CASE(tags__first_match_wins),
      CASE(tags__odd_ones),
      CASE(tags__message_lists_what_there_is),
      CASE(tags__as_written_by_tensorflow),
  };
  return cmocka_run_group_tests_name("tags", tests, NULL, NULL);
}
