/*
 * The C API for C++17: owners that close themselves, ranges for loops, exceptions for errors. Header only, no state of its
 * own: whatever it does is a call or two of the C API, whose comments hold here too.
 *
 *     sm::Model model(dir);
 *     const sm_signature &signature = model.meta_graph({"serve"}).signature("serving_default");
 *     for (const sm_tensor_info &input : sm::inputs(signature)) std::cout << input.name << '\n';
 *
 * Errors     Every function that throws sm::Error has a twin try_x, which returns the status instead, fills *out on success
 *            and *err (nullptr: not wanted) on failure. With exceptions off (-fno-exceptions) only the twins exist. The
 *            containers handed out allocate as containers do (std::bad_alloc).
 * Ownership  Model, Builder, BundleReader, Tensor, MemoryFs and ArchiveFs own what they hold: they are moved, not copied, and
 *            close it at their end. All else (MetaGraph, Trackable, Bundle, TensorView, structs, std::string_view) is
 *            borrowed from a Model and cheap to copy. It lives as long as the model is open; moving the Model does not
 *            disturb it. Nothing may be asked of an empty handle.
 * Threads    Const functions of Model and all of MetaGraph and Trackable: any number of threads.
 * Strings    Names and paths handed in end at their first NUL.
 */
#ifndef SAVEDMODEL_SAVEDMODEL_HPP
#define SAVEDMODEL_SAVEDMODEL_HPP

#include <complex>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <initializer_list>
#include <iterator>
#include <map>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

#include <savedmodel/savedmodel.h>

#if defined(__cpp_exceptions)
#define SM_EXCEPTIONS_ 1
#else
#define SM_EXCEPTIONS_ 0
#endif

namespace sm {

/** An options struct with its defaults: auto options = sm::init<sm_open_options>(). */
template <class T>
T init() noexcept {
  T options{};
  options.struct_size = sizeof(T);
  return options;
}

/** An error as an exception. Copying it allocates nothing. */
class Error : public std::exception {
 public:
  explicit Error(const sm_error &error) noexcept : error_(error) {}

  sm_status code() const noexcept { return error_.code; }
  const char *what() const noexcept override { return error_.message; }

  /** Byte position in the file that what() names, if it is about one. */
  std::optional<std::uint64_t> offset() const noexcept {
    if (error_.offset == UINT64_MAX) return std::nullopt;
    return error_.offset;
  }

 private:
  sm_error error_;
};

/** A terminated string as an argument, not copied: a literal or a std::string. */
class Name {
 public:
  Name(const char *text) noexcept : text_(text) {}
  Name(const std::string &text) noexcept : text_(text.c_str()) {}
  const char *c_str() const noexcept { return text_; }

 private:
  const char *text_;
};

/** Tags as an argument: {"serve", "gpu"} or a container of strings. Empty ones are those of the untagged meta graph. */
class Tags {
 public:
  Tags(std::initializer_list<std::string_view> tags) : tags_(tags.begin(), tags.end()) {}

  template <class Strings, class = std::enable_if_t<std::is_convertible_v<
                               decltype(*std::begin(std::declval<const Strings &>())), std::string_view>>>
  Tags(const Strings &tags) {
    for (std::string_view tag : tags) tags_.emplace_back(tag);
  }

  std::size_t size() const noexcept { return tags_.size(); }

  /** size() pointers and a null one; they live as long as these Tags. */
  std::vector<const char *> pointers() const {
    std::vector<const char *> pointers;
    for (const std::string &tag : tags_) pointers.push_back(tag.c_str());
    pointers.push_back(nullptr);
    return pointers;
  }

 private:
  std::vector<std::string> tags_;
};

/** A borrowed array. */
template <class T>
class Span {
 public:
  Span() noexcept = default;
  Span(const T *data, std::size_t size) noexcept : data_(data), size_(size) {}
  const T *begin() const noexcept { return data_; }
  const T *end() const noexcept { return data_ + size_; }
  const T *data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  const T &operator[](std::size_t i) const noexcept { return data_[i]; }

 private:
  const T *data_ = nullptr;
  std::size_t size_ = 0;
};

namespace detail {

/** Walks an array of pointers as if it were one of what they point to. */
template <class T>
class PointerIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = T;
  using difference_type = std::ptrdiff_t;
  using pointer = const T *;
  using reference = const T &;

  explicit PointerIterator(const T *const *at) noexcept : at_(at) {}
  reference operator*() const noexcept { return **at_; }
  pointer operator->() const noexcept { return *at_; }
  PointerIterator &operator++() noexcept { return ++at_, *this; }
  PointerIterator operator++(int) noexcept { return PointerIterator(at_++); }
  bool operator==(const PointerIterator &other) const noexcept { return at_ == other.at_; }
  bool operator!=(const PointerIterator &other) const noexcept { return at_ != other.at_; }

 private:
  const T *const *at_;
};

/** An array of pointers that looks like one of what they point to. Pointers is a container of const T *. */
template <class T, class Pointers>
class PointerRange {
 public:
  PointerRange() = default;
  explicit PointerRange(Pointers pointers) : pointers_(std::move(pointers)) {}
  PointerIterator<T> begin() const noexcept { return PointerIterator<T>(pointers_.data()); }
  PointerIterator<T> end() const noexcept { return PointerIterator<T>(pointers_.data() + pointers_.size()); }
  std::size_t size() const noexcept { return pointers_.size(); }
  bool empty() const noexcept { return pointers_.empty(); }
  const T &operator[](std::size_t i) const noexcept { return *pointers_[i]; }

