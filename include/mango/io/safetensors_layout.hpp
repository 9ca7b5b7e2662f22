#pragma once
// Whether the tensors of a safetensors file are all there, once, and in bytes of their own.
#include "mango/io/safetensors_header.hpp"

namespace mango::inline MANGO_ABI::detail {

// Tables that were filled in the order of the file: puts them in theirs, and raises what is wrong with them as a whole.
class layout_check {
 public:
  layout_check(header_tables& tables, std::string_view file) : of_(&tables), file_(file) {}

  void run() {
    order();
    check_metadata();
    check_names();
    for (const auto& t : of_->tensors) check_size(t);
    check_data();
  }

 private:
  using tensor = header_tables::tensor;

  // not std::stable_sort, which takes memory
  void order() {
    std::sort(of_->tensors.begin(), of_->tensors.end(), [this](const tensor& a, const tensor& b) {
      if (a.begin != b.begin) return a.begin < b.begin;
      return a.end != b.end ? a.end < b.end : of_->name(a) < of_->name(b);
    });
  }

  void check_metadata() {
    auto& keys = of_->metadata;
    const auto key = [this](auto at) { return of_->string_at(at); };
    std::sort(keys.begin(), keys.end(), [&](auto a, auto b) { return key(a) < key(b); });
    const auto twice = std::adjacent_find(keys.begin(), keys.end(), [&](auto a, auto b) { return key(a) == key(b); });
    if (twice != keys.end())
      raise(errc::header_duplicate, "{word}: its metadata has {subject} twice", 1, 2, key(*twice), quoted(file_));
  }

  void check_names() {
    auto& all = of_->by_name;
    const auto name = [this](auto i) { return of_->name(of_->tensors[i]); };
    all.reserve(of_->tensors.size());
    for (std::size_t i = 0; i < of_->tensors.size(); ++i) all.push_back(static_cast<std::uint32_t>(i));
    std::sort(all.begin(), all.end(), [&](auto a, auto b) { return name(a) < name(b); });
    const auto twice = std::adjacent_find(all.begin(), all.end(), [&](auto a, auto b) { return name(a) == name(b); });
    if (twice != all.end())
      raise(errc::header_duplicate, "{word}: two tensors are called {subject}", 1, 2, name(*twice), quoted(file_));
  }

  void check_size(const tensor& t) const {
    const auto name = of_->name(t);
    if (t.begin > t.end)
      raise(errc::offset_invalid, "{word}: the data of tensor {subject} begins at byte {got} and ends at {expected}",
            shown(t.end), shown(t.begin), name, quoted(file_));
    const auto expected = data_bytes(of_->type(t), of_->shape(t), name, file_);
    if (t.end - t.begin != expected)
      raise(errc::size_mismatch, "{word}: tensor {subject} takes {expected} bytes, and its offsets are {got} apart",
            shown(expected), shown(t.end - t.begin), name, quoted(file_));
  }

  // one after the other, from the first byte to the last
  void check_data() const {
    std::uint64_t end = 0;
    for (const auto& t : of_->tensors) {
      if (t.begin != end)
        raise(errc::offset_invalid,
              "{word}: the data of tensor {subject} begins at byte {got}, where what is before it ends at {expected}",
              shown(end), shown(t.begin), of_->name(t), quoted(file_));
      end = t.end;
    }
    if (end != of_->data_bytes)
      raise(errc::buffer_incomplete, "{word}: its tensors take {expected} bytes, and after its header it has {got}",
            shown(end), shown(of_->data_bytes), {}, quoted(file_));
  }

  header_tables* of_;
  std::string_view file_;
};

}  // namespace mango::inline MANGO_ABI::detail
