/* What the OpenTelemetry collector does with texts before Prometheus sees them. */
#include <stdlib.h>

#include "lib/config_decode.h"
#include "lib/utf8.h"

/* Go on with what stands between ${ and }. */
static int
add_reference(struct clb_decode *d, const struct clb_yaml_node *n, struct clb_buf *out,
    const char *p, size_t len)
{
	char *name = clb_xstrndup(p, len), *var = name, *def = NULL;
	const char *value;
	int rc = -1;

	if (strncmp(var, "env:", 4) == 0) {
		var += 4;
		if ((def = strstr(var, ":-")) != NULL) {
			*def = '\0';
			def += 2;
		}
	} else if (strchr(var, ':') != NULL) {
		clb_decode_fail(d, n, "'${%s}': only environment variables can be read", name);
		goto out;
	}
	if (!clb_label_name_legacy(clb_str(var))) {
		clb_decode_fail(d, n, "environment variable '%s' has an invalid name; "
		    "a dollar sign that is meant is written twice", var);
		goto out;
	}
	if ((value = getenv(var)) == NULL && def == NULL)
		clb_decode_warn(d, n, "environment variable '%s' is not set", var);
	if (value == NULL)
		value = def != NULL ? def : "";
	if (!clb_utf8_valid(clb_str(value))) {
		clb_decode_fail(d, n, "environment variable '%s' is not UTF-8", var);
		goto out;
	}
	clb_buf_adds(out, value);
	rc = 0;
out:
	free(name);
	return rc;
}

/* Append the text; *whole says that it is one reference and nothing else. */
static int
expand(struct clb_decode *d, const struct clb_yaml_node *n, struct clb_buf *out, int *whole)
{
	const char *p = n->text.s, *end = p + n->text.n, *close;

	*whole = 0;
	while (p < end) {
		if (*p != '$' || p + 1 == end || (p[1] != '$' && p[1] != '{')) {
			clb_buf_addc(out, *p++);
		} else if (p[1] == '$') {
			clb_buf_addc(out, '$');
			p += 2;
		} else if ((close = memchr(p, '}', (size_t)(end - p))) == NULL) {
			clb_buf_addc(out, *p++);
		} else {
			if (add_reference(d, n, out, p + 2, (size_t)(close - p) - 2) == -1)
				return -1;
			*whole = p == n->text.s && close + 1 == end;
			p = close + 1;
		}
	}
	return 0;
}

/*
 * What a reference alone stands for is read as YAML again, so that it may be a
 * number; any other text with a dollar sign stays a text.
 */
static int
expand_scalar(struct clb_decode *d, struct clb_yaml_node *n)
{
	struct clb_buf out = { NULL, 0, 0 };
	int whole, rc;

	if (n->text.n == 0 || memchr(n->text.s, '$', n->text.n) == NULL)
		return 0;
	if ((rc = expand(d, n, &out, &whole)) == 0) {
		n->text = clb_arena_str(d->arena, out.p, out.n);
		n->plain = whole;
		n->tag = NULL;
	}
	clb_buf_release(&out);
	return rc;
}

/* A node that is named again by an alias is expanded once. */
int
clb_otel_expand(struct clb_decode *d, struct clb_yaml_node *n)
{
	if (n->mark)
		return 0;
	n->mark = 1;
	if (n->kind == CLB_YAML_SCALAR)
		return expand_scalar(d, n);
	for (size_t i = n->kind == CLB_YAML_MAPPING; i < n->n;
	    i += n->kind == CLB_YAML_MAPPING ? 2 : 1)
		if (clb_otel_expand(d, n->child[i]) == -1)
			return -1;
	return 0;
}
