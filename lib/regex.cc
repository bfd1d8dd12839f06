// The shim over RE2: see regex.h.
#include <re2/re2.h>

#include <memory>
#include <string>
#include <vector>

extern "C" {
#include "lib/regex.h"
}

// What follows the literal text of an expression that needs no engine.
enum tail { ENGINE, NOTHING, ANY, SOME };

struct clb_regex {
	std::unique_ptr<RE2> re;
	std::vector<std::string> names;	// of group i + 1; empty where it has none
	std::string literal;
	enum tail tail;
	int groups;
	bool newline;			// . matches it

	// Most rules are a literal, or a literal and then anything: comparing
	// bytes is ten times as fast as RE2 there. Values are UTF-8, so that
	// . matches every character but perhaps a newline.
	void simplify(const std::string &text) {
		static const struct {
			const char *text;
			enum tail tail;
		} tails[] = {
			{ "(.*)", ANY }, { "(.+)", SOME }, { ".*", ANY }, { ".+", SOME }, { "", NOTHING }
		};
		for (const auto &t : tails) {
			size_t n = strlen(t.text), lit = text.size() - n;
			if (text.size() < n || text.compare(lit, n, t.text) != 0)
				continue;
			if (text.find_first_of("\\.+*?()|[]{}^$") < lit)
				return;
			literal = text.substr(0, lit);
			tail = t.tail;
			return;
		}
	}
	bool simple_match(struct clb_str s) const {
		size_t n = literal.size();
		if (s.n < n + (tail == SOME) || memcmp(s.s, literal.data(), n) != 0)
			return false;
		return tail == NOTHING ? s.n == n :
		    newline || memchr(s.s + n, '\n', s.n - n) == nullptr;
	}
};

namespace {

bool
is_name(const std::string &s)
{
	for (unsigned char c : s)
		if (!isalnum(c) && c != '_')
			return false;
	return !s.empty();
}

// Walks an expression as far as needed to find its groups: RE2 of Debian 12
// knows no (?<name>…) and no name twice, Go does. Names are kept here and the
// groups handed to RE2 without them.
class scanner {
public:
	scanner(const char *p, const char *end) : p(p), end(end) {}

	// Returns nullptr, or what is wrong.
	const char *run(std::string &out, std::vector<std::string> &names) {
		while (p < end) {
			if (*p == '\\') {
				const char *why = escape(out);
				if (why != nullptr)
					return why;
			} else if (*p == '[') {
				const char *why = char_class(out);
				if (why != nullptr)
					return why;
			} else if (*p == '(') {
				const char *why = group(out, names);
				if (why != nullptr)
					return why;
			} else {
				out += *p++;
			}
		}
		return nullptr;
	}

private:
	const char *p, *end;

	bool at(const char *lit) const {
		size_t n = strlen(lit);
		return static_cast<size_t>(end - p) >= n && memcmp(p, lit, n) == 0;
	}
	const char *escape(std::string &out) {
		if (end - p < 2) {
			out += *p++;
			return nullptr;
		}
		if (p[1] == 'C')
			return "invalid escape sequence: `\\C`";
		if (p[1] == 'Q') {
			while (p < end && !at("\\E"))
				out += *p++;
			if (p == end)
				return nullptr;
		}
		out.append(p, 2);
		p += 2;
		return nullptr;
	}
	const char *char_class(std::string &out) {
		out += *p++;
		if (p < end && *p == '^')
			out += *p++;
		if (p < end && *p == ']')
			out += *p++;
		while (p < end && *p != ']') {
			if (*p == '\\' && end - p >= 2) {
				if (p[1] == 'C')
					return "invalid escape sequence: `\\C`";
				out.append(p, 2);
				p += 2;
			} else if (at("[:")) {
				const char *q = p + 2;
				while (q < end - 1 && !(q[0] == ':' && q[1] == ']'))
					q++;
				q = q < end - 1 ? q + 2 : p + 2;
				out.append(p, q - p);
				p = q;
			} else {
				out += *p++;
			}
		}
		if (p < end)
			out += *p++;
		return nullptr;
	}
	const char *group(std::string &out, std::vector<std::string> &names) {
		out += *p++;
		if (p == end || *p != '?') {
			names.emplace_back();
			return nullptr;
		}
		size_t skip = at("?P<") ? 3 : at("?<") && !at("?<=") && !at("?<!") ? 2 : 0;
		if (skip == 0)
			return nullptr;
		const char *close = static_cast<const char *>(memchr(p, '>', end - p));
		std::string name(p + skip, close != nullptr ? close : end);
		if (close == nullptr || !is_name(name))
			return "invalid named capture";
		names.push_back(name);
		p = close + 1;
		return nullptr;
	}
};

} // namespace

