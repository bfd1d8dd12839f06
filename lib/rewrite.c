#include <stdarg.h>
#include <stdlib.h>

#include "lib/config_decode.h"
#include "lib/duration.h"
#include "lib/handoff.h"
#include "lib/rewrite.h"
#include "lib/sd_name.h"
#include "lib/secrets.h"
#include "lib/yaml_edit.h"

#define NONE CLB_YAML_MERGED
#define DEFAULT_INTERVAL "30s"

/* Names of fields: few, and each once. */
struct names {
	struct clb_str v[64];
	size_t n;
};

/* What a scrape config is to have. */
struct wanted {
	struct clb_str key;
	json_t *value;
	int there;
};

/* A job, and what its scrape config has in the end. */
struct plan {
	const struct clb_job *job;
	const struct clb_yaml_node *map;	/* as it is written; an alias, perhaps */
	int is_edited;			/* where it stands, and so for aliases of it */
	char *gone;			/* for each entry */
	size_t at;			/* in place of this entry the new ones come */
	struct clb_yaml_entry *add;
	size_t nadd;
	struct names discovery;		/* the fields to take out that it has nevertheless */
	unsigned needs;
	json_t *source, *rules;
};

/* A path that changes. */
struct path {
	const struct clb_yaml_node *node;
	struct clb_str text;
};

/* A Prometheus configuration in the document. */
struct section {
	const struct clb_yaml_node *map;
	const struct clb_yaml_node *list, *files;	/* scrape_configs and …_files, or NULL */
	size_t list_at, files_at;	/* their entries in map, or NONE where they are merged */
	size_t first, nlist, njob;	/* its jobs: those of the list, then those of files */
};

struct rewriting {
	const struct clb_config *c;
	const struct clb_rewrite_options *o;
	struct clb_yaml y;		/* as it is written, nothing expanded */
	struct clb_yaml_edit *ed;
	struct plan *plan;		/* for each job */
	const struct clb_yaml_node **list;	/* of scrape configs that stand in the text */
	size_t nlist;
	struct path *path;
	size_t npath;
	json_t *kept, *nothing;		/* what entries refer to, and [] in there */
	struct clb_arena arena;
	struct clb_err *e;
};

static int __attribute__((format(printf, 3, 4)))
fail_at(struct rewriting *r, const struct clb_yaml_node *n, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return clb_err_set(r->e, EX_CONFIG, "%s:%u:%u: %s", r->y.name, n->line, n->column, text);
}

static void *
alloc(struct rewriting *r, size_t count, size_t size)
{
	return memset(clb_arena_alloc(&r->arena, count * size + 1), 0, count * size + 1);
}

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
static int
is_discovery(const struct clb_yaml_node *key)
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
static int
is_behind_merges(const struct clb_yaml_node *map, size_t i)
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
		if (is_discovery(map->child[i]))
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
	clb_buf_release(&at);
	return json_pack("[o]", sd);
}

/* What the options say must be good in a configuration. */
static int
check_options(struct rewriting *r)
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

		p->gone[i] = (char)is_discovery(key);
		for (size_t k = 0; k < nwanted && p->gone[i]; k++)
			if (clb_str_eq(wanted[k].key, key->text) &&
			    clb_yaml_is_json(map->child[2 * i + 1], wanted[k].value) &&
			    (is_behind_merges(map, i) || !has_name(merged, key->text))) {
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
		if (!gone[i] || !is_behind_merges(map, i))
			continue;
		if (!clb_str_eq(map->child[2 * i]->text, CLB_STR("relabel_configs")))
			return i;
		if (first == NONE)
			first = i;
	}
	return first;
}

static void
make_plan(struct rewriting *r, struct plan *p, const struct clb_job *job,
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
	p->gone = alloc(r, map->n / 2, 1);
	compare_entries(map, p, &merged, wanted, n);
	p->add = alloc(r, n, sizeof(*p->add));
	for (size_t i = 0; i < n; i++) {
		add_name(&p->discovery, wanted[i].key);
		if (!wanted[i].there)
			p->add[p->nadd++] = (struct clb_yaml_entry){ .key = wanted[i].key.s,
			    .json = wanted[i].value };
	}
	p->at = p->nadd != 0 ? place_for(map, p->gone) : NONE;
}

