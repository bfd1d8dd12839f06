/* What the cache keeps, what it forgets, and what it leaves behind. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cache.h"
#include "testdata/unit/check.h"

#define OK(call) do { \
	struct clb_err e = CLB_ERR_INIT; \
	CHECK((call) == 0, "%d %s", e.status, e.msg); \
} while (0)

static const struct clb_cache_key http_a = { "http", "http://a/", "json" };
static const struct clb_cache_key dns_a = { "dns", "http://a/", "json" };
static const struct clb_cache_key file_a = { "file", "a.json", "json" };

/* The entry of key, as text; "-" for none. *age_ms may be looked at afterwards. */
static const char *
entry(struct clb_cache *c, const struct clb_cache_key *key, int64_t now_ms, int64_t *age_ms)
{
	static char text[256];
	struct clb_err e = CLB_ERR_INIT;
	ssize_t n;
	int fd, rc = clb_cache_get(c, key, now_ms, &fd, age_ms, &e);

	CHECK(rc != -1, "%d %s", e.status, e.msg);
	if (rc != 1)
		return "-";
	CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC, "open in children");
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void
check_entry(struct clb_cache *c, const struct clb_cache_key *key, const char *want)
{
	const char *got = entry(c, key, 0, NULL);

	CHECK(strcmp(got, want) == 0, "%s %s: %s", key->kind, key->text, got);
}

static size_t
count_files(void)
{
	DIR *d = opendir("cache");
	size_t n = 0;

	while (d != NULL && readdir(d) != NULL)
		n++;
	if (d != NULL)
		closedir(d);
	return n - 2;
}

static void
write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	CHECK(f != NULL && fputs(text, f) >= 0, "%s", path);
	if (f != NULL)
		fclose(f);
}

static void
put(struct clb_cache *c, const struct clb_cache_key *key, const char *text, int64_t now_ms)
{
	OK(clb_cache_put(c, key, text, strlen(text), now_ms, &e));
}

static void
test_answers(void)
{
	struct clb_cache c;
	int64_t age_ms = -1;
	struct stat st;

	OK(clb_cache_open(&c, "cache", &e));
	CHECK(stat("cache", &st) == 0 && (st.st_mode & 07777) == 0700, "mode %o", st.st_mode);
	check_entry(&c, &http_a, "-");
	put(&c, &http_a, "[1]", 5000);
	put(&c, &dns_a, "[2]", 5000);
	check_entry(&c, &http_a, "[1]");
	check_entry(&c, &dns_a, "[2]");
	put(&c, &http_a, "", 7123);
	CHECK(strcmp(entry(&c, &http_a, 8000, &age_ms), "") == 0 && age_ms == 877, "%d", (int)age_ms);
	entry(&c, &http_a, 7123, &age_ms);
	CHECK(age_ms == 0, "%d", (int)age_ms);
	entry(&c, &http_a, 7122, &age_ms);
	CHECK(age_ms == INT64_MAX, "an entry from the future is young");
	CHECK(count_files() == 4, "%zu files", count_files());
	clb_cache_release(&c);
}

/* An entry that another key displaced, or that lost its .key, is none. */
static void
test_collision(void)
{
	struct clb_cache c;
	struct clb_cache_key other = { "http", "http://b/", "json" };
	char *name = NULL, *side = NULL;
	DIR *d = opendir("cache");
	struct dirent *ent;

	while (d != NULL && (ent = readdir(d)) != NULL)
		if (strncmp(ent->d_name, "http-", 5) == 0 && strstr(ent->d_name, ".key") == NULL)
			name = clb_xasprintf("cache/%s", ent->d_name);
	closedir(d);
	side = clb_xasprintf("%s.key", name);
	OK(clb_cache_open(&c, "cache", &e));
	write_file(side, "-\nhttp://b/");	/* as if it had the same hash */
	check_entry(&c, &http_a, "-");
	put(&c, &http_a, "[3]", 1);
	check_entry(&c, &http_a, "[3]");
	unlink(side);
	check_entry(&c, &http_a, "-");
	put(&c, &http_a, "[4]", 1);
	unlink(name);
	check_entry(&c, &http_a, "-");
	check_entry(&c, &other, "-");
	put(&c, &http_a, "[5]", 1);
	clb_cache_release(&c);
	free(name);
	free(side);
}

static int
open_stamped(const char *path, struct clb_cache_stamp *s)
{
	int fd = open(path, O_RDONLY);

	OK(clb_cache_stamp(s, fd, path, &e));
	return fd;
}

