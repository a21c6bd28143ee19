#include "cli/convert_tensors.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/buffered.h"
#include "cli/element.h"
#include "cli/failure.h"
#include "cli/target.h"
#include "cli/tensor_source.h"

/* ---- The command line ---- */

int convert_usage(const char *what) {
  fprintf(stderr, "savedmodel: %s; savedmodel convert --help tells more\n", what);
  return CLI_USAGE;
}

/* Decimal digits, and no more than max; false otherwise. */
static bool read_number(uint64_t *out, const char *text, uint64_t max) {
  char *end;
  errno = 0;
  unsigned long long value = strtoull(text, &end, 10);
  *out = value;
  return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && value <= max;
}

static const char *read_options(sm_save_options *out, const cli_args *args) {
  const char *const *values = args->values;
  uint64_t alignment = 0, n_shards = 0;
  if (values[CLI_align] != NULL &&
      (!read_number(&alignment, values[CLI_align], UINT32_MAX) || alignment == 0 || (alignment & (alignment - 1)) != 0))
    return "--align takes a power of two";
  if (values[CLI_shards] != NULL && (!read_number(&n_shards, values[CLI_shards], INT32_MAX) || n_shards == 0))
    return "--shards takes a number of files";
  if (values[CLI_shard_size] != NULL &&
      (!read_number(&out->max_shard_size, values[CLI_shard_size], INT64_MAX) || out->max_shard_size == 0))
    return "--shard-size takes a number of bytes";
  if (n_shards != 0 && out->max_shard_size != 0) return "--shards and --shard-size exclude each other";
  out->alignment = (uint32_t)alignment;
  out->n_shards = (uint32_t)n_shards;
  out->big_endian = values[CLI_big_endian] != NULL;
  out->overwrite = values[CLI_overwrite] != NULL;
  out->n_threads = cli_n_threads();
  return NULL;
}

/* ---- What a form can hold ---- */

static bool holds(tensor_form form, sm_dtype dtype) {
  int place;
  if (form == FORM_SAFETENSORS) return safetensors_type(&place, dtype) != NULL;
  return form == FORM_CHECKPOINT || element_class_of(dtype) != ELEMENT_OTHER;
}

static sm_status check_types(const tensor_source *in, tensor_form form, sm_error *err) {
  for (size_t i = 0; i < in->n; i++) {
    const tensor_item *item = &in->items[i];
    if (item->dtype == SM_DT_INVALID || holds(form, item->dtype)) continue;
    return failure(err, SM_UNIMPLEMENTED, "%.*s: %s files cannot hold %s",
                   item->name.size < 200 ? (int)item->name.size : 200, item->name.data,
                   form == FORM_NPZ ? ".npz" : ".safetensors", sm_dtype_name(item->dtype));
  }
  return SM_OK;
}

/* Without this every model would be refused, for what is of use to checkpoints only. */
static void leave_out_object_graph(tensor_source *in) {
  static const char object_graph_key[] = SM_KEY_OBJECT_GRAPH;
  const size_t size = sizeof object_graph_key - 1;
  for (size_t i = in->n; i-- > 0;) {
    const tensor_item *item = &in->items[i];
    if (item->dtype == SM_DT_STRING && item->name.size == size && memcmp(item->name.data, object_graph_key, size) == 0)
      tensor_source_leave_out(in, i);
  }
}

/* ---- To one file ---- */

static sm_status write_npz(tensor_source *in, sm_sink_fn sink, void *ctx, sm_error *err) {
  npz_writer out;
  sm_tensor_view view;
  sm_status status = SM_OK;
  npz_writer_begin(&out, sink, ctx);
  for (size_t i = 0; i < in->n && status == SM_OK; i++) {
    status = tensor_source_read(&view, in, i, err);
    if (status == SM_OK) status = npz_writer_add(&out, in->items[i].name, &view, err);
  }
  if (status == SM_OK) status = npz_writer_finish(&out, err);
  npz_writer_free(&out);
  return status;
}

static sm_status get_tensor(void *ctx, size_t i, sm_tensor_view *out, sm_error *err) {
  return tensor_source_read(out, ctx, i, err);
}

static sm_status write_safetensors(tensor_source *in, sm_sink_fn sink, void *ctx, sm_error *err) {
  safetensors_item *items = calloc(in->n + 1, sizeof *items);
  if (items == NULL) return failure_no_memory(err);
  for (size_t i = 0; i < in->n; i++) {
    const tensor_item *item = &in->items[i];
    items[i] = (safetensors_item){item->name, item->dtype, item->rank, item->dims};
  }
  sm_status status =
      safetensors_write(items, in->n, in->tensors.notes, in->tensors.n_notes, get_tensor, in, sink, ctx, err);
  free(items);
  return status;
}

static sm_status write_file(const char *path, tensor_form form, tensor_source *in, sm_error *err) {
  target file;
  buffered out;
  SM_TRY(target_open(&file, path, err));
  buffered_begin(&out, target_write, &file);
  sm_status status =
      form == FORM_NPZ ? write_npz(in, buffered_write, &out, err) : write_safetensors(in, buffered_write, &out, err);
  if (status == SM_OK) status = buffered_flush(&out, err);
  return target_close(&file, status, err);
}

/* ---- To a checkpoint ---- */

static sm_status copy_tensor(sm_bundle_writer *out, tensor_source *in, size_t i, sm_error *err) {
  sm_bundle_entry entry;
  sm_tensor_view view;
  const sm_string name = in->items[i].name;
  if (in->form == FORM_CHECKPOINT) {
    SM_TRY(sm_bundle_reader_find_n(&entry, in->reader, name, err));
    return sm_bundle_writer_copy(out, NULL, in->reader, &entry, err);
  }
  SM_TRY(tensor_source_read(&view, in, i, err));
  return sm_bundle_writer_add_n(out, name, &view, err);
}

static sm_status write_checkpoint(const char *prefix, const sm_save_options *options, tensor_source *in,
                                  sm_error *err) {
  sm_bundle_writer *out;
  SM_TRY(sm_bundle_writer_open(&out, prefix, options, err));
  sm_status status = SM_OK;
  for (size_t i = 0; i < in->n && status == SM_OK; i++) status = copy_tensor(out, in, i, err);
  if (status == SM_OK) status = sm_bundle_writer_finish(out, err);
  sm_bundle_writer_close(out);
  return status;
}

/* ---- All of it ---- */

static sm_status convert(const char *dst, const sm_save_options *options, tensor_source *in, sm_error *err) {
  tensor_form form = tensor_form_of(dst);
  SM_TRY(tensor_source_list(in, form == FORM_SAFETENSORS, err));
  if (form == FORM_SAFETENSORS) leave_out_object_graph(in);
  SM_TRY(check_types(in, form, err));
  return form == FORM_CHECKPOINT ? write_checkpoint(dst, options, in, err) : write_file(dst, form, in, err);
}

int convert_tensors(const cli_args *args, const char *src, const char *dst) {
  sm_save_options options = SM_SAVE_OPTIONS_INIT;
  tensor_source in;
  sm_error err;
  const char *wrong = read_options(&options, args);
  if (wrong == NULL && tensor_form_of(dst) == FORM_CHECKPOINT) wrong = cli_check_new_prefix(dst);
  if (wrong != NULL) return convert_usage(wrong);
  int code = tensor_source_open(&in, args, src);
  if (code == CLI_OK && convert(dst, &options, &in, &err) != SM_OK) code = cli_fail_status(&err);
  tensor_source_close(&in);
  return code;
}
