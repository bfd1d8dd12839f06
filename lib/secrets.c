#include <stdlib.h>

#include "lib/config_decode.h"
#include "lib/handoff.h"
#include "lib/secrets.h"
#include "lib/yaml_text.h"

#define MASK "<secret>"
#define ESCAPED_MASK "%3Csecret%3E"	/* in a URL */
#define MAX_KEY 256

struct search {
	const struct clb_job *job;
	void (*found)(const struct clb_job *job, const struct clb_secret *s, void *arg);
	void *arg;
	char key[MAX_KEY];
};

/* Where the field is written, or else what it is in. */
static const struct clb_yaml_node *
place_of(const struct clb_yaml_node *n, const char *name)
{
	const struct clb_yaml_node *v = clb_yaml_field(n, clb_str(name), NULL);

	return clb_yaml_is_null(v) ? n : v;
}

/* What is shown as authorization may be written with an old name. */
static const struct clb_yaml_node *
old_token(const struct clb_job *job)
{
	const struct clb_yaml_node *v = clb_yaml_field(job->node, CLB_STR("bearer_token"), NULL);

	return clb_yaml_is_null(v) ? NULL : v;
}

static void
report(struct search *s, const struct clb_yaml_node *n, int is_masked)
{
	const struct clb_yaml_node *token = old_token(s->job);
	struct clb_secret secret = { { s->job->place.file, n->line, n->column }, s->key, is_masked };

	if (token != NULL && strcmp(s->key, "authorization.credentials") == 0) {
		secret.place.line = token->line;
		secret.place.column = token->column;
		secret.key = "bearer_token";
	}
	s->found(s->job, &secret, s->arg);
}

static void search(struct search *s, const struct clb_schema *schema, json_t *doc,
    const struct clb_yaml_node *n);

static void
search_value(struct search *s, const struct clb_field *f, json_t *v, const struct clb_yaml_node *n)
{
	json_t *masked, *item;
	const char *key;
	size_t i, len = strlen(s->key);

	switch (f->type) {
	case CLB_T_SECRET:
		if (json_string_length(v) != 0)
			report(s, n, strcmp(json_string_value(v), MASK) == 0);
		return;
	case CLB_T_SECRETS:
		json_array_foreach(v, i, item)
			if (json_string_length(item) != 0)
				report(s, n->kind == CLB_YAML_SEQUENCE && i < n->n ?
				    n->child[i] : n,
				    strcmp(json_string_value(item), MASK) == 0);
		return;
	case CLB_T_URL:
		masked = clb_show_masked_url(v);
		if (!json_equal(masked, v))
			report(s, n, strstr(json_string_value(v), ":" ESCAPED_MASK "@") != NULL);
		json_decref(masked);
		return;
	case CLB_T_STRUCT:
		search(s, f->sub, v, n);
		return;
	case CLB_T_MAP:
		json_object_foreach(v, key, item) {
			snprintf(s->key + len, sizeof(s->key) - len, ".%s", key);
			search_value(s, f->sub->field, item, place_of(n, key));
			s->key[len] = '\0';
		}
		return;
	default:
		return;
	}
}

/* doc is what the mapping n means, so that what is merged and defaults are in it. */
static void
search(struct search *s, const struct clb_schema *schema, json_t *doc,
    const struct clb_yaml_node *n)
{
	size_t len = strlen(s->key);
	json_t *v;

	for (size_t i = 0; i < schema->n; i++) {
		const struct clb_field *f = &schema->field[i];

		if ((v = json_object_get(doc, f->name)) == NULL)
			continue;
		snprintf(s->key + len, sizeof(s->key) - len, "%s%s", len != 0 ? "." : "", f->name);
		search_value(s, f, v, place_of(n, f->name));
		s->key[len] = '\0';
	}
}

void
clb_secrets(const struct clb_job *job, void (*found)(const struct clb_job *job,
    const struct clb_secret *s, void *arg), void *arg)
{
	struct search s = { .job = job, .found = found, .arg = arg };

	search(&s, &clb_schema_job, job->doc, job->node);
}

/* ---- all of them ---- */

struct told {
	const struct clb_scrape_configs_options *o;	/* NULL: only masked ones count */
	struct clb_err last, *e;
};

static void
note(const struct clb_job *job, const struct clb_secret *s, void *arg)
{
	static const char place[] = "%s:%u:%u: job '%.*s': %s %s";
	struct told *t = arg;

	if (s->is_masked)
		clb_err_set(t->e, EX_CONFIG, place, s->place.file, s->place.line, s->place.column,
		    (int)job->name.n, job->name.s, s->key, "is the text '" MASK "', which stands "
		    "for a secret that is not shown");
	if (t->o == NULL || t->o->allow_inline_secrets)
		return;
	if (t->last.status != 0 && t->o->tell != NULL)
		t->o->tell(&t->last);
	t->last.status = 0;
	clb_err_set(&t->last, EX_NOPERM, place, s->place.file, s->place.line, s->place.column,
	    (int)job->name.n, job->name.s, s->key, "is an inline secret");
}

int
clb_secrets_check(const struct clb_config *c, struct clb_err *e)
{
	struct told t = { NULL, CLB_ERR_INIT, e };

	for (size_t i = 0; i < c->njob; i++)
		clb_secrets(&c->job[i], note, &t);
	return e->status == 0 ? 0 : -1;
}

/* ---- what a target allocator serves ---- */

static json_t *
scrape_config(const struct clb_job *job, int compat)
{
	json_t *doc = json_copy(job->doc), *v;
	const char *key;
	void *tmp;
	size_t n;

	json_object_foreach_safe(doc, tmp, key, v) {
		n = strlen(key);
		if (strcmp(key, "static_configs") == 0 ||
		    (n > 11 && strcmp(key + n - 11, "_sd_configs") == 0))
			json_object_del(doc, key);
	}
	json_object_set_new(doc, "relabel_configs",
	    clb_handoff_rules(clb_handoff_needs(job, compat)));
	return doc;
}

int
clb_scrape_configs(const struct clb_config *c, const struct clb_scrape_configs_options *o,
    struct clb_buf *out, struct clb_err *e)
{
	struct told t = { o, CLB_ERR_INIT, e };
	json_t *jobs;
	char *text;

	if (clb_secrets_check(c, e) == -1)
		return -1;
	for (size_t i = 0; i < c->njob; i++)
		clb_secrets(&c->job[i], note, &t);
	if (t.last.status != 0)
		return clb_err_set(e, t.last.status, "%s", t.last.msg);
	jobs = json_object();
	for (size_t i = 0; i < c->njob; i++)
		json_object_setn_new(jobs, c->job[i].name.s, c->job[i].name.n,
		    scrape_config(&c->job[i], c->compat));
	text = json_dumps(jobs, JSON_SORT_KEYS | JSON_COMPACT | JSON_REAL_PRECISION(15));
	clb_yaml_escape(out, (struct clb_str){ text, (uint32_t)strlen(text), 0 });
	clb_buf_addc(out, '\n');
	free(text);
	json_decref(jobs);
	return 0;
}
