/* few_tmpl.h - the common case of few classes: softmax, log-softmax, log-sum-exp and plain cross-entropy of
 * ordinary rows, up to 64 of them side by side from load to store. Included once per storage type, after
 * tiles_tmpl.h, which takes over where a tile holds a row that is not ordinary: NaN, an infinite maximum
 * or one beyond 2^17, a loss beyond the largest number. The bits are the same. */

#define FEW_LANES 64
/* Sums of so many terms fit the lanes of an accumulator. */
#define FEW_MOST 256

/* Memory that will be needed soon, by rows and vectors of classes; step 0: nothing. */
typedef struct {
    uintptr_t p;
    ptrdiff_t row, cls;
} N(ahead);

/* One value a lane. skip: the class left out of the sum, whose element `at` is replaced by -infinity in the
 * tile: the label, or the first maximum. */
typedef struct {
    ptrdiff_t rows, lanes, n; /* in use, between classes in the tile, in use rounded up to 16 */
    T *tile, *stage;
    N(ahead) x_ahead, y_ahead;
    T rest[FEW_LANES], at[FEW_LANES], max[FEW_LANES];
    T magic[FEW_LANES], low[FEW_LANES], m1[FEW_LANES], m2[FEW_LANES], n_ref[FEW_LANES], unit[FEW_LANES];
    V(int) coarse[FEW_LANES], fine[FEW_LANES];
    int64_t label[FEW_LANES];
    ptrdiff_t skip[FEW_LANES];
    T hi[FEW_LANES], lo[FEW_LANES], down[FEW_LANES], patch[FEW_LANES], limit[FEW_LANES];
    double loss[FEW_LANES], scale_loss[FEW_LANES], scale_grad[FEW_LANES];
} N(few);

/* ---- between memory and tile ---------------------------------------------------------------------- */

SXT_INLINE ptrdiff_t N(rounded_up)(ptrdiff_t classes) { return (classes + 3) / 4 * 4; }

/* A row of the stage, whose rows are `classes` rounded up apart. */
static void N(stage_row)(const char *x, T *stage, ptrdiff_t classes)
{
    const ST *from = (const ST *)(const void *)x;
    for (ptrdiff_t c = 0; c < classes; c += V(W))
        if (classes - c >= V(W))
            V(store)(stage + c, LOAD(from + c));
        else
            V(storen)(stage + c, LOADN(from + c, classes - c), classes - c);
}

static void N(unstage_row)(const T *stage, char *y, ptrdiff_t classes)
{
    ST *to = (ST *)(void *)y;
    for (ptrdiff_t c = 0; c < classes; c += V(W))
        if (classes - c >= V(W))
            STORE(to + c, V(load)(stage + c));
        else
            STOREN(to + c, V(loadn)(stage + c, classes - c), classes - c);
}

/* Classes side by side in memory. A strip is read where it lies if four elements may be read at each row's
 * end: there the next rows follow. */
static void N(few_pack_classes)(const N(few) *s, const char *x, ptrdiff_t step, ptrdiff_t rows_left,
                                ptrdiff_t classes)
{
    ptrdiff_t room = N(rounded_up)(classes);
    for (ptrdiff_t i = 0; i < s->n; i += V(W), x += step * V(W)) {
        const char *from = x;
        ptrdiff_t from_step = step, rows = s->rows - i;
        if (!ST_IS_T || rows_left - i < V(W) + 4 || step < classes * (ptrdiff_t)sizeof(ST)) {
            from = (const char *)s->stage;
            from_step = room * (ptrdiff_t)sizeof(T);
            for (ptrdiff_t k = 0; k < V(W); k++)
                if (k < rows)
                    N(stage_row)(x + k * step, s->stage + k * room, classes);
                else
                    memset(s->stage + k * room, 0, (size_t)room * sizeof(T));
        }
        for (ptrdiff_t c = 0; c < classes; c += 4)
            V(pack4)(from + c * (ptrdiff_t)sizeof(T), from_step, s->tile + c * s->lanes + i, s->lanes);
    }
}

