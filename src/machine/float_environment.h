/* float_environment.h - run a piece of code with the rounding mode and the treatment of subnormals
 * that IEEE 754 and the C standard prescribe, whatever the rest of the process has switched on.
 *
 * Same bits in every process need it: a library built with -ffast-math sets flush-to-zero for the
 * thread that loads it, and each new thread inherits the setting of its parent.
 */
#ifndef SXT_FLOAT_ENVIRONMENT_H
#define SXT_FLOAT_ENVIRONMENT_H

#include <stdint.h>

#if defined(__SSE2__)
#include <xmmintrin.h>

/* MXCSR: exceptions masked, round to nearest, neither flush-to-zero nor denormals-are-zero. */
#define SXT_FLOAT_DEFAULT 0x1f80u
/* Its sticky exception flags, which may hold anything. */
#define SXT_FLOAT_FLAGS 0x3fu

static inline uint64_t sxt_float_control(void) { return _mm_getcsr(); }
static inline void sxt_set_float_control(uint64_t value) { _mm_setcsr((unsigned)value); }

#elif defined(__aarch64__)

/* FPCR: no traps, round to nearest, no flush-to-zero; the flags live in another register. */
#define SXT_FLOAT_DEFAULT 0u
#define SXT_FLOAT_FLAGS 0u

static inline uint64_t sxt_float_control(void)
{
    uint64_t value;
    __asm__ volatile("mrs %0, fpcr" : "=r"(value));
    return value;
}

static inline void sxt_set_float_control(uint64_t value)
{
    __asm__ volatile("msr fpcr, %0" : : "r"(value) : "memory");
}

#elif defined(__riscv) && defined(__riscv_flen)

/* FCSR: round to nearest; the flags are its lowest bits. There are no traps and no flush-to-zero. */
#define SXT_FLOAT_DEFAULT 0u
#define SXT_FLOAT_FLAGS 0x1fu

static inline uint64_t sxt_float_control(void)
{
    unsigned long value;
    __asm__ volatile("csrr %0, fcsr" : "=r"(value));
    return value;
}

static inline void sxt_set_float_control(uint64_t value)
{
    __asm__ volatile("csrw fcsr, %0" : : "r"((unsigned long)value) : "memory");
}

#elif defined(__wasm__)

/* WebAssembly always computes as IEEE 754 prescribes: nothing can be switched. */
#define SXT_FLOAT_DEFAULT 0u
#define SXT_FLOAT_FLAGS 0u

static inline uint64_t sxt_float_control(void) { return SXT_FLOAT_DEFAULT; }
static inline void sxt_set_float_control(uint64_t value) { (void)value; }

#else
#include <fenv.h>

/* Of other processors what the C standard knows: the rounding mode. */
#define SXT_FLOAT_DEFAULT ((uint64_t)FE_TONEAREST)
#define SXT_FLOAT_FLAGS 0u

static inline uint64_t sxt_float_control(void) { return (uint64_t)fegetround(); }
static inline void sxt_set_float_control(uint64_t value) { (void)fesetround((int)value); }

#endif

#if defined(__FLT_EVAL_METHOD__) && (__FLT_EVAL_METHOD__ == 1 || __FLT_EVAL_METHOD__ == 2)
#error "this target computes float or double in a wider type (x87): results would have other bits; use SSE2"
#endif

/* Returns what sxt_float_leave needs. Writing the register costs more than reading it, so it is left
 * alone where it already holds the default. */
static inline uint64_t sxt_float_enter(void)
{
    uint64_t saved = sxt_float_control();
    if ((saved & ~(uint64_t)SXT_FLOAT_FLAGS) != SXT_FLOAT_DEFAULT)
        sxt_set_float_control(SXT_FLOAT_DEFAULT);
    return saved;
}

static inline void sxt_float_leave(uint64_t saved)
{
    if ((saved & ~(uint64_t)SXT_FLOAT_FLAGS) != SXT_FLOAT_DEFAULT)
        sxt_set_float_control(saved);
}

#endif