static void
test_files(void)
{
	struct clb_err e = CLB_ERR_INIT;
	struct clb_cache_stamp s, later;
	struct clb_cache c;
	int fd, fd2;

	OK(clb_cache_open(&c, "cache", &e));
	write_file("a.json", "[\"one\"]");
	fd = open_stamped("a.json", &s);
	CHECK(!clb_cache_has_file(&c, &file_a, &s), "not stored yet");
	CHECK(lseek(fd, 3, SEEK_SET) == 3, "lseek");
	CHECK(clb_cache_put_file(&c, &file_a, fd, &s, 9, &e) == 1, "%s", e.msg);
	CHECK(lseek(fd, 0, SEEK_CUR) == 3, "the offset was moved");
	check_entry(&c, &file_a, "[\"one\"]");
	CHECK(clb_cache_has_file(&c, &file_a, &s), "stored");
	CHECK(clb_cache_put_file(&c, &file_a, fd, &s, 9, &e) == 0, "an unchanged file is copied");
	/* Another file of that name, as a rename brings it. */
	write_file("a.new", "[\"two\"]");
	CHECK(rename("a.new", "a.json") == 0, "rename");
	fd2 = open_stamped("a.json", &later);
	CHECK(!clb_cache_has_file(&c, &file_a, &later), "another file");
	/* The old one is still what it was; one that changed since its stamp is not stored. */
	CHECK(clb_cache_put_file(&c, &file_a, fd2, &later, 9, &e) == 1, "%s", e.msg);
	later.size++;
	CHECK(clb_cache_put_file(&c, &file_a, fd2, &later, 9, &e) == 0, "stored unchecked");
	check_entry(&c, &file_a, "[\"two\"]");
	close(fd);
	close(fd2);
	/* A large one, and an empty one. */
	CHECK(truncate("a.json", 5000000) == 0, "truncate");
	fd = open_stamped("a.json", &s);
	CHECK(clb_cache_put_file(&c, &file_a, fd, &s, 9, &e) == 1 &&
	    clb_cache_has_file(&c, &file_a, &s), "%s", e.msg);
	close(fd);
	CHECK(truncate("a.json", 0) == 0, "truncate");
	fd = open_stamped("a.json", &s);
	CHECK(clb_cache_put_file(&c, &file_a, fd, &s, 9, &e) == 1, "%s", e.msg);
	check_entry(&c, &file_a, "");
	close(fd);
	clb_cache_release(&c);
}

/* What nobody asked for goes, what is not ours and what others may need stays. */
static void
test_prune(void)
{
	struct clb_cache c, other;
	size_t n;
	pid_t pid;

	write_file("cache/README", "");
	write_file("cache/http-0123456789abcdef.json.Xa2345", "half");
	write_file("cache/http-0123456789abcdef.json.key.Xa2345", "half");
	n = count_files();
	/* In a process of its own: a lock belongs to an open file. */
	if ((pid = fork()) == 0) {
		OK(clb_cache_open(&other, "cache", &e));
		_exit(failures != 0);
	}
	waitpid(pid, NULL, 0);
	CHECK(count_files() == n - 2, "half-written files stay: %zu of %zu", count_files(), n);
	OK(clb_cache_open(&c, "cache", &e));
	OK(clb_cache_open(&other, "cache", &e));
	check_entry(&c, &dns_a, "[2]");
	OK(clb_cache_prune(&c, &e));
	CHECK(count_files() == n - 2, "pruned while another uses the directory");
	write_file("cache/dns-0123456789abcdef.json.Xa2345", "being written by another");
	clb_cache_release(&c);
	OK(clb_cache_open(&c, "cache", &e));
	CHECK(count_files() == n - 1, "another's temporary file is gone");
	clb_cache_release(&other);
	check_entry(&c, &dns_a, "[2]");
	OK(clb_cache_prune(&c, &e));
	CHECK(count_files() == 3, "%zu files", count_files());	/* one entry with .key, README */
	check_entry(&c, &dns_a, "[2]");
	check_entry(&c, &http_a, "-");
	OK(clb_cache_prune(&c, &e));
	clb_cache_release(&c);
}

/* A disk that is full leaves the old entry and nothing half-written. */
static void
test_failure(void)
{
	struct clb_err e = CLB_ERR_INIT;
	struct clb_cache c;
	size_t n = count_files();
	int fd;

	CHECK(clb_cache_open(&c, "none/cache", &e) == -1 && e.status == EX_CANTCREAT, "%s", e.msg);
	clb_cache_release(&c);
	OK(clb_cache_open(&c, "cache", &e));
	e = (struct clb_err)CLB_ERR_INIT;
	fd = open("/proc/self/mem", O_RDONLY);	/* reads at 0 fail */
	CHECK(clb_cache_put_fd(&c, &dns_a, fd, 1, &e) == -1 && e.status == EX_IOERR, "%s", e.msg);
	close(fd);
	check_entry(&c, &dns_a, "[2]");
	CHECK(count_files() == n, "%zu files, %zu before", count_files(), n);
	clb_cache_release(&c);
}

int
main(void)
{
	const char *tmp = getenv("BATS_TEST_TMPDIR");
	char *dir = clb_xasprintf("%s/clb-cache.XXXXXX", tmp != NULL ? tmp : "/tmp"), *rm;

	if (mkdtemp(dir) == NULL || chdir(dir) == -1) {
		CHECK(0, "%s", dir);
		return check_end();
	}
	test_answers();
	test_collision();
	test_files();
	test_prune();
	test_failure();
	rm = clb_xasprintf("rm -rf '%s'", dir);
	CHECK(chdir("/") == 0 && system(rm) == 0, "%s", rm);
	free(rm);
	free(dir);
	return check_end();
}
