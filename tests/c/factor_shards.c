/* factor_shards.c - log-sum-exps with factors of rows whose classes lie in shards, against the same rows whole: the
 * same bits and signs, for any cut and any order of merging, with and without a mask. */
#include "assertions.h"
#include "shards.h"

#include <string.h>

enum { ROWS = SHARD_ROWS };

static random_source source = {20261201};
static sxt_dtype dtype;
static ptrdiff_t classes;
static class_cut cut;
static double logits[ROWS * SHARD_CLASSES], factors[ROWS * SHARD_CLASSES];
static unsigned char mask_bytes[ROWS * SHARD_CLASSES];
static int masked;

static sxt_status step_of_shard(int step, int k, sxt_factor_row *rows)
{
    shard_part x, b;
    ptrdiff_t strides[2] = {classes, 1}, begin = cut.border[k], end = cut.border[k + 1];
    sxt_mask mask = {mask_bytes + begin, strides};
    return sxt_factor_step(part_of(&x, logits, dtype, classes, begin, end), 2, masked ? &mask : NULL,
                           part_of(&b, factors, dtype, classes, begin, end), (sxt_factor_step_kind)step, rows);
}

static void run_steps(sxt_factor_row *rows)
{
    static sxt_factor_row records[MOST_SHARDS][ROWS];
    memset(rows, 0, sizeof *rows * ROWS);
    for (int step = SXT_FACTOR_MAX; step <= SXT_FACTOR_SUM; step++) {
        for (int k = 0; k < cut.shards; k++) {
            memcpy(records[k], rows, sizeof records[k]);
            CHECK(step_of_shard(step, k, records[k]) == SXT_OK, "step %d", step);
        }
        int first = (int)random_below(&source, (uint64_t)cut.shards);
        for (int k = 1; k < cut.shards; k++)
            CHECK(sxt_factor_merge((sxt_factor_step_kind)step, records[first], records[(first + k) % cut.shards],
                                   ROWS) == SXT_OK, "merge");
        memcpy(rows, records[first], sizeof records[first]);
    }
}

/* signs: 0, they are not asked for, and a negative sum has no logarithm. */
static void check(int signs)
{
    sxt_factor_row rows[ROWS];
    double logs[2][ROWS] = {{0}}, sign[2][ROWS] = {{0}};
    shard_part x, b;
    ptrdiff_t strides[2] = {classes, 1};
    sxt_mask mask = {mask_bytes, strides};
    CHECK(sxt_logsumexp(part_of(&x, logits, dtype, classes, 0, classes), 2, masked ? &mask : NULL,
                        part_of(&b, factors, dtype, classes, 0, classes), logs[0], signs ? sign[0] : NULL) == SXT_OK,
          "whole");
    run_steps(rows);
    CHECK(sxt_factor_finish(rows, ROWS, dtype, logs[1], signs ? sign[1] : NULL) == SXT_OK, "finish");
    CHECK(memcmp(logs[0], logs[1], sizeof logs[0]) == 0, "%d shards of %td classes, %s", cut.shards, classes,
          dtype_names[dtype]);
    CHECK(memcmp(sign[0], sign[1], sizeof sign[0]) == 0, "signs of %d shards of %td classes, %s", cut.shards, classes,
          dtype_names[dtype]);
}

static void check_refusals(void)
{
    static sxt_factor_row rows[ROWS];
    double logs[ROWS];
    shard_part x, b;
    sxt_array *array = part_of(&x, logits, dtype, classes, 0, classes);
    cut = (class_cut){1, {0, classes}};
    CHECK(step_of_shard(3, 0, rows) == SXT_ERR_ARGUMENT, "a step that there is not");
    CHECK(step_of_shard(SXT_FACTOR_MAX, 0, NULL) == SXT_ERR_ARGUMENT, "no records");
    CHECK(sxt_factor_step(array, 2, NULL, NULL, SXT_FACTOR_MAX, rows) == SXT_ERR_ARGUMENT, "no factors");
    CHECK(sxt_factor_step(NULL, 2, NULL, array, SXT_FACTOR_MAX, rows) == SXT_ERR_ARGUMENT, "no elements");
    CHECK(sxt_factor_step(array, 4, NULL, array, SXT_FACTOR_MAX, rows) == SXT_ERR_AXIS, "no such axis");
    CHECK(sxt_factor_step(array, 2, NULL, part_of(&b, factors, dtype, classes, 0, 0), SXT_FACTOR_MAX, rows) ==
              SXT_ERR_SHAPE, "factors of another shape");
    CHECK(sxt_factor_merge(SXT_FACTOR_MAX, rows, NULL, 1) == SXT_ERR_ARGUMENT, "nothing to merge");
    CHECK(sxt_factor_merge(SXT_FACTOR_MAX, NULL, NULL, 0) == SXT_OK, "no records");
    CHECK(sxt_factor_finish(rows, -1, dtype, logs, NULL) == SXT_ERR_ARGUMENT, "fewer than no records");
    CHECK(sxt_factor_finish(rows, 1, dtype, NULL, NULL) == SXT_ERR_ARGUMENT, "nowhere to put a result");
}

int main(void)
{
    for (int i = 0; i < 160; i++) {
        dtype = i % 2 ? SXT_F64 : SXT_F32;
        classes = 1 + (ptrdiff_t)random_below(&source, i % 3 ? 60 : SHARD_CLASSES);
        size_t n = (size_t)(ROWS * classes);
        random_values(&source, (value_kind)random_below(&source, NUM_VALUE_KINDS), dtype, n, logits);
        random_values(&source, (value_kind)random_below(&source, NUM_VALUE_KINDS), dtype, n, factors);
        for (ptrdiff_t k = 0; k < ROWS * classes; k++)
            mask_bytes[k] = (unsigned char)random_below(&source, 3);
        cut = cut_classes(&source, classes);
        masked = i % 5 < 2;
        check(0);
        check(1);
    }
    check_refusals();
    return check_report("factor_shards");
}
