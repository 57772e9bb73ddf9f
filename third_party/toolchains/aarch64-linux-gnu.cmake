# Cross-compiles for Linux on 64-bit Arm with Debian's g++-aarch64-linux-gnu; programs run under qemu-user.
#
# Used by the preset arm64. INKLING_QEMU_CPU picks the emulated CPU, whose features decide which kernels run:
# max (I8MM), cortex-a76 or neoverse-n1 (dot product), cortex-a72 (plain NEON).
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_FIND_ROOT_PATH /usr/aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
# Packages are only taken from prefixes that are named (NO_DEFAULT_PATH), which this mode lets through.
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE BOTH)
set(INKLING_QEMU_CPU max CACHE STRING "CPU that qemu emulates in tests")
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L /usr/aarch64-linux-gnu -cpu ${INKLING_QEMU_CPU})
