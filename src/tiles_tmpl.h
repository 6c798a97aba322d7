/* tiles_tmpl.h - many rows at once, lanes across the rows: few classes, strided axes, masks, anything
 * that is not a contiguous row. Included once per storage type, after rows_tmpl.h.
 *
 * `lanes` rows are packed into a tile of the compute type, tile[class][lane], worked on there with the
 * functions of math_tmpl.h, and unpacked. Rows with more classes than the scratch holds are packed block by
 * block, once for each of the three sweeps. The sums are integers, so the bits are those of rows_tmpl.h. */

#define WIDE_TILE 64
#define NARROW_TILE 16

/* One value a lane, in the order of the row's way through the sweeps. */
typedef struct {
    ptrdiff_t rows, lanes; /* in use, and allocated: a multiple of every W */
    ptrdiff_t number[WIDE_TILE];
    int64_t skip[WIDE_TILE];
    V(int) skip_here[WIDE_TILE]; /* relative to the block in the tile; out of it: -1 */
    T rest[WIDE_TILE], at_skip[WIDE_TILE], max[WIDE_TILE];
    int nan[WIDE_TILE], special[WIDE_TILE], single[WIDE_TILE];
    ptrdiff_t kept[WIDE_TILE];
    T shift[WIDE_TILE], magic[WIDE_TILE], low[WIDE_TILE], m1[WIDE_TILE], m2[WIDE_TILE];
    T n_ref[WIDE_TILE], unit[WIDE_TILE];
    uint64_t a_hi[WIDE_TILE], a_lo[WIDE_TILE], b_lo[WIDE_TILE];
    int64_t b_hi[WIDE_TILE];
    T hi[WIDE_TILE], lo[WIDE_TILE], patch[WIDE_TILE];
    double loss[WIDE_TILE], z[WIDE_TILE], tiny[WIDE_TILE];
    int any_special, any_tiny;
    /* dense sums: bounds, grids, sums; then the general form's constants */
    T bound_d[WIDE_TILE], bound_q[WIDE_TILE], target_skip[WIDE_TILE];
    T d1[WIDE_TILE], d2[WIDE_TILE], q1[WIDE_TILE], q2[WIDE_TILE];
    double unit_d[WIDE_TILE], unit_q[WIDE_TILE], dot[WIDE_TILE], mass[WIDE_TILE];
    V(grid_sum) dots[WIDE_TILE], masses[WIDE_TILE];
    V(general_outcome) outcome[WIDE_TILE];
    double row_grad[WIDE_TILE];
    T tail_skip[WIDE_TILE];
    T at_label[WIDE_TILE], label_tail[WIDE_TILE], origin[WIDE_TILE], limit[WIDE_TILE];
    int64_t label[WIDE_TILE];
} N(lanes);

/* The tile and its companions, tile[class][lane] each: logits, then terms, then gradients; targets; columns
 * with a tiny factor; Hessian; and of capped logits the tails, first and second derivatives (caps_tmpl.h).
 * NULL where not needed. */
typedef struct {
    T *x, *columns, *target, *hess, *tail, *slope, *bend;
    ptrdiff_t block; /* classes that fit */
} N(tiles_t);

/* ---- between memory and the tile ------------------------------------------------------------- */

#if ST_IS_ANY
SXT_INLINE T N(get)(const sxt_job *job, const char *p) { return (T)sxt_get(p, job->dtype); }
SXT_INLINE void N(set)(const sxt_job *job, char *p, T value) { sxt_put(p, job->dtype, (double)value); }
#else
SXT_INLINE T N(get)(const sxt_job *job, const char *p)
{
    T lane[V(W)];
    (void)job;
    V(store)(lane, LOADN((const ST *)(const void *)p, 1));
    return lane[0];
}
SXT_INLINE void N(set)(const sxt_job *job, char *p, T value)
{
    (void)job;
    STOREN((ST *)(void *)p, V(set1)(value), 1);
}
#endif

/* Bytes from a view's first class to class c. */
SXT_INLINE ptrdiff_t N(class_at)(const sxt_plane *p, const sxt_view *v, ptrdiff_t c)
{
    return v->block ? v->block[c / p->run] + c % p->run * v->cls : c * v->cls;
}

SXT_INLINE int N(kept)(const sxt_plane *p, ptrdiff_t row, ptrdiff_t c)
{
    return !p->mask.p || p->mask.p[row * p->mask.row + N(class_at)(p, &p->mask, c)];
}

static void N(pack_any)(const sxt_job *job, const sxt_plane *p, const sxt_view *v, const N(lanes) *s, T *tile, ptrdiff_t r0,
                        ptrdiff_t c0, ptrdiff_t nc)
{
    for (ptrdiff_t c = 0; c < nc; c++) {
        const char *from = v->p + N(class_at)(p, v, c0 + c);
        for (ptrdiff_t i = 0; i < s->lanes; i++) {
            T value = (T)0;
            if (i < s->rows)
                value = N(kept)(p, r0 + i, c0 + c) ? N(get)(job, from + (r0 + i) * v->row) : -(T)INFINITY;
            tile[c * s->lanes + i] = value;
        }
    }
}

#if !ST_IS_ANY
static void N(pack_lanes)(const char *x, ptrdiff_t step, const N(lanes) *s, T *tile, ptrdiff_t nc)
{
    for (ptrdiff_t c = 0; c < nc; c++, x += step) {
        for (ptrdiff_t i = 0; i < s->rows; i += V(W)) {
            const ST *from = (const ST *)(const void *)x + i;
            KV v = s->rows - i >= V(W) ? LOAD(from) : LOADN(from, s->rows - i);
            V(store)(tile + c * s->lanes + i, v);
        }
    }
}

