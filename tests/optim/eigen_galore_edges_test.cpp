// optim/galore.hpp: what is not projected, stores, parameters of 16 bits, bytes, bad input, and why moments move along
#include "mango/optim/galore.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>

#include "mango/optim/adamw.hpp"
#include "mango/store/dynamic8.hpp"
#include "mango/store/factored.hpp"
#include "mango/store/nf4.hpp"
#include "optim/projected.hpp"

using namespace mango;
using support::gradient;
using support::matrix;
using support::part_of_state;
using support::usual;
using support::weights;

TEST_CASE("galore: what is not projected is AdamW's") {
  for (const shape& s : {shape{30}, shape{1, 30}, shape{30, 1}, shape{6, 5}, shape{0, 4}, shape{}}) {
    galore<> opt{usual(100)};
    adamw<> plain{{.learning_rate = 1e-2, .weight_decay = 0}};
    const auto a = opt.add("w", {.shape = s}), b = plain.add("w", {.shape = s});
    CHECK(opt.projected(a).rank == 0);
    CHECK(opt.state_bytes(a) == plain.state_bytes(b));
    auto w = weights(1, s.elements()), v = w;
    for (int t = 1; t <= 3; ++t) {
      const auto g = support::normals(w.size(), static_cast<std::uint64_t>(t));
      opt.begin_step().update(a, w, g);
      plain.begin_step().update(b, v, g);
    }
    CHECK(w == v);
  }
}

TEST_CASE("galore: bytes are the table's, and known before anything is allocated") {
  const auto bytes = [](const shape& s, index_t r, projection_side side = projection_side::std) {
    const galore_config c{.subspace = {.rank = r, .side = side}};
    return galore<>::state_bytes({.shape = s}, {}, detail::galore_recipe::rules(c));
  };
  CHECK(bytes({4096, 4096}, 128) == std::size_t{8 * 128 * 4096 + 4 * 128 * 4096 + 8});
  CHECK(bytes({4096, 11008}, 1024) == std::size_t{8 * 1024} * 11008 + std::size_t{4 * 1024} * 4096 + 8);
  CHECK(bytes({4096, 11008}, 1024, projection_side::reverse_std) ==
        std::size_t{8 * 1024} * 4096 + std::size_t{4 * 1024} * 11008 + 8);
  CHECK(bytes({64, 16, 3, 3}, 8) == std::size_t{8 * 8 * 144 + 4 * 8 * 64 + 8});  // a convolution: 64 x 144
  galore<stores<dynamic8<>, dynamic8<>>> small{usual(16)};
  const auto id = small.add("w", {.shape = {512, 256}});
  small.add("b", {.shape = {512}});
  const text said = small.describe();
  CHECK(std::string_view(said).find(" bytes: rank 16 from the right, m dynamic8") != std::string_view::npos);
  CHECK(std::string_view(said).find(" bytes: m dynamic8, v dynamic8\n") !=
        std::string_view::npos);  // b
  CHECK(small.state_bytes(id) == std::size_t{2 * (16 * 512 + 4 * 16 * 512 / 256) + 8 + 4 * 16 * 256});
}

namespace {
template <class Stores> void check_store(double far, index_t m = 64, index_t n = 48) {
  galore<Stores> opt{usual(6, 3)};
  galore<> exact{usual(6, 3)};
  auto w = weights(m, n), v = w;
  const auto w0 = w;
  const auto a = opt.add("w", {.shape = {m, n}}), b = exact.add("w", {.shape = {m, n}});
  CHECK(opt.projected(a).rank == 6);
  for (int t = 1; t <= 10; ++t) {
    const auto g = gradient(m, n, t);
    opt.begin_step().update(a, w, g);
    exact.begin_step().update(b, v, g);
  }
  const matrix moved = matrix(m, n, v.data()) - matrix(m, n, w0.data()),
               apart = matrix(m, n, v.data()) - matrix(m, n, w.data());
  CHECK(apart.squared_norm() < far * far * moved.squared_norm());
}
}  // namespace

TEST_CASE("galore: over any store, moments are transported too") {
  check_store<stores<bf16, bf16>>(0.02);
  check_store<stores<dynamic8<>, dynamic8<>>>(0.1);
  check_store<stores<nf4<>, dynamic8<>>>(0.3);
  check_store<stores<factored<>, factored<>>>(0.9, 600, 100);
}

