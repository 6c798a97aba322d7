/* linear.c - cross-entropy of a linear layer, tile by tile: losses, penalties and gradients against the
 * formulas in long double, for rows that are hard on floating point, however they are cut into tiles. */
#include "assertions.h"
#include "long_math.h"
#include "random.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { MOST = 5003, MOST_TILES = 64 };

static random_source source = {19980315};
static sxt_dtype dtype;

/* Bounds of sxt_cross_entropy for the plain loss in ULP, by dtype. */
static const double loss_bound[SXT_DTYPES] = {0, 0, 1, 2}, gradient_bound[SXT_DTYPES] = {0, 0, 2, 3};
/* More than these where the coefficients of all classes are added up. */
enum { DENSE_LOSS = 1, DENSE_GRADIENT = 2 };

/* One row and what its loss is made of; the rest of the arrays is not used. */
typedef struct {
    ptrdiff_t n;
    int tiles;
    bool has_bias, has_base, has_probs;
    int64_t label;
    double share, softcap, z_loss, grad_scale, z_scale;
    double products[MOST], bias[MOST], probs[MOST], base[MOST], slope[MOST];
} row;

static row x;
static double products[MOST], bias[MOST], probs[MOST]; /* as bytes: of the type under test */
static double gradient[MOST], loss, penalty;

static sxt_array array_of(double *memory, const ptrdiff_t *shape, const ptrdiff_t *strides)
{
    return (sxt_array){memory, dtype, 2, shape, strides};
}

static char *item(double *memory, ptrdiff_t i) { return (char *)memory + i * (ptrdiff_t)size_of(dtype); }

/* ---- the library ---------------------------------------------------------------------------------- */

typedef struct {
    ptrdiff_t begin, end;
} cut;

/* Tiles of random widths in random order. */
static void draw_cuts(cut cuts[MOST_TILES])
{
    ptrdiff_t at = 0;
    for (int k = 0; k < x.tiles; k++) {
        ptrdiff_t left = x.n - at, even = left / (x.tiles - k);
        ptrdiff_t end = k + 1 == x.tiles ? x.n : at + (ptrdiff_t)random_below(&source, 2 * (uint64_t)even + 1);
        cuts[k] = (cut){at, end < x.n ? end : x.n};
        at = cuts[k].end;
    }
    for (int k = x.tiles - 1; k > 0 && random_below(&source, 2); k--) {
        int other = (int)random_below(&source, (uint64_t)k + 1);
        cut swapped = cuts[k];
        cuts[k] = cuts[other];
        cuts[other] = swapped;
    }
}

static void call_tile(cut c, bool want_gradient, sxt_linear_row *state)
{
    ptrdiff_t shape[2] = {1, c.end - c.begin}, strides[2] = {0, (ptrdiff_t)size_of(dtype)};
    sxt_array targets = array_of(probs, shape, strides);
    targets.data = item(probs, c.begin);
    sxt_linear_tile tile = {.logits = array_of(products, shape, strides), .first_class = c.begin,
                            .softcap = x.softcap};
    tile.logits.data = item(products, c.begin);
    tile.bias = x.has_bias ? item(bias, c.begin) : NULL;
    tile.base = x.has_base ? x.base + c.begin : NULL;
    tile.probs = x.has_probs ? &targets : NULL;
    tile.slope = x.has_probs ? x.slope + c.begin : NULL;
    sxt_status status = want_gradient ? sxt_linear_gradient(&tile, state) : sxt_linear_add(&tile, state);
    CHECK(status == SXT_OK, "status %d", (int)status);
}

static void compute(void)
{
    cut cuts[MOST_TILES];
    sxt_linear_row state;
    sxt_linear_loss parts = {.share = x.has_probs ? NULL : &x.share, .z_loss = x.z_loss,
                             .grad_scale = x.grad_scale, .z_scale = x.z_scale};
    for (ptrdiff_t i = 0; i < x.n; i++) {
        number_put(dtype, products, i, x.products[i]);
        number_put(dtype, bias, i, x.bias[i]);
        number_put(dtype, probs, i, x.probs[i]);
    }
    draw_cuts(cuts);
    CHECK(sxt_linear_begin(&state, 1, x.has_probs ? NULL : &x.label) == SXT_OK, "begin");
    for (int k = 0; k < x.tiles; k++)
        call_tile(cuts[k], false, &state);
    CHECK(sxt_linear_finish(&parts, &state, 1, &loss, &penalty) == SXT_OK, "finish");
    for (int k = 0; k < x.tiles; k++)
        call_tile(cuts[k], true, &state);
    for (ptrdiff_t i = 0; i < x.n; i++) {
        gradient[i] = number_get(dtype, products, i);
        CHECK(number_is_canonical(dtype, products, i), "gradient: not the canonical NaN, on %s", sxt_isa());
    }
    CHECK(number_is_canonical(SXT_F64, &loss, 0) && number_is_canonical(SXT_F64, &penalty, 0),
          "loss %g, penalty %g: not the canonical NaN, on %s", loss, penalty, sxt_isa());
}

