#include <stdlib.h>

#include "lib/json.h"
#include "lib/template.h"
#include "lib/utf8.h"

#define MAX_SAME_NAME 8

/* A literal, or the first of these groups that took part. */
struct part {
	struct clb_str literal;
	int group[MAX_SAME_NAME];
	int ngroup;	/* 0: a literal */
};

struct clb_template {
	struct part *part;
	size_t n, cap;
	int groups;
	struct clb_buf text;	/* the literals, one behind the other */
};

static struct part *
add_part(struct clb_template *t)
{
	if (t->n == t->cap) {
		t->cap = t->cap != 0 ? t->cap * 2 : 4;
		t->part = clb_xreallocarray(t->part, t->cap, sizeof(*t->part));
	}
	memset(&t->part[t->n], 0, sizeof(*t->part));
	return &t->part[t->n++];
}

static void
add_literal(struct clb_template *t, const char *s, size_t n)
{
	struct part *last = t->n > 0 ? &t->part[t->n - 1] : NULL;

	clb_buf_add(&t->text, s, n);
	if (last == NULL || last->ngroup != 0)
		last = add_part(t);
	last->literal.n += (uint32_t)n;
}

/* The group that a name of digits without a leading zero means, or -1. */
static int
group_number(struct clb_str name)
{
	int v = 0;

	if (name.n > 1 && name.s[0] == '0')
		return -1;
	for (uint32_t i = 0; i < name.n; i++) {
		if (name.s[i] < '0' || name.s[i] > '9')
			return -1;
		if (v < 100000000)	/* more groups than any expression has */
			v = v * 10 + (name.s[i] - '0');
	}
	return v;
}

static void
add_group(struct clb_template *t, const struct clb_regex *re, struct clb_str name)
{
	int number[MAX_SAME_NAME], n = 1;

	number[0] = group_number(name);
	if (number[0] == -1)
		n = clb_regex_named(re, name, number, MAX_SAME_NAME);
	else if (number[0] > clb_regex_groups(re))
		n = 0;
	if (n == 0)
		return;
	struct part *p = add_part(t);

	memcpy(p->group, number, (size_t)n * sizeof(*number));
	p->ngroup = n;
	for (int i = 0; i < n; i++)
		if (number[i] >= t->groups)
			t->groups = number[i] + 1;
}

/* The name behind the dollar at s, and how long it is with dollar and braces. */
static size_t
reference(const char *s, size_t n, struct clb_str *name)
{
	size_t brace = n > 1 && s[1] == '{', i = 1 + brace, k;

	while (i < n && (k = clb_utf8_word_char(s + i, n - i)) != 0)
		i += k;
	*name = (struct clb_str){ s + 1 + brace, (uint32_t)(i - 1 - brace), 0 };
	if (name->n == 0 || (brace && (i == n || s[i] != '}')))
		return 0;
	return i + brace;
}

struct clb_template *
clb_template_new(struct clb_str text, const struct clb_regex *re)
{
	struct clb_template *t = clb_xcalloc(1, sizeof(*t));
	struct clb_str name;
	size_t i = 0, k, at = 0;

	while (i < text.n) {
		const char *s = text.s + i, *dollar = memchr(s, '$', text.n - i);
		size_t n = dollar != NULL ? (size_t)(dollar - s) : text.n - i;

		if (n > 0)
			add_literal(t, s, n);
		i += n;
		if (dollar == NULL)
			break;
		if (text.n - i > 1 && dollar[1] == '$') {
			add_literal(t, "$", 1);
			i += 2;
		} else if ((k = reference(dollar, text.n - i, &name)) != 0) {
			add_group(t, re, name);
			i += k;
		} else {
			add_literal(t, "$", 1);
			i++;
		}
	}
	for (i = 0; i < t->n; i++)
		if (t->part[i].ngroup == 0) {
			t->part[i].literal.s = t->text.p + at;
			at += t->part[i].literal.n;
			t->part[i].literal.plain = (uint32_t)clb_json_plain(t->part[i].literal);
		}
	return t;
}

void
clb_template_free(struct clb_template *t)
{
	if (t == NULL)
		return;
	clb_buf_release(&t->text);
	free(t->part);
	free(t);
}

int
clb_template_groups(const struct clb_template *t)
{
	return t->groups;
}

static struct clb_str
part_text(const struct part *p, const struct clb_str *group)
{
	if (p->ngroup == 0)
		return p->literal;
	for (int i = 0; i < p->ngroup; i++)
		if (group[p->group[i]].s != NULL)
			return group[p->group[i]];
	return CLB_STR("");
}

struct clb_str
clb_template_expand(const struct clb_template *t, const struct clb_str *group,
    struct clb_arena *a)
{
	struct clb_str out = { NULL, 0, 1 }, s;
	char *p;

	if (t->n == 0)
		return CLB_STR("");
	if (t->n == 1)
		return part_text(&t->part[0], group);
	for (size_t i = 0; i < t->n; i++) {
		s = part_text(&t->part[i], group);
		out.n += s.n;
		out.plain &= s.plain;
	}
	out.s = p = clb_arena_alloc(a, out.n);
	for (size_t i = 0; i < t->n; i++) {
		s = part_text(&t->part[i], group);
		if (s.n != 0)
			p = (char *)memcpy(p, s.s, s.n) + s.n;
	}
	return out;
}
