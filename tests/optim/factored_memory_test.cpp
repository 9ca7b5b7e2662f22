// factored state in memory: exact bytes, what is kept in fp32 instead, and nothing written outside
#include <doctest/doctest.h>

#include <deque>
#include <fstream>
#include <sstream>
#include <string>

#include "mango/optim/adamw.hpp"
#include "mango/optim/lion.hpp"
#include "mango/optim/smmf.hpp"
#include "optim/factored.hpp"
#include "support/counting.hpp"
#include "support/guarded.hpp"
#include "support/reference.hpp"

#if !defined(MANGO_TEST_DATA)
#define MANGO_TEST_DATA "tests"
#endif

using namespace optim_test;
using mango::factored, mango::fp32, mango::matricization, mango::stores, mango::zeros;
using both = stores<factored<>, factored<>>;
using ragged = factored<zeros::lazy, matricization::ragged>;

namespace {

// "count,AxBxC" lines
std::vector<std::pair<int, mango::shape>> shapes_in(const std::string& name) {
  std::ifstream file(std::string(MANGO_TEST_DATA) + "/golden/" + name);
  REQUIRE(file.good());
  std::vector<std::pair<int, mango::shape>> all;
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    std::istringstream words(line);
    int count = 0;
    char mark = 0;
    std::vector<index_t> extents;
    words >> count;
    for (index_t e = 0; words >> mark >> e;) extents.push_back(e);
    all.push_back({count, {extents.data(), static_cast<index_t>(extents.size())}});
  }
  return all;
}

template <class Optimizer> std::size_t total_bytes(const std::vector<std::pair<int, mango::shape>>& shapes) {
  std::size_t sum = 0;
  for (const auto& [count, shape] : shapes)
    sum += static_cast<std::size_t>(count) * Optimizer::state_bytes({.shape = shape});
  return sum;
}

// one update under guard: p and g misaligned by `past` elements, the state in the trainer's memory
template <class Stores> void stays_inside(const mango::shape& shape, std::size_t past) {
  const index_t n = shape.elements();
  const auto size = static_cast<std::size_t>(n);
  CAPTURE(n);
  CAPTURE(past);
  mango::adamw<Stores> opt;
  support::guarded<float> p(uniform(n, 1), past), g(uniform(n, 2), past + 1);
  support::guarded<std::uint32_t> state((opt.state_bytes({.shape = shape}) + 3) / 4, past);
  const auto id = opt.add("w", {.shape = shape, .state = std::as_writable_bytes(state.span())});
  auto plain = std::vector<float>(p.data(), p.data() + size);
  const std::vector<float> given(g.data(), g.data() + size);
  mango::adamw<Stores> other;  // the same, in vectors and memory of its own
  const auto its = other.add("w", {.shape = shape});
  for (int t = 0; t < 3; ++t) {
    opt.begin_step().update(id, p, g);
    other.begin_step().update(its, plain, given);
  }
  CHECK(p.check());
  CHECK(g.check());
  CHECK(state.check());
  CHECK(same_bits(g, given));
  CHECK(same_bits(p, plain));
  CHECK(snapshot(opt) == snapshot(other));
  // ... and element types of two bytes
  support::guarded<bfloat16> p16(to_bf16(plain), past), g16(to_bf16(given), past + 1);
  mango::adamw<Stores> half;
  const auto in_half = half.add("w", {.shape = shape, .parameter = mango::dtype::bf16});
  for (int t = 0; t < 3; ++t) half.begin_step().update(in_half, p16, g16);
  CHECK(p16.check());
  CHECK(g16.check());
}

}  // namespace

TEST_CASE("optim factored memory: the UNet of SDXL takes 326.09 MiB, 10.01 without m, 316.08 with m alone") {
  const auto shapes = shapes_in("sdxl_unet.csv");
  std::size_t parameters = 0, tensors = 0, edges = 0, sign_bytes = 0;
  for (const auto& [count, shape] : shapes) {
    const mango::matrix_grid grid(shape.elements(), matricization::square);
    const auto times = static_cast<std::size_t>(count);
    tensors += times;
    parameters += times * static_cast<std::size_t>(shape.elements());
    edges += times * static_cast<std::size_t>(grid.rows + grid.columns);
    sign_bytes += times * static_cast<std::size_t>((shape.elements() + 7) / 8);
  }
  CHECK(tensors == 1680);
  CHECK(parameters == 2567463684);
  CHECK(edges == 2624064);
  CHECK(sign_bytes == 320932961);
  // the last bias has 4 numbers: in fp32, with m, it takes a byte less than factored
  CHECK(total_bytes<mango::adamw<both>>(shapes) == 8 * edges + sign_bytes - 1);
  CHECK(total_bytes<mango::smmf<>>(shapes) == 8 * edges + sign_bytes - 1);
  CHECK(total_bytes<mango::lion<stores<factored<>>>>(shapes) == 4 * edges + sign_bytes - 1);
  CHECK(total_bytes<mango::smmf<stores<factored<>>>>(shapes) == 4 * edges);
  const auto mib = [](std::size_t bytes) { return static_cast<double>(bytes) / (1 << 20); };
  CHECK(mib(total_bytes<mango::adamw<both>>(shapes)) == doctest::Approx(326.09).epsilon(2e-5));
  CHECK(mib(total_bytes<mango::lion<stores<factored<>>>>(shapes)) == doctest::Approx(316.08).epsilon(2e-5));
  CHECK(mib(total_bytes<mango::smmf<stores<factored<>>>>(shapes)) == doctest::Approx(10.01).epsilon(5e-4));
}

