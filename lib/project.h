#ifndef CLB_PROJECT_H
#define CLB_PROJECT_H

/*
 * Kubernetes objects cut down to the fields that can make a difference to a
 * target. What two objects have in common after this, discovery cannot tell
 * apart: an event that changes nothing here is no event.
 *
 * A projected object has the names and the nesting of the original, keys
 * sorted, and its kind; null is left out. clb-mirror(5) lists the fields.
 */
#include "lib/err.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/stream.h"

struct clb_kind {
	const char *kind;	/* as in an object: Pod */
	const char *plural;	/* as in a path: pods */
	const char *const *fields;
};

/* The kind of that name, or with that plural; NULL if discovery has no use for it. */
const struct clb_kind *clb_kind_named(const char *kind);
const struct clb_kind *clb_kind_plural(struct clb_str plural);

struct clb_project {
	const struct clb_kind *kind;
	const struct clb_project_node *fields;
	/* What a reader has to hand over: an object or list, and an event with either. */
	struct clb_json_shape list, event;
	struct clb_buf key;	/* of the object last projected: NAMESPACE/NAME, or NAME */
	struct clb_arena arena;
	uint32_t *order;
	size_t order_cap;
};

/* kind must stay. */
void clb_project_init(struct clb_project *p, const struct clb_kind *kind);
void clb_project_release(struct clb_project *p);

/*
 * Append the object at token i of s->json to out and set key. An object that
 * says of itself that it is of another kind is passed over; a list's items need
 * not say what they are.
 * Returns 1; 0 if it was passed over; -1 with e set (EX_DATAERR) if it has no
 * name, or if a field is not what it has to be, out then as it was.
 */
int clb_project_object(struct clb_project *p, struct clb_stream *s, size_t i,
    struct clb_buf *out, struct clb_err *e);

/* The member of that name of the object at token i, or 0. */
size_t clb_project_member(const struct clb_json *j, size_t i, const char *name);

/* Its text, if it is a string; empty if it is missing. */
struct clb_str clb_project_text(const struct clb_json *j, size_t i, const char *name);

#endif
