# What `cmake --install` writes: the library, its public headers, and all that find_package(inkling) needs.
#
# Included by inkling_add_library. The install tree stands alone: abseil (its types are in the public headers) and the
# static archives of XNNPACK and Highway lie next to the library, so CMAKE_PREFIX_PATH=<prefix> is all a consumer sets.
include(CMakePackageConfigHelpers)

set(package_folder "${CMAKE_INSTALL_LIBDIR}/cmake/inkling")
install(TARGETS inkling EXPORT inkling-targets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/inkling" DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT inkling-targets NAMESPACE inkling:: DESTINATION "${package_folder}")
configure_package_config_file("${PROJECT_SOURCE_DIR}/third_party/cmake/inkling-config.cmake.in"
  "${PROJECT_BINARY_DIR}/inkling-config.cmake" INSTALL_DESTINATION "${package_folder}" NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/inkling-config-version.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/inkling-config.cmake" "${PROJECT_BINARY_DIR}/inkling-config-version.cmake"
  "${PROJECT_SOURCE_DIR}/third_party/cmake/third_party_targets.cmake" DESTINATION "${package_folder}")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DATADIR}/licenses/inkling")

# Third-party files go under lib/inkling, so that they never overwrite another copy in a shared prefix.
set(third_party_folder "${CMAKE_INSTALL_LIBDIR}/inkling")
if(INKLING_ABSEIL_PREFIX)
  install(DIRECTORY "${INKLING_ABSEIL_PREFIX}/" DESTINATION "${third_party_folder}/abseil")
endif()
if(NOT BUILD_SHARED_LIBS)
  install(DIRECTORY "${INKLING_XNNPACK_PREFIX}/" DESTINATION "${third_party_folder}/xnnpack")
  if(INKLING_HIGHWAY_PREFIX)
    install(DIRECTORY "${INKLING_HIGHWAY_PREFIX}/" DESTINATION "${third_party_folder}/highway")
  endif()
endif()
