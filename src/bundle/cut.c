/*
 * Data files below a size, as tf.train.experimental.MaxShardSizePolicy makes them: a file is filled up before the next one
 * is begun, and a tensor that does not fit is cut along the dimension that takes the fewest cuts. Source:
 * tensorflow/python/checkpoint/sharding/sharding_policies.py; numbers that are floats there are integers here.
 *
 * What it does otherwise: the policy never ends when not even one index of any dimension fits into a file, and loses
 * tensors without elements. Here the former gets a file of its own, index by index, and the latter are kept.
 */
#include "bundle/writer_internal.h"

void sm_cutter_init(sm_cutter *cutter, uint64_t max_size) {
  *cutter = (sm_cutter){.max_size = max_size, .left = max_size, .needs_next = true};
}

static uint64_t multiply(uint64_t a, uint64_t b) {
  uint64_t product;
  return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

/* Python's _CHECKPOINTABLE_OBJECT_GRAPH: its size is not known when a graph is built that saves it. */
static bool is_object_graph(sm_string key) {
  return sm_string_equal(key, sm_string_of("_CHECKPOINTABLE_OBJECT_GRAPH"));
}

static void measure_strings(sm_cut *cut, const sm_tensor_view *tensor) {
  const sm_string *strings = tensor->data;
  for (size_t i = 0; i < tensor->size / sizeof *strings; i++) {
    cut->left += strings[i].size;
    if (strings[i].size > cut->element_size) cut->element_size = strings[i].size;
  }
}

void sm_cut_begin(sm_cut *cut, sm_string key, const sm_tensor_view *tensor) {
  *cut = (sm_cut){.dims = tensor->dims, .rank = tensor->rank};
  if (tensor->dtype == SM_DT_VARIANT || is_object_graph(key)) return;
  if (tensor->dtype == SM_DT_STRING) {
    measure_strings(cut, tensor);
  } else {
    cut->left = tensor->size;
    cut->element_size = sm_dtype_size(tensor->dtype);
  }
}

static uint64_t length_left(const sm_cut *cut, int32_t axis) { return (uint64_t)(cut->dims[axis] - cut->at[axis]); }

static uint64_t size_left(const sm_cut *cut) {
  uint64_t size = cut->element_size;
  for (int32_t i = 0; i < cut->rank; i++) size = multiply(size, length_left(cut, i));
  return size;
}

/* How many pieces of at most left bytes the dimension is cut into; 0: one index of it is too large. */
static uint64_t n_pieces(const sm_cut *cut, int32_t axis, uint64_t size, uint64_t left) {
  uint64_t length = length_left(cut, axis), per_index = size / length;
  uint64_t fitting = per_index != 0 ? left / per_index : length;
  return fitting != 0 ? (length + fitting - 1) / fitting : 0;
}

/* The dimension to cut, and how much of it fits; *length 0: nothing does. */
static int32_t choose_axis(const sm_cut *cut, uint64_t left, uint64_t *length) {
  uint64_t size = size_left(cut), fewest = n_pieces(cut, 0, size, left);
  int32_t chosen = 0;
  for (int32_t axis = 1; axis < cut->rank; axis++) {
    uint64_t n = n_pieces(cut, axis, size, left);
    if (n == 0 || (fewest != 0 && n >= fewest) || size > multiply(left, n)) continue;
    chosen = axis;
    fewest = n;
  }
  *length = fewest != 0 ? (length_left(cut, chosen) + fewest - 1) / fewest : 0;
  return chosen;
}

static int32_t longest_axis(const sm_cut *cut) {
  int32_t longest = 0;
  for (int32_t axis = 1; axis < cut->rank; axis++)
    if (length_left(cut, axis) > length_left(cut, longest)) longest = axis;
  return longest;
}

/* Takes length indices of axis off what is left. */
static void take(sm_cut *cut, sm_extent *box, int32_t axis, uint64_t length) {
  for (int32_t i = 0; i < cut->rank; i++) box[i] = (sm_extent){cut->at[i], (int64_t)length_left(cut, i)};
  box[axis].length = (int64_t)length;
  cut->at[axis] += (int64_t)length;
  cut->left = size_left(cut);
}

static void next_file(sm_cutter *cutter) {
  cutter->left = cutter->max_size;
  cutter->needs_next = true;
}

static sm_cut_target put(sm_cutter *cutter, uint64_t size) {
  sm_cut_target target = cutter->needs_next ? SM_CUT_NEXT : SM_CUT_SAME;
  cutter->needs_next = false;
  cutter->left -= size;
  return target;
}

/* All that is left, if anything is. */
static bool put_rest(sm_cutter *cutter, sm_cut *cut, sm_extent *box, sm_cut_target *target) {
  bool is_cut = false;
  for (int32_t i = 0; i < cut->rank; i++) {
    is_cut |= cut->at[i] != 0;
    box[i] = (sm_extent){cut->at[i], (int64_t)length_left(cut, i)};
  }
  cut->is_done = true;
  if (is_cut && cut->left == 0) return false;
  *target = put(cutter, cut->left);
  return true;
}

/* Cuts off what fits into the present file, else begins the next one. *is_cut: there is a piece. */
static void cut_off(sm_cutter *cutter, sm_cut *cut, sm_extent *box, sm_cut_target *target, bool *is_cut) {
  uint64_t length;
  int32_t axis = choose_axis(cut, cutter->left, &length);
  *is_cut = true;
  if (length != 0) {
    uint64_t per_index = size_left(cut) / length_left(cut, axis);
    take(cut, box, axis, length);
    *target = put(cutter, per_index * length);
    if (cutter->left == 0) next_file(cutter);
  } else if (cutter->left == cutter->max_size) {
    take(cut, box, longest_axis(cut), 1);
    *target = SM_CUT_ALONE;
  } else {
    next_file(cutter);
    *is_cut = false;
  }
}

sm_cut_target sm_cutter_place(sm_cutter *cutter, uint64_t size) {
  if (size > cutter->max_size) return SM_CUT_ALONE;
  if (size > cutter->left) next_file(cutter);
  return put(cutter, size);
}

bool sm_cut_next(sm_cutter *cutter, sm_cut *cut, sm_extent *box, sm_cut_target *target) {
  if (cut->is_done) return false;
  if (cut->rank == 0) {
    cut->is_done = true;
    *target = sm_cutter_place(cutter, cut->left);
    return true;
  }
  bool is_cut = false;
  while (!is_cut && cut->left > cutter->left) cut_off(cutter, cut, box, target, &is_cut);
  return is_cut || put_rest(cutter, cut, box, target);
}
