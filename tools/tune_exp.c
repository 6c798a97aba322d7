/* tune_exp.c - the coefficients EXP_F32_* of constants.h: those that make_coefficients.py fits, changed by chance and
 * kept wherever the largest error of 1 + r + p relative to exp, its roundings included, gets smaller.
 *
 *   cc -O3 -march=native -ffp-contract=off tools/tune_exp.c -o /tmp/tune -lm && /tmp/tune
 *
 * The roundings weigh more than the polynomial's own error: a fit alone, 0.264 of 2^-24, leaves a tenth of the error
 * on the table. The arguments that tuning looks at are those of all floats that were worst so far, and some by
 * chance. A minute; tools/check_exp.c says what it comes to. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/numbers/constants.h"

enum { MOST = 3000000, DEGREE = 4, ROUNDS = 4, TRIALS = 4000 };

typedef struct {
    double least, most;
} range;

static float r0[MOST], low[MOST];
static double exact[MOST];
static int count;

/* As exp_reduce of math_tmpl.h reduces x. */
static double reduce(float x, float *first, float *second)
{
    float z = fmaf(x, LOG2E_F32, 0x1.8p23f) - 0x1.8p23f;
    *first = fmaf(-z, LN2_F32_HI, x);
    *second = z * -LN2_F32_LO;
    return exp((double)*first - (double)z * (LN2_F64_HI - (double)LN2_F32_HI));
}

/* In units of 2^-24. */
static double error_of(const float *c, float first, float second, double expected)
{
    float r = first + second, q = c[DEGREE];
    for (int k = DEGREE - 1; k >= 0; k--)
        q = fmaf(q, r, c[k]);
    double p = (double)fmaf(q, r * r, second);
    return ((1.0 + (double)first - expected) + p) / expected * 0x1p24;
}

static double widen(range *w, double error)
{
    w->least = error < w->least ? error : w->least;
    w->most = error > w->most ? error : w->most;
    return w->most > -w->least ? w->most : -w->least;
}

static double worst(const float *c, int n, range *w)
{
    double error = 0.0;
    *w = (range){0.0, 0.0};
    for (int i = 0; i < n; i++)
        error = widen(w, error_of(c, r0[i], low[i], exact[i]));
    return error;
}

static void keep(float x)
{
    if (count < MOST) {
        exact[count] = reduce(x, &r0[count], &low[count]);
        count++;
    }
}

/* Every stride-th float up to 2^17 in magnitude; those with an error beyond the limit join the sample. */
static void scan(const float *c, double limit, uint32_t stride)
{
    range w = {0.0, 0.0};
    for (uint32_t bits = 0x3d000000u; bits < 0x48000000u; bits += stride)
        for (int sign = -1; sign <= 1; sign += 2) {
            float x, first, second;
            memcpy(&x, &bits, sizeof x);
            x *= (float)sign;
            double expected = reduce(x, &first, &second), error = error_of(c, first, second, expected);
            widen(&w, error);
            if (fabs(error) > limit)
                keep(x);
        }
    printf("every %u. float: %.5f to %.5f of 2^-24; %d in the sample\n", stride, w.least, w.most, count);
    fflush(stdout);
}

static float neighbour(float x, int steps)
{
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits += steps;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void improve(float *best)
{
    static const int reach[DEGREE + 1] = {1, 40, 400, 3000, 40000};
    range w;
    double error = worst(best, count, &w);
    for (int trial = 0; trial < TRIALS; trial++) {
        float c[DEGREE + 1];
        int finer = trial < TRIALS / 3 ? 1 : trial < 3 * TRIALS / 4 ? 8 : 40;
        for (int k = 0; k <= DEGREE; k++) {
            int span = reach[k] / finer + 1;
            c[k] = rand() % 2 ? neighbour(best[k], rand() % (2 * span + 1) - span) : best[k];
        }
        if (worst(c, count < 20000 ? count : 20000, &w) >= error)
            continue;
        double here = worst(c, count, &w);
        if (here < error) {
            error = here;
            memcpy(best, c, sizeof c);
            printf("%.4f to %.4f: %af %af %af %af %af\n", w.least, w.most, (double)c[0], (double)c[1], (double)c[2],
                   (double)c[3], (double)c[4]);
        }
    }
}

int main(void)
{
    float best[DEGREE + 1] = {EXP_F32_0, EXP_F32_1, EXP_F32_2, EXP_F32_3, EXP_F32_4};
    for (int i = 0; i < 60000; i++)
        keep((float)((double)rand() / (double)RAND_MAX * 200.0 - 100.0));
    for (int round = 0; round < ROUNDS; round++) {
        scan(best, 0.215, round == 0 ? 5 : 2);
        improve(best);
    }
    scan(best, 9.0, 1);
    return 0;
}
