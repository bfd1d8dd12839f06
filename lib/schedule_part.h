#ifndef CLB_SCHEDULE_PART_H
#define CLB_SCHEDULE_PART_H

/*
 * What the parts of scheduling share; for lib/schedule*.c alone. A work is one
 * run: how much every collector has, and the rule of what it may have.
 */
#include "lib/schedule.h"

/* A zone, by the numbers of struct clb_seat. */
struct clb_zone {
	uint64_t copies;	/* that its collectors have */
	uint32_t ready;		/* collectors */
};

struct clb_work {
	struct clb_schedule *s;
	uint32_t *was;		/* s->where on entry */
	uint32_t *origin;	/* s->where when all that can stay is kept */
	size_t moved;		/* copies that balance has moved away from there */
	uint64_t *load;		/* of each collector: weight, */
	uint64_t *count;	/* and copies */
	struct clb_zone *zone;
	uint32_t nzones;	/* numbers of zones are below this */
	uint32_t nready;
	uint32_t per_zone;	/* copies of a target that one zone may have */
	int zoned;		/* zones matter */
	int limited;		/* some collector has a limit */
	unsigned char *fixed;	/* of each copy: it is not balance's to move. Or NULL */
};

static inline size_t
clb_work_target(const struct clb_work *w, size_t copy)
{
	return w->s->replication == 1 ? copy : copy / w->s->replication;
}

static inline const struct clb_placement *
clb_work_placement(const struct clb_work *w, size_t copy)
{
	return &w->s->target[clb_work_target(w, copy)];
}

static inline int
clb_work_ready(const struct clb_work *w, uint32_t c)
{
	return c < w->s->nseats && w->s->seat[c].state == CLB_READY;
}

/* 1 if the collector has no room for any target, whatever its weight. */
static inline int
clb_work_full(const struct clb_work *w, uint32_t c)
{
	const struct clb_seat *seat = &w->s->seat[c];

	return w->count[c] >= seat->max_targets || w->load[c] >= seat->max_weight;
}

/* 1 if ready collector c may have the copy: the rule that lib/schedule.h tells. */
int clb_work_fits(const struct clb_work *w, size_t copy, uint32_t c);

/* The part of the rule that is about limits. */
int clb_work_has_room(const struct clb_work *w, size_t copy, uint32_t c);

/* 1 if the zone may have the copy, whatever its collectors have. */
int clb_work_zone_fits(const struct clb_work *w, size_t copy, uint32_t zone);

/* 1 if zone_skew lets the zone have one more copy; always, if it is CLB_NOWHERE. */
int clb_work_zone_open(const struct clb_work *w, uint32_t zone);

/* Give the copy, which is nowhere, to c; take it from where it is. */
void clb_work_put(struct clb_work *w, size_t copy, uint32_t c);
void clb_work_take(struct clb_work *w, size_t copy);

/*
 * By the rule of a hashing strategy, or by node: each copy that has no
 * collector goes to the first that may have it, of those that its strategy
 * prefers in turn. Where one was refused for want of room, and no other is
 * found, why says so.
 */
void clb_work_prefer(struct clb_work *w, enum clb_strategy strategy);

/* All copies without collector, the heaviest first, to the least loaded. */
void clb_work_place(struct clb_work *w);

/*
 * Move copies, but for those that are fixed, until loads are within the
 * tolerance; no more than s->max_moves away from their origin.
 */
void clb_work_balance(struct clb_work *w);

#endif
