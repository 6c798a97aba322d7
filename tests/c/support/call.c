/* call.c - make one call with every buffer in guarded memory, and collect what came out. */
#include "call_pieces.h"

#include <stdlib.h>
#include <string.h>

#include "machine/float_environment.h"
#include "odd_floats.h"

static sxt_status call_row_function(session *s)
{
    const problem *p = s->p;
    sxt_array x = session_input(s, p->x);
    sxt_mask mask = {NULL, NULL};
    if (p->use_mask)
        mask = session_mask(s);
    const sxt_mask *where = p->use_mask ? &mask : NULL;
    if (p->kind != CALL_LOGSUMEXP) {
        sxt_array out = session_main_output(s, 0);
        return (p->kind == CALL_SOFTMAX ? sxt_softmax : sxt_log_softmax)(&x, s->shape.axes, where, &out);
    }
    sxt_array b = {.data = NULL};
    if (p->use_second)
        b = session_input(s, p->second);
    sxt_dtype type = loss_dtype(p->dtype);
    void *out = session_results(s, type, p->rows, 0);
    void *sign = p->want_sign ? session_results(s, type, p->rows, 1) : NULL;
    return sxt_logsumexp(&x, s->shape.axes, where, p->use_second ? &b : NULL, out, sign);
}

static sxt_status call_row_gradient(session *s)
{
    sxt_array grad_output = session_input(s, s->p->x), probs = session_input(s, s->p->second);
    sxt_array out = session_main_output(s, 0);
    return (s->p->kind == CALL_SOFTMAX_GRAD ? sxt_softmax_grad
                                            : sxt_log_softmax_grad)(&grad_output, &probs,
                                                                    s->shape.axes, &out);
}

static sxt_status call_elementwise(session *s)
{
    sxt_array x = session_input(s, s->p->x), out = session_main_output(s, 0);
    return (s->p->kind == CALL_SIGMOID ? sxt_sigmoid : sxt_log_sigmoid)(&x, &out);
}

static int lowest_bit(uint64_t bits)
{
    int k = 0;
    while (!(bits >> k & 1))
        k++;
    return k;
}

static sxt_status call_cross_entropy(session *s, result *r)
{
    const problem *p = s->p;
    sxt_array probs, grad, hess;
    sxt_cross_entropy_args args = {
        .logits = session_input(s, p->x), .axis = lowest_bit(s->shape.axes), .grad_scale = p->grad_scale,
        .has_ignore_index = p->has_ignore_index && !p->soft_targets, .ignore_index = p->ignore_index,
        .label_smoothing = p->label_smoothing, .z_loss = p->z_loss, .logit_scale = p->logit_scale,
        .softcap = p->softcap, .focal_gamma = p->focal_gamma, .reduction = p->reduction, .from_logits = p->from_logits};
    if (p->soft_targets) {
        probs = session_input(s, p->second);
        args.probs = &probs;
    } else {
        args.labels = session_vector(s, sizeof *args.labels, p->rows, p->labels);
    }
    if (p->use_second)
        args.weight = session_vector(s, sizeof(double), p->classes, p->class_weight);
    if (p->use_third)
        args.sample_weight = session_vector(s, sizeof(double), p->rows, p->row_weight);
    if (p->use_rows)
        args.grad_output = session_vector(s, sizeof(double), p->rows, p->row_grad);
    if (p->want_loss && p->reduction == SXT_NONE)
        args.row_losses = session_results(s, loss_dtype(p->dtype), p->rows, 0);
    if (p->want_loss && p->reduction != SXT_NONE)
        args.loss = &r->loss;
    if (p->want_grad) {
        grad = session_main_output(s, 1);
        args.grad = &grad;
    }
    if (p->want_hess) {
        hess = session_output(s, 2, p->dtype);
        args.hess = &hess;
    }
    return sxt_cross_entropy(&args, &r->bad);
}

