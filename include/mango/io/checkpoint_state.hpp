#pragma once
// Between an optimizer's memory and named arrays.
#include <charconv>
#include <deque>
#include <utility>

#include "mango/io/checkpoint_file.hpp"
#include "mango/io/optimizer_state.hpp"

namespace mango::inline MANGO_ABI {

/// The schema that this library writes; docs/checkpoints.md says what is in it.
inline constexpr std::string_view checkpoint_schema = "1";

namespace detail {

inline std::string join(std::initializer_list<std::string_view> pieces) {
  std::string out;
  for (const auto p : pieces) out += p;
  return out;
}
inline std::string array_name(const tensor_record& t, const part_place& p) {
  return join({t.name, ".", p.slot, ".", p.part});
}
// the extents of a tensor where the array has a number for each of its numbers, else how many there are
inline std::vector<std::uint64_t> array_shape(const tensor_record& t, const part_place& p) {
  std::vector<std::uint64_t> out;
  if (p.elements != t.elements()) out.push_back(static_cast<std::uint64_t>(p.elements));
  else
    for (int i = 0; i < t.spec.shape.dimensions(); ++i) out.push_back(static_cast<std::uint64_t>(t.spec.shape[i]));
  return out;
}

// whether the array belongs to a slot of the rules, and not to the optimizer itself
inline bool is_slot(const tensor_record& t, const part_place& p) {
  return p.offset != t.layout.compensation && p.offset != t.layout.accumulator;
}

// f(name, field&) for the counters, and the key of random numbers, which is no setting but state
template <class Counters, class Seed, class F> void each_counter(Counters& c, Seed& seed, F f) {
  f("steps", c.steps);
  f("skipped_steps", c.skipped_steps);
  f("skipped_updates", c.skipped_updates);
  f("consecutive_skips", c.consecutive_skips);
  f("seed", seed);
}

// an optimizer's memory as arrays and texts; what is small is copied, state is looked at where it is
struct collected {
  std::vector<checkpoint_array> arrays;
  checkpoint_metadata metadata;

  explicit collected(const optimizer_state& state) {
    const auto& tensors = state.tensors();
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const auto& t = *tensors[i];
      for (const auto& p : t.layout.parts)
        arrays.push_back({array_name(t, p), name_of(p.type), array_shape(t, p), state.bytes(i, p)});
      clocks_.push_back({state.updates(i), static_cast<std::uint8_t>(t.accumulating ? 1 : 0)});
      const auto& c = clocks_.back();
      arrays.push_back({join({t.name, ".clock.updates"}), "I64", {}, std::as_bytes(std::span(&c.updates, 1))});
      arrays.push_back({join({t.name, ".clock.accumulating"}), "U8", {}, std::as_bytes(std::span(&c.accumulating, 1))});
    }
    metadata.emplace_back("mango.schema", checkpoint_schema);
    metadata.emplace_back("mango.optimizer", state.kind());
    metadata.emplace_back("mango.hyperparameters", std::string_view(state.hyperparameters()));
    metadata.emplace_back("mango.options", options_of(state.options()));
    metadata.emplace_back("mango.stores", stores_of(tensors));
    metadata.emplace_back("mango.environment", floating_environment::now().describe());
    std::string counters;
    const auto c = state.counters();
    each_counter(c, state.options().seed, [&](std::string_view name, auto value) {
      counters += join({counters.empty() ? "" : ", ", name, " ", mango::digits(value)});
    });
    metadata.emplace_back("mango.counters", counters);
  }
  collected(const collected&) = delete;

