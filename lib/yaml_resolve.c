/* What texts and merge keys mean: YAML 1.1 as go-yaml v2 reads it. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "lib/yaml.h"

#define TAG "tag:yaml.org,2002:"

static const struct {
	const char *text;
	enum clb_yaml_type type;
	int value;
} words[] = {
	{ "", CLB_YAML_NULL, 0 }, { "~", CLB_YAML_NULL, 0 },
	{ "null", CLB_YAML_NULL, 0 }, { "Null", CLB_YAML_NULL, 0 }, { "NULL", CLB_YAML_NULL, 0 },
	{ "y", CLB_YAML_BOOL, 1 }, { "Y", CLB_YAML_BOOL, 1 },
	{ "yes", CLB_YAML_BOOL, 1 }, { "Yes", CLB_YAML_BOOL, 1 }, { "YES", CLB_YAML_BOOL, 1 },
	{ "true", CLB_YAML_BOOL, 1 }, { "True", CLB_YAML_BOOL, 1 }, { "TRUE", CLB_YAML_BOOL, 1 },
	{ "on", CLB_YAML_BOOL, 1 }, { "On", CLB_YAML_BOOL, 1 }, { "ON", CLB_YAML_BOOL, 1 },
	{ "n", CLB_YAML_BOOL, 0 }, { "N", CLB_YAML_BOOL, 0 },
	{ "no", CLB_YAML_BOOL, 0 }, { "No", CLB_YAML_BOOL, 0 }, { "NO", CLB_YAML_BOOL, 0 },
	{ "false", CLB_YAML_BOOL, 0 }, { "False", CLB_YAML_BOOL, 0 },
	{ "FALSE", CLB_YAML_BOOL, 0 },
	{ "off", CLB_YAML_BOOL, 0 }, { "Off", CLB_YAML_BOOL, 0 }, { "OFF", CLB_YAML_BOOL, 0 },
};

static const struct {
	const char *tag;
	enum clb_yaml_type type;
} tags[] = {
	{ TAG "null", CLB_YAML_NULL }, { TAG "bool", CLB_YAML_BOOL },
	{ TAG "int", CLB_YAML_INT }, { TAG "float", CLB_YAML_FLOAT },
};

static int
word(struct clb_str s, struct clb_yaml_value *v)
{
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i].text) == s.n && memcmp(words[i].text, s.s, s.n) == 0) {
			v->type = words[i].type;
			v->u = (uint64_t)words[i].value;
			return 1;
		}
	return 0;
}

/* Digits of the base that the prefix names: 0x, 0b, 0o and a bare 0. */
static int
integer(const char *p, struct clb_yaml_value *v)
{
	int base = 10;
	char *end;

	if ((v->negative = *p == '-') || *p == '+')
		p++;
	if (p[0] == '0' && p[1] != '\0') {
		base = p[1] == 'x' || p[1] == 'X' ? 16 : p[1] == 'b' || p[1] == 'B' ? 2 : 8;
		p += base != 8 || p[1] == 'o' || p[1] == 'O' ? 2 : 1;
	}
	if (p[strspn(p, "0123456789abcdefABCDEF")] != '\0' || *p == '\0')
		return 0;
	errno = 0;
	v->u = strtoull(p, &end, base);
	if (*end != '\0' || errno != 0 || (v->negative && v->u > (uint64_t)INT64_MAX + 1))
		return 0;
	v->type = CLB_YAML_INT;
	return 1;
}

