#pragma once
// What will take the place of an optimizer's memory, gathered from one file or several and checked before anything is
// written.
#include "mango/io/checkpoint_state.hpp"
#include "mango/pass/tally.hpp"

namespace mango::inline MANGO_ABI {

/// What loading is asked beside the file.
struct load_options {
  /// Arrays that this optimizer has no place for are left alone, and reported: a part of the tensors is wanted.
  bool leave_unexpected = false;
};

/// What loading did.
struct load_report {
  std::size_t tensors = 0, arrays = 0;  ///< restored
  std::uint64_t bytes = 0;              ///< of state
  std::int64_t steps = 0;               ///< of the optimizer: the position of its schedules
  std::vector<std::string> changed;     ///< settings that are others now: "b1 0.9, now 0.95"
  std::vector<std::string> unexpected;  ///< arrays that were left alone
  std::vector<std::string> converted;   ///< by load_converted(): "w.m dynamic8, now nf4"
};

namespace detail {

class restored {
 public:
  restored(optimizer_state& state, const load_options& options) : state_(&state), options_(options) {
    for (const auto* t : state.tensors()) {
      by_.tensors.push_back({std::vector<const std::byte*>(t->layout.parts.size()), -1, false});
      flags_.push_back(-1);
    }
  }

  /// Whether a file has anything for this optimizer.
  bool wants(const safetensors_header& h) const {
    for (const auto* t : state_->tensors())
      if (h.find(join({t->name, ".clock.updates"})) < h.size()) return true;
    return false;
  }
  /// Takes from a file, which must stay, all that it has for this optimizer.
  void add(const checkpoint_file& file) {
    check_origin(file);
    std::vector<bool> used(file.header().size());
    const auto& tensors = state_->tensors();
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const auto& t = *tensors[i];
      auto& into = by_.tensors[i];
      for (std::size_t k = 0; k < t.layout.parts.size(); ++k) {
        const auto& p = t.layout.parts[k];
        const auto found = take(file, t, array_name(t, p), name_of(p.type), array_shape(t, p), used);
        if (!found) continue;
        check_values(t, p, *found);
        into.arrays[k] = found->data();
        report_.bytes += found->size();
        ++report_.arrays;
      }
      if (const auto n = take(file, t, join({t.name, ".clock.updates"}), "I64", {}, used)) {
        std::memcpy(&into.updates, n->data(), sizeof into.updates);
        if (into.updates < 0 || into.updates > most_updates)
          refuse(errc::state_value, t.name,
                 "it was updated {got} times, which nobody saved; expected at most {expected}", most_updates,
                 into.updates);
      }
      if (const auto n = take(file, t, join({t.name, ".clock.accumulating"}), "U8", {}, used)) {
        flags_[i] = static_cast<int>((*n)[0]);
        if (flags_[i] > (t.accumulator ? 1 : 0))
          refuse(errc::state_value, t.name, "its accumulator is in use ({got}), expected at most {expected}",
                 t.accumulator ? 1 : 0, flags_[i]);
      }
    }
    note_unexpected(file, used);
  }

  /// All that has been added, if it is all there is.
  load_report commit() {
    const auto& tensors = state_->tensors();
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const auto& t = *tensors[i];
      for (std::size_t k = 0; k < t.layout.parts.size(); ++k)
        if (!by_.tensors[i].arrays[k]) refuse_missing(t, array_name(t, t.layout.parts[k]), t.layout.parts[k].store);
      if (by_.tensors[i].updates < 0) refuse_missing(t, join({t.name, ".clock.updates"}), {});
      if (flags_[i] < 0) refuse_missing(t, join({t.name, ".clock.accumulating"}), {});
      by_.tensors[i].accumulating = flags_[i] == 1;
    }
    if (!any_) raise(errc::state_missing, "no file was given, expected at least {expected}", 1, 0);
    state_->check_parameters();
    report_.tensors = tensors.size();
    report_.steps = by_.counters.steps;
    state_->replace(by_);
    return std::move(report_);
  }

 private:
  static constexpr std::int64_t most_updates = std::int64_t{1} << 62;

  // schema, kind, settings and counters
  void check_origin(const checkpoint_file& file) {
    if (const auto schema = file.text_of("mango.schema"); schema != checkpoint_schema)
      raise(errc::state_version,
            {mango::quoted(file.name()), ": mango.schema is ", mango::quoted(schema), ", this library knows ",
             checkpoint_schema},
            "mango.schema");
    if (const auto kind = file.text_of("mango.optimizer"); kind != state_->kind())
      raise(errc::state_algorithm,
            {mango::quoted(file.name()), ": mango.optimizer is ", mango::quoted(kind), ", this optimizer is ",
             mango::quoted(state_->kind())},
            "mango.optimizer");
    replacement other;
    read_counters(file, other);
    if (any_ && (other.counters.steps != by_.counters.steps || other.seed != by_.seed))
      raise(errc::state_value, "{word}: {subject} is at step {got}, in the files before it at step {expected}",
            by_.counters.steps, other.counters.steps, "mango.counters", mango::quoted(file.name()));
    const auto groups = file.text_of("mango.hyperparameters"), settings = file.text_of("mango.options");
    const auto environment = file.text_of("mango.environment");
    if (!any_) {
      compare_groups(groups, state_->hyperparameters(), report_.changed);
      compare_settings({}, settings, collected::options_of(state_->options()), report_.changed);
      compare_settings({}, environment, floating_environment::now().describe(), report_.changed);
    }
    by_.counters = other.counters;
    by_.seed = other.seed;
    any_ = true;
  }

