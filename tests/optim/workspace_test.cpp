// optim/workspace.hpp: tensors take turns with one arena, and nothing depends on who comes when
#include <doctest/doctest.h>

#include <deque>
#include <thread>

#include "mango/backend/threads.hpp"
#include "mango/optim/adafactor.hpp"
#include "mango/optim/adamw.hpp"
#include "optim/factored.hpp"
#include "support/counting.hpp"

using namespace optim_test;
using mango::factored_axes, mango::stores, mango::workspace_need;

namespace {

// factored Adam over matrices of 8 rows: 24 bytes of scratch per column
template <class Backend = mango::host> struct trainee {
  mango::adamw<stores<factored_axes, factored_axes>, Backend> opt;
  std::deque<std::vector<float>> parameters, gradients;

  explicit trainee(const std::vector<index_t>& columns, const Backend& backend = {}) : opt({}, backend) {
    for (const index_t c : columns) {
      const auto k = static_cast<unsigned>(parameters.size());
      parameters.push_back(uniform(8 * c, 2 * k + 1));
      gradients.push_back(uniform(8 * c, 2 * k + 2));
      opt.add(std::to_string(k), {.shape = {8, c}}, parameters.back(), gradients.back());
    }
  }
  std::size_t arena() const {
    std::size_t tallies = 0;
    for (const auto& p : parameters) tallies += 16 * static_cast<std::size_t>(mango::chunk_count(std::ssize(p)));
    return opt.workspace_bytes() - tallies;
  }
};

const std::vector<index_t> more_than_fit{70'000, 30, 60'000, 65'536, 1, 90'000, 80'000, 17, 40'000};

}  // namespace

TEST_CASE("optim workspace: needs add up, and the arena is shared") {
  const std::size_t mib = 1 << 20;
  const workspace_need small{16, mib, mib}, large{32, 9 * mib, 9 * mib};
  CHECK(workspace_need{}.bytes() == 0);
  CHECK(small.bytes() == 16 + mib);
  CHECK((3 * small).bytes() == 3 * 16 + 3 * mib);
  CHECK((8 * small).bytes() == 8 * 16 + 8 * mib);
  CHECK((100 * small).bytes() == 100 * 16 + 8 * mib);
  CHECK((100 * small + large).bytes() == 100 * 16 + 32 + 9 * mib);
  CHECK((small + 2 * large).bytes() == (2 * large + small).bytes());
  CHECK((0 * large).bytes() == 0);
}

TEST_CASE("optim workspace: it grows with the tensors up to 8 MiB, and beyond with the largest") {
  CHECK(trainee<>({1000}).arena() == trainee<>({1000, 1}).arena());  // a vector stays dense
  CHECK(2 * trainee<>({1000}).arena() == trainee<>({1000, 1000}).arena());
  CHECK(trainee<>(more_than_fit).arena() == workspace_need::shared);
  const std::size_t one = trainee<>({400'000}).arena();
  CHECK(one > workspace_need::shared);
  CHECK(trainee<>({400'000, 1000, 300'000}).arena() == one);
}

TEST_CASE("optim workspace: a step over more tensors than fit is the step one by one, on any number of threads") {
  trainee<> together(more_than_fit), alone(more_than_fit);
  mango::threads pool(3);
  trainee<> parallel(more_than_fit, mango::host{pool});
  for (int t = 0; t < 3; ++t) {
    CHECK(together.opt.step().updated == std::ssize(more_than_fit));
    CHECK(parallel.opt.step().updated == std::ssize(more_than_fit));
    const auto step = alone.opt.begin_step();
    for (std::size_t k = more_than_fit.size(); k-- > 0;)
      step.update({static_cast<std::uint32_t>(k)}, alone.parameters[k], alone.gradients[k]);
  }
  CHECK(together.parameters == alone.parameters);
  CHECK(together.parameters == parallel.parameters);
  CHECK(snapshot(together.opt) == snapshot(alone.opt));
  CHECK(snapshot(together.opt) == snapshot(parallel.opt));
}

TEST_CASE("optim workspace: surveys take turns as well") {
  constexpr std::size_t tensors = 4, n = 800'000;
  std::vector<float> p = uniform(tensors * n, 5), q = p;
  const std::vector<float> g = uniform(tensors * n, 6);
  const auto part = [](auto& x, std::size_t k) { return std::span(x).subspan(k * n, n); };
  mango::adafactor<> together{{}}, alone{{}};
  for (std::size_t k = 0; k < tensors; ++k) {
    together.add(std::to_string(k), {.shape = {4, 200'000}}, part(p, k), part(g, k));
    alone.add(std::to_string(k), {.shape = {4, 200'000}});
  }
  CHECK(together.workspace_bytes() == tensors * 16 * 13 + workspace_need::shared);
  for (int t = 0; t < 2; ++t) {
    together.step();
    const auto step = alone.begin_step();
    for (std::size_t k = 0; k < tensors; ++k) step.update({static_cast<std::uint32_t>(k)}, part(q, k), part(g, k));
  }
  CHECK(p == q);
}

TEST_CASE("optim workspace: updates at the same time do not share memory") {
  trainee<> one_by_one(more_than_fit), at_once(more_than_fit);
  for (int t = 0; t < 3; ++t) {
    one_by_one.opt.step();
    const auto step = at_once.opt.begin_step();
    std::vector<std::thread> workers;
    for (std::size_t w = 0; w < 3; ++w)
      workers.emplace_back([&, w] {
        for (std::size_t k = w; k < more_than_fit.size(); k += 3)
          step.update({static_cast<std::uint32_t>(k)}, at_once.parameters[k], at_once.gradients[k]);
      });
    for (auto& w : workers) w.join();
  }
  CHECK(one_by_one.parameters == at_once.parameters);
  CHECK(snapshot(one_by_one.opt) == snapshot(at_once.opt));
}

TEST_CASE("optim workspace: without memory for it a step is refused whole, and can be taken later") {
  constexpr std::size_t most = 1 << 20;
  std::size_t allocated = most - trainee<>({1000, 2000}).opt.state_bytes();
  trainee<support::counting> tight({1000, 2000}, support::counting(allocated, most));
  const auto before = tight.parameters;
  const auto state = snapshot(tight.opt);
  CHECK_THROWS_AS(tight.opt.step(), std::bad_alloc);
  CHECK_THROWS_AS(tight.opt.begin_step().update({1}, tight.parameters[1], tight.gradients[1]), std::bad_alloc);
  CHECK(tight.parameters == before);
  CHECK(snapshot(tight.opt) == state);
  CHECK(tight.opt.counters().steps == 0);
  allocated = 0;  // there is some again
  CHECK(tight.opt.step().updated == 2);
  CHECK(tight.parameters != before);
}