static void N(pack_classes)(const char *x, ptrdiff_t step, const N(lanes) *s, T *tile, ptrdiff_t nc)
{
    for (ptrdiff_t i = 0; i < s->rows; i += V(W)) {
        for (ptrdiff_t c = 0; c < nc; c += V(W)) {
            KV r[V(W)];
            ptrdiff_t n = nc - c < V(W) ? nc - c : V(W);
            for (int k = 0; k < V(W); k++) {
                const ST *from = (const ST *)(const void *)(x + (i + k) * step) + c;
                r[k] = i + k >= s->rows ? V(set1)(0) : n == V(W) ? LOAD(from) : LOADN(from, n);
            }
            V(transpose)(r);
            for (int k = 0; k < n; k++)
                V(store)(tile + (c + k) * s->lanes + i, r[k]);
        }
    }
}

#endif

static void N(pack)(const sxt_job *job, const sxt_plane *p, const sxt_view *v, const N(lanes) *s, T *tile,
                    ptrdiff_t r0, ptrdiff_t c0, ptrdiff_t nc)
{
#if !ST_IS_ANY
    const char *x = v->p + r0 * v->row + c0 * v->cls;
    int plain = !p->mask.p && p->blocks == 1;
    if (plain && v->cls == sizeof(ST)) {
        N(pack_classes)(x, v->row, s, tile, nc);
        return;
    }
    if (plain && v->row == sizeof(ST)) {
        N(pack_lanes)(x, v->cls, s, tile, nc);
        return;
    }
#endif
    N(pack_any)(job, p, v, s, tile, r0, c0, nc);
}

static void N(unpack_any)(const sxt_job *job, const sxt_plane *p, const sxt_view *v, const N(lanes) *s, const T *tile,
                          ptrdiff_t r0, ptrdiff_t c0, ptrdiff_t nc, T masked)
{
    for (ptrdiff_t c = 0; c < nc; c++) {
        char *to = v->p + N(class_at)(p, v, c0 + c);
        for (ptrdiff_t i = 0; i < s->rows; i++) {
            T value = N(kept)(p, r0 + i, c0 + c) ? tile[c * s->lanes + i] : masked;
            N(set)(job, to + (r0 + i) * v->row, value);
        }
    }
}

#if !ST_IS_ANY
static void N(unpack_lanes)(char *y, ptrdiff_t step, const N(lanes) *s, const T *tile, ptrdiff_t nc)
{
    for (ptrdiff_t c = 0; c < nc; c++, y += step)
        for (ptrdiff_t i = 0; i < s->rows; i += V(W))
            N(put)((ST *)(void *)y + i, V(load)(tile + c * s->lanes + i), s->rows - i);
}

static void N(unpack_classes)(char *y, ptrdiff_t step, const N(lanes) *s, const T *tile, ptrdiff_t nc)
{
    for (ptrdiff_t i = 0; i < s->rows; i += V(W)) {
        for (ptrdiff_t c = 0; c < nc; c += V(W)) {
            KV r[V(W)];
            ptrdiff_t n = nc - c < V(W) ? nc - c : V(W);
            for (int k = 0; k < V(W); k++)
                r[k] = k < n ? V(load)(tile + (c + k) * s->lanes + i) : V(set1)(0);
            V(transpose)(r);
            for (int k = 0; k < V(W) && i + k < s->rows; k++)
                N(put)((ST *)(void *)(y + (i + k) * step) + c, r[k], n);
        }
    }
}

#endif

static void N(unpack)(const sxt_job *job, const sxt_plane *p, const sxt_view *v, const N(lanes) *s,
                      const T *tile, ptrdiff_t r0, ptrdiff_t c0, ptrdiff_t nc, T masked)
{
#if !ST_IS_ANY
    char *y = v->p + r0 * v->row + c0 * v->cls;
    int plain = !p->mask.p && p->blocks == 1;
    if (plain && v->cls == sizeof(ST)) {
        N(unpack_classes)(y, v->row, s, tile, nc);
        return;
    }
    if (plain && v->row == sizeof(ST)) {
        N(unpack_lanes)(y, v->cls, s, tile, nc);
        return;
    }
#endif
    N(unpack_any)(job, p, v, s, tile, r0, c0, nc, masked);
}

#if ST_IS_ANY
#include "caps_tmpl.h"
#endif

/* The logits of classes c0 and following into the tile. */
static void N(load_logits)(const sxt_job *job, const sxt_plane *p, const N(lanes) *s, const N(tiles_t) *t,
                           ptrdiff_t r0, ptrdiff_t c0, ptrdiff_t nc)
{
    N(pack)(job, p, &p->x, s, t->x, r0, c0, nc);
#if ST_IS_ANY
    N(cap_logits)(job, s, t, nc);
#endif
}

/* ---- sweep 1: maxima ------------------------------------------------------------------------- */

static void N(place_skips)(N(lanes) *s, ptrdiff_t c0, ptrdiff_t nc)
{
    for (ptrdiff_t i = 0; i < s->lanes; i++) {
        int64_t k = s->skip[i] - c0;
        s->skip_here[i] = k >= 0 && k < nc ? (V(int))k : -1;
    }
}

