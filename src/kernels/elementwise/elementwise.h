/* elementwise.h - what the elementwise functions ask of one instruction set. Private to the library.
 *
 * Kernels see contiguous blocks of at most SXT_ELEMENT_BLOCK elements. An element's result
 * depends on its own values alone. */
#ifndef SXT_ELEMENTWISE_H
#define SXT_ELEMENTWISE_H

#include <stddef.h>

#include "numbers/exact_sum.h"

/* Elements in a block. */
#define SXT_ELEMENT_BLOCK 512

/* The operands of the binary cross-entropy, in the order of sxt_elements. */
enum { SXT_LOGITS, SXT_TARGET, SXT_WEIGHT, SXT_POS_WEIGHT, SXT_GRAD_OUTPUT, SXT_LOSSES, SXT_GRAD, SXT_HESS };
enum { SXT_BINARY_INPUTS = SXT_LOSSES, SXT_BINARY_OPERANDS = SXT_HESS + 1 };

typedef struct {
    int from_logits;
    double scale_hi, scale_lo; /* the factor of all derivatives, as an unevaluated sum */
} sxt_binary_job;

typedef struct {
    void (*sigmoid)(const void *x, void *y, ptrdiff_t n);
    void (*log_sigmoid)(const void *x, void *y, ptrdiff_t n);
    /* data by operand, absent ones NULL; the losses are added to *sum unless it is NULL. */
    void (*binary)(const sxt_binary_job *job, void *const data[], ptrdiff_t n, sxt_exact *sum);
} sxt_element_kernels;

#endif
