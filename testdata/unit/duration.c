/* Durations: Prometheus's grammar and its formatter. */
#include "lib/duration.h"
#include "testdata/unit/check.h"

#define YEAR (365 * 86400000LL)
#define BAD "not a valid duration string"

static const struct {
	const char *text;
	int64_t ms;
	const char *formatted;	/* NULL: as text */
} good[] = {
	{ "0", 0, "0s" }, { "0s", 0, NULL }, { "0y", 0, "0s" }, { "1ms", 1, NULL },
	{ "1s", 1000, NULL }, { "1000ms", 1000, "1s" }, { "1500ms", 1500, "1s500ms" },
	{ "60s", 60000, "1m" }, { "90s", 90000, "1m30s" }, { "90m", 5400000, "1h30m" },
	{ "007s", 7000, "7s" }, { "24h", 86400000, "1d" }, { "7d", 7 * 86400000LL, "1w" },
	{ "8d", 8 * 86400000LL, NULL }, { "14d", 14 * 86400000LL, "2w" },
	{ "1w1d", 8 * 86400000LL, "8d" }, { "1w1s", 7 * 86400000LL + 1000, "7d1s" },
	{ "365d", YEAR, "1y" }, { "366d", YEAR + 86400000, NULL },
	{ "1y1w", YEAR + 7 * 86400000LL, "372d" }, { "1y1ms", YEAR + 1, "365d1ms" },
	{ "1y2w3d4h5m6s7ms", YEAR + 17 * 86400000LL + 14706007, "382d4h5m6s7ms" },
	{ "292y", 292 * YEAR, NULL }, { "9223372036854ms", 9223372036854, "106751d23h47m16s854ms" },
	{ "00000000000000000000000000000000001s", 1000, "1s" },
};

static const struct {
	const char *text, *why;
} bad[] = {
	{ "", "empty duration string" }, { "30", BAD }, { "00", BAD }, { "1h30", BAD },
	{ "30m1h", BAD }, { "1s1s", BAD }, { "1ms1s", BAD }, { "1.5s", BAD }, { "-1s", BAD },
	{ "+1s", BAD }, { "1m 30s", BAD }, { " 1s", BAD }, { "1s ", BAD }, { "1us", BAD },
	{ "1M", BAD }, { "s", BAD }, { "1", BAD }, { "1\xc3\xa9", BAD }, { "0x1s", BAD },
	{ "300y", "duration out of range" }, { "293y", "duration out of range" },
	{ "9223372036855ms", "duration out of range" },
	{ "99999999999999999999s", "duration out of range" },
	{ "106752d", "duration out of range" }, { "292y365d", "duration out of range" },
	{ "99999999999999999999y1x", BAD },
};

static void
parse_and_format(void)
{
	char buf[CLB_DURATION_MAX];
	const char *why, *want;
	int64_t ms;
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		why = "";
		CHECK(clb_duration_parse(clb_str(good[i].text), &ms, &why) == 0, "%s: %s",
		    good[i].text, why);
		CHECK(ms == good[i].ms, "%s: %lld", good[i].text, (long long)ms);
		want = good[i].formatted != NULL ? good[i].formatted : good[i].text;
		CHECK(strcmp(clb_duration_format(ms, buf), want) == 0, "%s: %s", want, buf);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		why = "";
		CHECK(clb_duration_parse(clb_str(bad[i].text), &ms, &why) == -1, "%s",
		    bad[i].text);
		CHECK(strcmp(why, bad[i].why) == 0, "%s: %s", bad[i].text, why);
	}
	CHECK(clb_duration_parse((struct clb_str){ "1s\0", 3, 0 }, &ms, &why) == -1, "NUL");
}

/* What is formatted means the same again. */
static void
round_trip(void)
{
	char buf[CLB_DURATION_MAX];
	uint64_t state = 1;
	const char *why;
	int64_t ms, back;

	for (int i = 0; i < 100000; i++) {
		ms = (int64_t)(check_random(&state) >> (20 + i % 44)) % 9223372036855;
		if (i % 3 == 0)
			ms = ms / 86400000 * 86400000;
		clb_duration_format(ms, buf);
		CHECK(clb_duration_parse(clb_str(buf), &back, &why) == 0 && back == ms,
		    "%lld: %s", (long long)ms, buf);
	}
}

int
main(void)
{
	parse_and_format();
	round_trip();
	return check_end();
}
