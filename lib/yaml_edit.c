#include <stdlib.h>

#include "lib/yaml_edit.h"

/* Bytes from start up to end are to be the n bytes of text instead. */
struct splice {
	uint32_t start, end;
	struct clb_buf text;
	const struct clb_yaml_node *node;	/* its anchor is in text, too */
	size_t seq;
};

/* A string that is written in place of a scalar. */
struct string {
	const struct clb_yaml_node *node;
	struct clb_str text;
};

struct nodes {
	const struct clb_yaml_node **v;
	size_t n, cap;
};

struct clb_yaml_edit {
	const struct clb_yaml *y;
	const char *text, *newline;
	uint32_t n, first;		/* first: behind a byte order mark */
	struct splice *splice;
	size_t nsplice, cap;
	struct string *string;
	size_t nstring;
	/* What is changed inside, where aliases of that may be, what is written out. */
	struct nodes changed, scope, written;
	struct clb_err *e;
};

static void
add_node(struct nodes *l, const struct clb_yaml_node *n)
{
	if (l->n == l->cap) {
		l->cap = l->cap != 0 ? 2 * l->cap : 16;
		l->v = clb_xreallocarray(l->v, l->cap, sizeof(*l->v));
	}
	l->v[l->n++] = n;
}

/* Valid until the next call. */
static struct splice *
add_splice(struct clb_yaml_edit *ed, uint32_t start, uint32_t end)
{
	struct splice *s;

	if (ed->nsplice == ed->cap) {
		ed->cap = ed->cap != 0 ? 2 * ed->cap : 64;
		ed->splice = clb_xreallocarray(ed->splice, ed->cap, sizeof(*ed->splice));
	}
	s = &ed->splice[ed->nsplice];
	*s = (struct splice){ .start = start, .end = end, .seq = ed->nsplice++ };
	return s;
}

/* ---- lines ---- */

/* 1 if a line begins at this place. */
static int
begins_line(const struct clb_yaml_edit *ed, uint32_t at)
{
	const char *p = ed->text + at, *next;
	uint32_t back = at - ed->first;

	for (uint32_t n = 1; n <= 3 && n <= back; n++)
		if (clb_yaml_line(p - n, p, &next) == p - n && next == p)
			return 1;
	return back == 0;
}

static uint32_t
line_start(const struct clb_yaml_edit *ed, uint32_t at)
{
	while (!begins_line(ed, at))
		at--;
	return at;
}

/* Where the line behind that of at begins. */
static uint32_t
next_line(const struct clb_yaml_edit *ed, uint32_t at)
{
	const char *next;

	clb_yaml_line(ed->text + at, ed->text + ed->n, &next);
	return (uint32_t)(next - ed->text);
}

