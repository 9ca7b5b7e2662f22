#pragma once
// The safetensors format (https://github.com/huggingface/safetensors): 8 bytes that say how long the header is, the
// header in JSON, and the data. What the format does not allow is refused, and nothing is guessed.
#include <nlohmann/json.hpp>

#include "mango/io/safetensors_events.hpp"
#include "mango/io/safetensors_layout.hpp"
#include "mango/io/safetensors_writer.hpp"

namespace mango::inline MANGO_ABI {

namespace detail {
// how long the header is, which is known to be in the file
inline std::uint64_t header_bytes(const byte_source& from) {
  unsigned char length[8];
  constexpr auto most = safetensors_limits::header_bytes;
  if (from.size() < sizeof length)
    raise(errc::header_too_small, "{word}: it has {got} bytes, where the length of its header takes {expected}",
          sizeof length, shown(from.size()), {}, quoted(from.name()));
  from.read(0, std::as_writable_bytes(std::span(length)));
  std::uint64_t bytes = 0;
  for (std::size_t i = sizeof length; i-- > 0;) bytes = bytes << 8 | length[i];
  if (bytes > most)
    raise(errc::header_too_large, "{word}: its header claims {other} bytes, at most {expected} are read", most,
          shown(bytes), {}, quoted(from.name()), digits(bytes));
  if (bytes > from.size() - sizeof length)
    raise(errc::header_length, "{word}: its header claims {got} bytes, and after its length it has {expected}",
          shown(from.size() - sizeof length), shown(bytes), {}, quoted(from.name()));
  return bytes;
}

inline header_sizes read_events(const byte_source& from, std::uint64_t bytes, header_tables* into = nullptr) {
  header_stream stream(from, bytes);
  header_events events(stream, into);
  nlohmann::json::sax_parse(header_iterator(stream), header_iterator(), &events);
  events.finish();
  return events.sizes();
}
}  // namespace detail

/// The header of a file, after everything that can be wrong with the file but its numbers has been found right.
///
/// Stricter than others, where the format leaves it open: a header begins with its first brace (white space may follow
/// its last one); a key comes once, unescaped; an entry has no other fields than the three; __metadata__ is an object,
/// so no null. Names are just bytes of UTF-8, NUL included. Raises, in this order: errc::header_too_small,
/// header_too_large, header_length; header_utf8, header_json; header_schema, dtype_unknown, header_duplicate within an
/// entry, limit_exceeded; header_duplicate; offset_invalid, shape_overflow, misaligned_subbyte, size_mismatch of a
/// tensor; offset_invalid, buffer_incomplete of all. And errc::io_read.
///
/// The header is read twice through a small window, to be counted and to be kept: reading takes no more memory than the
/// file has bytes, and 64 KiB, whatever the file claims.
inline safetensors_header read_safetensors(const byte_source& from) {
  constexpr std::uint64_t length_bytes = 8;
  detail::header_tables tables;
  const std::uint64_t bytes = detail::header_bytes(from);
  tables.data_offset = length_bytes + bytes;
  tables.data_bytes = from.size() - tables.data_offset;
  const auto sizes = detail::read_events(from, bytes);
  if (sizes.bytes() > from.size() && sizes.bytes() - from.size() > safetensors_limits::table_bytes)
    raise(errc::limit_exceeded, "{word}: what it says takes {got} bytes of memory, at most {expected} are taken",
          detail::shown(from.size() + safetensors_limits::table_bytes), detail::shown(sizes.bytes()), {},
          quoted(from.name()));
  sizes.reserve(tables);
  detail::read_events(from, bytes, &tables);
  detail::layout_check(tables, from.name()).run();
  return safetensors_header(std::move(tables));
}

/// What comes before the data of a file with these tensors and texts, and where their data goes. Tensors with large
/// elements come first, then those that are named first; so the data of each is aligned to its elements. What
/// read_safetensors() would not read is not laid out: the errors are the same.
inline safetensors_layout lay_out(std::span<const safetensors_entry> entries,
                                  std::span<const std::pair<std::string, std::string>> metadata = {}) {
  auto layout = detail::header_writer(entries, metadata).run();
  read_safetensors(detail::unwritten_file(layout));
  return layout;
}

}  // namespace mango
