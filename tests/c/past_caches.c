/* past_caches.c - results that go past the caches, of long rows (along_past_tmpl.h) and of rows side by side
 * (across_memory_tmpl.h), have the same bits as those of a few rows, which stay there; nothing is written beside them:
 * from any alignment, in place, by one thread and by two. */
#include "assertions.h"
#include "numbers.h"
#include "random.h"
#include "softxent.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "walks/tuning.h"

/* Different rows, which are repeated; the classes of a row; bytes before and behind the results. */
enum { PATTERNS = 13, MARGIN = 256 };

typedef enum { SOFTMAX, LOG_SOFTMAX, GRADIENT, OPERATIONS } operation;

static random_source source = {20261130};
static int64_t *labels;

/* How rows lie, in elements from row to row and from class to class. */
typedef struct {
    ptrdiff_t row, cls;
} steps;

static steps one_after_another(ptrdiff_t classes) { return (steps){classes, 1}; }
static steps side_by_side(ptrdiff_t pitch) { return (steps){1, pitch}; }

static void call(operation op, sxt_dtype dtype, ptrdiff_t rows, ptrdiff_t classes, steps lie, char *x, char *y)
{
    const ptrdiff_t item = (ptrdiff_t)size_of(dtype), shape[] = {rows, classes};
    const ptrdiff_t strides[] = {lie.row * item, lie.cls * item};
    sxt_array in = {x, dtype, 2, shape, strides}, out = {y, dtype, 2, shape, strides};
    sxt_cross_entropy_args a = {.logits = in, .axis = 1, .labels = labels, .grad_scale = 0.37, .logit_scale = 1.0,
                                .from_logits = 1, .grad = &out};
    sxt_status status = op == SOFTMAX       ? sxt_softmax(&in, 2, NULL, &out)
                        : op == LOG_SOFTMAX ? sxt_log_softmax(&in, 2, NULL, &out)
                                            : sxt_cross_entropy(&a, NULL);
    CHECK(status == SXT_OK, "status %d", (int)status);
}

/* The patterns: usual rows, far apart, beside each other, special ones. */
static void draw(sxt_dtype dtype, ptrdiff_t classes, char *x)
{
    for (ptrdiff_t i = 0; i < PATTERNS * classes; i++) {
        ptrdiff_t row = i / classes;
        double value = (random_unit(&source) - 0.5) * (row % 3 == 0 ? 20.0 : row % 3 == 1 ? 300.0 : 0.01);
        value = row == 5 && i % classes == 7 ? (double)NAN : row == 7 && i % 50 == 0 ? -(double)INFINITY : value;
        value = row == 9 && i % classes == 1 ? (double)INFINITY : row == 11 ? -(double)INFINITY : value;
        if (dtype == SXT_F32)
            ((float *)(void *)x)[i] = (float)value;
        else
            ((double *)(void *)x)[i] = value;
    }
}

static int is_margin(const char *p)
{
    for (int i = 0; i < MARGIN; i++)
        if (p[i] != 0x5a)
            return 0;
    return 1;
}

/* Rows that repeat the patterns. */
static void lay_out(sxt_dtype dtype, ptrdiff_t rows, ptrdiff_t classes, steps lie, const char *patterns, char *x)
{
    size_t item = size_of(dtype);
    for (ptrdiff_t r = 0; r < rows; r++)
        for (ptrdiff_t c = 0; c < classes; c++)
            memcpy(x + (size_t)(r * lie.row + c * lie.cls) * item,
                   patterns + (size_t)(r % PATTERNS * classes + c) * item, item);
}

/* Whether row r has the bits of its pattern. */
static int is_same(sxt_dtype dtype, ptrdiff_t r, ptrdiff_t classes, steps lie, const char *near, const char *y)
{
    size_t item = size_of(dtype);
    const char *pattern = near + (size_t)(r % PATTERNS * classes) * item;
    if (lie.cls == 1)
        return memcmp(y + (size_t)(r * lie.row) * item, pattern, (size_t)classes * item) == 0;
    for (ptrdiff_t c = 0; c < classes; c++)
        if (memcmp(y + (size_t)(r * lie.row + c * lie.cls) * item, pattern + (size_t)c * item, item) != 0)
            return 0;
    return 1;
}

