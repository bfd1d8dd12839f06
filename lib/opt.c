#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/opt.h"

int
clb_opt_uint(const char *option, const char *text, uint64_t min, uint64_t max,
    uint64_t *v, struct clb_err *e)
{
	errno = 0;
	*v = strtoull(text, NULL, 10);
	if (errno != 0 || *text == '\0' || text[strspn(text, "0123456789")] != '\0' ||
	    *v < min || *v > max)
		return clb_err_set(e, EX_USAGE, "%s: '%s' is not a number from %" PRIu64
		    " to %" PRIu64, option, text, min, max);
	return 0;
}

/* No program sets a locale, so the point is a point. */
int
clb_opt_real(const char *option, const char *text, double max, double *v,
    struct clb_err *e)
{
	char *end;

	*v = strtod(text, &end);
	if (end == text || *end != '\0' || text[strspn(text, "0123456789.")] != '\0' ||
	    *v > max)
		return clb_err_set(e, EX_USAGE, "%s: '%s' is not a number from 0 to %g",
		    option, text, max);
	return 0;
}
