/* linear.c - cross-entropy of a linear layer over tiles of its logits: rows shared among threads, and from
 * a row's sums to its loss and the constants of its gradient, in twice double precision. */
#include "softxent.h"

#include <math.h>
#include <string.h>

#include "calls/check.h"
#include "machine/dispatch.h"
#include "numbers/dtypes.h"
#include "numbers/elements16.h"
#include "numbers/exp_sum.h"
#include "vectors/fused.h"
#include "walks/tasks.h"

typedef struct {
    const sxt_linear_tile *tile;
    const sxt_stretch_kernels *kernels;
    sxt_linear_row *rows;
    const sxt_linear_row *finished;
} tile_run;

static char *tile_row(const sxt_array *tile, ptrdiff_t row) { return (char *)tile->data + row * tile->strides[0]; }

static ptrdiff_t item_size(const tile_run *run) { return sxt_item_size(run->tile->logits.dtype); }

/* n classes of a row from the tile's class `begin` on. */
static sxt_linear_classes classes_of(const tile_run *run, ptrdiff_t row, ptrdiff_t begin, ptrdiff_t n)
{
    const sxt_linear_tile *tile = run->tile;
    ptrdiff_t offset = begin * item_size(run);
    return (sxt_linear_classes){
        .n = n,
        .bias = tile->bias ? (const char *)tile->bias + offset : NULL,
        .target = tile->probs ? tile_row(tile->probs, row) + offset : NULL,
        .base = tile->base ? tile->base + begin : NULL,
        .slope = tile->slope ? tile->slope + begin : NULL,
        .softcap = tile->softcap,
    };
}

/* Items of a row as the kernels want them: copied into the buffer where their address does not suit their
 * type. */
static const void *aligned(const tile_run *run, const void *items, ptrdiff_t n, char *buffer)
{
    size_t size = (size_t)item_size(run);
    if (!items || (uintptr_t)items % size == 0)
        return items;
    memcpy(buffer, items, (size_t)n * size);
    return buffer;
}

/* The row's skipped class as a place among n from the tile's class `begin` on, or -1. */
static ptrdiff_t place_of(const tile_run *run, const sxt_linear_row *row, ptrdiff_t begin, ptrdiff_t n)
{
    if (row->skip < 0)
        return -1;
    int64_t place = row->skip - run->tile->first_class - begin;
    return place >= 0 && place < n ? (ptrdiff_t)place : -1;
}

/* ---- a tile seen for the first time --------------------------------------------------------------- */

static double coefficient_at(const tile_run *run, const sxt_linear_classes *c, ptrdiff_t place)
{
    double q = c->base ? c->base[place] : 0.0;
    if (!c->target)
        return q;
    double t = sxt_get((const char *)c->target + place * item_size(run), run->tile->logits.dtype);
    return fma(t, c->slope[place], q);
}

/* Without a label the largest logit is left out of the sum. Where a piece brings a larger one, the old one
 * joins the others. */
static void note_skip(const tile_run *run, const sxt_linear_classes *c, int64_t first_class,
                      const sxt_stretch *s, sxt_linear_row *row)
{
    if (run->tile->probs && !(s->at_skip > row->at_skip) && row->skip >= 0) {
        row->others = sxt_exp_sum_add(row->others, sxt_exp_sum_single(s->at_skip));
        return;
    }
    if (run->tile->probs)
        row->others = sxt_exp_sum_add(row->others, sxt_exp_sum_single(row->at_skip));
    row->skip = first_class + s->skip;
    row->at_skip = s->at_skip;
    row->q_skip = coefficient_at(run, c, s->skip);
}

/* The reference of the sum of q (max - z) moves up. */
static void raise_max(sxt_linear_row *row, double max)
{
    if (!(max > row->max))
        return;
    double mass = row->mass_hi + row->mass_lo;
    if (row->max > -(double)INFINITY && mass != 0.0)
        row->dot_hi = fma(mass, max - row->max, row->dot_hi);
    row->max = max;
}

static void add_piece(const tile_run *run, ptrdiff_t r, ptrdiff_t begin, ptrdiff_t n)
{
    _Alignas(64) char buffer[SXT_PIECE_BYTES], targets[SXT_PIECE_BYTES];
    sxt_linear_row *row = &run->rows[r];
    sxt_linear_classes c = classes_of(run, r, begin, n);
    const void *z = tile_row(&run->tile->logits, r) + begin * item_size(run);
    sxt_stretch s;
    c.target = aligned(run, c.target, n, targets);
    if (c.bias || c.softcap != 0.0) {
        run->kernels->linear_logits(z, buffer, &c);
        z = buffer;
    }
    z = aligned(run, z, n, buffer);
    run->kernels->exp_sum(z, n, run->tile->probs ? SXT_SKIP_MAX : place_of(run, row, begin, n), &s);
    double max = s.at_skip > s.rest ? s.at_skip : s.rest;
    row->special |= s.nan || max == (double)INFINITY;
    if (row->special)
        return;
    row->others = sxt_exp_sum_add(row->others, s.others);
    if (s.skip >= 0)
        note_skip(run, &c, run->tile->first_class + begin, &s, row);
    raise_max(row, max);
    if (c.base || c.target)
        run->kernels->linear_dense(z, &c, row);
}

