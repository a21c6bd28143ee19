#include "builder/edit_internal.h"

#include "builder/encode_parts.h"
#include "builder/spec_check.h"

/* Fields of TensorInfo, CompositeTensor, and of map entries: proto/meta_graph.proto. */
enum { INFO_NAME = 1, INFO_SPARSE = 4, INFO_COMPOSITE = 5, COMPOSITE_COMPONENT = 2, ENTRY_VALUE = 2 };

/* The init and train op are no signatures for callers, though they are kept as such (formats: constants.h of
 * cc/saved_model). */
static sm_status check_key(sm_string key, sm_error *err) {
  if (sm_string_equal(key, sm_string_of(SM_KEY_INIT_OP)) || sm_string_equal(key, sm_string_of(SM_KEY_TRAIN_OP)))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "signature \"%s\": a reserved key", key.data);
  if (key.size == 0) return SM_FAIL(err, SM_INVALID_ARGUMENT, "a signature with an empty key");
  if (!sm_utf8_is_valid(key.data, key.size))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "signature \"%.200s\": not UTF-8", key.data);
  return SM_OK;
}

/* NOT_FOUND, with the keys of the map. */
static sm_status fail_not_found(const sm_draft *draft, uint32_t number, const char *what, sm_string name,
                                sm_error *err) {
  char list[300];
  size_t used = 0;
  sm_spans message;
  sm_wire_map map;
  SM_TRY(sm_draft_spans(&message, draft, err));
  SM_TRY(sm_wire_index_map(&map, message, number, draft->source, draft->arena, err));
  list[0] = '\0';
  for (size_t i = 0; i < map.n && used < sizeof list - 1; i++) {
    int n = snprintf(list + used, sizeof list - used, "%s%.60s", i != 0 ? ", " : "", map.entries[i].key.data);
    used = n < 0 || (size_t)n >= sizeof list - used ? sizeof list - 1 : used + (size_t)n;
  }
  return SM_FAIL(err, SM_NOT_FOUND, "no %s \"%.100s\"; there are: %s", what, name.data, list);
}

static sm_status open_entry(sm_draft *out, const sm_draft *draft, uint32_t number, const char *what, sm_string name,
                            sm_error *err) {
  bool found;
  SM_TRY(sm_draft_open_entry(out, &found, draft, number, name, err));
  return found ? SM_OK : fail_not_found(draft, number, what, name, err);
}

sm_status sm_edit_open_signature(sm_draft *out, const sm_draft *meta_graph, sm_string key, sm_error *err) {
  SM_TRY(check_key(key, err));
  return open_entry(out, meta_graph, SM_META_GRAPH_SIGNATURE, "signature", key, err);
}

sm_status sm_edit_rename_entry(sm_draft *draft, uint32_t number, const char *what, sm_string name, sm_string new_name,
                               sm_error *err) {
  sm_draft entry, other;
  bool taken;
  SM_TRY(open_entry(&entry, draft, number, what, name, err));
  if (sm_string_equal(name, new_name)) return SM_OK;
  SM_TRY(sm_draft_open_entry(&other, &taken, draft, number, new_name, err));
  if (taken) return SM_FAIL(err, SM_ALREADY_EXISTS, "there is %s \"%.100s\" already", what, new_name.data);
  SM_TRY(sm_draft_set_entry(draft, number, name, (sm_span){NULL, 0}, err));
  return sm_draft_set_entry_draft(draft, number, new_name, &entry, err);
}

/* ---- Tensors ---- */

/* Messages inside each other; composite tensors may be made of composite ones. */
enum { MAX_LEVELS = 32 };

sm_status sm_edit_each_tensor(sm_span info, const sm_wire_source *source, sm_edit_tensor_fn fn, void *ctx,
                              sm_error *err) {
  struct {
    sm_wire_reader reader;
    uint32_t is; /* the field of a TensorInfo that it is; 0: a TensorInfo itself */
  } levels[MAX_LEVELS] = {{sm_wire_read(info, source), 0}};
  for (size_t n = 1; n > 0;) {
    sm_wire_field field;
    if (!sm_wire_next(&levels[n - 1].reader, &field)) {
      SM_TRY(sm_wire_finish(&levels[--n].reader, err));
      continue;
    }
    uint32_t number = sm_wire_number(&field), is = levels[n - 1].is;
    if (sm_wire_type_of(&field) != SM_WIRE_BYTES) continue;
    bool is_kind = is == 0 && (number == INFO_SPARSE || number == INFO_COMPOSITE);
    if (is == INFO_SPARSE || (is == 0 && number == INFO_NAME)) SM_TRY(fn(ctx, sm_text_of(field.bytes), err));
    if (!is_kind && !(is == INFO_COMPOSITE && number == COMPOSITE_COMPONENT)) continue;
    if (n == MAX_LEVELS)
      return SM_FAIL(err, SM_UNIMPLEMENTED, "composite tensors more than %d levels deep", MAX_LEVELS / 2);
    levels[n].reader = sm_wire_read(field.bytes, source);
    levels[n++].is = is_kind ? number : 0;
  }
  return SM_OK;
}

sm_status sm_edit_each_signature_tensor(const sm_draft *signature, sm_edit_tensor_fn fn, void *ctx, sm_error *err) {
  for (size_t i = 0; i < signature->n; i++) {
    sm_span entry, info;
    uint32_t number = signature->fields[i].number;
    if (number != SM_SIGNATURE_INPUT && number != SM_SIGNATURE_OUTPUT) continue;
    if (!sm_draft_field_value(&entry, signature, &signature->fields[i])) continue;
    SM_TRY(sm_wire_find_bytes(&info, entry, ENTRY_VALUE, signature->source, err));
    SM_TRY(sm_edit_each_tensor(info, signature->source, fn, ctx, err));
  }
  return SM_OK;
}

