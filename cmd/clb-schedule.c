#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/assignment.h"
#include "lib/opt.h"

#define PROG "clb-schedule"
#define MAX_REPLICAS 1000000

static void
usage(FILE *f, int status)
{
	fprintf(f, "usage: %s (--replicas N [--prefix P] | --collectors FILE) [--previous FILE]\n"
	    "                    [--tolerance F] [--max-moves N] [--max-drop PERCENT]\n"
	    "                    [--strategy least-weighted] <targets\n", PROG);
	exit(status);
}

struct options {
	const char *collectors, *previous, *prefix;
	uint64_t replicas, max_moves;
	double tolerance, max_drop;
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

static void
parse_strategy(const char *text, struct clb_err *e)
{
	if (strcmp(text, "least-weighted") != 0)
		clb_err_set(e, EX_USAGE, "--strategy: unknown strategy '%s'", text);
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
	int rc;

	if (o->collectors == NULL) {
		clb_collectors_number(c, (uint32_t)o->replicas, o->prefix);
		return 0;
	}
	if (open_stream(&s, o->collectors, e) == -1)
		return -1;
	rc = clb_collectors_read(c, &s, e);
	close_stream(&s);
	return rc;
}

static int
read_previous(const struct options *o, const struct clb_collectors *c,
    struct clb_assignment *a, struct clb_err *e)
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

static int
schedule(const struct options *o, const struct clb_collectors *c, struct clb_assignment *a,
    struct clb_err *e)
{
	struct clb_schedule s = { a->target, a->n, c->ready, c->names.n, o->tolerance,
	    o->max_moves, 0, 0 };

	return clb_schedule_least_weighted(&s, e);
}

int
main(int argc, char *argv[])
{
	enum { COLLECTORS = 256, MAX_DROP, MAX_MOVES, PREFIX, PREVIOUS, REPLICAS, STRATEGY,
	    TOLERANCE };
	static const struct option options[] = {
		{ "collectors", required_argument, NULL, COLLECTORS },
		{ "help", no_argument, NULL, 'h' },
		{ "max-drop", required_argument, NULL, MAX_DROP },
		{ "max-moves", required_argument, NULL, MAX_MOVES },
		{ "prefix", required_argument, NULL, PREFIX },
		{ "previous", required_argument, NULL, PREVIOUS },
		{ "replicas", required_argument, NULL, REPLICAS },
		{ "strategy", required_argument, NULL, STRATEGY },
		{ "tolerance", required_argument, NULL, TOLERANCE },
		{ NULL, 0, NULL, 0 }
	};
	struct options o = { NULL, NULL, NULL, UINT64_MAX, SIZE_MAX, 0.05, 100 };
	struct clb_err e = CLB_ERR_INIT;
	struct clb_collectors collectors = { 0 };
	struct clb_assignment a = { 0 };
	struct clb_stream in;
	struct clb_out out;
	int ch;

	while ((ch = getopt_long(argc, argv, "h", options, NULL)) != -1)
		switch (ch) {
		case COLLECTORS: o.collectors = optarg; break;
		case MAX_DROP: parse_percent(optarg, &o.max_drop, &e); break;
		case MAX_MOVES:
			clb_opt_uint("--max-moves", optarg, 0, SIZE_MAX, &o.max_moves, &e);
			break;
		case PREFIX: o.prefix = optarg; break;
		case PREVIOUS: o.previous = optarg; break;
		case REPLICAS:
			clb_opt_uint("--replicas", optarg, 0, MAX_REPLICAS, &o.replicas, &e);
			break;
		case STRATEGY: parse_strategy(optarg, &e); break;
		case TOLERANCE: clb_opt_real("--tolerance", optarg, 1000, &o.tolerance, &e); break;
		case 'h': usage(stdout, 0); break;
		default: usage(stderr, EX_USAGE);
		}
	if (e.status != 0)
		clb_err_exit(PROG, &e);
	if ((o.collectors != NULL) == (o.replicas != UINT64_MAX) ||
	    (o.collectors != NULL && o.prefix != NULL) || optind != argc)
		usage(stderr, EX_USAGE);
	if (o.prefix == NULL)
		o.prefix = "collector-";

	clb_stream_init(&in, STDIN_FILENO, "<stdin>");
	clb_out_init(&out, STDOUT_FILENO, "<stdout>");
	if (read_collectors(&o, &collectors, &e) == -1 ||
	    read_previous(&o, &collectors, &a, &e) == -1 ||
	    clb_assignment_read(&a, &in, &e) == -1)
		clb_err_exit(PROG, &e);
	clb_stream_release(&in);
	clb_assignment_match(&a);
	if (check_drop(&o, &a, &e) == -1 || schedule(&o, &collectors, &a, &e) == -1 ||
	    clb_assignment_write(&a, &collectors, &out, &e) == -1 ||
	    clb_out_close(&out, &e) == -1)
		clb_err_exit(PROG, &e);
	clb_assignment_release(&a);
	clb_collectors_release(&collectors);
	return 0;
}
