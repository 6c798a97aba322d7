#include "session.h"

#include <stdlib.h>
#include <string.h>

session session_open(const problem *p, const arrangement *how)
{
    session s = {.p = p, .how = how, .source = {how->seed}};
    s.shape = how->seed == 0 ? geometry_matrix(p->rows, p->classes)
                             : geometry_random(&s.source, p->rows, p->classes,
                                               p->kind == CALL_CROSS_ENTROPY || p->kind == CALL_FOCAL);
    return s;
}

static buffer *new_buffer(session *s, sxt_dtype dtype, size_t size, const void *dense, int output)
{
    buffer *b = &s->buffers[s->count];
    *b = (buffer){.slot = s->first_slot + s->count++, .dtype = dtype, .size = size, .dense = dense,
                  .output = output};
    return b;
}

/* Tiles are described row by row; everything else may lie anyhow. */
static placement random_place(session *s, size_t size)
{
    return s->p->kind == CALL_LINEAR ? placement_rows(&s->source, &s->shape, size)
                                     : placement_random(&s->source, &s->shape, size);
}

static buffer *add_elements(session *s, sxt_dtype dtype, size_t size, const void *dense, int output)
{
    buffer *b = new_buffer(s, dtype, size, dense, output);
    b->place = s->how->seed == 0 ? placement_contiguous(&s->shape, size) : random_place(s, size);
    b->base = guarded_buffer(b->slot, b->place.bytes, s->how->where);
    if (dense != NULL)
        layout_scatter(&s->shape, &b->place, size, dense, b->base);
    return b;
}

static void *add_vector(session *s, sxt_dtype dtype, size_t size, ptrdiff_t n, const void *dense, int output)
{
    buffer *b = new_buffer(s, dtype, size, dense, output);
    b->vector = true;
    b->place.bytes = size * (size_t)n;
    b->base = guarded_buffer(b->slot, b->place.bytes, (edge){s->how->where.at_end, 0});
    if (dense != NULL && n > 0)
        memcpy(b->base, dense, b->place.bytes);
    return b->base;
}

static sxt_array describe(const session *s, const buffer *b)
{
    return (sxt_array){b->base + b->place.first, b->dtype, s->shape.ndim, s->shape.shape,
                       b->place.strides};
}

sxt_array session_input(session *s, const void *dense)
{
    return describe(s, add_elements(s, s->p->dtype, size_of(s->p->dtype), dense, BUFFER_INPUT));
}

sxt_array session_output(session *s, int output, sxt_dtype dtype)
{
    return describe(s, add_elements(s, dtype, size_of(dtype), NULL, output));
}

sxt_array session_main_output(session *s, int output)
{
    if (!s->how->in_place)
        return session_output(s, output, s->p->dtype);
    buffer *b = &s->buffers[s->count++];
    *b = s->buffers[0];
    b->output = output;
    b->borrowed = true;
    return describe(s, b);
}

sxt_mask session_mask(session *s)
{
    buffer *b = add_elements(s, s->p->dtype, 1, s->p->mask, BUFFER_INPUT);
    return (sxt_mask){(unsigned char *)b->base + b->place.first, b->place.strides};
}

void *session_vector(session *s, size_t size, ptrdiff_t n, const void *dense)
{
    return add_vector(s, s->p->dtype, size, n, dense, BUFFER_INPUT);
}

void *session_results(session *s, sxt_dtype dtype, ptrdiff_t n, int output)
{
    return add_vector(s, dtype, size_of(dtype), n, NULL, output);
}

void *session_state(session *s, size_t size, ptrdiff_t n)
{
    return add_vector(s, SXT_F64, size, n, NULL, BUFFER_STATE);
}

/* ---- afterwards ----------------------------------------------------------------------------------- */

static size_t dense_bytes(const session *s, const buffer *b)
{
    size_t elements = 1;
    for (int k = 0; k < s->shape.ndim; k++)
        elements *= (size_t)s->shape.shape[k];
    return b->vector ? b->place.bytes : b->size * elements;
}

static void *dense_copy(const session *s, const buffer *b)
{
    size_t bytes = dense_bytes(s, b);
    char *dense = malloc(bytes + 1);
    if (dense == NULL)
        abort();
    if (b->vector)
        memcpy(dense, b->base, bytes);
    else
        layout_gather(&s->shape, &b->place, b->size, b->base, dense);
    return dense;
}

/* Does the buffer hold these dense elements (NULL: none) and the pattern everywhere else? */
static bool holds(const session *s, const buffer *b, const void *dense)
{
    char *expected = malloc(b->place.bytes + 1);
    if (expected == NULL)
        abort();
    guarded_fill(expected, b->place.bytes);
    if (dense != NULL && b->vector)
        memcpy(expected, dense, b->place.bytes);
    else if (dense != NULL)
        layout_scatter(&s->shape, &b->place, b->size, dense, expected);
    bool same = b->place.bytes == 0 || memcmp(expected, b->base, b->place.bytes) == 0;
    free(expected);
    return same;
}

void *session_gather(const session *s, int i, const char **damage)
{
    const buffer *b = &s->buffers[i];
    size_t count = dense_bytes(s, b) / size_of(b->dtype);
    void *dense = dense_copy(s, b);
    if (!holds(s, b, dense))
        *damage = "bytes between the elements of an output";
    for (size_t k = 0; k < count; k++)
        if (!number_is_canonical(b->dtype, dense, (ptrdiff_t)k))
            *damage = "a NaN that is not the canonical one";
    return dense;
}

static bool first_is_overwritten(const session *s)
{
    for (int i = 0; i < s->count; i++)
        if (s->buffers[i].borrowed)
            return true;
    return false;
}

static void inspect(const session *s, int i, result *r)
{
    const buffer *b = &s->buffers[i];
    bool done = r->status == SXT_OK, output = b->output >= 0;
    if (!b->borrowed && !guarded_margins_intact(b->slot))
        r->damage = "bytes outside a buffer";
    if (b->output == BUFFER_STATE || (done && i == 0 && first_is_overwritten(s)))
        return;
    if (output && done) {
        r->size[b->output] = dense_bytes(s, b);
        r->bytes[b->output] = session_gather(s, i, &r->damage);
    } else if (!holds(s, b, b->dense)) {
        r->damage = output ? "an output, though the call failed" : "an input";
    }
}

void session_inspect(const session *s, result *r)
{
    for (int i = 0; i < s->count; i++)
        inspect(s, i, r);
}
