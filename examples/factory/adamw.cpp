#include "factory/host_factory.hpp"

namespace mango::inline MANGO_ABI {

template detail::optimizer_model* detail::make_direction<adamw>(const split_settings&, const host&);

}  // namespace mango
