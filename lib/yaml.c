#include <limits.h>
#include <search.h>
#include <stdarg.h>

#include <nettle/base64.h>
#include <yaml.h>

#include "lib/utf8.h"
#include "lib/yaml.h"

struct anchor {
	const char *name;
	struct clb_yaml_node *node;
	int open;		/* its end is not reached */
};

struct builder {
	yaml_parser_t parser;
	yaml_event_t event;
	struct clb_yaml *y;
	const char *in, *end;	/* the document's bytes */
	const char *cursor;	/* the byte that character number chars starts at */
	size_t chars;
	void *anchors;		/* tsearch(3) tree of struct anchor */
	unsigned depth, flow, aliased;	/* flow: how many [ and { are open */
	long indent;		/* of the block collection that is open, -1 for none */
	uint32_t bom;		/* bytes before in */
	int status;
	struct clb_err *e;
};

static int __attribute__((format(printf, 4, 5)))
fail(struct builder *b, size_t line, size_t column, const char *fmt, ...)
{
	va_list ap;
	char text[512];

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return clb_err_set(b->e, b->status, "%s:%zu:%zu: %s", b->y->name, line + 1, column + 1,
	    text);
}

#define FAIL_AT(b, m, ...) fail(b, (m).line, (m).column, __VA_ARGS__)

/* The reader knows only the offset of a byte it does not like. */
static int
fail_offset(struct builder *b, size_t off, const char *what)
{
	size_t line = 0, column = 0;
	const char *p, *at = off < (size_t)(b->end - b->in) ? b->in + off : b->end;

	for (p = b->in; p < at; p++)
		if (*p == '\n') {
			line++;
			column = 0;
		} else if ((*p & 0xc0) != 0x80) {
			column++;
		}
	return fail(b, line, column, "%s", what);
}

/* The next event. An empty context means that the problem says it all. */
static int
next(struct builder *b)
{
	yaml_parser_t *p = &b->parser;

	yaml_event_delete(&b->event);
	if (yaml_parser_parse(p, &b->event))
		return 0;
	if (p->error == YAML_READER_ERROR)
		return fail_offset(b, p->problem_offset, p->problem);
	return FAIL_AT(b, p->problem_mark, "%s%s%s", p->problem != NULL ? p->problem : "broken",
	    p->context != NULL ? " " : "", p->context != NULL ? p->context : "");
}

/* ---- what libyaml reads and go-yaml does not ---- */

/* The byte that the mark stands at; marks count characters and hardly ever shrink. */
static const char *
byte_at(struct builder *b, size_t chars)
{
	if (chars < b->chars) {
		b->cursor = b->in;
		b->chars = 0;
	}
	for (; b->chars < chars && b->cursor < b->end; b->chars++)
		for (b->cursor++; b->cursor < b->end && (*b->cursor & 0xc0) == 0x80; b->cursor++)
			;
	return b->cursor;
}

static int
check_escapes(struct builder *b)
{
	const char *p, *end;

	p = byte_at(b, b->event.start_mark.index);
	end = byte_at(b, b->event.end_mark.index);
	for (; p + 1 < end; p++)
		if (*p == '\\' && *++p == '/')
			return fail_offset(b, (size_t)(p - 1 - b->in),
			    "found unknown escape character '/' in a double-quoted scalar");
	return 0;
}

static int
check_version(struct builder *b)
{
	const yaml_version_directive_t *v = b->event.data.document_start.version_directive;

	if (v == NULL || (v->major == 1 && v->minor == 1))
		return 0;
	return FAIL_AT(b, b->event.start_mark, "found incompatible YAML document: version %d.%d",
	    v->major, v->minor);
}

/* go-yaml ends a plain scalar at a question mark there, and then is lost. */
static int
check_flow_scalar(struct builder *b)
{
	const char *p = (const char *)b->event.data.scalar.value;

	if (b->flow == 0 || b->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE ||
	    memchr(p, '?', b->event.data.scalar.length) == NULL)
		return 0;
	return FAIL_AT(b, b->event.start_mark,
	    "found a question mark in '%s', which needs quotes between brackets", p);
}

