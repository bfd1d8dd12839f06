#include "lib/selector.h"

static const char *
wrong(struct clb_buf *text, const char *what, const char *p, size_t n)
{
	text->n = 0;
	clb_buf_printf(text, "%s '%.*s'", what, (int)n, p);
	clb_buf_addc(text, '\0');
	return text->p;
}

/* ---- labels ---- */

enum token {
	END, WORD, IN, NOT_IN, OPEN, CLOSE, COMMA, NOT, EQUALS, DOUBLE_EQUALS, NOT_EQUALS,
	GREATER, LESS, BROKEN
};

static const struct {
	const char *text;
	enum token token;
} operators[] = {
	/* The longest one first: the scanner is greedy. */
	{ "==", DOUBLE_EQUALS }, { "!=", NOT_EQUALS }, { "!", NOT }, { "=", EQUALS },
	{ "(", OPEN }, { ")", CLOSE }, { ",", COMMA }, { ">", GREATER }, { "<", LESS },
};

struct scanner {
	const char *p, *end;
	enum token token;
	struct clb_str word;		/* the token's text */
	struct clb_buf *text;
};

static int
is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* The next token becomes the current one. Keywords are words but for an operator's place. */
static void
scan(struct scanner *s)
{
	const char *start;

	while (s->p < s->end && strchr(" \t\r\n", *s->p) != NULL)
		s->p++;
	start = s->p;
	s->token = END;
	if (s->p == s->end)
		goto out;
	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
		size_t n = strlen(operators[i].text);

		if ((size_t)(s->end - s->p) < n || memcmp(s->p, operators[i].text, n) != 0)
			continue;
		s->p += n;
		s->token = operators[i].token;
		goto out;
	}
	while (s->p < s->end && strchr(" \t\r\n=!(),><", *s->p) == NULL)
		s->p++;
	s->token = WORD;
out:
	s->word = (struct clb_str){ start, (uint32_t)(s->p - start), 0 };
}

/* The current token where an operator belongs. */
static enum token
operator_of(const struct scanner *s)
{
	if (s->token == WORD && clb_str_eq(s->word, CLB_STR("in")))
		return IN;
	if (s->token == WORD && clb_str_eq(s->word, CLB_STR("notin")))
		return NOT_IN;
	return s->token;
}

static const char *
unexpected(struct scanner *s)
{
	if (s->token == END)
		return "the selector ends too early";
	return wrong(s->text, "unexpected", s->word.s, s->word.n);
}

/* ([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9], at most 63 bytes. */
static int
is_name(const char *p, size_t n)
{
	if (n == 0 || n > 63 || !is_alnum(p[0]) || !is_alnum(p[n - 1]))
		return 0;
	for (size_t i = 0; i < n; i++)
		if (!is_alnum(p[i]) && strchr("-_.", p[i]) == NULL)
			return 0;
	return 1;
}

/* A DNS subdomain in lower case. */
static int
is_domain(const char *p, size_t n)
{
	if (n == 0 || n > 253)
		return 0;
	for (size_t i = 0; i < n; i++) {
		int at_edge = i == 0 || i == n - 1 || p[i - 1] == '.' || p[i + 1] == '.';

		if (p[i] == '.' ? at_edge : p[i] == '-' ? at_edge :
		    !is_alnum(p[i]) || (p[i] >= 'A' && p[i] <= 'Z'))
			return 0;
	}
	return 1;
}

static int
is_key(struct clb_str s)
{
	const char *slash = s.n != 0 ? memchr(s.s, '/', s.n) : NULL;

	if (slash == NULL)
		return is_name(s.s, s.n);
	return is_domain(s.s, (size_t)(slash - s.s)) &&
	    is_name(slash + 1, (size_t)(s.s + s.n - slash - 1));
}

