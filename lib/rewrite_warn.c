/* What cannot mean the same to several collectors as to one. */
#include <stdarg.h>

#include "lib/handoff.h"
#include "lib/rewrite_part.h"

void
clb_rewrite_warn(const struct rewriting *r, const char *file, const struct clb_yaml_node *n,
    const char *fmt, ...)
{
	struct clb_err e = CLB_ERR_INIT;
	char text[512];
	va_list ap;

	if (r->o->warn == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	clb_err_set(&e, EX_CONFIG, "%s:%u:%u: %s", file, n->line, n->column, text);
	r->o->warn(e.msg);
}

/* Where the job's field is written, or that of global; NULL where it is not. */
static void
warn_of_field(const struct rewriting *r, const struct clb_job *job, const char *name,
    const char *text)
{
	const struct clb_yaml_node *v;
	size_t at;

	if (json_integer_value(json_object_get(job->doc, name)) == 0)
		return;
	if ((v = clb_yaml_field(job->node, clb_str(name), &at)) != NULL)
		clb_rewrite_warn(r, job->place.file, v, "job '%.*s': %s", (int)job->name.n,
		    job->name.s, text);
}

/* vmagent makes other defaults of what is not there, whatever the rules say. */
static void
warn_of_needs(const struct rewriting *r, const struct clb_job *job)
{
	unsigned needs = clb_handoff_needs(job, r->c->compat);
	const char *text = NULL;

	if (r->o->collector == CLB_FOR_OTELCOL && needs & CLB_HANDOFF_JOB)
		text = "the OpenTelemetry collector scrapes no target without the label job";
	else if (r->o->collector == CLB_FOR_VMAGENT && needs & CLB_HANDOFF_PATH)
		text = "vmagent takes /metrics where a target has no path";
	else if (r->o->collector == CLB_FOR_VMAGENT && needs & CLB_HANDOFF_SCHEME)
		text = "vmagent takes http where a target has no scheme";
	if (text != NULL)
		clb_rewrite_warn(r, job->place.file, job->node, "job '%.*s': %s", (int)job->name.n,
		    job->name.s, text);
}

/* Variables of vmagent in what stays. */
static void
warn_of_variables(const struct rewriting *r, const struct clb_job *job,
    const struct clb_yaml_node *n)
{
	const char *p = n->kind == CLB_YAML_SCALAR && n->text.n != 0 ?
	    memmem(n->text.s, n->text.n, "%{", 2) : NULL;

	if (p != NULL && memchr(p, '}', (size_t)(n->text.s + n->text.n - p)) != NULL)
		clb_rewrite_warn(r, job->place.file, n, "job '%.*s': '%.*s' has a variable for vmagent, but "
		    "not for clb", (int)job->name.n, job->name.s, (int)n->text.n, n->text.s);
	for (size_t i = 0; i < n->n; i++)
		if (n->kind != CLB_YAML_MAPPING || i % 2 == 0 || !clb_rewrite_is_discovery(n->child[i - 1]))
			warn_of_variables(r, job, n->child[i]);
}

void
clb_rewrite_warn_of_jobs(const struct rewriting *r, size_t first, size_t njob)
{
	for (size_t i = first; i < first + njob; i++) {
		warn_of_needs(r, &r->c->job[i]);
		if (r->o->collector == CLB_FOR_VMAGENT)
			warn_of_variables(r, &r->c->job[i], r->c->job[i].node);
	}
}

void
clb_rewrite_warn_of_section(const struct rewriting *r, const struct section *s)
{
	static const struct {
		const char *name, *text;
	} fields[] = {
		{ "target_limit", "target_limit counts the targets of one collector, "
		    "only clb-relabel counts all of them" },
		{ "keep_dropped_targets", "keep_dropped_targets has nothing to keep, "
		    "for dropped targets do not come to collectors" },
	};
	const struct clb_yaml_node *global, *v;
	size_t at;

	for (size_t k = 0; k < sizeof(fields) / sizeof(*fields); k++) {
		global = clb_yaml_field(s->map, CLB_STR("global"), &at);
		if (global != NULL && global->kind == CLB_YAML_MAPPING && s->njob != 0 &&
		    (v = clb_yaml_field(global, clb_str(fields[k].name), &at)) != NULL &&
		    !clb_str_eq(v->text, CLB_STR("0")))
			clb_rewrite_warn(r, r->y.name, v, "%s", fields[k].text);
		for (size_t i = s->first; i < s->first + s->njob; i++)
			warn_of_field(r, &r->c->job[i], fields[k].name, fields[k].text);
	}
	if ((v = clb_yaml_field(s->map, CLB_STR("rule_files"), &at)) != NULL && v->n != 0)
		clb_rewrite_warn(r, r->y.name, v, "rules are evaluated over the targets of one collector");
	clb_rewrite_warn_of_jobs(r, s->first, s->njob);
}
