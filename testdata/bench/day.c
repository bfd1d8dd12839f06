/*
 * The day of testdata/bench/day.h with some thousand targets, as a picture:
 * make bench-schedule.
 *
 *	day SVG [targets]
 *
 * Exit status: 1 if what must not happen did.
 */
#include <stdio.h>

#include "testdata/bench/day.h"

#define WIDTH 1100
#define LEFT 80
#define RIGHT 30
#define TOP 96
#define PANEL 170		/* a panel's height, */
#define GAP 56			/* and what is between two */
#define PANELS 4
#define BIN 10			/* steps, five minutes */

#define BLUE "#1f5fa8"
#define ORANGE "#d9730d"
#define GREY "#8a8a8a"
#define RED "#b3261e"

static struct day d;

/* ---- drawing ---- */

struct panel {
	FILE *f;
	double y;	/* of its bottom */
	double lo, hi;	/* the values of bottom and top */
};

static double
x_of(double second)
{
	return LEFT + second / DAY_SECONDS * (WIDTH - LEFT - RIGHT);
}

static double
y_of(const struct panel *p, double v)
{
	double part = (v - p->lo) / (p->hi - p->lo);

	return p->y - PANEL * fmin(fmax(part, 0), 1);
}

static void
text(FILE *f, double x, double y, const char *attributes, const char *s)
{
	fprintf(f, "<text x=\"%.1f\" y=\"%.1f\" %s>%s</text>\n", x, y, attributes, s);
}

/* Frame, title, a line every so many units, and the hours. */
static struct panel
begin_panel(FILE *f, int k, const char *title, double lo, double hi, double unit,
    const char *format)
{
	struct panel p = { f, TOP + k * (PANEL + GAP) + PANEL, lo, hi };
	char label[32];

	text(f, LEFT, p.y - PANEL - 10, "class=\"title\"", title);
	for (double v = lo; v <= hi + unit / 1000; v += unit) {
		fprintf(f, "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" class=\"grid\"/>\n",
		    LEFT, WIDTH - RIGHT, y_of(&p, v), y_of(&p, v));
		snprintf(label, sizeof(label), format, v);
		text(f, LEFT - 8, y_of(&p, v) + 4, "class=\"end\"", label);
	}
	for (int hour = 0; hour <= 24; hour += 2) {
		fprintf(f, "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" class=\"tick\"/>\n",
		    x_of(hour * 3600), x_of(hour * 3600), p.y, p.y + 4);
		snprintf(label, sizeof(label), "%02d:00", hour);
		text(f, x_of(hour * 3600), p.y + 18, "class=\"middle\"", label);
	}
	return p;
}

/* A legend's entry; returns where the next one begins. */
static double
legend(const struct panel *p, double x, const char *style, const char *name)
{
	double y = p->y - PANEL - 14;

	fprintf(p->f, "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" %s/>\n", x, x + 22, y, y,
	    style);
	text(p->f, x + 28, y + 4, "class=\"start\"", name);
	return x + 28 + 6.6 * (double)strlen(name) + 20;
}

/* The line of value(sample), in steps or straight from one to the next. */
static void
line(const struct panel *p, double (*value)(const struct day_sample *), int stepped,
    const char *style)
{
	double last = NAN;

	fprintf(p->f, "<path %s d=\"", style);
	for (size_t i = 0; i < DAY_STEPS; i++) {
		double v = value(&d.sample[i]), x = x_of((double)i * DAY_STEP);

		if (stepped && i > 0 && v == last && i + 1 < DAY_STEPS)
			continue;
		if (i == 0)
			fprintf(p->f, "M%.1f %.1f", x, y_of(p, v));
		else if (stepped)
			fprintf(p->f, "H%.1fV%.1f", x, y_of(p, v));
		else
			fprintf(p->f, "L%.1f %.1f", x, y_of(p, v));
		last = v;
	}
	fprintf(p->f, "\"/>\n");
}

