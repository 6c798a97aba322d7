# Builds with zig cc, which brings clang with headers and libraries of many systems along.
#
#   cmake -S . -B build/windows -DCMAKE_TOOLCHAIN_FILE=cmake/zig.cmake -DZIG_TARGET=x86_64-windows-gnu
#
# ZIG: the zig program, that of the path unless named ('pip install ziglang' puts it into the package's folder).
# ZIG_TARGET: processor-system-abi as zig names them, with a version of glibc at the end if wanted.
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES ZIG ZIG_TARGET)
if(NOT ZIG)
  set(ZIG zig)
endif()
if(NOT ZIG_TARGET MATCHES "^([a-z0-9_]+)-([a-z]+)")
  message(FATAL_ERROR "ZIG_TARGET=\"${ZIG_TARGET}\" is none like x86_64-linux-gnu")
endif()
set(CMAKE_SYSTEM_PROCESSOR ${CMAKE_MATCH_1})
set(zig_system ${CMAKE_MATCH_2})
if(zig_system STREQUAL "linux")
  set(CMAKE_SYSTEM_NAME Linux)
elseif(zig_system STREQUAL "windows")
  set(CMAKE_SYSTEM_NAME Windows)
elseif(zig_system STREQUAL "macos")
  set(CMAKE_SYSTEM_NAME Darwin)
  set(CMAKE_OSX_SYSROOT "")
  set(CMAKE_OSX_DEPLOYMENT_TARGET "")
elseif(zig_system STREQUAL "wasi")
  set(CMAKE_SYSTEM_NAME WASI)
  list(APPEND CMAKE_MODULE_PATH ${CMAKE_CURRENT_LIST_DIR}/modules) # what CMake should know of WASI
else()
  message(FATAL_ERROR "ZIG_TARGET=${ZIG_TARGET}: no such system here")
endif()

# zig's debug builds trap at undefined behaviour; the options of the build say what is wanted.
set(CMAKE_C_COMPILER ${ZIG} cc -target ${ZIG_TARGET} -fno-sanitize=undefined)
set(CMAKE_C_ARCHIVE_CREATE "${ZIG} ar qc <TARGET> <LINK_FLAGS> <OBJECTS>")
set(CMAKE_C_ARCHIVE_APPEND "${ZIG} ar q <TARGET> <LINK_FLAGS> <OBJECTS>")
set(CMAKE_C_ARCHIVE_FINISH "${ZIG} ranlib <TARGET>")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE BOTH)
