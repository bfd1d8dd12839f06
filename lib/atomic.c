#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/atomic.h"

#define ALNUM "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define CHUNK ((size_t)1 << 18)

/* So much is written before the disk is asked to begin. */
#define AHEAD ((uint64_t)4 << 20)

static int
fail(const struct clb_atomic *a, struct clb_err *e)
{
	return clb_err_set(e, EX_IOERR, "%s: %s", a->path, strerror(errno));
}

int
clb_atomic_begin(struct clb_atomic *a, const char *path, struct clb_err *e)
{
	struct stat st;

	*a = (struct clb_atomic){ .path = clb_xstrdup(path), .old = -1, .fd = -1 };
	/* Anything but a file that can be read is no old content, but replaced. */
	a->old = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (a->old == -1 && (errno == EMFILE || errno == ENFILE || errno == EIO))
		return fail(a, e);
	if (a->old != -1 && (fstat(a->old, &st) == -1 || !S_ISREG(st.st_mode))) {
		close(a->old);
		a->old = -1;
	}
	return 0;
}

/* n bytes of the old file at off, fewer at its end. Returns how many, or -1. */
static ssize_t
read_old(const struct clb_atomic *a, char *p, size_t n, uint64_t off)
{
	size_t done = 0;

	while (done < n) {
		ssize_t got = pread(a->old, p + done, n - done, (off_t)(off + done));

		if (got == -1 && errno == EINTR)
			continue;
		if (got <= 0)
			return got == 0 ? (ssize_t)done : -1;
		done += (size_t)got;
	}
	return (ssize_t)done;
}

static int
write_all(struct clb_atomic *a, const char *p, size_t n, struct clb_err *e)
{
	while (n > 0) {
		ssize_t put = write(a->fd, p, n);

		if (put == -1 && errno != EINTR)
			return fail(a, e);
		if (put > 0) {
			p += put;
			n -= (size_t)put;
			a->size += (uint64_t)put;
		}
	}
	/* The disk works while we do; the sync at the end waits less. */
	if (a->size - a->asked >= AHEAD) {
		(void)sync_file_range(a->fd, (off_t)a->asked, (off_t)(a->size - a->asked),
		    SYNC_FILE_RANGE_WRITE);
		a->asked = a->size;
	}
	return 0;
}

/* The first difference: make the temporary file, with the bytes that matched. */
static int
diverge(struct clb_atomic *a, struct clb_err *e)
{
	char *tmp = clb_xasprintf("%s.XXXXXX", a->path), *p = NULL;
	uint64_t off = 0;
	int rc = -1;

	if ((a->fd = mkostemp(tmp, O_CLOEXEC)) == -1) {
		clb_err_set(e, EX_CANTCREAT, "%s: %s", a->path, strerror(errno));
		free(tmp);
		return -1;
	}
	a->tmp = tmp;
	if (fchmod(a->fd, 0644) == -1)
		return fail(a, e);
	if (a->same > 0)
		p = clb_xmalloc(CHUNK);
	while (off < a->same) {
		size_t want = a->same - off < CHUNK ? (size_t)(a->same - off) : CHUNK;

		if (read_old(a, p, want, off) != (ssize_t)want) {
			fail(a, e);
			goto out;
		}
		if (write_all(a, p, want, e) == -1)
			goto out;
		off += want;
	}
	rc = 0;
out:
	free(p);
	return rc;
}

/* 1 if the old file goes on with what is gathered, 0 if not, -1 with e set. */
static int
matches(const struct clb_atomic *a, struct clb_err *e)
{
	ssize_t got;
	char *p;
	int same;

	if (a->old == -1)
		return 0;
	p = clb_xmalloc(a->buf.n);
	got = read_old(a, p, a->buf.n, a->same);
	same = got == (ssize_t)a->buf.n && memcmp(p, a->buf.p, a->buf.n) == 0;
	free(p);
	return got == -1 ? fail(a, e) : same;
}

