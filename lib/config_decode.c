#include <math.h>
#include <stdarg.h>
#include <stdlib.h>

#include "lib/config_decode.h"
#include "lib/duration.h"
#include "lib/json.h"
#include "lib/regex.h"
#include "lib/utf8.h"

typedef int decode_fn(struct clb_decode *d, const struct clb_yaml_node *n, struct clb_value *v);

static const struct clb_str nothing = CLB_STR_INIT("");

int
clb_decode_fail(struct clb_decode *d, const struct clb_yaml_node *n, const char *fmt, ...)
{
	char text[800];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return clb_err_set(d->e, d->status, "%s:%u:%u: %s", d->file, n != NULL ? n->line : 1,
	    n != NULL ? n->column : 1, text);
}

void
clb_decode_warn(struct clb_decode *d, const struct clb_yaml_node *n, const char *fmt, ...)
{
	struct clb_decode out = *d;
	struct clb_err e = CLB_ERR_INIT;
	char text[800];
	va_list ap;

	if (d->warn == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	out.e = &e;
	clb_decode_fail(&out, n, "%s", text);
	d->warn(e.msg);
}

struct clb_place
clb_place_of(const struct clb_decode *d, const struct clb_yaml_node *n)
{
	return (struct clb_place){ d->file, n != NULL ? n->line : 1, n != NULL ? n->column : 1 };
}

static void *
alloc(struct clb_decode *d, size_t count, size_t size)
{
	return memset(clb_arena_alloc(d->arena, count * size + 1), 0, count * size);
}

static const char *
kind_name(const struct clb_yaml_node *n)
{
	return n->kind == CLB_YAML_MAPPING ? "a mapping" :
	    n->kind == CLB_YAML_SEQUENCE ? "a list" : NULL;
}

/* what must be must; n is something else. */
static int
fail_type(struct clb_decode *d, const struct clb_yaml_node *n, const char *what, const char *must)
{
	const char *is = kind_name(n);

	if (is != NULL)
		return clb_decode_fail(d, n, "%s must be %s, not %s", what, must, is);
	return clb_decode_fail(d, n, "%s must be %s, not '%.*s'", what, must,
	    (int)n->text.n, n->text.s);
}

/* ---- texts ---- */

/*
 * A null that go-yaml does not hand to a type with a reader of its own: that
 * type's zero value is the result. Null and NULL reach the reader, as "".
 */
static int
is_unread_null(const struct clb_yaml_node *n)
{
	return clb_yaml_is_null(n) && !clb_str_eq(n->text, CLB_STR("Null")) &&
	    !clb_str_eq(n->text, CLB_STR("NULL"));
}

static struct clb_str
text_of(const struct clb_yaml_node *n)
{
	struct clb_str s = clb_yaml_is_null(n) ? nothing : n->text;

	s.plain = (uint32_t)clb_json_plain(s);
	return s;
}

/* A text is taken as it is written, but what a tag says of it must be true. */
static int
check_tag(struct clb_decode *d, const struct clb_yaml_node *n)
{
	struct clb_yaml_value y;

	if (n->tag == NULL || clb_yaml_resolve(n, &y) == 0)
		return 0;
	return clb_decode_fail(d, n, "'%.*s' is not what its tag %s says", (int)n->text.n,
	    n->text.s, n->tag);
}

static int
decode_text(struct clb_decode *d, const struct clb_yaml_node *n, struct clb_value *v)
{
	if (n->kind != CLB_YAML_SCALAR)
		return fail_type(d, n, v->field->name, "a string");
	v->str = text_of(n);
	return check_tag(d, n);
}

static int
decode_path(struct clb_decode *d, const struct clb_yaml_node *n, struct clb_value *v)
{
	if (decode_text(d, n, v) == -1)
		return -1;
	v->str = clb_path_join(d->arena, d->dir, v->str);
	return 0;
}

static int
decode_url(struct clb_decode *d, const struct clb_yaml_node *n, struct clb_value *v)
{
	const char *why;

	if (decode_text(d, n, v) == -1)
		return -1;
	if ((why = clb_url_check(clb_without_variables(d, v->str), NULL, NULL)) != NULL)
		return clb_decode_fail(d, n, "%s: %s: '%.*s'", v->field->name, why,
		    (int)v->str.n, v->str.s);
	return 0;
}

static int
decode_duration(struct clb_decode *d, const struct clb_yaml_node *n, struct clb_value *v)
{
	char buf[CLB_DURATION_MAX];
	const char *why;
	int64_t ms = 0;

	if (n->kind != CLB_YAML_SCALAR)
		return fail_type(d, n, v->field->name, "a duration");
	if (!is_unread_null(n) && clb_duration_parse(text_of(n), &ms, &why) == -1)
		return text_of(n).n == 0 ? clb_decode_fail(d, n, "%s", why) :
		    clb_decode_fail(d, n, "%s: \"%.*s\"", why, (int)n->text.n, n->text.s);
	clb_duration_format(ms, buf);
	v->u = (uint64_t)ms;
	v->str = clb_arena_str(d->arena, buf, strlen(buf));
	v->str.plain = 1;
	return 0;
}

static int
decode_bytes(struct clb_decode *d, const struct clb_yaml_node *n, struct clb_value *v)
{
	if (decode_text(d, n, v) == -1)
		return -1;
	v->u = 0;
	if (clb_yaml_is_null(n))
		v->str = CLB_STR("0B");
	else if (clb_bytes_parse(v->str, &v->u) == -1)
		return clb_decode_fail(d, n, "%s must be a size with a unit, not '%.*s'",
		    v->field->name, (int)v->str.n, v->str.s);
	return 0;
}

static int
decode_tls_version(struct clb_decode *d, const struct clb_yaml_node *n, struct clb_value *v)
{
	if (decode_text(d, n, v) == -1)
		return -1;
	v->present = !is_unread_null(n);
	if (v->present && !clb_str_eq(v->str, CLB_STR("TLS10")) &&
	    !clb_str_eq(v->str, CLB_STR("TLS11")) && !clb_str_eq(v->str, CLB_STR("TLS12")) &&
	    !clb_str_eq(v->str, CLB_STR("TLS13")))
		return clb_decode_fail(d, n, "unknown TLS version: %.*s", (int)v->str.n, v->str.s);
	return 0;
}

/* go-yaml takes a quoted null for a null here, and then cannot make a regex of it. */
static int
decode_regex(struct clb_decode *d, const struct clb_yaml_node *n, struct clb_value *v)
{
	struct clb_regex *re;
	char why[512];

	if (decode_text(d, n, v) == -1)
		return -1;
	if (!n->plain && n->tag == NULL &&
	    (clb_str_eq(n->text, CLB_STR("null")) || clb_str_eq(n->text, CLB_STR("~"))))
		return clb_decode_fail(d, n, "cannot unmarshal the string \"%s\" into a regex",
		    n->text.s);
	if ((re = clb_regex_new(v->str, d->compat, why, sizeof(why))) == NULL)
		return clb_decode_fail(d, n, "%s", why);
	clb_regex_free(re);
	return 0;
}

static int
decode_action(struct clb_decode *d, const struct clb_yaml_node *n, struct clb_value *v)
{
	enum clb_action a;
	const char *name;

	if (decode_text(d, n, v) == -1)
		return -1;
	if (clb_yaml_is_null(n))
		return 0;
	v->str = clb_utf8_lower(v->str, d->arena);
	for (a = CLB_REPLACE; a <= CLB_LABELKEEP; a++) {
		name = clb_action_name(a);
		if (clb_str_eq(v->str, clb_str(name))) {
			v->u = a;
			return 0;
		}
	}
	return clb_decode_fail(d, n, "unknown relabel action \"%.*s\"", (int)n->text.n, n->text.s);
}

/* ---- numbers ---- */

static int
decode_bool(struct clb_decode *d, const struct clb_yaml_node *n, struct clb_value *v)
{
	struct clb_yaml_value y = { .type = CLB_YAML_STRING };

	if (n->kind != CLB_YAML_SCALAR || clb_yaml_resolve(n, &y) == -1 ||
	    (y.type != CLB_YAML_BOOL && y.type != CLB_YAML_NULL))
		return fail_type(d, n, v->field->name, "true or false");
	v->u = y.u;
	v->present = y.type == CLB_YAML_BOOL || v->field->type == CLB_T_BOOL;
	return 0;
}

static int
decode_uint(struct clb_decode *d, const struct clb_yaml_node *n, struct clb_value *v)
{
	struct clb_yaml_value y = { .type = CLB_YAML_STRING };
	int ok = n->kind == CLB_YAML_SCALAR && clb_yaml_resolve(n, &y) == 0;

	v->u = 0;
	if (ok && y.type == CLB_YAML_INT && (!y.negative || y.u == 0))
		v->u = y.u;
	else if (ok && y.type == CLB_YAML_FLOAT && y.f > -1 && y.f < 0x1p64)
		v->u = y.f < 0 ? 0 : (uint64_t)y.f;
	else if (!ok || y.type != CLB_YAML_NULL)
		return fail_type(d, n, v->field->name, "a whole number from 0 on");
	return 0;
}

static int
decode_int(struct clb_decode *d, const struct clb_yaml_node *n, struct clb_value *v)
{
	struct clb_yaml_value y = { .type = CLB_YAML_STRING };
	int ok = n->kind == CLB_YAML_SCALAR && clb_yaml_resolve(n, &y) == 0;

	v->i = 0;
	if (ok && y.type == CLB_YAML_INT && y.u <= INT64_MAX)
		v->i = y.negative ? -(int64_t)y.u : (int64_t)y.u;
	else if (ok && y.type == CLB_YAML_FLOAT && y.f > -0x1p63 && y.f < 0x1p63)
		v->i = (int64_t)y.f;
	else if (!ok || y.type != CLB_YAML_NULL)
		return fail_type(d, n, v->field->name, "a whole number");
	return 0;
}

static int
decode_float(struct clb_decode *d, const struct clb_yaml_node *n, struct clb_value *v)
{
	struct clb_yaml_value y = { .type = CLB_YAML_STRING };
	int ok = n->kind == CLB_YAML_SCALAR && clb_yaml_resolve(n, &y) == 0;

	v->f = 0;
	if (ok && y.type == CLB_YAML_FLOAT)
		v->f = y.f;
	else if (ok && y.type == CLB_YAML_INT)
		v->f = y.negative ? -(double)y.u : (double)y.u;
	else if (!ok || y.type != CLB_YAML_NULL)
		return fail_type(d, n, v->field->name, "a number");
	return 0;
}

/* ---- lists of texts ---- */

static int
decode_texts(struct clb_decode *d, const struct clb_yaml_node *n, struct clb_value *v)
{
	if (n->kind != CLB_YAML_SEQUENCE)
		return fail_type(d, n, v->field->name, "a list");
	v->n = n->n;
	v->text = alloc(d, n->n, sizeof(*v->text));
	for (size_t i = 0; i < n->n; i++) {
		const struct clb_yaml_node *item = n->child[i];

		if (item->kind != CLB_YAML_SCALAR)
			return clb_decode_fail(d, item, "an item of %s must be a string, not %s",
			    v->field->name, kind_name(item));
		if (check_tag(d, item) == -1)
			return -1;
		v->text[i] = text_of(item);
		if (v->field->type == CLB_T_PATHS)
			v->text[i] = clb_path_join(d->arena, d->dir, v->text[i]);
	}
	return 0;
}

/*
 * A null, and a quoted ~, which go-yaml takes for one when it looks for a
 * reader, become names without being checked.
 */
static int
check_label_name(struct clb_decode *d, const struct clb_yaml_node *n)
{
	struct clb_str s = text_of(n);

	if (is_unread_null(n) || (n->tag == NULL && clb_str_eq(s, CLB_STR("~"))))
		return 0;
	if (d->legacy_names ? clb_label_name_legacy(s) : s.n != 0 && clb_utf8_valid(s))
		return 0;
	return clb_decode_fail(d, n, "\"%.*s\" is not a valid label name", (int)s.n, s.s);
}

static int
decode_label_names(struct clb_decode *d, const struct clb_yaml_node *n, struct clb_value *v)
{
	if (decode_texts(d, n, v) == -1)
		return -1;
	for (size_t i = 0; i < n->n; i++)
		if (check_label_name(d, n->child[i]) == -1)
			return -1;
	return 0;
}

/* ---- maps ---- */

static int
by_key(const void *a, const void *b)
{
	const struct clb_value *x = a, *y = b;
	int c = clb_str_cmp(x->key, y->key);

	if (c == 0)
		c = (x->key_node->line > y->key_node->line) - (x->key_node->line < y->key_node->line);
	if (c == 0)
		c = (x->key_node->column > y->key_node->column) -
		    (x->key_node->column < y->key_node->column);
	return c;
}

/* How many entries a mapping has with those that it merges. */
static size_t
count_entries(const struct clb_yaml_node *n)
{
	size_t count = 0;

	if (n->kind == CLB_YAML_SEQUENCE)
		for (size_t i = 0; i < n->n; i++)
			count += count_entries(n->child[i]);
	else
		for (size_t i = 0; i + 1 < n->n; i += 2)
			count += clb_yaml_is_merge(n->child[i]) ?
			    count_entries(n->child[i + 1]) : 1;
	return count;
}

/* The entries of the mapping n, or of the mappings in the list n. */
static int
add_entries(struct clb_decode *d, const struct clb_yaml_node *n, struct clb_value *v)
{
	static const struct clb_field label = { .name = "the value of a label",
	    .type = CLB_T_STRING };
	struct clb_value *en;

	if (n->kind == CLB_YAML_SEQUENCE) {
		for (size_t i = n->n; i-- > 0;)
			if (add_entries(d, n->child[i], v) == -1)
				return -1;
		return 0;
	}
	for (size_t i = 0; i + 1 < n->n; i += 2) {
		if (clb_yaml_is_merge(n->child[i])) {
			if (add_entries(d, n->child[i + 1], v) == -1)
				return -1;
			continue;
		}
		if (n->child[i]->kind != CLB_YAML_SCALAR)
			return fail_type(d, n->child[i], "a key", "a string");
		if (check_tag(d, n->child[i]) == -1)
			return -1;
		en = &v->item[v->n++];
		en->field = v->field->type == CLB_T_LABELS ? &label : v->field->sub->field;
		en->key_node = n->child[i];
		en->key = text_of(n->child[i]);
		clb_decode_default(d, en);
		if ((v->field->type == CLB_T_LABELS && check_label_name(d, n->child[i]) == -1) ||
		    clb_decode(d, n->child[i + 1], en) == -1)
			return -1;
	}
	return 0;
}

/* A map that was merged into its structure before goes on growing. */
static int
decode_map(struct clb_decode *d, const struct clb_yaml_node *n, struct clb_value *v)
{
	struct clb_value *item;

	if (n->kind != CLB_YAML_MAPPING)
		return fail_type(d, n, v->field->name, "a mapping");
	item = alloc(d, v->n + count_entries(n), sizeof(*item));
	if (v->n != 0)
		memcpy(item, v->item, v->n * sizeof(*item));
	v->item = item;
	if (add_entries(d, n, v) == -1)
		return -1;
	if (v->n > 1)
		qsort(v->item, v->n, sizeof(*v->item), by_key);
	for (size_t i = 1; i < v->n; i++)
		if (clb_str_eq(v->item[i - 1].key, v->item[i].key))
			return clb_decode_fail(d, v->item[i].key_node,
			    "key \"%.*s\" already set in map", (int)v->item[i].key.n,
			    v->item[i].key.s);
	return 0;
}

/* ---- structures ---- */

static int overlay(struct clb_decode *d, const struct clb_yaml_node *n, struct clb_value *v);

/* Of several mappings the earlier ones win: they come last. */
static int
merge(struct clb_decode *d, const struct clb_yaml_node *n, struct clb_value *v)
{
	if (n->kind == CLB_YAML_MAPPING)
		return overlay(d, n, v);
	for (size_t i = n->n; i-- > 0;)
		if (overlay(d, n->child[i], v) == -1)
			return -1;
	return 0;
}

static size_t
find_field(const struct clb_schema *s, struct clb_str name)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (strlen(s->field[i].name) == name.n &&
		    memcmp(s->field[i].name, name.s, name.n) == 0)
			break;
	return i;
}

