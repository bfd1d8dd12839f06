/* A regex, a template and a value, each ended by a newline. */
#include <stdlib.h>

#include "lib/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static struct clb_str
line(const uint8_t **p, size_t *n)
{
	const uint8_t *end = memchr(*p, '\n', *n);
	size_t len = end != NULL ? (size_t)(end - *p) : *n;
	struct clb_str s = { (const char *)*p, (uint32_t)len, 0 };

	*p += len + (end != NULL);
	*n -= len + (end != NULL);
	return s;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct clb_str text, value, expanded, *group;
	struct clb_arena a = { NULL, NULL };
	struct clb_template *t;
	struct clb_regex *re;
	char why[128];
	int groups;

	if (n == 0)
		return 0;
	re = clb_regex_new(line(&p, &n), CLB_VERSION(2 + (n & 1), 42), why, sizeof(why));
	if (re == NULL)
		return 0;
	text = line(&p, &n);
	value = line(&p, &n);
	t = clb_template_new(text, re);
	groups = clb_template_groups(t);
	group = calloc((size_t)groups + 1, sizeof(*group));
	if (clb_regex_captures(re, value, group, groups != 0 ? groups : 1)) {
		expanded = clb_template_expand(t, group, &a);
		if (memchr(text.s, '$', text.n) == NULL && !clb_str_eq(expanded, text))
			abort();
		if (!clb_regex_match(re, value))
			abort();
	} else if (clb_regex_match(re, value)) {
		abort();
	}
	free(group);
	clb_template_free(t);
	clb_regex_free(re);
	clb_arena_release(&a);
	return 0;
}
