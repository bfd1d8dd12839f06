#ifndef CLB_DURATION_H
#define CLB_DURATION_H

/*
 * Prometheus's durations: "1h30m", "15s", "0". Units y w d h m s ms in that
 * order, each at most once; a year has 365 days. Same in 2.42 and 3.x.
 */
#include "lib/err.h"
#include "lib/mem.h"

#define CLB_DURATION_MAX 64	/* bytes that clb_duration_format needs at most */

/*
 * Milliseconds in *ms. Returns 0, or -1 with a static text in *why: empty,
 * not a duration, or beyond 2^63-1 nanoseconds.
 */
int clb_duration_parse(struct clb_str s, int64_t *ms, const char **why);

/* The text Prometheus makes of ms >= 0: 5400000 is "1h30m". Returns buf. */
char *clb_duration_format(int64_t ms, char buf[CLB_DURATION_MAX]);

#endif
