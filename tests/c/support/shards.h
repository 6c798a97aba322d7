/* shards.h - rows whose classes are cut at random, for the tests of what sees some of them at a time. */
#ifndef SXT_TEST_SHARDS_H
#define SXT_TEST_SHARDS_H

#include "random.h"

enum { SHARD_ROWS = 37, SHARD_CLASSES = 900 /* at most */, MOST_SHARDS = 5 };

/* Shard k has the classes from border[k] to border[k + 1]; it may have none. */
typedef struct {
    int shards;
    ptrdiff_t border[MOST_SHARDS + 1];
} class_cut;

class_cut cut_classes(random_source *source, ptrdiff_t classes);

/* Some classes of SHARD_ROWS rows; shape and strides stay with it. */
typedef struct {
    ptrdiff_t shape[2], strides[2];
    sxt_array array;
} shard_part;

/* Of an array of rows of so many classes, one after another. */
sxt_array *part_of(shard_part *p, void *data, sxt_dtype dtype, ptrdiff_t classes, ptrdiff_t begin, ptrdiff_t end);

#endif
