/* long_math.h - expl, logl, log1pl and tanhl with all the digits of long double, for exact values to compare with.
 *
 * Include it after math.h. musl, and so WebAssembly and zig's Linux, computes them in double where long double has
 * 113 bits: there long_math.c takes their place. tests/c/long_math.c holds whichever is used against known digits. */
#ifndef SXT_TEST_LONG_MATH_H
#define SXT_TEST_LONG_MATH_H

#include <float.h>
#include <math.h>

#if LDBL_MANT_DIG == 113 && !defined(__GLIBC__)
#define TEST_OWN_LONG_MATH 1
long double test_expl(long double x);
long double test_logl(long double x);
long double test_log1pl(long double x);
long double test_tanhl(long double x);
#define expl(x) test_expl(x)
#define logl(x) test_logl(x)
#define log1pl(x) test_log1pl(x)
#define tanhl(x) test_tanhl(x)
#else
#define TEST_OWN_LONG_MATH 0
#endif

#endif
