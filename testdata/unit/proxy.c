/* Which requests take the proxy: Go's httpproxy, row by row. */
#include "lib/proxy.h"
#include "testdata/unit/check.h"

static const struct {
	const char *no_proxy, *scheme, *host, *port;
	int proxied;
} rows[] = {
	{ NULL, "http", "127.0.0.1", "80", 1 }, { NULL, "http", "localhost", "80", 1 },
	{ "", "http", "localhost", "80", 1 },
	/* with a no_proxy, whatever it says, loopback is never proxied */
	{ "x", "http", "localhost", "80", 0 }, { "x", "http", "LOCALHOST", "80", 0 },
	{ "x", "http", "127.8.0.1", "80", 0 }, { "x", "http", "[::1]", "80", 0 },
	{ "x", "http", "[::ffff:127.0.0.1]", "80", 0 }, { "x", "http", "128.0.0.1", "80", 1 },
	{ "*", "http", "a.org", "80", 0 }, { "b, *", "https", "a.org", "443", 0 },
	{ "a.org", "http", "a.org", "80", 0 }, { "a.org", "http", "A.Org", "80", 0 },
	{ "A.ORG", "http", "x.a.org", "80", 0 }, { "a.org", "http", "xa.org", "80", 1 },
	{ ".a.org", "http", "a.org", "80", 1 }, { ".a.org", "http", "x.a.org", "80", 0 },
	{ "*.a.org", "http", "a.org", "80", 1 }, { "*.a.org", "http", "x.y.a.org", "80", 0 },
	{ "a.org:81", "http", "a.org", "80", 1 }, { "a.org:81", "http", "x.a.org", "81", 0 },
	{ ":80", "http", "a.org", "80", 1 }, { " , a.org ,", "http", "a.org", "80", 0 },
	{ "a.org b.org", "http", "a.org", "80", 1 },
	{ "10.1.2.3", "http", "10.1.2.3", "80", 0 }, { "10.1.2.3:8080", "http", "10.1.2.3", "80", 1 },
	{ "10.1.2.3:8080", "http", "10.1.2.3", "8080", 0 }, { "10.1.2.3", "http", "110.1.2.3", "80", 1 },
	{ "::ffff:10.1.2.3", "http", "10.1.2.3", "80", 0 },
	{ "10.0.0.0/8", "http", "10.255.0.1", "80", 0 }, { "10.0.0.0/8", "http", "11.0.0.1", "80", 1 },
	{ "10.0.0.0/9", "http", "10.128.0.1", "80", 1 }, { "10.0.0.7/32", "http", "10.0.0.7", "80", 0 },
	{ "0.0.0.0/0", "http", "8.8.8.8", "80", 0 }, { "0.0.0.0/0", "http", "a.org", "80", 1 },
	{ "10.0.0.0/33", "http", "10.0.0.0", "80", 1 }, { "10.0.0.0/8x", "http", "10.0.0.0", "80", 1 },
	{ "2001:db8::/33", "http", "[2001:db8:1::1]", "80", 0 },
	{ "2001:db8::/33", "http", "[2001:db8:8000::]", "80", 1 },
	{ "::/0", "http", "10.0.0.1", "80", 1 }, { "::/0", "http", "[2001:db8::1]", "80", 0 },
	{ "2001:DB8::1", "http", "[2001:db8:0::1]", "80", 0 },
	{ "[2001:db8::1]:81", "http", "[2001:db8::1]", "81", 0 },
	{ "[2001:db8::1]:81", "http", "[2001:db8::1]", "80", 1 },
	{ "[2001:db8::1]", "http", "[2001:db8::1]", "80", 1 }	/* not an address to Go */
};

static char *
pick(struct clb_http_client *c, const char *scheme, const char *host, const char *port, int want)
{
	struct clb_err e = CLB_ERR_INIT;
	char *proxy;

	CHECK(clb_proxy_pick(c, scheme, host, port, &proxy, &e) == (want == 0 ? 0 : -1) &&
	    e.status == want, "%s: %d %s", host, e.status, e.msg);
	CHECK(strstr(e.msg, "secret") == NULL, "%s", e.msg);
	return proxy;
}

static void
test_no_proxy(void)
{
	char url[] = "http://p:3128";

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *no_proxy = rows[i].no_proxy != NULL ? clb_xstrdup(rows[i].no_proxy) : NULL;
		struct clb_http_client c = { .proxy_url = url, .no_proxy = no_proxy };
		char *proxy = pick(&c, rows[i].scheme, rows[i].host, rows[i].port, 0);

		CHECK((proxy != NULL) == rows[i].proxied, "row %zu: '%s' %s", i,
		    no_proxy != NULL ? no_proxy : "", rows[i].host);
		free(proxy);
		free(no_proxy);
	}
}

/* url as proxy_url becomes want. */
static void
check_url(const char *url, const char *want)
{
	struct clb_http_client c = { .proxy_url = clb_xstrdup(url) };
	char *proxy = pick(&c, "http", "a.org", "80", want != NULL ? 0 : EX_CONFIG);

	CHECK(want == NULL ? proxy == NULL : proxy != NULL && strcmp(proxy, want) == 0,
	    "%s: %s", url, proxy != NULL ? proxy : "none");
	free(proxy);
	free(c.proxy_url);
}

/* The proxy that the environment names, "" for none. */
static void
check_environment(const char *scheme, const char *host, const char *want)
{
	struct clb_http_client c = { .proxy_from_environment = 1 };
	char *proxy = pick(&c, scheme, host, "80", 0);

	CHECK(strcmp(proxy != NULL ? proxy : "", want) == 0, "%s %s: %s", scheme, host,
	    proxy != NULL ? proxy : "none");
	free(proxy);
}

static void
test_environment(void)
{
	static const char *const names[] = { "HTTP_PROXY", "http_proxy", "HTTPS_PROXY",
	    "https_proxy", "NO_PROXY", "no_proxy", "REQUEST_METHOD" };
	struct clb_http_client c = { .proxy_from_environment = 0 };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
	check_environment("http", "a.org", "");
	setenv("http_proxy", "low:1", 1);
	check_environment("http", "a.org", "http://low:1");
	check_environment("http", "localhost", "");
	check_environment("https", "a.org", "");
	setenv("HTTP_PROXY", "http://high:1", 1);
	setenv("HTTPS_PROXY", "https://s:1", 1);
	check_environment("http", "a.org", "http://high:1");
	check_environment("https", "a.org", "https://s:1");
	setenv("no_proxy", "a.org", 1);
	check_environment("http", "a.org", "");
	check_environment("http", "b.org", "http://high:1");
	CHECK(pick(&c, "http", "b.org", "80", 0) == NULL, "the environment was not asked");
	setenv("REQUEST_METHOD", "GET", 1);
	c.proxy_from_environment = 1;
	CHECK(pick(&c, "http", "b.org", "80", EX_CONFIG) == NULL, "a client's header as proxy");
	check_environment("https", "b.org", "https://s:1");
}

int
main(void)
{
	test_no_proxy();
	check_url("http://u:p@h:1", "http://u:p@h:1");
	check_url("HTTPS://h", "https://h");
	check_url("socks5://h", "socks5h://h");
	check_url("h:3128", "http://h:3128");
	check_url("ftp://u:secret@h", NULL);
	test_environment();
	return check_end();
}
