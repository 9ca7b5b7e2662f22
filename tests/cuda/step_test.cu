// A step on a device: what is decided there, one launch for many tensors, graphs, and what is counted.
#include <doctest/doctest.h>

#include <limits>

#include "mango/optim/adamw.hpp"
#include "mango/optim/sgd.hpp"
#include "mango/rule/average.hpp"
#include "mango/rule/clip.hpp"
#include "mango/store/dynamic8.hpp"

#include "cuda/support/pair.cuh"

namespace {

using adamw = mango::adamw<mango::stores<mango::fp32, mango::fp32>, mango::cuda::device>;
using mango::errc;
using support::device_memory;

std::string name(std::size_t i) { return std::string(1, 't').append(std::to_string(i)); }

// some tensors on the device and on the host, with the same numbers
struct net {
  std::vector<std::vector<float>> p, g;
  std::vector<device_memory<float>> on_device, gradient;
  explicit net(const std::vector<std::size_t>& sizes) {
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      p.push_back(support::normals(sizes[i], i + 1));
      g.push_back(support::normals(sizes[i], i + 51, 0.1));
      on_device.emplace_back(p[i]);
      gradient.emplace_back(g[i]);
    }
  }
  template <class Optimizer> void add_to(Optimizer& opt) {
    for (std::size_t i = 0; i < p.size(); ++i)
      opt.add(name(i), {.shape = {static_cast<mango::index_t>(p[i].size())}}, on_device[i].span(), gradient[i].span());
  }
  template <class Optimizer> void add_on_host(Optimizer& opt) {
    for (std::size_t i = 0; i < p.size(); ++i)
      opt.add(name(i), {.shape = {static_cast<mango::index_t>(p[i].size())}}, std::span(p[i]),
              std::span<const float>(g[i]));
  }
  double distance() const {
    double far = 0;
    for (std::size_t i = 0; i < p.size(); ++i) {
      const auto other = on_device[i].host();
      for (std::size_t k = 0; k < other.size(); ++k) {
        const double apart = std::abs(static_cast<double>(p[i][k]) - static_cast<double>(other[k]));
        far = !(apart <= far) ? apart : far;
      }
    }
    return far;
  }
};

const std::vector<std::size_t> some{5, 1000, 0, 65536, 3, 8193, 17};

template <class F> errc code_of(F f) {
  try {
    f();
  } catch (const mango::error& e) {
    return e.code();
  }
  FAIL("nothing was raised");
  return errc::config;
}

}  // namespace

TEST_CASE("cuda: many tensors in one step, clipped together") {
  if (!support::has_device()) return;
  const mango::adamw_config config{.learning_rate = 0.01, .max_norm = 0.5};
  net all(some);
  adamw device(config, mango::cuda::device{});
  mango::adamw<> host(config);
  all.add_to(device);
  all.add_on_host(host);
  for (int i = 0; i < 3; ++i) {
    device.step({.gradient_scale = 0.5});
    const auto wanted = host.step({.gradient_scale = 0.5});
    const auto got = device.report();
    CHECK(got.applied);
    CHECK(got.updated == wanted.updated);
    CHECK(got.gradient_norm == doctest::Approx(wanted.gradient_norm).epsilon(1e-6));
  }
  CHECK(all.distance() < 1e-6);
  CHECK(device.counters().steps == 3);
  CHECK(device.updates(device.find("t3")) == 3);
}

TEST_CASE("cuda: tensor by tensor is the same as all at once") {
  if (!support::has_device()) return;
  net once(some), singly(some);
  adamw a({.learning_rate = 0.01}, mango::cuda::device{}), b({.learning_rate = 0.01}, mango::cuda::device{});
  once.add_to(a);
  singly.add_to(b);
  for (int i = 0; i < 3; ++i) {
    a.step();
    const auto step = b.begin_step();
    for (std::size_t k = some.size(); k-- > 0;)
      step.update(b.find(name(k)), singly.on_device[k].span(), singly.gradient[k].span());
  }
  a.report();
  b.report();
  for (std::size_t k = 0; k < some.size(); ++k) CHECK(once.on_device[k].host() == singly.on_device[k].host());
  CHECK(b.counters().steps == 3);
}