 private:
  Pointers pointers_;
};

/** Gathers what get(&item, i, err) finds, for i from 0 to n-1. */
template <class T, class Get>
sm_status gather(std::vector<T> *out, std::size_t n, Get get, sm_error *err) {
  std::vector<T> items;
  items.reserve(n);
  for (std::size_t i = 0; i < n; i++) {
    T item{};
    SM_TRY(get(&item, i, err));
    items.push_back(item);
  }
  *out = std::move(items);
  return SM_OK;
}

/** The same for structs, from a function of the C API. */
template <class T, class Parent>
sm_status gather(PointerRange<T, std::vector<const T *>> *out, std::size_t n, const Parent *parent,
                 sm_status (*get)(const T **, const Parent *, std::size_t, sm_error *), sm_error *err) {
  std::vector<const T *> items;
  SM_TRY(gather(
      &items, n, [&](const T **item, std::size_t i, sm_error *e) { return get(item, parent, i, e); }, err));
  *out = PointerRange<T, std::vector<const T *>>(std::move(items));
  return SM_OK;
}

/** What may be absent: NOT_FOUND is an empty optional. T is what get finds, or made of a pointer to it. */
template <class T, class Found, class Parent>
sm_status find(std::optional<T> *out, const Parent *parent,
               sm_status (*get)(const Found **, const Parent *, sm_error *), sm_error *err) noexcept {
  const Found *found = nullptr;
  sm_error error{};
  const sm_status status = get(&found, parent, &error);
  if (status == SM_NOT_FOUND) {
    out->reset();
    return SM_OK;
  }
  if (status != SM_OK) {
    if (err != nullptr) *err = error;
    return status;
  }
  if constexpr (std::is_same_v<T, Found>) {
    *out = *found;
  } else {
    *out = T(found);
  }
  return SM_OK;
}

/** Calls from C, which no exception may cross: a failed allocation becomes a status. */
template <class Call>
sm_status guard(Call call, sm_error *err) noexcept {
#if SM_EXCEPTIONS_
  try {
    call();
  } catch (const std::exception &) {
    if (err != nullptr) *err = sm_error{SM_RESOURCE_EXHAUSTED, 0, UINT64_MAX, "out of memory"};
    return SM_RESOURCE_EXHAUSTED;
  }
#else
  (void)err;
  call();
#endif
  return SM_OK;
}

#if SM_EXCEPTIONS_
/** What self.try_x(&value, &err) fills in; throws when it fails. */
template <class Self, class T>
T value_of(const Self &self, sm_status (Self::*try_x)(T *, sm_error *) const) {
  T value{};
  sm_error err{};
  if ((self.*try_x)(&value, &err) != SM_OK) throw Error(err);
  return value;
}

/** The same with an argument in between. */
template <class Self, class T, class Arg>
T value_of(const Self &self, sm_status (Self::*try_x)(T *, Arg, sm_error *) const,
           const std::remove_reference_t<Arg> &arg) {
  T value{};
  sm_error err{};
  if ((self.*try_x)(&value, arg, &err) != SM_OK) throw Error(err);
  return value;
}
#endif

}  // namespace detail

/** Structs of a model, for loops and by number: for (const sm_signature &signature : graph.signatures()) ... */
template <class T>
using List = detail::PointerRange<T, std::vector<const T *>>;

/** The same of a struct's own array of pointers. */
template <class T>
using Refs = detail::PointerRange<T, Span<const T *>>;

inline Refs<sm_tensor_info> inputs(const sm_signature &signature) {
  return Refs<sm_tensor_info>({signature.inputs, signature.n_inputs});
}
inline Refs<sm_tensor_info> outputs(const sm_signature &signature) {
  return Refs<sm_tensor_info>({signature.outputs, signature.n_outputs});
}
inline Refs<sm_signature_default> defaults(const sm_signature &signature) {
  return Refs<sm_signature_default>({signature.defaults, signature.n_defaults});
}

/** Sizes of the dimensions, -1 for an unknown one; empty when the rank is unknown. */
inline std::optional<Span<std::int64_t>> shape(const sm_tensor_info &info) {
  if (info.rank < 0) return std::nullopt;
  return Span<std::int64_t>(info.dims, static_cast<std::size_t>(info.rank));
}

/** Files in memory, for the fs of sm_open_options. Must outlive the models opened from it. */
class MemoryFs {
 public:
  MemoryFs() noexcept = default; /* empty: fill with try_make */
  MemoryFs(MemoryFs &&other) noexcept : fs_(std::exchange(other.fs_, nullptr)) {}
  MemoryFs &operator=(MemoryFs &&other) noexcept {
    std::swap(fs_, other.fs_);
    return *this;
  }
  ~MemoryFs() { sm_fs_close(fs_); }

  static sm_status try_make(MemoryFs *out, const sm_allocator *allocator, sm_error *err) noexcept {
    MemoryFs made;
    SM_TRY(sm_fs_memory_new(&made.fs_, allocator, err));
    *out = std::move(made);
    return SM_OK;
  }