namespace {
template <class E> void check_half(const optimizer_options& options, bool master) {
  galore_config c = usual(6, 3);
  c.options = options;
  c.learning_rate = 0.1;
  galore<> opt{c};
  const auto start = weights(50, 70);
  std::vector<E> w;
  for (const float x : start) w.push_back(E{static_cast<std::uint16_t>(round_nearest_bits<E>(to_bits(x)))});
  std::vector<float> copy, exact;
  for (const E x : w) copy.push_back(to_float(x));
  exact = copy;
  const auto id = opt.add("w", {.shape = {50, 70}, .parameter = dtype_of<E>, .master = master});
  galore<> in_float{c};
  const auto other = in_float.add("w", {.shape = {50, 70}});
  for (int t = 1; t <= 6; ++t) {
    const auto g = gradient(50, 70, t);
    std::vector<E> narrow;
    for (const float x : g) narrow.push_back(E{static_cast<std::uint16_t>(round_nearest_bits<E>(to_bits(x)))});
    std::vector<float> back;
    for (const E x : narrow) back.push_back(to_float(x));
    if (master) opt.begin_step().update(id, w, narrow, std::span<float>(copy));
    else opt.begin_step().update(id, w, narrow);
    in_float.begin_step().update(other, exact, back);
  }
  for (std::size_t i = 0; i < w.size(); ++i) CHECK(std::fabs(static_cast<double>(to_float(w[i]) - exact[i])) < 0.006);
}
}  // namespace

TEST_CASE("galore: parameters and gradients of 16 bits, in every way they are kept") {
  check_half<bfloat16>({.half_parameters = rounding::stochastic}, false);
  check_half<bfloat16>({.half_parameters = rounding::kahan}, false);
  check_half<bfloat16>({.half_parameters = rounding::stochastic}, true);
  check_half<float16>({.half_parameters = rounding::stochastic}, false);
}

namespace {
// block by block where the gradient is at hand, and in passes over all of R where it has accumulated
template <class Stores> void check_one_pass(index_t r) {
  CAPTURE(r);
  auto c = usual(r, 3);
  galore<Stores> blocks{c};
  c.options.accumulate = true;
  galore<Stores> passes{c};
  auto w = weights(531, 530), v = w;
  const auto a = blocks.add("w", {.shape = {531, 530}}), b = passes.add("w", {.shape = {531, 530}});
  REQUIRE(blocks.projected(a).rank == r);
  for (int t = 1; t <= 5; ++t) {
    const auto g = support::normals(w.size(), static_cast<std::uint64_t>(t));
    blocks.begin_step({.gradient_scale = 0.5}).update(a, w, g);
    passes.accumulate(b, g);
    passes.begin_step({.gradient_scale = 0.5}).update(b, v);
    CHECK(w == v);
  }
}
}  // namespace

TEST_CASE("galore: with few vectors a step goes block by block, with the same bits") {
  for (const index_t r : {1, 3, 4, 16}) check_one_pass<stores<fp32, fp32>>(r);
  check_one_pass<stores<bf16, bf16>>(4);
  check_one_pass<stores<dynamic8<>, dynamic8<>>>(8);
  check_one_pass<stores<dynamic8<>, dynamic8<>>>(3);
}

