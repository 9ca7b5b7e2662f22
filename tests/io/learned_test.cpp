// what rules have learned, in checkpoints
#include <doctest/doctest.h>

#include <bit>
#include <cstring>

#include "io/resumes.hpp"
#include "io/rewritten.hpp"
#include "mango/optim/prodigy.hpp"
#include "mango/optim/schedule_free.hpp"
#include "mango/optim/simplified_ademamix.hpp"
#include "mango/store/dynamic8.hpp"
#include "mango/store/factored.hpp"
#include "optim/caught.hpp"

using namespace io_test;
using mango::stores;

TEST_CASE("io learned: what rules have learned resumes, and is refused when it is no number") {
  resumes<mango::prodigy<>>({.distance = {.d0 = 1e-3, .slice = 3}});
  resumes<mango::prodigy<stores<mango::factored<>, mango::factored<>>, mango::host, mango::featured>>(
      {.distance = {.d0 = 1e-3, .share = mango::pool::tensor}, .features = {.cautious = true, .kourkoutas = true}});
  resumes<mango::schedule_free<stores<mango::dynamic8<>, mango::fp32>>>({});
  resumes<mango::simplified_ademamix<>, mango::bfloat16>({.b1_warmup = 5});
  const temporary_folder folder;
  mango::prodigy<> opt{{}};
  opt.add("w", 5);
  const auto path = folder / "learned.safetensors";
  mango::save_checkpoint(opt, path);
  io_test::rewritten bad{mango::checkpoint_file(mango::old_file(path))};
  const double nan = std::bit_cast<double>(std::uint64_t{0x7ff8000000000000});
  std::memcpy(bad.array("w.prodigy.d").kept.data(), &nan, sizeof nan);
  const auto bytes = bad.bytes();
  optim_test::check_error(optim_test::caught([&] { mango::load_checkpoint(opt, mango::memory_source(bytes)); }),
                          mango::errc::state_value, "w");
}
