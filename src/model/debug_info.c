/*
 * debug/saved_model_debug_info.pb. From node to source line, as proto/graph_debug_info.proto has it:
 *
 *   new form   name_to_trace_id -> traces_by_id -> frames_by_id -> files
 *   old form   traces -> files
 *
 * Opening lists names and ids, sorted; what they lead to stays in the mapped file until it is asked for.
 */
#include <savedmodel/debug_info.h>

#include "model/model_internal.h"

/* Fields of GraphDebugInfo, its map entries, StackTrace, FileLineCol. */
enum {
  INFO_FILES = 1,
  INFO_TRACES = 2,
  INFO_FRAMES_BY_ID = 4,
  INFO_NAME_TO_TRACE_ID = 5,
  INFO_TRACES_BY_ID = 6,
  ENTRY_KEY = 1,
  ENTRY_VALUE = 2,
  TRACE_FRAMES = 1,
  TRACE_FRAME_IDS = 2,
  FRAME_FILE = 1,
  FRAME_LINE = 2,
  FRAME_COLUMN = 3,
  FRAME_FUNCTION = 4,
  FRAME_CODE = 5
};

/* An entry of a map with fixed64 keys. */
typedef struct id_entry {
  uint64_t id;
  sm_span bytes; /* of the whole entry */
} id_entry;

typedef struct id_map {
  const id_entry *entries; /* sorted by id */
  size_t n;
} id_map;

/* A name, first as sm_named_find wants it. */
typedef struct trace_slot {
  sm_string name;
  const sm_debug_info *info;
  sm_span entry;
  bool is_old; /* entry is one of traces, else of name_to_trace_id */
  sm_once value;
} trace_slot;

struct sm_debug_info {
  sm_model *model;
  sm_wire_source source;
  sm_span bytes;
  const sm_string *files;
  size_t n_files;
  id_map frames, traces;
  trace_slot *slots; /* sorted by name */
  size_t n_slots;
};

/* ---- Opening ---- */

static bool id_less(const void *a, const void *b) {
  const id_entry *left = a, *right = b;
  return left->id != right->id ? left->id < right->id : left->bytes.data < right->bytes.data;
}

static sm_status index_ids(id_map *out, const sm_debug_info *info, uint32_t number, sm_arena *arena, sm_error *err) {
  sm_spans found;
  SM_TRY(sm_wire_collect(&found, (sm_spans){&info->bytes, 1}, number, &info->source, arena, err));
  id_entry *entries = sm_arena_array(arena, id_entry, found.n);
  if (entries == NULL) return sm_arena_fail(arena, found.n * sizeof *entries, err);
  for (size_t i = 0; i < found.n; i++) {
    sm_wire_reader reader = sm_wire_read(found.items[i], &info->source);
    entries[i].bytes = found.items[i];
    for (sm_wire_field field; sm_wire_next(&reader, &field);)
      if (field.tag == SM_WIRE_TAG(ENTRY_KEY, SM_WIRE_FIXED64)) entries[i].id = field.value;
    SM_TRY(sm_wire_finish(&reader, err));
  }
  sm_sort(entries, found.n, sizeof *entries, id_less);
  *out = (id_map){entries, found.n};
  return SM_OK;
}

/* The last entry of that id, which is the one that counts; NULL. */
static const id_entry *find_id(const id_map *map, uint64_t id) {
  size_t low = 0, high = map->n; /* ids below low are not greater, those from high on are */
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (map->entries[middle].id <= id)
      low = middle + 1;
    else
      high = middle;
  }
  return low > 0 && map->entries[low - 1].id == id ? &map->entries[low - 1] : NULL;
}

/* A proto2 string: any bytes. */
static sm_status copy_text(const char **out, sm_span bytes, sm_arena *arena, sm_error *err) {
  sm_string copy = sm_arena_copy(arena, (sm_string){(const char *)bytes.data, bytes.size});
  if (copy.data == NULL) return sm_arena_fail(arena, bytes.size, err);
  *out = copy.data;
  return SM_OK;
}

static sm_status copy_files(sm_debug_info *info, sm_arena *arena, sm_error *err) {
  sm_spans found;
  SM_TRY(sm_wire_collect(&found, (sm_spans){&info->bytes, 1}, INFO_FILES, &info->source, arena, err));
  sm_string *files = sm_arena_array(arena, sm_string, found.n);
  if (files == NULL) return sm_arena_fail(arena, found.n * sizeof *files, err);
  for (size_t i = 0; i < found.n; i++) SM_TRY(copy_text(&files[i].data, found.items[i], arena, err));
  info->files = files;
  info->n_files = found.n;
  return SM_OK;
}

