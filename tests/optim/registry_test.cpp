// what an optimizer says about its tensors: names, shapes, state by name, the trainer's memory, a description
#include <doctest/doctest.h>

#include "mango/optim/adamw.hpp"
#include "mango/store/kahan.hpp"
#include "optim/caught.hpp"
#include "optim/numbers.hpp"
#include "optim/snapshot.hpp"

using namespace optim_test;
using mango::dtype;

TEST_CASE("optim registry: ids, names and shapes") {
  mango::adamw opt{{}};
  CHECK(opt.size() == 0);
  const auto a = opt.add("layer0.weight", {.shape = {3, 4, 5}}), b = opt.add("layer0.bias", 5);
  CHECK(opt.size() == 2);
  CHECK(a != b);
  CHECK(opt.find("layer0.weight") == a);
  CHECK(opt.find("layer0.bias") == b);
  CHECK(opt.name(b) == "layer0.bias");
  CHECK(opt.shape(a) == mango::shape{3, 4, 5});
  CHECK(opt.shape(b) == mango::shape{5});
  check_error(caught([&] { opt.find("layer0"); }), mango::errc::unknown_name, "layer0");
}

TEST_CASE("optim registry: column-major extents are reversed, and the last two dimensions are the matrix") {
  mango::adamw opt{{}};
  const auto s = opt.shape(opt.add("w", {.shape = mango::shape::column_major({7, 5, 3, 2})}));  // as ggml's ne
  CHECK(s == mango::shape{2, 3, 5, 7});
  CHECK(s.rows() == 5);
  CHECK(s.columns() == 7);
  CHECK(s.batch() == 6);
  CHECK(s.elements() == 210);
  CHECK(opt.shape(opt.add("v", {.shape = {9}})).rows() == 1);
  CHECK(opt.shape(opt.find("v")).columns() == 9);
}

TEST_CASE("optim registry: state has names, types and live memory") {
  mango::adamw<mango::stores<mango::fp32, mango::kahan>> opt{
      {.options = {.half_parameters = mango::rounding::kahan, .accumulate = true}}};
  const auto id = opt.add("w", {.shape = {6}, .parameter = dtype::bf16});
  const auto parts = opt.state("w");
  struct row {
    std::string_view slot, part, store;
    dtype type;
    std::size_t bytes;
  };
  const row expected[] = {{"m", "data", "fp32", dtype::f32, 24},
                          {"v", "value", "kahan", dtype::bf16, 12},
                          {"v", "compensation", "kahan", dtype::bf16, 12},
                          {"parameter", "compensation", "kahan", dtype::bf16, 12},
                          {"accumulator", "data", "fp32", dtype::f32, 24}};
  REQUIRE(parts.size() == std::size(expected));
  for (std::size_t i = 0; i < std::size(expected); ++i) {
    CHECK(parts[i].slot == expected[i].slot);
    CHECK(parts[i].part == expected[i].part);
    CHECK(parts[i].store == expected[i].store);
    CHECK(parts[i].type == expected[i].type);
    CHECK(parts[i].bytes.size() == expected[i].bytes);
    CHECK(reinterpret_cast<std::uintptr_t>(parts[i].bytes.data()) %
              static_cast<std::uintptr_t>(size_of(parts[i].type)) ==
          0);
    for (const auto byte : parts[i].bytes) CHECK(byte == std::byte{});
  }
  auto p = to_bf16(uniform(6, 1));
  opt.begin_step().update(id, p, std::vector<float>(6, 2.0f));
  for (const float m : floats_of(opt, "w", "m")) CHECK(m == doctest::Approx(0.2));  // the same memory, later

  for (float& m : floats_of(opt, "w", "m")) m = 0;  // and writable: this is how a checkpoint is loaded
  opt.begin_step().update(id, p, std::vector<float>(6, 0.0f));
  for (const float m : floats_of(opt, "w", "m")) CHECK(m == 0);
}

TEST_CASE("optim registry: the trainer may own the state's memory") {
  const mango::adamw_config config{.learning_rate = 1e-2};
  mango::adamw bound{config}, owning{config};
  const auto need = bound.state_bytes({.shape = {33}});
  std::vector<float> memory(need / 4 + 8, 7.0f);
  const std::span<std::byte> bytes = std::as_writable_bytes(std::span(memory)).subspan(16);
  const auto a = bound.add("w", {.shape = {33}, .state = bytes}), b = owning.add("w", 33);
  CHECK(bound.state("w")[0].bytes.data() == bytes.data());
  CHECK(bound.state_bytes() == need);
  for (const float m : floats_of(bound, "w", "v")) CHECK(m == 0);  // it starts as zeros
  auto p = uniform(33, 1), q = p;
  for (unsigned k = 0; k < 3; ++k) {
    bound.begin_step().update(a, p, uniform(33, k));
    owning.begin_step().update(b, q, uniform(33, k));
  }
  CHECK(same_bits(p, q));
  CHECK(snapshot(bound) == snapshot(owning));
  CHECK(same_bits(std::span(memory).subspan(4, 33), floats_of(owning, "w", "m")));
  for (const std::size_t outside : {std::size_t{0}, std::size_t{3}, memory.size() - 4, memory.size() - 1})
    CHECK(memory[outside] == 7.0f);
}

