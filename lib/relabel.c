#include <stdio.h>
#include <stdlib.h>

#include "lib/hash.h"
#include "lib/intern.h"
#include "lib/relabel.h"
#include "lib/template.h"
#include "lib/utf8.h"

#define MAX_NAMES 4096	/* remembered for a rule; then it forgets them all */

/* What a rule makes of a label name: the same names come with every target. */
struct named {
	int matched;
	struct clb_str result;	/* labelmap's new name */
};

struct compiled {
	const struct clb_rule *rule;
	size_t *hint;			/* where each source label was last */
	struct clb_regex *regex;
	struct clb_template *target, *replacement;
	int groups;			/* that the two templates need */
	int computed_name;		/* the target label has a $: check what comes out */
	struct clb_intern names;	/* label names seen, */
	struct named *named;		/* what comes of each, */
	struct clb_arena arena;		/* and the results' texts */
};

struct clb_relabel {
	struct compiled *rule;
	size_t n;
	int compat;
	struct clb_str *group;		/* room for the captures of any rule */
	struct clb_label *mapped;	/* what one labelmap has set */
	size_t mapped_cap;
};

/* An action's work. Returns 1 if it drops the target. */
typedef int action_fn(struct clb_relabel *r, struct compiled *c, struct clb_labels *ls,
    struct clb_arena *a);

static struct clb_str
source_value(const struct compiled *c, const struct clb_labels *ls, struct clb_arena *a)
{
	const struct clb_rule *rule = c->rule;
	struct clb_str out = { NULL, 0, 1 }, v;
	char *p;

	if (rule->nsource == 0)
		return CLB_STR("");
	if (rule->nsource == 1)
		return clb_labels_get_near(ls, rule->source[0], &c->hint[0]);
	for (size_t i = 0; i < rule->nsource; i++) {
		v = clb_labels_get_near(ls, rule->source[i], &c->hint[i]);
		out.n += v.n + (i > 0 ? rule->separator.n : 0);
		out.plain &= v.plain;
	}
	out.plain &= (uint32_t)clb_json_plain(rule->separator);
	out.s = p = clb_arena_alloc(a, out.n);
	for (size_t i = 0; i < rule->nsource; i++) {
		if (i > 0 && rule->separator.n != 0)
			p = (char *)memcpy(p, rule->separator.s, rule->separator.n) +
			    rule->separator.n;
		v = clb_labels_get_near(ls, rule->source[i], &c->hint[i]);
		if (v.n != 0)
			p = (char *)memcpy(p, v.s, v.n) + v.n;
	}
	return out;
}

static int
is_label_name(const struct clb_relabel *r, const struct compiled *c, struct clb_str name)
{
	if (r->compat < CLB_VERSION(3, 0) || c->rule->legacy_names)
		return clb_label_name_legacy(name);
	return name.n != 0 && clb_utf8_valid(name);
}

static int
replace(struct clb_relabel *r, struct compiled *c, struct clb_labels *ls, struct clb_arena *a)
{
	struct clb_str val = source_value(c, ls, a), name, text;

	if (c->groups == 0 ? !clb_regex_match(c->regex, val) :
	    !clb_regex_captures(c->regex, val, r->group, c->groups))
		return 0;
	name = clb_template_expand(c->target, r->group, a);
	if (c->computed_name && !is_label_name(r, c, name))
		return 0;
	text = clb_template_expand(c->replacement, r->group, a);
	/* Until 2.50 an empty result deleted the label of the unexpanded name. */
	if (text.n == 0 && r->compat < CLB_VERSION(2, 50))
		name = c->rule->target_label;
	clb_labels_set(ls, name, text);
	return 0;
}

static int
keep(struct clb_relabel *r, struct compiled *c, struct clb_labels *ls, struct clb_arena *a)
{
	(void)r;
	return !clb_regex_match(c->regex, source_value(c, ls, a));
}

static int
drop(struct clb_relabel *r, struct compiled *c, struct clb_labels *ls, struct clb_arena *a)
{
	return !keep(r, c, ls, a);
}

static int
keepequal(struct clb_relabel *r, struct compiled *c, struct clb_labels *ls, struct clb_arena *a)
{
	(void)r;
	return !clb_str_eq(source_value(c, ls, a),
	    clb_labels_get(ls, c->rule->target_label));
}

static int
dropequal(struct clb_relabel *r, struct compiled *c, struct clb_labels *ls, struct clb_arena *a)
{
	return !keepequal(r, c, ls, a);
}

static int
hashmod(struct clb_relabel *r, struct compiled *c, struct clb_labels *ls, struct clb_arena *a)
{
	struct clb_str val = source_value(c, ls, a), shard;
	char text[24];
	int n = snprintf(text, sizeof(text), "%llu", (unsigned long long)
	    (clb_hash_md5_tail(val.s, val.n) % c->rule->modulus));

	(void)r;
	shard = clb_arena_str(a, text, (size_t)n);
	shard.plain = 1;
	clb_labels_set(ls, c->rule->target_label, shard);
	return 0;
}

static int
lowercase(struct clb_relabel *r, struct compiled *c, struct clb_labels *ls, struct clb_arena *a)
{
	(void)r;
	clb_labels_set(ls, c->rule->target_label,
	    clb_utf8_lower(source_value(c, ls, a), a));
	return 0;
}

static int
uppercase(struct clb_relabel *r, struct compiled *c, struct clb_labels *ls, struct clb_arena *a)
{
	(void)r;
	clb_labels_set(ls, c->rule->target_label,
	    clb_utf8_upper(source_value(c, ls, a), a));
	return 0;
}

static void
forget_names(struct compiled *c)
{
	clb_intern_release(&c->names);
	clb_arena_release(&c->arena);
}

