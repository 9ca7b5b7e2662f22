# install(), the CMake package and mango.pc. All of it is text, the same on every machine, hence below share/.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(mango_package_directory ${CMAKE_INSTALL_DATAROOTDIR}/cmake/mango)
set(mango_pkgconfig_directory ${CMAKE_INSTALL_DATAROOTDIR}/pkgconfig)
set(mango_generated ${PROJECT_BINARY_DIR}/package)

install(DIRECTORY include/mango DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp")
if(EXISTS ${PROJECT_SOURCE_DIR}/cuda)
  # Beside, not inside, the host headers' folder: they are a second include root.
  install(DIRECTORY cuda/mango DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/mango-cuda
    FILES_MATCHING PATTERN "*.cuh" PATTERN "*.hpp")
endif()
install(TARGETS mango EXPORT mango INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT mango NAMESPACE mango:: FILE mangoTargets.cmake DESTINATION ${mango_package_directory})

configure_package_config_file(cmake/mangoConfig.cmake.in ${mango_generated}/mangoConfig.cmake
  INSTALL_DESTINATION ${mango_package_directory}
  PATH_VARS CMAKE_INSTALL_INCLUDEDIR
  NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(${mango_generated}/mangoConfigVersion.cmake
  COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES
  ${mango_generated}/mangoConfig.cmake ${mango_generated}/mangoConfigVersion.cmake cmake/mango_components.cmake
  DESTINATION ${mango_package_directory})

# Relative to the .pc file itself, so that a moved or staged prefix keeps working.
file(RELATIVE_PATH mango_pc_prefix /prefix/${mango_pkgconfig_directory} /prefix)
string(REGEX REPLACE "/$" "" mango_pc_prefix "${mango_pc_prefix}")
cmake_path(APPEND mango_pc_include "\${prefix}" "${CMAKE_INSTALL_INCLUDEDIR}")  # an absolute folder replaces the prefix
configure_file(cmake/mango.pc.in ${mango_generated}/mango.pc @ONLY)
install(FILES ${mango_generated}/mango.pc DESTINATION ${mango_pkgconfig_directory})
