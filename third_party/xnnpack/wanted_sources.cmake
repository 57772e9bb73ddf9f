# Cuts XNNPACK down to what Inkling calls: fully connected operators of four types, and the kernels these choose from.
#
# The whole of it is a thousand kernels, most of them for convolutions and images, and minutes of compiling. CMakeLists.txt
# calls inkling_keep_wanted_sources() when XNNPACK's targets exist. A file too few is a symbol that the linker misses, so
# nothing here can be wrong in silence.

# The types whose weights Inkling packs (src/compute/matrix_operator.cc).
set(inkling_wanted_types f32 qd8_f32_qb4w qd8_f32_qc4w qd8_f32_qc8w)

# Replaces the body of the function that begins with <head>, a whole line, in the text of <variable>.
function(inkling_replace_body variable head body)
  string(FIND "${${variable}}" "\n${head}\n" start)
  if(start EQUAL -1)
    message(FATAL_ERROR "XNNPACK's src/configs/gemm-config.c has no line '${head}'")
  endif()
  string(SUBSTRING "${${variable}}" 0 ${start} before)
  string(SUBSTRING "${${variable}}" ${start} -1 rest)
  string(FIND "${rest}" "\n}\n" end)
  string(SUBSTRING "${rest}" ${end} -1 rest)
  set(${variable} "${before}\n${head}\n${body}${rest}" PARENT_SCOPE)
endfunction()

# Writes <output>: XNNPACK's choice of kernels (src/configs/gemm-config.c) for the wanted types alone, without convolutions.
# Other types are answered as those that a CPU doesn't have, with NULL, which operators report as unsupported. Which kernel
# a wanted type gets stays as it is. Sets <kernels> to the names it mentions.
function(inkling_write_wanted_configs output kernels)
  file(READ "${INKLING_SOURCE_OF_xnnpack}/src/configs/gemm-config.c" text)
  string(REGEX MATCHALL "\nstatic void init_[a-z0-9_]+_gemm_config\\(void\\) {" heads "${text}")
  list(TRANSFORM heads REPLACE ".*static void init_([a-z0-9_]+)_gemm_config.*" "\\1" OUTPUT_VARIABLE types)
  list(REMOVE_ITEM types ${inkling_wanted_types})
  foreach(type IN LISTS types)
    inkling_replace_body(text "static void init_${type}_gemm_config(void) {" "")
    inkling_replace_body(text "const struct xnn_gemm_config* xnn_init_${type}_gemm_config() {" "  return NULL;")
  endforeach()
  string(REGEX REPLACE "\n[^\n]*igemm\\[[^\n]*" "" text "${text}")
  file(CONFIGURE OUTPUT "${output}" CONTENT "${text}" @ONLY)
  string(REGEX MATCHALL "xnn_[a-z0-9_]+_ukernel_[a-z0-9_]+" names "${text}")
  list(REMOVE_DUPLICATES names)
  set(${kernels} "${names}" PARENT_SCOPE)
endfunction()

# Keeps the sources of <target> that match <pattern>, and with LIBS the libraries that it takes objects from.
function(inkling_filter_target target pattern)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "LIBS")
  get_target_property(sources ${target} SOURCES)
  list(FILTER sources INCLUDE REGEX "${pattern}")
  set_target_properties(${target} PROPERTIES SOURCES "${sources}")
  if(arg_LIBS)
    set_target_properties(${target} PROPERTIES LINK_LIBRARIES "${arg_LIBS}" INTERFACE_LINK_LIBRARIES "")
  endif()
endfunction()

function(inkling_keep_wanted_sources)
  set(configs "${CMAKE_BINARY_DIR}/gemm-config.c")
  inkling_write_wanted_configs("${configs}" wanted)

  # The kernels' files that define a name from there.
  get_target_property(sources microkernels-prod SOURCES)
  set(kept "")
  foreach(source IN LISTS sources)
    get_filename_component(file "${source}" ABSOLUTE BASE_DIR "${INKLING_SOURCE_OF_xnnpack}")
    file(READ "${file}" text)
    string(REGEX MATCHALL "xnn_[a-z0-9_]+_ukernel_[a-z0-9_]+" names "${text}")
    list(REMOVE_DUPLICATES names)
    foreach(name IN LISTS names)
      if(name IN_LIST wanted)
        list(APPEND kept "${source}")
        break()
      endif()
    endforeach()
  endforeach()
  set_target_properties(microkernels-prod PROPERTIES SOURCES "${kept}")

  inkling_filter_target(operators "operator-delete|fully-connected-nc" LIBS xnnpack-base logging)
  inkling_filter_target(XNNPACK "src/(init|params)\\.c" LIBS xnnpack-base pthreadpool cpuinfo fxdiv
    hardware-config logging memory microkernel-utils microparams-init operators operator-run operator-utils packing allocator
    cache indirection mutex microkernels-prod)
  target_sources(XNNPACK PRIVATE "${configs}")
endfunction()
