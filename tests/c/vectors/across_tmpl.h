/* across_tmpl.h - operations across the lanes of vectors, compared with loops over arrays. */

enum { V(SQUARE) = V(W) * V(W) };

/* V(W) vectors of consecutive numbers of x. */
static void V(rows)(const T *x, KV r[V(W)])
{
    for (int i = 0; i < V(W); i++)
        r[i] = V(load)(x + (i * V(W)) % VECTOR_ELEMENTS);
}

static T V(at)(const T *x, int row, int lane) { return x[(row * V(W)) % VECTOR_ELEMENTS + lane]; }

static void V(check_reductions)(const T *x)
{
    T most = x[0];
    uint64_t plus = 0, sum = 0; /* modulo 2^64 */
    for (int k = 0; k < V(W); k++) {
        V(uint) bits;
        memcpy(&bits, x + k, sizeof bits);
        most = x[k] > most ? x[k] : most;
        plus += bits;
        sum += (uint64_t)(int64_t)(V(int))bits;
    }
    KV v = V(load)(x);
    CHECK(V(hmax)(v) == most, "%g, not %g", (double)V(hmax)(v), (double)most);
    CHECK(V(hsumu)(V(bits)(v)) == plus, "%llx", (unsigned long long)plus);
    CHECK(V(hsums)(V(bits)(v)) == (int64_t)sum, "%llx", (unsigned long long)sum);
}

static void V(check_masks)(const T *x)
{
    KV v = V(load)(x);
    unsigned expected = 0;
    for (int k = 0; k < V(W); k++)
        expected |= (unsigned)(x[k] < x[0]) << k;
    CHECK(V(mbits)(V(lt)(v, V(set1)(x[0]))) == expected, "mask %x", expected);
    CHECK(V(mbits)(V(mnone)()) == 0, "mask of none");
    for (ptrdiff_t n = 0; n <= V(W); n++) {
        unsigned first = (1u << n) - 1;
        CHECK(V(mbits)(V(first)(n)) == first, "first %td of %d: %x", n, V(W), V(mbits)(V(first)(n)));
    }
}

static void V(check_integers)(const T *x)
{
    V(int) in[V(W)], out[V(W)];
    memcpy(in, x, sizeof in);
    V(istore)(out, V(iload)(in));
    CHECK(memcmp(in, out, sizeof in) == 0, "integers");
}

static void V(check_transpose)(const T *x)
{
    KV r[V(W)];
    V(rows)(x, r);
    V(transpose)(r);
    for (int i = 0; i < V(W); i++) {
        T lane[V(W)];
        V(store)(lane, r[i]);
        for (int k = 0; k < V(W); k++)
            CHECK(lane[k] == V(at)(x, k, i), "row %d, lane %d", i, k);
    }
}

/* each.h, which is made of merge. */
static void V(check_each)(const T *x)
{
    KV largest[V(W)], smallest[V(W)], first[V(W)], second[V(W)], sums[V(W)];
    V(rows)(x, largest);
    V(rows)(x, smallest);
    V(rows)(x, sums);
    for (int i = 0; i < V(W); i++) {
        KV a = largest[i], b = V(load)(x + (i * V(W) + V(W)) % VECTOR_ELEMENTS);
        first[i] = V(max)(a, b);
        second[i] = V(min)(a, b);
    }
    T most[V(W)], least[V(W)], one[V(W)], two[V(W)];
    V(int) total[V(W)];
    V(store)(most, V(largest_of_each)(largest));
    V(store)(least, V(smallest_of_each)(smallest));
    V(istore)(total, V(sum_of_each)(sums));
    V(two_largest_of_each)(first, second);
    V(store)(one, first[0]);
    V(store)(two, second[0]);
    for (int i = 0; i < V(W); i++) {
        T high = V(at)(x, i, 0), low = high, best = -(T)INFINITY, next = best;
        V(uint) sum = 0;
        for (int k = 0; k < 2 * V(W); k++) {
            T value = V(at)(x, i + k / V(W), k % V(W));
            next = value > best ? best : value > next ? value : next;
            best = value > best ? value : best;
            if (k >= V(W))
                continue;
            V(uint) bits;
            memcpy(&bits, &value, sizeof bits);
            sum += bits;
            high = value > high ? value : high;
            low = value < low ? value : low;
        }
        CHECK(most[i] == high && least[i] == low, "row %d: %g to %g", i, (double)low, (double)high);
        CHECK(one[i] == best && two[i] == next, "row %d: %g and %g", i, (double)best, (double)next);
        CHECK((V(uint))total[i] == sum, "row %d: sum", i);
    }
}

/* Four columns of W rows, 5 elements apart, to a tile and back. */
static void V(check_pack4)(const T *x)
{
    enum { STEP = 5, PITCH = V(W) + 1 };
    T rows[V(W) * STEP], tile[4 * PITCH], back[V(W) * STEP];
    for (int i = 0; i < V(W) * STEP; i++)
        rows[i] = x[i % VECTOR_ELEMENTS];
    V(pack4)((const char *)rows, STEP * sizeof(T), tile, PITCH);
    for (int c = 0; c < 4; c++)
        for (int i = 0; i < V(W); i++)
            CHECK(tile[c * PITCH + i] == rows[i * STEP + c], "column %d, row %d", c, i);
    for (ptrdiff_t n = 1; n <= 4; n++) {
        for (int i = 0; i < V(W) * STEP; i++)
            back[i] = (T)7;
        V(unpack4)(tile, PITCH, (char *)back, STEP * sizeof(T), n);
        for (int i = 0; i < V(W) * STEP; i++)
            CHECK(back[i] == (i % STEP < n ? rows[i] : (T)7), "element %d of %td columns", i, n);
    }
}

static void V(check_store_past)(const T *x)
{
    _Alignas(64) T line[V(W)];
    V(store_past)(line, V(load)(x));
    sxt_stores_done();
    for (int k = 0; k < V(W); k++)
        CHECK(line[k] == x[k], "lane %d: %g", k, (double)line[k]);
}

#if SXT_T_IS_F32
static void V(check_halves)(const float *x)
{
    f64_v half[2];
    double lanes[2 * f64_W];
    float back[f32_W], stored[f32_W];
    f32_split(f32_load(x), half);
    f64_store(lanes, half[0]);
    f64_store(lanes + f64_W, half[1]);
    f32_store(back, f32_join(half));
    for (int k = 0; k < f32_W; k++)
        CHECK(lanes[k] == (double)x[k] && back[k] == x[k], "lane %d: %g", k, lanes[k]);
    f32_load_halves(x, half);
    f64_store(lanes, half[0]);
    f64_store(lanes + f64_W, half[1]);
    f32_store_halves(stored, half);
    for (int k = 0; k < f32_W; k++)
        CHECK(lanes[k] == (double)x[k] && stored[k] == x[k], "lane %d from memory: %g", k, lanes[k]);
}
#else
static void V(check_halves)(const double *x) { (void)x; }
#endif

static void V(across)(const T *x)
{
    V(check_reductions)(x);
    V(check_masks)(x);
    V(check_integers)(x);
    V(check_transpose)(x);
    V(check_each)(x);
    V(check_pack4)(x);
    V(check_halves)(x);
    V(check_store_past)(x);
}
