#include "gradient_check.hpp"
#include "mango/nn/conv2d.hpp"
#include "mango/nn/pool.hpp"

namespace nn = mango::nn;
using namespace gradient_check;

namespace {

/// y, dx and the gradient of the weight by the definition, as seven loops.
struct convolution {
  matrix<double> y, dx, dweight;
};

convolution convolve(const nn::conv2d_config& c, const nn::conv2d<double>& layer, const matrix<double>& x,
                     const matrix<double>& dy) {
  const auto &weight = layer.weight.value, &bias = layer.bias.value;
  convolution out{dy, 0 * x, 0 * weight};
  const index_t oh = layer.out_height(), ow = layer.out_width();
  for (index_t b = 0; b < x.rows(); ++b)
    for (index_t o = 0; o < c.filters; ++o)
      for (index_t h = 0; h < oh; ++h)
        for (index_t w = 0; w < ow; ++w) {
          const index_t at = (o * oh + h) * ow + w;
          out.y(b, at) = bias(0, o);
          for (index_t ch = 0; ch < c.channels; ++ch)
            for (index_t i = 0; i < c.kernel; ++i)
              for (index_t j = 0; j < c.kernel; ++j) {
                const index_t row = c.stride * h + i - c.padding, col = c.stride * w + j - c.padding;
                if (row < 0 || row >= c.height || col < 0 || col >= c.width) continue;
                const index_t pixel = (ch * c.height + row) * c.width + col, k = (ch * c.kernel + i) * c.kernel + j;
                out.y(b, at) += weight(o, k) * x(b, pixel);
                out.dx(b, pixel) += weight(o, k) * dy(b, at);
                out.dweight(o, k) += x(b, pixel) * dy(b, at);
              }
        }
  return out;
}

/// The largest difference between the layer and its definition, in y and both gradients.
double distance_from_definition(const nn::conv2d_config& c) {
  nn::conv2d<double> layer(c);
  randomise(layer, 5);
  const matrix<double> x = random_matrix(2, c.channels * c.height * c.width, 51);
  matrix<double> y, dx;
  layer.forward(x, y);
  const matrix<double> dy = random_matrix(2, c.filters * layer.out_height() * layer.out_width(), 52);
  layer.backward(dy, dx);
  const convolution expected = convolve(c, layer, x, dy);
  REQUIRE(y.cols() == expected.y.cols());
  return std::max({(y - expected.y).cwiseAbs().maxCoeff(), (dx - expected.dx).cwiseAbs().maxCoeff(),
                   (layer.weight.gradient - expected.dweight).cwiseAbs().maxCoeff()});
}

/// Odd sizes: one pixel, kernel as large as the image, stride above the kernel, padding above the kernel's half, and
/// heights and widths that strides 2 and 3 do not divide.
const nn::conv2d_config shapes[] = {
    {.channels = 1, .height = 1, .width = 1, .filters = 1, .kernel = 1},
    {.channels = 2, .height = 5, .width = 4, .filters = 3, .kernel = 3, .padding = 1},
    {.channels = 3, .height = 4, .width = 7, .filters = 2, .kernel = 2},
    {.channels = 2, .height = 5, .width = 6, .filters = 2, .kernel = 3, .stride = 2, .padding = 1},
    {.channels = 1, .height = 6, .width = 5, .filters = 2, .kernel = 1, .stride = 2},
    {.channels = 2, .height = 7, .width = 5, .filters = 1, .kernel = 3, .stride = 3, .padding = 2},
    {.channels = 1, .height = 4, .width = 9, .filters = 2, .kernel = 2, .stride = 4},
    {.channels = 1, .height = 3, .width = 3, .filters = 2, .kernel = 5, .stride = 2, .padding = 3},
    {.channels = 1, .height = 2, .width = 1, .filters = 1, .kernel = 2, .stride = 3, .padding = 1},
};

}  // namespace

TEST_CASE("nn conv2d: equals its definition for every small shape") {
  int checked = 0, wrong = 0;
  for (index_t kernel = 1; kernel <= 5; ++kernel)
    for (index_t stride = 1; stride <= 3; ++stride)
      for (index_t padding = 0; padding <= 3; ++padding)
        for (index_t height = 1; height <= 6; ++height)
          for (index_t width = 1; width <= 6; ++width) {
            if (kernel > std::min(height, width) + 2 * padding) continue;
            const double distance = distance_from_definition({.channels = 2,
                                                              .height = height,
                                                              .width = width,
                                                              .filters = 2,
                                                              .kernel = kernel,
                                                              .stride = stride,
                                                              .padding = padding});
            ++checked;
            wrong += !(distance < 1e-12);
          }
  CHECK(checked > 1500);
  CHECK(wrong == 0);
}

