/* row_batch_tmpl.h - contiguous rows phase by phase, several at a time: the logarithm and the divisions that a
 * row hinges on take as long as a short row's sum, and overlap with those of other rows. Included once per
 * storage type, after rows_tmpl.h. */

#define BATCH_ROWS 16
/* So much of the logits stays in the first-level cache between the phases, beside the outputs and the logits that
 * are asked for ahead. */
#define BATCH_BYTES 8192

/* Where the terms of a row go: an output, or nowhere. */
static void *N(terms_of)(const sxt_job *job, const sxt_row *row)
{
    return job->op == SXT_OP_LOG_SOFTMAX ? NULL : row->y ? row->y : row->h;
}

static void N(write_ignored)(const sxt_job *job, const sxt_row *row)
{
    V(put_row_value)(job, row->index, 0.0);
    if (row->y)
        N(write_fill)(row->y, job->classes, 0.0);
    if (row->h)
        N(write_fill)(row->h, job->classes, 0.0);
}

/* The row of the plane, started; whether it counts. */
static int N(open_row)(const sxt_job *job, const sxt_plane *p, ptrdiff_t r, ptrdiff_t ahead, sxt_row *row)
{
    const char *x = p->x.p + r * p->x.row;
    ptrdiff_t index = p->first_row + r * p->row_step;
    int counts = !V(ignored)(job, index);
    if (counts)
        N(start)(job, row, x, index);
    row->index = index;
    row->y = p->y.p ? p->y.p + r * p->y.row : NULL;
    row->h = p->h.p ? p->h.p + r * p->h.row : NULL;
    row->t = p->t.p ? p->t.p + r * p->t.row : NULL;
    row->position = p->position + r;
    row->prefetch = r + ahead < p->rows + p->ahead ? x + ahead * p->x.row : NULL;
    return counts;
}

static void N(batch)(const sxt_job *job, sxt_row *rows, ptrdiff_t count, sxt_total *total)
{
    ptrdiff_t n = job->classes;
    for (ptrdiff_t k = 0; k < count; k++)
        N(scan)(job, &rows[k], 0, n);
    for (ptrdiff_t k = 0; k < count; k++)
        N(prepare)(job, &rows[k]);
    for (ptrdiff_t k = 0; job->general && (job->base || job->slope) && k < count; k++)
        N(row_dense)(job, &rows[k]);
    for (ptrdiff_t k = 0; k < count; k++)
        N(sum)(job, &rows[k], 0, n);
    for (ptrdiff_t k = 0; k < count; k++)
        V(row_finish)(job, &rows[k], total);
    for (ptrdiff_t k = 0; k < count; k++)
        N(write)(job, &rows[k], 0, n);
}

static void N(rows)(const sxt_job *job, const sxt_plane *p, sxt_total *total)
{
    sxt_row rows[BATCH_ROWS];
    ptrdiff_t bytes = job->classes * (ptrdiff_t)sizeof(ST), most = BATCH_ROWS;
    if (bytes > BATCH_BYTES / BATCH_ROWS)
        most = bytes < BATCH_BYTES ? BATCH_BYTES / bytes : 1;
    for (ptrdiff_t r = 0; r < p->rows;) {
        ptrdiff_t count = 0;
        for (; r < p->rows && count < most; r++) {
            sxt_row *row = &rows[count];
            if (!N(open_row)(job, p, r, most, row)) {
                N(write_ignored)(job, row);
                continue;
            }
            row->terms = N(terms_of)(job, row);
            count++;
        }
        N(batch)(job, rows, count, total);
    }
}
