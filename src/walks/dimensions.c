/* dimensions.c - insertion sort, since there are few; joining in place. */
#include "walks/dimensions.h"

#include <stdbool.h>

ptrdiff_t sxt_dimension_step(const sxt_dimensions *d, int i)
{
    for (int k = 0; k < d->operands; k++)
        if (d->strides[k][i] != 0)
            return d->strides[k][i];
    return 0;
}

void sxt_dimensions_append(sxt_dimensions *d, ptrdiff_t length, const ptrdiff_t strides[])
{
    d->shape[d->ndim] = length;
    for (int k = 0; k < d->operands; k++)
        d->strides[k][d->ndim] = strides[k];
    d->ndim++;
}

static void swap(sxt_dimensions *d, int i, int j)
{
    ptrdiff_t t = d->shape[i];
    d->shape[i] = d->shape[j];
    d->shape[j] = t;
    for (int k = 0; k < d->operands; k++) {
        t = d->strides[k][i];
        d->strides[k][i] = d->strides[k][j];
        d->strides[k][j] = t;
    }
}

static ptrdiff_t size_of_step(const sxt_dimensions *d, int i)
{
    ptrdiff_t step = sxt_dimension_step(d, i);
    return step < 0 ? -step : step;
}

void sxt_dimensions_sort(sxt_dimensions *d)
{
    for (int i = 1; i < d->ndim; i++)
        for (int j = i; j > 0 && size_of_step(d, j - 1) < size_of_step(d, j); j--)
            swap(d, j - 1, j);
}

static bool joins(const sxt_dimensions *d, int outer)
{
    for (int k = 0; k < d->operands; k++)
        if (d->strides[k][outer] != d->strides[k][outer + 1] * d->shape[outer + 1])
            return false;
    return true;
}

void sxt_dimensions_join(sxt_dimensions *d)
{
    int last = 0;
    for (int i = 1; i < d->ndim; i++) {
        swap(d, last + 1, i);
        if (!joins(d, last)) {
            last++;
            continue;
        }
        d->shape[last] *= d->shape[last + 1];
        for (int k = 0; k < d->operands; k++)
            d->strides[k][last] = d->strides[k][last + 1];
    }
    d->ndim = d->ndim ? last + 1 : 0;
}

void sxt_dimensions_seek(const sxt_dimensions *d, int ndim, ptrdiff_t k, ptrdiff_t *index, ptrdiff_t *offset)
{
    for (int o = 0; o < d->operands; o++)
        offset[o] = 0;
    for (int i = ndim - 1; i >= 0; i--) {
        ptrdiff_t here = k > 0 ? k % d->shape[i] : 0; /* divisions are slow */
        k = k > 0 ? k / d->shape[i] : 0;
        if (index)
            index[i] = here;
        for (int o = 0; here > 0 && o < d->operands; o++)
            offset[o] += here * d->strides[o][i];
    }
}
