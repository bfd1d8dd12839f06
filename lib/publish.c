#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/publish.h"
#include "lib/sd_name.h"

/* Present in a directory that is ours to remove files from; it is locked, too. */
#define MARKER ".clb-writesd"

/* ---- paths ---- */

/* Paths, and whether they are to stay. */
struct entry {
	char *path;
	int wanted;
};

struct entries {
	struct entry *v;
	size_t n, cap;
	int is_sorted;
};

static void
add_entry(struct entries *l, char *path)
{
	if (l->n == l->cap) {
		l->cap = l->cap != 0 ? 2 * l->cap : 32;
		l->v = clb_xreallocarray(l->v, l->cap, sizeof(*l->v));
	}
	l->v[l->n++] = (struct entry){ path, 0 };
	l->is_sorted = 0;
}

static int
by_path(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->path, ((const struct entry *)b)->path);
}

static void
sort_entries(struct entries *l)
{
	if (!l->is_sorted && l->n > 1)
		qsort(l->v, l->n, sizeof(*l->v), by_path);
	l->is_sorted = 1;
}

/* The entry of path is to stay. Returns 0 if there is none. */
static int
want(struct entries *l, char *path)
{
	struct entry key = { path, 0 }, *found = NULL;

	sort_entries(l);
	if (l->n > 0)
		found = bsearch(&key, l->v, l->n, sizeof(*l->v), by_path);
	if (found != NULL)
		found->wanted = 1;
	return found != NULL;
}

static void
release_entries(struct entries *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].path);
	free(l->v);
}

struct clb_publish {
	char *dir;
	int lock;		/* the marker */
	struct entries dirs, files;	/* what was there before */
	struct entries made;	/* directories that were not, each behind the one it is in */
	/* Files that differ, written and not yet renamed. */
	struct clb_atomic *changed;
	size_t nchanged, cap;
	struct clb_atomic file;	/* the one being written */
	int is_open;
	struct clb_buf path;	/* its path, and how much of that is its directory, */
	size_t in;		/* which is there */
	int is_done;		/* committed */
};

/* ---- what is there ---- */

static DIR *
open_dir(const char *path, struct clb_err *e)
{
	DIR *d = opendir(path);

	if (d == NULL)
		clb_err_set(e, EX_CANTCREAT, "%s: %s", path, strerror(errno));
	return d;
}

/* What a file system keeps at its top is nobody's. */
static int
is_nobodys(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, "lost+found") == 0;
}

/* 1 if there is nothing in dir but what belongs to the file system, else 0 or -1. */
static int
is_empty(const char *dir, struct clb_err *e)
{
	DIR *d = open_dir(dir, e);
	struct dirent *ent;
	int empty = 1;

	if (d == NULL)
		return -1;
	while (empty && (ent = readdir(d)) != NULL)
		empty = is_nobodys(ent->d_name);
	closedir(d);
	return empty;
}

/* Make the directory ours, or find that it is, and lock it. */
static int
claim(struct clb_publish *p, struct clb_err *e)
{
	char *marker = clb_xasprintf("%s/%s", p->dir, MARKER);
	int empty;

	if (mkdir(p->dir, 0755) == -1 && errno != EEXIST) {
		clb_err_set(e, EX_CANTCREAT, "%s: %s", p->dir, strerror(errno));
		goto out;
	}
	p->lock = open(marker, O_RDONLY | O_CLOEXEC);
	if (p->lock == -1 && errno == ENOENT) {
		if ((empty = is_empty(p->dir, e)) == -1)
			goto out;
		if (!empty) {
			clb_err_set(e, EX_CANTCREAT, "%s: the directory is not empty, and has no "
			    "%s that says it may be used", p->dir, MARKER);
			goto out;
		}
		p->lock = open(marker, O_RDONLY | O_CREAT | O_CLOEXEC, 0644);
	}
	if (p->lock == -1)
		clb_err_set(e, EX_CANTCREAT, "%s: %s", marker, strerror(errno));
	else if (flock(p->lock, LOCK_EX | LOCK_NB) == -1)
		clb_err_set(e, EX_TEMPFAIL, "%s: %s", p->dir, errno == EWOULDBLOCK ?
		    "another process is writing there" : strerror(errno));
out:
	free(marker);
	return e->status == 0 ? 0 : -1;
}