static int
is_white(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static int
is_blank(const struct clb_yaml_edit *ed, uint32_t start, uint32_t end)
{
	while (start < end && is_white(ed->text[start]))
		start++;
	return start == end;
}

/* Behind white space and comments from at on, but not behind end. */
static uint32_t
skip(const struct clb_yaml_edit *ed, uint32_t at, uint32_t end)
{
	while (at < end && (is_white(ed->text[at]) || ed->text[at] == '#'))
		at = ed->text[at] == '#' ? next_line(ed, at) : at + 1;
	return at < end ? at : end;
}

/* ---- entries ---- */

/* Where the anchor and the tag of n end, and what they stand for begins. */
static uint32_t
content(const struct clb_yaml_edit *ed, const struct clb_yaml_node *n)
{
	uint32_t at = n->start;

	/* Before the first key of a block they are the key's own. */
	if (n->kind == CLB_YAML_MAPPING && n->n != 0 && n->child[0]->start == at)
		return at;
	while (at < n->end && (ed->text[at] == '&' || ed->text[at] == '!')) {
		while (at < n->end && !is_white(ed->text[at]))
			at++;
		at = skip(ed, at, n->end);
	}
	return at;
}

static uint32_t
entry_end(const struct clb_yaml_node *map, size_t i)
{
	const struct clb_yaml_node *key = map->child[2 * i], *value = map->child[2 * i + 1];

	return value->end > key->end ? value->end : key->end;
}

/* A key may have a question mark in front. */
static uint32_t
entry_start(const struct clb_yaml_edit *ed, const struct clb_yaml_node *map, size_t i)
{
	uint32_t key = map->child[2 * i]->start;
	uint32_t at = i > 0 ? entry_end(map, i - 1) : content(ed, map);

	while (at < key && (is_white(ed->text[at]) || strchr("#,{", ed->text[at]) != NULL))
		at = ed->text[at] == '#' ? next_line(ed, at) : at + 1;
	return at < key && ed->text[at] == '?' ? at : key;
}

/* ---- what is added ---- */

/* A merge key must stay one. */
static void
add_key(struct clb_buf *out, const char *key, enum clb_yaml_style style)
{
	if (strcmp(key, "<<") == 0)
		clb_buf_adds(out, key);
	else
		clb_yaml_string(out, clb_str(key), style);
	clb_buf_addc(out, ':');
}

static void
add_flow(struct clb_buf *out, const struct clb_yaml_entry *add, size_t n,
    enum clb_yaml_style style)
{
	for (size_t i = 0; i < n; i++) {
		const struct clb_yaml_entry *en = &add[i], *entry;

		clb_buf_adds(out, i > 0 ? ", " : "");
		add_key(out, en->key, style);
		clb_buf_addc(out, ' ');
		if (en->json != NULL) {
			clb_yaml_json(out, en->json, style);
		} else if (en->items != NULL) {
			entry = en->items->entry;
			for (size_t k = 0; k < en->items->count; entry += en->items->n[k++]) {
				clb_buf_adds(out, k > 0 ? ", {" : "[{");
				add_flow(out, entry, en->items->n[k], style);
				clb_buf_addc(out, '}');
			}
			clb_buf_addc(out, ']');
		} else {
			clb_buf_add(out, en->text.s, en->text.n);
		}
	}
}

static void
indent(const struct clb_yaml_edit *ed, struct clb_buf *out, uint32_t column, const char *what)
{
	clb_buf_printf(out, "%s%*s%s", ed->newline, (int)column, "", what);
}

static void add_block(const struct clb_yaml_edit *ed, struct clb_buf *out,
    const struct clb_yaml_entry *en, uint32_t column);

/* Mappings, each with a line break in front and none behind. */
static void
add_items(const struct clb_yaml_edit *ed, struct clb_buf *out, const struct clb_yaml_items *items,
    uint32_t column)
{
	const struct clb_yaml_entry *en = items->entry;

	for (size_t i = 0; i < items->count; i++)
		for (size_t k = 0; k < items->n[i]; k++) {
			indent(ed, out, column, k > 0 ? "  " : "- ");
			add_block(ed, out, en++, column + 2);
		}
}

static void
add_block_json(const struct clb_yaml_edit *ed, struct clb_buf *out, json_t *v, uint32_t column)
{
	const char *key;
	json_t *item;
	size_t i;

	if (json_is_array(v) && json_is_object(json_array_get(v, 0))) {
		json_array_foreach(v, i, item) {
			indent(ed, out, column, "- ");
			clb_yaml_json(out, item, CLB_YAML_READABLE);
		}
	} else if (json_is_object(v) && json_object_size(v) != 0) {
		json_object_foreach(v, key, item) {
			indent(ed, out, column, "  ");
			clb_yaml_string(out, clb_str(key), CLB_YAML_READABLE);
			clb_buf_adds(out, ": ");
			clb_yaml_json(out, item, CLB_YAML_READABLE);
		}
	} else {
		clb_buf_addc(out, ' ');
		clb_yaml_json(out, v, CLB_YAML_READABLE);
	}
}

/* An entry whose key begins in the given column, without the white space in front. */
static void
add_block(const struct clb_yaml_edit *ed, struct clb_buf *out, const struct clb_yaml_entry *en,
    uint32_t column)
{
	add_key(out, en->key, CLB_YAML_READABLE);
	if (en->json != NULL) {
		add_block_json(ed, out, (json_t *)(uintptr_t)en->json, column);
	} else if (en->items != NULL) {
		add_items(ed, out, en->items, column);
	} else {
		clb_buf_addc(out, ' ');
		clb_buf_add(out, en->text.s, en->text.n);
	}
}

/* ---- mappings in block style ---- */

/* The scalar that ends the node, or NULL where that is an alias. */
static const struct clb_yaml_node *
last_scalar(const struct clb_yaml_node *n)
{
	while (n->n != 0 && n->alias == NULL)
		n = n->child[n->n - 1];
	return n->alias == NULL ? n : NULL;
}

/* How the text that ends the node is written: as the block of a scalar says. */
static int
last_block(const struct clb_yaml_node *n)
{
	n = last_scalar(n);
	return n != NULL ? n->block : 0;
}

/*
 * Something comes behind the node, which ends the document without a line break.
 * A text in lines that has none at its end must not get one from that.
 */
static void
close_text(struct clb_yaml_edit *ed, const struct clb_yaml_node *n)
{
	uint32_t at, end;
	struct splice *s;

	if ((n = last_scalar(n)) == NULL || !n->block || n->text.n == 0 ||
	    n->text.s[n->text.n - 1] == '\n')
		return;
	at = content(ed, n);
	for (end = at + 1; strchr("+-0123456789", ed->text[end]) != NULL; end++)
		if (ed->text[end] == '-')
			return;
	s = add_splice(ed, at, end);
	for (; at < end; at++)
		if (ed->text[at] != '+')
			clb_buf_addc(&s->text, ed->text[at]);
	clb_buf_addc(&s->text, '-');
}

/* Behind the lines of the entry. */
static uint32_t
lines_end(const struct clb_yaml_edit *ed, const struct clb_yaml_node *map, size_t i)
{
	return next_line(ed, entry_end(map, i));
}

/*
 * The same where it leaves, behind comments further in than its key as well. A
 * text in a block before it must get neither such comments nor, if it keeps them,
 * blank lines that were behind the entry.
 */
static uint32_t
gone_end(const struct clb_yaml_edit *ed, const struct clb_yaml_node *map, size_t i,
    uint32_t column, int block)
{
	uint32_t end = lines_end(ed, map, i), p;

	for (uint32_t at = end; at < ed->n; at = next_line(ed, p)) {
		for (p = at; p < ed->n && ed->text[p] == ' '; p++)
			;
		if (p < ed->n && ed->text[p] == '#' && p - at > column)
			end = next_line(ed, p);
		else if (!block || !is_blank(ed, p, next_line(ed, p)))
			break;
		else if (block == 2)
			end = next_line(ed, p);
	}
	return end;
}

/*
 * The first entries leave, up to next, and the first is behind a dash or the
 * like: next takes its place, or the next comment the line below.
 */
static void
remove_first(struct clb_yaml_edit *ed, const struct clb_yaml_node *map, size_t next,
    uint32_t column)
{
	uint32_t start = entry_start(ed, map, 0), end, rest = start;

	for (size_t i = 0; i < next; i++) {
		end = entry_start(ed, map, i + 1);
		rest = gone_end(ed, map, i, column, 0);
		if (!is_blank(ed, rest, end)) {
			while (start > ed->first && strchr(" \t", ed->text[start - 1]) != NULL)
				start--;
			clb_buf_adds(&add_splice(ed, start, rest)->text, ed->newline);
			for (i++; i < next; i++)
				add_splice(ed, line_start(ed, entry_start(ed, map, i)),
				    gone_end(ed, map, i, column, 0));
			return;
		}
		if (i + 1 == next)
			add_splice(ed, start, end);
	}
}

/* Lines that come behind others, or in their place, where the first is begun. */
static void
add_lines(struct clb_yaml_edit *ed, struct splice *s, const struct clb_yaml_entry *add, size_t n,
    uint32_t column)
{
	int is_cut = !begins_line(ed, s->end);	/* the last line has no line break */

	for (size_t i = 0; i < n; i++) {
		if (i > 0 || (s->start == s->end && is_cut))
			indent(ed, &s->text, column, "");
		else if (s->start == s->end)
			clb_buf_printf(&s->text, "%*s", (int)column, "");
		add_block(ed, &s->text, &add[i], column);
	}
	if (!is_cut)
		clb_buf_adds(&s->text, ed->newline);
}

static void
edit_block(struct clb_yaml_edit *ed, const struct clb_yaml_node *map, const char *gone,
    size_t at, const struct clb_yaml_entry *add, size_t nadd)
{
	size_t n = map->n / 2, next = 0, last = n;
	uint32_t start = entry_start(ed, map, 0), line = line_start(ed, start), end;
	uint32_t column = start - line;
	int block = 0;

	while (next < n && gone[next] && next != at)
		next++;
	if (next > 0 && next < n && !is_blank(ed, line, start))
		remove_first(ed, map, next, column);
	else
		next = 0;
	for (size_t i = next; i < n; i++) {
		if (!gone[i] || i == at)
			last = i;
		if (!gone[i]) {
			block = last_block(map->child[2 * i + 1]);
			continue;
		}
		start = entry_start(ed, map, i);
		end = gone_end(ed, map, i, column, i != at ? block : 0);
		if (i == at)
			add_lines(ed, add_splice(ed, start, end), add, nadd, column);
		else
			add_splice(ed, line_start(ed, start), end);
		if (i == at)
			block = 0;
	}
	if (at >= n && nadd != 0) {
		end = lines_end(ed, map, last);
		if (!begins_line(ed, end))
			close_text(ed, map->child[2 * last + 1]);
		add_lines(ed, add_splice(ed, end, end), add, nadd, column);
	}
}

/* ---- mappings in brackets ---- */

/* The comma behind at, or where else something stands. */
static int
is_comma(const struct clb_yaml_edit *ed, uint32_t *at)
{
	*at = skip(ed, *at, ed->n);
	return *at < ed->n && ed->text[*at] == ',';
}

/* The entry leaves with the comma behind it, and with lines where it is alone. */
static void
remove_flow(struct clb_yaml_edit *ed, const struct clb_yaml_node *map, size_t i)
{
	uint32_t start = entry_start(ed, map, i), end = entry_end(map, i);
	uint32_t line = line_start(ed, start);

	if (is_comma(ed, &end))
		end++;
	while (end < ed->n && strchr(" \t", ed->text[end]) != NULL)
		end++;
	if (is_blank(ed, line, start) && end < ed->n && strchr("\r\n", ed->text[end]) != NULL) {
		start = line;
		end = next_line(ed, end);
	}
	add_splice(ed, start, end);
}

/* A splice in place of what is behind entry i; a colon keeps some space behind it. */
static struct splice *
splice_behind(struct clb_yaml_edit *ed, const struct clb_yaml_node *map, size_t i, uint32_t end)
{
	uint32_t start = entry_end(map, i);
	struct splice *s = add_splice(ed, start, end > start ? end : start);

	if (ed->text[start - 1] == ':')
		clb_buf_addc(&s->text, ' ');
	return s;
}

static void
edit_flow(struct clb_yaml_edit *ed, const struct clb_yaml_node *map, const char *gone,
    size_t at, const struct clb_yaml_entry *add, size_t nadd)
{
	size_t n = map->n / 2, last = n;
	uint32_t start = content(ed, map);
	int is_pair = ed->text[start] != '{';	/* [a: b] */
	enum clb_yaml_style style = n != 0 && ed->text[map->child[0]->start] == '"' ?
	    CLB_YAML_AS_JSON : CLB_YAML_READABLE;
	struct splice *s;

	if (is_pair)
		clb_buf_addc(&add_splice(ed, start, start)->text, '{');
	for (size_t i = 0; i < n; i++)
		if (!gone[i] || i == at)
			last = i;
	for (size_t i = 0; i < n && (last == n || i < last); i++)
		if (gone[i] && i != at)
			remove_flow(ed, map, i);
	if (at < n) {
		s = add_splice(ed, entry_start(ed, map, at), entry_end(map, at));
		if (last + 1 < n)
			splice_behind(ed, map, last, entry_end(map, n - 1));
	} else if (last < n) {
		s = splice_behind(ed, map, last, entry_end(map, n - 1));
		clb_buf_adds(&s->text, nadd != 0 ? ", " : "");
	} else {
		s = add_splice(ed, map->end - 1, map->end - 1);
	}
	add_flow(&s->text, add, nadd, style);
	if (is_pair)
		clb_buf_addc(&s->text, '}');
}

/* ---- the editor ---- */

struct clb_yaml_edit *
clb_yaml_edit_new(const struct clb_yaml *y, const char *text, size_t n)
{
	struct clb_yaml_edit *ed = clb_xcalloc(1, sizeof(*ed));
	const char *end, *next;

	ed->y = y;
	ed->text = text;
	ed->n = (uint32_t)n;
	ed->first = n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	end = clb_yaml_line(text, text + n, &next);
	ed->newline = next - end == 2 && *end == '\r' ? "\r\n" : "\n";
	return ed;
}

void
clb_yaml_edit_free(struct clb_yaml_edit *ed)
{
	if (ed == NULL)
		return;
	for (size_t i = 0; i < ed->nsplice; i++)
		clb_buf_release(&ed->splice[i].text);
	free(ed->splice);
	free(ed->string);
	free(ed->changed.v);
	free(ed->scope.v);
	free(ed->written.v);
	free(ed);
}

void
clb_yaml_edit_scope(struct clb_yaml_edit *ed, const struct clb_yaml_node *n)
{
	add_node(&ed->scope, n);
}

void
clb_yaml_edit_mapping(struct clb_yaml_edit *ed, const struct clb_yaml_node *map,
    const char *gone, size_t at, const struct clb_yaml_entry *add, size_t n)
{
	add_node(&ed->changed, map);
	if (map->flow)
		edit_flow(ed, map, gone, at, add, n);
	else
		edit_block(ed, map, gone, at, add, n);
}

/* Where the first dash is. */
static uint32_t
dash_column(const struct clb_yaml_edit *ed, const struct clb_yaml_node *seq)
{
	uint32_t at = content(ed, seq);

	return at - line_start(ed, at);
}

void
clb_yaml_edit_append(struct clb_yaml_edit *ed, const struct clb_yaml_node *seq,
    const struct clb_yaml_items *items)
{
	uint32_t end = !seq->flow ? next_line(ed, seq->end) :
	    seq->n != 0 ? seq->child[seq->n - 1]->end : seq->end - 1;
	struct splice *s = add_splice(ed, end, end);
	const struct clb_yaml_entry *en = items->entry;
	struct clb_buf lines = { NULL, 0, 0 };
	size_t newline = strlen(ed->newline);

	add_node(&ed->changed, seq);
	for (size_t i = 0; i < items->count && seq->flow; en += items->n[i++]) {
		clb_buf_adds(&s->text, i > 0 || seq->n != 0 ? ", {" : "{");
		add_flow(&s->text, en, items->n[i], CLB_YAML_READABLE);
		clb_buf_addc(&s->text, '}');
	}
	if (seq->flow)
		return;
	add_items(ed, &lines, items, dash_column(ed, seq));
	if (!begins_line(ed, end))
		close_text(ed, seq);
	if (begins_line(ed, end)) {
		clb_buf_add(&s->text, lines.p + newline, lines.n - newline);
		clb_buf_adds(&s->text, ed->newline);
	} else {
		clb_buf_add(&s->text, lines.p, lines.n);
	}
	clb_buf_release(&lines);
}

static struct splice *
replace_node(struct clb_yaml_edit *ed, const struct clb_yaml_node *n)
{
	struct splice *s = add_splice(ed, n->start, n->end);

	s->node = n;
	add_node(&ed->changed, n);
	if (n->start > ed->first && ed->text[n->start - 1] == ':')
		clb_buf_addc(&s->text, ' ');
	if (n->anchor != NULL)
		clb_buf_printf(&s->text, "&%s ", n->anchor);
	return s;
}

void
clb_yaml_edit_node(struct clb_yaml_edit *ed, const struct clb_yaml_node *node,
    const struct clb_yaml_entry *add, size_t n)
{
	struct splice *s = replace_node(ed, node);

	clb_buf_addc(&s->text, '{');
	add_flow(&s->text, add, n, CLB_YAML_READABLE);
	clb_buf_addc(&s->text, '}');
}

void
clb_yaml_edit_string(struct clb_yaml_edit *ed, const struct clb_yaml_node *n, struct clb_str text)
{
	enum clb_yaml_style style = ed->text[n->start] == '"' ? CLB_YAML_AS_JSON :
	    CLB_YAML_READABLE;

	clb_yaml_string(&replace_node(ed, n)->text, text, style);
	ed->string = clb_xreallocarray(ed->string, ed->nstring + 1, sizeof(*ed->string));
	ed->string[ed->nstring++] = (struct string){ n, text };
}

/* ---- aliases ---- */

static int
by_start(const void *a, const void *b)
{
	const struct splice *x = a, *y = b;
	int x_adds = x->start == x->end, y_adds = y->start == y->end;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x_adds != y_adds)
		return x_adds ? -1 : 1;
	if (!x_adds && x->end != y->end)	/* what holds others comes first */
		return x->end > y->end ? -1 : 1;
	return x->seq < y->seq ? -1 : 1;
}

