#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/compat.h"
#include "lib/sd.h"

#define PROG "clb-writesd"

static void
usage(FILE *f, int status)
{
	fprintf(f, "usage: %s (-d | --tree) DIR [--collectors FILE] [--scrape-configs FILE]\n"
	    "       [--private-scrape-configs FILE] [--compat V] [--allow-empty] <assignment\n", PROG);
	exit(status);
}

static void
warn(const char *text)
{
	clb_warn(PROG, "%s", text);
}

/*
 * A file that got the number of a closed stderr would get its messages. What
 * is opened in place cannot be read, or not written: that is still an error.
 */
static void
fill_closed(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) == -1 &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) == -1)
			_exit(EX_SOFTWARE);
}

int
main(int argc, char *argv[])
{
	enum { ALLOW_EMPTY = 256, COLLECTORS, COMPAT, PRIVATE, SCRAPE_CONFIGS, TREE };
	static const struct option options[] = {
		{ "allow-empty", no_argument, NULL, ALLOW_EMPTY },
		{ "collectors", required_argument, NULL, COLLECTORS },
		{ "compat", required_argument, NULL, COMPAT },
		{ "help", no_argument, NULL, 'h' },
		{ "private-scrape-configs", required_argument, NULL, PRIVATE },
		{ "scrape-configs", required_argument, NULL, SCRAPE_CONFIGS },
		{ "tree", required_argument, NULL, TREE },
		{ NULL, 0, NULL, 0 }
	};
	struct clb_sd_options o = { .compat = CLB_COMPAT_DEFAULT, .warn = warn };
	struct clb_err e = CLB_ERR_INIT;
	struct clb_stream in;
	const char *dir = NULL, *tree = NULL;
	int ch;

	while ((ch = getopt_long(argc, argv, "d:h", options, NULL)) != -1)
		switch (ch) {
		case 'd': dir = optarg; break;
		case ALLOW_EMPTY: o.allow_empty = 1; break;
		case COLLECTORS: o.collectors = optarg; break;
		case COMPAT: o.compat = clb_compat_parse(optarg, &e); break;
		case PRIVATE: o.private_scrape_configs = optarg; break;
		case SCRAPE_CONFIGS: o.scrape_configs = optarg; break;
		case TREE: tree = optarg; break;
		case 'h': usage(stdout, 0); break;
		default: usage(stderr, EX_USAGE);
		}
	if (e.status != 0)
		clb_err_exit(PROG, &e);
	o.tree = tree != NULL;
	if ((dir == NULL) == (tree == NULL) || optind != argc ||
	    (!o.tree && (o.scrape_configs != NULL || o.private_scrape_configs != NULL)))
		usage(stderr, EX_USAGE);
	dir = o.tree ? tree : dir;
	if (*dir == '\0')
		usage(stderr, EX_USAGE);

	fill_closed();
	umask(022);	/* collectors, who run as other users, must be able to read */
	clb_stream_init(&in, STDIN_FILENO, "<stdin>");
	if (clb_sd_publish(dir, &o, &in, &e) == -1)
		clb_err_exit(PROG, &e);
	clb_stream_release(&in);
	return 0;
}
