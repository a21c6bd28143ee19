/* sm_tensor_read_proto: what it takes and frees. What is read is tested in tensor_proto_decode.c. */
#include "support/check.h"

#include "support/fault_alloc.h"
#include "support/tensor_protos.h"

static sm_error err;

static sm_string bytes_of(const recorded_tensor *line) {
  return (sm_string){(const char *)line->proto.data, line->proto.size};
}

static void check_line(const recorded_tensor *line) {
  for (uint64_t n = 0, fired = 1; fired; n++) {
    sm_fault_alloc fa;
    sm_fault_alloc_init(&fa, n);
    sm_tensor *tensor;
    sm_status status = sm_tensor_read_proto(&tensor, bytes_of(line), 0, &fa.base, &err);
    fired = fa.fired;
    bool is_refused = line->is_refused || strcmp(line->what, "unknown rank") == 0;
    assert_status(status, fired ? SM_RESOURCE_EXHAUSTED : is_refused ? SM_DATA_LOSS : SM_OK, err);
    assert_true((tensor != NULL) == (status == SM_OK));
    if (status == SM_OK) assert_same_tensor(line->what, sm_tensor_get_view(tensor), &line->view);
    sm_tensor_free(tensor);
    assert_number("live blocks", fa.live_blocks, 0);
    sm_fault_alloc_destroy(&fa);
  }
}

static void tensor_proto__all_recorded(void **state) {
  (void)state;
  each_recorded_tensor("decode", check_line);
}

/* float32 of shape [16384, 16384] without values: 1 GiB of zeros in 16 bytes; and twice as many. */
static void tensor_proto__limits(void **state) {
  (void)state;
  static const char one[] = "\x08\x01\x12\x0C\x12\x04\x08\x80\x80\x01\x12\x04\x08\x80\x80\x01";
  static const char two[] = "\x08\x01\x12\x10\x12\x04\x08\x80\x80\x01\x12\x04\x08\x80\x80\x01\x12\x02\x08\x02";
  sm_tensor *tensor;
  sm_string proto = {one, sizeof one - 1};
  assert_status(sm_tensor_read_proto(&tensor, proto, (1 << 30) - 1, NULL, &err), SM_RESOURCE_EXHAUSTED, err);
  assert_null(tensor);
  proto = (sm_string){two, sizeof two - 1};
  assert_status(sm_tensor_read_proto(&tensor, proto, 0, NULL, &err), SM_RESOURCE_EXHAUSTED, err);
  assert_null(tensor);
}

static void tensor_proto__nothing_has_no_dtype(void **state) {
  (void)state;
  sm_tensor *tensor;
  assert_status(sm_tensor_read_proto(&tensor, (sm_string){NULL, 0}, 0, NULL, &err), SM_DATA_LOSS, err);
  assert_mentions(err.message, "TensorProto");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tensor_proto__all_recorded),
      cmocka_unit_test(tensor_proto__limits),
      cmocka_unit_test(tensor_proto__nothing_has_no_dtype),
  };
  return cmocka_run_group_tests_name("tensor_proto", tests, NULL, NULL);
}
