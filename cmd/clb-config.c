#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/kube.h"
#include "lib/stream.h"

#define PROG "clb-config"

static void
usage(FILE *f, int status)
{
	fprintf(f, "usage: %s [--compat V] [--skip-unsupported-sd] check|show|files|watches FILE\n",
	    PROG);
	exit(status);
}

static void
warn(const char *text)
{
	clb_warn(PROG, "%s", text);
}

static int
check(const struct clb_config *c, struct clb_buf *out, struct clb_err *e)
{
	(void)c;
	(void)out;
	(void)e;
	return 0;
}

static int
append(const char *p, size_t n, void *out)
{
	clb_buf_add(out, p, n);
	return 0;
}

static int
show(const struct clb_config *c, struct clb_buf *out, struct clb_err *e)
{
	json_t *doc = clb_config_show(c);

	(void)e;
	json_dump_callback(doc, append, out,
	    JSON_SORT_KEYS | JSON_INDENT(2) | JSON_REAL_PRECISION(15));
	clb_buf_addc(out, '\n');
	json_decref(doc);
	return 0;
}

static int
files(const struct clb_config *c, struct clb_buf *out, struct clb_err *e)
{
	(void)e;
	clb_config_files(c, out);
	return 0;
}

static const struct {
	const char *name;
	int (*write)(const struct clb_config *c, struct clb_buf *out, struct clb_err *e);
} verbs[] = {
	{ "check", check }, { "show", show }, { "files", files }, { "watches", clb_kube_watches },
};
#define NVERBS (sizeof(verbs) / sizeof(verbs[0]))

int
main(int argc, char *argv[])
{
	enum { COMPAT = 256, SKIP };
	static const struct option options[] = {
		{ "compat", required_argument, NULL, COMPAT },
		{ "help", no_argument, NULL, 'h' },
		{ "skip-unsupported-sd", no_argument, NULL, SKIP },
		{ NULL, 0, NULL, 0 }
	};
	struct clb_config_options o = { CLB_COMPAT_DEFAULT, 0, warn };
	struct clb_err e = CLB_ERR_INIT;
	struct clb_config config;
	struct clb_out out;
	size_t verb = 0;
	int ch;

	while ((ch = getopt_long(argc, argv, "h", options, NULL)) != -1)
		switch (ch) {
		case COMPAT: o.compat = clb_compat_parse(optarg, &e); break;
		case SKIP: o.skip_unsupported_sd = 1; break;
		case 'h': usage(stdout, 0); break;
		default: usage(stderr, EX_USAGE);
		}
	if (e.status != 0)
		clb_err_exit(PROG, &e);
	if (argc - optind != 2)
		usage(stderr, EX_USAGE);
	while (verb < NVERBS && strcmp(argv[optind], verbs[verb].name) != 0)
		verb++;
	if (verb == NVERBS)
		usage(stderr, EX_USAGE);

	clb_out_init(&out, STDOUT_FILENO, "<stdout>");
	if (clb_config_load(&config, argv[optind + 1], &o, &e) == -1 ||
	    verbs[verb].write(&config, &out.buf, &e) == -1 ||
	    clb_out_close(&out, &e) == -1)
		clb_err_exit(PROG, &e);
	clb_config_release(&config);
	return 0;
}
