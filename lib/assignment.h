#ifndef CLB_ASSIGNMENT_H
#define CLB_ASSIGNMENT_H

/*
 * All targets of a run in memory, and who had them before: what scheduling
 * decides on, read from streams and written to one. The formats are
 * clb-targets(5) and clb-assignment(5).
 */
#include "lib/collector.h"
#include "lib/sort.h"
#include "lib/weights.h"

/*
 * A target's line as it will be written, but for the collector, which goes in
 * at "at", and moved and weight, which go in behind the field before their places.
 */
struct clb_line {
	const char *text;
	uint32_t n, at, moved_at, weight_at;
};

/* Who had a target before, a collector's number, and since which turn. */
struct clb_owner {
	uint64_t id;
	uint32_t job, collector, moved;
};

struct clb_assignment {
	enum clb_strategy hash;	/* the caller's: whose keys targets are to have */
	struct clb_weights *weights;	/* the caller's, or NULL: nothing is measured */
	struct clb_intern jobs;	/* after clb_assignment_match a number is the rank of the name */
	struct clb_line *line;
	/* In the order of the input; after clb_assignment_match by job and id. */
	struct clb_placement *target;
	size_t n, cap;
	uint32_t *order;	/* after clb_assignment_match: each target's line */
	uint32_t replication;
	uint32_t *where;	/* these three as in struct clb_schedule */
	uint32_t *moved;
	uint32_t turn;
	struct clb_owner *owner;	/* until clb_assignment_match */
	size_t nowners, owner_cap;
	size_t previous, missing;	/* targets that were assigned; those not in the input */
	struct clb_keyed *measured;	/* a job and a weight of it, for each that is measured */
	size_t nmeasured, measured_cap;
	size_t bad_weights;	/* targets with a label __clb_weight__ that is no weight */
	struct clb_buf scratch;
	struct clb_arena arena;
};

void clb_assignment_release(struct clb_assignment *a);

/*
 * Read the targets. Each must have an id; what they say of a collector and of
 * moves is forgotten, and so is the label __clb_weight__. A target weighs what that
 * says, or else what was measured, or its field weight; what weighs none of
 * these has 0 until clb_assignment_match. a is zero-initialised but for hash
 * and weights. Returns 0, or -1 with e set (EX_DATAERR with line and column,
 * EX_NOINPUT).
 */
int clb_assignment_read(struct clb_assignment *a, const struct clb_collectors *c,
    struct clb_stream *s, struct clb_err *e);

/*
 * Read a previous assignment. Returns as above; collector and id must be
 * there. Collectors that are gone are added to the names of c.
 */
int clb_assignment_read_previous(struct clb_assignment *a, struct clb_collectors *c,
    struct clb_stream *s, struct clb_err *e);

/*
 * Sort the targets by job and id, keep one of each, and give every one the
 * collectors that had it, as many as replication says: those that are ready
 * first. Those without a weight get the median of what was measured in their
 * job, or 1.
 */
void clb_assignment_match(struct clb_assignment *a, const struct clb_collectors *c,
    uint32_t replication);

/*
 * The places in where that have a collector, sorted by collector, job and id:
 * a new array, and how many there are.
 */
uint32_t *clb_assignment_sorted(const struct clb_assignment *a,
    const struct clb_collectors *c, size_t *n);

/*
 * Write the assignment, sorted by collector, job and id. Returns 0, or -1 with
 * e set (EX_IOERR).
 */
int clb_assignment_write(const struct clb_assignment *a, const struct clb_collectors *c,
    struct clb_out *out, struct clb_err *e);

#endif