static void
release_plan(struct plan *p)
{
	json_decref(p->source);
	json_decref(p->rules);
}

/* ---- paths ---- */

struct paths {
	const char *dir;	/* that they are to start at; NULL: they stay as they are */
	int are_copied;		/* written out elsewhere */
};

static int
is_in_lists(const struct rewriting *r, const struct clb_yaml_node *n)
{
	for (size_t i = 0; i < r->nlist; i++)
		if (n->start >= r->list[i]->start && n->end <= r->list[i]->end)
			return 1;
	return 0;
}

static int
change_path(struct rewriting *r, const struct clb_yaml_node *n, const struct paths *paths)
{
	struct path p = { .node = n->alias != NULL ? n->alias : n };

	if (n->kind != CLB_YAML_SCALAR || clb_yaml_is_null(n) || n->text.n == 0)
		return 0;
	for (size_t i = 0; i < r->npath; i++)
		if (r->path[i].node == p.node)
			return 0;
	p.text = clb_path_join(&r->arena, paths->dir, n->text);
	if (clb_str_eq(p.text, n->text))
		return 0;
	if (r->o->collector == CLB_FOR_OTELCOL && memchr(n->text.s, '$', n->text.n) != NULL)
		return fail_at(r, n, "relative path '%.*s': what its variables stand for is not known",
		    (int)n->text.n, n->text.s);
	if (!paths->are_copied && !is_in_lists(r, p.node))
		return fail_at(r, p.node, "relative path '%.*s' cannot be changed, for it stands "
		    "outside of the scrape configs", (int)n->text.n, n->text.s);
	r->path = clb_xreallocarray(r->path, r->npath + 1, sizeof(*r->path));
	r->path[r->npath++] = p;
	if (!paths->are_copied)
		clb_yaml_edit_string(r->ed, p.node, p.text);
	return 0;
}

static int change_paths(struct rewriting *r, const struct clb_yaml_node *n,
    const struct clb_field *f, const struct paths *paths);

static int
change_field_paths(struct rewriting *r, const struct clb_yaml_node *map,
    const struct clb_schema *schema, const struct paths *paths)
{
	for (size_t i = 0; i + 1 < map->n; i += 2) {
		const struct clb_yaml_node *key = map->child[i], *value = map->child[i + 1];

		if (clb_yaml_is_merge(key)) {
			for (size_t k = 0; value->kind == CLB_YAML_SEQUENCE && k < value->n; k++)
				if (change_field_paths(r, value->child[k], schema, paths) == -1)
					return -1;
			if (value->kind == CLB_YAML_MAPPING &&
			    change_field_paths(r, value, schema, paths) == -1)
				return -1;
			continue;
		}
		for (size_t k = 0; k < schema->n && !is_discovery(key); k++)
			if (clb_str_eq(key->text, clb_str(schema->field[k].name)) &&
			    change_paths(r, value, &schema->field[k], paths) == -1)
				return -1;
	}
	return 0;
}

/* The relative paths in a value of the field f. */
static int
change_paths(struct rewriting *r, const struct clb_yaml_node *n, const struct clb_field *f,
    const struct paths *paths)
{
	if (f->type == CLB_T_PATH)
		return change_path(r, n, paths);
	if (f->type == CLB_T_STRUCT && n->kind == CLB_YAML_MAPPING)
		return change_field_paths(r, n, f->sub, paths);
	for (size_t i = 0; i < n->n; i++) {
		int rc = 0;

		if (f->type == CLB_T_PATHS)
			rc = change_path(r, n->child[i], paths);
		else if (f->type == CLB_T_LIST && n->child[i]->kind == CLB_YAML_MAPPING)
			rc = change_field_paths(r, n->child[i], f->sub, paths);
		else if (f->type == CLB_T_MAP && i % 2 == 1)
			rc = change_paths(r, n->child[i], f->sub->field, paths);
		if (rc == -1)
			return -1;
	}
	return 0;
}

/* ---- scrape configs that are written out ---- */

static int
changed_path(const struct clb_yaml_node *n, struct clb_str *text, void *arg)
{
	const struct rewriting *r = arg;

	if (n->alias != NULL)
		n = n->alias;
	for (size_t i = 0; i < r->npath; i++)
		if (r->path[i].node == n) {
			*text = r->path[i].text;
			return 1;
		}
	return 0;
}

