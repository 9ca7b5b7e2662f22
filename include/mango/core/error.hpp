#pragma once
// The one exception type, and the one place that throws it.
#include <exception>
#include "mango/core/text.hpp"
#if !defined(__cpp_exceptions)
#include <cstdio>
#include <cstdlib>
#endif

namespace mango::inline MANGO_ABI {

/// What went wrong, as a closed set; docs/errors.md has a paragraph for each.
enum class errc : std::uint8_t {
  config,           ///< a hyperparameter is non-finite, out of range, or means nothing here
  unknown_name,     ///< no such optimizer, option, slot, store or tensor
  duplicate_name,   ///< a second tensor with the same name
  unknown_tensor,   ///< a tensor_id that this optimizer did not give out
  size,             ///< a span or a shape has the wrong number of elements
  null_span,        ///< a null pointer with a size above zero
  misaligned_span,  ///< a pointer that is not a multiple of its element's alignment
  overlap,          ///< two spans share memory that must not
  type,             ///< the tensor was registered with another element type
  nonfinite,        ///< a NaN or an infinity in a gradient or a parameter
  order,            ///< a call at the wrong time: twice in a step, or before what it needs
  concurrency,      ///< two threads, or two processes after fork(), at work on what only one may be at work on
  environment,      ///< rounding or subnormals are not what they were: the same steps would be other bits
  memory,           ///< not enough bytes were bound or could be allocated
  device,           ///< a CUDA call failed, memory is not where it must be, or the context is lost
  // of files
  io_open,           ///< a file could not be opened or made
  io_read,           ///< a file could not be read, or became shorter meanwhile
  io_write,          ///< a file could not be written, made durable or put in its place; what was there is still there
  not_regular_file,  ///< a folder, a device, a pipe
  // of the safetensors format
  header_too_small,    ///< no room for the length of the header
  header_too_large,    ///< a header above the limit
  header_length,       ///< a header longer than the file
  header_utf8,         ///< a header that is not UTF-8
  header_json,         ///< a header that is not JSON
  header_duplicate,    ///< a key twice in one object
  header_schema,       ///< JSON of another form than the format's
  dtype_unknown,       ///< an element type that the format does not have
  shape_overflow,      ///< more elements than 64 bits count
  size_mismatch,       ///< a shape that takes other bytes than the offsets say
  offset_invalid,      ///< bytes that belong to two tensors, to none, or end before they begin
  buffer_incomplete,   ///< tensors that end before or after the file does
  misaligned_subbyte,  ///< numbers of fewer than 8 bits that do not fill their last byte
  limit_exceeded,      ///< more than a named limit allows
  // of checkpoints
  state_version,     ///< a schema that this library does not know
  state_algorithm,   ///< made by another optimizer
  state_missing,     ///< a tensor or an entry that the optimizer needs
  state_unexpected,  ///< a tensor that the optimizer has no place for
  state_type,        ///< another element type
  state_shape,       ///< another shape
  state_value,       ///< a value that the optimizer never writes
  state_checksum,    ///< bytes that are not those that were saved
};

namespace detail {
// clang-format off
inline constexpr const char* errc_names[] = {
    "config", "unknown_name", "duplicate_name", "unknown_tensor", "size", "null_span", "misaligned_span", "overlap",
    "type", "nonfinite", "order", "concurrency", "environment", "memory", "device", "io_open", "io_read", "io_write",
    "not_regular_file",
    "header_too_small", "header_too_large", "header_length", "header_utf8", "header_json", "header_duplicate",
    "header_schema", "dtype_unknown", "shape_overflow", "size_mismatch", "offset_invalid", "buffer_incomplete",
    "misaligned_subbyte", "limit_exceeded", "state_version", "state_algorithm", "state_missing", "state_unexpected",
    "state_type", "state_shape", "state_value", "state_checksum"};
// clang-format on
}  // namespace detail

/// A stable word for programs and logs: "size", "nonfinite", ...
constexpr const char* name_of(errc code) { return detail::errc_names[static_cast<int>(code)]; }

/// Everything the library throws. `what()` is one sentence that holds the tensor's name and both numbers.
/// Guarantee: when a call throws, parameters, state and counters are bit for bit what they were before it.
class error : public std::exception {
 public:
  error(errc code, std::string_view sentence, std::string_view subject = {}, long long expected = 0, long long got = 0)
      : code_(code), expected_(expected), got_(got), subject_(subject), sentence_(sentence) {}
  const char* what() const noexcept override { return sentence_.c_str(); }
  errc code() const noexcept { return code_; }
  const char* kind() const noexcept { return name_of(code_); }
  /// The tensor, option or optimizer it is about; empty when there is none.
  std::string_view subject() const noexcept { return subject_; }
  long long expected() const noexcept { return expected_; }
  long long got() const noexcept { return got_; }

 private:
  errc code_;
  long long expected_, got_;
  text subject_, sentence_;
};

/// Throws `e`. Without exceptions (-fno-exceptions) it prints the sentence to stderr and aborts.
[[noreturn]] __attribute__((noinline, cold)) inline void raise(error e) {
#if defined(__cpp_exceptions)
  throw e;
#else
  std::fputs(e.what(), stderr);
  std::abort();
#endif
}
/// The same from a sentence with {subject}, {expected}, {got}, {word} and {other} in it. Everything is put together
/// out of line: a check costs its caller a comparison and a call, in compile time too.
[[noreturn]] __attribute__((noinline, cold)) inline void raise(errc code, const char* sentence, long long expected,
                                                               long long got, std::string_view subject,
                                                               std::string_view word, std::string_view other = {}) {
  const text who = quoted(subject);
  const digits wanted(expected), found(got);
  const std::string_view values[] = {who, wanted, found, word, other};
  raise(error(code, fill(sentence, "segwo", values), subject, expected, got));
}
[[noreturn]] __attribute__((noinline, cold)) inline void raise(errc code, const char* sentence, long long expected,
                                                               long long got, std::string_view subject = {}) {
  raise(code, sentence, expected, got, subject, {});
}
/// The same from a sentence in pieces.
[[noreturn]] __attribute__((noinline, cold)) inline void raise(errc code,
                                                               std::initializer_list<std::string_view> sentence,
                                                               std::string_view subject = {}) {
  raise(error(code, concat(sentence), subject));
}

}  // namespace mango
