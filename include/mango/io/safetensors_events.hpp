#pragma once
// What a safetensors header says, as its JSON is parsed: whether it has the format's form, and then its tables.
#include "mango/io/safetensors_header.hpp"
#include "mango/io/safetensors_stream.hpp"

namespace mango::inline MANGO_ABI::detail {

// how much memory the tables of a header take
struct header_sizes {
  std::size_t tensors = 0, metadata = 0, extents = 0, text = 0;

  std::size_t bytes() const {
    return tensors * (sizeof(header_tables::tensor) + sizeof(std::uint32_t)) + metadata * sizeof(std::uint32_t) +
           extents * sizeof(std::uint64_t) + text;
  }
  void reserve(header_tables& tables) const {
    tables.tensors.reserve(tensors);
    tables.metadata.reserve(metadata);
    tables.extents.reserve(extents);
    tables.text.reserve(text);
  }
};

// The event interface of nlohmann/json. A header of another form is refused only when all of it turned out to be JSON:
// then the kind of error does not depend on which of two mistakes comes first.
class header_events {
 public:
  // without tables it counts
  explicit header_events(header_stream& stream, header_tables* into = nullptr) : stream_(&stream), into_(into) {}

  const header_sizes& sizes() const { return sizes_; }
  // Raises what was wrong.
  void finish() const {
    const auto file = quoted(stream_->name());
    const auto at = static_cast<long long>(stream_->position());
    if (too_deep_)
      raise(errc::header_json, "{word}: its header nests more than {expected} levels at byte {got}",
            safetensors_limits::depth, at, {}, file);
    if (not_json_ && !(refused_ && stream_->gave_up()))
      raise(errc::header_json, "{word}: its header is not JSON near byte {got}", 0, at, {}, file);
    if (refused_) raise(code_, sentence_, expected_, got_, subject_, file, word_);
  }

  bool null() { return misplaced(); }
  bool boolean(bool) { return misplaced(); }
  bool number_integer(std::int64_t) { return misplaced(); }  // below zero
  bool number_float(double, const std::string&) { return misplaced(); }
  template <class Bytes> bool binary(Bytes&) { return misplaced(); }

  bool number_unsigned(std::uint64_t n) {
    if (stream_->in_pieces()) return true;
    if (depth_ != 3) return misplaced();
    const auto list = field_ == shape ? std::span<std::uint64_t>(shape_) : offsets_;
    if (count_ < list.size()) list[count_] = n;
    ++count_;
    return true;
  }

  bool string(const std::string& piece) {
    if (refused_) return true;
    if (depth_ == 2 && in_metadata_) {
      put(piece);
      joined_ = stream_->in_pieces();
      if (!joined_) put(end_of_string);
      return true;
    }
    if (depth_ != 2 || field_ != dtype) return misplaced();
    type_ = find_element_type(piece);
    if (!type_)
      return refuse(errc::dtype_unknown, "{word}: tensor {subject} has elements of type {other}", name_, piece);
    return true;
  }

  bool key(const std::string& piece) {
    if (refused_) return true;
    if (!joined_) key_.clear();
    if (key_.size() <= safetensors_limits::name_bytes) key_ += piece;
    joined_ = stream_->in_pieces();
    return joined_ || (depth_ == 1 ? begin_entry() : in_metadata_ ? begin_text() : begin_field());
  }

  bool start_object(std::size_t) {
    if (depth_ > 1) misplaced();
    else if (!refused_) stream_->expect(depth_ == 1 && in_metadata_ ? long_strings::all : long_strings::keys);
    seen_ = 0;
    return deeper();
  }
  bool end_object() {
    --depth_;
    if (refused_ || depth_ != 1) return true;
    stream_->expect(long_strings::keys);
    return in_metadata_ || end_entry();
  }
  bool start_array(std::size_t) {
    if (depth_ != 2 || in_metadata_ || field_ == dtype) misplaced();
    stream_->expect(long_strings::none);
    count_ = 0;
    return deeper();
  }
  bool end_array() {
    --depth_;
    if (refused_) return true;
    stream_->expect(long_strings::keys);
    if (field_ == shape) rank_ = count_;
    if (field_ == offsets && count_ != 2)
      return refuse(errc::header_schema, "{word}: tensor {subject} has {got} data_offsets, expected {expected}", name_,
                    {}, 2, count_);
    if (field_ == shape && count_ > safetensors_limits::dimensions)
      return refuse(errc::limit_exceeded, "{word}: tensor {subject} has {got} dimensions, at most {expected} are read",
                    name_, {}, safetensors_limits::dimensions, count_);
    return true;
  }

  template <class Error> bool parse_error(std::size_t, const std::string&, const Error&) {
    not_json_ = true;
    return false;
  }

