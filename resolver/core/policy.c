/* policy.c - names and targets against the lists. */
#include "resolver/core/policy.h"

#include "lib/dns/msg.h"

void policy_set_lists(struct policy *p, const struct trie *lists)
{
	p->lists = *lists;
	p->generation++;
}

bool policy_blocks(const struct policy *p, const uint8_t *name)
{
	return trie_blocks(&p->lists, name);
}

/* Where the name that `rr` leads to stands in its message; 0: it leads nowhere. */
static size_t target_off(const struct msg_rr *rr)
{
	switch (rr->type) {
	case TYPE_CNAME:
	case TYPE_DNAME:
		return rr->rdata_off;
	case TYPE_SVCB:
	case TYPE_HTTPS:
		return rr->rdata_off + 2; /* behind the priority (RFC 9460, 2.2) */
	default:
		return 0;
	}
}

bool policy_blocks_targets(const struct policy *p, const uint8_t *msg, size_t len)
{
	uint8_t target[NAME_SIZE];
	struct msg_walk walk;
	struct msg_rr rr;
	size_t target_len;

	if (msg_walk_start(&walk, msg, len) != 0)
		return false;
	while (msg_walk_next(&walk, &rr) == 1 && rr.section == SECTION_ANSWER) {
		size_t off = target_off(&rr);

		if (off == 0 || name_read(msg, len, &off, target, &target_len) != 0)
			continue;
		name_lower(target, target, target_len);
		if (policy_blocks(p, target))
			return true;
	}
	return false;
}
