# How executables are linked for WebAssembly: to run under node, on this machine's files, with threads.
#
# own_targets.cmake calls inkling_set_wasm_options for each of Inkling's own executables; an app that embeds the library
# chooses for itself. Nothing here is part of what dependencies are built with.

# CLI11 reports errors by throwing; the library itself throws nothing, so its objects are compiled without this.
# -fwasm-exceptions would be faster, but emscripten 3.1.6 catches nothing with it in threads.
set(inkling_wasm_exceptions -fexceptions)

set(inkling_wasm_link_options
  ${inkling_wasm_exceptions}
  # main runs in a thread of its own and may wait for others, which node's event loop starts and ends meanwhile.
  -sPROXY_TO_PTHREAD=1 -sEXIT_RUNTIME=1
  -sNODERAWFS=1
  -sALLOW_MEMORY_GROWTH=1 -sMAXIMUM_MEMORY=4GB -Wno-pthreads-mem-growth
  -sTOTAL_STACK=8MB -sDEFAULT_PTHREAD_STACK_SIZE=2MB)

function(inkling_set_wasm_options target)
  get_target_property(type ${target} TYPE)
  if(type STREQUAL "EXECUTABLE")
    target_compile_options(${target} PRIVATE ${inkling_wasm_exceptions})
    target_link_options(${target} PRIVATE ${inkling_wasm_link_options})
  endif()
endfunction()
