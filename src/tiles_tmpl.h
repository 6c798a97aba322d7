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
    int nan[WIDE_TILE], special[WIDE_TILE];
    ptrdiff_t kept[WIDE_TILE];
    T shift[WIDE_TILE], magic[WIDE_TILE], low[WIDE_TILE], m1[WIDE_TILE], m2[WIDE_TILE];
    T n_ref[WIDE_TILE], unit[WIDE_TILE];
    uint64_t a_hi[WIDE_TILE], a_lo[WIDE_TILE], b_lo[WIDE_TILE];
    int64_t b_hi[WIDE_TILE];
    T hi[WIDE_TILE], lo[WIDE_TILE], patch[WIDE_TILE];
    double loss[WIDE_TILE], tiny[WIDE_TILE];
    int any_special, any_tiny;
} N(lanes);

/* ---- between memory and the tile ------------------------------------------------------------- */

SXT_INLINE T N(get)(const char *p)
{
    T lane[V(W)];
    V(store)(lane, LOADN((const ST *)(const void *)p, 1));
    return lane[0];
}

static void N(pack_any)(const sxt_plane *p, N(lanes) *s, T *tile, ptrdiff_t r0, ptrdiff_t c0, ptrdiff_t nc)
{
    for (ptrdiff_t c = 0; c < nc; c++) {
        ptrdiff_t block = (c0 + c) / p->run, k = (c0 + c) % p->run;
        ptrdiff_t at = (p->x_block ? p->x_block[block] : 0) + k * p->x_class;
        ptrdiff_t mask_at = (p->mask_block ? p->mask_block[block] : 0) + k * p->mask_class;
        for (ptrdiff_t i = 0; i < s->rows; i++) {
            int keep = !p->mask || p->mask[(r0 + i) * p->mask_row + mask_at];
            s->kept[i] += keep;
            tile[c * s->lanes + i] = keep ? N(get)(p->x + (r0 + i) * p->x_row + at) : -(T)INFINITY;
        }
        for (ptrdiff_t i = s->rows; i < s->lanes; i++)
            tile[c * s->lanes + i] = (T)0;
    }
}

static void N(pack_lanes)(const char *x, ptrdiff_t x_class, const N(lanes) *s, T *tile, ptrdiff_t nc)
{
    for (ptrdiff_t c = 0; c < nc; c++, x += x_class) {
        for (ptrdiff_t i = 0; i < s->rows; i += V(W)) {
            const ST *from = (const ST *)(const void *)x + i;
            KV v = s->rows - i >= V(W) ? LOAD(from) : LOADN(from, s->rows - i);
            V(store)(tile + c * s->lanes + i, v);
        }
    }
}

static void N(pack_classes)(const char *x, ptrdiff_t x_row, const N(lanes) *s, T *tile, ptrdiff_t nc)
{
    for (ptrdiff_t i = 0; i < s->rows; i += V(W)) {
        for (ptrdiff_t c = 0; c < nc; c += V(W)) {
            KV r[V(W)];
            ptrdiff_t n = nc - c < V(W) ? nc - c : V(W);
            for (int k = 0; k < V(W); k++) {
                const ST *from = (const ST *)(const void *)(x + (i + k) * x_row) + c;
                r[k] = i + k >= s->rows ? V(set1)(0) : n == V(W) ? LOAD(from) : LOADN(from, n);
            }
            V(transpose)(r);
            for (int k = 0; k < n; k++)
                V(store)(tile + (c + k) * s->lanes + i, r[k]);
        }
    }
}

static void N(pack)(const sxt_plane *p, N(lanes) *s, T *tile, ptrdiff_t r0, ptrdiff_t c0, ptrdiff_t nc)
{
    const char *x = p->x + r0 * p->x_row + c0 * p->x_class;
    if (p->mask || p->blocks > 1)
        N(pack_any)(p, s, tile, r0, c0, nc);
    else if (p->x_class == sizeof(ST))
        N(pack_classes)(x, p->x_row, s, tile, nc);
    else if (p->x_row == sizeof(ST))
        N(pack_lanes)(x, p->x_class, s, tile, nc);
    else
        N(pack_any)(p, s, tile, r0, c0, nc);
}

