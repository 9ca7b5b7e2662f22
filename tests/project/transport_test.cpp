// project/transport.hpp: the golden case T4 of the specification and the properties I16
#include "mango/project/transport.hpp"

#include <doctest/doctest.h>

#include "mango/backend/eigen.hpp"
#include "project/matrices.hpp"

using namespace mango;
using support::matrix;

TEST_CASE("transport: golden, M' = C M and V' = (C o C) V") {
  const projection p = projection_of(shape{2, 2}, 2, projection_side::left);
  std::vector<float> c{0.8f, 0.6f, -0.6f, 0.8f}, squares{0.64f, 0.36f, 0.36f, 0.64f}, m{1, 0, 2, 0}, v{4, 9, 9, 1},
      out(4);
  transport(eigen{}, p, {c.data(), 2, 2, 2}, p.compact_vectors(m.data(), 2), p.compact_vectors(out.data(), 2));
  CHECK(out[0] == doctest::Approx(2));
  CHECK(out[2] == doctest::Approx(1));
  transport(eigen{}, p, {squares.data(), 2, 2, 2}, p.compact_vectors(v.data(), 2), p.compact_vectors(out.data(), 2));
  CHECK(out[0] == doctest::Approx(5.8));
  CHECK(out[2] == doctest::Approx(7.2));
  CHECK(out[1] == doctest::Approx(6.12));
  CHECK(out[3] == doctest::Approx(3.88));
}

TEST_CASE("transport: in the same span, what comes back is the same") {
  for (const auto side : {projection_side::left, projection_side::right}) {
    const index_t m = 33, n = 21, r = 6;
    const projection p = projection_of(shape{m, n}, r, side);
    const matrix old = support::orthonormal_rows(r, p.basis_length(), 1), turn = support::orthonormal_rows(r, r, 2),
                 now = turn * old;
    const auto lie = [&](const matrix& rows) { return p.right ? rows.floats() : transposed(rows).floats(); };
    auto before = lie(old), after = lie(now);
    std::vector<float> c(r * r), out(static_cast<std::size_t>(r * p.compact_length()));
    auto moment = support::normals(out.size(), 3);
    overlap_of(eigen{}, p.vectors(after.data(), r), p.vectors(before.data(), r), {c.data(), r, r, r});
    transport(eigen{}, p, {c.data(), r, r, r}, p.compact_vectors(moment.data(), r), p.compact_vectors(out.data(), r));
    const auto back = [&](const matrix& basis, std::vector<float>& x) {
      return transposed(basis) * support::rows_of(p.compact_vectors(x.data(), r));
    };
    CHECK(support::largest(back(now, out) - back(old, moment)) < 1e-5);
  }
}
