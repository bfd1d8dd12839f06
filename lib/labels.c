#include <stdlib.h>

#include "lib/json.h"
#include "lib/labels.h"

void
clb_labels_release(struct clb_labels *ls)
{
	free(ls->v);
	*ls = (struct clb_labels){ NULL, 0, 0 };
}

/* Where name is, or where it belongs; *found says which. */
static size_t
locate(const struct clb_labels *ls, struct clb_str name, int *found)
{
	size_t lo = 0, hi = ls->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = clb_str_cmp(ls->v[mid].name, name);

		if (c == 0) {
			*found = 1;
			return mid;
		}
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	*found = 0;
	return lo;
}

static void
insert(struct clb_labels *ls, size_t i, struct clb_str name, struct clb_str value)
{
	if (ls->n == ls->cap) {
		ls->cap = ls->cap != 0 ? ls->cap * 2 : 32;
		ls->v = clb_xreallocarray(ls->v, ls->cap, sizeof(*ls->v));
	}
	memmove(ls->v + i + 1, ls->v + i, (ls->n - i) * sizeof(*ls->v));
	ls->v[i] = (struct clb_label){ name, value };
	ls->n++;
}

struct clb_str
clb_labels_get(const struct clb_labels *ls, struct clb_str name)
{
	int found;
	size_t i = locate(ls, name, &found);

	return found ? ls->v[i].value : CLB_STR("");
}

struct clb_str
clb_labels_get_near(const struct clb_labels *ls, struct clb_str name, size_t *hint)
{
	int found;

	if (*hint < ls->n && clb_str_eq(ls->v[*hint].name, name))
		return ls->v[*hint].value;
	*hint = locate(ls, name, &found);
	return found ? ls->v[*hint].value : CLB_STR("");
}

void
clb_labels_set(struct clb_labels *ls, struct clb_str name, struct clb_str value)
{
	int found;
	size_t i = locate(ls, name, &found);

	if (value.n == 0) {
		if (found) {
			ls->n--;
			memmove(ls->v + i, ls->v + i + 1, (ls->n - i) * sizeof(*ls->v));
		}
	} else if (found) {
		ls->v[i].value = value;
	} else {
		insert(ls, i, name, value);
	}
}

int
clb_labels_add(struct clb_labels *ls, struct clb_str name, struct clb_str value)
{
	int found = 0;
	size_t i = ls->n;

	if (value.n == 0)
		return 1;
	if (i > 0 && clb_str_cmp(ls->v[i - 1].name, name) >= 0)
		i = locate(ls, name, &found);
	if (found)
		return 0;
	insert(ls, i, name, value);
	return 1;
}

void
clb_labels_copy(struct clb_labels *dst, const struct clb_labels *src)
{
	if (dst->cap < src->n) {
		dst->cap = src->n + 16;
		dst->v = clb_xreallocarray(dst->v, dst->cap, sizeof(*dst->v));
	}
	if (src->n != 0)
		memcpy(dst->v, src->v, src->n * sizeof(*dst->v));
	dst->n = src->n;
}

void
clb_labels_overlay(struct clb_labels *dst, const struct clb_labels *src,
    const struct clb_label *v, size_t n)
{
	size_t i = 0, k = 0;
	int c;

	if (dst->cap < src->n + n) {
		dst->cap = src->n + n;
		dst->v = clb_xreallocarray(dst->v, dst->cap, sizeof(*dst->v));
	}
	dst->n = 0;
	while (i < src->n || k < n) {
		c = i == src->n ? 1 : k == n ? -1 : clb_str_cmp(src->v[i].name, v[k].name);
		dst->v[dst->n++] = c < 0 ? src->v[i] : v[k];
		i += c <= 0;
		k += c >= 0;
	}
}

void
clb_labels_filter(struct clb_labels *ls,
    int (*keep)(struct clb_str name, void *arg), void *arg)
{
	size_t n = 0;

	for (size_t i = 0; i < ls->n; i++)
		if (keep(ls->v[i].name, arg))
			ls->v[n++] = ls->v[i];
	ls->n = n;
}

int
clb_labels_eq(const struct clb_labels *a, const struct clb_labels *b)
{
	if (a->n != b->n)
		return 0;
	for (size_t i = 0; i < a->n; i++)
		if (!clb_str_eq(a->v[i].name, b->v[i].name) ||
		    !clb_str_eq(a->v[i].value, b->v[i].value))
			return 0;
	return 1;
}

void
clb_labels_json(struct clb_buf *out, const struct clb_labels *ls)
{
	clb_buf_addc(out, '{');
	for (size_t i = 0; i < ls->n; i++) {
		if (i > 0)
			clb_buf_addc(out, ',');
		clb_json_string(out, ls->v[i].name);
		clb_buf_addc(out, ':');
		clb_json_string(out, ls->v[i].value);
	}
	clb_buf_addc(out, '}');
}
