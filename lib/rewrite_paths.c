/*
 * Relative paths in scrape configs: they start where the new configuration will
 * be, or at the base. Some are changed where they stand, others only where they
 * are written out.
 */
#include "lib/rewrite_part.h"

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
		return clb_rewrite_fail(r, n, "relative path '%.*s': what its variables stand "
		    "for is not known", (int)n->text.n, n->text.s);
	if (!paths->are_copied && !is_in_lists(r, p.node))
		return clb_rewrite_fail(r, p.node, "relative path '%.*s' cannot be changed, for "
		    "it stands outside of the scrape configs", (int)n->text.n, n->text.s);
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
		for (size_t k = 0; k < schema->n && !clb_rewrite_is_discovery(key); k++)
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

int
clb_rewrite_paths(struct rewriting *r, const struct clb_yaml_node *map,
    const struct paths *paths)
{
	return change_field_paths(r, map, &clb_schema_job, paths);
}

int
clb_rewrite_path(const struct clb_yaml_node *n, struct clb_str *text, void *arg)
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
