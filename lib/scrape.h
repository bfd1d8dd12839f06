#ifndef CLB_SCRAPE_H
#define CLB_SCRAPE_H

/*
 * From a relabelled label set to the target that Prometheus would scrape: the
 * checks that come after relabelling, and the scrape URL (Prometheus 2.42,
 * 3.5 and, for the histogram labels, 3.13).
 */
#include "lib/config.h"

/*
 * Check ls and complete it: a default port where the version adds one,
 * __meta_* removed, instance filled in. New strings come from a.
 *
 * Returns 0, or -1 with e set (EX_DATAERR) to what is wrong with the target,
 * in the words that Prometheus logs.
 */
int clb_scrape_finish(const struct clb_job *job, int compat, struct clb_labels *ls,
    struct clb_arena *a, struct clb_err *e);

/*
 * Append the URL that a target with the final labels ls is scraped at, as
 * Prometheus shows it in scrapeUrl.
 */
void clb_scrape_url(struct clb_buf *out, const struct clb_job *job,
    const struct clb_labels *ls);

#endif
