#ifndef CLB_SCALE_H
#define CLB_SCALE_H

/*
 * Load to a number of collectors: a pure function. No clock, no files.
 */
#include "lib/mem.h"

struct clb_scale {
	uint64_t targets;
	uint64_t targets_per_replica;	/* at least 1 */
	uint64_t min, max;		/* min at most max; UINT64_MAX is no maximum */
	uint64_t current;		/* UINT64_MAX where unknown */
};

struct clb_scale_answer {
	uint64_t desired;
	const char *rule;	/* what decided: "targets", "min" or "max"; static */
};

/* As many collectors as have no more than targets_per_replica each, within min and max. */
struct clb_scale_answer clb_scale(const struct clb_scale *s);

/* Append question and answer as a JSON object, keys sorted, with a newline. */
void clb_scale_json(struct clb_buf *out, const struct clb_scale *s,
    const struct clb_scale_answer *a);

#endif
