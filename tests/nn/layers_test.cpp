#include "gradient_check.hpp"
#include "mango/nn/activation.hpp"
#include "mango/nn/dense.hpp"
#include "mango/nn/norm.hpp"

namespace nn = mango::nn;
using namespace gradient_check;

TEST_CASE("nn dense: y = x W^T + b on numbers worked out by hand") {
  nn::dense<float> layer(3, 2);
  layer.weight.value << 1, 2, 3, -1, 0, 1;
  layer.bias.value << 10, 20;
  matrix<float> x(2, 3), y, dx, dy(2, 2);
  x << 1, 1, 1, 2, 0, -1;
  layer.forward(x, y);
  CHECK(y == (matrix<float>(2, 2) << 16, 20, 9, 17).finished());
  dy << 1, 0, 0, 2;
  layer.backward(dy, dx);
  CHECK(dx == (matrix<float>(2, 3) << 1, 2, 3, -2, 0, 2).finished());
  CHECK(layer.weight.gradient == (matrix<float>(2, 3) << 1, 1, 1, 4, 0, -2).finished());
  CHECK(layer.bias.gradient == (matrix<float>(1, 2) << 1, 2).finished());
}

TEST_CASE("nn dense: gradients") {
  check_layer(nn::dense<double>(5, 3), random_matrix(4, 5, 11));
  check_layer(nn::dense<double>(1, 7), random_matrix(1, 1, 12));
  check_layer(nn::dense<double>(33, 1), random_matrix(3, 33, 13));
  check_without_dx(nn::dense<double>(5, 3), random_matrix(4, 5, 11));
}

TEST_CASE("nn dense: refuses what does not fit, in one sentence") {
  nn::dense<float> layer(3, 2);
  matrix<float> x = matrix<float>::Ones(4, 3), y, dx;
  CHECK(sentence_of([] { nn::dense<float>(0, 2); }) == "dense: in is 0, expected at least 1");
  CHECK(sentence_of([&] { layer.backward(matrix<float>::Ones(4, 2), dx); }) ==
        "dense: dy is 4 x 2, expected 0 x 2 as in the last forward");
  layer.forward(x, y);
  const auto kept = y.data();
  CHECK(sentence_of([&] { layer.forward(matrix<float>::Ones(4, 5), y); }) ==
        "dense: x is 4 x 5, expected 3 columns and at least one row");
  CHECK(sentence_of([&] { layer.forward(matrix<float>(0, 3), y); }) ==
        "dense: x is 0 x 3, expected 3 columns and at least one row");
  CHECK(sentence_of([&] { layer.backward(matrix<float>::Ones(4, 3), dx); }) ==
        "dense: dy is 4 x 3, expected 4 x 2 as in the last forward");
  CHECK(sentence_of([&] { layer.forward(x, x); }) == "dense: y must not be the input matrix");
  CHECK(sentence_of([&] { layer.backward(y, y); }) == "dense: dx must not be the input matrix");
  CHECK(layer.weight.gradient.isZero(0));  // a refused backward adds nothing
  layer.forward(x, y);
  CHECK(y.data() == kept);
}

TEST_CASE("nn layer_norm: rows of mean 0 and variance 1, then weight and bias") {
  nn::layer_norm<double> layer(6, 0.0);
  matrix<double> y, x = random_matrix(3, 6, 21, 5.0, 9.0);
  layer.forward(x, y);
  CHECK(y.rowwise().mean().cwiseAbs().maxCoeff() < 1e-14);
  CHECK((y.array().square().rowwise().mean() - 1).abs().maxCoeff() < 1e-14);
  layer.weight.value.setConstant(2);
  layer.bias.value.setConstant(-1);
  matrix<double> z;
  layer.forward(x, z);
  CHECK((z.array() - (2 * y.array() - 1)).abs().maxCoeff() < 1e-14);
  layer.forward(x, x);  // in place
  CHECK(x == z);
}

TEST_CASE("nn layer_norm: gradients") {
  check_layer(nn::layer_norm<double>(7), random_matrix(3, 7, 22));
  check_layer(nn::layer_norm<double>(2, 0.1), random_matrix(1, 2, 23));
  check_layer(nn::layer_norm<double>(33), random_matrix(2, 33, 24));
}

TEST_CASE("nn activations: values") {
  matrix<double> x(1, 5), y;
  x << -3, -0.5, 0, 0.5, 3;
  nn::relu<double>().forward(x, y);
  CHECK(y == (matrix<double>(1, 5) << 0, 0, 0, 0.5, 3).finished());
  nn::tanh<double>().forward(x, y);
  nn::gelu<double> gelu;
  matrix<double> z;
  gelu.forward(x, z);
  for (index_t i = 0; i < 5; ++i) {
    const double v = x(0, i), inner = std::sqrt(2 / std::acos(-1.0)) * (v + 0.044715 * v * v * v);
    CHECK(y(0, i) == doctest::Approx(std::tanh(v)).epsilon(1e-14));
    CHECK(z(0, i) == doctest::Approx(v * (1 + std::tanh(inner)) / 2).epsilon(1e-14));
  }
}

