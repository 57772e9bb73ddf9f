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
include("${CMAKE_CURRENT_LIST_DIR}/install_rules.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/precompiled_headers.cmake")
if(EMSCRIPTEN)
  include("${CMAKE_CURRENT_LIST_DIR}/wasm_programs.cmake")
endif()
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# Source files are named from the repository's root, in statuses as in messages: no folder of the machine that built them.
# Debuggers want the folders.
inkling_path_options(inkling_path_options "${INKLING_CACHE_DIR}/=" "${PROJECT_SOURCE_DIR}/=" "${PROJECT_BINARY_DIR}/=")
list(TRANSFORM inkling_path_options REPLACE "(.+)" "$<$<NOT:$<CONFIG:Debug>>:\\1>")

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
  target_compile_options(${target} PRIVATE ${inkling_path_options})
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
  if(BUILD_SHARED_LIBS)
    target_compile_definitions(${name} PRIVATE INKLING_SHARED_LIBRARY)
  endif()
  inkling_set_compile_options(${name})
  if(name STREQUAL "inkling_converter")
    inkling_precompile_headers(${name} converter
      LIBS absl::span absl::status absl::statusor absl::strings nlohmann_json::nlohmann_json)
  elseif(NOT name STREQUAL "inkling_kernels")  # includes neither abseil nor much of the standard library
    inkling_precompile_headers(${name} library LIBS absl::span absl::status absl::statusor absl::strings)
  endif()
endfunction()

# Sources that read a command line: CLI11's headers take ten seconds a file when they are fully optimised, and run once.
function(inkling_set_command_line_sources)
  if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT MSVC)
    set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS -O1)
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
function(inkling_add_flatbuffer target schema)
  get_filename_component(folder "${schema}" DIRECTORY)
  get_filename_component(stem "${schema}" NAME_WE)
  set(output_folder "${PROJECT_BINARY_DIR}/generated/${folder}")
  set(output "${output_folder}/${stem}_generated.h")
  add_custom_command(OUTPUT "${output}"
    COMMAND "${INKLING_FLATC}" "${output_folder}" "${PROJECT_SOURCE_DIR}/${schema}"
    DEPENDS "${PROJECT_SOURCE_DIR}/${schema}" COMMENT "flatc ${schema}" VERBATIM)
  add_custom_target(${target}_${stem}_schema DEPENDS "${output}")
  if(NOT TARGET inkling_generated_headers)
    add_custom_target(inkling_generated_headers)  # all that clang-tidy needs of a build
  endif()
  add_dependencies(inkling_generated_headers ${target}_${stem}_schema)
  add_dependencies(${target} ${target}_${stem}_schema)
  target_sources(${target} PRIVATE "${output}")
endfunction()

# What every form of the library is made of; <objects> are its rooms' objects.
function(inkling_define_library target type objects)
  add_library(${target} ${type} ${objects})
  set_target_properties(${target} PROPERTIES OUTPUT_NAME inkling EXPORT_NAME inkling
    LINKER_LANGUAGE CXX VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
  target_compile_features(${target} PUBLIC cxx_std_17)
  target_include_directories(${target} PUBLIC
    "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>" "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
  # The rooms' objects are in the library, so it links what they link; flatbuffers is headers only.
  target_link_libraries(${target} PUBLIC inkling_abseil
    PRIVATE inkling_third_party::XNNPACK inkling_third_party::hwy Threads::Threads)
  if(INKLING_SANITIZER)
    target_link_options(${target} PUBLIC -fsanitize=${INKLING_SANITIZER})
  endif()
  if(type STREQUAL "SHARED")
    target_compile_definitions(${target} INTERFACE INKLING_SHARED_LIBRARY)
    if(UNIX AND NOT APPLE)
      set(map "${PROJECT_SOURCE_DIR}/third_party/cmake/exported_symbols.map")
      target_link_options(${target} PRIVATE "-Wl,--version-script=${map}" -Wl,--no-undefined)
      set_target_properties(${target} PROPERTIES LINK_DEPENDS "${map}")
    endif()
  endif()
endfunction()

# The library: target inkling (alias inkling::inkling), made of the objects of every room; its install rules.
function(inkling_add_library)
  set(rooms inkling_kernels inkling_format inkling_compute inkling_text inkling_decoder inkling_session inkling_c)
  if(TARGET inkling_structured)
    list(APPEND rooms inkling_automata inkling_structured)
  endif()
  set(objects "")
  foreach(room IN LISTS rooms)
    if(TARGET ${room})
      list(APPEND objects "$<TARGET_OBJECTS:${room}>")
    endif()
  endforeach()
  if(NOT objects)
    return()
  endif()
  # abseil by one name, which the installed package gives to whichever copy the app has.
  get_property(libs GLOBAL PROPERTY INKLING_LIBS_OF_ROOMS)
  list(FILTER libs INCLUDE REGEX "^absl::")
  list(REMOVE_DUPLICATES libs)
  add_library(inkling_abseil INTERFACE)
  set_target_properties(inkling_abseil PROPERTIES EXPORT_NAME abseil)
  list(TRANSFORM libs REPLACE "(.+)" "$<BUILD_INTERFACE:\\1>" OUTPUT_VARIABLE build_libs)
  target_link_libraries(inkling_abseil INTERFACE ${build_libs})
  list(TRANSFORM libs REPLACE "absl::" "")
  list(JOIN libs " " INKLING_ABSEIL_LINKED)

  set(type STATIC)
  if(BUILD_SHARED_LIBS)
    set(type SHARED)
  endif()
  inkling_define_library(inkling ${type} "${objects}")
  add_library(inkling::inkling ALIAS inkling)
  inkling_install_library(inkling)
  if(INKLING_BUILD_TESTS AND NOT BUILD_SHARED_LIBS AND NOT INKLING_SANITIZER AND NOT CMAKE_CROSSCOMPILING
      AND CMAKE_SYSTEM_NAME STREQUAL "Linux")
    inkling_add_shared_library("${objects}")
  endif()
endfunction()

# The shared library beside the static one, for the tests of consumers: the same objects but for those whose functions it
# shows (INKLING_EXPORT). Installed by `cmake --install BUILD --component inkling_shared`.
function(inkling_add_shared_library objects)
  list(REMOVE_ITEM objects "$<TARGET_OBJECTS:inkling_session>" "$<TARGET_OBJECTS:inkling_c>")
  inkling_define_library(inkling_shared SHARED
    "${objects};$<FILTER:$<TARGET_OBJECTS:inkling_session>,EXCLUDE,/(llm_(model|session[a-z_]*)|lora_adapter)[.]cc>")
  file(GLOB shown CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/session/llm_model.cc"
    "${PROJECT_SOURCE_DIR}/src/session/llm_session*.cc" "${PROJECT_SOURCE_DIR}/src/session/lora_adapter.cc"
    "${PROJECT_SOURCE_DIR}/src/bindings/c/*.cc")
  target_sources(inkling_shared PRIVATE ${shown})
  target_include_directories(inkling_shared PRIVATE "${PROJECT_SOURCE_DIR}")
  target_compile_definitions(inkling_shared PRIVATE INKLING_BUILDING_LIBRARY INKLING_SHARED_LIBRARY)
  inkling_set_compile_options(inkling_shared)
  inkling_install_library(inkling_shared COMPONENT inkling_shared EXCLUDE_FROM_ALL)
endfunction()
