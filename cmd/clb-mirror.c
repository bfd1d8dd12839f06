#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/mirror_write.h"
#include "lib/opt.h"

#define PROG "clb-mirror"

static void
usage(FILE *f, int status)
{
	fprintf(f, "usage: %s -d DIR [--kind KIND] [--begin] list\n"
	    "       %s -d DIR [--kind KIND] [--silence SECONDS] watch\n"
	    "       %s -d DIR position\n", PROG, PROG, PROG);
	exit(status);
}

/* What the command has printed before it failed is true, and has to come out. */
static int
run(const char *command, const char *dir, const char *kind, int begin,
    unsigned silence_s, struct clb_out *out, struct clb_err *e)
{
	struct clb_mirror_writer w;
	struct clb_stream in;
	int rc;

	clb_stream_init(&in, STDIN_FILENO, "<stdin>");
	if ((rc = clb_mirror_open(&w, dir, kind, e)) == 0)
		rc = strcmp(command, "list") == 0 ? clb_mirror_list(&w, &in, begin, out, e) :
		    clb_mirror_watch(&w, &in, silence_s, out, e);
	clb_mirror_close(&w);
	clb_stream_release(&in);
	return rc;
}

int
main(int argc, char *argv[])
{
	enum { BEGIN = 256, KIND, SILENCE };
	static const struct option options[] = {
		{ "begin", no_argument, NULL, BEGIN },
		{ "help", no_argument, NULL, 'h' },
		{ "kind", required_argument, NULL, KIND },
		{ "silence", required_argument, NULL, SILENCE },
		{ NULL, 0, NULL, 0 }
	};
	struct clb_err e = CLB_ERR_INIT;
	struct clb_out out;
	const char *dir = NULL, *kind = NULL, *command;
	uint64_t silence_s = 0;
	int begin = 0, ch;

	while ((ch = getopt_long(argc, argv, "d:h", options, NULL)) != -1)
		switch (ch) {
		case 'd': dir = optarg; break;
		case BEGIN: begin = 1; break;
		case KIND: kind = optarg; break;
		case SILENCE:
			clb_opt_uint("--silence", optarg, 1, 86400, &silence_s, &e);
			break;
		case 'h': usage(stdout, 0); break;
		default: usage(stderr, EX_USAGE);
		}
	if (e.status != 0)
		clb_err_exit(PROG, &e);
	if (dir == NULL || optind != argc - 1)
		usage(stderr, EX_USAGE);
	command = argv[optind];

	clb_out_init(&out, STDOUT_FILENO, "<stdout>");
	if (strcmp(command, "position") == 0) {
		if (clb_mirror_position(dir, &out.buf, &e) == 0)
			clb_buf_addc(&out.buf, '\n');
	} else if (strcmp(command, "list") == 0 || strcmp(command, "watch") == 0) {
		run(command, dir, kind, begin, (unsigned)silence_s, &out, &e);
	} else {
		usage(stderr, EX_USAGE);
	}
	clb_out_close(&out, &e);
	if (e.status != 0)
		clb_err_exit(PROG, &e);
	return 0;
}
