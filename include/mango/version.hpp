#pragma once
// the library's version: the one place it is written; CMakeLists.txt reads it from here

#define MANGO_VERSION_MAJOR 0
#define MANGO_VERSION_MINOR 1
#define MANGO_VERSION_PATCH 0

/// One comparable number: 10000 * major + 100 * minor + patch.
#define MANGO_VERSION (10000 * MANGO_VERSION_MAJOR + 100 * MANGO_VERSION_MINOR + MANGO_VERSION_PATCH)
