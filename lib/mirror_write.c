#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/atomic.h"
#include "lib/hash.h"
#include "lib/mirror_write.h"

/*
 * The header of a list is written last, in a room that was kept for it: what
 * it says is known only then. Its line is filled up with spaces.
 */
#define HEADER 512
#define MAX_VERSION 128

#define COMPACT_MIN ((uint64_t)1 << 20)
#define LOG_EVERY_MS 5000

/* No key and no value of a table is 0. */
static uint64_t
hash(const void *p, size_t n)
{
	uint64_t h = clb_hash_bytes(p, n);

	return h != 0 ? h : 1;
}

/* ---- files ---- */

static char *
path_in(const struct clb_mirror_writer *w, const char *name)
{
	return clb_xasprintf("%s/%s", w->dir, name);
}

/* Open a file of the mirror; *path is its name, to be freed, in any case. */
static int
open_in(const struct clb_mirror_writer *w, const char *name, int flags, char **path,
    struct clb_err *e)
{
	int fd;

	*path = path_in(w, name);
	if ((fd = open(*path, flags | O_CLOEXEC, 0644)) == -1)
		clb_err_set(e, (flags & O_CREAT) != 0 ? EX_CANTCREAT : EX_NOINPUT, "%s: %s",
		    *path, strerror(errno));
	return fd;
}

static int
lock(struct clb_mirror_writer *w, struct clb_err *e)
{
	char *path;
	int rc = 0;

	w->lock = open_in(w, "lock", O_RDWR | O_CREAT, &path, e);
	if (w->lock == -1)
		rc = -1;
	else if (flock(w->lock, LOCK_EX | LOCK_NB) == -1)
		rc = clb_err_set(e, EX_TEMPFAIL, "%s: in use by another clb-mirror", w->dir);
	free(path);
	return rc;
}

int
clb_mirror_open(struct clb_mirror_writer *w, const char *dir, const char *kind,
    struct clb_err *e)
{
	const struct clb_kind *k;
	size_t n = strlen(dir);
	const char *slash;

	*w = (struct clb_mirror_writer){ .lock = -1, .log = { .fd = -1 } };
	while (n > 1 && dir[n - 1] == '/')
		n--;
	w->dir = clb_xstrndup(dir, n);
	slash = strrchr(w->dir, '/');
	w->stream = slash != NULL ? slash + 1 : w->dir;
	k = kind != NULL ? clb_kind_named(kind) : clb_kind_plural((struct clb_str){ w->stream,
	    (uint32_t)strcspn(w->stream, "@+"), 0 });
	if (k == NULL && kind != NULL)
		return clb_err_set(e, EX_USAGE, "discovery has no use for kind '%s'", kind);
	if (k == NULL)
		return clb_err_set(e, EX_USAGE, "%s: the name says no kind, and --kind does not",
		    w->dir);
	if (mkdir(w->dir, 0755) == -1 && errno != EEXIST)
		return clb_err_set(e, EX_CANTCREAT, "%s: %s", w->dir, strerror(errno));
	clb_project_init(&w->project, k);
	return lock(w, e);
}

void
clb_mirror_close(struct clb_mirror_writer *w)
{
	if (w->log.fd != -1)
		close(w->log.fd);
	if (w->lock != -1)
		close(w->lock);
	clb_buf_release(&w->log.buf);
	clb_buf_release(&w->text);
	clb_table_release(&w->objects);
	if (w->project.kind != NULL)
		clb_project_release(&w->project);
	free((char *)w->log.name);
	free(w->list_version);
	free(w->version);
	free(w->logged);
	free(w->dir);
}

static void
put_member(struct clb_buf *b, const char *before, struct clb_str value)
{
	clb_buf_adds(b, before);
	clb_json_string(b, value);
}

/* ---- a list in the making ---- */

struct making {
	struct clb_out out;
	char *path;
	uint64_t objects, size;		/* so many, and the bytes up to the last whole page */
	char *version;			/* NULL before the first page */
	char *next;			/* the page to come; NULL: none, empty: not yet known */
};