static void N(few_unpack_classes)(const N(few) *s, char *y, ptrdiff_t step, ptrdiff_t classes)
{
    ptrdiff_t room = N(rounded_up)(classes);
    for (ptrdiff_t i = 0; i < s->rows; i += V(W), y += step * V(W)) {
        ptrdiff_t rows = s->rows - i < V(W) ? s->rows - i : V(W);
        int staged = !ST_IS_T || rows < V(W);
        char *to = staged ? (char *)s->stage : y;
        ptrdiff_t to_step = staged ? room * (ptrdiff_t)sizeof(T) : step;
        for (ptrdiff_t c = 0; c < classes; c += 4)
            V(unpack4)(s->tile + c * s->lanes + i, s->lanes, to + c * (ptrdiff_t)sizeof(T), to_step, classes - c);
        for (ptrdiff_t k = 0; staged && k < rows; k++)
            N(unstage_row)(s->stage + k * room, y + k * step, classes);
    }
}

/* Rows side by side in memory. */
static void N(few_pack_lanes)(const N(few) *s, const char *x, ptrdiff_t step, ptrdiff_t classes)
{
    for (ptrdiff_t c = 0; c < classes; c++, x += step)
        for (ptrdiff_t i = 0; i < s->n; i += V(W)) {
            const ST *from = (const ST *)(const void *)x + i;
            ptrdiff_t rows = s->rows - i;
            V(store)(s->tile + c * s->lanes + i, rows >= V(W) ? LOAD(from) : rows > 0 ? LOADN(from, rows) : V(set1)(0));
        }
}

static void N(few_unpack_lanes)(const N(few) *s, char *y, ptrdiff_t step, ptrdiff_t classes)
{
    for (ptrdiff_t c = 0; c < classes; c++, y += step)
        for (ptrdiff_t i = 0; i < s->rows; i += V(W))
            N(put)((ST *)(void *)y + i, V(load)(s->tile + c * s->lanes + i), s->rows - i);
}

/* The rows of a view from row r on, of which there are `rows`; the memory is asked for a vector at a time. */
static N(ahead) N(look_ahead)(const sxt_view *v, ptrdiff_t r, ptrdiff_t rows)
{
    if (!v->p || r >= rows)
        return (N(ahead)){0, 0, 0};
    ptrdiff_t cls = v->cls == sizeof(ST) ? V(W) * (ptrdiff_t)sizeof(ST) : v->cls;
    return (N(ahead)){(uintptr_t)(v->p + r * v->row), v->row, cls};
}

/* ---- maxima ----------------------------------------------------------------------------------------- */

/* Labels and factors of the rows. A row that is ignored counts as one of class 0 with the weight 0. */
static void N(few_labels)(const sxt_job *job, const sxt_plane *p, N(few) *s, ptrdiff_t r0)
{
    ptrdiff_t first = p->first_row + r0 * p->row_step;
    int64_t ignore = job->has_ignore_index ? job->ignore_index : -1; /* no label is negative */
    for (ptrdiff_t i = 0; i < s->n; i++)
        s->label[i] = ignore;
    if (p->row_step == 1)
        memcpy(s->label, job->labels + first, (size_t)s->rows * sizeof s->label[0]);
    else
        for (ptrdiff_t i = 0; i < s->rows; i++)
            s->label[i] = job->labels[first + i * p->row_step];
    for (ptrdiff_t i = 0; i < s->n; i++) {
        int counts = s->label[i] != ignore;
        s->skip[i] = counts ? (ptrdiff_t)s->label[i] : 0;
        s->scale_loss[i] = counts ? 1.0 : 0.0;
        s->scale_grad[i] = counts ? job->grad_scale : 0.0;
    }
    if (job->weight || job->sample_weight || job->grad_output)
        for (ptrdiff_t i = 0; i < s->rows; i++)
            if (s->label[i] != ignore)
                N(row_scales)(job, first + i * p->row_step, &s->scale_loss[i], &s->scale_grad[i]);
}

/* The labels' elements leave the tile. */
static void N(few_take_labels)(N(few) *s)
{
    for (ptrdiff_t i = 0; i < s->n; i++) {
        T *element = s->tile + s->skip[i] * s->lanes + i;
        s->at[i] = *element;
        *element = -(T)INFINITY;
    }
}