static int
flush(struct clb_atomic *a, struct clb_err *e)
{
	int same = a->tmp == NULL && a->buf.n > 0 ? matches(a, e) : 0;

	if (same == -1)
		return -1;
	if (same)
		a->same += a->buf.n;
	else if (a->buf.n > 0 && ((a->tmp == NULL && diverge(a, e) == -1) ||
	    write_all(a, a->buf.p, a->buf.n, e) == -1))
		return -1;
	a->buf.n = 0;
	return 0;
}

int
clb_atomic_write(struct clb_atomic *a, const void *p, size_t n, struct clb_err *e)
{
	clb_buf_add(&a->buf, p, n);
	return a->buf.n < CHUNK ? 0 : flush(a, e);
}

/* Close what is open; the paths stay for commit. */
static void
close_files(struct clb_atomic *a)
{
	if (a->old != -1)
		close(a->old);
	if (a->fd != -1)
		close(a->fd);
	a->old = a->fd = -1;
	clb_buf_release(&a->buf);
}

int
clb_atomic_finish(struct clb_atomic *a, struct clb_err *e)
{
	struct stat st;

	if (flush(a, e) == -1)
		return -1;
	if (a->tmp == NULL && a->old != -1) {
		if (fstat(a->old, &st) == -1)
			return fail(a, e);
		if ((uint64_t)st.st_size == a->same) {
			close_files(a);
			return 0;
		}
	}
	if (a->tmp == NULL && diverge(a, e) == -1)
		return -1;
	(void)sync_file_range(a->fd, (off_t)a->asked, 0, SYNC_FILE_RANGE_WRITE);
	close_files(a);
	return 1;
}

/* The file is opened anew: of many that wait for their sync, none stays open. */
int
clb_atomic_sync(struct clb_atomic *a, struct clb_err *e)
{
	int fd = open(a->tmp, O_RDONLY | O_CLOEXEC), rc = 0;

	if (fd == -1 || fsync(fd) == -1)
		rc = fail(a, e);
	if (fd != -1 && close(fd) == -1 && rc == 0)
		rc = fail(a, e);
	return rc;
}

int
clb_atomic_commit(struct clb_atomic *a, struct clb_err *e)
{
	if (rename(a->tmp, a->path) == -1)
		return fail(a, e);
	free(a->tmp);
	a->tmp = NULL;
	return 0;
}

void
clb_atomic_release(struct clb_atomic *a)
{
	close_files(a);
	if (a->tmp != NULL)
		unlink(a->tmp);
	free(a->tmp);
	free(a->path);
	*a = (struct clb_atomic){ .old = -1, .fd = -1 };
}

int
clb_atomic_sync_dir(const char *dir, struct clb_err *e)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;

	/* Some file systems cannot sync a directory, and say so. */
	if (fd == -1 || (fsync(fd) == -1 && errno != EINVAL))
		rc = clb_err_set(e, EX_IOERR, "%s: %s", dir, strerror(errno));
	if (fd != -1)
		close(fd);
	return rc;
}

int
clb_atomic_replace(const char *path, const void *p, size_t n, struct clb_err *e)
{
	char *dir = clb_xstrdup(path), *slash = strrchr(dir, '/');
	struct clb_atomic a;
	int rc = -1, differs = -1;

	if (slash != NULL)
		slash[slash == dir] = '\0';
	if (clb_atomic_begin(&a, path, e) == 0 && clb_atomic_write(&a, p, n, e) == 0)
		differs = clb_atomic_finish(&a, e);
	if (differs == 0 || (differs == 1 && clb_atomic_sync(&a, e) == 0 &&
	    clb_atomic_commit(&a, e) == 0 && clb_atomic_sync_dir(slash != NULL ? dir : ".", e) == 0))
		rc = 0;
	clb_atomic_release(&a);
	free(dir);
	return rc;
}

int
clb_atomic_is_tmp(const char *name, const char *suffix)
{
	size_t n = strlen(name), k = strlen(suffix);

	return n > k + 7 && memcmp(name + n - 7 - k, suffix, k) == 0 && name[n - 7] == '.' &&
	    strspn(name + n - 6, ALNUM) == 6;
}
