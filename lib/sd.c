#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/atomic.h"
#include "lib/compat.h"
#include "lib/hash.h"
#include "lib/sd.h"
#include "lib/sd_name.h"
#include "lib/utf8.h"

/* Present in a directory that is ours to remove files from; it is locked, too. */
#define MARKER ".clb-writesd"
#define SUFFIX CLB_SD_SUFFIX

#define MAX_WARNINGS 5

/* ---- what is there ---- */

static int
has_suffix(const char *name)
{
	size_t n = strlen(name);

	return n > sizeof(SUFFIX) - 1 && strcmp(name + n - (sizeof(SUFFIX) - 1), SUFFIX) == 0;
}

/* Paths, and whether they are to stay. */
struct entry {
	char *path;
	int wanted;
};

struct entries {
	struct entry *v;
	size_t n, cap;
};

static void
add_entry(struct entries *l, char *path)
{
	if (l->n == l->cap) {
		l->cap = l->cap != 0 ? 2 * l->cap : 32;
		l->v = clb_xreallocarray(l->v, l->cap, sizeof(*l->v));
	}
	l->v[l->n++] = (struct entry){ path, 0 };
}

static int
by_path(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->path, ((const struct entry *)b)->path);
}

static void
sort_entries(struct entries *l)
{
	if (l->n > 1)
		qsort(l->v, l->n, sizeof(*l->v), by_path);
}

