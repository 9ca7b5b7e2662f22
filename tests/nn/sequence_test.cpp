#include "gradient_check.hpp"
#include "mango/nn/embedding.hpp"
#include "mango/nn/encoder.hpp"

namespace nn = mango::nn;
using namespace gradient_check;

namespace {

/// The definition of attention, one query, key and head at a time.
matrix<double> attend(const nn::attention_config& c, nn::attention<double>& layer, const matrix<double>& x) {
  const auto project = [](const matrix<double>& in, const nn::dense<double>& d) {
    return matrix<double>((in * d.weight.value.transpose()).rowwise() + d.bias.value.row(0));
  };
  const matrix<double> qkv = project(x, layer.qkv);
  matrix<double> mixed = matrix<double>::Zero(x.rows(), c.width);
  const index_t columns = c.width / c.heads;
  for (index_t q = 0; q < x.rows(); ++q)
    for (index_t h = 0; h < c.heads; ++h) {
      const index_t first = q / c.length * c.length, last = c.causal ? q + 1 : first + c.length;
      double total = 0;
      for (index_t k = first; k < last; ++k) {
        double score = 0;
        for (index_t i = 0; i < columns; ++i)
          score += qkv(q, h * columns + i) * qkv(k, c.width + h * columns + i);
        const double e = std::exp(score / std::sqrt(static_cast<double>(columns)));
        total += e;
        for (index_t i = 0; i < columns; ++i)
          mixed(q, h * columns + i) += e * qkv(k, 2 * c.width + h * columns + i);
      }
      for (index_t i = 0; i < columns; ++i) mixed(q, h * columns + i) /= total;
    }
  return project(mixed, layer.out);
}

const nn::attention_config shapes[] = {
    {.width = 4, .heads = 2, .length = 3},
    {.width = 6, .heads = 3, .length = 5, .causal = true},
    {.width = 3, .heads = 1, .length = 1},
    {.width = 3, .heads = 3, .length = 4, .causal = true},
};

}  // namespace

TEST_CASE("nn attention: equals its definition, for one sequence and several") {
  for (const auto& c : shapes) {
    CAPTURE(c.length);
    nn::attention<double> layer(c);
    randomise(layer, 7);
    for (const index_t sequences : {3, 1}) {
      const matrix<double> x = random_matrix(sequences * c.length, c.width, 71);
      matrix<double> y;
      layer.forward(x, y);
      CHECK((y - attend(c, layer, x)).cwiseAbs().maxCoeff() < 1e-13);
    }
  }
}

TEST_CASE("nn attention: gradients, causal or not") {
  for (const auto& c : shapes) {
    CAPTURE(c.length);
    check_layer(nn::attention<double>(c), random_matrix(2 * c.length, c.width, 72));
    check_layer(nn::attention<double>(c), random_matrix(c.length, c.width, 73));
  }
}

TEST_CASE("nn attention: a causal row never sees a later one, and no row sees another sequence") {
  nn::attention_config c{.width = 4, .heads = 2, .length = 6, .causal = true};
  const matrix<double> x = random_matrix(12, 4, 74);
  for (const bool causal : {true, false}) {
    c.causal = causal;
    nn::attention<double> layer(c);
    layer.initialize(1);
    matrix<double> before, after, changed = x;
    layer.forward(x, before);
    changed.row(3).setConstant(9);
    layer.forward(changed, after);
    CHECK((before.topRows(3) == after.topRows(3)) == causal);
    for (index_t r = 3; r < 6; ++r) CHECK(before.row(r) != after.row(r));
    CHECK(before.bottomRows(6) == after.bottomRows(6));
  }
}

TEST_CASE("nn attention: huge scores do not overflow") {
  nn::attention<double> layer({.width = 4, .heads = 2, .length = 3});
  layer.initialize(1);
  matrix<double> y;
  layer.forward(random_matrix(3, 4, 75) * 1e6, y);
  CHECK(y.allFinite());
}

TEST_CASE("nn attention: refuses what does not fit, in one sentence") {
  CHECK(sentence_of([] { nn::attention<double>({.width = 4, .heads = 3, .length = 2}); }) ==
        "attention: heads is 3, expected a divisor of width 4");
  CHECK(sentence_of([] { nn::attention<double>({.width = 4, .heads = 2, .length = 0}); }) ==
        "attention: length is 0, expected at least 1");
  nn::attention<double> layer({.width = 4, .heads = 2, .length = 3});
  matrix<double> y;
  CHECK(sentence_of([&] { layer.forward(matrix<double>::Ones(4, 4), y); }) ==
        "attention: x has 4 rows, expected whole sequences of 3");
}

