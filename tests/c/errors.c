/* errors.c - every status: what earns it, and that nothing is written then. */
#include "assertions.h"
#include "softxent.h"

#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { ROWS = 2, CLASSES = 3, ELEMENTS = ROWS * CLASSES };

static const float untouched = 7;

/* Two float arrays of ROWS x CLASSES and everything that can be said wrongly about them. */
static float input[ELEMENTS] = {1, 2, 3, 4, 5, 6}, output[ELEMENTS], row_output[ROWS];
static double loss;
static ptrdiff_t shape[2], strides[2], other_shape[2];
static int64_t labels[ROWS];
static sxt_array x, out;
static sxt_exp_sum sums[ROWS];
static sxt_linear_row rows[ROWS];
static double losses[ROWS], penalties[ROWS];

/* Everything that a call has to do with rows in pieces may write to. */
static const struct {
    void *bytes;
    size_t size;
} states[] = {{sums, sizeof sums}, {rows, sizeof rows}, {losses, sizeof losses}, {penalties, sizeof penalties}};

enum { STATES = sizeof states / sizeof states[0], STATE_PATTERN = 0x3c };

static void reset(void)
{
    for (int i = 0; i < ELEMENTS; i++)
        output[i] = untouched;
    for (int i = 0; i < ROWS; i++) {
        row_output[i] = untouched;
        labels[i] = i;
    }
    for (int i = 0; i < STATES; i++)
        memset(states[i].bytes, STATE_PATTERN, states[i].size);
    loss = untouched;
    shape[0] = other_shape[0] = ROWS;
    shape[1] = other_shape[1] = CLASSES;
    strides[0] = CLASSES * sizeof(float);
    strides[1] = sizeof(float);
    x = (sxt_array){input, SXT_F32, 2, shape, strides};
    out = (sxt_array){output, SXT_F32, 2, other_shape, strides};
}

static void expect(const char *what, sxt_status status, sxt_status expected)
{
    CHECK(status == expected, "%s: status %d, expected %d", what, (int)status, (int)expected);
    bool clean = loss == (double)untouched;
    for (int i = 0; i < ELEMENTS; i++)
        clean &= output[i] == untouched && input[i] == (float)(i + 1);
    for (int i = 0; i < ROWS; i++)
        clean &= row_output[i] == untouched;
    for (int i = 0; i < STATES; i++)
        for (size_t k = 0; k < states[i].size; k++)
            clean &= ((unsigned char *)states[i].bytes)[k] == STATE_PATTERN;
    CHECK(clean, "%s: something was written", what);
    reset();
}

/* ---- mistakes in an array, the same for all who take one -------------------------------------------- */

typedef sxt_status (*entry_point)(void);

static sxt_status softmax(void) { return sxt_softmax(&x, 2, NULL, &out); }
static sxt_status log_softmax(void) { return sxt_log_softmax(&x, 2, NULL, &out); }
static sxt_status logsumexp(void) { return sxt_logsumexp(&x, 2, NULL, NULL, row_output, NULL); }
static sxt_status softmax_grad(void) { return sxt_softmax_grad(&x, &x, 2, &out); }
static sxt_status log_softmax_grad(void) { return sxt_log_softmax_grad(&x, &x, 2, &out); }
static sxt_status sigmoid(void) { return sxt_sigmoid(&x, &out); }
static sxt_status log_sigmoid(void) { return sxt_log_sigmoid(&x, &out); }

static sxt_cross_entropy_args plain_args(void)
{
    return (sxt_cross_entropy_args){.logits = x, .axis = 1, .labels = labels, .grad_scale = 1,
                                    .logit_scale = 1, .reduction = SXT_MEAN, .from_logits = 1,
                                    .loss = &loss, .grad = &out};
}

static sxt_status cross_entropy(void)
{
    sxt_cross_entropy_args args = plain_args();
    return sxt_cross_entropy(&args, NULL);
}

static sxt_binary_args binary_args(void)
{
    return (sxt_binary_args){.logits = x, .target = &x, .grad_scale = 1, .reduction = SXT_MEAN,
                             .from_logits = 1, .loss = &loss, .grad = &out};
}

static sxt_status binary_cross_entropy(void)
{
    sxt_binary_args args = binary_args();
    return sxt_binary_cross_entropy(&args);
}

static sxt_status exp_sum_update(void) { return sxt_exp_sum_update(sums, &x, 2); }

static sxt_linear_tile plain_tile(void) { return (sxt_linear_tile){.logits = x}; }

