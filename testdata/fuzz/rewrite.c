/*
 * Rewriting: the first byte says for which collector, by which way and for which
 * version. What can be rewritten means what it should, or rewriting fails as our
 * bug; and rewritten again it is the same.
 */
#include <stdlib.h>

#include "lib/rewrite.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
warn(const char *text)
{
	if (text[0] == '\0')
		abort();
}

/* Returns 1 if text was rewritten, to out. */
static int
rewrite(const char *text, size_t n, int compat, const struct clb_rewrite_options *o,
    struct clb_buf *out)
{
	struct clb_config_options co = { .compat = compat };
	struct clb_err e = CLB_ERR_INIT;
	struct clb_config c;
	int rc = clb_config_parse(&c, "dir/fuzz.yml", text, n, &co, &e);

	if (rc == 0)
		rc = clb_rewrite(&c, o, out, &e);
	if (rc == -1 && e.status != EX_CONFIG) {
		fprintf(stderr, "%d: %s\n", e.status, e.msg);
		abort();
	}
	clb_config_release(&c);
	return rc == 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const int versions[] = { CLB_VERSION(2, 42), CLB_VERSION(3, 5) };
	static const char *const places[] = { "/sd", "http://b/$(POD_NAME)/", "http://b" };
	struct clb_rewrite_options o = { .warn = warn };
	struct clb_buf once = { NULL, 0, 0 }, twice = { NULL, 0, 0 };
	int compat;

	/* No wandering about in the file system. */
	if (n == 0 || memmem(p, n, "config_files", 12) != NULL)
		return 0;
	compat = versions[p[0] & 1];
	o.collector = p[0] & 2 ? CLB_FOR_OTELCOL : CLB_FOR_PROMETHEUS;
	o.via = (p[0] >> 2) % 3;
	o.base = p[0] & 16 ? "/base" : NULL;
	if (o.via == CLB_VIA_ALLOCATOR)
		o.collector = CLB_FOR_OTELCOL;
	o.sd = places[o.via];
	if (rewrite((const char *)p + 1, n - 1, compat, &o, &once)) {
		if (!rewrite(once.p, once.n, compat, &o, &twice) || once.n != twice.n ||
		    (once.n != 0 && memcmp(once.p, twice.p, once.n) != 0)) {
			fprintf(stderr, "once:\n%.*s\ntwice:\n%.*s\n", (int)once.n, once.p,
			    (int)twice.n, twice.p);
			abort();
		}
	}
	clb_buf_release(&once);
	clb_buf_release(&twice);
	return 0;
}
