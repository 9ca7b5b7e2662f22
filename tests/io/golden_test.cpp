// files that are older than this library: one of every schema that it has written, and one of another library
#include <doctest/doctest.h>

#include "io/temporary_folder.hpp"
#include "mango/io/torch.hpp"
#include "mango/optim/adamw.hpp"
#include "mango/store/dynamic8.hpp"
#include "optim/snapshot.hpp"

namespace {
const std::string folder = MANGO_TEST_DATA "/io/golden/";
}

// saved after three steps of these gradients; another compiler may round a step otherwise, and still loads the file
TEST_CASE("io golden: a checkpoint of schema 1 loads, and is saved as it was") {
  mango::adamw<mango::stores<mango::bf16, mango::dynamic8<>>> opt{{.options = {.seed = 1}}};
  const auto id = opt.add("w", {.shape = {2, 3}});
  const auto report = mango::load_checkpoint(opt, folder + "schema_1.safetensors");
  CHECK(report.steps == 3);
  CHECK(report.changed.empty());
  CHECK(opt.updates(id) == 3);
  CHECK(opt.options().seed == 5);
  const auto m = opt.state(id)[0];
  const auto first = mango::to_float(*reinterpret_cast<const mango::bfloat16*>(m.bytes.data()));
  CHECK(std::abs(first - 0.5f * (1 - 0.9f * 0.9f * 0.9f)) < 0.01f);
  const io_test::temporary_folder where;
  mango::save_checkpoint(opt, where / "again");
  CHECK(io_test::contents(where / "again") == io_test::contents(folder + "schema_1.safetensors"));
}

// by save_file() of the package safetensors 0.4 and later
TEST_CASE("io golden: Adam's state as Python's safetensors writes it") {
  mango::adamw<> opt;
  const auto id = opt.add("w", {.shape = {2, 3}});
  CHECK(mango::import_torch(opt, folder + "torch_adam.safetensors").steps == 7);
  CHECK(opt.updates(id) == 7);
  const auto m = optim_test::floats_of(opt, "w", "m"), v = optim_test::floats_of(opt, "w", "v");
  for (std::size_t i = 0; i < 6; ++i) {
    CHECK(m[i] == static_cast<float>(i + 1) / 8);
    CHECK(v[i] == static_cast<float>(6 - i) / 64);
  }
}
