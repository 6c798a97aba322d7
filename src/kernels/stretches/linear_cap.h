/* linear_cap.h - cap tanh(u / cap) and its slope for tiles of logits, in plain double. */
#ifndef SXT_LINEAR_CAP_H
#define SXT_LINEAR_CAP_H

#include "numbers/scalar_math.h"

/* tanh = (1 - E) / (1 + E), E = exp(-2 |u| / cap), with 1 - E from the parts of E, so that nothing cancels
 * for a small u; the slope 4 E / (1 + E)^2 down to the smallest subnormal. Within 4 ULP of u, which is
 * less than the product that made u is off. */
SXT_FN double sxt_linear_cap(double u, double cap, double *slope)
{
    double size = fabs(u) / cap, n;
    sxt_dd e = sxt_exp_parts(size < 400.0 ? -2.0 * size : -800.0, &n);
    double first = n > -600.0 ? n : -600.0, power = sxt_exp2i(first);
    double minus = (e.hi * power - 1.0) + e.lo * power, decay = e.hi * power * sxt_exp2i(n - first);
    *slope = 4.0 * decay / ((1.0 + decay) * (1.0 + decay));
    return u != u ? u : copysign(-cap * minus / (2.0 + minus), u);
}

#endif