  /** Add a file; data is borrowed. */
  sm_status try_add(Name path, const void *data, std::size_t size, sm_error *err) noexcept {
    return sm_fs_memory_add(fs_, path.c_str(), data, size, err);
  }

#if SM_EXCEPTIONS_
  static MemoryFs make(const sm_allocator *allocator = nullptr) {
    MemoryFs made;
    sm_error err{};
    if (try_make(&made, allocator, &err) != SM_OK) throw Error(err);
    return made;
  }
  void add(Name path, const void *data, std::size_t size) {
    sm_error err{};
    if (try_add(path, data, size, &err) != SM_OK) throw Error(err);
  }
#endif

  const sm_fs *get() const noexcept { return fs_; }

 private:
  sm_fs *fs_ = nullptr;
};

/** A tar or zip archive, for the fs of sm_open_options: savedmodel/fs.h. Must outlive the models opened from it. */
class ArchiveFs {
 public:
  ArchiveFs() noexcept = default; /* empty: fill with try_open */
  ArchiveFs(ArchiveFs &&other) noexcept : fs_(std::exchange(other.fs_, nullptr)) {}
  ArchiveFs &operator=(ArchiveFs &&other) noexcept {
    std::swap(fs_, other.fs_);
    return *this;
  }
  ~ArchiveFs() { sm_fs_close(fs_); }

  static sm_status try_open(ArchiveFs *out, Name path, const sm_open_options &options, sm_error *err) noexcept {
    ArchiveFs opened;
    SM_TRY(sm_fs_archive_open(&opened.fs_, path.c_str(), &options, err));
    *out = std::move(opened);
    return SM_OK;
  }

#if SM_EXCEPTIONS_
  explicit ArchiveFs(Name path, const sm_open_options &options = init<sm_open_options>()) {
    sm_error err{};
    if (sm_fs_archive_open(&fs_, path.c_str(), &options, &err) != SM_OK) throw Error(err);
  }
#endif

  const sm_fs *get() const noexcept { return fs_; }

 private:
  sm_fs *fs_ = nullptr;
};

namespace detail {

/** A sm_sink_fn; text is a std::string. */
inline sm_status append(void *text, const void *data, std::size_t size, sm_error *err) noexcept {
  return guard([=] { static_cast<std::string *>(text)->append(static_cast<const char *>(data), size); }, err);
}

}  // namespace detail

/** Protobuf text of a message's bytes, and bytes from text: savedmodel/convert.h. */
inline sm_status try_to_text(std::string *out, sm_message_kind kind, std::string_view bytes, sm_error *err) {
  std::string text;
  SM_TRY(sm_convert_to_text(kind, bytes.data(), bytes.size(), nullptr, detail::append, &text, nullptr, err));
  *out = std::move(text);
  return SM_OK;
}
inline sm_status try_from_text(std::string *out, sm_message_kind kind, std::string_view text, sm_error *err) {
  sm_string bytes;
  SM_TRY(sm_convert_from_text(&bytes, kind, text.data(), text.size(), nullptr, err));
  const sm_status status = detail::guard([&] { out->assign(bytes.data, bytes.size); }, err);
  sm_convert_free(&bytes, nullptr);
  return status;
}

#if SM_EXCEPTIONS_
inline std::string to_text(sm_message_kind kind, std::string_view bytes) {
  std::string text;
  sm_error err{};
  if (try_to_text(&text, kind, bytes, &err) != SM_OK) throw Error(err);
  return text;
}
inline std::string from_text(sm_message_kind kind, std::string_view text) {
  std::string bytes;
  sm_error err{};
  if (try_from_text(&bytes, kind, text, &err) != SM_OK) throw Error(err);
  return bytes;
}
#endif

/** Which source lines made a node: savedmodel/debug_info.h. */
class DebugInfo {
 public:
  explicit DebugInfo(const sm_debug_info *info) noexcept : info_(info) {}

  std::size_t n_traces() const noexcept { return sm_debug_info_n_traces(info_); }
  std::string_view name(std::size_t i) const noexcept {
    const sm_string name = sm_debug_info_get_name(info_, i);
    return {name.data, name.size};
  }

  /** The calls that made trace i, or a node of a function. */
  sm_status try_trace(Span<sm_source_frame> *out, std::size_t i, sm_error *err) const noexcept {
    const sm_stack_trace *trace = nullptr;
    SM_TRY(sm_debug_info_get_trace(&trace, info_, i, err));
    *out = {trace->frames, trace->n_frames};
    return SM_OK;
  }
  sm_status try_find(Span<sm_source_frame> *out, Name node, Name function, sm_error *err) const noexcept {
    const sm_stack_trace *trace = nullptr;
    SM_TRY(sm_debug_info_find_trace(&trace, info_, node.c_str(), function.c_str(), err));
    *out = {trace->frames, trace->n_frames};
    return SM_OK;
  }

#if SM_EXCEPTIONS_
  Span<sm_source_frame> trace(std::size_t i) const { return detail::value_of(*this, &DebugInfo::try_trace, i); }
  Span<sm_source_frame> find(Name node, Name function) const {
    Span<sm_source_frame> frames;
    sm_error err{};
    if (try_find(&frames, node, function, &err) != SM_OK) throw Error(err);
    return frames;
  }
#endif

  const sm_debug_info *get() const noexcept { return info_; }

 private:
  const sm_debug_info *info_;
};

struct Child;

/** A node of the object graph. */
class Trackable {
 public:
  Trackable() noexcept = default;
  explicit Trackable(const sm_trackable *node) noexcept : node_(node) {}

  sm_object_kind kind() const noexcept { return sm_trackable_get_kind(node_); }

  /** In file order. */
  sm_status try_children(std::vector<Child> *out, sm_error *err) const;

