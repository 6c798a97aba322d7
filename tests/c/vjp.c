/* vjp.c - the vector-Jacobian products of softmax and log-softmax stay within the header's bounds: lengths
 * around the lanes and blocks, spreads from flat to one class alone, gradients at both ends of a type's
 * range, for every element type on every usable instruction set. */
#include "assertions.h"
#include "long_math.h"
#include "numbers.h"
#include "random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static random_source source = {19890627};
static sxt_dtype dtype;

/* In ULP of the largest term, by dtype. */
static const double bound[SXT_DTYPES] = {2, 2, 4, 8};

typedef struct {
    ptrdiff_t n, stride;
    void *g, *p, *out;
    bool log;
} row;

static sxt_array array_of(const row *r, void *data)
{
    return (sxt_array){data, dtype, 1, &r->n, &r->stride};
}

static void *elements(ptrdiff_t n)
{
    void *memory = calloc((size_t)n, size_of(dtype));
    if (memory == NULL)
        abort();
    return memory;
}

static double normal(void)
{
    return sqrt(-2 * log(1 - random_unit(&source))) * cos(6.283185307179586 * random_unit(&source));
}

/* Gradients of the given size, a few of them 0, and the (log-)softmax of logits of the given spread. */
static row new_row(ptrdiff_t n, bool log, double spread, double size)
{
    row r = {n, (ptrdiff_t)size_of(dtype), elements(n), elements(n), elements(n), log};
    for (ptrdiff_t i = 0; i < n; i++) {
        number_put(dtype, r.p, i, spread * normal());
        number_put(dtype, r.g, i, random_below(&source, 5) ? size * normal() : 0);
    }
    sxt_array p = array_of(&r, r.p);
    CHECK((log ? sxt_log_softmax : sxt_softmax)(&p, 1, NULL, &p) == SXT_OK, "probabilities");
    return r;
}

static void row_free(row *r)
{
    free(r->g);
    free(r->p);
    free(r->out);
}

/* |error| in spacings of the type at the largest term. */
static double error_at(double computed, long double exact, long double scale)
{
    number_format format = number_formats[dtype];
    int least = 2 - (1 << (format.exponent_bits - 1)), exponent = scale == 0 ? least : ilogbl(scale);
    exponent = (exponent > least ? exponent : least) - format.mantissa_bits;
    return (double)(fabsl((long double)computed - exact) * ldexpl(1, -exponent));
}

/* The exact sum loses nothing that counts in long double: Neumaier's compensation. */
static long double sum_of_terms(const row *r, long double *most)
{
    long double sum = 0, low = 0;
    *most = 0;
    for (ptrdiff_t i = 0; i < r->n; i++) {
        long double g = number_get(dtype, r->g, i), t = r->log ? g : g * number_get(dtype, r->p, i), s = sum + t;
        low += fabsl(sum) >= fabsl(t) ? (sum - s) + t : (t - s) + sum;
        sum = s;
        *most = fabsl(t) > *most ? fabsl(t) : *most;
    }
    return sum + low;
}

static void check_row(ptrdiff_t n, bool log, double spread, double size)
{
    row r = new_row(n, log, spread, size);
    sxt_array g = array_of(&r, r.g), p = array_of(&r, r.p), out = array_of(&r, r.out);
    long double most, sum = sum_of_terms(&r, &most);
    CHECK((log ? sxt_log_softmax_grad : sxt_softmax_grad)(&g, &p, 1, &out) == SXT_OK, "gradient");
    most = fabsl(sum) > most ? fabsl(sum) : most;
    for (ptrdiff_t i = 0; i < n; i++) {
        long double gi = number_get(dtype, r.g, i), pi = number_get(dtype, r.p, i);
        pi = log ? expl(pi) : pi;
        long double exact = log ? gi - pi * sum : pi * (gi - sum);
        long double scale = log ? fmaxl(fabsl(gi), pi * most) : pi * fmaxl(fabsl(gi), most);
        double computed = number_get(dtype, r.out, i), error = error_at(computed, exact, scale);
        CHECK(error <= bound[dtype], "%s%s of %td, spread %g, size %g on %s: element %td is %.17g, exact %.20Lg",
              log ? "log " : "", dtype_names[dtype], n, spread, size, sxt_isa(), i, computed, exact);
    }
    row_free(&r);
}

