# Installs the build into a fresh prefix, then configures, builds and runs the consumers against that prefix alone.
#
# ctest runs it: cmake -DBUILD_DIR= -DCONSUMER_SOURCE_DIR= -DWORK_DIR= -DCHECKPOINT= -DARGUMENTS= -DCOMPONENT= -DCONVERTER=
#   -DPYTHON= -P run_consumer.cmake
# COMPONENT is what to install: nothing for all, inkling_shared for the shared library beside a static one. The sources are
# copied out of the tree first, so that nothing of the repository is in reach.

function(run step)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "${step} failed (${code}): ${ARGN}\n${output}")
  endif()
  message(STATUS "${step}: ok")
  set(output "${output}" PARENT_SCOPE)
endfunction()

# A project that has found another abseil before: one error that names both releases.
function(refuse_abseil release)
  execute_process(COMMAND "${CMAKE_COMMAND}" -S "${WORK_DIR}/source/abseil_first" -B "${WORK_DIR}/abseil_${release}" ${ARGUMENTS}
      "-DCMAKE_PREFIX_PATH=${WORK_DIR}/moved" "-DABSEIL=${release}" ${ARGN}
    RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE errors)
  set(said "${release}")
  if(release STREQUAL "debian")
    set(said 20220623)
  endif()
  string(REGEX MATCHALL "CMake Error" found "${errors}")
  list(LENGTH found count)
  string(REGEX REPLACE "[ \n]+" " " errors "${errors}")
  if(code EQUAL 0 OR NOT count EQUAL 1 OR NOT errors MATCHES "needs abseil 20260526, and this project has found abseil ${said} ")
    message(FATAL_ERROR "abseil ${release} found first: exit ${code}, ${count} errors:\n${errors}")
  endif()
  message(STATUS "abseil ${release} found first: refused")
endfunction()

file(REMOVE_RECURSE "${WORK_DIR}")
file(COPY "${CONSUMER_SOURCE_DIR}/" DESTINATION "${WORK_DIR}/source" PATTERN "*.cmake" EXCLUDE)
set(component "")
if(COMPONENT)
  set(component --component ${COMPONENT})
endif()
run("install" "${CMAKE_COMMAND}" --install "${BUILD_DIR}" ${component} --prefix "${WORK_DIR}/prefix")
# A prefix that was moved must work too: packages that remember absolute paths break here.
file(RENAME "${WORK_DIR}/prefix" "${WORK_DIR}/moved")
run("configure" "${CMAKE_COMMAND}" -S "${WORK_DIR}/source" -B "${WORK_DIR}/build" ${ARGUMENTS}
  "-DCMAKE_PREFIX_PATH=${WORK_DIR}/moved" -DCMAKE_FIND_USE_PACKAGE_REGISTRY=OFF)
run("build" "${CMAKE_COMMAND}" --build "${WORK_DIR}/build")
run("convert" "${CONVERTER}" "${CHECKPOINT}" "${WORK_DIR}/model.tflite" --weights=int8)
file(GLOB apps "${WORK_DIR}/build/apps/*")
foreach(app IN LISTS apps)
  get_filename_component(name "${app}" NAME)
  run("run ${name}" "${app}" "${WORK_DIR}/model.tflite")
endforeach()
if(EXISTS "${WORK_DIR}/build/libplugin.so")
  run("plugin, 20 times" "${WORK_DIR}/build/plugin_host" "${WORK_DIR}/build/libplugin.so" "${WORK_DIR}/model.tflite" 20)
  message(STATUS "${output}")
endif()
if(PYTHON)
  run("symbols and paths" "${PYTHON}" "${CHECKS}" "${WORK_DIR}/moved" ${FOLDERS} --plugin "${WORK_DIR}/build/libplugin.so")
  message(STATUS "${output}")
endif()
refuse_abseil(20240722)
run("configure with a later abseil" "${CMAKE_COMMAND}" -S "${WORK_DIR}/source/abseil_first" -B "${WORK_DIR}/abseil_later"
  ${ARGUMENTS} "-DCMAKE_PREFIX_PATH=${WORK_DIR}/moved" -DABSEIL=20240722 -DLATER=ON)
execute_process(COMMAND "${CMAKE_COMMAND}" --build "${WORK_DIR}/abseil_later" RESULT_VARIABLE code OUTPUT_VARIABLE output)
if(code EQUAL 0 OR NOT output MATCHES "another release of abseil")
  message(FATAL_ERROR "headers of another abseil came first: exit ${code}\n${output}")
endif()
if(EXISTS "${WORK_DIR}/build/apps/debian_abseil_app")
  file(STRINGS "${WORK_DIR}/build/CMakeCache.txt" line REGEX "^DEBIAN_ABSEIL_CONFIG:")
  string(REGEX REPLACE "^[^=]*=" "" folder "${line}")
  refuse_abseil(debian "-DDEBIAN_ABSEIL_CONFIG=${folder}")
endif()
file(READ "${WORK_DIR}/build/skipped.txt" skipped)
if(skipped)
  message(STATUS "skipped: ${skipped}")
endif()
file(REMOVE_RECURSE "${WORK_DIR}")
