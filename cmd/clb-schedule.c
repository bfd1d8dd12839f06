#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/atomic.h"
#include "lib/opt.h"
#include "lib/report.h"

#define PROG "clb-schedule"
#define MAX_REPLICAS 1000000
#define MAX_REPLICATION 1000

static void
usage(FILE *f, int status)
{
	fprintf(f, "usage: %s (--replicas N [--prefix P] | --collectors FILE) [--previous FILE]\n"
	    "                    [--strategy NAME] [--fallback NAME] [--tolerance F]\n"
	    "                    [--max-moves N] [--max-drop PERCENT] [--replication N]\n"
	    "                    [--zone-skew N] [--max-targets N] [--max-weight N]\n"
	    "                    [--weights FILE] [--plan] [--report FILE] [--unassigned FILE]\n"
	    "                    <targets\n", PROG);
	exit(status);
}

struct options {
	const char *collectors, *previous, *prefix, *report, *unassigned, *weights;
	enum clb_strategy strategy, fallback;
	uint64_t replicas, max_moves, replication, zone_skew, max_targets, max_weight;
	double tolerance, max_drop;
	int plan;
};

/* A number, perhaps with a percent sign behind it. */
static void
parse_percent(const char *text, double *v, struct clb_err *e)
{
	size_t n = strlen(text);
	char *number = clb_xstrndup(text, n > 0 && text[n - 1] == '%' ? n - 1 : n);

	clb_opt_real("--max-drop", number, 100, v, e);
	free(number);
}

static enum clb_strategy
parse_strategy(const char *option, const char *text, struct clb_err *e)
{
	enum clb_strategy s = clb_strategy_parse(text);

	if (s == CLB_NO_STRATEGY)
		clb_err_set(e, EX_USAGE, "%s: unknown strategy '%s'", option, text);
	return s;
}

static int
open_stream(struct clb_stream *s, const char *path, struct clb_err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd == -1)
		return clb_err_set(e, EX_NOINPUT, "%s: %s", path, strerror(errno));
	clb_stream_init(s, fd, path);
	return 0;
}

static void
close_stream(struct clb_stream *s)
{
	close(s->fd);
	clb_stream_release(s);
}

static int
read_collectors(const struct options *o, struct clb_collectors *c, struct clb_err *e)
{
	struct clb_stream s;
	int rc = 0;

	if (o->collectors == NULL) {
		clb_collectors_number(c, (uint32_t)o->replicas, o->prefix);
	} else {
		if (open_stream(&s, o->collectors, e) == -1)
			return -1;
		rc = clb_collectors_read(c, &s, e);
		close_stream(&s);
	}
	clb_collectors_limit(c, o->max_targets, o->max_weight);
	return rc;
}

static int
read_previous(const struct options *o, struct clb_collectors *c, struct clb_assignment *a,
    struct clb_err *e)
{
	struct clb_stream s;
	int rc;

	if (o->previous == NULL)
		return 0;
	if (open_stream(&s, o->previous, e) == -1)
		return -1;
	rc = clb_assignment_read_previous(a, c, &s, e);
	close_stream(&s);
	return rc;
}

static int
check_drop(const struct options *o, const struct clb_assignment *a, struct clb_err *e)
{
	if ((double)a->missing * 100 <= o->max_drop * (double)a->previous)
		return 0;
	return clb_err_set(e, EX_TEMPFAIL, "%zu of the %zu targets that were assigned are gone, "
	    "more than %g%%", a->missing, a->previous, o->max_drop);
}

/* Decide, in a->where; where the targets were before is in *was, a new array. */
static int
decide(const struct options *o, const struct clb_collectors *c, struct clb_assignment *a,
    struct clb_schedule *s, uint32_t **was, struct clb_err *e)
{
	size_t n = a->n * o->replication;

