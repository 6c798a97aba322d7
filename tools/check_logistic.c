/* check_logistic.c - the largest errors of sigmoid, log_sigmoid and the binary cross-entropy with targets 0
 * and 1 over all 2^32 floats, in ULP, with the arguments they occur at.
 *
 *   cc -O2 -Isrc tools/check_logistic.c build/c/libsoftxent.a -lm -lpthread -o /tmp/check && /tmp/check
 *
 * The reference is the C library's double arithmetic, whose own error is below 2^-28 float ULP. Exit status
 * 1 if a figure stated in logistic_f32.h is exceeded. About two minutes on two cores; an argument (an instruction set)
 * selects the kernels. */
#define _GNU_SOURCE
#include "softxent.h"

#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 1 << 15, MAX_THREADS = 256 };

enum { SIGMOID, LOG_SIGMOID, LOSS_0, GRAD_0, HESS_0, LOSS_1, GRAD_1, HESS_1, OUTPUTS };

static const struct {
    const char *name;
    double stated;
} outputs[OUTPUTS] = {{"sigmoid", 0.79},        {"log_sigmoid", 1.77},  {"loss, target 0", 1.77},
                      {"grad, target 0", 1.04}, {"hess, target 0", 1.48}, {"loss, target 1", 1.77},
                      {"grad, target 1", 1.04}, {"hess, target 1", 1.48}};

typedef struct {
    double error[OUTPUTS];
    float at[OUTPUTS];
} worst;

typedef struct {
    pthread_t thread;
    int64_t begin, end; /* chunks */
    worst worst;
} share;

typedef struct {
    float x[CHUNK], target[2][CHUNK], result[OUTPUTS][CHUNK];
} buffers;

static sxt_array array_of(float *data, const ptrdiff_t *shape, const ptrdiff_t *stride)
{
    return (sxt_array){data, SXT_F32, 1, shape, stride};
}

static void compute(buffers *b)
{
    static const ptrdiff_t shape[] = {CHUNK}, stride[] = {sizeof(float)};
    sxt_array x = array_of(b->x, shape, stride), out[OUTPUTS], target[2];
    for (int k = 0; k < OUTPUTS; k++)
        out[k] = array_of(b->result[k], shape, stride);
    sxt_sigmoid(&x, &out[SIGMOID]);
    sxt_log_sigmoid(&x, &out[LOG_SIGMOID]);
    for (int t = 0; t < 2; t++) {
        int first = t ? LOSS_1 : LOSS_0;
        target[t] = array_of(b->target[t], shape, stride);
        sxt_binary_args args = {.logits = x, .target = &target[t], .grad_scale = 1.0, .from_logits = 1,
                                .losses = &out[first], .grad = &out[first + 1], .hess = &out[first + 2]};
        sxt_binary_cross_entropy(&args);
    }
}

/* |got - exact| in units of the float spacing at exact. */
static double ulps(float got, double exact)
{
    if (!(fabs(exact) < (double)INFINITY))
        return (isnan(exact) && isnan(got)) || (double)got == exact ? 0.0 : (double)INFINITY;
    uint64_t bits;
    memcpy(&bits, &exact, sizeof bits);
    int exponent = (int)(bits >> 52 & 0x7ff) - 1023 - 23;
    bits = (uint64_t)(1023 - (exponent > -149 ? exponent : -149)) << 52;
    double inverse;
    memcpy(&inverse, &bits, sizeof inverse);
    return fabs((double)got - exact) * inverse;
}

static void compare(const buffers *b, worst *w)
{
    for (int i = 0; i < CHUNK; i++) {
        double x = (double)b->x[i], u = exp(-fabs(x)), l = log1p(u), q = u / (1.0 + u), p = 1.0 / (1.0 + u);
        double up = x < 0.0 ? q : p, down = x < 0.0 ? p : q; /* sigmoid(x), sigmoid(-x) */
        double loss[2] = {fmax(x, 0.0) + l, fmax(-x, 0.0) + l};
        if (isnan(x))
            up = down = loss[0] = loss[1] = l;
        const double exact[OUTPUTS] = {up, -loss[1], loss[0], up, p * q, loss[1], -down, p * q};
        for (int k = 0; k < OUTPUTS; k++) {
            double error = ulps(b->result[k][i], exact[k]);
            if (!(error <= w->error[k])) {
                w->error[k] = error;
                w->at[k] = b->x[i];
            }
        }
    }
}

static void *check_share(void *argument)
{
    static _Thread_local buffers b;
    share *s = argument;
    for (int i = 0; i < CHUNK; i++) {
        b.target[0][i] = 0.0f;
        b.target[1][i] = 1.0f;
    }
    for (int64_t chunk = s->begin; chunk < s->end; chunk++) {
        for (int i = 0; i < CHUNK; i++) {
            uint32_t bits = (uint32_t)(chunk * CHUNK + i);
            memcpy(&b.x[i], &bits, sizeof bits);
        }
        compute(&b);
        compare(&b, &s->worst);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc > 1 && sxt_select_isa(argv[1]) != SXT_OK) {
        printf("instruction set %s is not usable here\n", argv[1]);
        return 1;
    }
    sxt_set_num_threads(1);
    static share shares[MAX_THREADS];
    long threads = sysconf(_SC_NPROCESSORS_ONLN);
    threads = threads < 1 ? 1 : threads > MAX_THREADS ? MAX_THREADS : threads;
    int64_t chunks = (INT64_C(1) << 32) / CHUNK;
    for (long i = 0; i < threads; i++) {
        shares[i].begin = chunks * i / threads;
        shares[i].end = chunks * (i + 1) / threads;
        pthread_create(&shares[i].thread, NULL, check_share, &shares[i]);
    }
    worst all = {{0.0}, {0.0f}};
    for (long i = 0; i < threads; i++) {
        pthread_join(shares[i].thread, NULL);
        for (int k = 0; k < OUTPUTS; k++)
            if (shares[i].worst.error[k] > all.error[k]) {
                all.error[k] = shares[i].worst.error[k];
                all.at[k] = shares[i].worst.at[k];
            }
    }
    int failed = 0;
    printf("%s, all floats\n", sxt_isa());
    for (int k = 0; k < OUTPUTS; k++) {
        failed |= all.error[k] > outputs[k].stated;
        printf("%-16s %.4f ULP at %a (stated: %g)\n", outputs[k].name, all.error[k], (double)all.at[k],
               outputs[k].stated);
    }
    return failed;
}
