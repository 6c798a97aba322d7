/* elementwise.c - sigmoid, log_sigmoid and the binary cross-entropy stay within the header's bounds on
 * random bit patterns, subnormal results and saturated logits, for every element type on every usable
 * instruction set; reduced losses are the exact sums of the losses, in whatever order. */
#include "assertions.h"
#include "long_math.h"
#include "numbers.h"
#include "random.h"

#include <math.h>
#include <string.h>

enum { COUNT = 4000 };

static random_source source = {20090204};
static sxt_dtype dtype;

/* In ULP, by dtype; losses of 16-bit logits are floats within the first. */
static const double bound[SXT_DTYPES] = {1, 1, 2, 3}, combined_bound[SXT_DTYPES] = {2, 2, 4, 8};

/* COUNT contiguous elements. */
typedef struct {
    double memory[COUNT]; /* as bytes: wide and aligned enough for every type */
    sxt_dtype dtype;
    ptrdiff_t shape, stride;
    sxt_array array;
} column;

static sxt_array *column_init(column *c, sxt_dtype type)
{
    memset(c->memory, 0, sizeof c->memory);
    c->dtype = type;
    c->shape = COUNT;
    c->stride = (ptrdiff_t)size_of(type);
    c->array = (sxt_array){c->memory, type, 1, &c->shape, &c->stride};
    return &c->array;
}

static double column_get(const column *c, int i) { return number_get(c->dtype, c->memory, i); }

/* The spacing of a type at x, subnormal numbers included. */
static long double spacing(sxt_dtype type, long double x)
{
    number_format format = number_formats[type];
    int least = 2 - (1 << (format.exponent_bits - 1)), exponent = x == 0 ? least : ilogbl(x);
    return ldexpl(1, (exponent > least ? exponent : least) - format.mantissa_bits);
}

/* Whether x rounds to an infinity of the type. */
static bool overflows(sxt_dtype type, long double x)
{
    number_format format = number_formats[type];
    int top = (1 << (format.exponent_bits - 1)) - 1;
    return fabsl(x) >= ldexpl(2 - ldexpl(1, -format.mantissa_bits - 1), top);
}

/* Within `limit` ULP at the larger of exact and scale. */
static void check_close(const char *what, const column *c, int i, long double exact, long double scale,
                        double limit)
{
    double computed = column_get(c, i);
    if (overflows(c->dtype, exact))
        exact = copysignl((long double)INFINITY, exact);
    double error = number_ulps(c->dtype, computed, exact);
    scale = fabsl(scale) > fabsl(exact) ? scale : exact;
    if (error > limit && isfinite(computed) && isfinite(exact))
        error = (double)(fabsl((long double)computed - exact) / spacing(c->dtype, scale));
    CHECK(error <= limit, "%s of element %d, %s on %s: %.17g, exact %.20Lg", what, i, dtype_names[dtype],
          sxt_isa(), computed, exact);
    CHECK(number_is_canonical(c->dtype, c->memory, i), "%s of element %d: NaN is not canonical", what, i);
}

/* ---- logits -------------------------------------------------------------------------------------------- */

/* A quarter each: ordinary, any magnitude, where results become subnormal, any bits at all. */
static void random_logits(column *x)
{
    size_t size = size_of(dtype);
    char *bytes = (char *)x->memory;
    random_values(&source, VALUES_MODERATE, dtype, COUNT / 4, bytes);
    random_values(&source, VALUES_WIDE, dtype, COUNT / 4, bytes + COUNT / 4 * size);
    for (int i = COUNT / 2; i < COUNT * 3 / 4; i++) {
        double reach = dtype == SXT_F64 ? 760 : 110;
        number_put(dtype, bytes, i, reach * (2 * random_unit(&source) - 1));
    }
    random_values(&source, VALUES_ANY_BITS, dtype, COUNT - COUNT * 3 / 4, bytes + COUNT * 3 / 4 * size);
}

static long double logistic(long double x)
{
    long double u = expl(-fabsl(x));
    return (x < 0 ? u : 1) / (1 + u);
}

/* log(1 + exp(x)). */
static long double softplus(long double x) { return (x > 0 ? x : isnan(x) ? x : 0) + log1pl(expl(-fabsl(x))); }

static void check_maps(const column *x)
{
    static column y;
    sxt_array *out = column_init(&y, dtype);
    CHECK(sxt_sigmoid(&x->array, out) == SXT_OK, "sigmoid");
    for (int i = 0; i < COUNT; i++)
        check_close("sigmoid", &y, i, logistic(column_get(x, i)), 0, bound[dtype]);
    CHECK(sxt_log_sigmoid(&x->array, out) == SXT_OK, "log_sigmoid");
    for (int i = 0; i < COUNT; i++)
        check_close("log_sigmoid", &y, i, -softplus(-(long double)column_get(x, i)), 0, bound[dtype]);
}

