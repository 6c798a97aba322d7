/* few_losses.c - the loss of few rows is added up in a way of its own (numbers/few_sum.h): the same bits as from the exact
 * sums of the same call. Of two classes, so that a loss is anything from 0 on, with weights as far apart. */
#include "assertions.h"
#include "random.h"
#include "softxent.h"

#include <math.h>
#include <string.h>

enum { ROWS = 140, CLASSES = 2 };

static random_source source = {20261130};
static double logits[ROWS * CLASSES], weight[ROWS];
static int64_t labels[ROWS];

/* A number between 2^-reach and 2^(reach + 1). */
static double spread(int reach)
{
    return ldexp(1.0 + random_unit(&source), (int)random_below(&source, 2 * (uint64_t)reach + 1) - reach);
}

/* Losses and weights as far apart as `reach` says, the weights around 2^middle; some are 0. */
static void draw(ptrdiff_t rows, int reach, int middle)
{
    for (ptrdiff_t r = 0; r < rows; r++) {
        labels[r] = (int64_t)random_below(&source, CLASSES);
        double other = spread(reach < 9 ? reach : 9);
        logits[CLASSES * r + labels[r]] = 0.0;
        logits[CLASSES * r + 1 - labels[r]] = random_below(&source, 2) ? other : -other;
        weight[r] = random_below(&source, 16) ? ldexp(spread(reach), middle) : 0.0;
    }
}

/* Two losses whose sum lies beside the middle of two doubles: by the second one's last bit, `apart` powers of two below
 * the first one's. With logits so far apart a loss is just that distance. */
static void draw_tie(int odd, int apart)
{
    for (int r = 0; r < 2; r++) {
        labels[r] = 0;
        logits[CLASSES * r] = 0.0;
        logits[CLASSES * r + 1] = 512.0;
    }
    weight[0] = 1.0 + ldexp((double)odd, -52);
    weight[1] = ldexp(1.0, -apart) + ldexp(1.0, -53) + ldexp(1.0, -apart - 52);
}

static void check(ptrdiff_t rows, sxt_reduction reduction, int weighted)
{
    const ptrdiff_t shape[] = {rows, CLASSES}, strides[] = {CLASSES * sizeof(double), sizeof(double)};
    sxt_sum sums[2], counts[2];
    double loss = 0.0, divisors[2] = {1.0, 1.0};
    sxt_cross_entropy_args a = {.logits = {logits, SXT_F64, 2, shape, strides}, .axis = 1, .labels = labels,
                                .sample_weight = weighted ? weight : NULL, .grad_scale = 1.0, .logit_scale = 1.0,
                                .reduction = reduction, .from_logits = 1, .loss = &loss};
    if (reduction == SXT_MEAN) {
        CHECK(sxt_cross_entropy_divisors(&a, counts, NULL) == SXT_OK, "divisors");
        divisors[0] = sxt_sum_over(&counts[0], 1.0);
        divisors[1] = sxt_sum_over(&counts[1], 1.0);
    }
    a.sums = sums;
    CHECK(sxt_cross_entropy(&a, NULL) == SXT_OK, "a call of %d rows", (int)rows);
    double whole = sxt_cross_entropy_of_sums(sums, divisors, 0);
    CHECK(memcmp(&loss, &whole, sizeof loss) == 0 || (loss != loss && whole != whole), "%d rows: %a, and %a from the sums",
          (int)rows, loss, whole);
}

int main(void)
{
    static const int reaches[] = {0, 2, 8, 20, 40, 60, 300}, middles[] = {0, -30, 40, -480, 480, -1000, 700};
    for (int round = 0; round < 4000; round++) {
        ptrdiff_t rows = 1 + (ptrdiff_t)random_below(&source, round % 4 ? 20 : ROWS);
        int reach = reaches[random_below(&source, 7)], middle = middles[round % 2 ? random_below(&source, 7) : 0];
        draw(rows, reach, middle);
        check(rows, SXT_SUM, 1);
        check(rows, SXT_MEAN, 1);
        check(rows, SXT_MEAN, 0);
    }
    for (int apart = 20; apart < 53; apart++)
        for (int odd = 0; odd < 4; odd++) {
            draw_tie(odd, apart);
            check(2, SXT_SUM, 1);
        }
    return check_report("few_losses");
}
