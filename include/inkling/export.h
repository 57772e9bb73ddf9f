// INKLING_EXPORT: which symbols the shared library shows. Everything else is hidden.
//
// Every public class and function carries it. In a static library it says nothing, so that an app
// or a plugin that links one shows none of Inkling's symbols.
//
// Apps define nothing themselves. Two macros of the build decide what INKLING_EXPORT is:
//
//   INKLING_SHARED_LIBRARY    for sources and consumers of the shared library; the CMake target
//                             inkling::inkling brings it
//   INKLING_BUILDING_LIBRARY  for the library's own sources only

#ifndef INKLING_EXPORT_H_
#define INKLING_EXPORT_H_

#include "absl/base/config.h"

// Headers of another release would compile and then miss every symbol of abseil. An installed
// package brings the number. CMake has given this error already where it found abseil first.
#if defined(INKLING_ABSEIL_RELEASE) && \
    (!defined(ABSL_LTS_RELEASE_VERSION) || ABSL_LTS_RELEASE_VERSION != INKLING_ABSEIL_RELEASE)
#error "Inkling was built with another release of abseil than the one whose headers come first here"
#endif

// Symbols are hidden by the compiler's options, so showing one takes an attribute; Windows also
// wants to know which side is compiled.
#if !defined(INKLING_SHARED_LIBRARY)
#define INKLING_EXPORT
#elif !defined(_WIN32)
#define INKLING_EXPORT __attribute__((visibility("default")))
#elif defined(INKLING_BUILDING_LIBRARY)
#define INKLING_EXPORT __declspec(dllexport)
#else
#define INKLING_EXPORT __declspec(dllimport)
#endif

#endif  // INKLING_EXPORT_H_
