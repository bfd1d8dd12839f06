#ifndef UNIT_SCHEDULE_H
#define UNIT_SCHEDULE_H

/* Made-up targets and collectors for the tests of scheduling. */
#include <math.h>
#include <string.h>

#include "lib/schedule.h"
#include "testdata/unit/check.h"

#define MAX_TARGETS 600
#define MAX_COLLECTORS 24
#define MAX_COPIES (3 * MAX_TARGETS)

static uint64_t seed = 88172645463325252u;

static inline uint64_t
below(uint64_t n)
{
	return check_random(&seed) % n;
}

static inline double
fraction(void)
{
	return (double)(check_random(&seed) >> 11) * 0x1p-53;
}

/* sigma 1.5, about what samples a scrape look like. */
static inline uint64_t
lognormal(void)
{
	double u = fraction() + 0x1p-54, v = fraction();

	return 1 + (uint64_t)(100 * exp(1.5 * sqrt(-2 * log(u)) * cos(6.283185307179586 * v)));
}

struct set {
	struct clb_placement target[MAX_TARGETS];
	size_t n;
	struct clb_seat seat[MAX_COLLECTORS];
	uint32_t nseats, replication;
	uint32_t where[MAX_COPIES];
	uint32_t moved[MAX_COPIES], turn;
	unsigned char why[MAX_COPIES];
};

enum weights { UNIT, FEW, LOGNORMAL, HUGE_ONE };

static inline void
set_collectors(struct set *c, uint32_t n)
{
	c->nseats = n;
	for (uint32_t i = 0; i < MAX_COLLECTORS; i++) {
		c->seat[i] = (struct clb_seat){ .max_weight = UINT64_MAX,
		    .max_targets = UINT64_MAX, .node = CLB_NOWHERE, .zone = CLB_NOWHERE,
		    .shard = i, .state = CLB_READY };
		for (int k = 0; k < CLB_RING_POINTS; k++)
			c->seat[i].point[k] = (i * CLB_RING_POINTS + (uint64_t)k + 1) *
			    0x9e3779b97f4a7c15u;
	}
}

/* New targets on new collectors; nothing is assigned. */
static inline void
fill(struct set *c, enum weights kind)
{
	uint64_t id = 0;

	c->n = below(MAX_TARGETS);
	c->replication = 1;
	set_collectors(c, 1 + (uint32_t)below(MAX_COLLECTORS - 1));
	memset(c->where, 0xff, sizeof(c->where));
	memset(c->moved, 0, sizeof(c->moved));
	c->turn = 0;
	for (size_t i = 0, job = 0; i < c->n; i++) {
		job += below(20) == 0;
		c->target[i] = (struct clb_placement){ .id = id += 1 + below(1u << 30),
		    .weight = 1, .key = check_random(&seed), .job = (uint32_t)job,
		    .node = CLB_NOWHERE };
		if (kind == FEW)
			c->target[i].weight = 1 + below(10);
		else if (kind != UNIT)
			c->target[i].weight = lognormal();
	}
	if (kind == HUGE_ONE && c->n > 0)
		c->target[below(c->n)].weight = 1000000;
}

static inline struct clb_schedule
schedule_of(struct set *c)
{
	return (struct clb_schedule){ .strategy = CLB_LEAST_WEIGHTED,
	    .fallback = CLB_NO_STRATEGY, .target = c->target, .ntargets = c->n,
	    .seat = c->seat, .nseats = c->nseats, .replication = c->replication,
	    .where = c->where, .moved = c->moved, .turn = ++c->turn,
	    .why = c->why, .max_moves = SIZE_MAX, .zone_skew = SIZE_MAX };
}

static inline size_t
differences(const struct set *a, const struct set *b)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n * a->replication; i++)
		n += a->where[i] != b->where[i];
	return n;
}

#endif
