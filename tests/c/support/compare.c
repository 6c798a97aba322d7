#define _GNU_SOURCE
#include "compare.h"

#include "assertions.h"

#include <stdlib.h>

#if !defined(__wasm__)
#include <signal.h>
#endif

static const problem *current;
static const arrangement *current_arrangement;

static void print_current(void)
{
    const arrangement *how = current_arrangement;
    problem_print(current);
    fprintf(stderr, "  on %s, %d threads, arrangement seed %llu, %s + %zu, in place %d\n", sxt_isa(),
           sxt_get_num_threads(), (unsigned long long)how->seed, how->where.at_end ? "end" : "start",
           how->where.shift, how->in_place);
}

#if defined(__wasm__)
/* A fault ends the program with a trace; there are no signals. */
void report_faults(void) {}
#else
/* The program ends anyway: printing from the handler can make nothing worse. */
static void on_fault(int signal_number)
{
    fprintf(stderr, "signal %d in ", signal_number);
    print_current();
    _Exit(1);
}

void report_faults(void)
{
    signal(SIGSEGV, on_fault);
    signal(SIGILL, on_fault);
    signal(SIGFPE, on_fault);
#if defined(SIGBUS)
    signal(SIGBUS, on_fault);
#endif
}
#endif

static result run(const problem *p, const arrangement *how)
{
    current = p;
    current_arrangement = how;
    return call_run(p, how);
}

/* What a legal problem comes to, however it is arranged. */
static sxt_status expected_status(const problem *p)
{
    if (p->kind == CALL_LINEAR)
        return p->dtype < SXT_F32 ? SXT_ERR_DTYPE : SXT_OK;
    if (p->kind == CALL_EXP_SUM)
        return SXT_OK;
    bool elementwise = p->kind == CALL_SIGMOID || p->kind == CALL_LOG_SIGMOID || p->kind == CALL_BINARY;
    return !elementwise && p->classes == 0 && p->rows > 0 ? SXT_ERR_EMPTY : SXT_OK;
}

result reference_result(const problem *p)
{
    static const arrangement plain = {.seed = 0};
    char previous[16];
    snprintf(previous, sizeof previous, "%s", sxt_isa());
    int threads = sxt_get_num_threads();
    sxt_select_isa("scalar");
    sxt_set_num_threads(1);
    result r = run(p, &plain);
    sxt_select_isa(previous);
    sxt_set_num_threads(threads);
    return r;
}

void check_same(const problem *p, const arrangement *how, const result *reference)
{
    long failed = atomic_load(&checks_failed);
    result r = run(p, how);
    const char *difference = result_difference(&r, reference);
    CHECK(r.status == expected_status(p), "status %d", (int)r.status);
    CHECK(r.damage == NULL, "%s", r.damage);
    CHECK(difference == NULL, "%s", difference);
    if (atomic_load(&checks_failed) != failed && failed < CHECK_PRINTED_FAILURES)
        print_current();
    result_free(&r);
}
