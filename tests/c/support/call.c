/* call.c - make one call with every buffer in guarded memory, and collect what came out. */
#include "call.h"

#include <stdlib.h>
#include <string.h>

/* One array of the call. */
typedef struct {
    int slot;
    char *base;
    size_t size; /* of one element */
    placement place;
    const void *dense; /* what was put there; NULL for an output with memory of its own */
    bool vector;       /* one value per row or class, contiguous */
    int output;        /* number in the result, -1 for an input */
    bool borrowed;     /* lies in the memory of the first array */
} buffer;

/* A call in preparation. */
typedef struct {
    const problem *p;
    const arrangement *how;
    random_source source;
    geometry shape; /* of the arrays of elements */
    buffer buffers[NUM_SLOTS];
    int count;
} session;

static session open_session(const problem *p, const arrangement *how)
{
    session s = {.p = p, .how = how, .source = {how->seed}};
    s.shape = how->seed == 0 ? geometry_matrix(p->rows, p->classes)
                             : geometry_random(&s.source, p->rows, p->classes,
                                               p->kind == CALL_CROSS_ENTROPY);
    return s;
}

static buffer *new_buffer(session *s, size_t size, const void *dense, int output)
{
    buffer *b = &s->buffers[s->count];
    *b = (buffer){.slot = s->count++, .size = size, .dense = dense, .output = output};
    return b;
}

/* An array of elements, anywhere. */
static buffer *add_buffer(session *s, size_t size, const void *dense, int output)
{
    buffer *b = new_buffer(s, size, dense, output);
    b->place = s->how->seed == 0 ? placement_contiguous(&s->shape, size)
                                 : placement_random(&s->source, &s->shape, size);
    b->base = guarded_buffer(b->slot, b->place.bytes, s->how->where);
    if (dense != NULL)
        layout_scatter(&s->shape, &b->place, size, dense, b->base);
    return b;
}

/* One value for each of n rows or classes, aligned as the interface asks. */
static void *add_vector(session *s, size_t size, ptrdiff_t n, const void *dense, int output)
{
    buffer *b = new_buffer(s, size, dense, output);
    b->vector = true;
    b->place.bytes = size * (size_t)n;
    b->base = guarded_buffer(b->slot, b->place.bytes, (edge){s->how->where.at_end, 0});
    if (dense != NULL && n > 0)
        memcpy(b->base, dense, b->place.bytes);
    return b->base;
}

static sxt_array describe(const session *s, const buffer *b, sxt_dtype dtype)
{
    return (sxt_array){b->base + b->place.first, dtype, s->shape.ndim, s->shape.shape,
                       b->place.strides};
}

static sxt_array add_input(session *s, const void *dense)
{
    return describe(s, add_buffer(s, size_of(s->p->dtype), dense, -1), s->p->dtype);
}

static sxt_array add_output(session *s, int output, sxt_dtype dtype)
{
    return describe(s, add_buffer(s, size_of(dtype), NULL, output), dtype);
}

/* An output of the input's type, in the memory of the first array (the main input) if so arranged. */
static sxt_array add_main_output(session *s, int output)
{
    if (!s->how->in_place)
        return add_output(s, output, s->p->dtype);
    buffer *b = &s->buffers[s->count++];
    *b = s->buffers[0];
    b->output = output;
    b->borrowed = true;
    return describe(s, b, s->p->dtype);
}

static sxt_mask add_mask(session *s)
{
    buffer *b = add_buffer(s, 1, s->p->mask, -1);
    return (sxt_mask){(unsigned char *)b->base + b->place.first, b->place.strides};
}

/* ---- the entry points -------------------------------------------------------------------------- */

static sxt_status call_row_function(session *s)
{
    const problem *p = s->p;
    sxt_array x = add_input(s, p->x);
    sxt_mask mask = {NULL, NULL};
    if (p->use_mask)
        mask = add_mask(s);
    const sxt_mask *where = p->use_mask ? &mask : NULL;
    if (p->kind != CALL_LOGSUMEXP) {
        sxt_array out = add_main_output(s, 0);
        return (p->kind == CALL_SOFTMAX ? sxt_softmax : sxt_log_softmax)(&x, s->shape.axes, where, &out);
    }
    sxt_array b = {.data = NULL};
    if (p->use_second)
        b = add_input(s, p->second);
    size_t size = size_of(loss_dtype(p->dtype));
    void *out = add_vector(s, size, p->rows, NULL, 0);
    void *sign = p->want_sign ? add_vector(s, size, p->rows, NULL, 1) : NULL;
    return sxt_logsumexp(&x, s->shape.axes, where, p->use_second ? &b : NULL, out, sign);
}

static sxt_status call_row_gradient(session *s)
{
    sxt_array grad_output = add_input(s, s->p->x), probs = add_input(s, s->p->second);
    sxt_array out = add_main_output(s, 0);
    return (s->p->kind == CALL_SOFTMAX_GRAD ? sxt_softmax_grad
                                            : sxt_log_softmax_grad)(&grad_output, &probs,
                                                                    s->shape.axes, &out);
}

