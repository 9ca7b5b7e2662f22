// Saving and loading an optimizer that is not ready for it: at work, or over parameters that are not finite.
#include <doctest/doctest.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "io/temporary_folder.hpp"
#include "io/trained.hpp"
#include "mango/io/background_save.hpp"
#include "mango/io/convert.hpp"
#include "mango/optim/adamw.hpp"
#include "support/stopped_loop.hpp"

using namespace io_test;
using mango::errc;

namespace {

template <class P> void poison(std::vector<P>& x, std::size_t at) {
  const std::uint16_t infinite = std::same_as<P, mango::float16> ? 0x7c00 : 0x7f80;
  if constexpr (sizeof(P) == 4) x[at] = std::bit_cast<float>(std::uint32_t{infinite} << 16);
  else x[at].bits = infinite;
}

template <class P> void refuses_bad_parameters() {
  const temporary_folder folder;
  using model = trained<mango::adamw<>, P>;
  model saved({});
  saved.train(0, 3);
  mango::save_checkpoint(saved.opt, folder / "c");

  model other({});
  poison(other.p[1], 77);
  const snapshot before(other.opt);
  const auto e = caught([&] { mango::load_checkpoint(other.opt, folder / "c"); });
  check_error(e, errc::nonfinite, other.name(1), 30 * 41, 77);
  CHECK(contains(e.what(), "parameter"));
  CHECK((snapshot(other.opt) == before && other.opt.faults().nonfinite_parameters == 1));
  other.take_parameters(saved);
  CHECK(mango::load_checkpoint(other.opt, folder / "c").steps == 3);

  model unchecked({.options = {.check_parameters = false}});
  poison(unchecked.p[1], 77);
  CHECK(mango::load_checkpoint(unchecked.opt, folder / "c").steps == 3);
}

}  // namespace

TEST_CASE("io in use: a load looks at the parameters that are bound, before anything changes") {
  refuses_bad_parameters<float>();
  refuses_bad_parameters<mango::bfloat16>();
  refuses_bad_parameters<mango::float16>();
}

TEST_CASE("io in use: master copies are looked at too") {
  const temporary_folder folder;
  std::vector<mango::bfloat16> p(10), g(10);
  std::vector<float> master(10);
  mango::adamw opt{{}};
  opt.add("w", {.shape = {10}, .parameter = mango::dtype::bf16, .master = true}, p, g, master);
  mango::save_checkpoint(opt, folder / "c");
  poison(master, 4);
  const auto e = caught([&] { mango::load_checkpoint(opt, folder / "c"); });
  check_error(e, errc::nonfinite, "w", 10, 4);
  CHECK(contains(e.what(), "master copy"));
}

TEST_CASE("io in use: an optimizer in the middle of a step is neither saved nor loaded") {
  const temporary_folder folder;
  support::stopped_loop loop;
  std::vector<float> p(100'000, 1.0f), g(100'000, 0.5f);
  mango::adamw opt{{}, mango::host{loop}};
  opt.add("w", {.shape = {100'000}}, p, g);
  opt.step();
  mango::save_checkpoint(opt, folder / "before");

  loop.go_on = false;
  std::thread step([&] { opt.step(); });
  while (!loop.inside) std::this_thread::yield();
  mango::background_save saver;
  const auto refused = [](auto call) { CHECK(caught(call).code() == errc::concurrency); };
  refused([&] { mango::save_checkpoint(opt, folder / "during"); });
  refused([&] { mango::load_checkpoint(opt, folder / "before"); });
  refused([&] { mango::load_converted(opt, folder / "before"); });
  refused([&] { saver.start(opt, folder / "during"); });
  loop.go_on = true;
  step.join();
  CHECK(!std::filesystem::exists(folder / "during"));
  CHECK((opt.counters().steps == 2 && opt.faults().collisions == 4));
  CHECK(mango::load_checkpoint(opt, folder / "before").steps == 1);
  saver.start(opt, folder / "after");
  CHECK(!saver.wait().empty());
}