	*s = (struct clb_schedule){ .strategy = o->strategy, .fallback = o->fallback,
	    .target = a->target, .ntargets = a->n, .seat = c->seat, .nseats = c->nseats,
	    .replication = (uint32_t)o->replication, .where = a->where, .moved = a->moved,
	    .turn = a->turn, .why = clb_xmalloc(n), .tolerance = o->tolerance,
	    .max_moves = o->max_moves,
	    .zone_skew = o->zone_skew };
	*was = o->plan ? clb_xreallocarray(NULL, n, sizeof(**was)) : NULL;
	if (o->plan)
		memcpy(*was, a->where, n * sizeof(**was));
	return clb_schedule_run(s, e);
}

/* The files that tell of the decision, and a word on stderr where it is not complete. */
static int
tell(const struct options *o, const struct clb_report *r, struct clb_err *e)
{
	struct clb_buf b = { NULL, 0, 0 };
	size_t unassigned = clb_schedule_unassigned(r->s);
	int rc = 0;

	if (o->unassigned != NULL &&
	    (clb_report_unassigned(r, &b, e) == -1 ||
	    clb_atomic_replace(o->unassigned, b.p, b.n, e) == -1))
		rc = -1;
	b.n = 0;
	if (rc == 0 && o->report != NULL) {
		clb_report_json(r, &b);
		rc = clb_atomic_replace(o->report, b.p, b.n, e);
	}
	clb_buf_release(&b);
	if (r->a->bad_weights > 0)
		clb_warn(PROG, "__clb_weight__ is no whole number from 1 on %zu of the targets",
		    r->a->bad_weights);
	if (unassigned > 0)
		clb_warn(PROG, "%zu of %zu %s are not assigned", unassigned,
		    unassigned + clb_schedule_assigned(r->s),
		    o->replication == 1 ? "targets" : "copies of targets");
	return rc;
}

static int
write_all(const struct options *o, const struct clb_report *r, struct clb_err *e)
{
	struct clb_out out;
	int rc;

	clb_out_init(&out, STDOUT_FILENO, "<stdout>");
	rc = o->plan ? clb_report_plan(r, &out, e) : clb_assignment_write(r->a, r->c, &out, e);
	return clb_out_close(&out, e) == -1 ? -1 : rc;
}

static void
parse_options(int argc, char *argv[], struct options *o, struct clb_err *e)
{
	enum { COLLECTORS = 256, FALLBACK, MAX_DROP, MAX_MOVES, MAX_TARGETS, MAX_WEIGHT, PLAN,
	    PREFIX, PREVIOUS, REPLICAS, REPLICATION, REPORT, STRATEGY, TOLERANCE, UNASSIGNED,
	    WEIGHTS, ZONE_SKEW };
	static const struct option options[] = {
		{ "collectors", required_argument, NULL, COLLECTORS },
		{ "fallback", required_argument, NULL, FALLBACK },
		{ "help", no_argument, NULL, 'h' },
		{ "max-drop", required_argument, NULL, MAX_DROP },
		{ "max-moves", required_argument, NULL, MAX_MOVES },
		{ "max-targets", required_argument, NULL, MAX_TARGETS },
		{ "max-weight", required_argument, NULL, MAX_WEIGHT },
		{ "plan", no_argument, NULL, PLAN },
		{ "prefix", required_argument, NULL, PREFIX },
		{ "previous", required_argument, NULL, PREVIOUS },
		{ "replicas", required_argument, NULL, REPLICAS },
		{ "replication", required_argument, NULL, REPLICATION },
		{ "report", required_argument, NULL, REPORT },
		{ "strategy", required_argument, NULL, STRATEGY },
		{ "tolerance", required_argument, NULL, TOLERANCE },
		{ "unassigned", required_argument, NULL, UNASSIGNED },
		{ "weights", required_argument, NULL, WEIGHTS },
		{ "zone-skew", required_argument, NULL, ZONE_SKEW },
		{ NULL, 0, NULL, 0 }
	};
	int ch;

	while ((ch = getopt_long(argc, argv, "h", options, NULL)) != -1)
		switch (ch) {
		case COLLECTORS: o->collectors = optarg; break;
		case FALLBACK: o->fallback = parse_strategy("--fallback", optarg, e); break;
		case MAX_DROP: parse_percent(optarg, &o->max_drop, e); break;
		case MAX_MOVES:
			clb_opt_uint("--max-moves", optarg, 0, SIZE_MAX, &o->max_moves, e);
			break;
		case MAX_TARGETS:
			clb_opt_uint("--max-targets", optarg, 0, UINT64_MAX, &o->max_targets, e);
			break;
		case MAX_WEIGHT:
			clb_opt_uint("--max-weight", optarg, 0, UINT64_MAX, &o->max_weight, e);
			break;
		case PLAN: o->plan = 1; break;
		case PREFIX: o->prefix = optarg; break;
		case PREVIOUS: o->previous = optarg; break;
		case REPLICAS:
			clb_opt_uint("--replicas", optarg, 0, MAX_REPLICAS, &o->replicas, e);
			break;
		case REPLICATION:
			clb_opt_uint("--replication", optarg, 1, MAX_REPLICATION,
			    &o->replication, e);
			break;
		case REPORT: o->report = optarg; break;
		case STRATEGY: o->strategy = parse_strategy("--strategy", optarg, e); break;
		case TOLERANCE: clb_opt_real("--tolerance", optarg, 1000, &o->tolerance, e); break;
		case UNASSIGNED: o->unassigned = optarg; break;
		case WEIGHTS: o->weights = optarg; break;
		case ZONE_SKEW:
			clb_opt_uint("--zone-skew", optarg, 1, SIZE_MAX, &o->zone_skew, e);
			break;
		case 'h': usage(stdout, 0); break;
		default: usage(stderr, EX_USAGE);
		}
	if (e->status == 0 && o->fallback == CLB_PER_NODE)
		clb_err_set(e, EX_USAGE, "--fallback: per-node is none");
	if (e->status != 0)
		clb_err_exit(PROG, e);
	if ((o->collectors != NULL) == (o->replicas != UINT64_MAX) ||
	    (o->collectors != NULL && o->prefix != NULL) || optind != argc)
		usage(stderr, EX_USAGE);
}

