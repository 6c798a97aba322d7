/* run.h - one job over one layout: rows split over threads, or one long row over threads. */
#ifndef SXT_RUN_H
#define SXT_RUN_H

#include "walks/layout.h"

/* The sum of the row losses (job->want_sum) goes to *total. The status is SXT_OK, SXT_ERR_ISA or
 * SXT_ERR_MEMORY. */
sxt_status sxt_run(const sxt_job *job, const sxt_layout *layout, sxt_dtype dtype, sxt_total *total);

#endif
