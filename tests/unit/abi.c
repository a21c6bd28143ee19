/* Sizes and offsets of public structs, on 64-bit machines: a change here is a change of the ABI. Worked out from the
 * headers by the rules of the System V ABI (pointers and 64-bit numbers on 8 bytes, 32-bit ones on 4, bool on 1). */
#include "support/check.h"

#include <stddef.h>

#include <savedmodel/savedmodel.h>

typedef struct member {
  const char *name;
  size_t is, wanted;
} member;

#define SIZE(type, wanted) \
  { #type, sizeof(type), (wanted) }
#define AT(type, name, wanted) \
  { #type "." #name, offsetof(type, name), (wanted) }

static void check_all(const member *members, size_t n) {
  for (size_t i = 0; i < n; i++) assert_number(members[i].name, members[i].is, members[i].wanted);
}

static void abi__status_and_memory(void **state) {
  (void)state;
  static const member members[] = {
      SIZE(sm_status, 4),         SIZE(sm_error, 512),       AT(sm_error, code, 0),      AT(sm_error, reserved, 4),
      AT(sm_error, offset, 8),    AT(sm_error, message, 16), SIZE(sm_string, 16),        AT(sm_string, data, 0),
      AT(sm_string, size, 8),     SIZE(sm_allocator, 32),    AT(sm_allocator, alloc, 0), AT(sm_allocator, realloc, 8),
      AT(sm_allocator, free, 16), AT(sm_allocator, ctx, 24), SIZE(sm_executor, 16),      AT(sm_executor, run, 0),
      AT(sm_executor, ctx, 8),
  };
  check_all(members, N_OF(members));
}

static void abi__files(void **state) {
  (void)state;
  static const member members[] = {
      SIZE(sm_file, 16),          AT(sm_file, handle, 0),
      AT(sm_file, size, 8),       SIZE(sm_dir_entry, 24),
      AT(sm_dir_entry, name, 0),  AT(sm_dir_entry, size, 8),
      AT(sm_dir_entry, kind, 16), AT(sm_dir_entry, is_symlink, 20),
      SIZE(sm_fs, 168),           AT(sm_fs, struct_size, 0),
      AT(sm_fs, ctx, 8),          AT(sm_fs, open, 16),
      AT(sm_fs, read_at, 24),     AT(sm_fs, close, 32),
      AT(sm_fs, stat, 40),        AT(sm_fs, list, 48),
      AT(sm_fs, map, 56),         AT(sm_fs, unmap, 64),
      AT(sm_fs, release, 72),     AT(sm_fs, create, 80),
      AT(sm_fs, write, 88),       AT(sm_fs, sync, 96),
      AT(sm_fs, mkdir, 104),      AT(sm_fs, rename, 112),
      AT(sm_fs, remove, 120),     AT(sm_fs, sync_dir, 128),
      AT(sm_fs, link, 136),       AT(sm_fs, lock, 144),
      AT(sm_fs, exchange, 152),   AT(sm_fs, clone, 160),
  };
  check_all(members, N_OF(members));
}

static void abi__saved_objects(void **state) {
  (void)state;
  static const member members[] = {
      SIZE(sm_variable_spec, 56),
      AT(sm_variable_spec, value, 0),
      AT(sm_variable_spec, dtype, 8),
      AT(sm_variable_spec, rank, 12),
      AT(sm_variable_spec, dims, 16),
      AT(sm_variable_spec, name, 24),
      AT(sm_variable_spec, device, 32),
      AT(sm_variable_spec, not_trainable, 40),
      AT(sm_variable_spec, synchronization, 44),
      AT(sm_variable_spec, aggregation, 48),
      SIZE(sm_lookup_table, 64),
      AT(sm_lookup_table, key_dtype, 0),
      AT(sm_lookup_table, value_dtype, 4),
      AT(sm_lookup_table, is_mutable, 8),
      AT(sm_lookup_table, keys, 16),
      AT(sm_lookup_table, values, 24),
      AT(sm_lookup_table, asset, 32),
      AT(sm_lookup_table, key_index, 40),
      AT(sm_lookup_table, value_index, 48),
      AT(sm_lookup_table, delimiter, 56),
      SIZE(sm_function_capture, 16),
      AT(sm_function_capture, node, 0),
      AT(sm_function_capture, object, 8),
      SIZE(sm_function_tensor, 32),
      AT(sm_function_tensor, name, 0),
      AT(sm_function_tensor, tensor, 8),
      AT(sm_function_tensor, dtype, 16),
      AT(sm_function_tensor, rank, 20),
      AT(sm_function_tensor, dims, 24),
      SIZE(sm_trace, 104),
      AT(sm_trace, function, 0),
      AT(sm_trace, graph_def, 8),
      AT(sm_trace, inputs, 24),
      AT(sm_trace, n_inputs, 32),
      AT(sm_trace, outputs, 40),
      AT(sm_trace, n_outputs, 48),
      AT(sm_trace, captures, 56),
      AT(sm_trace, n_captures, 64),
      AT(sm_trace, control_outputs, 72),
      AT(sm_trace, n_control_outputs, 80),
      AT(sm_trace, input_structure, 88),
      AT(sm_trace, output_structure, 96),
      SIZE(sm_traced_function, 40),
      AT(sm_traced_function, traces, 0),
      AT(sm_traced_function, n_traces, 8),
      AT(sm_traced_function, parameters, 16),
      AT(sm_traced_function, n_parameters, 24),
      AT(sm_traced_function, is_fixed, 32),
      SIZE(sm_function_alias_spec, 16),
      AT(sm_function_alias_spec, alias, 0),
      AT(sm_function_alias_spec, function, 8),
      SIZE(sm_export_options, 112),
      AT(sm_export_options, struct_size, 0),
      AT(sm_export_options, namespace_whitelist, 8),
      AT(sm_export_options, n_namespaces, 16),
      AT(sm_export_options, debug_info, 24),
      AT(sm_export_options, function_aliases, 40),
      AT(sm_export_options, n_function_aliases, 48),
      AT(sm_export_options, io_device, 56),
      AT(sm_export_options, variable_policy, 64),
      AT(sm_export_options, no_custom_gradients, 68),
      AT(sm_export_options, strip_debug_ops, 69),
      AT(sm_export_options, image_format, 70),
      AT(sm_export_options, skip_saver, 71),
      AT(sm_export_options, extra_tags, 72),
      AT(sm_export_options, n_extra_tags, 80),
      AT(sm_export_options, no_signatures, 88),
      AT(sm_export_options, note, 96),
      AT(sm_export_options, note_ctx, 104),
  };
  check_all(members, N_OF(members));
}

static void abi__builder(void **state) {
  (void)state;
  static const member members[] = {
      SIZE(sm_asset_spec, 40),
      AT(sm_asset_spec, tensor_name, 0),
      AT(sm_asset_spec, path, 8),
      AT(sm_asset_spec, data, 16),
      AT(sm_asset_spec, filename, 32),
      SIZE(sm_meta_graph_spec, 160),
      AT(sm_meta_graph_spec, struct_size, 0),
      AT(sm_meta_graph_spec, tags, 8),
      AT(sm_meta_graph_spec, n_tags, 16),
      AT(sm_meta_graph_spec, graph_def, 24),
      AT(sm_meta_graph_spec, signatures, 40),
      AT(sm_meta_graph_spec, n_signatures, 48),
      AT(sm_meta_graph_spec, assets, 56),
      AT(sm_meta_graph_spec, n_assets, 64),
      AT(sm_meta_graph_spec, init_op, 72),
      AT(sm_meta_graph_spec, train_op, 80),
      AT(sm_meta_graph_spec, saver_def, 88),
      AT(sm_meta_graph_spec, no_saver, 96),
      AT(sm_meta_graph_spec, no_variables_check, 97),
      AT(sm_meta_graph_spec, no_method_check, 98),
      AT(sm_meta_graph_spec, collections, 104),
      AT(sm_meta_graph_spec, n_collections, 112),
      AT(sm_meta_graph_spec, clear_devices, 120),
      AT(sm_meta_graph_spec, strip_default_attrs, 121),
      AT(sm_meta_graph_spec, meta_info_def, 128),
      AT(sm_meta_graph_spec, object_graph_def, 144),
      SIZE(sm_simple_variable, 16),
      AT(sm_simple_variable, name, 0),
      AT(sm_simple_variable, value, 8),
      SIZE(sm_simple_model, 64),
      AT(sm_simple_model, graph, 0),
      AT(sm_simple_model, signatures, 8),
      AT(sm_simple_model, n_signatures, 16),
      AT(sm_simple_model, variables, 24),
      AT(sm_simple_model, n_variables, 32),
      AT(sm_simple_model, assets, 40),
      AT(sm_simple_model, n_assets, 48),
      AT(sm_simple_model, init_op, 56),
      SIZE(sm_freeze_candidate, 32),
      AT(sm_freeze_candidate, name, 0),
      AT(sm_freeze_candidate, dtype, 8),
      AT(sm_freeze_candidate, rank, 12),
      AT(sm_freeze_candidate, dims, 16),
      AT(sm_freeze_candidate, is_written, 24),
      AT(sm_freeze_candidate, is_kept, 25),
      SIZE(sm_freeze_options, 64),
      AT(sm_freeze_options, struct_size, 0),
      AT(sm_freeze_options, checkpoint, 8),
      AT(sm_freeze_options, kept, 16),
      AT(sm_freeze_options, n_kept, 24),
      AT(sm_freeze_options, keep_all, 32),
      AT(sm_freeze_options, zero_inputs, 33),
      AT(sm_freeze_options, variable, 40),
      AT(sm_freeze_options, variable_ctx, 48),
      AT(sm_freeze_options, allocator, 56),
      SIZE(sm_metadata_entry, 16),
      AT(sm_metadata_entry, key, 0),
      AT(sm_metadata_entry, value, 8),
  };
  check_all(members, N_OF(members));
}

static void abi__options(void **state) {
  (void)state;
  static const member members[] = {
      SIZE(sm_open_options, 48),          AT(sm_open_options, struct_size, 0),
      AT(sm_open_options, verify, 8),     AT(sm_open_options, refuse_symlinks, 12),
      AT(sm_open_options, max_bytes, 16), AT(sm_open_options, no_mmap, 24),
      AT(sm_open_options, allocator, 32), AT(sm_open_options, fs, 40),
  };
  check_all(members, N_OF(members));
}

static void abi__graphs(void **state) {
  (void)state;
  static const member members[] = {
      SIZE(sm_attr, 104),
      AT(sm_attr, name, 0),
      AT(sm_attr, kind, 8),
      AT(sm_attr, type, 12),
      AT(sm_attr, i, 16),
      AT(sm_attr, f, 24),
      AT(sm_attr, rank, 28),
      AT(sm_attr, dims, 32),
      AT(sm_attr, s, 40),
      AT(sm_attr, tensor, 56),
      AT(sm_attr, n, 64),
      AT(sm_attr, ints, 72),
      AT(sm_attr, floats, 80),
      AT(sm_attr, strings, 88),
      AT(sm_attr, types, 96),
      SIZE(sm_node_spec, 56),
      AT(sm_node_spec, op, 0),
      AT(sm_node_spec, name, 8),
      AT(sm_node_spec, inputs, 16),
      AT(sm_node_spec, n_inputs, 24),
      AT(sm_node_spec, attrs, 32),
      AT(sm_node_spec, n_attrs, 40),
      AT(sm_node_spec, device, 48),
      SIZE(sm_table_spec, 64),
      AT(sm_table_spec, name, 0),
      AT(sm_table_spec, keys, 8),
      AT(sm_table_spec, values, 16),
      AT(sm_table_spec, file, 24),
      AT(sm_table_spec, key_dtype, 32),
      AT(sm_table_spec, value_dtype, 36),
      AT(sm_table_spec, key_index, 40),
      AT(sm_table_spec, value_index, 48),
      AT(sm_table_spec, delimiter, 56),
  };
  check_all(members, N_OF(members));
}

static void abi__scan(void **state) {
  (void)state;
  static const member members[] = {
      SIZE(sm_scan_options, 16),
      AT(sm_scan_options, struct_size, 0),
      AT(sm_scan_options, effects, 8),
      AT(sm_scan_options, all_ops, 12),
      SIZE(sm_scan_finding, 96),
      AT(sm_scan_finding, kind, 0),
      AT(sm_scan_finding, effects, 4),
      AT(sm_scan_finding, reached_by, 8),
      AT(sm_scan_finding, is_checkpointing, 12),
      AT(sm_scan_finding, is_asset_read, 13),
      AT(sm_scan_finding, graph, 16),
      AT(sm_scan_finding, meta_graph, 24),
      AT(sm_scan_finding, file, 32),
      AT(sm_scan_finding, op, 40),
      AT(sm_scan_finding, node, 56),
      AT(sm_scan_finding, function, 72),
      AT(sm_scan_finding, reason, 88),
  };
  check_all(members, N_OF(members));
}

static void abi__signatures(void **state) {
  (void)state;
  static const member members[] = {
      SIZE(sm_tensor_info, 88),
      AT(sm_tensor_info, name, 0),
      AT(sm_tensor_info, tensor_name, 8),
      AT(sm_tensor_info, dtype, 16),
      AT(sm_tensor_info, rank, 20),
      AT(sm_tensor_info, dims, 24),
      AT(sm_tensor_info, kind, 32),
      AT(sm_tensor_info, components, 40),
      AT(sm_tensor_info, n_components, 48),
      AT(sm_tensor_info, type_spec, 56),
      AT(sm_tensor_info, name_size, 72),
      AT(sm_tensor_info, tensor_name_size, 80),
      SIZE(sm_signature_default, 48),
      AT(sm_signature_default, name, 0),
      AT(sm_signature_default, name_size, 8),
      AT(sm_signature_default, dtype, 16),
      AT(sm_signature_default, rank, 20),
      AT(sm_signature_default, dims, 24),
      AT(sm_signature_default, tensor_proto, 32),
      SIZE(sm_signature, 80),
      AT(sm_signature, key, 0),
      AT(sm_signature, method_name, 8),
      AT(sm_signature, n_inputs, 16),
      AT(sm_signature, inputs, 24),
      AT(sm_signature, n_outputs, 32),
      AT(sm_signature, outputs, 40),
      AT(sm_signature, n_defaults, 48),
      AT(sm_signature, defaults, 56),
      AT(sm_signature, key_size, 64),
      AT(sm_signature, method_name_size, 72),
  };
  check_all(members, N_OF(members));
}

static void abi__facts(void **state) {
  (void)state;
  static const member members[] = {
      SIZE(sm_fingerprint, 72),
      AT(sm_fingerprint, saved_model_checksum, 0),
      AT(sm_fingerprint, checkpoint_hash, 32),
      AT(sm_fingerprint, uuid, 40),
      AT(sm_fingerprint, producer, 48),
      AT(sm_fingerprint, min_consumer, 52),
      AT(sm_fingerprint, bad_consumers, 56),
      AT(sm_fingerprint, n_bad_consumers, 64),
      SIZE(sm_model_file, 24),
      AT(sm_model_file, name, 0),
      AT(sm_model_file, size, 8),
      AT(sm_model_file, is_symlink, 16),
      SIZE(sm_asset, 16),
      AT(sm_asset, tensor_name, 0),
      AT(sm_asset, filename, 8),
      SIZE(sm_function_alias, 16),
      AT(sm_function_alias, function, 0),
      AT(sm_function_alias, alias, 8),
      SIZE(sm_meta_info, 48),
      AT(sm_meta_info, meta_graph_version, 0),
      AT(sm_meta_info, tensorflow_version, 8),
      AT(sm_meta_info, tensorflow_git_version, 16),
      AT(sm_meta_info, stripped_default_attrs, 24),
      AT(sm_meta_info, n_function_aliases, 32),
      AT(sm_meta_info, function_aliases, 40),
      SIZE(sm_saver_def, 40),
      AT(sm_saver_def, filename_tensor_name, 0),
      AT(sm_saver_def, save_tensor_name, 8),
      AT(sm_saver_def, restore_op_name, 16),
      AT(sm_saver_def, max_to_keep, 24),
      AT(sm_saver_def, sharded, 28),
      AT(sm_saver_def, keep_checkpoint_every_n_hours, 32),
      AT(sm_saver_def, version, 36),
      SIZE(sm_collection, 56),
      AT(sm_collection, key, 0),
      AT(sm_collection, kind, 8),
      AT(sm_collection, n, 16),
      AT(sm_collection, strings, 24),
      AT(sm_collection, type_urls, 32),
      AT(sm_collection, int64s, 40),
      AT(sm_collection, floats, 48),
      SIZE(sm_graph_summary, 64),
      AT(sm_graph_summary, n_nodes, 0),
      AT(sm_graph_summary, n_ops, 8),
      AT(sm_graph_summary, ops, 16),
      AT(sm_graph_summary, n_functions, 24),
      AT(sm_graph_summary, functions, 32),
      AT(sm_graph_summary, producer, 40),
      AT(sm_graph_summary, min_consumer, 44),
      AT(sm_graph_summary, bad_consumers, 48),
      AT(sm_graph_summary, n_bad_consumers, 56),
  };
  check_all(members, N_OF(members));
}

static void abi__objects(void **state) {
  (void)state;
  static const member members[] = {
      SIZE(sm_structured, 72),
      AT(sm_structured, kind, 0),
      AT(sm_structured, bool_value, 4),
      AT(sm_structured, int64_value, 8),
      AT(sm_structured, float64_value, 16),
      AT(sm_structured, text, 24),
      AT(sm_structured, dtype, 32),
      AT(sm_structured, rank, 36),
      AT(sm_structured, dims, 40),
      AT(sm_structured, n_items, 48),
      AT(sm_structured, items, 56),
      AT(sm_structured, keys, 64),
      SIZE(sm_concrete_function, 64),
      AT(sm_concrete_function, name, 0),
      AT(sm_concrete_function, inputs, 8),
      AT(sm_concrete_function, outputs, 16),
      AT(sm_concrete_function, captures, 24),
      AT(sm_concrete_function, n_captures, 32),
      AT(sm_concrete_function, argument_keywords, 40),
      AT(sm_concrete_function, n_argument_keywords, 48),
      AT(sm_concrete_function, allowed_positional_arguments, 56),
  };
  check_all(members, N_OF(members));
}

static void abi__object_graph(void **state) {
  (void)state;
  static const member members[] = {
      SIZE(sm_parameter, 16),
      AT(sm_parameter, name, 0),
      AT(sm_parameter, default_value, 8),
      SIZE(sm_function_spec, 80),
      AT(sm_function_spec, n_parameters, 0),
      AT(sm_function_spec, parameters, 8),
      AT(sm_function_spec, varargs, 16),
      AT(sm_function_spec, n_keyword_only, 24),
      AT(sm_function_spec, keyword_only, 32),
      AT(sm_function_spec, varkw, 40),
      AT(sm_function_spec, annotations, 48),
      AT(sm_function_spec, input_signature, 56),
      AT(sm_function_spec, full_argspec, 64),
      AT(sm_function_spec, is_method, 72),
      AT(sm_function_spec, jit_compile, 76),
      SIZE(sm_variable_object, 64),
      AT(sm_variable_object, name, 0),
      AT(sm_variable_object, device, 8),
      AT(sm_variable_object, dtype, 16),
      AT(sm_variable_object, rank, 20),
      AT(sm_variable_object, dims, 24),
      AT(sm_variable_object, trainable, 32),
      AT(sm_variable_object, synchronization, 36),
      AT(sm_variable_object, aggregation, 40),
      AT(sm_variable_object, n_components, 48),
      AT(sm_variable_object, components, 56),
      SIZE(sm_user_object, 40),
      AT(sm_user_object, identifier, 0),
      AT(sm_user_object, metadata, 8),
      AT(sm_user_object, producer, 16),
      AT(sm_user_object, min_consumer, 20),
      AT(sm_user_object, bad_consumers, 24),
      AT(sm_user_object, n_bad_consumers, 32),
      SIZE(sm_dependency, 16),
      AT(sm_dependency, name, 0),
      AT(sm_dependency, id, 8),
      SIZE(sm_slot_variable, 16),
      AT(sm_slot_variable, name, 0),
      AT(sm_slot_variable, variable, 8),
      AT(sm_slot_variable, id, 12),
      SIZE(sm_saveable, 16),
      AT(sm_saveable, name, 0),
      AT(sm_saveable, save_function, 8),
      AT(sm_saveable, restore_function, 12),
      SIZE(sm_object, 160),
      AT(sm_object, kind, 0),
      AT(sm_object, asset, 4),
      AT(sm_object, user_object, 8),
      AT(sm_object, variable, 16),
      AT(sm_object, function_spec, 24),
      AT(sm_object, concrete_functions, 32),
      AT(sm_object, n_concrete_functions, 40),
      AT(sm_object, device, 48),
      AT(sm_object, name, 56),
      AT(sm_object, function, 64),
      AT(sm_object, n_slot_variables, 72),
      AT(sm_object, slot_variables, 80),
      AT(sm_object, n_saveables, 88),
      AT(sm_object, saveables, 96),
      AT(sm_object, n_dependencies, 104),
      AT(sm_object, dependencies, 112),
      AT(sm_object, registered_name, 120),
      AT(sm_object, registered_saver, 128),
      AT(sm_object, user_proto_type, 136),
      AT(sm_object, user_proto, 144),
      SIZE(sm_variable_def, 88),
      AT(sm_variable_def, variable_name, 0),
      AT(sm_variable_def, initializer_name, 8),
      AT(sm_variable_def, snapshot_name, 16),
      AT(sm_variable_def, initial_value_name, 24),
      AT(sm_variable_def, is_resource, 32),
      AT(sm_variable_def, trainable, 33),
      AT(sm_variable_def, synchronization, 36),
      AT(sm_variable_def, aggregation, 40),
      AT(sm_variable_def, full_name, 48),
      AT(sm_variable_def, slice_rank, 56),
      AT(sm_variable_def, full_shape, 64),
      AT(sm_variable_def, slice_offset, 72),
      AT(sm_variable_def, slice_shape, 80),
      SIZE(sm_variable, 48),
      AT(sm_variable, name, 0),
      AT(sm_variable, path, 8),
      AT(sm_variable, key, 16),
      AT(sm_variable, key_size, 24),
      AT(sm_variable, id, 32),
      AT(sm_variable, trainable, 36),
      AT(sm_variable, def, 40),
  };
  check_all(members, N_OF(members));
}

static void abi__numbers(void **state) {
  (void)state;
  static const member numbers[] = {
      {"SM_FILE_REGULAR", SM_FILE_REGULAR, 1},
      {"SM_FILE_DIRECTORY", SM_FILE_DIRECTORY, 2},
      {"SM_FILE_OTHER", SM_FILE_OTHER, 3},
      {"SM_FS_NO_SYMLINKS", SM_FS_NO_SYMLINKS, 1},
      {"SM_VERIFY_NONE", SM_VERIFY_NONE, 1},
      {"SM_VERIFY_ALL", SM_VERIFY_ALL, 3},
      {"SM_TAGS_INCLUDE", SM_TAGS_INCLUDE, 1},
      {"SM_TAGS_WITHIN", SM_TAGS_WITHIN, 2},
      {"SM_TENSOR_COO_SPARSE", SM_TENSOR_COO_SPARSE, 1},
      {"SM_TENSOR_COMPOSITE", SM_TENSOR_COMPOSITE, 2},
      {"SM_COLLECTION_NODES", SM_COLLECTION_NODES, 1},
      {"SM_COLLECTION_ANY", SM_COLLECTION_ANY, 5},
      {"SM_STRUCTURED_BOOL", SM_STRUCTURED_BOOL, 1},
      {"SM_STRUCTURED_NUMPY", SM_STRUCTURED_NUMPY, 15},
  };
  check_all(numbers, N_OF(numbers));
}

/* The version that is compiled against is the one that runs, and its parts fit together. */
static void abi__version(void **state) {
  (void)state;
  char text[32];
  snprintf(text, sizeof text, "%d.%d.%d", SM_VERSION_MAJOR, SM_VERSION_MINOR, SM_VERSION_PATCH);
  assert_text("SM_VERSION_STRING", SM_VERSION_STRING, text);
  assert_text("sm_version", sm_version(), text);
}

static void abi__checkpoints(void **state) {
  (void)state;
  static const member members[] = {
      SIZE(sm_binding, 72),
      AT(sm_binding, key, 0),
      AT(sm_binding, dtype, 8),
      AT(sm_binding, rank, 12),
      AT(sm_binding, dims, 16),
      AT(sm_binding, slice, 24),
      AT(sm_binding, whole_dims, 32),
      AT(sm_binding, data, 40),
      AT(sm_binding, size, 48),
      AT(sm_binding, tensor, 56),
      AT(sm_binding, status, 64),
      SIZE(sm_restore_options, 56),
      AT(sm_restore_options, struct_size, 0),
      AT(sm_restore_options, missing, 8),
      AT(sm_restore_options, mismatched, 12),
      AT(sm_restore_options, refuse_unused, 16),
      AT(sm_restore_options, in_place, 17),
      AT(sm_restore_options, n_threads, 20),
      AT(sm_restore_options, executor, 24),
      AT(sm_restore_options, reshape, 32),
      AT(sm_restore_options, compare_only, 33),
      AT(sm_restore_options, difference, 40),
      AT(sm_restore_options, difference_ctx, 48),
      SIZE(sm_difference, 32),
      AT(sm_difference, kind, 0),
      AT(sm_difference, key, 8),
      AT(sm_difference, binding, 16),
      AT(sm_difference, what, 24),
      SIZE(sm_checkpoint_state, 40),
      AT(sm_checkpoint_state, latest, 0),
      AT(sm_checkpoint_state, paths, 8),
      AT(sm_checkpoint_state, n_paths, 16),
      AT(sm_checkpoint_state, timestamps, 24),
      AT(sm_checkpoint_state, last_preserved, 32),
      SIZE(sm_clock, 16),
      AT(sm_clock, now, 0),
      AT(sm_clock, ctx, 8),
      SIZE(sm_saved, 32),
      AT(sm_saved, prefix, 0),
      AT(sm_saved, n_bytes, 8),
      AT(sm_saved, n_tensors, 16),
      AT(sm_saved, n_shards, 24),
      SIZE(sm_saved_object_info, 56),
      AT(sm_saved_object_info, n_children, 0),
      AT(sm_saved_object_info, n_values, 8),
      AT(sm_saved_object_info, n_slots, 16),
      AT(sm_saved_object_info, saver, 24),
      AT(sm_saved_object_info, saver_object, 40),
      SIZE(sm_saved_child, 24),
      AT(sm_saved_child, name, 0),
      AT(sm_saved_child, object, 16),
      SIZE(sm_saved_value, 48),
      AT(sm_saved_value, attribute, 0),
      AT(sm_saved_value, full_name, 16),
      AT(sm_saved_value, key, 32),
      SIZE(sm_saved_slot, 32),
      AT(sm_saved_slot, name, 0),
      AT(sm_saved_slot, variable, 16),
      AT(sm_saved_slot, object, 24),
      SIZE(sm_registered_object, 16),
      AT(sm_registered_object, name, 0),
      AT(sm_registered_object, object, 8),
      SIZE(sm_registered_saver, 32),
      AT(sm_registered_saver, name, 0),
      AT(sm_registered_saver, ctx, 8),
      AT(sm_registered_saver, save, 16),
      AT(sm_registered_saver, restore, 24),
      SIZE(sm_saver_options, 80),
      AT(sm_saver_options, struct_size, 0),
      AT(sm_saver_options, max_to_keep, 8),
      AT(sm_saver_options, keep_every_n_hours, 16),
      AT(sm_saver_options, pad_step_number, 24),
      AT(sm_saver_options, absolute_paths, 25),
      AT(sm_saver_options, no_state, 26),
      AT(sm_saver_options, allow_empty, 27),
      AT(sm_saver_options, state_file, 32),
      AT(sm_saver_options, meta_graph_def, 40),
      AT(sm_saver_options, clock, 56),
      AT(sm_saver_options, save, 72),
      SIZE(sm_manager_options, 112),
      AT(sm_manager_options, struct_size, 0),
      AT(sm_manager_options, checkpoint_name, 8),
      AT(sm_manager_options, max_to_keep, 16),
      AT(sm_manager_options, keep_every_n_hours, 24),
      AT(sm_manager_options, step_counter, 32),
      AT(sm_manager_options, checkpoint_interval, 40),
      AT(sm_manager_options, init, 48),
      AT(sm_manager_options, init_ctx, 56),
      AT(sm_manager_options, clock, 64),
      AT(sm_manager_options, save, 80),
      AT(sm_manager_options, open, 88),
      AT(sm_manager_options, keep_best, 96),
      AT(sm_manager_options, score, 104),
  };
  check_all(members, N_OF(members));
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(abi__numbers),
    cmocka_unit_test(abi__version),
#if UINTPTR_MAX == UINT64_MAX
    cmocka_unit_test(abi__status_and_memory),
    cmocka_unit_test(abi__files),
    cmocka_unit_test(abi__builder),
    cmocka_unit_test(abi__saved_objects),
    cmocka_unit_test(abi__options),
    cmocka_unit_test(abi__signatures),
    cmocka_unit_test(abi__facts),
    cmocka_unit_test(abi__objects),
    cmocka_unit_test(abi__object_graph),
    cmocka_unit_test(abi__scan),
    cmocka_unit_test(abi__graphs),
#endif
    cmocka_unit_test(abi__checkpoints),
  };
  return cmocka_run_group_tests_name("abi", tests, NULL, NULL);
}
