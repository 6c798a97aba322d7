/* streaming.c - log-sum-exp in pieces against long double: rows that are hard on floating point, in chunks of
 * any size, that are added to any number of sums, which are merged in any order. */
#include "assertions.h"
#include "long_math.h"
#include "random.h"

#include <math.h>
#include <string.h>

/* MOST is more than one thread takes of a row. */
enum { MOST = 70000, LONG = 20000, MOST_SUMS = 8 };

static random_source source = {19661122};
static sxt_dtype dtype;

/* A row, in the type under test and as numbers. */
static ptrdiff_t length;
static double memory[MOST], x[MOST];

static void set_row(ptrdiff_t n, const double *values)
{
    length = n;
    for (ptrdiff_t i = 0; i < n; i++) {
        number_put(dtype, memory, i, values[i]);
        x[i] = number_get(dtype, memory, i);
    }
}

static void update(sxt_exp_sum *sum, ptrdiff_t begin, ptrdiff_t end)
{
    ptrdiff_t shape = end - begin, stride = (ptrdiff_t)size_of(dtype);
    sxt_array chunk = {(char *)memory + begin * stride, dtype, 1, &shape, &stride};
    CHECK(sxt_exp_sum_update(sum, &chunk, 1) == SXT_OK, "update");
}

static double log_of(const sxt_exp_sum *sum)
{
    double result = -1;
    CHECK(sxt_exp_sum_log(sum, 1, &result) == SXT_OK, "log");
    CHECK(number_is_canonical(SXT_F64, &result, 0), "not the canonical NaN, on %s", sxt_isa());
    return result;
}

/* The row in chunks of at most `longest`, each added to a random sum; the sums merged two by two. */
static sxt_exp_sum stream(ptrdiff_t longest)
{
    sxt_exp_sum sums[MOST_SUMS] = {{0, 0, 0, 0}};
    int left = 1 + (int)random_below(&source, MOST_SUMS);
    for (ptrdiff_t begin = 0, end; begin < length; begin = end) {
        end = begin + (ptrdiff_t)random_below(&source, (uint64_t)longest + 1);
        end = end < length ? end : length;
        update(&sums[random_below(&source, (uint64_t)left)], begin, end);
    }
    for (; left > 1; left--) {
        sxt_exp_sum *into = &sums[random_below(&source, (uint64_t)left - 1)];
        sxt_exp_sum one = *into, other = *into;
        sxt_exp_sum turned = sums[left - 1];
        CHECK(sxt_exp_sum_merge(&one, &sums[left - 1], 1) == SXT_OK, "merge");
        CHECK(sxt_exp_sum_merge(&turned, &other, 1) == SXT_OK, "merge");
        CHECK(memcmp(&one, &turned, sizeof one) == 0, "merging %a with %a depends on which is first", other.hi,
              sums[left - 1].hi);
        *into = one;
    }
    return sums[0];
}

/* ---- rows with a finite result -------------------------------------------------------------------- */

/* hi is in [2^512, 2^513), and what it stands for is off by 2^-56 of the chunks it came from; where a
 * long double holds it. */
static void check_sum(const sxt_exp_sum *sum, double max, long double scaled)
{
    CHECK(sum->hi >= 0x1p512 && sum->hi < 0x1p513, "hi %a", sum->hi);
    if (fabs(max) > 5000)
        return;
    long double found = ldexpl(sum->hi, (int)sum->exponent) + ldexpl(sum->lo, (int)sum->exponent);
    double error = (double)fabsl(found * expl((long double)sum->shift - max) / scaled - 1);
    CHECK(error <= 0x1p-55, "%s on %s: a sum of %td is off by %a", dtype_names[dtype], sxt_isa(), length, error);
}

/* Sum of exp(x - max) but for one maximum, with the rounding errors of the additions. */
static long double sum_without_one(double max)
{
    long double sum = 0, low = 0;
    bool seen = false;
    for (ptrdiff_t i = 0; i < length; i++) {
        long double term = expl((long double)x[i] - max), before = sum;
        if (x[i] == max && !seen) {
            seen = true;
            continue;
        }
        sum = before + term;
        low += before > term ? term - (sum - before) : before - (sum - term);
    }
    return sum + low;
}

static void check_stream(ptrdiff_t longest)
{
    sxt_exp_sum sum = stream(longest);
    double result = log_of(&sum), max = -(double)INFINITY;
    for (ptrdiff_t i = 0; i < length; i++)
        max = x[i] > max ? x[i] : max;
    long double others = sum_without_one(max);
    long double exact = max + log1pl(others), scale = fmaxl(fabsl(exact), fabsl((long double)max));
    double error = (double)fabsl(result - exact), bound = 2 * (nextafter((double)scale, HUGE_VAL) - (double)scale);
    CHECK(error <= bound, "%s on %s: %.17g, exact %.20Lg, %td numbers, largest %g", dtype_names[dtype], sxt_isa(),
          result, exact, length, max);
    check_sum(&sum, max, 1 + others);
}

typedef enum { SPREAD, HOLES, TIES, DOMINATED, ASCENDING, NUM_SHAPES } row_shape;

static double normal(void)
{
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += random_unit(&source);
    return sum;
}

static void draw_row(row_shape shape, double scale, ptrdiff_t n)
{
    static double values[MOST];
    ptrdiff_t special = (ptrdiff_t)random_below(&source, (uint64_t)n);
    for (ptrdiff_t i = 0; i < n; i++) {
        values[i] = scale * normal();
        if (shape == HOLES && i != special && random_below(&source, 2))
            values[i] = -(double)INFINITY;
        if (shape == TIES)
            values[i] = scale * (double)random_below(&source, 3);
        if (shape == DOMINATED)
            values[i] = i == special ? scale : 0.1 * normal();
        if (shape == ASCENDING)
            values[i] = scale * (double)i / (double)n;
    }
    set_row(n, values);
}

