// A libFuzzer target: bytes are loaded into an optimizer that is alive. When they are refused it is what it was; when
// they are not, what it then saves loads again to the same. Of every second input the checksum is made right first, or
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

struct live {
  optimizer opt{{.options = {.seed = 3}}};
  std::vector<float> p, g, q, h;
  live() : p(100, 1.0f), g(100, 0.5f), q(1), h(1, 2.0f) {
    for (std::size_t i = 0; i < 20; ++i) g[5 * i] = static_cast<float>(i) - 10;
    opt.add("w", {.shape = {10, 10}}, p, g);
    opt.add("b", {.shape = {}}, q, h);
  }
};

std::vector<std::byte> saved(const optimizer& opt) {
  const mango::detail::live_state<const optimizer> state(opt);
  const mango::detail::collected all(state);
  return mango::prepared_file(all.arrays, all.metadata).in_memory();
}

// all that an optimizer remembers, without the work of a file
std::string memory_of(const optimizer& opt) {
  std::string all;
  const auto add = [&](const auto* bytes, std::size_t n) { all.append(reinterpret_cast<const char*>(bytes), n); };
  for (std::uint32_t i = 0; i < 2; ++i) {
    for (const auto& part : opt.state(mango::tensor_id{i})) add(part.bytes.data(), part.bytes.size());
    const auto updates = opt.updates(mango::tensor_id{i});
    add(&updates, sizeof updates);
  }
  add(&opt.counters(), sizeof opt.counters());
  add(&opt.options().seed, sizeof opt.options().seed);
  return all;
}

// the checksum of bytes that may be anything
void mend(std::vector<std::byte>& bytes) {
  constexpr std::string_view key = "\"mango.checksum\":\"";
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto at = text.find(key);
  if (at == text.npos || at + key.size() + 32 > bytes.size()) return;
  try {
    const auto header = mango::read_safetensors(mango::memory_source(bytes));
    auto sum = mango::detail::begin_checksum(header);
    sum.add(std::span<const std::byte>(bytes).subspan(static_cast<std::size_t>(header.data_offset())));
    std::memcpy(bytes.data() + at + key.size(), sum.digits().data(), 32);
  } catch (const mango::error&) {}
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static live model;
  static const std::vector<std::byte> beginning = saved(model.opt);
  static const std::string before = memory_of(model.opt);
  const auto given = std::as_bytes(std::span(data, size));
  std::vector<std::byte> bytes(given.begin(), given.end());
  const bool odd = size > 0 && (data[size - 1] & 1) != 0, whole = size > 1 && (data[size - 2] & 1) != 0;
  if (odd) mend(bytes);
  try {
    mango::load_checkpoint(model.opt, mango::memory_source(bytes), {.leave_unexpected = whole});
  } catch (const mango::error&) {
    require(memory_of(model.opt) == before);
    return 0;
  }
  const auto loaded = memory_of(model.opt);
  const auto again = saved(model.opt);
  mango::load_checkpoint(model.opt, mango::memory_source(beginning));
  require(memory_of(model.opt) == before);
  mango::load_checkpoint(model.opt, mango::memory_source(again));
  require(memory_of(model.opt) == loaded && saved(model.opt) == again);
  mango::load_checkpoint(model.opt, mango::memory_source(beginning));
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  if (size < 64) {  // from nothing: a checkpoint
    live model;
    for (unsigned k = 0; k < seed % 4; ++k) model.opt.step();
    const auto bytes = saved(model.opt);
    if (bytes.size() <= most) {
      std::memcpy(data, bytes.data(), bytes.size());
      size = bytes.size();
    }
  }
  return LLVMFuzzerMutate(data, size, most);
}
