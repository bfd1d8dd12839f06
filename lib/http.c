#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <nettle/base64.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include "lib/duration.h"
#include "lib/http.h"
#include "lib/proxy.h"

#define HOPS_MAX 10		/* requests along redirects, as Go's client */
#define CONNECT_MS 30000	/* to reach a server, as Go's dialer */
#define SECRET_MAX (1 << 20)	/* bytes of a file with a secret */

/* What an answer's status and header fields say of it. */
enum verdict { UNREAD, GOOD, REDIRECT, BAD };

/* One exchange under way: a request, and more where it is redirected. */
struct exchange {
	struct clb_http *h;
	const struct clb_http_client *client;
	const char *tmpdir;
	char *name;		/* the configured URL without user and password */
	CURL *curl;
	CURLU *url;		/* of the request under way */
	CURLU *dialed;		/* the same, with server_name for its host */
	char *origin;		/* "scheme host port" of the configured URL */
	char *authorization;	/* for the origin alone; NULL: none */
	char *agent;
	struct curl_slist *fields, *connect_to;
	int64_t deadline_ms;
	unsigned hops;
	enum verdict verdict;
	int64_t got;
	char reason[CURL_ERROR_SIZE];
};

static int64_t
clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The exchange failed. Returns -1. */
static int __attribute__((format(printf, 3, 4)))
fail(struct exchange *x, int status, const char *fmt, ...)
{
	struct clb_buf b = { NULL, 0, 0 };
	char *now = NULL, *what;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&what, fmt, ap) == -1)
		what = NULL;
	va_end(ap);
	clb_buf_adds(&b, x->name);
	if (x->hops > 1 && curl_url_get(x->url, CURLUPART_URL, &now, 0) == CURLUE_OK)
		clb_buf_printf(&b, ": redirected to %s", now);
	clb_err_set(&x->h->err, status, "%.*s: %s", (int)b.n, b.p, what != NULL ? what : fmt);
	clb_buf_release(&b);
	curl_free(now);
	free(what);
	x->verdict = BAD;
	return -1;
}

char *
clb_http_key(const struct clb_sd *sd)
{
	const struct clb_http_client *c = &sd->client;
	const char *const settings[] = { c->username, c->username_file, c->password,
	    c->password_file, c->auth_type, c->credentials, c->credentials_file, c->ca, c->ca_file,
	    c->cert, c->cert_file, c->key, c->key_file, c->server_name, c->proxy_url, c->no_proxy };
	struct clb_buf b = { NULL, 0, 0 };
	int any = c->nheader != 0;
	char *key;

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		any |= settings[i] != NULL;
		clb_buf_adds(&b, settings[i] != NULL ? settings[i] : "");
		clb_buf_addc(&b, '\0');
	}
	for (size_t i = 0; i < c->nheader; i++) {
		clb_buf_add(&b, c->header[i].name.s, c->header[i].name.n);
		clb_buf_addc(&b, '\0');
		clb_buf_add(&b, c->header[i].value.s, c->header[i].value.n);
		clb_buf_addc(&b, '\0');
	}
	key = any ? clb_xasprintf("%s %016" PRIx64, sd->url, (uint64_t)XXH64(b.p, b.n, 0)) :
	    clb_xstrdup(sd->url);
	clb_buf_release(&b);
	return key;
}

/* ---- URLs ---- */

/* The part of the text behind "://", or the text itself. */
static size_t
authority_at(const char *url)
{
	const char *p = strstr(url, "://");

	return p != NULL && strcspn(url, "/?#") >= (size_t)(p - url) ? (size_t)(p - url) + 3 : 0;
}

