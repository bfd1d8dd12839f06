#ifndef CLB_SCALE_H
#define CLB_SCALE_H

/*
 * Load to a number of collectors: a pure function. No clock, no files: the time
 * comes in, and so does the history, which goes out changed. What decides is
 * what a HorizontalPodAutoscaler (autoscaling/v2) decides by, in its order:
 * tolerance, stabilisation windows, limits on a change, minimum and maximum.
 * clb-scale(1) has the rules and where they differ.
 */
#include <stddef.h>

#include "lib/mem.h"

#define CLB_SCALE_NONE UINT64_MAX	/* no number, no limit */
#define CLB_SCALE_MOST_COLLECTORS 1000000	/* that a rule asks for */

enum clb_scale_way { CLB_SCALE_UP, CLB_SCALE_DOWN, CLB_SCALE_WAYS };

/* Of several limits on a change: the one that allows most, or least; or no change at all. */
enum clb_scale_select { CLB_SCALE_MOST, CLB_SCALE_LEAST, CLB_SCALE_NEVER };

/* What holds for changes in one direction. */
struct clb_scale_limits {
	uint64_t window;	/* seconds for which a smaller change asked for counts */
	uint64_t step;		/* collectors in a period, or CLB_SCALE_NONE */
	uint64_t percent;	/* of those at its start, or CLB_SCALE_NONE */
	uint64_t period;	/* seconds, at least 1 */
	enum clb_scale_select select;
};

struct clb_scale {
	uint64_t targets, weight;	/* weight is the sum */
	uint64_t replication;		/* every target stands on so many; at least 1 */
	/* What one collector is to have, at least 1, or CLB_SCALE_NONE: no such rule. */
	uint64_t targets_per_replica, weight_per_replica;
	/* What one can have at most, at least 1, or CLB_SCALE_NONE. */
	uint64_t max_targets, max_weight;
	/* With max_weight: of each target, the heaviest first. */
	const uint64_t *weights;
	uint64_t min, max;	/* min at most max; CLB_SCALE_NONE is no maximum */
	uint64_t current;	/* CLB_SCALE_NONE where unknown */
	double tolerance;	/* a fraction: so far from what it is to have a collector may be */
	struct clb_scale_limits limits[CLB_SCALE_WAYS];
	/* Seconds since any moment, the same one in all runs; of no use without a history. */
	uint64_t now;
};

/* For all but what it is about: no rules, one collector at least, no limits, an HPA's windows. */
#define CLB_SCALE_INIT { \
	.replication = 1, .targets_per_replica = CLB_SCALE_NONE, \
	.weight_per_replica = CLB_SCALE_NONE, .max_targets = CLB_SCALE_NONE, \
	.max_weight = CLB_SCALE_NONE, .min = 1, .max = CLB_SCALE_NONE, \
	.current = CLB_SCALE_NONE, .tolerance = 0.1, .limits = { \
	{ 0, CLB_SCALE_NONE, CLB_SCALE_NONE, 60, CLB_SCALE_MOST }, \
	{ 300, CLB_SCALE_NONE, CLB_SCALE_NONE, 60, CLB_SCALE_MOST } }, \
	.now = CLB_SCALE_NONE }

/*
 * What is remembered. Moments closer to each other than a hundredth part of the
 * time for which they matter are one, the later: then there are never more than
 * CLB_SCALE_KEPT, and a change is held back a little longer, never shorter.
 */
#define CLB_SCALE_KEPT 130

struct clb_scale_asked {
	uint64_t time, least, most;	/* what was asked for at about that time */
};

struct clb_scale_change {
	uint64_t time, n;	/* so many collectors more, or fewer */
};

struct clb_scale_history {
	struct clb_scale_asked asked[CLB_SCALE_KEPT];
	size_t nasked;
	struct clb_scale_change change[CLB_SCALE_WAYS][CLB_SCALE_KEPT];
	size_t nchanges[CLB_SCALE_WAYS];
	/* The last run's answer; CLB_SCALE_NONE before the first and where unknown. */
	uint64_t desired, current;
};

#define CLB_SCALE_HISTORY_INIT { .desired = CLB_SCALE_NONE, .current = CLB_SCALE_NONE }

struct clb_scale_answer {
	uint64_t current;	/* the question's, or the history's */
	/* What each rule asks for, CLB_SCALE_NONE where there is no such rule. */
	uint64_t targets, weight, fit;
	uint64_t wanted;	/* the most that a rule asks for */
	uint64_t desired;
	/*
	 * What decided: "targets", "weight", "fit" or "tolerance" if it is what
	 * a rule asks for, else what held it back: "up-window", "down-window",
	 * "up-limit", "down-limit", "min", "max". Static.
	 */
	const char *rule;
	/*
	 * When the next change from desired is allowed to be made, if it is
	 * asked for from now on; CLB_SCALE_NONE: never, or not known.
	 */
	uint64_t next[CLB_SCALE_WAYS];
};

/*
 * How many collectors there should be. With h NULL there is no history: no
 * window and no earlier change counts. Else it is the last run's, or fresh, and
 * becomes this run's; where the question does not know current, it is what
 * the last run desired.
 */
struct clb_scale_answer clb_scale(const struct clb_scale *s, struct clb_scale_history *h);

/* Append question and answer as a JSON object, keys sorted, with a newline. */
void clb_scale_json(struct clb_buf *out, const struct clb_scale *s,
    const struct clb_scale_answer *a);

#endif
