/* Every allocation fails once: the call in which it does says RESOURCE_EXHAUSTED, nothing leaks, and what failed
 * works as soon as there is memory again. */
#include "support/check.h"

#include <savedmodel/proto.h>

#include "support/defects.h"
#include "support/fault_alloc.h"
#include "support/files.h"
#include "support/models.h"

/* Small ones with much in them: V1 with collections, assets and an init op; V2 with objects, aliases and defaults. */
static const char *const models[] = {"v1/assets",           "v1/table_main_op",      "v1/sparse_signature",
                                     "v2/function_aliases", "v2/signature_defaults", "v2/debug_info",
                                     "v2/type_specs"};

typedef struct run {
  const char *dir;
  sm_fault_alloc fa;
  sm_open_options options;
  sm_error err;
} run;

static void begin(run *r, const char *model, bool no_mmap) {
  *r = (run){.dir = model_dir(model), .options = SM_OPEN_OPTIONS_INIT};
  sm_fault_alloc_init(&r->fa, UINT64_MAX);
  r->options.allocator = &r->fa.base;
  r->options.no_mmap = no_mmap;
}

static void end(run *r) {
  assert_number("live blocks", r->fa.live_blocks, 0);
  sm_fault_alloc_destroy(&r->fa);
}

/* Opening: each allocation in turn. */
static void alloc_fault__open(void **state) {
  (void)state;
  for (size_t m = 0; m < N_OF(models); m++)
    for (int no_mmap = 0; no_mmap < 2; no_mmap++)
      for (uint64_t n = 0;; n++) {
        run r;
        sm_model *model;
        begin(&r, models[m], no_mmap != 0);
        sm_fault_alloc_rearm(&r.fa, n);
        sm_status status = sm_model_open(&model, r.dir, &r.options, &r.err);
        bool fired = r.fa.fired;
        if (fired) {
          assert_status(status, SM_RESOURCE_EXHAUSTED, r.err);
          assert_null(model);
          assert_number("live blocks", r.fa.live_blocks, 0);
        } else {
          assert_ok(status, r.err);
        }
        sm_model_close(model);
        end(&r);
        if (!fired) break;
      }
}

/* The next allocation to fail. Where each piece of an arena is an allocation of its own there are thousands, made in the
 * same few places: of those a sample will do, the other builds fail all. */
static uint64_t after(uint64_t n) {
#ifdef SM_ARENA_SEPARATE
  return n + 1 + n / 128;
#else
  return n + 1;
#endif
}

/* Everything there is to look up, the n-th allocation after opening fails. The look-up that met it is made again on the
 * same model, and in the end all that was found is what a run without faults finds. */
static void alloc_fault__look_up(void **state) {
  (void)state;
  for (size_t m = 0; m < N_OF(models); m++) {
    uint64_t wanted, digest, n;
    sm_model *model = open_data(models[m]);
    assert_int_equal(look_up_everything_twice(model, &wanted), SM_OK);
    sm_model_close(model);
    for (n = 0;; n = after(n)) {
      run r;
      begin(&r, models[m], false);
      assert_ok(sm_model_open(&model, r.dir, &r.options, &r.err), r.err);
      sm_fault_alloc_rearm(&r.fa, n);
      sm_status status = look_up_everything_twice(model, &digest);
      bool fired = r.fa.fired;
      sm_model_close(model);
      end(&r);
      assert_number(models[m], status, fired ? SM_RESOURCE_EXHAUSTED : SM_OK);
      assert_number("what was found", digest, wanted);
      if (!fired) break;
    }
    assert_true(n > 10);
  }
}

/* No memory at all from some point on: every call still returns. */
static void alloc_fault__out_of_memory_for_good(void **state) {
  (void)state;
  for (size_t m = 0; m < N_OF(models); m++)
    for (uint64_t n = 0; n < 200; n += 7) {
      run r;
      sm_model *model;
      begin(&r, models[m], false);
      assert_ok(sm_model_open(&model, r.dir, &r.options, &r.err), r.err);
      sm_fault_alloc_rearm(&r.fa, n);
      r.fa.fail_all_after = true;
      (void)look_up_everything(model, NULL);
      sm_model_close(model);
      end(&r);
    }
}

