#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "lib/discover.h"
#include "lib/opt.h"

#define PROG "clb-discover"

static void
usage(FILE *f, int status)
{
	fprintf(f, "usage: %s -c FILE [-k MIRROR] [--cache DIR] [--partial] "
	    "[--now SECONDS]\n                    [--compat V] [--skip-unsupported-sd]\n", PROG);
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

static int64_t
clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
parse_now(const char *text, int64_t *now_ms, struct clb_err *e)
{
	uint64_t s;

	if (clb_opt_uint("--now", text, 0, INT64_MAX / 1000, &s, e) == 0)
		*now_ms = (int64_t)s * 1000;
}

/* Every stream of a mirror is open, and there may be some for each namespace. */
static void
allow_many_files(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &r);
	}
}

int
main(int argc, char *argv[])
{
	enum { CACHE = 256, COMPAT, NOW, PARTIAL, SKIP };
	static const struct option options[] = {
		{ "cache", required_argument, NULL, CACHE },
		{ "compat", required_argument, NULL, COMPAT },
		{ "help", no_argument, NULL, 'h' },
		{ "mirror", required_argument, NULL, 'k' },
		{ "now", required_argument, NULL, NOW },
		{ "partial", no_argument, NULL, PARTIAL },
		{ "skip-unsupported-sd", no_argument, NULL, SKIP },
		{ NULL, 0, NULL, 0 }
	};
	struct clb_config_options co = { .compat = CLB_COMPAT_DEFAULT, .warn = warn };
	struct clb_discover_options o = { NULL, NULL, 0, clock_ms(), warn, progress };
	struct clb_err e = CLB_ERR_INIT;
	struct clb_config config;
	struct clb_out out;
	const char *path = NULL;
	int ch;

	while ((ch = getopt_long(argc, argv, "c:hk:", options, NULL)) != -1)
		switch (ch) {
		case 'c': path = optarg; break;
		case 'k': o.mirror = optarg; break;
		case CACHE: o.cache = optarg; break;
		case COMPAT: co.compat = clb_compat_parse(optarg, &e); break;
		case NOW: parse_now(optarg, &o.now_ms, &e); break;
		case PARTIAL: o.partial = 1; break;
		case SKIP: co.skip_unsupported_sd = 1; break;
		case 'h': usage(stdout, 0); break;
		default: usage(stderr, EX_USAGE);
		}
	if (e.status != 0)
		clb_err_exit(PROG, &e);
	if (path == NULL || optind != argc)
		usage(stderr, EX_USAGE);

	allow_many_files();
	clb_out_init(&out, STDOUT_FILENO, "<stdout>");
	if (clb_config_load(&config, path, &co, &e) == -1 ||
	    clb_discover(&config, &o, &out, &e) == -1 ||
	    clb_out_close(&out, &e) == -1) {
		clb_progress_end();
		clb_err_exit(PROG, &e);
	}
	clb_progress_end();
	clb_config_release(&config);
	return 0;
}
