#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/hash.h"
#include "lib/mirror.h"
#include "lib/stream.h"

/* How often list and log may be replaced while they are opened. */
#define TRIES 100

enum { LIST, LOG, FILES };

#define IN_LOG ((uint64_t)1 << 63)

/* Where an object's text is. len 0: it is gone. */
struct entry {
	uint64_t hash;		/* of its key */
	uint64_t off;		/* in the list, or with IN_LOG in the log */
	uint32_t len;
};

/* An entry that does not stand in the order of the keys: its key is here. */
struct straggler {
	size_t key;		/* offset in keys */
	uint32_t key_len, entry;
};

/* An object read. */
struct object {
	struct clb_buf text;
	struct clb_json json;
};

struct clb_mirror {
	char *path[FILES];
	int fd[FILES];
	char *version;			/* of the list */
	struct entry *entry;
	size_t n, cap;
	size_t nsorted;			/* so many entries, the first, are in order */
	uint32_t *slot;			/* 1 + an index of entry, or 0 */
	size_t nslot;
	struct straggler *straggler;
	size_t nstraggler, straggler_cap;
	struct clb_buf keys, key;
	/* next: where it is, and the object of the sorted part that waits for its turn */
	size_t at_sorted, at_straggler;
	int has_waiting;
	struct object waiting, late, found;
};

/* ---- the index ---- */

static size_t
slot_of(const struct clb_mirror *m, uint64_t hash)
{
	size_t i = (size_t)hash & (m->nslot - 1);

	while (m->slot[i] != 0 && m->entry[m->slot[i] - 1].hash != hash)
		i = (i + 1) & (m->nslot - 1);
	return i;
}

static void
grow(struct clb_mirror *m)
{
	m->cap = m->cap != 0 ? m->cap + m->cap / 2 : 64;
	m->entry = clb_xreallocarray(m->entry, m->cap, sizeof(*m->entry));
	if (m->nslot >= m->cap / 3 * 4)
		return;
	free(m->slot);
	for (m->nslot = 64; m->nslot < m->cap / 3 * 4; m->nslot *= 2)
		;
	m->slot = clb_xcalloc(m->nslot, sizeof(*m->slot));
	for (size_t i = 0; i < m->n; i++)
		m->slot[slot_of(m, m->entry[i].hash)] = (uint32_t)i + 1;
}

static void
add_straggler(struct clb_mirror *m, struct clb_str key)
{
	if (m->nstraggler == m->straggler_cap) {
		m->straggler_cap = m->straggler_cap != 0 ? m->straggler_cap * 2 : 64;
		m->straggler = clb_xreallocarray(m->straggler, m->straggler_cap,
		    sizeof(*m->straggler));
	}
	m->straggler[m->nstraggler++] = (struct straggler){ m->keys.n, key.n, (uint32_t)m->n };
	clb_buf_add(&m->keys, key.s, key.n);
}

/* What is known of key now. len 0: it is gone. */
static void
put(struct clb_mirror *m, struct clb_str key, uint64_t off, uint32_t len, int in_order)
{
	uint64_t hash = clb_hash_bytes(key.s, key.n);
	size_t slot;

	if (m->n == m->cap)
		grow(m);
	slot = slot_of(m, hash);
	if (m->slot[slot] != 0) {
		m->entry[m->slot[slot] - 1] = (struct entry){ hash, off, len };
		return;
	}
	if (len == 0)
		return;
	if (in_order)
		m->nsorted++;
	else
		add_straggler(m, key);
	m->entry[m->n++] = (struct entry){ hash, off, len };
	m->slot[slot] = (uint32_t)m->n;
}

static int
by_key(const void *a, const void *b, void *keys)
{
	const struct straggler *p = a, *q = b;
	struct clb_str x = { (char *)keys + p->key, p->key_len, 0 };
	struct clb_str y = { (char *)keys + q->key, q->key_len, 0 };

	return clb_str_cmp(x, y);
}

/* ---- reading lines ---- */

static const struct clb_json_shape name_shape[] = {
	{ CLB_STR_INIT("name"), NULL, 0 }, { CLB_STR_INIT("namespace"), NULL, 0 }
};
static const struct clb_json_shape object_shape[] = {
	{ CLB_STR_INIT("metadata"), name_shape, 2 }
};
static const struct clb_json_shape line_members[] = {
	{ CLB_STR_INIT("metadata"), name_shape, 2 }, { CLB_STR_INIT("object"), object_shape, 1 },
	{ CLB_STR_INIT("end"), NULL, 0 }, { CLB_STR_INIT("key"), NULL, 0 },
	{ CLB_STR_INIT("list"), NULL, 0 }, { CLB_STR_INIT("resourceVersion"), NULL, 0 },
	{ CLB_STR_INIT("type"), NULL, 0 }, { CLB_STR_INIT("version"), NULL, 0 },
};
static const struct clb_json_shape line_shape = { CLB_STR_INIT(""), line_members, 8 };

