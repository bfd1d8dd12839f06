/* UTF-8: case mapping as Go has it, word characters, label names. */
#include "lib/utf8.h"
#include "testdata/unit/check.h"

static struct clb_arena arena;

/* From the specification: simple mapping, rune by rune, without a locale. */
static const struct {
	const char *in, *lower, *upper;	/* NULL: the same */
} cases[] = {
	{ "", NULL, NULL }, { "FooBar-9", "foobar-9", "FOOBAR-9" },
	{ "@[`{az", "@[`{az", "@[`{AZ" }, { "\u0130", "i", NULL }, { "\u1e9e", "\u00df", NULL },
	{ "\u03a3", "\u03c3", NULL }, { "\u01c5", "\u01c6", "\u01c4" }, { "\u212a", "k", NULL },
	{ "\u212b", "\u00e5", NULL }, { "\u2126", "\u03c9", NULL },
	{ "\U00010400", "\U00010428", NULL }, { "\u00df", NULL, NULL }, { "\u0131", NULL, "I" },
	{ "\u017f", NULL, "S" }, { "\u03c2", NULL, "\u03a3" }, { "\u0149", NULL, NULL },
	{ "\u00ff", NULL, "\u0178" }, { "\u00b5", NULL, "\u039c" }, { "\ufb01", NULL, NULL },
	{ "a\xff" "B\xc3", "a\ufffd" "b\ufffd", "A\ufffd" "B\ufffd" },
	{ "\xed\xa0\x80", "\ufffd\ufffd\ufffd", "\ufffd\ufffd\ufffd" },
};

static void
check_text(struct clb_str got, const char *in, const char *want)
{
	CHECK(clb_str_eq(got, clb_str(want != NULL ? want : in)), "%s: %.*s", in, (int)got.n,
	    got.s);
}

static void
mapping(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		check_text(clb_utf8_lower(clb_str(cases[i].in), &arena), cases[i].in,
		    cases[i].lower);
		check_text(clb_utf8_upper(clb_str(cases[i].in), &arena), cases[i].in,
		    cases[i].upper);
	}
}

static void
validity(void)
{
	static const char *const good[] = { "", "a", "\u00e9", "\U0010ffff", "\ufffe" };
	static const char *const bad[] = {
		"\xff", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "a\x80"
	};
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		CHECK(clb_utf8_valid(clb_str(good[i])), "%s", good[i]);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(!clb_utf8_valid(clb_str(bad[i])), "%zu", i);
}

static void
words(void)
{
	static const struct {
		const char *text;
		size_t len;
	} w[] = {
		{ "a", 1 }, { "_", 1 }, { "9", 1 }, { "\u00e9x", 2 }, { "\u0663", 2 },
		{ "\U00010400", 4 }, { "-", 0 }, { "\u00b2", 0 }, { "\u2160", 0 }, { " ", 0 },
		{ "\xff", 0 }, { "$", 0 },
	};

	for (size_t i = 0; i < sizeof(w) / sizeof(w[0]); i++)
		CHECK(clb_utf8_word_char(w[i].text, strlen(w[i].text)) == w[i].len, "%s",
		    w[i].text);
	CHECK(clb_utf8_word_char("a", 0) == 0, "empty");
}

static void
names(void)
{
	static const char *const good[] = { "a", "_", "a9", "__meta_X", "Z_0" };
	static const char *const bad[] = { "", "9", "a-b", "a.b", "\u00e9", "a ", "match[]" };
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		CHECK(clb_label_name_legacy(clb_str(good[i])), "%s", good[i]);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(!clb_label_name_legacy(clb_str(bad[i])), "%s", bad[i]);
	CHECK(!clb_label_name_legacy((struct clb_str){ "a\0", 2, 0 }), "NUL");
}

int
main(void)
{
	mapping();
	validity();
	words();
	names();
	clb_arena_release(&arena);
	return check_end();
}
