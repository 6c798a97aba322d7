/* strip_tmpl.h - a strip: up to 16 rows on their way from logits to results, one value a lane. After the
 * formulas of losses/.
 *
 * A row goes through these steps, of which those marked * are a walker's (along/, across/) and the others here:
 *   open       labels, ignored rows
 *   scan *     the largest element and the next, or the smallest; what is left out of the sum (a form's `leaves`)
 *   prepare    the constants of the exponential; the grids of dense sums, whose largest terms a walker looks for *
 *   sum *      exponentials and dense terms as integers, terms kept where an output is written
 *   finish     sums to losses and the outputs' constants: one function a form
 *   results    losses to where they go
 *   write *    terms to outputs; then the places with values of their own
 * Lanes without a row are rows of zeros without a result. */

/* A sum on two grids: lanes as they are while they fit, or in parts. */
typedef struct {
    V(int) coarse[SXT_STRIP], fine[SXT_STRIP];
    sxt_grid_sum parts[SXT_STRIP];
} V(strip_sums);

typedef struct {
    const sxt_plane *plane;
    ptrdiff_t first, rows; /* of the plane; in use */
    ptrdiff_t lane;        /* the first row's in the tile (across/) */
    int any_special, any_shift, in_parts;
    V(uint) count; /* of elements in a sum that is not in parts */
    _Alignas(SXT_LINE) int64_t label[SXT_STRIP]; /* 0 where there is none */
    V(int) ignored[SXT_STRIP], nan[SXT_STRIP], special[SXT_STRIP];
    T origin[SXT_STRIP], at_label[SXT_STRIP], label_tail[SXT_STRIP];
    T max[SXT_STRIP], second[SXT_STRIP], least[SXT_STRIP];
    ptrdiff_t skip[SXT_STRIP]; /* the class left out; -1 where there is none or where nobody asks */
    T at[SXT_STRIP], tail[SXT_STRIP]; /* the element there; -infinity: none. Its tail (caps_tmpl.h) */
    T rest[SXT_STRIP];                /* the largest of the others */
    T shift[SXT_STRIP], magic[SXT_STRIP], low[SXT_STRIP], m1[SXT_STRIP], m2[SXT_STRIP];
    T n_ref[SXT_STRIP], unit[SXT_STRIP];
    T bound_d[SXT_STRIP], bound_q[SXT_STRIP], target_skip[SXT_STRIP]; /* dense sums: largest terms, grids */
    T d1[SXT_STRIP], d2[SXT_STRIP];
    double unit_d[SXT_STRIP], unit_q[SXT_STRIP];
    V(strip_sums) exps, dots;
    sxt_grid_sum masses[SXT_STRIP];
    double sum_hi[SXT_STRIP], sum_lo[SXT_STRIP], dot[SXT_STRIP], mass[SXT_STRIP];
    double value[SXT_STRIP], value_unit[SXT_STRIP], z[SXT_STRIP]; /* losses: results_tmpl.h */
    double scale_loss[SXT_STRIP], scale_grad[SXT_STRIP], e_hi[SXT_STRIP], e_lo[SXT_STRIP]; /* labels: forms_tmpl.h */
    T hi[SXT_STRIP], lo[SXT_STRIP], up[SXT_STRIP], down[SXT_STRIP], patch[SXT_STRIP], limit[SXT_STRIP];
#define LANES(name) double name[SXT_STRIP];
    struct {
        GENERAL_INPUTS(LANES)
    } in;
    struct {
        GENERAL_RESULTS(LANES)
    } out;
    struct {
        BLEND_INPUTS(LANES)
    } blend_in;
    struct {
        BLEND_RESULTS(LANES)
    } blend_out;
#undef LANES
} V(strip);

typedef struct V(form) V(form);

/* What a job comes to: resolved once for a plane. */
typedef struct {
    const sxt_job *job;
    const V(form) *form;
    ptrdiff_t classes;
    int beside, scaled, tails; /* tails: logits are kept in two parts (caps_tmpl.h) */
    int place; /* whether a class that is left out has to be known by its number */
    const T *base, *slope;              /* of dense sums, by class */
    V(units) units;
} V(plan);

struct V(form) {
    int leaves, results, writes;
    int terms; /* whether what is written is made of terms */
    void (*finish)(const V(plan) *plan, V(strip) *s, int writes);
};

SXT_INLINE ptrdiff_t V(row_number)(const V(strip) *s, ptrdiff_t i)
{
    return s->plane->first_row + (s->first + i) * s->plane->row_step;
}

