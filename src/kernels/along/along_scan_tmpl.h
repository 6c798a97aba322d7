/* along_scan_tmpl.h - the extremes of a strip's rows, and the largest terms of their dense sums; part of
 * along_tmpl.h. */

/* Labels' elements. */
static void V(along_open)(const V(plan) *plan, V(strip) *s)
{
    for (ptrdiff_t i = 0; plan->job->op == SXT_OP_LABEL && i < s->rows; i++)
        s->at_label[i] = V(get)(V(row_of)(&s->plane->x, s->first + i) + s->label[i]);
}

/* Of the classes from `begin` to `end`, the largest elements; with `two` the next as well, the smallest unless `least` is
 * NULL. Whether there was no NaN. */
SXT_INLINE int V(along_extremes)(const V(strip) *s, ptrdiff_t begin, ptrdiff_t end, int two, T *max, T *second, T *least)
{
    KM bad = V(mnone)();
    for (ptrdiff_t i = 0; i < s->rows; i += V(W)) {
        KV largest[V(W)], others[V(W)], smallest[V(W)];
        for (int k = 0; k < V(W); k++) {
            largest[k] = others[k] = smallest[k] = V(set1)((T)0);
            if (i + k >= s->rows)
                continue;
            const T *x = V(row_of)(&s->plane->x, s->first + i + k);
            KV m = V(set1)(-(T)INFINITY), next = m, low = V(set1)((T)INFINITY);
            ptrdiff_t c = begin;
            for (; c + 2 * V(W) <= end; c += 2 * V(W)) {
                /* held: of rows that do not begin at a line, most loads take two */
                KV a = V(held)(V(load)(x + c)), b = V(held)(V(load)(x + c + V(W)));
                KV high = V(max)(a, b), lower = V(lesser)(a, b, high), most = V(max)(high, m);
                bad = V(mor)(bad, V(unord)(a, b)); /* a NaN is passed over here; `bad` remembers it */
                if (two)
                    next = V(max)(V(max)(lower, V(lesser)(high, m, most)), next);
                if (least)
                    low = V(min)(lower, low);
                m = most;
            }
            for (; c < end; c += V(W)) {
                KV v = V(upto_or)(x + c, end - c, -(T)INFINITY);
                bad = V(mor)(bad, V(unord)(v, v));
                if (two)
                    next = V(max)(V(min)(m, v), next);
                if (least)
                    low = V(min)(V(upto_or)(x + c, end - c, (T)INFINITY), low);
                m = V(max)(v, m);
            }
            smallest[k] = low;
            largest[k] = m;
            others[k] = next;
        }
        if (two) {
            V(two_largest_of_each)(largest, others);
            V(store)(second + i, others[0]);
        } else {
            largest[0] = V(largest_of_each)(largest);
            V(store)(second + i, largest[0]);
        }
        V(store)(max + i, largest[0]);
        if (least)
            V(store)(least + i, V(smallest_of_each)(smallest));
    }
    return V(mbits)(bad) == 0;
}

/* Which rows hold a NaN. */
static void V(along_nans)(const V(plan) *plan, V(strip) *s)
{
    for (ptrdiff_t i = 0; i < s->rows; i++) {
        const T *x = V(row_of)(&s->plane->x, s->first + i);
        for (ptrdiff_t c = 0; c < plan->classes; c += V(W)) {
            KV v = V(read)(x + c, plan->classes - c);
            s->nan[i] |= V(mbits)(V(unord)(v, v)) != 0;
        }
    }
}

/* Whether of a row with this maximum it is the largest element that is left out, and has to be known which. */
static int V(needs_place)(const V(plan) *plan, T max)
{
    int leaves = plan->form->leaves;
    return plan->place && (leaves == LEAVES_MAX || (leaves == LEAVES_SMALL_MAX && fabs((double)max) < SMALL_MAX));
}

/* The first place of the largest element, from class `c` on. */
static ptrdiff_t V(place_of_max)(const V(plan) *plan, const V(strip) *s, ptrdiff_t k, ptrdiff_t c)
{
    const T *x = V(row_of)(&s->plane->x, s->first + k);
    KV max = V(set1)(s->max[k]);
    for (; c < plan->classes; c += V(W)) {
        unsigned hit = V(mbits)(V(eq)(V(upto_or)(x + c, plan->classes - c, (T)NAN), max));
        if (hit)
            return c + __builtin_ctz(hit);
    }
    return 0; /* a row of NaN, which has no results */
}