static sm_status take_file(void *ctx, const sm_model_file *file, sm_error *err) {
  (void)file;
  (void)err;
  ++*(size_t *)ctx;
  return SM_OK;
}

/* Listing, in a directory of some depth: all names or a failure, never a few of them. */
static void alloc_fault__list_files(void **state) {
  (void)state;
  for (uint64_t n = 0;; n++) {
    run r;
    sm_model *model;
    size_t n_files = 0;
    begin(&r, "v1/assets_extra_warmup", false);
    assert_ok(sm_model_open(&model, r.dir, &r.options, &r.err), r.err);
    sm_fault_alloc_rearm(&r.fa, n);
    sm_status status = sm_model_list_files(model, "", take_file, &n_files, &r.err);
    bool fired = r.fa.fired;
    if (fired) {
      assert_status(status, SM_RESOURCE_EXHAUSTED, r.err);
      assert_number("files", n_files, 0);
      assert_ok(sm_model_list_files(model, "", take_file, &n_files, &r.err), r.err);
    } else {
      assert_ok(status, r.err);
    }
    assert_true(n_files >= 3);
    sm_model_close(model);
    end(&r);
    if (!fired) break;
  }
}

/* A message that has to be merged before it is unpacked. */
static void alloc_fault__merge(void **state) {
  (void)state;
  w_buffer w = {0};
  size_t graph = w_begin(&w, 2);
  for (int i = 0; i < 3; i++) { /* saver_def and graph_def.versions given several times */
    size_t graph_def = w_begin(&w, 2);
    for (uint32_t k = 1; k <= 2; k++) {
      size_t versions = w_begin(&w, 4);
      w_varint(&w, k, 7);
      w_end(&w, versions);
    }
    w_end(&w, graph_def);
  }
  w_end(&w, graph);
  for (uint64_t n = 0;; n++) {
    run r;
    sm_model *model;
    const Tensorflow__MetaGraphDef *proto;
    begin(&r, models[0], false);
    assert_ok(sm_model_open_buffer(&model, w.data, w.size, &r.options, &r.err), r.err);
    sm_fault_alloc_rearm(&r.fa, n);
    sm_status status = sm_meta_graph_get_proto(&proto, only_graph(model), &r.err);
    bool fired = r.fa.fired;
    if (fired) {
      assert_status(status, SM_RESOURCE_EXHAUSTED, r.err);
      assert_null(proto);
      status = sm_meta_graph_get_proto(&proto, only_graph(model), &r.err);
    }
    assert_ok(status, r.err);
    assert_number("producer", proto->graph_def->versions->producer, 7);
    assert_number("min_consumer", proto->graph_def->versions->min_consumer, 7);
    sm_model_close(model);
    end(&r);
    if (!fired) break;
  }
  w_free(&w);
}

/* Verifying: what memory is missing for is no defect of the model. */
static void alloc_fault__verify(void **state) {
  static const char *const verified[] = {"v1/control_flow_v1", "v1/partitioned_variables", "v2/table_asset",
                                         "v2/variables"};
  (void)state;
  for (size_t m = 0; m < N_OF(verified); m++)
    for (uint64_t n = 0;; n = after(n)) {
      run r;
      sm_model *model;
      defects found = {.n = 0};
      begin(&r, verified[m], false);
      assert_ok(sm_model_open(&model, r.dir, &r.options, &r.err), r.err);
      sm_fault_alloc_rearm(&r.fa, n);
      sm_status status = sm_model_verify(model, add_defect, &found, &r.err);
      bool fired = r.fa.fired;
      assert_status(status, fired ? SM_RESOURCE_EXHAUSTED : SM_OK, r.err);
      assert_text(verified[m], found.text, "");
      if (fired) assert_ok(sm_model_verify(model, add_defect, &found, &r.err), r.err);
      sm_model_close(model);
      end(&r);
      if (fired) continue;
      assert_true(n >= 10);
      break;
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(alloc_fault__open),
      cmocka_unit_test(alloc_fault__look_up),
      cmocka_unit_test(alloc_fault__out_of_memory_for_good),
      cmocka_unit_test(alloc_fault__list_files),
      cmocka_unit_test(alloc_fault__merge),
      cmocka_unit_test(alloc_fault__verify),
  };
  return cmocka_run_group_tests_name("alloc_fault", tests, NULL, NULL);
}
