#include "compare/trainer.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "compare/format.hpp"
#include "compare/machine.hpp"
#include "compare/saved_run.hpp"
#include "compare/spec.hpp"
#include "compare/statistics.hpp"
#include "factory/by_name.hpp"

namespace compare {
namespace {

// Enough for a smooth curve on a page, few enough for a small file.
constexpr std::size_t curve_points = 160;

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// Biases and norms are not decayed: the usual practice, the same for every contender that decays at all.
void exempt_vectors_from_decay(mango::any_optimizer& optimizer) {
  try {
    optimizer.group({.max_dimensions = 1}, {{"weight_decay", "0"}});
  } catch (const mango::error& e) {
    if (e.code() != mango::errc::unknown_name) throw;
  }
}

mango::tensor_spec spec_of(const tensor& t) {
  return {.shape = mango::shape{t.shape.data(), static_cast<index_t>(t.shape.size())}};
}

mango::any_optimizer make_optimizer(const contender& who, std::uint64_t seed, mango::threads& pool) {
  auto optimizer = factory::make(completed(who.spec, who.learning_rate, seed), mango::host{pool});
  exempt_vectors_from_decay(optimizer);
  return optimizer;
}

// One run in progress: what the loop below would otherwise pass around.
class session {
 public:
  session(replicas& network, const feed& data, const recipe& how, const contender& who, std::uint64_t seed,
          mango::threads& pool, progress_style style)
      : network_{network},
        data_{data},
        how_{how},
        order_{data.train_size(), seed},
        schedule_{how.cosine, how.steps, static_cast<std::size_t>(how.warmup * static_cast<double>(how.steps))},
        optimizer_{make_optimizer(who, seed, pool)},
        progress_{style, print("%s seed %llu", who.spec.c_str(), static_cast<unsigned long long>(seed)), how.unit,
                  how.steps},
        batch_(how.batch) {
    run_.optimizer = who.spec;
    run_.seed = seed;
    run_.learning_rate = who.learning_rate;
    for (const tensor& t : network.tensors()) run_.planned_bytes += optimizer_.state_bytes(spec_of(t));
    for (const tensor& t : network.tensors()) optimizer_.add(t.name, spec_of(t), t.value, t.gradient);
    run_.description = optimizer_.describe();
    if (how.resume.empty()) return;
    first_ = load_run(saved_run_path(how.resume, who.spec, seed), optimizer_, network);
    for (std::size_t t = 0; t < first_; ++t) order_.next(batch_);
    run_.steps = first_;
  }

  run finish() {
    begin_ = std::chrono::steady_clock::now();
    try {
      const std::size_t last = how_.stop > 0 ? std::min(how_.stop, how_.steps) : how_.steps;
      for (std::size_t t = first_; t < last && !run_.diverged; ++t) step(t);
      if (!how_.save.empty()) save_run(saved_run_path(how_.save, run_.optimizer, run_.seed), optimizer_, network_);
    } catch (const mango::error& e) {
      if (e.code() != mango::errc::nonfinite) throw;
      run_.diverged = true;
    }
    conclude();
    return std::move(run_);
  }

 private:
  void step(std::size_t t) {
    const auto begin = std::chrono::steady_clock::now();
    order_.next(batch_);
    const auto result = network_.train(data_, batch_);
    double scale = 1.0;
    if (how_.clip_norm > 0.0) {
      const double norm = network_.gradient_norm();
      if (norm > how_.clip_norm) scale = how_.clip_norm / norm;
    }
    const double rate = run_.learning_rate * schedule_.factor(t);
    const auto before = std::chrono::steady_clock::now();
    const auto report = optimizer_.step({.learning_rate = rate, .gradient_scale = scale});
    optimizer_ms_.push_back(1e3 * seconds_since(before));
    step_ms_.push_back(1e3 * seconds_since(begin));
    run_.skipped += report.applied ? 0 : 1;
    run_.diverged = !std::isfinite(result.loss);
    record(t, result, rate);
  }

