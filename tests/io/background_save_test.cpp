// io/background_save.hpp: what is saved is what the optimizer was at that moment, whatever it does meanwhile
#include "mango/io/background_save.hpp"

#include <doctest/doctest.h>

#include "io/temporary_folder.hpp"
#include "io/trained.hpp"
#include "mango/optim/adamw.hpp"
#include "mango/store/dynamic8.hpp"
#include "support/child.hpp"

using namespace io_test;
using optimizer = mango::adamw<mango::stores<mango::dynamic8<>, mango::dynamic8<>>>;

namespace {

// a file system on which nothing is written before the test says so
struct held_back : mango::file_calls {
  mutable std::atomic<bool> open{false};
  long long write(int file, std::span<const std::byte> bytes) const override {
    while (!open) std::this_thread::yield();
    return file_calls::write(file, bytes);
  }
};
struct full_disk : mango::file_calls {
  long long write(int, std::span<const std::byte>) const override { return -ENOSPC; }
};

}  // namespace

TEST_CASE("io background save: the file is the one that a save at that moment would have written") {
  const temporary_folder folder;
  const held_back calls;
  mango::background_save saver;
  trained<optimizer> model({.options = {.seed = 3}});
  for (unsigned round = 0; round < 3; ++round) {
    model.train(4 * round, 4 * round + 2);
    mango::save_checkpoint(model.opt, folder / "now");
    calls.open = false;
    saver.start(model.opt, folder / "later", {}, calls);
    model.train(4 * round + 2, 4 * round + 4);  // while nothing has been written yet
    calls.open = true;
    const auto sum = saver.wait();
    CHECK(sum == mango::checkpoint_file(mango::old_file(folder / "later")).checksum());
    CHECK(contents(folder / "now") == contents(folder / "later"));
  }
}

TEST_CASE("io background save: a save waits for the one before it") {
  const temporary_folder folder;
  trained<optimizer> model({});
  mango::background_save saver;
  for (unsigned k = 0; k < 5; ++k) {
    model.train(k, k + 1);
    saver.start(model.opt, folder / std::to_string(k));
  }
  saver.wait();
  for (int k = 0; k < 5; ++k) {
    trained<optimizer> other({});
    CHECK(mango::load_checkpoint(other.opt, folder / std::to_string(k)).steps == k + 1);
  }
}

TEST_CASE("io background save: what goes wrong is raised by whoever asks, once, and training is none the worse") {
  const temporary_folder folder;
  const full_disk calls;
  trained<optimizer> model({});
  const snapshot before(model.opt);
  mango::background_save saver;
  CHECK(saver.wait().empty());
  saver.start(model.opt, folder / "c", {}, calls);
  check_error(caught([&] { saver.wait(); }), mango::errc::io_write, folder / "c");
  CHECK(saver.wait().empty());
  CHECK(snapshot(model.opt) == before);
  CHECK(std::filesystem::is_empty(folder.path()));
  saver.start(model.opt, folder / "c", {}, calls);
  const auto e = caught([&] { saver.start(model.opt, folder / "d"); });
  CHECK(e.code() == mango::errc::io_write);
  saver.start(model.opt, folder / "d");
  CHECK_FALSE(saver.wait().empty());
}

TEST_CASE("io background save: the memory it takes is the state, and the clocks") {
  trained<optimizer> model({});
  const auto expected = model.opt.state_bytes() + 9 * model.size();
  CHECK(mango::background_save::bytes(model.opt) == expected);
  CHECK(mango::background_save::bytes(model.opt.state_bytes(), model.size()) == expected);
}

TEST_CASE("io background save: a child of fork() leaves its parent's save alone, and has its own") {
  const temporary_folder folder;
  const held_back calls;
  trained<optimizer> model({});
  model.train(0, 2);
  auto* const saver = new mango::background_save;
  saver->start(model.opt, folder / "parent", {}, calls);
  CHECK(support::in_child([&] {
    if (!saver->wait().empty()) return false;
    saver->start(model.opt, folder / "child");
    const auto own = saver->wait();
    const bool right = own == mango::checkpoint_file(mango::old_file(folder / "child")).checksum();
    saver->start(model.opt, folder / "child");
    delete saver;
    return right;
  }));
  CHECK(support::in_child([&] {
    delete saver;
    return true;
  }));
  calls.open = true;
  const auto sum = saver->wait();
  CHECK(sum == mango::checkpoint_file(mango::old_file(folder / "parent")).checksum());
  CHECK(contents(folder / "parent") == contents(folder / "child"));
  delete saver;
}
