// backend/paged.hpp: the bits of host, within the limit, and nothing left behind. Run it under ThreadSanitizer too.
#include "mango/backend/paged.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <mutex>

#include "backend/paging.hpp"
#include "mango/backend/threads.hpp"
#include "mango/store/dynamic8.hpp"
#include "mango/store/kahan.hpp"
#include "optim/model.hpp"
#include "optim/snapshot.hpp"

using namespace mango;
using backend_test::mappings;
using backend_test::mib;
using backend_test::paged_adamw;
using backend_test::problem;
using backend_test::scratch_folder;

namespace {

// Everything of a training run that two backends must agree on.
template <class P> struct outcome {
  optim_test::model<P> m;
  optim_test::snapshot state;
};
const std::vector<index_t> sizes{0, 1, 1023, 65536, 65537, 700 * 500, 99991};

template <class Optimizer, class P = float> outcome<P> train(Optimizer opt, bool batched = false) {
  optim_test::model<P> m(sizes);
  m.register_in(opt, true);
  for (unsigned k = 0; k < 4; ++k) {
    if (opt.options().accumulate) {
      m.backward(100 + k);
      for (std::size_t i = 0; i < m.size(); ++i) opt.accumulate(m.ids[i], m.g[i]);
    }
    m.backward(k);
    if (batched || k % 2 == 0) {
      CHECK(opt.step().applied);
    } else {
      const auto token = opt.begin_step();
      for (std::size_t i = m.size(); i-- > 0;) CHECK(token.update(m.ids[i], m.p[i], m.g[i]));
    }
  }
  optim_test::snapshot state(opt);
  return {std::move(m), std::move(state)};
}

template <class Stores, class P = float> void check_same_as_host(const adamw_config& c = {}) {
  const scratch_folder folder;
  const bool batched = c.max_norm > 0;  // else some steps go tensor by tensor
  const auto expected = train<adamw<Stores>, P>(adamw<Stores>(c), batched);
  const std::size_t limits[] = {0, mib / 2, 2 * mib, std::size_t{1} << 40, mib};
  for (int count = 0; count <= 4; ++count) {
    const std::size_t limit = limits[count];
    CAPTURE(limit);
    CAPTURE(count);
    threads pool(count ? count : 1);
    const paged where(folder.string(), {.resident_bytes = limit, .small_bytes = count < 2 ? 0u : 1u << 16},
                      count ? host{pool} : host{});
    const auto got = train<adamw<Stores, paged>, P>(adamw<Stores, paged>(c, where), batched);
    CHECK(got.m.same_parameters(expected.m));
    CHECK(got.state == expected.state);
  }
  CHECK(folder.empty());
}

// A caller's loop that looks at the mappings after every piece.
struct watching_loop {
  threads* pool = nullptr;
  std::size_t peak = 0;
  std::mutex mutex = {};
  void operator()(index_t n, task t) {
    const auto piece = [&](index_t i) {
      t(i);
      const std::lock_guard lock(mutex);
      peak = std::max(peak, mappings().resident);
    };
    if (pool) (*pool)(n, piece);
    else
      for (index_t i = 0; i < n; ++i) piece(i);
  }
};
constexpr std::size_t chunk_bytes = 8 << 16;

}  // namespace

static_assert(elementwise_backend<paged> && watching_backend<paged> && !linalg_backend<paged>);
static_assert(!watching_backend<host> && std::is_copy_constructible_v<paged> && std::is_copy_assignable_v<paged>);

TEST_CASE("backend paged: the bits of host, whatever the store, the limit and the threads") {
  SUBCASE("fp32") { check_same_as_host<stores<fp32, fp32>>(); }
  SUBCASE("bf16") { check_same_as_host<stores<bf16, bf16>>(); }
  SUBCASE("kahan and bf16") { check_same_as_host<stores<kahan, bf16>>(); }
  SUBCASE("factored") { check_same_as_host<stores<factored<>, factored<>>>(); }
  SUBCASE("factored, ragged, beside fp32") {
    check_same_as_host<stores<fp32, factored<zeros::lazy, matricization::ragged>>>();
  }
  SUBCASE("block by block") { check_same_as_host<stores<dynamic8<>, dynamic8<>>>(); }
  SUBCASE("block by block beside bf16") { check_same_as_host<stores<bf16, dynamic8<>>>(); }
}