SXT_INLINE int V(along_maxima)(const V(strip) *s, ptrdiff_t begin, ptrdiff_t end, int two, T *max, T *second)
{
    return V(along_extremes)(s, begin, end, two, max, second, NULL);
}

/* The largest element but the one at `skip`. */
static T V(max_without)(const V(plan) *plan, const V(strip) *s, ptrdiff_t k, ptrdiff_t skip)
{
    const T *x = V(row_of)(&s->plane->x, s->first + k);
    KV none = V(set1)(-(T)INFINITY), m = none, other = none;
    ptrdiff_t c = 0, n = plan->classes, at = skip / V(W) * V(W);
    for (ptrdiff_t end = at; c < n; end = n) {
        for (; c + 2 * V(W) <= end; c += 2 * V(W)) {
            m = V(max)(V(load)(x + c), m);
            other = V(max)(V(load)(x + c + V(W)), other);
        }
        for (; c < end; c += V(W))
            m = V(max)(V(upto_or)(x + c, n - c, -(T)INFINITY), m);
        if (c == at) { /* on both sides of the place */
            KV v = V(upto_or)(x + c, n - c, -(T)INFINITY);
            v = V(select)(V(first)(skip - c + 1), V(select)(V(first)(skip - c), v, none), v);
            m = V(max)(v, m);
            c += V(W);
        }
    }
    return V(hmax)(V(max)(m, other));
}

/* Of long rows, that comes cheaper than to look for the largest two at once. */
static void V(second_of_long)(const V(plan) *plan, V(strip) *s)
{
    for (ptrdiff_t i = 0; i < s->rows; i++) {
        if (V(needs_place)(plan, s->max[i]))
            s->skip[i] = V(place_of_max)(plan, s, i, 0);
        else if (plan->form->leaves != LEAVES_LABEL || s->at_label[i] != s->max[i])
            continue;
        s->second[i] = V(max_without)(plan, s, i, s->skip[i]);
    }
}

static void V(along_scan)(const V(plan) *plan, V(strip) *s)
{
    int leaves = plan->form->leaves, is_long = plan->classes > SHORT_ROW, small = 0, ordinary;
    ptrdiff_t n = plan->classes;
    if (V(has_distances)(plan->beside) && is_long)
        ordinary = V(along_extremes)(s, 0, n, 0, s->max, s->second, s->least);
    else if (V(has_distances)(plan->beside))
        ordinary = V(along_extremes)(s, 0, n, 1, s->max, s->second, s->least);
    else if (!is_long && (leaves == LEAVES_LABEL || leaves == LEAVES_MAX))
        ordinary = V(along_maxima)(s, 0, n, 1, s->max, s->second);
    else
        ordinary = V(along_maxima)(s, 0, n, 0, s->max, s->second);
    if (!ordinary)
        V(along_nans)(plan, s);
    for (ptrdiff_t i = 0; leaves == LEAVES_SMALL_MAX && i < s->rows; i++)
        small |= fabs((double)s->max[i]) < SMALL_MAX; /* log-sum-exps next to 0: finish_logsumexp */
    if (is_long)
        V(second_of_long)(plan, s);
    else if (small)
        (void)V(along_maxima)(s, 0, n, 1, s->max, s->second);
    for (ptrdiff_t i = 0; !is_long && plan->place && i < s->rows; i++)
        s->skip[i] = V(place_of_max)(plan, s, i, 0);
}

/* ---- dense sums ---------------------------------------------------------------------------------------- */

/* q of classes c and following, of which there are n; t: the row's targets. */
SXT_INLINE KV V(q_along)(const V(plan) *plan, const T *t, ptrdiff_t c, ptrdiff_t n, int beside)
{
    if (beside == SUM_BARE)
        return V(read)(t + c, n);
    if (beside == SUM_WEIGHTED || (beside == SUM_TARGETS && !t))
        return V(read)(plan->base + c, n);
    if (beside == SUM_TARGETS)
        return V(dense_q)(V(read)(plan->base + c, n), V(read)(plan->slope + c, n), V(read)(t + c, n));
    return V(set1)((T)1);
}