/* The member's token, or 0. */
static size_t
member(const struct clb_json *j, size_t i, struct clb_str name)
{
	if (j->tok[i].type != CLB_JSON_OBJECT)
		return 0;
	for (size_t k = i + 1; k < j->tok[i].next; k = j->tok[k + 1].next)
		if (clb_str_eq(j->tok[k].str, name))
			return k + 1;
	return 0;
}

static struct clb_str
text(const struct clb_json *j, size_t i, struct clb_str name)
{
	size_t k = member(j, i, name);

	return k != 0 && j->tok[k].type == CLB_JSON_STRING ? j->tok[k].str : CLB_STR("");
}

static struct clb_str
make_key(struct clb_buf *b, struct clb_str ns, struct clb_str name)
{
	b->n = 0;
	clb_buf_add(b, ns.s, ns.n);
	if (ns.n != 0)
		clb_buf_addc(b, '/');
	clb_buf_add(b, name.s, name.n);
	return (struct clb_str){ b->p, (uint32_t)b->n, 0 };
}

/* The key of the object at token i; empty if it has no name. */
static struct clb_str
object_key(struct clb_buf *b, const struct clb_json *j, size_t i)
{
	size_t meta = member(j, i, CLB_STR("metadata"));
	struct clb_str name = meta != 0 ? text(j, meta, CLB_STR("name")) : CLB_STR("");

	if (name.n == 0)
		return name;
	return make_key(b, text(j, meta, CLB_STR("namespace")), name);
}

/* The first line: version 1, and the text of its member. Returns 0 or -1. */
static int
read_header(struct clb_stream *s, struct clb_str name, char **value, struct clb_err *e)
{
	const struct clb_json *j = &s->json;
	struct clb_str v;
	size_t version;
	int rc = clb_stream_next(s, e);

	if (rc != 1)
		return rc == -1 ? -1 : clb_err_set(e, EX_DATAERR, "%s: empty", s->name);
	version = member(j, 0, CLB_STR("version"));
	if (version == 0 || !clb_str_eq(j->tok[version].str, CLB_STR("1")) ||
	    member(j, 0, name) == 0)
		return clb_stream_fail(s, 0, e, "not a mirror of version 1");
	v = text(j, 0, name);
	*value = clb_xstrndup(v.s, v.n);
	return 0;
}

static void
start(struct clb_mirror *m, int file, struct clb_stream *s)
{
	clb_stream_init(s, m->fd[file], m->path[file]);
	s->shape = &line_shape;
	s->cut = file == LOG;
}

static int
index_list(struct clb_mirror *m, struct clb_err *e)
{
	struct clb_buf last = { NULL, 0, 0 };
	struct clb_stream s;
	int rc, ended = 0;

	start(m, LIST, &s);
	if ((rc = read_header(&s, CLB_STR("resourceVersion"), &m->version, e)) == -1)
		goto out;
	while ((rc = clb_stream_next(&s, e)) == 1) {
		struct clb_str key = object_key(&m->key, &s.json, 0);
		struct clb_str before = { last.p, (uint32_t)last.n, 0 };

		if (ended)
			rc = clb_stream_fail(&s, 0, e, "text behind the end of the list");
		else if (key.n == 0 && member(&s.json, 0, CLB_STR("end")) != 0)
			ended = 1;
		else if (key.n == 0)
			rc = clb_stream_fail(&s, 0, e, "the object has no name");
		if (rc == -1)
			break;
		if (ended)
			continue;
		put(m, key, s.doc_off, (uint32_t)s.doc_len,
		    m->nstraggler == 0 && clb_str_cmp(before, key) < 0);
		last.n = 0;
		clb_buf_add(&last, key.s, key.n);
	}
	if (rc == 0 && !ended)
		rc = clb_err_set(e, EX_DATAERR, "%s: the list is cut short", m->path[LIST]);
out:
	clb_buf_release(&last);
	clb_stream_release(&s);
	return rc;
}

