#include "cli/differences.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/failure.h"
#include "cli/json.h"
#include "cli/text_buffer.h"

/* ---- Gathering ---- */

sm_status differences_add(differences *to, difference_subject subject, difference_kind kind, sm_string name,
                          sm_error *err) {
  if (to->n == to->capacity) {
    size_t capacity = to->capacity == 0 ? 64 : 2 * to->capacity;
    difference *items = realloc(to->items, capacity * sizeof *items);
    if (items == NULL) return failure_no_memory(err);
    to->items = items;
    to->capacity = capacity;
  }
  difference added = {.subject = subject, .kind = kind, .name = malloc(name.size + 1), .name_size = name.size};
  if (to->where != NULL) added.where = strdup(to->where);
  if (added.name == NULL || (to->where != NULL && added.where == NULL)) {
    free(added.name);
    free(added.where);
    return failure_no_memory(err);
  }
  if (name.size != 0) memcpy(added.name, name.data, name.size);
  to->items[to->n++] = added;
  return SM_OK;
}

static int compare_names(const void *a, const void *b) {
  return text_compare(((const named_item *)a)->name, ((const named_item *)b)->name);
}

void named_items_sort(named_item *items, size_t n) { qsort(items, n, sizeof *items, compare_names); }

sm_status differences_add_named(differences *to, difference_subject subject, const named_item *a, size_t n_a,
                                const named_item *b, size_t n_b, same_item_fn same, sm_error *err) {
  for (size_t i = 0, j = 0; i < n_a || j < n_b;) {
    int order = i == n_a ? 1 : j == n_b ? -1 : text_compare(a[i].name, b[j].name);
    bool is_same = true;
    if (order == 0 && same != NULL) SM_TRY(same(&is_same, a[i].item, b[j].item, err));
    if (order < 0) SM_TRY(differences_add(to, subject, WAS_REMOVED, a[i].name, err));
    if (order > 0) SM_TRY(differences_add(to, subject, WAS_ADDED, b[j].name, err));
    if (!is_same) SM_TRY(differences_add(to, subject, WAS_CHANGED, a[i].name, err));
    i += order <= 0;
    j += order >= 0;
  }
  return SM_OK;
}

static sm_status copy_form(tensor_form_facts *out, const sm_bundle_entry *entry, sm_error *err) {
  size_t size = (size_t)entry->rank * sizeof *out->dims;
  *out = (tensor_form_facts){entry->dtype, entry->rank, malloc(size + 1)};
  if (out->dims == NULL) return failure_no_memory(err);
  memcpy(out->dims, entry->dims, size);
  return SM_OK;
}

sm_status differences_add_tensor(differences *to, const sm_bundle_entry *before, const sm_bundle_entry *after,
                                 const tensor_difference *values, sm_error *err) {
  SM_TRY(differences_add(to, DIFFERENT_TENSOR, WAS_CHANGED, before->key, err));
  difference *added = &to->items[to->n - 1];
  added->has_same_form = values != NULL;
  if (values != NULL) added->values = *values;
  SM_TRY(copy_form(&added->before, before, err));
  return copy_form(&added->after, after, err);
}

void differences_free(differences *of) {
  for (size_t i = 0; i < of->n; i++) {
    free(of->items[i].name);
    free(of->items[i].where);
    free(of->items[i].before.dims);
    free(of->items[i].after.dims);
  }
  free(of->items);
}

/* ---- As text ---- */

static const struct {
  const char *one, *all;
} subjects[N_SUBJECTS] = {{"asset", "assets"},
                          {"collection", "collections"},
                          {"extra asset", "extra_assets"},
                          {"function", "functions"},
                          {"node", "nodes"},
                          {"object", "objects"},
                          {"op", "ops"},
                          {"property", "properties"},
                          {"signature", "signatures"},
                          {"tags", "tags"},
                          {"tensor", "tensors"}};
static const char *const kinds[N_KINDS] = {"added", "changed", "removed"};

