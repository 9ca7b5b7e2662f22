# Dependencies: what is installed is used; what is not is downloaded when MANGO_FETCH allows it. To build from your own
# copy, set FETCHCONTENT_SOURCE_DIR_<NAME>.
include(FetchContent)

# Reports a download, or says what is missing. Sets <fetch> to whether to go on.
macro(mango_announce_fetch name package fetch)
  set(${fetch} ${MANGO_FETCH})
  if(MANGO_FETCH)
    message(STATUS "mango: ${name} is not installed (Debian: ${package}), taking it through FetchContent")
  endif()
endmacro()

# FetchContent_MakeAvailable, without the warnings and tuning that mango's own folders compile with.
macro(mango_make_available name)
  get_property(mango_own_options DIRECTORY PROPERTY COMPILE_OPTIONS)
  set_property(DIRECTORY PROPERTY COMPILE_OPTIONS "")
  FetchContent_MakeAvailable(${name})
  set_property(DIRECTORY PROPERTY COMPILE_OPTIONS ${mango_own_options})
endmacro()

# Eigen3::Eigen, for mango::eigen. Missing Eigen is no error: the library's core does not need it.
macro(mango_find_eigen)
  if(NOT TARGET Eigen3::Eigen)
    find_package(Eigen3 3.4 CONFIG QUIET GLOBAL)
  endif()
  if(NOT TARGET Eigen3::Eigen)
    mango_announce_fetch(Eigen libeigen3-dev mango_fetch_it)
    if(mango_fetch_it)
      # Headers are all we want; Eigen's own project would add its tests and its install rules to ours.
      FetchContent_Declare(eigen SYSTEM
        GIT_REPOSITORY https://gitlab.com/libeigen/eigen.git GIT_TAG 3.4.0 GIT_SHALLOW TRUE SOURCE_SUBDIR no_project)
      mango_make_available(eigen)
      add_library(Eigen3::Eigen INTERFACE IMPORTED GLOBAL)
      target_include_directories(Eigen3::Eigen INTERFACE ${eigen_SOURCE_DIR})
    endif()
  endif()
endmacro()

# doctest::doctest, for the tests.
macro(mango_find_doctest)
  if(NOT TARGET doctest::doctest)
    find_package(doctest CONFIG QUIET GLOBAL)
  endif()
  if(NOT TARGET doctest::doctest)
    mango_announce_fetch(doctest doctest-dev mango_fetch_it)
    if(mango_fetch_it)
      FetchContent_Declare(doctest SYSTEM
        GIT_REPOSITORY https://github.com/doctest/doctest.git GIT_TAG v2.4.11 GIT_SHALLOW TRUE SOURCE_SUBDIR no_project)
      mango_make_available(doctest)
      add_library(doctest::doctest INTERFACE IMPORTED GLOBAL)
      target_include_directories(doctest::doctest INTERFACE ${doctest_SOURCE_DIR})
    endif()
  endif()
endmacro()

# benchmark::benchmark, for the benchmarks.
macro(mango_find_benchmark)
  if(NOT TARGET benchmark::benchmark)
    find_package(benchmark CONFIG QUIET GLOBAL)
  endif()
  if(NOT TARGET benchmark::benchmark)
    mango_announce_fetch(benchmark libbenchmark-dev mango_fetch_it)
    if(mango_fetch_it)
      set(BENCHMARK_ENABLE_TESTING OFF)
      set(BENCHMARK_ENABLE_INSTALL OFF)
      set(BENCHMARK_ENABLE_WERROR OFF)
      FetchContent_Declare(benchmark SYSTEM
        GIT_REPOSITORY https://github.com/google/benchmark.git GIT_TAG v1.8.3 GIT_SHALLOW TRUE)
      mango_make_available(benchmark)
    endif()
  endif()
endmacro()

# CLI11::CLI11, ZLIB::ZLIB and nlohmann_json::nlohmann_json, for the examples that read command lines, compressed data
# sets and headers of model files.
macro(mango_find_cli11)
  if(NOT TARGET CLI11::CLI11)
    find_package(CLI11 CONFIG QUIET GLOBAL)
  endif()
  if(NOT TARGET CLI11::CLI11)
    mango_announce_fetch(CLI11 libcli11-dev mango_fetch_it)
    if(mango_fetch_it)
      FetchContent_Declare(cli11 SYSTEM
        GIT_REPOSITORY https://github.com/CLIUtils/CLI11.git GIT_TAG v2.3.2 GIT_SHALLOW TRUE SOURCE_SUBDIR no_project)
      mango_make_available(cli11)
      add_library(CLI11::CLI11 INTERFACE IMPORTED GLOBAL)
      target_include_directories(CLI11::CLI11 INTERFACE ${cli11_SOURCE_DIR}/include)
    endif()
  endif()
endmacro()

macro(mango_find_zlib)
  if(NOT TARGET ZLIB::ZLIB)
    find_package(ZLIB QUIET GLOBAL)
  endif()
  if(NOT TARGET ZLIB::ZLIB)
    mango_announce_fetch(zlib zlib1g-dev mango_fetch_it)
    if(mango_fetch_it)
      FetchContent_Declare(zlib SYSTEM
        GIT_REPOSITORY https://github.com/madler/zlib.git GIT_TAG v1.3.1 GIT_SHALLOW TRUE)
      set(ZLIB_BUILD_EXAMPLES OFF)
      set(SKIP_INSTALL_ALL ON)
      mango_make_available(zlib)
      add_library(mango_zlib INTERFACE)
      target_link_libraries(mango_zlib INTERFACE zlibstatic)
      target_include_directories(mango_zlib SYSTEM INTERFACE ${zlib_SOURCE_DIR} ${zlib_BINARY_DIR})
      add_library(ZLIB::ZLIB ALIAS mango_zlib)
    endif()
  endif()
endmacro()

macro(mango_find_json)
  if(NOT TARGET nlohmann_json::nlohmann_json)
    find_package(nlohmann_json 3.9 CONFIG QUIET GLOBAL)
  endif()
  if(NOT TARGET nlohmann_json::nlohmann_json)
    mango_announce_fetch(nlohmann_json nlohmann-json3-dev mango_fetch_it)
    if(mango_fetch_it)
      FetchContent_Declare(nlohmann_json SYSTEM
        URL https://github.com/nlohmann/json/releases/download/v3.11.3/json.tar.xz SOURCE_SUBDIR no_project)
      mango_make_available(nlohmann_json)
      add_library(nlohmann_json::nlohmann_json INTERFACE IMPORTED GLOBAL)
      target_include_directories(nlohmann_json::nlohmann_json SYSTEM INTERFACE ${nlohmann_json_SOURCE_DIR}/include)
    endif()
  endif()
endmacro()

# mango_xxhash, for the checksums of mango::io.
macro(mango_find_xxhash)
  mango_look_for_xxhash(GLOBAL)
  if(NOT TARGET mango_xxhash)
    mango_announce_fetch(xxHash libxxhash-dev mango_fetch_it)
    if(mango_fetch_it)
      FetchContent_Declare(xxhash SYSTEM
        GIT_REPOSITORY https://github.com/Cyan4973/xxHash.git GIT_TAG v0.8.2 GIT_SHALLOW TRUE SOURCE_SUBDIR no_project)
      mango_make_available(xxhash)
      add_library(mango_xxhash INTERFACE IMPORTED GLOBAL)
      target_include_directories(mango_xxhash SYSTEM INTERFACE ${xxhash_SOURCE_DIR})
    endif()
  endif()
endmacro()

# mango_require(<what for> <target>...): every target, or one sentence saying what to install.
function(mango_require purpose)
  foreach(target IN LISTS ARGN)
    if(NOT TARGET ${target})
      message(FATAL_ERROR "mango: ${purpose} need ${target}: install it (scripts/test lists Debian's packages) "
        "or configure with -DMANGO_FETCH=ON")
    endif()
  endforeach()
endfunction()