/* `near` has the results of the patterns; y room for those of all rows with margins around. */
static void check_far(operation op, sxt_dtype dtype, ptrdiff_t rows, ptrdiff_t classes, steps lie, char *x,
                      const char *near, char *y)
{
    size_t bytes = (size_t)(rows * classes) * size_of(dtype);
    int in_place = x == y;
    if (!in_place) {
        memset(y - MARGIN, 0x5a, MARGIN);
        memset(y + bytes, 0x5a, MARGIN);
    }
    call(op, dtype, rows, classes, lie, x, y);
    for (ptrdiff_t r = 0; r < rows; r++)
        CHECK(is_same(dtype, r, classes, lie, near, y), "operation %d, dtype %d, %td classes, row %td, in place %d",
              (int)op, (int)dtype, classes, r, in_place);
    CHECK(in_place || (is_margin(y - MARGIN) && is_margin(y + bytes)), "operation %d: margin", (int)op);
}

static void check(sxt_dtype dtype, ptrdiff_t rows, ptrdiff_t classes, steps lie)
{
    size_t row_bytes = (size_t)classes * size_of(dtype), bytes = (size_t)rows * row_bytes;
    char *near_x = malloc(PATTERNS * row_bytes), *near_y = malloc(PATTERNS * row_bytes);
    char *x = malloc(bytes), *memory = malloc(bytes + 2 * MARGIN + 128);
    labels = malloc((size_t)rows * sizeof *labels);
    if (!near_x || !near_y || !x || !memory || !labels)
        abort();
    char *line = memory + MARGIN + 64 - (uintptr_t)memory % 64;
    for (ptrdiff_t r = 0; r < rows; r++)
        labels[r] = r % PATTERNS * 151 % classes;
    draw(dtype, classes, near_x);
    for (operation op = SOFTMAX; op < OPERATIONS; op++) {
        const size_t shifts[] = {0, size_of(dtype), 1};
        call(op, dtype, PATTERNS, classes, one_after_another(classes), near_x, near_y);
        lay_out(dtype, rows, classes, lie, near_x, x);
        for (size_t i = 0; i <= 3; i++) { /* in place at last */
            CHECK(sxt_set_num_threads(1 + (int)i % 2) == SXT_OK, "threads");
            check_far(op, dtype, rows, classes, lie, x, near_y, i < 3 ? line + shifts[i] : x);
        }
    }
    free(near_x);
    free(near_y);
    free(x);
    free(memory);
    free(labels);
}

static void check_long(sxt_dtype dtype, ptrdiff_t classes)
{
    ptrdiff_t row_bytes = classes * (ptrdiff_t)size_of(dtype);
    check(dtype, SXT_PAST_BYTES / row_bytes + 1, classes, one_after_another(classes));
}

/* As many rows as it takes; from class to class whole lines of the cache, or not. */
static void check_across(sxt_dtype dtype, ptrdiff_t classes, int lines)
{
    ptrdiff_t item = (ptrdiff_t)size_of(dtype), in_line = 64 / item;
    ptrdiff_t rows = (SXT_PAST_ACROSS_BYTES / (classes * item) / in_line + 1) * in_line + !lines;
    check(dtype, rows, classes, side_by_side(rows));
}

int main(void)
{
    const char *isa;
    for (int k = 0; (isa = sxt_usable_isa(k)) != NULL; k++) {
        CHECK(sxt_select_isa(isa) == SXT_OK, "%s", isa);
        check_long(SXT_F32, SXT_PAST_CLASSES + 3);
        if (strcmp(isa, "scalar") == 0) /* goes past nothing, in its time */
            continue;
        check_long(SXT_F32, SXT_PAST_CLASSES);
        check_long(SXT_F64, SXT_PAST_CLASSES + 3);
        check_across(SXT_F32, 37, 1);
        check_across(SXT_F32, 37, 0);
        check_across(SXT_F32, 3001, 1);
        check_across(SXT_F64, 37, 1);
    }
    return check_report("past_caches");
}
