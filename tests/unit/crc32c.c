#include "support/check.h"

#include "codec/crc32c.h"
#include "support/crc32c_check.h"

static void crc32c__every_form(void **state) {
  (void)state;
  for (size_t i = 0; sm_crc32c_form_at(i) != NULL; i++) {
    const sm_crc32c_form *form = sm_crc32c_form_at(i);
    if (!form->is_there()) {
      print_message("this CPU has no %s\n", form->name);
      continue;
    }
    for (size_t c = 0; c < N_CRC32C_CHECKS; c++) {
      char what[80];
      (void)snprintf(what, sizeof what, "%s: %s", form->name, crc32c_checks[c].name);
      assert_number(what, crc32c_checks[c].check(form), 0);
    }
  }
}

static void crc32c__one_for_any_machine(void **state) {
  (void)state;
  assert_non_null(sm_crc32c_form_at(0));
  assert_true(sm_crc32c_form_at(0)->is_there());
}

static void crc32c__chooses_the_last_there_is(void **state) {
  (void)state;
  const sm_crc32c_form *last = NULL;
  for (size_t i = 0; sm_crc32c_form_at(i) != NULL; i++)
    if (sm_crc32c_form_at(i)->is_there()) last = sm_crc32c_form_at(i);
  assert_ptr_equal(sm_crc32c_chosen(), last);
  assert_ptr_equal(sm_crc32c_chosen(), last);
}

static void crc32c__door(void **state) {
  (void)state;
  uint8_t copy[9];
  assert_number("extend", sm_crc32c_extend(0, "123456789", 9), 0xE3069283);
  assert_number("extend twice", sm_crc32c_extend(sm_crc32c_extend(0, "1234", 4), "56789", 5), 0xE3069283);
  assert_number("copy", sm_crc32c_copy(0, copy, "123456789", 9), 0xE3069283);
  assert_bytes("copy", copy, 9, "123456789", 9);
}

static void crc32c__combine(void **state) {
  (void)state;
  assert_number("failed", check_crc32c_combine(), 0);
  assert_number("nothing behind", sm_crc32c_combine(0xE3069283, 0, 0), 0xE3069283);
  assert_number("nothing in front", sm_crc32c_combine(0, 0xE3069283, 9), 0xE3069283);
}

static void crc32c__mask(void **state) {
  (void)state;
  static const struct { uint32_t crc, masked; } rows[] = {{0, 0xA282EAD8}, {0xDD54C4AB, 0x2BDAA581}};
  for (size_t i = 0; i < N_OF(rows); i++) {
    assert_number("mask", sm_crc32c_mask(rows[i].crc), rows[i].masked);
    assert_number("unmask", sm_crc32c_unmask(rows[i].masked), rows[i].crc);
  }
  for (uint32_t crc = 1; crc != 0; crc <<= 1)
    assert_number("there and back", sm_crc32c_unmask(sm_crc32c_mask(crc)), crc);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(crc32c__every_form),
      cmocka_unit_test(crc32c__one_for_any_machine),
      cmocka_unit_test(crc32c__chooses_the_last_there_is),
      cmocka_unit_test(crc32c__door),
      cmocka_unit_test(crc32c__combine),
      cmocka_unit_test(crc32c__mask),
  };
  return cmocka_run_group_tests_name("crc32c", tests, NULL, NULL);
}
