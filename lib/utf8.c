#include <unicase.h>
#include <unictype.h>
#include <unistr.h>

#include "lib/utf8.h"

#define REPLACEMENT 0xfffd

/* The rune at s, and its length: a byte that begins none is U+FFFD of length 1. */
static size_t
rune_at(const char *s, size_t n, ucs4_t *r)
{
	int len;

	if ((unsigned char)*s < 0x80) {
		*r = (unsigned char)*s;
		return 1;
	}
	if ((len = u8_mbtoucr(r, (const uint8_t *)s, n)) > 0)
		return (size_t)len;
	*r = REPLACEMENT;
	return 1;
}

int
clb_utf8_valid(struct clb_str s)
{
	return s.plain || s.n == 0 || u8_check((const uint8_t *)s.s, s.n) == NULL;
}

static struct clb_str
map(struct clb_str s, struct clb_arena *a, ucs4_t (*f)(ucs4_t))
{
	size_t i, n = 0;
	uint8_t rune[6];
	ucs4_t r;
	char *p;

	for (i = 0; i < s.n; i += rune_at(s.s + i, s.n - i, &r)) {
		(void)rune_at(s.s + i, s.n - i, &r);
		n += (size_t)u8_uctomb(rune, f(r), sizeof(rune));
	}
	p = clb_arena_alloc(a, n + 1);
	for (i = 0, n = 0; i < s.n;) {
		i += rune_at(s.s + i, s.n - i, &r);
		n += (size_t)u8_uctomb((uint8_t *)p + n, f(r), sizeof(rune));
	}
	p[n] = '\0';
	return (struct clb_str){ p, (uint32_t)n, s.plain };
}

/* Most of what is mapped is ASCII, which needs no tables. */
static int
map_ascii(struct clb_str s, struct clb_arena *a, char first, struct clb_str *out)
{
	uint32_t i;
	char *p;

	for (i = 0; i < s.n; i++)
		if ((unsigned char)s.s[i] >= 0x80)
			return 0;
	*out = clb_arena_str(a, s.s, s.n);
	out->plain = s.plain;
	p = (char *)out->s;
	for (i = 0; i < s.n; i++)
		if (p[i] >= first && p[i] < first + 26)
			p[i] ^= 0x20;
	return 1;
}

struct clb_str
clb_utf8_lower(struct clb_str s, struct clb_arena *a)
{
	struct clb_str out;

	return map_ascii(s, a, 'A', &out) ? out : map(s, a, uc_tolower);
}

struct clb_str
clb_utf8_upper(struct clb_str s, struct clb_arena *a)
{
	struct clb_str out;

	return map_ascii(s, a, 'a', &out) ? out : map(s, a, uc_toupper);
}

size_t
clb_utf8_word_char(const char *s, size_t n)
{
	ucs4_t r;
	size_t len;

	if (n == 0)
		return 0;
	len = rune_at(s, n, &r);
	return r == '_' || uc_is_general_category_withtable(r,
	    UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_Nd) ? len : 0;
}

int
clb_label_name_legacy(struct clb_str s)
{
	uint32_t i;

	for (i = 0; i < s.n; i++)
		if (!((s.s[i] >= 'a' && s.s[i] <= 'z') || (s.s[i] >= 'A' && s.s[i] <= 'Z') ||
		    s.s[i] == '_' || (i > 0 && s.s[i] >= '0' && s.s[i] <= '9')))
			return 0;
	return s.n != 0;
}
