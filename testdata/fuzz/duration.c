/* Durations: what is read, written and read again is the same. */
#include <stdlib.h>

#include "lib/duration.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	char buf[CLB_DURATION_MAX];
	const char *why = NULL;
	int64_t ms = -1, again = -1;
	struct clb_str s = { (const char *)p, (uint32_t)n, 0 };

	if (clb_duration_parse(s, &ms, &why) == -1) {
		if (why == NULL)
			abort();
		return 0;
	}
	if (ms < 0 || clb_duration_parse(clb_str(clb_duration_format(ms, buf)), &again,
	    &why) == -1 || ms != again)
		abort();
	return 0;
}