/* Take "user:password@" out of a URL; it comes back as a new string, or NULL. */
static char *
cut_userinfo(char *url)
{
	size_t at = authority_at(url);
	char *host = url + at, *end = host + strcspn(host, "/?#"), *info;
	const char *mark = at != 0 ? memrchr(host, '@', (size_t)(end - host)) : NULL;

	if (mark == NULL)
		return NULL;
	info = clb_xstrndup(host, (size_t)(mark - host));
	memmove(host, mark + 1, strlen(mark + 1) + 1);
	return info;
}

/* A URL or a relative reference with what may not stand in one encoded: a new string. */
static char *
encode_url(const char *url)
{
	struct clb_buf b = { NULL, 0, 0 };
	size_t start = authority_at(url), path = start + strcspn(url + start, start != 0 ? "/?#" : "");
	int query = 0;

	clb_buf_add(&b, url, start != 0 ? path : 0);
	for (const char *p = url + (start != 0 ? path : 0); *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p;

		query |= c == '?' || c == '#';
		if (query ? c != ' ' : isalnum(c) || strchr("-._~!$&'()*+,;=:@[]/%", c) != NULL)
			clb_buf_addc(&b, *p);
		else
			clb_buf_printf(&b, "%%%02X", c);
	}
	clb_buf_addc(&b, '\0');
	return b.p;
}

/* Part of a URL, "" where it has none: a new string. */
static char *
part(CURLU *url, CURLUPart which)
{
	char *s = NULL, *copy;

	copy = clb_xstrdup(curl_url_get(url, which, &s, CURLU_DEFAULT_PORT) == CURLUE_OK ? s : "");
	curl_free(s);
	return copy;
}

static char *
origin_of(CURLU *url)
{
	char *scheme = part(url, CURLUPART_SCHEME), *host = part(url, CURLUPART_HOST),
	    *port = part(url, CURLUPART_PORT), *origin;

	origin = clb_xasprintf("%s %s %s", scheme, host, port);
	free(scheme);
	free(host);
	free(port);
	return origin;
}

/* The request goes where the credentials belong. */
static int
at_origin(const struct exchange *x)
{
	char *here = origin_of(x->url), *host;
	int same = strcasecmp(here, x->origin) == 0;

	/* The same host under https, both at the usual ports, is no worse a place. */
	if (!same && strncmp(here, "https ", 6) == 0 && strncmp(x->origin, "http ", 5) == 0) {
		host = clb_xasprintf("https %.*s 443",
		    (int)(strrchr(x->origin, ' ') - x->origin - 5), x->origin + 5);
		same = strcmp(strrchr(x->origin, ' '), " 80") == 0 && strcasecmp(here, host) == 0;
		free(host);
	}
	free(here);
	return same;
}

/* ---- secrets ---- */

/* Free of what would end a header field or hide in it. */
static int
is_field_text(const char *s)
{
	for (; *s != '\0'; s++)
		if (((unsigned char)*s < 0x20 && *s != '\t') || *s == 0x7f)
			return 0;
	return 1;
}

/* Take white space off both ends. */
static char *
trim(char *s)
{
	size_t n, lead = strspn(s, " \t\r\n\v\f");

	memmove(s, s + lead, strlen(s + lead) + 1);
	for (n = strlen(s); n > 0 && isspace((unsigned char)s[n - 1]); n--)
		;
	s[n] = '\0';
	return s;
}

