/* long_rows.h - fewer rows than threads: one after another, each over all threads. */
#ifndef SXT_LONG_ROWS_H
#define SXT_LONG_ROWS_H

#include "walks/layout.h"

/* Whether the rows of a job are so few and so long. */
int sxt_splits_rows(const sxt_job *job, const sxt_layout *layout, int threads);

/* Every row of the layout. SXT_ERR_MEMORY is the only failure. */
sxt_status sxt_run_long_rows(const sxt_job *job, const sxt_layout *layout, const sxt_row_kernels *kernels,
                             const sxt_conversion *conversion, int threads, sxt_total *total);

#endif
