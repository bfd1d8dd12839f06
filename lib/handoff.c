#include <stdlib.h>

#include "lib/handoff.h"
#include "lib/template.h"

static const struct {
	unsigned need;
	struct clb_str label, regex;
} absent[] = {
	{ CLB_HANDOFF_JOB, CLB_STR_INIT("job"), CLB_STR_INIT(".*,job,.*") },
	{ CLB_HANDOFF_SCHEME, CLB_STR_INIT("__scheme__"), CLB_STR_INIT(".*,__scheme__,.*") },
	{ CLB_HANDOFF_PATH, CLB_STR_INIT("__metrics_path__"),
	    CLB_STR_INIT(".*,__metrics_path__,.*") },
};
#define NABSENT (sizeof(absent) / sizeof(absent[0]))

static const struct clb_str unpack = CLB_STR_INIT("__handoff_(.+)"),
    clean = CLB_STR_INIT("__handoff.*"), list = CLB_STR_INIT("__handoffdel");

/* ---- what a rule may do ---- */

static int
is_constant(struct clb_str template)
{
	return template.n == 0 || memchr(template.s, '$', template.n) == NULL;
}

/* What stands in front of the first $. */
static struct clb_str
prefix_of(struct clb_str template)
{
	const char *dollar = template.n != 0 ? memchr(template.s, '$', template.n) : NULL;

	if (dollar != NULL)
		template.n = (uint32_t)(dollar - template.s);
	return template;
}

static int
begins(struct clb_str s, struct clb_str prefix)
{
	return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.s, prefix.s, prefix.n) == 0);
}

/* 1 if the template can come to this very text. */
static int
may_be(struct clb_str template, struct clb_str text)
{
	return is_constant(template) ? clb_str_eq(template, text) :
	    begins(text, prefix_of(template));
}

/* 1 if the template can come to a text with this prefix. */
static int
may_begin(struct clb_str template, struct clb_str prefix)
{
	struct clb_str p = prefix_of(template);

	return begins(p, prefix) || (!is_constant(template) && begins(prefix, p));
}

/* 1 if the rule's regex matches the name; an expression that fails matches all. */
static int
matches(const struct clb_rule *rule, struct clb_str name, int compat)
{
	char why[256];
	struct clb_regex *re = clb_regex_new(rule->regex, compat, why, sizeof(why));
	int matched = re == NULL || clb_regex_match(re, name);

	clb_regex_free(re);
	return matched;
}

/* Where the character class that begins at i ends: at its bracket. */
static uint32_t
class_end(struct clb_str re, uint32_t i)
{
	uint32_t first = i + (i + 1 < re.n && re.s[i + 1] == '^' ? 2 : 1);
	const char *end;

	for (i = first; i < re.n && (re.s[i] != ']' || i == first); i++)
		if (re.s[i] == '\\') {
			i++;
		} else if (i + 1 < re.n && re.s[i] == '[' && re.s[i + 1] == ':') {
			end = memmem(re.s + i, re.n - i, ":]", 2);
			if (end != NULL)
				i = (uint32_t)(end + 1 - re.s);
		}
	return i;
}

/*
 * The text of the group with this number, if it takes part in every match: it
 * stands in no other group, beside no alternative, and is not optional. What is
 * not understood has no such groups.
 */
static int
find_group(struct clb_str re, int number, struct clb_str *group)
{
	uint32_t start = 0, depth = 0;
	int n = 0, found = 0;

	for (uint32_t i = 0; i < re.n; i++) {
		char next = i + 1 < re.n ? re.s[i + 1] : '\0';

		switch (re.s[i]) {
		case '\\':
			if (next == 'Q')
				return 0;
			i++;
			break;
		case '[':
			i = class_end(re, i);
			break;
		case '(':
			if (next == '?' && (i + 2 == re.n || re.s[i + 2] != ':'))
				return 0;
			if (next != '?' && ++n == number && depth == 0)
				start = i + 1;
			depth++;
			break;
		case ')':
			if (depth == 0)
				return 0;
			if (--depth == 0 && start != 0 && !found) {
				*group = (struct clb_str){ re.s + start, i - start, 0 };
				found = next != '?' && next != '*' && next != '{';
				start = 0;
			}
			break;
		case '|':
			if (depth == 0)
				return 0;
			break;
		}
	}
	return found;
}

