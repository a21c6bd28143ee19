/* SignatureDefs. They are read from the wire and not through protobuf-c: names keep their length (protobuf-c cuts them at
 * a NUL), and what comes out is the plain struct that callers see, with nothing in between. */
#include "model/model_internal.h"
#include "tensor/tensor.h"

/* Fields of SignatureDef, TensorInfo and its encodings, TensorProto: proto/meta_graph.proto, tensor.proto. */
enum {
  SIGNATURE_INPUTS = 1,
  SIGNATURE_OUTPUTS = 2,
  SIGNATURE_METHOD = 3,
  SIGNATURE_DEFAULTS = 4,
  TENSOR_NAME = 1,
  TENSOR_DTYPE = 2,
  TENSOR_SHAPE = 3,
  TENSOR_COO_SPARSE = 4,
  TENSOR_COMPOSITE = 5,
  COMPOSITE_TYPE_SPEC = 1,
  COMPOSITE_COMPONENT = 2,
  PROTO_DTYPE = 1,
  PROTO_SHAPE = 2
};

/* Decoding one signature. Composite tensors hold tensors: those still to be decoded wait in a list, so that nesting in a
 * file is not nesting of calls. */
typedef struct waiting {
  struct waiting *next;
  sm_spans pieces;
  sm_tensor_info *info;
} waiting;

typedef struct decoder {
  const sm_wire_source *source;
  sm_arena *arena;
  waiting *first;
} decoder;

/* ---- Tensors ---- */

static sm_status wait_for(decoder *d, sm_tensor_info *info, sm_spans pieces, sm_error *err) {
  waiting *item = sm_arena_new(d->arena, waiting);
  if (item == NULL) return sm_arena_fail(d->arena, sizeof *item, err);
  *item = (waiting){d->first, pieces, info};
  d->first = item;
  return SM_OK;
}

static sm_status new_infos(sm_tensor_info **infos, const sm_tensor_info *const **pointers, size_t n, decoder *d,
                           sm_error *err) {
  const sm_tensor_info **list = sm_arena_array(d->arena, const sm_tensor_info *, n);
  *infos = sm_arena_array(d->arena, sm_tensor_info, n);
  if (list == NULL || *infos == NULL) return sm_arena_fail(d->arena, n * sizeof **infos, err);
  for (size_t i = 0; i < n; i++) {
    (*infos)[i] = (sm_tensor_info){.name = "", .tensor_name = "", .rank = 0};
    list[i] = &(*infos)[i];
  }
  *pointers = list;
  return SM_OK;
}

/* The three tensors of a sparse one: CooSparse's fields 1, 2 and 3. */
static sm_status decode_sparse(sm_tensor_info *info, sm_spans pieces, decoder *d, sm_error *err) {
  static const char *const names[] = {"values", "indices", "dense_shape"};
  enum { N_NAMES = sizeof names / sizeof names[0] };
  sm_spans sparse;
  sm_tensor_info *parts;
  SM_TRY(sm_wire_collect(&sparse, pieces, TENSOR_COO_SPARSE, d->source, d->arena, err));
  SM_TRY(new_infos(&parts, &info->components, N_NAMES, d, err));
  info->n_components = N_NAMES;
  for (uint32_t i = 0; i < N_NAMES; i++) {
    sm_spans found;
    sm_string name = {"", 0};
    SM_TRY(sm_wire_collect(&found, sparse, i + 1, d->source, d->arena, err));
    if (found.n != 0) SM_TRY(sm_wire_copy_string(&name, found.items[found.n - 1], d->source, d->arena, err));
    parts[i].name = names[i];
    parts[i].name_size = strlen(names[i]);
    parts[i].tensor_name = name.data;
    parts[i].tensor_name_size = name.size;
    parts[i].rank = -1;
  }
  return SM_OK;
}

static sm_status decode_composite(sm_tensor_info *info, sm_spans pieces, decoder *d, sm_error *err) {
  sm_spans composite, specs, components;
  SM_TRY(sm_wire_collect(&composite, pieces, TENSOR_COMPOSITE, d->source, d->arena, err));
  SM_TRY(sm_wire_collect(&specs, composite, COMPOSITE_TYPE_SPEC, d->source, d->arena, err));
  SM_TRY(sm_wire_collect(&components, composite, COMPOSITE_COMPONENT, d->source, d->arena, err));
  if (specs.n != 0) {
    sm_span last = specs.items[specs.n - 1];
    info->type_spec = (sm_string){(const char *)last.data, last.size};
  }
  sm_tensor_info *parts;
  SM_TRY(new_infos(&parts, &info->components, components.n, d, err));
  info->n_components = components.n;
  for (size_t i = 0; i < components.n; i++) SM_TRY(wait_for(d, &parts[i], (sm_spans){&components.items[i], 1}, err));
  return SM_OK;
}

