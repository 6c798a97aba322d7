/* probability_shards.c - cross-entropy of probabilities (from_logits == 0) whose classes lie in shards, against the
 * same rows whole: the same losses and gradients, bit for bit, for any cut and any order of merging. */
#include "assertions.h"
#include "shards.h"

#include <string.h>

enum { ROWS = SHARD_ROWS };

static random_source source = {20261202};
static sxt_dtype dtype;
static ptrdiff_t classes;
static class_cut cut;
static double probabilities[ROWS * SHARD_CLASSES], targets[ROWS * SHARD_CLASSES];
static double whole[ROWS * SHARD_CLASSES], parts[ROWS * SHARD_CLASSES];
static double weight[SHARD_CLASSES], sample_weight[ROWS];
static int64_t labels[ROWS];

static sxt_cross_entropy_args random_options(int of_labels)
{
    return (sxt_cross_entropy_args){
        .axis = 1, .labels = of_labels ? labels : NULL, .grad_scale = 1.0,
        .weight = random_below(&source, 2) ? weight : NULL,
        .sample_weight = random_below(&source, 2) ? sample_weight : NULL, .has_ignore_index = of_labels,
        .ignore_index = -1, .label_smoothing = 0.25 * (double)random_below(&source, 3), .logit_scale = 1.0,
        .reduction = (sxt_reduction)random_below(&source, 3), .from_logits = 0};
}

/* Sums of all rows, merged, and the gradient to `parts`. */
static void run_shards(sxt_shard_args *args, sxt_cross_entropy_args *loss, int of_labels, sxt_sum *rows)
{
    static sxt_sum sums[MOST_SHARDS][ROWS];
    static shard_part p, t, out; /* the last ones are there when the rows are finished */
    for (int k = 0; k < cut.shards; k++) {
        ptrdiff_t begin = cut.border[k], end = cut.border[k + 1];
        args->first_class = begin;
        loss->logits = *part_of(&p, probabilities, dtype, classes, begin, end);
        loss->probs = of_labels ? NULL : part_of(&t, targets, dtype, classes, begin, end);
        args->out = part_of(&out, parts, dtype, classes, begin, end);
        CHECK(sxt_shard_of_probabilities(args, sums[k], NULL) == SXT_OK, "shard %d", k);
    }
    int first = (int)random_below(&source, (uint64_t)cut.shards);
    memcpy(rows, sums[first], sizeof sums[first]);
    for (int k = 1; k < cut.shards; k++)
        for (int r = 0; r < ROWS; r++)
            CHECK(sxt_sum_merge(&rows[r], &sums[(first + k) % cut.shards][r]) == SXT_OK, "merge");
}

static void check(int of_labels)
{
    sxt_sum rows[ROWS], sums[2], divisors[2];
    double losses[2][ROWS] = {{0}}, loss[2] = {0.0, 0.0}, two[2] = {1.0, 1.0};
    shard_part all, target, out;
    sxt_cross_entropy_args part = random_options(of_labels), a = part;
    a.logits = *part_of(&all, probabilities, dtype, classes, 0, classes);
    a.probs = of_labels ? NULL : part_of(&target, targets, dtype, classes, 0, classes);
    a.grad = part_of(&out, whole, dtype, classes, 0, classes);
    if (a.reduction == SXT_NONE)
        a.row_losses = losses[0];
    else
        a.loss = &loss[0];
    CHECK(sxt_cross_entropy(&a, NULL) == SXT_OK, "whole");
    if (a.reduction == SXT_MEAN) {
        CHECK(sxt_cross_entropy_divisors(&a, divisors, NULL) == SXT_OK, "divisors");
        two[0] = sxt_sum_over(&divisors[0], 1.0);
        two[1] = sxt_sum_over(&divisors[1], 1.0);
        part.divisors = two;
    }
    sxt_shard_args args = {.kind = SXT_SHARD_CROSS_ENTROPY, .classes = classes, .loss = &part};
    run_shards(&args, &part, of_labels, rows);
    part.sums = a.reduction == SXT_NONE ? NULL : sums;
    CHECK(sxt_finish_probabilities(&args, rows, losses[1]) == SXT_OK, "finish");
    if (part.sums)
        loss[1] = sxt_cross_entropy_of_sums(sums, two, 0);
    CHECK(part.sums || memcmp(losses[0], losses[1], sizeof losses[0]) == 0, "losses of %d shards of %td classes, %s",
          cut.shards, classes, dtype_names[dtype]);
    CHECK(memcmp(&loss[0], &loss[1], sizeof loss[0]) == 0, "loss %a whole, %a in %d shards", loss[0], loss[1],
          cut.shards);
    CHECK(memcmp(whole, parts, ROWS * (size_t)classes * size_of(dtype)) == 0,
          "gradient of %d shards of %td classes, %s", cut.shards, classes, dtype_names[dtype]);
}