TEST_CASE("nn encoder: is the pre-norm block of its parts") {
  nn::encoder<double> layer({.width = 4, .heads = 2, .length = 3, .hidden = 5, .causal = true});
  randomise(layer, 8);
  const matrix<double> x = random_matrix(6, 4, 81);
  matrix<double> y, a, b;
  layer.forward(x, y);
  nn::encoder<double> parts = layer;
  parts.norm1.forward(x, a);
  parts.attention.forward(a, b);
  const matrix<double> h = x + b;
  parts.norm2.forward(h, a);
  parts.up.forward(a, b);
  nn::gelu<double>().forward(b, b);
  parts.down.forward(b, a);
  CHECK((y - (h + a)).cwiseAbs().maxCoeff() < 1e-14);
}

TEST_CASE("nn encoder: gradients") {
  check_layer(nn::encoder<double>({.width = 4, .heads = 2, .length = 3, .hidden = 5}), random_matrix(6, 4, 82));
  check_layer(nn::encoder<double>({.width = 3, .heads = 1, .length = 4, .hidden = 12, .causal = true}),
              random_matrix(4, 3, 83));
}

TEST_CASE("nn encoder: names, and values that depend on the seed alone") {
  nn::encoder<double> a({.width = 8, .heads = 2, .length = 3, .hidden = 32}), b = a;
  a.initialize(5);
  b.initialize(5);
  CHECK(a.up.weight.value == b.up.weight.value);
  CHECK(a.attention.qkv.weight.value != b.up.weight.value.topRows(24));
  std::vector<std::string> names;
  a.each_parameter("block0", [&](std::string name, auto, auto, auto) { names.push_back(name); });
  CHECK(names == std::vector<std::string>{
                     "block0.norm1.weight", "block0.norm1.bias", "block0.attention.qkv.weight",
                     "block0.attention.qkv.bias", "block0.attention.out.weight", "block0.attention.out.bias",
                     "block0.norm2.weight", "block0.norm2.bias", "block0.up.weight", "block0.up.bias",
                     "block0.down.weight", "block0.down.bias"});
  CHECK(nn::parameter_count(a) == 12 * 8 * 8 + 13 * 8);  // 12 w^2 + 13 w with hidden = 4 w
}

TEST_CASE("nn embedding: rows are token plus position; gradients add up over repeats") {
  nn::embedding<double> layer(5, 3, 2);
  randomise(layer, 9);
  const std::vector<int> ids{4, 0, 4, 1, 1, 4};
  matrix<double> y;
  layer.forward(ids, y);
  REQUIRE(y.rows() == 6);
  for (index_t r = 0; r < 6; ++r)
    CHECK(y.row(r) == layer.token.value.row(ids[static_cast<std::size_t>(r)]) + layer.position.value.row(r % 3));
  const matrix<double> direction = random_matrix(6, 2, 91);
  layer.backward(direction);
  CHECK((layer.token.gradient.row(4) - direction.row(0) - direction.row(2) - direction.row(5)).norm() < 1e-15);
  CHECK(layer.token.gradient.row(3).isZero(0));
  const auto loss = [&] {
    layer.forward(ids, y);
    return y.cwiseProduct(direction).sum();
  };
  check_parameters(layer, loss, [&] { layer.backward(direction); });
}

TEST_CASE("nn embedding: refuses partial sequences and unknown ids in one sentence") {
  nn::embedding<double> layer(5, 3, 2);
  layer.initialize(1);
  CHECK(layer.token.value.cwiseAbs().maxCoeff() < 0.1);
  CHECK(layer.token.value.row(0) != layer.position.value.row(0));
  matrix<double> y;
  CHECK(sentence_of([&] { layer.forward(std::vector<int>{1, 2, 3, 4}, y); }) ==
        "embedding: ids has 4 entries, expected 3");
  CHECK(sentence_of([&] { layer.forward(std::vector<int>{}, y); }) == "embedding: ids has 0 entries, expected 3");
  CHECK(sentence_of([&] { layer.forward(std::vector<int>{1, 2, 5}, y); }) ==
        "embedding: ids[2] is 5, expected 0 to 4");
}
