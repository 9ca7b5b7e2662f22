#pragma once
// Values of configuration fields from text. Everything that is not exactly a value of the field is an error.
#include <span>

#include "mango/core/error.hpp"
#include "mango/optim/options.hpp"
#include "mango/project/choices.hpp"
#include "mango/rule/adam.hpp"
#include "mango/rule/adopt.hpp"
#include "mango/rule/learning.hpp"
#include "mango/rule/schedule.hpp"

namespace mango::inline MANGO_ABI {

/// One option by name: {"weight_decay", "0.1"}. The text is read while the call lasts and not kept.
struct setting {
  std::string_view name, value;
};

namespace detail {

[[noreturn]] inline void refuse_value(std::string_view name, std::string_view value, std::string_view expected) {
  raise(errc::config, {name, " is ", quoted(value), " but must be ", expected}, name);
}

// which of two values was meant, nobody knows
inline void require_distinct(std::span<const setting> settings) {
  for (const auto& a : settings)
    for (const auto* b = &a + 1; b != settings.data() + settings.size(); ++b)
      if (a.name == b->name)
        raise(errc::config,
              {"option ", quoted(a.name), " is given twice: ", quoted(a.value), " and ", quoted(b->value)}, a.name);
}

template <class Number> Number read_number(std::string_view name, std::string_view text, std::string_view expected) {
  Number x{};
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), x);
  if (code != std::errc{} || end != text.data() + text.size() || text.empty()) refuse_value(name, text, expected);
  return x;
}
inline void read(std::string_view name, std::string_view text, double& field) {
  field = read_number<double>(name, text, "a number");
}
inline void read(std::string_view name, std::string_view text, std::int64_t& field) {
  field = read_number<std::int64_t>(name, text, "an integer");
}
inline void read(std::string_view name, std::string_view text, std::uint64_t& field) {
  field = read_number<std::uint64_t>(name, text, "a non-negative integer");
}
inline void read(std::string_view name, std::string_view text, bool& field) {
  if (text == "yes" || text == "true" || text == "1") field = true;
  else if (text == "no" || text == "false" || text == "0") field = false;
  else refuse_value(name, text, "yes or no");
}
inline void read(std::string_view name, std::string_view text, nonfinite& field) {
  if (text == "raise") field = nonfinite::raise;
  else if (text == "skip") field = nonfinite::skip;
  else if (text == "unchecked") field = nonfinite::unchecked;
  else refuse_value(name, text, "raise, skip or unchecked");
}
inline void read(std::string_view name, std::string_view text, rounding& field) {
  if (text == "stochastic") field = rounding::stochastic;
  else if (text == "kahan") field = rounding::kahan;
  else if (text == "nearest") field = rounding::nearest;
  else refuse_value(name, text, "stochastic, kahan or nearest");
}
inline void read(std::string_view name, std::string_view text, adam_convention& field) {
  if (text == "torch") field = adam_convention::torch;
  else if (text == "hf") field = adam_convention::hf;
  else if (text == "bnb") field = adam_convention::bnb;
  else refuse_value(name, text, "torch, hf or bnb");
}

inline void read(std::string_view name, std::string_view text, adopt_convention& field) {
  if (text == "official") field = adopt_convention::official;
  else if (text == "adv") field = adopt_convention::adv;
  else refuse_value(name, text, "official or adv");
}
template <class Word>
void read_word(std::string_view name, std::string_view text, Word& field, std::initializer_list<Word> words,
               const char* expected) {
  for (const Word w : words)
    if (text == name_of(w)) {
      field = w;
      return;
    }
  refuse_value(name, text, expected);
}
inline void read(std::string_view name, std::string_view text, pool& field) {
  read_word(name, text, field, {pool::all, pool::group, pool::shape, pool::tensor}, "all, group, shape or tensor");
}
inline void read(std::string_view name, std::string_view text, projection_side& field) {
  using enum projection_side;
  read_word(name, text, field, {std, reverse_std, left, right}, "std, reverse_std, left or right");
}
inline void read(std::string_view name, std::string_view text, basis_store& field) {
  using enum basis_store;
  read_word(name, text, field, {fp32, bf16, dynamic8, nf4}, "fp32, bf16, dynamic8 or nf4");
}
inline void read(std::string_view name, std::string_view text, moment_transport& field) {
  using enum moment_transport;
  read_word(name, text, field, {rotate, none, reset}, "rotate, none or reset");
}

// "3e-4", or a schedule's name and its numbers in the order of its struct: "warmup_cosine 3e-4 100 10000 0"
inline void read(std::string_view name, std::string_view text, schedule& field) {
  constexpr std::string_view forms =
      "a number, 'warmup_cosine PEAK WARMUP TOTAL [FINAL]', 'polynomial_decay PEAK WARMUP TOTAL [POWER [FINAL]]', "
      "'step_decay INITIAL EVERY [FACTOR]' or 'inverse_sqrt PEAK'";
  const auto space = text.find(' ');
  if (space == text.npos) {
    field = read_number<double>(name, text, forms);
    return;
  }
  double numbers[5] = {};
  std::size_t count = 0;
  for (std::string_view rest = text.substr(space + 1);;) {
    if (count == 5) refuse_value(name, text, forms);
    const auto end = rest.find(' ');
    numbers[count++] = read_number<double>(name, rest.substr(0, end), forms);
    if (end == rest.npos) break;
    rest.remove_prefix(end + 1);
  }
  for (std::size_t i = 1; i < count; ++i)
    if (!(numbers[i] > -1e15 && numbers[i] < 1e15)) refuse_value(name, text, forms);
  const auto whole = [&](std::size_t i) {
    const auto n = static_cast<std::int64_t>(numbers[i]);
    if (static_cast<double>(n) != numbers[i]) refuse_value(name, text, forms);
    return n;
  };
  const auto form = text.substr(0, space);
  if (form == "warmup_cosine" && (count == 3 || count == 4))
    field = warmup_cosine{numbers[0], whole(1), whole(2), numbers[3]};
  else if (form == "polynomial_decay" && count >= 3)
    field = polynomial_decay{numbers[0], whole(1), whole(2), count > 3 ? numbers[3] : 1, numbers[4]};
  else if (form == "step_decay" && (count == 2 || count == 3))
    field = step_decay{numbers[0], whole(1), count > 2 ? numbers[2] : 0.1};
  else if (form == "inverse_sqrt" && count == 1) field = inverse_sqrt{numbers[0]};
  else refuse_value(name, text, forms);
}

}  // namespace detail
}  // namespace mango
