#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

#include "lib/proxy.h"

/* An address; IPv4 as the IPv6 that maps it, so that there is one way to compare. */
struct ip {
	unsigned char b[16];
	int v6;
};

static int
parse_ip(const char *s, struct ip *ip)
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (inet_pton(AF_INET6, s, ip->b) != 1) {
		memcpy(ip->b, mapped, sizeof(mapped));
		if (inet_pton(AF_INET, s, ip->b + sizeof(mapped)) != 1)
			return 0;
	}
	ip->v6 = memcmp(ip->b, mapped, sizeof(mapped)) != 0;
	return 1;
}

static int
is_loopback(const struct ip *ip)
{
	static const unsigned char one[16] = { [15] = 1 };

	return ip->v6 ? memcmp(ip->b, one, sizeof(one)) == 0 : ip->b[12] == 127;
}

/* The first bits of a and b are the same. */
static int
same_net(const struct ip *a, const struct ip *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	return memcmp(a->b, b->b, whole) == 0 &&
	    (rest == 0 || ((a->b[whole] ^ b->b[whole]) >> (8 - rest)) == 0);
}

/* 1 if entry is a network; *hit tells whether ip, if there is one, is in it. */
static int
network(const char *entry, const struct ip *ip, int *hit)
{
	const char *slash = strchr(entry, '/');
	char *addr, *end;
	struct ip net;
	unsigned long bits;
	int good;

	if (slash == NULL || !isdigit((unsigned char)slash[1]))
		return 0;
	addr = clb_xstrndup(entry, (size_t)(slash - entry));
	good = parse_ip(addr, &net);
	free(addr);
	bits = strtoul(slash + 1, &end, 10);
	if (!good || *end != '\0' || bits > (net.v6 ? 128 : 32))
		return 0;
	*hit = ip != NULL && ip->v6 == net.v6 &&
	    same_net(ip, &net, (unsigned)bits + (net.v6 ? 0 : 96));
	return 1;
}

/*
 * Take ":port" off the entry's end and brackets off what is before it. The
 * port, or NULL for an entry that is not a pair.
 */
static const char *
split_port(char **entry)
{
	char *colon = strrchr(*entry, ':');
	size_t n;

	if (colon == NULL)
		return NULL;
	n = (size_t)(colon - *entry);
	if (**entry == '[' && colon[-1] == ']') {
		colon[-1] = '\0';
		++*entry;
	} else if (memchr(*entry, ':', n) != NULL)
		return NULL;
	*colon = '\0';
	return colon + 1;
}

/* A domain, after its leading dot, is the end of host. */
static int
is_below(const char *domain, const char *host)
{
	size_t n = strlen(domain), h = strlen(host);

	return h >= n && memcmp(host + h - n, domain, n) == 0;
}

/* Whether an entry of no_proxy means host; the entry is taken apart. */
static int
means(char *entry, const char *host, const char *port, const struct ip *ip)
{
	struct ip other;
	const char *its_port;
	int hit;

	if (strcmp(entry, "*") == 0)
		return 1;
	if (network(entry, ip, &hit))
		return hit;
	its_port = split_port(&entry);
	if (*entry == '\0' || (its_port != NULL && *its_port != '\0' && strcmp(its_port, port) != 0))
		return 0;
	if (parse_ip(entry, &other))
		return ip != NULL && memcmp(other.b, ip->b, sizeof(other.b)) == 0;
	if (strncmp(entry, "*.", 2) == 0)
		entry++;
	if (*entry == '.')
		return is_below(entry, host);
	if (strcmp(entry, host) == 0)
		return 1;
	return strlen(host) > strlen(entry) && is_below(entry, host) &&
	    host[strlen(host) - strlen(entry) - 1] == '.';
}

static void
lower(char *s)
{
	for (; *s != '\0'; s++)
		*s = (char)tolower((unsigned char)*s);
}

static char *
trim(char *s)
{
	size_t n;

	s += strspn(s, " \t\r\n");
	for (n = strlen(s); n > 0 && strchr(" \t\r\n", s[n - 1]) != NULL; n--)
		;
	s[n] = '\0';
	return s;
}

static int
is_exempt(const char *no_proxy, const char *host, const char *port)
{
	struct ip ip;
	int has_ip = parse_ip(host, &ip), exempt;
	char *list, *rest, *entry;

	if (strcmp(host, "localhost") == 0 || (has_ip && is_loopback(&ip)))
		return 1;
	list = rest = clb_xstrdup(no_proxy);
	lower(list);
	for (exempt = 0; !exempt && (entry = strsep(&rest, ",")) != NULL;) {
		entry = trim(entry);
		exempt = *entry != '\0' && means(entry, host, port, has_ip ? &ip : NULL);
	}
	free(list);
	return exempt;
}

/* The proxy as libcurl is to be told; a text without a scheme is HOST:PORT. */
static int
translate(const char *what, const char *url, char **proxy, struct clb_err *e)
{
	static const char *const scheme[][2] = {
		{ "http://", "http://" }, { "https://", "https://" },
		{ "socks5://", "socks5h://" }, { "socks5h://", "socks5h://" }
	};

	if (strstr(url, "://") == NULL) {
		*proxy = clb_xasprintf("http://%s", url);
		return 0;
	}
	for (size_t i = 0; i < sizeof(scheme) / sizeof(scheme[0]); i++) {
		size_t n = strlen(scheme[i][0]);

		if (strncasecmp(url, scheme[i][0], n) == 0) {
			*proxy = clb_xasprintf("%s%s", scheme[i][1], url + n);
			return 0;
		}
	}
	return clb_err_set(e, EX_CONFIG, "%s: unknown scheme '%.*s'; there are http, https and socks5",
	    what, (int)strcspn(url, ":"), url);
}

static const char *
environment(const char *upper, const char *lower_case)
{
	const char *s = getenv(upper);

	if (s == NULL || *s == '\0')
		s = getenv(lower_case);
	return s != NULL ? s : "";
}

/* The same without the brackets of IPv6, in lower case: a new string. */
static char *
bare(const char *host)
{
	size_t n = strlen(host);
	char *s = n > 1 && host[0] == '[' && host[n - 1] == ']' ?
	    clb_xstrndup(host + 1, n - 2) : clb_xstrdup(host);

	lower(s);
	return s;
}

int
clb_proxy_pick(const struct clb_http_client *c, const char *scheme, const char *host,
    const char *port, char **proxy, struct clb_err *e)
{
	const char *what = "proxy_url", *url = c->proxy_url, *no_proxy = c->no_proxy;
	int https = strcmp(scheme, "https") == 0, exempt;
	char *name;

	*proxy = NULL;
	if (c->proxy_from_environment) {
		what = https ? "HTTPS_PROXY" : "HTTP_PROXY";
		url = https ? environment("HTTPS_PROXY", "https_proxy") :
		    environment("HTTP_PROXY", "http_proxy");
		no_proxy = environment("NO_PROXY", "no_proxy");
	} else if (no_proxy != NULL && *no_proxy == '\0')
		no_proxy = NULL;
	if (url == NULL || *url == '\0')
		return 0;
	if (c->proxy_from_environment && !https && getenv("REQUEST_METHOD") != NULL)
		return clb_err_set(e, EX_CONFIG, "HTTP_PROXY is not to be trusted below a web server");
	if (no_proxy != NULL) {
		name = bare(host);
		exempt = is_exempt(no_proxy, name, port);
		free(name);
		if (exempt)
			return 0;
	}
	return translate(what, url, proxy, e);
}