/* What stays of the plan's job, and what comes: *n entries in the arena. */
static struct clb_yaml_entry *
entries_of(struct rewriting *r, const struct plan *p, int is_copied, size_t *n)
{
	const struct clb_yaml_writer w = {
	    .double_dollars = is_copied && r->o->collector == CLB_FOR_OTELCOL,
	    .replace = changed_path, .arg = r };
	struct clb_yaml_entry *en = alloc(r, p->map->n / 2 + p->nadd, sizeof(*en));
	struct clb_buf text = { NULL, 0, 0 };

	*n = 0;
	for (size_t i = 0; i < p->map->n / 2; i++) {
		if (p->gone[i])
			continue;
		text.n = 0;
		clb_yaml_node(&text, p->map->child[2 * i + 1], &w);
		en[*n].key = p->map->child[2 * i]->text.s;
		en[(*n)++].text = clb_arena_str(&r->arena, text.p, text.n);
	}
	memcpy(en + *n, p->add, p->nadd * sizeof(*en));
	*n += p->nadd;
	clb_buf_release(&text);
	return en;
}

/* Jobs of the section from number first on, written out. */
static struct clb_yaml_items *
items_of(struct rewriting *r, const struct section *s, size_t first)
{
	size_t count = s->first + s->njob - first;
	struct clb_yaml_items *items = alloc(r, 1, sizeof(*items));
	struct clb_yaml_entry *all = NULL, *en;
	size_t *n = alloc(r, count, sizeof(*n)), total = 0;

	for (size_t i = 0; i < count; i++) {
		en = entries_of(r, &r->plan[first + i], first + i >= s->first + s->nlist, &n[i]);
		all = clb_xreallocarray(all, total + n[i], sizeof(*all));
		memcpy(all + total, en, n[i] * sizeof(*all));
		total += n[i];
	}
	en = alloc(r, total, sizeof(*en));
	if (total != 0)
		memcpy(en, all, total * sizeof(*en));
	free(all);
	*items = (struct clb_yaml_items){ en, n, count };
	return items;
}

/* ---- sections ---- */

/* The jobs of the section that starts with job number *next. */
static void
find_jobs(struct rewriting *r, struct section *s, size_t *next)
{
	size_t at;

	s->list = clb_yaml_field(s->map, CLB_STR("scrape_configs"), &s->list_at);
	s->files = clb_yaml_field(s->map, CLB_STR("scrape_config_files"), &at);
	s->files_at = at;
	s->first = *next;
	while (*next < r->c->njob && r->c->job[*next].config->start == s->map->start)
		++*next;
	s->njob = *next - s->first;
	s->nlist = s->list != NULL && s->list->kind == CLB_YAML_SEQUENCE ? s->list->n : 0;
}

static int
edit_job(struct rewriting *r, size_t i, const struct clb_yaml_node *map)
{
	const struct paths paths = { r->o->base, 0 };
	struct plan *p = &r->plan[i];
	size_t n;

	make_plan(r, p, &r->c->job[i], map, map->alias != NULL);
	if (change_field_paths(r, map, &clb_schema_job, &paths) == -1)
		return -1;
	if (map->alias != NULL) {
		const struct clb_yaml_entry *en = entries_of(r, p, 0, &n);

		clb_yaml_edit_node(r->ed, map, en, n);
	} else {
		p->is_edited = 1;
		if (p->nadd != 0 || memchr(p->gone, 1, map->n / 2) != NULL)
			clb_yaml_edit_mapping(r->ed, map, p->gone, p->at, p->add, p->nadd);
	}
	return 0;
}

/* The list stands where it is to be changed. */
static int
edit_list(struct rewriting *r, const struct clb_yaml_node *list, size_t first)
{
	r->list = clb_xreallocarray(r->list, r->nlist + 1, sizeof(*r->list));
	r->list[r->nlist++] = list;
	clb_yaml_edit_scope(r->ed, list);
	for (size_t i = 0; i < list->n; i++)
		if (edit_job(r, first + i, list->child[i]) == -1)
			return -1;
	return 0;
}

