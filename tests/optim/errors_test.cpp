// every mistake with a span, a name or a type: the right error, with the tensor's name and the numbers; nothing changes
#include <doctest/doctest.h>

#include "mango/optim/adamw.hpp"
#include "mango/optim/sgd.hpp"
#include "optim/caught.hpp"
#include "optim/numbers.hpp"
#include "optim/snapshot.hpp"
#include "support/guarded.hpp"

using namespace optim_test;
using mango::dtype, mango::errc;

namespace {

constexpr std::size_t n = 24;

// an optimizer one step into a run, whose memory is all in sight: 4 x n floats of state and parameter room
struct scene {
  std::vector<float> memory = std::vector<float>(4 * n), p = uniform(n, 1), g = uniform(n, 2);
  std::vector<float> master = uniform(n, 3);
  std::vector<bfloat16> half = to_bf16(master);
  mango::adamw<> opt{{}};
  mango::tensor_id w{}, b{};

  scene() {
    w = opt.add("layer.w", {.shape = {4, 6}, .state = std::as_writable_bytes(std::span(memory)).first(8 * n)});
    b = opt.add("layer.b", {.shape = {n}, .parameter = dtype::bf16, .master = true});
    opt.begin_step().update(w, p, g);
    opt.begin_step().update(b, half, g, master);
  }
  // `call` raises this, and everything is bit for bit as before
  template <class Call> mango::error refuses(Call&& call) {
    const snapshot before(opt);
    const auto memory_before = memory, p_before = p, g_before = g, master_before = master;
    const auto half_before = half;
    const auto tensors = opt.size();
    const auto e = caught(call);
    CHECK(snapshot(opt) == before);
    CHECK((same_bits(memory, memory_before) && same_bits(p, p_before) && same_bits(g, g_before)));
    CHECK((same_bits(master, master_before) && same_bits(half, half_before)));
    CHECK(opt.size() == tensors);
    return e;
  }
};

template <class T> std::span<T> misplaced(std::vector<T>& v, std::ptrdiff_t bytes, std::size_t count) {
  return {reinterpret_cast<T*>(reinterpret_cast<std::byte*>(v.data()) + bytes), count};
}

// `check(update)` for every way of handing in an fp32 tensor's parameter and gradient
template <class Check> void for_update_and_bind(scene& s, Check check) {
  check([&](auto&& p, auto&& g) { s.opt.begin_step().update(s.w, p, g); });
  check([&](auto&& p, auto&& g) { s.opt.bind(s.w, p, g); });
}

}  // namespace

