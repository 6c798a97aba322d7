/* dispatch.c - which instruction sets are usable, and how the one in use is chosen.
 *
 * The caller may name what this machine has to offer, best first, in SOFTXENT_EXPECTED_ISAS
 * ("avx512,avx2,scalar"); otherwise whatever is found is tested. */
#define _GNU_SOURCE
#include "machine/dispatch.h"

#include "assertions.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Best first; a set of another processor is never usable. */
static const char *const best_first[] = {
#define SXT_ISA(name, options) #name,
#define SXT_ISA_X86_64 SXT_ISA
#define SXT_ISA_AARCH64 SXT_ISA
#define SXT_ISA_ANY SXT_ISA
#include "isa.def"
};

enum { MAX_ISAS = sizeof best_first / sizeof *best_first, READERS = 8 };

/* SOFTXENT_ISA is read once per process, so each case gets a child of its own. */
static void in_child(const char *value, void (*check)(const char *value))
{
    pid_t pid = fork();
    if (pid == 0) {
        if (value != NULL)
            setenv("SOFTXENT_ISA", value, 1);
        check(value);
        _exit(checks_failed != 0);
    }
    int status = -1;
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid, "pid %d", (int)pid);
    CHECK(status == 0, "child with SOFTXENT_ISA=%s: status %#x", value ? value : "(unset)",
          (unsigned)status);
}

static sxt_status one_softmax(float result[3])
{
    float x[3] = {2.0f, 1.0f, 0.1f};
    ptrdiff_t shape = 3, stride = sizeof(float);
    sxt_array in = {x, SXT_F32, 1, &shape, &stride}, out = {result, SXT_F32, 1, &shape, &stride};
    return sxt_softmax(&in, 1, NULL, &out);
}

static void check_usable_list(void)
{
    char found[64] = "";
    int count = 0;
    for (int i = 0; i < MAX_ISAS; i++) {
        const char *isa = sxt_usable_isa(count);
        if (isa == NULL || strcmp(isa, best_first[i]) != 0)
            continue;
        strcat(strcat(found, count ? "," : ""), isa);
        count++;
    }
    CHECK(sxt_usable_isa(count) == NULL, "%s after %s", sxt_usable_isa(count), found);
    CHECK(sxt_usable_isa(-1) == NULL, "%s", sxt_usable_isa(-1));
    CHECK(count > 0 && strcmp(sxt_usable_isa(count - 1), "scalar") == 0, "%s", found);
    const char *expected = getenv("SOFTXENT_EXPECTED_ISAS");
    CHECK(expected == NULL || strcmp(found, expected) == 0, "found %s, expected %s", found, expected);
    printf("usable: %s\n", found);
}

static void check_select(void)
{
    const char *isa;
    for (int k = 0; (isa = sxt_usable_isa(k)) != NULL; k++) {
        CHECK(sxt_select_isa(isa) == SXT_OK, "%s", isa);
        CHECK(strcmp(sxt_isa(), isa) == 0, "%s instead of %s", sxt_isa(), isa);
        const char *refused[] = {"sse9", "", "AVX2", "scalar ", "all"};
        for (int i = 0; i < 5; i++) {
            CHECK(sxt_select_isa(refused[i]) == SXT_ERR_ISA, "'%s' accepted", refused[i]);
            CHECK(strcmp(sxt_isa(), isa) == 0, "%s, was %s", sxt_isa(), isa);
        }
    }
    CHECK(sxt_select_isa(NULL) == SXT_OK, "best");
    CHECK(strcmp(sxt_isa(), sxt_usable_isa(0)) == 0, "%s is not best", sxt_isa());
}

static void check_best_is_used(const char *value)
{
    CHECK(sxt_isa() != NULL && strcmp(sxt_isa(), sxt_usable_isa(0)) == 0, "%s for %s", sxt_isa(),
          value ? value : "(unset)");
}

static void check_override_is_used(const char *value)
{
    CHECK(sxt_isa() != NULL && strcmp(sxt_isa(), value) == 0, "%s for %s", sxt_isa(), value);
    setenv("SOFTXENT_ISA", "sse9", 1);
    CHECK(strcmp(sxt_isa(), value) == 0, "%s: the override was read again", sxt_isa());
}

