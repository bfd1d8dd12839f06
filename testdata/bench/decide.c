/*
 * How long a decision takes, without reading and writing: make bench-schedule.
 *
 *	decide stream COUNT			a target stream on stdout
 *	decide COLLECTORS TARGETS PREVIOUS	seconds that the decision takes
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

int
main(int argc, char *argv[])
{
	struct timespec start, end;
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
	clock_gettime(CLOCK_MONOTONIC, &start);
	decide(&r);
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%.3f\n", (double)(end.tv_sec - start.tv_sec) +
	    (double)(end.tv_nsec - start.tv_nsec) / 1e9);
	release(&r);
	return 0;
}
