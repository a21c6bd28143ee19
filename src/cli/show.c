/* show, in the text of saved_model_cli 2.21, byte for byte. Everything is looked up before the first line is printed, so a
 * damaged model gives an error and no half of an answer. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/python.h"

/* ---- Order ---- */

/* Python compares lists of strings element by element, and sorts stably. */
static int compare_tags(const void *a, const void *b) {
  const sm_meta_graph *left = *(const sm_meta_graph *const *)a, *right = *(const sm_meta_graph *const *)b;
  size_t n_left = sm_meta_graph_n_tags(left), n_right = sm_meta_graph_n_tags(right);
  for (size_t i = 0; i < n_left && i < n_right; i++) {
    int order = strcmp(sm_meta_graph_get_tag(left, i), sm_meta_graph_get_tag(right, i));
    if (order != 0) return order;
  }
  if (n_left != n_right) return n_left < n_right ? -1 : 1;
  return (left > right) - (left < right); /* meta graphs lie in file order */
}

/* The meta graphs sorted by tags; freed by the caller. NULL: no memory. */
static const sm_meta_graph **sorted_meta_graphs(const sm_model *model) {
  size_t n = sm_model_n_meta_graphs(model);
  const sm_meta_graph **graphs = calloc(n + 1, sizeof *graphs);
  if (graphs == NULL) return NULL;
  for (size_t i = 0; i < n; i++) graphs[i] = sm_model_get_meta_graph(model, i);
  qsort(graphs, n, sizeof *graphs, compare_tags);
  return graphs;
}

static int fail_memory(void) { return cli_fail("out of memory"); }

/* ---- Tag sets ---- */

static int show_tag_sets(const sm_model *model) {
  const sm_meta_graph **graphs = sorted_meta_graphs(model);
  if (graphs == NULL) return fail_memory();
  puts("The given SavedModel contains the following tag-sets:");
  for (const sm_meta_graph **graph = graphs; *graph != NULL; graph++) {
    char *joined = cli_join_tags(*graph, ", ", true);
    if (joined == NULL) continue;
    python_print_repr_str(joined, strlen(joined));
    putchar('\n');
    free(joined);
  }
  free(graphs);
  return CLI_OK;
}

/* ['serve', 'gpu'] */
static void print_tag_list(const sm_meta_graph *graph) {
  putchar('[');
  for (size_t i = 0; i < sm_meta_graph_n_tags(graph); i++) {
    if (i != 0) fputs(", ", stdout);
    python_print_repr_str(sm_meta_graph_get_tag(graph, i), sm_meta_graph_get_tag_size(graph, i));
  }
  putchar(']');
}

/* ---- Ops ---- */

static void print_ops(const sm_meta_graph *graph, const sm_graph_summary *summary) {
  fputs("The MetaGraph with tag set ", stdout);
  print_tag_list(graph);
  fputs(" contains the following ops: ", stdout);
  for (size_t i = 0; i < summary->n_ops; i++) {
    fputs(i == 0 ? "{" : ", ", stdout);
    python_print_repr_str(summary->ops[i].data, summary->ops[i].size);
  }
  puts(summary->n_ops == 0 ? "set()" : "}");
}

/* ---- Signatures ---- */

static void indent(int levels) { printf("%*s", 2 * levels, ""); }

static void print_tensor(const char *heading, const sm_tensor_info *info, int levels) {
  indent(levels);
  printf("  %s['", heading);
  cli_put(info->name, info->name_size);
  puts("'] tensor_info:");
  indent(levels + 1);
  const char *dtype = sm_dtype_name(info->dtype);
  if (dtype != NULL)
    printf("    dtype: %s\n", dtype);
  else
    printf("    dtype: %d\n", (int)info->dtype);
  indent(levels + 1);
  fputs("    shape: ", stdout);
  for (int32_t i = 0; i < info->rank; i++) printf("%s%" PRId64, i == 0 ? "(" : ", ", info->dims[i]);
  puts(info->rank < 0 ? "unknown_rank" : info->rank == 0 ? "()" : ")");
  indent(levels + 1);
  fputs("    name: ", stdout);
  cli_put(info->tensor_name, info->tensor_name_size);
  putchar('\n');
}

