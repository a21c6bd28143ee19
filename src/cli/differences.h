/* What differs between two things, gathered until it is printed. */
#ifndef SM_CLI_DIFFERENCES_H
#define SM_CLI_DIFFERENCES_H

#include "cli/cli.h"
#include "cli/tensor_compare.h"

typedef enum difference_subject {
  DIFFERENT_ASSET,
  DIFFERENT_COLLECTION,
  DIFFERENT_EXTRA_ASSET,
  DIFFERENT_FUNCTION,
  DIFFERENT_NODE,
  DIFFERENT_OBJECT,
  DIFFERENT_OP,
  DIFFERENT_PROPERTY,
  DIFFERENT_SIGNATURE,
  DIFFERENT_TAGS,
  DIFFERENT_TENSOR,
  N_SUBJECTS
} difference_subject;

typedef enum difference_kind { WAS_ADDED, WAS_CHANGED, WAS_REMOVED, N_KINDS } difference_kind;

/* Dtype and shape of a tensor. */
typedef struct tensor_form_facts {
  sm_dtype dtype;
  int32_t rank;
  int64_t *dims;
} tensor_form_facts;

typedef struct difference {
  difference_subject subject;
  difference_kind kind;
  char *name;
  size_t name_size;
  char *where;                     /* the tags of its meta graph, where there are several; else NULL */
  tensor_form_facts before, after; /* of a tensor that has changed */
  bool has_same_form;
  tensor_difference values; /* then */
} difference;

typedef struct differences {
  difference *items;
  size_t n, capacity;
  const char *where; /* of what is added next; NULL: nowhere in particular */
} differences;

/* Errors: RESOURCE_EXHAUSTED. */
sm_status differences_add(differences *to, difference_subject subject, difference_kind kind, sm_string name,
                          sm_error *err);

/* Something with a name, and what is to be compared. */
typedef struct named_item {
  sm_string name;
  const void *item;
} named_item;

typedef sm_status (*same_item_fn)(bool *same, const void *a, const void *b, sm_error *err);

/* By name. */
void named_items_sort(named_item *items, size_t n);

/* Adds what is in one of two sorted lists only, and what is in both and not the same. same NULL: names are all there is. */
sm_status differences_add_named(differences *to, difference_subject subject, const named_item *a, size_t n_a,
                                const named_item *b, size_t n_b, same_item_fn same, sm_error *err);

/* values: NULL where dtype or shape differ. */
sm_status differences_add_tensor(differences *to, const sm_bundle_entry *before, const sm_bundle_entry *after,
                                 const tensor_difference *values, sm_error *err);

void differences_print_text(const differences *of);
void differences_print_json(const differences *of);
void differences_free(differences *of);

/* ---- diff_graph.c, diff_objects.c, diff_properties.c, diff_tensors.c, diff_assets.c ---- */

/* Two meta graphs. Errors: those of reading them. */
sm_status diff_meta_graphs(differences *out, const sm_meta_graph *a, const sm_meta_graph *b, sm_error *err);

sm_status diff_objects(differences *out, const sm_meta_graph *a, const sm_meta_graph *b, sm_error *err);

/* Collections, saver, init op, train op. */
sm_status diff_properties(differences *out, const sm_meta_graph *a, const sm_meta_graph *b, sm_error *err);

/* Is there one? What it says changes whenever anything does. */
sm_status diff_fingerprint(differences *out, const sm_model *a, const sm_model *b, sm_error *err);

/* A checkpoint; reader NULL: one without tensors. fs NULL: local files. */
typedef struct checkpoint_place {
  const sm_bundle_reader *reader;
  const sm_fs *fs;
} checkpoint_place;

sm_status diff_tensors(differences *out, const checkpoint_place *a, const checkpoint_place *b, sm_error *err);

/* A model, and where it was opened from: fs and the directory in it. */
typedef struct model_place {
  const sm_model *model;
  const sm_fs *fs;
  const char *dir;
} model_place;

/* The files in assets and in assets.extra of two models, byte by byte. */
sm_status diff_assets(differences *out, const model_place *a, const model_place *b, sm_error *err);

#endif