static int
put_header(struct clb_mirror_writer *w, struct making *m, int complete, struct clb_err *e)
{
	struct clb_buf b = { NULL, 0, 0 };
	int rc = 0;

	put_member(&b, "{\"kind\":", clb_str(w->project.kind->kind));
	if (!complete)
		clb_buf_printf(&b, ",\"objects\":%llu", (unsigned long long)m->objects);
	put_member(&b, ",\"resourceVersion\":", clb_str(m->version));
	if (!complete)
		clb_buf_printf(&b, ",\"size\":%llu", (unsigned long long)m->size);
	put_member(&b, ",\"stream\":", clb_str(w->stream));
	clb_buf_adds(&b, ",\"version\":1}");
	if (b.n >= HEADER)
		rc = clb_err_set(e, EX_DATAERR, "%s: the stream's name is too long", w->dir);
	while (b.n < HEADER - 1)
		clb_buf_addc(&b, ' ');
	clb_buf_addc(&b, '\n');
	if (rc == 0 && pwrite(m->out.fd, b.p, HEADER, 0) != HEADER)
		rc = clb_err_set(e, EX_IOERR, "%s: %s", m->path, strerror(errno));
	clb_buf_release(&b);
	return rc;
}

/* What the pages before have left, if they left anything sound. */
static void
take_up(struct clb_mirror_writer *w, struct making *m)
{
	struct clb_json j = { 0 };
	struct clb_buf copy = { NULL, 0, 0 };
	char head[HEADER];
	size_t n, size;
	struct stat st;

	if (pread(m->out.fd, head, HEADER, 0) != HEADER || head[HEADER - 1] != '\n' ||
	    clb_json_parse_copy(&j, &copy, head, HEADER - 1) == -1)
		goto out;
	n = clb_project_member(&j, 0, "objects");
	size = clb_project_member(&j, 0, "size");
	if (n != 0 && size != 0 &&
	    clb_str_eq(clb_project_text(&j, 0, "kind"), clb_str(w->project.kind->kind))) {
		struct clb_str v = clb_project_text(&j, 0, "resourceVersion");

		m->objects = strtoull(j.tok[n].str.s, NULL, 10);
		m->size = strtoull(j.tok[size].str.s, NULL, 10);
		if (fstat(m->out.fd, &st) == 0 && (uint64_t)st.st_size >= m->size &&
		    m->size >= HEADER)
			m->version = clb_xstrndup(v.s, v.n);
	}
out:
	clb_json_release(&j);
	clb_buf_release(&copy);
}

static int
making_open(struct clb_mirror_writer *w, struct making *m, int begin, struct clb_err *e)
{
	*m = (struct making){ .out = { .fd = -1 } };
	m->out.fd = open_in(w, "list.new", O_RDWR | O_CREAT, &m->path, e);
	m->out.name = m->path;
	if (m->out.fd == -1)
		return -1;
	if (!begin)
		take_up(w, m);
	if (m->version == NULL)
		m->objects = 0, m->size = HEADER;
	/* What lies behind the last whole page is of one that failed. */
	if (ftruncate(m->out.fd, m->version == NULL ? 0 : (off_t)m->size) == -1 ||
	    lseek(m->out.fd, (off_t)m->size, SEEK_SET) == -1)
		return clb_err_set(e, EX_IOERR, "%s: %s", m->path, strerror(errno));
	return 0;
}

static void
making_close(struct making *m)
{
	if (m->out.fd != -1)
		close(m->out.fd);
	clb_buf_release(&m->out.buf);
	free(m->path);
	free(m->version);
	free(m->next);
}

static int start_log(struct clb_mirror_writer *w, const char *version, struct clb_err *e);

/* The list in the making is whole: it becomes the list, and the log begins anew. */
static int
publish(struct clb_mirror_writer *w, struct making *m, struct clb_err *e)
{
	char *list;
	int rc = -1;

	clb_buf_printf(&m->out.buf, "{\"end\":%llu}\n", (unsigned long long)m->objects);
	if (clb_out_flush(&m->out, e) == -1 || put_header(w, m, 1, e) == -1)
		return -1;
	list = path_in(w, "list");
	if (fsync(m->out.fd) == -1 || rename(m->path, list) == -1)
		clb_err_set(e, EX_IOERR, "%s: %s", list, strerror(errno));
	else if (clb_atomic_sync_dir(w->dir, e) == 0)
		rc = start_log(w, m->version, e);
	free(list);
	return rc;
}