/* What is written later counts, be it a field or a merged mapping. */
static int
overlay(struct clb_decode *d, const struct clb_yaml_node *n, struct clb_value *v)
{
	const struct clb_schema *s = v->field->sub;
	char *seen = alloc(d, s->n, 1);

	for (size_t i = 0; i + 1 < n->n; i += 2) {
		const struct clb_yaml_node *key = n->child[i];
		size_t f;

		if (clb_yaml_is_merge(key)) {
			if (merge(d, n->child[i + 1], v) == -1)
				return -1;
			continue;
		}
		if (key->kind != CLB_YAML_SCALAR)
			return fail_type(d, key, "a key", "a string");
		if (check_tag(d, key) == -1)
			return -1;
		f = find_field(s, text_of(key));
		if (f == s->n)
			return clb_decode_fail(d, key, "unknown field '%.*s' in %s",
			    (int)key->text.n, key->text.s, s->what);
		if (seen[f])
			return clb_decode_fail(d, key, "field '%s' already set in %s",
			    s->field[f].name, s->what);
		seen[f] = 1;
		if (clb_decode(d, n->child[i + 1], &v->item[f]) == -1)
			return -1;
	}
	return 0;
}

static void
fill_defaults(struct clb_decode *d, struct clb_value *v)
{
	const struct clb_schema *s = v->field->sub;

	v->n = s->n;
	v->item = alloc(d, s->n, sizeof(*v->item));
	for (size_t i = 0; i < s->n; i++) {
		v->item[i].field = &s->field[i];
		clb_decode_default(d, &v->item[i]);
	}
}

