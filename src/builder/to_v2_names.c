#include "builder/to_v2.h"

#include "objects/checkpoint_graph.h"

/* ---- Names ---- */

void sm_convert_find_name(sm_converted *variable) {
  static const char end[] = "/.ATTRIBUTES/" SM_ATTRIBUTE_VALUE;
  size_t size = sizeof end - 1;
  sm_string key = variable->key;
  variable->is_escaped =
      variable->slice.size == 0 && key.size > size && memcmp(key.data + key.size - size, end, size) == 0;
  variable->name = variable->is_escaped ? (sm_string){key.data, key.size - size} : variable->node;
}

/* ---- Places ---- */

static bool is_leaf(const sm_convert_names *s, sm_string name) {
  return sm_named_find(s->leaves, s->n_leaves, sizeof *s->leaves, name) != SIZE_MAX;
}

/* python/trackable/trackable_utils.py, escape_local_name, the other way. */
static void unescape(char *text) {
  char *to = text;
  for (const char *from = text; *from != '\0'; from++) {
    bool is_escape = *from == '.' && (from[1] == '.' || from[1] == 'S');
    if (is_escape) from++;
    *to++ = is_escape && *from == 'S' ? '/' : *from;
  }
  *to = '\0';
}

/* The child's name in its parent; the root has another use for one. */
static sm_status name_child(const char **out, const sm_conversion *c, int32_t parent, sm_string part, bool is_escaped,
                            sm_error *err) {
  bool is_reserved = parent == SM_OBJECT_ROOT && sm_string_equal(part, sm_string_of("signatures"));
  char *name = sm_arena_alloc(c->arena, part.size + sizeof "_");
  if (name == NULL) return sm_arena_fail(c->arena, part.size + sizeof "_", err);
  snprintf(name, part.size + sizeof "_", "%.*s%s", (int)part.size, part.data, is_reserved ? "_" : "");
  if (is_escaped) unescape(name);
  *out = name;
  return SM_OK;
}

static sm_status enter(int32_t *parent, sm_convert_names *s, sm_conversion *c, sm_string scope, sm_string part,
                       bool is_escaped, sm_error *err) {
  const char *name;
  size_t found = sm_name_index_find(&s->names, scope);
  if (found != SIZE_MAX) {
    *parent = s->objects[found];
    return SM_OK;
  }
  if (s->names.n == s->capacity) {
    void *grown = sm_grow(c->arena->allocator, s->objects, &s->capacity, sizeof *s->objects);
    if (grown == NULL) return SM_FAIL_OOM(err, s->capacity * sizeof *s->objects);
    s->objects = grown;
  }
  SM_TRY(name_child(&name, c, *parent, part, is_escaped, err));
  SM_TRY(sm_object_graph_add(parent, c->objects, *parent, name, SM_CONTAINER_OBJECT, err));
  s->objects[s->names.n] = *parent;
  return sm_name_index_add(&s->names, scope, err);
}

/* Each object on the way has a path, which is longer than that of its parent: a name that is cut everywhere would take the
 * square of its length. What lies deeper keeps its name in one piece. */
enum { MAX_LEVELS = 100 };

sm_status sm_convert_find_place(int32_t *parent, const char **name, sm_convert_names *s, sm_conversion *c,
                                const sm_converted *of, sm_error *err) {
  const sm_string text = of->name;
  size_t start = 0, level = 0;
  *parent = SM_OBJECT_ROOT;
  for (size_t i = 0; i + 1 < text.size && level < MAX_LEVELS && !c->options.flat_names; i++) {
    const sm_string scope = {text.data, i}, part = {text.data + start, i - start};
    if (text.data[i] != '/' || i == start || is_leaf(s, scope)) continue;
    SM_TRY(enter(parent, s, c, scope, part, of->is_escaped, err));
    start = i + 1;
    level++;
  }
  return name_child(name, c, *parent, (sm_string){text.data + start, text.size - start}, of->is_escaped, err);
}

/* ---- Life ---- */

static bool text_less(const void *a, const void *b) {
  return sm_string_compare(*(const sm_string *)a, *(const sm_string *)b) < 0;
}

static sm_status list_leaves(sm_convert_names *s, const sm_conversion *c, sm_error *err) {
  size_t n = c->n_variables + c->n_tables;
  sm_string *leaves = sm_arena_array(c->arena, sm_string, n);
  if (leaves == NULL) return sm_arena_fail(c->arena, n * sizeof *leaves, err);
  for (size_t i = 0; i < n; i++)
    leaves[i] = i < c->n_variables ? c->variables[i].name : c->tables[i - c->n_variables].name;
  sm_sort(leaves, n, sizeof *leaves, text_less);
  s->leaves = leaves;
  s->n_leaves = n;
  return SM_OK;
}

sm_status sm_convert_names_init(sm_convert_names *out, const sm_conversion *c, sm_error *err) {
  *out = (sm_convert_names){.n_leaves = 0};
  sm_name_index_init(&out->names, c->arena->allocator);
  return list_leaves(out, c, err);
}

void sm_convert_names_free(sm_convert_names *names, const sm_conversion *c) {
  sm_name_index_free(&names->names);
  sm_free(c->arena->allocator, names->objects);
}
