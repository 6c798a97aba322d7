/* identity.c - the same bits from every instruction set, layout, thread count and batch split.
 *
 * The reference is the scalar table on one thread over contiguous rows; everything else must equal it
 * bit for bit, for ordinary values and for random bit patterns. */
#include "assertions.h"
#include "compare.h"

#include <stdlib.h>
#include <string.h>

enum { LAYOUTS = 3 };

static random_source source = {19690720};

static const int thread_counts[] = {1, 2, 3, 8};

static void check_all_ways(const problem *p)
{
    result reference = reference_result(p);
    CHECK(reference.damage == NULL, "%s", reference.damage);
    const char *isa;
    for (int k = 0; (isa = sxt_usable_isa(k)) != NULL; k++) {
        CHECK(sxt_select_isa(isa) == SXT_OK, "%s", isa);
        for (int layout = 0; layout < LAYOUTS; layout++) {
            arrangement how = {.seed = layout == 0 ? 0 : random_bits(&source) | 1,
                               .where = {random_below(&source, 2), random_below(&source, 64)},
                               .in_place = random_below(&source, 2),
                               .odd_floats = random_below(&source, 4) == 0};
            CHECK(sxt_set_num_threads(thread_counts[random_below(&source, 4)]) == SXT_OK, "threads");
            check_same(p, &how, &reference);
        }
    }
    result_free(&reference);
}

/* Rows [first, first + rows) of the problem, as a problem: it borrows the memory. */
static problem rows_of(const problem *p, ptrdiff_t first, ptrdiff_t rows)
{
    problem part = *p;
    size_t skip = (size_t)(first * p->classes), size = size_of(p->dtype);
    part.rows = rows;
    part.x = (char *)p->x + skip * size;
    part.second = (char *)p->second + skip * size;
    part.third = (char *)p->third + skip * size;
    part.fourth = (char *)p->fourth + skip * size;
    part.mask += skip;
    part.labels += first;
    part.row_weight += first;
    part.row_grad += first;
    return part;
}

/* A batch cut in two gives the rows of the whole. */
static void check_split(const problem *whole, ptrdiff_t cut)
{
    arrangement how = {.seed = 0};
    problem first = rows_of(whole, 0, cut), second = rows_of(whole, cut, whole->rows - cut);
    result all = call_run(whole, &how), a = call_run(&first, &how), b = call_run(&second, &how);
    CHECK(all.status == a.status && all.status == b.status, "status %d, %d, %d", (int)all.status,
          (int)a.status, (int)b.status);
    for (int i = 0; i < MAX_OUTPUTS && all.status == SXT_OK; i++) {
        bool same = all.size[i] == a.size[i] + b.size[i];
        if (same && a.size[i])
            same = memcmp(all.bytes[i], a.bytes[i], a.size[i]) == 0;
        if (same && b.size[i])
            same = memcmp(all.bytes[i] + a.size[i], b.bytes[i], b.size[i]) == 0;
        CHECK(same, "output %d of %s %s, %td x %td cut at %td", i, call_names[whole->kind],
              dtype_names[whole->dtype], whole->rows, whole->classes, cut);
    }
    result_free(&all);
    result_free(&a);
    result_free(&b);
}

static bool reduces(const problem *p)
{
    bool is_loss = p->kind == CALL_CROSS_ENTROPY || p->kind == CALL_BINARY || p->kind == CALL_FOCAL;
    return is_loss && p->reduction != SXT_NONE;
}

/* Some rows of the problem by themselves give what they give among the others. */
static void check_part(const problem *whole, const result *all, ptrdiff_t first, ptrdiff_t rows)
{
    arrangement how = {.seed = 0};
    problem part = rows_of(whole, first, rows);
    result some = call_run(&part, &how);
    CHECK(some.status == all->status, "status %d, %d", (int)all->status, (int)some.status);
    for (int i = 0; i < MAX_OUTPUTS && some.status == SXT_OK && some.size[i]; i++) {
        size_t row = all->size[i] / (size_t)whole->rows;
        CHECK(some.size[i] == row * (size_t)rows &&
                  memcmp(some.bytes[i], all->bytes[i] + row * (size_t)first, some.size[i]) == 0,
              "output %d of %s %s, %td classes: rows %td to %td of %td, alone", i, call_names[whole->kind],
              dtype_names[whole->dtype], whole->classes, first, first + rows, whole->rows);
    }
    result_free(&some);
}

