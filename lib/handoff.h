#ifndef CLB_HANDOFF_H
#define CLB_HANDOFF_H

/*
 * The relabel rules that a collector needs to unpack what no group of file_sd
 * can say as it is; clb-writesd(1) tells what is packed, and how. Which rules a
 * job needs is told from its configuration alone, for all the targets that it
 * may ever have: rather one rule too many.
 */
#include <jansson.h>

#include "lib/config.h"

enum {
	CLB_HANDOFF_CARRIED = 1,	/* labels that travel under other names */
	CLB_HANDOFF_JOB = 2,		/* targets without the label job, */
	CLB_HANDOFF_SCHEME = 4,		/* without __scheme__, */
	CLB_HANDOFF_PATH = 8		/* without __metrics_path__ */
};

/* What the job's targets may need when they are handed to Prometheus compat. */
unsigned clb_handoff_needs(const struct clb_job *job, int compat);

/* 1 if the job's rules are those that clb_handoff_rules makes for *needs, 0 too. */
int clb_handoff_is_done(const struct clb_job *job, unsigned *needs);

/* The rules, a new reference; none where nothing is needed. */
json_t *clb_handoff_rules(unsigned needs);

#endif