static void N(unpack_any)(const sxt_plane *p, const N(lanes) *s, const T *tile, ptrdiff_t r0, ptrdiff_t c0,
                          ptrdiff_t nc, T masked)
{
    for (ptrdiff_t c = 0; c < nc; c++) {
        ptrdiff_t block = (c0 + c) / p->run, k = (c0 + c) % p->run;
        ptrdiff_t at = (p->y_block ? p->y_block[block] : 0) + k * p->y_class;
        ptrdiff_t mask_at = (p->mask_block ? p->mask_block[block] : 0) + k * p->mask_class;
        for (ptrdiff_t i = 0; i < s->rows; i++) {
            int keep = !p->mask || p->mask[(r0 + i) * p->mask_row + mask_at];
            KV v = V(set1)(keep ? tile[c * s->lanes + i] : masked);
            STOREN((ST *)(void *)(p->y + (r0 + i) * p->y_row + at), v, 1);
        }
    }
}

static void N(unpack_lanes)(char *y, ptrdiff_t y_class, const N(lanes) *s, const T *tile, ptrdiff_t nc)
{
    for (ptrdiff_t c = 0; c < nc; c++, y += y_class)
        for (ptrdiff_t i = 0; i < s->rows; i += V(W))
            N(put)((ST *)(void *)y + i, V(load)(tile + c * s->lanes + i), s->rows - i);
}

static void N(unpack_classes)(char *y, ptrdiff_t y_row, const N(lanes) *s, const T *tile, ptrdiff_t nc)
{
    for (ptrdiff_t i = 0; i < s->rows; i += V(W)) {
        for (ptrdiff_t c = 0; c < nc; c += V(W)) {
            KV r[V(W)];
            ptrdiff_t n = nc - c < V(W) ? nc - c : V(W);
            for (int k = 0; k < V(W); k++)
                r[k] = k < n ? V(load)(tile + (c + k) * s->lanes + i) : V(set1)(0);
            V(transpose)(r);
            for (int k = 0; k < V(W) && i + k < s->rows; k++)
                N(put)((ST *)(void *)(y + (i + k) * y_row) + c, r[k], n);
        }
    }
}