/* ---- the formulas --------------------------------------------------------------------------------- */

static long double z[MOST], z_slope[MOST], q[MOST];

static double spacing(long double at)
{
    double digits = dtype == SXT_F64 ? DBL_MANT_DIG : FLT_MANT_DIG;
    double least = dtype == SXT_F64 ? -1074 : -149, exponent = at == 0 ? least : (double)ilogbl(at) + 1 - digits;
    return ldexp(1, (int)(exponent > least ? exponent : least));
}

/* Logits as the library has them, each rounded to the type, and coefficients. */
static void prepare(void)
{
    for (ptrdiff_t i = 0; i < x.n; i++) {
        double u = x.products[i];
        if (x.has_bias)
            u = dtype == SXT_F64 ? u + x.bias[i] : (double)((float)u + (float)x.bias[i]);
        z[i] = u;
        z_slope[i] = 1;
        if (x.softcap != 0) {
            long double e = expl(-2 * fabsl(z[i]) / x.softcap);
            z_slope[i] = 4 * e / ((1 + e) * (1 + e));
            z[i] = x.softcap * tanhl(z[i] / x.softcap);
        }
        q[i] = x.has_base ? x.base[i] : 0;
        q[i] += x.has_probs ? (long double)x.probs[i] * x.slope[i] : i == x.label ? x.share : 0;
    }
}

static ptrdiff_t largest(void)
{
    ptrdiff_t top = 0;
    for (ptrdiff_t i = 1; i < x.n; i++)
        top = z[i] > z[top] ? i : top;
    return top;
}

/* What rounding the capped logits, each off by a few ULP, may add to a loss or a share. */
static long double slack_of(long double size) { return x.softcap == 0 ? 0 : 8 * spacing(x.softcap) * size; }

static void check_close(const char *what, double computed, long double exact, long double scale, double ulps,
                        long double slack)
{
    double error = (double)fabsl(computed - exact);
    bool same = computed == exact || (isnan(computed) && isnan(exact));
    CHECK(same || error <= ulps * spacing(scale) + slack,
          "%s %s on %s: %.17g, exact %.20Lg: %g ULP; classes %td, tiles %d, label %lld, share %g, largest %Lg, "
          "bias %d, base %d, probs %d, cap %g", what, dtype_names[dtype], sxt_isa(), computed, exact,
          error / spacing(scale), x.n, x.tiles, (long long)x.label, x.share, z[largest()], x.has_bias, x.has_base,
          x.has_probs, x.softcap);
}

/* The first maximum is left out of the sum, and its share of the whole taken from the others. */
static void check_row(void)
{
    prepare();
    compute();
    ptrdiff_t top = largest();
    long double others = 0, mass = 0, exact = 0;
    for (ptrdiff_t i = 0; i < x.n; i++) {
        others += i == top ? 0 : expl(z[i] - z[top]);
        mass += q[i];
    }
    long double above = log1pl(others), lse = z[top] + above;
    for (ptrdiff_t i = 0; i < x.n; i++)
        exact += q[i] == 0 ? 0 : q[i] * ((z[top] - z[i]) + above);
    bool plain = !x.has_base && !x.has_probs;
    /* lse itself is not small next to 1 but for chance: its error is that of the sum */
    long double lse_error = slack_of(1) + (dtype == SXT_F64 ? 0x1p-56L : 0x1p-45L);
    check_close("loss", loss, exact, exact, loss_bound[dtype] + (plain ? 0 : DENSE_LOSS),
                x.share == 0 ? lse_error * mass : slack_of(mass));
    long double size = fmaxl(fabsl(z[top]), fabsl(lse)), wanted = (long double)x.z_loss * lse * lse;
    check_close("penalty", penalty, wanted, (long double)x.z_loss * size * size, 2 * loss_bound[dtype],
                lse_error * 2 * x.z_loss * fabsl(lse));
    long double z_gain = 2 * x.z_loss * x.z_scale;
    for (ptrdiff_t i = 0; i < x.n; i++) {
        long double p = (i == top ? 1 : expl(z[i] - z[top])) / (1 + others);
        long double rest = i == top ? others / (1 + others) : 1 - p, push = z_gain * lse * p;
        long double up = x.grad_scale * (mass - q[i]) * p, down = x.grad_scale * q[i] * rest;
        long double value = (up - down + push) * z_slope[i];
        long double scale = plain && x.z_loss == 0 ? value : (up + x.grad_scale * q[i] + fabsl(push)) * z_slope[i];
        check_close("gradient", gradient[i], value, scale, gradient_bound[dtype] + (plain ? 0 : DENSE_GRADIENT),
                    slack_of(x.grad_scale * mass + fabsl(push) + fabsl(value)) + lse_error * z_gain * p);
    }
}

