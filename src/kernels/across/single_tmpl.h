/* single_tmpl.h - rows of one class, whose probability is 1 and whose loss is 0 unless the logit is not finite.
 * Included once per storage type, after across_tmpl.h. */

/* Whether the plane is one for the function below. */
static int N(is_single)(const sxt_job *job, const sxt_plane *p)
{
    return job->classes == 1 && !job->general && !job->blend && !p->h.p;
}

static KV N(single_load)(const sxt_job *job, const char *x, ptrdiff_t step, ptrdiff_t n)
{
    T lane[V(W)] = {0};
    if (step == sizeof(ST))
        return n >= V(W) ? LOAD((const ST *)(const void *)x) : LOADN((const ST *)(const void *)x, n);
    for (ptrdiff_t k = 0; k < n; k++)
        lane[k] = N(get)(job, x + k * step);
    return V(load)(lane);
}

static void N(single_store)(const sxt_job *job, char *y, ptrdiff_t step, KV v, ptrdiff_t n)
{
    T lane[V(W)];
    if (step == sizeof(ST)) {
        V(put)((T *)(void *)y, v, n);
        return;
    }
    V(store)(lane, v);
    for (ptrdiff_t k = 0; k < n; k++)
        N(set)(job, y + k * step, lane[k]);
}

static void N(single)(const sxt_job *job, const sxt_plane *p, sxt_total *total)
{
    KV nan = V(set1)((T)NAN), zero = V(set1)((T)0);
    for (ptrdiff_t r = 0; r < p->rows; r += V(W)) {
        ptrdiff_t n = p->rows - r < V(W) ? p->rows - r : V(W);
        KV x = N(single_load)(job, p->x.p + r * p->x.row, p->x.row, n), gap = V(sub)(x, x);
        KV y = V(select)(V(unord)(gap, gap), nan, job->op == SXT_OP_SOFTMAX ? V(set1)((T)1) : zero);
        T value[V(W)];
        if (job->op == SXT_OP_LOGSUMEXP)
            V(store)(value, V(select)(V(unord)(x, x), nan, V(add)(x, zero)));
        else
            V(store)(value, y);
        for (ptrdiff_t k = 0; job->op == SXT_OP_LABEL && k < n; k++) {
            ptrdiff_t index = p->first_row + (r + k) * p->row_step;
            value[k] = V(ignored)(job, index) ? (T)0 : value[k];
            V(put_row_value)(job, index, (double)value[k]);
            if (value[k] != value[k] && job->want_sum)
                sxt_loss_sum_add(&total->loss, (double)NAN);
        }
        for (ptrdiff_t k = 0; job->op == SXT_OP_LOGSUMEXP && k < n; k++)
            V(put_row_value)(job, p->first_row + (r + k) * p->row_step, (double)value[k]);
        if (p->y.p)
            N(single_store)(job, p->y.p + r * p->y.row, p->y.row, V(load)(value), n);
    }
}