SXT_INLINE void N(note_nan)(N(lanes) *s, ptrdiff_t lane, KM bad)
{
    for (unsigned bits = V(mbits)(bad); bits; bits &= bits - 1)
        s->nan[lane + __builtin_ctz(bits)] = 1;
}

static void N(tile_max)(N(lanes) *s, const T *tile, ptrdiff_t nc)
{
    for (ptrdiff_t i = 0; i < s->rows; i += V(W)) {
        KV m = V(load)(s->rest + i);
        KM bad = V(mnone)();
        for (ptrdiff_t c = 0; c < nc; c++) {
            KV x = V(load)(tile + c * s->lanes + i);
            bad = V(mor)(bad, V(unord)(x, x));
            m = V(max)(x, m);
        }
        V(store)(s->rest + i, m);
        N(note_nan)(s, i, bad);
    }
}

/* The label's element goes to at_skip, the maximum of the others to rest. */
static void N(tile_max_but_label)(N(lanes) *s, const T *tile, ptrdiff_t nc)
{
    for (ptrdiff_t i = 0; i < s->rows; i += V(W)) {
        KV m = V(load)(s->rest + i), at = V(load)(s->at_skip + i);
        KI label = V(iload)(s->skip_here + i);
        KM bad = V(mnone)();
        for (ptrdiff_t c = 0; c < nc; c++) {
            KV x = V(load)(tile + c * s->lanes + i);
            KM here = V(ieq)(label, V(iset1)((V(int))c));
            bad = V(mor)(bad, V(unord)(x, x));
            at = V(select)(here, x, at);
            m = V(max)(V(select)(here, V(set1)(-(T)INFINITY), x), m);
        }
        V(store)(s->rest + i, m);
        V(store)(s->at_skip + i, at);
        N(note_nan)(s, i, bad);
    }
}

/* The first maximum goes to at_skip and skip, the largest of the others to rest. */
static void N(tile_max_two)(N(lanes) *s, const T *tile, ptrdiff_t c0, ptrdiff_t nc)
{
    for (ptrdiff_t i = 0; i < s->rows; i += V(W)) {
        KV m = V(load)(s->at_skip + i), second = V(load)(s->rest + i);
        KI at = V(iset1)(-1);
        KM bad = V(mnone)();
        for (ptrdiff_t c = 0; c < nc; c++) {
            KV x = V(load)(tile + c * s->lanes + i);
            bad = V(mor)(bad, V(unord)(x, x));
            KM more = V(lt)(m, x);
            second = V(max)(V(select)(more, m, x), second);
            at = V(iselect)(more, V(iset1)((V(int))c), at);
            m = V(select)(more, x, m);
        }
        V(store)(s->at_skip + i, m);
        V(store)(s->rest + i, second);
        V(int) where[V(W)];
        V(istore)(where, at);
        for (int k = 0; k < V(W); k++)
            s->skip[i + k] = where[k] >= 0 ? c0 + where[k] : s->skip[i + k];
        N(note_nan)(s, i, bad);
    }
}

static void N(lanes_prepare)(const sxt_job *job, N(lanes) *s)
{
    s->any_special = 0;
    for (ptrdiff_t i = 0; i < s->lanes; i++) {
        s->max[i] = s->at_skip[i] > s->rest[i] ? s->at_skip[i] : s->rest[i];
        if (job->op == SXT_OP_LOGSUMEXP && !(fabs((double)s->max[i]) < SMALL_MAX)) {
            s->skip[i] = -1; /* see skip_max */
            s->rest[i] = s->max[i];
        }
        s->special[i] |= s->nan[i] | !(fabs((double)s->max[i]) < (double)INFINITY);
        s->single[i] = job->op == SXT_OP_SOFTMAX && job->classes == 1 && !s->special[i];
        s->special[i] |= s->single[i];
        s->any_special |= s->special[i] && i < s->rows;
    }
    for (ptrdiff_t i = 0; i < s->lanes; i++) {
        V(ref) ref = V(make_ref)(s->special[i] ? (T)0 : s->max[i], s->special[i] ? (T)0 : s->rest[i],
                                 &s->n_ref[i], &s->unit[i]);
        s->shift[i] = ref.shift;
        s->magic[i] = ref.magic;
        s->low[i] = ref.low;
        s->m1[i] = ref.m1;
        s->m2[i] = ref.m2;
    }
}

/* ---- sweep 2: sums --------------------------------------------------------------------------- */

SXT_INLINE V(vref) N(lane_ref)(const N(lanes) *s, ptrdiff_t i)
{
    return (V(vref)){V(load)(s->shift + i), V(load)(s->magic + i), V(load)(s->low + i), V(load)(s->m1 + i),
                     V(load)(s->m2 + i)};
}