static int
decode_struct(struct clb_decode *d, const struct clb_yaml_node *n, struct clb_value *v)
{
	const struct clb_schema *s = v->field->sub;

	if (n->kind != CLB_YAML_MAPPING)
		return fail_type(d, n, v->field->name, "a mapping");
	if (v->item == NULL)
		fill_defaults(d, v);
	if (overlay(d, n, v) == -1)
		return -1;
	return s->check != NULL ? s->check(d, v) : 0;
}

static int
decode_list(struct clb_decode *d, const struct clb_yaml_node *n, struct clb_value *v)
{
	struct clb_field *item = alloc(d, 1, sizeof(*item));

	if (n->kind != CLB_YAML_SEQUENCE)
		return fail_type(d, n, v->field->name, "a list");
	*item = *v->field;
	item->type = CLB_T_STRUCT;
	item->name = v->field->sub != NULL ? v->field->sub->what : "an item";
	v->n = n->n;
	v->item = alloc(d, n->n, sizeof(*v->item));
	for (size_t i = 0; i < n->n; i++) {
		v->item[i].field = item;
		if (v->field->null_item != NULL && clb_yaml_is_null(n->child[i]))
			return clb_decode_fail(d, n->child[i], "%s", v->field->null_item);
		if (v->field->type == CLB_T_LIST && clb_decode(d, n->child[i], &v->item[i]) == -1)
			return -1;
	}
	return 0;
}

