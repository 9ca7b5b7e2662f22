#include <array>
#include <cstdint>

#include "gradient_check.hpp"
#include "mango/nn/cross_entropy.hpp"

namespace nn = mango::nn;
using namespace gradient_check;

TEST_CASE("nn cross_entropy: loss, gradient and correct answers worked out by hand") {
  nn::cross_entropy<double> loss;
  matrix<double> logits(2, 3), d;
  logits << 0, std::log(2.0), std::log(5.0), 0, 0, 0;  // softmax 1/8 2/8 5/8 and thirds
  const std::array<std::uint8_t, 2> labels{1, 2};
  const auto result = loss.forward(logits, labels);
  CHECK(result.loss == doctest::Approx((std::log(4.0) + std::log(3.0)) / 2).epsilon(1e-14));
  CHECK(result.correct == 0);  // of equal logits the first one wins
  loss.backward(d);
  matrix<double> expected(2, 3);
  expected << 0.125, 0.25 - 1, 0.625, 1 / 3.0, 1 / 3.0, 1 / 3.0 - 1;
  CHECK((d - expected / 2).cwiseAbs().maxCoeff() < 1e-15);
  loss.backward(d, 0.25);
  CHECK((d - expected / 8).cwiseAbs().maxCoeff() < 1e-15);
  CHECK(loss.forward(logits, std::vector<long>{2, 0}).correct == 2);
  CHECK(loss.probabilities()(0, 2) == doctest::Approx(0.625));
}

TEST_CASE("nn cross_entropy: huge logits neither overflow nor lose the loss") {
  nn::cross_entropy<float> loss;
  matrix<float> logits(3, 4), d;
  logits << 1e30f, -1e30f, 0, 0, -3e38f, -3e38f, -3e38f, -3e38f, 5000, 5010, 4000, 0;
  CHECK(loss.forward(logits, std::vector<int>{0, 0, 1}).loss == doctest::Approx(std::log(4.0) / 3).epsilon(1e-4));
  loss.backward(d);
  CHECK(d.allFinite());
  const auto wrong = loss.forward(logits.bottomRows(1), std::vector<int>{0});
  CHECK(wrong.loss == doctest::Approx(10.0000454).epsilon(1e-6));
  CHECK(wrong.correct == 0);
}

TEST_CASE("nn cross_entropy: a diverged row shows in the loss and is never correct") {
  nn::cross_entropy<float> loss;
  matrix<float> logits = matrix<float>::Zero(2, 3);
  logits.row(0).setConstant(std::nanf(""));
  logits(1, 0) = 1;
  const auto result = loss.forward(logits, std::vector<int>{0, 0});
  CHECK(std::isnan(result.loss));
  CHECK(result.correct == 1);
}

TEST_CASE("nn cross_entropy: gradient of the scaled mean") {
  for (const auto& [batch, classes] : {std::pair<index_t, index_t>{1, 2}, {5, 3}, {4, 37}}) {
    matrix<double> logits = random_matrix(batch, classes, 41, -3.0, 3.0), d;
    std::vector<index_t> labels;
    for (index_t r = 0; r < batch; ++r) labels.push_back(r * 7 % classes);
    nn::cross_entropy<double> loss;
    loss.forward(logits, labels);
    loss.backward(d, 2.5);
    const auto scaled = [&] { return 2.5 * loss.forward(logits, labels).loss; };
    CHECK(gradient_error(elements(logits), elements(d), scaled) < 1e-6);
  }
}

TEST_CASE("nn cross_entropy: parts of a batch, weighted by their share, add up to the whole") {
  const matrix<double> logits = random_matrix(5, 4, 42);
  const std::vector<int> labels{0, 1, 2, 3, 0};
  nn::cross_entropy<double> whole, part;
  matrix<double> d, d1, d2;
  const auto all = whole.forward(logits, labels);
  whole.backward(d);
  const auto first = part.forward(logits.topRows(3), std::span(labels).first(3));
  part.backward(d1, 3 / 5.0);
  const auto second = part.forward(logits.bottomRows(2), std::span(labels).last(2));
  part.backward(d2, 2 / 5.0);
  CHECK(all.loss == doctest::Approx((3 * first.loss + 2 * second.loss) / 5).epsilon(1e-14));
  CHECK(all.correct == first.correct + second.correct);
  CHECK((d.topRows(3) - d1).cwiseAbs().maxCoeff() < 1e-15);
  CHECK((d.bottomRows(2) - d2).cwiseAbs().maxCoeff() < 1e-15);
}

TEST_CASE("nn cross_entropy: refuses wrong labels in one sentence") {
  nn::cross_entropy<float> loss;
  const matrix<float> logits = matrix<float>::Zero(2, 3);
  CHECK(sentence_of([&] { loss.forward(logits, std::vector<int>{0}); }) ==
        "cross_entropy: labels has 1 entries, expected 2");
  CHECK(sentence_of([&] { loss.forward(logits, std::vector<int>{0, 3}); }) ==
        "cross_entropy: labels[1] is 3, expected 0 to 2");
  CHECK(sentence_of([&] { loss.forward(logits, std::vector<int>{-1, 0}); }) ==
        "cross_entropy: labels[0] is -1, expected 0 to 2");
  CHECK(sentence_of([&] { loss.forward(matrix<float>(0, 3), std::vector<int>{}); }) ==
        "cross_entropy: logits is 0 x 3, expected 3 columns and at least one row");
}
