#include "call_pieces.h"

#include <stdlib.h>
#include <string.h>

/* Classes [begin, begin + n). */
typedef struct {
    ptrdiff_t begin, n;
} piece;

static piece piece_at(const problem *p, int k)
{
    ptrdiff_t width = (p->classes + p->pieces - 1) / p->pieces, left = p->classes - k * width;
    return (piece){k * width, left < 0 ? 0 : left < width ? left : width};
}

/* The buffers of one piece come after those of the whole call, in the same slots for every piece. */
static session open_piece(const session *whole, piece of)
{
    session s = *whole;
    s.first_slot = whole->count;
    s.count = 0;
    s.source.state += (uint64_t)of.begin;
    s.shape = whole->how->seed == 0 || whole->p->kind == CALL_LINEAR
                  ? geometry_matrix(whole->p->rows, of.n)
                  : geometry_random(&s.source, whole->p->rows, of.n, false);
    return s;
}

static void *allocate(size_t size)
{
    void *memory = malloc(size + 1);
    if (memory == NULL)
        abort();
    return memory;
}

/* Copy the piece's columns out of dense rows x classes elements, or back. */
static void copy_columns(const problem *p, piece of, void *whole, void *part, bool back)
{
    size_t size = size_of(p->dtype), bytes = (size_t)of.n * size;
    for (ptrdiff_t r = 0; r < p->rows && bytes > 0; r++) {
        char *there = (char *)whole + (size_t)(r * p->classes + of.begin) * size;
        char *here = (char *)part + (size_t)r * bytes;
        memcpy(back ? there : here, back ? here : there, bytes);
    }
}

static void *columns_of(const problem *p, piece of, void *whole)
{
    void *part = allocate((size_t)(p->rows * of.n) * size_of(p->dtype));
    copy_columns(p, of, whole, part, false);
    return part;
}

/* ---- tiles of a linear layer ---------------------------------------------------------------------- */

/* One tile, added, or turned into its gradient when there is one to put it into. */
static sxt_status call_tile(const session *whole, piece of, sxt_linear_row *rows, void *gradient, result *r)
{
    const problem *p = whole->p;
    session s = open_piece(whole, of);
    void *x = columns_of(p, of, p->x), *target = columns_of(p, of, p->second);
    sxt_array probs;
    sxt_linear_tile tile = {.logits = session_input(&s, x), .first_class = of.begin, .softcap = p->softcap};
    if (p->use_third)
        tile.bias = session_vector(&s, size_of(p->dtype), of.n,
                                   (char *)p->bias + (size_t)of.begin * size_of(p->dtype));
    if (p->label_smoothing != 0)
        tile.base = session_vector(&s, sizeof(double), of.n, p->class_weight + of.begin);
    if (p->soft_targets) {
        probs = session_input(&s, target);
        tile.probs = &probs;
        tile.slope = session_vector(&s, sizeof(double), of.n, p->class_weight + of.begin);
    }
    sxt_status status = gradient ? sxt_linear_gradient(&tile, rows) : sxt_linear_add(&tile, rows);
    if (gradient && status == SXT_OK) {
        void *part = session_gather(&s, 0, &r->damage);
        copy_columns(p, of, gradient, part, true);
        s.buffers[0].dense = part;
        session_inspect(&s, r);
        free(part);
    } else {
        session_inspect(&s, r);
    }
    free(x);
    free(target);
    return status;
}

static sxt_status call_tiles(const session *s, sxt_linear_row *rows, void *gradient, result *r)
{
    sxt_status status = SXT_OK;
    for (int k = 0; k < s->p->pieces && status == SXT_OK; k++)
        status = call_tile(s, piece_at(s->p, k), rows, gradient, r);
    return status;
}

sxt_status call_linear(session *s, result *r)
{
    const problem *p = s->p;
    sxt_linear_loss loss = {.z_loss = p->z_loss, .grad_scale = p->grad_scale, .z_scale = p->grad_scale / 2};
    sxt_linear_row *rows = session_state(s, sizeof *rows, p->rows);
    const int64_t *labels = NULL;
    if (!p->soft_targets) {
        labels = session_vector(s, sizeof *labels, p->rows, p->labels);
        loss.share = session_vector(s, sizeof(double), p->rows, p->row_weight);
    }
    double *losses = session_results(s, SXT_F64, p->rows, 0);
    double *penalties = session_results(s, SXT_F64, p->rows, 1);
    sxt_status status = sxt_linear_begin(rows, p->rows, labels);
    if (status == SXT_OK)
        status = call_tiles(s, rows, NULL, r);
    if (status == SXT_OK)
        status = sxt_linear_finish(&loss, rows, p->rows, losses, penalties);
    if (status != SXT_OK || !p->want_grad)
        return status;
    size_t bytes = (size_t)(p->rows * p->classes) * size_of(p->dtype);
    r->size[2] = bytes;
    r->bytes[2] = allocate(bytes);
    return call_tiles(s, rows, r->bytes[2], r);
}

/* ---- log-sum-exp in chunks ------------------------------------------------------------------------ */

static sxt_status add_chunk(const session *whole, piece of, sxt_exp_sum *sums, result *r)
{
    session s = open_piece(whole, of);
    void *x = columns_of(s.p, of, s.p->x);
    sxt_array chunk = session_input(&s, x);
    sxt_status status = sxt_exp_sum_update(sums, &chunk, s.shape.axes);
    session_inspect(&s, r);
    free(x);
    return status;
}

sxt_status call_exp_sum(session *s, result *r)
{
    const problem *p = s->p;
    size_t bytes = (size_t)p->rows * sizeof(sxt_exp_sum);
    sxt_exp_sum *sums[2];
    double *logs = session_results(s, SXT_F64, p->rows, 0);
    for (int i = 0; i < 2; i++) {
        sums[i] = session_state(s, sizeof **sums, p->rows);
        if (bytes > 0)
            memset(sums[i], 0, bytes);
    }
    sxt_status status = SXT_OK;
    for (int k = 0; k < p->pieces && status == SXT_OK; k++)
        status = add_chunk(s, piece_at(p, k), sums[k % 2], r);
    if (status == SXT_OK)
        status = sxt_exp_sum_merge(sums[0], sums[1], p->rows);
    if (status == SXT_OK)
        status = sxt_exp_sum_log(sums[0], p->rows, logs);
    if (status == SXT_OK) {
        r->size[1] = bytes;
        r->bytes[1] = session_gather(s, 1, &r->damage);
    }
    return status;
}