/* ---- what is not looked into ---- */

static int
by_text(const void *a, const void *b)
{
	return clb_str_cmp((*(struct clb_yaml_node *const *)a)->text,
	    (*(struct clb_yaml_node *const *)b)->text);
}

/* A key written twice is an error wherever it is. */
static int
check_keys(struct clb_decode *d, const struct clb_yaml_node *n)
{
	const struct clb_yaml_node **key = alloc(d, n->n / 2, sizeof(*key));
	size_t count = 0;

	for (size_t i = 0; i + 1 < n->n; i += 2)
		if (n->child[i]->kind == CLB_YAML_SCALAR && !clb_yaml_is_merge(n->child[i]))
			key[count++] = n->child[i];
	if (count > 1)
		qsort(key, count, sizeof(*key), by_text);
	for (size_t i = 1; i < count; i++)
		if (clb_str_eq(key[i - 1]->text, key[i]->text)) {
			const struct clb_yaml_node *a = key[i - 1], *b = key[i];

			return clb_decode_fail(d, a->line > b->line ||
			    (a->line == b->line && a->column > b->column) ? a : b,
			    "key \"%.*s\" already set in map", (int)b->text.n, b->text.s);
		}
	return 0;
}

static int
check_any(struct clb_decode *d, const struct clb_yaml_node *n)
{
	if (n->kind == CLB_YAML_MAPPING && check_keys(d, n) == -1)
		return -1;
	for (size_t i = 0; i < n->n; i++)
		if (check_any(d, n->child[i]) == -1)
			return -1;
	return 0;
}

