// io/checkpoint.hpp: a bad file is told by its kind, its tensor and both numbers, and changes nothing
#include <doctest/doctest.h>

#include <cstring>

#include "io/temporary_folder.hpp"
#include "io/trained.hpp"
#include "mango/optim/adamw.hpp"
#include "mango/store/dynamic8.hpp"

using namespace io_test;
using mango::errc, mango::load_checkpoint, mango::save_checkpoint, mango::stores;

namespace {

const mango::adamw_config adamw_config{.learning_rate = mango::warmup_cosine{.peak = 1e-2, .warmup = 3, .total = 11},
                                       .weight_decay = 0.1,
                                       .max_norm = 1,
                                       .options = {.seed = 5}};

// one saved array changed, and the checksum made right again
template <class Change> std::vector<std::byte> altered(std::string_view path, std::string_view name, Change change) {
  const mango::old_file file(path);
  rewritten all{mango::checkpoint_file(file)};
  change(all, all.array(name));
  return all.bytes();
}

using plain = mango::adamw<>;

// loading these bytes raises, and the optimizer is what it was
template <class Optimizer>
mango::error refused(trained<Optimizer>& model, std::span<const std::byte> bytes, const mango::load_options& how = {}) {
  const snapshot before(model.opt);
  const auto e = caught([&] { load_checkpoint(model.opt, mango::memory_source(bytes, "a file"), how); });
  CHECK(snapshot(model.opt) == before);
  return e;
}

}  // namespace

TEST_CASE("io checkpoint errors: damage anywhere is found before anything is written") {
  const temporary_folder folder;
  trained<plain> model(adamw_config);
  model.train(0, 2);
  save_checkpoint(model.opt, folder / "c");
  const auto good = contents(folder / "c");
  load_checkpoint(model.opt, mango::memory_source(std::as_bytes(std::span(good)), "good"));
  int checksums = 0;
  for (std::size_t at = 0; at < good.size(); at += at < 3000 ? 7 : 101) {
    auto bad = good;
    bad[at] = static_cast<char>(bad[at] ^ (1 << at % 8));
    const auto e = refused(model, std::as_bytes(std::span(bad)));
    checksums += e.code() == errc::state_checksum;
    CHECK(e.code() >= errc::header_too_small);
  }
  CHECK(checksums > 20);
  for (const std::size_t size : {std::size_t{0}, std::size_t{7}, std::size_t{100}, good.size() / 2, good.size() - 1}) {
    const auto e = refused(model, std::as_bytes(std::span(good)).first(size));
    CHECK(e.code() >= errc::header_too_small);
  }
}

