#ifndef CLB_SCHEDULE_H
#define CLB_SCHEDULE_H

/*
 * Targets and collectors to assignments: pure functions over arrays. No clock,
 * no chance, no order of input: the same arrays give the same answer.
 */
#include <stddef.h>

#include "lib/err.h"
#include "lib/mem.h"

#define CLB_NOWHERE UINT32_MAX

/*
 * A target as scheduling sees it. On entry collector is the index of the one
 * that has it, or CLB_NOWHERE; afterwards of the one that is to have it.
 */
struct clb_placement {
	uint64_t id;
	uint64_t weight;	/* at least 1 */
	uint32_t job;		/* a number for each job, below UINT32_MAX */
	uint32_t collector;
};

struct clb_schedule {
	struct clb_placement *target;	/* in the order of job and id */
	size_t ntargets;
	/* For each collector, 1 if it is to have targets. */
	const unsigned char *ready;
	uint32_t ncollectors;
	double tolerance;	/* a fraction, at least 0 */
	size_t max_moves;
	/* Filled in: targets that had no ready collector, and those moved for balance. */
	size_t placed, moved;
};

/*
 * Strategy least-weighted. A target whose collector is ready keeps it. The
 * others are placed, the heaviest first, on the collector with the least load
 * (the sum of its targets' weights). Then, while a collector's load is not
 * within the tolerance of the mean, targets move from the most loaded to the
 * least loaded, as few as do it, at most max_moves. Both sides count: a
 * collector that has too little is filled, too.
 *
 * Every move makes the two loads more equal, so that it ends; what it ends
 * with it leaves alone when it sees it again. A target that is heavier than
 * the mean makes its collector exceed it: the mean is then the others' own.
 *
 * Ties are broken by the spread of the job, then by the collectors' order,
 * then by id.
 *
 * Returns 0, or -1 with e set: EX_TEMPFAIL if there are targets and nobody is
 * ready, EX_DATAERR if the sum of the weights passes 2^64 - 1.
 */
int clb_schedule_least_weighted(struct clb_schedule *s, struct clb_err *e);

#endif