/* All of a file: a new string, NULL after a failure. */
static char *
read_file(struct exchange *x, const char *path)
{
	struct clb_buf b = { NULL, 0, 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = -1;

	if (fd != -1) {
		do {
			clb_buf_reserve(&b, 4096);
			if ((got = read(fd, b.p + b.n, b.cap - b.n - 1)) > 0)
				b.n += (size_t)got;
		} while ((got > 0 && b.n <= SECRET_MAX) || (got == -1 && errno == EINTR));
	}
	if (got == -1)
		fail(x, EX_NOINPUT, "%s: %s", path, strerror(errno));
	else if (got > 0)
		fail(x, EX_NOINPUT, "%s: too long", path);
	if (fd != -1)
		close(fd);
	if (got != 0) {
		clb_buf_release(&b);
		return NULL;
	}
	b.p[b.n] = '\0';
	return b.p;
}

/* A setting that is text, or the text of a file: a new string, "" for neither. */
static char *
secret(struct exchange *x, const char *text, const char *path)
{
	char *s = path != NULL ? read_file(x, path) : clb_xstrdup(text != NULL ? text : "");

	return s != NULL ? trim(s) : NULL;
}

static char *
basic(const char *user, const char *password)
{
	char *pair = clb_xasprintf("%s:%s", user, password), *field;
	size_t n = strlen(pair), len = BASE64_ENCODE_RAW_LENGTH(n);
	char *code = clb_xmalloc(len + 1);

	base64_encode_raw(code, n, (const uint8_t *)pair);
	code[len] = '\0';
	field = clb_xasprintf("Basic %s", code);
	free(pair);
	free(code);
	return field;
}

/* "user:password", percent-encoded, as it stood in a URL. */
static char *
basic_of_userinfo(const char *info)
{
	size_t n = strcspn(info, ":");
	char *user = curl_easy_unescape(NULL, info, (int)n, NULL);
	char *password = curl_easy_unescape(NULL, info + n + (info[n] == ':'), 0, NULL);
	char *field = basic(user != NULL ? user : "", password != NULL ? password : "");

	curl_free(user);
	curl_free(password);
	return field;
}

/* What the client's settings make of the field Authorization. */
static int
set_authorization(struct exchange *x)
{
	const struct clb_http_client *c = x->client;
	char *user, *password;

	if (c->auth_type != NULL) {
		if ((password = secret(x, c->credentials, c->credentials_file)) == NULL)
			return -1;
		x->authorization = trim(clb_xasprintf("%s %s", c->auth_type, password));
		free(password);
	} else if (c->username != NULL || c->username_file != NULL || c->password != NULL ||
	    c->password_file != NULL) {
		user = secret(x, c->username, c->username_file);
		password = user != NULL ? secret(x, c->password, c->password_file) : NULL;
		if (password != NULL)
			x->authorization = basic(user, password);
		free(user);
		free(password);
		if (x->authorization == NULL)
			return -1;
	}
	if (x->authorization != NULL && !is_field_text(x->authorization))
		return fail(x, EX_CONFIG, "a control character in the credentials");
	return 0;
}

/* ---- the request ---- */

static void
add_field(struct exchange *x, const char *name, const char *value)
{
	/* libcurl takes "Name:" for "leave it out", and "Name;" for an empty value. */
	char *line = *value != '\0' ? clb_xasprintf("%s: %s", name, value) :
	    clb_xasprintf("%s;", name);

	x->fields = curl_slist_append(x->fields, line);
	free(line);
}

static int
add_configured_fields(struct exchange *x)
{
	for (size_t i = 0; i < x->client->nheader; i++) {
		const struct clb_label *f = &x->client->header[i];
		char *name = clb_xstrndup(f->name.s, f->name.n), *value;
		int good = strlen(name) == f->name.n && *name != '\0' &&
		    name[strcspn(name, " \t:;\"(),/<=>?@[\\]{}")] == '\0' && is_field_text(name);

		value = clb_xstrndup(f->value.s, f->value.n);
		if (good && strlen(value) == f->value.n && is_field_text(value))
			add_field(x, name, trim(value));
		else
			good = fail(x, EX_CONFIG, "http_headers: a character in '%s' or its value "
			    "that no header field can have", name) == 0;
		free(name);
		free(value);
		if (!good)
			return -1;
	}
	return 0;
}

/* Go writes the seconds as a number with no more digits than needed. */
static void
add_interval(struct exchange *x)
{
	int64_t ms = x->h->sd->refresh_interval_ms;
	char text[40];
	size_t n;

	n = (size_t)snprintf(text, sizeof(text), "%" PRId64 ".%03d", ms / 1000, (int)(ms % 1000));
	while (text[n - 1] == '0')
		n--;
	text[n - (text[n - 1] == '.')] = '\0';
	add_field(x, "X-Prometheus-Refresh-Interval-Seconds", text);
}

static int
set_fields(struct exchange *x, const char *authorization)
{
	curl_slist_free_all(x->fields);
	x->fields = NULL;
	add_field(x, "Accept", "application/json");
	add_interval(x);
	if (authorization != NULL)
		add_field(x, "Authorization", authorization);
	return at_origin(x) ? add_configured_fields(x) : 0;
}

/*
 * server_name is what the certificate must be for and what the server is told;
 * the host of the URL is still where we connect. libcurl takes both from one
 * host, so it gets server_name there and is sent to the other.
 */
static int
set_server_name(struct exchange *x)
{
	const char *name = x->client->server_name;
	char *host, *port, *line, *bracketed;
	int good;

	if (strchr(name, ':') != NULL && *name != '[')
		bracketed = clb_xasprintf("[%s]", name);
	else
		bracketed = clb_xstrdup(name);
	x->dialed = curl_url_dup(x->url);
	good = curl_url_set(x->dialed, CURLUPART_HOST, bracketed, 0) == CURLUE_OK;
	host = part(x->url, CURLUPART_HOST);
	port = part(x->url, CURLUPART_PORT);
	line = clb_xasprintf("%s:%s:%s:%s", bracketed, port, host, port);
	x->connect_to = curl_slist_append(NULL, line);
	free(line);
	line = strcmp(port, "443") == 0 ? clb_xstrdup(host) : clb_xasprintf("%s:%s", host, port);
	add_field(x, "Host", line);
	free(line);
	free(host);
	free(port);
	free(bracketed);
	return good ? 0 : fail(x, EX_CONFIG, "server_name '%s' is no host name", name);
}

static int
set_proxy(struct exchange *x, const char *scheme)
{
	char *host = part(x->url, CURLUPART_HOST), *port = part(x->url, CURLUPART_PORT);
	struct clb_err e = CLB_ERR_INIT;
	char *proxy = NULL;
	CURLU *check = curl_url();
	int rc = clb_proxy_pick(x->client, scheme, host, port, &proxy, &e);

	if (rc == -1)
		fail(x, e.status, "%s", e.msg);
	else if (proxy != NULL &&
	    curl_url_set(check, CURLUPART_URL, proxy, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
		rc = fail(x, EX_CONFIG, "the proxy's URL is malformed");
	/* Empty, not NULL: NULL would let the environment in. */
	curl_easy_setopt(x->curl, CURLOPT_PROXY, proxy != NULL ? proxy : "");
	curl_easy_setopt(x->curl, CURLOPT_NOPROXY, "");
	curl_url_cleanup(check);
	free(proxy);
	free(host);
	free(port);
	return rc;
}

/* Make ready the request for x->url. info is its "user:password", or NULL. */
static int
prepare(struct exchange *x, const char *info)
{
	char *scheme = part(x->url, CURLUPART_SCHEME), *authorization = NULL;
	int64_t left_ms = x->deadline_ms - clock_ms();
	const long time_ms = left_ms < 1 ? 1 : left_ms < INT_MAX ? (long)left_ms : INT_MAX;
	int rc = -1;

	curl_url_cleanup(x->dialed);
	curl_slist_free_all(x->connect_to);
	x->dialed = NULL;
	x->connect_to = NULL;
	x->hops++;
	x->verdict = UNREAD;
	if (info != NULL)
		authorization = basic_of_userinfo(info);
	else if (x->authorization != NULL && at_origin(x))
		authorization = clb_xstrdup(x->authorization);
	if (set_fields(x, authorization) == -1 || set_proxy(x, scheme) == -1 ||
	    (x->client->server_name != NULL && strcmp(scheme, "https") == 0 &&
	    set_server_name(x) == -1))
		goto out;
	curl_easy_setopt(x->curl, CURLOPT_CURLU, x->dialed != NULL ? x->dialed : x->url);
	curl_easy_setopt(x->curl, CURLOPT_HTTPHEADER, x->fields);
	curl_easy_setopt(x->curl, CURLOPT_CONNECT_TO, x->connect_to);
	curl_easy_setopt(x->curl, CURLOPT_TIMEOUT_MS, time_ms);
	x->reason[0] = '\0';
	rc = 0;
out:
	free(scheme);
	free(authorization);
	return rc;
}

/* ---- the answer ---- */

/* The first field of that name in the answer; NULL if it is not there or blank. */
static const char *
field(struct exchange *x, const char *name)
{
	struct curl_header *f;

	if (curl_easy_header(x->curl, name, 0, CURLH_HEADER, -1, &f) != CURLHE_OK)
		return NULL;
	return f->value[strspn(f->value, " \t\r\n")] != '\0' ? f->value : NULL;
}

/* Prometheus: ^(?i:application\/json(;\s*charset=("utf-8"|utf-8))?)$, white space around cut off */
static int
is_json(const char *type)
{
	static const char *const charset[] = { "charset=utf-8", "charset=\"utf-8\"" };
	char *s = trim(clb_xstrdup(type)), *p = s + strlen("application/json");
	int json = strncasecmp(s, "application/json", (size_t)(p - s)) == 0;

	if (json && *p == ';') {
		p += 1 + strspn(p + 1, " \t\r\n\f");
		json = strcasecmp(p, charset[0]) == 0 || strcasecmp(p, charset[1]) == 0;
	} else
		json = json && *p == '\0';
	free(s);
	return json;
}

static int
is_redirect(struct exchange *x, long status)
{
	return x->client->follow_redirects && field(x, "Location") != NULL &&
	    (status == 301 || status == 302 || status == 303 || status == 307 || status == 308);
}

static int
open_body(struct exchange *x)
{
	const char *dir = x->tmpdir != NULL ? x->tmpdir : getenv("TMPDIR");
	char *path = clb_xasprintf("%s/clb-http.XXXXXX", dir != NULL && *dir != '\0' ? dir : "/tmp");

	if ((x->h->fd = mkostemp(path, O_CLOEXEC)) == -1)
		fail(x, EX_CANTCREAT, "%s: %s", path, strerror(errno));
	else
		unlink(path);
	free(path);
	return x->h->fd == -1 ? -1 : 0;
}

/* Look at status and header fields, once, before the first byte of the body is taken. */
static void
judge(struct exchange *x)
{
	const char *type, *coding;
	long status = 0;

	curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE, &status);
	type = field(x, "Content-Type");
	coding = field(x, "Content-Encoding");
	if (is_redirect(x, status))
		x->verdict = REDIRECT;
	else if (status != 200)
		fail(x, EX_UNAVAILABLE, "the server answered with status %ld", status);
	else if (type == NULL || !is_json(type))
		fail(x, EX_UNAVAILABLE, "unsupported content type '%s'", type != NULL ? type : "");
	else if (coding != NULL && strcasecmp(coding, "identity") != 0)
		fail(x, EX_UNAVAILABLE, "content encoding '%s', which was not asked for", coding);
	else if (open_body(x) == 0)
		x->verdict = GOOD;
}

/* For libcurl: anything but n stops the transfer. */
static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	struct exchange *x = arg;

	(void)size;
	if (x->verdict == UNREAD)
		judge(x);
	if (x->verdict != GOOD)
		return 0;
	if ((x->got += (int64_t)n) > CLB_HTTP_BODY_MAX) {
		fail(x, EX_UNAVAILABLE, "the answer is longer than %" PRId64 " bytes", CLB_HTTP_BODY_MAX);
		return 0;
	}
	for (size_t done = 0; done < n;) {
		ssize_t put = write(x->h->fd, p + done, n - done);

		if (put == -1 && errno != EINTR) {
			fail(x, EX_IOERR, "temporary file: %s", strerror(errno));
			return 0;
		}
		done += put > 0 ? (size_t)put : 0;
	}
	return n;
}

/* libcurl's failure in words that do not change from run to run. */
static void
explain(struct exchange *x, CURLcode code)
{
	char *host = part(x->url, CURLUPART_HOST), limit[CLB_DURATION_MAX];
	int early = x->deadline_ms - clock_ms() > 100;
	long error = 0;

	clb_duration_format(early ? CONNECT_MS : x->h->sd->refresh_interval_ms, limit);
	curl_easy_getinfo(x->curl, CURLINFO_OS_ERRNO, &error);
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
		fail(x, EX_UNAVAILABLE, "cannot resolve '%s'", host);
		break;
	case CURLE_COULDNT_CONNECT:
		fail(x, EX_UNAVAILABLE, "cannot connect: %s",
		    error != 0 ? strerror((int)error) : x->reason);
		break;
	case CURLE_OPERATION_TIMEDOUT:
		fail(x, EX_UNAVAILABLE, early ? "cannot connect within %s" :
		    "no complete answer within the refresh interval of %s", limit);
		break;
	case CURLE_PARTIAL_FILE:
		fail(x, EX_UNAVAILABLE, "the answer was cut short");
		break;
	case CURLE_PEER_FAILED_VERIFICATION:
		fail(x, EX_UNAVAILABLE, "the server's certificate does not do: %s", x->reason);
		break;
	case CURLE_SSL_CACERT_BADFILE:
		if (x->client->ca == NULL && x->client->ca_file == NULL)
			fail(x, EX_UNAVAILABLE, "the server's certificate does not do: "
			    "this system has no CA certificates");
		else
			fail(x, EX_CONFIG, "no usable CA certificate in %s",
			    x->client->ca_file != NULL ? x->client->ca_file : "'ca'");
		break;
	case CURLE_SSL_CERTPROBLEM:
		fail(x, EX_CONFIG, "no usable client certificate and key: %s", x->reason);
		break;
	default:
		fail(x, EX_UNAVAILABLE, "%s",
		    x->reason[0] != '\0' ? x->reason : curl_easy_strerror(code));
	}
	free(host);
}

