/* strip_results_tmpl.h - a strip's sums as numbers, and its losses to where they go. */

SXT_FN V(wide) V(sum_of)(const V(strip) *s, ptrdiff_t i) { return V(wide_of)(s->sum_hi[i], s->sum_lo[i]); }

/* The sum of q; beyond the grid of doubles it depends on the order, and is infinite like that of q (max - x). */
SXT_FN double V(mass_of)(double sum, T bound)
{
    return SXT_T_IS_F32 || (double)bound < DENSE_TOO_LARGE ? sum : (double)bound * (double)INFINITY;
}

static void V(part_values)(const V(plan) *plan, V(strip) *s)
{
    for (ptrdiff_t i = 0; i < s->rows; i++) {
        const sxt_grid_sum *e = &s->exps.parts[i];
        V(wide) sum = V(wide_sum)((uint64_t)e->coarse_hi, e->coarse_lo, e->fine_hi, e->fine_lo, (double)s->unit[i]);
        s->sum_hi[i] = V(wide_round)(sum);
        s->sum_lo[i] = V(wide_rest)(sum);
        if (plan->beside != SUM_ALONE)
            s->dot[i] = V(dot_value)(&s->dots.parts[i], s->unit_d[i], s->bound_d[i]);
    }
}

static void V(strip_values)(const V(plan) *plan, V(strip) *s)
{
    for (ptrdiff_t i = 0; HAS_MASSES(plan) && i < s->rows; i++)
        s->mass[i] = V(mass_of)(V(mass_value)(&s->masses[i], s->unit_q[i]), s->bound_q[i]);
    if (s->in_parts) {
        V(part_values)(plan, s);
        return;
    }
    V(uint) exps = V(bits_of_exps)(plan, s->count), dots = V(bits_of_dots)(plan, s->count);
    EACH_LANE(i, s) {
        V(int) coarse = (V(int))((V(uint))s->exps.coarse[i] - exps * V(scalar_bits)(s->m1[i]));
        V(int) fine = (V(int))((V(uint))s->exps.fine[i] - exps * V(scalar_bits)(s->m2[i]));
        V(wide) sum = V(wide_sum_of)(coarse, fine, (double)s->unit[i]);
        s->sum_hi[i] = V(wide_round)(sum);
        s->sum_lo[i] = V(wide_rest)(sum);
    }
    if (plan->beside != SUM_ALONE)
        EACH_LANE(i, s) {
            V(int) coarse = (V(int))((V(uint))s->dots.coarse[i] - dots * V(scalar_bits)(s->d1[i]));
            V(int) fine = (V(int))((V(uint))s->dots.fine[i] - dots * V(scalar_bits)(s->d2[i]));
            s->dot[i] = V(dot_of)(V(grid_value_of)((double)coarse, (double)fine, s->unit_d[i]), s->bound_d[i]);
        }
}

/* ---- results ------------------------------------------------------------------------------------------ */

/* Rows that are ignored or hold NaN or an infinite maximum. */
static void V(special_results)(const V(plan) *plan, V(strip) *s)
{
    for (ptrdiff_t i = 0; i < s->rows; i++) {
        if (!s->special[i])
            continue;
        int infinite = plan->job->op == SXT_OP_LOGSUMEXP && !s->nan[i];
        s->value[i] = s->ignored[i] ? 0.0 : infinite ? (double)s->max[i] : (double)NAN;
        s->value_unit[i] = 1.0;
        s->z[i] = 0.0;
    }
}

/* What a special row is filled with. */
static T V(special_fill)(const V(plan) *plan, const V(strip) *s, ptrdiff_t i)
{
    if (plan->job->op == SXT_OP_SOFTMAX && plan->classes == 1 && !s->nan[i] && s->max[i] - s->max[i] == (T)0)
        return (T)1;
    return s->ignored[i] ? (T)0 : (T)NAN;
}

static void V(add_to_total)(const V(strip) *s, const double *values, sxt_loss_sum *sum)
{
    double *to = sum->values + sum->waiting;
    EACH_LANE(i, s)
        to[i] = values[i] * (SXT_TOTAL_SCALE / s->value_unit[i]);
    sum->waiting += s->rows;
    if (sum->waiting > SXT_TOTAL_WAITING - SXT_STRIP)
        sxt_loss_sum_flush(sum);
}

static void V(strip_results)(const V(plan) *plan, V(strip) *s, sxt_total *total)
{
    const sxt_job *job = plan->job;
    ptrdiff_t number = V(row_number)(s, 0), step = s->plane->row_step;
    if (s->any_special)
        V(special_results)(plan, s);
    if (job->row_out) {
        double out[SXT_STRIP];
        for (ptrdiff_t i = 0; i < s->rows; i++)
            out[i] = sxt_canonical(s->value[i] / s->value_unit[i] + s->z[i]);
        for (ptrdiff_t i = 0; sxt_is_double(job->dtype) && i < s->rows; i++)
            ((double *)job->row_out)[number + i * step] = out[i];
        for (ptrdiff_t i = 0; !sxt_is_double(job->dtype) && i < s->rows; i++)
            ((float *)job->row_out)[number + i * step] = (float)out[i];
    }
    if (job->want_sum) {
        V(add_to_total)(s, s->value, &total->loss);
        if (job->z_loss != 0.0) {
            double *unit = s->value_unit;
            SIDE_BY_SIDE for (ptrdiff_t i = 0; i < SXT_STRIP; i++)
                unit[i] = 1.0;
            V(add_to_total)(s, s->z, &total->z);
        }
    }
}
