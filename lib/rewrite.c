#include <stdarg.h>
#include <stdlib.h>

#include "lib/rewrite_part.h"
#include "lib/secrets.h"

int
clb_rewrite_fail(struct rewriting *r, const struct clb_yaml_node *n, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return clb_err_set(r->e, EX_CONFIG, "%s:%u:%u: %s", r->y.name, n->line, n->column, text);
}

void *
clb_rewrite_alloc(struct rewriting *r, size_t count, size_t size)
{
	return memset(clb_arena_alloc(&r->arena, count * size + 1), 0, count * size + 1);
}

int
clb_rewrite_is_prometheus(const struct clb_yaml_node *key)
{
	return key->kind == CLB_YAML_SCALAR && (clb_str_eq(key->text, CLB_STR("prometheus")) ||
	    clb_str_has_prefix(key->text, "prometheus/"));
}

/* ---- scrape configs that are written out ---- */

/* What stays of the plan's job, and what comes: *n entries in the arena. */
static struct clb_yaml_entry *
entries_of(struct rewriting *r, const struct plan *p, int is_copied, size_t *n)
{
	const struct clb_yaml_writer w = {
	    .double_dollars = is_copied && r->o->collector == CLB_FOR_OTELCOL,
	    .replace = clb_rewrite_path, .arg = r };
	struct clb_yaml_entry *en = clb_rewrite_alloc(r, p->map->n / 2 + p->nadd, sizeof(*en));
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
	struct clb_yaml_items *items = clb_rewrite_alloc(r, 1, sizeof(*items));
	struct clb_yaml_entry *all = NULL, *en;
	size_t *n = clb_rewrite_alloc(r, count, sizeof(*n)), total = 0;

	for (size_t i = 0; i < count; i++) {
		en = entries_of(r, &r->plan[first + i], first + i >= s->first + s->nlist, &n[i]);
		all = clb_xreallocarray(all, total + n[i], sizeof(*all));
		memcpy(all + total, en, n[i] * sizeof(*all));
		total += n[i];
	}
	en = clb_rewrite_alloc(r, total, sizeof(*en));
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
	s->list = clb_yaml_field(s->map, CLB_STR("scrape_configs"), &s->list_at);
	s->files = clb_yaml_field(s->map, CLB_STR("scrape_config_files"), &s->files_at);
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

	clb_rewrite_plan(r, p, &r->c->job[i], map, map->alias != NULL);
	if (clb_rewrite_paths(r, map, &paths) == -1)
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

		clb_rewrite_plan(r, &r->plan[s->first + i], &r->c->job[s->first + i], map, 1);
		if (clb_rewrite_paths(r, map, &paths) == -1)
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

		clb_rewrite_plan(r, &r->plan[i], job, job->node, 1);
		if (clb_rewrite_paths(r, job->node, &paths) == -1)
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
	return clb_rewrite_is_last(s->map, s->list_at) ? s->list_at : NONE;
}

