#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/hash.h"
#include "lib/opt.h"
#include "lib/scale_state.h"
#include "lib/target.h"

#define PROG "clb-scale"
#define MOST CLB_SCALE_MOST_COLLECTORS
#define MOST_LOAD 1000000000000000000
#define MOST_SECONDS 100000000000

static void
usage(FILE *f, int status)
{
	fprintf(f, "usage: %s [--targets-per-replica N] [--weight-per-replica N]\n"
	    "                 [--max-targets N] [--max-weight N] [--replication N]\n"
	    "                 [--min N] [--max N] [--current N] [--tolerance F]\n"
	    "                 [--state FILE] [--now SECONDS]\n"
	    "                 [--(up|down)-window SECONDS] [--(up|down)-period SECONDS]\n"
	    "                 [--(up|down)-step N] [--(up|down)-percent N]\n"
	    "                 [--(up|down)-select max|min|disabled] <targets\n", PROG);
	exit(status);
}

/* What is read: of each target that is not read already, its weight. */
struct loads {
	uint64_t *weight;
	uint64_t n, cap, sum;
};

static int
add_load(struct loads *l, uint64_t weight, struct clb_err *e)
{
	if (__builtin_add_overflow(l->sum, weight, &l->sum))
		return clb_err_set(e, EX_DATAERR,
		    "the weights sum up to more than 18446744073709551615");
	if (l->n == l->cap) {
		l->cap = l->cap != 0 ? 2 * l->cap : 1024;
		l->weight = clb_xreallocarray(l->weight, l->cap, sizeof(*l->weight));
	}
	l->weight[l->n++] = weight;
	return 0;
}

static int
heaviest_first(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x > y ? -1 : x < y;
}

/* A target counts once; one without an id, each time it comes. */
static int
read_loads(struct loads *l, struct clb_stream *in, struct clb_err *e)
{
	struct clb_idset seen = { NULL, 0, 0, 0 };
	struct clb_target t = { 0 };
	int rc;

	while ((rc = clb_target_next(&t, in, e)) == 1)
		if ((!(t.has & CLB_HAS_ID) || clb_idset_add(&seen, t.id)) &&
		    (rc = add_load(l, t.weight, e)) == -1)
			break;
	if (l->n > 0)
		qsort(l->weight, l->n, sizeof(*l->weight), heaviest_first);
	clb_target_release(&t);
	clb_idset_release(&seen);
	return rc;
}

static void
parse_select(const char *option, const char *text, enum clb_scale_select *v, struct clb_err *e)
{
	static const char *const name[] = { "max", "min", "disabled" };

	for (int i = 0; i < 3; i++)
		if (strcmp(text, name[i]) == 0) {
			*v = (enum clb_scale_select)i;
			return;
		}
	clb_err_set(e, EX_USAGE, "%s: '%s' is none of max, min and disabled", option, text);
}

enum limit_option { PERCENT, PERIOD, SELECT, STEP, WINDOW, NLIMITS };

/* The value of an option of one direction, which errors call by its name. */
static void
parse_limit(struct clb_scale_limits *l, enum limit_option o, const char *name, const char *text,
    struct clb_err *e)
{
	char *option = clb_xasprintf("--%s", name);

	switch (o) {
	case PERCENT: clb_opt_uint(option, text, 1, MOST, &l->percent, e); break;
	case PERIOD: clb_opt_uint(option, text, 1, MOST_SECONDS, &l->period, e); break;
	case SELECT: parse_select(option, text, &l->select, e); break;
	case STEP: clb_opt_uint(option, text, 1, MOST, &l->step, e); break;
	default: clb_opt_uint(option, text, 0, MOST_SECONDS, &l->window, e); break;
	}
	free(option);
}

struct options {
	const char *state;
	uint64_t now;	/* CLB_SCALE_NONE: what the clock says */
};

/* What the options do not forbid each by itself. */
static void
check_options(const struct clb_scale *s, const struct options *o, struct clb_err *e)
{
	if (s->min > s->max)
		clb_err_set(e, EX_USAGE, "--min %llu is more than --max %llu",
		    (unsigned long long)s->min, (unsigned long long)s->max);
	if (o->now != CLB_SCALE_NONE && o->state == NULL)
		clb_err_set(e, EX_USAGE, "--now is of no use without --state");
}

/* The state is written before the answer is: what it then holds was at least decided. */
static int
decide(struct clb_scale *s, const struct options *o, struct clb_buf *out, struct clb_err *e)
{
	struct clb_scale_history h;
	struct clb_scale_answer a;

	if (o->state == NULL) {
		a = clb_scale(s, NULL);
	} else {
		s->now = o->now != CLB_SCALE_NONE ? o->now : (uint64_t)time(NULL);
		if (clb_scale_state_read(&h, o->state, e) == -1)
			return -1;
		a = clb_scale(s, &h);
		if (clb_scale_state_write(&h, o->state, e) == -1)
			return -1;
	}
	clb_scale_json(out, s, &a);
	return 0;
}

