/* fused.h - fma and fmaf with the bits that IEEE 754 prescribes, on every system.
 *
 * Include it after math.h wherever they stand. With an instruction for them C's functions are it, and glibc's are
 * right without one. Other C libraries are not: those of musl, mingw and zig lose the sign of fma(-1e-300, 1e-300,
 * 0), which is -0, and musl's fmaf rounds twice where the rounding mode cannot be set, as in WebAssembly. There
 * fused.c takes their place. */
#ifndef SXT_FUSED_H
#define SXT_FUSED_H

#include <math.h>

#if !defined(SXT_SOFTWARE_FMA)
#if defined(__FMA__) || defined(__aarch64__) || (defined(__riscv_flen) && __riscv_flen >= 64) || defined(__GLIBC__)
#define SXT_SOFTWARE_FMA 0
#else
#define SXT_SOFTWARE_FMA 1
#endif
#endif

#if SXT_SOFTWARE_FMA
double sxt_fma(double x, double y, double z);
float sxt_fmaf(float x, float y, float z);
#define fma(x, y, z) sxt_fma(x, y, z)
#define fmaf(x, y, z) sxt_fmaf(x, y, z)
#endif

#endif
