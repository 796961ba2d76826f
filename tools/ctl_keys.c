/* ctl_keys.c - the table. */
#include "tools/ctl_keys.h"

#include <string.h>

#define OWN                                                                                        \
	{                                                                                          \
		"allow", "block", "unset", "rules", "pause", "resume"                              \
	}

const struct ctl_key ctl_keys[] = {
    {"listen", {"status"}, NULL, NULL, "listen"},
    {"upstream", {"status"}, NULL, NULL, "upstream"},
    {"restarts", {"status"}, NULL, NULL, "restarts"},
    {"sandbox", {"status"}, NULL, NULL, "sandbox"},
    {"sandbox_lacks", {"status"}, NULL, NULL, "sandbox_lacks"},
    {"reason", {"status"}, NULL, NULL, "reason"},
    {"match", {"why"}, NULL, NULL, "match"},
    {"change", {"why"}, NULL, NULL, "change"},
    {"rule", OWN, NULL, NULL, "rule"},
    {"note", OWN, NULL, NULL, "note"},
    {"note", {"why", "cache", "upstreams"}, NULL, NULL, "note"},
    {"answer", {"cache"}, NULL, "type", "answers"},
    {"record", {"cache"}, "answer", NULL, "records"},
    {"upstream", {"upstreams"}, NULL, "address", "upstreams"},
    {"zone", {"upstreams"}, "upstream", NULL, "zones"},
    {"group", {"upstreams"}, "upstream", NULL, "groups"},
    {"worker", {"upstreams"}, "upstream", "worker", "workers"},
};

const size_t ctl_keys_n = sizeof(ctl_keys) / sizeof(ctl_keys[0]);

bool ctl_keys_is_here(const struct ctl_key *k, const char *command, const char *within)
{
	if ((within == NULL) != (k->within == NULL) ||
	    (within != NULL && strcmp(within, k->within) != 0))
		return false;
	for (unsigned i = 0; i < CTL_KEYS_COMMANDS && k->commands[i] != NULL; i++) {
		if (strcmp(command, k->commands[i]) == 0)
			return true;
	}
	return false;
}

const struct ctl_key *ctl_keys_find(const char *key, const char *command, const char *within)
{
	for (size_t i = 0; i < ctl_keys_n; i++) {
		if (strcmp(ctl_keys[i].key, key) == 0 &&
		    ctl_keys_is_here(&ctl_keys[i], command, within))
			return &ctl_keys[i];
	}
	return NULL;
}
