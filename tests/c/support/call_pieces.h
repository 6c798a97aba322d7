/* call_pieces.h - problems that the library solves piece by piece, as one call each: tiles of the logits of
 * a linear layer, and chunks of a log-sum-exp. The classes come in p->pieces pieces of equal width. */
#ifndef SXT_TEST_CALL_PIECES_H
#define SXT_TEST_CALL_PIECES_H

#include "session.h"

/* Outputs: losses, penalties and, if wanted, the gradient. Class weights are base (with label smoothing) and
 * slope, row weights the labels' shares. Labels need not be in range. */
sxt_status call_linear(session *s, result *r);

/* Outputs: logarithms and sums. Every other chunk goes to a second sum, which is merged into the first. */
sxt_status call_exp_sum(session *s, result *r);

#endif