/* Turn to where the answer points. Returns 0 if there is a request to run. */
static int
follow(struct exchange *x)
{
	char *to = encode_url(field(x, "Location")), *info = cut_userinfo(to);
	int rc = -1;

	if (x->hops == HOPS_MAX)
		fail(x, EX_UNAVAILABLE, "stopped after %d redirects", HOPS_MAX);
	else if (curl_url_set(x->url, CURLUPART_URL, to, 0) != CURLUE_OK)
		fail(x, EX_UNAVAILABLE, "redirected to a malformed URL '%s'", to);
	else
		rc = prepare(x, info);
	free(to);
	free(info);
	return rc;
}

/* libcurl is done with a request. Returns 0 if there is another one to run. */
static int
finish(struct exchange *x, CURLcode code)
{
	if (x->verdict == UNREAD && code == CURLE_OK)
		judge(x);	/* an answer without a body */
	if (x->verdict == REDIRECT)
		return follow(x);
	if (code != CURLE_OK && x->verdict != BAD)
		explain(x, code);
	if (x->verdict != BAD && lseek(x->h->fd, 0, SEEK_SET) == -1)
		fail(x, EX_IOERR, "temporary file: %s", strerror(errno));
	return -1;
}

/* ---- an exchange ---- */

/* A file for TLS: libcurl reads it itself, but would not say that it cannot. */
static int
set_file(struct exchange *x, CURLoption option, const char *path)
{
	char *text;

	if (path == NULL)
		return 0;
	if ((text = read_file(x, path)) == NULL)
		return -1;
	free(text);
	curl_easy_setopt(x->curl, option, path);
	return 0;
}

