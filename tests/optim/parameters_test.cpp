// A parameter that is not finite is refused where it is bound, before anything is registered or changed. Compiled once
// more with -ffast-math, so numbers that are not finite are made as bits.
#include <doctest/doctest.h>

#include <cstring>

#include "mango/backend/threads.hpp"
#include "mango/optim/adamw.hpp"
#include "mango/store/fp16.hpp"
#include "optim/caught.hpp"
#include "optim/model.hpp"
#include "optim/snapshot.hpp"

using namespace optim_test;
using mango::bfloat16, mango::dtype, mango::errc, mango::float16;

namespace {

constexpr index_t size = 131'075;  // three chunks

template <class E> void poison(std::vector<E>& x, index_t at, bool infinite) {
  std::uint32_t bits = infinite ? 0xff800000u : 0x7fc00000u;
  if constexpr (std::same_as<E, float16>) bits = infinite ? 0xfc00u : 0x7e00u;
  else if constexpr (sizeof(E) == 2) bits >>= 16;
  std::memcpy(static_cast<void*>(x.data() + at), &bits, sizeof(E));
}

template <class P> struct bound {
  std::vector<P> p = std::vector<P>(static_cast<std::size_t>(size)), g = p;
  mango::tensor_spec spec{.shape = {size}, .parameter = mango::dtype_of<P>};
};

template <class P> void refused_everywhere() {
  for (const bool infinite : {false, true})
    for (const index_t at : {index_t{0}, index_t{65'535}, index_t{65'536}, size - 1}) {
      bound<P> w;
      mango::adamw opt{{}};
      poison(w.p, at, infinite);
      check_error(caught([&] { opt.add("w", w.spec, w.p, w.g); }), errc::nonfinite, "w", size, at);
      CHECK((opt.size() == 0 && opt.faults().nonfinite_parameters == 1));

      const auto id = opt.add("w", w.spec);
      const snapshot before(opt);
      const auto e = caught([&] { opt.bind(id, w.p, w.g); });
      check_error(e, errc::nonfinite, "w", size, at);
      CHECK(contains(e.what(), "parameter"));
      CHECK((snapshot(opt) == before && opt.faults().nonfinite_parameters == 2));
      check_error(caught([&] { opt.step(); }), errc::order, "w");  // it is still bound to nothing
    }
}

}  // namespace

TEST_CASE("optim parameters: one that is not finite is refused by add and bind, wherever it is") {
  refused_everywhere<float>();
  refused_everywhere<bfloat16>();
  refused_everywhere<float16>();
}

TEST_CASE("optim parameters: master copies are looked at too") {
  bound<bfloat16> w;
  w.spec.master = true;
  std::vector<float> master(static_cast<std::size_t>(size));
  poison(master, 70'000, true);
  mango::adamw opt{{}};
  const auto e = caught([&] { opt.add("w", w.spec, w.p, w.g, master); });
  check_error(e, errc::nonfinite, "w", size, 70'000);
  CHECK(contains(e.what(), "master copy"));
  master[70'000] = 0;
  CHECK_NOTHROW(opt.add("w", w.spec, w.p, w.g, master));
}

TEST_CASE("optim parameters: a place that is known is not read again, and a new one is") {
  bound<float> w, other;
  mango::adamw opt{{}};
  const auto id = opt.add("w", w.spec, w.p, w.g);
  poison(w.p, 5, false);
  CHECK_NOTHROW(opt.bind(id, w.p, other.g));  // its gradient has moved
  poison(other.p, 7, true);
  check_error(caught([&] { opt.bind(id, other.p, other.g); }), errc::nonfinite, "w", size, 7);
  CHECK_NOTHROW(opt.step());  // of what was bound before
  CHECK(opt.faults().nonfinite_parameters == 1);
}

TEST_CASE("optim parameters: what has accumulated is not mistaken for the parameter") {
  bound<float> w, other;
  mango::adamw opt{{.options = {.on_nonfinite = mango::nonfinite::unchecked, .accumulate = true}}};
  const auto id = opt.add("w", w.spec, w.p, w.g);
  poison(w.g, 3, true);
  opt.accumulate(id, w.g);
  CHECK_NOTHROW(opt.bind(id, other.p, other.g));
}

TEST_CASE("optim parameters: nobody looks when options say so, and steps never do") {
  bound<float> w;
  poison(w.p, 5, true);
  mango::adamw unchecked{{.options = {.check_parameters = false}}};
  CHECK_NOTHROW(unchecked.add("w", w.spec, w.p, w.g));
  CHECK((unchecked.step().applied && unchecked.faults().nonfinite_parameters == 0));
  mango::adamw opt{{}};
  const auto id = opt.add("w", w.spec);
  CHECK(opt.begin_step().update(id, w.p, w.g));
}

TEST_CASE("optim parameters: empty ones, and several threads") {
  mango::adamw opt{{}};
  std::vector<float> none;
  CHECK_NOTHROW(opt.add("none", {.shape = {0}}, none, none));
  mango::threads pool(3);
  bound<float> w;
  poison(w.p, 100'000, false);
  mango::adamw threaded{{}, mango::host{pool}};
  check_error(caught([&] { threaded.add("w", w.spec, w.p, w.g); }), errc::nonfinite, "w", size, 100'000);
}

TEST_CASE("optim parameters: numbers at the end of 16 bits are counted, in parameters and state") {
  const auto count = [](auto largest, mango::rounding how, auto... beyond) {
    using P = decltype(largest);
    bound<P> w;
    w.p[3] = largest;
    w.p[70'000] = P{static_cast<std::uint16_t>(largest.bits | 0x8000u)};
    w.p[9] = P{static_cast<std::uint16_t>(largest.bits - 1)};
    std::size_t i = 100;
    ((w.p[i++] = beyond), ...);
    mango::adamw_config c{};
    c.options.half_parameters = how;
    c.options.check_parameters = false;
    mango::adamw opt{c};
    const auto id = opt.add("w", w.spec, w.p, w.g);
    return opt.saturated(id);
  };
  CHECK(count(float16{0x7bff}, mango::rounding::stochastic) == 2);
  CHECK(count(float16{0x7bff}, mango::rounding::nearest, float16{0x7c00}, float16{0xfc00}) == 4);
  CHECK(count(bfloat16{0x7f7f}, mango::rounding::kahan, bfloat16{0x7f80}) == 3);

  // gradients above what a half can hold: the first moment is cut at 65504, and says so
  std::vector<float> p(1000), g(1000, 1e6f);
  mango::adamw<mango::stores<mango::fp16, mango::fp32>> opt{mango::adamw_config{}};
  const auto id = opt.add("w", {.shape = {1000}}, p, g);
  CHECK(opt.saturated(id) == 0);
  opt.step();  // m = 0.1 * 1e6
  CHECK(opt.saturated(id) == 1000);
}
