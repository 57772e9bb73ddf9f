# Imported targets of the dependencies that have no CMake package of their own: XNNPACK with pthreadpool and cpuinfo.
#
# Included by dependencies.cmake (build tree) and by the installed inkling-config.cmake; one definition serves both.
# The includer sets inkling_third_party_prefix to the folder that holds lib/ and include/.

find_package(Threads REQUIRED)
foreach(archive XNNPACK microkernels-prod pthreadpool cpuinfo)
  set(path "${inkling_third_party_prefix}/lib/${CMAKE_STATIC_LIBRARY_PREFIX}${archive}${CMAKE_STATIC_LIBRARY_SUFFIX}")
  if(EXISTS "${path}" AND NOT TARGET inkling_third_party::${archive})
    add_library(inkling_third_party::${archive} STATIC IMPORTED)
    set_target_properties(inkling_third_party::${archive} PROPERTIES
      IMPORTED_LOCATION "${path}" INTERFACE_INCLUDE_DIRECTORIES "${inkling_third_party_prefix}/include")
  endif()
endforeach()
target_link_libraries(inkling_third_party::pthreadpool INTERFACE Threads::Threads)
target_link_libraries(inkling_third_party::XNNPACK INTERFACE
  inkling_third_party::microkernels-prod inkling_third_party::pthreadpool)
if(TARGET inkling_third_party::cpuinfo)  # the web has none
  target_link_libraries(inkling_third_party::cpuinfo INTERFACE Threads::Threads)
  target_link_libraries(inkling_third_party::XNNPACK INTERFACE inkling_third_party::cpuinfo)
endif()
if(UNIX AND NOT APPLE AND NOT EMSCRIPTEN)
  target_link_libraries(inkling_third_party::XNNPACK INTERFACE m)
endif()