TEST_CASE("optim errors: spans of the wrong size") {
  scene s;
  std::vector<float> small(n - 1), large(n + 1);
  for_update_and_bind(s, [&](auto update) {
    check_error(s.refuses([&] { update(small, s.g); }), errc::size, "layer.w", n, n - 1);
    check_error(s.refuses([&] { update(s.p, large); }), errc::size, "layer.w", n, n + 1);
  });
  check_error(s.refuses([&] { s.opt.begin_step().update(s.b, s.half, s.g, small); }), errc::size, "layer.b", n, n - 1);
  check_error(s.refuses([&] { s.opt.bind(s.b, s.half, s.g); }), errc::size, "layer.b", n, 0);  // no master
  check_error(s.refuses([&] { s.opt.begin_step().update_into(s.w, s.p, s.g, small); }), errc::size, "layer.w", n,
              n - 1);
  check_error(s.refuses([&] { s.opt.begin_step().measure(s.w, small); }), errc::size, "layer.w", n, n - 1);
  check_error(s.refuses([&] { s.opt.begin_step().update(s.w, s.p, std::span<const float>()); }), errc::size, "layer.w",
              n, 0);
  CHECK(caught([&] { s.opt.add("bad", {.shape = {4, -1}}); }).code() == errc::size);
  CHECK(caught([&] { s.opt.add("bad", -3); }).code() == errc::size);
  const auto huge = index_t{1} << 32;
  CHECK(caught([&] { s.opt.add("bad", {.shape = {huge, huge, 4}}); }).code() == errc::size);
  const index_t ones[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
  const auto nine = caught([&] { s.opt.add("bad", {.shape = {ones, 9}}); });
  CHECK(nine.code() == errc::size);
  CHECK(nine.expected() == 8);
  CHECK(nine.got() == 9);
  CHECK(s.opt.size() == 2);
}

TEST_CASE("optim errors: null pointers") {
  scene s;
  const std::span<float> null(static_cast<float*>(nullptr), n);
  const auto check = [](const mango::error& e, const char* name) {
    check_error(e, errc::null_span, name);
    CHECK(e.expected() == n);
    CHECK(contains(e.what(), std::to_string(n)));
  };
  for_update_and_bind(s, [&](auto update) {
    check(s.refuses([&] { update(null, s.g); }), "layer.w");
    check(s.refuses([&] { update(s.p, null); }), "layer.w");
  });
  check(s.refuses([&] { s.opt.begin_step().update(s.b, s.half, s.g, null); }), "layer.b");
  check(s.refuses([&] { s.opt.begin_step().update_into(s.w, s.p, s.g, null); }), "layer.w");
  check(s.refuses([&] { s.opt.begin_step().measure(s.w, null); }), "layer.w");
}

TEST_CASE("optim errors: misaligned pointers, and pointers that are aligned to nothing more than an element") {
  scene s;
  std::vector<float> room(n + 2);
  std::vector<bfloat16> half_room(n + 2);
  for (const std::ptrdiff_t past : {1, 2, 3}) {
    const auto askew = misplaced(room, past, n);
    for_update_and_bind(s, [&](auto update) {
      check_error(s.refuses([&] { update(askew, s.g); }), errc::misaligned_span, "layer.w", 4, past);
      check_error(s.refuses([&] { update(s.p, askew); }), errc::misaligned_span, "layer.w", 4, past);
    });
    check_error(s.refuses([&] { s.opt.begin_step().update(s.b, s.half, s.g, askew); }), errc::misaligned_span,
                "layer.b", 4, past);
    check_error(s.refuses([&] { s.opt.begin_step().update_into(s.w, s.p, s.g, askew); }), errc::misaligned_span,
                "layer.w", 4, past);
  }
  const auto askew = misplaced(half_room, 1, n);
  check_error(s.refuses([&] { s.opt.begin_step().update(s.b, askew, s.g, s.master); }), errc::misaligned_span,
              "layer.b", 2, 1);

  for (std::size_t past = 0; past < 16; ++past) {
    support::guarded<float> p(s.p, past), g(s.g, past + 3);
    auto expected = s.p;
    mango::adamw one{{}}, other{{}};
    CHECK(one.begin_step().update(one.add("w", n), p.span(), g.span()));
    CHECK(other.begin_step().update(other.add("w", n), expected, s.g));
    CHECK(same_bits(p, expected));
    CHECK((p.check() && g.check()));
  }
}

TEST_CASE("optim errors: overlaps within one tensor") {
  scene s;
  std::vector<float> both(2 * n);
  const auto first = std::span(both).first(n), shifted = std::span(both).subspan(n - 1, n),
             beside = std::span(both).last(n);
  const auto state = std::span(s.memory).subspan(n, n);
  const auto check = [](const mango::error& e, const char* name, std::initializer_list<const char*> words) {
    check_error(e, errc::overlap, name);
    for (const char* word : words) CHECK(contains(e.what(), word));
    CHECK(e.expected() > 0);
    CHECK(e.got() > 0);
  };
  for_update_and_bind(s, [&](auto update) {
    check(s.refuses([&] { update(s.p, s.p); }), "layer.w", {"parameter", "gradient"});
    check(s.refuses([&] { update(first, shifted); }), "layer.w", {"parameter", "gradient"});
    check(s.refuses([&] { update(state, s.g); }), "layer.w", {"parameter", "state"});
    check(s.refuses([&] { update(s.p, state); }), "layer.w", {"gradient", "state"});
    update(first, beside);  // touching is no overlap
  });
  const auto as_half = std::span(reinterpret_cast<bfloat16*>(s.master.data()), n);
  check(s.refuses([&] { s.opt.begin_step().update(s.b, as_half, s.g, s.master); }), "layer.b", {"parameter", "master"});
  check(s.refuses([&] { s.opt.begin_step().update(s.b, s.half, s.g, s.g); }), "layer.b", {"gradient", "master"});
  const auto into = [&](std::span<float> delta) { s.opt.begin_step().update_into(s.w, s.p, s.g, delta); };
  check(s.refuses([&] { into(s.p); }), "layer.w", {"parameter", "delta"});
  check(s.refuses([&] { into(s.g); }), "layer.w", {"gradient", "delta"});
  check(s.refuses([&] { into(state); }), "layer.w", {"delta", "state"});
}

TEST_CASE("optim errors: parameters and states of two tensors overlap") {
  scene s;
  s.opt.bind(s.w, s.p, s.g);
  const auto v = s.opt.add("layer.v", n), u = s.opt.add("layer.u", 1u);
  auto e = s.refuses([&] { s.opt.bind(v, s.p, s.g); });
  check_error(e, errc::overlap, "layer.v");
  CHECK(contains(e.what(), "layer.w"));
  e = s.refuses([&] { s.opt.bind(u, std::span(s.p).last(1), std::span(s.g).last(1)); });
  check_error(e, errc::overlap, "layer.u");
  s.opt.bind(s.w, s.p, s.g);  // binding a tensor again, to the same memory, is fine
  const auto bytes = std::as_writable_bytes(std::span(s.memory));
  e = s.refuses([&] { s.opt.add("layer.x", {.shape = {4}, .state = bytes.subspan(8 * n - 4, 32)}); });
  check_error(e, errc::overlap, "layer.x");
  CHECK(contains(e.what(), "layer.w"));
  s.opt.add("layer.x", {.shape = {4}, .state = bytes.subspan(8 * n, 32)});  // right behind it
}

TEST_CASE("optim errors: any other memory that is written for one tensor and used for another overlaps too") {
  const auto refused = [](auto&& call) { check_error(caught(call), errc::overlap, "second"); };
  std::vector<float> room(4 * n), g(n);
  const auto bytes = std::as_writable_bytes(std::span(room));
  const auto p = std::span(room).first(n), elsewhere = std::span(room).last(n);
  const mango::tensor_spec half{.shape = {n}, .parameter = dtype::bf16, .master = true};
  std::vector<bfloat16> h1(n), h2(n);
  {
    mango::adamw opt{{}};
    opt.add("first", {.shape = {n}}, p, g);
    SUBCASE("state over a parameter") {
      refused([&] { opt.add("second", {.shape = {n}, .state = bytes.first(8 * n)}); });
    }
    SUBCASE("gradient over a parameter") {
      refused([&] { opt.add("second", {.shape = {n}}, elsewhere, p); });
    }
    SUBCASE("parameter over a gradient") {
      refused([&] { opt.add("second", {.shape = {n}}, g, elsewhere); });
    }
    SUBCASE("master over a parameter") {
      const auto id = opt.add("second", half);
      refused([&] { opt.bind(id, h1, g, p); });
    }
  }
  {
    mango::adamw opt{{}};
    opt.add("first", {.shape = {n}, .state = bytes.first(8 * n)});
    SUBCASE("parameter over a state") {
      refused([&] { opt.add("second", {.shape = {n}}, p, g); });
    }
  }
  {
    mango::adamw opt{{}};
    opt.bind(opt.add("first", half), h1, g, p);
    const auto id = opt.add("second", half);
    SUBCASE("master over a master") {
      refused([&] { opt.bind(id, h2, g, p); });
    }
  }
}

TEST_CASE("optim errors: names and ids") {
  scene s;
  check_error(s.refuses([&] { s.opt.add("layer.w", 3); }), errc::duplicate_name, "layer.w");
  CHECK(s.refuses([&] { s.opt.add("", 3); }).code() == errc::unknown_name);
  check_error(s.refuses([&] { s.opt.find("layer"); }), errc::unknown_name, "layer");
  check_error(s.refuses([&] { s.opt.state("layer.c"); }), errc::unknown_name, "layer.c");
  const auto odd = s.refuses([&] { s.opt.find("a\n\x01"); });
  CHECK(contains(odd.what(), "\\x0a\\x01"));  // text from outside is made safe to print
  CHECK(std::string_view(s.refuses([&] { s.opt.find(std::string(5000, 'x')); }).what()).size() < 300);

  const mango::tensor_id never{}, foreign{2};
  for (const auto id : {never, foreign}) {
    const auto check = [&](const mango::error& e) { check_error(e, errc::unknown_tensor, "", 2, id.index); };
    check(s.refuses([&] { s.opt.begin_step().update(id, s.p, s.g); }));
    check(s.refuses([&] { s.opt.begin_step().update_into(id, s.p, s.g, s.master); }));
    check(s.refuses([&] { s.opt.begin_step().measure(id, s.g); }));
    check(s.refuses([&] { s.opt.bind(id, s.p, s.g); }));
    check(s.refuses([&] { s.opt.accumulate(id, s.g); }));
    check(s.refuses([&] { s.opt.state(id); }));
    check(s.refuses([&] { s.opt.name(id); }));
    check(s.refuses([&] { s.opt.exchange(id, "m", s.p); }));
  }
}

TEST_CASE("optim errors: every word from outside is made safe to print") {
  scene s;
  check_error(s.refuses([&] { s.opt.exchange(s.w, "m\x1b[2J", s.p); }), errc::unknown_name, "layer.w");
  CHECK(!contains(s.refuses([&] { s.opt.exchange(s.w, "m\x1b[2J", s.p); }).what(), "\x1b"));
  mango::adamw opt{{}};
  opt.add("odd\nname", {.shape = {n}}, s.p, s.g);
  CHECK(!contains(caught([&] { opt.add("other", {.shape = {n}}, s.p, s.g); }).what(), "\n"));
}

TEST_CASE("optim errors: element types") {
  scene s;
  for_update_and_bind(
      s, [&](auto update) { check_error(s.refuses([&] { update(s.half, s.g); }), errc::type, "layer.w"); });
  auto e = s.refuses([&] { s.opt.begin_step().update(s.b, s.p, s.g, s.master); });
  check_error(e, errc::type, "layer.b");
  CHECK(e.expected() == 2);
  CHECK(e.got() == 4);
  CHECK((contains(e.what(), "BF16") && contains(e.what(), "F32")));
  check_error(s.refuses([&] { s.opt.begin_step().update_into(s.w, s.half, s.g, s.master); }), errc::type, "layer.w");
  check_error(s.refuses([&] { s.opt.begin_step().update(s.w, s.p, s.g, s.master); }), errc::type,
              "layer.w");  // no master
  check_error(s.refuses([&] { s.opt.add("bytes", {.shape = {3}, .parameter = dtype::u8}); }), errc::type, "bytes");
  check_error(s.refuses([&] { s.opt.add("halves", {.shape = {3}, .parameter = dtype::u8}); }), errc::type, "halves");
  check_error(s.refuses([&] { s.opt.add("m", {.shape = {3}, .master = true}); }), errc::type, "m");
}

TEST_CASE("optim errors: bound memory that is too small, null or misaligned") {
  scene s;
  std::vector<float> memory(4 * n);
  const auto bytes = std::as_writable_bytes(std::span(memory));
  const auto add = [&](std::span<std::byte> state) { s.opt.add("more", {.shape = {n}, .state = state}); };
  check_error(s.refuses([&] { add(bytes.first(8 * n - 1)); }), errc::memory, "more", 8 * n, 8 * n - 1);
  check_error(s.refuses([&] { add(bytes.first(1)); }), errc::memory, "more", 8 * n, 1);
  check_error(s.refuses([&] { add({static_cast<std::byte*>(nullptr), 8 * n}); }), errc::null_span, "more");
  for (const std::size_t past : {1u, 2u, 3u})
    check_error(s.refuses([&] { add(bytes.subspan(past, 8 * n)); }), errc::misaligned_span, "more", 4,
                static_cast<long long>(past));
  add(bytes.subspan(4, 8 * n));
}

TEST_CASE("optim errors: the smallest bound memory, one bfloat16, has an alignment too") {
  mango::sgd<mango::stores<mango::bf16>> opt{{.momentum = 0.9}};
  std::vector<float> memory(2);
  const auto bytes = std::as_writable_bytes(std::span(memory));
  check_error(caught([&] { opt.add("w", {.shape = {1}, .state = bytes.subspan(1, 2)}); }), errc::misaligned_span, "w");
  check_error(caught([&] {
                opt.add("w", {.shape = {1}, .state = {static_cast<std::byte*>(nullptr), 2}});
              }),
              errc::null_span, "w");
}
