#pragma once
// make_optimizer() on the host, compiled once for all programs here: it is every optimizer with every store, two
// minutes' worth
#include "mango/optim/factory.hpp"

extern template mango::any_optimizer mango::make_optimizer<mango::host>(std::string_view,
                                                                        std::span<const mango::setting>,
                                                                        const mango::host&);
