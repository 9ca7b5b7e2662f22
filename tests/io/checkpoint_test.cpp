// io/checkpoint.hpp: what is loaded is what was saved, and training goes on with the same bits
#include "mango/io/checkpoint.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <fstream>

#include "io/resumes.hpp"
#include "mango/backend/threads.hpp"
#include "mango/optim/adafactor.hpp"
#include "mango/optim/adamw.hpp"
#include "mango/optim/lion.hpp"
#include "mango/optim/sgd.hpp"
#include "mango/optim/smmf.hpp"
#include "mango/store/dynamic8.hpp"
#include "mango/store/fp16.hpp"
#include "mango/store/kahan.hpp"
#include "mango/store/linear8.hpp"
#include "mango/store/nf4.hpp"

using namespace io_test;
using mango::errc, mango::load_checkpoint, mango::save_checkpoint, mango::stores;

namespace {

const mango::adamw_config adamw_config{.learning_rate = mango::warmup_cosine{.peak = 1e-2, .warmup = 3, .total = 11},
                                       .weight_decay = 0.1,
                                       .max_norm = 1,
                                       .options = {.seed = 5}};

using plain = mango::adamw<>;

}  // namespace

TEST_CASE("io checkpoint: adamw resumes in every store") {
  resumes<mango::adamw<>>(adamw_config);
  resumes<mango::adamw<stores<mango::bf16, mango::bf16>>>(adamw_config);
  resumes<mango::adamw<stores<mango::fp16, mango::fp16>>>(adamw_config);
  resumes<mango::adamw<stores<mango::kahan, mango::bf16>>>(adamw_config);
  resumes<mango::adamw<stores<mango::dynamic8<>, mango::dynamic8<>>>>(adamw_config);
  resumes<mango::adamw<stores<mango::linear8<>, mango::nf4<>>>>(adamw_config);
  resumes<mango::adamw<stores<mango::factored<>, mango::factored<>>>>(adamw_config);
}

TEST_CASE("io checkpoint: the other optimizers resume") {
  resumes<mango::sgd<>>({});
  resumes<mango::sgd<stores<mango::fp32>>>({.momentum = 0.9});
  resumes<mango::lion<stores<mango::dynamic8<>>>>({});
  resumes<mango::smmf<>>({});
  resumes<mango::adafactor<stores<mango::factored_axes>>>({});
  resumes<mango::adafactor<stores<mango::factored_axes, mango::bf16>>>({.b1 = 0.9});
}

TEST_CASE("io checkpoint: parameters of 16 bits resume, with what rounding left behind and what chance decides") {
  auto config = adamw_config;
  resumes<mango::adamw<>, mango::bfloat16>(config);
  config.options.half_parameters = mango::rounding::kahan;
  resumes<mango::adamw<stores<mango::bf16, mango::bf16>>, mango::bfloat16>(config);
  resumes<mango::adamw<>, mango::float16>(config);
}

TEST_CASE("io checkpoint: half a batch that has accumulated goes on in another process") {
  const temporary_folder folder;
  const mango::adamw_config config{.options = {.accumulate = true}};
  const std::vector<float> g(40, 0.5f), h(40, -0.25f);
  std::vector<float> p(40, 1.0f), q(40, 1.0f);
  plain first{config}, second{config};
  const auto a = first.add("w", 40), b = second.add("w", 40);
  first.accumulate(a, g);
  save_checkpoint(first, folder / "c");
  load_checkpoint(second, folder / "c");
  first.accumulate(a, h);
  second.accumulate(b, h);
  CHECK(first.begin_step().update(a, p));
  CHECK(second.begin_step().update(b, q));
  CHECK(p == q);
}

TEST_CASE("io checkpoint: counters of skipped steps and the seed are restored") {
  const temporary_folder folder;
  trained<plain> model({.options = {.on_nonfinite = mango::nonfinite::skip, .seed = 77}});
  model.train(0, 2);
  model.g[0][1] = std::bit_cast<float>(0x7fc00000u);
  CHECK_FALSE(model.opt.step().applied);
  save_checkpoint(model.opt, folder / "c");
  trained<plain> other({.options = {.on_nonfinite = mango::nonfinite::skip, .seed = 1}});
  load_checkpoint(other.opt, folder / "c");
  CHECK(other.opt.counters().skipped_steps == 1);
  CHECK(other.opt.counters().consecutive_skips == 1);
  CHECK(other.opt.options().seed == 77);
}