/* Likewise in doubles. */
SXT_INLINE void V(wide_q_along)(const V(plan) *plan, const T *t, ptrdiff_t c, ptrdiff_t n, int beside, f64_v q[HALVES])
{
    f64_v base[HALVES], slope[HALVES];
    V(half_load)(&(const double){0.0}, 0, q);
    if (beside == SUM_BARE)
        V(read_halves)(t + c, n, q);
    if (beside != SUM_TARGETS)
        return;
    V(halves_from)(plan->job->base + c, n, q);
    if (!t)
        return;
    for (int k = 0; k < HALVES; k++)
        base[k] = q[k];
    V(halves_from)(plan->job->slope + c, n, slope);
    V(wide_q)(base, slope, V(read)(t + c, n), q);
}

SXT_INLINE const T *V(targets_of)(const V(strip) *s, ptrdiff_t k)
{
    return s->plane->t.p ? V(row_of)(&s->plane->t, s->first + k) : NULL;
}

/* Tails of capped logits: of row k from class c on; of what is left out and of the labels. */
SXT_INLINE const T *V(tails_of)(const V(along) *here, ptrdiff_t k, ptrdiff_t c)
{
    return here->tails + k * here->pitch + c;
}

static void V(along_tails)(const V(plan) *plan, const V(along) *here, V(strip) *s)
{
    for (ptrdiff_t i = 0; i < SXT_STRIP; i++)
        s->tail[i] = s->label_tail[i] = (T)0;
    for (ptrdiff_t i = 0; i < s->rows; i++) {
        if (s->skip[i] >= 0)
            s->tail[i] = *V(tails_of)(here, i, s->skip[i]);
        if (plan->job->op == SXT_OP_LABEL)
            s->label_tail[i] = *V(tails_of)(here, i, (ptrdiff_t)s->label[i]);
    }
}

SXT_INLINE void V(along_bounds_of)(const V(plan) *plan, const V(along) *here, V(strip) *s, int beside)
{
    KV zero = V(set1)((T)0);
    for (ptrdiff_t i = 0; i < s->rows; i += V(W)) {
        KV terms[V(W)], coefficients[V(W)];
        for (int k = 0; k < V(W); k++) {
            V(bounds) b = V(bounds_from)(zero, zero);
            if (i + k < s->rows) {
                const T *x = V(row_of)(&s->plane->x, s->first + i + k), *t = V(targets_of)(s, i + k);
                KV far = V(set1)(V(dense_distance_of)(s->max[i + k]));
                ptrdiff_t c = 0, n = plan->classes;
                for (; !HAS_TAILS(plan) && c + V(W) <= n; c += V(W))
                    V(bound_element)(V(load)(x + c), NULL, V(q_along)(plan, t, c, V(W), beside), far, &b);
                for (; c < n; c += V(W)) {
                    KV tail = far;
                    if (HAS_TAILS(plan))
                        tail = V(read)(V(tails_of)(here, i + k, c), n - c);
                    V(bound_element)(V(read)(x + c, n - c), HAS_TAILS(plan) ? &tail : NULL,
                                     V(q_along)(plan, t, c, n - c, beside), far, &b);
                }
                s->nan[i + k] |= V(mbits)(V(bounds_bad)(&b)) != 0;
            }
            terms[k] = b.term;
            coefficients[k] = b.q;
        }
        V(store)(s->bound_d + i, V(largest_of_each)(terms));
        V(store)(s->bound_q + i, V(largest_of_each)(coefficients));
    }
}

static void V(along_bounds)(const V(plan) *plan, const V(along) *here, V(strip) *s)
{
    if (V(has_distances)(plan->beside))
        V(strip_even_grids)(plan, s);
    if (!V(has_targets)(plan->beside))
        return;
    if (plan->beside == SUM_BARE)
        V(along_bounds_of)(plan, here, s, SUM_BARE);
    else
        V(along_bounds_of)(plan, here, s, SUM_TARGETS);
    V(strip_target_grids)(s);
    for (ptrdiff_t i = 0; s->plane->t.p && i < s->rows; i++)
        s->target_skip[i] = V(get)(V(targets_of)(s, i) + s->skip[i]);
}
