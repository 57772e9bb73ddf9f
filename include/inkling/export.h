// Which symbols the shared library shows: everything is hidden except what carries INKLING_EXPORT.
//
// Every public class and function carries it. Sources and consumers of the shared library are
// compiled with INKLING_SHARED_LIBRARY, which the CMake target inkling::inkling brings; the
// library's own sources also with INKLING_BUILDING_LIBRARY. In a static library it says nothing, so
// that an app or a plugin that links one shows none of Inkling's symbols.

#ifndef INKLING_EXPORT_H_
#define INKLING_EXPORT_H_

#include "absl/base/config.h"

// Headers of another release would compile and then miss every symbol of abseil. An installed
// package brings the number; CMake has said so already where abseil was found before Inkling.
#if defined(INKLING_ABSEIL_RELEASE) && \
    (!defined(ABSL_LTS_RELEASE_VERSION) || ABSL_LTS_RELEASE_VERSION != INKLING_ABSEIL_RELEASE)
#error "Inkling was built with another release of abseil than the one whose headers come first here"
#endif

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