static sxt_status linear_add(void)
{
    sxt_linear_tile tile = plain_tile();
    return sxt_linear_add(&tile, rows);
}

static sxt_status linear_gradient(void)
{
    sxt_linear_tile tile = plain_tile();
    return sxt_linear_gradient(&tile, rows);
}

static const struct {
    const char *name;
    entry_point call;
    bool has_out, has_axes;
} entries[] = {
    {"softmax", softmax, true, true},
    {"log_softmax", log_softmax, true, true},
    {"logsumexp", logsumexp, false, true},
    {"softmax_grad", softmax_grad, true, true},
    {"log_softmax_grad", log_softmax_grad, true, true},
    {"sigmoid", sigmoid, true, false},
    {"log_sigmoid", log_sigmoid, true, false},
    {"cross_entropy", cross_entropy, true, true},
    {"binary_cross_entropy", binary_cross_entropy, true, false},
    {"exp_sum_update", exp_sum_update, false, false},
    {"linear_add", linear_add, false, false},
    {"linear_gradient", linear_gradient, false, false},
};

static void check_input_array(const char *name, entry_point call)
{
    x.data = NULL;
    expect(name, call(), SXT_ERR_ARGUMENT);
    x.shape = NULL;
    expect(name, call(), SXT_ERR_ARGUMENT);
    x.strides = NULL;
    expect(name, call(), SXT_ERR_ARGUMENT);
    x.ndim = -1;
    expect(name, call(), SXT_ERR_ARGUMENT);
    x.ndim = SXT_MAX_NDIM + 1;
    expect(name, call(), SXT_ERR_ARGUMENT);
    x.dtype = (sxt_dtype)4;
    expect(name, call(), SXT_ERR_DTYPE);
    x.dtype = (sxt_dtype)-1;
    expect(name, call(), SXT_ERR_DTYPE);
    shape[0] = -1;
    expect(name, call(), SXT_ERR_SHAPE);
    shape[0] = shape[1] = PTRDIFF_MAX / 2;
    expect(name, call(), SXT_ERR_SHAPE);
}

static void check_output_array(const char *name, entry_point call)
{
    out.data = NULL;
    expect(name, call(), SXT_ERR_ARGUMENT);
    out.ndim = -1;
    expect(name, call(), SXT_ERR_ARGUMENT);
    out.dtype = SXT_F64;
    expect(name, call(), SXT_ERR_DTYPE);
    out.dtype = SXT_F16;
    expect(name, call(), SXT_ERR_DTYPE);
    out.ndim = 1;
    expect(name, call(), SXT_ERR_SHAPE);
    other_shape[0] = ROWS - 1;
    expect(name, call(), SXT_ERR_SHAPE);
    other_shape[1] = CLASSES + 1;
    expect(name, call(), SXT_ERR_SHAPE);
}

static void check_arrays(void)
{
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
        check_input_array(entries[i].name, entries[i].call);
        if (entries[i].has_out)
            check_output_array(entries[i].name, entries[i].call);
        if (!entries[i].has_axes)
            continue;
        shape[1] = other_shape[1] = 0;
        expect(entries[i].name, entries[i].call(), SXT_ERR_EMPTY);
        shape[0] = other_shape[0] = 0;
        CHECK(entries[i].call() == SXT_OK, "%s of no rows and no classes", entries[i].name);
        reset();
    }
}

/* ---- axes and pointers -------------------------------------------------------------------------- */

static void check_row_functions(void)
{
    expect("axes", sxt_softmax(&x, 4, NULL, &out), SXT_ERR_AXIS);
    expect("axes", sxt_log_softmax(&x, UINT64_C(1) << 63, NULL, &out), SXT_ERR_AXIS);
    expect("axes", sxt_logsumexp(&x, 7, NULL, NULL, row_output, NULL), SXT_ERR_AXIS);
    expect("axes", sxt_softmax_grad(&x, &x, 4, &out), SXT_ERR_AXIS);
    expect("axes", sxt_log_softmax_grad(&x, &x, 4, &out), SXT_ERR_AXIS);
    expect("no input", sxt_softmax(NULL, 2, NULL, &out), SXT_ERR_ARGUMENT);
    expect("no output", sxt_softmax(&x, 2, NULL, NULL), SXT_ERR_ARGUMENT);
    expect("no output", sxt_logsumexp(&x, 2, NULL, NULL, NULL, NULL), SXT_ERR_ARGUMENT);
    expect("no probs", sxt_softmax_grad(&x, NULL, 2, &out), SXT_ERR_ARGUMENT);
    sxt_mask no_data = {NULL, strides};
    expect("mask", sxt_softmax(&x, 2, &no_data, &out), SXT_ERR_ARGUMENT);
    sxt_mask no_strides = {(const unsigned char *)input, NULL};
    expect("mask", sxt_softmax(&x, 2, &no_strides, &out), SXT_ERR_ARGUMENT);
    sxt_array b = x;
    b.dtype = SXT_F64;
    expect("b", sxt_logsumexp(&x, 2, NULL, &b, row_output, NULL), SXT_ERR_DTYPE);
    b = x;
    b.ndim = 1;
    expect("b", sxt_logsumexp(&x, 2, NULL, &b, row_output, NULL), SXT_ERR_SHAPE);
}

