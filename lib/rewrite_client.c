/* How collectors speak to the server that they have their targets from. */
#include "lib/rewrite_part.h"

/* Texts stay texts, whatever they look like; YAML's own words are what they are. */
static json_t *
to_json(const struct clb_yaml_node *n)
{
	json_t *out = n->kind == CLB_YAML_MAPPING ? json_object() : json_array();
	struct clb_yaml_value v;

	if (n->kind == CLB_YAML_SCALAR) {
		json_decref(out);
		if (clb_yaml_resolve(n, &v) == -1)
			v.type = CLB_YAML_STRING;
		return v.type == CLB_YAML_NULL ? json_null() : v.type == CLB_YAML_BOOL ?
		    json_boolean(v.u != 0) : json_stringn(n->text.s, n->text.n);
	}
	for (size_t i = 0; i < n->n; i += n->kind == CLB_YAML_MAPPING ? 2 : 1)
		if (n->kind == CLB_YAML_MAPPING)
			json_object_setn_new(out, n->child[i]->text.s, n->child[i]->text.n,
			    to_json(n->child[i + 1]));
		else
			json_array_append_new(out, to_json(n->child[i]));
	return out;
}

json_t *
clb_rewrite_client(const char *path, int compat, struct clb_err *e)
{
	static const struct clb_field field = { .name = "an HTTP client",
	    .type = CLB_T_STRUCT, .sub = &clb_schema_http_client };
	struct clb_arena arena = { NULL, NULL };
	struct clb_decode d = { .arena = &arena, .file = path, .compat = compat,
	    .status = EX_CONFIG, .e = e };
	struct clb_value v = { .field = &field };
	struct clb_buf b = { NULL, 0, 0 };
	struct clb_yaml y = { .name = NULL };
	json_t *client = NULL;

	clb_buf_reserve(&b, 1);
	if (clb_config_read_file(&b, path, e) == 0 &&
	    clb_yaml_parse(&y, path, b.p, b.n, EX_CONFIG, e) == 0) {
		if (clb_yaml_is_null(y.root))
			client = json_object();
		else if (clb_decode(&d, y.root, &v) == 0)
			client = to_json(y.root);
	}
	clb_yaml_release(&y);
	clb_buf_release(&b);
	clb_arena_release(&arena);
	return client;
}
