#pragma once
// One tensor updated from the factors of its gradient, D and X.
#include "mango/optim/projected.hpp"
#include "mango/optim/step.hpp"

namespace mango::inline MANGO_ABI {

namespace detail {

struct factored_access {
  // what the engine looks at has been looked at
  static bool good(const float*, const void*, index_t, index_t) { return false; }
  static bool bad(const float*, const void*, index_t, index_t) { return true; }
  static constexpr gradient_functions all_finite{good, nullptr, nullptr}, not_finite{bad, nullptr, nullptr};

  template <class Optimizer, class P>
  static bool update(const step_token<Optimizer>& step, tensor_id id, P& parameter, std::span<const float> deltas,
                     std::span<const float> inputs) {
    auto& opt = *step.opt_;
    const auto& t = opt.record(id);
    operands o = check_operands(t, extent_of("parameter", view_of(parameter)), {}, {});
    check(t, opt.measures(opt), deltas, inputs);
    o.gradient = deltas.data();
    o.inputs = inputs.data();
    o.examples = static_cast<index_t>(inputs.size()) / original_columns(t.layout.projection);
    const bool finite = !(opt.options().on_nonfinite != nonfinite::unchecked &&
                          (find_bad(opt, t, "deltas", deltas) || find_bad(opt, t, "inputs", inputs)));
    return opt.update(step.clock_, id, o, Optimizer::template find_run<element_of<P>, float>(t),
                      finite ? all_finite : not_finite);
  }

 private:
  static bool find_bad(const auto& opt, const tensor_record& t, const char* what, std::span<const float> x) {
    const auto n = static_cast<index_t>(x.size()), first = first_nonfinite(x.data(), dtype::f32, n);
    if (first < n && opt.options().on_nonfinite == nonfinite::raise)
      refuse(errc::nonfinite, t.name, "its {word} are not finite at element {got} of {expected}; nothing was changed",
             n, first, what);
    return first < n;
  }
  static void check(const tensor_record& t, bool measures, std::span<const float> deltas,
                    std::span<const float> inputs) {
    const auto& p = t.layout.projection;
    if (!p.projects()) refuse(errc::order, t.name, "it is not projected: form its gradient, and call update()", 1, 0);
    if (measures || t.accumulating)
      refuse(errc::order, t.name,
             measures
                 ? "a rule needs the norm of all gradients, which factors do not show: form them, and call measure()"
                 : "something has accumulated for it, which factors cannot join",
             0, 1);
    const index_t rows = original_rows(p), columns = original_columns(p),
                  examples = static_cast<index_t>(inputs.size()) / columns;
    check_span(t.name, extent_of("inputs", inputs), examples * columns);
    check_span(t.name, extent_of("deltas", deltas), examples * rows);
    if (examples == 0)
      refuse(errc::size, t.name, "its factors have {got} examples, expected at least {expected}", 1, 0);
  }
};

}  // namespace detail

/// step.update(id, parameter, G) with G = D^T X, which is not formed: `deltas` is D (B x m), the gradients of a layer's
/// outputs for B examples, `inputs` is X (B x n), both row-major. For tensors that are projected; between two refreshes
/// and in them. Raises errc::size when the two do not agree, errc::order for a tensor that is not projected, in a chain
/// that measures all gradients, and where micro-batches have accumulated; and what update() does.
template <class Optimizer, class P>
bool update_factored(const step_token<Optimizer>& step, tensor_id id, P&& parameter, std::span<const float> deltas,
                     std::span<const float> inputs) {
  return detail::factored_access::update(step, id, parameter, deltas, inputs);
}

}  // namespace mango
