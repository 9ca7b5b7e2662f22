#if defined(MANGO_FACTORY_MULTIPLIES)
#include "mango/optim/projected_factory.hpp"

namespace mango::inline MANGO_ABI {

template detail::optimizer_model* detail::make_projected<vlorp, 2>(const split_settings&, const eigen&);
template detail::optimizer_model* detail::make_projected<projfactor, 1>(const split_settings&, const eigen&);

}  // namespace mango
#endif