/* ---- places ---- */

static uint32_t
offset_at(struct builder *b, yaml_mark_t mark)
{
	return b->bom + (uint32_t)(byte_at(b, mark.index) - b->in);
}

/* How many bytes the line break at p has; 0 for none. */
static size_t
line_break(const char *p, const char *end)
{
	size_t n = (size_t)(end - p);

	if (n != 0 && (*p == '\n' || *p == '\r'))
		return n > 1 && p[0] == '\r' && p[1] == '\n' ? 2 : 1;
	if (n > 1 && memcmp(p, "\xc2\x85", 2) == 0)
		return 2;
	return n > 2 && (memcmp(p, "\xe2\x80\xa8", 3) == 0 || memcmp(p, "\xe2\x80\xa9", 3) == 0) ?
	    3 : 0;
}

const char *
clb_yaml_line(const char *p, const char *end, const char **next)
{
	while (p < end && line_break(p, end) == 0)
		p++;
	*next = p + line_break(p, end);
	return p;
}

static int
begins_line(const struct builder *b, const char *p)
{
	for (size_t n = 1; n <= 3 && (size_t)(p - b->in) >= n; n++)
		if (line_break(p - n, p) == n)
			return 1;
	return p == b->in;
}

static int
is_blank(const char *p, const char *end)
{
	for (; p < end; p++)
		if (*p != ' ' && *p != '\t')
			return 0;
	return 1;
}

/* How many bytes what parts words at p has: one blank or one line break. */
static size_t
gap(const char *p, const char *end)
{
	return p < end && (*p == ' ' || *p == '\t') ? 1 : line_break(p, end);
}

/* The header of the block scalar that begins at p with an anchor or a tag, perhaps. */
static const char *
block_header(const char *p, const char *end)
{
	while (p < end && *p != '|' && *p != '>')
		if (*p == '#')
			clb_yaml_line(p, end, &p);
		else if (gap(p, end) != 0)
			p += gap(p, end);
		else
			while (p < end && gap(p, end) == 0)
				p++;
	return p;
}

/*
 * Where a block scalar that starts at p ends: libyaml's mark is no help. Blank
 * lines behind it belong to it only if they are to be kept.
 */
static const char *
block_end(const struct builder *b, const char *p, int *block)
{
	const char *line, *eol, *next, *last;
	long indent = b->indent < 0 ? 0 : b->indent, first, col;
	int given = 0;

	*block = 1;
	p = block_header(p, b->end);
	for (last = p; p < b->end && strchr("|>+-0123456789", *p) != NULL; last = ++p) {
		if (*p == '+')
			*block = 2;
		if (*p >= '0' && *p <= '9')
			given = *p - '0';
	}
	clb_yaml_line(p, b->end, &line);
	first = given != 0 ? indent + given : -1;
	for (; line < b->end; line = next) {
		eol = clb_yaml_line(line, b->end, &next);
		for (col = 0; line + col < eol && line[col] == ' '; col++)
			;
		if (is_blank(line + col, eol)) {
			if (*block == 2)
				last = eol;
			continue;
		}
		if (first == -1)
			first = col > b->indent && col > 0 ? col : LONG_MAX;
		if (col < first)
			break;
		last = eol;
	}
	return last;
}

/* The column of the dashes of n, or of its keys, of which the first node is at mark. */
static long
block_indent(struct builder *b, const struct clb_yaml_node *n, yaml_mark_t mark)
{
	const char *p = byte_at(b, mark.index), *q = p, *white;
	int seq = n->kind == CLB_YAML_SEQUENCE;

	for (white = seq ? " \t\r\n" : " "; q > b->in && strchr(white, q[-1]) != NULL;)
		q--;
	if (q > b->in && q < p && q[-1] == (seq ? '-' : '?'))
		p = q - 1;
	for (q = p; !begins_line(b, q);)
		q--;
	return p - q;
}

