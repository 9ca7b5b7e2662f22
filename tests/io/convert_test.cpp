// io/convert.hpp: from any store to any other, each number no further off than the two stores' roundings
#include "mango/io/convert.hpp"

#include <doctest/doctest.h>

#include "io/temporary_folder.hpp"
#include "io/trained.hpp"
#include "mango/optim/adamw.hpp"

using namespace io_test;
using mango::errc, mango::load_converted, mango::stores;

namespace {

// how far Adam's steps are from those of the exact state, as a part of how far they go
template <class From, class To> double detour() {
  const temporary_folder folder;
  const mango::adamw_config config{.learning_rate = 1e-3, .weight_decay = 0};
  trained<mango::adamw<stores<From, From>>> saved(config);
  saved.train(0, 6);
  mango::save_checkpoint(saved.opt, folder / "c");
  trained<mango::adamw<stores<To, To>>> loaded(config);
  const auto report = load_converted(loaded.opt, folder / "c");
  CHECK(report.steps == 6);
  CHECK(report.tensors == saved.size());
  for (std::size_t i = 0; i < saved.size(); ++i) optim_test::refill(loaded.p[i], saved.p[i]);
  const auto start = saved.p;
  saved.train(6, 7), loaded.train(6, 7);
  double apart = 0, moved = 0;
  for (std::size_t i = 0; i < saved.size(); ++i)
    for (std::size_t j = 0; j < saved.p[i].size(); ++j) {
      apart += std::abs(static_cast<double>(saved.p[i][j] - loaded.p[i][j]));
      moved += std::abs(static_cast<double>(saved.p[i][j] - start[i][j]));
    }
  return apart / moved;
}

using eight = mango::dynamic8<>;
using four = mango::nf4<>;

}  // namespace

TEST_CASE("io convert: between every two kinds of store") {
  CHECK(detour<mango::fp32, mango::bf16>() < 0.01);
  CHECK(detour<mango::bf16, mango::fp32>() == 0);
  CHECK(detour<mango::fp32, mango::fp16>() < 0.002);
  CHECK(detour<mango::fp16, mango::fp32>() < 1e-6);
  CHECK(detour<mango::fp32, mango::kahan>() < 1e-4);
  CHECK(detour<mango::fp32, eight>() < 0.03);
  CHECK(detour<eight, mango::fp32>() < 1e-6);
  CHECK(detour<eight, four>() < 0.3);
  CHECK(detour<four, mango::linear4<>>() < 0.4);
  CHECK(detour<mango::fp32, mango::factored<>>() < 0.8);
  CHECK(detour<mango::factored<>, mango::fp32>() < 1e-5);
  CHECK(detour<mango::factored<>, mango::bf16>() < 0.01);
}

TEST_CASE("io convert: the same stores are copied, bit for bit") {
  const temporary_folder folder;
  trained<mango::adamw<stores<eight, four>>> saved({}), loaded({});
  saved.train(0, 3);
  mango::save_checkpoint(saved.opt, folder / "c");
  CHECK(load_converted(loaded.opt, folder / "c").converted.empty());
  CHECK(snapshot(loaded.opt) == snapshot(saved.opt));
}

TEST_CASE("io convert: what was converted is reported") {
  const temporary_folder folder;
  mango::adamw<stores<eight, mango::fp32>> saved;
  saved.add("w", {.shape = {300}, .parameter = mango::dtype::bf16});
  mango::save_checkpoint(saved, folder / "c");
  mango::adamw<stores<four, mango::fp32>> loaded{
      {.options = {.half_parameters = mango::rounding::kahan, .accumulate = true}}};
  loaded.add("w", {.shape = {300}, .parameter = mango::dtype::bf16});
  const auto report = load_converted(loaded, folder / "c");
  CHECK(report.converted ==
        std::vector<std::string>{"w.m dynamic8, now nf4", "w.parameter starts at 0", "w.accumulator starts at 0"});
}

TEST_CASE("io convert errors: other block sizes and other slots have no name") {
  const temporary_folder folder;
  mango::adamw<stores<mango::dynamic8<64>, mango::fp32>> blocks;
  mango::adamw<> loaded;
  blocks.add("w", 1000), loaded.add("w", 1000);
  mango::save_checkpoint(blocks, folder / "c");
  check_error(caught([&] { load_converted(loaded, folder / "c"); }), errc::state_shape, "w", 16, 64);
  mango::adamw<> plain;
  plain.add("w", 1000);
  mango::save_checkpoint(plain, folder / "d");
  const snapshot before(blocks);
  check_error(caught([&] { load_converted(blocks, folder / "d"); }), errc::state_shape, "w", 16, 64);
  CHECK(snapshot(blocks) == before);
}