static sxt_status call_elementwise(session *s)
{
    sxt_array x = add_input(s, s->p->x), out = add_main_output(s, 0);
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
        .logits = add_input(s, p->x), .axis = lowest_bit(s->shape.axes), .grad_scale = p->grad_scale,
        .has_ignore_index = p->has_ignore_index && !p->soft_targets, .ignore_index = p->ignore_index,
        .label_smoothing = p->label_smoothing, .z_loss = p->z_loss, .logit_scale = p->logit_scale,
        .softcap = p->softcap, .reduction = p->reduction, .from_logits = p->from_logits};
    if (p->soft_targets) {
        probs = add_input(s, p->second);
        args.probs = &probs;
    } else {
        args.labels = add_vector(s, sizeof *args.labels, p->rows, p->labels, -1);
    }
    if (p->use_second)
        args.weight = add_vector(s, sizeof(double), p->classes, p->class_weight, -1);
    if (p->use_third)
        args.sample_weight = add_vector(s, sizeof(double), p->rows, p->row_weight, -1);
    if (p->use_rows)
        args.grad_output = add_vector(s, sizeof(double), p->rows, p->row_grad, -1);
    if (p->want_loss && p->reduction == SXT_NONE)
        args.row_losses = add_vector(s, size_of(loss_dtype(p->dtype)), p->rows, NULL, 0);
    if (p->want_loss && p->reduction != SXT_NONE)
        args.loss = &r->loss;
    if (p->want_grad) {
        grad = add_main_output(s, 1);
        args.grad = &grad;
    }
    if (p->want_hess) {
        hess = add_output(s, 2, p->dtype);
        args.hess = &hess;
    }
    return sxt_cross_entropy(&args, &r->bad);
}

static sxt_status call_binary(session *s, result *r)
{
    const problem *p = s->p;
    sxt_array target, weight, pos_weight, grad_output, losses, grad, hess;
    sxt_binary_args args = {.logits = add_input(s, p->x), .grad_scale = p->grad_scale,
                            .reduction = p->reduction, .from_logits = p->from_logits};
    target = add_input(s, p->second);
    args.target = &target;
    if (p->use_second) {
        weight = add_input(s, p->third);
        args.weight = &weight;
    }
    if (p->use_third && p->from_logits) {
        pos_weight = add_input(s, p->fourth);
        args.pos_weight = &pos_weight;
    }
    if (p->use_rows) {
        grad_output = add_input(s, p->third);
        args.grad_output = &grad_output;
    }
    if (p->want_loss && p->reduction == SXT_NONE) {
        losses = add_output(s, 0, loss_dtype(p->dtype));
        args.losses = &losses;
    }
    if (p->want_loss && p->reduction != SXT_NONE)
        args.loss = &r->loss;
    if (p->want_grad) {
        grad = add_main_output(s, 1);
        args.grad = &grad;
    }
    if (p->want_hess) {
        hess = add_output(s, 2, p->dtype);
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
        return call_cross_entropy(s, r);
    default:
        return call_binary(s, r);
    }
}

/* ---- afterwards ----------------------------------------------------------------------------------- */

static void *dense_copy(const session *s, const buffer *b, size_t bytes)
{
    char *dense = malloc(bytes + 1);
    if (dense == NULL)
        abort();
    if (b->vector)
        memcpy(dense, b->base, bytes);
    else
        layout_gather(&s->shape, &b->place, b->size, b->base, dense);
    return dense;
}

/* Does the buffer hold these dense elements (NULL: none) and the pattern everywhere else? */
static bool holds(const session *s, const buffer *b, const void *dense)
{
    char *expected = malloc(b->place.bytes + 1);
    if (expected == NULL)
        abort();
    guarded_fill(expected, b->place.bytes);
    if (dense != NULL && b->vector)
        memcpy(expected, dense, b->place.bytes);
    else if (dense != NULL)
        layout_scatter(&s->shape, &b->place, b->size, dense, expected);
    bool same = b->place.bytes == 0 || memcmp(expected, b->base, b->place.bytes) == 0;
    free(expected);
    return same;
}

static void collect_output(const session *s, const buffer *b, result *r)
{
    size_t bytes = b->size * (size_t)s->p->rows * (size_t)(b->vector ? 1 : s->p->classes);
    r->size[b->output] = bytes;
    r->bytes[b->output] = dense_copy(s, b, bytes);
    if (!holds(s, b, r->bytes[b->output]))
        r->damage = "bytes between the elements of an output";
    sxt_dtype dtype = b->size == size_of(s->p->dtype) ? s->p->dtype : loss_dtype(s->p->dtype);
    for (size_t i = 0; i < bytes / b->size; i++)
        if (!number_is_canonical(dtype, r->bytes[b->output], (ptrdiff_t)i))
            r->damage = "a NaN that is not the canonical one";
}

static bool first_is_overwritten(const session *s)
{
    for (int i = 0; i < s->count; i++)
        if (s->buffers[i].borrowed)
            return true;
    return false;
}

static void inspect(const session *s, int i, result *r)
{
    const buffer *b = &s->buffers[i];
    bool done = r->status == SXT_OK, output = b->output >= 0;
    if (!b->borrowed && !guarded_margins_intact(b->slot))
        r->damage = "bytes outside a buffer";
    if (output && done)
        collect_output(s, b, r);
    else if (done && i == 0 && first_is_overwritten(s))
        return;
    else if (!holds(s, b, b->dense))
        r->damage = output ? "an output, though the call failed" : "an input";
}

result call_run(const problem *p, const arrangement *how)
{
    const double no_loss = -1.25;
    result r = {.loss = no_loss};
    session s = open_session(p, how);
    r.status = make_call(&s, &r);
    for (int i = 0; i < s.count; i++)
        inspect(&s, i, &r);
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