/* In the order of the text, without those inside of others. */
static void
settle(struct clb_yaml_edit *ed)
{
	uint32_t at = 0;
	size_t n = 0;

	if (ed->nsplice > 1)
		qsort(ed->splice, ed->nsplice, sizeof(*ed->splice), by_start);
	for (size_t i = 0; i < ed->nsplice; i++) {
		if (ed->splice[i].start < at) {
			clb_buf_release(&ed->splice[i].text);
			continue;
		}
		at = ed->splice[i].end;
		ed->splice[n++] = ed->splice[i];
	}
	ed->nsplice = n;
}

/* What the text at this place leaves with, or NULL. */
static const struct splice *
leaves(const struct clb_yaml_edit *ed, size_t nsplice, uint32_t at)
{
	size_t low = 0, high = nsplice, mid;

	while (low < high) {
		mid = (low + high) / 2;
		if (ed->splice[mid].end <= at)
			low = mid + 1;
		else
			high = mid;
	}
	return low < nsplice && ed->splice[low].start <= at && ed->splice[low].end > at ?
	    &ed->splice[low] : NULL;
}

static int
by_place(const void *a, const void *b)
{
	const struct clb_yaml_node *x = *(const struct clb_yaml_node *const *)a;
	const struct clb_yaml_node *y = *(const struct clb_yaml_node *const *)b;

	return (x->start > y->start) - (x->start < y->start);
}