static void add_row(const tile_run *run, ptrdiff_t r)
{
    ptrdiff_t piece = SXT_PIECE_BYTES / item_size(run), classes = run->tile->logits.shape[1];
    for (ptrdiff_t begin = 0; begin < classes; begin += piece)
        add_piece(run, r, begin, classes - begin < piece ? classes - begin : piece);
}

static void add_rows(void *context, const sxt_task *task)
{
    const tile_run *run = context;
    for (ptrdiff_t r = task->begin; r < task->end; r++)
        add_row(run, r);
}

static void gradient_piece(const tile_run *run, ptrdiff_t r, ptrdiff_t begin, ptrdiff_t n)
{
    _Alignas(64) char buffer[SXT_PIECE_BYTES], targets[SXT_PIECE_BYTES];
    const sxt_linear_row *row = &run->finished[r];
    sxt_linear_classes c = classes_of(run, r, begin, n);
    char *z = tile_row(&run->tile->logits, r) + begin * item_size(run);
    c.target = aligned(run, c.target, n, targets);
    if (aligned(run, z, n, buffer) == z) {
        run->kernels->linear_gradient(z, &c, place_of(run, row, begin, n), row);
        return;
    }
    run->kernels->linear_gradient(buffer, &c, place_of(run, row, begin, n), row);
    memcpy(z, buffer, (size_t)(n * item_size(run)));
}

static void gradient_row(const tile_run *run, ptrdiff_t r)
{
    ptrdiff_t piece = SXT_PIECE_BYTES / item_size(run), classes = run->tile->logits.shape[1];
    for (ptrdiff_t begin = 0; begin < classes; begin += piece)
        gradient_piece(run, r, begin, classes - begin < piece ? classes - begin : piece);
}

static void gradient_rows(void *context, const sxt_task *task)
{
    const tile_run *run = context;
    for (ptrdiff_t r = task->begin; r < task->end; r++)
        gradient_row(run, r);
}

/* ---- from sums to the loss ------------------------------------------------------------------------ */

typedef struct {
    const sxt_linear_loss *loss;
    sxt_linear_row *rows;
    double *losses, *penalties;
} finish_run;

/* -log p of the skipped class: log1p(others / own) where that cannot cancel. The quotient is asked for only
 * where the others are the smaller ones: it would overflow where they are far larger. */
static double nll_of(const sxt_linear_row *row, sxt_exp_sum own, sxt_dd lse)
{
    if (own.hi == 0.0)
        return (double)INFINITY;
    if (row->others.hi == 0.0)
        return 0.0;
    sxt_exp_sum others = sxt_exp_sum_reshift(row->others, own.shift);
    if (own.shift >= row->others.shift && (others.hi == 0.0 || others.exponent <= own.exponent)) {
        sxt_dd q = sxt_exp_sum_ratio(others, own);
        if (q.hi < 1.0)
            return sxt_log1p(q).hi;
    }
    double about = lse.hi - row->at_skip; /* infinite where logits are further apart than a double reaches */
    return about < (double)INFINITY ? sxt_dd_add(lse, (sxt_dd){-row->at_skip, 0.0}).hi : about;
}

static void finish_row(const finish_run *run, ptrdiff_t i)
{
    const sxt_linear_loss *loss = run->loss;
    sxt_linear_row *row = &run->rows[i];
    sxt_exp_sum own = sxt_exp_sum_single(row->at_skip);
    row->total = sxt_exp_sum_add(row->others, own);
    double mass = row->mass_hi + row->mass_lo, share = loss->share ? loss->share[i] : 0.0;
    row->special |= row->total.hi == 0.0 || mass != mass;
    run->losses[i] = run->penalties[i] = (double)NAN;
    if (row->special)
        return;
    sxt_dd lse = sxt_exp_sum_log_pair(row->total);
    double nll = nll_of(row, own, lse);
    double above_max = row->at_skip == row->max ? nll : sxt_dd_add(lse, (sxt_dd){-row->max, 0.0}).hi;
    double dot = fabs(row->dot_hi) < (double)INFINITY ? row->dot_hi + row->dot_lo : row->dot_hi;
    double labelled = share == 0.0 ? 0.0 : share * nll;
    run->losses[i] = sxt_canonical(labelled + (dot + (mass == 0.0 ? 0.0 : mass * above_max)));
    run->penalties[i] = loss->z_loss == 0.0 ? 0.0 : loss->z_loss * lse.hi * lse.hi;
    double own_share = sxt_exp_sum_ratio(own, row->total).hi;
    double others_share = sxt_exp_sum_ratio(row->others, row->total).hi;
    double all = mass + share, z_slope = 2.0 * loss->z_loss * lse.hi * loss->z_scale;
    double curve = loss->grad_scale * all + z_slope;
    sxt_dd total = {row->total.hi * 0x1p-512, row->total.lo * 0x1p-512};
    row->row_grad = loss->grad_scale;
    row->share_hi = curve / total.hi;
    row->share_lo = (fma(-row->share_hi, total.hi, curve) - row->share_hi * total.lo) / total.hi;
    /* Q p - q at the skipped class, from p or from 1 - p, whichever is small */
    double rest = mass - row->q_skip;
    double tilt = rest != 0.0 && others_share > 0.5 ? fma(all, own_share, -(row->q_skip + share))
                                                    : rest - all * others_share;
    row->patch = loss->grad_scale * tilt + z_slope * own_share;
    /* factors that overflowed, or were no numbers, leave nothing but NaN */
    row->special |= !(fabs(row->share_hi) < (double)INFINITY && fabs(row->patch) < (double)INFINITY);
}

