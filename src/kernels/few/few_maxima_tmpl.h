/* few_maxima_tmpl.h - labels, maxima and what hangs on them, rows side by side; part of few_lanes_tmpl.h. */

/* Labels and factors of the rows. A row that is ignored counts as one of class 0 with the weight 0. */
static void V(few_labels)(const sxt_job *job, const sxt_plane *p, V(few) *s, ptrdiff_t r0)
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
        s->counts[i] = s->scale_loss[i] = counts ? 1.0 : 0.0;
        s->scale_grad[i] = counts ? job->grad_scale : 0.0;
    }
    if (job->weight || job->sample_weight || job->grad_output)
        for (ptrdiff_t i = 0; i < s->rows; i++)
            if (s->label[i] != ignore)
                V(row_scales)(job, first + i * p->row_step, &s->scale_loss[i], &s->scale_grad[i]);
}

/* The labels' elements leave the tile. */
static void V(few_take_labels)(V(few) *s)
{
    for (ptrdiff_t i = 0; i < s->n; i++) {
        T *element = s->tile + s->skip[i] * s->lanes + i;
        s->at[i] = *element;
        *element = -(T)INFINITY;
    }
}

/* The largest element left goes to rest; whether there was no NaN. */
static int V(few_max)(V(few) *s, ptrdiff_t classes)
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
static int V(few_take_max)(V(few) *s, ptrdiff_t classes)
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
static void V(few_take_small_max)(V(few) *s, ptrdiff_t classes)
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
static int V(few_prepare)(const sxt_job *job, V(few) *s)
{
    V(units) units = V(units_of)(job);
    int bad = 0;
    for (ptrdiff_t i = 0; i < s->n; i++) {
        T max = s->at[i] > s->rest[i] ? s->at[i] : s->rest[i];
        T size = max < (T)0 ? -max : max;
        bad |= !(size * units.scale <= (T)131072) | (s->at[i] != s->at[i]);
        s->max[i] = max;
        V(ref) ref = V(make_ref)(max, s->rest[i], units, &s->n_ref[i], &s->unit[i]);
        s->magic[i] = ref.magic;
        s->low[i] = ref.low;
        s->m1[i] = ref.m1;
        s->m2[i] = ref.m2;
    }
    return !bad;
}

/* The minima, before labels leave the tile. */
static void V(few_min)(V(few) *s, ptrdiff_t classes)
{
    for (ptrdiff_t i = 0; i < s->n; i += V(W)) {
        KV m = V(load)(s->tile + i);
        for (ptrdiff_t c = 1; c < classes; c++)
            m = V(min)(V(load)(s->tile + c * s->lanes + i), m);
        V(store)(s->least + i, m);
    }
}

static void V(few_grids)(const sxt_job *job, V(few) *s)
{
    for (ptrdiff_t i = 0; i < s->n; i++) {
        s->bound[i] = V(blend_bound)(s->max[i], s->least[i], V(blend_most)(job));
        V(grid_for)(s->bound[i], &s->d1[i], &s->d2[i], &s->d_unit[i]);
    }
}
