/* shards.c - rows whose classes lie in shards, and batches in pieces, against the same rows whole: the same bits, for
 * any cut and any order of merging. tests/test_shards.py has all options. */
#include "assertions.h"
#include "shards.h"

#include <string.h>

enum { ROWS = SHARD_ROWS };

static random_source source = {20261129};
static sxt_dtype dtype;
static ptrdiff_t classes;
static class_cut cut;
static double memory[ROWS * SHARD_CLASSES], whole[ROWS * SHARD_CLASSES], parts[ROWS * SHARD_CLASSES];
static double kept[ROWS * SHARD_CLASSES];
static int64_t labels[ROWS];
static double weight[SHARD_CLASSES];
static unsigned char mask_bytes[ROWS * SHARD_CLASSES];

static sxt_array *shard_of(shard_part *p, double *data, int k)
{
    return part_of(p, data, dtype, classes, cut.border[k], cut.border[k + 1]);
}

/* The records of all rows after the steps, of which `fill` sets the shard. */
static void run_steps(sxt_shard_args *args, void (*fill)(sxt_shard_args *args, int k), sxt_shard_row *rows)
{
    static sxt_shard_row records[MOST_SHARDS][ROWS];
    memset(rows, 0, sizeof *rows * ROWS);
    fill(args, 0);
    int steps = sxt_shard_steps(args);
    CHECK(steps > 0, "steps are %d", steps);
    for (int step = 1; step < SXT_SHARD_WRITE; step *= 2) {
        if (!(steps & step))
            continue;
        for (int k = 0; k < cut.shards; k++) {
            memcpy(records[k], rows, sizeof records[k]);
            fill(args, k);
            CHECK(sxt_shard_step(args, (sxt_shard_step_kind)step, records[k], NULL) == SXT_OK, "step %d", step);
        }
        int first = (int)random_below(&source, (uint64_t)cut.shards);
        for (int k = 1; k < cut.shards; k++)
            CHECK(sxt_shard_merge((sxt_shard_step_kind)step, records[first], records[(first + k) % cut.shards], ROWS) ==
                      SXT_OK, "merge");
        memcpy(rows, records[first], sizeof records[first]);
    }
}

static shard_part input, output, terms;
static sxt_mask mask;
static ptrdiff_t mask_strides[2] = {0, 1};
static int masked;
static sxt_cross_entropy_args loss_args;

/* The terms of a shard, if its output is made of any: of several shards one after another in `kept`. */
static void fill_terms(sxt_shard_args *args, int k)
{
    int of_terms = sxt_shard_terms(args);
    args->terms = NULL;
    if (of_terms < 0)
        return;
    ptrdiff_t n = cut.border[k + 1] - cut.border[k];
    args->terms = part_of(&terms, kept + ROWS * cut.border[k], (sxt_dtype)of_terms, n, 0, n);
}

static void fill_rows(sxt_shard_args *args, int k)
{
    args->first_class = cut.border[k];
    args->x = *shard_of(&input, memory, k);
    args->out = shard_of(&output, parts, k);
    mask_strides[0] = classes;
    mask = (sxt_mask){mask_bytes + cut.border[k], mask_strides};
    args->where = masked ? &mask : NULL;
    fill_terms(args, k);
}

static void fill_loss(sxt_shard_args *args, int k)
{
    args->first_class = cut.border[k];
    loss_args.logits = *shard_of(&input, memory, k);
    args->out = shard_of(&output, parts, k);
    fill_terms(args, k);
}

/* The outputs of all shards, of the logits and then of the terms alone. */
static void check_written(sxt_shard_args *args, void (*fill)(sxt_shard_args *args, int k), sxt_shard_row *rows)
{
    for (int from_terms = 0; from_terms < 2; from_terms++) {
        memset(parts, 0x5a, sizeof parts);
        for (int k = 0; k < cut.shards; k++) {
            fill(args, k);
            CHECK(!args->terms == (args->kind == SXT_SHARD_LOG_SOFTMAX || loss_args.softcap > 0.0), "terms");
            if (from_terms && !args->terms)
                return;
            if (from_terms)
                memset(memory, 0xff, sizeof memory); /* NaN: nobody looks there */
            else
                args->terms = NULL;
            CHECK(sxt_shard_step(args, SXT_SHARD_WRITE, rows, NULL) == SXT_OK, "write");
        }
        CHECK(memcmp(whole, parts, ROWS * (size_t)classes * size_of(dtype)) == 0, "kind %d, %d shards of %td %s, %s",
              (int)args->kind, cut.shards, classes, dtype_names[dtype], from_terms ? "terms" : "logits");
    }
}

