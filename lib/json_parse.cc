// The shim over simdjson: see json.h.
//
// simdjson's first stage does the work that is worth a vector unit: it checks
// UTF-8 and finds, outside of strings, every bracket, comma, colon and the
// start of every string and other scalar. What is left is to walk along these
// and see that they make a document, which is done here, straight into tokens.
#include <cstring>

#include <simdjson.h>
#include <unistr.h>

extern "C" {
#include "lib/json.h"
}

using namespace simdjson;

namespace {

const int MAX_DEPTH = 512;

struct parser {
	std::unique_ptr<internal::dom_parser_implementation> stage;
	std::unique_ptr<char[]> text;	// of strings that have escapes
	size_t capacity = 0;

	// Room for documents of n bytes; what is unescaped is never longer.
	bool reserve(size_t n) {
		if (n <= capacity)
			return true;
		size_t want = n < (1 << 16) ? 1 << 16 : n + n / 2;
		if (want > SIMDJSON_MAXSIZE_BYTES)
			want = n;
		if (get_active_implementation()->create_dom_parser_implementation(want,
		    MAX_DEPTH, stage) != SUCCESS)
			return false;
		text.reset(new char[want]);
		capacity = want;
		return true;
	}
};

struct walker {
	clb_json *j;
	const char *doc;
	size_t len;
	const uint32_t *at;	// where in the document each mark is
	size_t n;		// marks
	char *text;
	bool escapes;	// there is a backslash somewhere: looked for once, not in each text
	size_t i = 0;		// the mark that comes next