/* [-+]?(\.digits|digits(\.digits?)?)([eE][-+]?digits)?, and .inf, .nan. */
static int
real(const char *p, struct clb_yaml_value *v)
{
	const char *s = p + (*p == '-' || *p == '+'), *digits = "0123456789";
	size_t whole = strspn(s, digits), frac = 0;

	v->type = CLB_YAML_FLOAT;
	if (strcmp(s, ".inf") == 0 || strcmp(s, ".Inf") == 0 || strcmp(s, ".INF") == 0) {
		v->f = *p == '-' ? (double)-INFINITY : (double)INFINITY;
		return 1;
	}
	if (strcmp(p, ".nan") == 0 || strcmp(p, ".NaN") == 0 || strcmp(p, ".NAN") == 0) {
		v->f = (double)NAN;
		return 1;
	}
	s += whole;
	if (*s == '.')
		s += 1 + (frac = strspn(s + 1, digits));
	if (whole + frac == 0)
		return 0;
	if (*s == 'e' || *s == 'E') {
		s += 1 + (s[1] == '-' || s[1] == '+');
		if (strspn(s, digits) == 0)
			return 0;
		s += strspn(s, digits);
	}
	if (*s != '\0')
		return 0;
	v->f = strtod(p, NULL);
	return !isinf(v->f);
}

static int
number(struct clb_str s, struct clb_yaml_value *v)
{
	char buf[128];
	size_t i, n = 0;

	if (s.n == 0 || s.n >= sizeof(buf) || strchr("+-.0123456789", s.s[0]) == NULL ||
	    memchr(s.s, '\0', s.n) != NULL)
		return 0;
	for (i = 0; i < s.n; i++)
		if (s.s[i] != '_')
			buf[n++] = s.s[i];
	buf[n] = '\0';
	return integer(buf, v) || real(buf, v);
}

int
clb_yaml_resolve(const struct clb_yaml_node *n, struct clb_yaml_value *v)
{
	size_t i;

	*v = (struct clb_yaml_value){ .type = CLB_YAML_STRING };
	for (i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
		if (n->tag != NULL && strcmp(n->tag, tags[i].tag) == 0)
			break;
	if (!n->plain && i == sizeof(tags) / sizeof(tags[0]))
		return 0;
	if (!word(n->text, v) && !number(n->text, v))
		*v = (struct clb_yaml_value){ .type = CLB_YAML_STRING };
	if (n->plain || tags[i].type == v->type)
		return 0;
	if (tags[i].type != CLB_YAML_FLOAT || v->type != CLB_YAML_INT)
		return -1;
	v->type = CLB_YAML_FLOAT;
	v->f = v->negative ? -(double)v->u : (double)v->u;
	return 0;
}

int
clb_yaml_is_null(const struct clb_yaml_node *n)
{
	struct clb_yaml_value v;

	if (n == NULL)
		return 1;
	return n->kind == CLB_YAML_SCALAR && (n->plain || n->tag != NULL) &&
	    clb_yaml_resolve(n, &v) == 0 && v.type == CLB_YAML_NULL;
}

int
clb_yaml_is_merge(const struct clb_yaml_node *key)
{
	return key->kind == CLB_YAML_SCALAR && clb_str_eq(key->text, CLB_STR("<<")) &&
	    (key->plain || (key->tag != NULL && strcmp(key->tag, TAG "merge") == 0));
}

const struct clb_yaml_node *
clb_yaml_field(const struct clb_yaml_node *map, struct clb_str name, size_t *entry)
{
	const struct clb_yaml_node *found = NULL, *value, *v;
	size_t at = CLB_YAML_MERGED;

	for (size_t i = 0; map->kind == CLB_YAML_MAPPING && i + 1 < map->n; i += 2) {
		value = map->child[i + 1];
		if (!clb_yaml_is_merge(map->child[i])) {
			if (map->child[i]->kind == CLB_YAML_SCALAR &&
			    clb_str_eq(map->child[i]->text, name)) {
				found = value;
				at = i / 2;
			}
			continue;
		}
		v = value->kind == CLB_YAML_MAPPING ? clb_yaml_field(value, name, NULL) : NULL;
		for (size_t k = 0; v == NULL && value->kind == CLB_YAML_SEQUENCE && k < value->n; k++)
			v = clb_yaml_field(value->child[k], name, NULL);
		if (v != NULL) {
			found = v;
			at = CLB_YAML_MERGED;
		}
	}
	if (entry != NULL)
		*entry = at;
	return found;
}
