// store/blockwise.hpp: blocks read back what was written, within their code's error, alone and by a warp
#include "store/blocks.hpp"

static_assert(block_store<any_sign<nf4<>>> && block_store<dynamic_unsigned>);
static_assert(!dynamic_nearest::rounds && dynamic_unsigned::rounds && any_sign<nf4<>>::rounds);
static_assert(!any_sign<linear8<>>::rounds && any_sign<linear4<>>::rounds && no_sign<linear4<>>::rounds);
static_assert(!no_sign<dynamic8<256, rounding::nearest>>::rounds &&
              any_sign<dynamic8<256, rounding::stochastic>>::rounds);

TEST_CASE("store blockwise: descriptions") {
  CHECK(std::string(any_sign<nf4<>>::name) == "nf4");
  CHECK(std::string(no_sign<nf4<>>::name) == "linear4");
  CHECK(std::string(dynamic_unsigned::name) == "dynamic8");
  CHECK(any_sign<nf4<64>>::bits == 4.5);
  CHECK(any_sign<half_scaled>::bits == 4.25);
  CHECK(std::string(name_of(any_sign<half_scaled>::parts[1].type)) == "F16");
  CHECK(dynamic_nearest::bits == 8.125);
  CHECK(any_sign<nf4<>>::fill == 0x77);
  CHECK(dynamic_nearest::fill == 127);
  CHECK(dynamic_unsigned::fill == 0);
  for (const index_t n : {0, 1, 63, 64, 65, 1000}) {
    CHECK(any_sign<nf4<64>>::elements(0, shape{n}) == (n + 1) / 2);
    CHECK(any_sign<nf4<64>>::elements(1, shape{n}) == (n + 63) / 64);
    CHECK(dynamic_nearest::elements(0, shape{n}) == n);
  }
  every_store([]<class S> {  // fresh memory reads as zero
    for (const float x : memory<S>(S::block + 3).load()) CHECK(bits_of(x) == 0);
  });
}

TEST_CASE("store blockwise: every size, at every alignment, and nothing outside is written") {
  every_store([]<class S> {
    CAPTURE(S::name);
    for (const int n : {0, 1, 2, 3, 31, S::block - 1, S::block, S::block + 1, 3 * S::block + 17})
      for (const std::size_t past : {0u, 1u, 3u}) {
        const std::vector<float> x = numbers<S>(static_cast<std::size_t>(n), 3);
        memory<S> m(n, past);
        CHECK(m.save(x) == 0);
        CHECK(m.check());
        const std::vector<float> y = m.load();
        CHECK(m.check());
        double worst = 0, largest = 0;
        for (std::size_t i = 0; i < x.size(); ++i) {
          worst = std::max(worst, std::abs(static_cast<double>(y[i]) - static_cast<double>(x[i])));
          largest = std::max(largest, std::abs(static_cast<double>(x[i])));
        }
        CHECK(worst <= (S::map::bits == 4 ? 0.31 : 0.0141) * largest);  // a stochastic one is off by up to a whole gap
        if (S::map::bits == 4 && n % 2 == 1) CHECK((m.codes[m.codes.size() - 1] & 15) == (S::fill & 15));
      }
  });
}

TEST_CASE("store blockwise: nearest is within the code's error") {
  const auto check = []<class S>(double bound) {
    CAPTURE(S::name);
    support::random source(4);
    std::vector<float> x(50 * S::block);
    for (float& v : x) v = static_cast<float>(source.uniform(S::map::nonnegative ? 0 : -8, 8));
    for (std::size_t i = 0; i < x.size(); i += S::block)
      x[i] = i % (2 * S::block) && !S::map::nonnegative ? -8.0f : 8.0f;
    CHECK(largest_error<S>(x) <= bound * 8 * 1.000001);
    CHECK(largest_error<S>(x) > 0.9 * bound * 8);
  };
  check.operator()<any_sign<nf4<64, rounding::nearest>>>(0.1519036);
  check.operator()<any_sign<linear4<64, rounding::nearest>>>(0.0714286);
  check.operator()<no_sign<linear4<64, rounding::nearest>>>(0.0625);
  check.operator()<any_sign<linear8<256>>>(0.00393701);
  check.operator()<dynamic_nearest>(0.00703126);
  check.operator()<no_sign<dynamic8<256, rounding::nearest>>>(0.00351566);
}

