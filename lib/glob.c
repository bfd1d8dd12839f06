#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "lib/glob.h"

#define BROKEN 0xfffd	/* what Go makes of a byte that is not UTF-8 */

/*
 * The character at s, which is not at its end, and its length. A byte that
 * starts no valid sequence is a character of its own.
 */
static size_t
rune(const char *s, uint32_t *r)
{
	static const struct { unsigned char mask, lead; uint32_t min; } form[] = {
		{ 0x80, 0x00, 0 }, { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 },
		{ 0xf8, 0xf0, 0x10000 }
	};
	const unsigned char *p = (const unsigned char *)s;

	for (size_t len = 1; len <= 4; len++) {
		size_t i;

		if ((p[0] & form[len - 1].mask) != form[len - 1].lead)
			continue;
		*r = p[0] & (unsigned char)~form[len - 1].mask;
		for (i = 1; i < len && (p[i] & 0xc0) == 0x80; i++)
			*r = *r << 6 | (p[i] & 0x3f);
		if (i == len && *r >= form[len - 1].min && *r <= 0x10ffff &&
		    (*r < 0xd800 || *r > 0xdfff))
			return len;
	}
	*r = BROKEN;
	return 1;
}

/* An end of a range in a class. Returns what follows it, NULL if it is malformed. */
static const char *
range_end(const char *p, uint32_t *r)
{
	size_t n;

	if (*p == '-' || *p == ']')
		return NULL;
	if (*p == '\\')
		p++;
	if (*p == '\0')
		return NULL;
	n = rune(p, r);
	return *r == BROKEN && n == 1 ? NULL : p + n;
}

/*
 * The class behind a '['. Returns what follows it, NULL if it is malformed;
 * *hit tells whether r is in it.
 */
static const char *
class(const char *p, uint32_t r, int *hit)
{
	int negated = *p == '^', in = 0;
	uint32_t lo, hi;

	p += negated;
	do {
		if ((p = range_end(p, &lo)) == NULL)
			return NULL;
		hi = lo;
		if (*p == '-' && (p = range_end(p + 1, &hi)) == NULL)
			return NULL;
		if (*p == '\0')
			return NULL;
		in |= lo <= r && r <= hi;
	} while (*p != ']');
	*hit = in != negated;
	return p + 1;
}

int
clb_glob_valid(const char *p)
{
	int hit;

	while (*p != '\0')
		if (*p == '[') {
			if ((p = class(p + 1, 0, &hit)) == NULL)
				return 0;
		} else if (*p++ == '\\' && *p++ == '\0')
			return 0;
	return 1;
}

/* Match all but a star at *p against the front of *s, and move behind both. */
static int
match_one(const char **p, const char **s)
{
	uint32_t r;
	size_t n;
	int hit;

	if (**s == '\0')
		return 0;
	switch (**p) {
	case '\0':
		return 0;
	case '?':
		++*p;
		*s += rune(*s, &r);
		return 1;
	case '[':
		n = rune(*s, &r);
		*p = class(*p + 1, r, &hit);
		*s += n;
		return hit;
	case '\\':
		++*p;
		break;
	}
	return *(*p)++ == *(*s)++;
}

/* Only the last star is ever tried again: what an earlier one took does not matter. */
int
clb_glob_match(const char *p, const char *s)
{
	const char *star = NULL, *from = NULL;

	for (;;) {
		if (*p == '*') {
			star = ++p;
			from = s;
		} else if (*p == '\0' && *s == '\0')
			return 1;
		else if (!match_one(&p, &s)) {
			if (star == NULL || *from == '\0')
				return 0;
			p = star;
			s = ++from;
		}
	}
}

static void
append(struct clb_glob *g, char *path)
{
	if (g->n == g->cap) {
		g->cap = g->cap != 0 ? 2 * g->cap : 16;
		g->path = clb_xreallocarray(g->path, g->cap, sizeof(*g->path));
	}
	g->path[g->n++] = path;
}

