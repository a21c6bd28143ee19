/* The table of operations against the names that TensorFlow 2.21 has. tests/data/op_names.txt is the output of
 *
 *     python -c 'import tensorflow as tf; from tensorflow.python.framework import op_def_registry as r
 *     print(*sorted(n for n in set(dir(tf.raw_ops)) if r.get(n)), sep="\n")'
 */
#include "support/check.h"

#include "base/base.h"
#include "graph/op_effects.h"
#include "support/files.h"

enum { READ = SM_EFFECT_FILE_READ, WRITE = SM_EFFECT_FILE_WRITE, NETWORK = SM_EFFECT_NETWORK };

typedef struct name_list {
  char *text;
  char *names[4096];
  size_t n;
} name_list;

/* Sorted as bytes, which the file is. */
static void read_names(name_list *out) {
  size_t size;
  *out = (name_list){.text = (char *)read_file(SM_TEST_DATA "/op_names.txt", &size)};
  for (char *line = out->text; *line != '\0';) {
    char *end = strchr(line, '\n');
    assert_non_null(end);
    *end = '\0';
    assert_true(out->n < N_OF(out->names));
    if (out->n > 0) assert_true(strcmp(out->names[out->n - 1], line) < 0);
    out->names[out->n++] = line;
    line = end + 1;
  }
}

static void op_effects__knows_every_operation_of_tensorflow(void **state) {
  (void)state;
  name_list list;
  read_names(&list);
  assert_number("operations", list.n, 1462);
  for (size_t i = 0; i < list.n; i++) {
    uint32_t effects = sm_op_get_effects(NULL, list.names[i]);
    if (effects == SM_EFFECT_UNKNOWN) fail_msg("%s is not in the table", list.names[i]);
  }
  free(list.text);
}

/* What the table has beyond them: registered by the same TensorFlow (TF_GetAllOpList), but not in tf.raw_ops. These
 * are the families they belong to. */
static bool is_beyond(const char *op) {
  static const char *const families[] = {"Xla", "Rpc", "_", "TPUExecute", "DTensor"};
  static const char *const others[] = {"CalibrationStatisticsSaver",
                                       "ConfigureAndInitializeGlobalTPU",
                                       "ConnectTPUEmbeddingHosts",
                                       "DeleteRpcFutureResource",
                                       "DumpTensor",
                                       "GetDeadline",
                                       "ShutdownTPUSystem",
                                       "SleepIdentityOp",
                                       "SleepOp",
                                       "UpdateTaskIdAndGlobalCoreArray"};
  for (size_t i = 0; i < N_OF(families); i++)
    if (strncmp(op, families[i], strlen(families[i])) == 0) return true;
  for (size_t i = 0; i < N_OF(others); i++)
    if (strcmp(op, others[i]) == 0) return true;
  return false;
}

static bool is_named(const name_list *list, const char *op) {
  for (size_t i = 0; i < list->n; i++)
    if (strcmp(list->names[i], op) == 0) return true;
  return false;
}

static void op_effects__has_no_other_operation(void **state) {
  (void)state;
  name_list list;
  read_names(&list);
  size_t n_named = 0;
  for (size_t i = 0; i < sm_n_op_groups; i++)
    for (size_t j = 0; j < sm_op_groups[i].n; j++) {
      bool named = is_named(&list, sm_op_groups[i].ops[j]);
      n_named += named;
      if (!named && !is_beyond(sm_op_groups[i].ops[j])) fail_msg("%s is no operation", sm_op_groups[i].ops[j]);
    }
  assert_number("each in one group", n_named, list.n);
  free(list.text);
}

static void op_effects__is_sorted(void **state) {
  (void)state;
  for (size_t i = 0; i < sm_n_op_groups; i++)
    for (size_t j = 1; j < sm_op_groups[i].n; j++)
      if (strcmp(sm_op_groups[i].ops[j - 1], sm_op_groups[i].ops[j]) >= 0)
        fail_msg("%s stands before %s", sm_op_groups[i].ops[j - 1], sm_op_groups[i].ops[j]);
}

