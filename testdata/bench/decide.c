/*
 * How long a decision takes, without reading and writing: make bench-schedule.
 *
 *	decide stream COUNT			a target stream on stdout
 *	decide COLLECTORS TARGETS PREVIOUS	processor seconds that the decision
 *						takes, the least of five times
 */
#include <fcntl.h>
#include <time.h>

#include "testdata/bench/run.h"

static int
open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd == -1)
		err(1, "%s", path);
	return fd;
}

static void
print_stream(uint64_t n)
{
	struct random r = random_from(1);
	struct clb_err e = CLB_ERR_INIT;
	struct clb_out out;

	clb_out_init(&out, STDOUT_FILENO, "<stdout>");
	while (n-- > 0) {
		make_target(&out.buf, &r, 1000);
		if (clb_out_record(&out, &e) == -1)
			die(&e);
	}
	if (clb_out_close(&out, &e) == -1)
		die(&e);
}

/* What clb_schedule_run takes with the same question each time. */
static double
measure(struct run *r)
{
	uint32_t *where = clb_xreallocarray(NULL, r->a.n, sizeof(*where));
	struct timespec start, end;
	double best = INFINITY;

	memcpy(where, r->a.where, r->a.n * sizeof(*where));
	for (int i = 0; i < 5; i++) {
		memcpy(r->a.where, where, r->a.n * sizeof(*where));
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
		decide(r);
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
		best = fmin(best, (double)(end.tv_sec - start.tv_sec) +
		    (double)(end.tv_nsec - start.tv_nsec) / 1e9);
	}
	free(where);
	return best;
}

int
main(int argc, char *argv[])
{
	struct run r = { .a = { 0 } };

	if (argc == 3 && strcmp(argv[1], "stream") == 0) {
		print_stream(strtoull(argv[2], NULL, 10));
		return 0;
	}
	if (argc != 4) {
		fprintf(stderr, "usage: decide stream COUNT | decide COLLECTORS TARGETS PREVIOUS\n");
		return 64;
	}
	clb_collectors_number(&r.collectors, (uint32_t)strtoul(argv[1], NULL, 10), "collector-");
	clb_collectors_limit(&r.collectors, UINT64_MAX, UINT64_MAX);
	prepare(&r, CLB_LEAST_WEIGHTED, 0.05, open_file(argv[2]), open_file(argv[3]));
	printf("%.4f\n", measure(&r));
	release(&r);
	return 0;
}
