#ifndef CLB_UTF8_H
#define CLB_UTF8_H

/*
 * UTF-8 text, by libunistring. Mapping follows Unicode's simple case mapping,
 * rune by rune and without a locale, as Go's strings.ToLower and ToUpper do.
 */
#include "lib/mem.h"

int clb_utf8_valid(struct clb_str s);

/* s in lower or upper case; broken bytes become U+FFFD. Borrowed from a. */
struct clb_str clb_utf8_lower(struct clb_str s, struct clb_arena *a);
struct clb_str clb_utf8_upper(struct clb_str s, struct clb_arena *a);

/*
 * The length of the letter, decimal digit (both as Unicode has them) or
 * underscore at the start of the n bytes at s, or 0 if there is none.
 */
size_t clb_utf8_word_char(const char *s, size_t n);

/* [a-zA-Z_][a-zA-Z0-9_]*: what Prometheus 2 takes for a label name. */
int clb_label_name_legacy(struct clb_str s);

#endif
