/* Small texts with rules of their own: URLs, sizes, paths. */
#include <stdlib.h>

#include "lib/config_decode.h"

/* ---- URLs, as Go's net/url parses them ---- */

static int
is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static const char *
check_escapes(const char *p, const char *end)
{
	for (; p < end; p++)
		if (*p == '%' && (end - p < 3 || !is_hex(p[1]) || !is_hex(p[2])))
			return "invalid URL escape";
	return NULL;
}

/* A host, in brackets if it has colons, and a port of digits if any. */
static const char *
check_host(const char *p, const char *end)
{
	const char *port = p;

	if (p < end && *p == '[') {
		if ((port = memrchr(p, ']', (size_t)(end - p))) == NULL)
			return "missing ']' in host of URL";
		port++;
		if (port < end && *port != ':')
			return "invalid port in URL";
	} else {
		port = p < end ? memrchr(p, ':', (size_t)(end - p)) : NULL;
	}
	if (port != NULL && port < end)
		for (port++; port < end; port++)
			if (*port < '0' || *port > '9')
				return "invalid port in URL";
	for (; p < end; p++)
		if (strchr(" \\^`{|}", *p) != NULL)
			return "invalid character in host of URL";
	return NULL;
}

/* Where the scheme ends (its colon), or NULL for a URL without one. */
static const char *
scheme_end(const char *p, const char *end)
{
	const char *s = p;

	for (; s < end; s++) {
		if ((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z'))
			continue;
		if (s == p || strchr("0123456789+-.", *s) == NULL)
			break;
	}
	return s > p && s < end && *s == ':' ? s : NULL;
}

const char *
clb_url_check(struct clb_str s, struct clb_str *scheme, struct clb_str *host)
{
	const char *p = s.s, *end = s.s + s.n, *q, *at, *why;
	struct clb_str none = CLB_STR_INIT(""), *in;

	in = scheme != NULL ? scheme : &none;
	*in = CLB_STR("");
	if (host != NULL)
		*host = CLB_STR("");
	for (q = p; q < end; q++)
		if ((unsigned char)*q < 0x20 || *q == 0x7f)
			return "invalid control character in URL";
	if (s.n != 0 && *p == ':')
		return "missing protocol scheme in URL";
	if ((q = scheme_end(p, end)) != NULL) {
		*in = (struct clb_str){ p, (uint32_t)(q - p), 0 };
		p = q + 1;
	}
	/* What follows a question mark or a hash is not looked at. */
	if ((q = memchr(p, '#', (size_t)(end - p))) != NULL)
		end = q;
	if ((q = memchr(p, '?', (size_t)(end - p))) != NULL)
		end = q;
	if (end - p < 2 || p[0] != '/' || p[1] != '/') {
		q = memchr(p, '/', (size_t)(end - p));
		if (in->n == 0 && memchr(p, ':', (size_t)((q != NULL ? q : end) - p)) != NULL)
			return "first path segment in URL cannot contain colon";
		return in->n != 0 && (p == end || *p != '/') ? NULL : check_escapes(p, end);
	}
	p += 2;
	if ((q = memchr(p, '/', (size_t)(end - p))) == NULL)
		q = end;
	if ((at = memrchr(p, '@', (size_t)(q - p))) != NULL) {
		if ((why = check_escapes(p, at)) != NULL)
			return why;
		p = at + 1;
	}
	if (host != NULL)
		*host = (struct clb_str){ p, (uint32_t)(q - p), 0 };
	if ((why = check_host(p, q)) != NULL)
		return why;
	return check_escapes(q, end);
}

/* ---- sizes ---- */

static int
unit_of(const char *p, size_t n, double *unit)
{
	static const char prefixes[] = "KMGTPE";
	const char *prefix;

	*unit = 1;
	if (n == 1 && p[0] == 'B')
		return 0;
	if ((n != 2 && n != 3) || p[n - 1] != 'B' || (n == 3 && p[1] != 'i') ||
	    p[0] == '\0' || (prefix = strchr(prefixes, p[0])) == NULL)
		return -1;
	for (; prefix >= prefixes; prefix--)
		*unit *= 1024;
	return 0;
}

/* Numbers with units, one after the other; 0 needs none. */
int
clb_bytes_parse(struct clb_str s, uint64_t *bytes)
{
	const char *p = s.s, *end = s.s + s.n, *q;
	int negative = p < end && *p == '-';
	double sum = 0, unit;
	char number[64], *stop;

	*bytes = 0;
	if (p < end && (*p == '-' || *p == '+'))
		p++;
	if (end - p == 1 && *p == '0')
		return 0;
	if (p == end)
		return -1;
	while (p < end) {
		for (q = p; q < end && ((*q >= '0' && *q <= '9') || *q == '.'); q++)
			;
		if (q == p || q - p >= (ptrdiff_t)sizeof(number))
			return -1;
		memcpy(number, p, (size_t)(q - p));
		number[q - p] = '\0';
		for (p = q; p < end && *p != '.' && (*p < '0' || *p > '9'); p++)
			;
		if (unit_of(q, (size_t)(p - q), &unit) == -1)
			return -1;
		sum += strtod(number, &stop) * unit;
		if (*stop != '\0' || sum >= 0x1p63)
			return -1;
	}
	*bytes = negative ? 0 : (uint64_t)sum;
	return 0;
}

/* ---- paths ---- */

/* As Go's filepath.Clean, in place: no //, no . and no x/.. in it; never empty. */
static char *
clean(char *path)
{
	int rooted = path[0] == '/';
	char *base = path + rooted, *out = base, *keep = base;
	const char *p = base;
	size_t n;

	for (; *p != '\0'; p += n) {
		n = strcspn(p, "/");
		if (n == 0) {
			n = 1;
		} else if (n == 1 && p[0] == '.') {
			continue;
		} else if (n == 2 && p[0] == '.' && p[1] == '.' && out > keep) {
			while (out > keep && *--out != '/')
				;
		} else if (n == 2 && p[0] == '.' && p[1] == '.' && rooted) {
			continue;
		} else {
			int up = n == 2 && p[0] == '.' && p[1] == '.';

			if (out > base)
				*out++ = '/';
			memmove(out, p, n);
			out += n;
			if (up)
				keep = out;
		}
	}
	if (out == path)
		*out++ = '.';
	*out = '\0';
	return path;
}

struct clb_str
clb_path_join(struct clb_arena *a, const char *dir, struct clb_str path)
{
	struct clb_str s;
	char *joined;

	if (dir == NULL || path.n == 0 || path.s[0] == '/')
		return path;
	joined = clb_xasprintf("%s/%.*s", dir, (int)path.n, path.s);
	clean(joined);
	s = clb_arena_str(a, joined, strlen(joined));
	free(joined);
	return s;
}

char *
clb_path_dir(const char *path)
{
	const char *slash = strrchr(path, '/');

	return clean(slash == NULL ? clb_xstrdup(".") :
	    clb_xstrndup(path, (size_t)(slash - path) + 1));
}

struct clb_str
clb_without_variables(const struct clb_decode *d, struct clb_str s)
{
	struct clb_buf b = { NULL, 0, 0 };
	const char *p = s.s, *end = s.s + s.n, *close;

	if (!d->vmagent || s.n == 0 || memchr(s.s, '%', s.n) == NULL)
		return s;
	while (p < end) {
		close = end - p > 1 && p[0] == '%' && p[1] == '{' ?
		    memchr(p, '}', (size_t)(end - p)) : NULL;
		clb_buf_addc(&b, close != NULL ? 'x' : *p);
		p = close != NULL ? close + 1 : p + 1;
	}
	s = clb_arena_str(d->arena, b.p, b.n);
	clb_buf_release(&b);
	return s;
}
