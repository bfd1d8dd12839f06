/*
 * A version and an object that is joined with itself, in every role: whatever
 * it is, label sets are sorted, their names are legal, none is empty.
 */
#include <stdlib.h>

#include "lib/kube.h"
#include "lib/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static int
find(void *arg, enum clb_kube_kind kind, struct clb_str ns, struct clb_str name,
    const struct clb_json **obj, struct clb_err *e)
{
	(void)kind;
	(void)ns;
	(void)e;
	*obj = arg;
	return name.n % 2 == 0;
}

static struct clb_str
zone(void *arg, struct clb_str node)
{
	(void)arg;
	return node;
}

static void
check_labels(const struct clb_label *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (v[i].value.n == 0 || !clb_label_name_legacy(v[i].name))
			abort();
		if (i > 0 && clb_str_cmp(v[i - 1].name, v[i].name) >= 0)
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const int versions[] = {
		CLB_VERSION(2, 42), CLB_VERSION(2, 45), CLB_VERSION(2, 46), CLB_VERSION(2, 52),
		CLB_VERSION(3, 0), CLB_VERSION(3, 11), CLB_VERSION(3, 12), CLB_VERSION(3, 15)
	};
	struct clb_json json = { 0 };
	struct clb_buf copy = { NULL, 0, 0 };
	struct clb_kube k = { 0 };
	struct clb_err e = CLB_ERR_INIT;
	struct clb_kube_sd sd = { 0 };
	const struct clb_kube_join join = { find, zone, &json };

	if (n == 0 || clb_json_parse_copy(&json, &copy, (const char *)p + 1, n - 1) == -1)
		goto out;
	sd.attach = p[0] & 8 ? 31 : 0;
	for (int role = 0; role < CLB_KUBE_ROLES; role++) {
		sd.role = (enum clb_kube_kind)role;
		if (clb_kube_group(&k, &sd, versions[p[0] & 7], &json, &join, &e) == -1)
			abort();
		check_labels(k.group.labels.v, k.group.labels.n);
		for (size_t i = 0; i < k.group.n; i++)
			check_labels(k.group.own[i].label, k.group.own[i].n);
	}
out:
	clb_json_release(&json);
	clb_buf_release(&copy);
	clb_kube_release(&k);
	return 0;
}