TEST_CASE("optim factored memory: what is allocated is what was planned, to the byte") {
  std::size_t allocated = 0, planned = 0;
  mango::adamw<both, support::counting> opt{{}, support::counting(allocated)};
  std::deque<std::vector<float>> arrays;
  index_t chunks = 0;
  for (const index_t n : {0, 1, 2, 4, 6, 24, 320, 1280, 7919, 320 * 320, 1280 * 640}) {
    planned += opt.state_bytes({.shape = {n}});
    auto &p = arrays.emplace_back(n), &g = arrays.emplace_back(n);
    opt.add(std::to_string(n), {.shape = {n}}, p, g);
    chunks += mango::chunk_count(n);
  }
  CHECK(opt.state_bytes() == planned);
  CHECK(allocated == planned);
  const std::size_t scratch = opt.workspace_bytes() - 16 * static_cast<std::size_t>(chunks);
  for (int t = 0; t < 2; ++t) {
    CHECK(opt.step().applied);
    CHECK(allocated == planned + scratch);
  }
}

TEST_CASE("optim factored memory: no tensor takes more than in fp32, and those that would are kept so") {
  for (index_t n = 0; n <= 3000; ++n) {
    const mango::tensor_spec spec{.shape = {n}};
    const std::size_t dense = mango::adamw<>::state_bytes(spec), own = mango::adamw<both>::state_bytes(spec);
    const mango::matrix_grid grid(n, matricization::square);
    CAPTURE(n);
    const auto factors = 8 * (grid.rows + grid.columns), signs = (n + 7) / 8, padded = (signs + 3) / 4 * 4;
    CHECK(own == std::min(dense, static_cast<std::size_t>(factors + padded)));
    CHECK(mango::adamw<stores<ragged, ragged>>::state_bytes(spec) <= dense);
    CHECK(mango::smmf<stores<factored<>>>::state_bytes(spec) <= 4 * static_cast<std::size_t>(n));
  }
  CHECK(mango::adamw<both>::state_bytes({.shape = {7919}}) == 8 * 7919);
  mango::smmf<stores<factored<>>> alone{{.beta = 0}};  // 16 bytes either way
  CHECK(std::string_view(alone.state(alone.add("w", 4))[0].store) == "fp32");
  const auto bytes = mango::adamw<stores<ragged, ragged>>::state_bytes({.shape = {1000003}});
  CHECK(static_cast<double>(bytes) / 1000003 < 0.142);
}

TEST_CASE("optim factored memory: a prime number of elements trains as in fp32, bit for bit") {
  for (const index_t n : {1, 2, 3, 5, 7919}) {
    mango::adamw<both> opt;
    mango::adamw<> plain;
    const auto id = opt.add("w", n), its = plain.add("w", n);
    auto p = uniform(n, 1), q = p;
    for (std::uint64_t t = 0; t < 20; ++t) {
      const auto g = uniform(n, 2 + t);
      opt.begin_step().update(id, p, g);
      plain.begin_step().update(its, q, g);
    }
    CHECK(same_bits(p, q));
    CHECK(snapshot(opt) == snapshot(plain));
    CHECK(std::string_view(opt.state(id)[0].store) == "fp32");
  }
}

TEST_CASE("optim factored memory: parts have names, stores and types") {
  mango::adamw<both> opt;
  const auto parts = opt.state(opt.add("w", 24));
  REQUIRE(parts.size() == 5);
  const char* expected[] = {"m.rows", "m.columns", "m.signs", "v.rows", "v.columns"};
  const std::size_t bytes[] = {24, 16, 3, 24, 16};
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(std::string(parts[i].slot) + "." + parts[i].part == expected[i]);
    CHECK(std::string_view(parts[i].store) == "factored");
    CHECK(parts[i].bytes.size() == bytes[i]);
    CHECK(parts[i].type == (i == 2 ? mango::dtype::u8 : mango::dtype::f32));
  }
}

TEST_CASE("optim factored memory: nothing outside parameter and state is written, wherever they start") {
  for (const std::size_t past : {0u, 1u, 3u, 7u}) {
    for (const index_t n : {0, 1, 2, 4, 6, 7, 12, 15, 24, 64, 72, 143, 289, 33 * 40, 7919, 64 * 71, 136 * 140})
      stays_inside<both>({n}, past), stays_inside<stores<ragged, ragged>>({n}, past);
    stays_inside<both>({1, 1000}, past);
    stays_inside<both>({1000, 1}, past);
    stays_inside<both>({3, 4, 5, 2, 3}, past);
    stays_inside<stores<fp32, factored<>>>({40, 33}, past);
    stays_inside<stores<factored<>, fp32>>({40, 33}, past);  // signs are the last of m's bytes
  }
  stays_inside<both>({712, 776}, 1);
  stays_inside<both>({739, 743}, 1);
  stays_inside<stores<ragged, ragged>>({600011}, 1);
}