/* A list that comes through an alias or a merge key is written out. */
static int
plan_list(struct rewriting *r, const struct section *s)
{
	const struct paths paths = { r->o->base, 1 };

	for (size_t i = 0; i < s->nlist; i++) {
		const struct clb_yaml_node *map = s->list->child[i];

		make_plan(r, &r->plan[s->first + i], &r->c->job[s->first + i], map, 1);
		if (change_field_paths(r, map, &clb_schema_job, &paths) == -1)
			return -1;
	}
	return 0;
}

static int
plan_files(struct rewriting *r, const struct section *s)
{
	for (size_t i = s->first + s->nlist; i < s->first + s->njob; i++) {
		const struct clb_job *job = &r->c->job[i];
		const struct paths paths = { clb_path_join(&r->arena, r->o->base,
		    clb_str(job->dir)).s, 1 };

		make_plan(r, &r->plan[i], job, job->node, 1);
		if (change_field_paths(r, job->node, &clb_schema_job, &paths) == -1)
			return -1;
	}
	return 0;
}

/* Entries of the configuration itself; at: in place of this one, or NONE. */
static void
edit_entries(struct rewriting *r, const struct section *s, char *gone, size_t at,
    struct clb_yaml_entry *add, size_t nadd)
{
	size_t n = s->map->n / 2;

	if (s->files != NULL && s->files->n != 0 && s->files_at != NONE)
		gone[s->files_at] = 1;
	else if (s->files != NULL && s->files->n != 0)
		add[nadd++] = (struct clb_yaml_entry){ .key = "scrape_config_files",
		    .json = r->nothing };
	if (nadd == 0 && memchr(gone, 0, n) == NULL)
		add[nadd++] = (struct clb_yaml_entry){ .key = "scrape_configs",
		    .json = r->nothing };
	if (nadd != 0 || memchr(gone, 1, n) != NULL)
		clb_yaml_edit_mapping(r->ed, s->map, gone, at, add, nadd);
}

/* Leave the entry scrape_configs, for another. Returns where that may come. */
static size_t
remove_list(const struct section *s, char *gone)
{
	if (s->list_at == NONE)
		return NONE;
	gone[s->list_at] = 1;
	return is_behind_merges(s->map, s->list_at) ? s->list_at : NONE;
}

static int
edit_section(struct rewriting *r, const struct section *s)
{
	int stands = s->nlist != 0 && s->list_at != NONE && s->list->alias == NULL;
	struct clb_yaml_entry add[2];
	char *gone = alloc(r, s->map->n / 2, 1);
	size_t nadd = 0, at = NONE;

	if ((stands ? edit_list(r, s->list, s->first) : plan_list(r, s)) == -1 ||
	    plan_files(r, s) == -1)
		return -1;
	if (stands && s->njob > s->nlist) {
		clb_yaml_edit_append(r->ed, s->list, items_of(r, s, s->first + s->nlist));
	} else if (!stands && s->njob != 0) {
		add[nadd++] = (struct clb_yaml_entry){ .key = "scrape_configs",
		    .items = items_of(r, s, s->first) };
		at = remove_list(s, gone);
	}
	edit_entries(r, s, gone, at, add, nadd);
	return 0;
}

/* ---- target allocators ---- */

static int
edit_allocator(struct rewriting *r, const struct clb_yaml_node *receiver, const struct section *s)
{
	static const struct clb_str name = CLB_STR_INIT("target_allocator");
	const char *interval = r->o->interval != NULL ? r->o->interval : DEFAULT_INTERVAL;
	json_t *value = json_pack("{ss, ss, ss}", "endpoint", r->o->sd, "interval", interval,
	    "collector_id", "${env:POD_NAME}");
	struct clb_yaml_entry add[2] = { { .key = "scrape_configs", .json = r->nothing } };
	struct clb_yaml_entry allocator = { .key = name.s, .json = value };
	char *gone = alloc(r, s->map->n / 2, 1);
	size_t at;

	json_array_append_new(r->kept, value);
	edit_entries(r, s, gone, remove_list(s, gone), add, 1);
	gone = alloc(r, receiver->n / 2, 1);
	if (clb_yaml_field(receiver, name, &at) != NULL && at != NONE)
		gone[at] = 1;
	clb_yaml_edit_mapping(r->ed, receiver, gone,
	    at != NONE && is_behind_merges(receiver, at) ? at : NONE, &allocator, 1);
	return 0;
}

