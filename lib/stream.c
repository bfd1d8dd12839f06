#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/stream.h"

#define CHUNK ((size_t)1 << 18)

/* Where clb_stream_element is in the array, and clb_stream_piece around it. */
enum { BEFORE, FIRST, ELEMENT, COMMA, AFTER, MEMBER, BEHIND };

static void
widen_pipe(int fd)
{
#ifdef F_SETPIPE_SZ
	(void)fcntl(fd, F_SETPIPE_SZ, 1 << 20);	/* refused on anything but a pipe */
#endif
}

void
clb_stream_init(struct clb_stream *s, int fd, const char *name)
{
	memset(s, 0, sizeof(*s));
	s->fd = fd;
	s->name = name;
	widen_pipe(fd);
}

void
clb_stream_release(struct clb_stream *s)
{
	clb_buf_release(&s->buf);
	clb_buf_release(&s->mended);
	clb_buf_release(&s->rest);
	clb_json_release(&s->json);
}

void
clb_stream_rewind(struct clb_stream *s)
{
	s->buf.n = s->pos = s->scan = 0;
	s->base = s->line = 0;
	s->state = s->eof = 0;
}

/*
 * Read more behind what is there; what lies before pos is forgotten when room
 * is needed. Returns 1, 0 at the end of the input, -1 with e set.
 */
static int
fill(struct clb_stream *s, struct clb_err *e)
{
	ssize_t got;

	if (s->eof)
		return 0;
	if (s->buf.cap < s->buf.n + CHUNK / 4 + CLB_JSON_PADDING) {
		if (s->pos > 0) {
			memmove(s->buf.p, s->buf.p + s->pos, s->buf.n - s->pos);
			s->base += s->pos;
			s->buf.n -= s->pos;
			s->scan -= s->pos;
			s->pos = 0;
		}
		clb_buf_reserve(&s->buf, CHUNK);
	}
	do
		got = read(s->fd, s->buf.p + s->buf.n,
		    s->buf.cap - s->buf.n - CLB_JSON_PADDING);
	while (got == -1 && errno == EINTR);
	if (got == -1)
		return clb_err_set(e, EX_NOINPUT, "%s: %s", s->name, strerror(errno));
	if (got == 0)
		s->eof = 1;
	s->by_line = 1;
	s->buf.n += (size_t)got;
	return got > 0;
}

static void
count(const char *p, size_t n, uint64_t *line, uint64_t *col)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] == '\n') {
			++*line;
			*col = 1;
		} else {
			++*col;
		}
}

/*
 * Line and column (both from 1, the column in bytes) of an offset in the file.
 * A pipe cannot be read again: what is no longer there counts as one line, as
 * servers' answers mostly are.
 */
static void
place(const struct clb_stream *s, uint64_t off, uint64_t *line, uint64_t *col)
{
	char buf[16384];
	uint64_t at = 0;
	ssize_t got;

	*line = 1;
	*col = 1;
	while (at < off) {
		size_t want = off - at < sizeof(buf) ? (size_t)(off - at) : sizeof(buf);

		if ((got = pread(s->fd, buf, want, (off_t)at)) <= 0)
			break;
		at += (uint64_t)got;
		count(buf, (size_t)got, line, col);
	}
	if (at == 0 && off > s->base && off - s->base <= s->buf.n) {
		*col += s->base;
		count(s->buf.p, (size_t)(off - s->base), line, col);
	}
}

int
clb_stream_fail(struct clb_stream *s, uint32_t off, struct clb_err *e,
    const char *fmt, ...)
{
	char msg[512];
	uint64_t line = s->line, col = (uint64_t)off + 1;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	if (line == 0 && s->doc == s->rest.p)
		off = 0;	/* a place in rest is none in the file */
	if (line == 0)
		place(s, s->doc_off + off, &line, &col);
	return clb_err_set(e, EX_DATAERR, "%s:%llu:%llu: %s", s->name,
	    (unsigned long long)line, (unsigned long long)col, msg);
}