static int
set_text(struct exchange *x, CURLoption option, char *text)
{
	struct curl_blob blob = { text, text != NULL ? strlen(text) : 0, CURL_BLOB_COPY };

	if (text != NULL && curl_easy_setopt(x->curl, option, &blob) != CURLE_OK)
		return fail(x, EX_CONFIG, "this libcurl takes certificates and keys from files only");
	return 0;
}

static long
tls_version(const char *name, long unset, const long of[4])
{
	static const char *const names[] = { "TLS10", "TLS11", "TLS12", "TLS13" };

	for (int i = 0; i < 4; i++)
		if (name != NULL && strcmp(name, names[i]) == 0)
			return of[i];
	return unset;
}

static int
set_tls(struct exchange *x)
{
	static const long least[] = { CURL_SSLVERSION_TLSv1_0, CURL_SSLVERSION_TLSv1_1,
	    CURL_SSLVERSION_TLSv1_2, CURL_SSLVERSION_TLSv1_3 };
	static const long most[] = { CURL_SSLVERSION_MAX_TLSv1_0, CURL_SSLVERSION_MAX_TLSv1_1,
	    CURL_SSLVERSION_MAX_TLSv1_2, CURL_SSLVERSION_MAX_TLSv1_3 };
	const struct clb_http_client *c = x->client;
	const long verify = !c->insecure_skip_verify, version =
	    tls_version(c->min_version, CURL_SSLVERSION_TLSv1_2, least) |
	    tls_version(c->max_version, CURL_SSLVERSION_MAX_DEFAULT, most);

	curl_easy_setopt(x->curl, CURLOPT_SSLVERSION, version);
	curl_easy_setopt(x->curl, CURLOPT_SSL_VERIFYPEER, verify);
	curl_easy_setopt(x->curl, CURLOPT_SSL_VERIFYHOST, verify * 2);
	curl_easy_setopt(x->curl, CURLOPT_PROXY_SSL_VERIFYPEER, verify);
	curl_easy_setopt(x->curl, CURLOPT_PROXY_SSL_VERIFYHOST, verify * 2);
	if (c->ca != NULL || c->ca_file != NULL) {	/* then no other is trusted */
		curl_easy_setopt(x->curl, CURLOPT_CAPATH, NULL);
		curl_easy_setopt(x->curl, CURLOPT_PROXY_CAPATH, NULL);
	}
	return set_file(x, CURLOPT_CAINFO, c->ca_file) == 0 &&
	    set_file(x, CURLOPT_PROXY_CAINFO, c->ca_file) == 0 &&
	    set_file(x, CURLOPT_SSLCERT, c->cert_file) == 0 &&
	    set_file(x, CURLOPT_SSLKEY, c->key_file) == 0 &&
	    set_text(x, CURLOPT_CAINFO_BLOB, c->ca) == 0 &&
	    set_text(x, CURLOPT_PROXY_CAINFO_BLOB, c->ca) == 0 &&
	    set_text(x, CURLOPT_SSLCERT_BLOB, c->cert) == 0 &&
	    set_text(x, CURLOPT_SSLKEY_BLOB, c->key) == 0 ? 0 : -1;
}

