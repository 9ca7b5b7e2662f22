#pragma once
// What is really used, in words: for logs and bug reports.
#include "mango/optim/registry.hpp"
#include "mango/rule/hyperparameter.hpp"

namespace mango::inline MANGO_ABI {

/// The visitor that collects hyperparameters as "b1 0.9, b2 0.999".
struct hyperparameter_words {
  text words;
  void operator()(const char* field, double value, const interval&) { append(field, digits(value)); }
  void operator()(const char* field, const char* word) { append(field, word); }
  void append(std::string_view field, std::string_view value) {
    words += concat({words.empty() ? "" : ", ", field, " ", value});
  }
};

/// "raise", "skip" or "unchecked".
constexpr const char* name_of(nonfinite n) {
  return n == nonfinite::raise ? "raise" : n == nonfinite::skip ? "skip" : "unchecked";
}
/// "stochastic", "kahan" or "nearest".
constexpr const char* name_of(rounding r) {
  return r == rounding::stochastic ? "stochastic" : r == rounding::kahan ? "kahan" : "nearest";
}

/// "group 1: b1 0.9, ...".
inline text describe_group(std::size_t group, std::string_view hyperparameters) {
  return concat({"group ", digits(group), ": ", hyperparameters, "\n"});
}

/// One line per group: what its rules are configured as.
template <class Chain> text describe_groups(const list<Chain>& rules) {
  text out;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    hyperparameter_words list;
    rules[i].hyperparameters(list);
    out += describe_group(i, list.words);
  }
  return out;
}

inline text tensor_registry::describe_totals(std::string_view title) const {
  index_t parameters = 0;
  for (const auto* t : tensors_) parameters += t->elements();
  const auto bytes = state_bytes();
  const double each = parameters ? static_cast<double>(bytes) / static_cast<double>(parameters) : 0;
  return concat({title,
                 ": ",
                 digits(size()),
                 " tensors, ",
                 digits(parameters),
                 " parameters, ",
                 digits(bytes),
                 " bytes of state (",
                 digits(each),
                 " per parameter), ",
                 digits(workspace_bytes()),
                 " of workspace\n",
                 "on_nonfinite ",
                 name_of(options_.on_nonfinite),
                 ", max_consecutive_skips ",
                 digits(options_.max_consecutive_skips),
                 ", half_parameters ",
                 name_of(options_.half_parameters),
                 ", accumulate ",
                 options_.accumulate ? "yes" : "no",
                 ", check_parameters ",
                 options_.check_parameters ? "yes" : "no",
                 ", deterministic ",
                 options_.deterministic ? "yes" : "no",
                 ", seed ",
                 digits(options_.seed),
                 "\n"});
}

inline text tensor_registry::describe_tensors() const {
  text out;
  for (const auto* t : tensors_) {
    const bool rounded = t->spec.parameter != dtype::f32 && !t->spec.master;
    out += concat({t->name, "  ", to_text(t->spec.shape), "  ", name_of(t->spec.parameter),
                   t->spec.master ? " with fp32 master"
                   : rounded      ? " "
                                  : "",
                   rounded ? name_of(options_.half_parameters) : "", "  group ", digits(t->group), "  ",
                   digits(t->layout.bytes), " bytes:"});
    if (const auto& p = t->layout.projection; p.projects())
      out += concat({" rank ", digits(p.rank), p.right ? " from the right," : " from the left,"});
    const char* last = nullptr;
    for (const auto& p : t->layout.parts) {
      if (last != p.slot) out += concat({last ? ", " : " ", p.slot, " ", p.store});
      last = p.slot;
    }
    out += t->layout.parts.empty() ? " no state\n" : "\n";
  }
  return out;
}

}  // namespace mango
