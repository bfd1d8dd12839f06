#ifndef CLB_DNS_H
#define CLB_DNS_H

/*
 * Look up the names of dns_sd sources, many at a time. c-ares's header appears
 * nowhere else.
 *
 * As in Prometheus: servers, search list and ndots come from /etc/resolv.conf
 * and from nowhere else (not from the environment, the host's name or
 * /etc/hosts); a name that ends in a dot is not searched for; the first
 * candidate that exists wins, even if it has no such record; a query has EDNS0,
 * and TCP takes over what UDP truncated. If no candidate exists, the answer is
 * empty only when every one was answered with NXDOMAIN: after any other failure
 * (SERVFAIL, REFUSED, no answer) nobody knows, and the lookup fails.
 * A query is tried twice at each server, and waits 2 s and then 4 s for it.
 */
#include "lib/config.h"

#define CLB_DNS_AT_ONCE 64	/* names being looked up */

/* One lookup: name, type and port are the caller's, the rest is set by clb_dns_lookup. */
struct clb_dns {
	const char *name;	/* as configured */
	enum clb_dns_type type;
	unsigned port;		/* of the targets; ignored for SRV */
	/*
	 * The answer as a file_sd document in JSON, so that whoever reads and
	 * caches documents need not know of DNS: one group a record, sorted,
	 * with the __meta_dns_ labels that Prometheus sets and no empty ones;
	 * [] for an empty answer.
	 *	[{"targets":["10.0.0.1:80"],"labels":{"__meta_dns_name":"a.b"}}]
	 * The caller releases it. Empty (n == 0) after a failure.
	 */
	struct clb_buf doc;
	struct clb_err err;	/* status 0 after a success, else EX_UNAVAILABLE, "TYPE NAME: what" */
};

/*
 * Run the n lookups at d, CLB_DNS_AT_ONCE at a time, and return when all are
 * done. Each succeeds or fails for itself.
 */
void clb_dns_lookup(struct clb_dns *d, size_t n);

/* "A", "AAAA", "SRV", "MX", "NS": static. */
const char *clb_dns_type_name(enum clb_dns_type type);

#endif
