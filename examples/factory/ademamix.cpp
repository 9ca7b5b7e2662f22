#include "factory/host_factory.hpp"

namespace mango::inline MANGO_ABI {

template detail::optimizer_model* detail::make_with_stores<ademamix, 3>(const split_settings&, const host&);
template detail::optimizer_model* detail::make_lean<simplified_ademamix, 2, simplified_ademamix_config>(
    const split_settings&, const host&);
template detail::optimizer_model* detail::make_schedule_free(const split_settings&, const host&);

}  // namespace mango
