/* across_transpose_tmpl.h - whole rows of few classes from memory into a tile and back, four classes at a time; part of
 * across_tmpl.h. */

SXT_INLINE ptrdiff_t N(rounded_up)(ptrdiff_t classes) { return (classes + 3) / 4 * 4; }

/* Elements in a row, to the stage and back. */
static void N(stage_row)(const char *x, T *stage, ptrdiff_t n)
{
    const ST *from = (const ST *)(const void *)x;
    for (ptrdiff_t c = 0; c < n; c += V(W))
        if (n - c >= V(W))
            V(store)(stage + c, LOAD(from + c));
        else
            V(storen)(stage + c, LOADN(from + c, n - c), n - c);
}

static void N(unstage_row)(const T *stage, char *y, ptrdiff_t n)
{
    ST *to = (ST *)(void *)y;
    for (ptrdiff_t c = 0; c < n; c += V(W))
        if (n - c >= V(W))
            STORE(to + c, V(load)(stage + c));
        else
            STOREN(to + c, V(loadn)(stage + c, n - c), n - c);
}

/* Elements between the rows of the stage, which four classes may not leave. */
SXT_INLINE ptrdiff_t N(stage_pitch)(ptrdiff_t classes) { return classes < 4 ? 4 : classes; }

/* Whether rows lie in memory as in the stage, and are one row of elements. */
SXT_INLINE int N(is_dense)(ptrdiff_t step, ptrdiff_t classes)
{
    return step == classes * (ptrdiff_t)sizeof(ST) && classes >= 4;
}

/* V(W) rows, of which there are `rows`; the others are 0. */
static void N(stage_rows)(const char *x, ptrdiff_t step, T *stage, ptrdiff_t rows, ptrdiff_t classes)
{
    ptrdiff_t pitch = N(stage_pitch)(classes), count = rows < V(W) ? rows : V(W);
    if (count < V(W))
        memset(stage + count * pitch, 0, (size_t)((V(W) - count) * pitch) * sizeof(T));
    if (N(is_dense)(step, classes)) {
        N(stage_row)(x, stage, count * classes);
        return;
    }
    for (ptrdiff_t k = 0; k < count; k++)
        N(stage_row)(x + k * step, stage + k * pitch, classes);
}

static void N(unstage_rows)(const T *stage, char *y, ptrdiff_t step, ptrdiff_t rows, ptrdiff_t classes)
{
    if (N(is_dense)(step, classes)) {
        N(unstage_row)(stage, y, rows * classes);
        return;
    }
    for (ptrdiff_t k = 0; k < rows; k++)
        N(unstage_row)(stage + k * N(stage_pitch)(classes), y + k * step, classes);
}

/* Where the four classes with class c begin: the last ones share classes with those before, if they would go
 * past the end. */
SXT_INLINE ptrdiff_t N(four)(ptrdiff_t c, ptrdiff_t classes)
{
    return c + 4 <= classes || classes < 4 ? c : classes - 4;
}

/* Classes side by side in memory. Fewer than four are read where they lie if the next rows follow there. */
static void N(pack_fours)(const V(tile) *t, const char *x, ptrdiff_t step, T *tile, ptrdiff_t rows_left,
                          ptrdiff_t classes)
{
    for (ptrdiff_t i = 0; i < t->rows; i += V(W), x += step * V(W)) {
        const char *from = x;
        ptrdiff_t from_step = step, rows = t->rows - i;
        if (rows < V(W) ||
            (classes < 4 && (rows_left - i < V(W) + 4 || step < classes * (ptrdiff_t)sizeof(ST)))) {
            from = (const char *)t->stage;
            from_step = N(stage_pitch)(classes) * (ptrdiff_t)sizeof(T);
            N(stage_rows)(x, step, t->stage, rows > 0 ? rows : 0, classes);
        }
        for (ptrdiff_t c = 0; c < classes; c += 4) {
            ptrdiff_t k = N(four)(c, classes);
            V(pack4)(from + k * (ptrdiff_t)sizeof(T), from_step, tile + k * t->lanes + i, t->lanes);
        }
    }
}

static void N(unpack_fours)(const V(tile) *t, const T *tile, char *y, ptrdiff_t step, ptrdiff_t classes)
{
    for (ptrdiff_t i = 0; i < t->rows; i += V(W), y += step * V(W)) {
        ptrdiff_t rows = t->rows - i < V(W) ? t->rows - i : V(W);
        int staged = rows < V(W);
        char *to = staged ? (char *)t->stage : y;
        ptrdiff_t to_step = staged ? N(stage_pitch)(classes) * (ptrdiff_t)sizeof(T) : step;
        for (ptrdiff_t c = 0; c < classes; c += 4) {
            ptrdiff_t k = N(four)(c, classes);
            V(unpack4)(tile + k * t->lanes + i, t->lanes, to + k * (ptrdiff_t)sizeof(T), to_step, classes - k);
        }
        if (staged)
            N(unstage_rows)(t->stage, y, step, rows, classes);
    }
}

/* The rows of a view from row r on, of which there are `rows`, or what the plane says of row `first`; the memory is
 * asked for a vector at a time. */
static V(ahead) N(look_ahead)(const sxt_ahead *other, ptrdiff_t first, const sxt_view *v, ptrdiff_t r, ptrdiff_t rows)
{
    if (other->p)
        return (V(ahead)){other->p + (uintptr_t)(first * other->row), other->row,
                          v->cls == sizeof(ST) ? V(W) * other->cls : other->cls};
    if (!v->p || r >= rows)
        return (V(ahead)){0, 0, 0};
    ptrdiff_t cls = v->cls == sizeof(ST) ? V(W) * (ptrdiff_t)sizeof(ST) : v->cls;
    return (V(ahead)){(uintptr_t)(v->p + r * v->row), v->row, cls};
}