/* ---- binary cross-entropy -------------------------------------------------------------------------------- */

typedef struct {
    bool soft, weighted;
    double grad_scale;
} binary_case;

typedef struct {
    column x, target, weight, pos_weight, grad_output, losses, grad, hess;
} binary_columns;

/* 0 * anything is 0 for a coefficient, unless the logit is NaN. */
static long double term(long double coefficient, long double value)
{
    return coefficient == 0 && !isnan(value) ? 0 : coefficient * value;
}

static void check_element(const binary_columns *b, const binary_case *how, int i)
{
    long double x = column_get(&b->x, i), t = column_get(&b->target, i);
    long double w = how->weighted ? column_get(&b->weight, i) : 1;
    long double v = how->weighted ? column_get(&b->pos_weight, i) : 1;
    long double scale = w * how->grad_scale * (how->weighted ? column_get(&b->grad_output, i) : 1);
    long double no = 1 - t, yes = v * t, p = logistic(x), q = logistic(-x);
    check_close("loss", &b->losses, i, term(w, term(no, softplus(x)) + term(yes, softplus(-x))), 0,
                bound[dtype]);
    long double size = how->soft ? fabsl(scale) * fmaxl(p * (no + yes), yes) : 0;
    check_close("grad", &b->grad, i, scale * (no * p - yes * q), size, bound[dtype]);
    check_close("hess", &b->hess, i, scale * (no + yes) * p * q, 0, combined_bound[dtype]);
}

static void check_sum(sxt_binary_args args, const binary_columns *b)
{
    double sum, mean, reversed;
    long double exact = 0;
    ptrdiff_t back = -b->x.stride;
    args.losses = NULL;
    args.grad_output = NULL;
    args.reduction = SXT_SUM;
    args.loss = &sum;
    CHECK(sxt_binary_cross_entropy(&args) == SXT_OK, "sum");
    args.reduction = SXT_MEAN;
    args.loss = &mean;
    CHECK(sxt_binary_cross_entropy(&args) == SXT_OK, "mean");
    for (int i = 0; i < COUNT; i++)
        exact += column_get(&b->losses, i);
    long double rounded = overflows(SXT_F64, exact) ? (long double)INFINITY : exact;
    CHECK(number_ulps(SXT_F64, sum, rounded) <= 1, "sum %.17g, exact %.20Lg", sum, exact);
    CHECK(number_ulps(SXT_F64, mean, exact / COUNT) <= 1, "mean %.17g, exact %.20Lg", mean, exact / COUNT);

    sxt_array x = args.logits, target = *args.target;
    x.data = (char *)x.data + (COUNT - 1) * b->x.stride;
    target.data = (char *)target.data + (COUNT - 1) * b->x.stride;
    x.strides = target.strides = &back;
    sxt_binary_args other = {.logits = x, .target = &target, .grad_scale = 1, .from_logits = 1,
                             .reduction = SXT_SUM, .loss = &reversed};
    if (!args.weight) {
        CHECK(sxt_binary_cross_entropy(&other) == SXT_OK, "reversed");
        CHECK(memcmp(&sum, &reversed, sizeof sum) == 0, "sum %.17g, reversed %.17g", sum, reversed);
    }
}

static void check_binary(const column *x, binary_case how)
{
    static binary_columns b;
    b.x = *x;
    sxt_binary_args args = {.grad_scale = how.grad_scale, .from_logits = 1};
    args.logits = *column_init(&b.x, dtype);
    memcpy(b.x.memory, x->memory, sizeof x->memory);
    args.target = column_init(&b.target, dtype);
    args.losses = column_init(&b.losses, loss_dtype(dtype));
    args.grad = column_init(&b.grad, dtype);
    args.hess = column_init(&b.hess, dtype);
    for (int i = 0; i < COUNT; i++)
        number_put(dtype, b.target.memory, i, (double)random_below(&source, 2));
    if (how.soft)
        random_values(&source, VALUES_FRACTION, dtype, COUNT, b.target.memory);
    if (how.weighted) {
        args.weight = column_init(&b.weight, dtype);
        args.pos_weight = column_init(&b.pos_weight, dtype);
        args.grad_output = column_init(&b.grad_output, dtype);
        random_values(&source, VALUES_FRACTION, dtype, COUNT, b.weight.memory);
        random_values(&source, VALUES_FRACTION, dtype, COUNT, b.pos_weight.memory);
        random_values(&source, VALUES_MODERATE, dtype, COUNT, b.grad_output.memory);
        for (int i = 0; i < COUNT; i += 7)
            number_put(dtype, b.weight.memory, i, 0);
    }
    CHECK(sxt_binary_cross_entropy(&args) == SXT_OK, "binary_cross_entropy");
    for (int i = 0; i < COUNT; i++)
        check_element(&b, &how, i);
    check_sum(args, &b);
}

