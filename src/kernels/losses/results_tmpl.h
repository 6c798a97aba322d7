/* results_tmpl.h - what a job says about one row, and where the row's loss goes. Included once per
 * compute type, before strip_tmpl.h. */

static void V(put_row_value)(const sxt_job *job, ptrdiff_t row, double value)
{
    if (job->row_out) {
        if (sxt_is_double(job->dtype))
            ((double *)job->row_out)[row] = value;
        else
            ((float *)job->row_out)[row] = (float)value;
    }
}

static int V(ignored)(const sxt_job *job, ptrdiff_t index)
{
    return job->labels && job->has_ignore_index && job->labels[index] == job->ignore_index;
}

/* Factors of the loss and of the gradient of a row that is not ignored. */
SXT_FN void V(row_scales)(const sxt_job *job, ptrdiff_t index, double *loss, double *grad)
{
    double s = job->weight ? job->weight[job->labels[index]] : 1.0;
    if (job->sample_weight)
        s *= job->sample_weight[index];
    *loss = s;
    *grad = s * job->grad_scale * (job->grad_output ? job->grad_output[index] : 1.0);
}

/* The general form's constants of a row: what its label, maximum and weights say. Dense sums come later. */
SXT_FN V(general) V(general_of)(const sxt_job *job, ptrdiff_t index, ptrdiff_t top)
{
    double sample = job->sample_weight ? job->sample_weight[index] : 1.0;
    double outer = sample * (job->grad_output ? job->grad_output[index] : 1.0);
    V(general) g = {.row_weight = sample, .row_grad = outer * job->grad_scale,
                    .z_loss = job->z_loss, .z_grad = outer * job->z_scale,
                    .q_max = job->base ? job->base[top] : 0.0};
    if (job->op == SXT_OP_LABEL) {
        ptrdiff_t label = job->labels[index];
        g.label_share = job->share * (job->weight ? job->weight[label] : 1.0);
        g.label_is_max = label == top ? 1.0 : 0.0;
        g.q_label = g.label_share + (job->base ? job->base[label] : 0.0);
        g.q_max = label == top ? g.q_label : g.q_max;
        g.dense_mass = job->base_sum;
        g.mass = g.label_share + job->base_sum;
    }
    return g;
}

SXT_INLINE V(units) V(units_of)(const sxt_job *job)
{
    if (!job->scaled)
        return V(natural)();
    T scale = (T)job->logit_scale;
    return (V(units)){(T)job->log2e, (T)job->ln2_hi, (T)job->ln2_lo, scale, (T)(job->logit_scale - (double)scale)};
}

/* Likewise of a blend, but for the sums. */
SXT_FN V(blend) V(blend_of)(const sxt_job *job, int64_t label)
{
    double w = job->weight ? job->weight[label] : 1.0;
    double base = job->blend == SXT_BLEND_WEIGHTED ? job->base[label] : job->base_one;
    return (V(blend)){.share = job->share * w, .base_label = base,
                      .base_sum = job->base_sum, .row_weight = 1.0, .row_grad = job->grad_scale,
                      .scale = job->scaled ? job->logit_scale : 1.0,
                      .z_loss = job->z_loss, .z_grad = job->z_scale};
}

/* The largest base by which distances from the maximum are multiplied in sums. */
SXT_INLINE T V(blend_most)(const sxt_job *job) { return job->blend == SXT_BLEND_WEIGHTED ? (T)job->base_most : (T)1; }
