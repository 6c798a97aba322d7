/* strip.h - what the templates of strips, forms and walkers share that does not depend on a type. */
#ifndef SXT_STRIP_H
#define SXT_STRIP_H

/* Rows that are finished at once: strip_tmpl.h. */
#define SXT_STRIP 16

/* Log-sum-exps of rows with a smaller maximum are taken as maximum + log1p(others). */
#define SMALL_MAX 0.25

/* Sums of so many terms fit a lane: for float it is unsigned, and no term exceeds 2^(GRID + 1/2). */
#define SHORT_ROW FLUSH

/* ---- forms: forms_tmpl.h ------------------------------------------------------------------------------ */

/* What is left out of a row's sum of exponentials. */
enum { LEAVES_NOTHING, LEAVES_LABEL, LEAVES_MAX, LEAVES_SMALL_MAX };

/* What is summed beside: of a smoothed label base (max - x), with a base for all or for each class; q (max - x) and
 * q of probabilities, q = base + slope target, or the target itself. */
enum { SUM_ALONE, SUM_EVEN, SUM_WEIGHTED, SUM_TARGETS, SUM_BARE };

/* How outputs are made of terms: not at all, scaled, pushed by -base, from logits, by gradient and Hessian. */
enum { WRITE_NOTHING, WRITE_SCALED, WRITE_PUSHED, WRITE_LOG, WRITE_GENERAL };

/* ---- of a plan (strip_tmpl.h) -------------------------------------------------------------------------- */

/* For the compiler: there are none in float. */
#define HAS_TAILS(plan) (!SXT_T_IS_F32 && (plan)->tails)

/* Whether the sum of q is not known beforehand. */
#define HAS_MASSES(plan) ((plan)->job->op == SXT_OP_DENSE)

/* ---- loops --------------------------------------------------------------------------------------------- */

/* A loop of so few and so many rounds that the compiler would rather unroll it than put the rounds into lanes. */
#if defined(__GNUC__) && !defined(__clang__)
#define SIDE_BY_SIDE _Pragma("GCC unroll 1")
#else
#define SIDE_BY_SIDE
#endif

/* Rows in groups of a vector: loops without branches, which the compiler puts side by side. */
#define IN_GROUPS(i, rows, width)                                                                    \
    for (ptrdiff_t group_ = 0; group_ < (rows); group_ += (width))                                   \
        SIDE_BY_SIDE for (ptrdiff_t i = group_; i < group_ + (width); i++)

#define EACH_LANE(i, s) IN_GROUPS(i, (s)->rows, V(W))

/* Likewise where all numbers are doubles: of a few rows no more lanes than a vector of those has. */
#define EACH_DOUBLE(i, rows) IN_GROUPS(i, rows, f64_W)

#endif