/* ---- losses -------------------------------------------------------------------------------------- */

#define EXPECT_CROSS_ENTROPY(change, expected)                                                     \
    do {                                                                                           \
        sxt_cross_entropy_args args = plain_args();                                                \
        change;                                                                                    \
        expect("cross_entropy: " #change, sxt_cross_entropy(&args, NULL), expected);               \
    } while (0)

static void check_cross_entropy_options(void)
{
    expect("no arguments", sxt_cross_entropy(NULL, NULL), SXT_ERR_ARGUMENT);
    EXPECT_CROSS_ENTROPY(args.labels = NULL, SXT_ERR_ARGUMENT);
    EXPECT_CROSS_ENTROPY(args.probs = &x, SXT_ERR_ARGUMENT);
    EXPECT_CROSS_ENTROPY(args.reduction = (sxt_reduction)3, SXT_ERR_ARGUMENT);
    EXPECT_CROSS_ENTROPY(args.reduction = (sxt_reduction)-1, SXT_ERR_ARGUMENT);
    EXPECT_CROSS_ENTROPY(args.label_smoothing = -0.1, SXT_ERR_ARGUMENT);
    EXPECT_CROSS_ENTROPY(args.label_smoothing = 1.5, SXT_ERR_ARGUMENT);
    EXPECT_CROSS_ENTROPY(args.label_smoothing = (double)NAN, SXT_ERR_ARGUMENT);
    EXPECT_CROSS_ENTROPY(args.focal_gamma = -1, SXT_ERR_ARGUMENT);
    EXPECT_CROSS_ENTROPY(args.focal_gamma = (double)INFINITY, SXT_ERR_ARGUMENT);
    EXPECT_CROSS_ENTROPY(args.focal_gamma = (double)NAN, SXT_ERR_ARGUMENT);
    EXPECT_CROSS_ENTROPY((args.focal_gamma = 2, args.labels = NULL, args.probs = &x), SXT_ERR_ARGUMENT);
    EXPECT_CROSS_ENTROPY((args.focal_gamma = 2, args.from_logits = 0), SXT_ERR_ARGUMENT);
    EXPECT_CROSS_ENTROPY((args.focal_gamma = 2, args.label_smoothing = 0.1), SXT_ERR_ARGUMENT);
    EXPECT_CROSS_ENTROPY((args.focal_gamma = 2, args.z_loss = 0.1), SXT_ERR_ARGUMENT);
    EXPECT_CROSS_ENTROPY((args.focal_gamma = 2, args.softcap = 30), SXT_ERR_ARGUMENT);
    EXPECT_CROSS_ENTROPY(args.axis = 2, SXT_ERR_AXIS);
    EXPECT_CROSS_ENTROPY(args.axis = -1, SXT_ERR_AXIS);
    EXPECT_CROSS_ENTROPY(args.row_losses = row_output, SXT_ERR_ARGUMENT);
    const double row_values[ROWS] = {1, 1};
    EXPECT_CROSS_ENTROPY(args.grad_output = row_values, SXT_ERR_ARGUMENT);
    EXPECT_CROSS_ENTROPY(args.reduction = SXT_NONE, SXT_ERR_ARGUMENT);
    sxt_array wide = x;
    wide.dtype = SXT_F64;
    EXPECT_CROSS_ENTROPY((args.labels = NULL, args.probs = &wide), SXT_ERR_DTYPE);
    EXPECT_CROSS_ENTROPY(args.hess = &wide, SXT_ERR_DTYPE);
}

static void expect_bad_label(ptrdiff_t row, int64_t label)
{
    sxt_cross_entropy_args args = plain_args();
    sxt_label_error bad = {-77, -77};
    labels[row] = label;
    sxt_status status = sxt_cross_entropy(&args, &bad);
    CHECK(bad.row == row && bad.label == label, "row %td, label %lld reported for row %td, label %lld",
          bad.row, (long long)bad.label, row, (long long)label);
    expect("label", status, SXT_ERR_LABEL);
}

static void check_labels(void)
{
    static const int64_t bad[] = {CLASSES, -1, -100, INT64_MAX, INT64_MIN, INT64_C(1) << 32};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        for (ptrdiff_t row = 0; row < ROWS; row++)
            expect_bad_label(row, bad[i]);
    sxt_cross_entropy_args args = plain_args();
    args.has_ignore_index = 1;
    args.ignore_index = -100;
    labels[0] = -1;
    expect("a label that is not the ignored one", sxt_cross_entropy(&args, NULL), SXT_ERR_LABEL);
    labels[0] = -100;
    CHECK(sxt_cross_entropy(&args, NULL) == SXT_OK, "the ignored label");
    reset();
}

#define EXPECT_BINARY(change, expected)                                                            \
    do {                                                                                           \
        sxt_binary_args args = binary_args();                                                      \
        change;                                                                                    \
        expect("binary: " #change, sxt_binary_cross_entropy(&args), expected);                     \
    } while (0)

static void check_binary_options(void)
{
    expect("no arguments", sxt_binary_cross_entropy(NULL), SXT_ERR_ARGUMENT);
    EXPECT_BINARY(args.target = NULL, SXT_ERR_ARGUMENT);
    EXPECT_BINARY(args.reduction = (sxt_reduction)3, SXT_ERR_ARGUMENT);
    EXPECT_BINARY(args.grad_output = &x, SXT_ERR_ARGUMENT);
    EXPECT_BINARY(args.losses = &out, SXT_ERR_ARGUMENT);
    EXPECT_BINARY(args.reduction = SXT_NONE, SXT_ERR_ARGUMENT);
    sxt_array wide = x, flat = x;
    wide.dtype = SXT_F64;
    flat.ndim = 1;
    EXPECT_BINARY(args.target = &wide, SXT_ERR_DTYPE);
    EXPECT_BINARY(args.weight = &wide, SXT_ERR_DTYPE);
    EXPECT_BINARY(args.pos_weight = &flat, SXT_ERR_SHAPE);
    EXPECT_BINARY(args.hess = &flat, SXT_ERR_SHAPE);
}

/* ---- rows in pieces ------------------------------------------------------------------------------ */

static const double bad_options[3] = {-1, (double)NAN, (double)INFINITY};

static void check_exp_sums(void)
{
    expect("axes", sxt_exp_sum_update(sums, &x, 4), SXT_ERR_AXIS);
    expect("no sums", sxt_exp_sum_update(NULL, &x, 2), SXT_ERR_ARGUMENT);
    expect("no chunk", sxt_exp_sum_update(sums, NULL, 2), SXT_ERR_ARGUMENT);
    expect("no sums", sxt_exp_sum_merge(NULL, sums, ROWS), SXT_ERR_ARGUMENT);
    expect("no others", sxt_exp_sum_merge(sums, NULL, ROWS), SXT_ERR_ARGUMENT);
    expect("-1 sums", sxt_exp_sum_merge(sums, sums, -1), SXT_ERR_ARGUMENT);
    expect("no sums", sxt_exp_sum_log(NULL, ROWS, losses), SXT_ERR_ARGUMENT);
    expect("no output", sxt_exp_sum_log(sums, ROWS, NULL), SXT_ERR_ARGUMENT);
    expect("-1 sums", sxt_exp_sum_log(sums, -1, losses), SXT_ERR_ARGUMENT);
}

/* The same for both functions that take a tile. */
#define EXPECT_TILE(change, expected)                                                              \
    for (int gradient = 0; gradient < 2; gradient++) {                                             \
        sxt_linear_tile tile = plain_tile();                                                       \
        change;                                                                                    \
        sxt_status status = gradient ? sxt_linear_gradient(&tile, rows) : sxt_linear_add(&tile, rows); \
        expect(gradient ? "linear_gradient: " #change : "linear_add: " #change, status, expected); \
    }

static void check_tiles(void)
{
    const double ones[CLASSES] = {1, 1, 1};
    const ptrdiff_t flat[2] = {ROWS * CLASSES, 1}, spread[2] = {4, 4 * ROWS}, three[3] = {1, ROWS, CLASSES};
    sxt_linear_tile plain = plain_tile();
    expect("no tile", sxt_linear_add(NULL, rows), SXT_ERR_ARGUMENT);
    expect("no tile", sxt_linear_gradient(NULL, rows), SXT_ERR_ARGUMENT);
    expect("no rows", sxt_linear_add(&plain, NULL), SXT_ERR_ARGUMENT);
    expect("no rows", sxt_linear_gradient(&plain, NULL), SXT_ERR_ARGUMENT);
    EXPECT_TILE(tile.logits.dtype = SXT_F16, SXT_ERR_DTYPE);
    EXPECT_TILE(tile.logits.dtype = SXT_BF16, SXT_ERR_DTYPE);
    EXPECT_TILE(tile.logits.ndim = 1, SXT_ERR_SHAPE);
    EXPECT_TILE(tile.logits.ndim = 0, SXT_ERR_SHAPE);
    EXPECT_TILE((tile.logits.ndim = 3, tile.logits.shape = three, tile.logits.strides = three), SXT_ERR_SHAPE);
    EXPECT_TILE(tile.logits.strides = spread, SXT_ERR_SHAPE);
    EXPECT_TILE(tile.first_class = -1, SXT_ERR_ARGUMENT);
    EXPECT_TILE(tile.first_class = PTRDIFF_MAX, SXT_ERR_ARGUMENT);
    for (int i = 0; i < 3; i++)
        EXPECT_TILE(tile.softcap = bad_options[i], SXT_ERR_ARGUMENT);
    sxt_array probs = x;
    EXPECT_TILE(tile.probs = &probs, SXT_ERR_ARGUMENT);
    probs.data = NULL;
    EXPECT_TILE((tile.probs = &probs, tile.slope = ones), SXT_ERR_ARGUMENT);
    probs = x;
    probs.dtype = SXT_F64;
    EXPECT_TILE((tile.probs = &probs, tile.slope = ones), SXT_ERR_DTYPE);
    probs = x;
    probs.shape = flat;
    EXPECT_TILE((tile.probs = &probs, tile.slope = ones), SXT_ERR_SHAPE);
    probs = x;
    probs.strides = spread;
    EXPECT_TILE((tile.probs = &probs, tile.slope = ones), SXT_ERR_SHAPE);
}

/* Nothing to do is no mistake: no rows, or rows without classes, whose loss is undefined. */
static void check_empty_tiles(void)
{
    sxt_linear_loss parts = {.grad_scale = 1};
    CHECK(sxt_linear_begin(NULL, 0, NULL) == SXT_OK && sxt_linear_finish(&parts, NULL, 0, NULL, NULL) == SXT_OK,
          "no rows");
    for (int i = 0; i < 2; i++) {
        shape[i] = 0;
        CHECK(linear_add() == SXT_OK && linear_gradient() == SXT_OK && exp_sum_update() == SXT_OK, "dimension %d", i);
        reset();
    }
    (void)sxt_linear_begin(rows, ROWS, NULL);
    CHECK(sxt_linear_finish(&parts, rows, ROWS, losses, penalties) == SXT_OK && isnan(losses[1]), "%g", losses[1]);
    reset();
}

static void check_begin_and_finish(void)
{
    sxt_linear_loss plain = {.grad_scale = 1};
    expect("no rows", sxt_linear_begin(NULL, ROWS, labels), SXT_ERR_ARGUMENT);
    expect("-1 rows", sxt_linear_begin(rows, -1, labels), SXT_ERR_ARGUMENT);
    expect("no loss", sxt_linear_finish(NULL, rows, ROWS, losses, penalties), SXT_ERR_ARGUMENT);
    expect("no rows", sxt_linear_finish(&plain, NULL, ROWS, losses, penalties), SXT_ERR_ARGUMENT);
    expect("-1 rows", sxt_linear_finish(&plain, rows, -1, losses, penalties), SXT_ERR_ARGUMENT);
    expect("no losses", sxt_linear_finish(&plain, rows, ROWS, NULL, penalties), SXT_ERR_ARGUMENT);
    expect("no penalties", sxt_linear_finish(&plain, rows, ROWS, losses, NULL), SXT_ERR_ARGUMENT);
    for (int i = 0; i < 3; i++) {
        plain.z_loss = bad_options[i];
        expect("z_loss", sxt_linear_finish(&plain, rows, ROWS, losses, penalties), SXT_ERR_ARGUMENT);
    }
}

int main(void)
{
    reset();
    check_arrays();
    check_row_functions();
    check_cross_entropy_options();
    check_labels();
    check_binary_options();
    check_exp_sums();
    check_tiles();
    check_empty_tiles();
    check_begin_and_finish();
    return check_report("errors");
}
