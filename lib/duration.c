#include "lib/duration.h"

#define MAX_MS (INT64_MAX / 1000000)	/* Prometheus counts nanoseconds */

/* exact: the formatter uses the unit only if nothing remains below it. */
static const struct {
	const char *name;
	int64_t ms;
	int exact;
} units[] = {
	{ "y", 365 * 86400000LL, 1 },
	{ "w", 7 * 86400000LL, 1 },
	{ "d", 86400000, 0 },
	{ "h", 3600000, 0 },
	{ "m", 60000, 0 },
	{ "s", 1000, 0 },
	{ "ms", 1, 0 },
};
#define NUNITS (sizeof(units) / sizeof(units[0]))

static int
fail(const char **why, const char *text)
{
	*why = text;
	return -1;
}

/* The unit that s spells up to the next digit; NUNITS if none does. */
static size_t
unit_at(struct clb_str s, uint32_t *i)
{
	uint32_t start = *i;
	size_t u;

	while (*i < s.n && (s.s[*i] < '0' || s.s[*i] > '9'))
		++*i;
	for (u = 0; u < NUNITS; u++)
		if (strlen(units[u].name) == *i - start &&
		    memcmp(units[u].name, s.s + start, *i - start) == 0)
			break;
	return u;
}

int
clb_duration_parse(struct clb_str s, int64_t *ms, const char **why)
{
	static const char bad[] = "not a valid duration string";
	size_t u, least = 0;
	int64_t v, sum = 0;
	uint32_t i = 0, start;
	int huge = 0;

	if (s.n == 0)
		return fail(why, "empty duration string");
	*ms = 0;
	if (s.n == 1 && s.s[0] == '0')
		return 0;
	while (i < s.n) {
		for (start = i, v = 0; i < s.n && s.s[i] >= '0' && s.s[i] <= '9'; i++)
			if (__builtin_mul_overflow(v, 10, &v) ||
			    __builtin_add_overflow(v, s.s[i] - '0', &v)) {
				huge = 1;
				v = 0;
			}
		if (i == start || (u = unit_at(s, &i)) < least || u == NUNITS)
			return fail(why, bad);
		least = u + 1;
		if (__builtin_mul_overflow(v, units[u].ms, &v) ||
		    __builtin_add_overflow(sum, v, &sum) || sum > MAX_MS) {
			huge = 1;
			sum = 0;
		}
	}
	if (huge)
		return fail(why, "duration out of range");
	*ms = sum;
	return 0;
}

char *
clb_duration_format(int64_t ms, char buf[CLB_DURATION_MAX])
{
	char *p = buf;
	size_t u;

	if (ms == 0)
		return strcpy(buf, "0s");
	for (u = 0; u < NUNITS; u++) {
		if (ms < units[u].ms || (units[u].exact && ms % units[u].ms != 0))
			continue;
		p += snprintf(p, (size_t)(buf + CLB_DURATION_MAX - p), "%lld%s",
		    (long long)(ms / units[u].ms), units[u].name);
		ms %= units[u].ms;
	}
	return buf;
}
