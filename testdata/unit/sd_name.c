/* Names of files: a URL's spelling of the name, never one for two names, and never too long. */
#include <stdio.h>
#include <stdlib.h>

#include "lib/sd_name.h"
#include "testdata/unit/check.h"

#define MOST 243

static const struct {
	const char *name, *file;
} cases[] = {
	{ "", "" }, { "node", "node" }, { "a/b", "a%2Fb" }, { "a b", "a+b" }, { "a+b", "a%2Bb" },
	{ "a%2Fb", "a%252Fb" }, { "~-_.", "~-_." }, { ".", "%2E" }, { "..", "%2E." },
	{ ".a", "%2Ea" }, { "=", "%3D" }, { "\303\251", "%C3%A9" }, { "!*'()", "%21%2A%27%28%29" },
	{ "\n\177", "%0A%7F" },
};

/* The name that s was made of, as url.QueryUnescape finds it. */
static size_t
unescape(char *out, const char *s, size_t n)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		char hex[3] = { 0 };

		if (s[i] != '%') {
			out[len++] = s[i] == '+' ? ' ' : s[i];
			continue;
		}
		memcpy(hex, s + i + 1, 2);
		out[len++] = (char)strtol(hex, NULL, 16);
		i += 2;
	}
	return len;
}

int
main(void)
{
	struct clb_buf file = { NULL, 0, 0 }, query = { NULL, 0, 0 };
	char name[600], back[600];
	uint64_t seed = 3;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		file.n = 0;
		clb_sd_file_name(&file, clb_str(cases[i].name));
		CHECK(clb_str_eq((struct clb_str){ file.p, (uint32_t)file.n, 0 }, clb_str(cases[i].file)),
		    "'%s' becomes '%.*s'", cases[i].name, (int)file.n, file.p);
	}
	for (int round = 0; round < 20000; round++) {
		uint32_t n = (uint32_t)(check_random(&seed) % (round % 10 == 0 ? sizeof(name) : 40));
		struct clb_str str = { name, n, 0 };
		int is_cut;

		for (uint32_t i = 0; i < n; i++) {
			name[i] = (char)check_random(&seed);
			if (check_random(&seed) % 2 == 0)
				name[i] = "ab.~/ %+=-"[check_random(&seed) % 10];
		}
		file.n = query.n = 0;
		clb_sd_file_name(&file, str);
		clb_sd_query_escape(&query, str);
		clb_buf_addc(&file, '\0');
		CHECK(unescape(back, query.p, query.n) == n && memcmp(back, name, n) == 0,
		    "round %d: the query is not the name", round);
		CHECK(file.n - 1 <= MOST && (n == 0 || clb_sd_is_file_name(file.p)),
		    "round %d: '%s' is no file name", round, file.p);
		is_cut = strchr(file.p, '=') != NULL;
		CHECK(is_cut || (unescape(back, file.p, file.n - 1) == n && memcmp(back, name, n) == 0),
		    "round %d: '%s' is not the name", round, file.p);
		CHECK(is_cut == (query.n + (n > 0 && *name == '.' ? 2 : 0) > MOST),
		    "round %d: '%s' is cut, or is not", round, file.p);
		CHECK(is_cut || (n > 0 && *name == '.') ||
		    (query.n == file.n - 1 && memcmp(query.p, file.p, query.n) == 0),
		    "round %d: '%s' is not as in a URL", round, file.p);
	}
	clb_buf_release(&file);
	clb_buf_release(&query);
	return check_end();
}