/* name and name_size stay as they are. */
static sm_status decode_tensor(sm_tensor_info *info, sm_spans pieces, decoder *d, sm_error *err) {
  sm_string name = {"", 0};
  for (size_t i = 0; i < pieces.n; i++) {
    sm_wire_reader reader = sm_wire_read(pieces.items[i], d->source);
    for (sm_wire_field field; sm_wire_next(&reader, &field);) {
      switch (field.tag) { /* the last encoding is the one that counts */
        case SM_WIRE_TAG(TENSOR_NAME, SM_WIRE_BYTES):
          SM_TRY(sm_wire_copy_string(&name, field.bytes, d->source, d->arena, err));
          info->kind = SM_TENSOR_NAME;
          break;
        case SM_WIRE_TAG(TENSOR_COO_SPARSE, SM_WIRE_BYTES): info->kind = SM_TENSOR_COO_SPARSE; break;
        case SM_WIRE_TAG(TENSOR_COMPOSITE, SM_WIRE_BYTES): info->kind = SM_TENSOR_COMPOSITE; break;
        case SM_WIRE_TAG(TENSOR_DTYPE, SM_WIRE_VARINT): info->dtype = (sm_dtype)(int32_t)field.value; break;
        default: break;
      }
    }
    SM_TRY(sm_wire_finish(&reader, err));
  }
  info->tensor_name = info->kind == SM_TENSOR_NAME ? name.data : "";
  info->tensor_name_size = info->kind == SM_TENSOR_NAME ? name.size : 0;
  sm_spans shapes;
  sm_shape shape;
  SM_TRY(sm_wire_collect(&shapes, pieces, TENSOR_SHAPE, d->source, d->arena, err));
  SM_TRY(sm_shape_read(&shape, shapes, d->source, d->arena, err));
  info->rank = shape.rank;
  info->dims = shape.dims;
  if (info->kind == SM_TENSOR_COO_SPARSE) return decode_sparse(info, pieces, d, err);
  if (info->kind == SM_TENSOR_COMPOSITE) return decode_composite(info, pieces, d, err);
  return SM_OK;
}

/* ---- The maps of a signature ---- */

static sm_status decode_tensors(const sm_tensor_info *const **out, size_t *n_out, sm_spans signature, uint32_t number,
                                decoder *d, sm_error *err) {
  sm_wire_map map;
  sm_tensor_info *infos;
  SM_TRY(sm_wire_index_map(&map, signature, number, d->source, d->arena, err));
  *n_out = map.n;
  SM_TRY(new_infos(&infos, out, *n_out, d, err));
  for (size_t i = 0; i < *n_out; i++) {
    sm_spans value;
    SM_TRY(sm_wire_entry_value(&value, &map.entries[i], d->source, d->arena, err));
    infos[i].name = map.entries[i].key.data;
    infos[i].name_size = map.entries[i].key.size;
    SM_TRY(decode_tensor(&infos[i], value, d, err));
  }
  while (d->first != NULL) {
    waiting *item = d->first;
    d->first = item->next;
    SM_TRY(decode_tensor(item->info, item->pieces, d, err));
  }
  return SM_OK;
}

static sm_status decode_default(sm_signature_default *out, const sm_wire_entry *entry, decoder *d, sm_error *err) {
  sm_spans value, shapes;
  sm_shape shape;
  SM_TRY(sm_wire_entry_value(&value, entry, d->source, d->arena, err));
  *out = (sm_signature_default){.name = entry->key.data, .name_size = entry->key.size};
  for (size_t i = 0; i < value.n; i++) {
    sm_wire_reader reader = sm_wire_read(value.items[i], d->source);
    for (sm_wire_field field; sm_wire_next(&reader, &field);)
      if (field.tag == SM_WIRE_TAG(PROTO_DTYPE, SM_WIRE_VARINT)) out->dtype = (sm_dtype)(int32_t)field.value;
    SM_TRY(sm_wire_finish(&reader, err));
    out->tensor_proto = (sm_string){(const char *)value.items[i].data, value.items[i].size};
  }
  SM_TRY(sm_wire_collect(&shapes, value, PROTO_SHAPE, d->source, d->arena, err));
  SM_TRY(sm_shape_read(&shape, shapes, d->source, d->arena, err));
  out->rank = shape.rank;
  out->dims = shape.dims;
  return SM_OK;
}

