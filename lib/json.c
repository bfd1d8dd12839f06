#include <stdlib.h>
#include <unistr.h>

#include "lib/json.h"

/* The letter behind the backslash, 'u' for \u00XX, 0 for what stays as it is. */
static const char escape_of[256] = {
	'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'b', 't', 'n', 'u', 'f', 'r', 'u', 'u',
	'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u',
	['"'] = '"', ['\\'] = '\\',
};

static char *
put_escaped(char *p, const char *s, size_t n)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		char esc = escape_of[c];

		if (esc == 0) {
			*p++ = (char)c;
			continue;
		}
		*p++ = '\\';
		*p++ = esc;
		if (esc == 'u') {
			memcpy(p, "00", 2);
			p[2] = hex[c >> 4];
			p[3] = hex[c & 15];
			p += 4;
		}
	}
	return p;
}

int
clb_json_plain(struct clb_str s)
{
	for (uint32_t i = 0; i < s.n; i++)
		if (escape_of[(unsigned char)s.s[i]] != 0)
			return 0;
	return 1;
}

void
clb_json_string(struct clb_buf *out, struct clb_str s)
{
	char *p;

	clb_buf_reserve(out, (s.plain ? 1 : 6) * (size_t)s.n + 2);
	p = out->p + out->n;
	*p++ = '"';
	if (s.plain && s.n != 0)
		p = (char *)memcpy(p, s.s, s.n) + s.n;
	else
		p = put_escaped(p, s.s, s.n);
	*p++ = '"';
	out->n = (size_t)(p - out->p);
}

int
clb_json_uint(const struct clb_token *tok, uint64_t *v)
{
	*v = 0;
	if (tok->type != CLB_JSON_NUMBER)
		return -1;
	for (uint32_t i = 0; i < tok->str.n; i++) {
		char c = tok->str.s[i];

		if (c < '0' || c > '9' || __builtin_mul_overflow(*v, 10, v) ||
		    __builtin_add_overflow(*v, (uint64_t)(c - '0'), v))
			return -1;
	}
	return 0;
}

void
clb_json_value(struct clb_buf *out, const struct clb_json *j, size_t i)
{
	const struct clb_token *t = &j->tok[i];
	size_t k = i + 1;

	switch ((enum clb_json_type)t->type) {
	case CLB_JSON_OBJECT:
	case CLB_JSON_ARRAY:
		clb_buf_addc(out, t->type == CLB_JSON_OBJECT ? '{' : '[');
		for (; k < t->next; k = j->tok[k].next) {
			if (k > i + 1)
				clb_buf_addc(out, ',');
			if (t->type == CLB_JSON_OBJECT) {
				clb_json_string(out, j->tok[k].str);
				clb_buf_addc(out, ':');
				k++;
			}
			clb_json_value(out, j, k);
		}
		clb_buf_addc(out, t->type == CLB_JSON_OBJECT ? '}' : ']');
		break;
	case CLB_JSON_KEY:
	case CLB_JSON_STRING:
		clb_json_string(out, t->str);
		break;
	case CLB_JSON_NUMBER:
		clb_buf_add(out, t->str.s, t->str.n);
		break;
	case CLB_JSON_TRUE:
		clb_buf_add(out, "true", 4);
		break;
	case CLB_JSON_FALSE:
		clb_buf_add(out, "false", 5);
		break;
	case CLB_JSON_NULL:
		clb_buf_add(out, "null", 4);
		break;
	}
}

int
clb_json_parse_copy(struct clb_json *j, struct clb_buf *copy, const char *p, size_t n)
{
	copy->n = 0;
	clb_buf_reserve(copy, n + CLB_JSON_PADDING);
	clb_buf_add(copy, p, n);
	memset(copy->p + n, 0, CLB_JSON_PADDING);
	return clb_json_parse(j, copy->p, n);
}

long
clb_json_code_unit(const char *p, size_t n)
{
	char hex[5] = "";

	if (n < 6 || p[0] != '\\' || p[1] != 'u')
		return -1;
	memcpy(hex, p + 2, 4);
	/* strtol alone would take white space, a sign and 0x as well */
	return strspn(hex, "0123456789abcdefABCDEF") == 4 ? strtol(hex, NULL, 16) : -1;
}

void
clb_json_mend(struct clb_buf *out, const char *p, size_t n)
{
	ucs4_t uc;

	for (size_t i = 0, len; i < n; i += len) {
		long unit = clb_json_code_unit(p + i, n - i);
		int units = u8_mbtoucr(&uc, (const uint8_t *)p + i, n - i);

		len = units > 0 ? (size_t)units : 1;
		if (units < 0) {
			clb_buf_adds(out, "\xef\xbf\xbd");
			continue;
		}
		if (unit >= 0xd800 && unit < 0xe000) {
			long next = i + 6 <= n ? clb_json_code_unit(p + i + 6, n - i - 6) : -1;

			len = 6;
			if (unit >= 0xdc00 || next < 0xdc00 || next >= 0xe000) {
				clb_buf_adds(out, "\\ufffd");
				continue;
			}
			len = 12;
		} else if (p[i] == '\\' && i + 1 < n && (unsigned char)p[i + 1] < 0x80) {
			len = 2;
		}
		clb_buf_add(out, p + i, len);
	}
}
