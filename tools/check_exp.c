/* check_exp.c - the largest errors of the float exponential over all floats that it is given: those up to 2^17 in
 * magnitude (math_tmpl.h), each reduced as an element of a row whose maximum it is. Two figures, in
 * units of 2^-24 of the exact value: the term as stored, and the two parts of it, of which the sums are made.
 * docs/accuracy.md builds on them.
 *
 *   cc -O2 -march=native -ffp-contract=off -Isrc tools/check_exp.c -lm -lpthread \
 *       -o /tmp/check && /tmp/check
 *
 * It is compiled for the widest instruction set that the compiler is allowed; they all give
 * the same bits. The reference is the C library's double exponential of the argument reduced in long double.
 * Exit status 1 if a figure exceeds the one stated in math_tmpl.h. About half a minute on two cores. */
#define _GNU_SOURCE
#if defined(__AVX512F__) && defined(__AVX512DQ__)
#define SXT_ISA avx512
#elif defined(__AVX2__) && defined(__FMA__)
#define SXT_ISA avx2
#elif defined(__ARM_NEON)
#define SXT_ISA neon
#else
#define SXT_ISA scalar
#endif
#include "numbers/math.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

enum { MAX_THREADS = 256, FIGURES = 2 };

static const struct {
    const char *name;
    double stated;
} figures[FIGURES] = {{"term as stored", 1.0}, {"1 + r + p", 0.237}};

typedef struct {
    pthread_t thread;
    uint32_t begin, end; /* bits of |x| */
    double error[FIGURES];
    float at[FIGURES];
} share;

static void note(share *s, int figure, double error, float x)
{
    if (!(error <= s->error[figure])) {
        s->error[figure] = error;
        s->at[figure] = x;
    }
}

/* W consecutive arguments as maxima of rows of their own. */
static void check_lanes(share *s, const float *x)
{
    float magic[f32_W], low[f32_W], zero[f32_W], n_ref[f32_W], unit, out[3][f32_W];
    for (int k = 0; k < f32_W; k++) {
        f32_ref ref = f32_make_ref(x[k], x[k], f32_natural(), &n_ref[k], &unit);
        magic[k] = ref.magic;
        low[k] = ref.low;
        zero[k] = 0.0f;
    }
    f32_v none = f32_load(zero);
    f32_vref ref = {none, f32_load(magic), f32_load(low), none, none, NULL, 0};
    f32_raised parts = f32_exp_raise(f32_exp_reduce(f32_load(x), NULL, &ref), NULL);
    f32_store(out[0], f32_exp_term(f32_load(x), NULL, &ref));
    f32_store(out[1], parts.r);
    f32_store(out[2], parts.p);
    for (int k = 0; k < f32_W; k++) {
        long double reduced = (long double)x[k] - (long double)n_ref[k] * 0.693147180559945309417232121458176568L;
        double exact = exp((double)reduced), unit = exact * 0x1p-24;
        note(s, 0, fabs((double)out[0][k] * 0x1p-75 - exact) / unit, x[k]);
        note(s, 1, fabs((1.0 + (double)out[1][k] + (double)out[2][k]) - exact) / unit, x[k]);
    }
}

static void *check_share(void *argument)
{
    share *s = argument;
    float x[f32_W];
    for (uint32_t bits = s->begin; bits < s->end; bits += f32_W)
        for (uint32_t sign = 0; sign < 2; sign++) {
            for (uint32_t k = 0; k < f32_W; k++) {
                uint32_t b = (bits + k) | sign << 31;
                memcpy(&x[k], &b, sizeof b);
            }
            check_lanes(s, x);
        }
    return NULL;
}

int main(void)
{
    static share shares[MAX_THREADS];
    long threads = sysconf(_SC_NPROCESSORS_ONLN);
    threads = threads < 1 ? 1 : threads > MAX_THREADS ? MAX_THREADS : threads;
    uint64_t blocks = (f32_scalar_bits(0x1p17f) + 1u) / 16u;
    for (long i = 0; i < threads; i++) {
        shares[i].begin = (uint32_t)(blocks * (uint64_t)i / (uint64_t)threads * 16u);
        shares[i].end = (uint32_t)(blocks * (uint64_t)(i + 1) / (uint64_t)threads * 16u);
        pthread_create(&shares[i].thread, NULL, check_share, &shares[i]);
    }
    for (long i = 0; i < threads; i++)
        pthread_join(shares[i].thread, NULL);
    int failed = 0;
    printf("%s, all floats up to 2^17 in magnitude\n", SXT_TEXT(SXT_ISA));
    for (int figure = 0; figure < FIGURES; figure++) {
        share *worst = &shares[0];
        for (long i = 1; i < threads; i++)
            worst = shares[i].error[figure] > worst->error[figure] ? &shares[i] : worst;
        failed |= !(worst->error[figure] <= figures[figure].stated);
        printf("%-16s %.6f of 2^-24 at %a (stated: %g)\n", figures[figure].name, worst->error[figure],
               (double)worst->at[figure], figures[figure].stated);
    }
    return failed;
}