TEST_CASE("galore: a basis in fewer bytes is decoded for a step, and kept from one to the next") {
  const auto bytes = [](basis_store how) {
    const galore_config c{.subspace = {.rank = 1024, .basis = how}};
    return galore<stores<dynamic8<>, dynamic8<>>>::state_bytes({.shape = {4096, 11008}}, {},
                                                               detail::galore_recipe::rules(c));
  };
  constexpr std::size_t moments = std::size_t{2 * 1024} * 11008 + std::size_t{2 * 4 * 1024} * 11008 / 256,
                        n = 1024 * 4096;
  CHECK(bytes(basis_store::fp32) == moments + 4 * n + 8);
  CHECK(bytes(basis_store::bf16) == moments + 2 * n + 8);  // 29.8 MiB
  CHECK(bytes(basis_store::dynamic8) == moments + n + 4 * n / 256 + 8);
  CHECK(bytes(basis_store::nf4) == moments + n / 2 + 2 * n / 64 + 8);  // 24.0 MiB

  for (const auto& [how, far] :
       {std::pair{basis_store::bf16, 0.1}, {basis_store::dynamic8, 0.1}, {basis_store::nf4, 0.4}})
    for (const auto& [m, n2] : {std::pair<index_t, index_t>{64, 48}, {48, 70}}) {
      CAPTURE(name_of(how));
      auto c = usual(6, 3);
      galore<> exact{c};
      c.subspace.basis = how;
      galore<> coded{c};
      auto w = weights(m, n2), v = w;
      const matrix before(m, n2, w.data());
      const auto a = exact.add("w", {.shape = {m, n2}}), b = coded.add("w", {.shape = {m, n2}});
      for (int t = 1; t <= 10; ++t) {
        const auto g = gradient(m, n2, t);
        exact.begin_step().update(a, w, g);
        coded.begin_step().update(b, v, g);
      }
      const double apart = (matrix(m, n2, v.data()) - matrix(m, n2, w.data())).squared_norm(),
                   moved = (matrix(m, n2, w.data()) - before).squared_norm();
      CHECK(apart < far * far * moved);
      CHECK(apart > 0);
    }
}

TEST_CASE("galore: a gradient that is not finite changes nothing, in the middle of a period and at a refresh") {
  for (const int bad : {2, 4}) {
    galore<> opt{usual(4, 3)};
    auto w = weights(20, 12);
    const auto id = opt.add("w", {.shape = {20, 12}});
    for (int t = 1; t < bad; ++t) opt.begin_step().update(id, w, gradient(20, 12, t));
    const auto kept = w;
    const auto state = part_of_state(opt, id, "basis", "data");
    const std::vector<std::byte> basis(state.begin(), state.end());
    auto g = gradient(20, 12, bad);
    g[17] = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_WITH_AS(opt.begin_step().update(id, w, g),
                         doctest::Contains("tensor 'w': its gradient is not finite at element 17 of 240"),
                         mango::error);
    CHECK(w == kept);
    CHECK(std::equal(basis.begin(), basis.end(), state.begin()));
  }
}

TEST_CASE("galore: options out of range are named") {
  const auto refusal = [](const galore_config& c) -> std::string {
    try {
      galore<> opt{c};
    } catch (const mango::error& e) {
      return e.what();
    }
    return "";
  };
  CHECK(refusal({.subspace = {.rank = 0}}).find("rank is 0 but must be in [1, ") != std::string::npos);
  CHECK(refusal({.subspace = {.refresh_every = 0}}).find("refresh_every is 0 but must be in [1, ") !=
        std::string::npos);
  CHECK(refusal({.subspace = {.scale = 0}}).find("scale is 0 but must be in (0, ") != std::string::npos);
}

TEST_CASE("galore: moments that move along are better than moments left behind") {
  // noisy regression: the gradient of |W - A|^2 / 2 seen through noise, whose subspace turns
  const auto excess = [](moment_transport how, std::uint64_t seed) {
    const index_t m = 48, n = 36;
    galore_config c = usual(8, 2);
    c.subspace.transport = how;
    c.learning_rate = 2e-2;
    galore<> opt{c};
    const auto target = support::with_spectrum(m, n, n, 0.5, seed);
    std::vector<float> w(static_cast<std::size_t>(m * n)), g(w.size());
    const auto id = opt.add("w", {.shape = {m, n}});
    support::random noise(seed);
    for (int t = 0; t < 400; ++t) {
      for (std::size_t i = 0; i < w.size(); ++i)
        g[i] = w[i] - static_cast<float>(target.data[i] - 0.05 * noise.normal());
      opt.begin_step({.learning_rate = 2e-2 * (1 - t / 400.0)}).update(id, w, g);
    }
    return (matrix(m, n, w.data()) - target).squared_norm();
  };
  double rotate = 0, none = 0;
  for (const std::uint64_t seed : {1u, 2u, 3u})
    rotate += excess(moment_transport::rotate, seed), none += excess(moment_transport::none, seed);
  CAPTURE(rotate);
  CAPTURE(none);
  CHECK(rotate < none);
}