/* One call of each of the other entry points that need kernels. */
static void check_no_call_works(void)
{
    float x[3] = {2.0f, 1.0f, 0.1f}, result[3];
    double loss;
    int64_t label = 0;
    ptrdiff_t shape[2] = {1, 3}, strides[2] = {3 * sizeof(float), sizeof(float)};
    sxt_array in = {x, SXT_F32, 2, shape, strides}, out = {result, SXT_F32, 2, shape, strides};
    sxt_cross_entropy_args args = {.logits = in, .axis = 1, .labels = &label, .logit_scale = 1, .from_logits = 1,
                                   .reduction = SXT_SUM, .loss = &loss};
    sxt_binary_args binary = {.logits = in, .target = &in, .reduction = SXT_SUM, .from_logits = 1, .loss = &loss};
    sxt_linear_tile tile = {.logits = in};
    sxt_linear_row row;
    sxt_exp_sum sum = {0, 0, 0, 0};
    CHECK(sxt_linear_begin(&row, 1, &label) == SXT_OK, "begin");
    const sxt_status statuses[] = {
        sxt_log_softmax(&in, 2, NULL, &out), sxt_logsumexp(&in, 2, NULL, NULL, result, NULL),
        sxt_softmax_grad(&in, &in, 2, &out), sxt_log_softmax_grad(&in, &in, 2, &out),
        sxt_sigmoid(&in, &out), sxt_log_sigmoid(&in, &out), sxt_cross_entropy(&args, NULL),
        sxt_binary_cross_entropy(&binary), sxt_exp_sum_update(&sum, &in, 2),
        sxt_linear_add(&tile, &row), sxt_linear_gradient(&tile, &row)};
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        CHECK(statuses[i] == SXT_ERR_ISA, "status %d of call %zu", (int)statuses[i], i);
}

static void check_override_is_refused(const char *value)
{
    CHECK(sxt_isa() == NULL, "%s for %s", sxt_isa(), value);
    CHECK(sxt_active_kernels() == NULL, "a table for %s", value);
    float result[3] = {7.0f, 7.0f, 7.0f};
    sxt_status status = one_softmax(result);
    CHECK(status == SXT_ERR_ISA, "status %d for %s", status, value);
    CHECK(result[0] == 7.0f && result[1] == 7.0f && result[2] == 7.0f, "output was written");
    check_no_call_works();
    CHECK(sxt_select_isa(NULL) == SXT_OK, "best");
    CHECK(one_softmax(result) == SXT_OK, "after a choice");
    CHECK(result[0] > 0.65f && result[0] < 0.67f, "%g", result[0]);
}

static void *read_active(void *seen)
{
    *(const sxt_kernels **)seen = sxt_active_kernels();
    return NULL;
}

/* Many threads make the first call at once. */
static void check_first_calls_agree(const char *value)
{
    (void)value;
    pthread_t threads[READERS];
    const sxt_kernels *seen[READERS];
    for (int i = 0; i < READERS; i++)
        if (pthread_create(&threads[i], NULL, read_active, &seen[i]) != 0)
            abort();
    for (int i = 0; i < READERS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < READERS; i++)
        CHECK(seen[i] != NULL && seen[i] == sxt_active_kernels(), "reader %d", i);
}

int main(void)
{
    unsetenv("SOFTXENT_ISA");
    in_child(NULL, check_best_is_used);
    in_child("", check_best_is_used);
    for (int k = 0; sxt_usable_isa(k) != NULL; k++)
        in_child(sxt_usable_isa(k), check_override_is_used);
    in_child("sse9", check_override_is_refused);
    in_child("Scalar", check_override_is_refused);
#if defined(__aarch64__)
    in_child("avx2", check_override_is_refused);
#else
    in_child("neon", check_override_is_refused);
#endif
    in_child(NULL, check_first_calls_agree);
    check_usable_list();
    check_select();
    return check_report("dispatch");
}