/* 1 if there is a change in n. */
static int
has_change(const struct clb_yaml_edit *ed, const struct clb_yaml_node *n)
{
	size_t low = 0, high = ed->changed.n, mid;

	while (low < high) {
		mid = (low + high) / 2;
		if (ed->changed.v[mid]->start < n->start)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < ed->changed.n && ed->changed.v[low]->start < n->end; low++)
		if (ed->changed.v[low]->end <= n->end)
			return 1;
	return 0;
}

static int
is_in(const struct nodes *l, const struct clb_yaml_node *n)
{
	for (size_t i = 0; i < l->n; i++)
		if (n->start >= l->v[i]->start && n->end <= l->v[i]->end)
			return 1;
	return 0;
}

static int
changed_string(const struct clb_yaml_node *n, struct clb_str *text, void *arg)
{
	const struct clb_yaml_edit *ed = arg;

	if (n->alias != NULL)
		n = n->alias;
	for (size_t i = 0; i < ed->nstring; i++)
		if (ed->string[i].node == n) {
			*text = ed->string[i].text;
			return 1;
		}
	return 0;
}

/* Write out what the alias names, unless an alias before it was. */
static void
write_out(struct clb_yaml_edit *ed, const struct clb_yaml_node *alias)
{
	const struct clb_yaml_writer w = { 0, changed_string, ed };
	struct splice *s;

	for (size_t i = 0; i < ed->written.n; i++)
		if (ed->written.v[i] == alias->alias)
			return;
	add_node(&ed->written, alias->alias);
	s = add_splice(ed, alias->start, alias->end);
	clb_buf_printf(&s->text, "&%s ", alias->alias->anchor);
	clb_yaml_node(&s->text, alias->alias, &w);
}

