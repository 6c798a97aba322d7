/* tasks.h - work cut into tasks, and the tasks shared among threads. How work is cut depends on its shape and, of
 * a few rows, on the number of threads. */
#ifndef SXT_TASKS_H
#define SXT_TASKS_H

#include "walks/layout.h"
#include "walks/tuning.h"

/* Threads for so much work. */
static inline int sxt_threads_for(ptrdiff_t elements)
{
    return elements < SXT_PARALLEL_ELEMENTS ? 1 : sxt_get_num_threads();
}

/* Things [begin, end) of all. */
typedef struct {
    ptrdiff_t number, begin, end;
    int worker; /* in [0, threads), and no other task's at the same time */
} sxt_task;

/* Without a division where there is one, since that takes as long as a short row. */
static inline ptrdiff_t sxt_count_tasks(ptrdiff_t n, ptrdiff_t size)
{
    return n <= size ? n > 0 : (n + size - 1) / size;
}

/* n things, `size` to a task. */
typedef void (*sxt_task_work)(void *context, const sxt_task *task);
void sxt_run_tasks(ptrdiff_t n, ptrdiff_t size, int threads, sxt_task_work work, void *context);

/* The rows of a layout, `size` to a task, plane by plane. */
typedef void (*sxt_plane_task)(void *context, const sxt_task *task, const sxt_plane *plane);
void sxt_run_planes(const sxt_layout *layout, ptrdiff_t size, int threads, sxt_plane_task work, void *context);
/* Likewise, with `missing` rows less to the first task. */
void sxt_run_planes_after(const sxt_layout *layout, ptrdiff_t missing, ptrdiff_t size, int threads, sxt_plane_task work,
                          void *context);

#endif