/* Sums of finite losses: those of all bits are NaN as a rule. */
static void check_finite(void)
{
    static column x;
    column_init(&x, dtype);
    random_values(&source, VALUES_WIDE, dtype, COUNT, x.memory);
    check_binary(&x, (binary_case){.grad_scale = 1});
    random_values(&source, VALUES_MODERATE, dtype, COUNT, x.memory);
    check_binary(&x, (binary_case){.soft = true, .grad_scale = 1});
}

/* ---- probabilities ---------------------------------------------------------------------------------------- */

/* -log p, at most 100, as in torch.nn.BCELoss. */
static long double clamped(long double log) { return log > -100 ? -log : 100; }

static void check_probabilities(void)
{
    static column p, target, losses, grad;
    sxt_binary_args args = {.grad_scale = 1, .from_logits = 0};
    args.logits = *column_init(&p, dtype);
    args.target = column_init(&target, dtype);
    args.losses = column_init(&losses, loss_dtype(dtype));
    args.grad = column_init(&grad, dtype);
    for (int i = 0; i < COUNT; i++) {
        double tiny = ldexp(random_unit(&source), -(int)random_below(&source, 200));
        number_put(dtype, p.memory, i, i == 0 ? 0 : i == 1 ? 1 : random_below(&source, 2) ? tiny : 1 - tiny);
        number_put(dtype, target.memory, i, (double)random_below(&source, 2));
    }
    CHECK(sxt_binary_cross_entropy(&args) == SXT_OK, "probabilities");
    for (int i = 0; i < COUNT; i++) {
        long double x = column_get(&p, i), t = column_get(&target, i);
        check_close("loss", &losses, i, clamped(t > 0 ? logl(x) : log1pl(-x)), 0, bound[dtype]);
        check_close("grad", &grad, i, (x - t) / fmaxl(x * (1 - x), 1e-12L), 0, bound[dtype]);
    }
}

/* ---- special values ----------------------------------------------------------------------------------------- */

static void check_limits(void)
{
    static column x, target, losses, grad;
    const double inf = (double)INFINITY, nan = (double)NAN;
    /* logit, target, loss, gradient */
    const double rows[][4] = {{inf, 1, 0, 0},     {inf, 0, inf, 1},  {-inf, 1, inf, -1}, {-inf, 0, 0, 0},
                              {inf, 0.5, inf, 0.5}, {nan, 1, nan, nan}, {0, nan, nan, nan}};
    sxt_binary_args args = {.grad_scale = 1, .from_logits = 1};
    args.logits = *column_init(&x, dtype);
    args.target = column_init(&target, dtype);
    args.losses = column_init(&losses, loss_dtype(dtype));
    args.grad = column_init(&grad, dtype);
    int count = (int)(sizeof rows / sizeof rows[0]);
    for (int i = 0; i < COUNT; i++) {
        number_put(dtype, x.memory, i, rows[i % count][0]);
        number_put(dtype, target.memory, i, rows[i % count][1]);
    }
    CHECK(sxt_binary_cross_entropy(&args) == SXT_OK, "limits");
    for (int i = 0; i < COUNT; i++) {
        check_close("loss", &losses, i, rows[i % count][2], 0, 0);
        check_close("grad", &grad, i, rows[i % count][3], 0, 0);
    }
}

int main(void)
{
    static column x;
    const char *isa;
    for (int k = 0; (isa = sxt_usable_isa(k)) != NULL; k++) {
        CHECK(sxt_select_isa(isa) == SXT_OK, "%s", isa);
        for (dtype = SXT_F16; dtype < SXT_DTYPES; dtype++) {
            column_init(&x, dtype);
            random_logits(&x);
            check_maps(&x);
            check_binary(&x, (binary_case){.grad_scale = 1});
            check_binary(&x, (binary_case){.grad_scale = 0.7318 / 3});
            check_binary(&x, (binary_case){.soft = true, .grad_scale = 1});
            check_binary(&x, (binary_case){.weighted = true, .grad_scale = 1});
            check_binary(&x, (binary_case){.soft = true, .weighted = true, .grad_scale = 3});
            check_finite();
            check_probabilities();
            check_limits();
        }
    }
    return check_report("elementwise");
}