/* nsplice: how many splices there were when the walk began. */
static int
keep_alias(struct clb_yaml_edit *ed, const struct clb_yaml_node *n, size_t nsplice)
{
	const struct splice *s = leaves(ed, nsplice, n->alias->start);

	if (leaves(ed, nsplice, n->start) != NULL)
		return 0;
	if (s != NULL && s->node != n->alias) {
		write_out(ed, n);
		return 0;
	}
	if (!has_change(ed, n->alias) || is_in(&ed->scope, n))
		return 0;
	return clb_err_set(ed->e, EX_CONFIG, "%s:%u:%u: cannot be changed here alone, for '*%s' "
	    "elsewhere stands for it, too", ed->y->name, n->alias->line, n->alias->column,
	    n->alias->anchor);
}

static int
keep_aliases(struct clb_yaml_edit *ed, const struct clb_yaml_node *n, size_t nsplice)
{
	if (n->alias != NULL)
		return keep_alias(ed, n, nsplice);
	for (size_t i = 0; i < n->n; i++)
		if (keep_aliases(ed, n->child[i], nsplice) == -1)
			return -1;
	return 0;
}

int
clb_yaml_edit_finish(struct clb_yaml_edit *ed, struct clb_buf *out, struct clb_err *e)
{
	uint32_t at = 0;

	ed->e = e;
	settle(ed);
	if (ed->changed.n > 1)
		qsort(ed->changed.v, ed->changed.n, sizeof(*ed->changed.v), by_place);
	if (ed->y->root != NULL && keep_aliases(ed, ed->y->root, ed->nsplice) == -1)
		return -1;
	settle(ed);
	for (size_t i = 0; i < ed->nsplice; i++) {
		clb_buf_add(out, ed->text + at, ed->splice[i].start - at);
		clb_buf_add(out, ed->splice[i].text.p, ed->splice[i].text.n);
		at = ed->splice[i].end;
	}
	clb_buf_add(out, ed->text + at, ed->n - at);
	return 0;
}