/* Operations that scanners were known to miss, and others of each kind. What they do is from their kernels. */
static void op_effects__tells_what_they_do(void **state) {
  (void)state;
  static const struct {
    const char *op;
    uint32_t effects;
  } rows[] = {
      {"Add", 0},
      {"PartitionedCall", 0},
      {"While", 0},
      {"Assert", 0},
      {"ShardedFilename", 0},
      {"_Arg", 0},
      {"ReadVariableOp", SM_EFFECT_STATE},
      {"HashTableV2", SM_EFFECT_STATE},
      {"RandomUniform", SM_EFFECT_STATE},
      {"PrintV2", SM_EFFECT_STATE | WRITE},
      {"ReadFile", READ},
      {"WriteFile", WRITE},
      {"MatchingFiles", READ},
      {"Save", WRITE},
      {"SaveV2", WRITE},
      {"SaveSlices", WRITE},
      {"MergeV2Checkpoints", READ | WRITE},
      {"RestoreV2", READ},
      {"WholeFileReaderV2", READ},
      {"TextLineReader", READ},
      {"TFRecordReaderV2", READ},
      {"FixedLengthRecordReader", READ},
      {"LMDBReader", READ},
      {"ReaderReadV2", READ},
      {"TextLineDataset", READ},
      {"TFRecordDatasetV2", READ},
      {"FixedLengthRecordDatasetV2", READ},
      {"CSVDatasetV2", READ},
      {"ExperimentalLMDBDataset", READ},
      {"MatchingFilesDataset", READ},
      {"LoadDataset", READ},
      {"ListSnapshotChunksDataset", READ},
      {"DatasetToTFRecord", WRITE},
      {"SaveDatasetV2", WRITE},
      {"SnapshotDatasetV2", READ | WRITE},
      {"CacheDatasetV2", READ | WRITE},
      {"DistributedSave", NETWORK | WRITE},
      {"SqlDataset", READ},
      {"CreateSummaryFileWriter", WRITE},
      {"CreateSummaryDbWriter", WRITE},
      {"ImportEvent", WRITE},
      {"LoadAndRemapMatrix", READ},
      {"GenerateVocabRemapping", READ},
      {"InitializeTableFromTextFileV2", READ},
      {"ImmutableConst", READ},
      {"FixedUnigramCandidateSampler", READ},
      {"DecodeProtoV2", READ},
      {"DebugIdentityV2", NETWORK | WRITE},
      {"FileSystemSetConfiguration", SM_EFFECT_PROCESS | NETWORK},
      {"ConfigureDistributedTPU", SM_EFFECT_PROCESS | NETWORK},
      {"RpcServerStart", SM_EFFECT_PROCESS | NETWORK},
      {"DataServiceDatasetV4", NETWORK},
      {"CollectiveReduceV2", NETWORK},
      {"Send", NETWORK},
      {"RemoteCall", SM_EFFECT_PROCESS | NETWORK},
      {"Abort", SM_EFFECT_PROCESS},
      {"PyFunc", SM_EFFECT_CODE},
      {"PyFuncStateless", SM_EFFECT_CODE},
      {"EagerPyFunc", SM_EFFECT_CODE},
      {"XlaCustomCallV2", SM_EFFECT_CODE},
      {"DatasetFromGraph", SM_EFFECT_CODE},
      {"Zork", SM_EFFECT_UNKNOWN},
      {"", SM_EFFECT_UNKNOWN},
      {"Custom>Add", SM_EFFECT_UNKNOWN},
      {"add", SM_EFFECT_UNKNOWN},
      {"Ad", SM_EFFECT_UNKNOWN},
      {"AddV", SM_EFFECT_UNKNOWN},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    const char *reason = NULL;
    assert_number(rows[i].op, sm_op_get_effects(&reason, rows[i].op), rows[i].effects);
    assert_non_null(reason);
  }
}

static void op_effects__names_classes(void **state) {
  (void)state;
  assert_text("0", sm_effect_name(0), "pure");
  assert_text("state", sm_effect_name(SM_EFFECT_STATE), "state");
  assert_text("unknown", sm_effect_name(SM_EFFECT_UNKNOWN), "unknown");
  assert_null(sm_effect_name(SM_EFFECT_STATE | SM_EFFECT_CODE));
  assert_null(sm_effect_name(128));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(op_effects__knows_every_operation_of_tensorflow),
      cmocka_unit_test(op_effects__has_no_other_operation),
      cmocka_unit_test(op_effects__is_sorted),
      cmocka_unit_test(op_effects__tells_what_they_do),
      cmocka_unit_test(op_effects__names_classes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