/* A line of the log. Where an object's text ends, type follows; or the line does. */
static int
apply(struct clb_mirror *m, struct clb_stream *s, struct clb_err *e)
{
	const struct clb_json *j = &s->json;
	size_t object = member(j, 0, CLB_STR("object"));
	struct clb_str type = text(j, 0, CLB_STR("type")), key;
	uint32_t from, to;

	if (clb_str_eq(type, CLB_STR("BOOKMARK")))
		return 0;
	if (clb_str_eq(type, CLB_STR("DELETED"))) {
		put(m, text(j, 0, CLB_STR("key")), 0, 0, 0);
		return 0;
	}
	if (object == 0 || (key = object_key(&m->key, j, object)).n == 0)
		return clb_stream_fail(s, 0, e, "neither an object nor what became of one");
	from = j->tok[object].off;
	to = j->tok[object].next < j->n ? j->tok[j->tok[object].next].off - 1 :
	    (uint32_t)s->doc_len - 1;
	put(m, key, (s->doc_off + from) | IN_LOG, to - from, 0);
	return 0;
}

/* Returns 1 if the log is the list's, 0 if it is another's or none, -1 with e set. */
static int
index_log(struct clb_mirror *m, struct clb_err *e)
{
	struct clb_err why = CLB_ERR_INIT;
	struct clb_stream s;
	char *list = NULL;
	int rc;

	if (m->fd[LOG] == -1)
		return 0;
	start(m, LOG, &s);
	if (read_header(&s, CLB_STR("list"), &list, &why) == -1 ||
	    strcmp(list, m->version) != 0)
		rc = 0;
	else
		while ((rc = clb_stream_next(&s, e)) == 1 && (rc = apply(m, &s, e)) == 0)
			;
	rc = rc == -1 ? -1 : list != NULL && strcmp(list, m->version) == 0;
	free(list);
	clb_stream_release(&s);
	return rc;
}

/* ---- opening ---- */

static void
close_files(struct clb_mirror *m)
{
	for (int i = 0; i < FILES; i++) {
		if (m->fd[i] != -1)
			close(m->fd[i]);
		m->fd[i] = -1;
	}
}

static void
forget(struct clb_mirror *m)
{
	close_files(m);
	free(m->version);
	m->version = NULL;
	m->n = m->nsorted = m->nstraggler = m->keys.n = 0;
	if (m->nslot != 0)
		memset(m->slot, 0, m->nslot * sizeof(*m->slot));
}

static int
open_files(struct clb_mirror *m, struct clb_err *e)
{
	for (int i = 0; i < FILES; i++) {
		m->fd[i] = open(m->path[i], O_RDONLY | O_CLOEXEC);
		if (m->fd[i] != -1 || (errno == ENOENT && i == LOG))
			continue;
		if (errno == ENOENT)
			return clb_err_set(e, EX_TEMPFAIL,
			    "%s: the first list is not complete", m->path[i]);
		return clb_err_set(e, EX_NOINPUT, "%s: %s", m->path[i], strerror(errno));
	}
	return 0;
}

/* 1 if the list that is open is the one that is there. */
static int
is_current(const struct clb_mirror *m)
{
	struct stat open_one, there;

	return fstat(m->fd[LIST], &open_one) == 0 && stat(m->path[LIST], &there) == 0 &&
	    open_one.st_dev == there.st_dev && open_one.st_ino == there.st_ino;
}

/*
 * A log that is not the list's is one of the past, whose writer died before it
 * began a new one; or it is the log of a list that came while we looked.
 */
static int
read_state(struct clb_mirror *m, struct clb_err *e)
{
	int rc = 0;

	for (int i = 0; i < TRIES; i++) {
		forget(m);
		if (open_files(m, e) == -1 || index_list(m, e) == -1 ||
		    (rc = index_log(m, e)) == -1)
			return -1;
		if (rc == 1 || is_current(m))
			return 0;
	}
	return clb_err_set(e, EX_TEMPFAIL, "%s: replaced again and again", m->path[LIST]);
}

struct clb_mirror *
clb_mirror_reader_new(const char *dir, const char *stream, struct clb_err *e)
{
	struct clb_mirror *m = clb_xcalloc(1, sizeof(*m));

	m->path[LIST] = clb_xasprintf("%s/%s/list", dir, stream);
	m->path[LOG] = clb_xasprintf("%s/%s/log", dir, stream);
	m->fd[LIST] = m->fd[LOG] = -1;
	if (read_state(m, e) == -1) {
		clb_mirror_reader_free(m);
		return NULL;
	}
	if (m->nstraggler != 0)
		qsort_r(m->straggler, m->nstraggler, sizeof(*m->straggler), by_key, m->keys.p);
	return m;
}

