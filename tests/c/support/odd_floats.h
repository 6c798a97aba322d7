/* odd_floats.h - a floating-point environment that no program should leave behind, and some do. */
#ifndef SXT_TEST_ODD_FLOATS_H
#define SXT_TEST_ODD_FLOATS_H

#if defined(__aarch64__)
#define ODD_FLOAT_CONTROL 0x01800000u /* flush to zero, round towards zero */
#elif defined(__x86_64__)
#define ODD_FLOAT_CONTROL 0xff80u /* the same, and subnormal operands taken as zero */
#elif defined(__riscv)
#define ODD_FLOAT_CONTROL 0x20u /* round towards zero, all that can be switched */
#elif defined(__wasm__)
#define ODD_FLOAT_CONTROL 0u /* nothing can be switched */
#else
#include <fenv.h>
#define ODD_FLOAT_CONTROL ((uint64_t)FE_TOWARDZERO)
#endif

#endif
