#ifndef CLB_SCHEDULE_H
#define CLB_SCHEDULE_H

/*
 * Targets and collectors to assignments: a pure function over arrays. No clock,
 * no chance, no order of input: the same arrays give the same answer.
 *
 * A target has as many copies as replication says, each on a collector of its
 * own. What a collector may have is checked in the same way for every strategy:
 *
 *   - it is ready;
 *   - it has no other copy of the target;
 *   - its zone has no more copies of the target than it must: with as many
 *     zones as copies, one. A collector without a zone shares it with none;
 *   - it has no more targets than max_targets, no more weight than max_weight.
 *
 * A copy for which no such collector is left stays unassigned.
 */
#include <stddef.h>

#include "lib/err.h"
#include "lib/mem.h"

#define CLB_NOWHERE UINT32_MAX

enum clb_strategy {
	CLB_LEAST_WEIGHTED, CLB_CONSISTENT_HASHING, CLB_PER_NODE, CLB_HASHMOD, CLB_VMAGENT,
	CLB_NO_STRATEGY		/* of fallback: there is none */
};

/* A target as scheduling sees it. */
struct clb_placement {
	uint64_t id;
	uint64_t weight;	/* at least 1 */
	uint64_t key;		/* what a hashing strategy goes by: see lib/schedule_hash.c */
	uint32_t job;		/* a number for each job, below UINT32_MAX */
	uint32_t node;		/* a number for each node, CLB_NOWHERE where unknown */
};

enum clb_state { CLB_READY, CLB_PENDING, CLB_DRAINING };

/* Points that each collector has on the ring of consistent hashing. */
#define CLB_RING_POINTS 5

/* A collector as scheduling sees it. */
struct clb_seat {
	uint64_t max_weight, max_targets;	/* UINT64_MAX: no limit */
	uint64_t point[CLB_RING_POINTS];	/* for consistent hashing alone */
	uint32_t node, zone;	/* a number for each, CLB_NOWHERE where unknown */
	uint32_t shard;		/* its place in the order by which shards are counted */
	enum clb_state state;
};

/* What has happened to a copy. */
enum clb_why {
	CLB_STAYS,
	CLB_PLACED,		/* it had no collector */
	CLB_DEPARTED,		/* its collector is gone or not ready */
	CLB_LIMITED,		/* its collector must not have it: limits, zones, copies */
	CLB_MOVED,		/* balance, or the strategy's rule, wants it elsewhere */
	/* It is unassigned: */
	CLB_NO_COLLECTOR,	/* every ready collector has a copy already */
	CLB_NO_NODE,		/* no collector is on its node, and there is no fallback */
	CLB_NO_CAPACITY,	/* the limits are reached */
	CLB_NWHY
};

struct clb_schedule {
	enum clb_strategy strategy, fallback;
	const struct clb_placement *target;	/* in the order of job and id */
	size_t ntargets;
	const struct clb_seat *seat;		/* in the order of their names */
	uint32_t nseats;
	uint32_t replication;	/* at least 1 */
	/*
	 * Of each target as many numbers as replication says: on entry of the
	 * collectors that had it, where nseats and above is one that is gone;
	 * afterwards of those that are to have it. CLB_NOWHERE is none.
	 */
	uint32_t *where;
	/*
	 * Of each of these the turn that moved it last, 0 if none has; afterwards this turn
	 * of those that have moved now. Or NULL. With replication 1, what has not moved
	 * for long is moved first.
	 */
	uint32_t *moved;
	uint32_t turn;		/* this one; with moved, greater than what is in there */
	unsigned char *why;	/* filled in: of each of these, an enum clb_why */
	double tolerance;	/* a fraction, at least 0 */
	size_t max_moves;
	size_t zone_skew;	/* SIZE_MAX: any */
	size_t count[CLB_NWHY];	/* filled in: copies by what happened to them */
};

/*
 * Decide. What the strategies do is in clb-schedule(1).
 *
 * Returns 0, or -1 with e set: EX_TEMPFAIL if there are targets and nobody is
 * ready, EX_DATAERR if the sum of the weights passes 2^64 - 1.
 */
int clb_schedule_run(struct clb_schedule *s, struct clb_err *e);

/* Copies that have a collector, and those that have none, after a run. */
size_t clb_schedule_assigned(const struct clb_schedule *s);
size_t clb_schedule_unassigned(const struct clb_schedule *s);

/*
 * How even loads are: the greatest over the mean, of ready collectors. 1 where
 * there is no load.
 */
struct clb_balance {
	double imbalance;
	double floor;	/* no assignment of the same copies can have less */
};

/*
 * The balance of an assignment: where is as in clb_schedule, and need not be
 * the schedule's own; copies on collectors that are not ready do not count.
 */
struct clb_balance clb_schedule_balance(const struct clb_schedule *s, const uint32_t *where);

/* The strategy's name to the strategy, or CLB_NO_STRATEGY. */
enum clb_strategy clb_strategy_parse(const char *name);
const char *clb_strategy_name(enum clb_strategy strategy);

/* 1 if the strategy goes by clb_placement.key. */
int clb_strategy_hashes(enum clb_strategy strategy);

#endif