SXT_INLINE void N(tile_sum)(N(lanes) *s, T *tile, const T *tails, ptrdiff_t nc, int precise, int store,
                            int skip)
{
    for (ptrdiff_t i = 0; i < s->rows; i += V(W)) {
        V(vref) ref = N(lane_ref)(s, i);
        KI label = V(iload)(s->skip_here + i);
        KV tail = V(set1)((T)0), tail_skip = V(load)(s->tail_skip + i);
        for (ptrdiff_t c = 0; c < nc;) {
            V(acc) acc = {V(iset1)(0), V(iset1)(0)};
            V(uint) count = 0;
            for (; c < nc && count < FLUSH; c++, count++) {
                KV x = V(load)(tile + c * s->lanes + i);
                if (tails) {
                    tail = V(load)(tails + c * s->lanes + i);
                    tail_skip = V(select)(V(ieq)(label, V(iset1)((V(int))c)), tail, tail_skip);
                }
                if (skip)
                    x = V(select)(V(ieq)(label, V(iset1)((V(int))c)), V(set1)(-(T)INFINITY), x);
                KV e = V(exp_add)(x, tails ? &tail : NULL, &ref, &acc, precise);
                if (store)
                    V(store)(tile + c * s->lanes + i, e);
            }
            V(int) coarse[V(W)], fine[V(W)];
            V(istore)(coarse, acc.coarse);
            V(istore)(fine, acc.fine);
            for (int k = 0; k < V(W); k++) {
                V(uint) a = (V(uint))coarse[k] - count * V(scalar_bits)(s->m1[i + k]);
                V(int) b = (V(int))((V(uint))fine[k] - count * V(scalar_bits)(s->m2[i + k]));
                s->a_hi[i + k] += (uint64_t)a >> 32;
                s->a_lo[i + k] += (uint64_t)a & 0xffffffffu;
                s->b_hi[i + k] += (int64_t)b >> 32;
                s->b_lo[i + k] += (uint64_t)(int64_t)b & 0xffffffffu;
            }
        }
        if (tails)
            V(store)(s->tail_skip + i, tail_skip);
    }
}

#if ST_IS_ANY
static void N(tile_sum_all)(const sxt_job *job, N(lanes) *s, const N(tiles_t) *t, ptrdiff_t nc, int store)
{
    (void)job;
    if (store)
        N(tile_sum)(s, t->x, t->tail, nc, 0, 1, 1);
    else
        N(tile_sum)(s, t->x, t->tail, nc, 0, 0, 1);
}
#else
static void N(tile_sum_all)(const sxt_job *job, N(lanes) *s, const N(tiles_t) *t, ptrdiff_t nc, int store)
{
    if (job->op == SXT_OP_SOFTMAX && store)
        N(tile_sum)(s, t->x, NULL, nc, 0, 1, 0);
    else if (job->op == SXT_OP_SOFTMAX)
        N(tile_sum)(s, t->x, NULL, nc, 0, 0, 0);
    else if (store)
        N(tile_sum)(s, t->x, NULL, nc, SXT_T_IS_F32, 1, 1);
    else
        N(tile_sum)(s, t->x, NULL, nc, SXT_T_IS_F32, 0, 1);
}
#endif

/* ---- from sums to constants ------------------------------------------------------------------- */

/* The loops below have no branch and one operation each, so that the compiler puts rows side by side. */
SXT_FN V(wide) N(lane_sum)(const N(lanes) *s, ptrdiff_t i)
{
    return V(wide_sum)(s->a_hi[i], s->a_lo[i], s->b_hi[i], s->b_lo[i], (double)s->unit[i]);
}

SXT_FN void N(lane_outcome)(N(lanes) *s, ptrdiff_t i, V(outcome) o)
{
    s->hi[i] = (T)o.factor_hi;
    s->lo[i] = (T)o.factor_lo;
    s->patch[i] = (T)o.patch;
    s->loss[i] = o.loss;
    s->tiny[i] = o.tiny;
}

static void N(finish_softmax_lanes)(N(lanes) *s)
{
    for (ptrdiff_t i = 0; i < s->lanes; i++)
        N(lane_outcome)(s, i, V(finish_softmax)(N(lane_sum)(s, i)));
}

static void N(finish_logsumexp_lanes)(N(lanes) *s)
{
    for (ptrdiff_t i = 0; i < s->lanes; i++)
        s->loss[i] = V(finish_logsumexp)(N(lane_sum)(s, i), (double)s->max[i], (double)s->shift[i],
                                           (double)s->n_ref[i], s->skip[i] >= 0);
}

static void N(finish_log_softmax_lanes)(N(lanes) *s)
{
    for (ptrdiff_t i = 0; i < s->lanes; i++)
        N(lane_outcome)(s, i, V(finish_log_softmax)(N(lane_sum)(s, i), (double)s->max[i], (double)s->shift[i],
                                                    (double)s->n_ref[i]));
}

static void N(finish_label_lanes)(N(lanes) *s, const double *scale_loss, const double *scale_grad)
{
    for (ptrdiff_t i = 0; i < s->lanes; i++)
        N(lane_outcome)(s, i, V(finish_label)(N(lane_sum)(s, i), (double)s->at_skip[i], (double)s->shift[i],
                                              (double)s->n_ref[i], scale_loss[i], scale_grad[i]));
}

static void N(lanes_finish)(const sxt_job *job, N(lanes) *s)
{
    double scale_loss[WIDE_TILE] = {0}, scale_grad[WIDE_TILE] = {0};
    s->any_tiny = 0;
    if (job->op == SXT_OP_SOFTMAX) {
        N(finish_softmax_lanes)(s);
    } else if (job->op == SXT_OP_LOG_SOFTMAX) {
        N(finish_log_softmax_lanes)(s);
    } else if (job->op == SXT_OP_LOGSUMEXP) {
        N(finish_logsumexp_lanes)(s);
        return;
    } else {
        for (ptrdiff_t i = 0; i < s->rows; i++)
            if (s->skip[i] >= 0)
                N(row_scales)(job, s->number[i], scale_loss + i, scale_grad + i);
        N(finish_label_lanes)(s, scale_loss, scale_grad);
    }
    for (ptrdiff_t i = 0; i < s->rows; i++) {
        s->any_tiny |= s->tiny[i] != 0.0 && !s->special[i];
        s->limit[i] = job->op == SXT_OP_LABEL ? (T)(scale_grad[i] >= 0.0 ? scale_grad[i] : (double)INFINITY) : (T)1;
    }
}