static void V(strip_open)(const V(plan) *plan, const sxt_plane *p, ptrdiff_t first, ptrdiff_t most, V(strip) *s)
{
    const sxt_job *job = plan->job;
    ptrdiff_t left = p->rows - first, n = left < most ? left : most;
    s->plane = p;
    s->lane = 0;
    s->first = first;
    s->rows = n > 0 ? n : 0;
    SIDE_BY_SIDE for (ptrdiff_t i = 0; i < SXT_STRIP; i++)
        s->ignored[i] = s->nan[i] = 0;
    if (job->op != SXT_OP_LABEL) {
        SIDE_BY_SIDE for (ptrdiff_t i = 0; i < SXT_STRIP; i++)
            s->skip[i] = -1;
        return;
    }
    const int64_t *labels = job->labels + V(row_number)(s, 0);
    if (s->rows == SXT_STRIP && p->row_step == 1)
        memcpy(s->label, labels, sizeof s->label);
    else
        for (ptrdiff_t i = 0; i < SXT_STRIP; i++)
            s->label[i] = i < s->rows ? labels[i * p->row_step] : 0;
    SIDE_BY_SIDE for (ptrdiff_t i = 0; i < SXT_STRIP; i++)
        s->at_label[i] = (T)0;
    for (ptrdiff_t i = 0; job->has_ignore_index && i < s->rows; i++) {
        s->ignored[i] = s->label[i] == job->ignore_index;
        s->label[i] = s->ignored[i] ? 0 : s->label[i];
    }
    SIDE_BY_SIDE for (ptrdiff_t i = 0; i < SXT_STRIP; i++)
        s->skip[i] = (ptrdiff_t)s->label[i];
}

/* ---- prepare ------------------------------------------------------------------------------------------ */

/* What is left out, and the largest of the others. */
SXT_INLINE void V(set_left_out)(const V(plan) *plan, V(strip) *s, int leaves)
{
    int one = plan->classes == 1;
    T none = -(T)INFINITY, small = (T)SMALL_MAX;
    EACH_LANE(i, s) {
        T max = s->max[i], at = leaves == LEAVES_LABEL ? s->at_label[i] : max;
        int here = leaves != LEAVES_NOTHING && (leaves != LEAVES_SMALL_MAX || one || (max < small && -max < small));
        s->at[i] = here ? at : none;
        s->rest[i] = here && at == max ? s->second[i] : max;
        s->special[i] = s->ignored[i] | s->nan[i] | !(max - max == (T)0);
    }
    if (plan->job->op == SXT_OP_SOFTMAX && one) /* 1, without rounding */
        for (ptrdiff_t i = 0; i < s->rows; i++)
            s->special[i] = 1;
}

SXT_INLINE void V(set_constants)(const V(plan) *plan, V(strip) *s, int is_rest)
{
    V(units) units = plan->units;
    EACH_LANE(i, s) {
        T max = s->special[i] ? (T)0 : s->max[i], rest = s->special[i] ? (T)0 : s->rest[i];
        V(ref) ref = V(make_ref_of)(max, is_rest ? max : rest, is_rest, units, &s->n_ref[i], &s->unit[i]);
        s->shift[i] = ref.shift;
        s->magic[i] = ref.magic;
        s->low[i] = ref.low;
        s->m1[i] = ref.m1;
        s->m2[i] = ref.m2;
    }
}

/* From `max`, `second` and what is at the label to what is left out and the constants of the exponential. */
static void V(strip_prepare)(const V(plan) *plan, V(strip) *s)
{
    int leaves = plan->form->leaves;
    if (leaves == LEAVES_NOTHING) {
        V(set_left_out)(plan, s, LEAVES_NOTHING);
        V(set_constants)(plan, s, 1);
    } else {
        V(set_left_out)(plan, s, leaves);
        V(set_constants)(plan, s, 0);
    }
    s->any_special = s->any_shift = 0;
    for (ptrdiff_t i = 0; i < s->rows; i += V(W)) { /* lanes without a row are neither */
        s->any_special |= V(mbits)(V(ieq)(V(iload)(s->special + i), V(iset1)(0))) != V(mbits)(V(first)(V(W)));
        s->any_shift |= V(mbits)(V(eq)(V(load)(s->shift + i), V(set1)((T)0))) != V(mbits)(V(first)(V(W)));
    }
}

/* The grids of smoothed labels, from maximum and minimum. */
static void V(strip_even_grids)(const V(plan) *plan, V(strip) *s)
{
    T most = V(blend_most)(plan->job);
    EACH_LANE(i, s) {
        s->bound_d[i] = V(blend_bound)(s->max[i], s->least[i], most);
        V(grid_for)(s->bound_d[i], &s->d1[i], &s->d2[i], &s->unit_d[i]);
    }
}

/* Those of probabilities, from their largest terms. */
static void V(strip_target_grids)(V(strip) *s)
{
    EACH_LANE(i, s)
        V(grid_for)(s->bound_d[i], &s->d1[i], &s->d2[i], &s->unit_d[i]);
    EACH_LANE(i, s) {
        double e = (double)(int64_t)(V(scalar_bits)(s->bound_q[i]) >> BITS) - EXPONENT_BIAS;
        e = e < DENSE_LOW ? DENSE_LOW : !SXT_T_IS_F32 && e > DENSE_HIGH ? DENSE_HIGH : e; /* of floats, q is a double */
        s->unit_q[i] = sxt_exp2i(e - (GRID - 2));
    }
    for (ptrdiff_t i = 0; i < SXT_STRIP; i++)
        s->masses[i] = (sxt_grid_sum){0, 0, 0, 0};
    for (ptrdiff_t i = 0; i < s->rows; i++) {
        s->special[i] |= s->nan[i];
        s->any_special |= s->special[i] != 0;
    }
}
