/* A scrape config: what it inherits, its checks, and the job that comes of it. */
#include <stdlib.h>

#include "lib/config_decode.h"
#include "lib/utf8.h"

static const struct clb_str legacy = CLB_STR_INIT("legacy"), utf8 = CLB_STR_INIT("utf8");

static const struct clb_str protocols[] = {
	CLB_STR_INIT("PrometheusProto"), CLB_STR_INIT("OpenMetricsText1.0.0"),
	CLB_STR_INIT("OpenMetricsText0.0.1"), CLB_STR_INIT("PrometheusText1.0.0"),
	CLB_STR_INIT("PrometheusText0.0.4"),
};
#define NPROTOCOLS (sizeof(protocols) / sizeof(protocols[0]))

/* ---- checks that a global section and a scrape config share ---- */

static int
one_of(struct clb_str s, const struct clb_str *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (clb_str_eq(s, list[i]))
			return 1;
	return 0;
}

static int
check_protocol(struct clb_decode *d, const struct clb_yaml_node *n, const char *field,
    struct clb_str s)
{
	if (one_of(s, protocols, NPROTOCOLS))
		return 0;
	return clb_decode_fail(d, n, "%s: unknown scrape protocol '%.*s'", field, (int)s.n, s.s);
}

static int
check_protocols(struct clb_decode *d, const struct clb_value *v)
{
	if (!v->present)
		return 0;
	if (v->n == 0)
		return clb_decode_fail(d, v->node, "scrape_protocols cannot be empty");
	for (size_t i = 0; i < v->n; i++) {
		struct clb_str s = v->text[i];

		for (size_t k = 0; k < i; k++)
			if (v->text[k].n == s.n && strncasecmp(v->text[k].s, s.s, s.n) == 0)
				return clb_decode_fail(d, v->node->child[i],
				    "duplicated protocol in scrape_protocols, got '%.*s'",
				    (int)s.n, s.s);
		if (check_protocol(d, v->node->child[i], "scrape_protocols", s) == -1)
			return -1;
	}
	return 0;
}

static int
check_schemes(struct clb_decode *d, const struct clb_value *v)
{
	static const struct clb_str escaping[] = {
		CLB_STR_INIT("allow-utf-8"), CLB_STR_INIT("underscores"), CLB_STR_INIT("dots"),
		CLB_STR_INIT("values")
	};
	const struct clb_value *f = clb_value_get(v, "metric_name_validation_scheme");

	if (f->str.n != 0 && !clb_str_eq(f->str, legacy) && !clb_str_eq(f->str, utf8))
		return clb_decode_fail(d, f->node, "unknown metric_name_validation_scheme '%.*s', "
		    "must be legacy or utf8", (int)f->str.n, f->str.s);
	f = clb_value_get(v, "metric_name_escaping_scheme");
	if (f->str.n != 0 && !one_of(f->str, escaping, 4))
		return clb_decode_fail(d, f->node, "unknown metric_name_escaping_scheme '%.*s', "
		    "must be allow-utf-8, underscores, dots or values", (int)f->str.n, f->str.s);
	return 0;
}

/* ---- global ---- */

static int
check_external_labels(struct clb_decode *d, const struct clb_value *v)
{
	const struct clb_value *labels = clb_value_get(v, "external_labels");
	int strict = d->compat < CLB_VERSION(3, 0) || (d->compat >= CLB_VERSION(3, 7) &&
	    clb_str_eq(clb_value_get(v, "metric_name_validation_scheme")->str, legacy));

	for (size_t i = 0; i < labels->n; i++) {
		const struct clb_value *l = &labels->item[i];

		if (strict ? !clb_label_name_legacy(l->key) : l->key.n == 0)
			return clb_decode_fail(d, l->key_node,
			    "\"%.*s\" is not a valid label name", (int)l->key.n, l->key.s);
	}
	return 0;
}

static void
set_duration(struct clb_value *v, uint64_t ms, const char *text)
{
	v->u = ms;
	clb_value_set(v, clb_str(text));
	v->str.plain = 1;
}

int
clb_global_fill(struct clb_decode *d, struct clb_value *v)
{
	const struct clb_yaml_node empty = { .kind = CLB_YAML_MAPPING };
	struct clb_value *interval, *timeout;

	if (v->item == NULL && clb_decode(d, &empty, v) == -1)
		return -1;
	interval = clb_value_get(v, "scrape_interval");
	timeout = clb_value_get(v, "scrape_timeout");
	if (check_external_labels(d, v) == -1)
		return -1;
	if (interval->u == 0)
		set_duration(interval, 60000, "1m");
	if (timeout->u > interval->u)
		return clb_decode_fail(d, timeout->node,
		    "global scrape timeout greater than scrape interval");
	if (timeout->u == 0 && interval->u < 10000) {
		timeout->u = interval->u;
		clb_value_set(timeout, interval->str);
	} else if (timeout->u == 0) {
		set_duration(timeout, 10000, "10s");
	}
	return check_protocols(d, clb_value_get(v, "scrape_protocols")) == -1 ||
	    check_schemes(d, v) == -1 ? -1 : 0;
}

