#ifndef CLB_REPORT_H
#define CLB_REPORT_H

/*
 * What a scheduling run has decided, told in JSON: the whole in numbers, what
 * would move and why, and what could not be assigned. The formats are in
 * clb-schedule(1).
 */
#include "lib/assignment.h"

/* A run that is over, and what it was about. */
struct clb_report {
	const struct clb_schedule *s;
	const struct clb_assignment *a;
	const struct clb_collectors *c;
	const uint32_t *was;	/* what s->where was on entry; for the plan alone */
};

/* Append the report: one JSON object, keys sorted, with a newline. */
void clb_report_json(const struct clb_report *r, struct clb_buf *out);

/*
 * Write the plan: a line for each copy that moves, is new or has no collector,
 * by job and id, and a line that says how even loads were and are to be.
 * Returns 0, or -1 with e set (EX_IOERR).
 */
int clb_report_plan(const struct clb_report *r, struct clb_out *out, struct clb_err *e);

/*
 * Append the records of the copies without collector, each with its reason.
 * Returns 0, or -1 with e set.
 */
int clb_report_unassigned(const struct clb_report *r, struct clb_buf *out, struct clb_err *e);

#endif
