#ifndef CLB_POOL_H
#define CLB_POOL_H

/*
 * Scrape pools: every job's targets on their way from discovered labels to the
 * ones that are scraped. Rules, checks, identity and target_limit together, as
 * Prometheus 2.42 and 3.x put them together.
 */
#include "lib/config.h"
#include "lib/stream.h"

struct clb_pool_options {
	int scrape_url;		/* write each target's scrapeUrl as well */
	struct clb_out *dropped;	/* where to tell of what is dropped, or NULL */
	/* Called for each warning: one line. NULL: none. */
	void (*warn)(const char *text);
	/* Called now and then with the number of targets so far. NULL: no. */
	void (*progress)(uint64_t targets);
};

/*
 * Read the target stream in, and write to out what is to be scraped, with id,
 * in the order of the input; of targets with one id in one job the first. The
 * caller closes both.
 *
 * A target that Prometheus would refuse is left out with a warning, and so is
 * every target of a job that has more than its target_limit.
 *
 * Only if some job has a target_limit the input is kept in a temporary file,
 * for only its end tells how many targets there are.
 *
 * Returns 0, or -1 with e set: EX_DATAERR (malformed record, or a job that c
 * does not have, with line and column), EX_CONFIG, EX_NOINPUT, EX_IOERR,
 * EX_CANTCREAT.
 */
int clb_pool_run(const struct clb_config *c, const struct clb_pool_options *o,
    struct clb_stream *in, struct clb_out *out, struct clb_err *e);

#endif