static int
add_object(struct clb_mirror_writer *w, struct making *m, struct clb_stream *in,
    struct clb_err *e)
{
	int rc = clb_project_object(&w->project, in, 0, &m->out.buf, e);

	if (rc != 1)
		return rc;
	clb_buf_addc(&m->out.buf, '\n');
	m->objects++;
	return clb_out_record(&m->out, e);
}

/* What a server sends instead of what was asked for. */
static int
server_error(struct clb_stream *in, size_t i, struct clb_err *e)
{
	const struct clb_json *j = &in->json;
	struct clb_str message = clb_project_text(j, i, "message");
	struct clb_str reason = clb_project_text(j, i, "reason");
	size_t code = clb_project_member(j, i, "code");
	int n = code != 0 && j->tok[code].type == CLB_JSON_NUMBER ?
	    (int)j->tok[code].str.n : 0;

	return clb_err_set(e, EX_TEMPFAIL, "%s: the server says '%.*s' (%.*s %.*s): "
	    "a new list is due", in->name, (int)message.n, message.s, n,
	    n != 0 ? j->tok[code].str.s : "", (int)reason.n, reason.s);
}

/* A list without its items: what list it is. Or it is no list, but an object. */
static int
end_page(struct clb_mirror_writer *w, struct making *m, struct clb_stream *in,
    struct clb_err *e)
{
	const struct clb_json *j = &in->json;
	struct clb_str kind = clb_project_text(j, 0, "kind");
	struct clb_str ours = clb_str(w->project.kind->kind), version, next;
	size_t meta = clb_project_member(j, 0, "metadata");

	if (clb_str_eq(kind, CLB_STR("Status")))
		return server_error(in, 0, e);
	if (!in->has_array && clb_str_eq(kind, ours)) {
		if (m->version == NULL)
			m->version = clb_xstrdup("");
		return add_object(w, m, in, e);
	}
	if (!in->has_array || (!clb_str_eq(kind, CLB_STR("List")) && (kind.n != ours.n + 4 ||
	    memcmp(kind.s, ours.s, ours.n) != 0 || memcmp(kind.s + ours.n, "List", 4) != 0)))
		return clb_stream_fail(in, 0, e, "'%.*s' is no list of %s objects",
		    (int)kind.n, kind.s, w->project.kind->kind);
	version = meta != 0 ? clb_project_text(j, meta, "resourceVersion") : CLB_STR("");
	next = meta != 0 ? clb_project_text(j, meta, "continue") : CLB_STR("");
	if (version.n > MAX_VERSION || memchr(version.s, '\n', version.n) != NULL)
		return clb_stream_fail(in, 0, e, "the resource version is too long");
	if (m->version != NULL && !clb_str_eq(version, clb_str(m->version)))
		return clb_err_set(e, EX_TEMPFAIL, "%s: the page is of version '%.*s', those "
		    "before of '%s': a new list is due", in->name, (int)version.n, version.s,
		    m->version);
	if (m->version == NULL)
		m->version = clb_xstrndup(version.s, version.n);
	free(m->next);
	m->next = next.n != 0 ? clb_xstrndup(next.s, next.n) : NULL;
	return 0;
}

static int
read_pages(struct clb_mirror_writer *w, struct making *m, struct clb_stream *in,
    struct clb_err *e)
{
	int got, documents = 0;

	in->shape = &w->project.list;
	while ((got = clb_stream_piece(in, "items", e)) > 0) {
		if (got == 1 && add_object(w, m, in, e) == -1)
			return -1;
		if (got == 2 && ++documents && end_page(w, m, in, e) == -1)
			return -1;
	}
	if (got == 0 && documents == 0)
		return clb_err_set(e, EX_DATAERR, "%s: there is no list", in->name);
	return got;
}

/* As it can stand in a URL: with all but letters, digits and -._~ as %XX. */
static void
put_escaped(struct clb_buf *b, const char *token)
{
	for (; *token != '\0'; token++) {
		unsigned char c = (unsigned char)*token;

		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		    strchr("-._~", c) != NULL)
			clb_buf_addc(b, (char)c);
		else
			clb_buf_printf(b, "%%%02X", c);
	}
}