TEST_CASE("backend paged: the bits of host with clipping, accumulators and compensations") {
  SUBCASE("clipped") { check_same_as_host<stores<fp32, bf16>>({.max_norm = 0.1}); }
  SUBCASE("accumulated") { check_same_as_host<stores<fp32, fp32>>({.options = {.accumulate = true}}); }
  SUBCASE("kahan parameters") {
    check_same_as_host<stores<bf16, bf16>, bfloat16>({.options = {.half_parameters = rounding::kahan}});
  }
  SUBCASE("all of it") {
    check_same_as_host<stores<factored<>, bf16>, bfloat16>(
        {.max_norm = 0.1, .options = {.half_parameters = rounding::kahan, .accumulate = true}});
  }
}

TEST_CASE("backend paged: when written back makes no difference to the bits") {
  const scratch_folder folder;
  const auto expected = train(adamw<>{});
  for (const auto when : {write_back::automatic, write_back::eager, write_back::lazy}) {
    const auto got = train(paged_adamw{{}, paged(folder.string(), {.resident_bytes = mib, .written = when})});
    CHECK((got.m.same_parameters(expected.m) && got.state == expected.state));
  }
}

TEST_CASE("backend paged: state much larger than the limit stays under it, in a step and after it") {
  const scratch_folder folder;
  const index_t n = 64 * 65536 + 17;  // 32 MiB of state
  problem x(n);
  for (const int count : {1, 2, 4}) {
    CAPTURE(count);
    threads pool(count);
    watching_loop loop{.pool = count == 1 ? nullptr : &pool};
    paged_adamw opt{{}, paged(folder.string(), {.resident_bytes = 4 * mib}, host{loop})};
    const auto id = opt.add("w", {.shape = {n}}, x.p, x.g);
    CHECK(mappings().bytes >= opt.state_bytes(id));
    for (int k = 0; k < 3; ++k) {
      opt.step();
      CHECK(mappings().resident <= 3 * mib + chunk_bytes);  // what is kept
      CHECK(mappings().resident >= 2 * mib);                // and it is kept
    }
    CHECK(loop.peak <= 4 * mib + static_cast<std::size_t>(count) * chunk_bytes);
    // read by name: it comes back in, and the next step lets go of it
    double sum = 0;
    for (const auto& part : opt.state(id))
      for (const std::byte b : part.bytes) sum += static_cast<double>(b);
    CHECK(sum > 0);
    CHECK(mappings().resident >= opt.state_bytes(id));
    opt.step();
    CHECK(mappings().resident <= 3 * mib + chunk_bytes);
  }
}

TEST_CASE("backend paged: many tensors, each smaller than the limit, stay under it together") {
  const scratch_folder folder;
  watching_loop loop;
  const paged where(folder.string(), {.resident_bytes = 2 * mib}, host{loop});
  adamw<stores<bf16, bf16>, paged> first{{}, where}, second{{}, where};  // two optimizers, one limit
  problem x(100000);
  for (int i = 0; i < 20; ++i) (i % 2 ? first : second).add(std::to_string(i), {.shape = {100000}});
  CHECK(where.mapped_bytes() == 20 * 400000);
  for (int k = 0; k < 2; ++k)
    for (auto* opt : {&first, &second}) {
      const auto token = opt->begin_step();
      for (std::uint32_t i = 10; i-- > 0;) token.update(tensor_id{i}, x.p, x.g);
    }
  CHECK(mappings().count == 20);
  CHECK(mappings().resident <= 2 * mib);
  CHECK(loop.peak <= 2 * mib + chunk_bytes / 2);
}

TEST_CASE("backend paged: state that fits stays mapped") {
  const scratch_folder folder;
  problem x(10 * 65536);
  paged_adamw opt{{}, paged(folder.string(), {.resident_bytes = 5 * mib})};
  opt.add("w", {.shape = {std::ssize(x.p)}}, x.p, x.g);
  opt.step();
  CHECK(mappings().resident == 5 * mib);
  opt.add("one more", {.shape = {0}}, std::span<float>(), std::span<float>());
  opt.step();
  CHECK(mappings().resident == 5 * mib);
  const auto more = opt.add("and it does not fit", 1 << 16);
  std::vector<float> p(1 << 16), g(1 << 16);
  opt.bind(more, p, g);
  opt.step();
  CHECK(mappings().resident <= 4 * mib);
}

