#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "lib/cache.h"

#define HEX "0123456789abcdef"
#define ALNUM "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define LOWER "abcdefghijklmnopqrstuvwxyz"

/* What a file in the directory is to this room. */
enum kind { STRANGER, ENTRY, TEMPORARY };

/* <kind>-<hex>.<ext>, perhaps with .key behind, perhaps with .XXXXXX behind that. */
static enum kind
kind_of(const char *name)
{
	size_t n = strspn(name, LOWER);
	const char *p = name + n;

	if (n == 0 || *p != '-' || strspn(p + 1, HEX) != 16 || p[17] != '.')
		return STRANGER;
	p += 18;
	if ((n = strspn(p, LOWER)) == 0)
		return STRANGER;
	p += n;
	if (strncmp(p, ".key", 4) == 0 && (p[4] == '\0' || p[4] == '.'))
		p += 4;
	if (*p == '\0')
		return ENTRY;
	return *p == '.' && strspn(p + 1, ALNUM) == 6 && p[7] == '\0' ? TEMPORARY : STRANGER;
}

/* The file name of key's entry, remembered as used; borrowed from c. */
static const char *
entry_name(struct clb_cache *c, const struct clb_cache_key *key)
{
	char *name = clb_xasprintf("%s-%016" PRIx64 ".%s", key->kind,
	    (uint64_t)XXH64(key->text, strlen(key->text), 0), key->ext);

	if (c->nused == c->cap) {
		c->cap = c->cap != 0 ? 2 * c->cap : 16;
		c->used = clb_xreallocarray(c->used, c->cap, sizeof(*c->used));
	}
	return c->used[c->nused++] = name;
}

static int
by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* An entry was used, and so was its .key, if its name is among the sorted ones. */
static int
is_used(const struct clb_cache *c, const char *name)
{
	size_t n = strlen(name);
	char *base = clb_xstrndup(name, n > 4 && strcmp(name + n - 4, ".key") == 0 ? n - 4 : n);
	int found = c->nused != 0 &&
	    bsearch(&base, c->used, c->nused, sizeof(*c->used), by_bytes) != NULL;

	free(base);
	return found;
}

/*
 * Remove temporary files, and with entries set unused entries as well. Only
 * for who has the directory alone.
 */
static int
sweep(const struct clb_cache *c, int entries, struct clb_err *e)
{
	DIR *d = opendir(c->dir);
	struct dirent *ent;
	int rc = 0;

	if (d == NULL)
		return clb_err_set(e, EX_IOERR, "%s: %s", c->dir, strerror(errno));
	while ((ent = readdir(d)) != NULL) {
		enum kind k = kind_of(ent->d_name);

		if ((k == TEMPORARY || (k == ENTRY && entries && !is_used(c, ent->d_name))) &&
		    unlinkat(c->fd, ent->d_name, 0) == -1 && errno != ENOENT)
			rc = clb_err_set(e, EX_IOERR, "%s/%s: %s", c->dir, ent->d_name,
			    strerror(errno));
	}
	closedir(d);
	return rc;
}

/*
 * Run sweep if nobody else is here. Everybody holds a shared lock while using
 * the directory, so that nobody's temporary file is taken away.
 */
static int
sweep_alone(const struct clb_cache *c, int entries, struct clb_err *e)
{
	int rc = 0;

	if (flock(c->fd, LOCK_EX | LOCK_NB) == 0)
		rc = sweep(c, entries, e);
	while (flock(c->fd, LOCK_SH) == -1)
		if (errno != EINTR)	/* a file system without locks: do without */
			break;
	return rc;
}