static bool slot_less(const void *a, const void *b) {
  const trace_slot *left = a, *right = b;
  int order = sm_string_compare(left->name, right->name);
  return order != 0 ? order < 0 : left->is_old > right->is_old;
}

/* Names of both forms; of a name in both the old one counts, as TensorFlow's reader prefers it. */
static sm_status list_names(sm_debug_info *info, sm_arena *arena, sm_error *err) {
  static const uint32_t fields[] = {INFO_TRACES, INFO_NAME_TO_TRACE_ID};
  sm_wire_map maps[2];
  for (size_t k = 0; k < 2; k++)
    SM_TRY(sm_wire_index_map(&maps[k], (sm_spans){&info->bytes, 1}, fields[k], &info->source, arena, err));
  size_t n = maps[0].n + maps[1].n;
  trace_slot *slots = info->slots = sm_arena_array(arena, trace_slot, n);
  if (slots == NULL) return sm_arena_fail(arena, n * sizeof *slots, err);
  n = 0;
  for (size_t k = 0; k < 2; k++)
    for (size_t i = 0; i < maps[k].n; i++) {
      const sm_wire_entry *entry = &maps[k].entries[i];
      slots[n++] = (trace_slot){.name = entry->key, .info = info, .entry = entry->bytes, .is_old = k == 0};
    }
  sm_sort(slots, n, sizeof *slots, slot_less);
  for (size_t i = 0; i < n; i++)
    if (info->n_slots == 0 || !sm_string_equal(slots[info->n_slots - 1].name, slots[i].name))
      slots[info->n_slots++] = slots[i];
  return SM_OK;
}

static sm_status index_info(sm_debug_info *info, sm_arena *arena, sm_error *err) {
  SM_TRY(copy_files(info, arena, err));
  SM_TRY(index_ids(&info->frames, info, INFO_FRAMES_BY_ID, arena, err));
  SM_TRY(index_ids(&info->traces, info, INFO_TRACES_BY_ID, arena, err));
  return list_names(info, arena, err);
}

static sm_status build_info(void **out, const sm_meta_graph *graph, const void *subject, sm_arena *arena,
                            sm_error *err) {
  (void)graph;
  sm_model *model = (sm_model *)(uintptr_t)subject;
  if (model->dir == NULL)
    return SM_FAIL(err, SM_NOT_FOUND, "the model was opened from a buffer, which has no " SM_FILE_DEBUG_INFO);
  sm_debug_info *info = sm_arena_new(arena, sm_debug_info);
  size_t name_size = strlen(model->dir) + sizeof "/" SM_FILE_DEBUG_INFO;
  char *name = sm_arena_alloc(arena, name_size);
  if (info == NULL || name == NULL) return sm_arena_fail(arena, sizeof *info + name_size, err);
  (void)sm_path_join(name, name_size, model->dir, SM_FILE_DEBUG_INFO);
  sm_bytes bytes;
  SM_TRY(sm_bytes_load(&bytes, &model->root, SM_FILE_DEBUG_INFO, arena->max_bytes, model->allocator, err));
  info->model = model;
  info->bytes = (sm_span){bytes.data, bytes.size};
  info->source = (sm_wire_source){.name = name, .bytes = info->bytes};
  sm_status status = index_info(info, arena, err);
  if (status != SM_OK)
    sm_bytes_unload(&bytes);
  else
    model->debug_bytes = bytes;
  *out = info;
  return status;
}

sm_status sm_model_get_debug_info(const sm_debug_info **out, const sm_model *model, sm_error *err) {
  void *made;
  sm_model *opened = (sm_model *)(uintptr_t)model; /* shared: the slot is published, the rest is behind the lock */
  sm_status status = sm_model_once(&made, opened, &opened->debug_info, build_info, NULL, opened, err);
  *out = made;
  return status;
}

size_t sm_debug_info_n_traces(const sm_debug_info *info) { return info->n_slots; }

sm_string sm_debug_info_get_name(const sm_debug_info *info, size_t i) {
  return i < info->n_slots ? info->slots[i].name : (sm_string){NULL, 0};
}