static void N(unpack)(const sxt_plane *p, const N(lanes) *s, const T *tile, ptrdiff_t r0, ptrdiff_t c0,
                      ptrdiff_t nc, T masked)
{
    char *y = p->y + r0 * p->y_row + c0 * p->y_class;
    if (p->mask || p->blocks > 1)
        N(unpack_any)(p, s, tile, r0, c0, nc, masked);
    else if (p->y_class == sizeof(ST))
        N(unpack_classes)(y, p->y_row, s, tile, nc);
    else if (p->y_row == sizeof(ST))
        N(unpack_lanes)(y, p->y_class, s, tile, nc);
    else
        N(unpack_any)(p, s, tile, r0, c0, nc, masked);
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

static void N(lanes_prepare)(N(lanes) *s)
{
    s->any_special = 0;
    for (ptrdiff_t i = 0; i < s->lanes; i++) {
        s->max[i] = s->at_skip[i] > s->rest[i] ? s->at_skip[i] : s->rest[i];
        s->special[i] |= s->nan[i] | !(fabs((double)s->max[i]) < (double)INFINITY);
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

SXT_INLINE void N(tile_sum)(N(lanes) *s, T *tile, ptrdiff_t nc, int precise, int store, int skip)
{
    for (ptrdiff_t i = 0; i < s->rows; i += V(W)) {
        V(vref) ref = N(lane_ref)(s, i);
        KI label = V(iload)(s->skip_here + i);
        for (ptrdiff_t c = 0; c < nc;) {
            V(acc) acc = {V(iset1)(0), V(iset1)(0)};
            V(uint) count = 0;
            for (; c < nc && count < FLUSH; c++, count++) {
                KV x = V(load)(tile + c * s->lanes + i);
                if (skip)
                    x = V(select)(V(ieq)(label, V(iset1)((V(int))c)), V(set1)(-(T)INFINITY), x);
                KV e = V(exp_add)(x, &ref, &acc, precise);
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
    }
}

static void N(tile_sum_plain)(N(lanes) *s, T *tile, ptrdiff_t nc, int store)
{
    if (store)
        N(tile_sum)(s, tile, nc, 0, 1, 0);
    else
        N(tile_sum)(s, tile, nc, 0, 0, 0);
}

static void N(tile_sum_precise)(N(lanes) *s, T *tile, ptrdiff_t nc, int store)
{
    if (store)
        N(tile_sum)(s, tile, nc, SXT_T_IS_F32, 1, 1);
    else
        N(tile_sum)(s, tile, nc, SXT_T_IS_F32, 0, 1);
}

/* ---- sweep 3: outputs ------------------------------------------------------------------------ */

static void N(lanes_finish)(const sxt_job *job, N(lanes) *s)
{
    double scale_loss[WIDE_TILE], scale_grad[WIDE_TILE];
    V(outcome) o[WIDE_TILE];
    if (job->op == SXT_OP_CROSS_ENTROPY)
        for (ptrdiff_t i = 0; i < s->lanes; i++) {
            scale_loss[i] = scale_grad[i] = 0.0;
            if (i < s->rows && s->skip[i] >= 0)
                N(row_scales)(job, s->number[i], scale_loss + i, scale_grad + i);
        }
    for (ptrdiff_t i = 0; i < s->lanes; i++) {
        V(wide) sum = V(wide_sum)(s->a_hi[i], s->a_lo[i], s->b_hi[i], s->b_lo[i], (double)s->unit[i]);
        double max = (double)s->max[i], shift = (double)s->shift[i], n_ref = (double)s->n_ref[i];
        if (job->op == SXT_OP_SOFTMAX)
            o[i] = V(finish_softmax)(sum);
        else if (job->op == SXT_OP_LOGSUMEXP)
            s->loss[i] = V(finish_logsumexp)(sum, shift, n_ref);
        else if (job->op == SXT_OP_LOG_SOFTMAX)
            o[i] = V(finish_log_softmax)(sum, max, shift, n_ref);
        else
            o[i] = V(finish_label)(sum, (double)s->at_skip[i], shift, n_ref, scale_loss[i], scale_grad[i]);
    }
    s->any_tiny = 0;
    if (job->op != SXT_OP_LOGSUMEXP)
        for (ptrdiff_t i = 0; i < s->lanes; i++) {
            s->hi[i] = (T)o[i].factor_hi;
            s->lo[i] = (T)o[i].factor_lo;
            s->patch[i] = (T)o[i].patch;
            s->loss[i] = o[i].loss;
            s->tiny[i] = o[i].tiny;
            s->any_tiny |= o[i].tiny != 0.0 && i < s->rows && !s->special[i];
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
        N(put_row_value)(job, s->number[i], value);
        if (job->want_sum)
            N(add_total)(total, value);
    }
}

SXT_INLINE void N(tile_write)(const sxt_job *job, const N(lanes) *s, T *tile, ptrdiff_t nc, int terms)
{
    for (ptrdiff_t i = 0; i < s->rows; i += V(W)) {
        V(vref) ref = N(lane_ref)(s, i);
        KV hi = V(load)(s->hi + i), lo = V(load)(s->lo + i), patch = V(load)(s->patch + i);
        KV max = V(load)(s->max + i);
        KI label = V(iload)(s->skip_here + i);
        int log = job->op == SXT_OP_LOG_SOFTMAX, patched = job->op == SXT_OP_CROSS_ENTROPY;
        for (ptrdiff_t c = 0; c < nc; c++) {
            T *at = tile + c * s->lanes + i;
            KV x = V(load)(at), y;
            if (log) {
                y = V(log_value)(x, max, hi, lo, patch);
            } else {
                KV e = terms ? x : V(exp_term)(x, &ref);
                y = V(fma)(e, hi, V(mul)(e, lo));
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
        V(store)(lane, terms ? V(set1)(x) : V(exp_term)(V(set1)(x), &ref));
        column[c] = c == s->skip_here[i] ? s->patch[i] : V(times_tiny)(lane[0], s->tiny[i]);
    }
}

/* What a special row is filled with. */
static T N(special_value)(const sxt_job *job, const N(lanes) *s, ptrdiff_t i)
{
    if (N(ignored)(job, s->number[i]))
        return (T)0;
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
        s->nan[i] = 0;
        s->special[i] = job->labels && i < s->rows && N(ignored)(job, s->number[i]);
        s->kept[i] = p->mask ? 0 : job->classes;
        s->a_hi[i] = s->a_lo[i] = s->b_lo[i] = 0;
        s->b_hi[i] = 0;
    }
    if (job->op == SXT_OP_CROSS_ENTROPY)
        for (ptrdiff_t i = 0; i < s->rows; i++)
            s->skip[i] = s->special[i] ? -1 : job->labels[s->number[i]];
}

static void N(tile)(const sxt_job *job, const sxt_plane *p, N(lanes) *s, ptrdiff_t r0, T *tile,
                    ptrdiff_t block, sxt_total *total)
{
    ptrdiff_t n = job->classes;
    int single = n <= block, store = single && p->y && job->op != SXT_OP_LOG_SOFTMAX;
    T *columns = tile + block * s->lanes;
    N(lanes_start)(job, p, s, r0);
    for (ptrdiff_t c0 = 0; c0 < n; c0 += block) {
        ptrdiff_t nc = n - c0 < block ? n - c0 : block;
        N(pack)(p, s, tile, r0, c0, nc);
        if (job->op == SXT_OP_LOG_SOFTMAX) {
            N(tile_max_two)(s, tile, c0, nc);
        } else if (job->op == SXT_OP_CROSS_ENTROPY) {
            N(place_skips)(s, c0, nc);
            N(tile_max_but_label)(s, tile, nc);
        } else {
            N(tile_max)(s, tile, nc);
        }
    }
    N(lanes_prepare)(s);
    for (ptrdiff_t c0 = 0; c0 < n; c0 += block) {
        ptrdiff_t nc = n - c0 < block ? n - c0 : block;
        if (!single)
            N(pack)(p, s, tile, r0, c0, nc);
        N(place_skips)(s, c0, nc);
        if (job->op == SXT_OP_SOFTMAX)
            N(tile_sum_plain)(s, tile, nc, store);
        else
            N(tile_sum_precise)(s, tile, nc, store);
    }
    N(lanes_finish)(job, s);
    N(lanes_results)(job, s, total);
    for (ptrdiff_t c0 = 0; p->y && c0 < n; c0 += block) {
        ptrdiff_t nc = n - c0 < block ? n - c0 : block;
        if (!single)
            N(pack)(p, s, tile, r0, c0, nc);
        N(place_skips)(s, c0, nc);
        N(tile_output)(job, s, tile, columns, nc, store);
        N(unpack)(p, s, tile, r0, c0, nc, job->op == SXT_OP_LOG_SOFTMAX ? -(T)INFINITY : (T)0);
    }
}

static void N(tiles)(const sxt_job *job, const sxt_plane *p, sxt_scratch scratch, sxt_total *total)
{
    N(lanes) s;
    /* half of the scratch is the tile, the other half holds columns with a tiny factor */
    ptrdiff_t room = (ptrdiff_t)(scratch.bytes / 2 / sizeof(T));
    int across = p->x_row == sizeof(ST) && p->x_class != sizeof(ST) && !p->mask && p->blocks == 1;
    s.lanes = across && job->classes * WIDE_TILE <= room ? WIDE_TILE : NARROW_TILE;
    for (ptrdiff_t r0 = 0; r0 < p->rows; r0 += s.lanes) {
        s.rows = p->rows - r0 < s.lanes ? p->rows - r0 : s.lanes;
        N(tile)(job, p, &s, r0, scratch.data, room / s.lanes, total);
    }
}

/* Below this many classes 16 rows side by side are faster than one after another. */
#define FEW_CLASSES 192

static void N(plane)(const sxt_job *job, const sxt_plane *p, sxt_scratch scratch, sxt_total *total)
{
    int contiguous = p->x_class == sizeof(ST) && (!p->y || p->y_class == sizeof(ST)) && !p->mask && p->blocks == 1;
    if (contiguous && (job->classes > FEW_CLASSES || p->rows == 1))
        N(rows)(job, p, scratch, total);
    else
        N(tiles)(job, p, scratch, total);
}
