// Rules that learn from step to step, on the device: what they remember stays there and is the host's. Without fused
// multiply-adds only sums differ, by the order of their terms.
// nvcc: -fmad=false
#include <doctest/doctest.h>

#include <limits>

#include "mango/optim/prodigy.hpp"
#include "mango/optim/prodigy_lion.hpp"
#include "mango/optim/simplified_ademamix.hpp"
#include "mango/store/dynamic8.hpp"

#include "cuda/support/twins.cuh"

namespace {

using mango::fp32, mango::dynamic8, mango::factored, mango::pool;
template <class S, class B> using featured_prodigy = mango::prodigy<S, B, mango::featured>;
template <class S, class B> using plain_simplified = mango::simplified_ademamix<S, B>;
template <template <class, class> class Product, class... S> using on = support::product<Product, mango::stores<S...>>;
template <class S, class B> using plain_prodigy = mango::prodigy<S, B>;
template <class S, class B> using plain_prodigy_lion = mango::prodigy_lion<S, B>;
using prodigy = on<plain_prodigy, fp32, fp32>;

// one part, more than one, nothing, two rows of panels
const std::vector<mango::shape> some{{1000}, {20001}, {0}, {130, 264}, {5}, {37, 41}};

mango::prodigy_config far(std::int64_t slice) {
  return {.learning_rate = mango::warmup_cosine{.peak = 1, .warmup = 2, .total = 50},
          .weight_decay = 0.01,
          .distance = {.d0 = 1e-2, .slice = slice}};
}

template <class Product, class Config>
void learns(const Config& config, std::string_view rule, double tolerance, bool singly = false, int steps = 6) {
  if (!support::has_device()) return;
  support::twins<Product> both(config, some);
  both.run(steps, singly);
  CHECK(both.distance() < tolerance);
  CHECK(both.learned_apart(rule) < tolerance);
  for (std::size_t i = 0; i < some.size(); ++i) CHECK(both.device.updates(both.ids[i]) == steps);
}

}  // namespace

TEST_CASE("cuda: Prodigy learns the host's distance") {
  for (const std::int64_t slice : {1, 11})
    for (const bool singly : {false, true}) learns<prodigy>(far(slice), "prodigy", 1e-5, singly);
  auto careful = far(11);
  careful.distance.limiter = careful.distance.safeguard = true;
  careful.distance.freeze_after = 4;
  learns<prodigy>(careful, "prodigy", 1e-5);
  careful.max_norm = 0.5;
  learns<prodigy>(careful, "prodigy", 1e-5);
}

TEST_CASE("cuda: Prodigy over other stores, and with features") {
  learns<on<plain_prodigy, dynamic8<>, dynamic8<>>>(far(11), "prodigy", 2e-4);
  learns<on<plain_prodigy, factored<>, factored<>>>(far(11), "prodigy", 5e-4);
  auto config = far(3);
  config.features = {.orthograd = true, .cautious = true, .nesterov = true, .kourkoutas = true};
  for (const bool singly : {false, true}) {
    learns<on<featured_prodigy, fp32, fp32>>(config, "prodigy", 2e-5, singly);
    learns<on<featured_prodigy, fp32, fp32>>(config, "kourkoutas", 2e-5, singly);
  }
}

TEST_CASE("cuda: Prodigy-Lion learns the host's distance") {
  learns<on<plain_prodigy_lion, fp32>>(mango::prodigy_lion_config{.distance = {.d0 = 1e-2}}, "prodigy", 1e-5);
}

TEST_CASE("cuda: Simplified AdEMAMix counts the weights of its sum") {
  const mango::simplified_ademamix_config config{.learning_rate = 1e-4, .b1_warmup = 4};
  for (const bool singly : {false, true}) learns<on<plain_simplified, fp32, fp32>>(config, "accumulated", 1e-5, singly);
}

