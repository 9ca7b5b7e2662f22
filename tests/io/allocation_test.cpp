// the nth allocation of a save or a load fails, for every n: nothing is lost, and nothing is half done
#include <doctest/doctest.h>

#include <new>

#include "io/counting_new.hpp"
#include "io/temporary_folder.hpp"
#include "io/trained.hpp"
#include "mango/io/background_save.hpp"
#include "mango/io/shards.hpp"
#include "mango/optim/adamw.hpp"
#include "mango/store/dynamic8.hpp"

using namespace io_test;
using optimizer = mango::adamw<mango::stores<mango::dynamic8<>, mango::dynamic8<>>>;

namespace {

struct small {
  std::vector<float> p = std::vector<float>(300, 1.0f), g = std::vector<float>(300, 0.5f);
  optimizer opt{{.options = {.seed = 4}}};
  small() { opt.add("w", {.shape = {10, 30}}, p, g); }
};

// call() with its first, second, ... allocation failing, until none does; after() looks at what is left each time
template <class Call, class After> int sweep(Call call, After after) {
  for (int n = 1;; ++n) {
    bool thrown = false, happened = false;
    {
      const failing_scope failing(n);
      try {
        call();
      } catch (const std::bad_alloc&) {
        thrown = true;
      }
      happened = failing.happened();
    }
    CAPTURE(n);
    CHECK(thrown == happened);
    after(thrown);
    if (!happened) return n - 1;
  }
}

std::size_t files_in(const temporary_folder& folder) {
  std::size_t n = 0;
  for ([[maybe_unused]] const auto& f : std::filesystem::directory_iterator(folder.path())) ++n;
  return n;
}

}  // namespace

TEST_CASE("io allocation: a save without memory leaves the file that was there, and the optimizer alone") {
  if (!allocations_can_fail()) return;
  const temporary_folder folder;
  const std::string path = folder / "c";
  small model;
  model.opt.step();
  mango::save_checkpoint(model.opt, path);
  const auto old = contents(path);
  model.opt.step();
  const snapshot before(model.opt);
  const int failures = sweep([&] { mango::save_checkpoint(model.opt, path); },
                             [&](bool failed) {
                               CHECK((contents(path) == old) == failed);
                               CHECK(files_in(folder) == 1);
                               CHECK(snapshot(model.opt) == before);
                             });
  CHECK(failures > 20);
}

TEST_CASE("io allocation: a load without memory leaves the optimizer what it was") {
  if (!allocations_can_fail()) return;
  const temporary_folder folder;
  const std::string path = folder / "c";
  small saved, model;
  for (int i = 0; i < 3; ++i) saved.opt.step();
  mango::save_checkpoint(saved.opt, path);
  const snapshot before(model.opt), after(saved.opt);
  const int failures = sweep([&] { mango::load_checkpoint(model.opt, path); },
                             [&](bool failed) { CHECK(snapshot(model.opt) == (failed ? before : after)); });
  CHECK(failures > 20);
}

TEST_CASE("io allocation: a shard and its index are there or are not") {
  if (!allocations_can_fail()) return;
  const temporary_folder folder;
  const std::string path = folder / "run";
  small model;
  mango::saved_shard shard;
  sweep([&] { shard = mango::save_shard(model.opt, path, 0, 1); },
        [&](bool failed) { CHECK(files_in(folder) == !failed); });
  sweep([&] { mango::save_shard_index(path, std::span(&shard, 1)); },
        [&](bool failed) { CHECK(files_in(folder) == (failed ? 1 : 2)); });
  CHECK(mango::load_shards(model.opt, path).tensors == 1);
}

TEST_CASE("io allocation: a save in the background that has no memory is an error of start() or of wait()") {
  if (!allocations_can_fail()) return;
  const temporary_folder folder;
  const std::string path = folder / "c";
  small model;
  const int failures = sweep(
      [&] {
        mango::background_save saver;
        saver.start(model.opt, path);
        saver.wait();
      },
      [&](bool failed) { CHECK(files_in(folder) == !failed); });
  CHECK(failures > 20);
}