/* ---- In the object graph ---- */

/* new_key.data NULL: removes it. */
static sm_status rename_in_objects(sm_draft *meta_graph, sm_string key, sm_string new_key, sm_error *err) {
  sm_edit_objects objects;
  sm_draft map;
  int64_t signatures, taken = -1;
  SM_TRY(sm_edit_open_objects(&objects, meta_graph, err));
  SM_TRY(sm_edit_find_signatures(&signatures, &objects, err));
  if (signatures < 0) return SM_OK;
  SM_TRY(sm_edit_open_node(&map, &objects, signatures, err));
  if (new_key.data != NULL) SM_TRY(sm_edit_find_child(&taken, &map, new_key, err));
  if (taken >= 0)
    return SM_FAIL(err, SM_ALREADY_EXISTS, "the object graph has a signature \"%.100s\" already", new_key.data);
  SM_TRY(sm_edit_rename_child(&objects, signatures, key, new_key, err));
  return sm_draft_set_draft(meta_graph, SM_META_GRAPH_OBJECT_GRAPH, &objects.draft, err);
}

/* ---- The calls ---- */

sm_status sm_builder_rename_signature(sm_builder *builder, size_t graph, const char *key, const char *new_key,
                                      sm_error *err) {
  sm_edit edit;
  sm_draft signature;
  sm_string from = sm_string_of(key), to = sm_string_of(new_key);
  SM_TRY(sm_edit_begin(&edit, builder, graph, err));
  SM_TRY(sm_edit_open_signature(&signature, &edit.draft, from, err));
  SM_TRY(check_key(to, err));
  if (sm_string_equal(from, to)) return SM_OK;
  SM_TRY(sm_edit_rename_entry(&edit.draft, SM_META_GRAPH_SIGNATURE, "signature", from, to, err));
  SM_TRY(rename_in_objects(&edit.draft, from, to, err));
  sm_edit_commit(&edit);
  return SM_OK;
}

sm_status sm_builder_remove_signature(sm_builder *builder, size_t graph, const char *key, sm_error *err) {
  sm_edit edit;
  sm_draft signature;
  sm_string name = sm_string_of(key);
  SM_TRY(sm_edit_begin(&edit, builder, graph, err));
  SM_TRY(sm_edit_open_signature(&signature, &edit.draft, name, err));
  SM_TRY(sm_draft_set_entry(&edit.draft, SM_META_GRAPH_SIGNATURE, name, (sm_span){NULL, 0}, err));
  SM_TRY(rename_in_objects(&edit.draft, name, (sm_string){NULL, 0}, err));
  sm_edit_commit(&edit);
  return SM_OK;
}

sm_status sm_builder_set_method(sm_builder *builder, size_t graph, const char *key, const char *method_name,
                                sm_error *err) {
  sm_edit edit;
  sm_draft signature;
  sm_string method = sm_string_of(method_name);
  SM_TRY(sm_edit_begin(&edit, builder, graph, err));
  SM_TRY(sm_edit_open_signature(&signature, &edit.draft, sm_string_of(key), err));
  if (!sm_utf8_is_valid(method.data, method.size))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "method \"%.200s\" is not UTF-8", method.data);
  sm_span value = method.size != 0 ? sm_span_of(method) : (sm_span){NULL, 0};
  SM_TRY(sm_draft_set(&signature, SM_SIGNATURE_METHOD, value, err));
  SM_TRY(sm_draft_set_entry_draft(&edit.draft, SM_META_GRAPH_SIGNATURE, sm_string_of(key), &signature, err));
  sm_edit_commit(&edit);
  return SM_OK;
}

/* ---- Setting ---- */

static sm_status check_against_graph(const sm_draft *meta_graph, const sm_signature *signature, sm_error *err) {
  sm_arena arena;
  sm_spans graph, info;
  SM_TRY(sm_draft_get(&graph, meta_graph, SM_META_GRAPH_GRAPH, err));
  SM_TRY(sm_draft_get(&info, meta_graph, SM_META_GRAPH_INFO, err));
  sm_arena_init(&arena, meta_graph->arena->allocator, UINT64_MAX);
  sm_status status = sm_spec_check_signature(signature, graph, info, meta_graph->source, &arena, err);
  sm_arena_free(&arena);
  return status;
}

static sm_status set_signature(sm_edit *edit, sm_buffer *bytes, const sm_signature *signature, sm_error *err) {
  sm_string key = sm_string_of(signature->key);
  SM_TRY(check_key(key, err));
  SM_TRY(check_against_graph(&edit->draft, signature, err));
  SM_TRY(sm_encode_signature(bytes, signature, edit->draft.arena, err));
  SM_TRY(sm_buffer_reserve(bytes, 1, err)); /* an empty one is one */
  sm_span value = {bytes->data, bytes->size};
  return sm_draft_set_entry(&edit->draft, SM_META_GRAPH_SIGNATURE, key, value, err);
}

sm_status sm_builder_set_signature(sm_builder *builder, size_t graph, const sm_signature *signature, sm_error *err) {
  sm_edit edit;
  sm_buffer bytes;
  SM_TRY(sm_edit_begin(&edit, builder, graph, err));
  sm_buffer_init(&bytes, builder->allocator, UINT64_MAX);
  sm_status status = set_signature(&edit, &bytes, signature, err);
  sm_buffer_free(&bytes);
  if (status == SM_OK) sm_edit_commit(&edit);
  return status;
}
