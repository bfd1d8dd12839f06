#include "lib/utf8.h"
#include "lib/yaml_text.h"

#define BINARY "tag:yaml.org,2002:binary"
/* A longer key is no simple one: YAML wants a question mark in front of it. */
#define SIMPLE_KEY 500

/* ---- texts ---- */

/* 1 if s can stand anywhere without quotes. */
static int
is_bare(struct clb_str s)
{
	static const char more[] = "_./%+~=-";

	for (uint32_t i = 0; i < s.n; i++) {
		char c = s.s[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
			continue;
		if (c == '\0' || strchr(more, c) == NULL || (i == 0 && c != '_' && c != '/'))
			return 0;
	}
	return s.n != 0;
}

static int
is_string(struct clb_str s)
{
	struct clb_yaml_node n = { .kind = CLB_YAML_SCALAR, .plain = 1, .text = s };
	struct clb_yaml_value v;

	return clb_yaml_resolve(&n, &v) == 0 && v.type == CLB_YAML_STRING;
}

/* How many bytes at p make one character that YAML wants escaped; 0 for others. */
static size_t
unprintable(const unsigned char *p, size_t n, unsigned *code)
{
	*code = *p;
	if (*p < 0x20 || *p == 0x7f)
		return 1;
	if (n > 1 && *p == 0xc2 && p[1] < 0xa0) {
		*code = p[1];
		return 2;
	}
	if (n < 3 || (*p != 0xe2 && *p != 0xef))
		return 0;
	*code = (*p & 0xfu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
	return *code == 0x2028 || *code == 0x2029 || *code == 0xfeff || *code >= 0xfffe ? 3 : 0;
}

/* 1 if single quotes are enough. */
static int
is_printable(struct clb_str s)
{
	unsigned code;

	for (uint32_t i = 0; i < s.n; i++)
		if (s.s[i] == '\'' ||
		    unprintable((const unsigned char *)s.s + i, s.n - i, &code) != 0)
			return 0;
	return 1;
}

static void
add_escaped(struct clb_buf *out, struct clb_str s)
{
	size_t len;
	unsigned code;

	clb_buf_addc(out, '"');
	for (uint32_t i = 0; i < s.n; i += (uint32_t)len) {
		len = unprintable((const unsigned char *)s.s + i, s.n - i, &code);
		if (len == 1 && code == '\n') {
			clb_buf_adds(out, "\\n");
		} else if (len != 0) {
			clb_buf_printf(out, "\\u%04X", code);
		} else {
			if (s.s[i] == '"' || s.s[i] == '\\')
				clb_buf_addc(out, '\\');
			clb_buf_addc(out, s.s[i]);
			len = 1;
		}
	}
	clb_buf_addc(out, '"');
}

void
clb_yaml_escape(struct clb_buf *out, struct clb_str json)
{
	size_t len;
	unsigned code;

	for (uint32_t i = 0; i < json.n; i += (uint32_t)len) {
		len = unprintable((const unsigned char *)json.s + i, json.n - i, &code);
		if (len != 0) {
			clb_buf_printf(out, "\\u%04X", code);
			continue;
		}
		len = 1;
		clb_buf_addc(out, json.s[i]);
	}
}

void
clb_yaml_string(struct clb_buf *out, struct clb_str s, enum clb_yaml_style style)
{
	if (style == CLB_YAML_AS_JSON || !is_printable(s)) {
		add_escaped(out, s);
	} else if (is_bare(s) && is_string(s)) {
		clb_buf_add(out, s.s, s.n);
	} else {
		clb_buf_addc(out, '\'');
		clb_buf_add(out, s.s, s.n);
		clb_buf_addc(out, '\'');
	}
}

/* ---- JSON ---- */

static struct clb_str
text_of(const json_t *v)
{
	return (struct clb_str){ json_string_value(v), (uint32_t)json_string_length(v), 0 };
}

void
clb_yaml_json(struct clb_buf *out, const json_t *v, enum clb_yaml_style style)
{
	const char *key, *sep = "";
	json_t *item;
	size_t i;

	switch (json_typeof(v)) {
	case JSON_STRING:
		clb_yaml_string(out, text_of(v), style);
		return;
	case JSON_INTEGER:
		clb_buf_printf(out, "%lld", (long long)json_integer_value(v));
		return;
	case JSON_ARRAY:
		clb_buf_addc(out, '[');
		json_array_foreach(v, i, item) {
			clb_buf_adds(out, sep);
			clb_yaml_json(out, item, style);
			sep = ", ";
		}
		clb_buf_addc(out, ']');
		return;
	case JSON_OBJECT:
		clb_buf_addc(out, '{');
		json_object_foreach((json_t *)(uintptr_t)v, key, item) {
			clb_buf_adds(out, sep);
			clb_yaml_string(out, clb_str(key), style);
			clb_buf_adds(out, ": ");
			clb_yaml_json(out, item, style);
			sep = ", ";
		}
		clb_buf_addc(out, '}');
		return;
	default:
		clb_buf_adds(out, json_is_true(v) ? "true" : json_is_false(v) ? "false" : "null");
		return;
	}
}

int
clb_yaml_is_json(const struct clb_yaml_node *n, const json_t *v)
{
	struct clb_buf b = { NULL, 0, 0 };
	int same;

	if (json_is_array(v)) {
		if (n->kind != CLB_YAML_SEQUENCE || n->n != json_array_size(v))
			return 0;
		for (size_t i = 0; i < n->n; i++)
			if (!clb_yaml_is_json(n->child[i], json_array_get(v, i)))
				return 0;
		return 1;
	}
	if (json_is_object(v)) {
		if (n->kind != CLB_YAML_MAPPING || n->n != 2 * json_object_size(v))
			return 0;
		for (size_t i = 0; i < n->n; i += 2) {
			const json_t *item = json_object_getn(v, n->child[i]->text.s,
			    n->child[i]->text.n);

			if (n->child[i]->kind != CLB_YAML_SCALAR || item == NULL ||
			    !clb_yaml_is_json(n->child[i + 1], item))
				return 0;
		}
		return 1;
	}
	if (n->kind != CLB_YAML_SCALAR)
		return 0;
	if (json_is_string(v))
		return (!n->plain || is_string(n->text)) && clb_str_eq(n->text, text_of(v));
	clb_yaml_json(&b, v, CLB_YAML_READABLE);
	same = n->plain && clb_str_eq(n->text, (struct clb_str){ b.p, (uint32_t)b.n, 0 });
	clb_buf_release(&b);
	return same;
}

/* ---- nodes ---- */

static void
add_text(struct clb_buf *out, struct clb_str s, int is_plain, const struct clb_yaml_writer *w)
{
	struct clb_buf doubled = { NULL, 0, 0 };

	for (uint32_t i = 0; i < s.n && w->double_dollars; i++) {
		if (s.s[i] == '$')
			clb_buf_addc(&doubled, '$');
		clb_buf_addc(&doubled, s.s[i]);
	}
	if (doubled.n > s.n)
		s = (struct clb_str){ doubled.p, (uint32_t)doubled.n, 0 };
	if (is_plain)
		clb_buf_add(out, s.s, s.n);
	else
		clb_yaml_string(out, s, CLB_YAML_READABLE);
	clb_buf_release(&doubled);
}

/* Plain texts that are no strings must stay plain, and so what a tag stands before. */
static void
add_scalar(struct clb_buf *out, const struct clb_yaml_node *n, const struct clb_yaml_writer *w)
{
	struct clb_str text = n->text;

	if (w->replace != NULL && w->replace(n, &text, w->arg)) {
		add_text(out, text, 0, w);
		return;
	}
	if (n->tag != NULL && strncmp(n->tag, "tag:yaml.org,2002:", 18) == 0 &&
	    strcmp(n->tag, BINARY) != 0 && strcmp(n->tag + 18, "merge") != 0) {
		clb_buf_printf(out, "!!%s ", n->tag + 18);
		add_text(out, text, 0, w);
	} else if (n->plain && text.n == 0) {
		clb_buf_adds(out, "null");
	} else {
		add_text(out, text, clb_yaml_is_merge(n) || (n->plain && !is_string(text)), w);
	}
}

void
clb_yaml_node(struct clb_buf *out, const struct clb_yaml_node *n, const struct clb_yaml_writer *w)
{
	int is_map = n->kind == CLB_YAML_MAPPING;

	if (n->kind == CLB_YAML_SCALAR) {
		add_scalar(out, n, w);
		return;
	}
	clb_buf_addc(out, is_map ? '{' : '[');
	for (size_t i = 0; i < n->n; i++) {
		if (i > 0)
			clb_buf_adds(out, is_map && i % 2 == 1 ? ": " : ", ");
		if (is_map && i % 2 == 0 && n->child[i]->text.n > SIMPLE_KEY)
			clb_buf_adds(out, "? ");
		clb_yaml_node(out, n->child[i], w);
	}
	clb_buf_addc(out, is_map ? '}' : ']');
}
