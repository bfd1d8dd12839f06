/*
 * Collectors, targets and a previous assignment, in this order and with an
 * empty line between them, behind eight bytes of options: nothing goes wrong,
 * and what comes out comes out again when it is the previous assignment.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
open_part(struct clb_stream *s, const void *p, size_t n)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd == -1 || write(fd, p, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET) == -1)
		abort();
	clb_stream_init(s, fd, "fuzz");
}

static void
close_part(struct clb_stream *s)
{
	close(s->fd);
	clb_stream_release(s);
}

/* The part of the input that starts at *p, which moves behind the empty line. */
static struct clb_str
part(const uint8_t **p, size_t *n)
{
	const uint8_t *end = memmem(*p, *n, "\n\n", 2);
	struct clb_str s = { (const char *)*p, (uint32_t)(end != NULL ? (size_t)(end - *p) + 1 : *n), 0 };

	*p = end != NULL ? end + 2 : *p + *n;
	*n -= end != NULL ? s.n + 1 : s.n;
	return s;
}

static int
read_all(struct clb_collectors *c, struct clb_assignment *a, const struct clb_str in[3],
    struct clb_err *e)
{
	struct clb_stream s[3];
	int rc;

	for (int i = 0; i < 3; i++)
		open_part(&s[i], in[i].s, in[i].n);
	rc = clb_collectors_read(c, &s[0], e) == -1 ||
	    clb_assignment_read_previous(a, c, &s[2], e) == -1 ||
	    clb_assignment_read(a, c, &s[1], e) == -1 ? -1 : 0;
	for (int i = 0; i < 3; i++)
		close_part(&s[i]);
	return rc;
}

/* A run: appends the assignment to out. Returns 0, or -1 if something was refused. */
static int
run(const uint8_t *option, const struct clb_str in[3], struct clb_buf *out)
{
	struct clb_err e = CLB_ERR_INIT;
	struct clb_collectors c = { 0 };
	struct clb_assignment a = { 0 };
	struct clb_schedule s = { .strategy = option[0] % CLB_NO_STRATEGY,
	    .fallback = CLB_NO_STRATEGY, .replication = 1 + option[1] % 4,
	    .tolerance = option[2] / 100.0, .max_moves = SIZE_MAX,
	    .zone_skew = option[3] < 200 ? SIZE_MAX : 1u + option[3] % 4u };
	struct clb_report r = { &s, &a, &c, NULL };
	struct clb_out o = { -1, "out", { NULL, 0, 0 } };
	int rc = -1;

	a.hash = s.strategy;
	if (read_all(&c, &a, in, &e) == 0) {
		clb_collectors_limit(&c, option[4] < 128 ? UINT64_MAX : option[4] % 8,
		    option[5] < 128 ? UINT64_MAX : option[5] % 8 * 100);
		clb_assignment_match(&a, &c, s.replication);
		s.target = a.target;
		s.ntargets = a.n;
		s.seat = c.seat;
		s.nseats = c.nseats;
		s.where = a.where;
		s.why = clb_xmalloc(a.n * s.replication);
		rc = clb_schedule_run(&s, &e);
	}
	if (rc == 0) {
		clb_report_json(&r, &o.buf);
		if (clb_report_unassigned(&r, &o.buf, &e) == -1)
			abort();
		o.buf.n = 0;
		if (clb_assignment_write(&a, &c, &o, &e) == -1)
			abort();
		clb_buf_add(out, o.buf.p, o.buf.n);
	}
	free(s.why);
	clb_buf_release(&o.buf);
	clb_assignment_release(&a);
	clb_collectors_release(&c);
	return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct clb_buf first = { NULL, 0, 0 }, second = { NULL, 0, 0 };
	const uint8_t *option = p;
	struct clb_str in[3];

	if (n < 8 || n > 16384)
		return 0;
	p += 8;
	n -= 8;
	for (int i = 0; i < 3; i++)
		in[i] = part(&p, &n);
	if (run(option, in, &first) == 0) {
		in[2] = (struct clb_str){ first.p != NULL ? first.p : "", (uint32_t)first.n, 0 };
		if (run(option, in, &second) == -1 || first.n != second.n ||
		    (first.n > 0 && memcmp(first.p, second.p, first.n) != 0))
			abort();
	}
	clb_buf_release(&first);
	clb_buf_release(&second);
	return 0;
}
