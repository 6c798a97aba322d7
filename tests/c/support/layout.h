/* layout.h - the same rows and classes spread over dimensions and memory in many ways.
 *
 * "Dense" means: element c of row r at index r * classes + c of a contiguous array. */
#ifndef SXT_TEST_LAYOUT_H
#define SXT_TEST_LAYOUT_H

#include "random.h"

#include <stdbool.h>

enum { MAX_DIMS = 5 };

/* The dimensions of an array; the bits of `axes` are the reduced ones. */
typedef struct {
    int ndim;
    ptrdiff_t shape[MAX_DIMS];
    uint64_t axes;
} geometry;

/* Where its elements lie: element 0 is `first` bytes into `bytes` bytes. */
typedef struct {
    ptrdiff_t strides[MAX_DIMS];
    size_t first, bytes;
} placement;

/* (rows, classes) in two dimensions, classes last. */
geometry geometry_matrix(ptrdiff_t rows, ptrdiff_t classes);

/* One dimension or several for the rows and, unless `one_axis`, for the classes, interleaved. */
geometry geometry_random(random_source *source, ptrdiff_t rows, ptrdiff_t classes, bool one_axis);

/* C order without gaps. */
placement placement_contiguous(const geometry *g, size_t size);

/* Any order of the dimensions, with gaps of any number of bytes, and reversed dimensions. */
placement placement_random(random_source *source, const geometry *g, size_t size);

/* A matrix whose classes lie side by side and whose rows lie anywhere, any number of bytes apart. */
placement placement_rows(random_source *source, const geometry *g, size_t size);

/* Copy dense elements to their places from `base` on, or back. */
void layout_scatter(const geometry *g, const placement *p, size_t size, const void *dense, char *base);
void layout_gather(const geometry *g, const placement *p, size_t size, const char *base, void *dense);

#endif
