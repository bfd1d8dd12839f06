#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/kube.h"
#include "lib/rewrite.h"
#include "lib/secrets.h"
#include "lib/stream.h"

#define PROG "clb-config"

static void
usage(FILE *f, int status)
{
	fprintf(f, "usage: %s [--compat V] [--skip-unsupported-sd] check|show|files|watches FILE\n"
	    "       %s [...] rewrite --for prometheus|otelcol|vmagent --via file|http|allocator\n"
	    "           --sd-dir DIR|--sd-url URL [--sd-http-config FILE]\n"
	    "           [--interval DURATION] [--base DIR] FILE\n"
	    "       %s [...] scrape-configs [--allow-inline-secrets] [--base DIR] FILE\n",
	    PROG, PROG, PROG);
	exit(status);
}

static void
warn(const char *text)
{
	clb_warn(PROG, "%s", text);
}

static void
tell(const struct clb_err *e)
{
	clb_err_print(PROG, e);
}

/* What was asked for, beside the configuration. */
struct request {
	struct clb_rewrite_options rewrite;
	struct clb_scrape_configs_options scrape_configs;
};

typedef int verb_fn(const struct clb_config *c, const struct request *r, struct clb_buf *out,
    struct clb_err *e);

static int
check(const struct clb_config *c, const struct request *r, struct clb_buf *out, struct clb_err *e)
{
	(void)c;
	(void)r;
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
show(const struct clb_config *c, const struct request *r, struct clb_buf *out, struct clb_err *e)
{
	json_t *doc = clb_config_show(c);

	(void)r;
	(void)e;
	json_dump_callback(doc, append, out,
	    JSON_SORT_KEYS | JSON_INDENT(2) | JSON_REAL_PRECISION(15));
	clb_buf_addc(out, '\n');
	json_decref(doc);
	return 0;
}

static int
files(const struct clb_config *c, const struct request *r, struct clb_buf *out, struct clb_err *e)
{
	(void)r;
	(void)e;
	clb_config_files(c, out);
	return 0;
}

static int
watches(const struct clb_config *c, const struct request *r, struct clb_buf *out,
    struct clb_err *e)
{
	(void)r;
	return clb_kube_watches(c, out, e);
}

static int
rewrite(const struct clb_config *c, const struct request *r, struct clb_buf *out,
    struct clb_err *e)
{
	return clb_rewrite(c, &r->rewrite, out, e);
}

static int
scrape_configs(const struct clb_config *c, const struct request *r, struct clb_buf *out,
    struct clb_err *e)
{
	return clb_scrape_configs(c, &r->scrape_configs, out, e);
}

static const struct {
	const char *name;
	verb_fn *write;
} verbs[] = {
	{ "check", check }, { "show", show }, { "files", files }, { "watches", watches },
	{ "rewrite", rewrite }, { "scrape-configs", scrape_configs },
};
#define NVERBS (sizeof(verbs) / sizeof(verbs[0]))

/* The number of the name that text is, or a usage error. */
static int
choose(const char *text, const char *const *names)
{
	for (int i = 0; names[i] != NULL; i++)
		if (strcmp(text, names[i]) == 0)
			return i;
	usage(stderr, EX_USAGE);
	return -1;
}

/* 1 if what was given goes together. */
static int
is_complete(int collector, int via, const char *dir, const char *url, const char *interval)
{
	const char *sd = via == CLB_VIA_FILE ? dir : url;

	return collector != -1 && via != -1 && sd != NULL && *sd != '\0' &&
	    (dir == NULL || url == NULL) &&
	    (via != CLB_VIA_ALLOCATOR || collector == CLB_FOR_OTELCOL) &&
	    (interval == NULL || collector != CLB_FOR_VMAGENT);
}

int
main(int argc, char *argv[])
{
	enum { COMPAT = 256, SKIP, FOR, VIA, SD_DIR, SD_URL, SD_HTTP, INTERVAL, BASE, ALLOW };
	static const char *const collectors[] = { "prometheus", "otelcol", "vmagent", NULL };
	static const char *const vias[] = { "file", "http", "allocator", NULL };
	static const struct option options[] = {
		{ "compat", required_argument, NULL, COMPAT },
		{ "help", no_argument, NULL, 'h' },
		{ "skip-unsupported-sd", no_argument, NULL, SKIP },
		{ "for", required_argument, NULL, FOR },
		{ "via", required_argument, NULL, VIA },
		{ "sd-dir", required_argument, NULL, SD_DIR },
		{ "sd-url", required_argument, NULL, SD_URL },
		{ "sd-http-config", required_argument, NULL, SD_HTTP },
		{ "interval", required_argument, NULL, INTERVAL },
		{ "allow-inline-secrets", no_argument, NULL, ALLOW },
		{ "base", required_argument, NULL, BASE },
		{ NULL, 0, NULL, 0 }
	};
	struct clb_config_options o = { .compat = CLB_COMPAT_DEFAULT, .warn = warn };
	struct request r = { .rewrite.warn = warn, .scrape_configs.tell = tell };
	const char *dir = NULL, *url = NULL, *client = NULL;
	int collector = -1, via = -1;
	struct clb_err e = CLB_ERR_INIT;
	struct clb_config config;
	struct clb_out out;
	size_t verb = 0;
	int ch;

	while ((ch = getopt_long(argc, argv, "h", options, NULL)) != -1)
		switch (ch) {
		case COMPAT: o.compat = clb_compat_parse(optarg, &e); break;
		case SKIP: o.skip_unsupported_sd = 1; break;
		case FOR: collector = choose(optarg, collectors); break;
		case VIA: via = choose(optarg, vias); break;
		case SD_DIR: dir = optarg; break;
		case SD_URL: url = optarg; break;
		case SD_HTTP: client = optarg; break;
		case INTERVAL: r.rewrite.interval = optarg; break;
		case BASE: o.base = optarg; break;
		case ALLOW: r.scrape_configs.allow_inline_secrets = 1; break;
		case 'h': usage(stdout, 0); break;
		default: usage(stderr, EX_USAGE);
		}
	if (e.status != 0)
		clb_err_exit(PROG, &e);
	if (argc - optind != 2)
		usage(stderr, EX_USAGE);
	while (verb < NVERBS && strcmp(argv[optind], verbs[verb].name) != 0)
		verb++;
	if (verb == NVERBS || (client != NULL && via != CLB_VIA_HTTP) ||
	    (verbs[verb].write == rewrite && !is_complete(collector, via, dir, url,
	    r.rewrite.interval)))
		usage(stderr, EX_USAGE);
	r.rewrite.collector = (enum clb_rewrite_for)collector;
	r.rewrite.via = (enum clb_rewrite_via)via;
	r.rewrite.sd = dir != NULL ? dir : url;
	r.rewrite.base = o.base;
	r.rewrite.skip_unsupported_sd = o.skip_unsupported_sd;
	if (client != NULL &&
	    (r.rewrite.client = clb_rewrite_client(client, o.compat, &e)) == NULL)
		clb_err_exit(PROG, &e);
	o.vmagent = collector == CLB_FOR_VMAGENT;
	o.keep_paths = verbs[verb].write == scrape_configs;

	clb_out_init(&out, STDOUT_FILENO, "<stdout>");
	if (clb_config_load(&config, argv[optind + 1], &o, &e) == -1 ||
	    verbs[verb].write(&config, &r, &out.buf, &e) == -1 ||
	    clb_out_close(&out, &e) == -1)
		clb_err_exit(PROG, &e);
	clb_config_release(&config);
	json_decref(r.rewrite.client);
	return 0;
}