TEST_CASE("cuda: gradients that lie elsewhere in every step") {
  if (!support::has_device()) return;
  net once(some), moving(some);
  adamw a({.learning_rate = 0.01}, mango::cuda::device{}), b({.learning_rate = 0.01}, mango::cuda::device{});
  once.add_to(a);
  moving.add_to(b);
  for (int i = 0; i < 4; ++i) {
    a.step();
    const device_memory<float> third(moving.g[3]), fifth(moving.g[5], i == 2 ? 1 : 0);  // once misaligned
    b.bind(b.find("t3"), moving.on_device[3].span(), third.span());
    b.bind(b.find("t5"), moving.on_device[5].span(), fifth.span());
    moving.gradient[3] = std::vector<float>(moving.g[3].size(), std::numeric_limits<float>::quiet_NaN());
    b.step();
    CHECK(b.report().applied);
  }
  for (std::size_t k = 0; k < some.size(); ++k) CHECK(once.on_device[k].host() == moving.on_device[k].host());
}

TEST_CASE("cuda: a step that is not finite is skipped on the device") {
  if (!support::has_device()) return;
  net all(some);
  adamw opt({.options = {.on_nonfinite = mango::nonfinite::skip, .max_consecutive_skips = 2}}, mango::cuda::device{});
  all.add_to(opt);
  opt.step();
  const auto before = all.on_device[3].host();
  auto bad = all.g[5];
  bad[8192] = std::numeric_limits<float>::infinity();
  all.gradient[5] = bad;
  opt.step();
  CHECK(!opt.report().applied);
  CHECK(all.on_device[3].host() == before);
  CHECK(opt.counters().skipped_steps == 1);
  CHECK(opt.counters().steps == 1);
  CHECK(opt.updates(opt.find("t3")) == 1);
  opt.step();
  CHECK(code_of([&] { opt.report(); }) == errc::nonfinite);
  all.gradient[5] = all.g[5];
  opt.step();
  CHECK(opt.report().applied);
  CHECK(opt.counters().steps == 2);
  CHECK(opt.counters().consecutive_skips == 0);
}

TEST_CASE("cuda: raise stops the device until it has been told") {
  if (!support::has_device()) return;
  net all(some);
  adamw opt({}, mango::cuda::device{});
  all.add_to(opt);
  auto bad = all.g[3];
  bad[77] = std::numeric_limits<float>::quiet_NaN();
  all.gradient[3] = bad;
  const auto before = all.on_device[1].host();
  opt.step();
  opt.step();
  try {
    opt.report();
    FAIL("nothing was raised");
  } catch (const mango::error& e) {
    CHECK(e.code() == errc::nonfinite);
    CHECK(e.subject() == "t3");
    CHECK(e.got() == 77);
  }
  CHECK(all.on_device[1].host() == before);
  CHECK(opt.counters().steps == 0);
  all.gradient[3] = all.g[3];
  opt.step();
  CHECK(opt.report().applied);
  CHECK(all.on_device[1].host() != before);
}

