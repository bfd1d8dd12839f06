#include <errno.h>
#include <unistd.h>

#include "lib/config_decode.h"
#include "lib/groups.h"
#include "lib/utf8.h"

void
clb_groups_init(struct clb_groups *g, int fd, const char *name, int is_yaml, int legacy_names)
{
	memset(g, 0, sizeof(*g));
	g->fd = fd;
	g->name = name;
	g->is_yaml = is_yaml;
	g->legacy_names = legacy_names;
	clb_stream_init(&g->stream, fd, name);
	g->stream.mend = 1;
}

void
clb_groups_release(struct clb_groups *g)
{
	clb_stream_release(&g->stream);
	clb_yaml_release(&g->yaml);
	clb_group_release(&g->group);
	clb_arena_release(&g->arena);
}

int
clb_groups_rewind(struct clb_groups *g, struct clb_err *e)
{
	g->next = 0;
	if (lseek(g->fd, 0, SEEK_SET) == -1)
		return clb_err_set(e, EX_IOERR, "%s: %s", g->name, strerror(errno));
	clb_stream_rewind(&g->stream);
	return 0;
}

/* ---- JSON ---- */

/* encoding/json takes a field's name in any case, as Unicode folds it. */
static int
is_key(struct clb_groups *g, struct clb_str key, struct clb_str lower, struct clb_str upper)
{
	return clb_str_eq(key, lower) || clb_str_eq(clb_utf8_upper(key, &g->arena), upper);
}

/* A string or null, as encoding/json takes it for a string. */
static int
is_text(const struct clb_token *tok)
{
	return tok->type == CLB_JSON_STRING || tok->type == CLB_JSON_NULL;
}

static int
json_targets(struct clb_groups *g, size_t i, struct clb_err *e)
{
	const struct clb_token *tok = g->stream.json.tok;

	g->group.n = 0;
	if (tok[i].type == CLB_JSON_NULL)
		return 0;
	if (tok[i].type != CLB_JSON_ARRAY)
		return clb_stream_fail(&g->stream, tok[i].off, e, "targets must be a list");
	for (size_t k = i + 1; k < tok[i].next; k = tok[k].next) {
		if (!is_text(&tok[k]))
			return clb_stream_fail(&g->stream, tok[k].off, e,
			    "a target must be a string");
		clb_group_add(&g->group, tok[k].str, NULL);
	}
	return 0;
}

static int
json_labels(struct clb_groups *g, size_t i, struct clb_err *e)
{
	const struct clb_token *tok = g->stream.json.tok;

	clb_labels_clear(&g->group.labels);
	if (tok[i].type == CLB_JSON_NULL)
		return 0;
	if (tok[i].type != CLB_JSON_OBJECT)
		return clb_stream_fail(&g->stream, tok[i].off, e, "labels must be an object");
	for (size_t k = i + 1; k < tok[i].next; k = tok[k + 1].next) {
		struct clb_str name = tok[k].str, value = tok[k + 1].str;

		if (!is_text(&tok[k + 1]))
			return clb_stream_fail(&g->stream, tok[k + 1].off, e,
			    "the value of label '%.*s' must be a string", (int)name.n, name.s);
		if (g->legacy_names ? !clb_label_name_legacy(name) : name.n == 0)
			return clb_stream_fail(&g->stream, tok[k].off, e,
			    "\"%.*s\" is not a valid label name", (int)name.n, name.s);
		if (!clb_labels_add(&g->group.labels, name, value) || value.n == 0)
			clb_labels_set(&g->group.labels, name, value);
	}
	return 0;
}

static int
json_group(struct clb_groups *g, struct clb_err *e)
{
	const struct clb_token *tok = g->stream.json.tok;

	if (tok[0].type == CLB_JSON_NULL)
		return clb_stream_fail(&g->stream, 0, e, "nil target group item found");
	if (tok[0].type != CLB_JSON_OBJECT)
		return clb_stream_fail(&g->stream, 0, e, "a target group must be an object");
	for (size_t k = 1; k < tok[0].next; k = tok[k + 1].next) {
		struct clb_str key = tok[k].str;

		if (is_key(g, key, CLB_STR("targets"), CLB_STR("TARGETS"))) {
			if (json_targets(g, k + 1, e) == -1)
				return -1;
		} else if (is_key(g, key, CLB_STR("labels"), CLB_STR("LABELS"))) {
			if (json_labels(g, k + 1, e) == -1)
				return -1;
		} else {
			return clb_stream_fail(&g->stream, tok[k].off, e,
			    "unknown field '%.*s' in a target group", (int)key.n, key.s);
		}
	}
	return 0;
}

static int
next_json(struct clb_groups *g, struct clb_err *e)
{
	int rc = clb_stream_element(&g->stream, e);

	if (rc != 1)
		return rc;
	return json_group(g, e) == -1 ? -1 : 1;
}

/* ---- YAML ---- */

static int
read_yaml(struct clb_groups *g, struct clb_err *e)
{
	struct clb_buf text = { NULL, 0, 0 };
	ssize_t n;
	int rc;

	do {
		clb_buf_reserve(&text, 65536);
		if ((n = read(g->fd, text.p + text.n, text.cap - text.n)) > 0)
			text.n += (size_t)n;
	} while (n > 0 || (n == -1 && errno == EINTR));
	if (n == -1) {
		rc = clb_err_set(e, EX_NOINPUT, "%s: %s", g->name, strerror(errno));
	} else {
		clb_yaml_release(&g->yaml);	/* of an attempt that failed */
		rc = clb_yaml_parse(&g->yaml, g->name, text.p, text.n, EX_DATAERR, e);
		g->is_read = rc == 0;
	}
	clb_buf_release(&text);
	return rc;
}

static int
next_yaml(struct clb_groups *g, struct clb_err *e)
{
	const struct clb_yaml_node *root;

	if (!g->is_read && read_yaml(g, e) == -1)
		return -1;
	root = g->yaml.root;
	if (clb_yaml_is_null(root))
		return 0;
	if (root->kind != CLB_YAML_SEQUENCE)
		return clb_err_set(e, EX_DATAERR, "%s:%u:%u: a list of target groups is expected",
		    g->name, root->line, root->column);
	if (g->next == root->n)
		return 0;
	return clb_group_decode_yaml(&g->group, &g->arena, g->name, root->child[g->next++],
	    g->legacy_names, EX_DATAERR, e) == -1 ? -1 : 1;
}

int
clb_groups_next(struct clb_groups *g, struct clb_err *e)
{
	g->group.n = 0;
	clb_labels_clear(&g->group.labels);
	clb_arena_clear(&g->arena);
	return g->is_yaml ? next_yaml(g, e) : next_json(g, e);
}

int
clb_groups_check(struct clb_groups *g, struct clb_err *e)
{
	int rc;

	while ((rc = clb_groups_next(g, e)) == 1)
		;
	return rc;
}