TEST_CASE("io checkpoint: settings that are others now are reported, and stay what they are now") {
  const temporary_folder folder;
  trained<plain> model({.b1 = 0.8, .weight_decay = 0.1});
  save_checkpoint(model.opt, folder / "c");
  trained<plain> other({.b1 = 0.9, .weight_decay = 0.1, .options = {.on_nonfinite = mango::nonfinite::skip}});
  const auto report = load_checkpoint(other.opt, folder / "c");
  CHECK(report.changed == std::vector<std::string>{"b1 0.8, now 0.9", "on_nonfinite raise, now skip"});
  CHECK(contains(std::string_view(other.opt.describe()), "b1 0.9"));
  // with groups
  plain grouped, same;
  grouped.group({.names = "*"}, mango::adamw_config{.b2 = 0.5});
  same.group({.names = "*"}, mango::adamw_config{.b2 = 0.6});
  grouped.add("w", 3), same.add("w", 3);
  save_checkpoint(grouped, folder / "d");
  CHECK(load_checkpoint(same, folder / "d").changed == std::vector<std::string>{"group 1: b2 0.5, now 0.6"});
  // a setting that there was not, after one that has changed
  std::vector<std::string> changed{"b1 0.8, now 0.9"};
  mango::detail::compare_settings("group 1: ", "b1 0.9", "b1 0.9, b2 0.5", changed);
  CHECK(changed == std::vector<std::string>{"b1 0.8, now 0.9", "group 1: b1 0.9; now b1 0.9, b2 0.5"});
}

#if defined(__SSE2__)
TEST_CASE("io checkpoint: a floating-point environment in which steps have other bits is reported") {
  const temporary_folder folder;
  trained<plain> model({}), other({});
  save_checkpoint(model.opt, folder / "c");
  const unsigned before = __builtin_ia32_stmxcsr();
  __builtin_ia32_ldmxcsr(before | 0x8040u);  // what -ffast-math in a shared library sets
  const auto flushed = load_checkpoint(other.opt, folder / "c").changed;
  __builtin_ia32_ldmxcsr(before | 0x4000u);
  const auto upwards = load_checkpoint(other.opt, folder / "c").changed;
  __builtin_ia32_ldmxcsr(before);
  CHECK(flushed == std::vector<std::string>{"subnormals kept, now flushed"});
  CHECK(upwards == std::vector<std::string>{"rounding nearest, now directed"});
}
#endif

TEST_CASE("io checkpoint: what is in the file, by name") {
  const temporary_folder folder;
  trained<mango::adamw<stores<mango::bf16, mango::dynamic8<>>>> model(adamw_config);
  model.train(0, 3);
  const auto sum = save_checkpoint(model.opt, folder / "c");
  const mango::old_file source(folder / "c");
  const auto h = mango::read_safetensors(source);
  const auto type = [&](std::string_view name) {
    REQUIRE(h.find(name) < h.size());
    return h[h.find(name)].type->name;
  };
  CHECK(type("tensor.1.m.data") == "BF16");
  CHECK(type("tensor.1.v.codes") == "U8");
  CHECK(type("tensor.1.v.scales") == "F32");
  CHECK(type("tensor.1.clock.updates") == "I64");
  CHECK(type("tensor.1.clock.accumulating") == "U8");
  const auto shape = h[h.find("tensor.1.m.data")].shape;
  CHECK(std::vector<std::uint64_t>(shape.begin(), shape.end()) == std::vector<std::uint64_t>{30, 41});
  CHECK(h.metadata("mango.schema") == "1");
  CHECK(h.metadata("mango.optimizer") == "adamw");
  CHECK(h.metadata("mango.stores") == "m bf16, v dynamic8");
  CHECK(h.metadata("mango.environment") == "subnormals kept, rounding nearest");
  CHECK(h.metadata("mango.counters") == "steps 3, skipped_steps 0, skipped_updates 0, consecutive_skips 0, seed 5");
  CHECK(h.metadata("mango.checksum") == sum);
}

TEST_CASE("io checkpoint: any optimizer of a chain of one's own") {
  const temporary_folder folder;
  const auto rules = mango::chain(mango::scale_by_momentum{}, mango::decoupled_step{0.1});
  mango::optimizer one(rules, stores<mango::fp32>{}), other(rules, stores<mango::fp32>{});
  std::vector<float> p(5, 1), g(5, 2), q(5);
  one.bind(one.add("w", 5), p, g);
  other.bind(other.add("w", 5), q, g);
  one.step();
  save_checkpoint(one, folder / "c");
  load_checkpoint(other, folder / "c");
  q = p;
  one.step(), other.step();
  CHECK(p == q);
}

