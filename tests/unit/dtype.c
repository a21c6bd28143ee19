/* Element types, against the DataType enum in data/schema.txt (from TensorFlow's own descriptors). */
#include "support/check.h"

#include "support/files.h"
#include "tensor/tensor.h"

typedef struct schema_value {
  char name[64];
  int number;
} schema_value;

static schema_value schema[100];
static size_t n_schema;

/* Lines such as "value tensorflow.DataType.DT_FLOAT number=1". */
static int read_schema(void **state) {
  (void)state;
  static const char prefix[] = "value tensorflow.DataType.";
  size_t size;
  char *text = (char *)read_file(SM_TEST_DATA "/schema.txt", &size);
  for (const char *line = text; line != NULL && *line != '\0'; line = strchr(line, '\n'), line += line != NULL) {
    if (strncmp(line, prefix, sizeof prefix - 1) != 0) continue;
    schema_value *value = &schema[n_schema];
    if (sscanf(line + sizeof prefix - 1, "%63s number=%d", value->name, &value->number) == 2) n_schema++;
    if (n_schema == N_OF(schema)) break;
  }
  free(text);
  return n_schema >= 60 ? 0 : -1; /* 33 types and the references to them */
}

static void dtype__names_are_those_of_the_schema(void **state) {
  (void)state;
  for (size_t i = 0; i < n_schema; i++)
    assert_text(schema[i].name, sm_dtype_name((sm_dtype)schema[i].number), schema[i].name);
  for (int number = -300; number < 400; number++) {
    bool is_known = false;
    for (size_t i = 0; i < n_schema; i++) is_known |= schema[i].number == number;
    if (!is_known) assert_text("no dtype", sm_dtype_name((sm_dtype)number), NULL);
  }
}

/* tf.DType.name: the enum's name in small letters, but for these (tensorflow/python/framework/dtypes.py). */
static void dtype__python_names(void **state) {
  (void)state;
  static const char *const others[][2] = {{"DT_FLOAT", "float32"}, {"DT_DOUBLE", "float64"}, {"DT_HALF", "float16"}};
  for (size_t i = 0; i < n_schema; i++) {
    char wanted[64];
    if (schema[i].number == 0) continue;
    size_t size = strlen(schema[i].name) - 3;
    for (size_t k = 0; k <= size; k++) {
      char c = schema[i].name[k + 3];
      wanted[k] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    for (size_t k = 0; k < N_OF(others); k++) {
      size_t prefix = strlen(others[k][0]);
      if (strncmp(schema[i].name, others[k][0], prefix) != 0) continue;
      if (schema[i].name[prefix] == '\0') snprintf(wanted, sizeof wanted, "%s", others[k][1]);
      if (strcmp(schema[i].name + prefix, "_REF") == 0) snprintf(wanted, sizeof wanted, "%s_ref", others[k][1]);
    }
    assert_text(schema[i].name, sm_dtype_python_name((sm_dtype)schema[i].number), wanted);
  }
  assert_null(sm_dtype_python_name(SM_DT_INVALID));
  assert_null(sm_dtype_python_name((sm_dtype)34));
  assert_null(sm_dtype_python_name(SM_DT_REF_OFFSET));
  assert_null(sm_dtype_python_name((sm_dtype)-1));
}

/* Bytes of an element in a bundle: what the name says, and one byte for types of less (tensorflow/core/framework:
 * DataTypeSize). Strings, resources and variants have no fixed size, references are never stored. */
static void dtype__sizes(void **state) {
  (void)state;
  static const struct {
    const char *name;
    size_t size;
  } sizes[] = {{"DT_INVALID", 0},
               {"DT_FLOAT", 4},
               {"DT_DOUBLE", 8},
               {"DT_INT32", 4},
               {"DT_UINT8", 1},
               {"DT_INT16", 2},
               {"DT_INT8", 1},
               {"DT_STRING", 0},
               {"DT_COMPLEX64", 8},
               {"DT_INT64", 8},
               {"DT_BOOL", 1},
               {"DT_QINT8", 1},
               {"DT_QUINT8", 1},
               {"DT_QINT32", 4},
               {"DT_BFLOAT16", 2},
               {"DT_QINT16", 2},
               {"DT_QUINT16", 2},
               {"DT_UINT16", 2},
               {"DT_COMPLEX128", 16},
               {"DT_HALF", 2},
               {"DT_RESOURCE", 0},
               {"DT_VARIANT", 0},
               {"DT_UINT32", 4},
               {"DT_UINT64", 8},
               {"DT_FLOAT8_E5M2", 1},
               {"DT_FLOAT8_E4M3FN", 1},
               {"DT_FLOAT8_E4M3FNUZ", 1},
               {"DT_FLOAT8_E4M3B11FNUZ", 1},
               {"DT_FLOAT8_E5M2FNUZ", 1},
               {"DT_INT4", 1},
               {"DT_UINT4", 1},
               {"DT_INT2", 1},
               {"DT_UINT2", 1},
               {"DT_FLOAT4_E2M1FN", 1}};
  size_t n_checked = 0;
  for (size_t i = 0; i < n_schema; i++) {
    size_t wanted = SIZE_MAX;
    for (size_t k = 0; k < N_OF(sizes); k++)
      if (strcmp(schema[i].name, sizes[k].name) == 0) wanted = sizes[k].size;
    if (schema[i].number > SM_DT_REF_OFFSET) wanted = 0;
    assert_number(schema[i].name, sm_dtype_size((sm_dtype)schema[i].number), wanted);
    n_checked += schema[i].number < SM_DT_REF_OFFSET;
  }
  assert_number("types of the schema", n_checked, N_OF(sizes));
  static const int none[] = {-1, 34, 99, 100, 134, 200, INT32_MAX, INT32_MIN};
  for (size_t i = 0; i < N_OF(none); i++) assert_number("no dtype", sm_dtype_size((sm_dtype)none[i]), 0);
}

static void dtype__elements_in_memory(void **state) {
  (void)state;
  for (size_t i = 0; i < n_schema; i++) {
    sm_dtype dtype = (sm_dtype)schema[i].number;
    bool is_string = dtype == SM_DT_STRING || dtype == SM_DT_VARIANT;
    bool is_complex = dtype == SM_DT_COMPLEX64 || dtype == SM_DT_COMPLEX128;
    size_t size = sm_dtype_size(dtype);
    assert_number(schema[i].name, sm_element_size(dtype), is_string ? sizeof(sm_string) : size);
    assert_number(schema[i].name, sm_dtype_order_size(dtype), is_complex ? size / 2 : size != 0 ? size : 1);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(dtype__names_are_those_of_the_schema),
      cmocka_unit_test(dtype__python_names),
      cmocka_unit_test(dtype__sizes),
      cmocka_unit_test(dtype__elements_in_memory),
  };
  return cmocka_run_group_tests_name("dtype", tests, read_schema, NULL);
}