int
clb_mirror_list(struct clb_mirror_writer *w, struct clb_stream *in, int begin,
    struct clb_out *out, struct clb_err *e)
{
	struct making m;
	off_t end;
	int rc = -1;

	if (making_open(w, &m, begin, e) == -1 || read_pages(w, &m, in, e) == -1 ||
	    clb_out_flush(&m.out, e) == -1)
		goto out;
	if (m.next != NULL) {
		if ((end = lseek(m.out.fd, 0, SEEK_CUR)) == -1) {
			clb_err_set(e, EX_IOERR, "%s: %s", m.path, strerror(errno));
			goto out;
		}
		m.size = (uint64_t)end;
		if (put_header(w, &m, 0, e) == -1)
			goto out;
		clb_buf_adds(&out->buf, "continue ");
		put_escaped(&out->buf, m.next);
	} else {
		if (publish(w, &m, e) == -1)
			goto out;
		clb_buf_adds(&out->buf, "complete");
		if (*m.version != '\0')
			clb_buf_addc(&out->buf, ' ');
		put_escaped(&out->buf, m.version);
	}
	clb_buf_addc(&out->buf, '\n');
	rc = 0;
out:
	making_close(&m);
	return rc;
}

/* ---- what list and log hold ---- */

static const struct clb_json_shape name_sub[] = {
	{ CLB_STR_INIT("name"), NULL, 0 }, { CLB_STR_INIT("namespace"), NULL, 0 }
};
static const struct clb_json_shape object_sub[] = {
	{ CLB_STR_INIT("metadata"), name_sub, 2 }
};
static const struct clb_json_shape line_sub[] = {
	{ CLB_STR_INIT("metadata"), name_sub, 2 },
	{ CLB_STR_INIT("object"), object_sub, 1 },
	{ CLB_STR_INIT("end"), NULL, 0 },
	{ CLB_STR_INIT("key"), NULL, 0 },
	{ CLB_STR_INIT("list"), NULL, 0 },
	{ CLB_STR_INIT("resourceVersion"), NULL, 0 },
	{ CLB_STR_INIT("type"), NULL, 0 },
};
static const struct clb_json_shape line_shape = { CLB_STR_INIT(""), line_sub, 7 };

static int
damaged(const struct clb_stream *s, struct clb_err *e)
{
	return clb_err_set(e, EX_TEMPFAIL, "%s:%llu: the mirror is damaged: a new list is due",
	    s->name, (unsigned long long)s->line);
}

/* The next line of list or log. Returns 1, 0, or -1 with e set: damaged. */
static int
next_line(struct clb_stream *s, struct clb_err *e)
{
	struct clb_err why = CLB_ERR_INIT;
	int rc = clb_stream_next(s, &why);

	return rc == -1 ? damaged(s, e) : rc;
}

/* The hash of the key of the object at token i. */
static uint64_t
object_key(const struct clb_json *j, size_t i, struct clb_buf *key)
{
	size_t meta = clb_project_member(j, i, "metadata");
	struct clb_str ns = clb_project_text(j, meta, "namespace");
	struct clb_str name = clb_project_text(j, meta, "name");

	key->n = 0;
	clb_buf_add(key, ns.s, ns.n);
	if (ns.n != 0)
		clb_buf_addc(key, '/');
	clb_buf_add(key, name.s, name.n);
	return hash(key->p, key->n);
}

/* A line of the log: a change to one object, or only a place to go on from. */
struct change {
	uint64_t key;		/* 0: none */
	struct clb_str object;	/* its text; empty if it is gone */
	struct clb_str version;	/* empty: not said */
};

/* Returns 1, 0 at the end, -1 with e set. */
static int
next_change(struct clb_stream *s, struct clb_buf *key, struct change *c, struct clb_err *e)
{
	const struct clb_json *j = &s->json;
	size_t object, gone;
	int rc = next_line(s, e);

	if (rc != 1)
		return rc;
	*c = (struct change){ 0, { NULL, 0, 0 }, clb_project_text(j, 0, "resourceVersion") };
	object = clb_project_member(j, 0, "object");
	gone = clb_project_member(j, 0, "key");
	if (object != 0) {
		size_t behind = j->tok[object].next;

		if (behind >= j->n)	/* we write type behind it */
			return damaged(s, e);
		c->key = object_key(j, object, key);
		c->object = (struct clb_str){ s->doc + j->tok[object].off,
		    j->tok[behind].off - 1 - j->tok[object].off, 0 };
	} else if (gone != 0 && j->tok[gone].type == CLB_JSON_STRING) {
		c->key = hash(j->tok[gone].str.s, j->tok[gone].str.n);
	}
	return 1;
}

