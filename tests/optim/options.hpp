#pragma once
// whether every option that the factory knows by name changes something
#include <doctest/doctest.h>

#include <cfenv>
#include <set>
#include <vector>

#include "factory/host_factory.hpp"
#include "optim/caught.hpp"
#include "optim/numbers.hpp"
#include "optim/snapshot.hpp"

namespace optim_test {

/// Everything an option could change: weights in fp32 and bf16 and the state after some steps, what a NaN does in a
/// gradient and in a parameter, and what a step does that rounds upwards.
/// Gradients are random, and have this mean.
inline std::string behaviour(const std::string& line, float drift) {
  std::string out;
  const auto add = [&out](const auto& v) {
    out.append(reinterpret_cast<const char*>(v.data()), v.size() * sizeof(*v.data()));
  };
  auto opt = mango::make_optimizer(line);
  auto p = uniform(33, 1), g = uniform(33, 2);
  auto half = to_bf16(p), slope = to_bf16(g);
  opt.add("p", {.shape = {33}}, p, g);
  opt.add("half", {.shape = {33}, .parameter = mango::dtype::bf16}, half, slope);
  for (unsigned k = 0; k < 4; ++k) {
    refill(g, uniform(33, 10 + k));
    for (float& x : g) x += drift;
    refill(slope, to_bf16(g));
    opt.step();
  }
  add(p);
  add(half);
  add(snapshot(opt.tensors()).state);
  const auto note = [&out](auto call) {
    try {
      out += call();
    } catch (const mango::error& e) {
      out += e.what();
    }
  };
  const auto step = [&] { return opt.step().applied ? "applied" : "skipped"; };
  std::fesetround(FE_UPWARD);
  note(step);
  std::fesetround(FE_TONEAREST);
  g[4] = std::bit_cast<float>(0x7fc00000u);
  for (int k = 0; k < 3; ++k) note(step);
  auto bad = g, slope_of_it = uniform(33, 3);
  note([&] { return opt.add("bad", {.shape = {33}}, bad, slope_of_it), "added"; });
  return out;
}

/// The names that the error for an unknown option lists.
inline std::set<std::string> options_of(const std::string& kind) {
  const std::string sentence = caught([&] { mango::make_optimizer(kind + ":nothing=1"); }).what();
  std::set<std::string> names;
  for (std::size_t at = sentence.find("there are ") + 10; at < sentence.size();) {
    const auto comma = std::min(sentence.find(", ", at), sentence.size());
    names.insert(sentence.substr(at, comma - at));
    at = comma + 2;
  }
  return names;
}

/// An option, a value that is not its default, and what else must be set for it to mean something.
struct change {
  const char *option, *value, *with;
};
inline const change common_options[] = {
    {"learning_rate", "0.02", ""},     {"weight_decay", "0.25", ""},
    {"max_norm", "0.5", ""},           {"on_nonfinite", "skip", ""},
    {"on_nonfinite", "unchecked", ""}, {"max_consecutive_skips", "2", "on_nonfinite=skip"},
    {"half_parameters", "kahan", ""},  {"half_parameters", "nearest", ""},
    {"accumulate", "yes", ""},         {"check_parameters", "no", ""},
    {"deterministic", "yes", ""},      {"seed", "7", ""}};

/// "d0=1,b1=2" with one setting more, in place of one of this name.
inline std::string set(const std::string& settings, std::string_view option, std::string_view value) {
  std::string all;
  mango::detail::each_setting(settings, [&](const mango::setting& s) {
    if (s.name != option) all += std::string(s.name) + "=" + std::string(s.value) + ",";
  });
  return all + std::string(option) + "=" + std::string(value);
}

/// Every option of a kind does, with these settings `always`, and none is left without a row.
inline void every_option_acts(const std::string& kind, std::span<const change> own, float drift = 0,
                              const std::string& always = "") {
  auto untested = options_of(kind);
  std::vector<change> all(std::begin(common_options), std::end(common_options));
  all.insert(all.end(), own.begin(), own.end());
  for (const auto& c : all) {
    std::string settings = always;
    mango::detail::each_setting(c.with, [&](const mango::setting& own_setting) {
      settings = set(settings, own_setting.name, own_setting.value);
    });
    const std::string base = kind + ":" + settings, changed = kind + ":" + set(settings, c.option, c.value);
    CAPTURE(changed);
    const bool acts = behaviour(changed, drift) != behaviour(base, drift),
               repeats = behaviour(changed, drift) == behaviour(changed, drift);
    CHECK(acts);
    CHECK(repeats);
    untested.erase(c.option);
  }
  for (const auto& name : untested) FAIL_CHECK("no test changes option " << name << " of " << kind);
}

}  // namespace optim_test