/* The largest element left goes to rest; whether there was no NaN. */
static int N(few_max)(N(few) *s, ptrdiff_t classes)
{
    KM bad = V(mnone)();
    for (ptrdiff_t i = 0; i < s->n; i += V(W)) {
        const T *x = s->tile + i;
        KV m = V(load)(x);
        bad = V(mor)(bad, V(unord)(m, m));
        ptrdiff_t c = 1;
        for (; c + 2 <= classes; c += 2) {
            KV a = V(load)(x + c * s->lanes), b = V(load)(x + (c + 1) * s->lanes);
            bad = V(mor)(bad, V(unord)(a, b));
            m = V(max)(V(max)(a, b), m);
        }
        if (c < classes) {
            KV a = V(load)(x + c * s->lanes);
            bad = V(mor)(bad, V(unord)(a, a));
            m = V(max)(a, m);
        }
        V(store)(s->rest + i, m);
    }
    return V(mbits)(bad) == 0;
}

/* The first maximum leaves the tile; the largest of the others goes to rest. */
static int N(few_take_max)(N(few) *s, ptrdiff_t classes)
{
    KM bad = V(mnone)();
    for (ptrdiff_t i = 0; i < s->n; i += V(W)) {
        KV m = V(set1)(-(T)INFINITY), second = m;
        KI at = V(iset1)(0);
        for (ptrdiff_t c = 0; c < classes; c++) {
            KV x = V(load)(s->tile + c * s->lanes + i);
            bad = V(mor)(bad, V(unord)(x, x));
            KM more = V(lt)(m, x);
            second = V(max)(V(select)(more, m, x), second);
            at = V(iselect)(more, V(iset1)((V(int))c), at);
            m = V(select)(more, x, m);
        }
        V(store)(s->at + i, m);
        V(store)(s->rest + i, second);
        V(int) where[V(W)];
        V(istore)(where, at);
        for (int k = 0; k < V(W); k++) {
            s->skip[i + k] = where[k];
            s->tile[where[k] * s->lanes + i + k] = -(T)INFINITY;
        }
    }
    return V(mbits)(bad) == 0;
}

/* Log-sum-exps next to 0 (see skip_max): rows with a small maximum lose it, the others skip nothing. */
static void N(few_take_small_max)(N(few) *s, ptrdiff_t classes)
{
    for (ptrdiff_t i = 0; i < s->n; i++) {
        T max = s->rest[i];
        s->at[i] = -(T)INFINITY;
        s->skip[i] = -1;
        if (!(fabs((double)max) < SMALL_MAX))
            continue;
        T second = -(T)INFINITY;
        for (ptrdiff_t c = 0; c < classes; c++) {
            T *x = s->tile + c * s->lanes + i;
            if (*x == max && s->skip[i] < 0) {
                s->skip[i] = c;
                *x = -(T)INFINITY;
            } else if (*x > second) {
                second = *x;
            }
        }
        s->at[i] = max;
        s->rest[i] = second;
    }
}

/* The constants of the exponentials; whether all maxima are ordinary. */
static int N(few_prepare)(N(few) *s)
{
    int bad = 0;
    for (ptrdiff_t i = 0; i < s->n; i++) {
        T max = s->at[i] > s->rest[i] ? s->at[i] : s->rest[i];
        T size = max < (T)0 ? -max : max;
        bad |= !(size <= (T)131072) | (s->at[i] != s->at[i]);
        s->max[i] = max;
        V(ref) ref = V(make_ref)(max, s->rest[i], &s->n_ref[i], &s->unit[i]);
        s->magic[i] = ref.magic;
        s->low[i] = ref.low;
        s->m1[i] = ref.m1;
        s->m2[i] = ref.m2;
    }
    return !bad;
}

/* ---- sums ------------------------------------------------------------------------------------------- */