static int
parse(struct clb_stream *s, struct clb_err *e)
{
	struct clb_buf copy = { NULL, 0, 0 };
	uint32_t bad_off;
	int rc;

	if (clb_json_parse_shape(&s->json, s->doc, s->doc_len, s->shape) == 0)
		return 1;
	bad_off = s->json.bad_off;
	if (s->mend) {
		s->mended.n = 0;
		clb_json_mend(&copy, s->doc, s->doc_len);
		rc = clb_json_parse_copy(&s->json, &s->mended, copy.p, copy.n);
		clb_buf_release(&copy);
		if (rc == 0)
			return 1;
	}
	return clb_stream_fail(s, bad_off, e, "%s", s->json.bad);
}

int
clb_stream_ready(struct clb_stream *s)
{
	char *nl = s->scan < s->buf.n ?
	    memchr(s->buf.p + s->scan, '\n', s->buf.n - s->scan) : NULL;

	s->scan = nl != NULL ? (size_t)(nl - s->buf.p) : s->buf.n;
	return nl != NULL;
}

int
clb_stream_more(struct clb_stream *s, struct clb_err *e)
{
	return fill(s, e);
}

int
clb_stream_next(struct clb_stream *s, struct clb_err *e)
{
	int got;

	while (!clb_stream_ready(s)) {
		if ((got = fill(s, e)) == -1)
			return -1;
		if (got == 0) {
			s->line++;
			if (s->pos == s->buf.n || s->cut)
				return 0;
			return clb_stream_fail(s, (uint32_t)(s->buf.n - s->pos), e,
			    "the line ends without a newline");
		}
	}
	s->doc = s->buf.p + s->pos;
	s->doc_len = s->scan - s->pos;
	s->doc_off = s->base + s->pos;
	s->pos = ++s->scan;
	s->line++;
	return parse(s, e);
}

static int
is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* The byte at scan, skipping white space; -1 at the end, -2 with e set. */
static int
peek(struct clb_stream *s, struct clb_err *e)
{
	int got;

	for (;;) {
		for (; s->scan < s->buf.n; s->scan++)
			if (!is_space(s->buf.p[s->scan]))
				return (unsigned char)s->buf.p[s->scan];
		s->pos = s->scan;
		if ((got = fill(s, e)) <= 0)
			return got == 0 ? -1 : -2;
	}
}

static int
fail_at_scan(struct clb_stream *s, struct clb_err *e, const char *what)
{
	s->doc_off = s->base + s->scan;
	return clb_stream_fail(s, 0, e, "%s", what);
}

/*
 * Files often have an element on a line of its own. A line that is a whole
 * object is the element, for a part of one is none: nobody need look for its
 * end. Tried in what is read already, until it fails once. Returns 1 if the
 * element is parsed and scan behind it.
 */
static int
take_line(struct clb_stream *s)
{
	const char *p = s->buf.p + s->scan;
	const char *nl = s->by_line ? memchr(p, '\n', s->buf.n - s->scan) : NULL;
	size_t n = nl != NULL ? (size_t)(nl - p) : 0;

	if (n > 0 && p[n - 1] == ',')
		n--;
	s->by_line = n > 0 && p[0] == '{' && p[n - 1] == '}' &&
	    clb_json_parse_shape(&s->json, p, n, s->shape) == 0;
	if (s->by_line)
		s->scan += n;
	return s->by_line;
}

/*
 * Move scan behind the element that starts there: to the comma or bracket
 * that ends it. Only strings and nesting are understood here; whatever else
 * is wrong inside is found by the parser. Returns 0 or -1.
 */
static int
skip_element(struct clb_stream *s, struct clb_err *e)
{
	size_t i = s->scan;
	long depth = 0;
	int in_string = 0, got;

	for (;;) {
		const char *p = s->buf.p;

		for (; i < s->buf.n; i++) {
			if (in_string) {
				const char *q = memchr(p + i, '"', s->buf.n - i);
				size_t back;

				if (q == NULL) {
					i = s->buf.n;
					break;
				}
				i = back = (size_t)(q - p);
				while (p[back - 1] == '\\')
					back--;
				in_string = (i - back) % 2 == 1;
				continue;
			}
			switch (p[i]) {
			case '"':
				in_string = 1;
				break;
			case '{':
			case '[':
				depth++;
				break;
			case '}':
			case ']':
				if (depth-- == 0)
					goto done;
				break;
			case ',':
				if (depth == 0)
					goto done;
				break;
			}
		}
		i -= s->pos;
		if ((got = fill(s, e)) == -1)
			return -1;
		i += s->pos;
		if (got == 0) {
			s->scan = s->buf.n;
			return fail_at_scan(s, e, s->state == MEMBER ?
			    "the object ends too early" : "the array ends too early");
		}
	}
done:
	s->scan = i;
	return 0;
}