/*
 * Begin to read a file of the mirror: its header's member of that name goes to
 * *version. Returns 1; 0 if the file is missing or has no header; -1 with e set.
 */
static int
begin_read(const struct clb_mirror_writer *w, const char *name, const char *member,
    struct clb_stream *s, char **version, struct clb_err *e)
{
	struct clb_err why = CLB_ERR_INIT;
	char *path;
	int fd = open_in(w, name, O_RDONLY, &path, &why), missing = errno == ENOENT;

	clb_stream_init(s, fd, path);
	s->cut = 1;
	s->shape = &line_shape;
	if (fd == -1)
		return missing ? 0 : clb_err_set(e, EX_IOERR, "%s", why.msg);
	if (clb_stream_next(s, &why) != 1 || clb_project_member(&s->json, 0, member) == 0)
		return 0;
	if (version != NULL) {
		struct clb_str v = clb_project_text(&s->json, 0, member);

		free(*version);
		*version = clb_xstrndup(v.s, v.n);
	}
	return 1;
}

static void
end_read(struct clb_stream *s)
{
	if (s->fd != -1)
		close(s->fd);
	free((char *)s->name);
	clb_stream_release(s);
}

static int
read_list(struct clb_mirror_writer *w, struct clb_err *e)
{
	struct clb_stream s;
	struct stat st;
	int rc = begin_read(w, "list", "resourceVersion", &s, &w->list_version, e);
	int ended = 0;

	if (rc == 0 && s.fd == -1)
		rc = clb_err_set(e, EX_NOINPUT, "%s: there is no list yet", w->dir);
	else if (rc == 0)
		rc = damaged(&s, e);
	while (rc == 1 && (rc = next_line(&s, e)) == 1) {
		if (ended)
			rc = damaged(&s, e);
		else if (clb_project_member(&s.json, 0, "end") != 0)
			ended = 1;
		else
			clb_table_put(&w->objects, object_key(&s.json, 0, &w->text),
			    hash(s.doc, s.doc_len));
	}
	if (rc == 0 && !ended)
		rc = damaged(&s, e);
	if (rc == 0 && fstat(s.fd, &st) == 0)
		w->list_size = (uint64_t)st.st_size;
	end_read(&s);
	return rc;
}

static void
set(char **to, struct clb_str v)
{
	if (v.n == 0 || (*to != NULL && clb_str_eq(clb_str(*to), v)))
		return;
	free(*to);
	*to = clb_xstrndup(v.s, v.n);
}

/* Returns 1, 0 if there is no log of the list, -1 with e set. */
static int
read_log(struct clb_mirror_writer *w, struct clb_err *e)
{
	struct clb_stream s;
	struct change c;
	char *list = NULL;
	int rc = begin_read(w, "log", "list", &s, &list, e), found = 0;

	if (rc == 1 && strcmp(list, w->list_version) == 0) {
		found = 1;
		while ((rc = next_change(&s, &w->text, &c, e)) == 1) {
			if (c.key != 0 && c.object.n != 0)
				clb_table_put(&w->objects, c.key, hash(c.object.s, c.object.n));
			else if (c.key != 0)
				clb_table_remove(&w->objects, c.key);
			set(&w->version, c.version);
		}
		w->log_size = s.base + s.pos;
	}
	end_read(&s);
	free(list);
	return rc == -1 ? -1 : found;
}

/* ---- the log ---- */

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int
open_log(struct clb_mirror_writer *w, struct clb_err *e)
{
	char *path;
	int fd = open_in(w, "log", O_WRONLY, &path, e);

	if (w->log.fd != -1)
		close(w->log.fd);
	free((char *)w->log.name);
	w->log.fd = fd;
	w->log.name = path;
	if (fd == -1)
		return -1;
	/* What is behind the last newline was being written when the writer died. */
	if (ftruncate(fd, (off_t)w->log_size) == -1 ||
	    lseek(fd, (off_t)w->log_size, SEEK_SET) == -1)
		return clb_err_set(e, EX_IOERR, "%s: %s", path, strerror(errno));
	return 0;
}