TEST_CASE("optim registry: remove_last takes a tensor back, state and name") {
  mango::adamw opt{{}};
  auto p = uniform(5, 1);
  const auto g = uniform(5, 2);
  opt.add("kept", {.shape = {5}}, p, g);
  opt.add("gone", 7);
  opt.remove_last();
  CHECK(opt.size() == 1);
  CHECK(opt.state_bytes() == 40);
  check_error(caught([&] { opt.find("gone"); }), mango::errc::unknown_name, "gone");
  const auto again = opt.add("gone", 6);
  CHECK(again.index == 1);
  opt.remove_last();
  opt.remove_last();
  CHECK(caught([&] { opt.remove_last(); }).code() == mango::errc::order);
}

TEST_CASE("optim registry: nothing is registered when the views are refused") {
  mango::adamw opt{{}};
  std::vector<float> p(5), g(4);
  check_error(caught([&] { opt.add("w", {.shape = {5}}, p, g); }), mango::errc::size, "w", 5, 4);
  CHECK(opt.size() == 0);
  CHECK(opt.state_bytes() == 0);
  g.resize(5);
  opt.add("w", {.shape = {5}}, p, g);
  CHECK(opt.step().updated == 1);
}

TEST_CASE("optim registry: workspace is 16 bytes per chunk of 65,536 elements") {
  mango::adamw opt{{}};
  opt.add("a", 1);
  opt.add("b", 65'536);
  opt.add("c", 65'537);
  opt.add("none", 0);
  CHECK(opt.workspace_bytes() == 16 * (1 + 1 + 2));
}

TEST_CASE("optim registry: describe says what is used") {
  mango::adamw_config config{.learning_rate = mango::warmup_cosine{.peak = 0.25, .warmup = 7, .total = 77},
                             .b1 = 0.85,
                             .b2 = 0.985,
                             .eps = 1e-7,
                             .weight_decay = 0.125,
                             .convention = mango::adam_convention::bnb,
                             .bias_correction = false,
                             .max_norm = 1.5,
                             .options = {.on_nonfinite = mango::nonfinite::skip,
                                         .max_consecutive_skips = 5577,
                                         .half_parameters = mango::rounding::kahan,
                                         .accumulate = true,
                                         .seed = 987654321}};
  mango::adamw<mango::stores<mango::bf16, mango::fp32>> opt{config};
  config.weight_decay = 0.0625;
  opt.group({.max_dimensions = 1}, config);
  opt.add("dense.weight", {.shape = {4, 6}});
  opt.add("dense.bias", {.shape = {6}, .parameter = dtype::bf16});
  opt.add("scale", {.shape = {}, .parameter = dtype::bf16, .master = true});
  const auto text = opt.describe();
  CAPTURE(text);
  for (const char* word : {"adamw",
                           "3 tensors",
                           "31 parameters",
                           "324 bytes",
                           "48 of workspace",
                           "warmup_cosine",
                           "peak 0.25",
                           "warmup 7",
                           "total 77",
                           "b1 0.85",
                           "b2 0.985",
                           "eps 1e-07",
                           "weight_decay 0.125",
                           "convention bnb",
                           "bias_correction no",
                           "max_norm 1.5",
                           "group 1",
                           "weight_decay 0.0625",
                           "skip",
                           "5577",
                           "kahan",
                           "accumulate yes",
                           "check_parameters yes",
                           "deterministic no",
                           "987654321",
                           "dense.weight",
                           "4x6",
                           "F32",
                           "dense.bias",
                           "BF16",
                           "scalar",
                           "fp32 master",
                           "m bf16",
                           "v fp32",
                           "accumulator"}) {
    CAPTURE(std::string(word));
    CHECK(contains(text, word));
  }
  CHECK(contains(mango::adamw{{}}.describe(), "0 parameters"));
}

TEST_CASE("optim registry: describe prints any seed as it was given") {
  CHECK(contains(mango::adamw{{.options = {.seed = ~std::uint64_t{0}}}}.describe(), "18446744073709551615"));
}
