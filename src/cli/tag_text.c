/* Sets of tags, as saved_model_cli writes them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/python.h"

static int compare_text(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

char *cli_join_tags(const sm_meta_graph *graph, const char *separator, bool is_sorted) {
  size_t n = sm_meta_graph_n_tags(graph), size = 1;
  const char **tags = calloc(n + 1, sizeof *tags);
  for (size_t i = 0; tags != NULL && i < n; i++) {
    tags[i] = sm_meta_graph_get_tag(graph, i);
    size += strlen(tags[i]) + strlen(separator);
  }
  char *joined = tags != NULL ? malloc(size) : NULL;
  if (joined != NULL) {
    size_t used = 0;
    if (is_sorted) qsort(tags, n, sizeof *tags, compare_text);
    joined[0] = '\0';
    for (size_t i = 0; i < n; i++)
      used += (size_t)snprintf(joined + used, size - used, "%s%s", i == 0 ? "" : separator, tags[i]);
  }
  free(tags);
  return joined;
}

int cli_fail_tags(const sm_model *model, const char *shown) {
  fprintf(
      stderr,
      "savedmodel: MetaGraphDef associated with tag-set %s could not be found in the SavedModel. Please use one of the "
      "following tag-sets: [",
      shown);
  for (size_t i = 0; i < sm_model_n_meta_graphs(model); i++) {
    char *joined = cli_join_tags(sm_model_get_meta_graph(model, i), ",", false);
    size_t size = joined != NULL ? 4 * strlen(joined) + 4 : 0;
    char *repr = joined != NULL ? malloc(size) : NULL;
    if (repr != NULL) {
      python_repr_str(repr, size, joined, strlen(joined));
      fprintf(stderr, "%s%s", i == 0 ? "" : ", ", repr);
    }
    free(repr);
    free(joined);
  }
  fputs("]\n", stderr);
  return CLI_FAILED;
}
