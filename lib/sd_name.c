#include <inttypes.h>

#include "lib/hash.h"
#include "lib/sd_name.h"

/* 255 less the suffix and a temporary file's seven characters. */
#define NAME_MOST ((size_t)255 - (sizeof(CLB_SD_SUFFIX) - 1) - 7)
#define HASH_LEN 17

static int
is_plain(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	    c == '.' || c == '_' || c == '-' || c == '~';
}

void
clb_sd_query_escape(struct clb_buf *out, struct clb_str name)
{
	for (uint32_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.s[i];

		if (is_plain(c))
			clb_buf_addc(out, (char)c);
		else if (c == ' ')
			clb_buf_addc(out, '+');
		else
			clb_buf_printf(out, "%%%02X", c);
	}
}

void
clb_sd_file_name(struct clb_buf *out, struct clb_str name)
{
	struct clb_labels none = { NULL, 0, 0 };
	struct clb_buf scratch = { NULL, 0, 0 };
	struct clb_str rest = name;
	size_t start = out->n, cut = start + NAME_MOST - HASH_LEN;

	if (name.n > 0 && *name.s == '.') {
		clb_buf_adds(out, "%2E");
		rest.s++;
		rest.n--;
	}
	clb_sd_query_escape(out, rest);
	if (out->n - start <= NAME_MOST)
		return;
	if (out->p[cut - 1] == '%')
		cut--;
	else if (out->p[cut - 2] == '%')
		cut -= 2;
	out->n = cut;
	clb_buf_printf(out, "=%016" PRIx64, clb_hash_target(name, &none, &scratch));
	clb_buf_release(&scratch);
}

int
clb_sd_is_file_name(const char *name)
{
	if (*name == '.' || *name == '\0')
		return 0;
	for (; *name != '\0'; name++)
		if (!is_plain((unsigned char)*name) && *name != '%' && *name != '+' && *name != '=')
			return 0;
	return 1;
}