static void check_rows(sxt_shard_kind kind)
{
    sxt_shard_row rows[ROWS];
    shard_part all, out;
    sxt_shard_args args = {.kind = kind, .classes = classes, .axes = 2};
    sxt_array *x = part_of(&all, memory, dtype, classes, 0, classes);
    sxt_array *y = part_of(&out, whole, dtype, classes, 0, classes);
    sxt_mask all_masked = {mask_bytes, mask_strides}, *where = masked ? &all_masked : NULL;
    mask_strides[0] = classes;
    loss_args = (sxt_cross_entropy_args){0};
    run_steps(&args, fill_rows, rows);
    if (kind == SXT_SHARD_LOGSUMEXP) {
        double logs[2][ROWS] = {{0}};
        CHECK(sxt_logsumexp(x, 2, where, NULL, logs[0], NULL) == SXT_OK, "logsumexp");
        CHECK(sxt_shard_finish(&args, rows, logs[1]) == SXT_OK, "finish");
        CHECK(memcmp(logs[0], logs[1], sizeof logs[0]) == 0, "log-sum-exp of %d shards", cut.shards);
        return;
    }
    CHECK((kind == SXT_SHARD_SOFTMAX ? sxt_softmax : sxt_log_softmax)(x, 2, where, y) == SXT_OK, "whole");
    check_written(&args, fill_rows, rows);
}

static void check_loss(void)
{
    sxt_shard_row rows[ROWS];
    sxt_sum sums[2], divisors[2];
    double whole_loss, two[2];
    shard_part all, out;
    loss_args = (sxt_cross_entropy_args){
        .axis = 1, .labels = labels, .weight = weight, .grad_scale = 1.0, .has_ignore_index = 1, .ignore_index = -1,
        .label_smoothing = 0.125 * (double)random_below(&source, 3),
        .logit_scale = 1.0 + (double)random_below(&source, 2),
        .softcap = 8.0 * (double)random_below(&source, 2), .z_loss = 0.5 * (double)random_below(&source, 2),
        .reduction = SXT_MEAN, .from_logits = 1};
    sxt_cross_entropy_args a = loss_args;
    a.logits = *part_of(&all, memory, dtype, classes, 0, classes);
    a.grad = part_of(&out, whole, dtype, classes, 0, classes);
    a.loss = &whole_loss;
    CHECK(sxt_cross_entropy(&a, NULL) == SXT_OK, "whole");
    CHECK(sxt_cross_entropy_divisors(&a, divisors, NULL) == SXT_OK, "divisors");
    two[0] = sxt_sum_over(&divisors[0], 1.0);
    two[1] = sxt_sum_over(&divisors[1], 1.0);
    loss_args.divisors = two;
    sxt_shard_args args = {.kind = SXT_SHARD_CROSS_ENTROPY, .classes = classes, .loss = &loss_args};
    run_steps(&args, fill_loss, rows);
    check_written(&args, fill_loss, rows);
    loss_args.sums = sums;
    CHECK(sxt_shard_finish(&args, rows, NULL) == SXT_OK, "finish");
    double loss = sxt_cross_entropy_of_sums(sums, two, loss_args.z_loss != 0.0);
    CHECK(memcmp(&loss, &whole_loss, sizeof loss) == 0, "loss %a whole, %a in %d shards", whole_loss, loss, cut.shards);
}

static void check_sums(void)
{
    double values[ROWS];
    sxt_sum forward = {{0}, 0}, pieces = {{0}, 0};
    random_values(&source, VALUES_WIDE, SXT_F64, ROWS, values);
    CHECK(sxt_sum_add(&forward, values, ROWS) == SXT_OK, "add");
    for (ptrdiff_t i = ROWS - 1; i >= 0; i--) {
        sxt_sum one = {{0}, 0};
        CHECK(sxt_sum_add(&one, values + i, 1) == SXT_OK, "add");
        CHECK(sxt_sum_merge(&pieces, &one) == SXT_OK, "merge");
    }
    double a = sxt_sum_over(&forward, 3.0), b = sxt_sum_over(&pieces, 3.0);
    CHECK(memcmp(&a, &b, sizeof a) == 0, "sums %a and %a", a, b);
}