TEST_CASE("store blockwise: what was read is written as it was, and the largest number is exact") {
  every_store([]<class S> {
    CAPTURE(S::name);
    using nearest = blockwise<typename S::map, S::block, rounding::nearest>;
    for (const float scale : {1e-30f, 1.0f, 1e30f, 0x1p-126f, 3.0f}) {
      const std::vector<float> x = all_codes<S>(scale);
      CHECK(support::first_difference(through<nearest>(x), x) == -1);
    }
    if (!S::map::nonnegative && S::map::count < 256) {  // both ends, where the code has both
      std::vector<float> x(S::block, 0.25f);
      x[3] = -0.7f;
      CHECK(through<nearest>(x)[3] == -0.7f);
    }
  });
}

TEST_CASE("store blockwise: zeros stay zeros, signs are symmetric, powers of two change no code") {
  every_store([]<class S> {
    CAPTURE(S::name);
    std::vector<float> x(S::block, 0.0f);
    x[0] = 1.0f;
    const std::vector<float> y = through<S>(x);
    CHECK(y[0] == 1.0f);
    if (S::map::has_zero)
      for (std::size_t i = 1; i < y.size(); ++i) CHECK(bits_of(y[i]) == 0);

    x = numbers<S>(S::block, 5);
    memory<S> a(S::block);
    a.save(x);
    const bool halves = !std::is_same_v<typename S::scale_type, float>;  // which end at 2^16
    for (const float power : {0x1p-67f, 0x1p-6f, 0x1p6f, 0x1p67f}) {     // 1e-20 and 1e20 are between the outer ones
      if (halves && (power < 0x1p-6f || power > 0x1p6f)) continue;
      std::vector<float> scaled = x;
      for (float& v : scaled) v *= power;
      memory<S> b(S::block);
      b.save(scaled);
      CHECK(support::first_difference(a.codes.span(), b.codes.span()) == -1);
      const std::vector<float> once = a.load(), other = b.load();
      for (std::size_t i = 0; i < once.size(); ++i) CHECK(other[i] == once[i] * power);
    }
    std::vector<float> negative = x;
    for (float& v : negative) v = -v;
    if (S::map::first == -S::map::last) {
      using nearest = blockwise<typename S::map, S::block, rounding::nearest>;
      const std::vector<float> up = through<nearest>(x), down = through<nearest>(negative);
      for (std::size_t i = 0; i < up.size(); ++i) CHECK(up[i] == -down[i]);
    }
  });
}

TEST_CASE("store blockwise: blocks of zero and of numbers below the smallest normal one") {
  every_store([]<class S> {
    CAPTURE(S::name);
    for (const float value : {0.0f, -0.0f, 1e-41f, std::bit_cast<float>(0x007fffffu)}) {
      memory<S> m(S::block + 5);
      m.save(std::vector<float>(S::block + 5, value));
      for (const auto s : m.scales.span()) CHECK(bits_of(to_float(s)) == 0);
      for (const std::uint8_t c : m.codes.span()) CHECK(c == S::fill);
      for (const float x : m.load()) CHECK(bits_of(x) == 0);
    }
  });
}

TEST_CASE("store blockwise: NaN and infinity are counted, stored as zero, and do not touch their neighbours") {
  every_store([]<class S> {
    CAPTURE(S::name);
    std::vector<float> clean = numbers<S>(2 * S::block + 3, 6), dirty = clean;
    std::size_t at = 1;
    for (const std::uint32_t pattern : support::nonfinite_patterns) {
      clean[at] = 0.0f;
      dirty[at] = std::bit_cast<float>(pattern);
      at += 3;
    }
    dirty.back() = std::numeric_limits<float>::infinity();
    clean.back() = 0.0f;
    memory<S> a(2 * S::block + 3), b(2 * S::block + 3);
    CHECK(a.save(clean) == 0);
    CHECK(b.save(dirty) == static_cast<int>(std::size(support::nonfinite_patterns)) + 1);
    CHECK(support::first_difference(a.codes.span(), b.codes.span()) == -1);
    CHECK(support::first_difference(a.scales.span(), b.scales.span()) == -1);
  });
}