static void check_rows(bool log)
{
    static const ptrdiff_t lengths[] = {1, 2, 3, 7, 15, 16, 17, 95, 96, 97, 1000, 2047, 2048, 2049, 20000};
    static const double small[SXT_DTYPES] = {1e-3, 1e-30, 1e-30, 1e-300}, large[SXT_DTYPES] = {100, 1e30, 1e30, 1e280};
    for (size_t k = 0; k < sizeof lengths / sizeof lengths[0]; k++) {
        check_row(lengths[k], log, 1e-3, 1);
        check_row(lengths[k], log, 1, 1);
        check_row(lengths[k], log, 20, 1);
        check_row(lengths[k], log, 60, small[dtype]);
        check_row(lengths[k], log, dtype == SXT_F64 ? 250 : 30, large[dtype]);
    }
}

/* A row of a million, shared by threads: the same bits as on one. */
static void check_long_row(bool log)
{
    enum { LENGTH = 1 << 20 };
    row r = new_row(LENGTH, log, 5, 1);
    sxt_array g = array_of(&r, r.g), p = array_of(&r, r.p), out = array_of(&r, r.out);
    void *alone = elements(LENGTH);
    sxt_array first = array_of(&r, alone);
    for (int threads = 1; threads <= 3; threads += 2) {
        CHECK(sxt_set_num_threads(threads) == SXT_OK, "threads");
        CHECK((log ? sxt_log_softmax_grad : sxt_softmax_grad)(&g, &p, 1, threads == 1 ? &first : &out) == SXT_OK,
              "gradient");
    }
    CHECK(memcmp(alone, r.out, LENGTH * size_of(dtype)) == 0, "%s on %s", dtype_names[dtype], sxt_isa());
    free(alone);
    row_free(&r);
}

/* NaN and infinities follow IEEE: p (g - dot) with the dot product that any order of addition gives. */
static void check_special(void)
{
    const double inf = (double)INFINITY, nan = (double)NAN;
    const double g[][3] = {{nan, 1, 1}, {inf, 1, 1}, {inf, -inf, 1}, {-inf, 1, 1}};
    const double exact[][3] = {{nan, nan, nan}, {nan, -inf, -inf}, {nan, nan, nan}, {nan, inf, inf}};
    for (int k = 0; k < 4; k++) {
        row r = new_row(3, false, 1, 1);
        for (int i = 0; i < 3; i++)
            number_put(dtype, r.g, i, g[k][i]);
        sxt_array grad = array_of(&r, r.g), p = array_of(&r, r.p);
        CHECK(sxt_softmax_grad(&grad, &p, 1, &grad) == SXT_OK, "in place");
        for (int i = 0; i < 3; i++) {
            double computed = number_get(dtype, r.g, i);
            CHECK(isnan(exact[k][i]) ? isnan(computed) : computed == exact[k][i], "row %d, element %d: %g", k, i,
                  computed);
            CHECK(number_is_canonical(dtype, r.g, i), "row %d, element %d: NaN is not canonical", k, i);
        }
        row_free(&r);
    }
}

int main(void)
{
    const char *isa;
    for (int k = 0; (isa = sxt_usable_isa(k)) != NULL; k++) {
        CHECK(sxt_select_isa(isa) == SXT_OK, "%s", isa);
        for (dtype = SXT_F16; dtype < SXT_DTYPES; dtype++) {
            for (int log = 0; log < 2; log++) {
                check_rows(log);
                check_long_row(log);
            }
            check_special();
        }
    }
    return check_report("vjp");
}
