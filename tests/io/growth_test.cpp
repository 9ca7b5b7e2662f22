// thousands of saves and loads, good and bad, leave neither memory nor descriptors behind
#include <doctest/doctest.h>
#include <unistd.h>

#include <fstream>

#include "io/temporary_folder.hpp"
#include "io/trained.hpp"
#include "mango/io/background_save.hpp"
#include "mango/optim/adamw.hpp"
#include "mango/store/dynamic8.hpp"
#include "support/sanitizers.hpp"

using namespace io_test;

namespace {

using optimizer = mango::adamw<mango::stores<mango::dynamic8<>, mango::dynamic8<>>>;

long long resident_bytes() {
  std::ifstream in("/proc/self/statm");
  long long all = 0, resident = 0;
  in >> all >> resident;
  return in ? resident * sysconf(_SC_PAGESIZE) : 0;
}
std::size_t descriptors() {
  std::size_t n = 0;
  for ([[maybe_unused]] const auto& f : std::filesystem::directory_iterator("/proc/self/fd")) ++n;
  return n;
}

}  // namespace

TEST_CASE("io growth: saves and loads, good and bad") {
  if (resident_bytes() == 0) {
    MESSAGE("SKIPPED: no /proc");
    return;
  }
#if defined(MANGO_ADDRESS_SANITIZER) || defined(MANGO_THREAD_SANITIZER)
  constexpr bool counts_memory = false;  // a sanitizer keeps what was freed
#else
  constexpr bool counts_memory = true;
#endif
  const temporary_folder folder;
  const std::string good = folder / "good", bad = folder / "bad";
  optimizer opt{{}};
  opt.add("w", {.shape = {100, 30}});
  const mango::save_options quick{.keep_previous = true, .how = mango::durability::none};
  mango::background_save saver;
  const auto cycle = [&] {
    mango::save_checkpoint(opt, good, quick);
    mango::load_checkpoint(opt, good);
    saver.start(opt, good, quick);
    saver.wait();
    CHECK_THROWS_AS(mango::load_checkpoint(opt, bad), mango::error);
    CHECK_THROWS_AS(mango::save_checkpoint(opt, bad + "/below", quick), mango::error);
  };
  std::ofstream(bad) << contents(good).substr(0, 200) << "and so on";
  for (int i = 0; i < 200; ++i) cycle();
  const auto memory = resident_bytes();
  const auto open = descriptors();
  for (int i = 0; i < 2000; ++i) cycle();
  CHECK(descriptors() == open);
  if (counts_memory) CHECK(resident_bytes() - memory < 1 << 20);
}
