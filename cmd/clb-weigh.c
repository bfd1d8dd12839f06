#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/opt.h"
#include "lib/weigh.h"

#define PROG "clb-weigh"
#define MOST_SECONDS 100000000000

static void
usage(FILE *f, int status)
{
	fprintf(f, "usage: %s --targets FILE [--previous FILE] [--half-life SECONDS]\n"
	    "                 [--on LABEL,... | --ignoring LABEL,...] [--now SECONDS] <result\n",
	    PROG);
	exit(status);
}

/* The names in a list, with commas between them. */
static void
parse_names(const char *option, const char *text, struct clb_intern *names, struct clb_err *e)
{
	for (const char *p = text, *end; p != NULL; p = *end == ',' ? end + 1 : NULL) {
		end = p + strcspn(p, ",");
		if (end == p)
			clb_err_set(e, EX_USAGE, "%s: a name in '%s' is empty", option, text);
		else
			clb_intern_put(names, (struct clb_str){ p, (uint32_t)(end - p), 0 });
	}
}

static void
parse_which(struct clb_weigh *w, int which, const char *option, const char *text,
    struct clb_err *e)
{
	if (w->which != CLB_WEIGH_ALL && (int)w->which != which)
		clb_err_set(e, EX_USAGE, "--on and --ignoring exclude each other");
	w->which = which;
	parse_names(option, text, &w->names, e);
}

static int
read_targets(struct clb_weigh *w, const char *path, struct clb_err *e)
{
	struct clb_stream s;
	int rc, fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd == -1)
		return clb_err_set(e, EX_NOINPUT, "%s: %s", path, strerror(errno));
	clb_stream_init(&s, fd, path);
	rc = clb_weigh_read_targets(w, &s, e);
	clb_stream_release(&s);
	close(fd);
	return rc;
}

/* Before the first run there is no previous file. */
static int
read_previous(struct clb_weights *previous, const char *path, struct clb_err *e)
{
	if (path == NULL || (access(path, F_OK) == -1 && errno == ENOENT))
		return 0;
	return clb_weights_read_file(previous, path, e);
}

int
main(int argc, char *argv[])
{
	enum { HALF_LIFE = 256, IGNORING, NOW, ON, PREVIOUS, TARGETS };
	static const struct option options[] = {
		{ "half-life", required_argument, NULL, HALF_LIFE },
		{ "help", no_argument, NULL, 'h' },
		{ "ignoring", required_argument, NULL, IGNORING },
		{ "now", required_argument, NULL, NOW },
		{ "on", required_argument, NULL, ON },
		{ "previous", required_argument, NULL, PREVIOUS },
		{ "targets", required_argument, NULL, TARGETS },
		{ NULL, 0, NULL, 0 }
	};
	struct clb_weigh w = { .half_life = 1800 };
	struct clb_weights previous = { 0 };
	struct clb_err e = CLB_ERR_INIT;
	const char *targets = NULL, *before = NULL;
	double time, now = -1;
	struct clb_stream in;
	struct clb_out out;
	int ch;

	while ((ch = getopt_long(argc, argv, "h", options, NULL)) != -1)
		switch (ch) {
		case HALF_LIFE:
			clb_opt_real("--half-life", optarg, MOST_SECONDS, &w.half_life, &e);
			break;
		case IGNORING: parse_which(&w, CLB_WEIGH_IGNORING, "--ignoring", optarg, &e); break;
		case NOW: clb_opt_real("--now", optarg, MOST_SECONDS, &now, &e); break;
		case ON: parse_which(&w, CLB_WEIGH_ON, "--on", optarg, &e); break;
		case PREVIOUS: before = optarg; break;
		case TARGETS: targets = optarg; break;
		case 'h': usage(stdout, 0); break;
		default: usage(stderr, EX_USAGE);
		}
	if (e.status != 0)
		clb_err_exit(PROG, &e);
	if (targets == NULL || optind != argc)
		usage(stderr, EX_USAGE);

	clb_stream_init(&in, STDIN_FILENO, "<stdin>");
	clb_out_init(&out, STDOUT_FILENO, "<stdout>");
	if (read_targets(&w, targets, &e) == -1 ||
	    read_previous(&previous, before, &e) == -1 ||
	    clb_weigh_read_series(&w, &in, &time, &e) == -1 ||
	    clb_weigh_write(&w, &previous, now >= 0 ? now : time, &out, &e) == -1 ||
	    clb_out_close(&out, &e) == -1)
		clb_err_exit(PROG, &e);
	clb_stream_release(&in);
	clb_weights_release(&previous);
	clb_weigh_release(&w);
	return 0;
}
