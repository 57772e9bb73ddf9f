# What `cmake --install` writes: the library, its public headers, and all that find_package(inkling) needs.
#
# own_targets.cmake calls inkling_install_library. The install tree stands alone: abseil (its types are in the public
# headers) and the static archives of XNNPACK and Highway lie next to the library, so CMAKE_PREFIX_PATH=<prefix> is all
# that a consumer sets.
include(CMakePackageConfigHelpers)

# Installs <target>. Further arguments go to each install(): COMPONENT NAME EXCLUDE_FROM_ALL for one that isn't the default.
function(inkling_install_library target)
  set(package_folder "${CMAKE_INSTALL_LIBDIR}/cmake/inkling")
  set(generated "${PROJECT_BINARY_DIR}/package/${target}")
  get_target_property(type ${target} TYPE)
  set(installs_shared OFF)
  if(type STREQUAL "SHARED_LIBRARY")
    set(installs_shared ON)
  endif()
  install(TARGETS ${target} inkling_abseil EXPORT ${target}-targets
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} ${ARGN} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ${ARGN}
    RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} ${ARGN})
  install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/inkling" DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} ${ARGN})
  install(EXPORT ${target}-targets NAMESPACE inkling:: DESTINATION "${package_folder}" ${ARGN})
  configure_package_config_file("${PROJECT_SOURCE_DIR}/third_party/cmake/inkling-config.cmake.in"
    "${generated}/inkling-config.cmake" INSTALL_DESTINATION "${package_folder}" NO_SET_AND_CHECK_MACRO)
  write_basic_package_version_file("${generated}/inkling-config-version.cmake" COMPATIBILITY SameMinorVersion)
  install(FILES "${generated}/inkling-config.cmake" "${generated}/inkling-config-version.cmake"
    "${PROJECT_SOURCE_DIR}/third_party/cmake/same_abseil.cmake"
    "${PROJECT_SOURCE_DIR}/third_party/cmake/third_party_targets.cmake" DESTINATION "${package_folder}" ${ARGN})
  install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DATADIR}/licenses/inkling" ${ARGN})

  # Third-party files go under lib/inkling, so that they never overwrite another copy in a shared prefix.
  set(third_party_folder "${CMAKE_INSTALL_LIBDIR}/inkling")
  if(INKLING_ABSEIL_PREFIX)
    install(DIRECTORY "${INKLING_ABSEIL_PREFIX}/" DESTINATION "${third_party_folder}/abseil" ${ARGN})
  endif()
  if(NOT installs_shared)
    install(DIRECTORY "${INKLING_XNNPACK_PREFIX}/" DESTINATION "${third_party_folder}/xnnpack" ${ARGN})
    install(DIRECTORY "${INKLING_HIGHWAY_PREFIX}/" DESTINATION "${third_party_folder}/highway" ${ARGN})
  endif()
endfunction()