static int
decode_any(struct clb_decode *d, const struct clb_yaml_node *n, struct clb_value *v)
{
	(void)v;
	return check_any(d, n);
}

static int
decode_sd(struct clb_decode *d, const struct clb_yaml_node *n, struct clb_value *v)
{
	return decode_list(d, n, v) == -1 ? -1 : check_any(d, n);
}

/* ---- all types ---- */

static decode_fn *const decoders[] = {
	[CLB_T_STRING] = decode_text, [CLB_T_SECRET] = decode_text,
	[CLB_T_PATH] = decode_path, [CLB_T_URL] = decode_url,
	[CLB_T_BOOL] = decode_bool, [CLB_T_BOOL_OR_UNSET] = decode_bool,
	[CLB_T_INT] = decode_int, [CLB_T_UINT] = decode_uint, [CLB_T_FLOAT] = decode_float,
	[CLB_T_DURATION] = decode_duration, [CLB_T_BYTES] = decode_bytes,
	[CLB_T_TLS_VERSION] = decode_tls_version, [CLB_T_REGEX] = decode_regex,
	[CLB_T_ACTION] = decode_action,
	[CLB_T_STRINGS] = decode_texts, [CLB_T_SECRETS] = decode_texts,
	[CLB_T_PATHS] = decode_texts, [CLB_T_LABEL_NAMES] = decode_label_names,
	[CLB_T_LABELS] = decode_map, [CLB_T_MAP] = decode_map,
	[CLB_T_STRUCT] = decode_struct, [CLB_T_LIST] = decode_list, [CLB_T_SD] = decode_sd,
	[CLB_T_ANY] = decode_any
};

