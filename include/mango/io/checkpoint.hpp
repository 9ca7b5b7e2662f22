#pragma once
// The complete memory of an optimizer in one file, and back: bit for bit, or not at all.
#include "mango/io/restored_state.hpp"

namespace mango::inline MANGO_ABI {

/// Saves all that the optimizer remembers under `path`: every array of every tensor's state, updates of every tensor,
/// what has accumulated, the counters, and the key of its random numbers. Training that goes on from the file takes the
/// same steps, bit for bit. The optimizer is read and not changed; between steps.
///   arrays    `<tensor>.<slot>.<part>`, and `<tensor>.clock.updates`, `<tensor>.clock.accumulating`
///   metadata  mango.schema, mango.optimizer, mango.hyperparameters, mango.options, mango.counters, mango.checksum
///   beside    what the trainer wants in the same file, its parameters say: loading leaves them alone when told to
///             (leave_unexpected), and checkpoint_file reads them
/// docs/checkpoints.md has them all. The file is durable when the call returns; when it raises errc::io_write what was
/// there before is still there. Returns the checksum.
template <class Optimizer>
std::string save_checkpoint(const Optimizer& opt, std::string_view path, const save_options& options = {},
                            std::span<const checkpoint_array> beside = {}, const file_calls& calls = system_calls()) {
  const detail::live_state<const Optimizer> state(opt);
  detail::collected all(state);
  all.arrays.insert(all.arrays.end(), beside.begin(), beside.end());
  const prepared_file file(all.arrays, all.metadata);
  std::string sum(file.checksum());  // once the file is there, nothing may fail
  file.write(path, options, calls);
  return sum;
}

/// Puts what was saved into an optimizer to which the same tensors have been added, by name. Everything is read and
/// checked first: when it raises, the optimizer is what it was. Hyperparameters stay the optimizer's own; those that
/// were others are reported. The seed is restored. Raises
///   errc::io_open, io_read, not_regular_file and the kinds of the format
///   errc::state_checksum    damage
///   errc::state_version     a schema of a newer library
///   errc::state_algorithm   another kind of optimizer
///   errc::state_missing, state_unexpected, state_type, state_shape   naming the tensor: other tensors or other stores
///   errc::nonfinite         a bound parameter that is not finite (options.check_parameters)
///   errc::concurrency       another thread is at work on the optimizer
///   errc::state_value       a value that is never saved, or one that is not finite unless gradients go unchecked
template <class Optimizer>
load_report load_checkpoint(Optimizer& opt, const checkpoint_file& file, const load_options& options = {}) {
  detail::live_state<Optimizer> state(opt);
  detail::restored plan(state, options);
  plan.add(file);
  return plan.commit();
}
template <class Optimizer>
load_report load_checkpoint(Optimizer& opt, const byte_source& from, const load_options& options = {}) {
  return load_checkpoint(opt, checkpoint_file(from), options);
}
template <class Optimizer>
load_report load_checkpoint(Optimizer& opt, std::string_view path, const load_options& options = {},
                            const file_calls& calls = system_calls()) {
  return load_checkpoint(opt, checkpoint_file(old_file(path, calls)), options);
}

}  // namespace mango