/*
 * An empty log for the list of that version. It replaces the old one by a
 * rename: who reads that still has all of it.
 */
static int
start_log(struct clb_mirror_writer *w, const char *version, struct clb_err *e)
{
	struct clb_out out = { .fd = -1 };
	char *new, *log = path_in(w, "log");
	int rc = -1;

	out.fd = open_in(w, "log.new", O_WRONLY | O_CREAT | O_TRUNC, &new, e);
	out.name = new;
	if (out.fd != -1) {
		put_member(&out.buf, "{\"list\":", clb_str(version));
		clb_buf_adds(&out.buf, ",\"version\":1}\n");
		w->log_size = out.buf.n;
		rc = clb_out_close(&out, e);
		if (rc == 0 && rename(new, log) == -1)
			rc = clb_err_set(e, EX_IOERR, "%s: %s", log, strerror(errno));
		if (rc == -1)
			unlink(new);
	}
	free(new);
	free(log);
	return rc;
}

/*
 * The list as the log has changed it becomes the list: first what the log does
 * not speak of, then of every object the last that the log says.
 */
static int
compact_lines(struct clb_mirror_writer *w, struct making *m, struct clb_stream *list,
    struct clb_stream *log, struct clb_err *e)
{
	struct clb_table last = { NULL, 0, 0 };	/* key to the offset of the last line */
	struct change c;
	int rc;

	while ((rc = next_change(log, &w->text, &c, e)) == 1)
		if (c.key != 0)
			clb_table_put(&last, c.key, log->doc_off);
	while (rc == 0 && (rc = next_line(list, e)) == 1) {
		rc = 0;
		if (clb_project_member(&list->json, 0, "end") != 0)
			break;
		if (clb_table_get(&last, object_key(&list->json, 0, &w->text)) != 0)
			continue;
		clb_buf_add(&m->out.buf, list->doc, list->doc_len);
		clb_buf_addc(&m->out.buf, '\n');
		m->objects++;
		rc = clb_out_record(&m->out, e);
	}
	if (rc == 0 && lseek(log->fd, 0, SEEK_SET) == -1)
		rc = clb_err_set(e, EX_IOERR, "%s: %s", log->name, strerror(errno));
	clb_stream_rewind(log);
	while (rc == 0 && (rc = next_change(log, &w->text, &c, e)) == 1) {
		rc = 0;
		if (c.object.n == 0 || clb_table_get(&last, c.key) != log->doc_off)
			continue;
		clb_buf_add(&m->out.buf, c.object.s, c.object.n);
		clb_buf_addc(&m->out.buf, '\n');
		m->objects++;
		rc = clb_out_record(&m->out, e);
	}
	clb_table_release(&last);
	return rc;
}

static int
compact(struct clb_mirror_writer *w, struct clb_err *e)
{
	struct clb_stream list, log;
	struct making m;
	struct stat st;
	int rc = -1, a, b;

	a = begin_read(w, "list", "resourceVersion", &list, NULL, e);
	b = begin_read(w, "log", "list", &log, NULL, e);
	if (making_open(w, &m, 1, e) == 0 && a == 1 && b == 1 &&
	    compact_lines(w, &m, &list, &log, e) == 0) {
		m.version = clb_xstrdup(w->version);
		if (clb_out_flush(&m.out, e) == 0 && publish(w, &m, e) == 0) {
			free(w->list_version);
			w->list_version = clb_xstrdup(w->version);
			w->list_size = fstat(m.out.fd, &st) == 0 ? (uint64_t)st.st_size : 0;
			rc = open_log(w, e);
		}
	}
	if (rc == -1 && e->status == 0)
		damaged(&list, e);
	making_close(&m);
	end_read(&list);
	end_read(&log);
	return rc;
}

/*
 * What is gathered goes to the log, and then to out; and now and then how far
 * the stream has come, though nothing changed. always: that too, now.
 */