static void
set_general(struct exchange *x, int compat)
{
	x->agent = clb_xasprintf("Prometheus/%d.%d.0", compat / 1000, compat % 1000);
	curl_easy_setopt(x->curl, CURLOPT_PRIVATE, x);
	curl_easy_setopt(x->curl, CURLOPT_ERRORBUFFER, x->reason);
	curl_easy_setopt(x->curl, CURLOPT_USERAGENT, x->agent);
	curl_easy_setopt(x->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(x->curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(x->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(x->curl, CURLOPT_BUFFERSIZE, 256L * 1024);
	curl_easy_setopt(x->curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(x->curl, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(x->curl, CURLOPT_HTTP_VERSION, (long)(x->client->enable_http2 ?
	    CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
}

/* Begin the exchange. Returns 0 if there is a request to run. */
static int
begin(struct exchange *x, int compat)
{
	char *url = encode_url(x->h->sd->url), *info = cut_userinfo(url);
	int rc = -1;

	x->name = clb_xstrdup(x->h->sd->url);
	free(cut_userinfo(x->name));
	x->deadline_ms = clock_ms() + x->h->sd->refresh_interval_ms;
	x->curl = curl_easy_init();
	x->url = curl_url();
	set_general(x, compat);
	if (curl_url_set(x->url, CURLUPART_URL, url, CURLU_PATH_AS_IS) != CURLUE_OK) {
		fail(x, EX_CONFIG, "malformed URL");
		goto out;
	}
	x->origin = origin_of(x->url);
	if (info != NULL)
		x->authorization = basic_of_userinfo(info);
	if ((info != NULL || set_authorization(x) == 0) && set_tls(x) == 0)
		rc = prepare(x, NULL);
out:
	free(url);
	free(info);
	return rc;
}

static void
end(struct exchange *x)
{
	if (x->h->err.status != 0 && x->h->fd != -1) {
		close(x->h->fd);
		x->h->fd = -1;
	}
	curl_easy_cleanup(x->curl);
	curl_url_cleanup(x->url);
	curl_url_cleanup(x->dialed);
	curl_slist_free_all(x->fields);
	curl_slist_free_all(x->connect_to);
	free(x->name);
	free(x->origin);
	free(x->authorization);
	free(x->agent);
	free(x);
}

/* ---- many of them ---- */

struct fetch {
	struct clb_http *h;
	size_t n, next, running;
	int compat;
	const char *tmpdir;
	CURLM *multi;
};

/* Begin exchanges until enough are under way. */
static void
fill(struct fetch *f)
{
	while (f->running < CLB_HTTP_AT_ONCE && f->next < f->n) {
		struct exchange *x = clb_xcalloc(1, sizeof(*x));

		x->h = &f->h[f->next++];
		x->h->fd = -1;
		x->h->err = (struct clb_err)CLB_ERR_INIT;
		x->client = &x->h->sd->client;
		x->tmpdir = f->tmpdir;
		if (begin(x, f->compat) == 0) {
			curl_multi_add_handle(f->multi, x->curl);
			f->running++;
		} else
			end(x);
	}
}

/* Take note of the requests that are done. */
static void
reap(struct fetch *f)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(f->multi, &left)) != NULL) {
		CURL *curl = m->easy_handle;
		CURLcode code = m->data.result;
		struct exchange *x;

		curl_easy_getinfo(curl, CURLINFO_PRIVATE, &x);
		curl_multi_remove_handle(f->multi, curl);
		if (finish(x, code) == 0)
			curl_multi_add_handle(f->multi, curl);
		else {
			end(x);
			f->running--;
		}
	}
}

void
clb_http_fetch(struct clb_http *h, size_t n, int compat, const char *tmpdir)
{
	struct fetch f = { h, n, 0, 0, compat, tmpdir, NULL };
	int running;

	if (n == 0)
		return;
	/* With our allocators libcurl never runs out of memory: we do. */
	curl_global_init_mem(CURL_GLOBAL_DEFAULT, clb_xmalloc, free, clb_xrealloc, clb_xstrdup,
	    clb_xcalloc);
	f.multi = curl_multi_init();
	for (fill(&f); f.running > 0; fill(&f)) {
		curl_multi_perform(f.multi, &running);
		reap(&f);
		if (f.running > 0 && running > 0)
			curl_multi_poll(f.multi, NULL, 0, 1000, NULL);
	}
	curl_multi_cleanup(f.multi);
	curl_global_cleanup();
}
