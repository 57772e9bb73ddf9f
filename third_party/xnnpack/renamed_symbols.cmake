# Gives every external name of XNNPACK, pthreadpool and cpuinfo the prefix inkling_, so that an app may have its own copies.
#
# Their C names carry no version: an app that links another XNNPACK statically would get one definition for both, with the
# other's structs. Renaming by the preprocessor works with every compiler and object format, and in this build as well as
# for consumers of the install tree. tests/library_symbols_test.py finds a name that was missed.

# External names without a prefix of their own.
set(inkling_unprefixed_names copy_bias create_fully_connected_nc_f32 hardware_concurrency
  kCoreCountThresholdForAdaptiveAvxOptimization pack_qs8_conv_kgo_w pack_qs8_deconv_goki_w
  pack_weights_and_biases murmur_hash3)

# Appends to <result> the identifiers of the files that begin with one of the three prefixes.
function(inkling_collect_names result)
  set(names ${${result}})
  foreach(file IN LISTS ARGN)
    file(READ "${file}" text)
    string(REGEX MATCHALL "(xnn|pthreadpool|cpuinfo)_[A-Za-z0-9_]+" found "${text}")
    list(APPEND names ${found})
  endforeach()
  list(REMOVE_DUPLICATES names)
  set(${result} "${names}" PARENT_SCOPE)
endfunction()

# Sets <result> to the names to rename: the identifiers of all sources that are compiled. Which of them are functions doesn't
# matter, types and fields are renamed with them, alike in every file; macros are not, they would be defined twice.
function(inkling_names_to_rename result)
  set(names "${inkling_unprefixed_names}")
  foreach(target XNNPACK microkernels-prod pthreadpool cpuinfo hardware-config logging memory microkernel-utils microparams-init
      operators operator-run operator-utils packing allocator cache indirection mutex)
    if(TARGET ${target})
      get_target_property(folder ${target} SOURCE_DIR)
      get_target_property(sources ${target} SOURCES)
      foreach(source IN LISTS sources)
        get_filename_component(source "${source}" ABSOLUTE BASE_DIR "${folder}")
        inkling_collect_names(names "${source}")
      endforeach()
    endif()
  endforeach()
  foreach(project xnnpack pthreadpool cpuinfo)
    file(GLOB_RECURSE headers "${INKLING_SOURCE_OF_${project}}/include/*.h" "${INKLING_SOURCE_OF_${project}}/src/*.h")
    foreach(header IN LISTS headers)
      file(READ "${header}" text)
      string(REGEX MATCHALL "#[ \t]*define[ \t]+(xnn|pthreadpool|cpuinfo)_[A-Za-z0-9_]+" macros "${text}")
      list(TRANSFORM macros REPLACE ".*[ \t]" "")
      list(REMOVE_ITEM names ${macros})
    endforeach()
  endforeach()
  list(SORT names)
  set(${result} "${names}" PARENT_SCOPE)
endfunction()

# Writes the header <output> that renames the given names.
function(inkling_write_renaming output)
  set(lines ${ARGN})
  list(TRANSFORM lines REPLACE "(.+)" "#define \\1 inkling_\\1\n")
  string(CONCAT lines ${lines})
  file(CONFIGURE OUTPUT "${output}" CONTENT "/* Written by third_party/xnnpack/renamed_symbols.cmake. */\n${lines}" @ONLY)
endfunction()

# Installs public headers that begin with the renaming of those of <names> that they declare as functions or variables.
function(inkling_install_headers names)
  set(declared "")
  foreach(header IN LISTS ARGN)
    file(READ "${header}" text)
    string(REGEX MATCHALL "(xnn|pthreadpool|cpuinfo)_[A-Za-z0-9_]+\\(" functions "${text}")
    string(REPLACE "(" "" functions "${functions}")
    string(REGEX MATCHALL "extern [A-Za-z0-9_ ]+;" variables "${text}")
    string(REGEX MATCHALL "(xnn|pthreadpool|cpuinfo)_[A-Za-z0-9_]+" variables "${variables}")
    list(APPEND declared ${functions} ${variables})
  endforeach()
  list(REMOVE_DUPLICATES declared)
  set(renamed "")
  foreach(name IN LISTS declared)
    if(name IN_LIST names)
      list(APPEND renamed ${name})
    endif()
  endforeach()
  set(folder "${CMAKE_BINARY_DIR}/public")
  inkling_write_renaming("${folder}/inkling_renamed_symbols.h" ${renamed})
  install(FILES "${folder}/inkling_renamed_symbols.h" DESTINATION include)
  foreach(header IN LISTS ARGN)
    get_filename_component(name "${header}" NAME)
    file(READ "${header}" text)
    file(CONFIGURE OUTPUT "${folder}/${name}" CONTENT "#include \"inkling_renamed_symbols.h\"\n${text}" @ONLY)
    install(FILES "${folder}/${name}" DESTINATION include)
  endforeach()
endfunction()