/* null, white space, end: what a server with nothing to say may answer. */
static int
is_null_document(struct clb_stream *s, struct clb_err *e)
{
	s->pos = s->scan;
	while (s->buf.n - s->pos < 4)
		if (fill(s, e) <= 0)
			return 0;
	if (memcmp(s->buf.p + s->pos, "null", 4) != 0)
		return 0;
	s->scan = s->pos + 4;
	return 1;
}

/*
 * The next element of the array that scan is in. Returns 1, 0 behind the
 * closing bracket (state is then AFTER), or -1.
 */
static int
array_element(struct clb_stream *s, struct clb_err *e)
{
	int c = peek(s, e), parsed;

	if (s->state == COMMA && c != -2) {
		if (c != ',' && c != ']')
			return fail_at_scan(s, e, "',' or ']' is expected");
		s->scan++;
		s->state = c == ',' ? ELEMENT : AFTER;
		if (s->state == AFTER)
			return 0;
		c = peek(s, e);
	}
	if (c == -2)
		return -1;
	if (s->state == FIRST && c == ']') {
		s->scan++;
		s->state = AFTER;
		return 0;
	}
	if (c == ',' || c == ']')
		return fail_at_scan(s, e, "a value is expected");
	s->pos = s->scan;
	parsed = take_line(s);
	if (!parsed && skip_element(s, e) == -1)
		return -1;
	s->doc = s->buf.p + s->pos;
	s->doc_len = s->scan - s->pos;
	s->doc_off = s->base + s->pos;
	s->pos = s->scan;
	s->state = COMMA;
	return parsed ? 1 : parse(s, e);
}

int
clb_stream_element(struct clb_stream *s, struct clb_err *e)
{
	int c, rc;

	if (s->state == BEFORE) {
		if ((c = peek(s, e)) == -2)
			return -1;
		if (c == '[') {
			s->scan++;
			s->state = FIRST;
		} else if (c == 'n' && is_null_document(s, e)) {
			s->state = AFTER;
		} else {
			return fail_at_scan(s, e, "an array is expected");
		}
	}
	if (s->state != AFTER && (rc = array_element(s, e)) != 0)
		return rc;
	if ((c = peek(s, e)) == -2)
		return -1;
	return c == -1 ? 0 : fail_at_scan(s, e, "text behind the array");
}

/*
 * 1 if the member that starts at scan is called name, and scan is then at its
 * value; 0 if it is another, with scan where it was; -1.
 */
static int
enter(struct clb_stream *s, const char *name, struct clb_err *e)
{
	size_t n = strlen(name);
	int c;

	s->pos = s->scan;
	while (s->buf.n - s->pos < n + 2) {
		if ((c = fill(s, e)) <= 0)
			return c;
	}
	s->scan = s->pos;
	if (memcmp(s->buf.p + s->pos + 1, name, n) != 0 || s->buf.p[s->pos + 1 + n] != '"')
		return 0;
	s->scan += n + 2;
	if ((c = peek(s, e)) != ':')
		return c == -2 ? -1 : fail_at_scan(s, e, "':' is expected");
	s->scan++;
	return peek(s, e) == -2 ? -1 : 1;
}

/* 1 if the member that starts at scan is the array's, which begins then; 0, -1. */
static int
enter_array(struct clb_stream *s, const char *array, struct clb_err *e)
{
	int rc = enter(s, array, e);

	if (rc != 1)
		return rc;
	if (s->has_array)
		return fail_at_scan(s, e, "the array is there twice");
	s->has_array = 1;
	if (peek(s, e) == 'n' && is_null_document(s, e))
		s->state = BEHIND;
	else if (peek(s, e) != '[')
		return fail_at_scan(s, e, "an array is expected");
	else {
		s->scan++;
		s->state = FIRST;
	}
	return 1;
}

/* A comma between members of the rest. */
static void
separate(struct clb_stream *s)
{
	if (s->rest.p[s->rest.n - 1] != '{')
		clb_buf_addc(&s->rest, ',');
}

