/* What names tensors of the graph from outside: signatures, saver_def, the init op. */
#include <stdio.h>

#include "verify/verify_internal.h"

/* Tensors of tensors: composite ones may hold composite ones. */
enum { MAX_LEVELS = 16 };

typedef struct signature_walk {
  sm_verifier *v;
  const sm_graph_facts *facts;
  sm_place place;
  uint64_t budget; /* for types of outputs */
} signature_walk;

/* Many signatures may ask for outputs of one large node: that is given up before it takes for ever. */
static bool is_worth_it(signature_walk *w, const sm_node_place *node) {
  bool is = node->bytes.size < w->budget / SM_OP_MAX_LISTS;
  if (is) w->budget -= (node->bytes.size + 1) * SM_OP_MAX_LISTS;
  return is;
}

static sm_status find_dtype(sm_dtype *out, signature_walk *w, const sm_node_place *node, uint64_t index,
                            sm_error *err) {
  const sm_op_def *def;
  *out = SM_DT_INVALID;
  if (!is_worth_it(w, node)) return SM_OK;
  SM_TRY(sm_op_defs_find(&def, &w->v->ops, node->op, err));
  return sm_node_find_output_dtype(out, def, node->bytes, index, w->v->source, err);
}

/* name: a tensor or an op; what: "output y". */
static sm_status check_tensor(signature_walk *w, const char *what, sm_string name, sm_dtype dtype, sm_error *err) {
  sm_tensor_ref ref;
  sm_dtype found;
  const char *colon = name.size != 0 ? ": " : "";
  bool is_ref = sm_tensor_ref_parse(&ref, name);
  const sm_node_place *node = is_ref ? sm_node_index_find(&w->facts->nodes, ref.node) : NULL;
  if (node == NULL) {
    sm_verify_tell(w->v, SM_SEVERITY_ERROR, &w->place, "%s%s%.*s: no such node in the graph", what, colon,
                   SM_SHOWN(name));
    return SM_OK;
  }
  if (ref.is_control || dtype == SM_DT_INVALID) return SM_OK; /* an op, as in init op signatures */
  if (node->n_outputs >= 0 && ref.index >= (uint64_t)node->n_outputs) {
    sm_verify_tell(w->v, SM_SEVERITY_ERROR, &w->place, "%s%s%.*s: the node has %lld outputs", what, colon,
                   SM_SHOWN(name), (long long)node->n_outputs);
    return SM_OK;
  }
  sm_status status = find_dtype(&found, w, node, ref.index, err);
  if (status != SM_OK) return sm_verify_is_defect(status) ? SM_OK : status;
  if (found != SM_DT_INVALID && found % SM_DT_REF_OFFSET != dtype % SM_DT_REF_OFFSET)
    sm_verify_tell(w->v, SM_SEVERITY_WARNING, &w->place, "%s%s%.*s: dtype %d, but the node makes dtype %d", what, colon,
                   SM_SHOWN(name), (int)dtype, (int)found);
  return SM_OK;
}

typedef struct level {
  const sm_tensor_info *const *infos;
  size_t n, next;
} level;

static sm_status check_info(signature_walk *w, const char *direction, const sm_tensor_info *info, sm_error *err) {
  char what[128];
  level levels[MAX_LEVELS] = {{&info, 1, 0}};
  snprintf(what, sizeof what, "%s %.80s", direction, info->name);
  for (size_t n = 1; n > 0;) {
    level *top = &levels[n - 1];
    if (top->next == top->n) {
      n--;
      continue;
    }
    const sm_tensor_info *next = top->infos[top->next++];
    if (next->kind == SM_TENSOR_NAME)
      SM_TRY(check_tensor(w, what, sm_string_of(next->tensor_name), next->dtype, err));
    else if (n < MAX_LEVELS)
      levels[n++] = (level){next->components, next->n_components, 0};
  }
  return SM_OK;
}

static sm_status check_signature(signature_walk *w, const sm_signature *signature, sm_error *err) {
  w->place = (sm_place){.kind = "signature", .name = {signature->key, signature->key_size}};
  for (size_t i = 0; i < signature->n_inputs; i++) SM_TRY(check_info(w, "input", signature->inputs[i], err));
  for (size_t i = 0; i < signature->n_outputs; i++) SM_TRY(check_info(w, "output", signature->outputs[i], err));
  for (size_t i = 0; i < signature->n_defaults; i++)
    if (sm_signature_find_input(signature, signature->defaults[i]->name) == NULL)
      sm_verify_tell(w->v, SM_SEVERITY_WARNING, &w->place, "a default for input %.80s, which it has not",
                     signature->defaults[i]->name);
  return SM_OK;
}

static sm_status check_init_op(signature_walk *w, sm_error *err) {
  const char *op;
  sm_error failure;
  sm_status status = sm_meta_graph_get_init_op(&op, w->v->graph, &failure);
  w->place = (sm_place){.kind = "init op"};
  if (status == SM_OK) return check_tensor(w, "it is", sm_string_of(op), SM_DT_INVALID, err);
  if (status == SM_FAILED_PRECONDITION) sm_verify_tell_error(w->v, SM_SEVERITY_ERROR, &w->place, &failure);
  if (sm_verify_is_defect(status)) return SM_OK;
  if (err != NULL) *err = failure;
  return status;
}

sm_status sm_check_signatures(sm_verifier *v, const sm_graph_facts *facts, sm_error *err) {
  signature_walk w = {.v = v, .facts = facts, .budget = ((uint64_t)1 << 24) + 64 * (uint64_t)v->source->bytes.size};
  for (size_t i = 0; i < sm_meta_graph_n_signatures(v->graph); i++) {
    const sm_signature *signature;
    sm_status status = sm_meta_graph_get_signature(&signature, v->graph, i, err);
    if (status == SM_OK) SM_TRY(check_signature(&w, signature, err));
    if (status != SM_OK && !sm_verify_is_defect(status)) return status;
  }
  return check_init_op(&w, err);
}

sm_status sm_check_saver(sm_verifier *v, const sm_graph_facts *facts, sm_error *err) {
  const sm_saver_def *saver;
  signature_walk w = {.v = v, .facts = facts, .place = {.kind = "saver_def"}};
  sm_status status = sm_meta_graph_get_saver_def(&saver, v->graph, err);
  if (status == SM_NOT_FOUND && facts->has_variables && facts->has_restore)
    sm_verify_tell(v, SM_SEVERITY_WARNING, NULL, "no saver_def, so nothing says how the variables are restored");
  if (status != SM_OK) return sm_verify_is_defect(status) ? SM_OK : status;
  const struct {
    const char *what, *name;
  } names[] = {{"filename_tensor_name", saver->filename_tensor_name},
               {"save_tensor_name", saver->save_tensor_name},
               {"restore_op_name", saver->restore_op_name}};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (*names[i].name != '\0')
      SM_TRY(check_tensor(&w, names[i].what, sm_string_of(names[i].name), SM_DT_INVALID, err));
  return SM_OK;
}