static int
settle(struct clb_mirror_writer *w, struct clb_out *out, int always, struct clb_err *e)
{
	size_t n;

	if (strcmp(w->version, w->logged) != 0 &&
	    (w->log.buf.n > 0 || always || now_ms() - w->logged_ms >= LOG_EVERY_MS)) {
		put_member(&w->log.buf, "{\"resourceVersion\":", clb_str(w->version));
		clb_buf_adds(&w->log.buf, ",\"type\":\"BOOKMARK\"}\n");
		set(&w->logged, clb_str(w->version));
		w->logged_ms = now_ms();
	}
	if ((n = w->log.buf.n) > 0) {
		if (clb_out_flush(&w->log, e) == -1) {
			/* What did not get there must not be told of. */
			(void)!ftruncate(w->log.fd, (off_t)w->log_size);
			out->buf.n = 0;
			return -1;
		}
		w->log_size += n;
	}
	if (clb_out_flush(out, e) == -1)
		return -1;
	return w->log_size > COMPACT_MIN && w->log_size > w->list_size ? compact(w, e) : 0;
}

/* ---- a watch ---- */

static void
put_change(struct clb_mirror_writer *w, const char *type, struct clb_str version,
    struct clb_out *out)
{
	struct clb_buf *b = &w->log.buf;
	struct clb_str key = { w->project.key.p, (uint32_t)w->project.key.n, 0 };

	if (w->text.n > 0) {
		clb_buf_adds(b, "{\"object\":");
		clb_buf_add(b, w->text.p, w->text.n);
	} else {
		put_member(b, "{\"key\":", key);
	}
	if (version.n != 0)
		put_member(b, ",\"resourceVersion\":", version);
	set(&w->logged, version);
	clb_buf_printf(b, ",\"type\":\"%s\"}\n", type);
	clb_buf_printf(&out->buf, "%s ", type);
	clb_buf_add(&out->buf, key.s, key.n);
	clb_buf_addc(&out->buf, '\n');
}

/* The object at token i is there, or gone. */
static int
apply(struct clb_mirror_writer *w, struct clb_stream *in, size_t i, int gone,
    struct clb_str version, struct clb_out *out, struct clb_err *e)
{
	uint64_t key, before, now;
	int rc;

	w->text.n = 0;
	if ((rc = clb_project_object(&w->project, in, i, &w->text, e)) != 1)
		return rc;
	key = hash(w->project.key.p, w->project.key.n);
	now = gone ? 0 : hash(w->text.p, w->text.n);
	before = clb_table_get(&w->objects, key);
	if (before == now)
		return 0;
	if (gone)
		clb_table_remove(&w->objects, key);
	else
		clb_table_put(&w->objects, key, now);
	if (gone)
		w->text.n = 0;
	put_change(w, gone ? "DELETED" : before == 0 ? "ADDED" : "MODIFIED", version, out);
	return 0;
}

/* kubectl's own watch gives a long list's pages as events: an object with items. */
static int
apply_all(struct clb_mirror_writer *w, struct clb_stream *in, size_t object, int gone,
    struct clb_str version, struct clb_out *out, struct clb_err *e)
{
	const struct clb_json *j = &in->json;
	size_t items = clb_project_member(j, object, "items");

	if (items == 0)
		return apply(w, in, object, gone, version, out, e);
	if (j->tok[items].type != CLB_JSON_ARRAY && j->tok[items].type != CLB_JSON_NULL)
		return clb_stream_fail(in, j->tok[items].off, e, "'items' is not an array");
	for (size_t k = items + 1; k < j->tok[items].next; k = j->tok[k].next)
		/* No item is as new as the whole: a place to go on from comes behind all. */
		if (apply(w, in, k, gone, CLB_STR(""), out, e) == -1)
			return -1;
	return 0;
}

static int
event(struct clb_mirror_writer *w, struct clb_stream *in, struct clb_out *out,
    struct clb_err *e)
{
	const struct clb_json *j = &in->json;
	struct clb_str type = clb_project_text(j, 0, "type"), version = CLB_STR("");
	size_t object = clb_project_member(j, 0, "object"), meta;
	int gone = clb_str_eq(type, CLB_STR("DELETED"));

