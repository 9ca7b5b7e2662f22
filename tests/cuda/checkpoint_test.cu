// A run that was saved on the device goes on there with the same bits, and what was saved there loads on the host.
#include <doctest/doctest.h>

#include "mango/optim/adamw.hpp"
#include "mango/optim/prodigy.hpp"
#include "mango/optim/smmf.hpp"
#include "mango/store/dynamic8.hpp"

#include "cuda/support/pair.cuh"
#include "io/temporary_folder.hpp"
#include "mango/cuda/checkpoint.cuh"

namespace {

using mango::index_t, mango::stores;

// an optimizer on the device with two tensors
template <class Optimizer> struct trained {
  Optimizer opt;
  std::vector<support::device_memory<float>> p, g;

  explicit trained(const typename Optimizer::config& config) : opt(config, mango::cuda::device{}) {
    const mango::shape shapes[] = {{37, 65}, {1000}};
    for (std::size_t i = 0; i < 2; ++i) {
      const auto n = static_cast<std::size_t>(shapes[i].elements());
      p.emplace_back(support::normals(n, i + 1));
      g.emplace_back(n);
      opt.add("tensor." + std::to_string(i), {.shape = shapes[i]}, p[i].span(),
              mango::cuda::device_span<const float>(g[i].span()));
    }
  }
  void train(unsigned from, unsigned to) {
    for (unsigned k = from; k < to; ++k) {
      for (std::size_t i = 0; i < 2; ++i) g[i] = support::normals(p[i].host().size(), 100 + 2 * k + i, 0.1);
      opt.step();
    }
    opt.report();
  }
};

template <template <class, class> class Product, class Stores, class Config> void resumes(Config config) {
  if (!support::has_device()) return;
  using on_device = Product<Stores, mango::cuda::device>;
  const io_test::temporary_folder folder;
  config.options.seed = 11;
  trained<on_device> straight(config), first(config);
  straight.train(0, 7);
  first.train(0, 4);
  mango::save_checkpoint(first.opt, folder / "c");
  config.options.seed = 1;  // the saved one takes its place
  trained<on_device> second(config);
  second.train(50, 52);
  for (std::size_t i = 0; i < 2; ++i) second.p[i] = first.p[i].host();
  const auto report = mango::load_checkpoint(second.opt, folder / "c");
  CHECK(report.steps == 4);
  CHECK(second.opt.counters().steps == 4);
  CHECK(second.opt.updates(second.opt.find("tensor.1")) == 4);
  mango::save_checkpoint(second.opt, folder / "d");
  CHECK(io_test::contents(folder / "c") == io_test::contents(folder / "d"));
  second.train(4, 7);
  for (std::size_t i = 0; i < 2; ++i) CHECK(second.p[i].host() == straight.p[i].host());

  Product<Stores, mango::host> host{config};
  host.add("tensor.0", {.shape = {37, 65}});
  host.add("tensor.1", {.shape = {1000}});
  CHECK(mango::load_checkpoint(host, folder / "c").steps == 4);
  mango::save_checkpoint(host, folder / "e");
  CHECK(io_test::contents(folder / "c") == io_test::contents(folder / "e"));
}

template <class S, class B> using prodigy = mango::prodigy<S, B>;

}  // namespace

TEST_CASE("cuda: a checkpoint of the device resumes there, and loads on the host") {
  resumes<mango::adamw, stores<mango::fp32, mango::bf16>>(mango::adamw_config{.max_norm = 1});
  resumes<mango::adamw, stores<mango::dynamic8<>, mango::dynamic8<>>>(mango::adamw_config{});
  resumes<mango::smmf, stores<mango::factored<>, mango::factored<>>>(mango::smmf_config{});
  resumes<prodigy, stores<mango::fp32, mango::fp32>>(mango::prodigy_config{});
}

TEST_CASE("cuda: a load looks at the parameters that are bound, and not at those of an update") {
  if (!support::has_device()) return;
  using adamw = mango::adamw<stores<mango::fp32, mango::bf16>, mango::cuda::device>;
  const io_test::temporary_folder folder;
  std::vector<float> p(1000, 1.0f);
  support::device_memory<float> on_device(p), g(p);
  const mango::tensor_spec spec{.shape = {1000}};
  adamw saved({}, mango::cuda::device{}), bound({}, mango::cuda::device{}), fused({}, mango::cuda::device{});
  saved.add("w", spec);
  mango::save_checkpoint(saved, folder / "c");
  bound.add("w", spec, on_device.span(), g.span());
  fused.begin_step().update(fused.add("w", spec), on_device.span(), g.span());
  p[77] = std::bit_cast<float>(0x7f800000u);
  on_device = p;
  mango::errc code{};
  try {
    mango::load_checkpoint(bound, folder / "c");
  } catch (const mango::error& e) {
    code = e.code();
    CHECK(e.got() == 77);
  }
  CHECK(code == mango::errc::nonfinite);
  CHECK_NOTHROW(mango::load_checkpoint(fused, folder / "c"));
}
