/* What is left of a graph: its own bytes, in its own order. */
#include "graph/prune.h"

#include <savedmodel/graph.h>

#include "support/check.h"
#include "support/fault_alloc.h"
#include "support/graph_spec.h"

/* Field numbers: proto/graph.proto, function.proto. */
enum { GRAPH_LIBRARY = 2, GRAPH_VERSIONS = 4 };

static w_buffer w, wanted;
static sm_error err;

static int set_up(void **state) {
  (void)state;
  w = wanted = (w_buffer){0};
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  w_free(&w);
  w_free(&wanted);
  return 0;
}

/* A part of a library: "fn NAME NODE", "grad OF FUNCTION", "reg FUNCTION". */
static void put_in_library(w_buffer *out, const char *line) {
  char kind[16], name[64], other[128] = "";
  assert_true(sscanf(line, "%15s %63s %127[^\n]", kind, name, other) >= 2);
  size_t message = w_begin(out, strcmp(kind, "fn") == 0 ? 1 : strcmp(kind, "grad") == 0 ? 2 : 3);
  if (strcmp(kind, "fn") == 0) {
    size_t signature = w_begin(out, 1);
    w_text(out, 1, name);
    w_end(out, signature);
    put_node(out, SPEC_FUNCTION_NODE, other);
  } else {
    w_text(out, 1, name);
    if (*other != '\0') w_text(out, 2, other);
  }
  w_end(out, message);
}

/* The graph of those lines for which kept says '1': nodes ("a=Op(b)"), then what is in the library. */
static void put_graph(w_buffer *out, const char *const *lines, const char *kept) {
  size_t i = 0, library = 0;
  for (; lines[i] != NULL && strchr(lines[i], '=') != NULL && strncmp(lines[i], "fn ", 3) != 0; i++)
    if (kept[i] == '1') put_node(out, SPEC_NODE, lines[i]);
  bool has_library = strchr(kept + i, '1') != NULL;
  if (has_library) library = w_begin(out, GRAPH_LIBRARY);
  for (; lines[i] != NULL; i++)
    if (kept[i] == '1') put_in_library(out, lines[i]);
  if (has_library) w_end(out, library);
  size_t versions = w_begin(out, GRAPH_VERSIONS);
  w_varint(out, 1, 2474);
  w_end(out, versions);
}

typedef struct row {
  const char *what;
  const char *roots[3];
  const char *lines[8];
  const char *kept;
} row;

static const row rows[] = {
    {"nothing asked for", {NULL}, {"a=A()", "b=B(a)"}, "00"},
    {"what leads to it", {"c"}, {"a=A()", "b=B(a)", "c=C(b)", "d=D(c)"}, "1110"},
    {"a tensor's node", {"b:1"}, {"a=A()", "b=B(a:2)"}, "11"},
    {"control inputs", {"b"}, {"z=Z()", "a=A()", "b=B(^a)"}, "011"},
    {"several", {"a", "^c:0"}, {"a=A()", "b=B()", "c=C()"}, "101"},
    {"a loop", {"exit"}, {"m=Merge(e, n)", "n=NextIteration(m)", "e=Enter()", "exit=Exit(m)", "x=X(m)"}, "11110"},
    {"inputs that are not there", {"a"}, {"a=A(nowhere, ^b)", "b=B()"}, "11"},
    {"called functions",
     {"a"},
     {"a=PartitionedCall() f", "b=PartitionedCall() h", "fn f x=g()", "fn g y=Y()", "fn h z=Z()"},
     "10110"},
    {"a function as an attribute of one", {"a"}, {"a=PartitionedCall() f>g", "fn f x=X()", "fn g y=Y()"}, "111"},
    {"gradients of what is called",
     {"a"},
     {"a=f()", "fn f x=X()", "fn df y=ddf()", "fn ddf y=Y()", "fn g z=Z()", "grad g df", "grad f df"},
     "1111001"},
    {"gradients that are registered", {"a"}, {"a=A()", "fn f x=g()", "fn g y=Y()", "fn h z=Z()", "reg f op"}, "11101"},
};

static void prune__keeps_what_leads_there(void **state) {
  (void)state;
  for (size_t i = 0; i < N_OF(rows); i++) {
    sm_string out;
    size_t n = 0;
    w_clear(&w);
    w_clear(&wanted);
    put_graph(&w, rows[i].lines, "11111111");
    put_graph(&wanted, rows[i].lines, rows[i].kept);
    while (n < N_OF(rows[i].roots) && rows[i].roots[n] != NULL) n++;
    assert_ok(sm_graph_prune(&out, (sm_string){(char *)w.data, w.size}, rows[i].roots, n, NULL, &err), err);
    assert_bytes(rows[i].what, out.data, out.size, wanted.data, wanted.size);
    sm_graph_free_def(&out, NULL);
  }
}

/* ---- Roots that are functions ---- */

static void prune__keeps_functions(void **state) {
  (void)state;
  static const char *const lines[] = {"a=A()", "fn f x=g()", "fn g y=Y()", "fn h z=Z()", NULL};
  const sm_string names[] = {{"f", 1}, {"none", 4}};
  put_graph(&w, lines, "1111");
  put_graph(&wanted, lines, "0110");
  const sm_span whole = {w.data, w.size};
  const sm_wire_source source = {.name = "m", .bytes = whole};
  sm_buffer out;
  sm_arena arena;
  sm_buffer_init(&out, sm_allocator_or_malloc(NULL), UINT64_MAX);
  sm_arena_init(&arena, sm_allocator_or_malloc(NULL), UINT64_MAX);
  sm_prune_roots roots = {.functions = names, .n_functions = 1};
  assert_ok(sm_graph_prune_to(&out, (sm_spans){&whole, 1}, &roots, &source, &arena, &err), err);
  assert_bytes("kept", out.data, out.size, wanted.data, wanted.size);
  roots.n_functions = 2;
  assert_status(sm_graph_prune_to(&out, (sm_spans){&whole, 1}, &roots, &source, &arena, &err), SM_NOT_FOUND, err);
  assert_mentions(err.message, "m: the graph has no function \"none\"");
  sm_arena_free(&arena);
  sm_buffer_free(&out);
}

