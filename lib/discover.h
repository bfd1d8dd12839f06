#ifndef CLB_DISCOVER_H
#define CLB_DISCOVER_H

/*
 * From scrape configs to the target stream with discovered labels, as
 * Prometheus has them before relabelling (2.42, 3.5, 3.13).
 *
 * Targets come in the order of the configuration: jobs as they stand, in each
 * the static groups, then file_sd, http_sd, dns_sd and kubernetes_sd blocks as
 * they stand, files in the order of their paths, Kubernetes objects in that of
 * their namespaces and names, targets as in their document or object.
 */
#include "lib/config.h"
#include "lib/stream.h"

struct clb_discover_options {
	const char *cache;	/* directory of last good answers, or NULL */
	const char *mirror;	/* directory of what Kubernetes has, or NULL */
	int partial;		/* go on without a source that fails and has no last good answer */
	int64_t now_ms;		/* since 1970: the clock for refresh_interval */
	/* Called for each warning: one line. NULL: none. */
	void (*warn)(const char *text);
	/* Called now and then with the number of targets so far. NULL: no. */
	void (*progress)(uint64_t targets);
};

/*
 * Discover all targets of c and write them to out; the caller closes it.
 *
 * A source that fails is taken from the cache, with a warning. Without an
 * answer there the whole discovery fails, unless o->partial: nothing may be
 * built on a part of the targets by accident. A mirror that does not hold all
 * that is needed is found out before anything is written.
 *
 * Returns 0, or -1 with e set: EX_DATAERR (malformed document, with place),
 * EX_NOINPUT (unreadable file), EX_UNAVAILABLE (http_sd, dns_sd), EX_TEMPFAIL
 * (a mirror without its first list), EX_USAGE (no mirror, and a need of one),
 * EX_IOERR and EX_CANTCREAT (output or cache). What was written before a failure is a part
 * of the targets and of no use.
 */
int clb_discover(const struct clb_config *c, const struct clb_discover_options *o,
    struct clb_out *out, struct clb_err *e);

#endif
