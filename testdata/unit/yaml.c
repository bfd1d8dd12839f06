/* YAML: what scalars are, places, anchors, and the form of the tree. */
#include <math.h>

#include "lib/yaml.h"
#include "testdata/unit/check.h"

static void
dump(struct clb_buf *b, const struct clb_yaml_node *n)
{
	static const char *const brackets[] = { "", "[]", "{}" };
	struct clb_yaml_value v;

	if (n->kind == CLB_YAML_SCALAR) {
		if (clb_yaml_resolve(n, &v) == -1)
			clb_buf_adds(b, "!");
		else if (v.type == CLB_YAML_NULL)
			clb_buf_adds(b, "~");
		else if (v.type == CLB_YAML_BOOL)
			clb_buf_adds(b, v.u ? "true" : "false");
		else if (v.type == CLB_YAML_INT)
			clb_buf_printf(b, "%s%llu", v.negative ? "-" : "",
			    (unsigned long long)v.u);
		else if (v.type == CLB_YAML_FLOAT)
			clb_buf_printf(b, "%gf", v.f);
		else
			clb_buf_printf(b, "'%.*s'", (int)n->text.n, n->text.s);
		return;
	}
	clb_buf_addc(b, brackets[n->kind][0]);
	for (size_t i = 0; i < n->n; i++) {
		if (i > 0)
			clb_buf_addc(b, n->kind == CLB_YAML_MAPPING && i % 2 == 1 ? ':' : ',');
		dump(b, n->child[i]);
	}
	clb_buf_addc(b, brackets[n->kind][1]);
}

static const struct {
	const char *yaml, *tree;	/* or the error behind "t:" */
} cases[] = {
	/* resolution */
	{ "[~, null, Null, NULL, nUll, ]", "[~,~,~,~,'nUll']" },
	{ "[y, Yes, ON, true, n, No, oFF, off, False]",
	    "[true,true,true,true,false,false,'oFF',false,false]" },
	{ "['true', \"1\", '', '~']", "['true','1','','~']" },
	{ "[0, 12, -5, +5, 0x1F, 0b101, 0o17, 017, 1_000, 08]",
	    "[0,12,-5,5,31,5,15,15,1000,8f]" },
	{ "[18446744073709551615, 18446744073709551616, -9223372036854775808]",
	    "[18446744073709551615,1.84467e+19f,-9223372036854775808]" },
	{ "[1.5, .5, 5., 1e3, 1E-2, .inf, -.Inf, +.INF]",
	    "[1.5f,0.5f,5f,1000f,0.01f,inff,-inff,inff]" },
	{ "[1.5.2, 1e, 0x, 0b2, '0', 1:30, 2020-01-01, -, 1-2, ., _1]",
	    "['1.5.2','1e','0x','0b2','0','1:30','2020-01-01','-','1-2','.','_1']" },
	{ "[!!int '5', !!str 5, !!float 5, !!bool 'no', !!null '', !!int x, !foo 5]",
	    "[5,'5',5f,false,~,!,'5']" },
	{ "!!binary aGkK", "'hi\n'" },
	{ "!!binary ''", "''" },
	/* forms */
	{ "", "" }, { "# only\n", "" }, { "---\n", "~" },
	{ "a: b\nc:\n- d\n- {e: f}\n", "{'a':'b','c':['d',{'e':'f'}]}" },
	{ "- |\n  x\n  y\n- >-\n  x\n  y\n", "['x\ny\n','x y']" },
	{ "\xef\xbb\xbf" "a: b\r\n", "{'a':'b'}" },
	{ "a\n---\n{ broken: [\n", "'a'" },
	{ "%YAML 1.1\n---\na\n", "'a'" },
	{ "\"\\x41\\u00e9\\U0001F600\\n\\\\\\\"\"", "'A\u00e9\U0001F600\n\\\"'" },
	{ "'\\/'", "'\\/'" }, { "\"\\\\/\"", "'\\/'" },
	{ "[\u00e9, \"\\\\\", \"/\"]", "['\u00e9','\\','/']" },
	/* anchors */
	{ "[&a x, *a, &b [w], *b, &a z, *a]", "['x','x',['w'],['w'],'z','z']" },
	{ "[&a {k: v}, {<<: *a, l: w}]", "[{'k':'v'},{'<<':{'k':'v'},'l':'w'}]" },
	/* errors */
	{ "a: *b", "1:4: unknown anchor 'b' referenced" },
	{ "&a [*a]", "1:5: anchor 'a' value contains itself" },
	{ "{<<: 1}", "1:2: map merge requires map or sequence of maps as the value" },
	{ "[&l [{a: b}], {<<: *l}]",
	    "1:16: map merge requires map or sequence of maps as the value" },
	{ "{<<: [{a: b}, 1]}", "1:2: map merge requires map or sequence of maps as the value" },
	{ "a:\n  \"x\\/y\"", "2:5: found unknown escape character '/' in a double-quoted scalar" },
	{ "\u00e9: \"\u00e9\\/\"",
	    "1:6: found unknown escape character '/' in a double-quoted scalar" },
	{ "%YAML 1.2\n---\na", "1:1: found incompatible YAML document: version 1.2" },
	{ "...\n", "1:1: did not find expected node content while parsing a block node" },
	{ "a\n\xff", "2:1: invalid leading UTF-8 octet" },
	{ "a: \x01", "1:4: control characters are not allowed" },
	{ "a: [", "2:1: did not find expected node content while parsing a flow node" },
	{ "a:\n\tb: c",
	    "2:1: found character that cannot start any token while scanning for the next token" },
	{ "!!binary /w==", "1:1: !!binary value is not UTF-8" },
	{ "!!binary 'a b'", "1:1: !!binary value contains invalid base64 data" },
};