static void finish_rows(void *context, const sxt_task *task)
{
    const finish_run *run = context;
    for (ptrdiff_t i = task->begin; i < task->end; i++)
        finish_row(run, i);
}

/* ---- entry points --------------------------------------------------------------------------------- */

static sxt_status check_matrix(const sxt_array *a)
{
    sxt_status status = sxt_check_array(a);
    if (status != SXT_OK)
        return status;
    if (!sxt_is_computed_as_stored(a->dtype))
        return SXT_ERR_DTYPE;
    if (a->ndim != 2)
        return SXT_ERR_SHAPE;
    return a->shape[1] <= 1 || a->strides[1] == sxt_item_size(a->dtype) ? SXT_OK : SXT_ERR_SHAPE;
}

static int finite_not_negative(double x) { return x >= 0.0 && x < (double)INFINITY; }

static sxt_status run_tile(const sxt_linear_tile *tile, tile_run *run, sxt_task_work work)
{
    const sxt_kernels *table = sxt_active_kernels();
    sxt_status status = check_matrix(&tile->logits);
    if (status == SXT_OK && tile->probs)
        status = sxt_check_like(tile->probs, &tile->logits);
    if (status == SXT_OK && tile->probs)
        status = check_matrix(tile->probs);
    if (status == SXT_OK && ((tile->probs && !tile->slope) || !finite_not_negative(tile->softcap)))
        status = SXT_ERR_ARGUMENT;
    if (status == SXT_OK && (tile->first_class < 0 || tile->first_class > PTRDIFF_MAX - tile->logits.shape[1]))
        status = SXT_ERR_ARGUMENT;
    if (status == SXT_OK && !table)
        status = SXT_ERR_ISA;
    if (status != SXT_OK)
        return status;
    ptrdiff_t rows = tile->logits.shape[0], classes = tile->logits.shape[1];
    run->tile = tile;
    run->kernels = &table->stretches->of[sxt_is_double(tile->logits.dtype)];
    if (rows > 0 && classes > 0)
        sxt_run_tasks(rows, SXT_TASK_TILE_ELEMENTS / (classes + 1) + 1, sxt_get_num_threads(), work, run);
    return SXT_OK;
}

sxt_status sxt_linear_begin(sxt_linear_row *rows, ptrdiff_t n, const int64_t *labels)
{
    if (n < 0 || (n > 0 && !rows))
        return SXT_ERR_ARGUMENT;
    for (ptrdiff_t i = 0; i < n; i++)
        rows[i] = (sxt_linear_row){.max = -(double)INFINITY, .at_skip = -(double)INFINITY,
                                   .skip = labels ? labels[i] : -1};
    return SXT_OK;
}

sxt_status sxt_linear_add(const sxt_linear_tile *tile, sxt_linear_row *rows)
{
    tile_run run = {.rows = rows};
    return tile && rows ? run_tile(tile, &run, add_rows) : SXT_ERR_ARGUMENT;
}

sxt_status sxt_linear_gradient(const sxt_linear_tile *tile, const sxt_linear_row *rows)
{
    tile_run run = {.finished = rows};
    return tile && rows ? run_tile(tile, &run, gradient_rows) : SXT_ERR_ARGUMENT;
}

sxt_status sxt_linear_finish(const sxt_linear_loss *loss, sxt_linear_row *rows, ptrdiff_t n, double *losses,
                             double *penalties)
{
    finish_run run = {loss, rows, losses, penalties};
    if (!loss || !finite_not_negative(loss->z_loss) || n < 0 || (n > 0 && (!rows || !losses || !penalties)))
        return SXT_ERR_ARGUMENT;
    sxt_run_tasks(n, SXT_TASK_PLAIN_ROWS, n < SXT_TASK_PLAIN_ROWS ? 1 : sxt_get_num_threads(), finish_rows, &run);
    return SXT_OK;
}