int
main(int argc, char *argv[])
{
	enum { CURRENT = 256, MAX, MAX_TARGETS, MAX_WEIGHT, MIN, NOW, REPLICATION, STATE,
	    TARGETS_PER_REPLICA, TOLERANCE, WEIGHT_PER_REPLICA,
	    UP = 512, DOWN = UP + NLIMITS };
	static const struct option options[] = {
		{ "current", required_argument, NULL, CURRENT },
		{ "down-percent", required_argument, NULL, DOWN + PERCENT },
		{ "down-period", required_argument, NULL, DOWN + PERIOD },
		{ "down-select", required_argument, NULL, DOWN + SELECT },
		{ "down-step", required_argument, NULL, DOWN + STEP },
		{ "down-window", required_argument, NULL, DOWN + WINDOW },
		{ "help", no_argument, NULL, 'h' },
		{ "max", required_argument, NULL, MAX },
		{ "max-targets", required_argument, NULL, MAX_TARGETS },
		{ "max-weight", required_argument, NULL, MAX_WEIGHT },
		{ "min", required_argument, NULL, MIN },
		{ "now", required_argument, NULL, NOW },
		{ "replication", required_argument, NULL, REPLICATION },
		{ "state", required_argument, NULL, STATE },
		{ "targets-per-replica", required_argument, NULL, TARGETS_PER_REPLICA },
		{ "tolerance", required_argument, NULL, TOLERANCE },
		{ "up-percent", required_argument, NULL, UP + PERCENT },
		{ "up-period", required_argument, NULL, UP + PERIOD },
		{ "up-select", required_argument, NULL, UP + SELECT },
		{ "up-step", required_argument, NULL, UP + STEP },
		{ "up-window", required_argument, NULL, UP + WINDOW },
		{ "weight-per-replica", required_argument, NULL, WEIGHT_PER_REPLICA },
		{ NULL, 0, NULL, 0 }
	};
	struct clb_scale s = CLB_SCALE_INIT;
	struct options o = { NULL, CLB_SCALE_NONE };
	struct clb_err e = CLB_ERR_INIT;
	struct loads loads = { NULL, 0, 0, 0 };
	struct clb_stream in;
	struct clb_out out;
	int ch, at;

	while ((ch = getopt_long(argc, argv, "h", options, &at)) != -1)
		switch (ch) {
		case CURRENT: clb_opt_uint("--current", optarg, 0, MOST, &s.current, &e); break;
		case MAX: clb_opt_uint("--max", optarg, 0, MOST, &s.max, &e); break;
		case MAX_TARGETS:
			clb_opt_uint("--max-targets", optarg, 1, 1000000000, &s.max_targets, &e);
			break;
		case MAX_WEIGHT:
			clb_opt_uint("--max-weight", optarg, 1, MOST_LOAD, &s.max_weight, &e);
			break;
		case MIN: clb_opt_uint("--min", optarg, 0, MOST, &s.min, &e); break;
		case NOW: clb_opt_uint("--now", optarg, 0, MOST_SECONDS, &o.now, &e); break;
		case REPLICATION:
			clb_opt_uint("--replication", optarg, 1, 1000, &s.replication, &e);
			break;
		case STATE: o.state = optarg; break;
		case TARGETS_PER_REPLICA:
			clb_opt_uint("--targets-per-replica", optarg, 1, 1000000000,
			    &s.targets_per_replica, &e);
			break;
		case TOLERANCE: clb_opt_real("--tolerance", optarg, 1000, &s.tolerance, &e); break;
		case WEIGHT_PER_REPLICA:
			clb_opt_uint("--weight-per-replica", optarg, 1, MOST_LOAD,
			    &s.weight_per_replica, &e);
			break;
		case 'h': usage(stdout, 0); break;
		default:
			if (ch < UP)
				usage(stderr, EX_USAGE);
			parse_limit(&s.limits[ch >= DOWN ? CLB_SCALE_DOWN : CLB_SCALE_UP],
			    (enum limit_option)((ch - UP) % NLIMITS), options[at].name, optarg, &e);
		}
	check_options(&s, &o, &e);
	if (e.status != 0)
		clb_err_exit(PROG, &e);
	if ((s.targets_per_replica == CLB_SCALE_NONE && s.weight_per_replica == CLB_SCALE_NONE &&
	    s.max_targets == CLB_SCALE_NONE && s.max_weight == CLB_SCALE_NONE) || optind != argc)
		usage(stderr, EX_USAGE);

	clb_stream_init(&in, STDIN_FILENO, "<stdin>");
	clb_out_init(&out, STDOUT_FILENO, "<stdout>");
	if (read_loads(&loads, &in, &e) == -1)
		clb_err_exit(PROG, &e);
	clb_stream_release(&in);
	s.targets = loads.n;
	s.weight = loads.sum;
	s.weights = loads.weight;
	if (decide(&s, &o, &out.buf, &e) == -1 || clb_out_close(&out, &e) == -1)
		clb_err_exit(PROG, &e);
	free(loads.weight);
	return 0;
}
