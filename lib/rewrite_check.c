/* Whether what comes out means what it should. */
#include "lib/handoff.h"
#include "lib/rewrite_part.h"

/* How deep the comparison is in a document, and what may differ there. */
enum level { ANYTHING, COLLECTOR, RECEIVERS, RECEIVER, CONFIG };

static enum level
below(enum level level, const struct clb_yaml_node *key)
{
	if (level == COLLECTOR && clb_str_eq(key->text, CLB_STR("receivers")))
		return RECEIVERS;
	if (level == RECEIVERS && clb_rewrite_is_prometheus(key))
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
		if (clb_rewrite_is_discovery(&name))
			json_object_del(copy, key);
	}
	return copy;
}

/* What differs, or NULL. */
static const char *
compare_job(const struct rewriting *r, const struct clb_job *old, const struct clb_job *new,
    unsigned needs)
{
	enum clb_sd_kind want = r->o->via == CLB_VIA_FILE ? CLB_SD_FILE : CLB_SD_HTTP;
	json_t *before = without_discovery(old->doc), *after = without_discovery(new->doc);
	int same = json_equal(before, after);
	unsigned found;

	json_decref(before);
	json_decref(after);
	if (!clb_str_eq(old->name, new->name))
		return "the name";
	if (!same)
		return "the fields that stay";
	if (new->nsd != 1 || new->sd[0].kind != want)
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

int
clb_rewrite_verify(struct rewriting *r, const struct clb_buf *text)
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
