// A libFuzzer target: bytes are refused with an error, or read, touched everywhere, written and read again.
#include <cstdlib>

#include "safetensors_file.hpp"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace {

void expect(bool good) {
  if (!good) std::abort();
}

// what only a sanitizer sees: that everything is where the header says
void touch(const mango::safetensors_header& h) {
  std::size_t sum = 0;
  std::uint64_t end = 0;
  for (std::size_t i = 0; i < h.size(); ++i) {
    const auto t = h[i];
    for (const char c : t.name) sum += static_cast<unsigned char>(c);
    for (const auto extent : t.shape) sum += extent;
    expect(mango::find_element_type(t.type->name) == t.type);
    expect(h.find(t.name) == i);
    expect(t.begin == end && t.end >= t.begin);
    end = t.end;
  }
  expect(end == h.data_bytes());
  for (std::size_t i = 0; i < h.metadata_size(); ++i) {
    const auto [key, value] = h.metadata(i);
    for (const char c : value) sum += static_cast<unsigned char>(c);
    expect(h.metadata(key) == value);
  }
  volatile std::size_t used = sum;
  static_cast<void>(used);
}

}  // namespace

// Half of the time the length is made right again: nearly all other mutants end at it.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  constexpr std::size_t length = 8;
  if (seed % 2 == 0 || size <= length || most <= length) return LLVMFuzzerMutate(data, size, most);
  std::uint64_t header = 0;
  for (std::size_t i = length; i-- > 0;) header = header << 8 | data[i];
  const std::size_t rest = size - length, before = header < rest ? static_cast<std::size_t>(header) : rest;
  const std::size_t after = LLVMFuzzerMutate(data + length, rest, most - length);
  // what was inserted or taken away was in the header, as long as there is a header for it
  const std::size_t fixed = after + before < rest ? 0 : after + before - rest;
  for (std::size_t i = 0; i < length; ++i) data[i] = static_cast<std::uint8_t>(fixed >> 8 * i & 0xff);
  return length + after;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const mango::memory_source file(std::as_bytes(std::span(data, size)), "fuzz");
  try {
    const auto header = mango::read_safetensors(file);
    touch(header);
    const std::string again = io_test::written_again(header);
    const auto read_again = io_test::read(again);
    touch(read_again);
    expect(io_test::same(header, read_again));
  } catch (const mango::error& e) {
    expect(std::string_view(e.what()).find("'fuzz'") != std::string_view::npos);
  }
  return 0;
}
