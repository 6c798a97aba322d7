/* losses_tmpl.h - the losses of losses.def by their number. Included once per compute type, after finish_tmpl.h. */

#include "kernels/losses/losses.def"

/* *o, the outcome of a plain loss in the general form, becomes that of the loss with this parameter. */
typedef void (*V(loss))(V(wide) others, const V(general) *g, double parameter, V(general_outcome) *o);

static const V(loss) V(losses)[] = {
    NULL,
#define SXT_LOSS(name, parameter) V(finish_##name),
#include "kernels/losses/losses.def"
};