static void
trees(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct clb_err e = CLB_ERR_INIT;
		struct clb_buf b = { NULL, 0, 0 };
		struct clb_yaml y;
		const char *got;

		if (clb_yaml_parse(&y, "t", cases[i].yaml, strlen(cases[i].yaml), 65, &e) == 0 &&
		    y.root != NULL)
			dump(&b, y.root);
		clb_buf_addc(&b, '\0');
		got = e.status != 0 ? e.msg + 2 : b.p;
		CHECK(strcmp(got, cases[i].tree) == 0, "%s: %s", cases[i].yaml, got);
		CHECK(e.status == 0 || e.status == 65, "%d", e.status);
		clb_buf_release(&b);
		clb_yaml_release(&y);
	}
}

static void
places(void)
{
	static const char text[] = "\u00e9: &x\n- b\n-   {c: \"d\"}\n";
	struct clb_err e = CLB_ERR_INIT;
	struct clb_yaml y;
	struct clb_yaml_node *list, *map;

	CHECK(clb_yaml_parse(&y, "t", text, strlen(text), 65, &e) == 0, "%s", e.msg);
	list = y.root->child[1];
	map = list->child[1];
	CHECK(y.root->line == 1 && y.root->column == 1, "root");
	CHECK(list->child[0]->line == 2 && list->child[0]->column == 3, "b");
	CHECK(map->line == 3 && map->column == 5, "map");
	CHECK(map->child[1]->line == 3 && map->child[1]->column == 9, "d %u:%u",
	    map->child[1]->line, map->child[1]->column);
	CHECK(list->child[0]->plain && !map->child[1]->plain, "plain");
	CHECK(y.root->size == 7, "%u", y.root->size);
	clb_yaml_release(&y);
}

/* The text of every node in turn, aliases not looked into. */
static void
slices(struct clb_buf *b, const char *text, const struct clb_yaml_node *n)
{
	clb_buf_printf(b, "<%.*s>", (int)(n->end - n->start), text + n->start);
	for (size_t i = 0; i < n->n && n->alias == NULL; i++)
		slices(b, text, n->child[i]);
}

