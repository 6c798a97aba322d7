# Compiles for Windows as Microsoft's compiler would be asked to, with clang-cl: its options, its ABI, its macros. The
# headers are zig's (mingw's, of the UCRT), because those of Microsoft cannot be had here; they need __GNUC__. Nothing
# can be linked with them.
#
#   cmake -S . -B build/clang-cl -DCMAKE_TOOLCHAIN_FILE=cmake/clang-cl.cmake -DCLANG=clang-19 -DZIG=zig
#
# CLANG: a clang; called by the name clang-cl it takes Microsoft's options. ZIG: the zig program.
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES CLANG ZIG)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR AMD64)
find_program(clang_path ${CLANG} REQUIRED)
find_program(zig_path ${ZIG} REQUIRED)
file(REAL_PATH ${clang_path} clang_itself)
file(CREATE_LINK ${clang_itself} ${CMAKE_BINARY_DIR}/clang-cl SYMBOLIC)
file(REAL_PATH ${zig_path} zig_itself)
get_filename_component(zig_folder ${zig_itself} DIRECTORY)
set(CMAKE_C_COMPILER ${CMAKE_BINARY_DIR}/clang-cl)
set(CMAKE_C_COMPILER_TARGET x86_64-pc-windows-msvc)
set(CMAKE_C_FLAGS_INIT "-fgnuc-version=4.2.1 -imsvc ${zig_folder}/lib/libc/include/any-windows-any")
set(CMAKE_C_CREATE_STATIC_LIBRARY "${zig_itself} lib /nologo /out:<TARGET> <OBJECTS>")