static void print_signature(const sm_signature *signature, int levels) {
  indent(levels);
  puts("The given SavedModel SignatureDef contains the following input(s):");
  for (size_t i = 0; i < signature->n_inputs; i++) print_tensor("inputs", signature->inputs[i], levels);
  indent(levels);
  puts("The given SavedModel SignatureDef contains the following output(s):");
  for (size_t i = 0; i < signature->n_outputs; i++) print_tensor("outputs", signature->outputs[i], levels);
  indent(levels);
  fputs("Method name is: ", stdout);
  cli_put(signature->method_name, signature->method_name_size);
  putchar('\n');
}

static int fail_signature(const sm_meta_graph *graph, const char *key) {
  fprintf(stderr, "savedmodel: Could not find signature \"%s\". Please choose from: ", key);
  for (size_t i = 0; i < sm_meta_graph_n_signatures(graph); i++) {
    const sm_signature *signature;
    if (sm_meta_graph_get_signature(&signature, graph, i, NULL) != SM_OK) continue;
    fprintf(stderr, "%s%s", i == 0 ? "" : ", ", signature->key);
  }
  fputc('\n', stderr);
  return CLI_FAILED;
}

static void print_keys(const sm_meta_graph *graph) {
  puts("The given SavedModel MetaGraphDef contains SignatureDefs with the following keys:");
  for (size_t i = 0; i < sm_meta_graph_n_signatures(graph); i++) {
    const sm_signature *signature;
    if (sm_meta_graph_get_signature(&signature, graph, i, NULL) != SM_OK) continue; /* was looked up before */
    fputs("SignatureDef key: \"", stdout);
    cli_put(signature->key, signature->key_size);
    puts("\"");
  }
}

/* ---- Functions ---- */

typedef struct function_child {
  const char *name;
  const sm_trackable *node;
} function_child;

static int compare_children(const void *a, const void *b) {
  return strcmp(((const function_child *)a)->name, ((const function_child *)b)->name);
}

/* Children of the root that are functions, sorted by name; freed by the caller. What they are made of is decoded. */
static sm_status list_functions(function_child **out, size_t *n_out, const sm_meta_graph *graph, sm_error *err) {
  const sm_trackable *root;
  *out = NULL;
  *n_out = 0;
  SM_TRY(sm_meta_graph_get_root(&root, graph, err));
  function_child *children = calloc(sm_trackable_n_children(root) + 1, sizeof *children);
  sm_status status = children != NULL ? SM_OK : SM_RESOURCE_EXHAUSTED;
  size_t n = 0;
  for (size_t i = 0; status == SM_OK && i < sm_trackable_n_children(root); i++) {
    status = sm_trackable_get_child(&children[n].node, &children[n].name, root, i, err);
    if (status != SM_OK) break;
    sm_object_kind kind = sm_trackable_get_kind(children[n].node);
    if (kind != SM_OBJECT_FUNCTION && kind != SM_OBJECT_BARE_CONCRETE_FUNCTION) continue;
    for (size_t f = 0; status == SM_OK && f < sm_trackable_n_functions(children[n].node); f++) {
      const sm_concrete_function *function;
      status = sm_trackable_get_function(&function, children[n].node, f, err);
    }
    n++;
  }
  if (status != SM_OK) {
    free(children);
    return status;
  }
  qsort(children, n, sizeof *children, compare_children);
  *out = children;
  *n_out = n;
  return SM_OK;
}

/* [a, b, then two backspaces and ]: what the original prints, whose eye is on a terminal. */
static void print_items(const sm_structured *value) {
  bool is_dict = value->kind == SM_STRUCTURED_DICT;
  printf("          Value: %c", is_dict ? '{' : '[');
  for (size_t i = 0; i < value->n_items; i++) {
    const sm_structured *item = &value->items[i];
    const char *quote = item->kind == SM_STRUCTURED_STRING ? "'" : "";
    if (is_dict) printf("'%s': ", value->keys[i]);
    fputs(quote, stdout);
    python_print_str(item);
    printf("%s, ", quote);
  }
  printf("\b\b%c\n", is_dict ? '}' : ']');
}

static void print_shape_items(const sm_structured *shape) {
  fputs("          Value: [", stdout);
  for (int32_t i = 0; i < shape->rank; i++) {
    if (shape->dims[i] < 0)
      fputs("None, ", stdout);
    else
      printf("%" PRId64 ", ", shape->dims[i]);
  }
  puts("\b\b]");
}

