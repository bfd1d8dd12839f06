/* Files are replaced whole, and not at all when nothing changed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/atomic.h"
#include "testdata/unit/check.h"

static char dir[512], path[600];

static void
put(const char *content)
{
	FILE *f = fopen(path, "w");

	CHECK(f != NULL && fputs(content, f) >= 0 && fclose(f) == 0, "%s", path);
}

static int
holds(const char *content, size_t n)
{
	char *p = clb_xmalloc(n + 1);
	FILE *f = fopen(path, "r");
	size_t got = f != NULL ? fread(p, 1, n + 1, f) : 0;
	int same = f != NULL && got == n && memcmp(p, content, n) == 0;

	if (f != NULL)
		fclose(f);
	free(p);
	return same;
}

/* Names in dir, without . and .. */
static int
names(void)
{
	DIR *d = opendir(dir);
	int n = -2;

	while (d != NULL && readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

static struct stat
state(void)
{
	struct stat st = { 0 };

	stat(path, &st);
	return st;
}

static void
replace(const char *content, size_t n)
{
	struct clb_err e = CLB_ERR_INIT;

	CHECK(clb_atomic_replace(path, content, n, &e) == 0, "%s", e.msg);
	CHECK(holds(content, n), "not what was written");
	CHECK(names() == 1, "%d names", names());
}

static void
test_content(void)
{
	struct stat before, after;

	replace("new", 3);
	before = state();
	CHECK((before.st_mode & 07777) == 0644, "mode %o", (unsigned)before.st_mode);
	replace("new", 3);
	after = state();
	CHECK(before.st_ino == after.st_ino && before.st_mtim.tv_nsec == after.st_mtim.tv_nsec,
	    "the same content made a new file");
	replace("newer", 5);
	after = state();
	CHECK(before.st_ino != after.st_ino, "the old file was written to");
	replace("ne", 2);
	replace("", 0);
	before = state();
	replace("", 0);
	CHECK(before.st_ino == state().st_ino, "the same empty content made a new file");
}

/* Content of many chunks that differs in one byte, or not at all. */
static void
test_long_content(void)
{
	size_t n = 3u << 20;
	char *p = clb_xmalloc(n);
	uint64_t seed = 42;
	struct stat before;

	for (size_t i = 0; i < n; i++)
		p[i] = (char)check_random(&seed);
	replace(p, n);
	for (int i = 0; i < 40; i++) {
		size_t at = check_random(&seed) % n;

		before = state();
		replace(p, n);
		CHECK(before.st_ino == state().st_ino, "the same content made a new file");
		p[at] = (char)(p[at] + 1);
		replace(p, n);
		CHECK(before.st_ino != state().st_ino, "byte %zu was not seen", at);
		n -= check_random(&seed) % 1000;
		replace(p, n);
	}
	free(p);
}

/* Written in pieces of any size; nothing is there until the first difference. */
static void
test_pieces(void)
{
	struct clb_err e = CLB_ERR_INIT;
	struct clb_atomic a;
	uint64_t seed = 7;
	size_t n = 1u << 20, at = 0;
	char *p = clb_xmalloc(n);

	for (size_t i = 0; i < n; i++)
		p[i] = (char)check_random(&seed);
	replace(p, n);
	p[n - 1] ^= 1;
	CHECK(clb_atomic_begin(&a, path, &e) == 0, "%s", e.msg);
	while (at < n) {
		size_t len = check_random(&seed) % 5000;

		len = len < n - at ? len : n - at;
		CHECK(names() == 1, "a file before there is a difference");
		CHECK(clb_atomic_write(&a, p + at, len, &e) == 0, "%s", e.msg);
		at += len;
	}
	CHECK(clb_atomic_finish(&a, &e) == 1, "%s", e.msg);
	CHECK(clb_atomic_sync(&a, &e) == 0, "%s", e.msg);
	CHECK(names() == 2 && !holds(p, n), "the old file does not stay until commit");
	CHECK(clb_atomic_commit(&a, &e) == 0 && holds(p, n), "%s", e.msg);
	clb_atomic_release(&a);
	CHECK(names() == 1, "%d names", names());
	free(p);
}

static void
test_giving_up(void)
{
	struct clb_err e = CLB_ERR_INIT;
	struct clb_atomic a;

	put("old");
	CHECK(clb_atomic_begin(&a, path, &e) == 0 && clb_atomic_write(&a, "new", 3, &e) == 0 &&
	    clb_atomic_finish(&a, &e) == 1, "%s", e.msg);
	clb_atomic_release(&a);
	CHECK(holds("old", 3) && names() == 1, "giving up leaves something");
}

/* Links, directories and other things in the file's place. */
static void
test_no_file(void)
{
	struct clb_err e = CLB_ERR_INIT;
	char other[700];

	snprintf(other, sizeof(other), "%s/../other", dir);
	CHECK(unlink(path) == 0 && symlink(other, path) == 0, "%d", errno);
	replace("new", 3);
	CHECK(access(other, F_OK) == -1, "wrote through a link");

	CHECK(unlink(path) == 0 && mkfifo(path, 0644) == 0, "%d", errno);
	replace("new", 3);

	CHECK(unlink(path) == 0 && mkdir(path, 0755) == 0, "%d", errno);
	CHECK(clb_atomic_replace(path, "new", 3, &e) == -1 && e.status == EX_IOERR,
	    "%d %s", e.status, e.msg);
	CHECK(names() == 1, "%d names", names());
	rmdir(path);

	e = (struct clb_err)CLB_ERR_INIT;
	CHECK(clb_atomic_replace("/proc/no/such", "new", 3, &e) == -1 &&
	    e.status == EX_CANTCREAT, "%d %s", e.status, e.msg);
}

static void
test_names(void)
{
	CHECK(clb_atomic_is_tmp("node.json.Ab3xYz", ".json"), "not seen");
	CHECK(!clb_atomic_is_tmp("node.json", ".json"), "a file");
	CHECK(!clb_atomic_is_tmp(".json.Ab3xYz", ".json"), "no name");
	CHECK(!clb_atomic_is_tmp("node.json.Ab3xY", ".json"), "too short");
	CHECK(!clb_atomic_is_tmp("node.json.Ab3xYz1", ".json"), "too long");
	CHECK(!clb_atomic_is_tmp("node.json.Ab3-Yz", ".json"), "not random");
	CHECK(!clb_atomic_is_tmp("node.yaml.Ab3xYz", ".json"), "another suffix");
}

int
main(void)
{
	const char *tmp = getenv("BATS_TEST_TMPDIR");

	snprintf(dir, sizeof(dir), "%s/atomic.XXXXXX", tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(dir) == NULL) {
		perror(dir);
		return 1;
	}
	snprintf(path, sizeof(path), "%s/file.json", dir);
	test_content();
	test_long_content();
	test_pieces();
	test_giving_up();
	test_no_file();
	test_names();
	unlink(path);
	rmdir(dir);
	return check_end();
}