 private:
  enum field : std::uint8_t { dtype, shape, offsets, fields };
  static constexpr std::string_view field_names[] = {"dtype", "shape", "data_offsets"};
  static constexpr std::string_view metadata_name = "__metadata__", end_of_string{&header_tables::end_of_string, 1};

  bool deeper() {
    too_deep_ = ++depth_ > safetensors_limits::depth;
    return !too_deep_;
  }

  bool refuse(errc code, const char* sentence, std::string_view subject, std::string_view word = {},
              std::size_t expected = 0, std::size_t got = 0) {
    if (refused_) return true;
    refused_ = true;
    code_ = code, sentence_ = sentence, subject_ = text(subject), word_ = quoted(word);
    expected_ = static_cast<long long>(expected), got_ = static_cast<long long>(got);
    stream_->expect(long_strings::none);
    return true;
  }
  // a value of a kind that does not belong where it is
  bool misplaced() {
    if (depth_ == 0) return refuse(errc::header_schema, "{word}: its header is no JSON object", {});
    if (depth_ == 1) return refuse(errc::header_schema, "{word}: the entry {subject} is no JSON object", name_);
    if (in_metadata_) return refuse(errc::header_schema, "{word}: the metadata {subject} is no string", key_);
    constexpr const char* sentences[] = {
        "{word}: the dtype of tensor {subject} is no string",
        "{word}: the shape of tensor {subject} is no list of whole numbers below 2^64",
        "{word}: the data_offsets of tensor {subject} are not whole numbers below 2^64"};
    return refuse(errc::header_schema, sentences[field_], name_);
  }

  bool check_length() {
    constexpr auto most = safetensors_limits::name_bytes;
    if (key_.size() <= most) return true;
    refuse(errc::limit_exceeded, "{word}: the name {subject} has more than {expected} bytes", key_, {}, most,
           key_.size());
    return false;
  }
  bool begin_entry() {
    if (!check_length()) return true;
    in_metadata_ = key_ == metadata_name;
    if (in_metadata_ && had_metadata_)
      return refuse(errc::header_duplicate, "{word}: its header has {subject} twice", key_, {}, 1, 2);
    had_metadata_ |= in_metadata_;
    name_.swap(key_);
    return true;
  }
  bool begin_text() {
    if (!check_length()) return true;
    if (into_) into_->metadata.push_back(static_cast<std::uint32_t>(into_->text.size()));
    ++sizes_.metadata;
    put(key_);
    put(end_of_string);
    return true;
  }
  bool begin_field() {
    int f = 0;
    while (f < fields && key_ != field_names[f]) ++f;
    if (f == fields)
      return refuse(errc::header_schema, "{word}: tensor {subject} has {other}, which the format does not", name_,
                    key_);
    if (seen_ >> f & 1)
      return refuse(errc::header_duplicate, "{word}: tensor {subject} has its {other} twice", name_, key_, 1, 2);
    field_ = static_cast<field>(f);
    seen_ |= 1 << f;
    return true;
  }

  bool end_entry() {
    for (int f = 0; f < fields; ++f)
      if (!(seen_ >> f & 1))
        return refuse(errc::header_schema, "{word}: tensor {subject} has no {other}", name_, field_names[f]);
    if (sizes_.tensors == safetensors_limits::tensors)
      return refuse(errc::limit_exceeded, "{word}: {subject} is tensor number {got}, at most {expected} are read",
                    name_, {}, sizes_.tensors, sizes_.tensors + 1);
    if (into_)
      into_->tensors.push_back({offsets_[0], offsets_[1], static_cast<std::uint32_t>(into_->text.size()),
                                static_cast<std::uint32_t>(into_->extents.size())});
    if (into_) into_->extents.insert(into_->extents.end(), shape_, shape_ + rank_);
    const char kind[] = {static_cast<char>(type_ - element_types), static_cast<char>(rank_)};
    put({kind, 2});
    put(name_);
    put(end_of_string);
    ++sizes_.tensors;
    sizes_.extents += rank_;
    return true;
  }

  void put(std::string_view s) {
    sizes_.text += s.size();
    if (into_) into_->text.insert(into_->text.end(), s.begin(), s.end());
  }

  header_stream* stream_;
  header_tables* into_;
  header_sizes sizes_;
  std::string name_, key_;  // of the entry, and the last one within it
  const element_type* type_ = nullptr;
  std::uint64_t shape_[safetensors_limits::dimensions], offsets_[2];
  std::size_t count_ = 0, rank_ = 0, depth_ = 0;
  int seen_ = 0;
  field field_ = dtype;
  bool in_metadata_ = false, had_metadata_ = false, joined_ = false, not_json_ = false, too_deep_ = false;
  bool refused_ = false;
  errc code_ = errc::header_schema;
  const char* sentence_ = nullptr;
  text subject_, word_;
  long long expected_ = 0, got_ = 0;
};

}  // namespace mango::inline MANGO_ABI::detail