/* ---- once its YAML is read ---- */

/* A URL among the addresses is a mistake, unless rules make an address of it. */
static int
check_static(struct clb_decode *d, const struct clb_value *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct clb_value *t = clb_value_get(&list->item[i], "targets");

		for (size_t k = 0; k < t->n; k++)
			if (t->text[k].n != 0 && memchr(t->text[k].s, '/', t->text[k].n) != NULL)
				return clb_decode_fail(d, t->node->child[k],
				    "\"%.*s\" is not a valid hostname", (int)t->text[k].n,
				    t->text[k].s);
	}
	return 0;
}

int
clb_job_check(struct clb_decode *d, struct clb_value *v)
{
	const struct clb_value *name = clb_value_get(v, "job_name");

	if (name->str.n == 0)
		return clb_decode_fail(d, clb_value_node(name, v), "job_name is empty");
	if (clb_http_check(d, v) == -1)
		return -1;
	return clb_value_get(v, "relabel_configs")->n == 0 ?
	    check_static(d, clb_value_get(v, "static_configs")) : 0;
}

/* ---- once the global section is known ---- */

static int
fill_times(struct clb_decode *d, struct clb_value *v, const struct clb_value *global)
{
	struct clb_value *interval = clb_value_get(v, "scrape_interval");
	struct clb_value *timeout = clb_value_get(v, "scrape_timeout");
	const struct clb_value *least = clb_value_get(global, "scrape_timeout");
	struct clb_str name = clb_value_get(v, "job_name")->str;

	if (interval->u == 0) {
		interval->u = clb_value_get(global, "scrape_interval")->u;
		clb_value_set(interval, clb_value_get(global, "scrape_interval")->str);
	}
	if (timeout->u > interval->u)
		return clb_decode_fail(d, timeout->node, "scrape timeout greater than scrape "
		    "interval for scrape config with job name \"%.*s\"", (int)name.n, name.s);
	if (timeout->u == 0) {
		if (interval->u < least->u)
			least = interval;
		timeout->u = least->u;
		clb_value_set(timeout, least->str);
	}
	return 0;
}

static void
inherit_limits(struct clb_value *v, const struct clb_value *global)
{
	static const char *const names[] = {
		"body_size_limit", "sample_limit", "target_limit", "label_limit",
		"label_name_length_limit", "label_value_length_limit", "keep_dropped_targets"
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct clb_value *f = clb_value_get(v, names[i]);
		const struct clb_value *g = clb_value_get(global, names[i]);

		if (f->u == 0) {
			f->u = g->u;
			clb_value_set(f, g->str);
		}
	}
}

/* The switch's value: the job's, the global one, or off. */
static int
fill_switch(struct clb_value *v, const struct clb_value *global, const char *name)
{
	struct clb_value *f = clb_value_get(v, name);

	if (!f->present)
		f->u = clb_value_get(global, name)->u;
	f->present = 1;
	return f->u != 0;
}

/* What Prometheus 3 calls always_scrape_classic_histograms had another name in 2. */
static void
rename_switch(struct clb_decode *d, struct clb_value *v)
{
	struct clb_value *old = clb_value_get(v, "scrape_classic_histograms");
	struct clb_value *f = clb_value_get(v, "always_scrape_classic_histograms");

	if (!old->present || d->compat < CLB_VERSION(3, 0))
		return;
	if (!f->present)
		f->u = old->u;
	f->present = 1;
	old->present = 0;
}

/* Prometheus 2 does not know the text format 1.0.0; native histograms want protobuf. */
static void
fill_protocols(struct clb_decode *d, struct clb_value *v, const struct clb_value *global)
{
	struct clb_value *f = clb_value_get(v, "scrape_protocols");
	const struct clb_value *g = clb_value_get(global, "scrape_protocols");
	int proto = clb_value_get(v, "scrape_native_histograms")->u != 0;

	if (f->present)
		return;
	f->present = 1;
	if (g->present) {
		f->text = g->text;
		f->n = g->n;
		return;
	}
	f->text = clb_arena_alloc(d->arena, sizeof(protocols));
	for (size_t i = proto ? 0 : 1; i < NPROTOCOLS; i++)
		if (i != 3 || d->compat >= CLB_VERSION(3, 0))
			f->text[f->n++] = protocols[i];
}

