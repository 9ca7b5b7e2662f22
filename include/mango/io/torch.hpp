#pragma once
// Adam's state under the names that PyTorch gives it, both ways.
#include "mango/io/checkpoint.hpp"

namespace mango::inline MANGO_ABI {

namespace detail {

// what torch.optim calls a slot of Adam
inline std::string_view torch_name(std::string_view slot) {
  return slot == "m" ? "exp_avg" : slot == "v" ? "exp_avg_sq" : std::string_view{};
}
// f(tensor, m's place, v's place) for every tensor of a dense Adam
template <class F> void each_dense_adam(const optimizer_state& state, F f) {
  std::size_t i = 0;
  for (const auto* t : state.tensors()) {
    const part_place* found[2] = {};
    for (const auto& p : t->layout.parts) {
      const auto name = torch_name(p.slot);
      if (!name.empty() && std::string_view(p.store) == "fp32") found[name == "exp_avg" ? 0 : 1] = &p;
      else if (is_slot(*t, p))
        refuse(errc::state_type, t->name, "its {word} has no place among Adam's m and v in fp32", 2, 1,
               join({"slot ", p.slot, " in ", p.store}));
    }
    if (!found[0] || !found[1])
      refuse(errc::state_missing, t->name, "it keeps {got} of Adam's slots m and v, expected {expected}", 2,
             (found[0] ? 1 : 0) + (found[1] ? 1 : 0));
    f(i++, *found[0], *found[1]);
  }
}

}  // namespace detail

/// Saves the moments of an Adam in fp32 as torch.optim.Adam's state_dict has them: `<tensor>.exp_avg`,
/// `<tensor>.exp_avg_sq` and `<tensor>.step`, all F32. For other programs: a checkpoint of one's own is
/// save_checkpoint(), which has a checksum and all the rest. Raises errc::state_type for other stores and slots,
/// errc::io_write.
template <class Optimizer>
void export_torch(const Optimizer& opt, std::string_view path, const save_options& options = {},
                  const file_calls& calls = system_calls()) {
  const detail::live_state<const Optimizer> state(opt);
  std::vector<checkpoint_array> arrays;
  std::deque<float> steps;
  detail::each_dense_adam(state, [&](std::size_t i, const auto& m, const auto& v) {
    const auto& t = *state.tensors()[i];
    steps.push_back(static_cast<float>(state.updates(i)));
    for (const auto* p : {&m, &v})
      arrays.push_back({detail::join({t.name, ".", detail::torch_name(p->slot)}), "F32", detail::array_shape(t, *p),
                        state.bytes(i, *p)});
    arrays.push_back({detail::join({t.name, ".step"}), "F32", {}, std::as_bytes(std::span(&steps.back(), 1))});
  });
  prepared_file(arrays, {{"format", "pt"}}).write(path, options, calls);
}

namespace detail {

// such a file, as the arrays of a checkpoint
class torch_state {
 public:
  torch_state(const byte_source& from, const optimizer_state& state)
      : from_(&from), header_(read_safetensors(from)), all_(state), updates_(state.tensors().size()) {
    each_dense_adam(state, [&](std::size_t i, const auto& m, const auto& v) {
      const auto& t = *state.tensors()[i];
      for (const auto* p : {&m, &v})
        array_called(array_name(t, *p)).bytes = take(t, torch_name(p->slot), array_shape(t, *p));
      updates_[i] = step_of(t);
      array_called(join({t.name, ".clock.updates"})).bytes = std::as_bytes(std::span(&updates_[i], 1));
    });
    refuse_others();
    const std::int64_t steps = updates_.empty() ? 0 : *std::max_element(updates_.begin(), updates_.end());
    for (auto& [key, value] : all_.metadata)
      if (key == "mango.counters")
        value =
            join({"steps ", mango::digits(steps), ", skipped_steps 0, skipped_updates 0, consecutive_skips 0, seed ",
                  mango::digits(state.options().seed)});
  }
  std::vector<std::byte> bytes() const { return prepared_file(all_.arrays, all_.metadata).in_memory(); }

 private:
  checkpoint_array& array_called(std::string_view name) {
    return *std::find_if(all_.arrays.begin(), all_.arrays.end(), [&](const auto& a) { return a.name == name; });
  }
  std::span<const std::byte> take(const tensor_record& t, std::string_view name, std::span<const std::uint64_t> shape) {
    const auto full = join({t.name, ".", name});
    const auto i = header_.find(full);
    if (i == header_.size()) refuse(errc::state_missing, t.name, "{word} is not there", 1, 0, mango::quoted(full));
    const auto found = header_[i];
    if (found.type->name != "F32")
      refuse(errc::state_type, t.name, "its {word} has numbers of {got} bits, expected F32, of {expected}", 32,
             found.type->bits, mango::quoted(full));
    const auto size = static_cast<std::size_t>(found.end - found.begin);
    if (!std::equal(shape.begin(), shape.end(), found.shape.begin(), found.shape.end()))
      refuse(errc::state_shape, t.name, "its {word} has {got} bytes, expected {expected}, or other extents",
             4 * t.elements(), static_cast<long long>(size), mango::quoted(full));
    auto& bytes = memory_.emplace_back(size);
    from_->read(header_.data_offset() + found.begin, bytes);
    taken_.push_back(i);
    return bytes;
  }
  std::int64_t step_of(const tensor_record& t) {
    float step = 0;
    std::memcpy(&step, take(t, "step", {}).data(), sizeof step);
    if (is_nonfinite(&step) || !(step >= 0 && step < 0x1p62f) ||
        static_cast<float>(static_cast<std::int64_t>(step)) != step)
      refuse(errc::state_value, t.name, "its step is {word}, expected a whole number", 0, 0, mango::digits(step));
    return static_cast<std::int64_t>(step);
  }
  void refuse_others() const {
    std::vector<bool> taken(header_.size());
    for (const auto i : taken_) taken[i] = true;
    for (std::size_t i = 0; i < taken.size(); ++i)
      if (const auto name = header_[i].name; !taken[i])
        raise(errc::state_unexpected,
              {mango::quoted(from_->name()), " holds ", mango::quoted(name), ", which is none of Adam's"}, name);
  }

  const byte_source* from_;
  safetensors_header header_;
  collected all_;
  std::vector<std::int64_t> updates_;
  std::deque<std::vector<std::byte>> memory_;
  std::vector<std::size_t> taken_;
};

}  // namespace detail

/// Takes the moments and steps of such a file, which anybody may have written. The position of schedules becomes the
/// largest step. Raises what load_checkpoint() raises, but for a checksum; errc::state_value for a step that is no
/// whole number.
template <class Optimizer>
load_report import_torch(Optimizer& opt, std::string_view path, const file_calls& calls = system_calls()) {
  const auto bytes = detail::torch_state(old_file(path, calls), detail::live_state<Optimizer>(opt)).bytes();
  return load_checkpoint(opt, memory_source(bytes, path));
}

}  // namespace mango