/* The same for the object that the array is in, if it is in one. */
static int
enter_object(struct clb_stream *s, struct clb_err *e)
{
	int rc = enter(s, s->within, e);

	if (rc != 1)
		return rc;
	if (peek(s, e) != '{')
		return fail_at_scan(s, e, "an object is expected");
	separate(s);
	clb_buf_printf(&s->rest, "\"%s\":{", s->within);
	s->inside = 1;
	s->scan++;
	s->state = MEMBER;
	return 1;
}

/* The object is over: what of it was not the array. */
static int
end_object(struct clb_stream *s, struct clb_err *e)
{
	clb_buf_addc(&s->rest, '}');
	clb_buf_reserve(&s->rest, CLB_JSON_PADDING);
	memset(s->rest.p + s->rest.n, 0, CLB_JSON_PADDING);
	s->scan++;
	s->state = BEFORE;
	s->doc = s->rest.p;
	s->doc_len = s->rest.n;
	s->doc_off = s->rest_off;
	if (clb_json_parse_shape(&s->json, s->doc, s->doc_len, s->shape) == 0)
		return 2;
	return clb_stream_fail(s, 0, e, "in this object: %s", s->json.bad);
}

/* The next member, or the end of the object. Returns 2 at the end, 0 or -1. */
static int
member(struct clb_stream *s, const char *array, struct clb_err *e)
{
	int c = peek(s, e), rc;

	if (c == -2)
		return -1;
	if (c == '}' && (s->state == BEHIND ||
	    (s->rest.p[s->rest.n - 1] == '{' && !s->has_array))) {
		if (!s->inside)
			return end_object(s, e);
		clb_buf_addc(&s->rest, '}');
		s->inside = 0;
		s->scan++;
		s->state = BEHIND;
		return 0;
	}
	if (s->state == BEHIND) {
		if (c != ',')
			return fail_at_scan(s, e, "',' or '}' is expected");
		s->scan++;
		if ((c = peek(s, e)) == -2)
			return -1;
		s->state = MEMBER;
	}
	if (c != '"')
		return fail_at_scan(s, e, "a key is expected");
	rc = s->within != NULL && !s->inside ? enter_object(s, e) : enter_array(s, array, e);
	if (rc != 0)
		return rc == 1 ? 0 : -1;
	if (skip_element(s, e) == -1)
		return -1;
	separate(s);
	clb_buf_add(&s->rest, s->buf.p + s->pos, s->scan - s->pos);
	s->pos = s->scan;
	s->state = BEHIND;
	return 0;
}

int
clb_stream_piece(struct clb_stream *s, const char *array, struct clb_err *e)
{
	int c, rc;

	if (s->state == BEFORE) {
		if ((c = peek(s, e)) < 0)
			return c == -1 ? 0 : -1;
		if (c != '{')
			return fail_at_scan(s, e, "an object is expected");
		s->rest_off = s->base + s->scan;
		s->rest.n = 0;
		clb_buf_addc(&s->rest, '{');
		s->has_array = s->inside = 0;
		s->scan++;
		s->state = MEMBER;
	}
	for (;;) {
		if (s->state == FIRST || s->state == ELEMENT || s->state == COMMA) {
			if ((rc = array_element(s, e)) != 0)
				return rc;
			s->state = BEHIND;
		}
		if ((rc = member(s, array, e)) != 0)
			return rc;
	}
}

void
clb_out_init(struct clb_out *o, int fd, const char *name)
{
	*o = (struct clb_out){ fd, name, { NULL, 0, 0 } };
	widen_pipe(fd);
}

int
clb_out_flush(struct clb_out *o, struct clb_err *e)
{
	size_t done = 0;

	while (done < o->buf.n) {
		ssize_t put = write(o->fd, o->buf.p + done, o->buf.n - done);

		if (put == -1 && errno == EINTR)
			continue;
		if (put == -1)
			return clb_err_set(e, EX_IOERR, "%s: %s", o->name, strerror(errno));
		done += (size_t)put;
	}
	o->buf.n = 0;
	return 0;
}

int
clb_out_close(struct clb_out *o, struct clb_err *e)
{
	int rc = clb_out_flush(o, e);

	clb_buf_release(&o->buf);
	if (close(o->fd) == -1 && rc == 0)
		rc = clb_err_set(e, EX_IOERR, "%s: %s", o->name, strerror(errno));
	return rc;
}
