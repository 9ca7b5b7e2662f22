#pragma once
// The fields of every configuration by name: what the factory can set from text. One list per configuration; ranges are
// the rules' own.
#include "mango/optim/adafactor.hpp"
#include "mango/optim/adam.hpp"
#include "mango/optim/adamw.hpp"
#include "mango/optim/ademamix.hpp"
#include "mango/optim/adopt.hpp"
#include "mango/optim/lion.hpp"
#include "mango/optim/prodigy.hpp"
#include "mango/optim/prodigy_lion.hpp"
#include "mango/optim/schedule_free.hpp"
#include "mango/optim/sgd.hpp"
#include "mango/optim/simplified_ademamix.hpp"
#include "mango/optim/smmf.hpp"

namespace mango::inline MANGO_ABI {

/// f(name, field&) for every option of the optimizer itself.
template <class F> void each_field(optimizer_options& o, F&& f) {
  f("on_nonfinite", o.on_nonfinite);
  f("max_consecutive_skips", o.max_consecutive_skips);
  f("half_parameters", o.half_parameters);
  f("accumulate", o.accumulate);
  f("check_parameters", o.check_parameters);
  f("deterministic", o.deterministic);
  f("seed", o.seed);
}

/// f(name, field&) for every feature.
template <class F> void each_field(direction_features& o, F&& f) {
  f("orthograd", o.orthograd);
  f("cautious", o.cautious);
  f("grams", o.grams);
  f("nesterov", o.nesterov);
  f("atan2", o.atan2);
  f("simplified", o.simplified);
  f("cautious_decay", o.cautious_decay);
  f("kourkoutas", o.kourkoutas);
  f("alpha_grad", o.alpha_grad);
  f("b2_min", o.b2_min);
  f("slow_alpha", o.slow_alpha);
  f("slow_b3", o.slow_b3);
  f("slow_alpha_warmup", o.slow_alpha_warmup);
  f("slow_b3_warmup", o.slow_b3_warmup);
}
/// f(name, field&) for all that Prodigy's distance can be told.
template <class F> void each_field(distance_options& o, F&& f) {
  f("d0", o.d0);
  f("d_coef", o.d_coef);
  f("growth_rate", o.growth_rate);
  f("slice", o.slice);
  f("freeze_after", o.freeze_after);
  f("safeguard", o.safeguard);
  f("limiter", o.limiter);
  f("share", o.share);
}

namespace detail {
template <class C, class F> void adam_fields(C& c, F&& f) {
  f("learning_rate", c.learning_rate);
  f("b1", c.b1);
  f("b2", c.b2);
  f("eps", c.eps);
  f("weight_decay", c.weight_decay);
  f("convention", c.convention);
  f("bias_correction", c.bias_correction);
  f("max_norm", c.max_norm);
}
}  // namespace detail

/// f(name, field&) for every hyperparameter.
template <class F> void each_field(adamw_config& c, F&& f) {
  detail::adam_fields(c, f);
  each_field(c.features, f);
}
template <class F> void each_field(adam_config& c, F&& f) { detail::adam_fields(c, f); }
template <class F> void each_field(lion_config& c, F&& f) {
  f("learning_rate", c.learning_rate);
  f("b1", c.b1);
  f("b2", c.b2);
  f("weight_decay", c.weight_decay);
  f("max_norm", c.max_norm);
  f("orthograd", c.orthograd);
  f("cautious", c.cautious);
  f("cautious_decay", c.cautious_decay);
}
template <class F> void each_field(adopt_config& c, F&& f) {
  f("learning_rate", c.learning_rate);
  f("b1", c.b1);
  f("b2", c.b2);
  f("eps", c.eps);
  f("weight_decay", c.weight_decay);
  f("convention", c.convention);
  f("max_norm", c.max_norm);
  each_field(c.features, f);
}
template <class F> void each_field(prodigy_config& c, F&& f) {
  f("learning_rate", c.learning_rate);
  f("b1", c.b1);
  f("b2", c.b2);
  f("b3", c.b3);
  f("eps", c.eps);
  f("weight_decay", c.weight_decay);
  f("max_norm", c.max_norm);
  each_field(c.distance, f);
  each_field(c.features, f);
}
template <class F> void each_field(prodigy_lion_config& c, F&& f) {
  f("learning_rate", c.learning_rate);
  f("b1", c.b1);
  f("b2", c.b2);
  f("b3", c.b3);
  f("weight_decay", c.weight_decay);
  f("max_norm", c.max_norm);
  each_field(c.distance, f);
  f("orthograd", c.orthograd);
  f("cautious", c.cautious);
  f("cautious_decay", c.cautious_decay);
}
template <class F> void each_field(ademamix_config& c, F&& f) {
  f("learning_rate", c.learning_rate);
  f("b1", c.b1);
  f("b2", c.b2);
  f("b3", c.b3);
  f("alpha", c.alpha);
  f("alpha_warmup", c.alpha_warmup);
  f("b3_warmup", c.b3_warmup);
  f("eps", c.eps);
  f("weight_decay", c.weight_decay);
  f("correct_slow", c.correct_slow);
  f("max_norm", c.max_norm);
}
template <class F> void each_field(simplified_ademamix_config& c, F&& f) {
  f("learning_rate", c.learning_rate);
  f("b1", c.b1);
  f("b2", c.b2);
  f("eps", c.eps);
  f("alpha_grad", c.alpha_grad);
  f("b1_min", c.b1_min);
  f("b1_warmup", c.b1_warmup);
  f("weight_decay", c.weight_decay);
  f("bias_correction", c.bias_correction);
  f("max_norm", c.max_norm);
  f("orthograd", c.orthograd);
  f("cautious_decay", c.cautious_decay);
  f("kourkoutas", c.kourkoutas);
  f("b2_min", c.b2_min);
}
template <class F> void each_field(schedule_free_config& c, F&& f) {
  f("learning_rate", c.learning_rate);
  f("b1", c.b1);
  f("b2", c.b2);
  f("eps", c.eps);
  f("weight_decay", c.weight_decay);
  f("r", c.r);
  f("power", c.power);
  f("max_norm", c.max_norm);
}
template <class F> void each_field(sgd_config& c, F&& f) {
  f("learning_rate", c.learning_rate);
  f("momentum", c.momentum);
  f("dampening", c.dampening);
  f("nesterov", c.nesterov);
  f("weight_decay", c.weight_decay);
  f("decoupled", c.decoupled);
  f("max_norm", c.max_norm);
}
template <class F> void each_field(smmf_config& c, F&& f) {
  f("learning_rate", c.learning_rate);
  f("beta", c.beta);
  f("eps", c.eps);
  f("weight_decay", c.weight_decay);
  f("decay_rate", c.decay_rate);
  f("growth_rate", c.growth_rate);
  f("max_norm", c.max_norm);
}
template <class F> void each_field(adafactor_config& c, F&& f) {
  f("learning_rate", c.learning_rate);
  f("b1", c.b1);
  f("decay_rate", c.decay_rate);
  f("eps", c.eps);
  f("clip_rms", c.clip_rms);
  f("parameter_scale", c.parameter_scale);
  f("floor", c.floor);
  f("weight_decay", c.weight_decay);
  f("max_norm", c.max_norm);
}

}  // namespace mango
