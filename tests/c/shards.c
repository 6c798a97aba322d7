/* shards.c - rows whose classes lie in shards, and batches in pieces, against the same rows whole: the same bits, for
 * any cut and any order of merging. tests/test_shards.py has all options. */
#include "assertions.h"
#include "random.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS = 37, MOST = 900, MOST_SHARDS = 5 };

static random_source source = {20261129};
static sxt_dtype dtype;
static ptrdiff_t classes;
static double memory[ROWS * MOST], whole[ROWS * MOST], cut[ROWS * MOST];
static int64_t labels[ROWS];
static double weight[MOST];
static ptrdiff_t border[MOST_SHARDS + 1];
static int shards;

static void cut_classes(void)
{
    shards = 1 + (int)random_below(&source, MOST_SHARDS);
    border[0] = 0;
    for (int k = 1; k < shards; k++)
        border[k] = border[k - 1] + (ptrdiff_t)random_below(&source, (uint64_t)(classes - border[k - 1]) + 1);
    border[shards] = classes;
}

/* Classes of a shard; shape and strides stay with it. */
typedef struct {
    ptrdiff_t shape[2], strides[2];
    sxt_array array;
} part;

static sxt_array *part_of(part *p, double *data, ptrdiff_t begin, ptrdiff_t end)
{
    ptrdiff_t item = (ptrdiff_t)size_of(dtype);
    *p = (part){{ROWS, end - begin}, {classes * item, item}, {0}};
    p->array = (sxt_array){(char *)data + begin * item, dtype, 2, p->shape, p->strides};
    return &p->array;
}

/* The records of all rows after the steps, of which `fill` sets the shard. */
static void run_steps(sxt_shard_args *args, void (*fill)(sxt_shard_args *args, int k), sxt_shard_row *rows)
{
    static sxt_shard_row parts[MOST_SHARDS][ROWS];
    memset(rows, 0, sizeof *rows * ROWS);
    fill(args, 0);
    int steps = sxt_shard_steps(args);
    CHECK(steps > 0, "steps are %d", steps);
    for (int step = 1; step < SXT_SHARD_WRITE; step *= 2) {
        if (!(steps & step))
            continue;
        for (int k = 0; k < shards; k++) {
            memcpy(parts[k], rows, sizeof parts[k]);
            fill(args, k);
            CHECK(sxt_shard_step(args, (sxt_shard_step_kind)step, parts[k], NULL) == SXT_OK, "step %d", step);
        }
        int first = (int)random_below(&source, (uint64_t)shards);
        for (int k = 1; k < shards; k++)
            CHECK(sxt_shard_merge((sxt_shard_step_kind)step, parts[first], parts[(first + k) % shards], ROWS) == SXT_OK,
                  "merge");
        memcpy(rows, parts[first], sizeof parts[first]);
    }
}

static part input, output;
static sxt_cross_entropy_args loss_args;

static void fill_rows(sxt_shard_args *args, int k)
{
    args->first_class = border[k];
    args->x = *part_of(&input, memory, border[k], border[k + 1]);
    args->out = part_of(&output, cut, border[k], border[k + 1]);
}

static void fill_loss(sxt_shard_args *args, int k)
{
    args->first_class = border[k];
    loss_args.logits = *part_of(&input, memory, border[k], border[k + 1]);
    args->out = part_of(&output, cut, border[k], border[k + 1]);
}

static size_t bytes_of_rows(void) { return ROWS * (size_t)classes * size_of(dtype); }