int
main(int argc, char *argv[])
{
	struct options o = { .strategy = CLB_LEAST_WEIGHTED, .fallback = CLB_NO_STRATEGY,
	    .replicas = UINT64_MAX, .max_moves = SIZE_MAX, .replication = 1,
	    .zone_skew = SIZE_MAX, .max_targets = UINT64_MAX, .max_weight = UINT64_MAX,
	    .tolerance = 0.05, .max_drop = 100 };
	struct clb_err e = CLB_ERR_INIT;
	struct clb_collectors c = { 0 };
	struct clb_weights w = { 0 };
	struct clb_assignment a = { 0 };
	struct clb_schedule s;
	struct clb_stream in;
	uint32_t *was;

	parse_options(argc, argv, &o, &e);
	if (o.prefix == NULL)
		o.prefix = "collector-";
	a.hash = o.strategy == CLB_PER_NODE ? o.fallback : o.strategy;
	a.weights = o.weights != NULL ? &w : NULL;

	clb_stream_init(&in, STDIN_FILENO, "<stdin>");
	if (read_collectors(&o, &c, &e) == -1 || read_previous(&o, &c, &a, &e) == -1 ||
	    (o.weights != NULL && clb_weights_read_file(&w, o.weights, &e) == -1) ||
	    clb_assignment_read(&a, &c, &in, &e) == -1)
		clb_err_exit(PROG, &e);
	clb_stream_release(&in);
	clb_weights_release(&w);
	clb_assignment_match(&a, &c, (uint32_t)o.replication);
	if (check_drop(&o, &a, &e) == -1 || decide(&o, &c, &a, &s, &was, &e) == -1)
		clb_err_exit(PROG, &e);
	struct clb_report r = { &s, &a, &c, was };
	if ((!o.plan && tell(&o, &r, &e) == -1) || write_all(&o, &r, &e) == -1)
		clb_err_exit(PROG, &e);
	free(was);
	free(s.why);
	clb_assignment_release(&a);
	clb_collectors_release(&c);
	return 0;
}