/* ---- what cannot keep its meaning ---- */

static void __attribute__((format(printf, 4, 5)))
warn_at(const struct rewriting *r, const char *file, const struct clb_yaml_node *n,
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
		warn_at(r, job->place.file, v, "job '%.*s': %s", (int)job->name.n, job->name.s, text);
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
		warn_at(r, job->place.file, job->node, "job '%.*s': %s", (int)job->name.n,
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
		warn_at(r, job->place.file, n, "job '%.*s': '%.*s' has a variable for vmagent, but "
		    "not for clb", (int)job->name.n, job->name.s, (int)n->text.n, n->text.s);
	for (size_t i = 0; i < n->n; i++)
		if (n->kind != CLB_YAML_MAPPING || i % 2 == 0 || !is_discovery(n->child[i - 1]))
			warn_of_variables(r, job, n->child[i]);
}

static void
warn_of_jobs(const struct rewriting *r, size_t first, size_t njob)
{
	for (size_t i = first; i < first + njob; i++) {
		warn_of_needs(r, &r->c->job[i]);
		if (r->o->collector == CLB_FOR_VMAGENT)
			warn_of_variables(r, &r->c->job[i], r->c->job[i].node);
	}
}

static void
warn_of_section(const struct rewriting *r, const struct section *s)
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
			warn_at(r, r->y.name, v, "%s", fields[k].text);
		for (size_t i = s->first; i < s->first + s->njob; i++)
			warn_of_field(r, &r->c->job[i], fields[k].name, fields[k].text);
	}
	if ((v = clb_yaml_field(s->map, CLB_STR("rule_files"), &at)) != NULL && v->n != 0)
		warn_at(r, r->y.name, v, "rules are evaluated over the targets of one collector");
	warn_of_jobs(r, s->first, s->njob);
}

/* ---- the forms of configurations ---- */

static int
edit_prometheus(struct rewriting *r)
{
	struct section s = { .map = r->y.root };
	size_t next = 0;

	find_jobs(r, &s, &next);
	warn_of_section(r, &s);
	return edit_section(r, &s);
}

/* The value of a mapping's own entry, or NULL. */
static const struct clb_yaml_node *
own(const struct clb_yaml_node *map, struct clb_str name)
{
	size_t at;
	const struct clb_yaml_node *v = map->alias == NULL ? clb_yaml_field(map, name, &at) : NULL;

	return v != NULL && at != NONE && v->alias == NULL ? v : NULL;
}

static int
is_prometheus(const struct clb_yaml_node *key)
{
	return key->kind == CLB_YAML_SCALAR && (clb_str_eq(key->text, CLB_STR("prometheus")) ||
	    clb_str_has_prefix(key->text, "prometheus/"));
}

static int
edit_receiver(struct rewriting *r, const struct clb_yaml_node *receiver, size_t *next)
{
	struct section s = { .map = own(receiver, CLB_STR("config")) };
	const struct clb_yaml_node *v;

	if (s.map == NULL || s.map->kind != CLB_YAML_MAPPING)
		return 0;
	find_jobs(r, &s, next);
	if (s.njob == 0 && (s.files == NULL || s.files->n == 0))
		return 0;
	warn_of_section(r, &s);
	if (r->o->via != CLB_VIA_ALLOCATOR) {
		v = clb_yaml_field(receiver, CLB_STR("target_allocator"), NULL);
		if (!clb_yaml_is_null(v))
			warn_at(r, r->y.name, v, "target_allocator has more targets than clb tells of");
		return edit_section(r, &s);
	}
	if (s.first != 0)
		return fail_at(r, receiver, "a second receiver with scrape configs: "
		    "the target allocator has all jobs for each of them");
	return edit_allocator(r, receiver, &s);
}

static int
edit_collector(struct rewriting *r)
{
	const struct clb_yaml_node *receivers = own(r->y.root, CLB_STR("receivers"));
	size_t next = 0;

	for (size_t i = 0; receivers != NULL && i + 1 < receivers->n; i += 2)
		if (is_prometheus(receivers->child[i]) &&
		    receivers->child[i + 1]->kind == CLB_YAML_MAPPING &&
		    edit_receiver(r, receivers->child[i + 1], &next) == -1)
			return -1;
	if (next < r->c->njob)
		return fail_at(r, r->c->job[next].config, "the config of a receiver must stand in "
		    "the receiver itself to be rewritten, not behind an alias or a merge key");
	return 0;
}

