# Imported targets of the dependencies that have no CMake package of their own, under names that no app has.
#
# Included by dependencies.cmake (build tree) and by the installed inkling-config.cmake; one definition serves both. The
# includer sets INKLING_XNNPACK_PREFIX and INKLING_HIGHWAY_PREFIX to folders that hold lib/ and include/, and, to compile
# the library, INKLING_FLATBUFFERS_PREFIX.

find_package(Threads REQUIRED)

# The static library <archive> of <prefix> as inkling_third_party::<archive>; nothing where there is none.
function(inkling_import_archive archive prefix)
  set(path "${prefix}/lib/${CMAKE_STATIC_LIBRARY_PREFIX}${archive}${CMAKE_STATIC_LIBRARY_SUFFIX}")
  if(EXISTS "${path}" AND NOT TARGET inkling_third_party::${archive})
    add_library(inkling_third_party::${archive} STATIC IMPORTED)
    set_target_properties(inkling_third_party::${archive} PROPERTIES
      IMPORTED_LOCATION "${path}" INTERFACE_INCLUDE_DIRECTORIES "${prefix}/include")
  endif()
endfunction()

foreach(archive XNNPACK microkernels-prod pthreadpool cpuinfo)
  inkling_import_archive(${archive} "${INKLING_XNNPACK_PREFIX}")
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

# C++ names without a version get another namespace by a macro, so that an app may have its own copies of other versions.
inkling_import_archive(hwy "${INKLING_HIGHWAY_PREFIX}")
set_target_properties(inkling_third_party::hwy PROPERTIES
  INTERFACE_COMPILE_DEFINITIONS "HWY_STATIC_DEFINE;hwy=inkling_hwy")
if(INKLING_FLATBUFFERS_PREFIX AND NOT TARGET inkling_third_party::flatbuffers)
  add_library(inkling_third_party::flatbuffers INTERFACE IMPORTED)
  set_target_properties(inkling_third_party::flatbuffers PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${INKLING_FLATBUFFERS_PREFIX}/include"
    INTERFACE_COMPILE_DEFINITIONS flatbuffers=inkling_flatbuffers)
endif()