  void record(std::size_t t, const nn::classification& result, double rate) {
    loss_sum_ += result.loss;
    correct_ += static_cast<double>(result.correct);
    ++summed_;
    const std::size_t done = t + 1;
    run_.steps = done;
    if (due(done, std::min(curve_points, how_.steps))) {
      const auto count = static_cast<double>(summed_);
      const auto targets = count * static_cast<double>(how_.batch * data_.units());
      run_.train.push_back({done, loss_sum_ / count, correct_ / targets, rate, seconds_since(begin_)});
      loss_sum_ = correct_ = 0.0;
      summed_ = 0;
    }
    if (done < how_.steps && due(done, how_.evaluations)) evaluate(done, rate);
    if (progress_.due(done)) {
      const double loss = run_.train.empty() ? result.loss : run_.train.back().loss;
      progress_.show(done, loss, rate, static_cast<double>(done * how_.batch * data_.units()));
    }
  }

  // True `times` times in a run, evenly spread, the last time at its end.
  [[nodiscard]] bool due(std::size_t done, std::size_t times) const {
    return done * times / how_.steps != (done - 1) * times / how_.steps;
  }

  // with the weights that one would ship, which are not always those that are trained
  nn::classification evaluate_held_out() {
    std::vector<std::vector<float>> trained;
    std::uint32_t i = 0;
    for (const tensor& t : network_.tensors()) {
      const auto& kept = trained.emplace_back(t.value.begin(), t.value.end());
      optimizer_.evaluation_weights({i++}, kept, t.value);
    }
    const auto result = network_.evaluate(data_);
    i = 0;
    for (const tensor& t : network_.tensors()) std::copy_n(trained[i++].begin(), t.value.size(), t.value.begin());
    return result;
  }

  void evaluate(std::size_t done, double rate) {
    const auto result = evaluate_held_out();
    const auto targets = static_cast<double>(data_.held_out_size() * data_.units());
    run_.loss = result.loss;
    run_.accuracy = static_cast<double>(result.correct) / targets;
    run_.held_out.push_back({done, run_.loss, run_.accuracy, rate, seconds_since(begin_)});
  }

  void conclude() {
    evaluate(run_.steps, run_.learning_rate * schedule_.factor(run_.steps > 0 ? run_.steps - 1 : 0));
    const extents shape = data_.shape();
    const double guessing = std::log(static_cast<double>(how_.classifies ? shape.classes : shape.vocabulary));
    run_.diverged |= !(run_.loss < 10.0 * guessing);
    run_.seconds = seconds_since(begin_);
    run_.parameters = network_.parameter_count();
    run_.state_bytes = optimizer_.state_bytes();
    run_.gradient_bytes = network_.gradient_bytes();
    run_.optimizer_ms = median(optimizer_ms_);
    run_.step_ms = median(step_ms_);
    const std::string quality = how_.classifies ? print("accuracy %.2f %%", 100.0 * run_.accuracy)
                                                : print("perplexity %.3f", std::exp(run_.loss));
    const std::string label = print("%s seed %llu", run_.optimizer.c_str(), static_cast<unsigned long long>(run_.seed));
    progress_.finish(print("%-28s %s, loss %.4f, state %s, optimizer %.3f ms/step, %s%s", label.c_str(),
                           quality.c_str(), run_.loss, bytes_text(static_cast<double>(run_.state_bytes)).c_str(),
                           run_.optimizer_ms, duration_text(run_.seconds).c_str(), run_.diverged ? ", DIVERGED" : ""));
  }

  replicas& network_;
  const feed& data_;
  const recipe& how_;
  order order_;
  schedule schedule_;
  mango::any_optimizer optimizer_;
  progress progress_;
  std::vector<std::uint32_t> batch_;
  std::vector<double> optimizer_ms_, step_ms_;
  run run_;
  std::chrono::steady_clock::time_point begin_;
  double loss_sum_ = 0.0, correct_ = 0.0;
  std::size_t summed_ = 0, first_ = 0;
};

}  // namespace

run train(replicas& network, const feed& data, const recipe& how, const contender& who, std::uint64_t seed,
          mango::threads& pool, progress_style style) {
  const bool peak_known = reset_peak_resident();
  network.initialize(seed);
  run result = session{network, data, how, who, seed, pool, style}.finish();
  result.peak_bytes = peak_known ? peak_resident() : 0;
  return result;
}

}  // namespace compare