/* ---- Colocation ---- */

static void put_colocated(w_buffer *out, const char *node, const char *const *values, size_t n) {
  size_t begun = begin_node(out, SPEC_NODE, node);
  put_attr_text(out, "other", "loc:@gone");
  w_entry entry = w_begin_entry(out, 5, "_class");
  size_t list = w_begin(out, 1);
  for (size_t i = 0; i < n; i++) w_text(out, 2, values[i]);
  w_end(out, list);
  w_end_entry(out, entry);
  w_end(out, begun);
}

/* TensorFlow does not import a node that is colocated with one that is not there. */
static void prune__keeps_what_is_colocated(void **state) {
  (void)state;
  static const char *const places[] = {"loc:@p", "gone", "loc:", "loc:@nowhere"}, *const further[] = {"loc:@q"};
  sm_string out;
  for (int all = 1; all >= 0; all--) {
    w_buffer *to = all ? &w : &wanted;
    put_node(to, SPEC_NODE, "i=I()");
    put_colocated(to, "p=P(i)", further, 1);
    put_node(to, SPEC_NODE, "q=Q()");
    if (all) put_node(to, SPEC_NODE, "gone=G()");
    put_colocated(to, "a=A()", places, N_OF(places));
  }
  assert_ok(sm_graph_prune(&out, (sm_string){(char *)w.data, w.size}, (const char *[]){"a"}, 1, NULL, &err), err);
  assert_bytes("kept", out.data, out.size, wanted.data, wanted.size);
  sm_graph_free_def(&out, NULL);
}

/* ---- Refused ---- */

static void prune__refuses(void **state) {
  (void)state;
  sm_string out;
  put_node(&w, SPEC_NODE, "a=A()");
  const sm_string graph = {(char *)w.data, w.size};
  assert_status(sm_graph_prune(&out, graph, (const char *[]){"a", "b:0"}, 2, NULL, &err), SM_NOT_FOUND, err);
  assert_mentions(err.message, "\"b:0\" is not in the graph");
  assert_null(out.data);
  assert_status(sm_graph_prune(&out, graph, NULL, 1, NULL, &err), SM_INVALID_ARGUMENT, err);
  assert_status(sm_graph_prune(&out, graph, (const char *[]){NULL}, 1, NULL, &err), SM_INVALID_ARGUMENT, err);
  assert_status(sm_graph_prune(&out, (sm_string){NULL, 1}, NULL, 0, NULL, &err), SM_INVALID_ARGUMENT, err);
  for (size_t size = 1; size < w.size; size++)
    assert_status(sm_graph_prune(&out, (sm_string){(char *)w.data, size}, (const char *[]){"a"}, 1, NULL, &err),
                  SM_DATA_LOSS, err);
}

/* ---- Large ones ---- */

/* A chain of nodes, and one of gradients: neither depth nor time grows out of hand. */
static void prune__long_chains(void **state) {
  (void)state;
  enum { N = 50000 };
  sm_string out;
  char text[64];
  put_node(&w, SPEC_NODE, "n0=f0()");
  for (int i = 1; i < N; i++) {
    snprintf(text, sizeof text, "n%d=A(n%d)", i, i - 1);
    put_node(&w, SPEC_NODE, text);
  }
  size_t library = w_begin(&w, GRAPH_LIBRARY);
  for (int i = 0; i < N; i++) {
    snprintf(text, sizeof text, "fn f%d x=X()", i);
    put_in_library(&w, text);
  }
  for (int i = N - 2; i >= 0; i--) {
    snprintf(text, sizeof text, "grad f%d f%d", i, i + 1);
    put_in_library(&w, text);
  }
  w_end(&w, library);
  snprintf(text, sizeof text, "n%d", N - 1);
  assert_ok(sm_graph_prune(&out, (sm_string){(char *)w.data, w.size}, (const char *[]){text}, 1, NULL, &err), err);
  assert_bytes("all", out.data, out.size, w.data, w.size);
  sm_graph_free_def(&out, NULL);
}

/* ---- Memory ---- */

static void prune__out_of_memory(void **state) {
  (void)state;
  const row *r = &rows[7];
  put_graph(&w, r->lines, "11111111");
  for (uint64_t n = 0;; n++) {
    sm_fault_alloc fa;
    sm_string out;
    sm_fault_alloc_init(&fa, n);
    sm_status status = sm_graph_prune(&out, (sm_string){(char *)w.data, w.size}, r->roots, 1, &fa.base, &err);
    assert_number("status", status, fa.fired ? SM_RESOURCE_EXHAUSTED : SM_OK);
    sm_graph_free_def(&out, &fa.base);
    assert_number("live blocks", fa.live_blocks, 0);
    bool fired = fa.fired;
    sm_fault_alloc_destroy(&fa);
    if (!fired) break;
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(prune__keeps_what_leads_there, set_up, tear_down),
      cmocka_unit_test_setup_teardown(prune__keeps_functions, set_up, tear_down),
      cmocka_unit_test_setup_teardown(prune__keeps_what_is_colocated, set_up, tear_down),
      cmocka_unit_test_setup_teardown(prune__refuses, set_up, tear_down),
      cmocka_unit_test_setup_teardown(prune__long_chains, set_up, tear_down),
      cmocka_unit_test_setup_teardown(prune__out_of_memory, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
