/* shards.c - see shards.h. */
#include "shards.h"

class_cut cut_classes(random_source *source, ptrdiff_t classes)
{
    class_cut cut = {.shards = 1 + (int)random_below(source, MOST_SHARDS)};
    for (int k = 1; k < cut.shards; k++) {
        ptrdiff_t before = cut.border[k - 1];
        cut.border[k] = before + (ptrdiff_t)random_below(source, (uint64_t)(classes - before) + 1);
    }
    cut.border[cut.shards] = classes;
    return cut;
}

sxt_array *part_of(shard_part *p, void *data, sxt_dtype dtype, ptrdiff_t classes, ptrdiff_t begin, ptrdiff_t end)
{
    ptrdiff_t item = (ptrdiff_t)size_of(dtype);
    *p = (shard_part){{SHARD_ROWS, end - begin}, {classes * item, item}, {0}};
    p->array = (sxt_array){(char *)data + begin * item, dtype, 2, p->shape, p->strides};
    return &p->array;
}