struct clb_publish *
clb_publish_open(const char *dir, struct clb_err *e)
{
	struct clb_publish *p = clb_xcalloc(1, sizeof(*p));

	p->dir = clb_xstrdup(dir);
	p->lock = -1;
	if (claim(p, e) == -1) {
		clb_publish_close(p);
		return NULL;
	}
	return p;
}

static int
has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), k = strlen(suffix);

	return n > k && strcmp(name + n - k, suffix) == 0;
}

static int
is_file(const char *name)
{
	return has_suffix(name, CLB_SD_SUFFIX) || has_suffix(name, CLB_SD_LIST_SUFFIX);
}

static int
is_tmp(const char *name)
{
	return clb_atomic_is_tmp(name, CLB_SD_SUFFIX) || clb_atomic_is_tmp(name, CLB_SD_LIST_SUFFIX);
}

static int
is_dir(int fd, const struct dirent *ent)
{
	struct stat st;

	if (ent->d_type != DT_UNKNOWN)
		return ent->d_type == DT_DIR;
	return fstatat(fd, ent->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* Remove what was never finished. */
static int
remove_tmp(int fd, const char *dir, const char *name, struct clb_err *e)
{
	return unlinkat(fd, name, 0) == 0 ? 0 :
	    clb_err_set(e, EX_IOERR, "%s/%s: %s", dir, name, strerror(errno));
}

static int
scan(struct clb_publish *p, const char *path, int with_files, int levels, struct clb_err *e)
{
	DIR *d = opendir(path);
	struct dirent *ent;
	size_t first = p->dirs.n, last;
	int rc = 0;

	if (d == NULL)
		return errno == ENOENT || errno == ENOTDIR ? 0 :
		    clb_err_set(e, EX_CANTCREAT, "%s: %s", path, strerror(errno));
	while (rc == 0 && (ent = readdir(d)) != NULL) {
		if (is_nobodys(ent->d_name) || !clb_sd_is_file_name(ent->d_name))
			continue;
		if (is_dir(dirfd(d), ent)) {
			if (levels > 0)
				add_entry(&p->dirs, clb_xasprintf("%s/%s", path, ent->d_name));
		} else if (with_files && is_file(ent->d_name))
			add_entry(&p->files, clb_xasprintf("%s/%s", path, ent->d_name));
		else if (with_files && is_tmp(ent->d_name))
			rc = remove_tmp(dirfd(d), path, ent->d_name, e);
	}
	closedir(d);
	last = p->dirs.n;
	for (size_t i = first; rc == 0 && i < last; i++)
		rc = scan(p, p->dirs.v[i].path, 1, levels - 1, e);
	return rc;
}

int
clb_publish_scan(struct clb_publish *p, const char *sub, int with_files, int levels,
    struct clb_err *e)
{
	char *path = clb_xasprintf("%s%s%s", p->dir, *sub != '\0' ? "/" : "", sub);
	int rc = scan(p, path, with_files, levels, e);

	free(path);
	return rc;
}

int
clb_publish_scan_names(struct clb_publish *p, const char *const *names, struct clb_err *e)
{
	DIR *d = open_dir(p->dir, e);
	struct dirent *ent;
	int rc = 0;

	if (d == NULL)
		return -1;
	while (rc == 0 && (ent = readdir(d)) != NULL)
		for (const char *const *name = names; rc == 0 && *name != NULL; name++) {
			size_t n = strlen(*name);

			if (strncmp(ent->d_name, *name, n) != 0)
				continue;
			if (ent->d_name[n] == '\0')
				add_entry(&p->files, clb_xasprintf("%s/%s", p->dir, *name));
			else if (strlen(ent->d_name) == n + 7 && clb_atomic_is_tmp(ent->d_name, ""))
				rc = remove_tmp(dirfd(d), p->dir, ent->d_name, e);
		}
	closedir(d);
	return rc;
}

int
clb_publish_has_larger(const struct clb_publish *p, uint64_t size)
{
	struct stat st;

	for (size_t i = 0; i < p->files.n; i++)
		if (!p->files.v[i].wanted && has_suffix(p->files.v[i].path, CLB_SD_SUFFIX) &&
		    stat(p->files.v[i].path, &st) == 0 && (uint64_t)st.st_size > size)
			return 1;
	return 0;
}

/* ---- writing ---- */

static int
make_dir(struct clb_publish *p, char *path, unsigned mode, struct clb_err *e)
{
	struct stat st;

	if (want(&p->dirs, path))
		return 0;
	if (mkdir(path, mode) == 0) {
		add_entry(&p->made, clb_xstrdup(path));
		return 0;
	}
	if (errno == EEXIST && lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	return clb_err_set(e, EX_CANTCREAT, "%s: %s", path, strerror(errno));
}

int
clb_publish_dir(struct clb_publish *p, const char *name, unsigned mode, struct clb_err *e)
{
	char *path = clb_xasprintf("%s/%s", p->dir, name);
	int rc = make_dir(p, path, mode, e);

	free(path);
	return rc;
}

/* All directories that the path is in, from the one behind our own on. */
static int
make_dirs(struct clb_publish *p, struct clb_err *e)
{
	char *slash = p->path.p + strlen(p->dir) + 1;

	for (; (slash = strchr(slash, '/')) != NULL; slash++) {
		int rc;

		*slash = '\0';
		rc = make_dir(p, p->path.p, 0755, e);
		*slash = '/';
		if (rc == -1)
			return -1;
	}
	return 0;
}

int
clb_publish_begin(struct clb_publish *p, const char *name, struct clb_err *e)
{
	size_t top = strlen(p->dir) + 1;
	const char *slash = strrchr(name, '/');
	size_t in = top + (slash != NULL ? (size_t)(slash - name) : 0);
	int same = p->in == in && p->path.n > in && memcmp(p->path.p + top, name, in - top) == 0;

	p->path.n = 0;
	clb_buf_printf(&p->path, "%s/%s", p->dir, name);
	clb_buf_addc(&p->path, '\0');
	if (!same) {
		p->in = 0;
		if (make_dirs(p, e) == -1)
			return -1;
		p->in = in;
	}
	want(&p->files, p->path.p);
	p->is_open = 1;
	return clb_atomic_begin(&p->file, p->path.p, e);
}

int
clb_publish_write(struct clb_publish *p, const void *data, size_t n, struct clb_err *e)
{
	return clb_atomic_write(&p->file, data, n, e);
}

int
clb_publish_end(struct clb_publish *p, struct clb_err *e)
{
	int differs = clb_atomic_finish(&p->file, e);

	if (differs == -1)
		return -1;
	p->is_open = 0;
	if (!differs) {
		clb_atomic_release(&p->file);
		return 0;
	}
	if (p->nchanged == p->cap) {
		p->cap = p->cap != 0 ? 2 * p->cap : 32;
		p->changed = clb_xreallocarray(p->changed, p->cap, sizeof(*p->changed));
	}
	p->changed[p->nchanged++] = p->file;
	return 0;
}

int
clb_publish_file(struct clb_publish *p, const char *name, const struct clb_buf *content,
    struct clb_err *e)
{
	return clb_publish_begin(p, name, e) == -1 ||
	    clb_publish_write(p, content->p, content->n, e) == -1 ||
	    clb_publish_end(p, e) == -1 ? -1 : 0;
}

/* ---- making it seen ---- */

/* From so many files on, the whole file system is synced instead of each. */
#define MANY 64

static int
sync_all(struct clb_publish *p, struct clb_err *e)
{
	return syncfs(p->lock) == 0 ? 0 :
	    clb_err_set(e, EX_IOERR, "%s: %s", p->dir, strerror(errno));
}

int
clb_publish_sync(struct clb_publish *p, struct clb_err *e)
{
	if (p->nchanged >= MANY)
		return sync_all(p, e);
	for (size_t i = 0; i < p->nchanged; i++)
		if (clb_atomic_sync(&p->changed[i], e) == -1)
			return -1;
	return 0;
}

static void
add_dir_of(struct entries *l, const char *path)
{
	add_entry(l, clb_xstrndup(path, (size_t)(strrchr(path, '/') - path)));
}

/* Sync every directory with a new name in it, once. */
static int
sync_dirs(struct clb_publish *p, struct clb_err *e)
{
	struct entries in = { NULL, 0, 0, 0 };
	int rc = 0;

	if (p->nchanged >= MANY)
		return sync_all(p, e);
	for (size_t i = 0; i < p->nchanged; i++)
		add_dir_of(&in, p->changed[i].path);
	for (size_t i = 0; i < p->made.n; i++)
		add_dir_of(&in, p->made.v[i].path);
	sort_entries(&in);
	for (size_t i = 0; rc == 0 && i < in.n; i++)
		if (i == 0 || strcmp(in.v[i].path, in.v[i - 1].path) != 0)
			rc = clb_atomic_sync_dir(in.v[i].path, e);
	release_entries(&in);
	return rc;
}

static int
rename_all(struct clb_publish *p, struct clb_err *e)
{
	for (size_t i = 0; i < p->nchanged; i++)
		if (clb_atomic_commit(&p->changed[i], e) == -1)
			return -1;
	return sync_dirs(p, e);
}

/*
 * Not synced: files that come back after a power cut go again with the next
 * run. A directory stays where there is something in it that is not ours.
 */
static int
remove_departed(struct clb_publish *p, struct clb_err *e)
{
	sort_entries(&p->dirs);	/* what is in a directory comes behind it */
	for (size_t i = 0; i < p->files.n; i++)
		if (!p->files.v[i].wanted && unlink(p->files.v[i].path) == -1 && errno != ENOENT)
			return clb_err_set(e, EX_IOERR, "%s: %s", p->files.v[i].path,
			    strerror(errno));
	for (size_t i = p->dirs.n; i-- > 0; )
		if (!p->dirs.v[i].wanted && rmdir(p->dirs.v[i].path) == -1 &&
		    errno != ENOTEMPTY && errno != EEXIST && errno != ENOENT)
			return clb_err_set(e, EX_IOERR, "%s: %s", p->dirs.v[i].path,
			    strerror(errno));
	return 0;
}

int
clb_publish_commit(struct clb_publish *p, struct clb_err *e)
{
	if (rename_all(p, e) == -1 || remove_departed(p, e) == -1)
		return -1;
	p->is_done = 1;
	return 0;
}

void
clb_publish_close(struct clb_publish *p)
{
	if (p == NULL)
		return;
	if (p->is_open)
		clb_atomic_release(&p->file);
	for (size_t i = 0; i < p->nchanged; i++)
		clb_atomic_release(&p->changed[i]);
	/* What was renamed already stays, and its directory. */
	for (size_t i = p->made.n; !p->is_done && i-- > 0; )
		(void)rmdir(p->made.v[i].path);
	if (p->lock != -1)
		close(p->lock);
	free(p->changed);
	release_entries(&p->dirs);
	release_entries(&p->files);
	release_entries(&p->made);
	clb_buf_release(&p->path);
	free(p->dir);
	free(p);
}