static void check_refusals(void)
{
    sxt_shard_row rows[ROWS] = {{0}};
    sxt_shard_args args = {.kind = SXT_SHARD_SOFTMAX, .classes = classes, .axes = 2};
    cut = (class_cut){1, {0, classes}};
    masked = 0;
    fill_rows(&args, 0);
    CHECK(sxt_shard_step(&args, SXT_SHARD_SUM, rows, NULL) == SXT_OK, "terms");
    terms.array.dtype = terms.array.dtype == SXT_F32 ? SXT_F64 : SXT_F32;
    CHECK(sxt_shard_step(&args, SXT_SHARD_SUM, rows, NULL) == SXT_ERR_DTYPE, "terms of another dtype");
    CHECK(sxt_shard_step(&args, SXT_SHARD_WRITE, rows, NULL) == SXT_ERR_DTYPE, "terms of another dtype");
    fill_rows(&args, 0);
    terms.shape[1]++;
    CHECK(sxt_shard_step(&args, SXT_SHARD_SUM, rows, NULL) == SXT_ERR_SHAPE, "terms of another shape");
    args.kind = SXT_SHARD_LOG_SOFTMAX;
    CHECK(sxt_shard_terms(&args) < 0, "log-softmax has no terms");
    CHECK(sxt_shard_step(&args, SXT_SHARD_SUM, rows, NULL) == SXT_ERR_ARGUMENT, "log-softmax has no terms");
    CHECK(sxt_shard_terms(NULL) < 0, "no arguments");
    args.kind = SXT_SHARD_SOFTMAX;
    args.terms = NULL;
    CHECK(sxt_shard_step(NULL, SXT_SHARD_SCAN, rows, NULL) == SXT_ERR_ARGUMENT, "no arguments");
    CHECK(sxt_shard_step(&args, SXT_SHARD_SCAN, NULL, NULL) == SXT_ERR_ARGUMENT, "no records");
    CHECK(sxt_shard_step(&args, SXT_SHARD_BOUND, rows, NULL) == SXT_ERR_ARGUMENT, "a step that is none of its");
    CHECK(sxt_shard_step(&args, (sxt_shard_step_kind)3, rows, NULL) == SXT_ERR_ARGUMENT, "two steps");
    CHECK(sxt_shard_finish(&args, rows, whole) == SXT_ERR_ARGUMENT, "softmax has no values by row");
    CHECK(sxt_shard_merge(SXT_SHARD_WRITE, rows, rows, 1) == SXT_ERR_ARGUMENT, "nothing to merge");
    args.classes = 0;
    CHECK(sxt_shard_steps(&args) < 0, "no classes");
    CHECK(sxt_sum_add(NULL, weight, 1) == SXT_ERR_ARGUMENT, "no sum");
    CHECK(sxt_sum_merge(NULL, NULL) == SXT_ERR_ARGUMENT, "no sum");
}

static void make_logits(int i)
{
    value_kind kind = (value_kind)(i / SXT_DTYPES % (NUM_VALUE_KINDS - 1));
    random_values(&source, kind, dtype, (size_t)(ROWS * classes), memory);
}

int main(void)
{
    for (int i = 0; i < 160; i++) {
        dtype = (sxt_dtype)(i % SXT_DTYPES);
        classes = 1 + (ptrdiff_t)random_below(&source, i % 3 ? 60 : SHARD_CLASSES);
        random_values(&source, VALUES_FRACTION, SXT_F64, (size_t)classes, weight);
        for (int r = 0; r < ROWS; r++)
            labels[r] = (int64_t)random_below(&source, (uint64_t)classes + 1) - 1;
        for (ptrdiff_t k = 0; k < ROWS * classes; k++)
            mask_bytes[k] = (unsigned char)random_below(&source, 3);
        cut = cut_classes(&source, classes);
        masked = (int)random_below(&source, 2);
        for (int kind = SXT_SHARD_SOFTMAX; kind <= SXT_SHARD_LOGSUMEXP; kind++) {
            make_logits(i);
            check_rows((sxt_shard_kind)kind);
        }
        make_logits(i);
        check_loss();
        check_sums();
    }
    make_logits(0);
    check_refusals();
    return check_report("shards");
}
