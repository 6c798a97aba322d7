/* compute_end.h - forgets the macros of one compute type, for the next one. */
#undef V
#undef KV
#undef KI
#undef KM
#undef K
#undef T
#undef BIAS
#undef GRID
#undef LN2_HI
#undef LN2_LO
#undef LOG2E
#undef ROUND
#undef FLUSH
#undef SXT_T_IS_F32