static int
fill_schemes(struct clb_decode *d, struct clb_value *v, const struct clb_value *global)
{
	struct clb_value *names = clb_value_get(v, "metric_name_validation_scheme");
	struct clb_value *escaping = clb_value_get(v, "metric_name_escaping_scheme");
	const struct clb_value *g = clb_value_get(global, "metric_name_validation_scheme");
	const struct clb_value *ge = clb_value_get(global, "metric_name_escaping_scheme");
	int inherited = names->str.n == 0;

	if (check_schemes(d, v) == -1)
		return -1;
	if (inherited)
		clb_value_set(names, g->str.n != 0 ? g->str :
		    d->compat < CLB_VERSION(3, 0) ? legacy : utf8);
	if (escaping->str.n == 0 && inherited && ge->str.n != 0)
		clb_value_set(escaping, ge->str);
	if (escaping->str.n == 0)
		clb_value_set(escaping, clb_str_eq(names->str, legacy) ?
		    CLB_STR("underscores") : CLB_STR("allow-utf-8"));
	if (clb_str_eq(escaping->str, CLB_STR("allow-utf-8")) && clb_str_eq(names->str, legacy))
		return clb_decode_fail(d, clb_value_node(escaping, v),
		    "utf8 metric names requested but validation scheme is not set to UTF8");
	return 0;
}

static int
fill_fallback(struct clb_decode *d, struct clb_value *v)
{
	struct clb_value *f = clb_value_get(v, "fallback_scrape_protocol");

	/* What the OpenTelemetry collector sets. */
	if (f->str.n == 0 && d->otel)
		clb_value_set(f, CLB_STR("PrometheusText0.0.4"));
	return f->str.n == 0 ? 0 : check_protocol(d, f->node, "fallback_scrape_protocol", f->str);
}

static void
fill_params(struct clb_decode *d, struct clb_job *job, const struct clb_value *v)
{
	job->nparam = v->n;
	job->param = clb_arena_alloc(d->arena, v->n * sizeof(*job->param) + 1);
	for (size_t i = 0; i < v->n; i++)
		job->param[i] = (struct clb_param){ v->item[i].key, v->item[i].text,
		    v->item[i].n };
}

static int
fill_rules(struct clb_decode *d, struct clb_job *job, const struct clb_value *v)
{
	const struct clb_value *rules = clb_value_get(v, "relabel_configs");
	int strict = d->compat >= CLB_VERSION(3, 7) &&
	    clb_str_eq(clb_value_get(v, "metric_name_validation_scheme")->str, legacy);

	if (clb_rules_check(d, rules, strict) == -1 ||
	    clb_rules_check(d, clb_value_get(v, "metric_relabel_configs"), strict) == -1)
		return -1;
	job->rule = clb_rules_fill(d, rules, strict);
	job->nrule = rules->n;
	return 0;
}

int
clb_job_fill(struct clb_decode *d, struct clb_job *job, struct clb_value *v,
    const struct clb_value *global, int skip_unsupported_sd)
{
	struct clb_value *log = clb_value_get(v, "scrape_failure_log_file");

	job->name = clb_value_get(v, "job_name")->str;
	job->place = clb_place_of(d, v->node);
	job->node = v->node;
	if (fill_times(d, v, global) == -1)
		return -1;
	inherit_limits(v, global);
	if (log->str.n == 0 && clb_value_has(global, "scrape_failure_log_file"))
		clb_value_set(log, clb_value_get(global, "scrape_failure_log_file")->str);
	rename_switch(d, v);
	job->scrape_native_histograms = fill_switch(v, global, "scrape_native_histograms");
	job->convert_classic_histograms_to_nhcb =
	    fill_switch(v, global, "convert_classic_histograms_to_nhcb");
	job->always_scrape_classic_histograms =
	    fill_switch(v, global, "always_scrape_classic_histograms");
	fill_switch(v, global, "extra_scrape_metrics");
	if (check_protocols(d, clb_value_get(v, "scrape_protocols")) == -1)
		return -1;
	fill_protocols(d, v, global);
	if (fill_fallback(d, v) == -1 || fill_schemes(d, v, global) == -1 ||
	    fill_rules(d, job, v) == -1)
		return -1;
	job->scrape_interval = clb_value_get(v, "scrape_interval")->str;
	job->scrape_timeout = clb_value_get(v, "scrape_timeout")->str;
	job->scheme = clb_value_get(v, "scheme")->str;
	job->metrics_path = clb_value_get(v, "metrics_path")->str;
	job->target_limit = clb_value_get(v, "target_limit")->u;
	fill_params(d, job, clb_value_get(v, "params"));
	if (clb_sd_fill(d, job, v, skip_unsupported_sd) == -1)
		return -1;
	job->doc = clb_value_json(d, v);
	return 0;
}
