/*
 * Any pattern against any name: the two of a NUL between them. A pattern with a
 * star before and behind that matched must match still.
 */
#include <stdlib.h>

#include "lib/glob.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *pattern = clb_xstrndup((const char *)data, n), *wider, *name;
	size_t used = strlen(pattern) + 1;

	name = used < n ? clb_xstrndup((const char *)data + used, n - used) : clb_xstrdup("");
	if (clb_glob_valid(pattern) && clb_glob_match(pattern, name)) {
		wider = clb_xasprintf("*%s*", pattern);
		if (!clb_glob_valid(wider) || !clb_glob_match(wider, name))
			abort();
		free(wider);
	}
	free(pattern);
	free(name);
	return 0;
}