/* libyaml does not always say where a value is that is not there. */
static void
place_empty(const struct builder *b, const struct clb_yaml_node *key, struct clb_yaml_node *value)
{
	const char *p = b->in + (key->end - b->bom);

	while (p < b->end && (*p == '#' || gap(p, b->end) != 0))
		if (*p == '#')
			clb_yaml_line(p, b->end, &p);
		else
			p += gap(p, b->end);
	value->start = p < b->end && *p == ':' ? b->bom + (uint32_t)(p + 1 - b->in) : key->end;
	value->end = value->start;
}

/* Of a pair in a list, [a: b], the end is where the next token begins. */
static void
place_end(struct builder *b, struct clb_yaml_node *n)
{
	n->end = n->n != 0 ? n->child[n->n - 1]->end : n->start;
	if (n->flow && (b->event.end_mark.index != b->event.start_mark.index))
		n->end = offset_at(b, b->event.end_mark);
}

/* ---- anchors ---- */

static int
cmp_anchor(const void *a, const void *b)
{
	return strcmp(((const struct anchor *)a)->name, ((const struct anchor *)b)->name);
}

static void
keep(void *p)
{
	(void)p;
}

static struct anchor *
anchor(struct builder *b, const yaml_char_t *name, struct clb_yaml_node *n)
{
	struct anchor *a;
	struct anchor **slot;

	if (name == NULL)
		return NULL;
	a = clb_arena_alloc(&b->y->arena, sizeof(*a));
	a->name = clb_arena_str(&b->y->arena, (const char *)name, strlen((const char *)name)).s;
	n->anchor = a->name;
	if ((slot = tsearch(a, &b->anchors, cmp_anchor)) == NULL)
		return NULL;
	a = *slot;
	a->node = n;
	a->open = 1;
	return a;
}

static int
alias(struct builder *b, struct clb_yaml_node **n)
{
	const char *name = (const char *)b->event.data.alias.anchor;
	struct anchor key = { name, NULL, 0 }, **slot;
	struct clb_yaml_node *copy;

	if ((slot = tfind(&key, &b->anchors, cmp_anchor)) == NULL)
		return FAIL_AT(b, b->event.start_mark, "unknown anchor '%s' referenced", name);
	if ((*slot)->open)
		return FAIL_AT(b, b->event.start_mark, "anchor '%s' value contains itself", name);
	*n = copy = clb_arena_alloc(&b->y->arena, sizeof(*copy));
	*copy = *(*slot)->node;
	copy->alias = (*slot)->node;
	copy->anchor = NULL;
	copy->start = offset_at(b, b->event.start_mark);
	copy->end = offset_at(b, b->event.end_mark);
	b->aliased += copy->size;
	if (b->aliased > CLB_YAML_MAX_ALIASED)
		return FAIL_AT(b, b->event.start_mark,
		    "document contains excessive aliasing: more than %d nodes",
		    CLB_YAML_MAX_ALIASED);
	return 0;
}

/* ---- nodes ---- */

static int build(struct builder *b, struct clb_yaml_node **out);

static struct clb_yaml_node *
new_node(struct builder *b, enum clb_yaml_kind kind, const yaml_char_t *tag)
{
	struct clb_yaml_node *n = clb_arena_alloc(&b->y->arena, sizeof(*n));

	*n = (struct clb_yaml_node){ .kind = kind, .size = 1 };
	n->line = (unsigned)b->event.start_mark.line + 1;
	n->column = (unsigned)b->event.start_mark.column + 1;
	n->start = n->end = offset_at(b, b->event.start_mark);
	if (tag != NULL)
		n->tag = clb_arena_str(&b->y->arena, (const char *)tag,
		    strlen((const char *)tag)).s;
	return n;
}

