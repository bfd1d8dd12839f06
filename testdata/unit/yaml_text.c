/* What is written on one line is read back as the same, by YAML and by JSON. */
#include "lib/yaml_text.h"
#include "testdata/unit/check.h"

static const char *const pieces[] = {
	"a", "0", " ", "'", "\"", "\\", "\n", "\t", "\x01", "\x7f", ":", "#", ",", "[", "]", "{", "}",
	"?", "-", "*", "&", "!", "|", ">", "%", "@", "`", "~", "$", "null", "true", "1e3", "<<", "=",
	"\u00e9", "\xc2\x85", "\u2028", "\ufeff", "\U0001F600", "/", ".", "..."
};
#define NPIECES (sizeof(pieces) / sizeof(*pieces))

static struct clb_str
str(const struct clb_buf *b)
{
	return (struct clb_str){ b->p, (uint32_t)b->n, 0 };
}

/* The first item of what is written, between these, is the text. */
static void
read_back(struct clb_str want, const struct clb_buf *text, const char *before, const char *behind)
{
	struct clb_buf b = { NULL, 0, 0 };
	struct clb_err e = CLB_ERR_INIT;
	struct clb_yaml_value v = { .type = CLB_YAML_NULL };
	const struct clb_yaml_node *n;
	struct clb_yaml y;

	clb_buf_printf(&b, "%s%.*s%s", before, (int)text->n, text->p, behind);
	CHECK(clb_yaml_parse(&y, "t", b.p, b.n, 65, &e) == 0, "%.*s: %s", (int)b.n, b.p, e.msg);
	for (n = y.root; n != NULL && n->n != 0;)
		n = n->child[n->kind == CLB_YAML_MAPPING ? 1 : 0];
	CHECK(n != NULL && clb_str_eq(n->text, want) && clb_yaml_resolve(n, &v) == 0 &&
	    v.type == CLB_YAML_STRING, "%.*s", (int)b.n, b.p);
	clb_yaml_release(&y);
	clb_buf_release(&b);
}

static void
any_text_is_a_string(void)
{
	uint64_t random = 7;

	for (int i = 0; i < 3000; i++) {
		struct clb_buf s = { NULL, 0, 0 }, text = { NULL, 0, 0 };
		json_t *json;

		for (unsigned n = (unsigned)(check_random(&random) >> 33) % 6; n > 0; n--)
			clb_buf_adds(&s, pieces[(check_random(&random) >> 33) % NPIECES]);
		clb_yaml_string(&text, str(&s), CLB_YAML_READABLE);
		read_back(str(&s), &text, "a: ", "\n");
		read_back(str(&s), &text, "- ", " # c\n");
		read_back(str(&s), &text, "{a: [", ", b]}");
		text.n = 0;
		clb_yaml_string(&text, str(&s), CLB_YAML_AS_JSON);
		read_back(str(&s), &text, "{a: [", ", b]}");
		json = json_loadb(text.p, text.n, JSON_DECODE_ANY, NULL);
		CHECK(json_string_length(json) == s.n &&
		    (s.n == 0 || memcmp(json_string_value(json), s.p, s.n) == 0), "%.*s",
		    (int)text.n, text.p);
		json_decref(json);
		clb_buf_release(&s);
		clb_buf_release(&text);
	}
}

static const struct {
	const char *yaml, *text, *doubled;	/* doubled: with $$ for $; NULL: the same */
} nodes[] = {
	{ "a: b\nc: [1, '1', ~, true, \"true\", 0x1F, 1.5]\nd:\n",
	    "{a: b, c: [1, '1', ~, true, 'true', 0x1F, 1.5], d: null}", NULL },
	{ "- &x {a: two words}\n- *x\n- {<<: *x, 'b': |\n    text\n  }",
	    NULL, NULL },
	{ "- &x {a: two words}\n- *x\n- {<<: *x, 'b': c}",
	    "[{a: 'two words'}, {a: 'two words'}, {<<: {a: 'two words'}, b: c}]", NULL },
	{ "a: |\n  one\n  two\n", "{a: \"one\\ntwo\\n\"}", NULL },
	{ "[!!str 5, !!int '5', !!binary aGk=, !x z, !!null '']",
	    "[!!str '5', !!int '5', hi, z, !!null '']", NULL },
	{ "{'<<': a, b: <<}", "{'<<': a, b: <<}", NULL },
	{ "['$1', \"${a}\", b$]", "['$1', '${a}', 'b$']", "['$$1', '$${a}', 'b$$']" },
	{ "[]", "[]", NULL }, { "{}", "{}", NULL },
};

static void
nodes_on_one_line(void)
{
	for (size_t i = 0; i < sizeof(nodes) / sizeof(*nodes); i++)
		for (int doubled = 0; doubled < 2; doubled++) {
			const struct clb_yaml_writer w = { doubled, NULL, NULL };
			const char *want = doubled && nodes[i].doubled != NULL ?
			    nodes[i].doubled : nodes[i].text;
			struct clb_err e = CLB_ERR_INIT;
			struct clb_buf b = { NULL, 0, 0 };
			struct clb_yaml y;

			if (clb_yaml_parse(&y, "t", nodes[i].yaml, strlen(nodes[i].yaml), 65, &e) == 0)
				clb_yaml_node(&b, y.root, &w);
			clb_buf_addc(&b, '\0');
			CHECK(want == NULL ? e.status == 65 : strcmp(b.p, want) == 0, "%s: %s",
			    nodes[i].yaml, b.p);
			clb_yaml_release(&y);
			clb_buf_release(&b);
		}
}

static void
nodes_that_are_json(void)
{
	static const struct {
		const char *yaml, *json;
		int same;
	} cases[] = {
		{ "[{files: [/a]}]", "[{\"files\": [\"/a\"]}]", 1 },
		{ "[{\"files\": ['/a']}]", "[{\"files\": [\"/a\"]}]", 1 },
		{ "[{files: [/b]}]", "[{\"files\": [\"/a\"]}]", 0 },
		{ "[{files: [/a], x: y}]", "[{\"files\": [\"/a\"]}]", 0 },
		{ "[{files: /a}]", "[{\"files\": [\"/a\"]}]", 0 },
		{ "[]", "[]", 1 }, { "~", "[]", 0 }, { "{}", "[]", 0 },
		{ "[true, null, 5, '5']", "[true, null, 5, \"5\"]", 1 },
		{ "['true']", "[true]", 0 }, { "[5]", "[\"5\"]", 0 }, { "[a]", "[5]", 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		json_t *json = json_loads(cases[i].json, JSON_DECODE_ANY, NULL);
		struct clb_err e = CLB_ERR_INIT;
		struct clb_yaml y;

		CHECK(clb_yaml_parse(&y, "t", cases[i].yaml, strlen(cases[i].yaml), 65, &e) == 0 &&
		    clb_yaml_is_json(y.root, json) == cases[i].same, "%s", cases[i].yaml);
		clb_yaml_release(&y);
		json_decref(json);
	}
}

int
main(void)
{
	any_text_is_a_string();
	nodes_on_one_line();
	nodes_that_are_json();
	return check_end();
}