int
clb_cache_open(struct clb_cache *c, const char *dir, struct clb_err *e)
{
	struct clb_err ignored = CLB_ERR_INIT;

	*c = (struct clb_cache){ clb_xstrdup(dir), -1, NULL, 0, 0 };
	if (mkdir(dir, 0700) == -1 && errno != EEXIST)
		return clb_err_set(e, EX_CANTCREAT, "%s: %s", dir, strerror(errno));
	if ((c->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		return clb_err_set(e, EX_CANTCREAT, "%s: %s", dir, strerror(errno));
	(void)sweep_alone(c, 0, &ignored);	/* rubbish harms nobody */
	return 0;
}

void
clb_cache_release(struct clb_cache *c)
{
	if (c->fd != -1)
		close(c->fd);
	for (size_t i = 0; i < c->nused; i++)
		free(c->used[i]);
	free(c->used);
	free(c->dir);
	*c = (struct clb_cache){ NULL, -1, NULL, 0, 0 };
}

int
clb_cache_prune(struct clb_cache *c, struct clb_err *e)
{
	if (c->nused != 0)
		qsort(c->used, c->nused, sizeof(*c->used), by_bytes);
	return sweep_alone(c, 1, e);
}

/* ---- the .key file ---- */

/* Stamp and text of the entry's .key file into b, NUL-terminated; -1 if there is none. */
static int
read_key(const struct clb_cache *c, const char *name, struct clb_buf *b)
{
	char *path = clb_xasprintf("%s.key", name);
	int fd = openat(c->fd, path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	free(path);
	if (fd == -1)
		return -1;
	do {
		clb_buf_reserve(b, 512);
		if ((got = read(fd, b->p + b->n, b->cap - b->n - 1)) > 0)
			b->n += (size_t)got;
	} while (got > 0 || (got == -1 && errno == EINTR));
	close(fd);
	b->p[b->n] = '\0';
	return got == -1 ? -1 : 0;
}

/* What a .key file says of key in the state of stamp s. */
static char *
key_text(const struct clb_cache_key *key, const struct clb_cache_stamp *s)
{
	if (s == NULL)
		return clb_xasprintf("-\n%s", key->text);
	return clb_xasprintf("%" PRIu64 ":%" PRIu64 " %" PRId64 " %" PRId64 ".%09" PRId64 "\n%s",
	    s->dev, s->ino, s->size, s->mtime_s, s->mtime_ns, key->text);
}

/* 1 if the entry is key's: the text behind the first line is the same. */
static int
is_ours(const struct clb_cache *c, const char *name, const struct clb_cache_key *key)
{
	struct clb_buf b = { NULL, 0, 0 };
	char *text;
	int ours = read_key(c, name, &b) == 0 && (text = memchr(b.p, '\n', b.n)) != NULL &&
	    strcmp(text + 1, key->text) == 0;

	clb_buf_release(&b);
	return ours;
}

int
clb_cache_get(struct clb_cache *c, const struct clb_cache_key *key, int64_t now_ms,
    int *fd, int64_t *age_ms, struct clb_err *e)
{
	const char *name = entry_name(c, key);
	struct stat st;

	if (!is_ours(c, name, key))
		return 0;
	if ((*fd = openat(c->fd, name, O_RDONLY | O_CLOEXEC)) == -1 || fstat(*fd, &st) == -1) {
		if (*fd == -1 && errno == ENOENT)
			return 0;
		clb_err_set(e, EX_NOINPUT, "%s/%s: %s", c->dir, name, strerror(errno));
		if (*fd != -1)
			close(*fd);
		return -1;
	}
	if (age_ms != NULL) {
		int64_t then = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;

		*age_ms = then <= now_ms ? now_ms - then : INT64_MAX;
	}
	return 1;
}

/* ---- storing ---- */

/* Where the bytes of an entry come from: a file, or memory where fd is -1. */
struct source {
	int fd;
	const char *p;
	size_t n;
};

static int
write_all(int to, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t put = write(to, p, n);

		if (put == -1 && errno != EINTR)
			return -1;
		if (put > 0) {
			p += put;
			n -= (size_t)put;
		}
	}
	return 0;
}

/* All bytes of a file, in the kernel; sendfile where copy_file_range cannot. */
static int
copy_all(int to, int from)
{
	size_t chunk = (size_t)1 << 30;
	int64_t at = 0;
	off_t at_off = 0;
	ssize_t put;

	do
		put = copy_file_range(from, &at, to, NULL, chunk, 0);
	while (put > 0 || (put == -1 && errno == EINTR));
	if (put == 0 && at > 0)
		return 0;
	at_off = at;	/* also for 0: some file systems say so and mean "cannot" */
	do
		put = sendfile(to, from, &at_off, chunk);
	while (put > 0 || (put == -1 && errno == EINTR));
	return put == -1 ? -1 : 0;
}

/* A whole new file c->dir/name, safe on the disk if it is to be synced. */
static int
replace(const struct clb_cache *c, const char *name, const struct source *src, int sync,
    int64_t now_ms, struct clb_err *e)
{
	char *path = clb_xasprintf("%s/%s", c->dir, name);
	char *tmp = clb_xasprintf("%s.XXXXXX", path);
	struct timespec when = { now_ms / 1000, now_ms % 1000 * 1000000 };
	int fd = mkostemp(tmp, O_CLOEXEC), rc = -1, copied;

	if (fd == -1) {
		clb_err_set(e, EX_CANTCREAT, "%s: %s", tmp, strerror(errno));
		goto out;
	}
	copied = src->fd == -1 ? write_all(fd, src->p, src->n) : copy_all(fd, src->fd);
	if (copied == -1 || futimens(fd, (struct timespec[]){ when, when }) == -1 ||
	    (sync && fsync(fd) == -1) || rename(tmp, path) == -1) {
		clb_err_set(e, EX_IOERR, "%s: %s", path, strerror(errno));
		unlink(tmp);
	} else
		rc = 0;
	close(fd);
out:
	free(tmp);
	free(path);
	return rc;
}

/*
 * The entry first, then its .key, which may be lost in a crash: the worst that
 * follows is another copy. Another key's .key goes before the entry comes.
 */
static int
store(struct clb_cache *c, const struct clb_cache_key *key, const char *name,
    const struct source *src, const struct clb_cache_stamp *s, int64_t now_ms, struct clb_err *e)
{
	char *text = key_text(key, s), *side = clb_xasprintf("%s.key", name);
	struct source line = { -1, text, strlen(text) };
	int rc = -1;

	if (!is_ours(c, name, key) && unlinkat(c->fd, side, 0) == -1 && errno != ENOENT)
		clb_err_set(e, EX_IOERR, "%s/%s: %s", c->dir, side, strerror(errno));
	else if (replace(c, name, src, 1, now_ms, e) == 0 &&
	    replace(c, side, &line, 0, now_ms, e) == 0)
		rc = 0;
	free(side);
	free(text);
	return rc;
}

int
clb_cache_put_fd(struct clb_cache *c, const struct clb_cache_key *key, int fd,
    int64_t now_ms, struct clb_err *e)
{
	return store(c, key, entry_name(c, key), &(struct source){ fd, NULL, 0 }, NULL, now_ms, e);
}

int
clb_cache_put(struct clb_cache *c, const struct clb_cache_key *key,
    const void *p, size_t n, int64_t now_ms, struct clb_err *e)
{
	return store(c, key, entry_name(c, key), &(struct source){ -1, p, n }, NULL, now_ms, e);
}

int
clb_cache_stamp(struct clb_cache_stamp *s, int fd, const char *name, struct clb_err *e)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return clb_err_set(e, EX_NOINPUT, "%s: %s", name, strerror(errno));
	*s = (struct clb_cache_stamp){
		st.st_dev, st.st_ino, st.st_size, st.st_mtim.tv_sec, st.st_mtim.tv_nsec
	};
	return 0;
}

/* 1 if the file is still in the state of s. */
static int
is_at(int fd, const struct clb_cache_stamp *s)
{
	struct clb_err ignored = CLB_ERR_INIT;
	struct clb_cache_stamp now = { 0 };

	return clb_cache_stamp(&now, fd, "", &ignored) == 0 && now.dev == s->dev &&
	    now.ino == s->ino && now.size == s->size && now.mtime_s == s->mtime_s &&
	    now.mtime_ns == s->mtime_ns;
}

static int
is_stored(const struct clb_cache *c, const struct clb_cache_key *key, const char *name,
    const struct clb_cache_stamp *s)
{
	struct clb_buf b = { NULL, 0, 0 };
	char *want = key_text(key, s);
	struct stat st;
	int stored = read_key(c, name, &b) == 0 && strcmp(b.p, want) == 0 &&
	    fstatat(c->fd, name, &st, 0) == 0 && st.st_size == s->size;

	free(want);
	clb_buf_release(&b);
	return stored;
}

int
clb_cache_has_file(struct clb_cache *c, const struct clb_cache_key *key,
    const struct clb_cache_stamp *s)
{
	return is_stored(c, key, entry_name(c, key), s);
}

int
clb_cache_put_file(struct clb_cache *c, const struct clb_cache_key *key, int fd,
    const struct clb_cache_stamp *s, int64_t now_ms, struct clb_err *e)
{
	const char *name = entry_name(c, key);

	if (is_stored(c, key, name, s) || !is_at(fd, s))
		return 0;
	return store(c, key, name, &(struct source){ fd, NULL, 0 }, s, now_ms, e) == -1 ? -1 : 1;
}
