/* house_read.h - names of the house as others write them: records in zone syntax, hosts files, and the
 * files in which DHCP servers keep their leases.
 *
 *   "nas.lan. 300 IN A 192.168.1.5"        the user's own: a mistake is an error
 *   192.168.1.5 nas.lan nas                hosts: what is not understood is counted
 *   dnsmasq, ISC dhcpd, Kea                leases: told apart by their texts
 *
 * A device calls itself what it likes, so of a lease no more is taken than one label of letters, digits
 * and hyphens, for an address that the server gave it; never one that programs trust (wpad, isatap,
 * localhost), and never over a name of the configuration or of a hosts file (local_build.h).
 *
 * Runs in the loader's process.
 */
#ifndef QUELL_HOUSE_READ_H
#define QUELL_HOUSE_READ_H

#include <stdint.h>

#include "resolver/local_build.h"

#define HOUSE_RECORD_TTL_S 300	     /* where a record does not say it */
#define HOUSE_FILE_TTL_S   60	     /* of hosts and leases: they change */
#define HOUSE_TEXT_MAX	   (8 << 20) /* bytes of a file */

/* What a file came to. */
struct house_counts {
	uint64_t n_names;   /* names with an address */
	uint64_t n_bad;	    /* lines, or leases, that are not understood */
	uint64_t first_bad; /* line of the first of them; 0: none */
};

/* Add a record in zone syntax (RFC 1035, 5.1), the class IN.  Returns 0; ERR_FORMAT with what is wrong;
 * ERR_NOMEM, ERR_LIMIT. */
int house_read_record(struct local_build *b, const char *text, struct why *why) QUELL_CHECK;

/* Add what a hosts file has, text[0..len) with a NUL behind it; it is changed.  A name of one label is added
 * in `domain` too (wire form; NULL: there is none).  Addresses of this host and of groups are left out.
 * Returns 0, ERR_NOMEM, or ERR_LIMIT: there are too many, of which the first are added. */
int house_read_hosts(struct local_build *b, char *text, size_t len, const uint8_t *domain,
    struct house_counts *counts) QUELL_CHECK;

/* The same of a file of leases; those whose time was over at wall_s (s since 1970) are left out. */
int house_read_leases(struct local_build *b, char *text, size_t len, const uint8_t *domain,
    int64_t wall_s, struct house_counts *counts) QUELL_CHECK;

#endif
