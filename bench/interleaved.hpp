#pragma once
// How everything here is timed: what is compared takes turns within every round of one run, and a ratio is the median
// of the rounds' ratios. On a shared machine single times drift by a quarter, such ratios by a few percent.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

namespace bench {

inline double median(std::vector<double> x) {
  std::nth_element(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(x.size() / 2), x.end());
  return x[x.size() / 2];
}

// seconds of one call, over `repetitions`
template <class F> double seconds(int repetitions, F f) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < repetitions; ++i) f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / repetitions;
}

// the median over rounds of a[i] / b[i]
inline double ratio(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> each(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) each[i] = a[i] / b[i];
  return median(each);
}

// parameters and gradients of ordinary sizes, without denormals
inline void fill(std::vector<float>& p, std::vector<float>& g) {
  for (std::size_t i = 0; i < p.size(); ++i) {
    p[i] = 0.02f * static_cast<float>(static_cast<int>(i * 7919 % 1001) - 500);
    g[i] = 1e-5f * static_cast<float>(static_cast<int>(i * 104729 % 1999) - 999);
  }
}

}  // namespace bench
