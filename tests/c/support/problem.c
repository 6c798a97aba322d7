/* problem.c - random problems: what the entry points are asked to compute. */
#include "call.h"

#include <stdio.h>
#include <stdlib.h>

const char *const call_names[NUM_CALLS] = {
    "softmax",  "log_softmax", "logsumexp",     "softmax_grad",        "log_softmax_grad",
    "sigmoid",  "log_sigmoid", "cross_entropy", "binary_cross_entropy", "linear", "exp_sum",
    "focal"};

const ptrdiff_t way_borders[NUM_BORDERS] = {64, 192, 224, 256, 352, 448, 512, 704};

static bool coin(random_source *source) { return random_below(source, 2); }

static void *allocate(size_t n, size_t size)
{
    void *memory = malloc(n * size + 1);
    if (memory == NULL)
        abort();
    return memory;
}

static void *random_array(random_source *source, const problem *p, value_kind kind)
{
    size_t n = (size_t)(p->rows * p->classes);
    void *array = allocate(n, size_of(p->dtype));
    random_values(source, kind, p->dtype, n, array);
    return array;
}

static double *random_weights(random_source *source, ptrdiff_t n)
{
    double *weights = allocate((size_t)n, sizeof *weights);
    for (ptrdiff_t i = 0; i < n; i++)
        weights[i] = random_below(source, 6) ? 2 * random_unit(source) : 0;
    return weights;
}

static void make_vectors(random_source *source, problem *p)
{
    size_t n = (size_t)(p->rows * p->classes);
    p->mask = allocate(n, 1);
    for (size_t i = 0; i < n; i++)
        p->mask[i] = random_below(source, 4) ? (unsigned char)random_below(source, 256) : 0;
    p->labels = allocate((size_t)p->rows, sizeof *p->labels);
    for (ptrdiff_t i = 0; i < p->rows; i++)
        p->labels[i] = p->has_ignore_index && random_below(source, 6) == 0
                           ? p->ignore_index
                           : (int64_t)random_below(source, (uint64_t)p->classes + !p->classes);
    p->class_weight = random_weights(source, p->classes);
    p->row_weight = random_weights(source, p->rows);
    p->row_grad = random_weights(source, p->rows);
    for (ptrdiff_t i = 0; i < p->rows; i++)
        p->row_grad[i] -= 1;
}

/* Half of the problems are the plain loss, which has code of its own. */
static void make_loss_options(random_source *source, problem *p)
{
    bool plain = coin(source);
    p->reduction = (sxt_reduction)random_below(source, 3);
    p->soft_targets = !plain && coin(source);
    p->from_logits = plain || random_below(source, 4) != 0;
    p->has_ignore_index = coin(source);
    p->ignore_index = coin(source) && !p->soft_targets ? p->classes / 2 : -100;
    p->grad_scale = coin(source) ? 1 : 0.375;
    p->label_smoothing = plain || coin(source) ? 0 : 0.1;
    plain |= !p->from_logits;
    p->z_loss = plain || coin(source) ? 0 : 1e-3;
    p->logit_scale = plain || coin(source) ? 1 : 0.7;
    p->softcap = plain || coin(source) ? 0 : 30;
    p->use_rows = p->reduction == SXT_NONE && coin(source);
    p->want_loss = coin(source);
    p->want_grad = !p->want_loss || coin(source);
    p->want_hess = !plain && coin(source);
}

/* Only what focal loss goes with. */
static void make_focal(random_source *source, problem *p)
{
    static const double gammas[] = {0.01, 0.5, 1, 2, 5, 50};
    p->focal_gamma = gammas[random_below(source, 6)];
    p->want_hess = coin(source);
    p->soft_targets = false;
    p->from_logits = true;
    p->label_smoothing = p->z_loss = p->softcap = 0;
}

problem problem_new(random_source *source, call_kind kind, sxt_dtype dtype, ptrdiff_t rows,
                    ptrdiff_t classes, value_kind values)
{
    problem p = {.kind = kind, .dtype = dtype, .rows = rows, .classes = classes};
    p.use_mask = coin(source);
    p.use_second = coin(source);
    p.use_third = coin(source);
    p.want_sign = p.use_second && coin(source);
    make_loss_options(source, &p);
    if (kind == CALL_FOCAL)
        make_focal(source, &p);
    /* Mostly values that make sense as probabilities, targets and weights, and now and then any. */
    value_kind fraction = random_below(source, 4) ? VALUES_FRACTION : values;
    bool probabilities = kind >= CALL_CROSS_ENTROPY && !p.from_logits;
    p.x = random_array(source, &p, probabilities ? fraction : values);
    p.second = random_array(source, &p, kind == CALL_LOGSUMEXP ? VALUES_MODERATE : fraction);
    p.third = random_array(source, &p, fraction);
    p.fourth = random_array(source, &p, fraction);
    make_vectors(source, &p);
    p.bias = allocate((size_t)classes, size_of(dtype));
    random_values(source, fraction, dtype, (size_t)classes, p.bias);
    p.pieces = 1 + (int)random_below(source, 4);
    return p;
}

void problem_free(problem *p)
{
    free(p->x);
    free(p->second);
    free(p->third);
    free(p->fourth);
    free(p->mask);
    free(p->labels);
    free(p->class_weight);
    free(p->row_weight);
    free(p->row_grad);
    free(p->bias);
}

void problem_print(const problem *p)
{
    fprintf(stderr, "%s %s rows=%td classes=%td mask=%d second=%d third=%d sign=%d",
            call_names[p->kind], dtype_names[p->dtype], p->rows, p->classes, p->use_mask,
            p->use_second, p->use_third, p->want_sign);
    if (p->kind == CALL_LINEAR || p->kind == CALL_EXP_SUM)
        fprintf(stderr, " pieces=%d", p->pieces);
    if (p->kind >= CALL_CROSS_ENTROPY) {
        fprintf(stderr, " want loss=%d grad=%d hess=%d reduction=%d soft=%d from_logits=%d",
                p->want_loss, p->want_grad, p->want_hess, (int)p->reduction, p->soft_targets,
                p->from_logits);
        fprintf(stderr, " ignore=%d:%lld row_grad=%d grad_scale=%g smoothing=%g", p->has_ignore_index,
                (long long)p->ignore_index, p->use_rows, p->grad_scale, p->label_smoothing);
        fprintf(stderr, " z_loss=%g scale=%g softcap=%g gamma=%g", p->z_loss, p->logit_scale, p->softcap,
                p->focal_gamma);
    }
    fprintf(stderr, "\n");
}
