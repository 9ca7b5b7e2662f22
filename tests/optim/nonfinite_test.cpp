// NaN and infinity in gradients: found wherever they are, refused, skipped or let through as told. Compiled once more
// with -ffast-math, so numbers that are not finite are made and compared as bits.
#include <doctest/doctest.h>

#include <cfloat>
#include <cstring>

#include "mango/optim/adamw.hpp"
#include "mango/optim/sgd.hpp"
#include "optim/caught.hpp"
#include "optim/model.hpp"
#include "optim/snapshot.hpp"

using namespace optim_test;
using mango::errc, mango::nonfinite;

namespace {

const std::vector<index_t> sizes = {7, 40, 131'075};  // the last has three chunks

template <class G> void poison(std::vector<G>& g, index_t at, std::uint32_t pattern) {
  if constexpr (std::same_as<G, mango::float16>)
    pattern = (pattern >> 16 & 0x8000u) | ((pattern & 0x7fffffu) != 0 ? 0x7c01u : 0x7c00u);
  else if constexpr (sizeof(G) == 2)
    pattern = pattern >> 16 | 1u << ((pattern & 0x7fffffu) != 0 ? 0 : 7);  // NaN stays NaN
  std::memcpy(static_cast<void*>(g.data() + at), &pattern, sizeof(G));     // little-endian: the lower half
}

mango::adamw_config config_of(nonfinite mode, double max_norm = 0, std::int64_t max_skips = 0,
                              bool accumulate = false) {
  return {.learning_rate = 1e-2,
          .weight_decay = 0.1,
          .max_norm = max_norm,
          .options = {.on_nonfinite = mode, .max_consecutive_skips = max_skips, .accumulate = accumulate}};
}

// f(model whose gradient is bad, tensor, element) for every pattern at the first, a middle and the last element of the
// first and the last tensor, and at chunk boundaries
template <class G, class F> void everywhere(F f) {
  for (const auto pattern : support::nonfinite_patterns)
    for (const std::size_t tensor : {std::size_t{0}, std::size_t{2}})
      for (const index_t at : {index_t{0}, sizes[tensor] / 2, index_t{65'535}, index_t{65'536}, sizes[tensor] - 1}) {
        if (at >= sizes[tensor]) continue;
        CAPTURE(pattern);
        CAPTURE(tensor);
        CAPTURE(at);
        static const model<float, G> good(sizes);
        auto t = good;
        poison(t.g[tensor], at, pattern);
        f(t, good, tensor, at);
      }
}

void check_refusal(const mango::error& e, const std::string& name, std::size_t tensor, index_t at) {
  check_error(e, errc::nonfinite, name, sizes[tensor], at);
}

template <class G> void raises_everywhere() {
  everywhere<G>([](auto& t, const auto& good, std::size_t tensor, index_t at) {
    for (const double max_norm : {0.0, 1.0}) {
      CAPTURE(max_norm);
      mango::adamw opt{config_of(nonfinite::raise, max_norm)};
      t.ids.clear();
      t.register_in(opt, true);
      const snapshot before(opt);
      check_refusal(caught([&] { opt.step(); }), t.name(tensor), tensor, at);

      const auto step = opt.begin_step();
      const auto bad = t.ids[tensor];
      if (max_norm > 0) {
        check_refusal(caught([&] { step.measure(bad, t.g[tensor]); }), t.name(tensor), tensor, at);
      } else {
        std::vector<float> delta(t.p[tensor].size());
        check_refusal(caught([&] { step.update(bad, t.p[tensor], t.g[tensor]); }), t.name(tensor), tensor, at);
        check_refusal(caught([&] { step.update_into(bad, t.p[tensor], t.g[tensor], delta); }), t.name(tensor), tensor,
                      at);
        CHECK(same_bits(delta, std::vector<float>(delta.size())));
      }
      CHECK(snapshot(opt) == before);
      CHECK(t.same_parameters(good));
      if (max_norm > 0)
        for (std::size_t i = 0; i < t.size(); ++i) step.measure(t.ids[i], good.g[i]);
      CHECK(step.update(bad, t.p[tensor], good.g[tensor]));  // the same step, with a better gradient
      CHECK(opt.updates(bad) == 1);
      t.p[tensor] = good.p[tensor];
    }
  });
}

template <class G> void skips_everywhere() {
  everywhere<G>([](auto& t, const auto& good, std::size_t tensor, index_t) {
    mango::adamw opt{config_of(nonfinite::skip)};
    t.register_in(opt, true);
    const auto report = opt.step();
    CHECK(!report.applied);
    CHECK(report.updated == 0);
    CHECK(t.same_parameters(good));
    CHECK(opt.counters().skipped_steps == 1);
    CHECK(opt.counters().consecutive_skips == 1);
    CHECK(opt.counters().steps == 0);

    const auto step = opt.begin_step();  // tensor by tensor only the bad one is skipped
    for (std::size_t i = 0; i < t.size(); ++i) CHECK(step.update(t.ids[i], t.p[i], t.g[i]) == (i != tensor));
    CHECK(same_bits(t.p[tensor], good.p[tensor]));
    CHECK(!same_bits(t.p[1], good.p[1]));
    for (std::size_t i = 0; i < t.size(); ++i) CHECK(opt.updates(t.ids[i]) == (i != tensor));
    for (const auto& part : opt.state(t.ids[tensor]))
      CHECK(same_bits(part.bytes, std::vector<std::byte>(part.bytes.size())));
    CHECK(opt.counters().skipped_updates == 1);
    CHECK(opt.counters().skipped_steps == 1);
    CHECK(opt.counters().steps == 1);
  });
}

}  // namespace

TEST_CASE("optim nonfinite: raise names the tensor and the element and changes nothing, fp32 gradients") {
  raises_everywhere<float>();
}
TEST_CASE("optim nonfinite: raise names the tensor and the element and changes nothing, bf16 gradients") {
  raises_everywhere<bfloat16>();
}

TEST_CASE("optim nonfinite: raise names the tensor and the element and changes nothing, fp16 gradients") {
  raises_everywhere<mango::float16>();
}
TEST_CASE("optim nonfinite: skip leaves out the step or the tensor and counts it, fp32 gradients") {
  skips_everywhere<float>();
}
TEST_CASE("optim nonfinite: skip leaves out the step or the tensor and counts it, bf16 gradients") {
  skips_everywhere<bfloat16>();
}

TEST_CASE("optim nonfinite: skip leaves out the step or the tensor and counts it, fp16 gradients") {
  skips_everywhere<mango::float16>();
}

TEST_CASE("optim nonfinite: a skipped step can be taken again, and is then what it would have been") {
  model<float> t({7, 40}), undisturbed({7, 40});
  mango::adamw opt{config_of(nonfinite::skip)}, calm{config_of(nonfinite::skip)};
  t.register_in(opt, true);
  undisturbed.register_in(calm, true);
  for (unsigned k = 0; k < 4; ++k) {
    t.backward(k);
    const auto keep = t.g[1][3];
    poison(t.g[1], 3, 0x7fc00000u);
    CHECK(!opt.step().applied);
    t.g[1][3] = keep;
    CHECK(opt.step().applied);
    CHECK(opt.counters().consecutive_skips == 0);
    undisturbed.backward(k);
    calm.step();
  }
  CHECK(t.same_parameters(undisturbed));
  CHECK(opt.counters().steps == 4);
  CHECK(opt.counters().skipped_steps == 4);
}

TEST_CASE("optim nonfinite: too many skips in a row raise, never accept") {
  for (const bool batched : {true, false}) {
    CAPTURE(batched);
    model<float> t({40});
    mango::adamw opt{config_of(nonfinite::skip, 0, 3)};
    t.register_in(opt, true);
    const auto before = t.p;
    const auto take = [&] { return batched ? opt.step().applied : opt.begin_step().update(t.ids[0], t.p[0], t.g[0]); };
    const auto good = t.g[0];
    poison(t.g[0], 39, 0xff800000u);
    CHECK(!take());
    CHECK(!take());
    const auto e = caught(take);
    CHECK(e.code() == errc::nonfinite);
    CHECK(e.expected() == 3);
    CHECK(e.got() == 3);
    CHECK(contains(e.what(), "max_consecutive_skips"));
    CHECK(caught(take).got() == 4);
    CHECK(same_bits(t.p[0], before[0]));
    refill(t.g[0], good);
    CHECK(take());
    CHECK(opt.counters().consecutive_skips == 0);
    poison(t.g[0], 0, 0x7f800001u);
    CHECK(!take());  // counted from the start
  }
}

TEST_CASE("optim nonfinite: one bad gradient skips a whole clipped step in two phases, counted once") {
  for (const bool accumulate : {false, true}) {
    CAPTURE(accumulate);
    model<float> t({7, 40, 12}), good = t;
    poison(t.g[1], 11, 0x7f800000u);
    mango::adamw opt{config_of(nonfinite::skip, 1, 0, accumulate)};
    t.register_in(opt, false);
    const snapshot before(opt);
    const auto take = [&](auto& m) {
      const auto step = opt.begin_step();
      int updated = 0;
      for (std::size_t i = 0; i < t.size(); ++i) step.measure(t.ids[i], m.g[i]);
      for (std::size_t i = 0; i < t.size(); ++i)
        updated += accumulate ? step.update(t.ids[i], t.p[i]) : step.update(t.ids[i], t.p[i], m.g[i]);
      return updated;
    };
    CHECK(take(t) == 0);
    CHECK(t.same_parameters(good));
    CHECK(snapshot(opt).state == before.state);  // accumulators too are empty
    CHECK(opt.counters().skipped_steps == 1);
    CHECK(opt.counters().skipped_updates == 0);
    CHECK(opt.counters().consecutive_skips == 1);
    CHECK(take(good) == 3);
    CHECK(opt.counters().steps == 1);
    CHECK(opt.counters().consecutive_skips == 0);
  }
}

TEST_CASE("optim nonfinite: a skip in two phases empties every accumulator, even if it raises or the trainer stops") {
  for (const bool raises : {true, false}) {
    CAPTURE(raises);
    model<float> t({7, 40}), good = t;
    poison(t.g[1], 11, 0x7fc00000u);
    mango::adamw opt{config_of(nonfinite::skip, 1, raises ? 1 : 0, true)};
    t.register_in(opt, false);
    const snapshot before(opt);
    const auto measured = [&](const auto& gradients) {
      const auto step = opt.begin_step();
      for (std::size_t i = 0; i < t.size(); ++i) step.measure(t.ids[i], gradients[i]);
      return step;
    };
    const auto bad = measured(t.g);
    if (raises) CHECK(caught([&] { bad.update(t.ids[1], t.p[1]); }).code() == errc::nonfinite);
    else CHECK(!bad.update(t.ids[0], t.p[0]));
    CHECK(snapshot(opt).state == before.state);
    CHECK_NOTHROW(CHECK(measured(good.g).update(t.ids[1], t.p[1])));
  }
}

TEST_CASE("optim nonfinite: what was accumulated is dropped with the step that is skipped") {
  for (const double max_norm : {0.0, 1.0}) {
    CAPTURE(max_norm);
    model<float> t({7, 40}), good = t;
    mango::adamw opt{config_of(nonfinite::skip, max_norm, 0, true)};
    t.register_in(opt, true);
    const snapshot before(opt);
    for (std::size_t i = 0; i < t.size(); ++i) opt.accumulate(t.ids[i], t.g[i]);
    poison(t.g[0], 6, 0x7fc00000u);
    CHECK(!opt.step().applied);
    CHECK(t.same_parameters(good));
    CHECK(snapshot(opt).state == before.state);
    opt.accumulate(t.ids[0], t.g[0]);  // noticed when it is used
    refill(t.g[0], good.g[0]);
    CHECK(!opt.step().applied);
    CHECK(snapshot(opt).state == before.state);
    CHECK(opt.step().applied);
    CHECK(opt.counters().skipped_steps == 2);
  }
}

TEST_CASE("optim nonfinite: accumulate refuses a bad micro-batch and keeps the sum") {
  std::vector<float> p(40, 1.0f), g(40, 0.5f), bad = g;
  poison(bad, 13, 0x7fbfffffu);
  mango::adamw opt{config_of(nonfinite::raise, 0, 0, true)};
  const auto id = opt.add("w", 40);
  opt.accumulate(id, g);
  const snapshot before(opt);
  check_error(caught([&] { opt.accumulate(id, bad); }), errc::nonfinite, "w", 40, 13);
  CHECK(snapshot(opt) == before);
  CHECK(opt.begin_step().update(id, p));
}

TEST_CASE("optim nonfinite: unchecked lets a NaN through to the weights and counts nothing") {
  model<float> t({7, 40});
  poison(t.g[1], 20, 0x7fc00000u);
  mango::adamw opt{config_of(nonfinite::unchecked)};
  t.register_in(opt, true);
  CHECK(opt.step().applied);
  CHECK(mango::is_nonfinite(&t.p[1][20]));
  CHECK(!mango::is_nonfinite(&t.p[1][19]));
  CHECK(opt.counters().skipped_steps == 0);
  CHECK(opt.counters().skipped_updates == 0);
}

TEST_CASE("optim nonfinite: finite gradients are not refused, however large, and their norm is finite") {
  for (const float size : {1e30f, FLT_MAX})
    for (const double max_norm : {0.0, 1.0}) {
      CAPTURE(size);
      CAPTURE(max_norm);
      std::vector<float> p(2500, 1.0f);
      const std::vector<float> g(2500, size);
      mango::adamw opt{config_of(nonfinite::raise, max_norm)};
      const auto id = opt.add("w", {.shape = {2500}}, p, g);
      const auto report = opt.step();
      CHECK(report.applied);
      CHECK(!mango::is_nonfinite(report.gradient_norm));
      CHECK(report.gradient_norm == doctest::Approx(max_norm > 0 ? 50 * static_cast<double>(size) : 0).epsilon(1e-6));
      const auto step = opt.begin_step();
      if (max_norm > 0) step.measure(id, g);
      CHECK(step.update(id, p, g));
      // unclipped, Adam's v is the square of this: infinite in fp32, here as in torch
      if (max_norm > 0) CHECK(mango::first_nonfinite(p.data(), std::ssize(p)) == std::ssize(p));
    }
}