/* Whether the rule's regex matches name, and labelmap's name for it. */
static const struct named *
match_name(struct clb_relabel *r, struct compiled *c, struct clb_str name)
{
	static const struct named other = { 0, { NULL, 0, 0 } };
	uint32_t known, k;
	struct named *en;

	/* Most names do not even begin as the expression does. */
	if (!clb_regex_may_match(c->regex, name))
		return &other;
	if (c->names.n == MAX_NAMES)
		forget_names(c);
	known = c->names.n;
	k = clb_intern_put(&c->names, name);
	if (c->named == NULL)
		c->named = clb_xcalloc(MAX_NAMES, sizeof(*c->named));
	en = &c->named[k];
	if (k < known)
		return en;
	name = c->names.str[k];
	en->matched = clb_regex_captures(c->regex, name, r->group, c->groups);
	if (en->matched && c->rule->action == CLB_LABELMAP) {
		en->result = clb_template_expand(c->replacement, r->group, &c->arena);
		en->result.plain |= (uint32_t)clb_json_plain(en->result);
	}
	return en;
}

/* New labels are not looked at again: they are gathered, then set. */
static int
labelmap(struct clb_relabel *r, struct compiled *c, struct clb_labels *ls, struct clb_arena *a)
{
	size_t n = 0;

	if (r->mapped_cap < ls->n) {
		r->mapped_cap = ls->n * 2;
		r->mapped = clb_xreallocarray(r->mapped, r->mapped_cap, sizeof(*r->mapped));
	}
	for (size_t i = 0; i < ls->n; i++) {
		const struct named *en = match_name(r, c, ls->v[i].name);

		if (!en->matched)
			continue;
		/* The rule may forget the name while the target still needs it. */
		r->mapped[n].name = clb_arena_str(a, en->result.s, en->result.n);
		r->mapped[n].name.plain = en->result.plain;
		r->mapped[n++].value = ls->v[i].value;
	}
	for (size_t i = 0; i < n; i++)
		clb_labels_set(ls, r->mapped[i].name, r->mapped[i].value);
	return 0;
}

struct name_filter {
	struct clb_relabel *r;
	struct compiled *c;
	int keep;	/* the answer for a name that matches */
};

static int
filter_name(struct clb_str name, void *arg)
{
	struct name_filter *f = arg;

	return match_name(f->r, f->c, name)->matched ? f->keep : !f->keep;
}

static int
labeldrop(struct clb_relabel *r, struct compiled *c, struct clb_labels *ls, struct clb_arena *a)
{
	struct name_filter f = { r, c, c->rule->action == CLB_LABELKEEP };

	(void)a;
	clb_labels_filter(ls, filter_name, &f);
	return 0;
}

static action_fn *const actions[] = {
	[CLB_REPLACE] = replace, [CLB_KEEP] = keep, [CLB_DROP] = drop,
	[CLB_KEEPEQUAL] = keepequal, [CLB_DROPEQUAL] = dropequal,
	[CLB_HASHMOD] = hashmod, [CLB_LOWERCASE] = lowercase,
	[CLB_UPPERCASE] = uppercase, [CLB_LABELMAP] = labelmap,
	[CLB_LABELDROP] = labeldrop, [CLB_LABELKEEP] = labeldrop
};

static int
compile(struct compiled *c, const struct clb_rule *rule, int compat, struct clb_err *e)
{
	char why[256];

	c->rule = rule;
	c->hint = clb_xcalloc(rule->nsource, sizeof(*c->hint));
	c->regex = clb_regex_new(rule->regex, compat, why, sizeof(why));
	if (c->regex == NULL)
		return clb_err_set(e, EX_CONFIG, "%s:%u:%u: %s", rule->place.file,
		    rule->place.line, rule->place.column, why);
	c->target = clb_template_new(rule->target_label, c->regex);
	c->computed_name = rule->target_label.n != 0 &&
	    memchr(rule->target_label.s, '$', rule->target_label.n) != NULL;
	c->replacement = clb_template_new(rule->replacement, c->regex);
	if (rule->action == CLB_REPLACE)
		c->groups = clb_template_groups(c->target);
	if ((rule->action == CLB_REPLACE || rule->action == CLB_LABELMAP) &&
	    clb_template_groups(c->replacement) > c->groups)
		c->groups = clb_template_groups(c->replacement);
	return 0;
}

struct clb_relabel *
clb_relabel_new(const struct clb_rule *rule, size_t n, int compat, struct clb_err *e)
{
	struct clb_relabel *r = clb_xcalloc(1, sizeof(*r));
	int groups = 1;

	r->rule = clb_xcalloc(n, sizeof(*r->rule));
	r->n = n;
	r->compat = compat;
	for (size_t i = 0; i < n; i++) {
		if (compile(&r->rule[i], &rule[i], compat, e) == -1) {
			clb_relabel_free(r);
			return NULL;
		}
		if (r->rule[i].groups > groups)
			groups = r->rule[i].groups;
	}
	r->group = clb_xcalloc((size_t)groups, sizeof(*r->group));
	return r;
}

void
clb_relabel_free(struct clb_relabel *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->n; i++) {
		free(r->rule[i].hint);
		clb_regex_free(r->rule[i].regex);
		clb_template_free(r->rule[i].target);
		clb_template_free(r->rule[i].replacement);
		forget_names(&r->rule[i]);
		free(r->rule[i].named);
	}
	free(r->rule);
	free(r->group);
	free(r->mapped);
	free(r);
}

long
clb_relabel_apply(struct clb_relabel *r, struct clb_labels *ls, struct clb_arena *a)
{
	for (size_t i = 0; i < r->n; i++)
		if (actions[r->rule[i].rule->action](r, &r->rule[i], ls, a))
			return (long)i;
	return -1;
}