SXT_INLINE void N(few_sum_with)(N(few) *s, ptrdiff_t classes, int precise, int store)
{
    for (ptrdiff_t i = 0; i < s->n; i += V(W)) {
        V(vref) ref = {V(set1)((T)0), V(load)(s->magic + i), V(load)(s->low + i), V(load)(s->m1 + i),
                       V(load)(s->m2 + i)};
        V(acc) acc = {V(iset1)(0), V(iset1)(0)};
        T *x = s->tile + i;
        uintptr_t in = s->x_ahead.p + (uintptr_t)(i * s->x_ahead.row);
        uintptr_t out = s->y_ahead.p + (uintptr_t)(i * s->y_ahead.row);
        for (ptrdiff_t c = 0; c < classes; c++, x += s->lanes) {
            __builtin_prefetch((const void *)(in + (uintptr_t)(c * s->x_ahead.cls)));
            __builtin_prefetch((const void *)(out + (uintptr_t)(c * s->y_ahead.cls)), 1);
            KV e = V(exp_add)(V(load)(x), NULL, &ref, &acc, precise);
            if (store)
                V(store)(x, e);
        }
        V(istore)(s->coarse + i, acc.coarse);
        V(istore)(s->fine + i, acc.fine);
    }
    V(uint) count = (V(uint))classes;
    for (ptrdiff_t i = 0; i < s->n; i++) {
        s->coarse[i] = (V(int))((V(uint))s->coarse[i] - count * V(scalar_bits)(s->m1[i]));
        s->fine[i] = (V(int))((V(uint))s->fine[i] - count * V(scalar_bits)(s->m2[i]));
    }
}

static void N(few_sum)(const sxt_job *job, N(few) *s, ptrdiff_t classes, int store)
{
    if (job->op == SXT_OP_SOFTMAX && store)
        N(few_sum_with)(s, classes, 0, 1);
    else if (store)
        N(few_sum_with)(s, classes, SXT_T_IS_F32, 1);
    else
        N(few_sum_with)(s, classes, SXT_T_IS_F32, 0);
}

/* ---- from sums to results ----------------------------------------------------------------------------- */

/* Loops without branches: the compiler puts rows side by side. */
SXT_FN V(wide) N(few_lane_sum)(const N(few) *s, ptrdiff_t i)
{
    return V(wide_sum_of)(s->coarse[i], s->fine[i], (double)s->unit[i]);
}

static void N(few_finish_softmax)(N(few) *s)
{
    for (ptrdiff_t i = 0; i < s->n; i++) {
        V(outcome) o = V(finish_softmax)(N(few_lane_sum)(s, i));
        s->hi[i] = (T)o.factor_hi;
        s->lo[i] = (T)o.factor_lo;
        s->down[i] = s->limit[i] = (T)1;
    }
}

static void N(few_finish_log_softmax)(N(few) *s)
{
    for (ptrdiff_t i = 0; i < s->n; i++) {
        V(outcome) o = V(finish_log_softmax)(N(few_lane_sum)(s, i), (double)s->max[i], 0.0, (double)s->n_ref[i]);
        s->hi[i] = (T)o.factor_hi;
        s->lo[i] = (T)o.factor_lo;
        s->patch[i] = (T)o.patch;
    }
}

static void N(few_finish_logsumexp)(N(few) *s)
{
    for (ptrdiff_t i = 0; i < s->n; i++)
        s->loss[i] = V(finish_logsumexp)(N(few_lane_sum)(s, i), (double)s->max[i], 0.0, (double)s->n_ref[i],
                                         s->skip[i] >= 0);
}

/* Losses or factors of gradients: one loop for both would be too much for the compiler's vectors. Whether none is at the edge of the numbers: a loss that overflowed. */
SXT_INLINE int N(few_finish_label)(N(few) *s, int gradients)
{
    int bad = 0;
    for (ptrdiff_t i = 0; i < s->n; i++) {
        double scale = s->scale_grad[i];
        V(outcome) o = V(finish_label)(N(few_lane_sum)(s, i), (double)s->at[i], 0.0, (double)s->n_ref[i],
                                       gradients ? 0.0 : s->scale_loss[i], gradients ? scale : 0.0);
        if (!gradients) {
            bad |= (o.loss == (double)INFINITY) & (s->at[i] > -(T)INFINITY);
            s->loss[i] = o.loss;
        } else {
            s->down[i] = (T)o.down;
            s->hi[i] = (T)o.factor_hi;
            s->lo[i] = (T)o.factor_lo;
            s->patch[i] = (T)o.patch;
            s->limit[i] = (T)(scale >= 0.0 ? scale : (double)INFINITY);
        }
    }
    return !bad;
}

