// gradient accumulation: micro-batches add up, clipping sees their sum, and what was used is gone
#include <doctest/doctest.h>

#include "mango/backend/threads.hpp"
#include "mango/optim/adamw.hpp"
#include "mango/optim/sgd.hpp"
#include "optim/caught.hpp"
#include "optim/model.hpp"
#include "optim/snapshot.hpp"

using namespace optim_test;

namespace {

const std::vector<index_t> sizes = {5, 70'001, 128, 1};
const mango::adamw_config base{.learning_rate = 1e-2, .weight_decay = 0.1, .options = {.accumulate = true}};

mango::adamw_config clipped() {
  auto c = base;
  c.max_norm = 2;
  return c;
}

bool accumulators_are_empty(const mango::tensor_registry& opt) {
  for (index_t i = 0; i < opt.size(); ++i)
    for (const float x : floats_of(opt, opt.name({static_cast<std::uint32_t>(i)}), "accumulator"))
      if (x != 0) return false;
  return true;
}

double norm_of(const std::vector<std::vector<float>>& all) {
  double sum = 0;
  for (const auto& g : all)
    for (const float x : g) sum += static_cast<double>(x) * static_cast<double>(x);
  return std::sqrt(sum);
}

// the sum of micro-batches first, ..., first + count - 1
std::vector<std::vector<float>> summed(unsigned first, unsigned count) {
  model<float> t(sizes);
  auto sum = t.g;
  for (auto& g : sum) std::fill(g.begin(), g.end(), 0.0f);
  for (unsigned k = first; k < first + count; ++k) {
    t.backward(k);
    for (std::size_t i = 0; i < sum.size(); ++i)
      for (std::size_t j = 0; j < sum[i].size(); ++j) sum[i][j] += t.g[i][j];
  }
  return sum;
}

}  // namespace

TEST_CASE("optim accumulate: a measured gradient is not counted twice") {
  std::vector<float> p(5, 1.0f), g(5, 0.5f);
  mango::adamw opt{{.max_norm = 1, .options = {.accumulate = true}}};
  const auto id = opt.add("w", p.size());
  const auto step = opt.begin_step();
  step.measure(id, g);
  const auto before = p;
  CHECK(caught([&] { step.update(id, p, g); }).code() == mango::errc::order);
  CHECK(p == before);
  CHECK(step.update(id, p));
  CHECK(p != before);
}

TEST_CASE("optim accumulate: micro-batches are one gradient, their sum, and each is used once") {
  for (const bool clips : {false, true}) {
    CAPTURE(clips);
    model<float> t(sizes), whole(sizes);
    mango::adamw opt{clips ? clipped() : base}, exact{clips ? clipped() : base};
    t.register_in(opt, true);
    whole.register_in(exact, true);
    for (unsigned round = 0; round < 3; ++round) {
      for (unsigned k = 0; k < 3; ++k) {  // the fourth is the bound gradient of the step itself
        t.backward(4 * round + k);
        for (std::size_t i = 0; i < t.size(); ++i) opt.accumulate(t.ids[i], t.g[i]);
      }
      t.backward(4 * round + 3);
      const auto sum = summed(4 * round, 4);
      for (std::size_t i = 0; i < t.size(); ++i) refill(whole.g[i], sum[i]);
      const auto a = opt.step({.gradient_scale = 0.25}), b = exact.step({.gradient_scale = 0.25});
      CHECK(a.gradient_norm == doctest::Approx(b.gradient_norm).epsilon(1e-6));
      if (clips) CHECK(a.gradient_norm == doctest::Approx(norm_of(sum) / 4).epsilon(1e-6));
      CHECK(accumulators_are_empty(opt));
      for (std::size_t i = 0; i < t.size(); ++i) CHECK(distance(t.p[i], whole.p[i]) < 1e-6);
    }
    CHECK(opt.counters().steps == 3);
  }
}

TEST_CASE("optim accumulate: update without a gradient applies the accumulator, with one their sum") {
  model<float> t({70'001}), u({70'001}), v({70'001});
  mango::adamw from_sum{base}, from_both{base}, exact{base};
  t.register_in(from_sum, false);
  u.register_in(from_both, false);
  v.register_in(exact, false);
  for (unsigned round = 0; round < 2; ++round) {
    std::vector<float> sum(70'001);
    for (unsigned k = 0; k < 3; ++k) {
      t.backward(3 * round + k);
      u.backward(3 * round + k);
      from_sum.accumulate(t.ids[0], t.g[0]);
      if (k < 2) from_both.accumulate(u.ids[0], u.g[0]);
      for (std::size_t j = 0; j < sum.size(); ++j) sum[j] += t.g[0][j];
    }
    CHECK(from_sum.begin_step().update(t.ids[0], t.p[0]));
    CHECK(from_both.begin_step().update(u.ids[0], u.p[0], u.g[0]));
    CHECK(exact.begin_step().update(v.ids[0], v.p[0], sum));
    CHECK(same_bits(t.p[0], v.p[0]));
    CHECK(same_bits(u.p[0], v.p[0]));
    CHECK(accumulators_are_empty(from_sum));
    CHECK(accumulators_are_empty(from_both));
  }
  check_error(caught([&] { from_sum.begin_step().update(t.ids[0], t.p[0]); }), mango::errc::order, "tensor.0");
}

TEST_CASE("optim accumulate: bf16 gradients are summed in fp32") {
  std::vector<float> p(8, 0.0f);
  mango::sgd opt{{.learning_rate = 1.0, .options = {.accumulate = true}}};
  const auto id = opt.add("w", 8);
  // bf16 has 8 bits: in bf16 256 + 1 is 256
  opt.accumulate(id, to_bf16(std::vector<float>(8, 256.0f)));
  for (int k = 0; k < 7; ++k) opt.accumulate(id, to_bf16(std::vector<float>(8, 1.0f)));
  for (const float x : floats_of(opt, "w", "accumulator")) CHECK(x == 263.0f);
  const std::span<const bfloat16> last;
  CHECK(opt.begin_step().update(id, p));
  for (const float x : p) CHECK(x == -263.0f);
  opt.accumulate(id, to_bf16(std::vector<float>(8, 256.0f)));
  CHECK(opt.begin_step().update(id, p, to_bf16(std::vector<float>(8, 1.0f))));
  for (const float x : p) CHECK(x == -263.0f - 257.0f);
  opt.bind(id, p, last);
  opt.accumulate(id, std::vector<float>(8, 2.0f));
  CHECK(opt.step().updated == 1);  // no bound gradient, but something accumulated
  CHECK(opt.step().without_gradient == 1);
  for (const float x : p) CHECK(x == -263.0f - 257.0f - 2.0f);
}

TEST_CASE("optim accumulate: bf16 parameters with and without a master take their update from the accumulator") {
  const auto g = uniform(33, 3);
  for (const bool master : {false, true}) {
    CAPTURE(master);
    auto config = base;
    config.options.half_parameters = mango::rounding::kahan;
    mango::adamw opt{config}, exact{config};
    const mango::tensor_spec spec{.shape = {33}, .parameter = mango::dtype::bf16, .master = master};
    const auto a = opt.add("w", spec), b = exact.add("w", spec);
    std::vector<float> wide = master ? uniform(33, 1) : std::vector<float>(), wide2 = wide;
    auto p = to_bf16(uniform(33, 1)), q = p;
    for (int k = 0; k < 3; ++k) {
      opt.accumulate(a, g);
      if (master) CHECK(opt.begin_step().update_master(a, p, wide));
      else CHECK(opt.begin_step().update(a, p));
      CHECK(exact.begin_step().update(b, q, g, wide2));
    }
    CHECK(same_bits(p, q));
    CHECK(same_bits(wide, wide2));
  }
}

TEST_CASE("optim accumulate: two phases with an accumulator need each gradient once, and equal the batched step") {
  for (const int threads : {1, 3}) {
    mango::threads pool{threads};
    model<float> t(sizes), whole(sizes);
    mango::adamw<mango::stores<mango::fp32, mango::fp32>> opt{clipped(), mango::host{pool}};
    auto config = clipped();
    config.options.accumulate = false;
    mango::adamw exact{config};
    t.register_in(opt, false);
    whole.register_in(exact, true);
    for (unsigned k = 0; k < 3; ++k) {
      t.backward(k);
      whole.backward(k);
      exact.step();
      const auto step = opt.begin_step();
      for (std::size_t i = t.size(); i-- > 0;) {
        step.measure(t.ids[i], t.g[i]);
        std::fill(t.g[i].begin(), t.g[i].end(), 1e9f);  // freed, and reused for something else
      }
      for (std::size_t i = 0; i < t.size(); ++i) CHECK(step.update(t.ids[i], t.p[i]));
      CHECK(accumulators_are_empty(opt));
    }
    CHECK(t.same_parameters(whole));
  }
}

TEST_CASE("optim accumulate: the norm of two phases takes in what was accumulated before") {
  model<float> t(sizes), whole(sizes);
  mango::adamw opt{clipped()}, exact{clipped()};
  t.register_in(opt, false);
  whole.register_in(exact, true);
  const auto sum = summed(0, 2);
  t.backward(0);
  for (std::size_t i = 0; i < t.size(); ++i) opt.accumulate(t.ids[i], t.g[i]);
  t.backward(1);
  const auto step = opt.begin_step();
  for (std::size_t i = 0; i < t.size(); ++i) step.measure(t.ids[i], t.g[i]);
  for (std::size_t i = 0; i < t.size(); ++i) {
    step.update(t.ids[i], t.p[i]);
    refill(whole.g[i], sum[i]);
  }
  exact.step();
  CHECK(t.same_parameters(whole));
}

TEST_CASE("optim accumulate: an empty tensor accumulates nothing, legally") {
  for (const auto& config : {base, clipped()}) {
    std::vector<float> nothing;
    mango::adamw opt{config};
    const auto id = opt.add("empty", {.shape = {0, 3}});
    opt.accumulate(id, nothing);
    const auto step = opt.begin_step();
    step.measure(id, nothing);
    CHECK(step.update(id, nothing));
  }
}

TEST_CASE("optim accumulate: it needs an accumulator, and spans that fit") {
  mango::adamw without{{}}, with{base};
  std::vector<float> p(5), g(5), small(4);
  const auto a = without.add("w", 5), b = with.add("w", 5);
  check_error(caught([&] { without.accumulate(a, g); }), mango::errc::order, "w");
  check_error(caught([&] { without.begin_step().update(a, p); }), mango::errc::order, "w");
  check_error(caught([&] { with.begin_step().update(b, p); }), mango::errc::order, "w");  // nothing in it
  check_error(caught([&] { with.accumulate(b, small); }), mango::errc::size, "w", 5, 4);
  check_error(caught([&] { with.accumulate(b, std::span<const float>(static_cast<float*>(nullptr), 5)); }),
              mango::errc::null_span, "w");
  CHECK(accumulators_are_empty(with));
  check_error(caught([&] { with.begin_step().update(b, p); }), mango::errc::order, "w");  // still nothing
  with.accumulate(b, g);
  CHECK(with.begin_step().update(b, p));
}