TEST_CASE(
    "store blockwise: a float16 scale is the next half above the largest magnitude, and holds no more than 65504") {
  using S = any_sign<nf4<64, rounding::nearest, float16>>;
  std::vector<float> x(5 * 64, 0.0f);
  const float largest[] = {1.0f, 0.1f, 3e-7f, 1e-9f, 65504.0f};
  for (std::size_t b = 0; b < 5; ++b) x[64 * b + 7] = -largest[b];
  memory<S> m(5 * 64);
  CHECK(m.save(x) == 0);
  const std::vector<float> y = m.load();
  for (std::size_t b = 0; b < 5; ++b) {
    CAPTURE(largest[b]);
    const float scale = to_float(m.scales[b]);
    CHECK(scale >= largest[b]);
    CHECK(scale <= std::max(largest[b] * (1 + 0x1p-10f), largest[b] + 0x1p-24f));
    for (std::size_t i = 0; i < 64; ++i) CHECK((i == 7 || bits_of(y[64 * b + i]) == 0));
    if (largest[b] > 1e-7f) CHECK(std::abs(y[64 * b + 7] + largest[b]) <= 0.16f * scale);
  }
  x[0] = 65536.0f;  // counted, stored as 0, and without a say in the scale, like infinity
  CHECK(m.save(x) == 1);
  CHECK(bits_of(m.load()[0]) == 0);
  CHECK(to_float(m.scales[0]) == 1.0f);
}

TEST_CASE("store blockwise: stochastic rounding takes the two neighbours, and their mean is the number") {
  const auto check = []<class S>(std::vector<float> some) {
    CAPTURE(S::name);
    constexpr int draws = 4000;
    some.resize(S::block, some.front());  // the first is the largest magnitude
    std::vector<double> sum(some.size());
    std::vector<float> least(some.size(), 9), most(some.size(), -9);
    memory<S> m(S::block);
    for (std::uint32_t d = 0; d < draws; ++d) {
      m.save(some, d);
      const std::vector<float> y = m.load();
      for (std::size_t i = 0; i < y.size(); ++i) {
        sum[i] += static_cast<double>(y[i]);
        least[i] = std::min(least[i], y[i]), most[i] = std::max(most[i], y[i]);
      }
    }
    for (std::size_t i = 0; i < some.size(); ++i) {
      CAPTURE(some[i]);
      const auto x = static_cast<double>(some[i]), low = static_cast<double>(least[i]),
                 high = static_cast<double>(most[i]);
      CHECK(low <= x);
      CHECK(high >= x);
      const double deviation = std::sqrt((x - low) * (high - x) / draws);
      CHECK(std::abs(sum[i] / draws - x) <= 5 * deviation + (high - low) / 65536 + 1e-7);
    }
  };
  check.operator()<any_sign<nf4<64>>>({1.0f, 0.9f, -0.8f, 0.01f, -0.3f, 0.5f, -0.97f, 0.33791524f});
  check.operator()<any_sign<linear4<64>>>({2.0f, 0.1f, -0.2f, 1.9f, -1.95f});
  check.operator()<no_sign<linear4<64>>>({1.0f, 0.07f, 0.5f, 0.99f, 0.3f});
  check.operator()<dynamic_unsigned>({1.0f, 0.9985f, 0.5f, 1e-4f, 1.45e-6f, 0.1005f});
  check.operator()<any_sign<dynamic8<256, rounding::stochastic>>>({1.0f, -0.5f, 0.9f, 1e-4f, -1e-5f, 2e-7f});
}

TEST_CASE("store blockwise: above zero stays above zero in a nonnegative slot") {
  std::vector<float> v(256, 0.0f);
  v[0] = 1.0f;
  for (std::size_t i = 1; i < 100; ++i) v[i] = std::ldexp(1.0f, -static_cast<int>(i) - 20);
  for (std::uint32_t epoch = 0; epoch < 20; ++epoch) {
    memory<dynamic_unsigned> m(256);
    m.save(v, epoch);
    const std::vector<float> y = m.load();
    for (std::size_t i = 0; i < 256; ++i) CHECK((y[i] > 0) == (v[i] > 0));
  }
  const std::vector<float> published = through<no_sign<dynamic8<256, rounding::nearest>>>(v);
  CHECK(published[10] == 0);  // to nearest, most of them are lost
}