TEST_CASE("io checkpoint errors: each kind names the tensor, with both numbers") {
  const temporary_folder folder;
  trained<plain> model(adamw_config);
  model.train(0, 2);
  const auto path = folder / "c";
  save_checkpoint(model.opt, path);
  const auto with = [&](std::string_view name, auto change) { return refused(model, altered(path, name, change)); };
  const auto metadata = [&](std::string key, std::string value) {
    return with("tensor.0.m.data", [&](auto& all, auto&) { all.text(key) = value; });
  };
  check_error(metadata("mango.schema", "2"), errc::state_version, "mango.schema");
  CHECK(contains(metadata("mango.schema", "2").what(), "'2', this library knows 1"));
  check_error(metadata("mango.optimizer", "lion"), errc::state_algorithm, "mango.optimizer");
  for (const char* counters :
       {"", "steps 1", "steps -1, skipped_steps 0, skipped_updates 0, consecutive_skips 0, seed 5",
        "steps 1, skipped_steps 0, skipped_updates 0, consecutive_skips 0, seed 5, more 1",
        "steps 1e3, skipped_steps 0, skipped_updates 0, consecutive_skips 0, seed 5",
        "steps 99999999999999999999, skipped_steps 0, skipped_updates 0, consecutive_skips 0, seed 5"})
    check_error(metadata("mango.counters", counters), errc::state_value, "mango.counters");
  for (const char* key : {"mango.schema", "mango.optimizer", "mango.counters", "mango.hyperparameters",
                          "mango.environment", "mango.options"})
    check_error(with("tensor.0.m.data", [&](auto& all, auto&) { all.forget(key); }), errc::state_missing, key);

  const auto m = [&](auto change) { return with("tensor.0.m.data", change); };
  check_error(m([](auto& all, auto& a) { all.drop(a); }), errc::state_missing, "tensor.0");
  check_error(m([](auto&, auto& a) { a.name = "tensor.9.m.data"; }), errc::state_unexpected, "tensor.9.m.data");
  check_error(m([](auto&, auto& a) { a.type = "BF16", a.resize(2 * 7); }), errc::state_type, "tensor.0", 32, 16);
  check_error(m([](auto&, auto& a) { a.shape = {8}, a.resize(32); }), errc::state_shape, "tensor.0", 7, 8);
  check_error(m([](auto&, auto& a) { a.shape = {7, 1}; }), errc::state_shape, "tensor.0");
  const std::uint32_t nan = 0x7fc00000u;
  check_error(m([&](auto&, auto& a) { std::memcpy(a.kept.data() + 12, &nan, 4); }), errc::state_value, "tensor.0", 7,
              3);
  const std::int64_t negative = -3;
  check_error(with("tensor.0.clock.updates", [&](auto&, auto& a) { std::memcpy(a.kept.data(), &negative, 8); }),
              errc::state_value, "tensor.0", std::int64_t{1} << 62, -3);
  check_error(with("tensor.0.clock.accumulating", [&](auto&, auto& a) { a.kept[0] = std::byte{1}; }), errc::state_value,
              "tensor.0", 0, 1);
  check_error(with("tensor.0.clock.updates", [](auto& all, auto& a) { all.drop(a); }), errc::state_missing, "tensor.0");
  check_error(with("tensor.0.clock.accumulating", [](auto& all, auto& a) { all.drop(a); }), errc::state_missing,
              "tensor.0");
}

TEST_CASE("io checkpoint errors: a file of other stores is refused, and says where to go") {
  const temporary_folder folder;
  trained<mango::adamw<stores<mango::dynamic8<>, mango::dynamic8<>>>> eight(adamw_config);
  trained<plain> model(adamw_config);
  save_checkpoint(eight.opt, folder / "c");
  const auto e = caught([&] { load_checkpoint(model.opt, folder / "c"); });
  CHECK(e.code() == errc::state_unexpected);
  CHECK(contains(e.what(), "load_converted()"));
}

TEST_CASE("io checkpoint errors: arrays beside the optimizer's that cannot be saved") {
  const temporary_folder folder;
  trained<plain> model(adamw_config);
  const std::vector<float> w(6);
  const auto bytes = std::as_bytes(std::span(w));
  const auto beside = [&](const mango::checkpoint_array& array) {
    const auto e = caught([&] { save_checkpoint(model.opt, folder / "c", {}, std::span(&array, 1)); });
    CHECK(std::filesystem::is_empty(folder.path()));
    return e;
  };
  check_error(beside({"w", "F32", {2, 3}, bytes.first(20)}), errc::size, "w", 24, 20);
  check_error(beside({"w", "F32", {2}, bytes}), errc::size, "w", 8, 24);
  check_error(beside({"w", "f32", {6}, bytes}), errc::dtype_unknown, "w");
  check_error(beside({"tensor.0.m.data", "F32", {6}, bytes}), errc::header_duplicate, "tensor.0.m.data");
}

TEST_CASE("io checkpoint: arrays beside the optimizer's are in the file, and left alone") {
  const temporary_folder folder;
  trained<plain> model(adamw_config), other(adamw_config);
  model.train(0, 2);
  const std::vector<float> w{1, 2, 3};
  const mango::checkpoint_array beside[] = {{"tensor.0", "F32", {3}, std::as_bytes(std::span(w))}};
  save_checkpoint(model.opt, folder / "c", {}, beside);
  check_error(caught([&] { load_checkpoint(other.opt, folder / "c"); }), errc::state_unexpected, "tensor.0");
  const mango::checkpoint_file file{mango::old_file(folder / "c")};
  const auto report = load_checkpoint(other.opt, file, {.leave_unexpected = true});
  CHECK(report.unexpected == std::vector<std::string>{"tensor.0"});
  CHECK(snapshot(other.opt) == snapshot(model.opt));
  const auto found = file.bytes(file.header().find("tensor.0"));
  CHECK((found.size() == 12 && std::memcmp(found.data(), w.data(), 12) == 0));
}