/* 1 if the group, where it is, always matches at least a character. */
static int
is_never_empty(const struct clb_rule *rule, const struct clb_regex *re, int number, int compat)
{
	struct clb_str group;
	struct clb_regex *alone;
	char why[256];
	int never;

	if (number == 0)
		return !clb_regex_match(re, CLB_STR(""));
	if (!find_group(rule->regex, number, &group))
		return 0;
	/* What looks at its surroundings may match nothing elsewhere. */
	for (uint32_t i = 0; i < group.n; i++)
		if (group.s[i] == '[')
			i = class_end(group, i);
		else if (group.s[i] == '^' || group.s[i] == '$' || (group.s[i] == '\\' &&
		    i + 1 < group.n && strchr("AbBz", group.s[++i]) != NULL))
			return 0;
	alone = clb_regex_new(group, compat, why, sizeof(why));
	never = alone != NULL && !clb_regex_match(alone, CLB_STR(""));
	clb_regex_free(alone);
	return never;
}

/* 1 if what the rule writes may be nothing, which deletes the label. */
static int
may_be_empty(const struct clb_rule *rule, int compat)
{
	char why[256];
	struct clb_regex *re = clb_regex_new(rule->regex, compat, why, sizeof(why));
	struct clb_arena arena = { NULL, NULL };
	struct clb_template *t;
	struct clb_str *group;
	int n, may = 1;

	if (re == NULL)
		return 1;
	t = clb_template_new(rule->replacement, re);
	n = clb_template_groups(t);
	group = clb_xcalloc((size_t)n + 1, sizeof(*group));
	may = clb_template_expand(t, group, &arena).n == 0;
	for (int i = 0; i < n && may; i++) {
		group[i] = CLB_STR("x");
		if (clb_template_expand(t, group, &arena).n != 0)
			may = !is_never_empty(rule, re, i, compat);
		group[i] = CLB_STR("");
	}
	free(group);
	clb_template_free(t);
	clb_regex_free(re);
	clb_arena_release(&arena);
	return may;
}

/* lower and upper case of several labels have their separators at least. */
static int
sources_may_be_empty(const struct clb_rule *rule)
{
	return rule->nsource < 2 || rule->separator.n == 0;
}

static int
may_delete(const struct clb_rule *rule, struct clb_str name, int compat)
{
	switch (rule->action) {
	case CLB_REPLACE:
		return may_be(rule->target_label, name) && may_be_empty(rule, compat);
	case CLB_LOWERCASE:
	case CLB_UPPERCASE:
		return may_be(rule->target_label, name) && sources_may_be_empty(rule);
	case CLB_LABELDROP:
		return matches(rule, name, compat);
	case CLB_LABELKEEP:
		return !matches(rule, name, compat);
	default:
		return 0;
	}
}

/* 1 if the rule may make a label whose name travels in a carrier to Prometheus 2. */
static int
may_make_carried(const struct clb_rule *rule)
{
	static const struct clb_str param = CLB_STR_INIT("__param_");

	switch (rule->action) {
	case CLB_REPLACE:
	case CLB_LOWERCASE:
	case CLB_UPPERCASE:
	case CLB_HASHMOD:
		return may_begin(rule->target_label, param);
	case CLB_LABELMAP:
		/* With nothing in front, what is mapped may begin with a digit. */
		return may_begin(rule->replacement, param) ||
		    prefix_of(rule->replacement).n == 0;
	default:
		return 0;
	}
}

