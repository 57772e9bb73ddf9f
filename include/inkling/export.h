// Which symbols the shared library shows: everything is hidden except what carries INKLING_EXPORT.
//
// Every public class and function carries it. Consumers of the shared library get
// INKLING_SHARED_LIBRARY from the imported target inkling::inkling; the library's own sources are
// compiled with INKLING_BUILDING_LIBRARY.

#ifndef INKLING_EXPORT_H_
#define INKLING_EXPORT_H_

#if defined(_WIN32)
#if defined(INKLING_BUILDING_LIBRARY)
#define INKLING_EXPORT __declspec(dllexport)
#elif defined(INKLING_SHARED_LIBRARY)
#define INKLING_EXPORT __declspec(dllimport)
#else
#define INKLING_EXPORT
#endif
#else
#define INKLING_EXPORT __attribute__((visibility("default")))
#endif

#endif  // INKLING_EXPORT_H_
