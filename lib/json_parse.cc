// The shim over simdjson: see json.h.
#include <cstring>

#include <simdjson.h>

extern "C" {
#include "lib/json.h"
}

using namespace simdjson;

namespace {

const int MAX_DEPTH = 512;

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

struct walker {
	clb_json *j;
	const char *doc;
	size_t len;
	bool escapes;	// there is a backslash somewhere: looked for once, not in each text

	bool fail(const char *at, const char *text) {
		if (at < doc || at > doc + len)
			at = doc + len;
		j->bad_off = static_cast<uint32_t>(at - doc);
		snprintf(j->bad, sizeof(j->bad), "%s", text);
		return false;
	}
	size_t push(clb_json_type type, const char *at) {
		if (j->n == j->cap) {
			j->cap = j->cap != 0 ? j->cap * 2 : 256;
			j->tok = static_cast<clb_token *>(
			    clb_xreallocarray(j->tok, j->cap, sizeof(*j->tok)));
		}
		clb_token *t = &j->tok[j->n];
		t->str = { nullptr, 0, 0 };
		t->off = static_cast<uint32_t>(at - doc);
		t->next = static_cast<uint32_t>(j->n + 1);
		t->type = static_cast<uint8_t>(type);
		return j->n++;
	}
	// The parser checked that the document is UTF-8 and that no control
	// character stands in a string: without a backslash, text is content.
	bool key(ondemand::field &f, const clb_json_shape **shape) {
		const char *raw = f.key().raw();
		if (raw < doc || raw >= doc + len)
			return fail(raw, "the document ends too early");
		const char *end = static_cast<const char *>(
		    memchr(raw, '"', doc + len - raw));
		if (end == nullptr)
			return fail(raw, "key is not closed");
		if (*shape != nullptr && (!escapes || memchr(raw, '\\', end - raw) == nullptr) &&
		    (*shape = member(*shape, raw, end - raw)) == nullptr)
			return true;
		size_t i = push(CLB_JSON_KEY, raw - 1);
		if (!escapes || memchr(raw, '\\', end - raw) == nullptr) {
			j->tok[i].str = { raw, static_cast<uint32_t>(end - raw), 1 };
			return true;
		}
		std::string_view s;
		if (f.unescaped_key().get(s) != SUCCESS)
			return fail(raw - 1, "invalid escape in a key");
		j->tok[i].str = { s.data(), static_cast<uint32_t>(s.size()), 0 };
		if (*shape != nullptr &&
		    (*shape = member(*shape, s.data(), s.size())) == nullptr)
			j->n--;
		return true;
	}
	static const clb_json_shape *member(const clb_json_shape *shape,
	    const char *name, size_t n) {
		for (size_t i = 0; i < shape->nsub; i++)
			if (shape->sub[i].name.n == n &&
			    memcmp(shape->sub[i].name.s, name, n) == 0)
				return &shape->sub[i];
		return nullptr;
	}
	static size_t trimmed(std::string_view raw) {
		size_t n = raw.size();
		while (n > 0 && (raw[n - 1] == ' ' || raw[n - 1] == '\n' ||
		    raw[n - 1] == '\t' || raw[n - 1] == '\r'))
			n--;
		return n;
	}
	template <typename V> bool string(V &v, std::string_view raw) {
		size_t n = trimmed(raw), i;
		if (n >= 2 && raw[n - 1] == '"' &&
		    (!escapes || memchr(raw.data() + 1, '\\', n - 2) == nullptr)) {
			i = push(CLB_JSON_STRING, raw.data());
			j->tok[i].str = { raw.data() + 1, static_cast<uint32_t>(n - 2), 1 };
			return true;
		}
		std::string_view s;
		if (v.get_string().get(s) != SUCCESS)
			return fail(raw.data(), "invalid escape in a string");
		i = push(CLB_JSON_STRING, raw.data());
		j->tok[i].str = { s.data(), static_cast<uint32_t>(s.size()), 0 };
		return true;
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
	bool scalar(std::string_view raw) {
		size_t n = trimmed(raw);
		auto is = [&](const char *word) {
			return n == strlen(word) && memcmp(raw.data(), word, n) == 0;
		};
		if (is("true"))
			push(CLB_JSON_TRUE, raw.data());
		else if (is("false"))
			push(CLB_JSON_FALSE, raw.data());
		else if (is("null"))
			push(CLB_JSON_NULL, raw.data());
		else if (is_number(raw.data(), n)) {
			size_t i = push(CLB_JSON_NUMBER, raw.data());
			j->tok[i].str = { raw.data(), static_cast<uint32_t>(n), 1 };
		} else
			return fail(raw.data(), "invalid value");
		return true;
	}
	// shape: what of the value is wanted, nullptr for all of it.
	template <typename V> bool value(V &v, int depth, const clb_json_shape *shape) {
		if (shape != nullptr && shape->sub == nullptr)
			shape = nullptr;
		std::string_view raw = v.raw_json_token();
		// Behind the last token of a broken document come the parser's
		// sentinels, whose lengths mean nothing.
		if (raw.data() < doc || raw.data() >= doc + len)
			return fail(raw.data(), "the document ends too early");
		if (raw.empty())
			return fail(raw.data(), "value expected");
		if (raw[0] == '"')
			return string(v, raw);
		if (raw[0] != '{' && raw[0] != '[')
			return scalar(raw);
		if (depth == MAX_DEPTH)
			return fail(raw.data(), "nested too deep");
		size_t i = push(raw[0] == '{' ? CLB_JSON_OBJECT : CLB_JSON_ARRAY, raw.data());
		error_code ec = SUCCESS;
		const char *at = raw.data();
		if (raw[0] == '{') {
			ondemand::object o;
			if ((ec = v.get_object().get(o)) == SUCCESS)
				for (auto r : o) {
					ondemand::field f;
					if ((ec = std::move(r).get(f)) != SUCCESS)
						break;
					at = f.key().raw();
					const clb_json_shape *s = shape;
					if (!key(f, &s))
						return false;
					if (shape != nullptr && s == nullptr)
						continue;	// the iterator passes over the value
					if (!value(f.value(), depth + 1, s))
						return false;
				}
		} else {
			ondemand::array a;
			if ((ec = v.get_array().get(a)) == SUCCESS)
				for (auto r : a) {
					ondemand::value w;
					if ((ec = std::move(r).get(w)) != SUCCESS)
						break;
					if (!value(w, depth + 1, shape))
						return false;
				}
		}
		if (ec != SUCCESS)
			return fail(at, what(ec));
		j->tok[i].next = static_cast<uint32_t>(j->n);
		return true;
	}
};

} // namespace

extern "C" int
clb_json_parse_shape(struct clb_json *j, const char *p, size_t n,
    const struct clb_json_shape *shape)
{
	walker w = { j, p, n, memchr(p, '\\', n) != nullptr };
	ondemand::document doc;
	std::string_view raw;

	if (j->impl == nullptr)
		j->impl = new ondemand::parser;
	auto parser = static_cast<ondemand::parser *>(j->impl);
	j->n = 0;
	// Newer versions of the parser skip it.
	if (n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
		return w.fail(p, "byte order mark before the document") ? 0 : -1;
	error_code ec = parser->iterate(p, n, n + SIMDJSON_PADDING).get(doc);
	if (ec != SUCCESS)
		return w.fail(p, what(ec)) ? 0 : -1;
	if (doc.raw_json_token().get(raw) != SUCCESS || raw.empty())
		return w.fail(p, "value expected") ? 0 : -1;
	if (raw[0] == '{' || raw[0] == '[') {
		ondemand::value v;
		if ((ec = doc.get_value().get(v)) != SUCCESS)
			return w.fail(p, what(ec)) ? 0 : -1;
		if (!w.value(v, 0, shape))
			return -1;
		const char *at;
		if (doc.current_location().get(at) == SUCCESS)
			return w.fail(at, "text behind the end of the document") ? 0 : -1;
		return 0;
	}
	if (raw.data() + raw.size() < p + n)
		return w.fail(raw.data() + raw.size(), "text behind the end of the document") ? 0 : -1;
	return w.value(doc, 0, shape) ? 0 : -1;
}

extern "C" int
clb_json_parse(struct clb_json *j, const char *p, size_t n)
{
	return clb_json_parse_shape(j, p, n, nullptr);
}

extern "C" void
clb_json_release(struct clb_json *j)
{
	delete static_cast<ondemand::parser *>(j->impl);
	free(j->tok);
	memset(j, 0, sizeof(*j));
}
