/* long_math.c - the functions behind the exact values of the other tests have the digits of long double. */
#include "assertions.h"
#include "long_math.h"

static void check(const char *what, long double computed, long double known)
{
    /* Double-double arithmetic and our own functions lose a few of the last bits. */
    long double within = fmaxl(ldexpl(1, 3 - LDBL_MANT_DIG), ldexpl(1, -98));
    CHECK(fabsl(computed / known - 1) <= within, "%s: off by %g of it", what, (double)fabsl(computed / known - 1));
}

/* Digits of the constants: OEIS A001113, A002162, A002391, A002392, A073744, A068985. */
static void check_known_digits(void)
{
    check("exp(1)", expl(1), 2.71828182845904523536028747135266249775725L);
    check("exp(-1)", expl(-1), 0.36787944117144232159552377016146086744581L);
    check("log(2)", logl(2), 0.69314718055994530941723212145817656807550L);
    check("log(3)", logl(3), 1.09861228866810969139524523692252570464749L);
    check("log(10)", logl(10), 2.30258509299404568401799145468436420760110L);
    check("log1p(1)", log1pl(1), 0.69314718055994530941723212145817656807550L);
    check("log1p(-1/4) + log(4)", log1pl(-0.25L) + logl(4), 1.09861228866810969139524523692252570464749L);
    check("tanh(1)", tanhl(1), 0.76159415595576488811945828260479359041277L);
    check("tanh(-1)", tanhl(-1), -0.76159415595576488811945828260479359041277L);
    /* x - x^2/2 + x^3/3 - x^4/4: the next term is 2^-160 of it. */
    long double x = 0x1p-40L;
    check("log1p(2^-40)", log1pl(x), x - x * x / 2 + x * x * x / 3 - x * x * x * x / 4);
}

/* Each undoes the other, over the exponents that the tests use. */
static void check_inverses(void)
{
    for (int k = -700; k <= 700; k += 7) {
        long double x = k + 0.3L, lost = fmaxl(ldexpl(1, 14 - LDBL_MANT_DIG), ldexpl(1, -90));
        CHECK(fabsl(logl(expl(x)) - x) <= lost, "log(exp(%g))", (double)x);
        CHECK(fabsl(expl(x) * expl(-x) - 1) <= lost, "exp(%g) exp(-that)", (double)x);
    }
}

static void check_special(void)
{
    const long double inf = (long double)INFINITY;
    CHECK(expl(inf) == inf && expl(-inf) == 0 && expl(0) == 1, "exp");
    CHECK(logl(inf) == inf && logl(0) == -inf && logl(1) == 0, "log");
    CHECK(log1pl(inf) == inf && log1pl(-1) == -inf && log1pl(0) == 0, "log1p");
    CHECK(tanhl(inf) == 1 && tanhl(-inf) == -1 && tanhl(0) == 0, "tanh");
    CHECK(isnan(expl((long double)NAN)) && isnan(logl(-1)) && isnan(log1pl((long double)NAN)), "not a number");
}

int main(void)
{
    check_known_digits();
    check_inverses();
    check_special();
    return check_report("long_math");
}