/* ---- rows ----------------------------------------------------------------------------------------- */

static double normal(void)
{
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += random_unit(&source);
    return sum;
}

static double rounded(double value)
{
    double memory;
    number_put(dtype, &memory, 0, value);
    return number_get(dtype, &memory, 0);
}

typedef enum { SPREAD, HOLES, TIES, DOMINATED, ASCENDING, NUM_SHAPES } row_shape;

static double logit(row_shape shape, double scale, ptrdiff_t i, ptrdiff_t special)
{
    switch (shape) {
    case HOLES:
        return i != special && random_below(&source, 3) == 0 ? -(double)INFINITY : scale * normal();
    case TIES:
        return scale * (double)random_below(&source, 3);
    case DOMINATED:
        return i == special ? scale : 0.1 * normal();
    case ASCENDING:
        return scale * (double)i / (double)x.n;
    default:
        return scale * normal();
    }
}

/* A row with random options; the label is the special class every other time. */
static void draw_row(row_shape shape, double scale, ptrdiff_t n)
{
    ptrdiff_t special = (ptrdiff_t)random_below(&source, (uint64_t)n);
    bool plain = random_below(&source, 2);
    x.n = n;
    x.tiles = 1 + (int)random_below(&source, random_below(&source, 4) ? 4 : MOST_TILES);
    x.has_bias = random_below(&source, 2);
    x.has_base = !plain && random_below(&source, 2);
    x.has_probs = !plain && random_below(&source, 2);
    x.label = random_below(&source, 2) ? special : (int64_t)random_below(&source, (uint64_t)n);
    x.share = random_below(&source, 8) ? 0.9 : 0;
    x.softcap = plain || random_below(&source, 3) ? 0 : 30;
    x.z_loss = plain || random_below(&source, 2) ? 0 : 1e-3;
    x.grad_scale = random_below(&source, 2) ? 1 : 0.375;
    x.z_scale = 0.25;
    for (ptrdiff_t i = 0; i < n; i++) {
        x.products[i] = rounded(logit(shape, scale, i, special));
        x.bias[i] = rounded(random_below(&source, 5) ? scale / 64 * normal() : 0);
        x.probs[i] = rounded(random_below(&source, 4) ? random_unit(&source) : 0);
        x.base[i] = random_below(&source, 6) ? 0.1 / (double)n : 0;
        x.slope[i] = random_below(&source, 6) ? 0.9 : 0;
    }
}

static void check_rows(void)
{
    static const double scales[] = {1e-8, 1e-3, 0.5, 3, 20, 95, 800, 1.3e5, 1.4e5, 1e10, 1e30};
    for (size_t k = 0; k < sizeof scales / sizeof scales[0]; k++)
        for (row_shape shape = 0; shape < NUM_SHAPES; shape++)
            for (int repeat = 0; repeat < 40; repeat++) {
                double scale = random_below(&source, 2) ? scales[k] : -scales[k];
                draw_row(shape, scale, 1 + (ptrdiff_t)random_below(&source, 90));
                check_row();
            }
}

/* Longer than the pieces of a row that the library takes at once. */
static void check_long_rows(void)
{
    for (row_shape shape = 0; shape < NUM_SHAPES; shape++) {
        draw_row(shape, 12, MOST);
        check_row();
    }
}

/* ---- special rows --------------------------------------------------------------------------------- */

/* A plain row of n logits, one tile each, with the first one's label. */
static void set_row(ptrdiff_t n, const double *values)
{
    x.n = n;
    x.tiles = (int)n;
    x.has_bias = x.has_base = x.has_probs = false;
    x.label = 0;
    x.share = x.grad_scale = x.z_scale = 1;
    x.softcap = 0;
    x.z_loss = 1e-3;
    for (ptrdiff_t i = 0; i < n; i++) {
        x.products[i] = values[i];
        x.bias[i] = x.probs[i] = x.base[i] = 0;
        x.slope[i] = 1;
    }
}

