#include <stdlib.h>
#include <string.h>

#include "lib/compat.h"

static const char *
number(const char *s, long *v)
{
	size_t n = strspn(s, "0123456789");

	if (n == 0 || n > 3)
		return NULL;
	*v = strtol(s, NULL, 10);
	return s + n;
}

int
clb_compat_parse(const char *text, struct clb_err *e)
{
	long major, minor = -1;
	const char *p = number(text, &major);

	if (p != NULL && *p == '.')
		p = number(p + 1, &minor);
	if (p != NULL && *p == '\0') {
		if (minor == -1 && (major == 2 || major == 3))
			return major == 2 ? CLB_VERSION(2, 42) : CLB_VERSION(3, 5);
		if ((major == 2 && minor >= 42) || (major == 3 && minor >= 0))
			return CLB_VERSION((int)major, (int)minor);
	}
	return clb_err_set(e, EX_USAGE,
	    "unknown Prometheus version '%s': give 2, 3 or MAJOR.MINOR from 2.42 on", text);
}
