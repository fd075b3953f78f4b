/* Which ways of the instrumented code inputs have taken: counts of pairs of places, in powers of two, as AFL has them. */

#include <stdint.h>
#include <string.h>

#define PAIRS 65536

static uint8_t taken[PAIRS];   /* in this run */
static uint8_t known[PAIRS];   /* in all runs so far, a bit for each power of two */
static uintptr_t before;

__attribute__((no_sanitize("address", "undefined")))
void __sanitizer_cov_trace_pc(void) {
    uintptr_t here = (uintptr_t)__builtin_return_address(0);
    uint8_t *count = &taken[(here ^ before) & (PAIRS - 1)];
    if (*count != 255) (*count)++;
    before = here >> 1;
}

void redpoll_coverage_begin(void) {
    memset(taken, 0, sizeof taken);
    before = 0;
}

/* How many ways this run took that none before it had. */
int redpoll_coverage_new(void) {
    int found = 0;
    for (int i = 0; i < PAIRS; i++) {
        if (!taken[i]) continue;
        uint8_t bit = (uint8_t)(1u << (31 - __builtin_clz(taken[i])));
        if (!(known[i] & bit)) {
            known[i] |= bit;
            found++;
        }
    }
    return found;
}

int redpoll_coverage_total(void) {
    int total = 0;
    for (int i = 0; i < PAIRS; i++) total += known[i] != 0;
    return total;
}
