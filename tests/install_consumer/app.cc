// An app that has a copy of its own of a library that Inkling uses too: asks its copy, tells a
// story with Inkling, and asks again.
//
// usage: app MODEL; exits 0 when both work. CheckOwnLibrary is in the file that CMakeLists.txt
// links with this one.

#include <iostream>

#include "story.h"

extern "C" int CheckOwnLibrary();

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: app MODEL\n";
    return 2;
  }
  if (const int code = CheckOwnLibrary()) {
    std::cerr << "the app's own library: check " << code << " fails\n";
    return 1;
  }
  if (TellStory(argv[1]) != 0) return 1;
  if (const int code = CheckOwnLibrary()) {
    std::cerr << "the app's own library, after Inkling ran: check " << code << " fails\n";
    return 1;
  }
  return 0;
}
