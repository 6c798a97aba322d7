/* storage_end.h - forgets the macros of one storage type, for the next one. */
#undef S
#undef ST
#undef ST_IS_T
#undef ST_IS_ANY
#undef LOAD
#undef LOADN
#undef STORE
#undef STOREN
#undef CHAINS
#undef SCAN_BLOCK
#undef BATCH_ROWS
#undef BATCH_BYTES
#undef FEW_NEAR
#undef AHEAD
#undef NEAR_BYTES
