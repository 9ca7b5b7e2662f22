#pragma once
// make_optimizer() on the host, compiled once for all programs here: every optimizer with every store, minutes' worth,
// a few kinds per file
#include "mango/optim/factory.hpp"

namespace mango::inline MANGO_ABI {

namespace detail {
extern template optimizer_model* make_direction<adamw>(const split_settings&, const host&);
extern template optimizer_model* make_direction<adopt>(const split_settings&, const host&);
extern template optimizer_model* make_direction<prodigy>(const split_settings&, const host&);
extern template optimizer_model* make_with_stores<adam, 2>(const split_settings&, const host&);
extern template optimizer_model* make_with_stores<ademamix, 3>(const split_settings&, const host&);
extern template optimizer_model* make_lean<simplified_ademamix, 2, simplified_ademamix_config>(const split_settings&,
                                                                                               const host&);
extern template optimizer_model* make_lean<lion, 1, lion_config>(const split_settings&, const host&);
extern template optimizer_model* make_lean<prodigy_lion, 1, prodigy_lion_config>(const split_settings&, const host&);
extern template optimizer_model* make_schedule_free(const split_settings&, const host&);
extern template optimizer_model* make_sgd(const split_settings&, const host&);
extern template optimizer_model* make_smmf(const split_settings&, const host&);
extern template optimizer_model* make_adafactor(const split_settings&, const host&);
}  // namespace detail

extern template any_optimizer make_optimizer<host>(std::string_view, std::span<const setting>, const host&);

}  // namespace mango