/* From this type on a null means absent. */
#define HOLDS_OTHERS(type) ((type) >= CLB_T_STRINGS)

int
clb_decode(struct clb_decode *d, const struct clb_yaml_node *n, struct clb_value *v)
{
	v->node = n;
	v->present = 1;
	if (HOLDS_OTHERS(v->field->type) && clb_yaml_is_null(n)) {
		v->present = 0;
		v->text = NULL;
		v->item = NULL;
		v->n = 0;
		return 0;
	}
	return decoders[v->field->type](d, n, v);
}

/* A default is written as in a file; that of a list or a mapping is the empty one. */
void
clb_decode_default(struct clb_decode *d, struct clb_value *v)
{
	struct clb_yaml_node n = { .kind = CLB_YAML_SCALAR, .plain = 1 };
	const char *dir = d->dir;

	v->str = nothing;
	if (v->field->def == NULL)
		return;
	v->present = 1;
	if (HOLDS_OTHERS(v->field->type))
		return;
	n.text = clb_str(v->field->def);
	if (v->field->type == CLB_T_REGEX) {	/* known to compile */
		v->str = n.text;
		return;
	}
	d->dir = NULL;
	decoders[v->field->type](d, &n, v);
	d->dir = dir;
	v->node = NULL;
}

struct clb_value *
clb_value_get(const struct clb_value *v, const char *name)
{
	return &v->item[find_field(v->field->sub, clb_str(name))];
}

int
clb_value_has(const struct clb_value *v, const char *name)
{
	const struct clb_value *f = clb_value_get(v, name);

	return f->present && f->str.n != 0;
}

const struct clb_yaml_node *
clb_value_node(const struct clb_value *v, const struct clb_value *holder)
{
	return v->node != NULL ? v->node : holder->node;
}

void
clb_value_set(struct clb_value *v, struct clb_str s)
{
	v->present = 1;
	v->str = s;
}
