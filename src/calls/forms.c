/* forms.c - which form a loss takes, and the numbers that go with it. */
#include <math.h>

#include "calls/cross_entropy_call.h"
#include "numbers/constants.h"
#include "vectors/fused.h"

/* What there is beside labels and the logarithms of their probabilities. */
enum {
    PROBABILITIES = 1,      /* targets of all classes */
    FROM_PROBABILITIES = 2, /* instead of logits */
    WEIGHTS = 4,            /* of classes */
    BY_ROW = 8,             /* factors of rows */
    SMOOTHING = 16,
    Z_LOSS = 32,
    SCALE = 64,
    CAP = 128,
    LOSS = 256,   /* another than the plain one: losses.def */
    EXTREME = 512 /* numbers that are no job for a blend (blend_tmpl.h) */
};

/* The first form that allows all there is. Forms that allow less are faster. */
static const struct {
    unsigned allows;
    sxt_blend blend;
    int general;
} forms[] = {
    {FROM_PROBABILITIES | WEIGHTS | BY_ROW | EXTREME, SXT_BLEND_NONE, 0},
    {WEIGHTS | Z_LOSS | SCALE, SXT_BLEND_SHARP, 0},
    {SMOOTHING | Z_LOSS | SCALE, SXT_BLEND_EVEN, 0},
    {SMOOTHING | WEIGHTS | Z_LOSS | SCALE, SXT_BLEND_WEIGHTED, 0},
    {~0u, SXT_BLEND_NONE, 1},
};

static unsigned features_of(const sxt_cross_entropy_args *a)
{
    unsigned found = (a->probs ? PROBABILITIES : 0) | (a->from_logits ? 0 : FROM_PROBABILITIES) |
                     (a->weight ? WEIGHTS : 0) | (a->sample_weight || a->grad_output ? BY_ROW : 0);
    return found | (a->label_smoothing != 0.0 ? SMOOTHING : 0) | (a->z_loss != 0.0 ? Z_LOSS : 0) |
           (a->logit_scale != 1.0 ? SCALE : 0) | (a->softcap != 0.0 ? CAP : 0);
}

/* Scaled logits with a Hessian are computed in double anyway. */
static int is_extreme(const sxt_cross_entropy_args *a, unsigned found, const sxt_job *job)
{
    if (found & SCALE && (a->hess || !(a->logit_scale > 0x1p-20 && a->logit_scale < 0x1p20)))
        return 1;
    return !(fabs(job->grad_scale) < (double)INFINITY) || (found & SMOOTHING && !job->base_most);
}

/* The units of math_tmpl.h. */
static void set_units(double scale, int wide, sxt_job *job)
{
    double step = LN2_F64_HI / scale, rest = (fma(-step, scale, LN2_F64_HI) + LN2_F64_LO) / scale;
    job->scaled = 1;
    job->log2e = LOG2E_F64 * scale;
    job->ln2_hi = wide ? step : (double)(float)step;
    job->ln2_lo = scale * (wide ? rest : (step - job->ln2_hi) + rest);
}

static void set_loss(const sxt_cross_entropy_args *a, sxt_job *job)
{
#define SXT_LOSS(name, parameter)                                                                  \
    if (a->parameter != 0.0) {                                                                     \
        job->loss = SXT_LOSS_##name;                                                               \
        job->loss_parameter = a->parameter;                                                        \
    }
#include "kernels/losses/losses.def"
}

sxt_status sxt_choose_form(const sxt_cross_entropy_args *a, sxt_job *job, sxt_coefficients *arrays)
{
    unsigned found = features_of(a);
    int wide = sxt_is_double(a->logits.dtype), form = 0;
    arrays->memory = NULL;
    job->share = 1.0 - a->label_smoothing;
    job->push_scale = found & SCALE ? job->grad_scale * a->logit_scale : job->grad_scale;
    set_loss(a, job);
    found |= job->loss != SXT_LOSS_PLAIN ? LOSS : 0;
    if (found & SMOOTHING && !a->probs)
        sxt_set_flat_base(a, wide, job);
    found |= is_extreme(a, found, job) ? EXTREME : 0;
    while (found & ~forms[form].allows)
        form++;
    job->blend = forms[form].blend;
    job->general = forms[form].general;
    if (job->blend && found & SCALE)
        set_units(a->logit_scale, wide, job);
    /* a Hessian takes the general form in any case */
    int needs = !job->blend || job->blend == SXT_BLEND_WEIGHTED || a->hess;
    if (!needs || !(found & (SMOOTHING | PROBABILITIES)))
        return SXT_OK;
    wide |= job->general && found & (SCALE | CAP);
    return sxt_make_coefficients(a, wide, job, arrays);
}
