#pragma once
// Everything that needs no third-party header. Trainers that count compile time include one optim/ header instead.
#include "mango/backend/threads.hpp"
#include "mango/optim/factory.hpp"
#include "mango/optim/smmf.hpp"
#include "mango/rule/average.hpp"
#include "mango/rule/clip.hpp"
#include "mango/version.hpp"