  /** The concrete functions of a function, in the order in which TensorFlow lists them. */
  sm_status try_functions(List<sm_concrete_function> *out, sm_error *err) const {
    return detail::gather(out, sm_trackable_n_functions(node_), node_, sm_trackable_get_function, err);
  }

#if SM_EXCEPTIONS_
  std::vector<Child> children() const;
  List<sm_concrete_function> functions() const { return detail::value_of(*this, &Trackable::try_functions); }
#endif

  explicit operator bool() const noexcept { return node_ != nullptr; }
  const sm_trackable *get() const noexcept { return node_; }

 private:
  const sm_trackable *node_ = nullptr;
};

/** An edge of the object graph and the node it leads to. */
struct Child {
  std::string_view name;
  Trackable node;
};

inline sm_status Trackable::try_children(std::vector<Child> *out, sm_error *err) const {
  return detail::gather(
      out, sm_trackable_n_children(node_),
      [&](Child *child, std::size_t i, sm_error *e) {
        const sm_trackable *node;
        const char *name;
        SM_TRY(sm_trackable_get_child(&node, &name, node_, i, e));
        *child = Child{name, Trackable(node)};
        return SM_OK;
      },
      err);
}

#if SM_EXCEPTIONS_
inline std::vector<Child> Trackable::children() const { return detail::value_of(*this, &Trackable::try_children); }
#endif

/** One graph variant of a model. */
class MetaGraph {
 public:
  MetaGraph() noexcept = default;
  explicit MetaGraph(const sm_meta_graph *graph) noexcept : graph_(graph) {}

  /** In file order. */
  std::vector<std::string_view> tags() const {
    std::vector<std::string_view> tags;
    for (std::size_t i = 0; i < sm_meta_graph_n_tags(graph_); i++)
      tags.emplace_back(sm_meta_graph_get_tag(graph_, i), sm_meta_graph_get_tag_size(graph_, i));
    return tags;
  }
  bool matches(sm_tag_match match, const Tags &tags) const {
    return sm_meta_graph_matches(graph_, match, tags.pointers().data(), tags.size());
  }

  /** All signatures, sorted by key; one of them by key. */
  sm_status try_signatures(List<sm_signature> *out, sm_error *err) const {
    return detail::gather(out, sm_meta_graph_n_signatures(graph_), graph_, sm_meta_graph_get_signature, err);
  }
  sm_status try_signature(const sm_signature **out, Name key, sm_error *err) const noexcept {
    return sm_meta_graph_find_signature(out, graph_, key.c_str(), err);
  }

  sm_status try_assets(List<sm_asset> *out, sm_error *err) const {
    return detail::gather(out, sm_meta_graph_n_assets(graph_), graph_, sm_meta_graph_get_asset, err);
  }

  /** All collections, sorted by key; one of them by key. */
  sm_status try_collections(List<sm_collection> *out, sm_error *err) const {
    std::size_t n = 0;
    SM_TRY(sm_meta_graph_n_collections(&n, graph_, err));
    return detail::gather(out, n, graph_, sm_meta_graph_get_collection, err);
  }
  sm_status try_collection(const sm_collection **out, Name key, sm_error *err) const noexcept {
    return sm_meta_graph_find_collection(out, graph_, key.c_str(), err);
  }

  sm_status try_info(const sm_meta_info **out, sm_error *err) const noexcept {
    return sm_meta_graph_get_info(out, graph_, err);
  }
  sm_status try_graph_summary(const sm_graph_summary **out, sm_error *err) const noexcept {
    return sm_meta_graph_get_graph_summary(out, graph_, err);
  }

  /** What not every meta graph has: empty when it is absent. */
  sm_status try_saver_def(std::optional<sm_saver_def> *out, sm_error *err) const noexcept {
    return detail::find(out, graph_, sm_meta_graph_get_saver_def, err);
  }
  sm_status try_init_op(std::optional<std::string_view> *out, sm_error *err) const noexcept {
    return detail::find(out, graph_, sm_meta_graph_get_init_op, err);
  }
  sm_status try_train_op(std::optional<std::string_view> *out, sm_error *err) const noexcept {
    return detail::find(out, graph_, sm_meta_graph_get_train_op, err);
  }
  sm_status try_root(std::optional<Trackable> *out, sm_error *err) const noexcept {
    return detail::find(out, graph_, sm_meta_graph_get_root, err);
  }

#if SM_EXCEPTIONS_
  List<sm_signature> signatures() const { return detail::value_of(*this, &MetaGraph::try_signatures); }
  const sm_signature &signature(Name key) const { return *detail::value_of(*this, &MetaGraph::try_signature, key); }
  List<sm_asset> assets() const { return detail::value_of(*this, &MetaGraph::try_assets); }
  List<sm_collection> collections() const { return detail::value_of(*this, &MetaGraph::try_collections); }
  const sm_collection &collection(Name key) const { return *detail::value_of(*this, &MetaGraph::try_collection, key); }
  const sm_meta_info &info() const { return *detail::value_of(*this, &MetaGraph::try_info); }
  const sm_graph_summary &graph_summary() const { return *detail::value_of(*this, &MetaGraph::try_graph_summary); }
  std::optional<sm_saver_def> saver_def() const { return detail::value_of(*this, &MetaGraph::try_saver_def); }
  std::optional<std::string_view> init_op() const { return detail::value_of(*this, &MetaGraph::try_init_op); }
  std::optional<std::string_view> train_op() const { return detail::value_of(*this, &MetaGraph::try_train_op); }
  std::optional<Trackable> root() const { return detail::value_of(*this, &MetaGraph::try_root); }
#endif

