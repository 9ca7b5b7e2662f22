# mango_read_version(<header> <out>): "major.minor.patch" from the MANGO_VERSION_* macros, the only place where a
# version is written.
function(mango_read_version header out)
  file(STRINGS ${header} lines REGEX "^#define MANGO_VERSION_(MAJOR|MINOR|PATCH) [0-9]+$")
  list(LENGTH lines count)
  if(NOT count EQUAL 3)
    message(FATAL_ERROR "${header} must define MANGO_VERSION_MAJOR, _MINOR and _PATCH, each once, as plain numbers")
  endif()
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${header})
  list(TRANSFORM lines REPLACE "^.* " "")
  list(JOIN lines "." version)
  set(${out} ${version} PARENT_SCOPE)
endfunction()
