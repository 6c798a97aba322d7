/* tuning.h - sizes on which no bit of a row's result depends: what each is for, and what was measured.
 *
 * Measured on one core of an AMD EPYC with AVX-512 (first-level cache 32 KiB, second 1 MiB), the least of thousands of
 * runs; times in ns are for 16 elements. In cache softmax of float takes 7 ns, sigmoid 9, a product with a softmax 12
 * to 14. */
#ifndef SXT_TUNING_H
#define SXT_TUNING_H

#include <stddef.h>

/* ---- tasks ---------------------------------------------------------------------------------------------------- */

/* A sleeping thread begins 3.3 us after it was called at best, 5.2 at the median. So many floats of softmax take 5.3,
 * of sigmoid 7: fewer are done before it has woken up. */
#define SXT_PARALLEL_ELEMENTS ((ptrdiff_t)12 * 1024)
#define SXT_PARALLEL_BYTES (SXT_PARALLEL_ELEMENTS * 4)

/* A task is about so many: 14 us of softmax, so that taking one (below 0.1 us) is nothing beside it, and the last one
 * leaves no thread waiting long. */
#define SXT_TASK_ELEMENTS ((ptrdiff_t)32 * 1024)
#define SXT_TASK_BYTES (SXT_TASK_ELEMENTS * 4)

/* Elements of work that takes longer: a tile of a linear layer is shared whatever its size, and terms with factors take
 * 260 ns. */
#define SXT_TASK_TILE_ELEMENTS ((ptrdiff_t)16 * 1024)
#define SXT_TASK_FACTOR_ELEMENTS ((ptrdiff_t)8 * 1024)

/* Rows that are finished in plain double, some 100 ns each. */
#define SXT_TASK_PLAIN_ROWS 256

/* Rows in a task are a multiple of the widest tile: of few classes, and of rows side by side. */
#define SXT_TASK_ROW_MULTIPLE 64
#define SXT_TASK_ROWS_ACROSS 128
/* Tasks of fewer rows side by side, where they are long: of at least so many, and of about so many bytes. */
#define SXT_TASK_LEAST_ACROSS 16
#define SXT_TASK_ACROSS_BYTES ((ptrdiff_t)2 * 1024 * 1024)
/* The same for capped logits, which take several times as long: caps_tmpl.h. */
#define SXT_TASK_CAPPED_ROWS 8

/* A thread takes so many tasks of rows at once, where there are many: the rows behind a task's, which are asked for
 * while it is computed, are then its own. */
#define SXT_TASKS_AT_ONCE_MOST 8
#define SXT_TURNS_PER_THREAD 32

/* ---- results that no cache keeps ------------------------------------------------------------------------------ */

/* Results of so many bytes in all, in rows of so many classes, go past the caches where that pays (dispatch.h). Softmax
 * of float on two threads of a Xeon, in times of usual stores, by bytes and classes: 131 MB 128256: 0.78, 32000: 0.89,
 * 2000: 0.96, 1000: 1.1; 66 MB 32000: 0.93; 33 MB 32000: 0.95 to 1.01, 1000: 1.0 to 1.1. With AVX2 131 MB 128256: 0.87,
 * 32000: 1.0. */
#define SXT_PAST_BYTES ((ptrdiff_t)48 * 1024 * 1024)
#define SXT_PAST_CLASSES 2000
/* Log-softmax, which is made of the logits, needs no memory for terms meanwhile, and goes past the caches on every
 * processor. On two cores of Zen 4, times before, 131 MB 128256 classes: 0.93, 32000: 0.93; 33 MB 32000: 0.90, 8000:
 * 0.91, 2000: 0.93; 1000: 1.06, whose rows do not end at a line; with AVX2 0.99 to 1.04. */
#define SXT_PAST_LOG_BYTES ((ptrdiff_t)30 * 1024 * 1024)
/* Of so many bytes those of rows side by side go past the caches, on every processor: each class is in a page of its
 * own, where a line that has to be read before it is filled costs more. Softmax of float on two cores of Zen 4, arrays
 * in turns, times before, with tasks that begin at a line: 1000 classes 33 MB 0.71, 100 classes 33 MB 0.80, 16 MB 0.91,
 * 21 classes 34 MB 0.67; with AVX2 0.71, 0.96, 0.97 and 0.86. Results of 4 to 12 MB would take 0.83 to 0.97, but the
 * caches keep those. */
#define SXT_PAST_ACROSS_BYTES ((ptrdiff_t)16 * 1024 * 1024)

/* ---- rows and elements brought together ----------------------------------------------------------------------- */

/* A row of a tile goes through its sweeps in pieces that stay in the first-level cache, with room for the targets. */
#define SXT_PIECE_BYTES 16384

/* Shorter runs of elements are gathered into blocks. Sigmoid with and without, by the length of the runs: 32: 16 and
 * 23 ns, 64: 12.8 and 15.1, 128: 11.8 and 11.7, 256: 11.5 and 10.0. */
#define SXT_SHORT_RUN 128

#endif
