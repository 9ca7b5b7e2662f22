// A trainer on Eigen: a two-layer network learns to tell the inside of a circle from its outside. Eigen's matrices are
// handed in as they are; column-major storage swaps the extents and moves nothing.
#include <Eigen/Core>
#include <cstdio>

#include "mango/backend/eigen.hpp"
#include "mango/optim/adamw.hpp"

int main() {
  std::srand(1);  // Eigen's Random
  const Eigen::MatrixXf x = Eigen::MatrixXf::Random(2, 512);
  const Eigen::RowVectorXf inside = (x.colwise().squaredNorm().array() < 0.5f).cast<float>();

  Eigen::MatrixXf w1 = Eigen::MatrixXf::Random(32, 2), w2 = Eigen::MatrixXf::Random(1, 32) * 0.3f, dw1, dw2;
  Eigen::VectorXf b1 = Eigen::VectorXf::Random(32), db1;

  mango::adamw opt{{.learning_rate = 0.02, .weight_decay = 1e-4}, mango::eigen{}};
  const auto id1 = opt.add("w1", {.shape = mango::shape::column_major({w1.rows(), w1.cols()})});
  const auto id2 = opt.add("w2", {.shape = mango::shape::column_major({w2.rows(), w2.cols()})});
  const auto id3 = opt.add("b1", b1.size());

  float right = 0;
  for (int i = 0; i < 400; ++i) {
    const Eigen::MatrixXf hidden = ((w1 * x).colwise() + b1).cwiseMax(0.0f);
    const Eigen::RowVectorXf p = (1 + (-(w2 * hidden).array()).exp()).inverse();
    right = (((p.array() > 0.5f).cast<float>() - inside.array()).abs() < 0.5f).cast<float>().mean();

    const Eigen::RowVectorXf dz = (p - inside) / static_cast<float>(x.cols());  // of the mean cross-entropy
    const Eigen::MatrixXf dh = (w2.transpose() * dz).array() * (hidden.array() > 0).cast<float>();
    dw2 = dz * hidden.transpose();
    dw1 = dh * x.transpose();
    db1 = dh.rowwise().sum();

    const auto step = opt.begin_step();
    step.update(id1, w1, dw1);
    step.update(id2, w2, dw2);
    step.update(id3, b1, db1);
  }
  std::printf("%.1f %% right after 400 steps\n", static_cast<double>(100 * right));
  return right > 0.97f ? 0 : 1;
}