static void N(finish_general_lanes)(const sxt_job *job, N(lanes) *s)
{
    for (ptrdiff_t i = 0; i < s->rows; i++) {
        if (s->special[i])
            continue;
        V(general) g = N(general_of)(job, s->number[i], s->skip[i]);
        g.tail = (double)s->tail_skip[i];
        g.origin = (double)s->origin[i] * (ST_IS_ANY ? job->logit_scale : 1.0);
        g.at_label = (double)s->at_label[i];
        g.label_tail = (double)s->label_tail[i];
        g.max = (double)s->max[i];
        g.shift = (double)s->shift[i];
        g.n_ref = (double)s->n_ref[i];
        g.dot = s->dot[i];
        if (job->op == SXT_OP_DENSE) {
            g.mass = g.dense_mass = s->mass[i];
            g.q_max += job->slope[s->skip[i]] * (double)s->target_skip[i];
        }
        s->outcome[i] = V(finish_general)(N(lane_sum)(s, i), g);
        s->row_grad[i] = g.row_grad;
        s->loss[i] = s->outcome[i].loss;
        s->z[i] = s->outcome[i].z;
    }
}

static void N(lanes_results)(const sxt_job *job, N(lanes) *s, sxt_total *total)
{
    for (ptrdiff_t i = 0; i < s->rows; i++) {
        double value = s->loss[i];
        if (s->special[i]) {
            value = (double)NAN;
            if (job->op == SXT_OP_LOGSUMEXP && !s->nan[i])
                value = (double)s->max[i];
            if (N(ignored)(job, s->number[i]))
                value = 0.0;
        }
        N(add_result)(job, s->number[i], value, job->general && !s->special[i] ? s->z[i] : 0.0, total);
    }
}

/* ---- dense sums ------------------------------------------------------------------------------- */

/* q of one class for W lanes; target: the tile of target probabilities or NULL. */
SXT_INLINE KV N(lane_q)(const sxt_job *job, const T *target, ptrdiff_t c, ptrdiff_t at)
{
    const T *base = job->base_here, *slope = job->slope_here;
    KV b = base ? V(set1)(base[c]) : V(set1)((T)0);
    return target ? V(dense_q)(b, V(set1)(slope[c]), V(load)(target + at)) : b;
}

/* q (max - x) of one class for W lanes. */
SXT_INLINE KV N(lane_term)(const N(tiles_t) *t, KV q, KV max, ptrdiff_t at)
{
#if ST_IS_ANY
    KV tail = V(load)(t->tail + at);
    return V(dense_term)(q, max, V(load)(t->x + at), &tail);
#else
    return V(dense_term)(q, max, V(load)(t->x + at), NULL);
#endif
}

static void N(tile_bounds)(const sxt_job *job, N(lanes) *s, const N(tiles_t) *t, ptrdiff_t c0, ptrdiff_t nc)
{
    const T *target = t->target;
    for (ptrdiff_t i = 0; i < s->rows; i += V(W)) {
        KV top_d = V(load)(s->bound_d + i), top_q = V(load)(s->bound_q + i);
        KV max = V(mul)(V(load)(s->max + i), V(set1)(DENSE_SCALE));
        KV at_skip = V(load)(s->target_skip + i);
        KI skip = V(iload)(s->skip_here + i);
        KM bad = V(mnone)();
        for (ptrdiff_t c = 0; c < nc; c++) {
            ptrdiff_t at = c * s->lanes + i;
            KV q = N(lane_q)(job, target, c0 + c, at);
            bad = V(mor)(bad, V(unord)(q, q));
            top_q = V(max)(V(abs)(q), top_q);
            top_d = V(max)(V(abs)(N(lane_term)(t, q, max, at)), top_d);
            if (target)
                at_skip = V(select)(V(ieq)(skip, V(iset1)((V(int))c)), V(load)(target + at), at_skip);
        }
        V(store)(s->bound_d + i, top_d);
        V(store)(s->bound_q + i, top_q);
        V(store)(s->target_skip + i, at_skip);
        N(note_nan)(s, i, bad);
    }
}

static void N(lanes_grids)(N(lanes) *s)
{
    for (ptrdiff_t i = 0; i < s->lanes; i++) {
        V(grid_for)(s->bound_d[i], &s->d1[i], &s->d2[i], &s->unit_d[i]);
        V(grid_for)(s->bound_q[i], &s->q1[i], &s->q2[i], &s->unit_q[i]);
        s->dots[i] = s->masses[i] = (V(grid_sum)){0, 0, 0, 0};
        if (s->nan[i] && !s->special[i])
            s->special[i] = s->any_special = 1;
    }
}

static void N(lanes_flush)(N(lanes) *s, ptrdiff_t i, const V(acc) *acc, V(uint) count, const T *m1, const T *m2,
                           V(grid_sum) *sums)
{
    V(int) coarse[V(W)], fine[V(W)];
    (void)s;
    V(istore)(coarse, acc->coarse);
    V(istore)(fine, acc->fine);
    for (int k = 0; k < V(W); k++) {
        V(int) a = (V(int))((V(uint))coarse[k] - count * V(scalar_bits)(m1[i + k]));
        V(int) b = (V(int))((V(uint))fine[k] - count * V(scalar_bits)(m2[i + k]));
        V(grid_note)(sums + i + k, a, b);
    }
}

