#include "lib/scale.h"

struct clb_scale_answer
clb_scale(const struct clb_scale *s)
{
	uint64_t n = s->targets / s->targets_per_replica +
	    (s->targets % s->targets_per_replica != 0);

	if (n < s->min)
		return (struct clb_scale_answer){ s->min, "min" };
	if (n > s->max)
		return (struct clb_scale_answer){ s->max, "max" };
	return (struct clb_scale_answer){ n, "targets" };
}

/* A number, or null for the one that stands for none. */
static void
add_number(struct clb_buf *out, const char *key, uint64_t v)
{
	if (v == UINT64_MAX)
		clb_buf_printf(out, "\"%s\":null", key);
	else
		clb_buf_printf(out, "\"%s\":%llu", key, (unsigned long long)v);
}

void
clb_scale_json(struct clb_buf *out, const struct clb_scale *s, const struct clb_scale_answer *a)
{
	clb_buf_addc(out, '{');
	add_number(out, "current", s->current);
	clb_buf_addc(out, ',');
	add_number(out, "desired", a->desired);
	clb_buf_addc(out, ',');
	add_number(out, "max", s->max);
	clb_buf_addc(out, ',');
	add_number(out, "min", s->min);
	clb_buf_printf(out, ",\"rule\":\"%s\",", a->rule);
	add_number(out, "targets", s->targets);
	clb_buf_addc(out, ',');
	add_number(out, "targets_per_replica", s->targets_per_replica);
	clb_buf_add(out, "}\n", 2);
}