	bool fail(size_t off, const char *text) {
		j->bad_off = static_cast<uint32_t>(off < len ? off : len);
		snprintf(j->bad, sizeof(j->bad), "%s", text);
		return false;
	}
	char mark() const {
		return i < n ? doc[at[i]] : '\0';
	}
	bool fail_here() {
		return fail(i < n ? at[i] : len,
		    i < n ? "invalid JSON" : "the document ends too early");
	}
	size_t push(clb_json_type type, size_t off, struct clb_str str = { nullptr, 0, 0 }) {
		if (j->n == j->cap) {
			j->cap = j->cap != 0 ? j->cap * 2 : 256;
			j->tok = static_cast<clb_token *>(
			    clb_xreallocarray(j->tok, j->cap, sizeof(*j->tok)));
		}
		clb_token *t = &j->tok[j->n];
		t->str = str;
		t->off = static_cast<uint32_t>(off);
		t->next = static_cast<uint32_t>(j->n + 1);
		t->type = static_cast<uint8_t>(type);
		return j->n++;
	}
	// What stands from mark i to the next, without the white space behind it.
	size_t token_length() const {
		size_t end = i + 1 < n ? at[i + 1] : len;
		while (doc[end - 1] == ' ' || doc[end - 1] == '\n' || doc[end - 1] == '\t' ||
		    doc[end - 1] == '\r')
			end--;
		return end - at[i];
	}
	// The code point of \uXXXX at p, of two of them where they are a pair;
	// how many bytes that is in *used. -1 if it is none.
	static long code_point(const char *p, const char *end, size_t *used) {
		size_t n = static_cast<size_t>(end - p);
		long high = clb_json_code_unit(p, n), low;
		*used = 6;
		if (high < 0xd800 || high > 0xdfff)
			return high;
		low = n >= 12 ? clb_json_code_unit(p + 6, n - 6) : -1;
		if (high > 0xdbff || low < 0xdc00 || low > 0xdfff)
			return -1;
		*used = 12;
		return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
	}
	// A text's content; its s is nullptr where an escape is invalid.
	struct clb_str unescape(const char *p, const char *end) {
		static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
		const char *known, *start = text;
		while (p < end) {
			if (*p != '\\') {
				*text++ = *p++;
			} else if (end - p >= 2 && p[1] == 'u') {
				size_t used;
				long c = code_point(p, end, &used);
				if (c < 0)
					return { nullptr, 0, 0 };
				text += u8_uctomb(reinterpret_cast<uint8_t *>(text),
				    static_cast<ucs4_t>(c), 6);
				p += used;
			} else if (end - p >= 2 && p[1] != '\0' &&
			    (known = strchr(from, p[1])) != nullptr) {
				*text++ = to[known - from];
				p += 2;
			} else {
				return { nullptr, 0, 0 };
			}
		}
		return { start, static_cast<uint32_t>(text - start), 0 };
	}
	// A string's content is between the quotes: that UTF-8 is well-formed and
	// that no control character is in it has been checked. s is nullptr after
	// a failure.
	struct clb_str string() {
		const char *p = doc + at[i];
		size_t size = token_length();
		if (size < 2 || p[size - 1] != '"') {
			fail_here();
			return { nullptr, 0, 0 };
		}
		struct clb_str s = { p + 1, static_cast<uint32_t>(size - 2), 1 };
		if (escapes && memchr(p, '\\', size) != nullptr &&
		    (s = unescape(p + 1, p + size - 1)).s == nullptr)
			fail(at[i], "invalid escape in a string");
		i++;
		return s;
	}
	// -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
	static bool is_number(const char *p, size_t n) {
		const char *end = p + n;
		auto digits = [&] {
			const char *start = p;
			while (p < end && *p >= '0' && *p <= '9')
				p++;
			return p > start;
		};
		if (p < end && *p == '-')
			p++;
		if (p < end && *p == '0')
			p++;
		else if (!digits())
			return false;
		if (p < end && *p == '.' && (p++, !digits()))
			return false;
		if (p < end && (*p == 'e' || *p == 'E')) {
			p++;
			if (p < end && (*p == '+' || *p == '-'))
				p++;
			if (!digits())
				return false;
		}
		return p == end;
	}
	bool scalar() {
		const char *p = doc + at[i];
		size_t size = token_length();
		auto is = [&](const char *word) {
			return size == strlen(word) && memcmp(p, word, size) == 0;
		};
		if (is("true"))
			push(CLB_JSON_TRUE, at[i]);
		else if (is("false"))
			push(CLB_JSON_FALSE, at[i]);
		else if (is("null"))
			push(CLB_JSON_NULL, at[i]);
		else if (is_number(p, size))
			push(CLB_JSON_NUMBER, at[i], { p, static_cast<uint32_t>(size), 1 });
		else
			return fail(at[i], "invalid value");
		i++;
		return true;
	}
	// Pass over a value that nobody asked for: only nesting is looked at.
	bool skip() {
		long depth = 0;
		do {
			char c = mark();
			if (i == n || (depth == 0 && (c == '}' || c == ']' || c == ',' || c == ':')))
				return fail_here();
			depth += (c == '{' || c == '[') - (c == '}' || c == ']');
			i++;
		} while (depth > 0);
		return true;
	}
	static const clb_json_shape *member(const clb_json_shape *shape, struct clb_str name) {
		for (size_t k = 0; k < shape->nsub; k++)
			if (clb_str_eq(shape->sub[k].name, name))
				return &shape->sub[k];
		return nullptr;
	}
	// shape: what of the value is wanted, nullptr for all of it.
	bool object(int depth, const clb_json_shape *shape) {
		size_t self = push(CLB_JSON_OBJECT, at[i++]);
		for (bool first = true; first ? mark() != '}' : mark() == ','; first = false) {
			i += !first;
			size_t off = i < n ? at[i] : len;
			if (mark() != '"')
				return fail_here();
			struct clb_str name = string();
			if (name.s == nullptr)
				return false;
			if (mark() != ':')
				return fail_here();
			i++;
			const clb_json_shape *sub = shape != nullptr ? member(shape, name) : nullptr;
			if (shape != nullptr && sub == nullptr) {
				if (!skip())
					return false;
				continue;
			}
			push(CLB_JSON_KEY, off, name);
			if (!value(depth + 1, sub))
				return false;
		}
		if (mark() != '}')
			return fail_here();
		i++;
		j->tok[self].next = static_cast<uint32_t>(j->n);
		return true;
	}
	bool array(int depth, const clb_json_shape *shape) {
		size_t self = push(CLB_JSON_ARRAY, at[i++]);
		for (bool first = true; first ? mark() != ']' : mark() == ','; first = false) {
			i += !first;
			if (!value(depth + 1, shape))
				return false;
		}
		if (mark() != ']')
			return fail_here();
		i++;
		j->tok[self].next = static_cast<uint32_t>(j->n);
		return true;
	}
	bool value(int depth, const clb_json_shape *shape) {
		if (shape != nullptr && shape->sub == nullptr)
			shape = nullptr;
		char c = mark();
		if (i == n || c == '}' || c == ']' || c == ',' || c == ':')
			return fail_here();
		if (c == '"') {
			size_t off = at[i];
			struct clb_str s = string();
			if (s.s != nullptr)
				push(CLB_JSON_STRING, off, s);
			return s.s != nullptr;
		}
		if (c != '{' && c != '[')
			return scalar();
		if (depth == MAX_DEPTH)
			return fail(at[i], "nested too deep");
		return c == '{' ? object(depth, shape) : array(depth, shape);
	}
	bool document(const clb_json_shape *shape) {
		if (!value(0, shape))
			return false;
		return i == n || fail(at[i], "text behind the end of the document");
	}
};

// In our words: the parser's change with its version.
const char *
what(error_code ec)
{
	switch (ec) {
	case UTF8_ERROR:
		return "invalid UTF-8";
	case UNESCAPED_CHARS:
		return "control character in a string";
	case UNCLOSED_STRING:
		return "string is not closed";
	case EMPTY:
		return "no value";
	default:
		return "invalid JSON";
	}
}

} // namespace

extern "C" int
clb_json_parse_shape(struct clb_json *j, const char *p, size_t n,
    const struct clb_json_shape *shape)
{
	if (j->impl == nullptr)
		j->impl = new parser;
	auto own = static_cast<parser *>(j->impl);
	error_code ec = own->reserve(n) ? EMPTY : CAPACITY;

	j->n = 0;
	if (ec == EMPTY && n > 0)
		ec = own->stage->stage1(reinterpret_cast<const uint8_t *>(p), n,
		    stage1_mode::regular);
	walker w = { j, p, n, nullptr, 0, own->text.get(), memchr(p, '\\', n) != nullptr };
	if (ec != SUCCESS)
		return w.fail(0, what(ec)) ? 0 : -1;
	w.at = own->stage->structural_indexes.get();
	w.n = own->stage->n_structural_indexes;
	return w.document(shape) ? 0 : -1;
}

extern "C" int
clb_json_parse(struct clb_json *j, const char *p, size_t n)
{
	return clb_json_parse_shape(j, p, n, nullptr);
}

extern "C" void
clb_json_release(struct clb_json *j)
{
	delete static_cast<parser *>(j->impl);
	free(j->tok);
	memset(j, 0, sizeof(*j));
}