	if (type.n == 0 || object == 0 || j->tok[object].type != CLB_JSON_OBJECT)
		return clb_stream_fail(in, 0, e, "an event is expected");
	if (clb_str_eq(type, CLB_STR("ERROR")))
		return server_error(in, object, e);
	if (!gone && !clb_str_eq(type, CLB_STR("ADDED")) &&
	    !clb_str_eq(type, CLB_STR("MODIFIED")) && !clb_str_eq(type, CLB_STR("BOOKMARK")))
		return clb_err_set(e, EX_TEMPFAIL, "%s:%llu: unknown type '%.*s': a new list is due",
		    in->name, (unsigned long long)in->line, (int)type.n, type.s);
	if ((meta = clb_project_member(j, object, "metadata")) != 0)
		version = clb_project_text(j, meta, "resourceVersion");
	if (version.n > MAX_VERSION)
		return clb_stream_fail(in, j->tok[meta].off, e, "the resource version is too long");
	if (!clb_str_eq(type, CLB_STR("BOOKMARK")) &&
	    apply_all(w, in, object, gone, version, out, e) == -1)
		return -1;
	set(&w->version, version);
	return 0;
}

/*
 * Wait for the next line, doing before what a wait must not delay. Returns 1 if
 * it is there or the input ended, or -1 with e set.
 */
static int
await(struct clb_mirror_writer *w, struct clb_stream *in, unsigned silence_s,
    struct clb_out *out, struct clb_err *e)
{
	struct pollfd p = { in->fd, POLLIN, 0 };

	while (!clb_stream_ready(in)) {
		int rc;

		if (settle(w, out, 0, e) == -1)
			return -1;
		do
			rc = poll(&p, 1, silence_s != 0 ? (int)silence_s * 1000 : -1);
		while (rc == -1 && errno == EINTR);
		if (rc == 0)
			return clb_err_set(e, EX_UNAVAILABLE, "%s: nothing came for %u s",
			    in->name, silence_s);
		if ((rc = clb_stream_more(in, e)) <= 0)
			return rc == 0 ? 1 : -1;
	}
	return w->log.buf.n < 1 << 20 ? 1 : settle(w, out, 0, e) == -1 ? -1 : 1;
}

int
clb_mirror_watch(struct clb_mirror_writer *w, struct clb_stream *in,
    unsigned silence_s, struct clb_out *out, struct clb_err *e)
{
	struct clb_err late = CLB_ERR_INIT;
	int rc;

	if (read_list(w, e) == -1)
		return -1;
	w->version = clb_xstrdup(w->list_version);
	if ((rc = read_log(w, e)) == -1 || (rc == 0 && start_log(w, w->list_version, e) == -1) ||
	    open_log(w, e) == -1)
		return -1;
	w->logged = clb_xstrdup(w->version);
	w->logged_ms = now_ms();
	in->shape = &w->project.event;
	in->cut = 1;
	while ((rc = await(w, in, silence_s, out, e)) == 1 && (rc = clb_stream_next(in, e)) == 1)
		if ((rc = event(w, in, out, e)) == -1)
			break;
	/* Whatever ended the stream, what came before it is true. */
	if (e->status != EX_IOERR && settle(w, out, 1, &late) == -1)
		rc = clb_err_set(e, late.status, "%s", late.msg);
	return rc;
}

/* ---- the place to go on from ---- */

int
clb_mirror_position(const char *dir, struct clb_buf *out, struct clb_err *e)
{
	struct clb_mirror_writer w = { .dir = clb_xstrdup(dir), .lock = -1, .log = { .fd = -1 } };
	struct clb_stream list;
	int rc;

	rc = begin_read(&w, "list", "resourceVersion", &list, &w.list_version, e);
	if (rc == 0 && list.fd == -1)
		clb_err_set(e, EX_NOINPUT, "%s: there is no list yet", dir);
	else if (rc == 0)
		damaged(&list, e);
	end_read(&list);
	if (rc == 1) {
		w.version = clb_xstrdup(w.list_version);
		rc = read_log(&w, e) == -1 ? -1 : 0;
	}
	if (rc == 0 && w.version != NULL && *w.version != '\0')
		put_escaped(out, w.version);
	else if (rc == 0)
		clb_err_set(e, EX_TEMPFAIL, "%s: the list has no resource version: "
		    "a new list is due", dir);
	clb_mirror_close(&w);
	return e->status == 0 ? 0 : -1;
}
