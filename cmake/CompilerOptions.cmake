# What all C code is compiled with. Sets `dash`: how an option of GCC and clang begins, so that ${dash}O2 works
# where clang goes by the command line of Microsoft's compiler (clang-cl), too.
if(CMAKE_C_COMPILER_ID STREQUAL "MSVC")
  message(FATAL_ERROR "Microsoft's compiler does not know the vectors and attributes that softxent is written in: "
                      "use clang-cl, which is part of Visual Studio (cmake -T ClangCL), or clang")
elseif(WIN32 AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
  message(FATAL_ERROR "GCC does not align its stack for AVX on Windows (its bug 54412): use clang or zig cc")
endif()
if(CMAKE_C_COMPILER_FRONTEND_VARIANT STREQUAL "MSVC")
  set(dash "/clang:-")
else()
  set(dash "-")
endif()

set(warnings Wall Wextra Wshadow Wundef Wvla Wmissing-prototypes Wstrict-prototypes)
list(TRANSFORM warnings PREPEND ${dash})
# No contraction: each fused multiply-add is written out, and the compiler adds none.
add_compile_options(${dash}ffp-contract=off ${warnings} $<$<BOOL:${SOFTXENT_WERROR}>:${dash}Werror>)
# Nothing unwinds through C without callbacks, and with -g debuggers have tables of their own: without
# these the library is 15 KB smaller in the wheel. On Windows every function has to have them.
if(NOT WIN32)
  add_compile_options($<$<CONFIG:Release>:-fno-asynchronous-unwind-tables>)
endif()
