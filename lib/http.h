#ifndef CLB_HTTP_H
#define CLB_HTTP_H

/*
 * Fetch http_sd sources, many at a time. libcurl's header appears nowhere else.
 *
 * A request is what Prometheus sends: GET, Accept: application/json,
 * X-Prometheus-Refresh-Interval-Seconds, and User-Agent: Prometheus/VERSION
 * with the version being reproduced (3.5.0 for compat 3), since a server may
 * answer by it. Compression is not asked for, and refused if it comes. Nine
 * redirects are followed, without a Referer. The refresh interval is the time
 * limit for all of an exchange, redirects included; to connect, 30 s are.
 *
 * Nothing but the configuration has a say: no ~/.netrc, no cookies, and the
 * proxy variables of the environment only with proxy_from_environment. Only
 * http and https are spoken, after a redirect as well. no_proxy, and that
 * loopback is never proxied when no_proxy or the environment is in use, are
 * Go's rules, not libcurl's.
 *
 * Credentials (basic_auth, authorization, user:password in the URL, and the
 * http_headers) go to the host of the configured URL only: to no other host
 * that it redirects to, to no other port of it, and never from https to http;
 * the step from http to https on the same host keeps them, where both are at
 * their usual ports. Prometheus sends them everywhere; this is stricter on
 * purpose. Secrets come from their files anew in every call, white space around
 * them cut off.
 */
#include "lib/config.h"

#define CLB_HTTP_AT_ONCE 16			/* exchanges in flight */
#define CLB_HTTP_BODY_MAX ((int64_t)1 << 30)	/* bytes of one answer */

/* One exchange: sd is the caller's, the rest is set by clb_http_fetch. */
struct clb_http {
	const struct clb_sd *sd;	/* kind CLB_SD_HTTP */
	/*
	 * The body, complete, to be read from offset 0: an unlinked temporary
	 * file below tmpdir, open for reading and writing, close-on-exec. The
	 * caller closes it. -1 after a failure.
	 */
	int fd;
	/*
	 * status 0 after a success. Text: "URL: what"; user and password are
	 * left out of the URL. Statuses:
	 * EX_UNAVAILABLE  not reached, TLS or the time limit failed, an answer
	 *                 other than 200, not application/json, cut short, too long
	 * EX_NOINPUT      a credential or TLS file cannot be read
	 * EX_CONFIG       a setting that cannot be used: a bad proxy_url, a
	 *                 server_name that is no host, a certificate that is
	 *                 none, a control character in a header
	 * EX_CANTCREAT, EX_IOERR  the temporary file
	 */
	struct clb_err err;
};

/*
 * What tells an http_sd source from others: the URL, and where anything else is
 * configured that the answer may depend on, a hash of that (of the names of
 * files, not of what is in them). A new string.
 */
char *clb_http_key(const struct clb_sd *sd);

/*
 * Run the n exchanges at h, CLB_HTTP_AT_ONCE at a time, and return when all
 * are done. Each succeeds or fails for itself. compat is CLB_VERSION(…);
 * tmpdir NULL is $TMPDIR, else /tmp. Not for use by several threads.
 */
void clb_http_fetch(struct clb_http *h, size_t n, int compat, const char *tmpdir);

#endif
