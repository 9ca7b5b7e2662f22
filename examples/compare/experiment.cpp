#include "compare/experiment.hpp"

#include <algorithm>
#include <cmath>

#include "compare/data/dataset.hpp"
#include "compare/data/text.hpp"
#include "compare/defaults.hpp"
#include "compare/format.hpp"
#include "compare/machine.hpp"
#include "compare/trainer.hpp"
#include "factory/by_name.hpp"
#include "mango/version.hpp"

namespace compare {
namespace {

struct source {
  std::unique_ptr<feed> data;
  std::string name;
  double baseline_loss = 0.0;
};

source open_source(const options& o) {
  if (o.model == "gpt") {
    auto text = read_text(o.data.empty() ? licences_folder : o.data);
    source out{.data = nullptr, .name = text.name, .baseline_loss = unigram_entropy(text.validation)};
    out.data = make_text_feed(std::move(text), text_window);
    return out;
  }
  auto images = read_images(o.data);
  source out{.data = nullptr, .name = images.name};
  out.data = make_image_feed(std::move(images));
  return out;
}

recipe make_recipe(const options& o, const feed& data) {
  const auto& d = defaults_of(o.model);
  recipe r{.batch = std::min(o.batch > 0 ? o.batch : d.batch, data.train_size()),
           .evaluations = o.evaluations,
           .cosine = o.schedule == "cosine",
           .warmup = o.warmup,
           .clip_norm = o.clip_norm.value_or(d.clip_norm),
           .classifies = o.model != "gpt",
           .unit = o.model == "gpt" ? "tokens" : "images",
           .stop = o.stop,
           .save = o.save,
           .resume = o.resume};
  const double epochs = o.epochs > 0 ? o.epochs : d.epochs;
  const double per_epoch = static_cast<double>(data.per_epoch()) / static_cast<double>(r.batch);
  r.steps = o.steps > 0                    ? o.steps
            : o.epochs <= 0 && d.steps > 0 ? d.steps
                                           : static_cast<std::size_t>(std::llround(epochs * per_epoch));
  r.steps = std::max<std::size_t>(r.steps, 1);
  return r;
}

std::string build_text() {
  return print("mango %d.%d.%d, %s, %s", MANGO_VERSION_MAJOR, MANGO_VERSION_MINOR, MANGO_VERSION_PATCH,
               MANGO_COMPARE_COMPILER, MANGO_COMPARE_FLAGS);
}

// What the spec says, else the command line, else the table.
double peak_rate(const std::string& spec, const options& o) {
  return rate_in(spec).value_or(o.learning_rate > 0 ? o.learning_rate : rate_of(spec, o.model));
}

experiment describe(const options& o, const std::string& program, const source& from, const recipe& how) {
  experiment e;
  e.model = o.model;
  e.data = from.name;
  e.unit = how.unit;
  e.command = command_line(o, program);
  e.machine = machine_name();
  e.date = date_text();
  e.build = build_text();
  e.batch = how.batch;
  e.steps = how.steps;
  e.steps_per_epoch =
      how.classifies ? static_cast<double>(from.data->per_epoch()) / static_cast<double>(how.batch) : 0.0;
  e.replicas = replica_count;
  e.threads = o.threads;
  e.classifies = how.classifies;
  e.baseline_loss = from.baseline_loss;
  return e;
}

}  // namespace

experiment run_experiment(const options& o, const std::string& program) {
  // Nobody should wait for a data set to learn of a typing error, nor for one run to learn of another's.
  for (const auto& spec : o.optimizers) {
    static_cast<void>(factory::make(spec));
    static_cast<void>(peak_rate(spec, o));
  }
  const source from = open_source(o);
  const recipe how = make_recipe(o, *from.data);
  mango::threads pool{static_cast<int>(o.threads)};
  replicas network{[&] { return make_model(o.model, from.data->shape()); }, pool};
  experiment e = describe(o, program, from, how);
  e.model_summary = make_model(o.model, from.data->shape())->summary();
  const progress_style style = detect_style(stderr, o.quiet);
  for (const auto& spec : o.optimizers) {
    const contender who{spec, peak_rate(spec, o)};
    for (const auto seed : o.seeds) e.runs.push_back(train(network, *from.data, how, who, seed, pool, style));
  }
  return e;
}

}  // namespace compare