/* Magnitudes up to where the type ends, and on both sides of 2^17, beyond which sums are shifted. */
static void check_rows(void)
{
    static const double scales[] = {1e-8, 1e-3, 0.5, 3, 20, 95, 800, 1.3e4, 1.31e5, 1.4e5, 1e10, 1e30};
    double top = dtype == SXT_F16 ? 1e4 : 1e30;
    for (size_t k = 0; k < sizeof scales / sizeof scales[0] && scales[k] <= top; k++)
        for (row_shape shape = 0; shape < NUM_SHAPES; shape++)
            for (int repeat = 0; repeat < 20; repeat++) {
                ptrdiff_t n = 1 + (ptrdiff_t)random_below(&source, 90);
                draw_row(shape, random_below(&source, 2) ? scales[k] : -scales[k], n);
                check_stream(1 + (ptrdiff_t)random_below(&source, (uint64_t)n));
            }
}

/* Longer than the pieces a row is summed in; then number by number. */
static void check_long_rows(void)
{
    for (row_shape shape = 0; shape < NUM_SHAPES; shape++) {
        draw_row(shape, 9, MOST);
        check_stream(10 * MOST);
        check_stream(MOST);
        draw_row(shape, 9, LONG);
        check_stream(3000);
        check_stream(1);
    }
}

/* ---- special values ------------------------------------------------------------------------------- */

/* In every order, cut in every place: the result, and the state where it is not finite. */
static void check_special(double a, double b, double c, double expected)
{
    const double values[3] = {a, b, c};
    static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (int k = 0; k < 6; k++) {
        set_row(3, (double[]){values[orders[k][0]], values[orders[k][1]], values[orders[k][2]]});
        for (int longest = 1; longest <= 3; longest++) {
            sxt_exp_sum sum = stream(longest);
            double result = log_of(&sum);
            CHECK(result == expected || (isnan(result) && isnan(expected)), "%g, %g, %g on %s: %g", a, b, c,
                  sxt_isa(), result);
            CHECK(isfinite(expected) || expected < 0 || !(sum.hi < HUGE_VAL), "hi %g for %g", sum.hi, expected);
        }
    }
}

static void check_special_values(void)
{
    const double inf = (double)INFINITY, nan = copysign((double)NAN, -1);
    check_special(-inf, -inf, -inf, -inf);
    check_special(-inf, 2, -inf, 2);
    check_special(-inf, inf, 1, inf);
    check_special(inf, inf, -inf, inf);
    check_special(nan, 1, 2, nan);
    check_special(nan, inf, -inf, nan);
    check_special(nan, nan, inf, nan);
}

/* Sums that came from elsewhere: any NaN gives the canonical one. */
static void check_foreign_nan(void)
{
    static const uint64_t patterns[] = {UINT64_C(0xfff8000000000000), UINT64_C(0x7ff0000000000001),
                                        UINT64_C(0xffffffffffffffff)};
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        sxt_exp_sum sum = {0, 0, 0, 0}, one = {0x1p512, 0, -512, 0};
        memcpy(&sum.hi, &patterns[i], sizeof sum.hi);
        CHECK(isnan(log_of(&sum)), "%g", log_of(&sum));
        CHECK(sxt_exp_sum_merge(&one, &sum, 1) == SXT_OK && isnan(log_of(&one)), "%g", log_of(&one));
    }
}

static void check_nothing(void)
{
    sxt_exp_sum none = {0, 0, 0, 0}, sum = none;
    CHECK(log_of(&none) == -(double)INFINITY, "%g", log_of(&none));
    set_row(2, (double[]){1, 2});
    update(&sum, 1, 1);
    CHECK(memcmp(&sum, &none, sizeof sum) == 0, "an empty chunk left %g", sum.hi);
    update(&sum, 0, 2);
    sxt_exp_sum before = sum;
    CHECK(sxt_exp_sum_merge(&sum, &none, 1) == SXT_OK, "merge");
    CHECK(memcmp(&sum, &before, sizeof sum) == 0, "nothing changed %g", sum.hi);
    CHECK(sxt_exp_sum_merge(&none, &sum, 1) == SXT_OK, "merge");
    CHECK(memcmp(&sum, &none, sizeof sum) == 0, "%g is not nothing and %g", none.hi, sum.hi);
    CHECK(sxt_exp_sum_merge(&sum, &sum, 1) == SXT_OK, "merge with itself");
    CHECK(number_ulps(SXT_F64, log_of(&sum), logl(2 * (expl(1) + expl(2)))) <= 1, "%.17g", log_of(&sum));
    CHECK(sxt_exp_sum_merge(NULL, NULL, 0) == SXT_OK && sxt_exp_sum_log(NULL, 0, NULL) == SXT_OK, "no sums");
}

int main(void)
{
    const char *isa;
    for (int k = 0; (isa = sxt_usable_isa(k)) != NULL; k++) {
        CHECK(sxt_select_isa(isa) == SXT_OK, "%s", isa);
        for (dtype = SXT_F16; dtype < SXT_DTYPES; dtype++) {
            check_rows();
            check_long_rows();
            check_special_values();
            check_nothing();
        }
    }
    check_foreign_nan();
    return check_report("streaming");
}
