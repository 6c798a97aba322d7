/* fuzz_entry.c - libFuzzer harness: bytes become a problem and two arrangements of it, which all
 * instruction sets must compute to the same bits, without touching anything else.
 *
 * The first bytes choose function, type, shape, options and layouts; the rest are the values, repeated
 * as often as needed, so that the fuzzer works on them directly. */
#include "assertions.h"
#include "compare.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_ROWS = 40, MAX_CLASSES = 150, MAX_PIECES = 8, MAX_SUMS = 16 };

/* What has not been read yet of the input. */
typedef struct {
    const uint8_t *data;
    size_t size;
} bytes;

static uint64_t take(bytes *b, int count)
{
    uint64_t value = 0;
    for (; count > 0 && b->size > 0; count--, b->size--)
        value = value << 8 | *b->data++;
    return value;
}

static double take_number(bytes *b)
{
    uint64_t bits = take(b, 8);
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

/* Any numbers, as long as there are bytes. */
static void fill(bytes *b, double *array, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n && b->size > 0; i++)
        array[i] = take_number(b);
}

static void overwrite(const bytes *b, void *array, size_t size)
{
    for (size_t i = 0; i < size && b->size > 0; i++)
        ((uint8_t *)array)[i] = b->data[i % b->size];
}

/* Options as problem_new draws them, then some that are not legal. */
static problem read_problem(bytes *b)
{
    call_kind kind = (call_kind)(take(b, 1) % CALL_FOCAL); /* focal loss is an oddity: the corpus is older */
    sxt_dtype dtype = (sxt_dtype)(take(b, 1) % 4);
    ptrdiff_t rows = (ptrdiff_t)(take(b, 1) % MAX_ROWS), classes = (ptrdiff_t)(take(b, 1) % MAX_CLASSES);
    value_kind values = (value_kind)(take(b, 1) % NUM_VALUE_KINDS);
    random_source options = {take(b, 2)};
    problem p = problem_new(&options, kind, dtype, rows, classes, values);
    uint64_t oddity = take(b, 1);
    if (oddity == 1 && rows > 0) {
        uint64_t row = take(b, 1) % (uint64_t)rows;
        p.labels[row] = (int64_t)take(b, 8);
    }
    if (oddity == 2)
        p.label_smoothing = (double)(int8_t)take(b, 1) / 64;
    if (oddity == 3)
        p.reduction = (sxt_reduction)(int8_t)take(b, 1);
    if (kind == CALL_LINEAR || kind == CALL_EXP_SUM)
        p.pieces = 1 + (int)(take(b, 1) % MAX_PIECES);
    if (kind == CALL_LINEAR && oddity == 4)
        p.z_loss = take_number(b);
    if (kind == CALL_LINEAR && oddity == 5)
        p.softcap = take_number(b);
    if (kind == CALL_LINEAR && oddity == 6)
        p.grad_scale = take_number(b);
    if (kind == CALL_LINEAR && oddity == 7)
        fill(b, p.class_weight, classes);
    if (kind == CALL_LINEAR && oddity == 8)
        fill(b, p.row_weight, rows);
    if (kind == CALL_CROSS_ENTROPY && oddity == 9) {
        p.focal_gamma = take_number(b);
        p.label_smoothing = p.z_loss = p.softcap = 0;
    }
    return p;
}

static arrangement read_arrangement(bytes *b)
{
    uint64_t flags = take(b, 1);
    return (arrangement){.seed = take(b, 4),
                         .where = {flags & 1, flags >> 2 & 63},
                         .in_place = flags >> 1 & 1};
}

static void require(bool condition, const char *what, const problem *p)
{
    if (condition)
        return;
    fprintf(stderr, "%s: ", what);
    problem_print(p);
    abort();
}

static void compare_all(const problem *p, const arrangement *how)
{
    result reference = reference_result(p);
    require(reference.damage == NULL, reference.damage, p);
    const char *isa;
    for (int k = 0; (isa = sxt_usable_isa(k)) != NULL; k++) {
        sxt_select_isa(isa);
        result r = call_run(p, how);
        const char *difference = result_difference(&r, &reference);
        require(r.damage == NULL, r.damage, p);
        require(difference == NULL, difference, p);
        result_free(&r);
    }
    result_free(&reference);
}

/* Sums that were stored or sent may hold anything. */
static void merge_foreign_sums(bytes b)
{
    sxt_exp_sum sums[MAX_SUMS] = {{0, 0, 0, 0}};
    double logs[MAX_SUMS];
    fill(&b, &sums[0].hi, MAX_SUMS * sizeof sums[0] / sizeof(double));
    sxt_exp_sum_merge(sums, sums + MAX_SUMS / 2, MAX_SUMS / 2);
    sxt_exp_sum_log(sums, MAX_SUMS, logs);
    for (int i = 0; i < MAX_SUMS; i++)
        if (!number_is_canonical(SXT_F64, logs, i))
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bytes b = {data, size};
    merge_foreign_sums(b);
    problem p = read_problem(&b);
    arrangement how = read_arrangement(&b);
    size_t array = (size_t)(p.rows * p.classes) * size_of(p.dtype);
    overwrite(&b, p.x, array);
    if (b.size > 64)
        overwrite(&b, p.second, array);
    compare_all(&p, &how);
    problem_free(&p);
    return 0;
}
