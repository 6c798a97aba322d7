/* dispatch.c - which instruction sets this machine can run, and which one is in use. */
#include "machine/dispatch.h"

#include "softxent.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The sets that this build has: those for its processor. */
#define SXT_ISA_ANY(name, options) SXT_ISA_HERE(name)
#if defined(__x86_64__)
#define SXT_ISA_X86_64(name, options) SXT_ISA_HERE(name)
#else
#define SXT_ISA_X86_64(name, options)
#endif
#if defined(__aarch64__)
#define SXT_ISA_AARCH64(name, options) SXT_ISA_HERE(name)
#else
#define SXT_ISA_AARCH64(name, options)
#endif

/* Defined by kernels.c, once for each of them. */
#define SXT_ISA_HERE(name) extern const sxt_kernels sxt_kernels_##name;
#include "isa.def"
#undef SXT_ISA_HERE

/* What ask says, kept in *answer: CPUID ends in the hypervisor of a virtual machine, some 6 us each time, and AVX-512
 * wants ten. */
static bool asked_once(atomic_int *answer, bool (*ask)(void))
{
    enum { NOT_ASKED, NO, YES };
    int known = atomic_load_explicit(answer, memory_order_relaxed);
    if (known == NOT_ASKED) {
        known = ask() ? YES : NO;
        atomic_store_explicit(answer, known, memory_order_relaxed);
    }
    return known == YES;
}

/* ---- whether this machine can run them: has_NAME for each ------------------------------------------------- */

static bool has_scalar(void) { return true; }

#if defined(__x86_64__)

#include <cpuid.h>

/* The bits of one register of a CPUID leaf; 0 where the leaf does not exist. */
static unsigned cpuid_ecx(unsigned leaf)
{
    unsigned eax, ebx, ecx, edx;
    return __get_cpuid_count(leaf, 0, &eax, &ebx, &ecx, &edx) ? ecx : 0;
}

static unsigned cpuid_ebx(unsigned leaf)
{
    unsigned eax, ebx, ecx, edx;
    return __get_cpuid_count(leaf, 0, &eax, &ebx, &ecx, &edx) ? ebx : 0;
}

/* The register files that the operating system saves when it switches threads (XCR0). A processor
 * may have instructions whose registers would not survive. */
static unsigned saved_registers(void)
{
    if (!(cpuid_ecx(1) & bit_OSXSAVE))
        return 0;
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static bool all_of(unsigned bits, unsigned wanted) { return (bits & wanted) == wanted; }

static bool has_avx2(void)
{
    const unsigned sse_and_ymm = 0x06;
    return all_of(saved_registers(), sse_and_ymm) &&
           all_of(cpuid_ecx(1), bit_AVX | bit_FMA | bit_F16C) && all_of(cpuid_ebx(7), bit_AVX2);
}

#ifdef SXT_AVX512_IN_SOFTWARE /* by a build for tests: CMakeLists.txt */
static bool has_avx512(void) { return has_avx2(); }
#else
static bool has_avx512(void)
{
    const unsigned masks_and_zmm = 0xe0;
    return has_avx2() && all_of(saved_registers(), masks_and_zmm) &&
           all_of(cpuid_ebx(7), bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL);
}
#endif

static bool is_from_intel(void)
{
    unsigned eax, ebx, ecx, edx;
    return __get_cpuid(0, &eax, &ebx, &ecx, &edx) && ebx == signature_INTEL_ebx && ecx == signature_INTEL_ecx &&
           edx == signature_INTEL_edx;
}

#else
static bool is_from_intel(void) { return false; }
#endif

#if defined(__aarch64__)
static bool has_neon(void) { return true; }
#endif

bool sxt_stores_past_pay(void)
{
    static atomic_int answer;
    return asked_once(&answer, is_from_intel);
}

/* ---- the choice -------------------------------------------------------------------------------------------- */

/* Every table of this build, best first, with the test whether it runs here. */
static const struct {
    const sxt_kernels *kernels;
    bool (*usable)(void);
} tables[] = {
#define SXT_ISA_HERE(name) {&sxt_kernels_##name, has_##name},
#include "isa.def"
#undef SXT_ISA_HERE
};

enum { NUM_TABLES = sizeof tables / sizeof tables[0] };

/* Whether table i is usable. */
static bool is_usable(int i)
{
    static atomic_int answers[NUM_TABLES];
    return asked_once(&answers[i], tables[i].usable);
}

/* The k-th usable table, best first; NULL past the end. */
static const sxt_kernels *usable_table(int k)
{
    for (int i = 0; i < NUM_TABLES; i++)
        if (is_usable(i) && k-- == 0)
            return tables[i].kernels;
    return NULL;
}

/* The usable table of this name, the best one for NULL; NULL when there is none. */
static const sxt_kernels *find_table(const char *name)
{
    const sxt_kernels *table;
    for (int k = 0; (table = usable_table(k)) != NULL; k++)
        if (name == NULL || strcmp(name, table->name) == 0)
            return table;
    return NULL;
}

/* Stands for "SOFTXENT_ISA was refused"; never handed out. */
static const sxt_kernels refused;

/* NULL: nothing chosen yet. */
static _Atomic(const sxt_kernels *) active;

static const sxt_kernels *choose_first_table(void)
{
    const char *name = getenv("SOFTXENT_ISA");
    const sxt_kernels *table = find_table(name != NULL && *name != '\0' ? name : NULL);
    const sxt_kernels *chosen = NULL;
    if (table == NULL)
        table = &refused;
    /* Where another thread was first, its choice stands. */
    return atomic_compare_exchange_strong(&active, &chosen, table) ? table : chosen;
}

const sxt_kernels *sxt_active_kernels(void)
{
    const sxt_kernels *table = atomic_load_explicit(&active, memory_order_acquire);
    if (table == NULL)
        table = choose_first_table();
    return table != &refused ? table : NULL;
}

const char *sxt_isa(void)
{
    const sxt_kernels *table = sxt_active_kernels();
    return table != NULL ? table->name : NULL;
}

const char *sxt_usable_isa(int k)
{
    const sxt_kernels *table = k >= 0 ? usable_table(k) : NULL;
    return table != NULL ? table->name : NULL;
}

sxt_status sxt_select_isa(const char *name)
{
    const sxt_kernels *table = find_table(name);
    if (table == NULL)
        return SXT_ERR_ISA;
    atomic_store_explicit(&active, table, memory_order_release);
    return SXT_OK;
}
