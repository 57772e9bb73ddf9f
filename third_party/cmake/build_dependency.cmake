# Builds one pinned dependency at configure time into a prefix outside the build folder.
#
# Called by dependencies.cmake. A prefix is <cache>/deps/<name>-<key>; the key covers sources, compiler, target, flags
# and options, so each combination is built once per user and every build folder (and every fresh clone) finds it
# again. A prefix appears by one rename after a successful install, under a lock: parallel configurations wait for it.

include("${CMAKE_CURRENT_LIST_DIR}/pinned_sources.cmake")
find_program(INKLING_CCACHE ccache)
find_program(INKLING_NINJA NAMES ninja ninja-build)
find_program(INKLING_AWK awk)
mark_as_advanced(INKLING_CCACHE INKLING_NINJA INKLING_AWK)

# Variables of this configuration that decide what the compiler makes; passed on to a target build.
set(inkling_target_variables
  CMAKE_TOOLCHAIN_FILE CMAKE_C_COMPILER CMAKE_CXX_COMPILER CMAKE_C_FLAGS CMAKE_CXX_FLAGS CMAKE_SYSROOT
  CMAKE_OSX_ARCHITECTURES CMAKE_OSX_DEPLOYMENT_TARGET CMAKE_OSX_SYSROOT
  ANDROID_ABI ANDROID_PLATFORM ANDROID_STL CMAKE_ANDROID_NDK CMAKE_MSVC_RUNTIME_LIBRARY)

# Sets <result> to the -D arguments and <identity> to the text that say which compiler and target a build is for.
function(inkling_compiler_arguments result identity)
  set(arguments "")
  set(text "${CMAKE_C_COMPILER_ID} ${CMAKE_C_COMPILER_VERSION} ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION} ${CMAKE_SYSTEM_NAME} ${CMAKE_SYSTEM_PROCESSOR}")
  foreach(variable IN LISTS inkling_target_variables)
    if(DEFINED ${variable} AND NOT "${${variable}}" STREQUAL "")
      list(APPEND arguments "-D${variable}=${${variable}}")
      if(NOT variable MATCHES "_FILE$")
        string(APPEND text "\n${variable}=${${variable}}")
      endif()
    endif()
  endforeach()
  if(CMAKE_TOOLCHAIN_FILE)
    file(SHA256 "${CMAKE_TOOLCHAIN_FILE}" hash)
    string(APPEND text "\ntoolchain ${hash}")
  endif()
  set(${result} "${arguments}" PARENT_SCOPE)
  set(${identity} "${text}" PARENT_SCOPE)
endfunction()

# Runs one step of a dependency's build with its output in <log>; stops with the log's end when it fails. The build step
# says how far it is.
function(inkling_dependency_step name step log)
  if(INKLING_AWK AND step STREQUAL "build")
    execute_process(COMMAND ${ARGN}
      COMMAND "${INKLING_AWK}" -v "name=${name}" -v "log_file=${log}" -f "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/build_progress.awk"
      RESULTS_VARIABLE codes ERROR_VARIABLE errors)
    list(GET codes 0 code)
    file(APPEND "${log}" "${errors}")
  else()
    execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_FILE "${log}" ERROR_FILE "${log}")
  endif()
  if(NOT code EQUAL 0)
    file(STRINGS "${log}" lines)
    list(LENGTH lines count)
    if(count GREATER 40)
      math(EXPR first "${count} - 40")
      list(SUBLIST lines ${first} 40 lines)
    endif()
    list(JOIN lines "\n" tail)
    message(FATAL_ERROR "Inkling: ${name}: the ${step} step failed (exit ${code}). End of ${log}:\n${tail}")
  endif()
endfunction()

# Sets <result> to compiler options that keep this machine's folders out of objects: names of source files in messages,
# assertions and statuses begin with what stands behind each FOLDER=NAME pair.
function(inkling_path_options result)
  set(options "")
  if(NOT MSVC)
    foreach(pair IN LISTS ARGN)
      list(APPEND options "-ffile-prefix-map=${pair}")
    endforeach()
  endif()
  set(${result} "${options}" PARENT_SCOPE)
endfunction()

# Sets <result> to the key of what <name> is built from, for the parsed arguments of inkling_build_dependency.
function(inkling_dependency_key name identity result)
  set(text "${identity}\n${arg_OPTIONS}\nsanitizer ${arg_SANITIZER}")
  foreach(needed IN LISTS name arg_NEEDS)
    inkling_source_identity(${needed} source)
    string(APPEND text "\n${needed} ${source}")
  endforeach()
  foreach(file IN LISTS arg_FILES)
    file(SHA256 "${file}" hash)
    string(APPEND text "\n${hash}")
  endforeach()
  string(SHA256 key "${text}")
  string(SUBSTRING "${key}" 0 12 key)
  set(${result} "${key}" PARENT_SCOPE)
endfunction()

