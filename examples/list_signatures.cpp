/*
 * Lists what can be called in a SavedModel, as list_signatures.c does, in C++17.
 *
 *     c++ -std=c++17 list_signatures.cpp -o list_signatures $(pkg-config --cflags --libs savedmodel)
 *     ./list_signatures MODEL_DIR
 */
#include <iostream>

#include <savedmodel/savedmodel.hpp>

static void print_tensor(const char *direction, const sm_tensor_info &info) {
  const char *dtype = sm_dtype_python_name(info.dtype);
  std::cout << "    " << direction << ' ' << info.name << ": " << (dtype != nullptr ? dtype : "no dtype");
  const auto shape = sm::shape(info);
  if (!shape) {
    std::cout << ", any shape\n";
    return;
  }
  const char *separator = " [";
  if (shape->empty()) std::cout << separator;
  for (const std::int64_t size : *shape) {
    std::cout << separator << (size < 0 ? "?" : std::to_string(size));  // ?: unknown, such as the size of a batch
    separator = ", ";
  }
  std::cout << "]\n";
}

static void list_model(const char *dir) {
  const sm::Model model(dir);
  for (const sm::MetaGraph graph : model.meta_graphs()) {
    std::cout << "tags:";
    for (const std::string_view tag : graph.tags()) std::cout << ' ' << tag;
    std::cout << '\n';

    for (const sm_signature &signature : graph.signatures()) {
      std::cout << "  " << signature.key << '\n';
      for (const sm_tensor_info &info : sm::inputs(signature)) print_tensor("in ", info);
      for (const sm_tensor_info &info : sm::outputs(signature)) print_tensor("out", info);
    }
  }
}

int main(int argc, char **argv) {
  if (argc != 2) {
    std::cerr << "usage: " << argv[0] << " MODEL_DIR\n";
    return 2;
  }
  try {
    list_model(argv[1]);
  } catch (const sm::Error &error) {
    std::cerr << error.what() << " (" << sm_status_name(error.code()) << ")\n";
    return 1;
  }
  return 0;
}
