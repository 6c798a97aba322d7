/* losses_tmpl.h - the losses of losses.def by their number. Included once per compute type, after the templates of
 * strips. */

#include "kernels/losses/losses.def"

/* Makes s->out, the outcomes of plain losses in the general form, those of the loss with the job's parameter, from the
 * sums and s->in; without `writes` only the losses are wanted. Loops over lanes as a form's are (forms_tmpl.h): without
 * branches. What they make of special rows nobody reads. */
typedef void (*V(loss))(const V(plan) *plan, V(strip) *s, int writes);

static const V(loss) V(losses)[] = {
    NULL,
#define SXT_LOSS(name, parameter) V(finish_##name),
#include "kernels/losses/losses.def"
};
