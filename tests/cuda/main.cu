// The tests of the CUDA half. Without a device nothing can be run: the program says so and exits with 77.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>

#include "cuda/support/device_memory.cuh"

int main(int argc, char** argv) {
  if (!support::has_device()) {
    std::puts("SKIPPED: no CUDA device");
    return 77;
  }
  return doctest::Context(argc, argv).run();
}
