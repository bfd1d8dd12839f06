/*
 * Rewriting, of configurations that nobody would write: keys in any order, in
 * lines and in brackets, with anchors, aliases and merge keys wherever they may
 * be. What loads can be rewritten, and once is enough; that it means the same,
 * clb_rewrite sees to itself.
 */
#include "lib/rewrite.h"
#include "testdata/unit/check.h"

enum kind { TEXT, LABELS, RULE, RULES, STATICS, GROUP, JOB, KINDS };

struct writer {
	uint64_t *random;
	struct clb_buf out;
	const char *newline;
	int anchors[KINDS][8], nanchors[KINDS];	/* numbers of those that may be named */
	int next, jobs, comments;
};

static unsigned
below(struct writer *w, unsigned n)
{
	return (unsigned)(check_random(w->random) >> 33) % n;
}

static void
put(struct writer *w, const char *s)
{
	clb_buf_adds(&w->out, s);
}

static void
line(struct writer *w, int column)
{
	if (below(w, 8) == 0)
		clb_buf_printf(&w->out, "   # c%d", w->comments++);
	put(w, w->newline);
	if (below(w, 12) == 0)
		put(w, w->newline);
	if (below(w, 8) == 0)
		clb_buf_printf(&w->out, "%*s# c%d%s", (int)below(w, 9), "", w->comments++, w->newline);
	clb_buf_printf(&w->out, "%*s", column, "");
}

/* An alias of the kind, if there is one and chance wants it. */
static int
alias(struct writer *w, enum kind kind)
{
	if (w->nanchors[kind] == 0 || below(w, 3) != 0)
		return 0;
	clb_buf_printf(&w->out, "*a%d ", w->anchors[kind][below(w, (unsigned)w->nanchors[kind])]);
	return 1;
}

/* An anchor, perhaps; to be known once its node is written. */
static int
anchor(struct writer *w)
{
	if (below(w, 3) != 0)
		return -1;
	/* A name may be used again, and then is another's. */
	clb_buf_printf(&w->out, "&a%d ", w->next);
	return w->next++;
}

static void
known(struct writer *w, enum kind kind, int number)
{
	if (number != -1 && w->nanchors[kind] < 8)
		w->anchors[kind][w->nanchors[kind]++] = number;
}

static void
text(struct writer *w)
{
	static const char *const texts[] = {
		"plain", "'quo''ted'", "\"dou\\x62le: \\\"x\\\"\"", "5", "true", "!!str tagged", "a:b",
		"''", "two words", "'#no'", "\"\\u0085\"", "$1", "(.+)", "job", "__scheme__", "~"
	};
	int a;

	if (alias(w, TEXT))
		return;
	a = anchor(w);
	put(w, texts[below(w, sizeof(texts) / sizeof(*texts))]);
	known(w, TEXT, a);
}

static void
texts(struct writer *w)
{
	put(w, "[");
	for (unsigned n = below(w, 3); n > 0; n--) {
		put(w, below(w, 2) ? "'h:1', " : "a, ");
	}
	put(w, "b]");
}

static void
labels(struct writer *w)
{
	int a;

	if (alias(w, LABELS))
		return;
	a = anchor(w);
	put(w, below(w, 2) ? "{a: b, c: " : "{__param_x: ");
	text(w);
	put(w, "}");
	known(w, LABELS, a);
}

static void
group(struct writer *w)
{
	int a;

	if (alias(w, GROUP))
		return;
	a = anchor(w);
	put(w, "{targets: ");
	texts(w);
	put(w, ", labels: ");
	labels(w);
	put(w, "}");
	known(w, GROUP, a);
}

static void
rule(struct writer *w)
{
	static const char *const actions[] = {
		"action: labeldrop, regex: ", "target_label: job, replacement: ",
		"source_labels: [a], target_label: b, regex: ", "action: labelkeep, regex: ",
		"action: lowercase, source_labels: [a], target_label: "
	};
	int a;

	if (alias(w, RULE))
		return;
	a = anchor(w);
	put(w, "{");
	if (w->nanchors[RULE] != 0 && below(w, 4) == 0)
		clb_buf_printf(&w->out, "<<: *a%d , ", w->anchors[RULE][0]);
	put(w, actions[below(w, 5)]);
	text(w);
	put(w, "}");
	known(w, RULE, a);
}

