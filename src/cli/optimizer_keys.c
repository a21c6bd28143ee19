/*
 * Optimizers of TensorFlow 1 keep what they remember of a variable under its name: "w/Adam", "w/Adam_1". A key is taken for
 * such when its last part is one of theirs and the rest, or the rest without scopes in front, is the key of a tensor. The
 * powers that Adam counts are scalars of their own.
 *
 * Sources: tensorflow/python/training/{adagrad,adadelta,adam,ftrl,momentum,proximal_adagrad,rmsprop,slot_creator}.py;
 * adam_m and adam_v of BERT's optimization.py; .OPTIMIZER_SLOT of tensorflow/python/checkpoint/graph_view.py.
 */
#include "cli/optimizer_keys.h"

#include <string.h>

static const char *const slot_names[] = {
    "Adadelta", "Adagrad",         "Adam",   "AdamW",    "AdaMax",   "AMSGrad",
    "Ftrl",     "LARSOptimizer",   "LAMB",   "LazyAdam", "Momentum", "ProximalAdagrad",
    "RMSProp",  "AdamWeightDecay", "adam_m", "adam_v",   "vc",       "vr",
};
static const char *const power_names[] = {"beta1_power", "beta2_power"};

static bool is_among(sm_string name, const char *const *names, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (strlen(names[i]) == name.size && memcmp(names[i], name.data, name.size) == 0) return true;
  return false;
}

/* Without what TensorFlow adds to a name that is there already: "_1". */
static sm_string without_number(sm_string name) {
  size_t end = name.size;
  while (end > 0 && name.data[end - 1] >= '0' && name.data[end - 1] <= '9') end--;
  bool is_numbered = end < name.size && end > 1 && name.data[end - 1] == '_';
  return is_numbered ? (sm_string){name.data, end - 1} : name;
}

/* Is key, or what is left of it without scopes in front, a tensor's? */
static bool is_of_tensor(const surgery_plan *plan, sm_string key) {
  for (;;) {
    if (surgery_plan_find(plan, key) != SIZE_MAX) return true;
    const char *slash = memchr(key.data, '/', key.size);
    if (slash == NULL) return false;
    key.size -= (size_t)(slash + 1 - key.data);
    key.data = slash + 1;
  }
}

static bool contains(sm_string key, const char *part) {
  size_t size = strlen(part);
  for (size_t i = 0; i + size <= key.size; i++)
    if (memcmp(key.data + i, part, size) == 0) return true;
  return false;
}

static bool is_optimizers(const surgery_plan *plan, const tensor_item *item) {
  sm_string key = item->name;
  size_t at = key.size;
  while (at > 0 && key.data[at - 1] != '/') at--;
  sm_string last = without_number((sm_string){key.data + at, key.size - at});
  if (item->rank == 0 && is_among(last, power_names, sizeof power_names / sizeof power_names[0])) return true;
  if (contains(key, "/.OPTIMIZER_SLOT/")) return true;
  return at > 1 && is_among(last, slot_names, sizeof slot_names / sizeof slot_names[0]) &&
         is_of_tensor(plan, (sm_string){key.data, at - 1});
}

void drop_optimizer_keys(surgery_plan *plan) {
  for (size_t i = 0; i < plan->in.n; i++)
    if (is_optimizers(plan, &plan->in.items[i])) surgery_plan_drop(plan, i);
}