static int
edit_section(struct rewriting *r, const struct section *s)
{
	int stands = s->nlist != 0 && s->list_at != NONE && s->list->alias == NULL;
	struct clb_yaml_entry add[2];
	char *gone = clb_rewrite_alloc(r, s->map->n / 2, 1);
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
edit_allocator(struct rewriting *r, const struct clb_yaml_node *receiver,
    const struct section *s)
{
	static const struct clb_str name = CLB_STR_INIT("target_allocator");
	const char *interval = r->o->interval != NULL ? r->o->interval : DEFAULT_INTERVAL;
	json_t *value = json_pack("{ss, ss, ss}", "endpoint", r->o->sd, "interval", interval,
	    "collector_id", "${env:POD_NAME}");
	struct clb_yaml_entry add[2] = { { .key = "scrape_configs", .json = r->nothing } };
	struct clb_yaml_entry allocator = { .key = name.s, .json = value };
	char *gone = clb_rewrite_alloc(r, s->map->n / 2, 1);
	size_t at;

	json_array_append_new(r->kept, value);
	edit_entries(r, s, gone, remove_list(s, gone), add, 1);
	gone = clb_rewrite_alloc(r, receiver->n / 2, 1);
	if (clb_yaml_field(receiver, name, &at) != NULL && at != NONE)
		gone[at] = 1;
	clb_yaml_edit_mapping(r->ed, receiver, gone,
	    at != NONE && clb_rewrite_is_last(receiver, at) ? at : NONE, &allocator, 1);
	return 0;
}

/* ---- the forms of configurations ---- */

static int
edit_prometheus(struct rewriting *r)
{
	struct section s = { .map = r->y.root };
	size_t next = 0;

	find_jobs(r, &s, &next);
	clb_rewrite_warn_of_section(r, &s);
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
edit_receiver(struct rewriting *r, const struct clb_yaml_node *receiver, size_t *next)
{
	struct section s = { .map = own(receiver, CLB_STR("config")) };
	const struct clb_yaml_node *v;

	if (s.map == NULL || s.map->kind != CLB_YAML_MAPPING)
		return 0;
	find_jobs(r, &s, next);
	clb_rewrite_warn_of_section(r, &s);
	if (r->o->via == CLB_VIA_ALLOCATOR) {
		if (s.njob != 0 && s.first != 0)
			return clb_rewrite_fail(r, receiver, "a second receiver with scrape "
			    "configs: the target allocator has all jobs for each of them");
		return s.njob != 0 ? edit_allocator(r, receiver, &s) : 0;
	}
	v = clb_yaml_field(receiver, CLB_STR("target_allocator"), NULL);
	if (s.njob != 0 && !clb_yaml_is_null(v))
		clb_rewrite_warn(r, r->y.name, v,
		    "target_allocator has more targets than clb tells of");
	return edit_section(r, &s);
}

static int
edit_collector(struct rewriting *r)
{
	const struct clb_yaml_node *receivers = own(r->y.root, CLB_STR("receivers"));
	size_t next = 0;

	for (size_t i = 0; receivers != NULL && i + 1 < receivers->n; i += 2)
		if (clb_rewrite_is_prometheus(receivers->child[i]) &&
		    receivers->child[i + 1]->kind == CLB_YAML_MAPPING &&
		    edit_receiver(r, receivers->child[i + 1], &next) == -1)
			return -1;
	if (next < r->c->njob)
		return clb_rewrite_fail(r, r->c->job[next].config, "the config of a receiver must "
		    "stand in the receiver itself to be rewritten, not behind an alias or a "
		    "merge key");
	return 0;
}

static int
edit(struct rewriting *r)
{
	const struct clb_yaml_node *root = r->y.root;
	int is_collector = clb_yaml_field(root, CLB_STR("receivers"), NULL) != NULL;

	if (is_collector && r->o->collector != CLB_FOR_OTELCOL)
		return clb_rewrite_fail(r, root,
		    "this is the configuration of an OpenTelemetry collector");
	if (!is_collector && r->o->collector == CLB_FOR_OTELCOL)
		return clb_rewrite_fail(r, root, "this is not the configuration of an "
		    "OpenTelemetry collector: it has no receivers");
	if (is_collector)
		return edit_collector(r);
	if (root->kind != CLB_YAML_SEQUENCE)
		return edit_prometheus(r);
	clb_rewrite_warn_of_jobs(r, 0, r->c->njob);
	return edit_list(r, root, 0);
}

/* ---- all of it ---- */

static void
release_plan(struct plan *p)
{
	json_decref(p->source);
	json_decref(p->rules);
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
		rc = clb_rewrite_check_options(&r);
	if (rc == 0)
		rc = clb_secrets_check(c, e);
	if (rc == 0 && !clb_yaml_is_null(r.y.root))
		rc = edit(&r);
	if (rc == 0)
		rc = clb_yaml_edit_finish(r.ed, &text, e);
	if (rc == 0 && !clb_yaml_is_null(r.y.root))
		rc = clb_rewrite_verify(&r, &text);
	if (rc == 0)
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
