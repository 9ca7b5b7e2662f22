// A libFuzzer target: bytes are loaded into an optimizer that is alive. When they are refused it is what it was; when
// they are not, what it then saves loads again to the same. Half of what is tried has its checksum made right first, or
// nothing but the checksum would ever be tested.
#include <cstdlib>
#include <string>

#include "mango/io/checkpoint.hpp"
#include "mango/optim/adamw.hpp"
#include "mango/store/dynamic8.hpp"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace {

using optimizer = mango::adamw<mango::stores<mango::bf16, mango::dynamic8<64>>>;

void require(bool holds) {
  if (!holds) std::abort();
}

std::vector<std::byte> saved(const optimizer& opt) {
  const mango::detail::live_state<const optimizer> state(opt);
  const mango::detail::collected all(state);
  return mango::prepared_file(all.arrays, all.metadata).in_memory();
}

struct live {
  optimizer opt{{.options = {.seed = 3}}};
  std::vector<float> p, g, q, h;
  live() : p(100, 1.0f), g(100, 0.5f), q(1), h(1, 2.0f) {
    for (int i = 0; i < 20; ++i) g[static_cast<std::size_t>(5 * i)] = static_cast<float>(i - 10);
    opt.add("w", {.shape = {10, 10}}, p, g);
    opt.add("b", {.shape = {}}, q, h);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  mango::adamw_config config{.options = {.seed = 3}};
  optimizer opt{config};
  opt.add("w", {.shape = {10, 10}});
  opt.add("b", {.shape = {}});
  const auto before = saved(opt);
  bool loaded = false;
  try {
    mango::load_checkpoint(opt, mango::memory_source(std::as_bytes(std::span(data, size))),
                           {.leave_unexpected = size % 2 == 0});
    loaded = true;
  } catch (const mango::error&) {}
  const auto after = saved(opt);
  if (!loaded) {
    require(before == after);
    return 0;
  }
  optimizer other{config};
  other.add("w", {.shape = {10, 10}});
  other.add("b", {.shape = {}});
  mango::load_checkpoint(other, mango::memory_source(after));
  require(saved(other) == after);
  return 0;
}

namespace {

// the length of the header, and the checksum, of bytes that may be anything
std::size_t mended(std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto end = text.find("}}");
  if (end != text.npos && size > 16) {
    std::size_t n = end + 2;
    while (n < size && text[n] == ' ') ++n;
    const std::uint64_t length = n - 8;
    if (n >= 8) std::memcpy(data, &length, 8);
  }
  constexpr std::string_view key = "\"mango.checksum\":\"";
  const auto at = text.find(key);
  if (at == text.npos || at + key.size() + 32 > size) return size;
  try {
    const mango::memory_source source(bytes);
    const auto header = mango::read_safetensors(source);
    auto sum = mango::detail::begin_checksum(header);
    sum.add(bytes.subspan(static_cast<std::size_t>(header.data_offset())));
    std::memcpy(data + at + key.size(), sum.digits().data(), 32);
  } catch (const mango::error&) {}
  return size;
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  if (size < 64 && most > 4096) {  // from nothing: a checkpoint
    live model;
    for (unsigned k = 0; k < seed % 4; ++k) model.opt.step();
    const auto bytes = saved(model.opt);
    if (bytes.size() <= most) {
      std::memcpy(data, bytes.data(), bytes.size());
      size = bytes.size();
    }
  }
  const auto changed = LLVMFuzzerMutate(data, size, most);
  return seed % 4 == 0 ? changed : mended(data, changed);
}
