// io/shards.hpp: ranks save what they have, and any number of ranks load it again
#include "mango/io/shards.hpp"

#include <doctest/doctest.h>

#include "io/temporary_folder.hpp"
#include "io/trained.hpp"
#include "mango/optim/adamw.hpp"

using namespace io_test;
using mango::errc, mango::load_shards, mango::save_shard, mango::save_shard_index, mango::saved_shard;

namespace {

const mango::adamw_config config{.learning_rate = 1e-2, .options = {.seed = 9}};
constexpr int tensors = 7;

// rank r of n has the tensors r, r + n, r + 2 n, ...
struct rank_of {
  std::vector<std::vector<float>> p, g;
  mango::adamw<> opt{config};
  std::size_t rank, ranks;
  rank_of(std::size_t r, std::size_t n) : rank(r), ranks(n) {
    for (int i = 0; i < tensors; ++i)
      if (static_cast<std::size_t>(i) % n == r) {
        p.push_back(optim_test::uniform(10 + i, static_cast<std::uint64_t>(i)));
        g.push_back(p.back());
      }
    std::size_t k = 0;
    for (int i = 0; i < tensors; ++i)
      if (static_cast<std::size_t>(i) % n == r) {
        opt.add("t" + std::to_string(i), {.shape = {10 + i}}, p[k], g[k]);
        ++k;
      }
  }
};

std::vector<saved_shard> save_all(std::vector<rank_of>& all, const std::string& path) {
  std::vector<saved_shard> shards;
  for (auto& r : all) shards.push_back(save_shard(r.opt, path, r.rank, r.ranks));
  save_shard_index(path, shards);
  return shards;
}
std::vector<rank_of> run(std::size_t ranks, int steps) {
  std::vector<rank_of> all;
  all.reserve(ranks);
  for (std::size_t r = 0; r < ranks; ++r) all.emplace_back(r, ranks);
  for (int s = 0; s < steps; ++s)
    for (auto& r : all) r.opt.step();
  return all;
}
std::size_t files_in(const temporary_folder& folder) {
  std::size_t n = 0;
  for (const auto& f : std::filesystem::directory_iterator(folder.path())) n += f.is_regular_file();
  return n;
}

}  // namespace

TEST_CASE("io shards: as many ranks as before, fewer, and more") {
  const temporary_folder folder;
  auto saved = run(3, 4);
  save_all(saved, folder / "run.safetensors");
  CHECK(files_in(folder) == 4);
  auto whole = run(1, 4);
  for (const std::size_t ranks : {std::size_t{3}, std::size_t{1}, std::size_t{2}, std::size_t{7}}) {
    CAPTURE(ranks);
    auto loaded = run(ranks, 0);
    for (auto& r : loaded) {
      const auto report = load_shards(r.opt, folder / "run.safetensors");
      CHECK(report.steps == 4);
      CHECK(report.tensors == r.p.size());
      for (index_t i = 0; i < r.opt.size(); ++i) {
        const mango::tensor_id id{static_cast<std::uint32_t>(i)};
        const auto name = r.opt.name(id);
        CHECK(r.opt.updates(id) == 4);
        const auto got = optim_test::floats_of(r.opt, name, "v"), want = optim_test::floats_of(whole[0].opt, name, "v");
        CHECK(std::equal(got.begin(), got.end(), want.begin(), want.end()));
      }
    }
  }
}

TEST_CASE("io shards: a new checkpoint takes the place of the old one when its index does") {
  const temporary_folder folder;
  const auto path = folder / "run";
  auto first = run(2, 1), second = run(2, 2);
  save_all(first, path);
  std::vector<saved_shard> shards;
  for (auto& r : second) {
    shards.push_back(save_shard(r.opt, path, r.rank, r.ranks));
    auto loaded = run(1, 0);  // whoever loads meanwhile, or after a crash, has the old one, whole
    CHECK(load_shards(loaded[0].opt, path).steps == 1);
  }
  CHECK(files_in(folder) == 5);
  save_shard_index(path, shards);
  CHECK(files_in(folder) == 3);  // what the old one was made of is gone
  auto loaded = run(1, 0);
  CHECK(load_shards(loaded[0].opt, path).steps == 2);
}

TEST_CASE("io shards: the old ones stay where the previous checkpoint is kept") {
  const temporary_folder folder;
  const auto path = folder / "run";
  auto first = run(2, 1), second = run(2, 2);
  save_all(first, path);
  std::vector<saved_shard> shards;
  for (auto& r : second) shards.push_back(save_shard(r.opt, path, r.rank, r.ranks));
  save_shard_index(path, shards, {.keep_previous = true});
  auto loaded = run(1, 0);
  CHECK(load_shards(loaded[0].opt, path + ".prev").steps == 1);
  CHECK(load_shards(loaded[0].opt, path).steps == 2);
  CHECK(files_in(folder) == 6);

  // and those of the one before it do not pile up
  auto third = run(2, 3);
  shards.clear();
  for (auto& r : third) shards.push_back(save_shard(r.opt, path, r.rank, r.ranks));
  save_shard_index(path, shards, {.keep_previous = true});
  CHECK(files_in(folder) == 6);
  CHECK(load_shards(loaded[0].opt, path + ".prev").steps == 2);
  CHECK(load_shards(loaded[0].opt, path).steps == 3);
}

TEST_CASE("io shards errors: what is missing, damaged or of another step") {
  const temporary_folder folder;
  const auto path = folder / "run";
  auto saved = run(2, 3);
  auto shards = save_all(saved, path);
  auto loaded = run(1, 0);
  const auto refused = [&] {
    const snapshot before(loaded[0].opt);
    const auto e = caught([&] { load_shards(loaded[0].opt, path); });
    CHECK(snapshot(loaded[0].opt) == before);
    return e;
  };
  const auto shard = folder / shards[1].file;
  std::filesystem::rename(shard, shard + ".away");
  CHECK(refused().code() == errc::io_open);
  std::filesystem::rename(shard + ".away", shard);

  // another rank's later step, under the right name
  saved[1].opt.step();
  const auto later = save_shard(saved[1].opt, path, 1, 2);
  std::filesystem::copy_file(folder / later.file, shard, std::filesystem::copy_options::overwrite_existing);
  check_error(refused(), errc::state_checksum, shards[1].file);
  auto mixed = shards;
  mixed[1] = later;
  save_shard_index(path, mixed);
  check_error(refused(), errc::state_value, "mango.counters", 3, 4);

  mixed.pop_back();
  save_shard_index(path, mixed);
  check_error(refused(), errc::state_missing, "t1");
  for (const std::string line :
       {"", "abc", "00000000000000000000000000000000 ../t", "00000000000000000000000000000000 "}) {
    CAPTURE(line);
    const mango::checkpoint_metadata metadata{
        {"mango.schema", "1"}, {"mango.shards", "1"}, {"mango.shard.00001", line}};
    mango::prepared_file({}, metadata).write(path);
    check_error(refused(), errc::state_value, "mango.shard.00001");
  }
  mango::prepared_file({}, {{"mango.schema", "1"}, {"mango.shards", "2"}}).write(path);
  check_error(refused(), errc::state_missing, "mango.shards");
  check_error(caught([&] { save_shard(loaded[0].opt, path, 2, 2); }), errc::config, "rank", 2, 2);
}