static int N(few_finish)(const sxt_job *job, N(few) *s, int writes)
{
    if (job->op == SXT_OP_SOFTMAX)
        N(few_finish_softmax)(s);
    else if (job->op == SXT_OP_LOG_SOFTMAX)
        N(few_finish_log_softmax)(s);
    else if (job->op == SXT_OP_LOGSUMEXP)
        N(few_finish_logsumexp)(s);
    else
        return (!(job->row_out || job->want_sum) || N(few_finish_label)(s, 0)) &&
               (!writes || N(few_finish_label)(s, 1));
    return 1;
}

static void N(few_results)(const sxt_job *job, const sxt_plane *p, N(few) *s, ptrdiff_t r0, sxt_total *total)
{
    ptrdiff_t index = p->first_row + r0 * p->row_step;
    if (job->row_out)
        for (ptrdiff_t i = 0; i < s->rows; i++)
            N(put_row_value)(job, index + i * p->row_step, s->loss[i]);
    if (!job->want_sum)
        return;
    for (ptrdiff_t i = s->rows; i < s->n; i++)
        s->loss[i] = 0.0;
    sxt_lanes_sum_add_rows(&total->loss, s->loss, s->n);
}

/* ---- outputs ------------------------------------------------------------------------------------------ */

static void N(few_write_scaled)(N(few) *s, ptrdiff_t classes)
{
    for (ptrdiff_t i = 0; i < s->rows; i += V(W)) {
        KV hi = V(load)(s->hi + i), lo = V(load)(s->lo + i), down = V(load)(s->down + i);
        KV top = V(load)(s->limit + i);
        T *y = s->tile + i;
        for (ptrdiff_t c = 0; c < classes; c++, y += s->lanes)
            V(store)(y, V(scaled_value)(V(load)(y), hi, lo, down, top));
    }
}

static void N(few_write_log)(N(few) *s, ptrdiff_t classes)
{
    for (ptrdiff_t i = 0; i < s->rows; i += V(W)) {
        KV hi = V(load)(s->hi + i), lo = V(load)(s->lo + i), max = V(load)(s->max + i), top = V(load)(s->patch + i);
        T *y = s->tile + i;
        for (ptrdiff_t c = 0; c < classes; c++, y += s->lanes)
            V(store)(y, V(log_value)(V(load)(y), max, hi, lo, top));
    }
}

static void N(few_write)(const sxt_job *job, N(few) *s, ptrdiff_t classes)
{
    if (job->op == SXT_OP_LOG_SOFTMAX)
        N(few_write_log)(s, classes);
    else
        N(few_write_scaled)(s, classes);
    if (job->op != SXT_OP_SOFTMAX)
        for (ptrdiff_t i = 0; i < s->rows; i++)
            s->tile[s->skip[i] * s->lanes + i] = s->patch[i];
}

/* ---- a tile from load to store -------------------------------------------------------------------------- */

