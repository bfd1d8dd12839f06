#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "lib/atomic.h"
#include "lib/scale_state.h"
#include "lib/stream.h"

#define VERSION 1

/* ---- in ---- */

/* No time is later, and no change is greater: sums stay far from their bounds. */
#define MOST_SECONDS 1000000000000
#define MOST_CHANGE 1000000000

static int
parse_number(const struct clb_token *tok, uint64_t most, uint64_t *v)
{
	*v = 0;
	if (tok->type != CLB_JSON_NUMBER)
		return -1;
	for (uint32_t i = 0; i < tok->str.n; i++) {
		char c = tok->str.s[i];

		if (c < '0' || c > '9')
			return -1;
		*v = *v * 10 + (uint64_t)(c - '0');
		if (*v > most)
			return -1;
	}
	return 0;
}

static int
bad(struct clb_stream *s, size_t i, struct clb_err *e)
{
	return clb_stream_fail(s, s->json.tok[i].off, e,
	    "this is no state of clb-scale; remove the file to begin anew");
}

static int
parse_optional(struct clb_stream *s, size_t i, uint64_t *v, struct clb_err *e)
{
	if (s->json.tok[i].type == CLB_JSON_NULL) {
		*v = CLB_SCALE_NONE;
		return 0;
	}
	return parse_number(&s->json.tok[i], CLB_SCALE_MOST_COLLECTORS, v) == 0 ? 0 : bad(s, i, e);
}

/*
 * The rows of the array at token i, of so many numbers each, the first of which
 * is a time and never falls. row(h, numbers) takes each.
 */
static int
parse_rows(struct clb_stream *s, size_t i, size_t width, struct clb_scale_history *h,
    void (*row)(struct clb_scale_history *h, const uint64_t *v), struct clb_err *e)
{
	const struct clb_token *tok = s->json.tok;
	uint64_t v[3], last = 0;
	size_t rows = 0;

	if (tok[i].type != CLB_JSON_ARRAY)
		return bad(s, i, e);
	for (size_t k = i + 1; k < tok[i].next; k = tok[k].next) {
		if (tok[k].type != CLB_JSON_ARRAY || tok[k].next != k + 1 + width ||
		    rows++ == CLB_SCALE_KEPT)
			return bad(s, k, e);
		for (size_t c = 0; c < width; c++)
			if (parse_number(&tok[k + 1 + c], c == 0 ? MOST_SECONDS : width == 3 ?
			    CLB_SCALE_MOST_COLLECTORS : MOST_CHANGE, &v[c]) == -1)
				return bad(s, k + 1 + c, e);
		if (v[0] < last || (width == 3 && v[1] > v[2]))
			return bad(s, k, e);
		last = v[0];
		row(h, v);
	}
	return 0;
}

static void
add_asked(struct clb_scale_history *h, const uint64_t *v)
{
	h->asked[h->nasked++] = (struct clb_scale_asked){ v[0], v[1], v[2] };
}

static void
add_up(struct clb_scale_history *h, const uint64_t *v)
{
	h->change[CLB_SCALE_UP][h->nchanges[CLB_SCALE_UP]++] =
	    (struct clb_scale_change){ v[0], v[1] };
}

static void
add_down(struct clb_scale_history *h, const uint64_t *v)
{
	h->change[CLB_SCALE_DOWN][h->nchanges[CLB_SCALE_DOWN]++] =
	    (struct clb_scale_change){ v[0], v[1] };
}

