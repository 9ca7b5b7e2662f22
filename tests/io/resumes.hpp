#pragma once
// whether an optimizer that was saved and loaded is the one that was not
#include <doctest/doctest.h>

#include "io/temporary_folder.hpp"
#include "io/trained.hpp"
#include "mango/io/checkpoint.hpp"

namespace io_test {

/// Stops after `before` steps, saves, goes on in another object that has loaded, and has the same bits as without.
template <class Optimizer, class P = float> void resumes(const typename Optimizer::config& config) {
  const temporary_folder folder;
  for (const unsigned before : {0u, 1u, 7u}) {
    CAPTURE(before);
    trained<Optimizer, P> first(config), straight(config);
    straight.train(0, before + 5);
    first.train(0, before);
    const snapshot untouched(first.opt);
    mango::save_checkpoint(first.opt, folder / "a.safetensors");
    CHECK(untouched == snapshot(first.opt));

    trained<Optimizer, P> second(config);
    second.take_parameters(first);
    second.disturb();
    const auto report = mango::load_checkpoint(second.opt, folder / "a.safetensors");
    CHECK(report.tensors == second.size());
    CHECK(report.steps == before);
    CHECK(report.bytes <= second.opt.state_bytes());
    CHECK((report.changed.empty() && report.unexpected.empty()));
    CHECK(snapshot(second.opt) == untouched);
    mango::save_checkpoint(second.opt, folder / "b.safetensors");
    CHECK(contents(folder / "a.safetensors") == contents(folder / "b.safetensors"));

    second.train(before, before + 5);
    CHECK(second.same_parameters(straight));
    CHECK(snapshot(second.opt) == snapshot(straight.opt));
  }
}

}  // namespace io_test
