/* What is to become of each scrape config. */
#include "lib/duration.h"
#include "lib/handoff.h"
#include "lib/rewrite_part.h"
#include "lib/sd_name.h"

/* What a scrape config is to have. */
struct wanted {
	struct clb_str key;
	json_t *value;
	int there;
};

/* ---- names ---- */

static int
has_name(const struct names *l, struct clb_str name)
{
	for (size_t i = 0; i < l->n; i++)
		if (clb_str_eq(l->v[i], name))
			return 1;
	return 0;
}

static void
add_name(struct names *l, struct clb_str name)
{
	if (!has_name(l, name) && l->n < sizeof(l->v) / sizeof(*l->v))
		l->v[l->n++] = name;
}

/* The fields of a scrape config that leave. */
int
clb_rewrite_is_discovery(const struct clb_yaml_node *key)
{
	static const char suffix[] = "_sd_configs";
	struct clb_str s = key->text;
	size_t n = sizeof(suffix) - 1;

	return key->kind == CLB_YAML_SCALAR && (clb_str_eq(s, CLB_STR("relabel_configs")) ||
	    clb_str_eq(s, CLB_STR("static_configs")) ||
	    (s.n > n && memcmp(s.s + s.n - n, suffix, n) == 0));
}

/* ---- structures, read as go-yaml reads them ---- */

static size_t
last_merge(const struct clb_yaml_node *map)
{
	size_t last = NONE;

	for (size_t i = 0; i + 1 < map->n; i += 2)
		if (clb_yaml_is_merge(map->child[i]))
			last = i / 2;
	return last;
}

/* 1 if entry i counts, whatever is merged. */
int
clb_rewrite_is_last(const struct clb_yaml_node *map, size_t i)
{
	size_t last = last_merge(map);

	return last == NONE || i > last;
}

static void add_merged(const struct rewriting *r, const struct clb_yaml_node *map, int is_written,
    struct names *l);

/* The fields to take out that a merged mapping brings; is_written: as it was. */
static void
add_all(const struct rewriting *r, const struct clb_yaml_node *map, int is_written,
    struct names *l)
{
	const struct clb_yaml_node *at = map->alias != NULL ? map->alias : map;

	for (size_t i = 0; i < r->c->njob && !is_written; i++)
		if (r->plan[i].is_edited && r->plan[i].map == at) {
			for (size_t k = 0; k < r->plan[i].discovery.n; k++)
				add_name(l, r->plan[i].discovery.v[k]);
			return;
		}
	for (size_t i = 0; i + 1 < map->n; i += 2)
		if (clb_rewrite_is_discovery(map->child[i]))
			add_name(l, map->child[i]->text);
	add_merged(r, map, is_written, l);
}

static void
add_merged(const struct rewriting *r, const struct clb_yaml_node *map, int is_written,
    struct names *l)
{
	for (size_t i = 0; i + 1 < map->n; i += 2) {
		const struct clb_yaml_node *value = map->child[i + 1];

		if (!clb_yaml_is_merge(map->child[i]))
			continue;
		if (value->kind == CLB_YAML_MAPPING)
			add_all(r, value, is_written, l);
		for (size_t k = 0; value->kind == CLB_YAML_SEQUENCE && k < value->n; k++)
			add_all(r, value->child[k], is_written, l);
	}
}

/* ---- where the targets come from ---- */

static int
has_files(const struct rewriting *r)
{
	return r->o->via == CLB_VIA_FILE;
}

/* DIR/<job>.json, or URL/<job>.json, in which a percent sign of the name is one more. */
static void
add_location(const struct rewriting *r, struct clb_buf *out, struct clb_str job)
{
	struct clb_buf name = { NULL, 0, 0 };
	size_t n = strlen(r->o->sd);

	while (n > 1 && r->o->sd[n - 1] == '/')
		n--;
	clb_buf_add(out, r->o->sd, n);
	clb_buf_adds(out, n == 1 && *r->o->sd == '/' ? "" : "/");
	clb_sd_file_name(&name, job);
	for (size_t i = 0; i < name.n; i++) {
		clb_buf_addc(out, name.p[i]);
		if (name.p[i] == '%' && !has_files(r))
			clb_buf_adds(out, "25");
	}
	clb_buf_adds(out, CLB_SD_SUFFIX);
	clb_buf_release(&name);
}

static json_t *
source(const struct rewriting *r, struct clb_str job)
{
	struct clb_buf at = { NULL, 0, 0 };
	const char *interval = r->o->interval;
	json_t *sd;

	add_location(r, &at, job);
	if (has_files(r))
		sd = json_pack("{s[s%]}", "files", at.p, at.n);
	else
		sd = json_pack("{ss%}", "url", at.p, at.n);
	/* vmagent has options for that, and no such field. */
	if (interval == NULL && !has_files(r) && r->o->collector != CLB_FOR_VMAGENT)
		interval = DEFAULT_INTERVAL;
	if (interval != NULL)
		json_object_set_new(sd, "refresh_interval", json_string(interval));
	if (r->o->client != NULL)
		json_object_update(sd, r->o->client);
	clb_buf_release(&at);
	return json_pack("[o]", sd);
}