/* ---- what a job may need ---- */

/* 1 if there may be a label __param_* before any rule. */
static int
discovers_params(const struct clb_job *job)
{
	for (size_t i = 0; i < job->nparam; i++)
		if (job->param[i].n != 0 && job->param[i].value[0].n != 0)
			return 1;
	for (size_t i = 0; i < job->nsd; i++) {
		const struct clb_sd *sd = &job->sd[i];

		if (sd->kind == CLB_SD_FILE || sd->kind == CLB_SD_HTTP)
			return 1;
		for (size_t g = 0; g < sd->ngroup; g++)
			for (size_t k = 0; k < sd->group[g].labels.n; k++)
				if (clb_str_has_prefix(sd->group[g].labels.v[k].name, "__param_"))
					return 1;
	}
	return 0;
}

static int
may_lack(const struct clb_job *job, struct clb_str name, int compat)
{
	if ((clb_str_eq(name, CLB_STR("__scheme__")) && job->scheme.n == 0) ||
	    (clb_str_eq(name, CLB_STR("__metrics_path__")) && job->metrics_path.n == 0))
		return 1;
	for (size_t i = 0; i < job->nrule; i++)
		if (may_delete(&job->rule[i], name, compat))
			return 1;
	return 0;
}

unsigned
clb_handoff_needs(const struct clb_job *job, int compat)
{
	unsigned needs = 0;
	int carried;

	for (size_t i = 0; i < NABSENT; i++)
		if (may_lack(job, absent[i].label, compat))
			needs |= absent[i].need;
	if (compat >= CLB_VERSION(3, 0))
		return needs;
	carried = discovers_params(job);
	for (size_t i = 0; i < job->nrule; i++)
		carried |= may_make_carried(&job->rule[i]);
	return carried ? needs | CLB_HANDOFF_CARRIED : needs;
}

/* ---- the rules ---- */

/* The need that the rule serves; 0 for the last rule, and -1 for those of others. */
static int
need_of(const struct clb_rule *r)
{
	if (r->action == CLB_LABELMAP && clb_str_eq(r->regex, unpack) &&
	    clb_str_eq(r->replacement, CLB_STR("$1")))
		return CLB_HANDOFF_CARRIED;
	if (r->action == CLB_LABELDROP && clb_str_eq(r->regex, clean))
		return 0;
	for (size_t i = 0; i < NABSENT; i++)
		if (r->action == CLB_REPLACE && r->nsource == 1 &&
		    clb_str_eq(r->source[0], list) && clb_str_eq(r->regex, absent[i].regex) &&
		    clb_str_eq(r->target_label, absent[i].label) && r->replacement.n == 0)
			return (int)absent[i].need;
	return -1;
}

int
clb_handoff_is_done(const struct clb_job *job, unsigned *needs)
{
	int need = 0;

	*needs = 0;
	for (size_t i = 0; i < job->nrule; i++) {
		need = need_of(&job->rule[i]);
		if (need == -1 || (need == 0) != (i + 1 == job->nrule))
			return 0;
		*needs |= (unsigned)need;
	}
	return 1;
}

json_t *
clb_handoff_rules(unsigned needs)
{
	json_t *rules = json_array();

	if (needs & CLB_HANDOFF_CARRIED)
		json_array_append_new(rules, json_pack("{ss, ss}", "action", "labelmap",
		    "regex", unpack.s));
	for (size_t i = 0; i < NABSENT; i++)
		if (needs & absent[i].need)
			json_array_append_new(rules, json_pack("{s[s], ss, ss, ss}",
			    "source_labels", list.s, "regex", absent[i].regex.s,
			    "target_label", absent[i].label.s, "replacement", ""));
	if (needs != 0)
		json_array_append_new(rules, json_pack("{ss, ss}", "action", "labeldrop",
		    "regex", clean.s));
	return rules;
}