TEST_CASE("cuda: a captured step is the same step, and counts") {
  if (!support::has_device()) return;
  net direct(some), replayed(some);
  const mango::adamw_config config{.learning_rate = mango::warmup_cosine{.peak = 0.01, .warmup = 3, .total = 20}};
  cudaStream_t stream;
  support::ok(cudaStreamCreate(&stream));
  {
    adamw a(config, mango::cuda::device{}), b(config, mango::cuda::device{stream});
    direct.add_to(a);
    replayed.add_to(b);
    support::ok(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
    CHECK(code_of([&] { b.step(); }) == errc::order);
    cudaGraph_t graph;
    support::ok(cudaStreamEndCapture(stream, &graph));
    support::ok(cudaGraphDestroy(graph));
    b.prepare();
    support::ok(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
    b.step();
    support::ok(cudaStreamEndCapture(stream, &graph));
    cudaGraphExec_t exec;
    support::ok(cudaGraphInstantiate(&exec, graph, 0));
    for (int i = 0; i < 7; ++i) {
      a.step();
      support::ok(cudaGraphLaunch(exec, stream));
    }
    a.report();
    b.report();
    CHECK(b.counters().steps == 7);
    for (std::size_t k = 0; k < some.size(); ++k) CHECK(direct.on_device[k].host() == replayed.on_device[k].host());
    support::ok(cudaGraphExecDestroy(exec));
    support::ok(cudaGraphDestroy(graph));
  }
  support::ok(cudaStreamDestroy(stream));
}

TEST_CASE("cuda: what a trainer gets wrong is named, and nothing has changed") {
  if (!support::has_device()) return;
  net all(some);
  adamw opt({}, mango::cuda::device{});
  all.add_to(opt);
  const auto id = opt.find("t1");
  const auto p = all.on_device[1].span(), g = all.gradient[1].span();
  using span = mango::cuda::device_span<float>;
  CHECK(code_of([&] { opt.bind(id, span(all.p[1].data(), 1000), g); }) == errc::device);
  CHECK(code_of([&] { opt.bind(id, p, span(all.g[1].data(), 1000)); }) == errc::device);
  CHECK(code_of([&] { opt.bind(id, p, span(g.data(), 999)); }) == errc::size);
  CHECK(code_of([&] { opt.bind(id, p, p); }) == errc::overlap);
  CHECK(code_of([&] { opt.bind(id, all.on_device[3].span().subspan(0, 1000), g); }) == errc::overlap);
  CHECK(code_of([&] { opt.step({.learning_rate = -2}); }) == errc::config);
  CHECK(code_of([&] { opt.add("t1", 5); }) == errc::duplicate_name);
  CHECK(code_of([&] { opt.add("huge", mango::index_t{1} << 45); }) == errc::memory);
  CHECK(code_of([&] { adamw({.options = {.accumulate = true}}, mango::cuda::device{}); }) == errc::config);
  CHECK(code_of([&] { adamw({.learning_rate = [](std::int64_t) { return 0.1; }}, mango::cuda::device{}); }) ==
        errc::config);
  {
    const auto step = opt.begin_step();
    step.update(id, p, g);
    CHECK(code_of([&] { step.update(id, p, g); }) == errc::order);
  }
  opt.step();
  CHECK(opt.report().applied);
  CHECK(opt.size() == static_cast<mango::index_t>(some.size()));
}

TEST_CASE("cuda: a chain of one's own") {
  if (!support::has_device()) return;
  const auto rules = mango::chain(mango::clip_by_value{.limit = 0.05}, mango::scale_by_adam{},
                                  mango::decoupled_step{0.01, 0.1}, mango::average_weights{.decay = 0.9});
  const mango::stores<mango::fp32, mango::dynamic8<>, mango::fp32> stores;
  net all(some);
  mango::optimizer device(rules, stores, mango::cuda::device{});
  mango::optimizer host(rules, stores);
  all.add_to(device);
  all.add_on_host(host);
  for (int i = 0; i < 4; ++i) {
    device.step();
    host.step();
  }
  CHECK(device.report().applied);
  CHECK(all.distance() < 1e-5);
  CHECK(std::string_view(device.describe()).find("decay") != std::string_view::npos);
}

TEST_CASE("cuda: planned bytes are allocated bytes") {
  if (!support::has_device()) return;
  using quantised = mango::adamw<mango::stores<mango::dynamic8<>, mango::dynamic8<>>, mango::cuda::device>;
  quantised opt({}, mango::cuda::device{});
  const mango::tensor_spec spec{.shape = {1001}};
  const auto id = opt.add("w", spec);
  CHECK(opt.state_bytes(id) == quantised::state_bytes(spec));
  CHECK(opt.state_bytes(id) == 2 * (1008 + 16));
  for (const auto& part : opt.state(id)) CHECK(reinterpret_cast<std::uintptr_t>(part.bytes.data()) % 16 == 0);
}

TEST_CASE("cuda: a parameter that is not finite is refused where it is bound") {
  if (!support::has_device()) return;
  const mango::cuda::device where{};
  constexpr float infinite = std::numeric_limits<float>::infinity();
  for (const std::size_t at : {std::size_t{0}, std::size_t{16383}, std::size_t{16384}, std::size_t{40'000}}) {
    std::vector<float> p(40'001, 1.0f);
    p[at] = infinite;
    const device_memory<float> bad(p), g(std::vector<float>(p.size(), 0.5f));
    adamw opt({}, where);
    CHECK(code_of([&] { opt.add("w", {.shape = {40'001}}, bad.span(), g.span()); }) == errc::nonfinite);
    CHECK((opt.size() == 0 && opt.faults().nonfinite_parameters == 1));
    const auto id = opt.add("w", 40'001);
    opt.begin_step().update(id, bad.span(), g.span());  // steps do not look
    adamw unchecked({.options = {.check_parameters = false}}, where);
    CHECK_NOTHROW(unchecked.add("w", {.shape = {40'001}}, bad.span(), g.span()));

    std::vector<mango::float16> halves(p.size(), {0x3c00});
    halves[at].bits = 0xfc00;
    const device_memory<mango::float16> h(halves);
    const auto n = static_cast<mango::index_t>(p.size());
    CHECK(mango::cuda::find_nonfinite_number(h.data(), mango::dtype::f16, n, where) == static_cast<mango::index_t>(at));
    CHECK(mango::cuda::find_nonfinite_number(g.data(), mango::dtype::f32, n, where) == n);
  }
}