  explicit operator bool() const noexcept { return graph_ != nullptr; }
  const sm_meta_graph *get() const noexcept { return graph_; }

 private:
  const sm_meta_graph *graph_ = nullptr;
};

/** A file of a model's directory. */
struct ModelFile {
  std::string name; /* relative to the listed directory */
  std::uint64_t size;
};

/** A finding of a scan that outlives it: savedmodel/scan.h. */
struct Finding {
  explicit Finding(const sm_scan_finding &found)
      : kind(found.kind),
        effects(found.effects),
        reached_by(found.reached_by),
        is_checkpointing(found.is_checkpointing),
        is_asset_read(found.is_asset_read),
        meta_graph(found.meta_graph),
        file(found.file),
        op(found.op.data, found.op.size),
        node(found.node.data, found.node.size),
        function(found.function.data, found.function.size),
        reason(found.reason) {}

  sm_scan_finding_kind kind;
  std::uint32_t effects;    /* of sm_effect */
  std::uint32_t reached_by; /* of sm_reached */
  bool is_checkpointing, is_asset_read;
  std::size_t meta_graph; /* its number in the file; 0 where there is none */
  std::string file, op, node, function;
  const char *reason;
};

/**
 * A tensor in memory that belongs to somebody else: a sm_tensor_view whose elements have a type. Whoever hands it out says
 * how long it is good.
 */
class TensorView {
 public:
  TensorView() noexcept : view_{} {}
  explicit TensorView(const sm_tensor_view &view) noexcept : view_(view) {}

  sm_dtype dtype() const noexcept { return view_.dtype; }
  Span<std::int64_t> dims() const noexcept { return {view_.dims, static_cast<std::size_t>(view_.rank)}; }
  const sm_tensor_view &get() const noexcept { return view_; }

  /** The elements as T: the C++ type of the dtype, std::uint16_t for the 16-bit floats, sm_string for strings. Fails with
   * INVALID_ARGUMENT when they are of another, FAILED_PRECONDITION when they do not lie where a T can: then copy them. */
  template <class T>
  sm_status try_as(Span<T> *out, sm_error *err) const noexcept {
    const char *wrong = nullptr;
    if (!is_type<T>(view_.dtype)) wrong = "elements are of another type than asked for";
    sm_status status = SM_INVALID_ARGUMENT;
    if (wrong == nullptr && reinterpret_cast<std::uintptr_t>(view_.data) % alignof(T) != 0) {
      wrong = "elements are not aligned";
      status = SM_FAILED_PRECONDITION;
    }
    if (wrong != nullptr) {
      if (err != nullptr) {
        *err = sm_error{status, 0, UINT64_MAX, ""};
        for (std::size_t i = 0; wrong[i] != '\0'; i++) err->message[i] = wrong[i];
      }
      return status;
    }
    *out = Span<T>(static_cast<const T *>(view_.data), view_.size / sizeof(T));
    return SM_OK;
  }

#if SM_EXCEPTIONS_
  template <class T>
  Span<T> as() const {
    Span<T> elements;
    sm_error err{};
    if (try_as(&elements, &err) != SM_OK) throw Error(err);
    return elements;
  }
#endif

 private:
  template <class T>
  static constexpr bool is_type(sm_dtype dtype) noexcept {
    switch (dtype) {
      case SM_DT_FLOAT: return std::is_same_v<T, float>;
      case SM_DT_DOUBLE: return std::is_same_v<T, double>;
      case SM_DT_INT8:
      case SM_DT_QINT8: return std::is_same_v<T, std::int8_t>;
      case SM_DT_UINT8:
      case SM_DT_QUINT8: return std::is_same_v<T, std::uint8_t>;
      case SM_DT_INT16:
      case SM_DT_QINT16: return std::is_same_v<T, std::int16_t>;
      case SM_DT_UINT16:
      case SM_DT_QUINT16:
      case SM_DT_HALF:
      case SM_DT_BFLOAT16: return std::is_same_v<T, std::uint16_t>;
      case SM_DT_INT32:
      case SM_DT_QINT32: return std::is_same_v<T, std::int32_t>;
      case SM_DT_UINT32: return std::is_same_v<T, std::uint32_t>;
      case SM_DT_INT64: return std::is_same_v<T, std::int64_t>;
      case SM_DT_UINT64: return std::is_same_v<T, std::uint64_t>;
      case SM_DT_BOOL: return std::is_same_v<T, bool>;
      case SM_DT_COMPLEX64: return std::is_same_v<T, std::complex<float>>;
      case SM_DT_COMPLEX128: return std::is_same_v<T, std::complex<double>>;
      case SM_DT_STRING:
      case SM_DT_VARIANT: return std::is_same_v<T, sm_string>;
      default: return sm_dtype_size(dtype) == 1 && std::is_same_v<T, std::uint8_t>;
    }
  }

  sm_tensor_view view_;
};

/** A tensor that owns its memory, or shares a mapped file. */
class Tensor {
 public:
  Tensor() noexcept = default;
  explicit Tensor(sm_tensor *tensor) noexcept : tensor_(tensor) {} /* takes it over */
  Tensor(Tensor &&other) noexcept : tensor_(std::exchange(other.tensor_, nullptr)) {}
  Tensor &operator=(Tensor &&other) noexcept {
    std::swap(tensor_, other.tensor_);
    return *this;
  }
  ~Tensor() { sm_tensor_free(tensor_); }

