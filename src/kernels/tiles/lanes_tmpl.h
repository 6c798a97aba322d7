/* lanes_tmpl.h - tiles of rows side by side: what is known of the rows, and what happens between packing and
 * unpacking (tiles_tmpl.h). Included once per compute type, after results_tmpl.h. */

#define WIDE_TILE 128
#define NARROW_TILE 16

/* One value a lane, in the order of the row's way through the sweeps. */
typedef struct {
    ptrdiff_t rows, lanes; /* in use, and allocated: a multiple of every W */
    ptrdiff_t number[WIDE_TILE];
    int64_t skip[WIDE_TILE];
    V(int) skip_here[WIDE_TILE]; /* relative to the block in the tile; out of it: -1 */
    T rest[WIDE_TILE], at_skip[WIDE_TILE], max[WIDE_TILE];
    int nan[WIDE_TILE], special[WIDE_TILE], single[WIDE_TILE];
    ptrdiff_t kept[WIDE_TILE];
    T shift[WIDE_TILE], magic[WIDE_TILE], low[WIDE_TILE], m1[WIDE_TILE], m2[WIDE_TILE];
    T n_ref[WIDE_TILE], unit[WIDE_TILE];
    uint64_t a_hi[WIDE_TILE], a_lo[WIDE_TILE], b_lo[WIDE_TILE];
    int64_t b_hi[WIDE_TILE];
    T hi[WIDE_TILE], lo[WIDE_TILE], patch[WIDE_TILE];
    T down[WIDE_TILE];
    double loss[WIDE_TILE];
    int any_special;
    /* dense sums: bounds, grids, sums; then the general form's constants */
    T bound_d[WIDE_TILE], bound_q[WIDE_TILE], target_skip[WIDE_TILE];
    T d1[WIDE_TILE], d2[WIDE_TILE];
    double unit_d[WIDE_TILE], unit_q[WIDE_TILE], dot[WIDE_TILE], mass[WIDE_TILE];
    sxt_grid_sum dots[WIDE_TILE], masses[WIDE_TILE];
#define LANES(name) double name[WIDE_TILE];
    struct {
        GENERAL_INPUTS(LANES)
    } in;
    struct {
        GENERAL_RESULTS(LANES)
    } out;
    struct {
        BLEND_INPUTS(LANES)
    } blend_in;
    struct {
        BLEND_RESULTS(LANES)
    } blend_out;
#undef LANES
    T least[WIDE_TILE];
    T tail_skip[WIDE_TILE];
    T at_label[WIDE_TILE], label_tail[WIDE_TILE], origin[WIDE_TILE], limit[WIDE_TILE];
    int64_t label[WIDE_TILE];
} V(lanes);

/* The tile and its companions, tile[class][lane] each: logits, then terms, then gradients; targets;
 * Hessian; and of capped logits the tails, first and second derivatives (caps_tmpl.h).
 * NULL where not needed. */
typedef struct {
    T *x, *target, *hess, *tail, *slope, *bend;
    ptrdiff_t block; /* classes that fit */
} V(tiles_t);

/* The tiles from class c on. */
SXT_INLINE V(tiles_t) V(tiles_from)(const V(tiles_t) *t, const V(lanes) *s, ptrdiff_t c)
{
    V(tiles_t) here = *t;
    T **parts[] = {&here.x, &here.target, &here.hess, &here.tail, &here.slope, &here.bend};
    for (size_t k = 0; k < sizeof parts / sizeof *parts; k++)
        if (*parts[k])
            *parts[k] += c * s->lanes;
    return here;
}

/* Only capped and scaled logits have tails, and they are computed in double. */
#define HAS_TAILS(t) (!SXT_T_IS_F32 && (t)->tail)

#include "kernels/tiles/tile_sums_tmpl.h"
#include "kernels/tiles/tile_dense_tmpl.h"
#include "kernels/tiles/tile_results_tmpl.h"
#include "kernels/tiles/tile_blend_tmpl.h"
