#include "tensor/tensor.h"

typedef struct dtype_facts {
  const char *name, *ref_name, *python_name, *ref_python_name;
  size_t size;
} dtype_facts;

#define FACTS(name, number, size, python) [number] = {"DT_" #name, "DT_" #name "_REF", python, python "_ref", size},
static const dtype_facts table[] = {[0] = {"DT_INVALID", NULL, NULL, NULL, 0}, SM_DTYPE_LIST(FACTS)};
#undef FACTS

enum { N_DTYPES = sizeof table / sizeof table[0] };

static const dtype_facts *find(sm_dtype dtype, bool *is_ref) {
  unsigned number = (unsigned)dtype;
  *is_ref = number > SM_DT_REF_OFFSET;
  if (*is_ref) number -= SM_DT_REF_OFFSET;
  return number < N_DTYPES ? &table[number] : NULL;
}

size_t sm_dtype_size(sm_dtype dtype) {
  bool is_ref;
  const dtype_facts *facts = find(dtype, &is_ref);
  return facts != NULL && !is_ref ? facts->size : 0;
}

size_t sm_element_size(sm_dtype dtype) {
  return dtype == SM_DT_STRING || dtype == SM_DT_VARIANT ? sizeof(sm_string) : sm_dtype_size(dtype);
}

size_t sm_dtype_order_size(sm_dtype dtype) {
  size_t size = sm_dtype_size(dtype);
  if (dtype == SM_DT_COMPLEX64 || dtype == SM_DT_COMPLEX128) size /= 2;
  return size != 0 ? size : 1;
}

const char *sm_dtype_name(sm_dtype dtype) {
  bool is_ref;
  const dtype_facts *facts = find(dtype, &is_ref);
  return facts == NULL ? NULL : is_ref ? facts->ref_name : facts->name;
}

const char *sm_dtype_python_name(sm_dtype dtype) {
  bool is_ref;
  const dtype_facts *facts = find(dtype, &is_ref);
  return facts == NULL ? NULL : is_ref ? facts->ref_python_name : facts->python_name;
}
