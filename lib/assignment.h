#ifndef CLB_ASSIGNMENT_H
#define CLB_ASSIGNMENT_H

/*
 * All targets of a run in memory, the collectors they go to, and who had them
 * before: what scheduling decides on, read from streams and written to one.
 * The formats are clb-targets(5) and clb-assignment(5).
 */
#include "lib/intern.h"
#include "lib/schedule.h"
#include "lib/stream.h"

/* The collectors, in the order of their names. */
struct clb_collectors {
	struct clb_intern names;	/* a collector's number is its place in the order */
	unsigned char *ready;		/* for each: 1 if it is to have targets */
};

void clb_collectors_release(struct clb_collectors *c);

/* Collectors <prefix>0 to <prefix>n-1, all ready. c is zero-initialised. */
void clb_collectors_number(struct clb_collectors *c, uint32_t n, const char *prefix);

/*
 * Collectors from JSON Lines: {"collector":NAME,"state":STATE}, where STATE is
 * ready (the default), pending or draining. Unknown fields are ignored.
 * c is zero-initialised. Returns 0, or -1 with e set (EX_DATAERR with line and
 * column, EX_NOINPUT).
 */
int clb_collectors_read(struct clb_collectors *c, struct clb_stream *s, struct clb_err *e);

/* A target's line as it will be written, but for the collector, which goes in at "at". */
struct clb_line {
	const char *text;
	uint32_t n, at;
};

/* Who had a target before: collector is a number, or CLB_NOWHERE if it is gone. */
struct clb_owner {
	uint64_t id;
	uint32_t job, collector;
};

struct clb_assignment {
	struct clb_intern jobs;
	struct clb_line *line;
	/* In the order of the input; after clb_assignment_match by job and id. */
	struct clb_placement *target;
	size_t n, cap;
	uint32_t *order;	/* after clb_assignment_match: each target's line */
	struct clb_owner *owner;	/* until clb_assignment_match */
	size_t nowners, owner_cap;
	size_t previous, missing;	/* targets that were assigned; those not in the input */
	struct clb_arena arena;
};

void clb_assignment_release(struct clb_assignment *a);

/*
 * Read the targets. Each must have an id; a collector that they have is
 * forgotten, and a weight added where there is none. a is zero-initialised.
 * Returns 0, or -1 with e set (EX_DATAERR with line and column, EX_NOINPUT).
 */
int clb_assignment_read(struct clb_assignment *a, struct clb_stream *s, struct clb_err *e);

/* Read a previous assignment. Returns as above; collector and id must be there. */
int clb_assignment_read_previous(struct clb_assignment *a, const struct clb_collectors *c,
    struct clb_stream *s, struct clb_err *e);

/*
 * Sort the targets by job and id, keep one of each, and give every one the
 * collector that had it, if that is still there, else CLB_NOWHERE.
 */
void clb_assignment_match(struct clb_assignment *a);

/*
 * Write the assignment, sorted by collector, job and id. Returns 0, or -1 with
 * e set (EX_IOERR).
 */
int clb_assignment_write(const struct clb_assignment *a, const struct clb_collectors *c,
    struct clb_out *out, struct clb_err *e);

#endif
