/* vectors.c - every vector operation of every instruction set of this build and machine, one by one: those that do
 * the same in all lanes against the scalar set, on random bit patterns and pairs of special values; those across lanes
 * against loops; elements of all types and tails of all lengths against the functions for one element. */
#include "vectors/vector_set.h"

#include "assertions.h"
#include "numbers/elements16.h"
#include "random.h"

#include <math.h>
#include <string.h>

enum { BATCHES = 300, HALVES = 1 << 16 };

static random_source source = {19470101};

/* ---- the sets of this build --------------------------------------------------------------------------------- */

#define SXT_ISA_ANY(name, options) ONE_SET(name)
#if defined(__x86_64__)
#define SXT_ISA_X86_64(name, options) ONE_SET(name)
#else
#define SXT_ISA_X86_64(name, options)
#endif
#if defined(__aarch64__)
#define SXT_ISA_AARCH64(name, options) ONE_SET(name)
#else
#define SXT_ISA_AARCH64(name, options)
#endif

#define ONE_SET(name) extern const vector_set vector_set_##name;
#include "isa.def"
#undef ONE_SET

static const vector_set *const sets[] = {
#define ONE_SET(name) &vector_set_##name,
#include "isa.def"
#undef ONE_SET
};

static bool usable(const vector_set *set)
{
    const char *isa;
    for (int k = 0; (isa = sxt_usable_isa(k)) != NULL; k++)
        if (strcmp(isa, set->isa) == 0)
            return true;
    return false;
}

/* ---- lanes ---------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    bool exact;
} operations[] = {
#define ONE_NAME(name, expression, exact) {#name, exact},
    LANE_OPERATIONS(ONE_NAME)
#undef ONE_NAME
};

static bool same(sxt_dtype dtype, const void *a, const void *b, ptrdiff_t i, bool exact)
{
    size_t size = size_of(dtype), at = (size_t)i * size;
    if (memcmp((const char *)a + at, (const char *)b + at, size) == 0)
        return true;
    return !exact && isnan(number_get(dtype, a, i)) && isnan(number_get(dtype, b, i));
}

static void check_lanes(const vector_set *set, sxt_dtype dtype, const void *x, const void *y, const void *z)
{
    double ours[VECTOR_ELEMENTS], scalar[VECTOR_ELEMENTS];
    for (int k = 0; k < LANE_COUNT; k++) {
        set->lanes(k, dtype, x, y, z, ours);
        vector_set_scalar.lanes(k, dtype, x, y, z, scalar);
        for (ptrdiff_t i = 0; i < VECTOR_ELEMENTS; i++)
            CHECK(same(dtype, ours, scalar, i, operations[k].exact), "%s, %s %s of %a, %a, %a: %a, not %a", set->isa,
                  dtype_names[dtype], operations[k].name, number_get(dtype, x, i), number_get(dtype, y, i),
                  number_get(dtype, z, i), number_get(dtype, ours, i), number_get(dtype, scalar, i));
    }
}

static double special_value(sxt_dtype dtype, uint64_t k)
{
    const double least = dtype == SXT_F64 ? 0x1p-1074 : 0x1p-149, normal = dtype == SXT_F64 ? 0x1p-1022 : 0x1p-126;
    const double most = dtype == SXT_F64 ? 0x1.fffffffffffffp1023 : 0x1.fffffep127;
    const double values[] = {0.0, 1.0, 0.5, 3.0, least, normal, most, (double)INFINITY, (double)NAN};
    const uint64_t count = sizeof values / sizeof *values;
    double value = values[k / 2 % count];
    return k % 2 ? -value : value;
}

/* Random bits, moderate values, or combinations of special values. */
static void fill(sxt_dtype dtype, int batch, void *array)
{
    if (batch % 3 < 2)
        random_values(&source, batch % 3 ? VALUES_MODERATE : VALUES_ANY_BITS, dtype, VECTOR_ELEMENTS, array);
    for (ptrdiff_t i = 0; batch % 3 == 2 && i < VECTOR_ELEMENTS; i++)
        number_put(dtype, array, i, special_value(dtype, random_bits(&source)));
}

static void check_type(const vector_set *set, sxt_dtype dtype)
{
    double x[VECTOR_ELEMENTS], y[VECTOR_ELEMENTS], z[VECTOR_ELEMENTS];
    for (int batch = 0; batch < BATCHES; batch++) {
        fill(dtype, batch, x);
        fill(dtype, batch, y);
        fill(dtype, batch, z);
        check_lanes(set, dtype, x, y, z);
        random_values(&source, VALUES_MODERATE, dtype, VECTOR_ELEMENTS, x);
        set->across(dtype, x);
    }
}

