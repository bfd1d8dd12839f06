/* Relabel rules: the checks that Prometheus makes once a rule's YAML is read. */
#include "lib/config_decode.h"
#include "lib/utf8.h"

static const char *const action_names[] = {
	[CLB_REPLACE] = "replace", [CLB_KEEP] = "keep", [CLB_DROP] = "drop",
	[CLB_KEEPEQUAL] = "keepequal", [CLB_DROPEQUAL] = "dropequal",
	[CLB_HASHMOD] = "hashmod", [CLB_LOWERCASE] = "lowercase",
	[CLB_UPPERCASE] = "uppercase", [CLB_LABELMAP] = "labelmap",
	[CLB_LABELDROP] = "labeldrop", [CLB_LABELKEEP] = "labelkeep"
};

const char *
clb_action_name(enum clb_action action)
{
	return action_names[action];
}

#define BIT(action) (1u << (action))
#define TWO_LABELS (BIT(CLB_KEEPEQUAL) | BIT(CLB_DROPEQUAL))
#define CASES (BIT(CLB_LOWERCASE) | BIT(CLB_UPPERCASE))
#define NEEDS_TARGET (BIT(CLB_REPLACE) | BIT(CLB_HASHMOD) | CASES | TWO_LABELS)
#define REGEX_ALONE (BIT(CLB_LABELDROP) | BIT(CLB_LABELKEEP))

/* A rule being checked. */
struct check {
	const struct clb_value *source, *separator, *regex, *modulus, *target, *replacement;
	int action;			/* -1: null */
	int compat, legacy_names;
};

static int
is_word(char c)
{
	return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z');
}

/* Letters, digits, _, $word and ${word}; a digit does not come first. */
static int
is_legacy_template(struct clb_str s)
{
	uint32_t i = 0, start;
	int brace;

	while (i < s.n) {
		if (s.s[i] != '$') {
			if (!is_word(s.s[i]) || (i == 0 && s.s[i] >= '0' && s.s[i] <= '9'))
				return 0;
			i++;
			continue;
		}
		brace = ++i < s.n && s.s[i] == '{';
		i += (uint32_t)brace;
		for (start = i; i < s.n && is_word(s.s[i]); i++)
			;
		if (i == start || (brace && (i == s.n || s.s[i++] != '}')))
			return 0;
	}
	return s.n != 0;
}

static int
is_name(const struct check *c, struct clb_str s)
{
	if (c->compat < CLB_VERSION(3, 0) || c->legacy_names)
		return clb_label_name_legacy(s);
	return s.n != 0 && clb_utf8_valid(s);
}

static int
has_dollar(struct clb_str s)
{
	return s.n != 0 && memchr(s.s, '$', s.n) != NULL;
}

/* Whether the names that come out of a template may be any UTF-8 text. */
static int
any_template(const struct check *c)
{
	return c->compat >= CLB_VERSION(3, 2) && !c->legacy_names;
}

static int
is_target(const struct check *c, struct clb_str s)
{
	unsigned bit = BIT(c->action);

	if (bit & BIT(CLB_HASHMOD))
		return is_name(c, s);
	if (c->compat < CLB_VERSION(2, 50))
		return is_legacy_template(s);
	if (!(bit & BIT(CLB_REPLACE)) || !has_dollar(s))
		return is_name(c, s);
	return any_template(c) ? clb_utf8_valid(s) : is_legacy_template(s);
}

static int
is_mapped_name(const struct check *c, struct clb_str s)
{
	return any_template(c) ? s.n != 0 && clb_utf8_valid(s) : is_legacy_template(s);
}

static int
is_default(const struct clb_value *v)
{
	return clb_str_eq(v->str, clb_str(v->field->def));
}

/* An explicit regex is another one, whatever its text. */
static int
only_two_labels(const struct check *c)
{
	return c->regex->node == NULL && c->modulus->u == 0 && is_default(c->separator) &&
	    is_default(c->replacement);
}

/* An empty list of source labels is there all the same. */
static int
only_regex(const struct check *c)
{
	return (c->source->node == NULL || !c->source->present) && c->target->str.n == 0 &&
	    c->modulus->u == 0 && is_default(c->separator) && is_default(c->replacement);
}

