#pragma once
// The fields of every configuration by name: what the factory can set from text. One list per configuration; ranges are
// the rules' own.
#include "mango/optim/adafactor.hpp"
#include "mango/optim/adam.hpp"
#include "mango/optim/adamw.hpp"
#include "mango/optim/lion.hpp"
#include "mango/optim/sgd.hpp"
#include "mango/optim/smmf.hpp"

namespace mango::inline MANGO_ABI {

/// f(name, field&) for every option of the optimizer itself.
template <class F> void each_field(optimizer_options& o, F&& f) {
  f("on_nonfinite", o.on_nonfinite);
  f("max_consecutive_skips", o.max_consecutive_skips);
  f("half_parameters", o.half_parameters);
  f("accumulate", o.accumulate);
  f("seed", o.seed);
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
template <class F> void each_field(adamw_config& c, F&& f) { detail::adam_fields(c, f); }
template <class F> void each_field(adam_config& c, F&& f) { detail::adam_fields(c, f); }
template <class F> void each_field(lion_config& c, F&& f) {
  f("learning_rate", c.learning_rate);
  f("b1", c.b1);
  f("b2", c.b2);
  f("weight_decay", c.weight_decay);
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