static int
edit(struct rewriting *r)
{
	const struct clb_yaml_node *root = r->y.root;
	int is_list = root->kind == CLB_YAML_SEQUENCE;
	size_t at;

	if (!is_list && clb_yaml_field(root, CLB_STR("receivers"), &at) != NULL) {
		if (r->o->collector != CLB_FOR_OTELCOL)
			return fail_at(r, root, "this is the configuration of an OpenTelemetry "
			    "collector");
		return edit_collector(r);
	}
	if (r->o->collector == CLB_FOR_OTELCOL)
		return fail_at(r, root, "this is not the configuration of an OpenTelemetry "
		    "collector: it has no receivers");
	return is_list ? edit_list(r, root, 0) : edit_prometheus(r);
}

/* ---- is it right? ---- */

/* How deep the comparison is in a document, and what may differ there. */
enum level { ANYTHING, COLLECTOR, RECEIVERS, RECEIVER, CONFIG };

static enum level
below(enum level level, const struct clb_yaml_node *key)
{
	if (level == COLLECTOR && clb_str_eq(key->text, CLB_STR("receivers")))
		return RECEIVERS;
	if (level == RECEIVERS && is_prometheus(key))
		return RECEIVER;
	return level == RECEIVER && clb_str_eq(key->text, CLB_STR("config")) ? CONFIG : ANYTHING;
}

static int
may_differ(enum level level, const struct clb_yaml_node *key)
{
	return (level == RECEIVER && clb_str_eq(key->text, CLB_STR("target_allocator"))) ||
	    (level == CONFIG && (clb_str_eq(key->text, CLB_STR("scrape_configs")) ||
	    clb_str_eq(key->text, CLB_STR("scrape_config_files"))));
}

static int
same_scalar(const struct clb_yaml_node *a, const struct clb_yaml_node *b)
{
	struct clb_yaml_value x, y;

	return clb_yaml_resolve(a, &x) == clb_yaml_resolve(b, &y) && x.type == y.type &&
	    (x.type == CLB_YAML_NULL || clb_str_eq(a->text, b->text));
}

static int
same_tree(const struct clb_yaml_node *a, const struct clb_yaml_node *b, enum level level)
{
	size_t i = 0, k = 0, step = a->kind == CLB_YAML_MAPPING ? 2 : 1;

	if (a->kind != b->kind)
		return 0;
	if (a->kind == CLB_YAML_SCALAR)
		return same_scalar(a, b);
	for (;; i += step, k += step) {
		while (step == 2 && i < a->n && may_differ(level, a->child[i]))
			i += step;
		while (step == 2 && k < b->n && may_differ(level, b->child[k]))
			k += step;
		if (i >= a->n || k >= b->n)
			return i >= a->n && k >= b->n;
		if (!same_tree(a->child[i], b->child[k], ANYTHING) ||
		    (step == 2 && !same_tree(a->child[i + 1], b->child[k + 1],
		    below(level, a->child[i]))))
			return 0;
	}
}

static json_t *
without_discovery(const json_t *doc)
{
	json_t *copy = json_copy((json_t *)(uintptr_t)doc), *item;
	struct clb_yaml_node name = { .kind = CLB_YAML_SCALAR };
	const char *key;
	void *tmp;

	json_object_foreach_safe(copy, tmp, key, item) {
		name.text = clb_str(key);
		if (is_discovery(&name))
			json_object_del(copy, key);
	}
	return copy;
}

/* What differs, or NULL. */
static const char *
compare_job(const struct rewriting *r, const struct clb_job *old, const struct clb_job *new,
    unsigned needs)
{
	json_t *before = without_discovery(old->doc), *after = without_discovery(new->doc);
	int same = json_equal(before, after);
	unsigned found;

	json_decref(before);
	json_decref(after);
	if (!clb_str_eq(old->name, new->name))
		return "the name";
	if (!same)
		return "the fields that stay";
	if (new->nsd != 1 || new->sd[0].kind != (has_files(r) ? CLB_SD_FILE : CLB_SD_HTTP))
		return "the source of targets";
	if (!clb_handoff_is_done(new, &found) || found != needs)
		return "the rules";
	return NULL;
}

