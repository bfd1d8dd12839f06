/* Values as JSON, and the document that clb-config show prints. */
#include <math.h>

#include "lib/config_decode.h"

static json_t *
text(struct clb_str s)
{
	return json_stringn(s.s, s.n);
}

static json_t *
texts(const struct clb_value *v)
{
	json_t *list = json_array();

	/* An empty label name can only be written as null. */
	for (size_t i = 0; i < v->n; i++)
		json_array_append_new(list, v->field->type == CLB_T_LABEL_NAMES &&
		    v->text[i].n == 0 ? json_null() : text(v->text[i]));
	return list;
}

static json_t *
items(const struct clb_decode *d, const struct clb_value *v)
{
	json_t *list = json_array();

	for (size_t i = 0; i < v->n; i++)
		json_array_append_new(list, clb_value_json(d, &v->item[i]));
	return list;
}

static json_t *
map(const struct clb_decode *d, const struct clb_value *v)
{
	json_t *object = json_object(), *entry;

	for (size_t i = 0; i < v->n; i++) {
		const struct clb_value *en = &v->item[i];

		if ((entry = clb_value_json(d, en)) == NULL)
			entry = en->field->type == CLB_T_STRUCT ? json_object() : json_array();
		json_object_setn_new(object, en->key.s, en->key.n, entry);
	}
	return object;
}

/* A default that the version does not know is not shown; what is written always is. */
static json_t *
structure(const struct clb_decode *d, const struct clb_value *v)
{
	json_t *object = json_object(), *field;

	for (size_t i = 0; i < v->n; i++) {
		const struct clb_value *f = &v->item[i];

		if (f->node == NULL && f->field->since > d->compat)
			continue;
		if ((field = clb_value_json(d, f)) != NULL)
			json_object_set_new(object, f->field->name, field);
	}
	return object;
}

/* A node that no table describes: as JSON would say it, merge keys left as they are. */
static json_t *
any(const struct clb_yaml_node *n)
{
	struct clb_yaml_value y;
	json_t *out;

	if (n->kind == CLB_YAML_SEQUENCE) {
		out = json_array();
		for (size_t i = 0; i < n->n; i++)
			json_array_append_new(out, any(n->child[i]));
		return out;
	}
	if (n->kind == CLB_YAML_MAPPING) {
		out = json_object();
		for (size_t i = 0; i + 1 < n->n; i += 2)
			json_object_setn_new(out, n->child[i]->text.s, n->child[i]->text.n,
			    any(n->child[i + 1]));
		return out;
	}
	if (clb_yaml_resolve(n, &y) == -1)
		y.type = CLB_YAML_STRING;
	if (y.type == CLB_YAML_NULL)
		return json_null();
	if (y.type == CLB_YAML_BOOL)
		return json_boolean(y.u != 0);
	if (y.type == CLB_YAML_INT && y.u <= INT64_MAX)
		return json_integer(y.negative ? -(json_int_t)y.u : (json_int_t)y.u);
	if (y.type == CLB_YAML_FLOAT && isfinite(y.f))
		return json_real(y.f);
	return text(n->text);
}

json_t *
clb_value_json(const struct clb_decode *d, const struct clb_value *v)
{
	if (!v->present)
		return NULL;
	switch (v->field->type) {
	case CLB_T_BOOL:
	case CLB_T_BOOL_OR_UNSET:
		return json_boolean(v->u != 0);
	case CLB_T_INT:
		return json_integer(v->i);
	case CLB_T_UINT:
		return v->u <= INT64_MAX ? json_integer((json_int_t)v->u) : json_real((double)v->u);
	case CLB_T_FLOAT:
		return json_real(v->f);
	case CLB_T_STRINGS:
	case CLB_T_SECRETS:
	case CLB_T_PATHS:
	case CLB_T_LABEL_NAMES:
		return texts(v);
	case CLB_T_LABELS:
	case CLB_T_MAP:
		return map(d, v);
	case CLB_T_STRUCT:
		return structure(d, v);
	case CLB_T_LIST:
		return items(d, v);
	case CLB_T_SD:
		return NULL;
	case CLB_T_ANY:
		return any(v->node);
	default:
		return text(v->str);
	}
}

/* ---- secrets ---- */

#define MASK "<secret>"

static json_t *
mask_list(json_t *list)
{
	json_t *out = json_array();

	for (size_t i = 0; i < json_array_size(list); i++)
		json_array_append_new(out, json_string(MASK));
	return out;
}

/* The password in a URL is the part of its user between colon and at. */
json_t *
clb_show_masked_url(json_t *url)
{
	const char *s = json_string_value(url), *host, *end, *at, *colon;

	if ((host = strstr(s, "://")) == NULL)
		return json_incref(url);
	host += 3;
	end = host + strcspn(host, "/?#");
	at = memrchr(host, '@', (size_t)(end - host));
	colon = at != NULL ? memchr(host, ':', (size_t)(at - host)) : NULL;
	if (colon == NULL)
		return json_incref(url);
	return json_sprintf("%.*s:%s%s", (int)(colon - s), s, MASK, at);
}

static json_t *
mask_value(const struct clb_field *f, json_t *v)
{
	const char *key;
	json_t *out, *entry;
	size_t i;

	switch (f->type) {
	case CLB_T_SECRET:
		return json_string_length(v) != 0 ? json_string(MASK) : json_incref(v);
	case CLB_T_SECRETS:
		return mask_list(v);
	case CLB_T_URL:
		return clb_show_masked_url(v);
	case CLB_T_STRUCT:
		return clb_show_masked(f->sub, v);
	case CLB_T_LIST:
		out = json_array();
		json_array_foreach(v, i, entry)
			json_array_append_new(out, clb_show_masked(f->sub, entry));
		return out;
	case CLB_T_MAP:
		out = json_object();
		json_object_foreach(v, key, entry)
			json_object_set_new(out, key, mask_value(f->sub->field, entry));
		return out;
	default:
		return json_incref(v);
	}
}

json_t *
clb_show_masked(const struct clb_schema *schema, json_t *doc)
{
	json_t *out = json_object(), *v;

	for (size_t i = 0; i < schema->n; i++)
		if ((v = json_object_get(doc, schema->field[i].name)) != NULL)
			json_object_set_new(out, schema->field[i].name,
			    mask_value(&schema->field[i], v));
	return out;
}

json_t *
clb_config_show(const struct clb_config *c)
{
	json_t *jobs = json_array();

	for (size_t i = 0; i < c->njob; i++)
		json_array_append_new(jobs, clb_show_masked(&clb_schema_job, c->job[i].doc));
	return json_pack("{s:o}", "scrape_configs", jobs);
}
