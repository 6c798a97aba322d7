/* few_lanes_tmpl.h - the register tiles of few_tmpl.h between packing and unpacking. Included once per compute
 * type, after lanes_tmpl.h. */

#define FEW_LANES 64
/* So many classes of 16 rows stay in the first-level cache. */
#define FEW_MOST (SXT_T_IS_F32 ? 352 : 256)
/* Sums of so many terms fit the lanes of an accumulator, which for float are unsigned: none exceeds 2^(GRID + 1/2). */
#define ALONG_MOST (SXT_T_IS_F32 ? 704 : 512)
/* Of rows side by side in memory, whose wider tiles are those of tiles_tmpl.h. */
#define FEW_ACROSS 256

/* Memory that will be needed soon, by rows and vectors of classes; step 0: nothing. */
typedef struct {
    uintptr_t p;
    ptrdiff_t row, cls;
} V(ahead);

/* One value a lane. skip: the class left out of the sum, whose element `at` is replaced by -infinity in the
 * tile: the label, or the first maximum. */
typedef struct {
    ptrdiff_t rows, lanes, n; /* in use, between classes in the tile, in use rounded up to 16 */
    T *tile, *stage;
    V(ahead) x_ahead, y_ahead;
    T rest[FEW_LANES], at[FEW_LANES], max[FEW_LANES];
    T magic[FEW_LANES], low[FEW_LANES], m1[FEW_LANES], m2[FEW_LANES], n_ref[FEW_LANES], unit[FEW_LANES];
    V(int) coarse[FEW_LANES], fine[FEW_LANES];
    int64_t label[FEW_LANES];
    ptrdiff_t skip[FEW_LANES];
    T hi[FEW_LANES], lo[FEW_LANES], down[FEW_LANES], patch[FEW_LANES], limit[FEW_LANES];
    double counts[FEW_LANES]; /* 0: ignored; or 1 */
    double loss[FEW_LANES], scale_loss[FEW_LANES], scale_grad[FEW_LANES];
    /* blend_tmpl.h: minima, grids and sums; what goes into the results and what comes out */
    T least[FEW_LANES], bound[FEW_LANES], d1[FEW_LANES], d2[FEW_LANES], up[FEW_LANES];
    double d_unit[FEW_LANES], z[FEW_LANES];
    V(int) d_coarse[FEW_LANES], d_fine[FEW_LANES];
#define LANES(name) double name[FEW_LANES];
    struct {
        BLEND_INPUTS(LANES)
    } in;
    struct {
        BLEND_RESULTS(LANES)
    } out;
#undef LANES
} V(few);

#include "kernels/few/few_maxima_tmpl.h"
#include "kernels/few/few_sums_tmpl.h"
#include "kernels/few/few_results_tmpl.h"