static int
compare(const struct rewriting *r, const struct clb_config *old, const struct clb_config *new,
    const struct clb_yaml *y)
{
	static const char text[] = "the rewritten configuration would mean something else: %.*s%s";
	enum level level = r->o->collector == CLB_FOR_OTELCOL ? COLLECTOR : CONFIG;
	size_t njob = r->o->via == CLB_VIA_ALLOCATOR ? 0 : old->njob;
	struct clb_str job = CLB_STR("");
	const char *why = NULL;

	if (new->njob != njob)
		why = "the number of jobs";
	for (size_t i = 0; why == NULL && i < njob; i++) {
		job = old->job[i].name;
		why = compare_job(r, &old->job[i], &new->job[i], r->plan[i].needs);
	}
	if (why != NULL)
		return clb_err_set(r->e, EX_SOFTWARE, text, (int)job.n, job.s, why);
	if (r->y.root->kind == CLB_YAML_MAPPING && !same_tree(r->y.root, y->root, level))
		return clb_err_set(r->e, EX_SOFTWARE, text, 0, "", "outside of the scrape configs");
	return 0;
}

static int
verify(struct rewriting *r, const struct clb_buf *text)
{
	struct clb_config_options o = { .compat = r->c->compat, .keep_paths = 1,
	    .vmagent = r->o->collector == CLB_FOR_VMAGENT,
	    .skip_unsupported_sd = r->o->skip_unsupported_sd, .base = r->o->base };
	struct clb_err why = CLB_ERR_INIT;
	struct clb_config old = { .njob = 0 }, new = { .njob = 0 };
	struct clb_yaml y;
	int rc = clb_yaml_parse(&y, r->y.name, text->p, text->n, EX_CONFIG, &why);

	if (rc == 0)
		rc = clb_config_parse(&old, r->y.name, r->c->text.p, r->c->text.n, &o, &why);
	o.base = NULL;
	if (rc == 0)
		rc = clb_config_parse(&new, r->y.name, text->p, text->n, &o, &why);
	if (rc == 0)
		rc = compare(r, &old, &new, &y);
	else
		clb_err_set(r->e, EX_SOFTWARE, "the rewritten configuration is wrong: %s", why.msg);
	clb_yaml_release(&y);
	clb_config_release(&old);
	clb_config_release(&new);
	return rc;
}

int
clb_rewrite(const struct clb_config *c, const struct clb_rewrite_options *o,
    struct clb_buf *out, struct clb_err *e)
{
	struct rewriting r = { .c = c, .o = o, .e = e };
	struct clb_buf text = { NULL, 0, 0 };
	int rc;

	r.kept = json_array();
	r.nothing = json_array();
	json_array_append_new(r.kept, r.nothing);
	r.plan = clb_xcalloc(c->njob + 1, sizeof(*r.plan));
	rc = clb_yaml_parse(&r.y, c->file[0], c->text.p, c->text.n, EX_CONFIG, e);
	r.ed = clb_yaml_edit_new(&r.y, c->text.p, c->text.n);
	if (rc == 0)
		rc = check_options(&r);
	if (rc == 0 && !clb_yaml_is_null(r.y.root) && (rc = clb_secrets_check(c, e)) == 0 &&
	    (rc = edit(&r)) == 0 &&
	    (rc = clb_yaml_edit_finish(r.ed, &text, e)) == 0)
		rc = verify(&r, &text);
	if (rc == 0 && clb_yaml_is_null(r.y.root))
		clb_buf_add(out, c->text.p, c->text.n);
	else if (rc == 0)
		clb_buf_add(out, text.p, text.n);
	for (size_t i = 0; i < c->njob; i++)
		release_plan(&r.plan[i]);
	clb_yaml_edit_free(r.ed);
	clb_yaml_release(&r.y);
	clb_buf_release(&text);
	clb_arena_release(&r.arena);
	json_decref(r.kept);
	free(r.plan);
	free(r.list);
	free(r.path);
	return rc;
}