  // the bytes of an array, if this file has it
  std::optional<std::span<const std::byte>> take(const checkpoint_file& file, const tensor_record& t,
                                                 const std::string& name, std::string_view type,
                                                 const std::vector<std::uint64_t>& extents, std::vector<bool>& used) {
    const auto i = file.header().find(name);
    if (i == file.header().size()) return {};
    const auto saved = file.header()[i];
    if (saved.type->name != type)
      refuse(errc::state_type, t.name, "its {word}, expected {expected} bits and not {got}",
             find_element_type(type)->bits, saved.type->bits,
             join({mango::quoted(name), " was saved as ", saved.type->name, " and is kept as ", type}));
    if (!std::equal(saved.shape.begin(), saved.shape.end(), extents.begin(), extents.end()))
      refuse(errc::state_shape, t.name, "its {word}: {got} numbers, expected {expected}", count(extents),
             count(saved.shape),
             join({mango::quoted(name), " was saved as ", words(saved.shape), " and is ", words(extents)}));
    used[i] = true;
    return file.bytes(i);
  }
  static long long count(std::span<const std::uint64_t> extents) {
    std::uint64_t n = 1;
    for (const auto e : extents) n *= e;
    return static_cast<long long>(n);
  }
  static std::string words(std::span<const std::uint64_t> extents) {
    std::string out = "[";
    for (const auto e : extents) out += join({out.size() > 1 ? ", " : "", mango::digits(e)});
    return out + "]";
  }

  // state that is not finite is what unchecked gradients leave, and nothing else does
  void check_values(const tensor_record& t, const part_place& p, std::span<const std::byte> bytes) const {
    if (state_->options().on_nonfinite == nonfinite::unchecked) return;
    index_t bad = p.elements;
    if (p.type == dtype::f32) bad = first_bad<float>(bytes);
    else if (p.type == dtype::bf16) bad = first_bad<bfloat16>(bytes);
    else if (p.type == dtype::f16) bad = first_bad<float16>(bytes);
    else if (p.type == dtype::f64) bad = first_bad_double(bytes);
    if (bad < p.elements)
      refuse(errc::state_value, t.name, "element {got} of {expected} of its saved {word} is not finite", p.elements,
             bad, join({p.slot, ".", p.part}));
  }
  static index_t first_bad_double(std::span<const std::byte> bytes) {
    for (std::size_t at = 0; at < bytes.size(); at += sizeof(double)) {
      double x;
      std::memcpy(&x, bytes.data() + at, sizeof x);
      if (is_nonfinite(x)) return static_cast<index_t>(at / sizeof x);
    }
    return static_cast<index_t>(bytes.size() / sizeof(double));
  }
  // a file of another writer may have its arrays anywhere: what is not aligned is copied first
  template <class E> static index_t first_bad(std::span<const std::byte> bytes) {
    constexpr std::size_t some = 4096;
    E copied[some];
    const bool aligned = reinterpret_cast<std::uintptr_t>(bytes.data()) % sizeof(E) == 0;
    const std::size_t all = bytes.size() / sizeof(E);
    for (std::size_t at = 0; at < all; at += some) {
      const auto n = static_cast<index_t>(std::min(some, all - at));
      const E* x = reinterpret_cast<const E*>(bytes.data()) + at;
      if (!aligned) {
        std::memcpy(static_cast<void*>(copied), bytes.data() + at * sizeof(E), static_cast<std::size_t>(n) * sizeof(E));
        asm volatile("" : : "r"(copied) : "memory");  // they are memory now, and are looked at as such
        x = copied;
      }
      if (has_nonfinite(x, 0, n)) return static_cast<index_t>(at) + first_nonfinite(x, n);
    }
    return static_cast<index_t>(all);
  }

  void note_unexpected(const checkpoint_file& file, const std::vector<bool>& used) {
    for (std::size_t i = 0; i < used.size(); ++i) {
      if (used[i]) continue;
      const auto name = file.header()[i].name;
      if (!options_.leave_unexpected)
        raise(errc::state_unexpected,
              {mango::quoted(file.name()), " holds ", mango::quoted(name),
               ", for which this optimizer has no place: it has other ",
               "tensors, or keeps them in other stores (load_converted() goes from one store to another)"},
              name);
      report_.unexpected.emplace_back(name);
    }
  }
  [[noreturn]] static void refuse_missing(const tensor_record& t, std::string_view name, std::string_view store) {
    refuse(errc::state_missing, t.name, "{word}", 1, 0,
           join({mango::quoted(name), " was not saved", store.empty() ? "" : ", which its store needs: ", store}));
  }

  optimizer_state* state_;
  load_options options_;
  load_report report_;
  replacement by_;
  std::vector<int> flags_;  // accumulating, or -1
  bool any_ = false;
};

}  // namespace detail
}  // namespace mango