static void
release_object(struct object *o)
{
	clb_buf_release(&o->text);
	clb_json_release(&o->json);
}

void
clb_mirror_reader_free(struct clb_mirror *m)
{
	if (m == NULL)
		return;
	close_files(m);
	for (int i = 0; i < FILES; i++)
		free(m->path[i]);
	free(m->version);
	free(m->entry);
	free(m->slot);
	free(m->straggler);
	clb_buf_release(&m->keys);
	clb_buf_release(&m->key);
	release_object(&m->waiting);
	release_object(&m->late);
	release_object(&m->found);
	free(m);
}

/* ---- objects ---- */

static int
read_object(struct clb_mirror *m, const struct entry *en, struct object *o, struct clb_err *e)
{
	int file = en->off & IN_LOG ? LOG : LIST;
	off_t off = (off_t)(en->off & ~IN_LOG);
	ssize_t got;

	o->text.n = 0;
	clb_buf_reserve(&o->text, en->len + CLB_JSON_PADDING);
	while (o->text.n < en->len) {
		got = pread(m->fd[file], o->text.p + o->text.n, en->len - o->text.n,
		    off + (off_t)o->text.n);
		if (got == -1 && errno == EINTR)
			continue;
		if (got <= 0)
			return clb_err_set(e, EX_NOINPUT, "%s: %s", m->path[file],
			    got == 0 ? "shorter than it was" : strerror(errno));
		o->text.n += (size_t)got;
	}
	memset(o->text.p + o->text.n, 0, CLB_JSON_PADDING);
	if (clb_json_parse(&o->json, o->text.p, o->text.n) == 0)
		return 0;
	return clb_err_set(e, EX_DATAERR, "%s: byte %lld: %s", m->path[file],
	    (long long)off + o->json.bad_off, o->json.bad);
}

int
clb_mirror_find(struct clb_mirror *m, struct clb_str ns, struct clb_str name,
    const struct clb_json **obj, struct clb_err *e)
{
	struct clb_str key = make_key(&m->key, ns, name);
	const struct entry *en;
	size_t slot, meta;

	if (m->n == 0)
		return 0;
	slot = slot_of(m, clb_hash_bytes(key.s, key.n));
	if (m->slot[slot] == 0 || (en = &m->entry[m->slot[slot] - 1])->len == 0)
		return 0;
	if (read_object(m, en, &m->found, e) == -1)
		return -1;
	*obj = &m->found.json;
	meta = member(*obj, 0, CLB_STR("metadata"));
	return meta != 0 && clb_str_eq(text(*obj, meta, CLB_STR("namespace")), ns) &&
	    clb_str_eq(text(*obj, meta, CLB_STR("name")), name);
}

void
clb_mirror_rewind(struct clb_mirror *m)
{
	m->at_sorted = m->at_straggler = 0;
	m->has_waiting = 0;
}

/* Read the next object of the sorted part, if none is waiting. */
static int
fetch_sorted(struct clb_mirror *m, struct clb_err *e)
{
	while (!m->has_waiting && m->at_sorted < m->nsorted) {
		const struct entry *en = &m->entry[m->at_sorted++];

		if (en->len == 0)
			continue;
		if (read_object(m, en, &m->waiting, e) == -1)
			return -1;
		m->has_waiting = 1;
	}
	return 0;
}

int
clb_mirror_next(struct clb_mirror *m, const struct clb_json **obj, struct clb_err *e)
{
	const struct straggler *s;

	if (fetch_sorted(m, e) == -1)
		return -1;
	while (m->at_straggler < m->nstraggler &&
	    m->entry[m->straggler[m->at_straggler].entry].len == 0)
		m->at_straggler++;
	if (m->at_straggler < m->nstraggler) {
		s = &m->straggler[m->at_straggler];
		if (!m->has_waiting || clb_str_cmp((struct clb_str){ m->keys.p + s->key,
		    s->key_len, 0 }, object_key(&m->key, &m->waiting.json, 0)) < 0) {
			m->at_straggler++;
			*obj = &m->late.json;
			return read_object(m, &m->entry[s->entry], &m->late, e) == -1 ? -1 : 1;
		}
	}
	if (!m->has_waiting)
		return 0;
	m->has_waiting = 0;
	*obj = &m->waiting.json;
	return 1;
}
