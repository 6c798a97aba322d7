/* scratch.h - working memory that a thread keeps from call to call. */
#ifndef SXT_SCRATCH_H
#define SXT_SCRATCH_H

#include "kernels/kernels.h"

/* SXT_SCRATCH_MOST bytes of this thread, or, when there is no memory for that, a smaller static part. */
sxt_scratch sxt_thread_scratch(void);

#endif
