/* layout.h - merged names to the parts of an image that hold them: codes, directory, nodes, hubs.
 *
 *   plan    count letters, hubs and sets -> codes; with these the record of each anchor -> buckets
 *   write   each record into its bucket; the names are not needed any more
 *
 * The plan goes twice through the names in the same order, family by family, which comes from the
 * names alone.
 */
#ifndef QUELL_LAYOUT_H
#define QUELL_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "blocklists/chunks.h"
#include "blocklists/codes.h"
#include "blocklists/family.h"
#include "blocklists/names.h"
#include "blocklists/sets.h"
#include "lib/err.h"

struct layout_hub {
	uint64_t n_children;
	uint32_t number;   /* in the image */
	uint32_t name_off; /* turned, in the hub names */
	uint8_t name_len;
};

/* A name of one label. */
struct layout_top {
	uint32_t name_off; /* of its label, in the hub names */
	uint32_t set;
	uint32_t hub; /* index of a hub; UINT32_MAX: nothing is below it */
};

struct layout {
	const struct names *names; /* merged, borrowed by layout_plan() */
	const struct sets *sets;   /* borrowed by layout_plan() */
	/* --- the plan --- */
	codes_word *codes;	 /* FORMAT_CODES of them */
	struct layout_hub *hubs; /* [0] is the root; inner ones in the order of their coming */
	size_t n_hubs, hubs_size;
	uint32_t *hub_order; /* by number: index of the hub */
	uint8_t *hub_names;
	size_t hub_names_len, hub_names_size;
	struct layout_top *tops;
	size_t n_tops, tops_size;
	uint32_t *top_index; /* of tops by hash of the label */
	size_t top_index_size;
	uint32_t last_top;	      /* that was looked for */
	uint32_t n_buckets, *buckets; /* bits of each; then, where the next anchor goes */
	uint64_t seed;
	uint64_t n_names, n_bare, n_anchors;
	size_t nodes_len; /* bytes */
	struct family family;
	uint64_t *label_counts;
	/* Of each anchor how far its bucket is from that of the one before, and its record from a
	 * whole byte on. */
	struct chunks records;
};

/* Plan the image of `names`, numbering `sets` by their uses.  Returns 0, ERR_NOMEM, or ERR_LIMIT
 * with the reason.  Free with layout_fini(), whatever it returned. */
int layout_plan(
    struct layout *l, const struct names *names, struct sets *sets, struct why *why) QUELL_CHECK;
void layout_fini(struct layout *l);

/* Write directory and nodes to their places, which are zero; and the hubs' ends and names. */
void layout_write(struct layout *l, uint8_t *directory, uint8_t *nodes);
size_t layout_hub_names_len(const struct layout *l);
void layout_write_hubs(const struct layout *l, uint8_t *ends, uint8_t *names);

#endif
