# Installs the build into a fresh prefix, then configures, builds and runs the consumer against that prefix alone.
#
# ctest runs it: cmake -DBUILD_DIR= -DCONSUMER_SOURCE_DIR= -DWORK_DIR= -DCHECKPOINT= -DARGUMENTS= -P run_consumer.cmake
# The sources are copied out of the tree first, so that nothing of the repository is in reach.

function(run step)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "${step} failed (${code}): ${ARGN}\n${output}")
  endif()
  message(STATUS "${step}: ok")
  set(output "${output}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE "${WORK_DIR}")
file(COPY "${CONSUMER_SOURCE_DIR}/CMakeLists.txt" "${CONSUMER_SOURCE_DIR}/consumer.cc" DESTINATION "${WORK_DIR}/source")
run("install" "${CMAKE_COMMAND}" --install "${BUILD_DIR}" --prefix "${WORK_DIR}/prefix")
# A prefix that was moved must work too: packages that remember absolute paths break here.
file(RENAME "${WORK_DIR}/prefix" "${WORK_DIR}/moved")
run("configure" "${CMAKE_COMMAND}" -S "${WORK_DIR}/source" -B "${WORK_DIR}/build" ${ARGUMENTS}
  "-DCMAKE_PREFIX_PATH=${WORK_DIR}/moved" -DCMAKE_FIND_USE_PACKAGE_REGISTRY=OFF)
run("build" "${CMAKE_COMMAND}" --build "${WORK_DIR}/build")
run("convert" "${WORK_DIR}/moved/bin/inkling-convert" "${CHECKPOINT}" "${WORK_DIR}/model.tflite" --weights=int8)
run("run" "${WORK_DIR}/build/consumer" "${WORK_DIR}/model.tflite")
message(STATUS "${output}")
file(REMOVE_RECURSE "${WORK_DIR}")