/* ---- Traces ---- */

/* What a trace is decoded with. */
typedef struct decoder {
  const sm_debug_info *info;
  sm_source_frame *frames; /* NULL: they are counted only */
  size_t n;
  sm_arena *arena;
} decoder;

static sm_status fail_at(const decoder *d, sm_span at, const char *what, sm_error *err) {
  return sm_wire_fail(&d->info->source, at.data, what, err);
}

/* One piece of a FileLineCol, over what the pieces before it have set. */
static sm_status read_frame(sm_source_frame *frame, const decoder *d, sm_span message, sm_error *err) {
  const sm_debug_info *info = d->info;
  sm_span function = {NULL, 0}, code = {NULL, 0};
  sm_wire_reader reader = sm_wire_read(message, &info->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    switch (field.tag) {
      case SM_WIRE_TAG(FRAME_FILE, SM_WIRE_VARINT):
        if (field.value >= info->n_files) return fail_at(d, field.whole, "no file of that index", err);
        frame->file = info->files[field.value].data;
        break;
      case SM_WIRE_TAG(FRAME_LINE, SM_WIRE_VARINT): frame->line = (int32_t)field.value; break;
      case SM_WIRE_TAG(FRAME_COLUMN, SM_WIRE_VARINT): frame->column = (int32_t)field.value; break;
      case SM_WIRE_TAG(FRAME_FUNCTION, SM_WIRE_BYTES): function = field.bytes; break;
      case SM_WIRE_TAG(FRAME_CODE, SM_WIRE_BYTES): code = field.bytes; break;
      default: break;
    }
  }
  SM_TRY(sm_wire_finish(&reader, err));
  if (function.data != NULL) SM_TRY(copy_text(&frame->function, function, d->arena, err));
  if (code.data != NULL) SM_TRY(copy_text(&frame->code, code, d->arena, err));
  return SM_OK;
}

static sm_source_frame *next_frame(decoder *d) {
  sm_source_frame *frame = d->frames != NULL ? &d->frames[d->n] : NULL;
  /* file_index 0 need not be written */
  const char *file = d->info->n_files != 0 ? d->info->files[0].data : "";
  if (frame != NULL) *frame = (sm_source_frame){.file = file, .function = "", .code = ""};
  d->n++;
  return frame;
}