/* dir and name with a slash between, free of "//", "." and "x/..": a new string. */
static char *
join(const char *dir, const char *name)
{
	char *path = clb_xasprintf("%s/%s", dir, name), *in = path, *out = path, *base = path;

	if (*in == '/')
		base = out = path + 1;
	while (*in != '\0') {
		size_t n = strcspn(in, "/");

		if (n == 2 && memcmp(in, "..", 2) == 0 && out > base &&
		    !(out - base >= 2 && memcmp(out - 2, "..", 2) == 0 &&
		    (out - base == 2 || out[-3] == '/'))) {
			while (out > base && *--out != '/')
				;
		} else if (n != 0 && !(n == 1 && *in == '.') &&
		    !(n == 2 && memcmp(in, "..", 2) == 0 && base > path)) {
			if (out > base)
				*out++ = '/';
			memmove(out, in, n);
			out += n;
		}
		in += n;
		in += *in == '/';
	}
	*out = '\0';
	return path;
}

static int
by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
absent(int error)
{
	return error == ENOENT || error == ENOTDIR;
}

/* Append the names in dir that pattern matches. */
static int
in_dir(struct clb_glob *g, const char *dir, const char *pattern, struct clb_err *e)
{
	size_t first = g->n;
	struct dirent *ent;
	DIR *d = opendir(dir);
	int rc = 0;

	if (d == NULL)
		return absent(errno) ? 0 :
		    clb_err_set(e, EX_NOINPUT, "%s: %s", dir, strerror(errno));
	for (;;) {
		errno = 0;
		if ((ent = readdir(d)) == NULL)
			break;
		if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0 &&
		    clb_glob_match(pattern, ent->d_name))
			append(g, join(dir, ent->d_name));
	}
	if (errno != 0)
		rc = clb_err_set(e, EX_NOINPUT, "%s: %s", dir, strerror(errno));
	closedir(d);
	if (g->n > first)
		qsort(g->path + first, g->n - first, sizeof(*g->path), by_bytes);
	return rc;
}

static int
has_meta(const char *s)
{
	return s[strcspn(s, "*?[\\")] != '\0';
}

static int
plain(struct clb_glob *g, const char *path, struct clb_err *e)
{
	struct stat st;

	if (lstat(path, &st) == 0)
		append(g, clb_xstrdup(path));
	else if (!absent(errno))
		return clb_err_set(e, EX_NOINPUT, "%s: %s", path, strerror(errno));
	return 0;
}

static int
expand(struct clb_glob *g, const char *pattern, struct clb_err *e)
{
	struct clb_glob dirs = { NULL, 0, 0 };
	const char *name = strrchr(pattern, '/');
	char *dir;
	int rc = 0;

	if (!clb_glob_valid(pattern))
		return clb_err_set(e, EX_CONFIG, "%s: malformed pattern", pattern);
	if (!has_meta(pattern))
		return plain(g, pattern, e);
	name = name != NULL ? name + 1 : pattern;
	if (name == pattern)
		dir = clb_xstrdup(".");
	else	/* without its slash, but for the root's */
		dir = clb_xstrndup(pattern, (size_t)(name - pattern) - (name - pattern > 1));
	if (!has_meta(dir))
		rc = in_dir(g, dir, name, e);
	else {
		rc = expand(&dirs, dir, e);
		for (size_t i = 0; rc == 0 && i < dirs.n; i++)
			rc = in_dir(g, dirs.path[i], name, e);
	}
	clb_glob_release(&dirs);
	free(dir);
	return rc;
}

int
clb_glob(struct clb_glob *g, const char *pattern, struct clb_err *e)
{
	size_t n = g->n;
	int rc = expand(g, pattern, e);

	while (rc == -1 && g->n > n)
		free(g->path[--g->n]);
	return rc;
}

void
clb_glob_release(struct clb_glob *g)
{
	for (size_t i = 0; i < g->n; i++)
		free(g->path[i]);
	free(g->path);
	*g = (struct clb_glob){ NULL, 0, 0 };
}