TEST_CASE("nn conv2d: gradients") {
  for (const auto& c : shapes) {
    CAPTURE(c.kernel);
    CAPTURE(c.stride);
    check_layer(nn::conv2d<double>(c), random_matrix(2, c.channels * c.height * c.width, 52));
  }
  check_layer(nn::conv2d<double>(shapes[3]), random_matrix(1, 60, 53));
  check_without_dx(nn::conv2d<double>(shapes[3]), random_matrix(3, 60, 54));
}

TEST_CASE("nn conv2d: surplus columns of one image never reach the next, not even as NaN") {
  const nn::conv2d_config c{.channels = 2, .height = 5, .width = 4, .filters = 2, .kernel = 3, .padding = 1};
  nn::conv2d<double> layer(c);
  randomise(layer, 6);
  matrix<double> x = random_matrix(3, 40, 55), clean, y;
  layer.forward(x, clean);
  x.row(1).setConstant(std::nan(""));
  layer.forward(x, y);
  CHECK(y.row(0) == clean.row(0));
  CHECK(y.row(2) == clean.row(2));
  CHECK(y.row(1).array().isNaN().all());
}

TEST_CASE("nn conv2d: weights are filters x channels x kernel x kernel, float agrees with double") {
  const nn::conv2d_config c{.channels = 3, .height = 9, .width = 8, .filters = 4, .kernel = 3, .padding = 1};
  nn::conv2d<double> layer(c);
  nn::conv2d<float> single(c);
  layer.initialize(9);
  single.initialize(9);
  CHECK((layer.weight.value - single.weight.value.cast<double>()).cwiseAbs().maxCoeff() < 1e-7);
  CHECK(layer.weight.value.cwiseAbs().maxCoeff() <= std::sqrt(6.0 / 27));
  layer.each_parameter("c", [](const std::string& name, auto, auto, const std::vector<index_t>& extents) {
    CHECK(extents == (name == "c.weight" ? std::vector<index_t>{4, 3, 3, 3} : std::vector<index_t>{4}));
  });
  const matrix<double> x = random_matrix(2, 216, 56);
  matrix<double> y;
  matrix<float> z;
  layer.forward(x, y);
  single.forward(x.cast<float>(), z);
  CHECK((y - z.cast<double>()).cwiseAbs().maxCoeff() < 1e-5);
}

TEST_CASE("nn conv2d: refuses what does not fit, in one sentence") {
  const auto refused = [](nn::conv2d_config c) { return sentence_of([&] { nn::conv2d<float>{c}; }); };
  CHECK(refused({.channels = 1, .height = 3, .width = 4, .filters = 1, .kernel = 6, .padding = 1}) ==
        "conv2d: kernel is 6, expected at most 5, the padded image");
  CHECK(refused({.channels = 1, .height = 3, .width = 4, .filters = 0, .kernel = 1}) ==
        "conv2d: filters is 0, expected at least 1");
  CHECK(refused({.channels = 1, .height = 3, .width = 4, .filters = 1, .kernel = 1, .padding = -1}) ==
        "conv2d: padding is -1, expected at least 0");
  nn::conv2d<float> layer({.channels = 1, .height = 3, .width = 4, .filters = 2, .kernel = 2});
  matrix<float> x = matrix<float>::Ones(2, 12), y, dx;
  CHECK(sentence_of([&] { layer.forward(matrix<float>::Ones(2, 11), y); }) ==
        "conv2d: x is 2 x 11, expected 12 columns and at least one row");
  layer.forward(x, y);
  CHECK(sentence_of([&] { layer.backward(matrix<float>::Ones(3, 12), dx); }) ==
        "conv2d: dy is 3 x 12, expected 2 x 12 as in the last forward");
  CHECK(sentence_of([&] { layer.forward(x, x); }) == "conv2d: y must not be the input matrix");
}

TEST_CASE("nn global_average_pool: means, and gradients") {
  nn::global_average_pool<double> pool(2, 3);
  matrix<double> x(1, 6), y;
  x << 1, 2, 6, -1, 0, 4;
  pool.forward(x, y);
  CHECK(y == (matrix<double>(1, 2) << 3, 1).finished());
  check_layer(pool, random_matrix(2, 6, 61));
  check_layer(nn::global_average_pool<double>(1, 1), random_matrix(1, 1, 62));
  check_layer(nn::global_average_pool<double>(3, 49), random_matrix(3, 147, 63));
  CHECK(sentence_of([&] { pool.forward(matrix<double>::Ones(1, 7), y); }) ==
        "global_average_pool: x is 1 x 7, expected 6 columns and at least one row");
}