static sxt_status call_binary(session *s, result *r)
{
    const problem *p = s->p;
    sxt_array target, weight, pos_weight, grad_output, losses, grad, hess;
    sxt_binary_args args = {.logits = session_input(s, p->x), .grad_scale = p->grad_scale,
                            .reduction = p->reduction, .from_logits = p->from_logits};
    target = session_input(s, p->second);
    args.target = &target;
    if (p->use_second) {
        weight = session_input(s, p->third);
        args.weight = &weight;
    }
    if (p->use_third && p->from_logits) {
        pos_weight = session_input(s, p->fourth);
        args.pos_weight = &pos_weight;
    }
    if (p->use_rows) {
        grad_output = session_input(s, p->third);
        args.grad_output = &grad_output;
    }
    if (p->want_loss && p->reduction == SXT_NONE) {
        losses = session_output(s, 0, loss_dtype(p->dtype));
        args.losses = &losses;
    }
    if (p->want_loss && p->reduction != SXT_NONE)
        args.loss = &r->loss;
    if (p->want_grad) {
        grad = session_main_output(s, 1);
        args.grad = &grad;
    }
    if (p->want_hess) {
        hess = session_output(s, 2, p->dtype);
        args.hess = &hess;
    }
    return sxt_binary_cross_entropy(&args);
}

static sxt_status make_call(session *s, result *r)
{
    switch (s->p->kind) {
    case CALL_SOFTMAX:
    case CALL_LOG_SOFTMAX:
    case CALL_LOGSUMEXP:
        return call_row_function(s);
    case CALL_SOFTMAX_GRAD:
    case CALL_LOG_SOFTMAX_GRAD:
        return call_row_gradient(s);
    case CALL_SIGMOID:
    case CALL_LOG_SIGMOID:
        return call_elementwise(s);
    case CALL_CROSS_ENTROPY:
    case CALL_FOCAL:
        return call_cross_entropy(s, r);
    case CALL_BINARY:
        return call_binary(s, r);
    case CALL_LINEAR:
        return call_linear(s, r);
    default:
        return call_exp_sum(s, r);
    }
}

/* ---- afterwards ----------------------------------------------------------------------------------- */

result call_run(const problem *p, const arrangement *how)
{
    const double no_loss = -1.25;
    result r = {.loss = no_loss};
    session s = session_open(p, how);
    uint64_t saved = sxt_float_control();
    if (how->odd_floats)
        sxt_set_float_control(ODD_FLOAT_CONTROL);
    r.status = make_call(&s, &r);
    if (how->odd_floats && (sxt_float_control() & ~(uint64_t)SXT_FLOAT_FLAGS) != ODD_FLOAT_CONTROL)
        r.damage = "the floating-point environment";
    sxt_set_float_control(saved);
    session_inspect(&s, &r);
    if (r.status != SXT_OK && r.loss != no_loss)
        r.damage = "the loss, though the call failed";
    if (!number_is_canonical(SXT_F64, &r.loss, 0))
        r.damage = "the loss, with a NaN that is not the canonical one";
    return r;
}

void result_free(result *r)
{
    for (int i = 0; i < MAX_OUTPUTS; i++)
        free(r->bytes[i]);
}

const char *result_difference(const result *a, const result *b)
{
    static const char *const outputs[MAX_OUTPUTS] = {"output 0", "output 1", "output 2"};
    if (a->status != b->status)
        return "status";
    for (int i = 0; i < MAX_OUTPUTS; i++)
        if (a->size[i] != b->size[i] || (a->size[i] && memcmp(a->bytes[i], b->bytes[i], a->size[i])))
            return outputs[i];
    if (memcmp(&a->loss, &b->loss, sizeof a->loss) != 0)
        return "loss";
    return NULL;
}

/* One of the names is among the arguments, or none of them all is. */
static bool is_among(const char *const *names, int count, int own, int argc, char **argv)
{
    bool any = false, found = false;
    for (int i = 1; i < argc; i++)
        for (int k = 0; k < count; k++)
            if (strcmp(argv[i], names[k]) == 0) {
                any = true;
                found = found || k == own;
            }
    return found || !any;
}

bool is_asked_for(call_kind kind, sxt_dtype dtype, int argc, char **argv)
{
    return is_among(call_names, NUM_CALLS, (int)kind, argc, argv) &&
           is_among(dtype_names, SXT_DTYPES, (int)dtype, argc, argv);
}