/* The first of Prometheus's checks that the rule v fails. */
static int
check_rule(struct clb_decode *d, const struct check *c, const struct clb_value *v)
{
	const char *name;
	struct clb_str target = c->target->str, replacement = c->replacement->str;
	unsigned bit;

	if (c->action == -1)
		return clb_decode_fail(d, clb_value_get(v, "action")->node,
		    "relabel action cannot be empty");
	name = clb_action_name((enum clb_action)c->action);
	bit = BIT(c->action);
	if ((bit & BIT(CLB_HASHMOD)) && c->modulus->u == 0)
		return clb_decode_fail(d, clb_value_node(c->modulus, v),
		    "relabel configuration for hashmod requires non-zero modulus");
	if ((bit & NEEDS_TARGET) && target.n == 0)
		return clb_decode_fail(d, clb_value_node(c->target, v),
		    "relabel configuration for %s action requires 'target_label' value", name);
	if ((bit & NEEDS_TARGET) && !is_target(c, target))
		return clb_decode_fail(d, clb_value_node(c->target, v),
		    "\"%.*s\" is invalid 'target_label' for %s action", (int)target.n, target.s,
		    name);
	if ((bit & (CASES | TWO_LABELS)) && !is_default(c->replacement))
		return clb_decode_fail(d, clb_value_node(c->replacement, v),
		    "'replacement' can not be set for %s action", name);
	if ((bit & BIT(CLB_LABELMAP)) && !is_mapped_name(c, replacement))
		return clb_decode_fail(d, clb_value_node(c->replacement, v),
		    "\"%.*s\" is invalid 'replacement' for labelmap action", (int)replacement.n,
		    replacement.s);
	if ((bit & TWO_LABELS) && !only_two_labels(c))
		return clb_decode_fail(d, v->node, "%s action requires only 'source_labels' and "
		    "`target_label`, and no other fields", name);
	if ((bit & REGEX_ALONE) && !only_regex(c))
		return clb_decode_fail(d, v->node,
		    "%s action requires only 'regex', and no other fields", name);
	return 0;
}

static void
leave_out(const struct clb_value *v, const char *const *name)
{
	for (; *name != NULL; name++)
		clb_value_get(v, *name)->present = 0;
}

int
clb_rules_check(struct clb_decode *d, const struct clb_value *v, int legacy_names)
{
	static const char *const beside_two[] = {
		"separator", "regex", "modulus", "replacement", NULL
	};
	static const char *const beside_regex[] = {
		"source_labels", "separator", "modulus", "target_label", "replacement", NULL
	};

	for (size_t i = 0; i < v->n; i++) {
		const struct clb_value *r = &v->item[i], *action = clb_value_get(r, "action");
		struct check c = {
			clb_value_get(r, "source_labels"), clb_value_get(r, "separator"),
			clb_value_get(r, "regex"), clb_value_get(r, "modulus"),
			clb_value_get(r, "target_label"), clb_value_get(r, "replacement"),
			action->str.n == 0 ? -1 : (int)action->u, d->compat, legacy_names
		};

		if (check_rule(d, &c, r) == -1)
			return -1;
		if (BIT(c.action) & TWO_LABELS)
			leave_out(r, beside_two);
		else if (BIT(c.action) & REGEX_ALONE)
			leave_out(r, beside_regex);
	}
	return 0;
}

struct clb_rule *
clb_rules_fill(struct clb_decode *d, const struct clb_value *v, int legacy_names)
{
	struct clb_rule *rule = clb_arena_alloc(d->arena, v->n * sizeof(*rule) + 1);

	for (size_t i = 0; i < v->n; i++) {
		const struct clb_value *r = &v->item[i];

		rule[i] = (struct clb_rule){
			.action = (enum clb_action)clb_value_get(r, "action")->u,
			.source = clb_value_get(r, "source_labels")->text,
			.nsource = clb_value_get(r, "source_labels")->n,
			.separator = clb_value_get(r, "separator")->str,
			.regex = clb_value_get(r, "regex")->str,
			.target_label = clb_value_get(r, "target_label")->str,
			.replacement = clb_value_get(r, "replacement")->str,
			.modulus = clb_value_get(r, "modulus")->u,
			.legacy_names = legacy_names,
			.place = clb_place_of(d, r->node)
		};
	}
	return rule;
}