/* Whether all its rows were ordinary; if not, nothing has been written. */
static int N(few_tile)(const sxt_job *job, const sxt_plane *p, N(few) *s, ptrdiff_t r0, sxt_total *total)
{
    ptrdiff_t classes = job->classes;
    int writes = p->y.p != NULL, ordinary;
    const char *x = p->x.p + r0 * p->x.row;
    s->rows = p->rows - r0 < s->lanes ? p->rows - r0 : s->lanes;
    s->n = (s->rows + 15) / 16 * 16;
    if (p->x.cls == sizeof(ST))
        N(few_pack_classes)(s, x, p->x.row, p->rows - r0, classes);
    else
        N(few_pack_lanes)(s, x, p->x.cls, classes);

    for (ptrdiff_t i = 0; i < s->n; i++)
        s->at[i] = -(T)INFINITY;
    if (job->op == SXT_OP_LABEL) {
        N(few_labels)(job, p, s, r0);
        N(few_take_labels)(s);
    }
    ordinary = job->op == SXT_OP_LOG_SOFTMAX ? N(few_take_max)(s, classes) : N(few_max)(s, classes);
    if (job->op == SXT_OP_LOGSUMEXP && ordinary)
        N(few_take_small_max)(s, classes);
    if (!N(few_prepare)(s) || !ordinary)
        return 0;
    s->x_ahead = N(look_ahead)(&p->x, r0 + s->lanes, p->rows);
    s->y_ahead = N(look_ahead)(&p->y, r0, p->rows);
    N(few_sum)(job, s, classes, writes && job->op != SXT_OP_LOG_SOFTMAX);
    if (!N(few_finish)(job, s, writes))
        return 0;
    if (job->op == SXT_OP_LABEL || job->op == SXT_OP_LOGSUMEXP)
        N(few_results)(job, p, s, r0, total);
    if (!writes)
        return 1;
    N(few_write)(job, s, classes);
    char *y = p->y.p + r0 * p->y.row;
    if (p->y.cls == sizeof(ST))
        N(few_unpack_classes)(s, y, p->y.row, classes);
    else
        N(few_unpack_lanes)(s, y, p->y.cls, classes);
    return 1;
}

/* Elements of scratch for a tile of so many lanes and its stage. */
static ptrdiff_t N(few_room)(ptrdiff_t classes, ptrdiff_t lanes)
{
    return N(rounded_up)(classes) * (lanes + V(W));
}

/* Whether the plane is one for the functions above. */
static int N(is_few)(const sxt_job *job, const sxt_plane *p, sxt_scratch scratch)
{
    int view_ok = 1;
    const sxt_view *views[] = {&p->x, &p->y};
    for (int k = 0; k < 2; k++)
        view_ok &= !views[k]->p || views[k]->cls == sizeof(ST) || views[k]->row == sizeof(ST);
    return view_ok && !job->general && !p->mask.p && !p->h.p && p->blocks == 1 && job->classes > 1 &&
           job->classes <= FEW_MOST &&
           N(few_room)(job->classes, NARROW_TILE) * (ptrdiff_t)sizeof(T) <= (ptrdiff_t)scratch.bytes;
}

static void N(few_rows)(const sxt_job *job, const sxt_plane *p, sxt_scratch scratch, sxt_total *total)
{
    N(few) s;
    ptrdiff_t most = (ptrdiff_t)(scratch.bytes / sizeof(T));
    s.lanes = p->rows > NARROW_TILE && N(few_room)(job->classes, FEW_LANES) <= most ? FEW_LANES : NARROW_TILE;
    s.tile = scratch.data;
    s.stage = s.tile + N(rounded_up)(job->classes) * s.lanes;
    for (ptrdiff_t r0 = 0; r0 < p->rows; r0 += s.lanes) {
        if (N(few_tile)(job, p, &s, r0, total))
            continue;
        sxt_plane rest = *p;
        sxt_view *views[] = {&rest.x, &rest.y};
        for (int k = 0; k < 2; k++)
            if (views[k]->p)
                views[k]->p += r0 * views[k]->row;
        rest.rows = s.rows;
        rest.first_row += r0 * p->row_step;
        rest.position += r0;
        N(tiles)(job, &rest, scratch, total);
    }
}

/* ---- all planes ------------------------------------------------------------------------------------------ */

/* Up to so many classes rows side by side are faster than one after another. */
#define FEW_CLASSES(op) ((op) == SXT_OP_SOFTMAX ? 128 : FEW_MOST)

static void N(plane)(const sxt_job *job, const sxt_plane *p, sxt_scratch scratch, sxt_total *total)
{
    const sxt_view *views[] = {&p->x, &p->y, &p->h, &p->t};
    int contiguous = !p->mask.p && p->blocks == 1;
    for (int k = 0; k < 4; k++)
        contiguous &= !views[k]->p || views[k]->cls == sizeof(ST) || job->classes == 1;
    if (contiguous && (job->classes > FEW_CLASSES(job->op) || p->rows == 1))
        N(rows)(job, p, scratch, total);
    else if (N(is_few)(job, p, scratch))
        N(few_rows)(job, p, scratch, total);
    else
        N(tiles)(job, p, scratch, total);
}
