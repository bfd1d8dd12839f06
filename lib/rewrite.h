#ifndef CLB_REWRITE_H
#define CLB_REWRITE_H

/*
 * The configuration for the collectors: that of the one Prometheus, with its
 * discovery and relabelling taken out of the scrape configs and the source of
 * the finished targets put in. All else keeps its bytes.
 */
#include "lib/config.h"

enum clb_rewrite_for { CLB_FOR_PROMETHEUS, CLB_FOR_OTELCOL, CLB_FOR_VMAGENT };
enum clb_rewrite_via { CLB_VIA_FILE, CLB_VIA_HTTP, CLB_VIA_ALLOCATOR };

struct clb_rewrite_options {
	enum clb_rewrite_for collector;
	enum clb_rewrite_via via;
	const char *sd;		/* a directory, or a URL: the collector's, as it is to stand there */
	const char *base;	/* relative paths in scrape configs start there; NULL: leave them */
	const char *interval;	/* how often to ask; NULL: via's own */
	json_t *client;		/* CLB_VIA_HTTP: fields to speak HTTP with; NULL: none */
	int skip_unsupported_sd;	/* as the configuration was loaded */
	void (*warn)(const char *text);	/* NULL: none */
};

/*
 * Read the fields of an HTTP client from the YAML file at path, as they stand in
 * an entry of http_sd_configs. Returns a new reference, or NULL with e set
 * (EX_NOINPUT, EX_CONFIG).
 */
json_t *clb_rewrite_client(const char *path, int compat, struct clb_err *e);

/*
 * Append the rewritten configuration c to out. What comes out is read once more
 * and compared with c before anything is appended.
 *
 * Returns 0, or -1 with e set: EX_CONFIG (at file:line:column: not a
 * configuration of such a collector, or written in a way that cannot be kept),
 * EX_SOFTWARE (what comes out would mean something else).
 */
int clb_rewrite(const struct clb_config *c, const struct clb_rewrite_options *o,
    struct clb_buf *out, struct clb_err *e);

#endif