/* ---- memory --------------------------------------------------------------------------------------------------- */

/* Elements [0, n) of the type, and not the one behind them. */
static void check_memory(const vector_set *set, sxt_dtype dtype, const void *elements, ptrdiff_t n)
{
    sxt_dtype lane = sxt_is_double(dtype) ? SXT_F64 : SXT_F32;
    double lanes[VECTOR_ELEMENTS], back[VECTOR_ELEMENTS + 1], expected[VECTOR_ELEMENTS + 1];
    memset(back, 0x55, sizeof back);
    memset(expected, 0x55, sizeof expected);
    set->read(dtype, elements, lanes, n);
    for (ptrdiff_t i = 0; i < n; i++) {
        double value = number_get(dtype, elements, i), read = number_get(lane, lanes, i);
        CHECK(read == value ? signbit(read) == signbit(value) : isnan(read) && isnan(value),
              "%s, %s %td of %td: %a, not %a", set->isa, dtype_names[dtype], i, n, read, value);
    }
    set->put(dtype, lanes, back, n);
    for (ptrdiff_t i = 0; i < n; i++)
        sxt_put((char *)expected + (size_t)i * size_of(dtype), dtype, number_get(lane, lanes, i));
    for (ptrdiff_t i = 0; i < n; i++)
        CHECK(same(dtype, back, expected, i, false), "%s, %s %td of %td: %a", set->isa, dtype_names[dtype], i, n,
              number_get(dtype, back, i));
    size_t end = (size_t)n * size_of(dtype);
    CHECK(memcmp((char *)back + end, (char *)expected + end, sizeof back - end) == 0, "%s, %s: behind %td", set->isa,
          dtype_names[dtype], n);
}

/* Floats that a narrower type rounds: random ones, and those next to the middle of two of its numbers. */
static void check_rounding(const vector_set *set, sxt_dtype dtype)
{
    float in[VECTOR_ELEMENTS];
    double ours[VECTOR_ELEMENTS], expected[VECTOR_ELEMENTS];
    for (int batch = 0; batch < BATCHES * 4; batch++) {
        random_values(&source, batch % 2 ? VALUES_ANY_BITS : VALUES_WIDE, SXT_F32, VECTOR_ELEMENTS, in);
        for (ptrdiff_t i = 0; batch % 4 >= 2 && i < VECTOR_ELEMENTS; i++) {
            uint32_t bits, kept = ~(uint32_t)0 << (23 - number_formats[dtype].mantissa_bits - 1);
            memcpy(&bits, in + i, sizeof bits);
            bits = (bits & kept) + (uint32_t)random_below(&source, 3) - 1;
            memcpy(in + i, &bits, sizeof bits);
        }
        set->put(dtype, in, ours, VECTOR_ELEMENTS);
        for (ptrdiff_t i = 0; i < VECTOR_ELEMENTS; i++)
            number_put(dtype, expected, i, (double)in[i]);
        for (ptrdiff_t i = 0; i < VECTOR_ELEMENTS; i++)
            CHECK(same(dtype, ours, expected, i, false), "%s, %s of %a: %a", set->isa, dtype_names[dtype],
                  (double)in[i], number_get(dtype, ours, i));
    }
}

static void check_elements(const vector_set *set, sxt_dtype dtype)
{
    double elements[VECTOR_ELEMENTS];
    for (ptrdiff_t n = 0; n <= VECTOR_ELEMENTS; n++)
        for (value_kind kind = 0; kind < NUM_VALUE_KINDS; kind++) {
            random_values(&source, kind, dtype, VECTOR_ELEMENTS, elements);
            check_memory(set, dtype, elements, n);
        }
    if (size_of(dtype) != 2)
        return;
    uint16_t every[VECTOR_ELEMENTS];
    for (uint32_t bits = 0; bits < HALVES; bits += VECTOR_ELEMENTS) {
        for (uint32_t i = 0; i < VECTOR_ELEMENTS; i++)
            every[i] = (uint16_t)(bits + i);
        check_memory(set, dtype, every, VECTOR_ELEMENTS);
    }
    check_rounding(set, dtype);
}

int main(void)
{
    for (size_t k = 0; k < sizeof sets / sizeof *sets; k++) {
        printf("%s: %s\n", sets[k]->isa, usable(sets[k]) ? "tested" : "SKIPPED, not usable here");
        if (!usable(sets[k]))
            continue;
        check_type(sets[k], SXT_F32);
        check_type(sets[k], SXT_F64);
        for (sxt_dtype dtype = SXT_F16; dtype < SXT_DTYPES; dtype++)
            check_elements(sets[k], dtype);
    }
    return check_report("vectors");
}
