/* lib/json reads and writes as jansson does, byte for byte. */
#include <jansson.h>
#include <string.h>

#include "lib/json.h"
#include "lib/target.h"
#include "testdata/unit/check.h"

static struct clb_json parser;
static struct clb_buf copy, ours;

/* What jansson makes of the document, or NULL. The caller frees it. */
static char *
theirs(const char *p, size_t n, size_t flags)
{
	json_t *doc = json_loadb(p, n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	char *text = doc != NULL ? json_dumps(doc, JSON_COMPACT | JSON_ENCODE_ANY | flags) : NULL;

	json_decref(doc);
	return text;
}

/* Both accept the document and write the same, or both refuse it. */
static void
same(const char *p, size_t n)
{
	char *want = theirs(p, n, 0);

	ours.n = 0;
	copy.n = 0;
	if (clb_json_parse_copy(&parser, &copy, p, n) == -1) {
		CHECK(want == NULL, "refused (%s at %u): %.*s", parser.bad, parser.bad_off,
		    (int)n, p);
	} else if (want == NULL) {
		CHECK(0, "accepted: %.*s", (int)n, p);
	} else {
		clb_json_value(&ours, &parser, 0);
		CHECK(ours.n == strlen(want) && memcmp(ours.p, want, ours.n) == 0,
		    "%.*s became %.*s, not %s", (int)n, p, (int)ours.n, ours.p, want);
	}
	free(want);
}

static const char *const documents[] = {
	"{}", "[]", "null", "true", "false", "0", "-1", "12345678901234567", "\"\"",
	" [ 1 , 2 ] ", "{\"a\":{\"b\":[{}]}}", "[[[[[[]]]]]]",
	"\"\\u0041\\u00e9\\ud83d\\ude00\"", "\"\\/\\b\\f\\n\\r\\t\\\"\\\\\"",
	"\"\\u0000\"", "\"\\u001f\\u007f\"", "\"\xc3\xa9\"", "\"\xf0\x9f\x98\x80\"",
	/* broken ones */
	"", " ", "{", "[", "[1", "[1,]", "[,1]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}",
	"{1:2}", "nul", "tru", "truex", "01", "-", "+1", "1.", ".5", "1e", "'a'", "\"", "\"\\\"",
	"\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\n\"",
	"\"\x01\"", "\"\xff\"", "\"\xc3\"", "\"\xed\xa0\x80\"", "\"\xc0\x80\"",
	"\"\xf4\x90\x80\x80\"", "[1] 2", "{} {}", "[1 2]", "{\"a\" 1}", "\xef\xbb\xbf[]", "[\"a\":1]",
	"[1}", "[{\"a\":[\"b\",\"c\":1},\x7f}]", "[\"a\",\x7f}", "{\"a\":\x7f", "// x\n[]", "NaN", "Infinity",
};

static void
random_text(struct clb_buf *b, uint64_t *seed)
{
	static const char *const pieces[] = {
		"a", "Z", "_", " ", "/", "é", "日本", "😀", "\\n", "\\\"", "\\\\", "\\u0007",
		"\\u00fc", "\\ud83d\\ude80", "\\u2028", "\x7f", "__meta_", "$1", "<&>"
	};

	clb_buf_addc(b, '"');
	for (uint64_t n = check_random(seed) % 12; n > 0; n--)
		clb_buf_adds(b, pieces[check_random(seed) % (sizeof(pieces) / sizeof(*pieces))]);
	clb_buf_addc(b, '"');
}

static void
random_value(struct clb_buf *b, uint64_t *seed, int depth)
{
	static const char *const scalars[] = { "true", "false", "null", "0", "-7", "4294967296" };
	uint64_t kind = check_random(seed) % (depth > 5 ? 2 : 4), n = check_random(seed) % 5;

	switch (kind) {
	case 0:
		random_text(b, seed);
		break;
	case 1:
		clb_buf_adds(b, scalars[check_random(seed) % 6]);
		break;
	default:
		clb_buf_addc(b, kind == 2 ? '[' : '{');
		for (uint64_t i = 0; i < n; i++) {
			clb_buf_adds(b, i > 0 ? " ,\t" : "");
			/* names differ: jansson keeps one of two */
			if (kind == 3)
				clb_buf_printf(b, "\"%llu\" :", (unsigned long long)i);
			random_value(b, seed, depth + 1);
		}
		clb_buf_addc(b, kind == 2 ? ']' : '}');
	}
}

/* Whole documents, and the same with one byte broken. */
static void
random_documents(void)
{
	struct clb_buf b = { NULL, 0, 0 };
	uint64_t seed = 42;

	for (int i = 0; i < 20000; i++) {
		b.n = 0;
		random_value(&b, &seed, 0);
		same(b.p, b.n);
		b.p[check_random(&seed) % b.n] = (char)check_random(&seed);
		/* Reals and -0 are where the two differ: clb keeps a number's text. */
		if (memchr(b.p, '.', b.n) == NULL && memchr(b.p, 'e', b.n) == NULL &&
		    memchr(b.p, 'E', b.n) == NULL && memmem(b.p, b.n, "-0", 2) == NULL)
			same(b.p, b.n);
	}
	clb_buf_release(&b);
}

/* A record whose fields come in any order leaves as jansson would sort it. */
static void
random_records(void)
{
	static const char *const fields[] = {
		"\"collector\":\"c-%llu\"", "\"id\":\"00000000000000%02llx\"", "\"job\":\"j%llu\"",
		"\"labels\":{\"b\":\"x\",\"__a\":\"%llu\",\"aa\":\"\\u00e9\\n\"}", "\"node\":\"n%llu\"",
		"\"weight\":1%llu", "\"zone\":\"z%llu\"", "\"aaa\":%llu", "\"zzz\":[%llu,{\"k\":null}]",
		"\"jo\":true", "\"\":\"%llu\""
	};
	enum { NFIELDS = sizeof(fields) / sizeof(*fields) };
	struct clb_stream s = { .name = "test" };
	struct clb_target t = { 0 };
	struct clb_err e = CLB_ERR_INIT;
	struct clb_buf b = { NULL, 0, 0 };
	uint64_t seed = 7;

	for (int i = 0; i < 5000; i++) {
		unsigned order[NFIELDS], n = NFIELDS;
		char *want;

		for (unsigned k = 0; k < n; k++)
			order[k] = k;
		for (unsigned k = n - 1; k > 0; k--) {
			unsigned with = (unsigned)(check_random(&seed) % (k + 1)), was = order[k];

			order[k] = order[with];
			order[with] = was;
		}
		b.n = 0;
		for (unsigned k = 0; k < n; k++) {
			/* the job is always there, any other field may be missing */
			if (order[k] != 2 && check_random(&seed) % 3 == 0)
				continue;
			clb_buf_adds(&b, b.n == 0 ? "{" : ",");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			clb_buf_printf(&b, fields[order[k]],
			    (unsigned long long)(check_random(&seed) % 100));
#pragma GCC diagnostic pop
		}
		clb_buf_addc(&b, '}');
		if (memmem(b.p, b.n, "\"labels\"", 8) == NULL) {
			b.n--;
			clb_buf_adds(&b, ",\"labels\":{}}");
		}
		want = theirs(b.p, b.n, JSON_SORT_KEYS);
		copy.n = 0;
		ours.n = 0;
		CHECK(clb_json_parse_copy(&s.json, &copy, b.p, b.n) == 0, "%.*s", (int)b.n, b.p);
		CHECK(clb_target_parse(&t, &s, &e) == 0, "%s", e.msg);
		clb_target_json(&ours, &t);
		CHECK(want != NULL && ours.n == strlen(want) + 1 &&
		    memcmp(ours.p, want, ours.n - 1) == 0, "%.*s is not %s", (int)ours.n, ours.p,
		    want);
		free(want);
	}
	clb_target_release(&t);
	clb_json_release(&s.json);
	clb_buf_release(&b);
}

/* Every text of up to two bytes, and all code points, as a string to write. */
static void
strings(void)
{
	char text[8];

	for (uint32_t c = 1; c < 0x110000; c++) {
		size_t n = 0;
		char *want;
		json_t *s;

		if (c >= 0xd800 && c < 0xe000)
			continue;
		if (c < 0x80) {
			text[n++] = (char)c;
		} else if (c < 0x800) {
			text[n++] = (char)(0xc0 | c >> 6);
			text[n++] = (char)(0x80 | (c & 0x3f));
		} else if (c < 0x10000) {
			text[n++] = (char)(0xe0 | c >> 12);
			text[n++] = (char)(0x80 | (c >> 6 & 0x3f));
			text[n++] = (char)(0x80 | (c & 0x3f));
		} else {
			text[n++] = (char)(0xf0 | c >> 18);
			text[n++] = (char)(0x80 | (c >> 12 & 0x3f));
			text[n++] = (char)(0x80 | (c >> 6 & 0x3f));
			text[n++] = (char)(0x80 | (c & 0x3f));
		}
		s = json_stringn(text, n);
		want = json_dumps(s, JSON_ENCODE_ANY);
		ours.n = 0;
		clb_json_string(&ours, (struct clb_str){ text, (uint32_t)n, 0 });
		CHECK(ours.n == strlen(want) && memcmp(ours.p, want, ours.n) == 0,
		    "U+%04X is written %.*s, not %s", c, (int)ours.n, ours.p, want);
		CHECK(clb_json_plain((struct clb_str){ text, (uint32_t)n, 0 }) == (ours.n == n + 2),
		    "U+%04X", c);
		free(want);
		json_decref(s);
	}
}

/* What Go's decoder would take instead of broken text. */
static void
mends(void)
{
	static const struct { const char *in, *out; } cases[] = {
		{ "\"\xff\"", "\"\xef\xbf\xbd\"" },
		{ "\"a\xc3\"", "\"a\xef\xbf\xbd\"" },
		{ "\"\\ud800\"", "\"\\ufffd\"" },
		{ "\"\\udc00x\"", "\"\\ufffdx\"" },
		{ "\"\\ud83d\\ude00\"", "\"\\ud83d\\ude00\"" },
		{ "\"\\\\ud800\"", "\"\\\\ud800\"" },
		{ "\"\xed\xa0\x80\"", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		ours.n = 0;
		clb_json_mend(&ours, cases[i].in, strlen(cases[i].in));
		CHECK(ours.n == strlen(cases[i].out) && memcmp(ours.p, cases[i].out, ours.n) == 0,
		    "case %zu: %.*s", i, (int)ours.n, ours.p);
	}
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(documents) / sizeof(*documents); i++)
		same(documents[i], strlen(documents[i]));
	random_documents();
	random_records();
	strings();
	mends();
	clb_json_release(&parser);
	clb_buf_release(&copy);
	clb_buf_release(&ours);
	return check_end();
}