static void print_argument(const sm_structured *value) {
  switch (value->kind) {
    case SM_STRUCTURED_STRING:
      fputs("          ", stdout);
      python_print_str(value);
      putchar('\n');
      return;
    case SM_STRUCTURED_TENSOR_SPEC:
    case SM_STRUCTURED_BOUNDED_TENSOR_SPEC:
      printf("          %s: ", *value->text != '\0' ? value->text : "None");
      python_print_repr(value);
      putchar('\n');
      return;
    default: break;
  }
  printf("          DType: %s\n", python_type_name(value));
  switch (value->kind) {
    case SM_STRUCTURED_LIST:
    case SM_STRUCTURED_TUPLE:
    case SM_STRUCTURED_NAMED_TUPLE:
    case SM_STRUCTURED_DICT: print_items(value); break;
    case SM_STRUCTURED_SHAPE: print_shape_items(value); break;
    default:
      fputs("          Value: ", stdout);
      python_print_str(value);
      putchar('\n');
  }
}

static void print_callable_heading(size_t number) { printf("    Option #%zu\n      Callable with:\n", number); }

static void print_function(const sm_concrete_function *function, size_t number) {
  const sm_structured *inputs = function->inputs;
  if (inputs == NULL || inputs->kind != SM_STRUCTURED_TUPLE || inputs->n_items != 2) {
    if (function->n_argument_keywords != 0) print_callable_heading(number);
    for (size_t i = 0; i < function->n_argument_keywords; i++)
      printf("        Argument #%zu\n          %s\n", i + 1, function->argument_keywords[i]);
    return;
  }
  const sm_structured *args = &inputs->items[0], *kwargs = &inputs->items[1];
  if (args->n_items != 0) print_callable_heading(number);
  for (size_t i = 0; i < args->n_items; i++) {
    printf("        Argument #%zu\n", i + 1);
    print_argument(&args->items[i]);
  }
  for (size_t i = 0; kwargs->keys != NULL && i < kwargs->n_items; i++)
    printf("        Named Argument #%zu\n          %s\n", i + 1, kwargs->keys[i]);
}

static void print_functions(const function_child *children, size_t n) {
  for (size_t i = 0; i < n; i++) {
    printf("\n  Function Name: '%s'\n", children[i].name);
    for (size_t f = 0; f < sm_trackable_n_functions(children[i].node); f++) {
      const sm_concrete_function *function;
      if (sm_trackable_get_function(&function, children[i].node, f, NULL) == SM_OK) print_function(function, f + 1);
    }
  }
}

/* ---- --all ---- */

/* Decodes what the text of a meta graph needs. */
static sm_status prepare(const sm_meta_graph *graph, bool with_ops, sm_error *err) {
  const sm_signature *signature;
  const sm_graph_summary *summary;
  for (size_t i = 0; i < sm_meta_graph_n_signatures(graph); i++)
    SM_TRY(sm_meta_graph_get_signature(&signature, graph, i, err));
  return with_ops ? sm_meta_graph_get_graph_summary(&summary, graph, err) : SM_OK;
}

static void print_meta_graph(const sm_meta_graph *graph) {
  fputs("\nMetaGraphDef with tag-set: '", stdout);
  for (size_t i = 0; i < sm_meta_graph_n_tags(graph); i++) {
    fputs(i == 0 ? "" : ", ", stdout);
    cli_put(sm_meta_graph_get_tag(graph, i), sm_meta_graph_get_tag_size(graph, i));
  }
  puts("' contains the following SignatureDefs:");
  for (size_t i = 0; i < sm_meta_graph_n_signatures(graph); i++) {
    const sm_signature *signature;
    if (sm_meta_graph_get_signature(&signature, graph, i, NULL) != SM_OK) continue;
    fputs("\nsignature_def['", stdout);
    cli_put(signature->key, signature->key_size);
    puts("']:");
    print_signature(signature, 1);
  }
  const sm_graph_summary *summary;
  if (sm_meta_graph_get_graph_summary(&summary, graph, NULL) == SM_OK) print_ops(graph, summary);
}

/* The functions of the first meta graph that has an object graph. A damaged object graph is where TensorFlow says that it
 * cannot list them, and so does this. */
static void print_function_section(const sm_model *model) {
  for (size_t i = 0; i < sm_model_n_meta_graphs(model); i++) {
    function_child *children;
    size_t n;
    sm_status status = list_functions(&children, &n, sm_model_get_meta_graph(model, i), NULL);
    if (status == SM_NOT_FOUND) continue;
    fputs("\nConcrete Functions:", stdout);
    if (status == SM_OK)
      print_functions(children, n);
    else
      puts(" N/A (could not be listed due to unknown reasons)");
    free(children);
    return;
  }
}

