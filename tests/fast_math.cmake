# mango-fast-math-tests: mango_fast_math_test_sources compiled with -ffast-math by the configured compiler, and a second
# time by the other one of g++ and clang++, because each folds NaN tests away in its own manner.
set(mango_fast_math_existing)
foreach(source IN LISTS mango_fast_math_test_sources)
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${source})
    list(APPEND mango_fast_math_existing ${source})
  endif()
endforeach()
if(NOT mango_fast_math_existing)
  return()
endif()

set(mango_fast_math_flags -O2 -ffast-math)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  set(mango_other_compiler ${MANGO_CLANGXX})
else()
  set(mango_other_compiler ${MANGO_GXX})
  # clang 14 has no name yet for this consequence of the flag, newer ones warn about it, and it is what we test.
  list(APPEND mango_fast_math_flags -Wno-unknown-warning-option -Wno-nan-infinity-disabled)
endif()

mango_add_tests(mango-fast-math-tests SOURCES ${mango_fast_math_existing} LIBRARIES mango::mango Threads::Threads
  OPTIONS ${mango_fast_math_flags} PREFIX fast-math)
target_link_options(mango-fast-math-tests PRIVATE -ffast-math)

if(NOT mango_other_compiler)
  return()
endif()
get_filename_component(mango_other_name ${mango_other_compiler} NAME)
set(mango_other_target mango-fast-math-tests-${mango_other_name})
set(mango_other_program ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/${mango_other_target})
set(mango_other_objects)
foreach(source IN LISTS mango_fast_math_existing ITEMS main.cpp)
  string(MAKE_C_IDENTIFIER ${source} object)
  set(object ${CMAKE_CURRENT_BINARY_DIR}/${mango_other_target}/${object}.o)
  add_custom_command(OUTPUT ${object}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_CURRENT_BINARY_DIR}/${mango_other_target}
    COMMAND ${CMAKE_CXX_COMPILER_LAUNCHER} ${mango_other_compiler} -std=c++20 -O2 -ffast-math
      -DDOCTEST_CONFIG_SUPER_FAST_ASSERTS
      -I${PROJECT_SOURCE_DIR}/include -I${CMAKE_CURRENT_SOURCE_DIR}
      "-idirafter$<JOIN:$<TARGET_PROPERTY:doctest::doctest,INTERFACE_INCLUDE_DIRECTORIES>,;-idirafter>"
      -MD -MF ${object}.d -c ${CMAKE_CURRENT_SOURCE_DIR}/${source} -o ${object}
    DEPENDS ${source} DEPFILE ${object}.d
    COMMENT "Compiling ${source} with ${mango_other_name} -ffast-math" VERBATIM COMMAND_EXPAND_LISTS)
  list(APPEND mango_other_objects ${object})
endforeach()
mango_discover_command(mango_other_discover ${mango_other_target} ${mango_other_program}
  "fast-math ${mango_other_name}")
add_custom_command(OUTPUT ${mango_other_program}
  COMMAND ${mango_other_compiler} -ffast-math ${mango_other_objects} -pthread -o ${mango_other_program}
  COMMAND ${mango_other_discover}
  DEPENDS ${mango_other_objects} ${mango_discover_script}
  COMMENT "Linking ${mango_other_target}" VERBATIM)
add_custom_target(${mango_other_target} ALL DEPENDS ${mango_other_program})
mango_include_discovered(${mango_other_target})
