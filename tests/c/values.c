/* values.c - results with a closed form, for every element type on every usable instruction set. */
#include "assertions.h"
#include "long_math.h"
#include "numbers.h"

#include <math.h>
#include <string.h>

enum { MAX_CLASSES = 1000 };

static sxt_dtype dtype;

/* Bounds of the header in ULP, by dtype. */
static const double softmax_bound[SXT_DTYPES] = {1, 1, 2, 2.5}, log_softmax_bound[SXT_DTYPES] = {1, 1, 1, 2};
static const double loss_bound[SXT_DTYPES] = {1, 1, 1, 2}, gradient_bound[SXT_DTYPES] = {1, 1, 2, 3};

/* A contiguous row of the type under test. */
typedef struct {
    double memory[MAX_CLASSES]; /* as bytes: wide and aligned enough for every type */
    ptrdiff_t shape, stride;
    sxt_array array;
} row;

static void row_init(row *r, ptrdiff_t n)
{
    memset(r->memory, 0, sizeof r->memory);
    r->shape = n;
    r->stride = (ptrdiff_t)size_of(dtype);
    r->array = (sxt_array){r->memory, dtype, 1, &r->shape, &r->stride};
}

static void row_set(row *r, ptrdiff_t n, const double *values)
{
    row_init(r, n);
    for (ptrdiff_t i = 0; i < n; i++)
        number_put(dtype, r->memory, i, values[i]);
}

static double row_get(const row *r, ptrdiff_t i) { return number_get(dtype, r->memory, i); }

static void check_value(const char *what, double computed, long double exact, sxt_dtype type,
                        double bound)
{
    CHECK(number_ulps(type, computed, exact) <= bound, "%s %s on %s: %.17g, exact %.20Lg", what,
          dtype_names[dtype], sxt_isa(), computed, exact);
}

/* All three row functions of one row. NULL: not checked. */
static void check_row(ptrdiff_t n, const double *x, const long double *probs,
                      const long double *log_probs, long double lse)
{
    row in, out;
    row_set(&in, n, x);
    row_init(&out, n);
    CHECK(sxt_softmax(&in.array, 1, NULL, &out.array) == SXT_OK, "softmax");
    for (ptrdiff_t i = 0; i < n; i++)
        check_value("softmax", row_get(&out, i), probs[i], dtype, softmax_bound[dtype]);
    CHECK(sxt_log_softmax(&in.array, 1, NULL, &out.array) == SXT_OK, "log_softmax");
    for (ptrdiff_t i = 0; i < n; i++)
        check_value("log_softmax", row_get(&out, i), log_probs[i], dtype, log_softmax_bound[dtype]);
    double result = 0;
    CHECK(sxt_logsumexp(&in.array, 1, NULL, NULL, &result, NULL) == SXT_OK, "logsumexp");
    check_value("logsumexp", number_get(loss_dtype(dtype), &result, 0), lse, loss_dtype(dtype),
                log_softmax_bound[dtype]);
}

/* n equal logits: 1/n, -log n, x + log n. */
static void check_equal_logits(void)
{
    static const ptrdiff_t lengths[] = {1, 2, 3, 7, 10, 16, 33, 100, MAX_CLASSES};
    double x[MAX_CLASSES];
    long double probs[MAX_CLASSES], log_probs[MAX_CLASSES];
    for (size_t k = 0; k < sizeof lengths / sizeof lengths[0]; k++) {
        ptrdiff_t n = lengths[k];
        for (ptrdiff_t i = 0; i < n; i++) {
            x[i] = 1.5;
            probs[i] = 1 / (long double)n;
            log_probs[i] = -logl((long double)n);
        }
        check_row(n, x, probs, log_probs, 1.5L + logl((long double)n));
    }
}

/* (d, 0): the logistic function and its logarithm, up to differences where one class vanishes. */
static void check_two_classes(void)
{
    static const double differences[] = {0.5, 1, 2, 4.25, 8, 16.5, 40, 80, 96};
    for (size_t k = 0; k < sizeof differences / sizeof differences[0]; k++) {
        long double d = differences[k], small = expl(-d) / (1 + expl(-d));
        double x[2] = {differences[k], 0};
        long double probs[2] = {1 / (1 + expl(-d)), small};
        long double log_probs[2] = {-log1pl(expl(-d)), -d - log1pl(expl(-d))};
        check_row(2, x, probs, log_probs, d + log1pl(expl(-d)));
    }
}

static void check_special_rows(void)
{
    const double inf = (double)INFINITY, nan = (double)NAN;
    check_row(3, (double[]){-inf, 2, -inf}, (long double[]){0, 1, 0}, (long double[]){-inf, 0, -inf}, 2);
    check_row(2, (double[]){-inf, -inf}, (long double[]){nan, nan}, (long double[]){nan, nan}, -inf);
    check_row(2, (double[]){inf, 1}, (long double[]){nan, nan}, (long double[]){nan, nan}, inf);
    check_row(3, (double[]){inf, nan, 1}, (long double[]){nan, nan, nan},
              (long double[]){nan, nan, nan}, nan);
}

