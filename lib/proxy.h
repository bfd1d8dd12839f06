#ifndef CLB_PROXY_H
#define CLB_PROXY_H

/*
 * Which proxy a request takes, by the rules of Go's httpproxy as Prometheus
 * uses it; libcurl's own differ.
 *
 * proxy_url alone is for every host. With no_proxy beside it, or with
 * proxy_from_environment, localhost and loopback addresses never take a proxy.
 * From the environment come HTTP_PROXY, HTTPS_PROXY and NO_PROXY, in capitals
 * first; where REQUEST_METHOD says that a web server runs us, HTTP_PROXY could
 * be a header of its client's, and is an error.
 *
 * no_proxy is a list with commas: "*", an address, a network (10.0.0.0/8), a
 * domain with all below it (x.org), only what is below it (.x.org, *.x.org);
 * all but networks may have a :port behind.
 */
#include "lib/config.h"

/*
 * The proxy for a request to host (brackets of IPv6 allowed) and port with the
 * scheme "http" or "https". *proxy is a new string, NULL for none: a URL with
 * the scheme http, https or socks5h, which is how Go reads socks5.
 * Returns 0, or -1 with e set (EX_CONFIG); the text tells no password.
 */
int clb_proxy_pick(const struct clb_http_client *c, const char *scheme, const char *host,
    const char *port, char **proxy, struct clb_err *e);

#endif
