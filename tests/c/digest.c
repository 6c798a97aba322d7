/* digest.c - fingerprints of the results of a fixed set of problems, one line per function and type.
 *
 *     digest          print them
 *     digest FILE     compare them with lines printed elsewhere; exit status 1 when they differ
 *
 * All machines must print the same: run it natively, under emulators of older processors, and in the
 * build for another architecture. */
#include "assertions.h"
#include "compare.h"

#include <string.h>

enum { PROBLEMS = 120, LINE = 128 };

/* Of up to 60 classes, and some of up to 1000; or on both sides of the numbers of classes at which the kernels take
 * another way. */
typedef enum { DIGEST_ANY, DIGEST_BORDERS, DIGESTS } series;

/* FNV-1a, 64 bits. */
static uint64_t hash(uint64_t state, const void *bytes, size_t size)
{
    const unsigned char *byte = bytes;
    for (size_t i = 0; i < size; i++)
        state = (state ^ byte[i]) * 0x100000001b3u;
    return state;
}

static uint64_t digest_of(series which, call_kind kind, sxt_dtype dtype)
{
    random_source source = {(uint64_t)kind * 4 + (uint64_t)dtype};
    uint64_t state = 0xcbf29ce484222325u;
    for (int i = 0; i < (which == DIGEST_BORDERS ? 3 * NUM_BORDERS : PROBLEMS); i++) {
        ptrdiff_t rows = 1 + (ptrdiff_t)random_below(&source, which == DIGEST_BORDERS ? 20 : 40);
        ptrdiff_t classes = 1 + (ptrdiff_t)random_below(&source, i % 8 ? 60 : 1000);
        if (which == DIGEST_BORDERS)
            classes = way_borders[i / 3] - 1 + i % 3;
        value_kind values = (value_kind)random_below(&source, NUM_VALUE_KINDS);
        problem p = problem_new(&source, kind, dtype, rows, classes, values);
        arrangement how = {.seed = i % 2 ? random_bits(&source) | 1 : 0};
        result r = call_run(&p, &how);
        CHECK(r.damage == NULL, "%s", r.damage);
        state = hash(state, &r.loss, sizeof r.loss);
        for (int k = 0; k < MAX_OUTPUTS; k++)
            state = hash(state, r.bytes[k], r.size[k]);
        result_free(&r);
        problem_free(&p);
    }
    return state;
}

static void compare_line(FILE *expected, const char *line)
{
    char other[LINE] = "";
    char *read = fgets(other, sizeof other, expected);
    CHECK(read != NULL && strcmp(line, other) == 0, "%.*s here, %.*s there", (int)strcspn(line, "\n"),
          line, (int)strcspn(other, "\n"), other);
}

int main(int argc, char **argv)
{
    FILE *expected = argc > 1 ? fopen(argv[1], "r") : NULL;
    if (argc > 1 && expected == NULL) {
        perror(argv[1]);
        return 2;
    }
    for (series which = 0; which < DIGESTS; which++) {
        for (call_kind kind = 0; kind < NUM_CALLS; kind++) {
            for (sxt_dtype dtype = SXT_F16; dtype < SXT_DTYPES; dtype++) {
                char line[LINE];
                snprintf(line, sizeof line, "%s %s%s %016llx\n", call_names[kind], dtype_names[dtype],
                         which == DIGEST_BORDERS ? " borders" : "",
                         (unsigned long long)digest_of(which, kind, dtype));
                if (expected != NULL)
                    compare_line(expected, line);
                else
                    fputs(line, stdout);
            }
        }
    }
    if (expected == NULL)
        return atomic_load(&checks_failed) != 0;
    fclose(expected);
    return check_report("digest");
}
