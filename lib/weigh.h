#ifndef CLB_WEIGH_H
#define CLB_WEIGH_H

/*
 * Measured series to targets: a pure function but for what it reads. Targets
 * are added first, then series, then the weights are written.
 *
 * A series is of a target if they have the same labels. Of a target those
 * count that series get, which do not begin with two underscores; of a series
 * those of which any target has one of that name: others come from elsewhere,
 * such as external labels. Which labels count can be told, see below.
 *
 * If targets cannot be told apart by their labels, a series is of all of them;
 * and of several series of a target the one with the greatest value counts.
 * So the order of neither matters.
 *
 * Memory: about 80 bytes a target, and the names of labels and jobs. The hash
 * of the labels stands for them, as an id does.
 */
#include "lib/hash.h"
#include "lib/intern.h"
#include "lib/target.h"
#include "lib/weights.h"

#define CLB_WEIGH_MOST 1e15	/* a value above this is taken as this */

/* Zero-initialised is empty; set which, names and half_life before the first target. */
struct clb_weigh {
	enum { CLB_WEIGH_ALL, CLB_WEIGH_ON, CLB_WEIGH_IGNORING } which;
	struct clb_intern names;	/* the labels that count, or that do not */
	double half_life;	/* seconds in which what was measured counts half; 0: at once */

	struct clb_weigh_target *target;
	size_t n, cap;
	struct clb_intern jobs;
	struct clb_intern known;	/* names of labels that targets have */
	struct clb_idset ids;
	struct clb_table keys;	/* from the hash of labels to their number plus 1 */
	double *value;	/* of each labels' series; 0 where there is none */
	size_t value_cap;
	struct clb_labels labels;	/* storage */
	struct clb_buf scratch;
	size_t nseries, nmatched;	/* with a value; of those, which are of a target */
};

void clb_weigh_release(struct clb_weigh *w);

/* Add a target, which must have an id; one with an id that is there is the same. */
void clb_weigh_add(struct clb_weigh *w, const struct clb_target *t);

/* All targets of s. Returns 0, or -1 with e set (EX_DATAERR, EX_NOINPUT). */
int clb_weigh_read_targets(struct clb_weigh *w, struct clb_stream *s, struct clb_err *e);

/*
 * The series of s: answers of Prometheus's query API, one behind the other,
 * each with an instant vector. A value that is no number above 0 is none: a
 * scrape that failed brings 0. *time is the latest that a series has, 0 if
 * there are none.
 *
 * Returns 0, or -1 with e set: EX_DATAERR if s is anything else, or no series
 * is of a target though there are both, EX_TEMPFAIL for the answer of a query
 * that failed for no fault of its own, EX_NOINPUT.
 */
int clb_weigh_read_series(struct clb_weigh *w, struct clb_stream *s, double *time,
    struct clb_err *e);

/*
 * Write the weights, sorted by id: of the targets that were measured, at that
 * time, and of those that previous has. What is measured is smoothed over what
 * previous has by the time that is between; where that is none or less, the
 * previous stays. Returns 0, or -1 with e set (EX_IOERR).
 */
int clb_weigh_write(struct clb_weigh *w, struct clb_weights *previous, double time,
    struct clb_out *out, struct clb_err *e);

#endif
