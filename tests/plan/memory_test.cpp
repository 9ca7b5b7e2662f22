// bytes: by hand, of models whose size is known, and against what is really allocated
#include "plan/memory.hpp"

#include <cstdlib>
#include <deque>
#include <map>
#include <new>

#include "compare/has.hpp"
#include "factory/by_name.hpp"
#include "plan/table.hpp"

using namespace plan;

namespace {

// bytes of the blocks that an optimizer's state and scratch are made of: nothing else here is aligned so
std::size_t allocated = 0;

std::map<std::string, need> plan_of(const model& m, const setup& how = {}) {
  std::map<std::string, need> out;
  for (const need& n : needs_of(m, how, all_optimizers())) out[n.optimizer] = n;
  return out;
}

const model small = read_table("count,shape\n3,7x11\n1,70000\n2,1\n1,5x3x2\n1,0\n1,scalar\n", "small.csv");

template <class P> void allocates_as_planned(const setup& how, const need& planned) {
  std::string line = planned.optimizer;
  for (const auto& s : how.settings) line += (line.find(':') == line.npos ? ":" : ",") + s;
  allocated = 0;
  auto opt = factory::make(line);
  std::deque<std::vector<P>> arrays;
  std::deque<std::vector<float>> masters;
  std::size_t chunks = 0;
  for (const auto& part : small.parts)
    for (index_t i = 0; i < part.count; ++i) {
      const auto n = static_cast<std::size_t>(part.shape.elements());
      const std::string name = std::to_string(opt.tensors().size());
      auto &p = arrays.emplace_back(n), &g = arrays.emplace_back(n);
      auto& master = masters.emplace_back(how.master ? n : 0);
      if constexpr (std::same_as<P, float>) opt.add(name, spec_of(part.shape, how), p, g);
      else opt.add(name, spec_of(part.shape, how), p, g, master);
      chunks += (n + 65535) / 65536;
    }
  CAPTURE(line);
  CHECK(opt.state_bytes() == planned.state);
  CHECK(opt.workspace_bytes() == planned.scratch);
  CHECK(opt.step().applied);
  CHECK(allocated + 16 * chunks == planned.state + planned.scratch);
}

}  // namespace

void* operator new(std::size_t bytes, std::align_val_t alignment) {
  if (static_cast<std::size_t>(alignment) == mango::buffer::alignment) allocated += bytes;
  const auto unit = static_cast<std::size_t>(alignment);
  void* const at = std::aligned_alloc(unit, (bytes + unit - 1) / unit * unit);
  if (!at) throw std::bad_alloc();
  return at;
}
void operator delete(void* at, std::align_val_t) noexcept { std::free(at); }
void operator delete(void* at, std::size_t, std::align_val_t) noexcept { std::free(at); }

TEST_CASE("plan memory: a case by hand") {
  // 2 matrices of 3 x 5 and a vector of 7: 37 numbers
  const auto m = read_table("count,shape\n2,3x5\n1,7\n", "hand.csv");
  const auto fp32 = plan_of(m);
  const need& adamw = fp32.at("adamw");
  CHECK(adamw.weights == 148);
  CHECK(adamw.gradients == 148);
  CHECK(adamw.state == 296);
  CHECK(adamw.scratch == 3 * 16);  // one partial sum per tensor
  CHECK(adamw.total() == 148 + 148 + 296 + 48);
  CHECK(fp32.at("adamw:stores=bf16").state == 148);
  CHECK(fp32.at("lion").state == 148);
  CHECK(fp32.at("lion:stores=bf16").state == 74);
  CHECK(fp32.at("sgd").state == 0);
  CHECK(fp32.at("sgd:momentum=0.9").state == 148);

  const auto fused = plan_of(m, {.fused = true});
  CHECK(fused.at("adamw").gradients == 15 * 4);  // the largest tensor
  CHECK(fused.at("adamw").weights == 148);

  const auto half = plan_of(m, {.parameters = mango::dtype::bf16});
  CHECK(half.at("adamw").weights == 74);
  CHECK(half.at("adamw").gradients == 74);
  CHECK(half.at("adamw").state == 296);
  const auto master = plan_of(m, {.parameters = mango::dtype::bf16, .master = true, .fused = true});
  CHECK(master.at("adamw").weights == 74 + 148);
  CHECK(master.at("adamw").gradients == 30);

  const auto more =
      plan_of(m, {.parameters = mango::dtype::bf16, .settings = {"half_parameters=kahan", "accumulate=yes"}});
  CHECK(more.at("lion").state > 148 + 74 + 148 - 1);
  CHECK(more.at("lion").state < 148 + 74 + 148 + 3 * 4);  // each array begins at a multiple of its element
}

TEST_CASE("plan memory: gpt2, exactly") {
  const auto plan = plan_of(load("gpt2_124m"));
  CHECK(plan.at("adamw").weights == 497'759'232);
  CHECK(plan.at("adamw").gradients == 497'759'232);
  CHECK(plan.at("adamw").state == 995'518'464);
  CHECK(plan.at("adam:stores=bf16").state == 497'759'232);
  CHECK(plan.at("lion:stores=bf16").state == 248'879'616);
  const auto fused = plan_of(load("gpt2_124m"), {.parameters = mango::dtype::bf16, .fused = true});
  CHECK(fused.at("adamw").gradients == 2 * 50257 * 768);
  CHECK(fused.at("adamw").weights == 248'879'616);
}

TEST_CASE("plan memory: every optimizer and store, from the least to the most") {
  const auto lines = all_optimizers();
  const auto needs = needs_of(small, {}, lines);
  CHECK(needs.size() == lines.size());
  CHECK(lines.size() > mango::optimizer_kinds().size() * mango::store_names().size());
  for (std::size_t i = 1; i < needs.size(); ++i) CHECK(needs[i - 1].total() <= needs[i].total());
}

TEST_CASE("plan memory: what is planned is what is allocated, for every optimizer, store and kind of parameter") {
  const std::vector<std::string> extra{"accumulate=yes"}, kahan{"half_parameters=kahan"};
  for (const setup& how : {setup{}, setup{.settings = extra}})
    for (const need& n : needs_of(small, how, all_optimizers())) allocates_as_planned<float>(how, n);
  const auto bf16 = mango::dtype::bf16;
  for (const setup& how : {setup{.parameters = bf16}, setup{.parameters = bf16, .settings = kahan},
                           setup{.parameters = bf16, .master = true}})
    for (const need& n : needs_of(small, how, all_optimizers())) allocates_as_planned<mango::bfloat16>(how, n);
}

TEST_CASE("plan memory: a save in the background takes the state once more, and nine bytes per tensor") {
  for (const char* line : {"adamw", "adamw:stores=nf4", "smmf"}) {
    const auto without = needs_of(small, {}, {line})[0], with = needs_of(small, {.background_save = true}, {line})[0];
    CHECK(with.scratch == without.scratch + without.state + 9 * static_cast<bytes_t>(small.tensor_count()));
  }
}

TEST_CASE("plan memory: an optimizer or a setting that does not exist is the library's error") {
  CHECK_THROWS_AS(needs_of(small, {}, {"adamx"}), mango::error);
  CHECK_THROWS_AS(needs_of(small, {.settings = {"b7=1"}}, {"adamw"}), mango::error);
  CHECK_THROWS_AS(needs_of(small, {.settings = {"b1"}}, {"adamw"}), mango::error);
}