static void print_form(const tensor_form_facts *form) {
  printf("%s [", sm_dtype_name(form->dtype));
  for (int32_t i = 0; i < form->rank; i++) printf("%s%" PRId64, i != 0 ? "," : "", form->dims[i]);
  putchar(']');
}

static void print_change(const difference *d) {
  fputs(": ", stdout);
  if (d->has_same_form) {
    printf("%" PRIu64 " of %" PRIu64 " elements differ", d->values.n_different, d->values.n_elements);
    if (d->values.has_distance) printf(", by %.9g at most", d->values.distance);
  } else {
    print_form(&d->before);
    fputs(" becomes ", stdout);
    print_form(&d->after);
  }
}

void differences_print_text(const differences *of) {
  for (size_t i = 0; i < of->n; i++) {
    const difference *d = &of->items[i];
    printf("%s %s: ", subjects[d->subject].one, kinds[d->kind]);
    if (d->subject == DIFFERENT_OBJECT && d->name_size == 0)
      putchar('/'); /* the root, as savedmodel objects calls it */
    else
      cli_put(d->name, d->name_size);
    if (d->subject == DIFFERENT_TENSOR && d->kind == WAS_CHANGED) print_change(d);
    if (d->where != NULL) printf(" (in %s)", d->where);
    putchar('\n');
  }
}

/* ---- As JSON ---- */

static void print_json_shape(json *out, const tensor_form_facts *form) {
  json_begin_list(out, NULL);
  for (int32_t i = 0; i < form->rank; i++) json_int(out, NULL, form->dims[i]);
  json_end_list(out);
}

/* dtype and shape of both; of one form also how far the values are apart. */
static void print_json_change(json *out, const difference *d) {
  json_begin_object(out, NULL);
  if (d->has_same_form) json_uint(out, "different", d->values.n_different);
  json_begin_list(out, "dtype");
  json_string(out, NULL, sm_dtype_name(d->before.dtype));
  json_string(out, NULL, sm_dtype_name(d->after.dtype));
  json_end_list(out);
  if (d->has_same_form) json_uint(out, "elements", d->values.n_elements);
  json_bytes(out, "key", d->name, d->name_size);
  if (d->has_same_form && d->values.has_distance)
    json_double(out, "max_abs_difference", d->values.distance);
  else
    json_null(out, "max_abs_difference");
  json_begin_list(out, "shape");
  print_json_shape(out, &d->before);
  print_json_shape(out, &d->after);
  json_end_list(out);
  json_end_object(out);
}

static void print_json_list(json *out, const differences *of, difference_subject subject, difference_kind kind) {
  json_begin_list(out, kinds[kind]);
  for (size_t i = 0; i < of->n; i++) {
    const difference *d = &of->items[i];
    if (d->subject != subject || d->kind != kind) continue;
    if (subject == DIFFERENT_TENSOR && kind == WAS_CHANGED)
      print_json_change(out, d);
    else
      json_bytes(out, NULL, d->name, d->name_size);
  }
  json_end_list(out);
}

static void print_json_subject(json *out, const differences *of, difference_subject subject) {
  json_begin_object(out, subjects[subject].all);
  for (int kind = 0; kind < N_KINDS; kind++) print_json_list(out, of, subject, (difference_kind)kind);
  json_end_object(out);
}

void differences_print_json(const differences *of) {
  json out = {.depth = 0};
  json_begin_object(&out, NULL);
  print_json_subject(&out, of, DIFFERENT_ASSET);
  print_json_subject(&out, of, DIFFERENT_COLLECTION);
  json_bool(&out, "equal", of->n == 0);
  print_json_subject(&out, of, DIFFERENT_EXTRA_ASSET);
  json_string(&out, "format", "savedmodel/1");
  for (int subject = DIFFERENT_FUNCTION; subject < N_SUBJECTS; subject++)
    print_json_subject(&out, of, (difference_subject)subject);
  json_end_object(&out);
  json_finish(&out);
}
