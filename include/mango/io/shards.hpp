#pragma once
// One checkpoint in several files: each rank of a data-parallel run saves the tensors that it has, and an index says
// which files belong together.
#include "mango/core/attempt.hpp"
#include "mango/io/checkpoint.hpp"

namespace mango::inline MANGO_ABI {

/// A shard that has been saved: what the index needs to know of it.
struct saved_shard {
  std::string file;  ///< beside the index
  std::string checksum;
};

namespace detail {
inline std::string_view folder_of(std::string_view path) { return path.substr(0, path.rfind('/') + 1); }
inline std::string padded(std::size_t n) {
  const std::string digits = std::to_string(n);
  return std::string(digits.size() < 5 ? 5 - digits.size() : 0, '0') + digits;
}
inline std::string shard_key(std::size_t i) { return "mango.shard." + padded(i); }

// the shards that an index lists
inline std::vector<saved_shard> shards_in(const checkpoint_file& index) {
  std::vector<saved_shard> out;
  const auto count = index.text_of("mango.shards");
  for (std::size_t i = 1;; ++i) {
    const auto line = index.header().metadata(shard_key(i));
    if (!line) break;
    const auto space = line->find(' ');
    const auto file = line->substr(space == line->npos ? 0 : space + 1);
    if (space != 32 || file.empty() || file.find('/') != file.npos)
      raise(errc::state_value,
            {mango::quoted(index.name()), ": ", shard_key(i), " is ", mango::quoted(*line), ", which nobody saved"},
            shard_key(i));
    out.push_back({std::string(file), std::string(line->substr(0, space))});
  }
  if (std::to_string(out.size()) != count)
    raise(errc::state_missing,
          {mango::quoted(index.name()), ": mango.shards is ", mango::quoted(count), ", and ", mango::digits(out.size()),
           " are listed"},
          "mango.shards");
  return out;
}
// the shards of an index that may be there; none where there is none, or none that can be read
inline std::vector<saved_shard> shards_at(std::string_view path, const file_calls& calls) {
  std::vector<saved_shard> out;
  if (file_status there; calls.status(std::string(path).c_str(), there) == 0)
    (void)attempt([&] { out = shards_in(checkpoint_file(old_file(path, calls))); });
  return out;
}
}  // namespace detail

/// Saves this rank's tensors, durably, beside `path`, under a name with the rank, the number of ranks and the checksum:
/// a file that was not there before, so that the checkpoint that the index at `path` stands for stays whole. Ranks
/// count from 0.
template <class Optimizer>
saved_shard save_shard(const Optimizer& opt, std::string_view path, std::size_t rank, std::size_t ranks,
                       const save_options& options = {}, const file_calls& calls = system_calls()) {
  if (rank >= ranks)
    raise(errc::config, "rank {got} of {expected} ranks, which count from 0", static_cast<long long>(ranks),
          static_cast<long long>(rank), "rank");
  const detail::live_state<const Optimizer> state(opt);
  const detail::collected all(state);
  const prepared_file file(all.arrays, all.metadata);
  saved_shard shard{detail::join({path.substr(detail::folder_of(path).size()), "-", detail::padded(rank + 1), "-of-",
                                  detail::padded(ranks), "-", file.checksum().substr(0, 12)}),
                    std::string(file.checksum())};
  file.write(detail::join({detail::folder_of(path), shard.file}), options, calls);
  return shard;
}

/// Puts the index in place once every rank's shard is durable: this is the moment at which the new checkpoint takes the
/// place of the old one, whose shards are then removed; with keep_previous, those of the one before it. Shards are in
/// the order of their ranks.
inline void save_shard_index(std::string_view path, std::span<const saved_shard> shards,
                             const save_options& options = {}, const file_calls& calls = system_calls()) {
  checkpoint_metadata metadata{{"mango.schema", std::string(checkpoint_schema)},
                               {"mango.shards", std::to_string(shards.size())}};
  for (std::size_t i = 0; i < shards.size(); ++i)
    metadata.emplace_back(detail::shard_key(i + 1), detail::join({shards[i].checksum, " ", shards[i].file}));
  const auto now = detail::shards_at(path, calls);
  const auto old = options.keep_previous ? detail::shards_at(detail::join({path, ".prev"}), calls) : now;
  prepared_file({}, metadata).write(path, options, calls);
  const auto among = [](std::span<const saved_shard> all, const saved_shard& x) {
    return std::any_of(all.begin(), all.end(), [&](const auto& s) { return s.file == x.file; });
  };
  for (const auto& shard : old)
    if (!among(shards, shard) && !(options.keep_previous && among(now, shard)))
      calls.remove(detail::join({detail::folder_of(path), shard.file}).c_str());
}

/// Loads what this optimizer's tensors need from the shards that the index at `path` lists, however many ranks saved
/// them: a tensor is found by name in whichever it is. Shards without such a tensor are not read beyond their header.
/// Raises what load_checkpoint() raises, and errc::state_checksum for a shard that is not the index's.
template <class Optimizer>
load_report load_shards(Optimizer& opt, std::string_view path, const file_calls& calls = system_calls()) {
  detail::live_state<Optimizer> state(opt);
  detail::restored plan(state, {.leave_unexpected = true});
  std::deque<checkpoint_file> files;  // the plan points into them
  for (const auto& shard : detail::shards_in(checkpoint_file(old_file(path, calls)))) {
    const old_file from(detail::join({detail::folder_of(path), shard.file}), calls);
    if (!plan.wants(read_safetensors(from))) continue;
    const auto& file = files.emplace_back(from);
    if (file.checksum() != shard.checksum)
      raise(errc::state_checksum,
            {mango::quoted(shard.file), " has the checksum ", file.checksum(), ", the index says ",
             mango::quoted(shard.checksum)},
            shard.file);
    plan.add(file);
  }
  auto report = plan.commit();
  report.unexpected.clear();  // the tensors of other ranks
  return report;
}

}  // namespace mango