static void N(tile_dense)(const sxt_job *job, N(lanes) *s, const N(tiles_t) *t, ptrdiff_t c0, ptrdiff_t nc)
{
    for (ptrdiff_t i = 0; i < s->rows; i += V(W)) {
        KV max = V(mul)(V(load)(s->max + i), V(set1)(DENSE_SCALE)), d1 = V(load)(s->d1 + i), d2 = V(load)(s->d2 + i);
        KV q1 = V(load)(s->q1 + i), q2 = V(load)(s->q2 + i);
        for (ptrdiff_t c = 0; c < nc;) {
            V(acc) d = {V(iset1)(0), V(iset1)(0)}, m = d;
            V(uint) count = 0;
            for (; c < nc && count < FLUSH; c++, count++) {
                ptrdiff_t at = c * s->lanes + i;
                KV q = N(lane_q)(job, t->target, c0 + c, at);
                V(grid_add)(N(lane_term)(t, q, max, at), d1, d2, &d);
                V(grid_add)(q, q1, q2, &m);
            }
            N(lanes_flush)(s, i, &d, count, s->d1, s->d2, s->dots);
            N(lanes_flush)(s, i, &m, count, s->q1, s->q2, s->masses);
        }
    }
}

static void N(lanes_dense_values)(N(lanes) *s)
{
    for (ptrdiff_t i = 0; i < s->rows; i++) {
        s->dot[i] = V(dot_value)(&s->dots[i], s->unit_d[i], s->bound_d[i]);
        s->mass[i] = V(grid_value)(&s->masses[i], s->unit_q[i]);
    }
}

/* ---- sweep 3: outputs ------------------------------------------------------------------------- */

/* Gradient and Hessian of one element; of capped logits by the chain rule. c: the class. */
SXT_INLINE void N(element_general)(const N(lanes) *s, const N(tiles_t) *t, ptrdiff_t lane, ptrdiff_t at,
                                   ptrdiff_t c, T e, T q)
{
    const V(general_outcome) *o = &s->outcome[lane];
    T grad = V(gradient_value)(e, o->factor_hi, o->factor_lo, s->row_grad[lane], (double)q);
    T curve = V(hessian_value)(e, o->share_hi, o->share_lo, o->curve, o->curve_z);
    int top = s->skip[lane] == c, label = s->label[lane] == c;
    grad = top ? (T)o->grad_max : label ? (T)o->grad_label : grad;
    curve = top ? (T)o->hess_max : label ? (T)o->hess_label : curve;
#if ST_IS_ANY
    curve = curve * t->slope[at] * t->slope[at] + grad * t->bend[at];
    grad *= t->slope[at];
#endif
    t->x[at] = grad;
    if (t->hess)
        t->hess[at] = curve;
}

/* Gradient in place of the terms, Hessian to its tile if there is one. */
static void N(tile_write_general)(const sxt_job *job, const N(lanes) *s, const N(tiles_t) *t, ptrdiff_t c0,
                                  ptrdiff_t nc, int terms)
{
    for (ptrdiff_t i = 0; i < s->rows; i += V(W)) {
        V(vref) ref = N(lane_ref)(s, i);
        for (ptrdiff_t c = 0; c < nc; c++) {
            ptrdiff_t at = c * s->lanes + i;
            T q[V(W)], e[V(W)];
            KV x = V(load)(t->x + at);
#if ST_IS_ANY
            KV tail = V(load)(t->tail + at);
            x = terms ? x : V(exp_term)(x, &tail, &ref);
#else
            x = terms ? x : V(exp_term)(x, NULL, &ref);
#endif
            V(store)(q, N(lane_q)(job, t->target, c0 + c, at));
            V(store)(e, x);
            for (int k = 0; k < V(W); k++)
                N(element_general)(s, t, i + k, at + k, c0 + c, e[k], q[k]);
        }
    }
}

SXT_INLINE void N(tile_write)(const sxt_job *job, const N(lanes) *s, T *tile, ptrdiff_t nc, int terms)
{
    for (ptrdiff_t i = 0; i < s->rows; i += V(W)) {
        V(vref) ref = N(lane_ref)(s, i);
        KV hi = V(load)(s->hi + i), lo = V(load)(s->lo + i), patch = V(load)(s->patch + i);
        KV max = V(load)(s->max + i);
        KI label = V(iload)(s->skip_here + i);
        int log = job->op == SXT_OP_LOG_SOFTMAX, patched = job->op == SXT_OP_LABEL;
        KV top = V(load)(s->limit + i);
        for (ptrdiff_t c = 0; c < nc; c++) {
            T *at = tile + c * s->lanes + i;
            KV x = V(load)(at), y;
            if (log) {
                y = V(log_value)(x, max, hi, lo, patch);
            } else {
                KV e = terms ? x : V(exp_term)(x, NULL, &ref);
                y = V(min)(V(fma)(e, hi, V(mul)(e, lo)), top);
                if (patched)
                    y = V(select)(V(ieq)(label, V(iset1)((V(int))c)), patch, y);
            }
            V(store)(at, y);
        }
    }
}

