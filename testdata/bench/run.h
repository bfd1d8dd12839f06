#ifndef RUN_H
#define RUN_H

/*
 * For measuring: made-up targets, and a run of what clb-schedule does with them,
 * from stream to decision.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/assignment.h"
#include "testdata/bench/random.h"

/* A file in memory. */
static inline int
file_of(const struct clb_buf *b)
{
	int fd = memfd_create("bench", MFD_CLOEXEC);
	size_t done = 0;

	if (fd == -1)
		err(1, "memfd");
	while (done < b->n) {
		ssize_t put = write(fd, b->p + done, b->n - done);

		if (put == -1)
			err(1, "memfd");
		done += (size_t)put;
	}
	if (lseek(fd, 0, SEEK_SET) == -1)
		err(1, "memfd");
	return fd;
}

static inline void
die(const struct clb_err *e)
{
	errx(1, "%s", e->msg);
}

/*
 * A line of 300 bytes or so: a pod of a cluster that has so many nodes. Its
 * address is of the node's net.
 */
static inline void
make_target(struct clb_buf *out, struct random *r, uint32_t nodes)
{
	uint64_t id = random_number(r), node = random_below(r, nodes);
	unsigned job = (unsigned)random_below(r, 40);
	char address[32];

	snprintf(address, sizeof(address), "10.%u.%u.%u:%u", (unsigned)(node / 200),
	    (unsigned)(node % 200), (unsigned)random_below(r, 250) + 2,
	    9000 + (unsigned)random_below(r, 2000));
	clb_buf_printf(out, "{\"id\":\"%016llx\",\"job\":\"job-%02u\",\"labels\":{"
	    "\"__address__\":\"%s\",\"__metrics_path__\":\"/metrics\","
	    "\"__scheme__\":\"http\",\"__scrape_interval__\":\"30s\","
	    "\"__scrape_timeout__\":\"10s\",\"instance\":\"%s\",\"job\":\"job-%02u\","
	    "\"namespace\":\"ns-%u\",\"pod\":\"job-%02u-%05llx\"},\"node\":\"n%llu\","
	    "\"weight\":%llu}\n", (unsigned long long)id, job, address, address, job,
	    job % 7, job, (unsigned long long)(id & 0xfffff), (unsigned long long)node,
	    (unsigned long long)random_lognormal(r, 300, 1.5));
}

static inline void
make_targets(struct clb_buf *out, struct random *r, uint64_t n, uint32_t nodes)
{
	out->n = 0;
	while (n-- > 0)
		make_target(out, r, nodes);
}

/* n collectors, each on the node of its number. */
static inline void
make_collectors(struct clb_collectors *c, const char *prefix, uint32_t n)
{
	struct clb_buf text = { NULL, 0, 0 };
	struct clb_err e = CLB_ERR_INIT;
	struct clb_stream s;

	for (uint32_t i = 0; i < n; i++)
		clb_buf_printf(&text, "{\"name\":\"%s%u\",\"node\":\"n%u\"}\n", prefix, i, i);
	clb_stream_init(&s, file_of(&text), "collectors");
	if (clb_collectors_read(c, &s, &e) == -1)
		die(&e);
	close(s.fd);
	clb_stream_release(&s);
	clb_buf_release(&text);
	clb_collectors_limit(c, UINT64_MAX, UINT64_MAX);
}

struct run {
	struct clb_collectors collectors;
	struct clb_assignment a;
	struct clb_schedule s;
};

/*
 * All but the decision. targets and previous are descriptors of streams, and
 * closed; previous may be -1. collectors are made; the rest of r is zero.
 */
static inline void
prepare(struct run *r, enum clb_strategy strategy, double tolerance, int targets, int previous)
{
	struct clb_err e = CLB_ERR_INIT;
	struct clb_stream s;

	r->a.hash = strategy;
	if (previous != -1) {
		clb_stream_init(&s, previous, "previous");
		if (clb_assignment_read_previous(&r->a, &r->collectors, &s, &e) == -1)
			die(&e);
		close(previous);
		clb_stream_release(&s);
	}
	clb_stream_init(&s, targets, "targets");
	if (clb_assignment_read(&r->a, &r->collectors, &s, &e) == -1)
		die(&e);
	close(targets);
	clb_stream_release(&s);
	clb_assignment_match(&r->a, &r->collectors, 1);
	r->s = (struct clb_schedule){ .strategy = strategy, .fallback = CLB_NO_STRATEGY,
	    .target = r->a.target, .ntargets = r->a.n, .seat = r->collectors.seat,
	    .nseats = r->collectors.nseats, .replication = 1, .where = r->a.where,
	    .why = clb_xmalloc(r->a.n), .tolerance = tolerance, .max_moves = SIZE_MAX,
	    .zone_skew = SIZE_MAX };
}

static inline void
decide(struct run *r)
{
	struct clb_err e = CLB_ERR_INIT;

	if (clb_schedule_run(&r->s, &e) == -1)
		die(&e);
}

static inline void
release(struct run *r)
{
	free(r->s.why);
	clb_assignment_release(&r->a);
	clb_collectors_release(&r->collectors);
	memset(r, 0, sizeof(*r));
}

#endif