static const struct {
	const char *yaml, *slices;
} written[] = {
	{ "a: b # c\n", "<a: b><a><b>" },
	{ "\xef\xbb\xbf" "\u00e9: \u00e9\r\n", "<\u00e9: \u00e9><\u00e9><\u00e9>" },
	{ "a:\n- b\n-\n# c\n- d\n", "<a:\n- b\n-\n# c\n- d><a><- b\n-\n# c\n- d><b><><d>" },
	{ "a:\nb:  # c\n", "<a:\nb:><a><><b><>" },
	{ "? a\n? b\n", "<? a\n? b><a><><b><>" },
	{ "? a\n: b\n", "<? a\n: b><a><b>" },
	{ "{a, b: , c: d,\n# e\n}", "<{a, b: , c: d,\n# e\n}><a><><b><><c><d>" },
	{ "[a: b , c]", "<[a: b , c]><a: b><a><b><c>" },
	{ "&x [&y a, *y , *x2]", NULL },
	{ "- &x [&y a, 'b' ]\n- *x\n", "<- &x [&y a, 'b' ]\n- *x><&x [&y a, 'b' ]><&y a><'b'><*x>" },
	{ "a: &x\n  b: c\nd: !!str\n", "<a: &x\n  b: c\nd: !!str><a><&x\n  b: c><b><c><d><!!str>" },
	{ "a: one\n  two # c\nb: \"one\n  two\"\n",
	    "<a: one\n  two # c\nb: \"one\n  two\"><a><one\n  two><b><\"one\n  two\">" },
	/* block scalars */
	{ "a: |\n  b\n\nc: d\n", "<a: |\n  b\n\nc: d><a><|\n  b><c><d>" },
	{ "a: |+\n  b\n\nc: d\n", "<a: |+\n  b\n\nc: d><a><|+\n  b\n><c><d>" },
	{ "- - >- # h\n   b\n    b\n  # c\n- d", "<- - >- # h\n   b\n    b\n  # c\n- d>"
	    "<- >- # h\n   b\n    b><>- # h\n   b\n    b><d>" },
	{ "- |1\n  b\n c\n# d\n", "<- |1\n  b\n c><|1\n  b\n c>" },
	{ "- |\n b\n- |\n- &x !!str\n  >\n  c\n#d", "<- |\n b\n- |\n- &x !!str\n  >\n  c>"
	    "<|\n b><|><&x !!str\n  >\n  c>" },
	{ "? - |\n   a\n: b", "<? - |\n   a\n: b><- |\n   a><|\n   a><b>" },
	{ "--- |\n a\n b\n...\n", "<|\n a\n b>" },
	{ "- &x\xe2\x80\xa9|1\n b\n", "<- &x\xe2\x80\xa9|1\n b><&x\xe2\x80\xa9|1\n b>" },
	{ "a:\xc2\x85  b: |\n    c\n", "<a:\xc2\x85  b: |\n    c><a><b: |\n    c><b><|\n    c>" },
	{ "? a\xe2\x80\xa8:\n", "<? a\xe2\x80\xa8:><a><>" },
	{ "a: |\r\n  b\r\nc: d\r\n", "<a: |\r\n  b\r\nc: d><a><|\r\n  b><c><d>" },
};

static void
where_nodes_are_written(void)
{
	for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++) {
		const char *text = written[i].yaml;
		struct clb_err e = CLB_ERR_INIT;
		struct clb_buf b = { NULL, 0, 0 };
		struct clb_yaml y;

		if (clb_yaml_parse(&y, "t", text, strlen(text), 65, &e) == 0)
			slices(&b, text, y.root);
		clb_buf_addc(&b, '\0');
		CHECK(written[i].slices == NULL ? e.status == 65 :
		    strcmp(b.p, written[i].slices) == 0, "%s: %s %s", text, b.p, e.msg);
		clb_buf_release(&b);
		clb_yaml_release(&y);
	}
}

static void
lines(void)
{
	const char *p = "a\nb\r\nc\rd\xc2\x85" "e\xe2\x80\xa8" "f\xe2\x80\xa9", *end = p + strlen(p);

	for (char c = 'a'; c <= 'f'; c++) {
		CHECK(clb_yaml_line(p, end, &p)[-1] == c, "%c", c);
		CHECK(p == end || *p == c + 1, "%c", c);
	}
	CHECK(p == end && clb_yaml_line(p, end, &p) == end && p == end, "end");
}

static void
text_may_hold_nul(void)
{
	struct clb_err e = CLB_ERR_INIT;
	struct clb_yaml y;

	CHECK(clb_yaml_parse(&y, "t", "\"a\\0b\"", 6, 65, &e) == 0, "%s", e.msg);
	CHECK(y.root->text.n == 3 && memcmp(y.root->text.s, "a\0b", 3) == 0, "%u", y.root->text.n);
	clb_yaml_release(&y);
}

int
main(void)
{
	trees();
	places();
	where_nodes_are_written();
	lines();
	text_may_hold_nul();
	CHECK(clb_yaml_is_null(NULL), "absent");
	return check_end();
}