/* Rows whose factor is tiny: from the terms once more, in double. `tile` still holds terms or logits. */
static void N(tile_write_tiny)(const N(lanes) *s, const T *tile, T *column, ptrdiff_t nc, ptrdiff_t i,
                               int terms)
{
    V(ref) one = {s->shift[i], s->magic[i], s->low[i], s->m1[i], s->m2[i]};
    V(vref) ref = V(broadcast)(&one);
    for (ptrdiff_t c = 0; c < nc; c++) {
        T lane[V(W)], x = tile[c * s->lanes + i];
        V(store)(lane, terms ? V(set1)(x) : V(exp_term)(V(set1)(x), NULL, &ref));
        column[c] = c == s->skip_here[i] ? s->patch[i] : V(times_tiny)(lane[0], s->tiny[i]);
    }
}

/* What a special row is filled with. */
static T N(special_value)(const sxt_job *job, const N(lanes) *s, ptrdiff_t i)
{
    if (N(ignored)(job, s->number[i]))
        return (T)0;
    if (s->single[i])
        return (T)1;
    if (s->kept[i] == 0)
        return job->op == SXT_OP_LOG_SOFTMAX ? -(T)INFINITY : (T)0;
    return (T)NAN;
}

static void N(tile_output)(const sxt_job *job, const N(lanes) *s, T *tile, T *columns, ptrdiff_t nc, int terms)
{
    ptrdiff_t tiny = 0;
    for (ptrdiff_t i = 0; s->any_tiny && i < s->rows; i++)
        if (s->tiny[i] != 0.0 && !s->special[i])
            N(tile_write_tiny)(s, tile, columns + nc * tiny++, nc, i, terms);
    if (terms)
        N(tile_write)(job, s, tile, nc, 1);
    else
        N(tile_write)(job, s, tile, nc, 0);
    tiny = 0;
    for (ptrdiff_t i = 0; s->any_tiny && i < s->rows; i++)
        if (s->tiny[i] != 0.0 && !s->special[i]) {
            for (ptrdiff_t c = 0; c < nc; c++)
                tile[c * s->lanes + i] = columns[nc * tiny + c];
            tiny++;
        }
}

static void N(fill_special)(const sxt_job *job, const N(lanes) *s, T *tile, ptrdiff_t nc)
{
    for (ptrdiff_t i = 0; s->any_special && i < s->rows; i++) {
        if (!s->special[i])
            continue;
        T fill = N(special_value)(job, s, i);
        for (ptrdiff_t c = 0; c < nc; c++)
            tile[c * s->lanes + i] = fill;
    }
}

/* ---- the three sweeps ------------------------------------------------------------------------ */

static void N(lanes_start)(const sxt_job *job, const sxt_plane *p, N(lanes) *s, ptrdiff_t r0)
{
    for (ptrdiff_t i = 0; i < s->lanes; i++) {
        s->number[i] = p->first_row + (r0 + i) * p->row_step;
        s->skip[i] = -1;
        s->rest[i] = s->at_skip[i] = -(T)INFINITY;
        s->bound_d[i] = s->bound_q[i] = s->target_skip[i] = s->tail_skip[i] = (T)0;
        s->at_label[i] = s->label_tail[i] = s->origin[i] = (T)0;
        s->label[i] = -1;
        s->dot[i] = s->mass[i] = 0.0;
        s->nan[i] = 0;
        s->special[i] = i < s->rows && N(ignored)(job, s->number[i]);
        s->kept[i] = 1;
        s->a_hi[i] = s->a_lo[i] = s->b_lo[i] = 0;
        s->b_hi[i] = 0;
    }
    for (ptrdiff_t i = 0; job->op == SXT_OP_LABEL && i < s->rows; i++) {
        if (s->special[i])
            continue;
        s->label[i] = job->labels[s->number[i]];
        if (job->general)
            s->at_label[i] = N(get)(job, p->x.p + (r0 + i) * p->x.row + N(class_at)(p, &p->x, s->label[i]));
        else
            s->skip[i] = s->label[i];
    }
    for (ptrdiff_t i = 0; p->mask.p && i < s->rows; i++) {
        s->kept[i] = 0;
        for (ptrdiff_t c = 0; c < job->classes; c++)
            s->kept[i] |= N(kept)(p, r0 + i, c);
    }
}

static void N(sweep_max)(const sxt_job *job, const sxt_plane *p, N(lanes) *s, ptrdiff_t r0, const N(tiles_t) *t)
{
#if ST_IS_ANY
    N(set_origins)(job, p, s, r0);
#endif
    for (ptrdiff_t c0 = 0; c0 < job->classes; c0 += t->block) {
        ptrdiff_t nc = job->classes - c0 < t->block ? job->classes - c0 : t->block;
        N(load_logits)(job, p, s, t, r0, c0, nc);
        if (sxt_skips_max(job) || job->op == SXT_OP_LOGSUMEXP) {
            N(tile_max_two)(s, t->x, c0, nc);
        } else if (job->op == SXT_OP_LABEL) {
            N(place_skips)(s, c0, nc);
            N(tile_max_but_label)(s, t->x, nc);
        } else {
            N(tile_max)(s, t->x, nc);
        }
    }
    N(lanes_prepare)(job, s);
}

static void N(sweep_bounds)(const sxt_job *job, const sxt_plane *p, N(lanes) *s, ptrdiff_t r0, const N(tiles_t) *t)
{
    for (ptrdiff_t c0 = 0; c0 < job->classes; c0 += t->block) {
        ptrdiff_t nc = job->classes - c0 < t->block ? job->classes - c0 : t->block;
        if (job->classes > t->block)
            N(load_logits)(job, p, s, t, r0, c0, nc);
        if (t->target)
            N(pack)(job, p, &p->t, s, t->target, r0, c0, nc);
        N(place_skips)(s, c0, nc);
        N(tile_bounds)(job, s, t, c0, nc);
    }
    N(lanes_grids)(s);
}