  /** As long as the tensor. */
  TensorView view() const noexcept { return TensorView(*sm_tensor_get_view(tensor_)); }

  explicit operator bool() const noexcept { return tensor_ != nullptr; }
  sm_tensor *get() const noexcept { return tensor_; }
  sm_tensor *release() noexcept { return std::exchange(tensor_, nullptr); }

 private:
  sm_tensor *tensor_ = nullptr;
};

/** An open checkpoint that belongs to somebody else, such as the variables of a model. */
class Bundle {
 public:
  Bundle() noexcept = default;
  explicit Bundle(const sm_bundle_reader *reader) noexcept : reader_(reader) {}

  const sm_bundle_header &header() const noexcept { return *sm_bundle_reader_get_header(reader_); }

  /** All keys, sorted. */
  sm_status try_keys(std::vector<std::string> *out, sm_error *err) const {
    std::vector<std::string> keys;
    sm_bundle_iter *iter = nullptr;
    const sm_bundle_entry *entry = nullptr;
    SM_TRY(sm_bundle_iter_new(&iter, reader_, nullptr, err));
    sm_status status;
    while ((status = sm_bundle_iter_next(&entry, iter, err)) == SM_OK && entry != nullptr)
      keys.emplace_back(entry->key.data, entry->key.size);
    sm_bundle_iter_free(iter);
    if (status == SM_OK) *out = std::move(keys);
    return status;
  }

  /** A tensor where it lies, as long as the checkpoint is open. */
  sm_status try_view(TensorView *out, Name key, sm_error *err) const noexcept {
    sm_tensor_view view;
    SM_TRY(sm_bundle_reader_view(&view, reader_, key.c_str(), err));
    *out = TensorView(view);
    return SM_OK;
  }

  /** A tensor of its own, in place where it can be viewed, else in memory. */
  sm_status try_read(Tensor *out, Name key, sm_error *err) const noexcept {
    sm_tensor *tensor = nullptr;
    SM_TRY(sm_bundle_reader_read_tensor(&tensor, reader_, key.c_str(), nullptr, err));
    *out = Tensor(tensor);
    return SM_OK;
  }

#if SM_EXCEPTIONS_
  std::vector<std::string> keys() const { return detail::value_of(*this, &Bundle::try_keys); }
  TensorView view(Name key) const { return detail::value_of(*this, &Bundle::try_view, key); }
  Tensor read(Name key) const { return detail::value_of(*this, &Bundle::try_read, key); }
#endif

  explicit operator bool() const noexcept { return reader_ != nullptr; }
  const sm_bundle_reader *get() const noexcept { return reader_; }

 private:
  const sm_bundle_reader *reader_ = nullptr;
};

/** A checkpoint that closes itself. */
class BundleReader : public Bundle {
 public:
  BundleReader() noexcept = default; /* empty: fill with try_open */
  BundleReader(BundleReader &&other) noexcept : Bundle(std::exchange(static_cast<Bundle &>(other), Bundle())) {}
  BundleReader &operator=(BundleReader &&other) noexcept {
    std::swap(static_cast<Bundle &>(*this), static_cast<Bundle &>(other));
    return *this;
  }
  ~BundleReader() { sm_bundle_reader_close(const_cast<sm_bundle_reader *>(get())); }

  static sm_status try_open(BundleReader *out, Name prefix, const sm_open_options &options, sm_error *err) noexcept {
    sm_bundle_reader *reader = nullptr;
    SM_TRY(sm_bundle_reader_open(&reader, prefix.c_str(), &options, err));
    BundleReader opened;
    static_cast<Bundle &>(opened) = Bundle(reader);
    *out = std::move(opened);
    return SM_OK;
  }

#if SM_EXCEPTIONS_
  explicit BundleReader(Name prefix, const sm_open_options &options = init<sm_open_options>()) {
    sm_error err{};
    if (try_open(this, prefix, options, &err) != SM_OK) throw Error(err);
  }
#endif
};

/** An open SavedModel. */
class Model {
 public:
  Model() noexcept = default; /* empty: fill with try_open */
  Model(Model &&other) noexcept : model_(std::exchange(other.model_, nullptr)) {}
  Model &operator=(Model &&other) noexcept {
    Model closed_at_the_end(std::move(other));
    std::swap(model_, closed_at_the_end.model_);
    return *this;
  }
  ~Model() { sm_model_close(model_); }

  static sm_status try_open(Model *out, Name dir, const sm_open_options &options, sm_error *err) noexcept {
    Model opened;
    SM_TRY(sm_model_open(&opened.model_, dir.c_str(), &options, err));
    *out = std::move(opened);
    return SM_OK;
  }

  /** The bytes of a saved_model.pb, which stay borrowed. */
  static sm_status try_open_buffer(Model *out, const void *data, std::size_t size, const sm_open_options &options,
                                   sm_error *err) noexcept {
    Model opened;
    SM_TRY(sm_model_open_buffer(&opened.model_, data, size, &options, err));
    *out = std::move(opened);
    return SM_OK;
  }

  std::int64_t schema_version() const noexcept { return sm_model_get_schema_version(model_); }

