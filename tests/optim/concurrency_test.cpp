// Two threads at work on one optimizer: whoever comes second is refused, and nothing has changed. Run it under
// ThreadSanitizer too.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "mango/optim/adamw.hpp"
#include "optim/caught.hpp"
#include "optim/model.hpp"
#include "optim/snapshot.hpp"
#include "support/stopped_loop.hpp"

using namespace optim_test;
using mango::errc;

namespace {

struct pair {
  support::stopped_loop loop;
  model<> m{{100'000, 70'000}};
  mango::adamw<> opt{{.options = {.accumulate = true}}, mango::host{loop}};
  pair() { m.register_in(opt, true); }

  // another thread is in the middle of `work` while `meanwhile` runs here
  template <class Work, class Meanwhile> void during(Work work, Meanwhile meanwhile) {
    loop.go_on = false;
    std::thread other(work);
    while (!loop.inside) std::this_thread::yield();
    meanwhile();
    loop.go_on = true;
    other.join();
  }
};

template <class Call> void refused(Call call) {
  const auto e = caught(call);
  CHECK(e.code() == errc::concurrency);
  CHECK((e.expected() == 1 && e.got() == 2));
}

}  // namespace

TEST_CASE("optim concurrency: while a step runs nothing else may") {
  pair both;
  auto& [loop, m, opt] = both;
  const auto token = opt.begin_step();
  const auto steps = opt.counters().steps;
  both.during([&] { opt.step(); },
              [&] {
                refused([&] { opt.step(); });
                refused([&] { (void)opt.begin_step(); });
                refused([&] { token.update(m.ids[0], m.p[0], m.g[0]); });
                refused([&] { opt.accumulate(m.ids[0], m.g[0]); });
                refused([&] { opt.add("new", 10); });
                refused([&] { opt.bind(m.ids[0], m.p[0], m.g[0]); });
                refused([&] { opt.group({}, opt.rules()); });
                refused([&] { opt.remove_last(); });
              });
  CHECK(opt.counters().steps == steps + 1);
  CHECK(opt.size() == 2);
  CHECK(opt.faults().collisions == 8);

  // the step that was under way is the one that it would have been
  pair alone;
  (void)alone.opt.begin_step();
  alone.opt.step();
  CHECK(alone.m.same_parameters(m));
  CHECK(snapshot(alone.opt) == snapshot(opt));
}

TEST_CASE("optim concurrency: distinct tensors may be updated side by side, and one may not be twice") {
  pair both;
  auto& [loop, m, opt] = both;
  const auto token = opt.begin_step();
  both.during([&] { token.update(m.ids[0], m.p[0], m.g[0]); },
              [&] {
                loop.go_on = true;  // for this thread's own
                const auto e = caught([&] { token.update(m.ids[0], m.p[0], m.g[0]); });
                if (e.code() == errc::concurrency) check_error(e, errc::concurrency, m.name(0));
                else CHECK(e.code() == errc::order);  // the other thread was done
                token.update(m.ids[1], m.p[1], m.g[1]);
              });
  both.during([&] { opt.accumulate(m.ids[0], m.g[0]); },
              [&] {
                check_error(caught([&] { opt.accumulate(m.ids[0], m.g[0]); }), errc::concurrency, m.name(0));
                refused([&] { opt.step(); });
              });
}

TEST_CASE("optim concurrency: distinct optimizers know nothing of each other") {
  pair one, two;
  one.during([&] { one.opt.step(); }, [&] { CHECK(two.opt.step().applied); });
  CHECK(one.m.same_parameters(two.m));
}

TEST_CASE("optim concurrency: what was refused leaves the way free") {
  pair both;
  auto& [loop, m, opt] = both;
  m.g[1][5] = INFINITY;
  const auto token = opt.begin_step();
  CHECK_THROWS_AS(token.update(m.ids[1], m.p[1], m.g[1]), mango::error);
  CHECK_THROWS_AS(opt.step(), mango::error);
  CHECK_THROWS_AS(opt.add(m.name(0), 3), mango::error);
  m.g[1][5] = 1;
  CHECK(token.update(m.ids[1], m.p[1], m.g[1]));
  CHECK(opt.step().applied);
}

TEST_CASE("optim concurrency: two threads that step as fast as they can") {
  pair both;
  auto& opt = both.opt;
  std::atomic<int> taken{0}, turned_away{0};
  const auto work = [&] {
    for (int i = 0; i < 200; ++i) {
      try {
        opt.step();
        ++taken;
      } catch (const mango::error& e) {
        turned_away += e.code() == errc::concurrency ? 1 : 1000;
      }
    }
  };
  std::thread other(work);
  work();
  other.join();
  CHECK(taken + turned_away == 400);
  CHECK(opt.counters().steps == taken);
  CHECK(opt.faults().collisions == turned_away);
}
