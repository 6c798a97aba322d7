/* rows_tmpl.h - one contiguous row: lanes along the classes. Included once per storage type: S its name,
 * ST its C type, K the compute type (math_tmpl.h).
 *
 * A row goes through scan (maximum), prepare, sum (exp, stored when an output needs it, and the integer
 * sum), finish, write. Long rows go through in ranges, from several threads if need be. */

/* Lanes past the end hold -infinity: they never win a maximum and their exp is 0. */
SXT_INLINE KV N(tail)(const ST *x, ptrdiff_t n)
{
    return V(select)(V(first)(n), LOADN(x, n), V(set1)(-(T)INFINITY));
}

#include "kernels/rows/row_scan_tmpl.h"
#include "kernels/rows/row_sum_tmpl.h"
#include "kernels/rows/row_dense_tmpl.h"
#include "kernels/rows/row_write_tmpl.h"

/* Makes the row ready for scan. Field by field: a row is large, and short ones are many. */
static void N(start)(const sxt_job *job, sxt_row *row, const void *x, ptrdiff_t index)
{
    row->x = x;
    row->index = index;
    row->skip = row->label = -1;
    row->rest = row->at_skip = -(double)INFINITY;
    row->nan = 0;
    row->a_hi = row->a_lo = row->b_lo = 0;
    row->b_hi = 0;
    row->least = (double)INFINITY;
    row->dots = (sxt_grid_sum){0, 0, 0, 0};
    row->dot = row->mass = row->target_skip = row->at_label = 0.0;
    if (job->op == SXT_OP_LABEL) {
        T lane[V(W)];
        row->label = job->labels[index];
        V(store)(lane, LOADN((const ST *)x + row->label, 1));
        row->at_label = (double)lane[0];
        if (!job->general) {
            row->skip = row->label;
            row->at_skip = row->at_label;
        }
    }
}