  /** In file order. */
  std::vector<MetaGraph> meta_graphs() const {
    std::vector<MetaGraph> graphs;
    for (std::size_t i = 0; i < sm_model_n_meta_graphs(model_); i++)
      graphs.emplace_back(sm_model_get_meta_graph(model_, i));
    return graphs;
  }

  /** The meta graph of exactly these tags; without any, the only one. */
  sm_status try_meta_graph(MetaGraph *out, const Tags &tags, sm_error *err) const {
    return find(out, tags.pointers().data(), tags.size(), err);
  }
  sm_status try_meta_graph(MetaGraph *out, sm_error *err) const noexcept { return find(out, nullptr, 0, err); }

  /** The values of the variables; as long as the model. */
  sm_status try_variables(Bundle *out, sm_error *err) const noexcept {
    const sm_bundle_reader *reader = nullptr;
    SM_TRY(sm_model_get_variables(&reader, model_, err));
    *out = Bundle(reader);
    return SM_OK;
  }

  /** Empty when there is none. */
  sm_status try_fingerprint(std::optional<sm_fingerprint> *out, sm_error *err) const noexcept {
    return detail::find(out, model_, sm_model_get_fingerprint, err);
  }

  sm_status try_file_size(std::uint64_t *out, Name name, sm_error *err) const noexcept {
    return sm_model_get_file_size(out, model_, name.c_str(), err);
  }
  sm_status try_copy_file(Name name, Name dst_path, sm_error *err) const noexcept {
    return sm_model_copy_file(model_, name.c_str(), dst_path.c_str(), err);
  }

  /** The files below a directory of the model, sorted by name. */
  sm_status try_list_files(std::vector<ModelFile> *out, Name dir, sm_error *err) const {
    std::vector<ModelFile> files;
    SM_TRY(sm_model_list_files(model_, dir.c_str(), add_file, &files, err));
    *out = std::move(files);
    return SM_OK;
  }

  /** Empty when it was saved without. */
  sm_status try_debug_info(std::optional<DebugInfo> *out, sm_error *err) const noexcept {
    return detail::find(out, model_, sm_model_get_debug_info, err);
  }

  /** What the model would do if it were run. */
  sm_status try_scan(std::vector<Finding> *out, const sm_scan_options &options, sm_error *err) const {
    std::vector<Finding> findings;
    SM_TRY(sm_model_scan(model_, &options, add_finding, &findings, err));
    *out = std::move(findings);
    return SM_OK;
  }

#if SM_EXCEPTIONS_
  explicit Model(Name dir, const sm_open_options &options = init<sm_open_options>()) {
    sm_error err{};
    if (sm_model_open(&model_, dir.c_str(), &options, &err) != SM_OK) throw Error(err);
  }
  static Model open_buffer(const void *data, std::size_t size,
                           const sm_open_options &options = init<sm_open_options>()) {
    Model opened;
    sm_error err{};
    if (try_open_buffer(&opened, data, size, options, &err) != SM_OK) throw Error(err);
    return opened;
  }

  MetaGraph meta_graph(const Tags &tags) const { return detail::value_of(*this, &Model::try_meta_graph, tags); }
  MetaGraph meta_graph() const { return detail::value_of(*this, &Model::try_meta_graph); }
  Bundle variables() const { return detail::value_of(*this, &Model::try_variables); }
  std::optional<sm_fingerprint> fingerprint() const { return detail::value_of(*this, &Model::try_fingerprint); }
  std::uint64_t file_size(Name name) const { return detail::value_of(*this, &Model::try_file_size, name); }
  void copy_file(Name name, Name dst_path) const {
    sm_error err{};
    if (try_copy_file(name, dst_path, &err) != SM_OK) throw Error(err);
  }
  std::vector<ModelFile> list_files(Name dir) const { return detail::value_of(*this, &Model::try_list_files, dir); }
  std::optional<DebugInfo> debug_info() const { return detail::value_of(*this, &Model::try_debug_info); }
  std::vector<Finding> scan(const sm_scan_options &options = init<sm_scan_options>()) const {
    return detail::value_of(*this, &Model::try_scan, options);
  }
#endif

  explicit operator bool() const noexcept { return model_ != nullptr; }
  const sm_model *get() const noexcept { return model_; }

 private:
  sm_status find(MetaGraph *out, const char *const *tags, std::size_t n_tags, sm_error *err) const noexcept {
    const sm_meta_graph *graph = nullptr;
    SM_TRY(sm_model_find_meta_graph(&graph, model_, tags, n_tags, err));
    *out = MetaGraph(graph);
    return SM_OK;
  }

  static sm_status add_file(void *files, const sm_model_file *file, sm_error *err) noexcept {
    return detail::guard(
        [=] {
          static_cast<std::vector<ModelFile> *>(files)->push_back({file->name, file->size});
        },
        err);
  }
  static sm_status add_finding(void *findings, const sm_scan_finding *found, sm_error *err) noexcept {
    return detail::guard([=] { static_cast<std::vector<Finding> *>(findings)->emplace_back(*found); }, err);
  }

  sm_model *model_ = nullptr;
};

/**
 * A SavedModel being written: savedmodel/builder.h. Whatever is not finished leaves nothing behind.
 *
 *     sm::Builder builder(dir);
 *     builder.add_model(model);
 *     builder.call(sm_builder_set_method, 0, "serving_default", SM_METHOD_PREDICT);
 *     builder.finish();
 */
