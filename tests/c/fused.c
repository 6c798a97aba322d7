/* fused.c - the fma that is used where the C library's is wrong, beside the processor's or the library's where that
 * is right, and the one in use, whichever it is, on the cases that libraries get wrong. */
#include "vectors/fused.h"

#include "assertions.h"
#include "random.h"

#include <string.h>

static double used(double x, double y, double z) { return fma(x, y, z); }
static float used_f(float x, float y, float z) { return fmaf(x, y, z); }

#if !SXT_SOFTWARE_FMA
#undef SXT_SOFTWARE_FMA
#define SXT_SOFTWARE_FMA 1
double sxt_fma(double x, double y, double z);
float sxt_fmaf(float x, float y, float z);
#include "vectors/fused.c"
#define COMPARE
#endif

static uint64_t bits_here(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return x != x ? 1 : bits;
}

static uint32_t bits_here_f(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return x != x ? 1 : bits;
}

static void check_known(double x, double y, double z, double expected)
{
    volatile double a = x, b = y, c = z;
    double r = used(a, b, c), soft = sxt_fma(a, b, c);
    CHECK(bits_here(r) == bits_here(expected), "fma(%a, %a, %a) is %a", x, y, z, r);
    CHECK(bits_here(soft) == bits_here(expected), "sxt_fma(%a, %a, %a) is %a", x, y, z, soft);
}

static void check_known_f(float x, float y, float z, float expected)
{
    volatile float a = x, b = y, c = z;
    float r = used_f(a, b, c), soft = sxt_fmaf(a, b, c);
    CHECK(bits_here_f(r) == bits_here_f(expected), "fmaf(%a, %a, %a) is %a", (double)x, (double)y, (double)z, (double)r);
    CHECK(bits_here_f(soft) == bits_here_f(expected), "sxt_fmaf(%a, %a, %a) is %a", (double)x, (double)y, (double)z,
          (double)soft);
}

static void check_known_values(void)
{
    const double least = 0x1p-1074, most = 0x1.fffffffffffffp1023, inf = INFINITY, nan = NAN;
    check_known(-1e-300, 1e-300, 0.0, -0.0); /* the exact value is below 0 */
    check_known(-1e-300, 1e-300, -0.0, -0.0);
    check_known(1e-300, 1e-300, -0.0, 0.0);
    check_known(1.0, 0.0, -0.0, 0.0);
    check_known(-1.0, 0.0, -0.0, -0.0);
    check_known(3.0, 5.0, -15.0, 0.0);
    check_known(least, 0.5, 0.0, 0.0); /* a tie goes to even, */
    check_known(least, 0.5, least, 2 * least);
    check_known(least, 0.5, -least, -0.0);
    check_known(least, 0x1.0000000000001p-1, 0.0, least); /* and beyond the tie up */
    check_known(least, 0.25, least, least);
    check_known(0x1p-537, 0x1p-538, 0x1p-1022, 0x1p-1022); /* half a unit, a tie */
    check_known(0x1.0000000000001p-537, 0x1p-538, 0x1p-1022, 0x1.0000000000001p-1022);
    check_known(1.0 + 0x1p-52, 1.0 - 0x1p-53, -1.0, 0x1.ffffffffffffep-54);
    check_known(1.0, 1.0, 0x1p-53, 1.0);
    check_known(0x1.8p0, 0x1p-53, 1.0, 1.0 + 0x1p-52);
    check_known(most, 1.0, 0x1p969, most);
    check_known(most, 1.0, 0x1p970, inf); /* half a unit beyond the largest */
    check_known(most, 2.0, -most, most);
    check_known(most, 2.0, -inf, -inf); /* no infinity from a product that would overflow alone */
    check_known(inf, 0.0, 1.0, nan);
    check_known(inf, 1.0, -inf, nan);
    check_known(1.0, nan, 1.0, nan);
    check_known(1.0, 1.0, nan, nan);
    /* Rounded to double first, these would be ties of float. */
    check_known_f(0x1.000002p0f, 0x1.000002p-24f, 0x1p-54f, 0x1.000004p-24f);
    check_known_f(0x1.8p0f, 0x1p-24f, 1.0f, 0x1.000002p0f);
    check_known_f(0x1.000002p0f, 0x1.fffffep-25f, 1.0f, 0x1.000002p0f);
    check_known_f(0x1p-24f, 1.0f + 0x1p-23f, 1.0f, 0x1.000002p0f);
    check_known_f(0x1p-75f, 0x1p-75f, 0.0f, 0.0f);
    check_known_f(-0x1p-76f, 0x1p-76f, 0.0f, -0.0f);
    check_known_f(0x1p-75f, 0x1.000002p-75f, 0.0f, 0x1p-149f);
    check_known_f(0x1p127f, 2.0f, -INFINITY, -INFINITY);
}

#if defined(COMPARE)
/* A double whose exponent lies in a window, with many zeros at the end now and then. */
static double some_double(random_source *source, int low, int width)
{
    uint64_t bits = random_bits(source);
    if (random_below(source, 3) == 0)
        bits &= ~(uint64_t)0 << random_below(source, 53);
    int field = low + (int)random_below(source, (uint64_t)width);
    field = field < 0 ? 0 : field > 2046 ? 2046 : field;
    bits = (bits & ~((uint64_t)0x7ff << 52)) | (uint64_t)field << 52;
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void compare_doubles(random_source *source)
{
    static const int middles[] = {1023, 500, 512, 530, 1500, 1540};
    for (int i = 0; i < 400000; i++) {
        int middle = middles[i % 6];
        double x = some_double(source, middle - 20, 40), y = some_double(source, middle - 20, 40);
        double z = some_double(source, 2 * middle - 1023 - 130, 260);
        if (i % 7 == 0)
            z = -x * y; /* all but the last bits cancel */
        double expected = used(x, y, z), r = sxt_fma(x, y, z);
        CHECK(bits_here(r) == bits_here(expected), "%a * %a + %a = %a, not %a", x, y, z, expected, r);
    }
}

static void compare_floats(random_source *source)
{
    for (int i = 0; i < 400000; i++) {
        int middle = i % 2 ? 1023 : 1023 - 70;
        float x = (float)some_double(source, middle - 8, 16), y = (float)some_double(source, middle - 8, 16);
        float z = (float)some_double(source, 2 * middle - 1023 - 60, 120);
        if (i % 7 == 0)
            z = -x * y;
        float expected = used_f(x, y, z), r = sxt_fmaf(x, y, z);
        CHECK(bits_here_f(r) == bits_here_f(expected), "%a * %a + %a = %a, not %a", (double)x, (double)y, (double)z,
              (double)expected, (double)r);
    }
}
#endif

int main(void)
{
    check_known_values();
#if defined(COMPARE)
    random_source source = {7};
    compare_doubles(&source);
    compare_floats(&source);
#else
    printf("left out: the comparison with the C library's fma, which is not used here\n");
#endif
    return check_report("fused");
}