  // "m dynamic8, v factored"; a tensor that a factored store would not make smaller is not asked
  static std::string stores_of(const list<tensor_record*>& tensors) {
    std::string out;
    for (const auto* t : tensors) {
      if (t->layout.dense) continue;
      const char* last = nullptr;
      for (const auto& p : t->layout.parts) {
        if (is_slot(*t, p) && last != p.slot) out += join({last ? ", " : "", p.slot, " ", p.store});
        last = p.slot;
      }
      break;
    }
    return out;
  }
  // those that what follows depends on; what is looked at on the way is the program's
  static std::string options_of(const optimizer_options& o) {
    return join({"on_nonfinite ", name_of(o.on_nonfinite), ", max_consecutive_skips ",
                 mango::digits(o.max_consecutive_skips), ", half_parameters ", name_of(o.half_parameters),
                 ", accumulate ", o.accumulate ? "yes" : "no"});
  }

 private:
  struct clock {
    std::int64_t updates;
    std::uint8_t accumulating;
  };
  std::deque<clock> clocks_;
};

// f(name, value) for "a 1, b 2"; false where it is something else
template <class F> bool each_word_pair(std::string_view text, F f) {
  while (!text.empty()) {
    const auto end = text.find(", ");
    const auto pair = text.substr(0, end);
    const auto space = pair.find(' ');
    if (space == pair.npos) return false;
    f(pair.substr(0, space), pair.substr(space + 1));
    text = end == text.npos ? std::string_view{} : text.substr(end + 2);
  }
  return true;
}

// settings of `saved` that have another value in `now`, which is of the same form
inline void compare_settings(std::string_view where, std::string_view saved, std::string_view now,
                             std::vector<std::string>& changed) {
  if (saved == now) return;
  std::vector<std::pair<std::string_view, std::string_view>> others;
  each_word_pair(now, [&](auto name, auto value) { others.emplace_back(name, value); });
  const std::size_t before = changed.size();
  std::size_t next = 0;
  const bool read = each_word_pair(saved, [&](auto name, auto value) {
    const auto at = std::find_if(others.begin() + static_cast<std::ptrdiff_t>(std::min(next, others.size())),
                                 others.end(), [&](const auto& o) { return o.first == name; });
    next = static_cast<std::size_t>(at - others.begin()) + 1;
    if (at == others.end()) changed.push_back(join({where, name, " ", value, ", now there is none"}));
    else if (at->second != value) changed.push_back(join({where, name, " ", value, ", now ", at->second}));
  });
  if (!read || changed.size() == before) changed.push_back(join({where, saved, "; now ", now}));
}

// line by line
inline void compare_groups(std::string_view saved, std::string_view now, std::vector<std::string>& changed) {
  while (!saved.empty() || !now.empty()) {
    const auto a = saved.substr(0, saved.find('\n')), b = now.substr(0, now.find('\n'));
    saved.remove_prefix(std::min(a.size() + 1, saved.size()));
    now.remove_prefix(std::min(b.size() + 1, now.size()));
    const auto colon = a.find(": ");
    if (colon == a.npos || b.substr(0, colon) != a.substr(0, colon)) {
      if (a != b) changed.push_back(join({a, "; now ", b}));
      continue;
    }
    const bool first = a.starts_with("group 0: ");
    compare_settings(first ? std::string_view{} : a.substr(0, colon + 2), a.substr(colon + 2), b.substr(colon + 2),
                     changed);
  }
}

// the counters that a file has, all of them and each once
inline void read_counters(const checkpoint_file& file, replacement& out) {
  const std::string_view text = file.text_of("mango.counters");
  bool right[5] = {};
  int seen = 0;
  bool good = each_word_pair(text, [&](std::string_view name, std::string_view value) {
    int k = 0;
    each_counter(out.counters, out.seed, [&](std::string_view known, auto& field) {
      if (known == name && k == seen) {
        const auto end = value.data() + value.size();
        const auto read = std::from_chars(value.data(), end, field);
        if (read.ec == std::errc{} && read.ptr == end && !std::cmp_less(field, 0)) right[k] = true;
      }
      ++k;
    });
    ++seen;
  });
  for (const bool each : right) good = good && each;
  if (!good || seen != 5)
    raise(errc::state_value,
          {mango::quoted(file.name()), ": mango.counters is ", mango::quoted(text), ", which nobody saved"},
          "mango.counters");
}

}  // namespace detail
}  // namespace mango