/* Entries that are left out: 0 and -inf there, and the others as if they were alone. */
static void check_mask(void)
{
    row in, out;
    row_set(&in, 4, (double[]){3, 1.5, (double)NAN, 1.5});
    row_init(&out, 4);
    unsigned char keep[4] = {0, 1, 0, 7};
    ptrdiff_t step = 1;
    sxt_mask where = {keep, &step};
    CHECK(sxt_softmax(&in.array, 1, &where, &out.array) == SXT_OK, "softmax");
    for (int i = 0; i < 4; i++)
        check_value("masked softmax", row_get(&out, i), keep[i] ? 0.5L : 0, dtype,
                    keep[i] ? softmax_bound[dtype] : 0);
    CHECK(sxt_log_softmax(&in.array, 1, &where, &out.array) == SXT_OK, "log_softmax");
    for (int i = 0; i < 4; i++)
        check_value("masked log_softmax", row_get(&out, i), keep[i] ? -logl(2) : -HUGE_VALL, dtype,
                    log_softmax_bound[dtype]);
    memset(keep, 0, sizeof keep);
    CHECK(sxt_softmax(&in.array, 1, &where, &out.array) == SXT_OK, "softmax");
    check_value("softmax, nothing left", row_get(&out, 1), 0, dtype, 0);
}

/* ---- cross-entropy ------------------------------------------------------------------------------ */

/* Two rows: a confident right answer, whose loss and gradient must not vanish, and equal logits. */
typedef struct {
    row logits, grad;
    double losses[2], loss;
    int64_t labels[2];
    ptrdiff_t shape[2], strides[2];
    sxt_cross_entropy_args args;
} two_rows;

static void two_rows_init(two_rows *t, sxt_reduction reduction)
{
    row_set(&t->logits, 6, (double[]){20, 0, 0, 1, 1, 1});
    row_init(&t->grad, 6);
    t->labels[0] = 0;
    t->labels[1] = 2;
    t->shape[0] = 2;
    t->shape[1] = 3;
    t->strides[1] = (ptrdiff_t)size_of(dtype);
    t->strides[0] = 3 * t->strides[1];
    t->logits.array.ndim = t->grad.array.ndim = 2;
    t->logits.array.shape = t->grad.array.shape = t->shape;
    t->logits.array.strides = t->grad.array.strides = t->strides;
    t->args = (sxt_cross_entropy_args){
        .logits = t->logits.array, .axis = 1, .labels = t->labels, .grad_scale = 1, .logit_scale = 1,
        .reduction = reduction, .from_logits = 1, .grad = &t->grad.array};
    if (reduction == SXT_NONE)
        t->args.row_losses = t->losses;
    else
        t->args.loss = &t->loss;
}

/* The exact gradient of row 0 and row 1, each times its weight. */
static void check_gradient(const two_rows *t, const char *what, long double weight0,
                           long double weight1)
{
    long double other = expl(-20) / (1 + 2 * expl(-20)), third = 1 / 3.0L;
    long double exact[6] = {-2 * other * weight0, other * weight0, other * weight0,
                            third * weight1, third * weight1, -2 * third * weight1};
    for (int i = 0; i < 6; i++)
        check_value(what, row_get(&t->grad, i), exact[i], dtype, gradient_bound[dtype]);
}

static void check_cross_entropy(void)
{
    long double loss0 = log1pl(2 * expl(-20)), loss1 = logl(3);
    sxt_dtype type = loss_dtype(dtype);
    two_rows t;
    two_rows_init(&t, SXT_NONE);
    CHECK(sxt_cross_entropy(&t.args, NULL) == SXT_OK, "none");
    check_value("loss", number_get(type, t.losses, 0), loss0, type, loss_bound[dtype]);
    check_value("loss", number_get(type, t.losses, 1), loss1, type, loss_bound[dtype]);
    check_gradient(&t, "gradient", 1, 1);

    two_rows_init(&t, SXT_SUM);
    CHECK(sxt_cross_entropy(&t.args, NULL) == SXT_OK, "sum");
    check_value("sum", t.loss, loss0 + loss1, type, 2 * loss_bound[dtype]);
    check_gradient(&t, "gradient of the sum", 1, 1);

    two_rows_init(&t, SXT_MEAN);
    const double weight[3] = {3, 5, 1};
    t.args.weight = weight;
    CHECK(sxt_cross_entropy(&t.args, NULL) == SXT_OK, "mean");
    check_value("weighted mean", t.loss, (3 * loss0 + loss1) / 4, type, 2 * loss_bound[dtype]);
    check_gradient(&t, "gradient of the weighted mean", 0.75L, 0.25L);
}

static void check_ignored_rows(void)
{
    long double loss0 = log1pl(2 * expl(-20));
    sxt_dtype type = loss_dtype(dtype);
    two_rows t;
    two_rows_init(&t, SXT_MEAN);
    t.args.has_ignore_index = 1;
    t.args.ignore_index = t.labels[1] = -100;
    number_put(dtype, t.logits.memory, 4, (double)NAN);
    CHECK(sxt_cross_entropy(&t.args, NULL) == SXT_OK, "one row ignored");
    check_value("mean without the ignored row", t.loss, loss0, type, loss_bound[dtype]);
    check_gradient(&t, "gradient with an ignored row", 1, 0);
    t.labels[0] = -100;
    CHECK(sxt_cross_entropy(&t.args, NULL) == SXT_OK, "all rows ignored");
    check_value("mean of nothing", t.loss, (long double)NAN, type, 0);
    check_gradient(&t, "gradient of nothing", 0, 0);
    two_rows_init(&t, SXT_SUM);
    t.shape[0] = 0;
    CHECK(sxt_cross_entropy(&t.args, NULL) == SXT_OK, "empty batch");
    check_value("sum of nothing", t.loss, 0, type, 0);
}

int main(void)
{
    const char *isa;
    for (int k = 0; (isa = sxt_usable_isa(k)) != NULL; k++) {
        CHECK(sxt_select_isa(isa) == SXT_OK, "%s", isa);
        for (dtype = SXT_F16; dtype < SXT_DTYPES; dtype++) {
            check_equal_logits();
            check_two_classes();
            check_special_rows();
            check_mask();
            check_cross_entropy();
            check_ignored_rows();
        }
    }
    return check_report("values");
}