/* A value; numbers are what > and < compare with: whole ones of 64 bits. */
static const char *
check_value(struct scanner *s, int is_number)
{
	struct clb_str v = s->token == WORD ? s->word : CLB_STR("");
	int64_t n = 0;

	if (v.n != 0 && !is_name(v.s, v.n))
		return wrong(s->text, "invalid label value", v.s, v.n);
	for (uint32_t i = 0; is_number && i < v.n; i++)
		if (v.s[i] < '0' || v.s[i] > '9' || __builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, v.s[i] - '0', &n))
			return wrong(s->text, "not a whole number:", v.s, v.n);
	return is_number && v.n == 0 ? "a whole number is missing" : NULL;
}

/* The values of in and notin: a list that may have gaps. */
static const char *
check_list(struct scanner *s)
{
	const char *why;

	if (s->token != OPEN)
		return unexpected(s);
	for (scan(s); s->token != CLOSE; scan(s)) {
		if (s->token == COMMA)
			continue;
		if (s->token != WORD)
			return unexpected(s);
		if ((why = check_value(s, 0)) != NULL)
			return why;
		scan(s);
		if (s->token == CLOSE)
			break;
		if (s->token != COMMA)
			return unexpected(s);
	}
	scan(s);
	return NULL;
}

/* From the key to what follows the requirement. */
static const char *
check_requirement(struct scanner *s)
{
	int is_not = s->token == NOT;
	enum token op;
	const char *why;

	if (is_not)
		scan(s);
	if (s->token != WORD)
		return unexpected(s);
	if (!is_key(s->word))
		return wrong(s->text, "invalid label key", s->word.s, s->word.n);
	scan(s);
	if (is_not || s->token == END || s->token == COMMA)
		return NULL;
	op = operator_of(s);
	if (op == IN || op == NOT_IN) {
		scan(s);
		return check_list(s);
	}
	if (op != EQUALS && op != DOUBLE_EQUALS && op != NOT_EQUALS && op != GREATER && op != LESS)
		return unexpected(s);
	scan(s);
	if (s->token != WORD && s->token != END && s->token != COMMA)
		return unexpected(s);
	if ((why = check_value(s, op == GREATER || op == LESS)) != NULL)
		return why;
	if (s->token == WORD)
		scan(s);
	return NULL;
}

const char *
clb_selector_check_label(struct clb_str str, struct clb_buf *text)
{
	struct scanner s = { str.s, str.s + str.n, END, CLB_STR(""), text };
	const char *why;

	scan(&s);
	while (s.token != END) {
		if (s.token != WORD && s.token != NOT)
			return unexpected(&s);
		if ((why = check_requirement(&s)) != NULL)
			return why;
		if (s.token == END)
			return NULL;
		if (s.token != COMMA)
			return unexpected(&s);
		scan(&s);
		if (s.token == END)
			return unexpected(&s);
	}
	return NULL;
}

/* ---- fields ---- */

/* A backslash stands before backslash, comma and equals sign, and these before nothing else. */
static const char *
check_field_value(const char *p, const char *end, struct clb_buf *text)
{
	for (; p < end; p++) {
		if (*p == '=')
			return wrong(text, "not escaped:", p, 1);
		if (*p != '\\')
			continue;
		if (p + 1 == end || strchr("\\,=", p[1]) == NULL)
			return wrong(text, "invalid escape", p, p + 1 == end ? 1 : 2);
		p++;
	}
	return NULL;
}

static const char *
check_term(const char *p, const char *end, struct clb_buf *text)
{
	const char *start = p;

	for (; p < end; p++)
		if (*p == '=' || (*p == '!' && p + 1 < end && p[1] == '='))
			break;
	if (p == end)
		return wrong(text, "no operator in", start, (size_t)(end - start));
	p += *p == '!' || (p + 1 < end && p[1] == '=') ? 2 : 1;
	return check_field_value(p, end, text);
}

const char *
clb_selector_check_field(struct clb_str s, struct clb_buf *text)
{
	const char *p = s.s, *end = s.s + s.n, *term = p, *why;
	int escaped = 0;

	for (; p <= end; p++) {
		if (p < end && (escaped || *p != ',')) {
			escaped = !escaped && *p == '\\';
			continue;
		}
		if (p > term && (why = check_term(term, p, text)) != NULL)
			return why;
		term = p + 1;
	}
	return NULL;
}