extern "C" struct clb_regex *
clb_regex_new(struct clb_str text, int compat, char *why, size_t why_size)
{
	auto re = std::make_unique<clb_regex>();
	std::string full = compat >= CLB_VERSION(3, 0) ? "^(?s:" : "^(?:", out;
	RE2::Options options;

	full.append(text.s, text.n);
	full += ")$";
	const char *wrong = scanner(full.data(), full.data() + full.size())
	    .run(out, re->names);
	if (wrong != nullptr) {
		snprintf(why, why_size, "error parsing regexp: %s", wrong);
		return nullptr;
	}
	options.set_log_errors(false);
	options.set_max_mem(64 << 20);
	re->re = std::make_unique<RE2>(out, options);
	if (!re->re->ok()) {
		snprintf(why, why_size, "error parsing regexp: %s", re->re->error().c_str());
		return nullptr;
	}
	re->tail = ENGINE;
	re->groups = re->re->NumberOfCapturingGroups();
	re->newline = compat >= CLB_VERSION(3, 0);
	re->simplify(std::string(text.s, text.n));
	return re.release();
}

extern "C" void
clb_regex_free(struct clb_regex *re)
{
	delete re;
}

extern "C" int
clb_regex_match(const struct clb_regex *re, struct clb_str s)
{
	if (re->tail != ENGINE)
		return re->simple_match(s);
	return re->re->Match(re2::StringPiece(s.s, s.n), 0, s.n, RE2::UNANCHORED,
	    nullptr, 0);
}

extern "C" int
clb_regex_may_match(const struct clb_regex *re, struct clb_str s)
{
	return re->tail == ENGINE || re->simple_match(s);
}

extern "C" int
clb_regex_groups(const struct clb_regex *re)
{
	return re->groups;
}

extern "C" int
clb_regex_captures(const struct clb_regex *re, struct clb_str s,
    struct clb_str *group, int n)
{
	const int MAX = 16;
	re2::StringPiece few[MAX];
	std::vector<re2::StringPiece> many;
	re2::StringPiece *got = few;

	if (re->tail != ENGINE) {
		uint32_t lit = static_cast<uint32_t>(re->literal.size());
		if (!re->simple_match(s))
			return 0;
		const struct clb_str rest = { s.s + lit, s.n - lit, s.plain };
		const struct clb_str none = { nullptr, 0, 0 };
		for (int i = 0; i < n; i++)
			group[i] = i == 0 ? s : i <= re->groups ? rest : none;
		return 1;
	}
	if (n > MAX) {
		many.resize(n);
		got = many.data();
	}
	if (!re->re->Match(re2::StringPiece(s.s, s.n), 0, s.n, RE2::UNANCHORED, got, n))
		return 0;
	for (int i = 0; i < n; i++)
		group[i] = { got[i].data(), static_cast<uint32_t>(got[i].size()), s.plain };
	return 1;
}

extern "C" int
clb_regex_named(const struct clb_regex *re, struct clb_str name, int *number, int max)
{
	int n = 0;

	for (size_t i = 0; i < re->names.size() && n < max; i++)
		if (re->names[i].size() == name.n &&
		    memcmp(re->names[i].data(), name.s, name.n) == 0)
			number[n++] = static_cast<int>(i + 1);
	return n;
}
