#pragma once
// A checkpoint of one set of stores in an optimizer with another: read number by number, and rounded anew.
#include "mango/io/checkpoint.hpp"
#include "mango/optim/named_store.hpp"
#include "mango/rule/slot_codec.hpp"

namespace mango::inline MANGO_ABI {

namespace detail {

// f(optimizer over that one slot in this store) for a store and a range by name
template <class F> auto with_codec(std::string_view store, range values, bool writes, F f) {
  return with_store(store, [&]<class S>() {
    const auto run = [&]<range R>() {
      return f(optimizer<decltype(chain(slot_codec<R>{})), stores<S>>{
          chain(slot_codec<R>{writes}), {}, {}, {.on_nonfinite = nonfinite::unchecked}});
    };
    return values == range::any ? run.template operator()<range::any>() : run.template operator()<range::nonnegative>();
  });
}

// the arrays of an optimizer's memory, those of other stores converted from what a file has
class converted {
 public:
  converted(const checkpoint_file& file, const optimizer_state& state) : file_(&file), all_(state) {
    const auto& tensors = state.tensors();
    std::size_t next = 0;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const auto& t = *tensors[i];
      for (std::size_t k = 0; k < t.layout.parts.size();) {
        std::size_t end = k + 1;
        while (end < t.layout.parts.size() && std::string_view(t.layout.parts[end].slot) == t.layout.parts[k].slot)
          ++end;
        fill(t, t.layout.parts[k], std::span(all_.arrays).subspan(next, end - k));
        next += end - k;
        k = end;
      }
      for (int clock = 0; clock < 2; ++clock, ++next) {
        auto& a = all_.arrays[next];
        if (const auto found = find(a.name); found) a.bytes = *found;
      }
    }
    all_.metadata.clear();
    for (std::size_t i = 0; i < file.header().metadata_size(); ++i) {
      const auto [key, value] = file.header().metadata(i);
      if (key != checksum_key) all_.metadata.emplace_back(key, value);
    }
  }
  std::vector<std::byte> bytes() const { return prepared_file(all_.arrays, all_.metadata).in_memory(); }
  std::vector<std::string> conversions;  // "w.m dynamic8, now nf4"

 private:
  std::optional<std::span<const std::byte>> find(std::string_view name) const {
    const auto i = file_->header().find(name);
    if (i == file_->header().size()) return {};
    return file_->bytes(i);
  }

  // the arrays of one slot, the first of which lies at p
  void fill(const tensor_record& t, const part_place& p, std::span<checkpoint_array> arrays) {
    const std::string where = join({t.name, ".", p.slot});
    if (!is_slot(t, p)) {
      for (auto& a : arrays) {
        const auto found = find(a.name);
        if (found && found->size() == a.bytes.size()) a.bytes = *found;
        else a.bytes = zeros(a.bytes.size()), conversions.push_back(join({where, " starts at 0"}));
      }
      return;
    }
    const std::string saved = store_of(t, p);
    if (saved == p.store) {
      for (auto& a : arrays)
        if (const auto found = find(a.name)) a.bytes = *found;
        else refuse(errc::state_missing, t.name, "{word}", 1, 0, join({mango::quoted(a.name), " was not saved"}));
      return;
    }
    const auto values = decode(t, p, saved);
    encode(t, p, values, arrays);
    conversions.push_back(join({where, " ", saved, ", now ", p.store}));
  }

  // which store a slot was saved in: the one that the file names, or fp32 where that would have been no smaller
  std::string store_of(const tensor_record& t, const part_place& p) const {
    const auto i = file_->header().find(join({t.name, ".", p.slot, ".data"}));
    if (i < file_->header().size() && file_->header()[i].type->name == "F32") return "fp32";
    std::string store;
    each_word_pair(file_->text_of("mango.stores"), [&](std::string_view slot, std::string_view name) {
      if (slot == p.slot) store = name;
    });
    if (store.empty()) refuse(errc::state_missing, t.name, "its slot {word} was not saved", 1, 0, p.slot);
    return store;
  }

  std::vector<float> decode(const tensor_record& t, const part_place& p, std::string_view store) const {
    std::vector<float> values(static_cast<std::size_t>(t.elements()));
    const std::vector<float> parameter(values.size()), ones(values.size(), 1.0f);
    with_codec(store, p.values, false, [&](auto opt) {
      const auto id = opt.add("x", {.shape = t.spec.shape});
      for (auto& part : opt.state(id)) {
        const auto name = join({t.name, ".", p.slot, ".", part.part});
        const auto found = find(name);
        if (!found || found->size() != part.bytes.size())
          refuse(errc::state_shape, t.name, "its {word} of {got} bytes, expected {expected}",
                 static_cast<long long>(part.bytes.size()), found ? static_cast<long long>(found->size()) : 0,
                 join({mango::quoted(name), " is not what the store ", store, " keeps by default"}));
        if (!found->empty()) std::memcpy(part.bytes.data(), found->data(), found->size());
      }
      // a factored slot has no number where the gradient is 0
      opt.begin_step().update_into(id, parameter, ones, values);
    });
    return values;
  }
  void encode(const tensor_record& t, const part_place& p, std::span<const float> values,
              std::span<checkpoint_array> arrays) {
    const std::vector<float> unused(values.size());
    std::vector<float> out(values.size());
    with_codec(p.store, p.values, true, [&](auto opt) {
      const auto id = opt.add("x", {.shape = t.spec.shape});
      opt.begin_step().update_into(id, unused, values, out);
      std::size_t k = 0;
      for (const auto& part : opt.state(id)) {
        const bool there = k < arrays.size();
        if (!there || arrays[k].bytes.size() != part.bytes.size())
          refuse(errc::state_shape, t.name, "its {word} takes {got} bytes, expected {expected}",
                 static_cast<long long>(part.bytes.size()), there ? static_cast<long long>(arrays[k].bytes.size()) : 0,
                 join({"slot ", p.slot, ", part ", part.part, " in the store ", p.store, " as it is by default"}));
        auto& a = arrays[k++];
        auto& kept = memory_.emplace_back(part.bytes.begin(), part.bytes.end());
        a.bytes = kept;
      }
    });
  }
  std::span<const std::byte> zeros(std::size_t n) { return memory_.emplace_back(n); }

  const checkpoint_file* file_;
  collected all_;
  std::deque<std::vector<std::byte>> memory_;
};

}  // namespace detail

/// load_checkpoint() for a file of other stores, of those that have a name (store_names()), with their default block
/// sizes: what they keep is read as numbers and saved anew in this optimizer's stores, a rounding more. Slots in the
/// same store are copied, bit for bit. An accumulator or a compensation that was not saved starts at 0. All of it is
/// reported. Raises what load_checkpoint() raises.
template <class Optimizer>
load_report load_converted(Optimizer& opt, std::string_view path, const load_options& options = {},
                           const file_calls& calls = system_calls()) {
  const checkpoint_file file(old_file(path, calls));
  const detail::converted all(file, detail::live_state<Optimizer>(opt));
  const auto bytes = all.bytes();
  auto report = load_checkpoint(opt, memory_source(bytes, path), options);
  report.converted = all.conversions;
  return report;
}

}  // namespace mango