static sm_status decode_defaults(sm_signature *out, sm_spans signature, decoder *d, sm_error *err) {
  sm_wire_map map;
  SM_TRY(sm_wire_index_map(&map, signature, SIGNATURE_DEFAULTS, d->source, d->arena, err));
  out->n_defaults = map.n;
  const sm_signature_default **list = sm_arena_array(d->arena, const sm_signature_default *, out->n_defaults);
  if (list == NULL) return sm_arena_fail(d->arena, out->n_defaults * sizeof *list, err);
  for (size_t i = 0; i < out->n_defaults; i++) {
    sm_signature_default *made = sm_arena_new(d->arena, sm_signature_default);
    if (made == NULL) return sm_arena_fail(d->arena, sizeof *made, err);
    SM_TRY(decode_default(made, &map.entries[i], d, err));
    list[i] = made;
  }
  out->defaults = list;
  return SM_OK;
}

static sm_status decode_signature(void **out, const sm_meta_graph *graph, const void *subject, sm_arena *arena,
                                  sm_error *err) {
  const sm_wire_entry *entry = subject;
  decoder d = {.source = &graph->model->source, .arena = arena};
  sm_spans value, methods;
  sm_string method = {"", 0};
  sm_signature *made = sm_arena_new(arena, sm_signature);
  if (made == NULL) return sm_arena_fail(arena, sizeof *made, err);
  SM_TRY(sm_wire_entry_value(&value, entry, d.source, arena, err));
  SM_TRY(sm_wire_collect(&methods, value, SIGNATURE_METHOD, d.source, arena, err));
  if (methods.n != 0) SM_TRY(sm_wire_copy_string(&method, methods.items[methods.n - 1], d.source, arena, err));
  *made = (sm_signature){
      .key = entry->key.data, .key_size = entry->key.size, .method_name = method.data, .method_name_size = method.size};
  SM_TRY(decode_tensors(&made->inputs, &made->n_inputs, value, SIGNATURE_INPUTS, &d, err));
  SM_TRY(decode_tensors(&made->outputs, &made->n_outputs, value, SIGNATURE_OUTPUTS, &d, err));
  SM_TRY(decode_defaults(made, value, &d, err));
  *out = made;
  return SM_OK;
}

/* ---- Getting at it ---- */

size_t sm_meta_graph_n_signatures(const sm_meta_graph *graph) { return graph->signatures.map.n; }

static sm_status get_decoded(const sm_signature **out, const sm_meta_graph *graph, size_t i, sm_error *err) {
  void *made;
  SM_TRY(sm_meta_graph_once(&made, graph, &graph->signatures.values[i], decode_signature,
                            &graph->signatures.map.entries[i], err));
  *out = made;
  return SM_OK;
}

sm_status sm_meta_graph_get_signature(const sm_signature **out, const sm_meta_graph *graph, size_t i, sm_error *err) {
  *out = NULL;
  if (i >= graph->signatures.map.n)
    return SM_FAIL(err, SM_NOT_FOUND, "signature %zu: there are %zu", i, graph->signatures.map.n);
  return get_decoded(out, graph, i, err);
}

sm_status sm_meta_graph_find_signature(const sm_signature **out, const sm_meta_graph *graph, const char *key,
                                       sm_error *err) {
  *out = NULL;
  const sm_wire_map *map = &graph->signatures.map;
  size_t i = sm_wire_map_find(map, sm_string_of(key));
  if (i < map->n) return get_decoded(out, graph, i, err);
  char there[256] = "none";
  size_t used = 0;
  for (i = 0; i < map->n && used < sizeof there; i++)
    used += (size_t)snprintf(there + used, sizeof there - used, "%s%s", i == 0 ? "" : ", ", map->entries[i].key.data);
  return SM_FAIL(err, SM_NOT_FOUND, "%s: no signature \"%s\"; there are: %s", graph->model->source.name, key, there);
}

static const sm_tensor_info *find_tensor(const sm_tensor_info *const *infos, size_t n, const char *name) {
  size_t size = strlen(name); /* a name_size of 0: terminated, see sm_tensor_info */
  for (size_t i = 0; i < n; i++)
    if (strcmp(infos[i]->name, name) == 0 && (infos[i]->name_size == size || infos[i]->name_size == 0)) return infos[i];
  return NULL;
}

const sm_tensor_info *sm_signature_find_input(const sm_signature *signature, const char *name) {
  return find_tensor(signature->inputs, signature->n_inputs, name);
}

const sm_tensor_info *sm_signature_find_output(const sm_signature *signature, const char *name) {
  return find_tensor(signature->outputs, signature->n_outputs, name);
}