static double targets(const struct day_sample *s) { return s->targets; }
static double desired(const struct day_sample *s) { return s->desired; }
static double ready(const struct day_sample *s) { return s->ready; }
static double imbalance(const struct day_sample *s) { return s->imbalance; }
static double needed(const struct day_sample *s) { return s->weight / (double)d.per_replica; }

/* Targets that moved in five minutes from step i on, by why. */
static void
moves(size_t i, double v[2])
{
	v[0] = v[1] = 0;
	for (size_t k = i; k < i + BIN; k++) {
		v[0] += d.sample[k].balance;
		v[1] += d.sample[k].departed;
	}
}

/* One on top of the other. */
static void
bars(const struct panel *p)
{
	static const char *const colour[] = { RED, ORANGE };

	for (size_t i = 0; i < DAY_STEPS; i += BIN) {
		double v[2], under = 0;

		moves(i, v);
		for (int c = 0; c < 2; c++) {
			if (v[c] > 0)
				fprintf(p->f, "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" "
				    "fill=\"%s\"/>\n", x_of((double)i * DAY_STEP),
				    y_of(p, under + v[c]), (double)(WIDTH - LEFT - RIGHT) * BIN /
				    DAY_STEPS, y_of(p, under) - y_of(p, under + v[c]), colour[c]);
			under += v[c];
		}
	}
}

/* A time, or a while, that the day is about, through all panels; its name in row 0 or 1. */
static void
event(FILE *f, double from, double to, int row, const char *name)
{
	double bottom = TOP + PANELS * (PANEL + GAP) - GAP, wide = x_of(to) - x_of(from);
	double x = x_of(from) + wide / 2, y = TOP - 26 - 18 * row;

	fprintf(f, "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%.1f\" class=\"event\"/>\n",
	    x_of(from), TOP - 4, wide, bottom - TOP + 4);
	text(f, x, y, "class=\"what\"", name);
	fprintf(f, "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%d\" class=\"tick\"/>\n",
	    x, x, y + 4, TOP - 4);
}

/* The next of 1, 2, 5, 10, 20, … that divides v into no more than six. */
static double
unit_for(double v)
{
	double unit = pow(10, floor(log10(v / 6)));

	return v / unit <= 6 ? unit : v / unit <= 12 ? 2 * unit : v / unit <= 30 ? 5 * unit : 10 * unit;
}

static double
most(double (*value)(const struct day_sample *))
{
	double v = 0;

	for (size_t i = 0; i < DAY_STEPS; i++)
		v = fmax(v, value(&d.sample[i]));
	return v;
}

static double
least(double (*value)(const struct day_sample *))
{
	double v = value(&d.sample[0]);

	for (size_t i = 0; i < DAY_STEPS; i++)
		v = fmin(v, value(&d.sample[i]));
	return v;
}

static double
most_moves(void)
{
	double most_yet = 0, v[2];

	for (size_t i = 0; i < DAY_STEPS; i += BIN) {
		moves(i, v);
		most_yet = fmax(most_yet, v[0] + v[1]);
	}
	return most_yet;
}

/* A panel from 0 to a round number that is not below v. */
static struct panel
from_zero(FILE *f, int k, const char *title, double v)
{
	double unit = unit_for(v);

	return begin_panel(f, k, title, 0, ceil(v / unit) * unit, unit, "%.0f");
}