# Adds to the list that <list_name> names the flags of both languages; <folders> are FOLDER=NAME pairs for inkling_path_options.
# Not part of the key: where the sources lie changes nothing in what is built.
function(inkling_dependency_flags list_name folders)
  set(arguments ${${list_name}})
  inkling_path_options(flags ${folders})
  list(TRANSFORM flags REPLACE "(.+)" "\"\\1\"")
  list(JOIN flags " " flags)
  if(arg_SANITIZER)
    string(APPEND flags " -fsanitize=${arg_SANITIZER} -fno-omit-frame-pointer -g1")
  endif()
  foreach(language C CXX)
    list(FILTER arguments EXCLUDE REGEX "^-DCMAKE_${language}_FLAGS=")
    if(arg_HOST AND CMAKE_CROSSCOMPILING)
      list(APPEND arguments "-DCMAKE_${language}_FLAGS=${flags}")
    else()
      list(APPEND arguments "-DCMAKE_${language}_FLAGS=${CMAKE_${language}_FLAGS} ${flags}")
    endif()
  endforeach()
  set(${list_name} "${arguments}" PARENT_SCOPE)
endfunction()

# Sets <result> to the prefix of <name>, building it first when it isn't there.
#   NEEDS    pinned names whose sources the build reads; each arrives as -DINKLING_<NAME>_SOURCE_DIR
#   PROJECT  folder of the CMake project to build; default: the source folder of <name>
#   FILES    further files that decide the outcome (the wrapper project's own), part of the key
#   PATHS    -D options that name files of this checkout (in FILES, too): not part of the key, so that every clone shares
#   OPTIONS  -D options; SANITIZER: the sanitizer to instrument it with; HOST: build for this machine, as a tool
function(inkling_build_dependency name result)
  cmake_parse_arguments(PARSE_ARGV 2 arg "HOST" "PROJECT;SANITIZER" "NEEDS;FILES;PATHS;OPTIONS")
  set(compiler "")
  set(identity "host tool")
  if(NOT arg_HOST OR NOT CMAKE_CROSSCOMPILING)
    inkling_compiler_arguments(compiler identity)
  endif()
  inkling_dependency_key(${name} "${identity}" key)
  set(prefix "${INKLING_CACHE_DIR}/deps/${name}-${key}")
  set(${result} "${prefix}" PARENT_SCOPE)
  if(EXISTS "${prefix}")
    return()
  endif()
  file(LOCK "${INKLING_CACHE_DIR}/deps/${name}-${key}.lock" GUARD FUNCTION TIMEOUT 3600)
  if(EXISTS "${prefix}")
    return()
  endif()

  set(build "${prefix}.build")
  set(log "${prefix}.log")
  set(sources "")
  set(folders "${build}=${name}" "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/..=third_party")
  foreach(needed IN LISTS name arg_NEEDS)
    inkling_require_source(${needed} source)
    list(APPEND sources "-DINKLING_SOURCE_OF_${needed}=${source}")
    list(APPEND folders "${source}=${needed}")
  endforeach()
  inkling_require_source(${name} project)
  if(arg_PROJECT)
    set(project "${arg_PROJECT}")
  endif()
  set(generator "")
  if(INKLING_NINJA)
    set(generator -G Ninja "-DCMAKE_MAKE_PROGRAM=${INKLING_NINJA}")
  endif()
  set(launcher "")
  if(INKLING_CCACHE)
    set(launcher "-DCMAKE_C_COMPILER_LAUNCHER=${INKLING_CCACHE}" "-DCMAKE_CXX_COMPILER_LAUNCHER=${INKLING_CCACHE}")
  endif()
  inkling_dependency_flags(compiler "${folders}")
  cmake_host_system_information(RESULT jobs QUERY NUMBER_OF_LOGICAL_CORES)

  file(REMOVE_RECURSE "${build}" "${prefix}.partial")
  string(TIMESTAMP started "%s" UTC)
  message(STATUS "Inkling: building ${name} (once for this compiler and target; log: ${log})")
  # CMake leaves this configuration's compilers in the environment, where a host tool's would pick them up.
  inkling_dependency_step(${name} configure "${log}" "${CMAKE_COMMAND}" -E env --unset=CC --unset=CXX "${CMAKE_COMMAND}" -S "${project}" -B "${build}" ${generator}
    ${launcher} ${compiler} ${sources} ${arg_OPTIONS} ${arg_PATHS} -DCMAKE_BUILD_TYPE=Release "-DCMAKE_INSTALL_PREFIX=${prefix}.partial"
    -DCMAKE_INSTALL_LIBDIR=lib -DBUILD_SHARED_LIBS=OFF -DBUILD_TESTING=OFF -DCMAKE_POSITION_INDEPENDENT_CODE=ON
    -DCMAKE_C_VISIBILITY_PRESET=hidden -DCMAKE_CXX_VISIBILITY_PRESET=hidden -DCMAKE_VISIBILITY_INLINES_HIDDEN=ON
    -Wno-dev)
  inkling_dependency_step(${name} build "${log}" "${CMAKE_COMMAND}" --build "${build}" --config Release --parallel ${jobs})
  inkling_dependency_step(${name} install "${log}" "${CMAKE_COMMAND}" --install "${build}" --config Release)
  file(RENAME "${prefix}.partial" "${prefix}")
  file(REMOVE_RECURSE "${build}")
  string(TIMESTAMP ended "%s" UTC)
  math(EXPR seconds "${ended} - ${started}")
  message(STATUS "Inkling: built ${name} in ${seconds} s")
endfunction()