/* The entry of path is to stay. Returns 0 if there is none. */
static int
want(struct entries *l, char *path)
{
	struct entry key = { path, 0 }, *found = NULL;

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

struct sd {
	const char *dir;
	const struct clb_sd_options *o;
	int lock;		/* the marker */
	struct entries dirs, files;	/* what was there before */
	struct entries made;	/* directories that were not */
	/* Files that differ, written and not yet renamed. */
	struct clb_atomic *changed;
	size_t nchanged, cap;
	/* The file being written, and whose it is. */
	struct clb_atomic file;
	int is_open;
	struct clb_buf collector, job, path;
	size_t collector_path;	/* how much of path is the collector's */
	uint64_t id;
	uint64_t targets;
	/* The group being made. */
	struct clb_labels labels;
	struct clb_buf group, escaped;
	struct clb_arena names;
	/* Labels that were left out, and the first few that were told of. */
	uint64_t left_out, told[MAX_WARNINGS];
	size_t ntold;
};

static DIR *
open_dir(const char *path, struct clb_err *e)
{
	DIR *d = opendir(path);

	if (d == NULL)
		clb_err_set(e, EX_CANTCREAT, "%s: %s", path, strerror(errno));
	return d;
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
		empty = strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0 ||
		    strcmp(ent->d_name, "lost+found") == 0;
	closedir(d);
	return empty;
}

/* Make dir ours, or find that it is, and lock it. */
static int
claim(struct sd *sd, struct clb_err *e)
{
	char *marker = clb_xasprintf("%s/%s", sd->dir, MARKER);
	int empty;

	if (mkdir(sd->dir, 0755) == -1 && errno != EEXIST) {
		clb_err_set(e, EX_CANTCREAT, "%s: %s", sd->dir, strerror(errno));
		goto out;
	}
	sd->lock = open(marker, O_RDONLY | O_CLOEXEC);
	if (sd->lock == -1 && errno == ENOENT) {
		if ((empty = is_empty(sd->dir, e)) == -1)
			goto out;
		if (!empty) {
			clb_err_set(e, EX_CANTCREAT, "%s: the directory is not empty, and has no "
			    "%s that says it may be used", sd->dir, MARKER);
			goto out;
		}
		sd->lock = open(marker, O_RDONLY | O_CREAT | O_CLOEXEC, 0644);
	}
	if (sd->lock == -1)
		clb_err_set(e, EX_CANTCREAT, "%s: %s", marker, strerror(errno));
	else if (flock(sd->lock, LOCK_EX | LOCK_NB) == -1)
		clb_err_set(e, EX_TEMPFAIL, "%s: %s", sd->dir, errno == EWOULDBLOCK ?
		    "another process is writing there" : strerror(errno));
out:
	free(marker);
	return e->status == 0 ? 0 : -1;
}

/* Note a collector's files, and remove what was never finished. */
static int
scan_collector(struct sd *sd, const char *dir, struct clb_err *e)
{
	DIR *d = open_dir(dir, e);
	struct dirent *ent;
	int rc = 0;

	if (d == NULL)
		return -1;
	while (rc == 0 && (ent = readdir(d)) != NULL) {
		if (!clb_sd_is_file_name(ent->d_name) || ent->d_type == DT_DIR)
			continue;
		if (has_suffix(ent->d_name))
			add_entry(&sd->files, clb_xasprintf("%s/%s", dir, ent->d_name));
		else if (clb_atomic_is_tmp(ent->d_name, SUFFIX) &&
		    unlinkat(dirfd(d), ent->d_name, 0) == -1)
			rc = clb_err_set(e, EX_IOERR, "%s/%s: %s", dir, ent->d_name,
			    strerror(errno));
	}
	closedir(d);
	return rc;
}

static int
scan(struct sd *sd, struct clb_err *e)
{
	DIR *d = open_dir(sd->dir, e);
	struct dirent *ent;
	struct stat st;

	if (d == NULL)
		return -1;
	while ((ent = readdir(d)) != NULL)
		if (clb_sd_is_file_name(ent->d_name) &&
		    fstatat(dirfd(d), ent->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISDIR(st.st_mode))
			add_entry(&sd->dirs, clb_xasprintf("%s/%s", sd->dir, ent->d_name));
	closedir(d);
	sort_entries(&sd->dirs);
	for (size_t i = 0; i < sd->dirs.n; i++)
		if (scan_collector(sd, sd->dirs.v[i].path, e) == -1)
			return -1;
	sort_entries(&sd->files);
	return 0;
}

/* ---- groups ---- */

/*
 * Readers other than Prometheus take the files for YAML, in which these must
 * not stand in a string as they are: DEL, U+0080 to U+009F (among them a line
 * break), U+2028, U+2029, U+FEFF, U+FFFE, U+FFFF. Returns the length of the one
 * at p, or 0.
 */
static size_t
unprintable(const unsigned char *p, size_t n, unsigned *code)
{
	if (*p == 0x7f) {
		*code = *p;
		return 1;
	}
	if (n > 1 && *p == 0xc2 && p[1] < 0xa0) {
		*code = p[1];
		return 2;
	}
	if (n < 3 || *p < 0xe2)
		return 0;
	*code = (*p & 0xfu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
	return (*p == 0xe2 && (*code == 0x2028 || *code == 0x2029)) ||
	    (*p == 0xef && (*code == 0xfeff || *code >= 0xfffe)) ? 3 : 0;
}

/* 1 if there is a byte from 0x7f on. */
static int
has_high(const char *p, size_t n)
{
	uint64_t high = 0, word;
	size_t i;

	for (i = 0; i + 8 <= n; i += 8) {
		memcpy(&word, p + i, 8);
		high |= word | (word + 0x0101010101010101u);
	}
	for (; i < n; i++)
		high |= (unsigned char)p[i] >= 0x7f ? 0x80 : 0;
	return (high & 0x8080808080808080u) != 0;
}

/* The same JSON, which is YAML as well. Borrowed until the next call. */
static const struct clb_buf *
escape(struct clb_buf *out, const struct clb_buf *json)
{
	size_t len;
	unsigned code;

	if (!has_high(json->p, json->n))
		return json;
	out->n = 0;
	for (size_t i = 0; i < json->n; i += len) {
		len = unprintable((const unsigned char *)json->p + i, json->n - i, &code);
		if (len != 0) {
			clb_buf_printf(out, "\\u%04X", code);
			continue;
		}
		len = 1;
		clb_buf_addc(out, json->p[i]);
	}
	return out;
}

enum carriage { AS_IT_IS, IN_CARRIER, NOT_AT_ALL };

/* [0-9A-Za-z_]+: with something legal in front it is a name for Prometheus 2. */
static int
can_follow(struct clb_str name)
{
	for (uint32_t i = 0; i < name.n; i++)
		if (!isalnum((unsigned char)name.s[i]) && name.s[i] != '_')
			return 0;
	return name.n != 0;
}

/*
 * How a label gets to the collector. Prometheus 2 lets params override
 * __param_*, and refuses files with names that it has no use for. Labels that
 * look like our carriers go in one themselves: what unpacks them drops them.
 */
static enum carriage
carriage(const struct sd *sd, struct clb_str name)
{
	int is_old = sd->o->compat < CLB_VERSION(3, 0);

	if (name.n == 0 || (is_old && !can_follow(name)))
		return NOT_AT_ALL;
	if (clb_str_has_prefix(name, "__handoff") ||
	    (is_old && (clb_str_has_prefix(name, "__param_") || !clb_label_name_legacy(name))))
		return IN_CARRIER;
	return AS_IT_IS;
}

static void
warn(struct sd *sd, const char *text)
{
	if (sd->o->warn != NULL)
		sd->o->warn(text);
}

/*
 * Count a label that is left out, and tell of it if its like was not told of.
 * A parameter like match[] comes from the collector's own params.
 */
static void
leave_out(struct sd *sd, struct clb_str job, struct clb_str name)
{
	uint64_t like = clb_hash_bytes(job.s, job.n) * 31 + clb_hash_bytes(name.s, name.n);
	char *text;

	if (clb_str_has_prefix(name, "__param_"))
		return;
	sd->left_out++;
	for (size_t i = 0; i < sd->ntold; i++)
		if (sd->told[i] == like)
			return;
	if (sd->ntold == MAX_WARNINGS)
		return;
	sd->told[sd->ntold++] = like;
	text = clb_xasprintf("job '%.*s': label '%.*s' is left out, for no file can carry that name",
	    (int)job.n, job.s, (int)name.n, name.s);
	warn(sd, text);
	free(text);
}

static struct clb_str
carrier(struct sd *sd, struct clb_str name)
{
	static const char prefix[] = "__handoff_";
	size_t n = sizeof(prefix) - 1;
	char *p = clb_arena_alloc(&sd->names, n + name.n);

	memcpy(p, prefix, n);
	memcpy(p + n, name.s, name.n);
	return (struct clb_str){ p, (uint32_t)n + name.n, name.plain };
}

/* The labels that a collector fills in where they are absent, and should not. */
static void
mark_absent(struct sd *sd, const struct clb_labels *ls)
{
	static const struct clb_str name[] = { CLB_STR_INIT("job"), CLB_STR_INIT("__scheme__"),
	    CLB_STR_INIT("__metrics_path__") };
	char list[64] = ",";

	for (size_t i = 0; i < sizeof(name) / sizeof(*name); i++)
		if (clb_labels_get(ls, name[i]).n == 0) {
			strcat(list, name[i].s);
			strcat(list, ",");
		}
	if (list[1] != '\0')
		clb_labels_set(&sd->labels, CLB_STR("__handoffdel"),
		    clb_arena_str(&sd->names, list, strlen(list)));
}

/* The group of one target: {"labels":{…},"targets":["address"]}. */
static const struct clb_buf *
make_group(struct sd *sd, const struct clb_target *t)
{
	struct clb_str address = clb_labels_get(&t->labels, CLB_STR("__address__"));

	clb_labels_clear(&sd->labels);
	clb_arena_clear(&sd->names);
	for (size_t i = 0; i < t->labels.n; i++) {
		const struct clb_label *l = &t->labels.v[i];

		if (clb_str_eq(l->name, CLB_STR("__address__")))
			continue;
		switch (carriage(sd, l->name)) {
		case AS_IT_IS:
			clb_labels_add(&sd->labels, l->name, l->value);
			break;
		case IN_CARRIER:
			clb_labels_add(&sd->labels, carrier(sd, l->name), l->value);
			break;
		case NOT_AT_ALL:
			leave_out(sd, t->job, l->name);
			break;
		}
	}
	mark_absent(sd, &t->labels);
	sd->group.n = 0;
	clb_buf_adds(&sd->group, "{\"labels\":");
	clb_labels_json(&sd->group, &sd->labels);
	clb_buf_adds(&sd->group, ",\"targets\":[");
	clb_json_string(&sd->group, address);
	clb_buf_adds(&sd->group, "]}");
	return escape(&sd->escaped, &sd->group);
}

/* ---- files ---- */

/* End the file being written, if there is one. */
static int
end_file(struct sd *sd, struct clb_err *e)
{
	int differs;

	if (!sd->is_open)
		return 0;
	if (clb_atomic_write(&sd->file, "\n]\n", 3, e) == -1 ||
	    (differs = clb_atomic_finish(&sd->file, e)) == -1)
		return -1;
	sd->is_open = 0;
	if (!differs) {
		clb_atomic_release(&sd->file);
		return 0;
	}
	if (sd->nchanged == sd->cap) {
		sd->cap = sd->cap != 0 ? 2 * sd->cap : 32;
		sd->changed = clb_xreallocarray(sd->changed, sd->cap, sizeof(*sd->changed));
	}
	sd->changed[sd->nchanged++] = sd->file;
	return 0;
}

static void
set_buf(struct clb_buf *b, struct clb_str s)
{
	b->n = 0;
	clb_buf_add(b, s.s, s.n);
}

static int
begin_collector(struct sd *sd, struct clb_str name, struct clb_err *e)
{
	set_buf(&sd->collector, name);
	sd->path.n = 0;
	clb_buf_adds(&sd->path, sd->dir);
	clb_buf_addc(&sd->path, '/');
	clb_sd_file_name(&sd->path, name);
	sd->collector_path = sd->path.n;
	clb_buf_addc(&sd->path, '\0');
	if (want(&sd->dirs, sd->path.p))
		return 0;
	if (mkdir(sd->path.p, 0755) == -1)
		return clb_err_set(e, EX_CANTCREAT, "%s: %s", sd->path.p, strerror(errno));
	add_entry(&sd->made, clb_xstrdup(sd->path.p));
	return 0;
}

static int
begin_job(struct sd *sd, struct clb_str name, struct clb_err *e)
{
	set_buf(&sd->job, name);
	sd->path.n = sd->collector_path;
	clb_buf_addc(&sd->path, '/');
	clb_sd_file_name(&sd->path, name);
	clb_buf_add(&sd->path, SUFFIX, sizeof(SUFFIX));
	want(&sd->files, sd->path.p);
	sd->is_open = 1;
	return clb_atomic_begin(&sd->file, sd->path.p, e) == -1 ||
	    clb_atomic_write(&sd->file, "[\n", 2, e) == -1 ? -1 : 0;
}

static int
compare(const struct clb_buf *last, struct clb_str s)
{
	return clb_str_cmp((struct clb_str){ last->p, (uint32_t)last->n, 0 }, s);
}

static int
add_target(struct sd *sd, const struct clb_target *t, struct clb_stream *in, struct clb_err *e)
{
	const struct clb_buf *group;
	int c, j;

	if (t->collector.n == 0 || !(t->has & CLB_HAS_ID))
		return clb_stream_fail(in, 0, e, "the target has no %s",
		    t->collector.n == 0 ? "collector" : "id");
	if (clb_labels_get(&t->labels, CLB_STR("__address__")).n == 0)
		return clb_stream_fail(in, 0, e, "the target has no __address__");
	c = compare(&sd->collector, t->collector);
	j = c != 0 ? c : compare(&sd->job, t->job);
	if (j > 0 || (j == 0 && sd->id > t->id))
		return clb_stream_fail(in, 0, e,
		    "the target is not in the order of collector, job and id");
	if (j == 0 && sd->id == t->id)
		return clb_stream_fail(in, 0, e, "the target stands twice");
	if (j != 0 && (end_file(sd, e) == -1 ||
	    (c != 0 && begin_collector(sd, t->collector, e) == -1) ||
	    begin_job(sd, t->job, e) == -1))
		return -1;
	sd->id = t->id;
	sd->targets++;
	group = make_group(sd, t);
	return (j == 0 && clb_atomic_write(&sd->file, ",\n", 2, e) == -1) ||
	    clb_atomic_write(&sd->file, group->p, group->n, e) == -1 ? -1 : 0;
}

static int
write_all(struct sd *sd, struct clb_stream *in, struct clb_err *e)
{
	struct clb_target t = { 0 };
	int rc;

	while ((rc = clb_target_next(&t, in, e)) == 1)
		if ((rc = add_target(sd, &t, in, e)) == -1)
			break;
	clb_target_release(&t);
	if (rc == -1 || end_file(sd, e) == -1)
		return -1;
	if (sd->targets == 0 && sd->files.n > 0 && !sd->o->allow_empty)
		return clb_err_set(e, EX_TEMPFAIL,
		    "%s: no target is assigned, and there are files that would be removed", in->name);
	return 0;
}

/* ---- publishing ---- */

/* Length of the directory part of path. */
static size_t
dir_len(const char *path)
{
	return (size_t)(strrchr(path, '/') - path);
}

static int
sync_all(struct sd *sd, struct clb_err *e)
{
	for (size_t i = 0; i < sd->nchanged; i++)
		if (clb_atomic_sync(&sd->changed[i], e) == -1)
			return -1;
	return 0;
}

/* All renames, each directory's sync behind the last one in it. */
static int
rename_all(struct sd *sd, struct clb_err *e)
{
	for (size_t i = 0; i < sd->nchanged; i++)
		if (clb_atomic_commit(&sd->changed[i], e) == -1)
			return -1;
	for (size_t i = 0; i < sd->nchanged; i++) {
		const char *path = sd->changed[i].path;
		char *dir;
		int rc;

		if (i + 1 < sd->nchanged && strncmp(path, sd->changed[i + 1].path,
		    dir_len(path) + 1) == 0)
			continue;
		dir = clb_xstrndup(path, dir_len(path));
		rc = clb_atomic_sync_dir(dir, e);
		free(dir);
		if (rc == -1)
			return -1;
	}
	return sd->made.n > 0 ? clb_atomic_sync_dir(sd->dir, e) : 0;
}

/*
 * Not synced: files that come back after a power cut go again with the next
 * run. A directory stays where there is something in it that is not ours.
 */
static int
remove_departed(struct sd *sd, struct clb_err *e)
{
	for (size_t i = 0; i < sd->files.n; i++)
		if (!sd->files.v[i].wanted && unlink(sd->files.v[i].path) == -1 &&
		    errno != ENOENT)
			return clb_err_set(e, EX_IOERR, "%s: %s", sd->files.v[i].path,
			    strerror(errno));
	for (size_t i = 0; i < sd->dirs.n; i++)
		if (!sd->dirs.v[i].wanted && rmdir(sd->dirs.v[i].path) == -1 &&
		    errno != ENOTEMPTY && errno != EEXIST && errno != ENOENT)
			return clb_err_set(e, EX_IOERR, "%s: %s", sd->dirs.v[i].path,
			    strerror(errno));
	return 0;
}

static void
warn_of_all(struct sd *sd)
{
	char *text;

	if (sd->left_out <= sd->ntold)
		return;
	text = clb_xasprintf("%llu labels are left out in all", (unsigned long long)sd->left_out);
	warn(sd, text);
	free(text);
}

static void
release(struct sd *sd, int failed)
{
	if (sd->is_open)
		clb_atomic_release(&sd->file);
	for (size_t i = 0; i < sd->nchanged; i++)
		clb_atomic_release(&sd->changed[i]);
	/* What was renamed already stays, and its directory. */
	for (size_t i = 0; failed && i < sd->made.n; i++)
		(void)rmdir(sd->made.v[i].path);
	if (sd->lock != -1)
		close(sd->lock);
	free(sd->changed);
	release_entries(&sd->dirs);
	release_entries(&sd->files);
	release_entries(&sd->made);
	clb_buf_release(&sd->collector);
	clb_buf_release(&sd->job);
	clb_buf_release(&sd->path);
	clb_buf_release(&sd->group);
	clb_buf_release(&sd->escaped);
	clb_labels_release(&sd->labels);
	clb_arena_release(&sd->names);
}

int
clb_sd_publish(const char *dir, const struct clb_sd_options *o, struct clb_stream *in,
    struct clb_err *e)
{
	struct sd sd = { .dir = dir, .o = o, .lock = -1 };
	int rc = -1;

	if (claim(&sd, e) == 0 && scan(&sd, e) == 0 && write_all(&sd, in, e) == 0 &&
	    sync_all(&sd, e) == 0) {
		warn_of_all(&sd);
		if (rename_all(&sd, e) == 0 && remove_departed(&sd, e) == 0)
			rc = 0;
	}
	release(&sd, rc == -1);
	return rc;
}