static void
add_child(struct builder *b, struct clb_yaml_node *n, struct clb_yaml_node *child)
{
	struct clb_yaml_node **v;

	if (n->n == n->cap) {
		n->cap = n->cap != 0 ? 2 * n->cap : 4;
		v = clb_arena_alloc(&b->y->arena, n->cap * sizeof(*v));
		if (n->n != 0)
			memcpy(v, n->child, n->n * sizeof(*v));
		n->child = v;
	}
	n->child[n->n++] = child;
	n->size += child->size;
}

static int
decode_base64(struct builder *b, struct clb_yaml_node *n)
{
	struct base64_decode_ctx ctx;
	size_t len = n->text.n;
	char *p = clb_arena_alloc(&b->y->arena, BASE64_DECODE_LENGTH(len) + 1);

	base64_decode_init(&ctx);
	if (memchr(n->text.s, ' ', len) != NULL || memchr(n->text.s, '\t', len) != NULL ||
	    !base64_decode_update(&ctx, &len, (uint8_t *)p, n->text.n, n->text.s) ||
	    !base64_decode_final(&ctx))
		return FAIL_AT(b, b->event.start_mark, "!!binary value contains invalid base64 data");
	p[len] = '\0';
	n->text = (struct clb_str){ p, (uint32_t)len, 0 };
	if (!clb_utf8_valid(n->text))
		return FAIL_AT(b, b->event.start_mark, "!!binary value is not UTF-8");
	return 0;
}

static int
build_scalar(struct builder *b, struct clb_yaml_node **out)
{
	struct clb_yaml_node *n = new_node(b, CLB_YAML_SCALAR, b->event.data.scalar.tag);

	n->text = clb_arena_str(&b->y->arena, (const char *)b->event.data.scalar.value,
	    b->event.data.scalar.length);
	n->plain = b->event.data.scalar.plain_implicit && n->tag == NULL;
	if (check_flow_scalar(b) == -1)
		return -1;
	if (b->event.data.scalar.style == YAML_DOUBLE_QUOTED_SCALAR_STYLE && check_escapes(b) == -1)
		return -1;
	if (b->event.data.scalar.style == YAML_LITERAL_SCALAR_STYLE ||
	    b->event.data.scalar.style == YAML_FOLDED_SCALAR_STYLE)
		n->end = b->bom + (uint32_t)(block_end(b, b->in + (n->start - b->bom), &n->block) - b->in);
	else
		n->end = offset_at(b, b->event.end_mark);
	if (n->tag != NULL && strcmp(n->tag, "tag:yaml.org,2002:binary") == 0 &&
	    decode_base64(b, n) == -1)
		return -1;
	*out = n;
	return 0;
}

/* b->aliased grew if the value came through an alias. */
static int
check_merge(struct builder *b, const struct clb_yaml_node *n, unsigned aliased)
{
	const struct clb_yaml_node *value = n->child[n->n - 1];
	size_t i;

	if (value->kind == CLB_YAML_MAPPING)
		return 0;
	if (value->kind == CLB_YAML_SEQUENCE && aliased == b->aliased) {
		for (i = 0; i < value->n && value->child[i]->kind == CLB_YAML_MAPPING; i++)
			;
		if (i == value->n)
			return 0;
	}
	return fail(b, n->child[n->n - 2]->line - 1, n->child[n->n - 2]->column - 1,
	    "map merge requires map or sequence of maps as the value");
}

static int
build_children(struct builder *b, struct clb_yaml_node *n, yaml_event_type_t end)
{
	struct clb_yaml_node *child;
	unsigned before;
	int direct;

	long outer = b->indent;

	for (;;) {
		if (next(b) == -1)
			return -1;
		if (b->event.type == end)
			break;
		if (n->n == 0 && !n->flow)
			b->indent = block_indent(b, n, b->event.start_mark);
		before = b->aliased;
		direct = b->event.type == YAML_SEQUENCE_START_EVENT;
		if (build(b, &child) == -1)
			return -1;
		if (n->kind == CLB_YAML_MAPPING && n->n % 2 == 1 && child->start == child->end)
			place_empty(b, n->child[n->n - 1], child);
		add_child(b, n, child);
		if (n->kind == CLB_YAML_MAPPING && n->n % 2 == 0 &&
		    clb_yaml_is_merge(n->child[n->n - 2]) &&
		    check_merge(b, n, direct ? b->aliased : before) == -1)
			return -1;
	}
	b->indent = outer;
	place_end(b, n);
	return 0;
}