/* What the options say must be good in a configuration. */
int
clb_rewrite_check_options(struct rewriting *r)
{
	const struct clb_decode d = { .arena = &r->arena,
	    .vmagent = r->o->collector == CLB_FOR_VMAGENT };
	const char *sd = r->o->sd, *why = NULL;
	struct clb_str scheme, host;
	int64_t ms = 0;

	if (r->o->interval != NULL &&
	    (clb_duration_parse(clb_str(r->o->interval), &ms, &why) == -1 || ms == 0))
		return clb_err_set(r->e, EX_USAGE, "--interval: not a duration: '%s'",
		    r->o->interval);
	if (has_files(r))
		return strchr(sd, '*') == NULL ? 0 :
		    clb_err_set(r->e, EX_USAGE, "--sd-dir: a star makes a pattern: '%s'", sd);
	/* What stands for variables of the collector may be anything. */
	if (r->o->collector == CLB_FOR_OTELCOL && strchr(sd, '$') != NULL)
		return 0;
	why = clb_url_check(clb_without_variables(&d, clb_str(sd)), &scheme, &host);
	if (why == NULL && host.n == 0)
		why = "no host";
	if (why == NULL && !clb_str_eq(scheme, CLB_STR("http")) &&
	    !clb_str_eq(scheme, CLB_STR("https")))
		why = "neither http nor https";
	return why == NULL ? 0 : clb_err_set(r->e, EX_USAGE, "--sd-url: %s: '%s'", why, sd);
}

static struct clb_str
source_name(const struct rewriting *r)
{
	return has_files(r) ? CLB_STR("file_sd_configs") : CLB_STR("http_sd_configs");
}

/* ---- plans ---- */

/* A job that comes from here has what it needs already. */
static unsigned
needs_of(const struct rewriting *r, const struct plan *p)
{
	const struct clb_yaml_node *sd;
	unsigned needs;
	size_t at;

	sd = clb_yaml_field(p->map, source_name(r), &at);
	if (p->job->nsd == 1 && sd != NULL && clb_yaml_is_json(sd, p->source) &&
	    clb_handoff_is_done(p->job, &needs))
		return needs;
	return clb_handoff_needs(p->job, r->c->compat);
}

/* What is wanted and there already stays; all else to take out leaves. */
static void
compare_entries(const struct clb_yaml_node *map, struct plan *p, const struct names *merged,
    struct wanted *wanted, size_t nwanted)
{
	for (size_t i = 0; i < map->n / 2; i++) {
		const struct clb_yaml_node *key = map->child[2 * i];

		p->gone[i] = (char)clb_rewrite_is_discovery(key);
		for (size_t k = 0; k < nwanted && p->gone[i]; k++)
			if (clb_str_eq(wanted[k].key, key->text) &&
			    clb_yaml_is_json(map->child[2 * i + 1], wanted[k].value) &&
			    (clb_rewrite_is_last(map, i) || !has_name(merged, key->text))) {
				p->gone[i] = 0;
				wanted[k].there = 1;
			}
	}
}

/* New entries come where discovery was, if what is merged does not come later. */
static size_t
place_for(const struct clb_yaml_node *map, const char *gone)
{
	size_t first = NONE;

	for (size_t i = 0; i < map->n / 2; i++) {
		if (!gone[i] || !clb_rewrite_is_last(map, i))
			continue;
		if (!clb_str_eq(map->child[2 * i]->text, CLB_STR("relabel_configs")))
			return i;
		if (first == NONE)
			first = i;
	}
	return first;
}

void
clb_rewrite_plan(struct rewriting *r, struct plan *p, const struct clb_job *job,
    const struct clb_yaml_node *map, int is_written)
{
	static const struct clb_str rules = CLB_STR_INIT("relabel_configs");
	struct wanted wanted[66];
	struct names merged = { .n = 0 };
	size_t n = 0;

	p->job = job;
	p->map = map;
	p->source = source(r, job->name);
	p->needs = needs_of(r, p);
	p->rules = clb_handoff_rules(p->needs);
	add_merged(r, map, is_written, &merged);
	wanted[n++] = (struct wanted){ source_name(r), p->source, 0 };
	if (p->needs != 0 || has_name(&merged, rules))
		wanted[n++] = (struct wanted){ rules, p->rules, 0 };
	for (size_t i = 0; i < merged.n; i++)
		if (!clb_str_eq(merged.v[i], wanted[0].key) && !clb_str_eq(merged.v[i], rules))
			wanted[n++] = (struct wanted){ merged.v[i], r->nothing, 0 };
	p->gone = clb_rewrite_alloc(r, map->n / 2, 1);
	compare_entries(map, p, &merged, wanted, n);
	p->add = clb_rewrite_alloc(r, n, sizeof(*p->add));
	for (size_t i = 0; i < n; i++) {
		add_name(&p->discovery, wanted[i].key);
		if (!wanted[i].there)
			p->add[p->nadd++] = (struct clb_yaml_entry){ .key = wanted[i].key.s,
			    .json = wanted[i].value };
	}
	p->at = p->nadd != 0 ? place_for(map, p->gone) : NONE;
}
