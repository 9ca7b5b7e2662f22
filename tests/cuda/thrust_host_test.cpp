// Thrust's containers as spans, on Thrust's host system: no device and no nvcc.
#include <doctest/doctest.h>
#include <thrust/sequence.h>

#include "mango/cuda/thrust.hpp"

TEST_CASE("cuda: a span of a Thrust vector is its elements") {
  thrust::device_vector<float> v(5);
  thrust::sequence(v.begin(), v.end());
  const mango::cuda::device_span<float> all = mango::cuda::as_span(v);
  REQUIRE(all.size() == 5);
  CHECK(all.size_bytes() == 20);
  CHECK(all.data() == thrust::raw_pointer_cast(v.data()));
  CHECK(all.data()[3] == 3);  // host memory here
  all.data()[4] = 7;
  CHECK(v[4] == 7);
  const auto& constant = v;
  const mango::cuda::device_span<const float> read = mango::cuda::as_span(constant);
  CHECK(read.subspan(1, 2).data() == all.data() + 1);
}
