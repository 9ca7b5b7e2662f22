#include "factory/by_name.hpp"

#if defined(MANGO_FACTORY_MULTIPLIES)  // Eigen is there
#include "mango/optim/projected_factory.hpp"
#endif

#if defined(MANGO_FACTORY_MULTIPLIES)
namespace mango::inline MANGO_ABI {
// in vlorp.cpp
extern template detail::optimizer_model* detail::make_projected<vlorp, 2>(const split_settings&, const eigen&);
extern template detail::optimizer_model* detail::make_projected<projfactor, 1>(const split_settings&, const eigen&);
}  // namespace mango
#endif

namespace factory {

mango::any_optimizer make(std::string_view line, const mango::host& where) {
#if defined(MANGO_FACTORY_MULTIPLIES)
  return mango::make_optimizer(line, mango::eigen{where});
#else
  return mango::make_optimizer(line, where);
#endif
}

std::vector<mango::optimizer_kind> kinds() {
  std::vector<mango::optimizer_kind> all(mango::optimizer_kinds().begin(), mango::optimizer_kinds().end());
#if defined(MANGO_FACTORY_MULTIPLIES)
  all.insert(all.end(), mango::projected_kinds().begin(), mango::projected_kinds().end());
#endif
  return all;
}

std::vector<std::string> lines() {
  std::vector<std::string> all;
  const auto take = [&](std::string_view line) { all.emplace_back(line); };
  mango::each_optimizer(take);
#if defined(MANGO_FACTORY_MULTIPLIES)
  mango::each_projected_optimizer(take);
#endif
  return all;
}

}  // namespace factory