static void expect_nan(const char *what)
{
    compute();
    CHECK(isnan(loss) && isnan(penalty), "%s, %s on %s: loss %g, penalty %g", what, dtype_names[dtype], sxt_isa(),
          loss, penalty);
    for (ptrdiff_t i = 0; i < x.n; i++)
        CHECK(isnan(gradient[i]), "%s, %s on %s: gradient %g", what, dtype_names[dtype], sxt_isa(), gradient[i]);
}

static void check_undefined_rows(void)
{
    const double inf = (double)INFINITY, nan = copysign((double)NAN, -1);
    const double plain[3] = {1, 2, 3}, holes[3] = {-inf, -inf, -inf};
    set_row(3, holes);
    expect_nan("all -inf");
    for (int i = 0; i < 3; i++) {
        set_row(3, plain);
        x.products[i] = nan;
        expect_nan("NaN");
        set_row(3, holes);
        x.products[i] = nan;
        expect_nan("NaN among -inf");
        set_row(3, plain);
        x.products[i] = inf;
        expect_nan("inf");
        set_row(3, plain);
        x.has_bias = true;
        x.bias[i] = nan;
        expect_nan("NaN bias");
        set_row(3, plain);
        x.has_probs = true;
        x.probs[i] = nan;
        expect_nan("NaN target");
        set_row(3, plain);
        x.softcap = 5;
        x.products[i] = nan;
        expect_nan("NaN under a cap");
    }
}

/* The two infinite parts of the loss are of different signs. */
static void check_undefined_loss(void)
{
    set_row(3, (double[]){-(double)INFINITY, 0, -(double)INFINITY});
    x.has_probs = true;
    x.probs[0] = 1;
    x.probs[2] = -1;
    compute();
    CHECK(isnan(loss), "%s on %s: loss %g", dtype_names[dtype], sxt_isa(), loss);
    CHECK(gradient[0] == -1 && gradient[1] == 0 && gradient[2] == 1, "%s on %s: gradient %g, %g, %g",
          dtype_names[dtype], sxt_isa(), gradient[0], gradient[1], gradient[2]);
}

/* A factor that is no finite number leaves no gradient. */
static void check_undefined_factors(void)
{
    const double factors[] = {copysign((double)NAN, -1), (double)INFINITY, -(double)INFINITY};
    for (int k = 0; k < 6; k++) {
        set_row(3, (double[]){-(double)INFINITY, 2, 3});
        *(k < 3 ? &x.grad_scale : &x.share) = factors[k % 3];
        compute();
        CHECK(isnan(gradient[0]) && isnan(gradient[1]) && isnan(gradient[2]), "%s on %s: gradient %g, %g, %g",
              dtype_names[dtype], sxt_isa(), gradient[0], gradient[1], gradient[2]);
    }
}

/* Logits that are as far apart as they can be, of which only the largest counts. */
static void check_widest_row(void)
{
    double most = dtype == SXT_F64 ? DBL_MAX : (double)FLT_MAX;
    set_row(2, (double[]){-most, most});
    x.has_probs = true;
    x.probs[1] = 1;
    x.z_loss = 0;
    for (int repeat = 0; repeat < 4; repeat++) {
        compute();
        CHECK(loss == 0 && penalty == 0 && gradient[0] == 0 && gradient[1] == 0,
              "%s on %s: loss %g, penalty %g, gradient %g, %g", dtype_names[dtype], sxt_isa(), loss, penalty,
              gradient[0], gradient[1]);
    }
}

/* A label without a share costs nothing, however unlikely it is. */
static void check_worthless_label(void)
{
    set_row(2, (double[]){-(double)INFINITY, 1});
    x.share = 0;
    compute();
    CHECK(loss == 0, "%s on %s: loss %g", dtype_names[dtype], sxt_isa(), loss);
    x.share = 1;
    x.z_loss = 0;
    compute();
    CHECK(loss == (double)INFINITY && gradient[0] == -1 && number_ulps(dtype, gradient[1], 1) <= gradient_bound[dtype],
          "%s on %s: loss %g, gradient %g, %g", dtype_names[dtype], sxt_isa(), loss, gradient[0], gradient[1]);
}

int main(void)
{
    const char *isa;
    for (int k = 0; (isa = sxt_usable_isa(k)) != NULL; k++) {
        CHECK(sxt_select_isa(isa) == SXT_OK, "%s", isa);
        for (dtype = SXT_F32; dtype < SXT_DTYPES; dtype++) {
            check_rows();
            check_long_rows();
            check_undefined_rows();
            check_undefined_loss();
            check_undefined_factors();
            check_widest_row();
            check_worthless_label();
        }
    }
    return check_report("linear");
}
