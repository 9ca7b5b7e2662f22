// io/torch.hpp: Adam's moments under PyTorch's names, both ways
#include "mango/io/torch.hpp"

#include <doctest/doctest.h>

#include "io/temporary_folder.hpp"
#include "io/trained.hpp"
#include "mango/optim/adam.hpp"
#include "mango/optim/adamw.hpp"
#include "mango/optim/lion.hpp"

using namespace io_test;
using mango::errc;

TEST_CASE("io torch: what is exported is imported, and training goes on") {
  const temporary_folder folder;
  trained<mango::adamw<>> model({}), other({});
  model.train(0, 4);
  mango::export_torch(model.opt, folder / "adam.safetensors");
  const mango::old_file source(folder / "adam.safetensors");
  const auto h = mango::read_safetensors(source);
  CHECK(h.size() == 3 * model.size());
  CHECK(h.metadata("format") == "pt");
  CHECK(h[h.find("tensor.1.exp_avg")].shape.size() == 2);
  CHECK(h.find("tensor.1.exp_avg_sq") < h.size());
  CHECK(h[h.find("tensor.1.step")].shape.empty());

  const auto report = mango::import_torch(other.opt, folder / "adam.safetensors");
  CHECK(report.steps == 4);
  CHECK(report.tensors == model.size());
  other.take_parameters(model);
  model.train(4, 7), other.train(4, 7);
  CHECK(other.same_parameters(model));
  CHECK(snapshot(other.opt) == snapshot(model.opt));
}

TEST_CASE("io torch errors: other stores, other tensors, other types") {
  const temporary_folder folder;
  const auto path = folder / "adam";
  trained<mango::adamw<mango::stores<mango::bf16, mango::fp32>>> halves({});
  check_error(caught([&] { mango::export_torch(halves.opt, path); }), errc::state_type, "tensor.0");
  trained<mango::lion<>> lion({});
  check_error(caught([&] { mango::export_torch(lion.opt, path); }), errc::state_missing, "tensor.0", 2, 1);

  trained<mango::adamw<>> model({});
  const float half = 2.5f, whole = 2, nan = std::bit_cast<float>(0x7fc00000u);
  struct option {
    const char* name;
    const char* type;
    std::vector<std::uint64_t> shape;
    std::span<const std::byte> bytes;
  };
  const std::vector<float> values(70'001);
  const auto import = [&](std::size_t without, const option& more) {
    std::vector<mango::checkpoint_array> arrays;
    for (std::size_t i = 0; i < model.size(); ++i) {
      const auto& s = model.opt.shape(model.opt.find(model.name(i)));
      std::vector<std::uint64_t> shape;
      for (int d = 0; d < s.dimensions(); ++d) shape.push_back(static_cast<std::uint64_t>(s[d]));
      const auto bytes = std::as_bytes(std::span(values).first(static_cast<std::size_t>(s.elements())));
      for (const char* name : {".exp_avg", ".exp_avg_sq"})
        arrays.push_back({model.name(i) + name, "F32", shape, bytes});
      arrays.push_back({model.name(i) + ".step", "F32", {}, std::as_bytes(std::span(&whole, 1))});
    }
    if (without < arrays.size()) arrays.erase(arrays.begin() + static_cast<std::ptrdiff_t>(without));
    if (more.name) arrays.push_back({more.name, more.type, more.shape, more.bytes});
    mango::prepared_file(arrays, {}).write(path);
    const snapshot before(model.opt);
    const auto e = caught([&] {
      mango::import_torch(model.opt, path);
      mango::raise(mango::error(optim_test::nothing_raised, "none"));
    });
    if (e.code() != optim_test::nothing_raised) CHECK(snapshot(model.opt) == before);
    return e;
  };
  CHECK(import(99, {}).code() == optim_test::nothing_raised);
  CHECK(model.opt.counters().steps == 2);
  check_error(import(0, {}), errc::state_missing, "tensor.0");
  check_error(import(2, {}), errc::state_missing, "tensor.0");
  const auto bytes = std::as_bytes(std::span(values));
  check_error(import(0, {"tensor.0.exp_avg", "BF16", {7}, bytes.first(14)}), errc::state_type, "tensor.0", 32, 16);
  check_error(import(0, {"tensor.0.exp_avg", "F32", {8}, bytes.first(32)}), errc::state_shape, "tensor.0", 28, 32);
  for (const float* step : {&half, &nan})
    check_error(import(2, {"tensor.0.step", "F32", {}, std::as_bytes(std::span(step, 1))}), errc::state_value,
                "tensor.0");
  check_error(import(99, {"tensor.0.max_exp_avg_sq", "F32", {1}, bytes.first(4)}), errc::state_unexpected,
              "tensor.0.max_exp_avg_sq");
  check_error(import(99, {"w", "F32", {1}, bytes.first(4)}), errc::state_unexpected, "w");
}