static void select_any_set(void)
{
    uint64_t count = 0;
    while (sxt_usable_isa((int)count) != NULL)
        count++;
    const char *isa = sxt_usable_isa((int)random_below(&source, count));
    CHECK(sxt_select_isa(isa) == SXT_OK, "%s", isa);
}

/* On both sides of every number of classes at which the kernels take another way, each row alone, two and
 * more at once. */
static void check_few_rows(call_kind kind, sxt_dtype dtype)
{
    static const ptrdiff_t borders[] = {1,  2,  3,  7,   8,   15,  16,  31,  55,
                                         63, 95, 111, 127, 192, 256, 352, 512, 704};
    static const ptrdiff_t at_once[] = {1, 2, 15, 16, 17};
    enum { BORDERS = sizeof borders / sizeof *borders, TIMES = 3, ROWS = 70 };
    for (int i = 0; i < BORDERS * 2 * TIMES; i++) {
        value_kind values = (value_kind)random_below(&source, NUM_VALUE_KINDS);
        ptrdiff_t classes = borders[i / 2 % BORDERS] + i % 2;
        problem p = problem_new(&source, kind, dtype, ROWS, classes, i < BORDERS * 2 ? VALUES_MODERATE : values);
        arrangement how = {.seed = 0};
        select_any_set();
        if (!reduces(&p)) {
            result all = call_run(&p, &how);
            for (size_t k = 0; k < sizeof at_once / sizeof *at_once; k++)
                check_part(&p, &all, (ptrdiff_t)random_below(&source, (uint64_t)(ROWS - at_once[k])), at_once[k]);
            result_free(&all);
        }
        problem_free(&p);
    }
}

static void check_shape(call_kind kind, sxt_dtype dtype, ptrdiff_t rows, ptrdiff_t classes)
{
    value_kind values = (value_kind)random_below(&source, NUM_VALUE_KINDS);
    problem p = problem_new(&source, kind, dtype, rows, classes, values);
    check_all_ways(&p);
    if (!reduces(&p))
        check_split(&p, (ptrdiff_t)random_below(&source, (uint64_t)rows + 1));
    problem_free(&p);
}

/* Shapes on both sides of what the kernels tell apart: vector widths, few classes, many rows, rows
 * long enough to be shared by threads. */
static void check_kind(call_kind kind, sxt_dtype dtype)
{
    for (int i = 0; i < 60; i++)
        check_shape(kind, dtype, 1 + (ptrdiff_t)random_below(&source, 40),
                    1 + (ptrdiff_t)random_below(&source, 80));
    for (ptrdiff_t classes = 1; classes <= 70; classes = classes * 3 / 2 + 1)
        check_shape(kind, dtype, 500 + (ptrdiff_t)random_below(&source, 200), classes);
    check_shape(kind, dtype, 1 + (ptrdiff_t)random_below(&source, 9), 5003);
    check_shape(kind, dtype, 1, 140003);
    for (int i = 0; i < NUM_BORDERS; i++)
        for (ptrdiff_t classes = way_borders[i] - 1; classes <= way_borders[i] + 1; classes++)
            check_shape(kind, dtype, 1 + (ptrdiff_t)random_below(&source, 20), classes);
    check_few_rows(kind, dtype);
}

int main(int argc, char **argv)
{
    report_faults();
    for (call_kind kind = 0; kind < NUM_CALLS; kind++)
        for (sxt_dtype dtype = SXT_F16; dtype < SXT_DTYPES; dtype++)
            if (is_asked_for(kind, dtype, argc, argv))
                check_kind(kind, dtype);
    return check_report("identity");
}
