/* use_c.c - softxent from C: loss and gradient of three samples in one call. */
#include <softxent.h>

#include <math.h>
#include <stdio.h>

int main(void)
{
    double logits[3][3] = {{0.1, 1.0, 2.1}, {2.0, 1.0, 0.1}, {0.1, 3.0, 0.1}}, gradient[3][3], loss;
    int64_t labels[3] = {2, 0, 1};
    ptrdiff_t shape[2] = {3, 3}, strides[2] = {sizeof logits[0], sizeof logits[0][0]};
    sxt_array grad = {gradient, SXT_F64, 2, shape, strides};
    sxt_cross_entropy_args args = {
        .logits = {logits, SXT_F64, 2, shape, strides},
        .axis = 1,
        .labels = labels,
        .grad_scale = 1.0,
        .logit_scale = 1.0,
        .reduction = SXT_MEAN,
        .from_logits = 1,
        .loss = &loss,
        .grad = &grad,
    };
    sxt_status status = sxt_cross_entropy(&args, NULL);
    if (status != SXT_OK) {
        fprintf(stderr, "sxt_cross_entropy: status %d\n", (int)status);
        return 1;
    }
    printf("softxent %s, %s, %d threads: loss %.4f\n", SXT_VERSION, sxt_isa(), sxt_get_num_threads(),
           loss);
    return !(fabs(loss - 0.3018) < 5e-5 && gradient[0][2] < 0.0 && gradient[0][0] > 0.0);
}
