# mango_add_tests(<target> SOURCES ... LIBRARIES ... [OPTIONS ...] [PREFIX <text>]): a doctest program. Each of its test
# cases becomes a ctest test of its own, "PREFIX: name of the case", listed right after the program is linked.
#
# For a program that is no CMake target, the two steps by hand: mango_discover_command(<out> <name> <file> <prefix>) is
# the command that lists the cases of <file>, mango_include_discovered(<name>) makes ctest read that list.
set(mango_discover_script ${CMAKE_CURRENT_LIST_DIR}/discover_doctest.cmake)

function(mango_include_discovered name)
  # Read by ctest, not by CMake: a program that was not built is then one failing test, not silence.
  set(include_file ${CMAKE_CURRENT_BINARY_DIR}/${name}_include.cmake)
  file(WRITE ${include_file} "if(EXISTS \"${CMAKE_CURRENT_BINARY_DIR}/${name}_tests.cmake\")
  include(\"${CMAKE_CURRENT_BINARY_DIR}/${name}_tests.cmake\")
else()
  add_test(${name}_not_built ${name}_not_built)
endif()
")
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${include_file})
endfunction()

function(mango_discover_command out name file prefix)
  set(${out} ${CMAKE_COMMAND} -D NAME=${name} -D PROGRAM=${file} -D "PREFIX=${prefix}"
    -D OUTPUT=${CMAKE_CURRENT_BINARY_DIR}/${name}_tests.cmake -P ${mango_discover_script} PARENT_SCOPE)
endfunction()

function(mango_add_tests target)
  cmake_parse_arguments(arg "" "PREFIX" "SOURCES;LIBRARIES;OPTIONS" ${ARGN})
  add_executable(${target} ${arg_SOURCES})
  target_link_libraries(${target} PRIVATE ${arg_LIBRARIES} mango-doctest-main)
  target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_compile_options(${target} PRIVATE ${arg_OPTIONS})
  set_target_properties(${target} PROPERTIES LINK_DEPENDS ${mango_discover_script})
  mango_discover_command(discover ${target} $<TARGET_FILE:${target}> "${arg_PREFIX}")
  add_custom_command(TARGET ${target} POST_BUILD COMMAND ${discover} VERBATIM)
  mango_include_discovered(${target})
endfunction()
