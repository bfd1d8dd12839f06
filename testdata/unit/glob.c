/* Patterns as Go's filepath.Match and filepath.Glob read them (Go 1.19). */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/glob.h"
#include "testdata/unit/check.h"

/* Rows of Go's own table for path/filepath, and some on top; want 2 is "malformed". */
static const struct {
	const char *pattern, *name;
	int want;
} rows[] = {
	{ "abc", "abc", 1 }, { "*", "abc", 1 }, { "*c", "abc", 1 }, { "a*", "a", 1 },
	{ "a*", "abc", 1 }, { "", "", 1 }, { "*", "", 1 }, { "", "a", 0 }, { "?", "", 0 },
	{ "a*b*c*d*e*", "axbxcxdxe", 1 }, { "a*b*c*d*e*", "axbxcxdxexxx", 1 },
	{ "a*b?c*x", "abxbbxdbxebxczzx", 1 }, { "a*b?c*x", "abxbbxdbxebxczzy", 0 },
	{ "ab[c]", "abc", 1 }, { "ab[b-d]", "abc", 1 }, { "ab[e-g]", "abc", 0 },
	{ "ab[^c]", "abc", 0 }, { "ab[^b-d]", "abc", 0 }, { "ab[^e-g]", "abc", 1 },
	{ "a\\*b", "a*b", 1 }, { "a\\*b", "ab", 0 }, { "[a-ζ]*", "α", 1 }, { "*[a-ζ]", "A", 0 },
	{ "a?b", "a☺b", 1 }, { "a[^a]b", "a☺b", 1 }, { "a???b", "a☺b", 0 },
	{ "a[^a][^a][^a]b", "a☺b", 0 }, { "[\\]a]", "]", 1 }, { "[\\-]", "-", 1 },
	{ "[x\\-]", "x", 1 }, { "[x\\-]", "-", 1 }, { "[x\\-]", "z", 0 }, { "[\\-x]", "-", 1 },
	{ "[!a]", "!", 1 }, { "[!a]", "b", 0 }, { "[a^]", "^", 1 },
	{ "*.json", ".hidden.json", 1 }, { "*.json", "x.yml", 0 }, { "?.json", "\xff.json", 1 },
	{ "*\x98\xba", "☺", 1 }, { "[b-a]", "a", 0 }, { "[z-a]x", "bx", 0 },
	{ "[]a]", "]", 2 }, { "[-]", "-", 2 }, { "[x-]", "x", 2 }, { "[-x]", "x", 2 },
	{ "\\", "a", 2 }, { "[a-b-c]", "a", 2 }, { "[", "a", 2 }, { "[^", "a", 2 },
	{ "[^bc", "a", 2 }, { "a[", "a", 2 }, { "a[", "ab", 2 }, { "a[", "x", 2 },
	{ "*[", "", 2 }, { "[a", "", 2 }, { "[\\", "", 2 }, { "[^]", "a", 2 }, { "[\xff]", "a", 2 },
	{ "a/b[", "x", 2 }
};

static void
test_match(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int got = clb_glob_valid(rows[i].pattern) ?
		    clb_glob_match(rows[i].pattern, rows[i].name) : 2;

		CHECK(got == rows[i].want, "'%s' '%s': %d", rows[i].pattern, rows[i].name, got);
	}
}

/* A long name against many stars is no exponential matter. */
static void
test_time(void)
{
	char name[5001], pattern[201];

	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (size_t i = 0; i < sizeof(pattern) - 1; i++)
		pattern[i] = i % 2 == 0 ? '*' : 'a';
	pattern[sizeof(pattern) - 2] = 'b';
	pattern[sizeof(pattern) - 1] = '\0';
	CHECK(!clb_glob_match(pattern, name), "many stars");
}

/* The paths that pattern matches, with blanks between: valid until the next call. */
static const char *
found(const char *pattern, int want)
{
	static char text[1024];
	struct clb_glob g = { NULL, 0, 0 };
	struct clb_err e = CLB_ERR_INIT;
	int rc = clb_glob(&g, pattern, &e);

	CHECK(e.status == want && rc == (want == 0 ? 0 : -1), "%s: %d %s", pattern, e.status, e.msg);
	text[0] = '\0';
	for (size_t i = 0; i < g.n; i++)
		strncat(strncat(text, i != 0 ? " " : "", 2), g.path[i], 100);
	clb_glob_release(&g);
	return text;
}

static const struct {
	const char *pattern, *paths;
} walks[] = {
	{ "a/x.json", "a/x.json" }, { "a/none.json", "" }, { "none/*", "" },
	{ "a/x.json/*", "" }, { "a//x.json", "a//x.json" },
	{ "a/*.json", "a/.dot.json a/x.json a/y.json" }, { "./a//*.json", "a/.dot.json a/x.json a/y.json" },
	{ "a/../a/[xy].json", "a/x.json a/y.json" }, { "?/x.json", "a/x.json b/x.json" },
	{ "[ab]/?.json", "a/x.json a/y.json b/x.json" }, { "a/\\x.json", "a/x.json" },
	{ "a/*.dangling", "a/l.dangling" }, { "a/l.dangling", "a/l.dangling" },
	{ "*", "a b s*" }, { "s\\*", "s*" }
};

static void
test_walk(void)
{
	static const char *const files[] = { "a/x.json", "a/y.json", "a/.dot.json", "b/x.json", "s*" };
	const char *tmp = getenv("BATS_TEST_TMPDIR"), *got;
	char *dir = clb_xasprintf("%s/clb-glob.XXXXXX", tmp != NULL ? tmp : "/tmp"), up[64];

	if (mkdtemp(dir) == NULL || chdir(dir) == -1 || mkdir("a", 0755) == -1 ||
	    mkdir("b", 0755) == -1 || symlink("nowhere", "a/l.dangling") == -1) {
		CHECK(0, "%s", dir);
		return;
	}
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		close(open(files[i], O_CREAT | O_WRONLY, 0644));
	for (size_t i = 0; i < sizeof(walks) / sizeof(walks[0]); i++) {
		got = found(walks[i].pattern, 0);
		CHECK(strcmp(got, walks[i].paths) == 0, "%s: %s", walks[i].pattern, got);
	}
	snprintf(up, sizeof(up), "..%s/[a]/x.json", strrchr(dir, '/'));
	got = found(up, 0);
	CHECK(strncmp(got, "../clb-glob.", 12) == 0, "%s: %s", up, got);
	found("a[", EX_CONFIG);
	found("a/[x", EX_CONFIG);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlink(files[i]);
	unlink("a/l.dangling");
	CHECK(rmdir("a") == 0 && rmdir("b") == 0 && chdir("/") == 0 && rmdir(dir) == 0, "%s", dir);
	free(dir);
}

/* What a failing pattern found is not kept, and what was there before is. */
static void
test_failure(void)
{
	struct clb_glob g = { NULL, 0, 0 };
	struct clb_err e = CLB_ERR_INIT;
	char pattern[400];

	CHECK(clb_glob(&g, "/etc/passw[d]", &e) == 0 && g.n == 1, "%s", e.msg);
	memset(pattern, 'x', sizeof(pattern));
	memcpy(pattern, "/x", 2);	/* a name too long for the system */
	memcpy(pattern + sizeof(pattern) - 3, "/*", 3);
	CHECK(clb_glob(&g, pattern, &e) == -1 && e.status == EX_NOINPUT && g.n == 1, "%s", e.msg);
	clb_glob_release(&g);
}

int
main(void)
{
	test_match();
	test_time();
	test_walk();
	test_failure();
	return check_end();
}