/* The members as they are written, and no others. */
static int
parse(struct clb_scale_history *h, struct clb_stream *s, struct clb_err *e)
{
	enum { ASKED, VERSION_OF, CURRENT, DESIRED, DOWN, UP, NMEMBERS };
	static const struct clb_str name[NMEMBERS] = {
		CLB_STR_INIT("asked"), CLB_STR_INIT("clb-scale"), CLB_STR_INIT("current"),
		CLB_STR_INIT("desired"), CLB_STR_INIT("down"), CLB_STR_INIT("up")
	};
	const struct clb_token *tok = s->json.tok;
	size_t at[NMEMBERS], k = 1;
	uint64_t version;

	if (tok[0].type != CLB_JSON_OBJECT)
		return bad(s, 0, e);
	for (int m = 0; m < NMEMBERS; m++, k = tok[k + 1].next) {
		if (k >= tok[0].next || !clb_str_eq(tok[k].str, name[m]))
			return bad(s, k < tok[0].next ? k : 0, e);
		at[m] = k + 1;
	}
	if (k < tok[0].next)
		return bad(s, k, e);
	if (parse_number(&tok[at[VERSION_OF]], VERSION, &version) == -1 || version != VERSION)
		return bad(s, at[VERSION_OF], e);
	if (parse_optional(s, at[CURRENT], &h->current, e) == -1 ||
	    parse_optional(s, at[DESIRED], &h->desired, e) == -1 ||
	    parse_rows(s, at[ASKED], 3, h, add_asked, e) == -1 ||
	    parse_rows(s, at[DOWN], 2, h, add_down, e) == -1)
		return -1;
	return parse_rows(s, at[UP], 2, h, add_up, e);
}

int
clb_scale_state_read(struct clb_scale_history *h, const char *path, struct clb_err *e)
{
	struct clb_stream s;
	int rc, fd = open(path, O_RDONLY | O_CLOEXEC);

	*h = (struct clb_scale_history)CLB_SCALE_HISTORY_INIT;
	if (fd == -1 && errno == ENOENT)
		return 0;
	if (fd == -1)
		return clb_err_set(e, EX_NOINPUT, "%s: %s", path, strerror(errno));
	clb_stream_init(&s, fd, path);
	rc = clb_stream_next(&s, e);
	if (rc == 0)
		clb_err_set(e, EX_DATAERR, "%s: this is no state of clb-scale, it is empty; "
		    "remove the file to begin anew", path);
	if (rc == 1 && parse(h, &s, e) == 0 && (rc = clb_stream_next(&s, e)) == 1)
		bad(&s, 0, e);
	clb_stream_release(&s);
	close(fd);
	return e->status == 0 ? 0 : -1;
}

/* ---- out ---- */

static void
print_optional(struct clb_buf *out, const char *name, uint64_t v)
{
	if (v == CLB_SCALE_NONE)
		clb_buf_printf(out, ",\"%s\":null", name);
	else
		clb_buf_printf(out, ",\"%s\":%llu", name, (unsigned long long)v);
}

static void
print_changes(struct clb_buf *out, const struct clb_scale_history *h, enum clb_scale_way way)
{
	clb_buf_printf(out, ",\"%s\":[", way == CLB_SCALE_UP ? "up" : "down");
	for (size_t i = 0; i < h->nchanges[way]; i++)
		clb_buf_printf(out, "%s[%llu,%llu]", i > 0 ? "," : "",
		    (unsigned long long)h->change[way][i].time,
		    (unsigned long long)h->change[way][i].n);
	clb_buf_addc(out, ']');
}

int
clb_scale_state_write(const struct clb_scale_history *h, const char *path, struct clb_err *e)
{
	struct clb_buf out = { NULL, 0, 0 };
	int rc;

	clb_buf_adds(&out, "{\"asked\":[");
	for (size_t i = 0; i < h->nasked; i++)
		clb_buf_printf(&out, "%s[%llu,%llu,%llu]", i > 0 ? "," : "",
		    (unsigned long long)h->asked[i].time,
		    (unsigned long long)h->asked[i].least,
		    (unsigned long long)h->asked[i].most);
	clb_buf_printf(&out, "],\"clb-scale\":%d", VERSION);
	print_optional(&out, "current", h->current);
	print_optional(&out, "desired", h->desired);
	print_changes(&out, h, CLB_SCALE_DOWN);
	print_changes(&out, h, CLB_SCALE_UP);
	clb_buf_adds(&out, "}\n");
	rc = clb_atomic_replace(path, out.p, out.n, e);
	clb_buf_release(&out);
	return rc;
}