class Builder {
 public:
  Builder() noexcept = default; /* empty: fill with try_open */
  Builder(Builder &&other) noexcept : builder_(std::exchange(other.builder_, nullptr)) {}
  Builder &operator=(Builder &&other) noexcept {
    Builder closed_at_the_end(std::move(other));
    std::swap(builder_, closed_at_the_end.builder_);
    return *this;
  }
  ~Builder() { sm_builder_close(builder_); }

  static sm_status try_open(Builder *out, Name dir, const sm_save_options &options, sm_error *err) noexcept {
    Builder opened;
    SM_TRY(sm_builder_open(&opened.builder_, dir.c_str(), &options, err));
    *out = std::move(opened);
    return SM_OK;
  }

  /** *index is its number. */
  sm_status try_add_meta_graph(std::size_t *index, const sm_meta_graph_spec &spec, sm_error *err) noexcept {
    return sm_builder_add_meta_graph(index, builder_, &spec, err);
  }

  /** A writer that belongs to the builder. */
  sm_status try_variables(sm_bundle_writer **out, sm_error *err) noexcept {
    return sm_builder_get_variables(out, builder_, err);
  }

  /** A model to be changed, which outlives the builder. */
  sm_status try_add_model(const Model &model, sm_error *err) noexcept {
    return sm_builder_add_model(builder_, model.get(), err);
  }

  /** Any other function of builder.h, with its arguments but for the first and the last. */
  template <class Function, class... Args>
  sm_status try_call(sm_error *err, Function function, const Args &...args) noexcept {
    return function(builder_, args..., err);
  }

  sm_status try_finish(sm_error *err) noexcept { return sm_builder_finish(builder_, err); }

#if SM_EXCEPTIONS_
  explicit Builder(Name dir, const sm_save_options &options = init<sm_save_options>()) {
    sm_error err{};
    if (try_open(this, dir, options, &err) != SM_OK) throw Error(err);
  }

  std::size_t add_meta_graph(const sm_meta_graph_spec &spec) {
    std::size_t index = 0;
    sm_error err{};
    if (try_add_meta_graph(&index, spec, &err) != SM_OK) throw Error(err);
    return index;
  }
  sm_bundle_writer *variables() {
    sm_bundle_writer *writer = nullptr;
    call([&writer](sm_builder *builder, sm_error *err) { return sm_builder_get_variables(&writer, builder, err); });
    return writer;
  }
  void add_model(const Model &model) { call(sm_builder_add_model, model.get()); }
  template <class Function, class... Args>
  void call(Function function, const Args &...args) {
    sm_error err{};
    if (try_call(&err, function, args...) != SM_OK) throw Error(err);
  }
  void finish() { call(sm_builder_finish); }
#endif

  explicit operator bool() const noexcept { return builder_ != nullptr; }
  sm_builder *get() const noexcept { return builder_; }

 private:
  sm_builder *builder_ = nullptr;
};

/* ---- For those who come from TensorFlow's C++: tensorflow/cc/saved_model/loader.h ---- */

/** How a call went, as absl::Status tells it. */
class Status {
 public:
  Status() noexcept = default; /* ok */
  explicit Status(const sm_error &error) noexcept : error_(error) {}

  bool ok() const noexcept { return error_.code == SM_OK; }
  sm_status code() const noexcept { return error_.code; }
  std::string_view message() const noexcept { return error_.message; }

  /** "OK", or such as "NOT_FOUND: MESSAGE". */
  std::string ToString() const {
    return ok() ? "OK" : std::string(sm_status_name(error_.code)) + ": " + error_.message;
  }

 private:
  sm_error error_{SM_OK, 0, UINT64_MAX, ""};
};

/**
 * A model and its meta graph of the tags asked for. TensorFlow's has a session and a MetaGraphDef in their place.
 *
 *     sm::SavedModelBundle bundle;
 *     sm::Status status = sm::LoadSavedModel(sm::init<sm_open_options>(), dir, {"serve"}, &bundle);
 *     if (!status.ok()) return fail(status.ToString());
 *     std::string input = bundle.GetSignatures().at("serving_default")->inputs[0]->tensor_name;
 */
struct SavedModelBundle {
  using SignatureMap = std::map<std::string, const sm_signature *, std::less<>>;

  /** Signatures by key; they live as long as the bundle. */
  const SignatureMap &GetSignatures() const noexcept { return signatures; }

  Model model;
  MetaGraph meta_graph;
  SignatureMap signatures;
};

/**
 * TensorFlow's LoadSavedModel(session_options, run_options, export_dir, tags, bundle), as far as reading goes: no session
 * is made and no variable restored, so the options are those of opening, and the status has a type of its own. Tags match
 * as TensorFlow matches them, as sets. On failure *bundle is what it was.
 */
inline Status LoadSavedModel(const sm_open_options &options, const std::string &export_dir,
                             const std::unordered_set<std::string> &tags, SavedModelBundle *bundle) {
  sm_error err{};
  SavedModelBundle loaded;
  List<sm_signature> signatures;
  if (Model::try_open(&loaded.model, export_dir, options, &err) != SM_OK ||
      loaded.model.try_meta_graph(&loaded.meta_graph, tags, &err) != SM_OK ||
      loaded.meta_graph.try_signatures(&signatures, &err) != SM_OK)
    return Status(err);
  for (const sm_signature &signature : signatures)
    loaded.signatures.emplace(std::string(signature.key, signature.key_size), &signature);
  *bundle = std::move(loaded);
  return Status();
}

}  // namespace sm

#undef SM_EXCEPTIONS_

#endif