/* A list, in brackets or in lines with the dashes in the column. */
static void
list(struct writer *w, enum kind kind, void (*item)(struct writer *w), int column, int flow)
{
	unsigned n = below(w, 3);
	int a;

	if (alias(w, kind))
		return;
	a = anchor(w);
	if (flow || n == 0 || below(w, 2)) {
		put(w, "[");
		for (; n > 0; n--) {
			item(w);
			put(w, n > 1 ? ", " : below(w, 4) == 0 ? "," : "");
		}
		put(w, "]");
	} else {
		for (; n > 0; n--) {
			line(w, column);
			put(w, "- ");
			item(w);
		}
	}
	known(w, kind, a);
}

static void
merge(struct writer *w)
{
	static const char *const merged[] = {
		"{static_configs: [{targets: [m]}]}", "{relabel_configs: [], scheme: https}",
		"{dns_sd_configs: [{names: [x]}]}", "[{metrics_path: /m}, {metrics_path: /n}]"
	};

	if (w->nanchors[JOB] != 0 && below(w, 2)) {
		int a = w->anchors[JOB][below(w, (unsigned)w->nanchors[JOB])];

		clb_buf_printf(&w->out, below(w, 3) ? "*a%d " : "[{scheme: ftp}, *a%d ]", a);
	} else {
		put(w, merged[below(w, 4)]);
	}
}

static void
value(struct writer *w, unsigned key, int column, int flow)
{
	switch (key) {
	case 0:
		clb_buf_printf(&w->out, below(w, 2) ? "job%d" : "\"job/%d \\\"\\u00e9\\\"\"", w->jobs++);
		return;
	case 1:
		list(w, STATICS, group, column, flow);
		return;
	case 2: case 3:
		list(w, RULES, rule, column, flow);
		return;
	case 4:
		put(w, "[{files: [x.json]}]");
		return;
	case 5:
		put(w, "{a: [b, ");
		text(w);
		put(w, "]}");
		return;
	case 6:
		merge(w);
		return;
	case 7:
		put(w, "{ca_file: rel/ca.pem, server_name: ");
		text(w);
		put(w, "}");
		return;
	case 8:
		if (!flow && below(w, 2)) {
			static const char *const styles[] = { "|", ">-", "|+", "|2" };

			put(w, styles[below(w, 4)]);
			put(w, w->newline);
			/* |2 counts from the key's column. */
			clb_buf_printf(&w->out, "%*s/path%s", column + 2, "", w->newline);
			clb_buf_printf(&w->out, below(w, 2) ? "%s" : "", w->newline);
			clb_buf_printf(&w->out, "%*smore", column + 2, "");
			return;
		}
		text(w);
		return;
	default:
		put(w, below(w, 2) ? "true" : "");
		return;
	}
}

static void
job(struct writer *w, int column, int flow)
{
	static const char *const keys[] = {
		"job_name", "static_configs", "relabel_configs", "metric_relabel_configs",
		"file_sd_configs", "params", "<<", "tls_config", "metrics_path", "honor_labels"
	};
	unsigned order[10], n = 10, at, tmp, count = 0;
	int a = -1, is_explicit, is_json = flow && below(w, 3) == 0;

	for (unsigned i = 0; i < n; i++)
		order[i] = i;
	for (unsigned i = n; i > 1; i--) {
		at = below(w, i);
		tmp = order[at];
		order[at] = order[i - 1];
		order[i - 1] = tmp;
	}
	if (flow) {
		a = anchor(w);
		put(w, "{");
	} else if ((a = anchor(w)) != -1) {
		line(w, column);
	}
	for (unsigned i = 0; i < n; i++) {
		if (order[i] != 0 && below(w, 2))
			continue;
		if (count++ > 0) {
			put(w, flow ? ", " : "");
			if (!flow || below(w, 4) == 0)
				line(w, column);
		}
		is_explicit = !flow && below(w, 12) == 0;
		put(w, is_explicit ? "? " : "");
		put(w, is_json && order[i] != 6 ? "\"" : "");
		put(w, keys[order[i]]);
		put(w, is_json && order[i] != 6 ? "\"" : "");
		if (is_explicit)
			line(w, column);
		put(w, ": ");
		value(w, order[i], column, flow);
	}
	put(w, flow ? "}" : "");
	known(w, JOB, a);
}

