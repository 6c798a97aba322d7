/* guard.c - no entry point touches a byte beyond its arrays.
 *
 * Every buffer lies directly after and directly before an unreadable page, for all lengths up to four
 * of the widest vectors and three more, for all misalignments, contiguous and strided, in place and
 * not. The results are compared as well: a read beyond the end that happens not to fault would show. */
#include "assertions.h"
#include "compare.h"

#include <stdlib.h>

/* Elements in the widest vector register. */
static ptrdiff_t vector_width(sxt_dtype dtype) { return 64 / (ptrdiff_t)size_of(dtype); }

static random_source source = {20240607};

static void check_edges(const problem *p, size_t shift)
{
    result reference = reference_result(p);
    for (int at_end = 0; at_end < 2; at_end++) {
        for (int strided = 0; strided < 2; strided++) {
            arrangement how = {.where = {at_end, shift}, .in_place = random_below(&source, 2)};
            how.seed = strided ? random_bits(&source) | 1 : 0;
            check_same(p, &how, &reference);
        }
    }
    result_free(&reference);
}

static void check_shape(call_kind kind, sxt_dtype dtype, ptrdiff_t rows, ptrdiff_t classes,
                        size_t shift)
{
    value_kind values = (value_kind)random_below(&source, NUM_VALUE_KINDS);
    problem p = problem_new(&source, kind, dtype, rows, classes, values);
    check_edges(&p, shift);
    problem_free(&p);
}

static void check_lengths(call_kind kind, sxt_dtype dtype)
{
    ptrdiff_t longest = 4 * vector_width(dtype) + 3;
    for (ptrdiff_t n = 0; n <= longest; n++) {
        size_t element = size_of(dtype) * random_below(&source, 4);
        check_shape(kind, dtype, 1, n, element);
        check_shape(kind, dtype, 1 + (ptrdiff_t)random_below(&source, 5), n, element);
        check_shape(kind, dtype, n, 1 + (ptrdiff_t)random_below(&source, 20), element);
    }
}

static void check_misalignments(call_kind kind, sxt_dtype dtype)
{
    for (size_t shift = 0; shift <= MAX_MISALIGNMENT; shift++) {
        ptrdiff_t n = 1 + (ptrdiff_t)random_below(&source, 4 * (uint64_t)vector_width(dtype));
        check_shape(kind, dtype, 3, n, shift);
        check_shape(kind, dtype, n, 5, shift);
    }
}

int main(int argc, char **argv)
{
    report_faults();
    const char *isa;
    for (int k = 0; (isa = sxt_usable_isa(k)) != NULL; k++) {
        CHECK(sxt_select_isa(isa) == SXT_OK, "%s", isa);
        for (call_kind kind = 0; kind < NUM_CALLS; kind++)
            for (sxt_dtype dtype = SXT_F16; dtype < SXT_DTYPES; dtype++)
                if (is_asked_for(kind, dtype, argc, argv)) {
                    check_lengths(kind, dtype);
                    check_misalignments(kind, dtype);
                }
    }
    return check_report("guard");
}