static int
build_collection(struct builder *b, enum clb_yaml_kind kind, struct clb_yaml_node **out)
{
	int seq = kind == CLB_YAML_SEQUENCE;
	int flow = seq ? b->event.data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE :
	    b->event.data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;
	struct clb_yaml_node *n;
	struct anchor *a;

	n = new_node(b, kind, seq ? b->event.data.sequence_start.tag :
	    b->event.data.mapping_start.tag);
	a = anchor(b, seq ? b->event.data.sequence_start.anchor :
	    b->event.data.mapping_start.anchor, n);
	if (++b->depth > CLB_YAML_MAX_DEPTH)
		return FAIL_AT(b, b->event.start_mark, "nested more than %d deep",
		    CLB_YAML_MAX_DEPTH);
	b->flow += (unsigned)flow;
	n->flow = flow;
	if (build_children(b, n, seq ? YAML_SEQUENCE_END_EVENT : YAML_MAPPING_END_EVENT) == -1)
		return -1;
	b->depth--;
	b->flow -= (unsigned)flow;
	if (a != NULL && a->node == n)
		a->open = 0;
	*out = n;
	return 0;
}

static int
build(struct builder *b, struct clb_yaml_node **out)
{
	struct anchor *a;

	switch (b->event.type) {
	case YAML_ALIAS_EVENT:
		return alias(b, out);
	case YAML_SCALAR_EVENT:
		if (build_scalar(b, out) == -1)
			return -1;
		if ((a = anchor(b, b->event.data.scalar.anchor, *out)) != NULL)
			a->open = 0;
		return 0;
	case YAML_SEQUENCE_START_EVENT:
		return build_collection(b, CLB_YAML_SEQUENCE, out);
	case YAML_MAPPING_START_EVENT:
		return build_collection(b, CLB_YAML_MAPPING, out);
	default:
		return FAIL_AT(b, b->event.start_mark, "unexpected event");
	}
}

/* Stops at the first document's end: what is behind is never scanned. */
static int
build_document(struct builder *b)
{
	if (next(b) == -1 || next(b) == -1)
		return -1;
	if (b->event.type == YAML_STREAM_END_EVENT)
		return 0;
	if (check_version(b) == -1 || next(b) == -1 || build(b, &b->y->root) == -1 ||
	    next(b) == -1) {
		b->y->root = NULL;
		return -1;
	}
	return 0;
}

int
clb_yaml_parse(struct clb_yaml *y, const char *name, const char *p, size_t n, int status,
    struct clb_err *e)
{
	struct builder b = { .y = y, .status = status, .e = e };
	int rc;

	memset(y, 0, sizeof(*y));
	y->name = clb_xstrdup(name);
	if (n > UINT32_MAX / 2)
		return clb_err_set(e, status, "%s: larger than 2 GiB", name);
	if (n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) {
		p += 3;
		n -= 3;
		b.bom = 3;
	}
	b.indent = -1;
	b.in = b.cursor = p;
	b.end = p + n;
	if (!yaml_parser_initialize(&b.parser))
		return clb_err_set(e, EX_TEMPFAIL, "out of memory");
	yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&b.parser, (const unsigned char *)p, n);
	memset(&b.event, 0, sizeof(b.event));
	rc = build_document(&b);
	yaml_event_delete(&b.event);
	yaml_parser_delete(&b.parser);
	tdestroy(b.anchors, keep);
	return rc;
}

void
clb_yaml_release(struct clb_yaml *y)
{
	free(y->name);
	clb_arena_release(&y->arena);
	memset(y, 0, sizeof(*y));
}
