# Says what is wrong with an abseil that the including project has found, when it isn't the release that Inkling needs.
#
# Its types are in Inkling's public headers, and each release has a namespace of its own: with another one an app would
# compile, and then miss hundreds of symbols. Called by dependencies.cmake and by the installed inkling-config.cmake.

# Sets <result> to the release of the project's absl targets: 20260526 and the like, "head" for a copy between releases, or
# "an unknown release".
function(inkling_release_of_abseil result)
  set(${result} "an unknown release" PARENT_SCOPE)
  foreach(target absl::config absl::base absl::strings absl::status)
    if(TARGET ${target})
      get_target_property(folders ${target} INTERFACE_INCLUDE_DIRECTORIES)
      foreach(folder IN LISTS folders)
        string(REGEX REPLACE "^\\$<BUILD_INTERFACE:(.*)>$" "\\1" folder "${folder}")
        if(EXISTS "${folder}/absl/base/config.h")
          file(STRINGS "${folder}/absl/base/config.h" line REGEX "^#define ABSL_LTS_RELEASE_VERSION [0-9]+")
          if(line MATCHES "([0-9]+)")
            set(${result} "${CMAKE_MATCH_1}" PARENT_SCOPE)
          else()
            set(${result} "head" PARENT_SCOPE)
          endif()
          return()
        endif()
      endforeach()
    endif()
  endforeach()
  if(absl_VERSION)
    set(${result} "${absl_VERSION}" PARENT_SCOPE)
  endif()
endfunction()

# Sets <problem> to a message, or to nothing when the project's abseil is <wanted>.
function(inkling_compare_abseil wanted problem)
  inkling_release_of_abseil(found)
  set(${problem} "" PARENT_SCOPE)
  if(NOT found STREQUAL wanted)
    set(${problem} "Inkling needs abseil ${wanted}, and this project has found abseil ${found} before it. Use abseil \
${wanted} in this project; or call find_package(inkling) in a folder where no abseil is found (it brings its own), and \
include both kinds of headers in no source file." PARENT_SCOPE)
  endif()
endfunction()