static void check_refusals(void)
{
    static sxt_sum rows[ROWS];
    sxt_label_error bad;
    shard_part all, out;
    double losses[ROWS];
    sxt_cross_entropy_args loss = {.axis = 1, .labels = labels, .grad_scale = 1.0, .logit_scale = 1.0,
                                   .reduction = SXT_SUM, .from_logits = 0};
    sxt_shard_args args = {.kind = SXT_SHARD_CROSS_ENTROPY, .classes = classes, .loss = &loss};
    for (int r = 0; r < ROWS; r++)
        labels[r] = 0;
    loss.logits = *part_of(&all, probabilities, dtype, classes, 0, classes);
    args.out = part_of(&out, parts, dtype, classes, 0, classes);
    CHECK(sxt_shard_of_probabilities(&args, rows, &bad) == SXT_OK, "as it should be");
    CHECK(sxt_shard_of_probabilities(NULL, rows, &bad) == SXT_ERR_ARGUMENT, "no arguments");
    CHECK(sxt_shard_of_probabilities(&args, NULL, &bad) == SXT_ERR_ARGUMENT, "no sums");
    CHECK(sxt_finish_probabilities(&args, NULL, losses) == SXT_ERR_ARGUMENT, "no sums");
    out.shape[1]++;
    CHECK(sxt_shard_of_probabilities(&args, rows, &bad) == SXT_ERR_SHAPE, "an output of another shape");
    args.out = NULL;
    labels[3] = classes;
    CHECK(sxt_shard_of_probabilities(&args, rows, &bad) == SXT_ERR_LABEL && bad.label == classes, "no such class");
    labels[3] = 0;
    args.first_class = 1;
    CHECK(sxt_shard_of_probabilities(&args, rows, &bad) == SXT_ERR_SHAPE, "more classes than there are");
    args.first_class = 0;
    loss.from_logits = 1;
    CHECK(sxt_shard_of_probabilities(&args, rows, &bad) == SXT_ERR_ARGUMENT, "logits");
    CHECK(sxt_finish_probabilities(&args, rows, losses) == SXT_ERR_ARGUMENT, "logits");
}

int main(void)
{
    for (int i = 0; i < 120; i++) {
        dtype = (sxt_dtype)(i % SXT_DTYPES);
        classes = 1 + (ptrdiff_t)random_below(&source, i % 3 ? 60 : SHARD_CLASSES);
        value_kind kind = random_below(&source, 3) ? VALUES_FRACTION : VALUES_ANY_BITS;
        random_values(&source, kind, dtype, (size_t)(ROWS * classes), probabilities);
        random_values(&source, VALUES_FRACTION, dtype, (size_t)(ROWS * classes), targets);
        random_values(&source, VALUES_FRACTION, SXT_F64, (size_t)classes, weight);
        random_values(&source, VALUES_FRACTION, SXT_F64, ROWS, sample_weight);
        for (int r = 0; r < ROWS; r++)
            labels[r] = (int64_t)random_below(&source, (uint64_t)classes + 1) - 1;
        cut = cut_classes(&source, classes);
        check(0);
        check(1);
    }
    check_refusals();
    return check_report("probability_shards");
}