TEST_CASE("io checkpoint: state that is not finite loads only where gradients go unchecked") {
  const temporary_folder folder;
  mango::adamw_config config = adamw_config;
  config.max_norm = 0;
  config.options.on_nonfinite = mango::nonfinite::unchecked;
  trained<plain> model(config);
  model.g[0][1] = std::bit_cast<float>(0x7f800000u);
  model.opt.step();
  save_checkpoint(model.opt, folder / "c");
  trained<plain> unchecked(config), checked(adamw_config);
  load_checkpoint(unchecked.opt, folder / "c");
  CHECK(snapshot(unchecked.opt) == snapshot(model.opt));
  check_error(caught([&] { load_checkpoint(checked.opt, folder / "c"); }), errc::state_value, "tensor.0", 7, 1);
}

TEST_CASE("io checkpoint: a part of the tensors is loaded where that is asked for") {
  const temporary_folder folder;
  trained<plain> model(adamw_config);
  model.train(0, 2);
  save_checkpoint(model.opt, folder / "c");
  plain part{adamw_config};
  part.add("tensor.1", {.shape = {30, 41}});
  check_error(caught([&] { load_checkpoint(part, folder / "c"); }), errc::state_unexpected, "tensor.0.clock.updates");
  const auto report = load_checkpoint(part, folder / "c", {.leave_unexpected = true});
  CHECK(report.tensors == 1);
  CHECK(report.unexpected.size() == 4 * (model.size() - 1));
}

TEST_CASE("io checkpoint: no tensors, and tensors without elements") {
  const temporary_folder folder;
  plain none, also_none;
  save_checkpoint(none, folder / "c");
  CHECK(load_checkpoint(also_none, folder / "c").tensors == 0);
  none.add("empty", 0), also_none.add("empty", 0);
  save_checkpoint(none, folder / "d");
  CHECK(load_checkpoint(also_none, folder / "d").tensors == 1);
}

TEST_CASE("io checkpoint: a file whose arrays are not aligned, as others may write it") {
  mango::sgd<stores<mango::fp32>> opt{{.momentum = 0.9}};
  const auto id = opt.add("w", 3);
  const auto with = [&](std::uint32_t second) {
    const temporary_folder folder;
    save_checkpoint(opt, folder / "c");
    const mango::checkpoint_file ours{mango::old_file(folder / "c")};
    std::string metadata;
    for (std::size_t i = 0; i < ours.header().metadata_size(); ++i)
      if (const auto [key, value] = ours.header().metadata(i); key != "mango.hyperparameters")
        metadata += "\"" + std::string(key) + "\":\"" + std::string(value) + "\",";
    metadata += R"("mango.hyperparameters":"")";
    std::string json = R"({"__metadata__":{)" + metadata +
                       R"(},"w.clock.accumulating":{"dtype":"U8","shape":[],"data_offsets":[0,1]},)" +
                       R"("w.m.data":{"dtype":"F32","shape":[3],"data_offsets":[1,13]},)" +
                       R"("w.clock.updates":{"dtype":"I64","shape":[],"data_offsets":[13,21]}})";
    const std::uint64_t length = json.size();
    std::string file(8, '\0');
    std::memcpy(file.data(), &length, 8);
    file += json + std::string(21, '\0');
    const std::uint32_t numbers[] = {0x3f800000u, second, 0x40400000u};
    std::memcpy(file.data() + 8 + length + 1, numbers, sizeof numbers);
    const auto bytes = std::as_bytes(std::span(file));
    const auto header = mango::read_safetensors(mango::memory_source(bytes));
    auto sum = mango::detail::begin_checksum(header);
    sum.add(bytes.subspan(8 + length));
    file.replace(file.find("mango.checksum") + 17, 32, sum.digits());
    return file;
  };
  const auto load = [&](const std::string& file) {
    load_checkpoint(opt, mango::memory_source(std::as_bytes(std::span(file))));
  };
  load(with(0x40000000u));
  const auto m = optim_test::floats_of(opt, "w", "m");
  CHECK((m[0] == 1 && m[1] == 2 && m[2] == 3 && opt.updates(id) == 0));
  check_error(caught([&] { load(with(0x7fc00000u)); }), errc::state_value, "w", 3, 1);
}
