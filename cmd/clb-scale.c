#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/hash.h"
#include "lib/opt.h"
#include "lib/scale.h"
#include "lib/target.h"

#define PROG "clb-scale"
#define MOST 1000000

static void
usage(FILE *f, int status)
{
	fprintf(f, "usage: %s --targets-per-replica N [--min N] [--max N] [--current N] "
	    "<targets\n", PROG);
	exit(status);
}

/* How many targets there are; those with an id only once each. */
static int
count_targets(struct clb_stream *in, uint64_t *n, struct clb_err *e)
{
	struct clb_idset seen = { NULL, 0, 0, 0 };
	struct clb_target t = { 0 };
	int rc;

	*n = 0;
	while ((rc = clb_target_next(&t, in, e)) == 1)
		if (!(t.has & CLB_HAS_ID) || clb_idset_add(&seen, t.id))
			++*n;
	clb_target_release(&t);
	clb_idset_release(&seen);
	return rc;
}

int
main(int argc, char *argv[])
{
	enum { CURRENT = 256, MAX, MIN, TARGETS_PER_REPLICA };
	static const struct option options[] = {
		{ "current", required_argument, NULL, CURRENT },
		{ "help", no_argument, NULL, 'h' },
		{ "max", required_argument, NULL, MAX },
		{ "min", required_argument, NULL, MIN },
		{ "targets-per-replica", required_argument, NULL, TARGETS_PER_REPLICA },
		{ NULL, 0, NULL, 0 }
	};
	struct clb_scale s = { 0, 0, 1, UINT64_MAX, UINT64_MAX };
	struct clb_scale_answer answer;
	struct clb_err e = CLB_ERR_INIT;
	struct clb_stream in;
	struct clb_out out;
	int ch;

	while ((ch = getopt_long(argc, argv, "h", options, NULL)) != -1)
		switch (ch) {
		case CURRENT: clb_opt_uint("--current", optarg, 0, MOST, &s.current, &e); break;
		case MAX: clb_opt_uint("--max", optarg, 0, MOST, &s.max, &e); break;
		case MIN: clb_opt_uint("--min", optarg, 0, MOST, &s.min, &e); break;
		case TARGETS_PER_REPLICA:
			clb_opt_uint("--targets-per-replica", optarg, 1, 1000000000,
			    &s.targets_per_replica, &e);
			break;
		case 'h': usage(stdout, 0); break;
		default: usage(stderr, EX_USAGE);
		}
	if (s.min > s.max)
		clb_err_set(&e, EX_USAGE, "--min %llu is more than --max %llu",
		    (unsigned long long)s.min, (unsigned long long)s.max);
	if (e.status != 0)
		clb_err_exit(PROG, &e);
	if (s.targets_per_replica == 0 || optind != argc)
		usage(stderr, EX_USAGE);

	clb_stream_init(&in, STDIN_FILENO, "<stdin>");
	clb_out_init(&out, STDOUT_FILENO, "<stdout>");
	if (count_targets(&in, &s.targets, &e) == -1)
		clb_err_exit(PROG, &e);
	clb_stream_release(&in);
	answer = clb_scale(&s);
	clb_scale_json(&out.buf, &s, &answer);
	if (clb_out_close(&out, &e) == -1)
		clb_err_exit(PROG, &e);
	return 0;
}
