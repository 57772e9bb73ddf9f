# Where the source folder of a pinned dependency is, fetching it from upstream when this machine has none.
#
# Called by build_dependency.cmake, dependencies.cmake and program_dependencies.cmake. Order: INKLING_<NAME>_SOURCE_DIR
# (cache variable, for people working on a dependency), then the sources folder that get_sources.sh fills, then git at the
# pinned full commit id.
# Sources are kept outside build folders, so that one fetch serves every build folder of this user.

if(DEFINED ENV{XDG_CACHE_HOME} AND NOT "$ENV{XDG_CACHE_HOME}" STREQUAL "")
  set(inkling_default_cache "$ENV{XDG_CACHE_HOME}/inkling")
elseif(DEFINED ENV{HOME})
  set(inkling_default_cache "$ENV{HOME}/.cache/inkling")
else()
  set(inkling_default_cache "${CMAKE_BINARY_DIR}/inkling-cache")
endif()
set(INKLING_CACHE_DIR "${inkling_default_cache}" CACHE PATH "Folder of fetched sources and built dependencies, shared by all build folders")

# One line of pins.cmake: remembers repository and commit under the dependency's name.
function(inkling_pin name repository commit debian_package version sha256)
  set_property(GLOBAL PROPERTY "INKLING_PIN_${name}_REPOSITORY" "https://github.com/${repository}.git")
  set_property(GLOBAL PROPERTY "INKLING_PIN_${name}_COMMIT" "${commit}")
  string(TOUPPER "${name}" upper)
  set("INKLING_${upper}_SOURCE_DIR" "" CACHE PATH "Source folder to use for ${name} instead of the pinned one")
  mark_as_advanced("INKLING_${upper}_SOURCE_DIR")
endfunction()

include("${CMAKE_CURRENT_LIST_DIR}/../pins.cmake")

# Sets <result> to a text that identifies the sources of <name>: the override's path, or the pinned commit.
function(inkling_source_identity name result)
  string(TOUPPER "${name}" upper)
  if(INKLING_${upper}_SOURCE_DIR)
    set(${result} "${INKLING_${upper}_SOURCE_DIR}" PARENT_SCOPE)
  else()
    get_property(commit GLOBAL PROPERTY "INKLING_PIN_${name}_COMMIT")
    set(${result} "${commit}" PARENT_SCOPE)
  endif()
endfunction()

# Sets <result> to the folder where the pinned sources of <name> are kept, whether or not they are there.
function(inkling_pinned_source_folder name result)
  get_property(commit GLOBAL PROPERTY "INKLING_PIN_${name}_COMMIT")
  string(SUBSTRING "${commit}" 0 12 short)
  set(${result} "${INKLING_CACHE_DIR}/sources/${name}-${short}" PARENT_SCOPE)
endfunction()

# Sets <result> to TRUE when <name> is there without fetching: an override, or a complete folder of pinned sources.
function(inkling_has_source name result)
  string(TOUPPER "${name}" upper)
  inkling_pinned_source_folder(${name} folder)
  if(INKLING_${upper}_SOURCE_DIR OR EXISTS "${folder}/.complete")
    set(${result} TRUE PARENT_SCOPE)
  else()
    set(${result} FALSE PARENT_SCOPE)
  endif()
endfunction()

# Runs one git command of a fetch in <folder>; stops the configuration with a hint when it fails.
function(inkling_fetch_step name folder)
  execute_process(COMMAND "${GIT_EXECUTABLE}" ${ARGN} WORKING_DIRECTORY "${folder}"
    RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT code EQUAL 0)
    file(REMOVE_RECURSE "${folder}")
    message(FATAL_ERROR "Inkling: fetching ${name} failed: git ${ARGN}\n${output}\n"
      "A Debian machine without internet: run third_party/install_packages.sh build and third_party/get_sources.sh first "
      "(they use the package archive).\n"
      "Otherwise set INKLING_<NAME>_SOURCE_DIR to a folder with the sources (third_party/README.md).")
  endif()
endfunction()

# Sets <result> to a complete source folder of <name>, fetching the pinned commit from upstream when there is none.
function(inkling_require_source name result)
  string(TOUPPER "${name}" upper)
  if(INKLING_${upper}_SOURCE_DIR)
    set(${result} "${INKLING_${upper}_SOURCE_DIR}" PARENT_SCOPE)
    return()
  endif()
  inkling_pinned_source_folder(${name} folder)
  set(${result} "${folder}" PARENT_SCOPE)
  if(EXISTS "${folder}/.complete")
    return()
  endif()
  file(LOCK "${INKLING_CACHE_DIR}/sources/${name}.lock" GUARD FUNCTION TIMEOUT 3600)
  if(EXISTS "${folder}/.complete")
    return()
  endif()
  find_package(Git REQUIRED QUIET)
  get_property(repository GLOBAL PROPERTY "INKLING_PIN_${name}_REPOSITORY")
  get_property(commit GLOBAL PROPERTY "INKLING_PIN_${name}_COMMIT")
  message(STATUS "Inkling: fetching ${name} ${commit} from ${repository}")
  set(partial "${folder}.partial")
  file(REMOVE_RECURSE "${partial}" "${folder}")
  file(MAKE_DIRECTORY "${partial}")
  inkling_fetch_step(${name} "${partial}" init --quiet)
  inkling_fetch_step(${name} "${partial}" fetch --quiet --depth 1 "${repository}" "${commit}")
  inkling_fetch_step(${name} "${partial}" -c advice.detachedHead=false checkout --quiet FETCH_HEAD)
  file(TOUCH "${partial}/.complete")
  file(RENAME "${partial}" "${folder}")
endfunction()

# Makes <target> from a header-only library's installed headers, a folder or one file, for cross builds too: a link to
# <name> keeps the rest of the system's include folder out of the search path. Sets <result> to whether it is there.
function(inkling_link_headers target name result)
  find_path(INKLING_HEADERS_OF_${name} NAMES "${name}" PATHS /usr/local/include /usr/include NO_DEFAULT_PATH
    NO_CMAKE_FIND_ROOT_PATH)
  mark_as_advanced(INKLING_HEADERS_OF_${name})
  if(NOT INKLING_HEADERS_OF_${name})
    set(${result} FALSE PARENT_SCOPE)
    return()
  endif()
  set(linked "${CMAKE_BINARY_DIR}/third_party/headers/${name}-headers")
  file(MAKE_DIRECTORY "${linked}")
  file(CREATE_LINK "${INKLING_HEADERS_OF_${name}}/${name}" "${linked}/${name}" SYMBOLIC COPY_ON_ERROR)
  add_library(${target} INTERFACE IMPORTED GLOBAL)
  set_target_properties(${target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${linked}")
  set(${result} TRUE PARENT_SCOPE)
endfunction()
