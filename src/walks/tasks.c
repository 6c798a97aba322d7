/* tasks.c - things numbered and cut; rows of a task taken as planes. */
#include "walks/tasks.h"

#include "machine/parallel.h"

typedef struct {
    ptrdiff_t n, size, missing, tasks, at_once;
    const sxt_layout *layout;
    sxt_task_work work;
    sxt_plane_task plane_work;
    void *context;
} cut;

static sxt_task task_of(const cut *c, ptrdiff_t number, int worker)
{
    ptrdiff_t begin = number * c->size - c->missing, left = c->n - begin;
    return (sxt_task){number, begin < 0 ? 0 : begin, begin + (left < c->size ? left : c->size), worker};
}

static void one_task(void *context, ptrdiff_t number, int worker)
{
    const cut *c = context;
    sxt_task task = task_of(c, number, worker);
    c->work(c->context, &task);
}

static void planes_of_task(const cut *c, ptrdiff_t number, int worker)
{
    sxt_task task = task_of(c, number, worker);
    for (ptrdiff_t row = task.begin; row < task.end;) {
        sxt_plane plane = sxt_layout_plane(c->layout, row, task.end);
        c->plane_work(c->context, &task, &plane);
        row += plane.rows;
    }
}

static void planes_of_tasks(void *context, ptrdiff_t turn, int worker)
{
    const cut *c = context;
    ptrdiff_t number = turn * c->at_once, end = number + c->at_once;
    for (; number < end && number < c->tasks; number++)
        planes_of_task(c, number, worker);
}

static ptrdiff_t tasks_at_once(ptrdiff_t tasks, int threads)
{
    ptrdiff_t fit = threads == 1 ? 1 : tasks / (SXT_TURNS_PER_THREAD * (ptrdiff_t)threads);
    return fit < 1 ? 1 : fit > SXT_TASKS_AT_ONCE_MOST ? SXT_TASKS_AT_ONCE_MOST : fit;
}

void sxt_run_tasks(ptrdiff_t n, ptrdiff_t size, int threads, sxt_task_work work, void *context)
{
    cut c = {.n = n, .size = size, .work = work, .context = context};
    sxt_parallel_for(sxt_count_tasks(n, size), threads, one_task, &c);
}

void sxt_run_planes(const sxt_layout *layout, ptrdiff_t size, int threads, sxt_plane_task work, void *context)
{
    sxt_run_planes_after(layout, 0, size, threads, work, context);
}

void sxt_run_planes_after(const sxt_layout *layout, ptrdiff_t missing, ptrdiff_t size, int threads, sxt_plane_task work,
                          void *context)
{
    cut c = {.n = layout->rows, .size = size, .missing = missing, .layout = layout, .plane_work = work,
             .context = context};
    c.tasks = sxt_count_tasks(layout->rows + missing, size);
    c.at_once = tasks_at_once(c.tasks, threads);
    sxt_parallel_for(sxt_count_tasks(c.tasks, c.at_once), threads, planes_of_tasks, &c);
}
