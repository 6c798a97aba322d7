/* odd_floats.h - a floating-point environment that no program should leave behind, and some do. */
#ifndef SXT_TEST_ODD_FLOATS_H
#define SXT_TEST_ODD_FLOATS_H

#if defined(__aarch64__)
#define ODD_FLOAT_CONTROL 0x01800000u /* flush to zero, round towards zero */
#else
#define ODD_FLOAT_CONTROL 0xff80u /* the same, and subnormal operands taken as zero */
#endif

#endif
