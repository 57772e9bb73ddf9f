# How Inkling's own targets are made: compiler settings, one static library per room, the library, the programs.
#
# Included by the top-level CMakeLists.txt; each room's CMakeLists.txt calls inkling_add_room, each program's
# inkling_add_program. Includes are written from the repository's root, and rooms link only what they may include.

if(NOT CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(INKLING_CCACHE ccache)
  if(INKLING_CCACHE)
    set(CMAKE_C_COMPILER_LAUNCHER "${INKLING_CCACHE}")
    set(CMAKE_CXX_COMPILER_LAUNCHER "${INKLING_CCACHE}")
  endif()
endif()
include("${CMAKE_CURRENT_LIST_DIR}/precompiled_headers.cmake")
if(EMSCRIPTEN)
  include("${CMAKE_CURRENT_LIST_DIR}/wasm_programs.cmake")
endif()
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# Everything an Inkling target is compiled with; dependencies never see these settings.
function(inkling_set_compile_options target)
  target_compile_features(${target} PUBLIC cxx_std_17 PRIVATE cxx_std_20)
  set_target_properties(${target} PROPERTIES
    CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ON
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  if(MSVC)
    target_compile_options(${target} PRIVATE /W4)
  else()
    # GCC 12 sees overlaps in std::string's operator+ that can't be (GCC bug 105651); 13 doesn't.
    target_compile_options(${target} PRIVATE -Wall -Wextra $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
  endif()
  if(INKLING_WARNINGS_AS_ERRORS)
    target_compile_options(${target} PRIVATE $<IF:$<CXX_COMPILER_ID:MSVC>,/WX,-Werror>)
  endif()
  if(EMSCRIPTEN)
    inkling_set_wasm_options(${target})
  endif()
  if(INKLING_FUZZER)
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)  # counts branches for the search
  endif()
  if(INKLING_SANITIZER)
    target_compile_options(${target} PRIVATE -fsanitize=${INKLING_SANITIZER} -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=${INKLING_SANITIZER})
    if(INKLING_SANITIZER MATCHES "undefined")
      # With these three checks GCC takes abseil's constant comparisons of functions for not constant.
      target_compile_options(${target} PRIVATE -fno-sanitize-recover=all
        $<$<CXX_COMPILER_ID:GNU>:-fno-sanitize=null,nonnull-attribute,returns-nonnull-attribute>)
    endif()
  endif()
endfunction()

# A room: static library <name> of SOURCES that links LIBS (what it may include, nothing else).
function(inkling_add_room name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBS")
  add_library(${name} STATIC ${arg_SOURCES})
  target_include_directories(${name} PUBLIC
    "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>" "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>"
    "$<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/generated>")
  target_link_libraries(${name} PUBLIC ${arg_LIBS})
  set_property(GLOBAL APPEND PROPERTY INKLING_LIBS_OF_ROOMS ${arg_LIBS})
  target_compile_definitions(${name} PRIVATE INKLING_BUILDING_LIBRARY)
  inkling_set_compile_options(${name})
  if(NOT name STREQUAL "inkling_kernels")  # includes neither abseil nor much of the standard library
    inkling_precompile_headers(${name} library LIBS absl::span absl::status absl::statusor absl::strings)
  endif()
endfunction()

# A program in <build>/bin: SOURCES, LIBS; installed with the library.
function(inkling_add_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBS")
  add_executable(${name} ${arg_SOURCES})
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}")
  target_link_libraries(${name} PRIVATE ${arg_LIBS})
  inkling_set_compile_options(${name})
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction()

# Compiles a flatbuffer schema (path from the repository's root, X.fbs) for <target>, which includes it as
# "X_generated.h" with the same folder: inkling_add_flatbuffer(inkling_format src/format/model_file.fbs).
# Further arguments go to flatc.
function(inkling_add_flatbuffer target schema)
  get_filename_component(folder "${schema}" DIRECTORY)
  get_filename_component(stem "${schema}" NAME_WE)
  set(output_folder "${PROJECT_BINARY_DIR}/generated/${folder}")
  set(output "${output_folder}/${stem}_generated.h")
  add_custom_command(OUTPUT "${output}"
    COMMAND "${INKLING_FLATC}" --cpp --scoped-enums --cpp-std c++17 ${ARGN} -o "${output_folder}" "${PROJECT_SOURCE_DIR}/${schema}"
    DEPENDS "${PROJECT_SOURCE_DIR}/${schema}" COMMENT "flatc ${schema}" VERBATIM)
  add_custom_target(${target}_${stem}_schema DEPENDS "${output}")
  if(NOT TARGET inkling_generated_headers)
    add_custom_target(inkling_generated_headers)  # all that clang-tidy needs of a build
  endif()
  add_dependencies(inkling_generated_headers ${target}_${stem}_schema)
  add_dependencies(${target} ${target}_${stem}_schema)
  target_sources(${target} PRIVATE "${output}")
endfunction()

# The library: target inkling (alias inkling::inkling), made of the objects of every room; its install rules.
function(inkling_add_library)
  set(rooms inkling_kernels inkling_format inkling_compute inkling_text inkling_decoder inkling_session inkling_bindings)
  set(objects "")
  foreach(room IN LISTS rooms)
    if(TARGET ${room})
      list(APPEND objects "$<TARGET_OBJECTS:${room}>")
    endif()
  endforeach()
  if(NOT objects)
    return()
  endif()
  add_library(inkling ${objects})
  add_library(inkling::inkling ALIAS inkling)
  set_target_properties(inkling PROPERTIES LINKER_LANGUAGE CXX VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
  target_compile_features(inkling PUBLIC cxx_std_17)
  target_include_directories(inkling PUBLIC
    "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>" "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
  # The rooms' objects are in the library, so it links what they link; flatbuffers is headers only.
  get_property(libs GLOBAL PROPERTY INKLING_LIBS_OF_ROOMS)
  list(FILTER libs INCLUDE REGEX "^absl::")
  list(REMOVE_DUPLICATES libs)
  target_link_libraries(inkling PUBLIC absl::function_ref absl::span absl::status absl::statusor absl::strings
    PRIVATE ${libs} inkling_third_party::XNNPACK hwy::hwy Threads::Threads)
  if(INKLING_SANITIZER)
    target_link_options(inkling PUBLIC -fsanitize=${INKLING_SANITIZER})
  endif()
  if(BUILD_SHARED_LIBS)
    target_compile_definitions(inkling INTERFACE INKLING_SHARED_LIBRARY)
    if(UNIX AND NOT APPLE)
      set(map "${PROJECT_SOURCE_DIR}/third_party/cmake/exported_symbols.map")
      target_link_options(inkling PRIVATE "-Wl,--version-script=${map}" -Wl,--no-undefined)
      set_target_properties(inkling PROPERTIES LINK_DEPENDS "${map}")
    endif()
  endif()
  include("${PROJECT_SOURCE_DIR}/third_party/cmake/install_rules.cmake")
endfunction()