TEST_CASE("backend paged: what stays mapped is given back with the optimizer") {
  const scratch_folder folder;
  problem x(16 * 65536);
  const paged where(folder.string(), {.resident_bytes = 4 * mib});
  for (int again = 0; again < 3; ++again) {
    paged_adamw opt{{}, where};
    opt.add("w", {.shape = {std::ssize(x.p)}}, x.p, x.g);
    opt.step();
    CHECK((mappings().resident >= 2 * mib && mappings().resident <= 3 * mib));
  }
}

TEST_CASE("backend paged: what the chunks to come need is asked for") {
  const scratch_folder folder;
  const paged where(folder.string(), {.resident_bytes = 0});
  const std::size_t size = 4 * mib, chunk = size / 16;
  const buffer first = where.allocate(size), second = where.allocate(size);
  for (const buffer* b : {&first, &second}) {  // a pass
    where.before(*b, {15 * chunk, size, 0, size});
    std::fill_n(b->data(), size, std::byte{1});
    where.after(*b, {0, size, 0, size});
  }
  backend_test::evict_all();
  const auto cached = [&](const buffer& b, std::size_t i) {  // all of chunk i, soon
    for (int wait = 0; wait < 200; ++wait, ::usleep(10000))
      if (backend_test::cached_pages({b.data() + i * chunk, chunk}) * 4096 >= chunk) return true;
    return false;
  };
  if (backend_test::cached_pages({first.data(), size}) > 0) {
    MESSAGE("SKIPPED: this file system keeps its cache");
    return;
  }
  where.before(first, {0, chunk, 0, size});
  for (std::size_t i = 0; i < 5; ++i) CHECK(cached(first, i));
  where.before(first, {4 * chunk, 5 * chunk, 0, size});
  CHECK(cached(first, 8));
  CHECK(backend_test::cached_pages({second.data(), size}) == 0);
  where.before(first, {15 * chunk, 16 * chunk, 0, size});  // the last: next is the other file
  CHECK(cached(second, 0));
}

TEST_CASE("backend paged: with large pages too, what is mapped stays under the limit") {
  const scratch_folder folder;
  const std::size_t size = 256 * mib, array = size / 2, chunk = mib / 4;
  const paged where(folder.string(), {.resident_bytes = 64 * mib});
  const buffer b = where.allocate(size);
  std::size_t peak = 0;
  for (int pass = 1; pass <= 2; ++pass)
    for (std::size_t at = 0; at < array; at += chunk) {
      const state_range used[] = {{at, at + chunk, 0, array}, {array + at, array + at + chunk, array, size}};
      for (const auto& r : used) where.before(b, r);
      for (const auto& r : used)
        for (std::size_t i = r.begin; i < r.end; i += 1024) b.data()[i] = static_cast<std::byte>(i / 1024 % 251 + 1);
      if (at / chunk % 16 == 7) peak = std::max(peak, mappings().resident);
      for (const auto& r : used) where.after(b, r);
    }
  CHECK(peak <= 52 * mib);
  CHECK(peak >= 40 * mib);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < size; i += 1024) wrong += b.data()[i] != static_cast<std::byte>(i / 1024 % 251 + 1);
  CHECK(wrong == 0);
}

TEST_CASE("backend paged: accumulators and filled state stay under the limit too") {
  const scratch_folder folder;
  const index_t n = 64 * 65536;
  problem x(n);
  watching_loop loop;
  const paged where(folder.string(), {.resident_bytes = 4 * mib}, host{loop});
  SUBCASE("accumulators") {
    paged_adamw opt{{.options = {.accumulate = true}}, where};
    const auto id = opt.add("w", n);
    for (int k = 0; k < 3; ++k) {
      opt.accumulate(id, x.g);
      opt.accumulate(id, x.g);
      CHECK(opt.begin_step().update(id, x.p, x.g));
    }
    CHECK(loop.peak <= 4 * mib + 2 * chunk_bytes);
  }
  SUBCASE("filled") {  // codes of zero are not zero
    adamw<stores<dynamic8<>, dynamic8<>>, paged> opt{{}, where};
    const auto id = opt.add("w", n);
    opt.add("v", n);
    CHECK(mappings().resident <= 9 * mib);  // of 16: of the latest alone
    CHECK(opt.begin_step().update(id, x.p, x.g));
    CHECK(loop.peak <= 4 * mib);
  }
}
