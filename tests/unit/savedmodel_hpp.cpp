/*
 * savedmodel.hpp: every function of it once, on a model or two. Built twice, with exceptions and without: the second has
 * the try_ functions only. What the calls find out is tested in C; here it is that they reach it.
 */
#include <savedmodel/savedmodel.hpp>

#include <cstdio>
#include <fstream>
#include <iterator>

static int n_passed, n_failed;

#define CHECK(condition)                                                    \
  do {                                                                      \
    if (condition) {                                                        \
      n_passed++;                                                           \
    } else {                                                                \
      n_failed++;                                                           \
      std::printf("%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
    }                                                                       \
  } while (0)

#if defined(__cpp_exceptions)
static const char COPY[] = "savedmodel_hpp_copy"; /* made and removed where the test runs */
#else
static const char COPY[] = "savedmodel_hpp_no_exceptions_copy";
#endif

static const char V1_DIR[] = SM_TEST_DATA "/models/v1/several_meta_graphs";
static const char V2_DIR[] = SM_TEST_DATA "/models/v2/signature_defaults";
static const char VARIABLES_DIR[] = SM_TEST_DATA "/models/v2/variables";
static const char ASSET_DIR[] = SM_TEST_DATA "/models/v2/table_asset";
static const char WARMUP_DIR[] = SM_TEST_DATA "/models/v1/assets_extra_warmup";

static std::string read_file(const std::string &path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

/* ---- Without exceptions ---- */

static sm::Model opened(const char *dir) {
  sm::Model model;
  sm_error err;
  CHECK(sm::Model::try_open(&model, dir, sm::init<sm_open_options>(), &err) == SM_OK);
  return model;
}

static void try_open__fails() {
  sm::Model model = opened(V1_DIR);
  sm_error err;
  CHECK(sm::Model::try_open(&model, "no such", sm::init<sm_open_options>(), &err) == SM_NOT_FOUND);
  CHECK(err.code == SM_NOT_FOUND);
  CHECK(sm::Model::try_open(&model, "no such", sm_open_options{}, nullptr) == SM_INVALID_ARGUMENT); /* struct_size 0 */
  CHECK(model); /* still the old one */
}

static void model__moves() {
  sm::Model model = opened(V1_DIR);
  const sm::MetaGraph graph = model.meta_graphs().at(0);
  sm::Model other(std::move(model));
  CHECK(!model && other);
  CHECK(graph.tags().size() == 1); /* borrowed things do not mind */
  model = std::move(other);
  CHECK(model && !other);
  model = opened(V2_DIR); /* closes the first */
  CHECK(model.meta_graphs().size() == 1);
}

static void try_meta_graph__by_tags() {
  const sm::Model model = opened(V1_DIR);
  sm::MetaGraph graph, same;
  CHECK(model.try_meta_graph(&graph, {"gpu", "serve"}, nullptr) == SM_OK);
  CHECK((graph.tags() == std::vector<std::string_view>{"serve", "gpu"}));
  CHECK(model.try_meta_graph(&same, graph.tags(), nullptr) == SM_OK && same.get() == graph.get());
  const std::unordered_set<std::string> set = {"serve", "gpu"};
  CHECK(model.try_meta_graph(&same, set, nullptr) == SM_OK && same.get() == graph.get());
  CHECK(model.try_meta_graph(&same, {"tpu"}, nullptr) == SM_NOT_FOUND);
  CHECK(model.try_meta_graph(&same, {}, nullptr) == SM_NOT_FOUND); /* no untagged one */
  CHECK(model.try_meta_graph(&same, nullptr) == SM_NOT_FOUND);     /* there are three */
  CHECK(graph.matches(SM_TAGS_INCLUDE, {"gpu"}) && !graph.matches(SM_TAGS_EQUAL, {"gpu"}));
}

static void try_signatures__inputs_and_outputs() {
  const sm::Model model = opened(V2_DIR);
  const sm::MetaGraph graph = model.meta_graphs().at(0);
  sm::List<sm_signature> signatures;
  CHECK(graph.try_signatures(&signatures, nullptr) == SM_OK);
  CHECK(signatures.size() == sm_meta_graph_n_signatures(graph.get()));
  std::size_t n = 0;
  for (const sm_signature &signature : signatures) {
    CHECK(&signature == &signatures[n]);
    n++;
  }
  CHECK(n == signatures.size());

  const sm_signature *signature = nullptr;
  CHECK(graph.try_signature(&signature, "serving_default", nullptr) == SM_OK);
  CHECK(sm::inputs(*signature).size() == signature->n_inputs);
  CHECK(sm::outputs(*signature).size() == signature->n_outputs);
  CHECK(sm::defaults(*signature).size() == signature->n_defaults && signature->n_defaults > 0);
  for (const sm_tensor_info &input : sm::inputs(*signature)) {
    const auto shape = sm::shape(input);
    CHECK(shape.has_value() == (input.rank >= 0));
    CHECK(!shape || shape->size() == static_cast<std::size_t>(input.rank));
  }
  CHECK(sm::inputs(sm_signature{}).empty());
  CHECK(graph.try_signature(&signature, std::string("nope"), nullptr) == SM_NOT_FOUND);
}

static void try_facts() {
  const sm::Model v1 = opened(V1_DIR), v2 = opened(V2_DIR), with_assets = opened(ASSET_DIR);
  const sm::MetaGraph graph = v2.meta_graphs().at(0);
  sm::List<sm_asset> assets;
  CHECK(with_assets.meta_graphs().at(0).try_assets(&assets, nullptr) == SM_OK && !assets.empty());
  sm::List<sm_collection> collections;
  CHECK(graph.try_collections(&collections, nullptr) == SM_OK && !collections.empty());
  const sm_collection *collection = nullptr;
  CHECK(graph.try_collection(&collection, collections[0].key, nullptr) == SM_OK && collection == &collections[0]);
  const sm_meta_info *info = nullptr;
  CHECK(graph.try_info(&info, nullptr) == SM_OK && info->tensorflow_version[0] != '\0');
  const sm_graph_summary *summary = nullptr;
  CHECK(graph.try_graph_summary(&summary, nullptr) == SM_OK && summary->n_nodes > 0);
  std::optional<sm_saver_def> saver;
  CHECK(graph.try_saver_def(&saver, nullptr) == SM_OK && saver);
  std::optional<std::string_view> op;
  CHECK(graph.try_init_op(&op, nullptr) == SM_OK && op);
  sm_error untouched = {};
  CHECK(graph.try_train_op(&op, &untouched) == SM_OK && !op); /* none, which is no error */
  CHECK(untouched.code == SM_OK);
  std::optional<sm::Trackable> root;
  CHECK(v1.meta_graphs().at(0).try_root(&root, nullptr) == SM_OK && !root);
  CHECK(graph.try_root(&root, nullptr) == SM_OK && root);
  std::vector<sm::Child> children;
  CHECK(root->try_children(&children, nullptr) == SM_OK && !children.empty());
  std::size_t n_functions = 0;
  for (const sm::Child &child : children) {
    sm::List<sm_concrete_function> functions;
    CHECK(!child.name.empty() && child.node.try_functions(&functions, nullptr) == SM_OK);
    if (child.node.kind() == SM_OBJECT_FUNCTION) n_functions += functions.size();
  }
  CHECK(n_functions > 0);
  CHECK(v2.schema_version() == SM_SCHEMA_VERSION);
  std::optional<sm_fingerprint> fingerprint;
  CHECK(v2.try_fingerprint(&fingerprint, nullptr) == SM_OK && fingerprint);
}

static void try_files() {
  const sm::Model model = opened(WARMUP_DIR);
  std::vector<sm::ModelFile> files;
  CHECK(model.try_list_files(&files, SM_DIR_ASSETS_EXTRA, nullptr) == SM_OK && !files.empty());
  std::uint64_t size = 0;
  const std::string name = SM_DIR_ASSETS_EXTRA "/" + files.at(0).name;
  CHECK(model.try_file_size(&size, name, nullptr) == SM_OK && size == files[0].size);
  CHECK(model.try_copy_file(name, COPY, nullptr) == SM_OK);
  CHECK(read_file(COPY).size() == size);
  std::remove(COPY);
  CHECK(model.try_list_files(&files, "..", nullptr) == SM_INVALID_ARGUMENT && !files.empty());
}

static void memory__buffer_and_file_system() {
  const std::string bytes = read_file(std::string(V2_DIR) + "/saved_model.pb");
  sm::Model model;
  CHECK(sm::Model::try_open_buffer(&model, bytes.data(), bytes.size(), sm::init<sm_open_options>(), nullptr) == SM_OK);
  std::optional<sm_fingerprint> fingerprint;
  CHECK(model.try_fingerprint(&fingerprint, nullptr) == SM_OK && !fingerprint);

  sm::MemoryFs fs;
  CHECK(sm::MemoryFs::try_make(&fs, nullptr, nullptr) == SM_OK);
  CHECK(fs.try_add("m/saved_model.pb", bytes.data(), bytes.size(), nullptr) == SM_OK);
  CHECK(fs.try_add("m/saved_model.pb", bytes.data(), bytes.size(), nullptr) == SM_ALREADY_EXISTS);
  const sm::MemoryFs moved(std::move(fs));
  auto options = sm::init<sm_open_options>();
  options.fs = moved.get();
  CHECK(sm::Model::try_open(&model, "m", options, nullptr) == SM_OK);
  CHECK(model.meta_graphs().size() == 1);
  model = sm::Model(); /* before the file system goes */
}

static void load_saved_model() {
  sm::SavedModelBundle bundle;
  const auto options = sm::init<sm_open_options>();
  sm::Status status = sm::LoadSavedModel(options, V1_DIR, {"gpu", "serve"}, &bundle);
  CHECK(status.ok() && status.code() == SM_OK && status.ToString() == "OK");
  CHECK(bundle.GetSignatures().size() == 2 && bundle.GetSignatures().count("neg") == 1);
  CHECK(bundle.GetSignatures().at("serving_default")->n_inputs == 1);
  CHECK(bundle.meta_graph.tags().size() == 2);
  status = sm::LoadSavedModel(options, V1_DIR, {"tpu"}, &bundle);
  CHECK(!status.ok() && status.code() == SM_NOT_FOUND && !status.message().empty());
  CHECK(status.ToString().rfind("NOT_FOUND: ", 0) == 0);
  CHECK(bundle.GetSignatures().size() == 2); /* as it was */
}

static const char TABLE_DIR[] = SM_TEST_DATA "/scan/foreign_table";
static const char DEBUG_DIR[] = SM_TEST_DATA "/models/v2/debug_info";

static void archive__opens() {
  const std::string bytes = read_file(std::string(V2_DIR) + "/saved_model.pb");
  std::string header(512, '\0'), size(12, '\0');
  header.replace(0, 16, "m/saved_model.pb").replace(156, 1, "0").replace(257, 8, std::string("ustar\00000", 8));
  std::snprintf(&size[0], size.size(), "%011zo", bytes.size());
  header.replace(124, 11, size, 0, 11).replace(148, 8, 8, ' ');
  unsigned sum = 0;
  for (unsigned char c : header) sum += c;
  std::snprintf(&size[0], size.size(), "%06o", sum);
  header.replace(148, 7, size, 0, 7);
  const std::string tar = header + bytes + std::string(512 - bytes.size() % 512 + 1024, '\0');

  sm::MemoryFs outer;
  CHECK(sm::MemoryFs::try_make(&outer, nullptr, nullptr) == SM_OK);
  CHECK(outer.try_add("m.tar", tar.data(), tar.size(), nullptr) == SM_OK);
  auto options = sm::init<sm_open_options>();
  options.fs = outer.get();
  sm::ArchiveFs fs;
  CHECK(sm::ArchiveFs::try_open(&fs, "m.tar", options, nullptr) == SM_OK);
  CHECK(sm::ArchiveFs::try_open(&fs, "no such", options, nullptr) == SM_NOT_FOUND);
  sm::ArchiveFs moved(std::move(fs));
  CHECK(fs.get() == nullptr);
  options.fs = moved.get();
  sm::Model model;
  CHECK(sm::Model::try_open(&model, "m", options, nullptr) == SM_OK && model.meta_graphs().size() == 1);
  model = sm::Model();
#if defined(__cpp_exceptions)
  options.fs = outer.get();
  CHECK(sm::ArchiveFs("m.tar", options).get() != nullptr);
#endif
}

static void text__there_and_back() {
  std::string bytes, text;
  CHECK(sm::try_from_text(&bytes, SM_MESSAGE_GRAPH_DEF, "node { op: 'Add' name: 'a' }", nullptr) == SM_OK);
  CHECK(bytes == std::string("\x0A\x08\x0A\x01"
                             "a\x12\x03"
                             "Add"));
  CHECK(sm::try_to_text(&text, SM_MESSAGE_GRAPH_DEF, bytes, nullptr) == SM_OK);
  CHECK(text == "node {\n  name: \"a\"\n  op: \"Add\"\n}\n");
  sm_error err;
  CHECK(sm::try_from_text(&bytes, SM_MESSAGE_GRAPH_DEF, "nodes {}", &err) == SM_DATA_LOSS);
  CHECK(sm::try_to_text(&text, SM_MESSAGE_GRAPH_DEF, "\x0A\x7F", &err) == SM_DATA_LOSS);
  CHECK(bytes.size() == 10 && text.size() == 33); /* as they were */
#if defined(__cpp_exceptions)
  CHECK(sm::from_text(SM_MESSAGE_GRAPH_DEF, sm::to_text(SM_MESSAGE_GRAPH_DEF, bytes)) == bytes);
#endif
}

static void bundle__views_and_reads() {
  const sm::Model model = opened(VARIABLES_DIR);
  sm::Bundle variables;
  std::vector<std::string> keys;
  sm_error err;
  CHECK(model.try_variables(&variables, &err) == SM_OK && variables.header().format == 2);
  CHECK(variables.try_keys(&keys, &err) == SM_OK && keys.size() > 2 && keys[0] == "_CHECKPOINTABLE_OBJECT_GRAPH");
  sm::Tensor graph;
  sm::Span<sm_string> strings;
  sm::Span<float> floats;
  CHECK(variables.try_read(&graph, keys[0], &err) == SM_OK);
  CHECK(graph.view().try_as(&strings, &err) == SM_OK && strings.size() == 1 && strings[0].size > 0);
  CHECK(graph.view().try_as(&floats, &err) == SM_INVALID_ARGUMENT && graph.view().dims().empty());
  sm::TensorView view;
  CHECK(variables.try_view(&view, keys[0], &err) == SM_FAILED_PRECONDITION); /* strings are read, not viewed */
  CHECK(variables.try_view(&view, "nope", &err) == SM_NOT_FOUND);

  const std::string prefix = std::string(VARIABLES_DIR) + "/variables/variables";
  sm::BundleReader reader, other;
  CHECK(sm::BundleReader::try_open(&reader, prefix, sm::init<sm_open_options>(), &err) == SM_OK);
  other = std::move(reader);
  CHECK(other && !reader);
  std::size_t n_floats = 0;
  for (const std::string &key : keys) {
    if (other.try_view(&view, key, &err) != SM_OK || view.dtype() != SM_DT_FLOAT) continue;
    const sm_status status = view.try_as(&floats, &err);
    CHECK(status == SM_OK ? floats.size() * sizeof(float) == view.get().size : status == SM_FAILED_PRECONDITION);
    n_floats++;
  }
  CHECK(n_floats > 0);
#if defined(__cpp_exceptions)
  CHECK(model.variables().keys() == keys && sm::BundleReader(prefix).read(keys[0]).view().as<sm_string>().size() == 1);
#endif
}

static void try_scan__keeps_what_is_found() {
  const sm::Model model = opened(TABLE_DIR);
  std::vector<sm::Finding> findings;
  CHECK(model.try_scan(&findings, sm::init<sm_scan_options>(), nullptr) == SM_OK);
  std::size_t n_tables = 0;
  for (const sm::Finding &finding : findings) {
    if (finding.is_checkpointing) continue;
    n_tables++;
    CHECK(finding.kind == SM_SCAN_FINDING_OP && finding.effects == SM_EFFECT_FILE_READ && !finding.is_asset_read);
    CHECK(finding.op == "InitializeTableFromTextFileV2" && finding.node == finding.op && !finding.function.empty());
    CHECK(finding.file == SM_FILE_SAVED_MODEL_PB && finding.meta_graph == 0 && finding.reason[0] != '\0');
    CHECK((finding.reached_by & SM_REACHED_BY_SIGNATURE) != 0);
  }
  CHECK(n_tables == 1);
  CHECK(model.try_scan(&findings, sm_scan_options{}, nullptr) == SM_INVALID_ARGUMENT && !findings.empty());
#if defined(__cpp_exceptions)
  CHECK(model.scan().size() == findings.size());
#endif
}

static void try_debug_info() {
  const sm::Model model = opened(DEBUG_DIR), without = opened(V1_DIR);
  std::optional<sm::DebugInfo> info;
  CHECK(without.try_debug_info(&info, nullptr) == SM_OK && !info);
  CHECK(model.try_debug_info(&info, nullptr) == SM_OK && info && info->n_traces() > 0);
  const std::string name(info->name(0)), node = name.substr(0, name.find('@'));
  const std::string function = name.substr(name.find('@') + 1);
  sm::Span<sm_source_frame> frames, same;
  CHECK(info->try_trace(&frames, 0, nullptr) == SM_OK && !frames.empty());
  CHECK(info->try_find(&same, node, function, nullptr) == SM_OK && same.data() == frames.data());
  CHECK(info->try_trace(&same, info->n_traces(), nullptr) == SM_NOT_FOUND);
#if defined(__cpp_exceptions)
  CHECK(model.debug_info()->trace(0).data() == frames.data());
  CHECK(model.debug_info()->find(node, function).size() == frames.size());
#endif
}

/* Saved in memory: a graph of its own with a variable, then the same with another signature. */
static void builder__saves_and_changes() {
  const char *const tags[] = {"serve"};
  const float half = 0.5f;
  sm_tensor_view value{};
  value.dtype = SM_DT_FLOAT;
  value.data = &half;
  value.size = sizeof half;
  sm::MemoryFs fs;
  CHECK(sm::MemoryFs::try_make(&fs, nullptr, nullptr) == SM_OK);
  sm_save_options save = sm::init<sm_save_options>();
  sm_open_options open = sm::init<sm_open_options>();
  save.fs = open.fs = fs.get();
  sm_graph *graph = nullptr;
  CHECK(sm_graph_new(&graph, nullptr, nullptr) == SM_OK);
  CHECK(sm_graph_add_variable(graph, "v", SM_DT_FLOAT, nullptr, 0, nullptr) == SM_OK);
  sm_meta_graph_spec spec = sm::init<sm_meta_graph_spec>();
  spec.tags = tags;
  spec.n_tags = 1;
  CHECK(sm_graph_get_def(&spec.graph_def, graph, nullptr) == SM_OK);

  sm::Builder builder, moved;
  sm_bundle_writer *variables = nullptr;
  std::size_t index = 7;
  CHECK(!builder && sm::Builder::try_open(&builder, "m", save, nullptr) == SM_OK && builder);
  CHECK(builder.try_add_meta_graph(&index, spec, nullptr) == SM_OK && index == 0);
  CHECK(builder.try_finish(nullptr) == SM_FAILED_PRECONDITION); /* without its variable */
  CHECK(sm::Builder::try_open(&moved, "m", save, nullptr) == SM_ABORTED && !moved);
  builder = sm::Builder();
  CHECK(sm::Builder::try_open(&moved, "m", save, nullptr) == SM_OK);
  builder = std::move(moved);
  CHECK(builder && builder.get() != nullptr && builder.try_add_meta_graph(nullptr, spec, nullptr) == SM_OK);
  CHECK(builder.try_variables(&variables, nullptr) == SM_OK);
  CHECK(sm_bundle_writer_add(variables, "v", &value, nullptr) == SM_OK);
  CHECK(builder.try_finish(nullptr) == SM_OK);
  sm_graph_free(graph);

  sm::Model model;
  CHECK(sm::Model::try_open(&model, "m", open, nullptr) == SM_OK);
  const char *const other[] = {"other"};
  CHECK(sm::Builder::try_open(&builder, "n", save, nullptr) == SM_OK);
  CHECK(builder.try_add_model(model, nullptr) == SM_OK);
  CHECK(builder.try_call(nullptr, sm_builder_set_tags, 1, other, 1) == SM_NOT_FOUND);
  CHECK(builder.try_call(nullptr, sm_builder_set_tags, 0, other, 1) == SM_OK);
  CHECK(builder.try_finish(nullptr) == SM_OK);
  sm::MetaGraph changed;
  CHECK(sm::Model::try_open(&model, "n", open, nullptr) == SM_OK);
  CHECK(model.try_meta_graph(&changed, {"other"}, nullptr) == SM_OK);
#if defined(__cpp_exceptions)
  sm::Builder third("o", save);
  third.add_model(model);
  third.call(sm_builder_set_tags, 0, tags, 1);
  third.finish();
  const sm::Model again("o", open);
  CHECK(again.meta_graph({"serve"}).tags().size() == 1 && again.variables().keys().size() == 1);
#endif
}

/* ---- With exceptions ---- */

#if defined(__cpp_exceptions)
template <class Call>
static sm_status thrown(Call call) {
  try {
    call();
  } catch (const sm::Error &error) {
    CHECK(error.what()[0] != '\0');
    return error.code();
  }
  return SM_OK;
}

static void throwing() {
  const sm::Model model{V2_DIR}, v1{std::string(V1_DIR), sm::init<sm_open_options>()};
  const sm::MetaGraph graph = model.meta_graph();
  CHECK(graph.get() == model.meta_graph({"serve"}).get());
  CHECK(graph.signature("serving_default").n_outputs == sm::outputs(graph.signature("serving_default")).size());
  CHECK(graph.signatures().size() == sm_meta_graph_n_signatures(graph.get()));
  CHECK(graph.assets().empty());
  CHECK(&graph.collection(graph.collections()[0].key) == &graph.collections()[0]);
  CHECK(graph.info().tensorflow_version[0] != '\0' && graph.graph_summary().n_nodes > 0);
  CHECK(graph.saver_def() && graph.init_op() && !graph.train_op() && model.fingerprint());
  CHECK(!v1.meta_graph({"serve"}).root() && !graph.root()->children().empty());
  for (const sm::Child &child : graph.root()->children()) CHECK(child.node.functions().size() < 100);
  CHECK(model.file_size(SM_FILE_SAVED_MODEL_PB) > 0 && !model.list_files("").empty());
  model.copy_file(SM_FILE_SAVED_MODEL_PB, COPY);
  const std::string bytes = read_file(COPY);
  std::remove(COPY);
  CHECK(sm::Model::open_buffer(bytes.data(), bytes.size()).meta_graph().tags().size() == 1);
  sm::MemoryFs fs = sm::MemoryFs::make();
  fs.add("m", bytes.data(), bytes.size());

  CHECK(thrown([] { sm::Model("no such"); }) == SM_NOT_FOUND);
  CHECK(thrown([] { sm::Model::open_buffer("\x0A\x7F", 2); }) == SM_DATA_LOSS);
  CHECK(thrown([&] { model.meta_graph({"nope"}); }) == SM_NOT_FOUND);
  CHECK(thrown([&] { graph.signature("nope"); }) == SM_NOT_FOUND);
  CHECK(thrown([&] { graph.collection("nope"); }) == SM_NOT_FOUND);
  CHECK(thrown([&] { model.file_size("nope"); }) == SM_NOT_FOUND);
  CHECK(thrown([&] { model.list_files(".."); }) == SM_INVALID_ARGUMENT);
  CHECK(thrown([&] { model.copy_file("nope", COPY); }) == SM_NOT_FOUND);
  CHECK(thrown([&] { fs.add("m", "", 0); }) == SM_ALREADY_EXISTS);

  sm_error at = {SM_DATA_LOSS, 0, 7, "x"}, nowhere = {SM_NOT_FOUND, 0, UINT64_MAX, "y"};
  CHECK(sm::Error(at).offset() == 7u && !sm::Error(nowhere).offset());
}
#else
static void throwing() {}
#endif

int main() {
  try_open__fails();
  model__moves();
  try_meta_graph__by_tags();
  try_signatures__inputs_and_outputs();
  try_facts();
  try_files();
  memory__buffer_and_file_system();
  load_saved_model();
  archive__opens();
  text__there_and_back();
  bundle__views_and_reads();
  try_scan__keeps_what_is_found();
  try_debug_info();
  builder__saves_and_changes();
  throwing();
  std::printf("%d passed, %d failed\n", n_passed, n_failed);
  return n_failed != 0;
}
