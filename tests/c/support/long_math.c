/* long_math.c - exponential and logarithm in 113 bits, of which the last ten or so are not right. */
#include "long_math.h"

#if TEST_OWN_LONG_MATH

static const long double ln2 = 0.693147180559945309417232121458176568L;

/* exp(x) - 1 by Taylor's series for |x| <= 0.36, where 28 terms are enough. */
static long double series(long double x)
{
    long double sum = 0;
    for (int k = 28; k >= 1; k--)
        sum = (sum + 1) * x / k;
    return sum;
}

long double test_expl(long double x)
{
    if (!(fabsl(x) < 12000))
        return x != x ? x : x > 0 ? (long double)INFINITY : 0;
    int k = (int)rint((double)x / 0.6931471805599453);
    return ldexpl(1 + series(x - k * ln2), k);
}

static long double expm1_of(long double x) { return fabsl(x) < 0.35L ? series(x) : test_expl(x) - 1; }

/* One step of Newton from the logarithm in double: its relative error is squared. */
long double test_log1pl(long double x)
{
    if (!(fabsl(x) < 0.5L))
        return test_logl(1 + x);
    long double y = log1p((double)x), e = expm1_of(y);
    return y + (x - e) / (1 + e);
}

long double test_logl(long double x)
{
    if (!(x > 0) || x == (long double)INFINITY)
        return x == 0 ? -(long double)INFINITY : x > 0 || x != x ? x : (long double)NAN;
    int k;
    long double fraction = frexpl(x, &k);
    if (fraction < 0.70710678L) {
        fraction *= 2;
        k--;
    }
    return k * ln2 + test_log1pl(fraction - 1);
}

long double test_tanhl(long double x)
{
    long double e = expm1_of(-2 * fabsl(x));
    return copysignl(-e / (2 + e), x);
}

#endif