static void N(sweep_sum)(const sxt_job *job, const sxt_plane *p, N(lanes) *s, ptrdiff_t r0, const N(tiles_t) *t,
                         int store)
{
    int dense = job->base || t->target;
    for (ptrdiff_t c0 = 0; c0 < job->classes; c0 += t->block) {
        ptrdiff_t nc = job->classes - c0 < t->block ? job->classes - c0 : t->block;
        if (job->classes > t->block) {
            N(load_logits)(job, p, s, t, r0, c0, nc);
            if (t->target)
                N(pack)(job, p, &p->t, s, t->target, r0, c0, nc);
        }
        if (dense)
            N(tile_dense)(job, s, t, c0, nc);
        N(place_skips)(s, c0, nc);
        N(tile_sum_all)(job, s, t, nc, store);
    }
    if (dense)
        N(lanes_dense_values)(s);
}

static void N(sweep_write)(const sxt_job *job, const sxt_plane *p, N(lanes) *s, ptrdiff_t r0, const N(tiles_t) *t,
                           int store)
{
    T masked = job->op == SXT_OP_LOG_SOFTMAX ? -(T)INFINITY : (T)0;
    for (ptrdiff_t c0 = 0; c0 < job->classes; c0 += t->block) {
        ptrdiff_t nc = job->classes - c0 < t->block ? job->classes - c0 : t->block;
        if (job->classes > t->block) {
            N(load_logits)(job, p, s, t, r0, c0, nc);
            if (t->target)
                N(pack)(job, p, &p->t, s, t->target, r0, c0, nc);
        }
        N(place_skips)(s, c0, nc);
        if (job->general)
            N(tile_write_general)(job, s, t, c0, nc, store);
        else
            N(tile_output)(job, s, t->x, t->columns, nc, store);
        N(fill_special)(job, s, t->x, nc);
        if (p->y.p)
            N(unpack)(job, p, &p->y, s, t->x, r0, c0, nc, masked);
        if (t->hess) {
            N(fill_special)(job, s, t->hess, nc);
            N(unpack)(job, p, &p->h, s, t->hess, r0, c0, nc, masked);
        }
    }
}

/* Cuts the scratch into the tiles that the job needs. */
static N(tiles_t) N(make_tiles)(const sxt_plane *p, sxt_scratch scratch, ptrdiff_t *room)
{
    N(tiles_t) t = {0};
    T *next = scratch.data;
    ptrdiff_t parts = 2 + (p->t.p != NULL) + (p->h.p != NULL) + 3 * ST_IS_ANY;
    *room = (ptrdiff_t)(scratch.bytes / sizeof(T)) / parts / WIDE_TILE * WIDE_TILE;
    T **needed[] = {&t.x, &t.columns, p->t.p ? &t.target : NULL, p->h.p ? &t.hess : NULL,
                    ST_IS_ANY ? &t.tail : NULL, ST_IS_ANY ? &t.slope : NULL, ST_IS_ANY ? &t.bend : NULL};
    for (size_t k = 0; k < sizeof needed / sizeof *needed; k++) {
        if (!needed[k])
            continue;
        *needed[k] = next;
        next += *room;
    }
    return t;
}

static void N(tiles)(const sxt_job *job, const sxt_plane *p, sxt_scratch scratch, sxt_total *total)
{
    N(lanes) s;
    ptrdiff_t room;
    N(tiles_t) t = N(make_tiles)(p, scratch, &room);
    int across = p->x.row == sizeof(ST) && p->x.cls != sizeof(ST) && !p->mask.p && p->blocks == 1;
    int writes = p->y.p || p->h.p;
    s.lanes = across && job->classes * WIDE_TILE <= room ? WIDE_TILE : NARROW_TILE;
    t.block = room / s.lanes;
    int store = job->classes <= t.block && writes && job->op != SXT_OP_LOG_SOFTMAX;
    for (ptrdiff_t r0 = 0; r0 < p->rows; r0 += s.lanes) {
        s.rows = p->rows - r0 < s.lanes ? p->rows - r0 : s.lanes;
        N(lanes_start)(job, p, &s, r0);
        N(sweep_max)(job, p, &s, r0, &t);
        if (job->base || t.target)
            N(sweep_bounds)(job, p, &s, r0, &t);
        N(sweep_sum)(job, p, &s, r0, &t, store);
        if (ST_IS_ANY || job->general)
            N(finish_general_lanes)(job, &s);
        else
            N(lanes_finish)(job, &s);
        N(lanes_results)(job, &s, total);
        if (writes)
            N(sweep_write)(job, p, &s, r0, &t, store);
    }
}

#if !ST_IS_ANY
/* Up to this many classes 16 rows side by side are faster than one after another. */
#define FEW_CLASSES 192

static void N(plane)(const sxt_job *job, const sxt_plane *p, sxt_scratch scratch, sxt_total *total)
{
    const sxt_view *views[] = {&p->x, &p->y, &p->h, &p->t};
    int contiguous = !p->mask.p && p->blocks == 1;
    for (int k = 0; k < 4; k++)
        contiguous &= !views[k]->p || views[k]->cls == sizeof(ST) || job->classes == 1;
    if (contiguous && (job->classes > FEW_CLASSES || p->rows == 1))
        N(rows)(job, p, scratch, total);
    else
        N(tiles)(job, p, scratch, total);
}
#endif