static void
draw(FILE *f)
{
	int height = TOP + PANELS * (PANEL + GAP);
	struct panel p;
	double x;

	fprintf(f, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
	    "viewBox=\"0 0 %d %d\">\n<style>\n"
	    "text { font: 12px sans-serif; fill: #222222 }\n"
	    ".title { font-weight: bold; font-size: 13px }\n"
	    ".head { font-weight: bold; font-size: 16px }\n"
	    ".end { text-anchor: end }\n.middle { text-anchor: middle }\n"
	    ".what { text-anchor: middle; fill: #555555 }\n"
	    ".grid { stroke: #dddddd }\n.tick { stroke: #888888 }\n"
	    ".event { fill: #f0e6c8; fill-opacity: 0.7 }\n"
	    "path { fill: none; stroke-width: 1.6 }\n</style>\n"
	    "<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>\n", WIDTH, height, WIDTH, height,
	    WIDTH, height);
	text(f, LEFT, 26, "class=\"head\"", "A day of churn: targets, collectors, balance and moves");
	event(f, DAY_GROWS, DAY_GROWN, 0, "a job grows tenfold");
	event(f, DAY_DIES, DAY_RETURNS, 1, "a collector is dead");
	event(f, DAY_SHRINKS, DAY_SHRUNK, 0, "the job shrinks again");

	p = from_zero(f, 0, "Targets", most(targets));
	line(&p, targets, 0, "stroke=\"" BLUE "\"");

	p = from_zero(f, 1, "Collectors", fmax(most(desired), most(needed)));
	x = legend(&p, LEFT + 110, "stroke=\"" GREY "\" stroke-width=\"1.2\"",
	    "weight over weight per replica");
	x = legend(&p, x, "stroke=\"" ORANGE "\" stroke-width=\"3\"", "desired");
	legend(&p, x, "stroke=\"" BLUE "\" stroke-width=\"1.6\"", "ready");
	line(&p, needed, 0, "stroke=\"" GREY "\" style=\"stroke-width: 1.2\"");
	line(&p, desired, 1, "stroke=\"" ORANGE "\" style=\"stroke-width: 3\"");
	line(&p, ready, 1, "stroke=\"" BLUE "\"");

	p = begin_panel(f, 2, "Balance", 1, 1.1, 0.02, "%.2f");
	x = legend(&p, LEFT + 110, "stroke=\"" BLUE "\" stroke-width=\"1.6\"",
	    "greatest load over mean load");
	legend(&p, x, "stroke=\"" RED "\" stroke-dasharray=\"5 3\"", "tolerance");
	line(&p, imbalance, 0, "stroke=\"" BLUE "\" style=\"stroke-width: 0.8\"");
	fprintf(f, "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"" RED "\" "
	    "stroke-dasharray=\"5 3\"/>\n", LEFT, WIDTH - RIGHT, y_of(&p, 1 + d.tolerance),
	    y_of(&p, 1 + d.tolerance));

	p = from_zero(f, 3, "Targets that move, in five minutes", most_moves());
	x = legend(&p, LEFT + 290, "stroke=\"" ORANGE "\" stroke-width=\"8\"",
	    "their collector drains or is dead");
	legend(&p, x, "stroke=\"" RED "\" stroke-width=\"8\"", "for balance");
	bars(&p);
	fprintf(f, "</svg>\n");
}

int
main(int argc, char *argv[])
{
	const char *fault;
	FILE *f;

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: day SVG [TARGETS]\n");
		return 64;
	}
	d.size = argc > 2 ? strtod(argv[2], NULL) : 8000;
	d.per_replica = (uint64_t)(50 * d.size);
	d.tolerance = 0.05;
	day_run(&d, 1);
	if ((f = fopen(argv[1], "w")) == NULL)
		err(1, "%s", argv[1]);
	draw(f);
	if (fclose(f) != 0)
		err(1, "%s", argv[1]);
	printf("A day of %.0f to %.0f targets: the number of collectors changed %u times, and %u times the\n"
	    "other way than before, %.1f hours later at least. %llu targets came; %llu moved\n"
	    "because their collector drained or died, and %llu for balance, of which %llu moved back\n"
	    "within ten minutes. The greatest load was never more than %.3f times the least that it can be.\n",
	    least(targets), most(targets), (unsigned)d.changes, (unsigned)d.turns,
	    (double)d.soonest_turn / 3600, (unsigned long long)d.placed,
	    (unsigned long long)d.departed, (unsigned long long)d.balance,
	    (unsigned long long)d.back, d.worst);
	if ((fault = day_fault(&d)) != NULL)
		errx(1, "%s", fault);
	return 0;
}