TEST_CASE_TEMPLATE("nn gelu: where the exponential overflows or vanishes, y is 0 or x and dx is 0 or dy", T, float,
                   double) {
  nn::gelu<T> gelu;
  matrix<T> x(1, 18), y, dx;  // a packet and a tail
  x << T(-1e12), -40, 40, T(1e12), 0, -30, 30, -20, 20, -50, 50, -60, 60, -70, 70, -80, 80, -90;
  gelu.forward(x, y);
  CHECK((y - x.cwiseMax(T(0))).cwiseAbs().maxCoeff() < T(1e-30));
  gelu.backward(matrix<T>::Ones(1, 18), dx);
  for (index_t i = 0; i < 18; ++i) CHECK(dx(0, i) == doctest::Approx(x(0, i) > 0 ? 1 : x(0, i) < 0 ? 0 : 0.5));
}

TEST_CASE("nn relu: NaN is passed on, the derivative at 0 is 0") {
  nn::relu<float> layer;
  matrix<float> x = matrix<float>::Zero(1, 21), y, dx;
  x(0, 2) = x(0, 20) = std::nanf("");  // one inside a packet, one in the tail
  x(0, 5) = 1;
  layer.forward(x, y);
  for (index_t i = 0; i < 21; ++i) CHECK(std::isnan(y(0, i)) == (i == 2 || i == 20));
  layer.backward(matrix<float>::Ones(1, 21), dx);
  CHECK(dx(0, 5) == 1);
  CHECK(dx(0, 6) == 0);
}

TEST_CASE("nn activations: gradients, and in place the same bits") {
  matrix<double> x = random_matrix(3, 11, 31, -2.0, 2.0);
  check_layer(nn::gelu<double>(), x);
  check_layer(nn::tanh<double>(), x);
  matrix<double> away = x.array() + x.array().sign() * 0.05;  // the kink of relu is not in reach of the differences
  check_layer(nn::relu<double>(), away);
  const auto in_place = [&](auto layer) {
    matrix<double> y, dx, both = x;
    const matrix<double> dy = random_matrix(3, 11, 32);
    layer.forward(x, y);
    layer.backward(dy, dx);
    layer.forward(both, both);
    CHECK(both == y);
    both = dy;
    layer.backward(both, both);
    CHECK(both == dx);
  };
  in_place(nn::relu<double>());
  in_place(nn::gelu<double>());
  in_place(nn::tanh<double>());
}

TEST_CASE("nn initialize: the schemes have the deviations they promise, and depend on the seed alone") {
  nn::dense<float> a(400, 300), b(400, 300);
  a.initialize(7);
  b.initialize(7);
  CHECK(a.weight.value == b.weight.value);
  CHECK(a.bias.value.isZero(0));
  b.initialize(8);
  CHECK((a.weight.value.array() == b.weight.value.array()).count() < 10);
  const double bound = std::sqrt(6.0 / 400), deviation = std::sqrt(2.0 / 400), n = 400 * 300;
  CHECK(a.weight.value.cwiseAbs().maxCoeff() <= static_cast<float>(bound));
  CHECK(a.weight.value.cwiseAbs().maxCoeff() > static_cast<float>(0.999 * bound));
  const auto moments = [&](const auto& m, double expected) {
    const auto d = m.template cast<double>().array();
    CHECK(std::abs(d.mean()) < 4 * expected / std::sqrt(n));
    CHECK(std::sqrt(d.square().mean()) == doctest::Approx(expected).epsilon(0.01));
  };
  moments(a.weight.value, deviation);
  nn::parameter<float> normal({400, 300});
  nn::fill_normal(normal, 0.02, 3);
  moments(normal.value, 0.02);
  const auto scaled = normal.value.template cast<double>().array() / 0.02;
  CHECK(scaled.square().square().mean() == doctest::Approx(3).epsilon(0.03));  // the fourth moment of a normal
  const auto pairs = nn::matrix<double>(scaled.reshaped<Eigen::RowMajor>(60000, 2));
  CHECK(std::abs(pairs.col(0).dot(pairs.col(1))) / 60000 < 4 / std::sqrt(60000.0));  // neighbours share no angle
  CHECK(nn::derive_seed(1, "a") != nn::derive_seed(1, "b"));
  CHECK(nn::derive_seed(1, "a") != nn::derive_seed(2, "a"));
}

TEST_CASE("nn parameters: names, extents, count, zero_gradients") {
  nn::dense<float> layer(3, 2);
  std::vector<std::string> names;
  std::vector<std::vector<index_t>> extents;
  layer.each_parameter("head", [&](std::string name, std::span<float> value, std::span<float> gradient,
                                   std::vector<index_t> e) {
    CHECK(value.size() == gradient.size());
    names.push_back(name);
    extents.push_back(e);
    gradient[0] = 1;
  });
  CHECK(names == std::vector<std::string>{"head.weight", "head.bias"});
  CHECK(extents == std::vector<std::vector<index_t>>{{2, 3}, {2}});
  CHECK(nn::parameter_count(layer) == 8);
  CHECK(layer.weight.gradient(0, 0) == 1);
  nn::zero_gradients(layer);
  CHECK(layer.weight.gradient.isZero(0));
  CHECK(layer.bias.gradient.isZero(0));
  nn::relu<float> none;
  CHECK(nn::parameter_count(none) == 0);
}
