/* YAML documents: the tree is whole, whatever the bytes. */
#include <stdlib.h>

#include "lib/utf8.h"
#include "lib/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* Returns how many nodes there are, those of aliases each time. */
static size_t
walk(const struct clb_yaml_node *n)
{
	struct clb_yaml_value v;
	size_t count = 1;

	if (n->line == 0 || n->column == 0)
		abort();
	if (n->kind == CLB_YAML_SCALAR) {
		if (n->n != 0 || !clb_utf8_valid(n->text))
			abort();
		clb_yaml_resolve(n, &v);
		clb_yaml_is_null(n);
	}
	if (n->kind == CLB_YAML_MAPPING && n->n % 2 != 0)
		abort();
	for (size_t i = 0; i < n->n; i++)
		count += walk(n->child[i]);
	if (count != n->size)
		abort();
	return count;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct clb_err e = CLB_ERR_INIT;
	struct clb_yaml y;

	if (clb_yaml_parse(&y, "fuzz", (const char *)p, n, EX_DATAERR, &e) == 0) {
		if (e.status != 0 || (y.root != NULL && walk(y.root) > n + CLB_YAML_MAX_ALIASED + 1))
			abort();
	} else if (e.status != EX_DATAERR) {
		abort();
	}
	clb_yaml_release(&y);
	return 0;
}
