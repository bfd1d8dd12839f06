/* Which jobs need rules that unpack their targets. */
#include "lib/handoff.h"
#include "testdata/unit/check.h"

static const struct {
	const char *rest;	/* of the scrape config */
	unsigned needs_3, needs_2;
} cases[] = {
#define J CLB_HANDOFF_JOB
#define S CLB_HANDOFF_SCHEME
#define P CLB_HANDOFF_PATH
#define C CLB_HANDOFF_CARRIED
#define RULE(text) "relabel_configs: [{" text "}]"
	{ "", 0, 0 },
	/* what is never there */
	{ "scheme: ''", S, S }, { "metrics_path: ~", P, P },
	/* deleting a label by a value */
	{ RULE("target_label: job, replacement: x"), 0, 0 },
	{ RULE("target_label: job, replacement: ''"), J, J },
	{ RULE("source_labels: [a], target_label: job"), J, J },
	{ RULE("source_labels: [a], target_label: other"), 0, 0 },
	{ RULE("source_labels: [a], target_label: __scheme__, replacement: 'x$1'"), 0, 0 },
	{ RULE("source_labels: [a], target_label: __scheme__, replacement: '${1}x'"), 0, 0 },
	{ RULE("source_labels: [a], target_label: __scheme__, replacement: '$$$1'"), 0, 0 },
	{ RULE("source_labels: [a], target_label: '__${1}__', regex: (.*)"), S | P, S | P | C },
	{ RULE("source_labels: [a], target_label: '${1}'"), J | S | P, J | S | P | C },
	/* a group that is never empty */
#define PATH_OF(regex) RULE("source_labels: [a], target_label: __metrics_path__, regex: '" regex "'")
	{ PATH_OF("(.+)"), 0, 0 }, { PATH_OF("(https?)"), 0, 0 }, { PATH_OF("x;(a|b);.*"), 0, 0 },
	{ PATH_OF("([^]]+)[^[:alpha:]()|]?"), 0, 0 }, { PATH_OF("(?:a(b)?)(c+)"), P, P },
	{ PATH_OF("(.*)"), P, P }, { PATH_OF("(.+)?"), P, P }, { PATH_OF("(a)|b"), P, P },
	{ PATH_OF("(a){0,1}"), P, P }, { PATH_OF("((a)|b)"), 0, 0 }, { PATH_OF("(|a)"), P, P },
	{ PATH_OF("(\\b)a"), P, P }, { PATH_OF("\\(()(a)"), P, P }, { PATH_OF("[\\]](a)"), 0, 0 },
	{ PATH_OF("(?i)(a)"), P, P }, { PATH_OF("\\Q(\\E(a?)"), P, P }, { PATH_OF("(?P<n>a)"), P, P },
	{ RULE("source_labels: [a], target_label: __metrics_path__, regex: .+, replacement: $0"),
	    0, 0 },
	{ RULE("source_labels: [a], target_label: __metrics_path__, regex: .*, replacement: $0"),
	    P, P },
	{ RULE("source_labels: [a], target_label: __metrics_path__, regex: (.*)(b), replacement: $2"),
	    0, 0 },
	/* other actions */
	{ RULE("source_labels: [a], target_label: job, action: lowercase"), J, J },
	{ RULE("source_labels: [a, b], target_label: job, action: uppercase"), 0, 0 },
	{ RULE("source_labels: [a, b], separator: '', target_label: job, action: uppercase"), J, J },
	{ RULE("source_labels: [a], target_label: job, action: hashmod, modulus: 2"), 0, 0 },
	{ RULE("regex: j.b, action: labeldrop"), J, J },
	{ RULE("regex: j, action: labeldrop"), 0, 0 },
	{ RULE("regex: '__.*__', action: labeldrop"), S | P, S | P },
	{ RULE("regex: 'job|__.*', action: labelkeep"), 0, 0 },
	{ RULE("regex: '__.*', action: labelkeep"), J, J },
	{ RULE("regex: a, source_labels: [job], action: drop"), 0, 0 },
	/* parameters, which win over labels in Prometheus 2 */
	{ "params: {a: [b], c: ['']}", 0, C }, { "params: {a: [], c: ['']}", 0, 0 },
	{ "static_configs: [{targets: [x], labels: {__param_a: b}}]", 0, C },
	{ "static_configs: [{targets: [x], labels: {param_a: b}}]", 0, 0 },
	{ "file_sd_configs: [{files: [a.json]}]", 0, C },
	{ "http_sd_configs: [{url: 'http://a'}]", 0, C },
	{ "kubernetes_sd_configs: [{role: pod}]", 0, 0 },
	{ "dns_sd_configs: [{names: [a]}]", 0, 0 },
	{ RULE("source_labels: [a], target_label: __param_x"), 0, C },
	{ RULE("source_labels: [a], target_label: __par"), 0, 0 },
	{ RULE("source_labels: [a], target_label: '__par${1}'"), 0, C },
	{ RULE("source_labels: [a], target_label: '__x${1}'"), 0, 0 },
	{ RULE("source_labels: [a], target_label: __param_x, action: hashmod, modulus: 2"), 0, C },
	{ RULE("regex: (.+), action: labelmap"), 0, C },
	{ RULE("regex: (.+), replacement: a_$1, action: labelmap"), 0, 0 },
	{ RULE("regex: (.+), replacement: __param_$1, action: labelmap"), 0, C },
};

static unsigned
needs(const char *rest, int compat, int *is_done)
{
	struct clb_config_options o = { .compat = compat };
	struct clb_err e = CLB_ERR_INIT;
	struct clb_config c;
	struct clb_buf b = { NULL, 0, 0 };
	unsigned got = 99, ignored;

	clb_buf_printf(&b, "scrape_configs: [{job_name: j, %s}]", rest);
	if (clb_config_parse(&c, "p.yml", b.p, b.n, &o, &e) == 0) {
		got = clb_handoff_needs(&c.job[0], compat);
		*is_done = clb_handoff_is_done(&c.job[0], &ignored);
	}
	CHECK(e.status == 0, "%s: %s", rest, e.msg);
	clb_config_release(&c);
	clb_buf_release(&b);
	return got;
}

static void
what_jobs_need(void)
{
	int done;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CHECK(needs(cases[i].rest, CLB_VERSION(3, 5), &done) == cases[i].needs_3, "%s",
		    cases[i].rest);
		CHECK(needs(cases[i].rest, CLB_VERSION(2, 42), &done) == cases[i].needs_2, "%s",
		    cases[i].rest);
	}
}

static void
rules_are_known_again(void)
{
	for (unsigned want = 0; want < 16; want++) {
		json_t *rules = clb_handoff_rules(want);
		char *text = json_dumps(rules, 0), *rest;
		int done;

		rest = clb_xasprintf("relabel_configs: %s", text);
		needs(rest, CLB_VERSION(3, 5), &done);
		CHECK(done, "%s", rest);
		free(rest);
		/* One more rule, in front. */
		rest = clb_xasprintf("relabel_configs: [{action: drop, regex: a}%s%s",
		    json_array_size(rules) != 0 ? ", " : "", text + 1);
		needs(rest, CLB_VERSION(3, 5), &done);
		CHECK(!done, "%s", rest);
		free(rest);
		free(text);
		json_decref(rules);
	}
}

int
main(void)
{
	what_jobs_need();
	rules_are_known_again();
	return check_end();
}