static void check_rows(sxt_shard_kind kind)
{
    sxt_shard_row rows[ROWS];
    part all, out;
    sxt_shard_args args = {.kind = kind, .classes = classes, .axes = 2};
    sxt_array *x = part_of(&all, memory, 0, classes), *y = part_of(&out, whole, 0, classes);
    run_steps(&args, fill_rows, rows);
    if (kind == SXT_SHARD_LOGSUMEXP) {
        double logs[2][ROWS] = {{0}};
        CHECK(sxt_logsumexp(x, 2, NULL, NULL, logs[0], NULL) == SXT_OK, "logsumexp");
        CHECK(sxt_shard_finish(&args, rows, logs[1]) == SXT_OK, "finish");
        CHECK(memcmp(logs[0], logs[1], sizeof logs[0]) == 0, "log-sum-exp of %d shards", shards);
        return;
    }
    CHECK((kind == SXT_SHARD_SOFTMAX ? sxt_softmax : sxt_log_softmax)(x, 2, NULL, y) == SXT_OK, "whole");
    for (int k = 0; k < shards; k++) {
        fill_rows(&args, k);
        CHECK(sxt_shard_step(&args, SXT_SHARD_WRITE, rows, NULL) == SXT_OK, "write");
    }
    CHECK(memcmp(whole, cut, bytes_of_rows()) == 0, "%d shards of %td classes, %s", shards, classes, dtype_names[dtype]);
}

static void check_loss(void)
{
    sxt_shard_row rows[ROWS];
    sxt_sum sums[2], divisors[2];
    double whole_loss, two[2];
    part all, out;
    loss_args = (sxt_cross_entropy_args){
        .axis = 1, .labels = labels, .weight = weight, .grad_scale = 1.0, .has_ignore_index = 1, .ignore_index = -1,
        .label_smoothing = 0.125 * (double)random_below(&source, 3), .logit_scale = 1.0 + (double)random_below(&source, 2),
        .softcap = 8.0 * (double)random_below(&source, 2), .z_loss = 0.5 * (double)random_below(&source, 2),
        .reduction = SXT_MEAN, .from_logits = 1};
    sxt_cross_entropy_args a = loss_args;
    a.logits = *part_of(&all, memory, 0, classes);
    a.grad = part_of(&out, whole, 0, classes);
    a.loss = &whole_loss;
    CHECK(sxt_cross_entropy(&a, NULL) == SXT_OK, "whole");
    CHECK(sxt_cross_entropy_divisors(&a, divisors, NULL) == SXT_OK, "divisors");
    two[0] = sxt_sum_over(&divisors[0], 1.0);
    two[1] = sxt_sum_over(&divisors[1], 1.0);
    loss_args.divisors = two;
    sxt_shard_args args = {.kind = SXT_SHARD_CROSS_ENTROPY, .classes = classes, .loss = &loss_args};
    run_steps(&args, fill_loss, rows);
    for (int k = 0; k < shards; k++) {
        fill_loss(&args, k);
        CHECK(sxt_shard_step(&args, SXT_SHARD_WRITE, rows, NULL) == SXT_OK, "write");
    }
    loss_args.sums = sums;
    CHECK(sxt_shard_finish(&args, rows, NULL) == SXT_OK, "finish");
    double loss = sxt_cross_entropy_of_sums(sums, two, loss_args.z_loss != 0.0);
    CHECK(memcmp(&loss, &whole_loss, sizeof loss) == 0, "loss %a whole, %a in %d shards", whole_loss, loss, shards);
    CHECK(memcmp(whole, cut, bytes_of_rows()) == 0, "gradient in %d shards of %td classes", shards, classes);
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
    shards = 1;
    border[1] = classes;
    fill_rows(&args, 0);
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

int main(void)
{
    for (int i = 0; i < 160; i++) {
        dtype = (sxt_dtype)(i % SXT_DTYPES);
        classes = 1 + (ptrdiff_t)random_below(&source, i % 3 ? 60 : MOST);
        random_values(&source, (value_kind)random_below(&source, NUM_VALUE_KINDS - 1), dtype,
                      (size_t)(ROWS * classes), memory);
        random_values(&source, VALUES_FRACTION, SXT_F64, (size_t)classes, weight);
        for (int r = 0; r < ROWS; r++)
            labels[r] = (int64_t)random_below(&source, (uint64_t)classes + 1) - 1;
        cut_classes();
        for (int kind = SXT_SHARD_SOFTMAX; kind <= SXT_SHARD_LOGSUMEXP; kind++)
            check_rows((sxt_shard_kind)kind);
        check_loss();
        check_sums();
    }
    check_refusals();
    return check_report("shards");
}
