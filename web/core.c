/* core.c - what the page calls of softxent, for one row of float logits. Each returns an sxt_status. */
#include "softxent.h"

#include <emscripten.h>

static sxt_array row_of(float *data, const ptrdiff_t *shape, const ptrdiff_t *strides)
{
    return (sxt_array){data, SXT_F32, 1, shape, strides};
}

EMSCRIPTEN_KEEPALIVE int page_softmax(float *logits, int classes, float *probabilities)
{
    ptrdiff_t shape[1] = {classes}, strides[1] = {sizeof(float)};
    sxt_array x = row_of(logits, shape, strides), out = row_of(probabilities, shape, strides);
    return sxt_softmax(&x, 1, NULL, &out);
}

EMSCRIPTEN_KEEPALIVE int page_cross_entropy(float *logits, int classes, int label, float *loss, float *gradient)
{
    ptrdiff_t shape[1] = {classes}, strides[1] = {sizeof(float)};
    int64_t labels[1] = {label};
    sxt_array grad = row_of(gradient, shape, strides);
    sxt_cross_entropy_args args = {
        .logits = row_of(logits, shape, strides),
        .labels = labels,
        .grad_scale = 1.0,
        .logit_scale = 1.0,
        .reduction = SXT_NONE,
        .from_logits = 1,
        .row_losses = loss,
        .grad = &grad,
    };
    return sxt_cross_entropy(&args, NULL);
}
