/* lanes_tmpl.h - operations that do the same in every lane. */

static void V(lanes)(int operation, const T *a, const T *b, const T *c, T *out)
{
    for (ptrdiff_t i = 0; i < VECTOR_ELEMENTS; i += V(W)) {
        KV x = V(load)(a + i), y = V(load)(b + i), z = V(load)(c + i), result = x;
        KM m = V(lt)(x, y), o = V(eq)(y, z);
        switch (operation) {
#define ONE_CASE(name, expression, exact)                                                          \
    case LANE_##name:                                                                              \
        result = expression;                                                                       \
        break;
            LANE_OPERATIONS(ONE_CASE)
#undef ONE_CASE
        default:
            CHECK(0, "operation %d", operation);
        }
        (void)m;
        (void)o;
        V(store)(out + i, result);
    }
}