static sm_status add_frame_of_id(decoder *d, uint64_t id, sm_span at, sm_error *err) {
  sm_source_frame *frame = next_frame(d);
  if (frame == NULL) return SM_OK;
  const id_entry *entry = find_id(&d->info->frames, id);
  if (entry == NULL) return fail_at(d, at, "no frame of that id", err);
  sm_wire_reader reader = sm_wire_read(entry->bytes, &d->info->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    if (field.tag == SM_WIRE_TAG(ENTRY_VALUE, SM_WIRE_BYTES)) SM_TRY(read_frame(frame, d, field.bytes, err));
  return sm_wire_finish(&reader, err);
}

static sm_status add_packed_ids(decoder *d, sm_span packed, sm_error *err) {
  if (packed.size % 8 != 0) return fail_at(d, packed, "a packed list ends inside an element", err);
  for (size_t i = 0; i < packed.size; i += 8) {
    uint64_t id = 0;
    for (unsigned k = 0; k < 8; k++) id |= (uint64_t)packed.data[i + k] << (8 * k);
    SM_TRY(add_frame_of_id(d, id, packed, err));
  }
  return SM_OK;
}

/* The frames of a StackTrace, of either form. */
static sm_status read_trace(decoder *d, sm_span message, sm_error *err) {
  sm_wire_reader reader = sm_wire_read(message, &d->info->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    sm_source_frame *frame;
    switch (field.tag) {
      case SM_WIRE_TAG(TRACE_FRAMES, SM_WIRE_BYTES):
        frame = next_frame(d);
        if (frame != NULL) SM_TRY(read_frame(frame, d, field.bytes, err));
        break;
      case SM_WIRE_TAG(TRACE_FRAME_IDS, SM_WIRE_BYTES): SM_TRY(add_packed_ids(d, field.bytes, err)); break;
      case SM_WIRE_TAG(TRACE_FRAME_IDS, SM_WIRE_FIXED64):
        SM_TRY(add_frame_of_id(d, field.value, field.whole, err));
        break;
      default: break;
    }
  }
  return sm_wire_finish(&reader, err);
}

/* The entry that holds a slot's StackTrace as its value. */
static sm_status find_trace_entry(sm_span *out, const sm_debug_info *info, const trace_slot *slot, sm_error *err) {
  uint64_t id = 0;
  *out = slot->entry;
  if (slot->is_old) return SM_OK;
  sm_wire_reader reader = sm_wire_read(slot->entry, &info->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    if (field.tag == SM_WIRE_TAG(ENTRY_VALUE, SM_WIRE_FIXED64)) id = field.value;
  SM_TRY(sm_wire_finish(&reader, err));
  const id_entry *entry = find_id(&info->traces, id);
  if (entry == NULL) return sm_wire_fail(&info->source, slot->entry.data, "no trace of that id", err);
  *out = entry->bytes;
  return SM_OK;
}

/* Reads all pieces of the trace: once to count its frames, once to decode them. */
static sm_status read_pieces(decoder *d, sm_spans pieces, sm_error *err) {
  d->n = 0;
  for (size_t i = 0; i < pieces.n; i++) SM_TRY(read_trace(d, pieces.items[i], err));
  return SM_OK;
}

static sm_status build_trace(void **out, const sm_meta_graph *graph, const void *subject, sm_arena *arena,
                             sm_error *err) {
  (void)graph;
  const trace_slot *slot = subject;
  const sm_debug_info *info = slot->info;
  decoder d = {.info = info, .arena = arena};
  sm_span entry;
  sm_spans pieces;
  SM_TRY(find_trace_entry(&entry, info, slot, err));
  SM_TRY(sm_wire_collect(&pieces, (sm_spans){&entry, 1}, ENTRY_VALUE, &info->source, arena, err));
  SM_TRY(read_pieces(&d, pieces, err));
  sm_source_frame *frames = sm_arena_array(arena, sm_source_frame, d.n);
  sm_stack_trace *made = sm_arena_new(arena, sm_stack_trace);
  if (frames == NULL || made == NULL) return sm_arena_fail(arena, d.n * sizeof *frames + sizeof *made, err);
  d.frames = frames;
  SM_TRY(read_pieces(&d, pieces, err));
  *made = (sm_stack_trace){d.n, frames};
  *out = made;
  return SM_OK;
}

sm_status sm_debug_info_get_trace(const sm_stack_trace **out, const sm_debug_info *info, size_t i, sm_error *err) {
  *out = NULL;
  if (i >= info->n_slots)
    return SM_FAIL(err, SM_NOT_FOUND, "%s: no trace %zu, there are %zu", info->source.name, i, info->n_slots);
  void *made;
  sm_status status = sm_model_once(&made, info->model, &info->slots[i].value, build_trace, NULL, &info->slots[i], err);
  *out = made;
  return status;
}

enum { NAME_PARTS = 3 }; /* node, '@', function */

/* Compares a name with the parts put together. */
static int compare_name(sm_string name, const sm_string parts[NAME_PARTS]) {
  for (size_t i = 0; i < NAME_PARTS; i++) {
    sm_string front = {name.data, name.size < parts[i].size ? name.size : parts[i].size};
    int order = sm_string_compare(front, parts[i]);
    if (order != 0) return order;
    name.data += front.size;
    name.size -= front.size;
  }
  return name.size != 0;
}

/* Index of the trace of that name; SIZE_MAX. */
static size_t find_slot(const sm_debug_info *info, const char *node, const char *function) {
  const bool is_whole = function == NULL;
  const sm_string parts[NAME_PARTS] = {sm_string_of(node), sm_string_of(is_whole ? "" : "@"),
                                       sm_string_of(is_whole ? "" : function)};
  size_t low = 0, high = info->n_slots;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    int order = compare_name(info->slots[middle].name, parts);
    if (order == 0) return middle;
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return SIZE_MAX;
}

sm_status sm_debug_info_find_trace(const sm_stack_trace **out, const sm_debug_info *info, const char *node,
                                   const char *function, sm_error *err) {
  *out = NULL;
  size_t i = find_slot(info, node, function);
  if (i == SIZE_MAX)
    return SM_FAIL(err, SM_NOT_FOUND, "%s: nothing is recorded of node %.150s%s%.150s", info->source.name, node,
                   function != NULL ? "@" : "", function != NULL ? function : "");
  return sm_debug_info_get_trace(out, info, i, err);
}