static void
jobs(struct writer *w)
{
	unsigned n = 1 + below(w, 4);
	int flow = below(w, 4) == 0, column = (int)below(w, 3), nested;

	put(w, "scrape_configs: ");
	put(w, flow ? "[" : "");
	for (unsigned i = 0; i < n; i++) {
		if (flow) {
			put(w, i > 0 ? ", " : "");
			job(w, 0, 1);
			continue;
		}
		line(w, column);
		nested = (int)below(w, 3);
		clb_buf_printf(&w->out, "-%*s", 1 + nested, "");
		job(w, column + 2 + nested, below(w, 3) == 0);
	}
	put(w, flow ? "]" : "");
}

static void
section(struct writer *w, unsigned which)
{
	switch (which) {
	case 0:
		put(w, "global: {external_labels: ");
		labels(w);
		put(w, "}");
		break;
	case 1:
		jobs(w);
		break;
	case 2:
		put(w, "remote_write: [{url: 'http://x', write_relabel_configs: ");
		list(w, RULES, rule, 0, 1);
		put(w, "}]");
		break;
	case 3:
		put(w, "alerting: {alertmanagers: [{static_configs: ");
		list(w, STATICS, group, 0, 1);
		put(w, "}]}");
		break;
	}
}

static void
document(struct writer *w)
{
	unsigned first = below(w, 4), step = below(w, 2) ? 1 : 3;

	w->newline = below(w, 4) == 0 ? "\r\n" : "\n";
	if (below(w, 8) == 0)
		put(w, "\xef\xbb\xbf");
	for (unsigned i = 0; i < 4; i++) {
		if (i > 0)
			line(w, 0);
		section(w, (first + i * step) % 4);
	}
	if (below(w, 3) != 0)
		put(w, w->newline);
	if (below(w, 8) == 0)
		clb_buf_printf(&w->out, "%s---%s{ broken", w->newline, w->newline);
}

/* The text of c, rewritten. Returns 1, or 0 if it does not load. */
static int
rewrite(const struct clb_buf *in, struct clb_buf *out, const struct clb_rewrite_options *o,
    int compat)
{
	struct clb_config_options co = { .compat = compat };
	struct clb_err e = CLB_ERR_INIT;
	struct clb_config c;
	int loads = clb_config_parse(&c, "p.yml", in->p, in->n, &co, &e) == 0;

	if (loads && clb_rewrite(&c, o, out, &e) == -1)
		CHECK(o->base != NULL && e.status == EX_CONFIG, "%s\n%.*s", e.msg, (int)in->n, in->p);
	clb_config_release(&c);
	return loads && e.status == 0;
}

int
main(int argc, char *argv[])
{
	uint64_t random = argc > 1 ? strtoull(argv[1], NULL, 0) : 20261128;
	int count = argc > 2 ? atoi(argv[2]) : 2000, rewritten = 0;

	for (int i = 0; i < count && failures == 0; i++) {
		struct writer w = { .random = &random };
		struct clb_rewrite_options o = { .via = i & 1 ? CLB_VIA_HTTP : CLB_VIA_FILE,
		    .sd = i & 1 ? "http://b" : "/sd", .base = i & 8 ? "/base" : NULL };
		struct clb_buf once = { NULL, 0, 0 }, twice = { NULL, 0, 0 };
		int compat = i & 4 ? CLB_VERSION(2, 42) : CLB_VERSION(3, 5);

		document(&w);
		if (rewrite(&w.out, &once, &o, compat)) {
			rewritten++;
			CHECK(rewrite(&once, &twice, &o, compat) && once.n == twice.n &&
			    memcmp(once.p, twice.p, once.n) == 0, "%.*s\n-- once --\n%.*s\n-- twice --\n%.*s",
			    (int)w.out.n, w.out.p, (int)once.n, once.p, (int)twice.n, twice.p);
		}
		clb_buf_release(&w.out);
		clb_buf_release(&once);
		clb_buf_release(&twice);
	}
	CHECK(failures != 0 || rewritten > count / 4, "%d of %d", rewritten, count);
	if (argc > 1)
		printf("%d of %d\n", rewritten, count);
	return check_end();
}