static int show_all(const sm_model *model) {
  sm_error err;
  const sm_meta_graph **graphs = sorted_meta_graphs(model);
  if (graphs == NULL) return fail_memory();
  int code = CLI_OK;
  for (const sm_meta_graph **graph = graphs; code == CLI_OK && *graph != NULL; graph++)
    if (prepare(*graph, true, &err) != SM_OK) code = cli_fail_status(&err);
  for (const sm_meta_graph **graph = graphs; code == CLI_OK && *graph != NULL; graph++) print_meta_graph(*graph);
  free(graphs);
  if (code == CLI_OK) print_function_section(model);
  return code;
}

/* ---- One meta graph ---- */

/* The listing of keys shows the tags as they were typed, everything else as they were understood. */
static int fail_tag_set(const sm_model *model, const cli_args *args, const cli_tags *tags) {
  char understood[CLI_MAX_TAG_TEXT] = "";
  size_t used = 0;
  if (args->values[CLI_signature_def] == NULL && args->values[CLI_list_ops] == NULL)
    return cli_fail_tags(model, args->values[CLI_tag_set]);
  for (size_t i = 0; i < tags->n; i++)
    used += (size_t)snprintf(understood + used, sizeof understood - used, "%s%s", i == 0 ? "" : ",", tags->tags[i]);
  return cli_fail_tags(model, understood);
}

static int show_meta_graph(const sm_model *model, const cli_args *args) {
  const char *key = args->values[CLI_signature_def];
  const sm_meta_graph *graph;
  const sm_graph_summary *summary;
  const sm_signature *signature;
  cli_tags tags;
  sm_error err;
  if (!cli_split_tags(&tags, args->values[CLI_tag_set])) return cli_fail("--tag_set names too many tags");
  if (sm_model_find_meta_graph(&graph, model, tags.tags, tags.n, &err) != SM_OK)
    return fail_tag_set(model, args, &tags);
  bool with_ops = args->values[CLI_list_ops] != NULL;
  if (prepare(graph, with_ops, &err) != SM_OK) return cli_fail_status(&err);
  if (with_ops && sm_meta_graph_get_graph_summary(&summary, graph, &err) == SM_OK) print_ops(graph, summary);
  if (key == NULL) {
    print_keys(graph);
    return CLI_OK;
  }
  if (sm_meta_graph_find_signature(&signature, graph, key, &err) != SM_OK) return fail_signature(graph, key);
  print_signature(signature, 0);
  return CLI_OK;
}

/* ---- --with-tags ---- */

static int show_with_tags(const sm_model *model, const char *list) {
  cli_tags tags;
  if (!cli_split_tags(&tags, list)) return cli_fail("--with_tags names too many tags");
  for (size_t i = 0; i < sm_model_n_meta_graphs(model); i++) {
    const sm_meta_graph *graph = sm_model_get_meta_graph(model, i);
    if (!sm_meta_graph_matches(graph, SM_TAGS_INCLUDE, tags.tags, tags.n)) continue;
    char *joined = cli_join_tags(graph, ", ", true);
    if (joined == NULL) return fail_memory();
    python_print_repr_str(joined, strlen(joined));
    putchar('\n');
    free(joined);
  }
  return CLI_OK;
}

int cli_show(const cli_args *args) {
  bool only_tag_sets = args->values[CLI_tag_set] == NULL && args->values[CLI_all] == NULL &&
                       args->values[CLI_json] == NULL && args->values[CLI_with_tags] == NULL;
  if (only_tag_sets && args->values[CLI_list_ops] != NULL)
    puts("--list_ops must be paired with a tag-set or with --all.");
  sm_model *model;
  int code = cli_open(&model, args);
  if (code != CLI_OK) return code;
  if (args->values[CLI_json] != NULL) {
    code = cli_show_json(args, model);
  } else if (args->values[CLI_with_tags] != NULL) {
    code = show_with_tags(model, args->values[CLI_with_tags]);
  } else if (args->values[CLI_all] != NULL) {
    code = show_all(model);
  } else if (args->values[CLI_tag_set] != NULL) {
    code = show_meta_graph(model, args);
  } else {
    code = show_tag_sets(model);
  }
  sm_model_close(model);
  return code;
}