TEST_CASE("cuda: tensors share what they learn with those of their pool, in order of registration") {
  if (!support::has_device()) return;
  std::vector<mango::shape> shapes;
  for (mango::index_t i = 0; i < 300; ++i) shapes.push_back({3 + i % 7});
  for (const auto by : {pool::all, pool::group, pool::shape, pool::tensor}) {
    auto config = far(2);
    config.distance.share = by;
    prodigy::on_host host(config);
    prodigy::on_device device(config, mango::cuda::device{});
    config.distance.d0 = 2e-2;
    const mango::tensor_filter sevens{.names = "*7"};
    host.group(sevens, config);
    device.group(sevens, config);
    support::twins<prodigy> both(std::move(host), std::move(device), shapes);
    both.run(3);
    CHECK(both.learned_apart("prodigy") < 1e-6);
    CHECK((both.learned(0, "prodigy", "r") == both.learned(1, "prodigy", "r")) ==
          (by == pool::all || by == pool::group));
    CHECK((both.learned(0, "prodigy", "r") == both.learned(14, "prodigy", "r")) == (by != pool::tensor));
  }
}

TEST_CASE("cuda: a tensor that comes late takes over what its pool has learned") {
  if (!support::has_device()) return;
  support::twins<prodigy> both(far(1), some);
  both.run(4);
  both.add({77, 3});
  both.run(1);
  CHECK(both.learned(some.size(), "prodigy", "d") == both.learned(0, "prodigy", "d"));
  both.run(2, true);
  CHECK(both.distance() < 1e-5);
  CHECK(both.learned_apart("prodigy") < 1e-6);
}

TEST_CASE("cuda: nothing is learned from a step that was skipped") {
  if (!support::has_device()) return;
  auto config = far(1);
  config.options.on_nonfinite = mango::nonfinite::skip;
  support::twins<prodigy> both(config, some);
  both.run(3);
  both.pull(3);
  both.g[1][777] = std::numeric_limits<float>::infinity();
  both.gradient[1] = both.g[1];
  CHECK(!both.host.step().applied);
  both.device.step();
  CHECK(!both.device.report().applied);
  CHECK(both.learned_apart("prodigy") < 1e-6);
  both.run(2);
  CHECK(both.learned_apart("prodigy") < 1e-6);
  CHECK(both.learned(0, "prodigy", "updates") == 4);
}

TEST_CASE("cuda: a captured Prodigy step is the next step, and learns") {
  if (!support::has_device()) return;
  cudaStream_t stream;
  support::ok(cudaStreamCreate(&stream));
  {
    support::twins<prodigy> direct(far(11), some), replayed(far(11), some, stream);
    direct.pull(0);
    replayed.pull(0);
    replayed.device.prepare();
    cudaGraph_t graph;
    support::ok(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
    replayed.device.step();
    support::ok(cudaStreamEndCapture(stream, &graph));
    cudaGraphExec_t exec;
    support::ok(cudaGraphInstantiate(&exec, graph, 0));
    for (int i = 0; i < 5; ++i) {
      direct.device.step();
      support::ok(cudaGraphLaunch(exec, stream));
    }
    direct.device.report();
    replayed.device.report();
    CHECK(replayed.device.counters().steps == 5);
    CHECK(replayed.learned(0, "prodigy", "updates") == 4);
    CHECK(replayed.learned(0, "prodigy", "d") > 1e-2);
    for (std::size_t i = 0; i < some.size(); ++i) {
      CHECK(direct.on_device[i].host() == replayed.on_device[i].host());
      CHECK(direct.learned(i, "prodigy", "d") == replayed.learned(i, "prodigy", "d"));
    }
    support::ok(cudaGraphExecDestroy(exec));
    support::ok(cudaGraphDestroy(graph));
  }
  support::ok(cudaStreamDestroy(stream));
}

TEST_CASE("cuda: what is learned is state, planned and allocated: the host's bytes, aligned") {
  if (!support::has_device()) return;
  const mango::tensor_spec spec{.shape = {1003}};
  support::twins<prodigy> both(far(11), {spec.shape});
  const auto rules = both.device.rules();
  CHECK(both.host.state_bytes(both.ids[0]) == (2 * 1003 + 2 * 92) * 4 + 7 * 8);
  CHECK(both.device.state_bytes(both.ids[0]) == 2 * 4016 + 2 * 368 + 64);
  CHECK(prodigy::on_device::state_bytes(spec, {}, rules) == both.device.state_bytes(both.ids[0]));
  for (const auto& part : both.device.state(both.ids[0]))
    CHECK(reinterpret_cast<std::uintptr_t>(part.bytes.data()) % (part.type == mango::dtype::f64 ? 8 : 16) == 0);
}
