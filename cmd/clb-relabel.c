#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/pool.h"

#define PROG "clb-relabel"

static void
usage(FILE *f, int status)
{
	fprintf(f, "usage: %s -c FILE [--dropped FILE] [--scrape-url] [--compat V]\n"
	    "                   [--skip-unsupported-sd] <targets\n", PROG);
	exit(status);
}

static void
warn(const char *text)
{
	clb_warn(PROG, "%s", text);
}

static void
progress(uint64_t targets)
{
	clb_progress(PROG, targets, "targets");
}

static int
open_dropped(struct clb_out *out, const char *path, struct clb_err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd == -1)
		return clb_err_set(e, EX_CANTCREAT, "%s: %s", path, strerror(errno));
	clb_out_init(out, fd, path);
	return 0;
}

int
main(int argc, char *argv[])
{
	enum { COMPAT = 256, DROPPED, SCRAPE_URL, SKIP };
	static const struct option options[] = {
		{ "compat", required_argument, NULL, COMPAT },
		{ "dropped", required_argument, NULL, DROPPED },
		{ "help", no_argument, NULL, 'h' },
		{ "scrape-url", no_argument, NULL, SCRAPE_URL },
		{ "skip-unsupported-sd", no_argument, NULL, SKIP },
		{ NULL, 0, NULL, 0 }
	};
	/* What is unsupported was said once, by clb-discover. */
	struct clb_config_options co = { .compat = CLB_COMPAT_DEFAULT };
	struct clb_pool_options o = { 0, NULL, warn, progress };
	struct clb_err e = CLB_ERR_INIT;
	const char *path = NULL, *dropped = NULL;
	struct clb_config config;
	struct clb_stream in;
	struct clb_out out, dropped_out;
	int ch;

	while ((ch = getopt_long(argc, argv, "c:h", options, NULL)) != -1)
		switch (ch) {
		case 'c': path = optarg; break;
		case COMPAT: co.compat = clb_compat_parse(optarg, &e); break;
		case DROPPED: dropped = optarg; break;
		case SCRAPE_URL: o.scrape_url = 1; break;
		case SKIP: co.skip_unsupported_sd = 1; break;
		case 'h': usage(stdout, 0); break;
		default: usage(stderr, EX_USAGE);
		}
	if (e.status != 0)
		clb_err_exit(PROG, &e);
	if (path == NULL || optind != argc)
		usage(stderr, EX_USAGE);

	if (dropped != NULL)
		o.dropped = &dropped_out;
	clb_stream_init(&in, STDIN_FILENO, "<stdin>");
	clb_out_init(&out, STDOUT_FILENO, "<stdout>");
	if (clb_config_load(&config, path, &co, &e) == -1 ||
	    (dropped != NULL && open_dropped(&dropped_out, dropped, &e) == -1) ||
	    clb_pool_run(&config, &o, &in, &out, &e) == -1 ||
	    (dropped != NULL && clb_out_close(&dropped_out, &e) == -1) ||
	    clb_out_close(&out, &e) == -1) {
		clb_progress_end();
		clb_err_exit(PROG, &e);
	}
	clb_progress_end();
	clb_stream_release(&in);
	clb_config_release(&config);
	return 0;
}
