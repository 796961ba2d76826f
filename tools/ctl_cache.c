/* ctl_cache.c - the records of an answer by ldns. */
#include "tools/ctl_cache.h"

#include <ldns/ldns.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/text.h"

/* Keys of lines that are put as text. */
#define MESSAGE "message "
#define FAILURE "failure "
#define CLASS	"class "

static unsigned number_of(const char *text)
{
	return (unsigned)strtoul(text, NULL, 10);
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The bytes that `text` stands for, in its own place: their number.  False: it is something else. */
static bool from_hex(char *text, size_t *len)
{
	uint8_t *bytes = (uint8_t *)text;

	for (*len = 0; text[2 * *len] != '\0'; ++*len) {
		int high = digit(text[2 * *len]), low = digit(text[2 * *len + 1]);

		if (high < 0 || low < 0)
			return false;
		bytes[*len] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* What ldns says ends with a line end, and has tabs; of what it quotes nobody knows what else. */
static void write_record(FILE *to, char *text)
{
	char shown[4 * BUFSIZ];

	text[strcspn(text, "\n")] = '\0';
	for (char *tab = text; (tab = strchr(tab, '\t')) != NULL;)
		*tab = ' ';
	fprintf(to, "record %s\n", text_escape(shown, sizeof(shown), text, strlen(text)));
}

static void write_section(FILE *to, const ldns_rr_list *records)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(records); i++) {
		char *text = ldns_rr2str(ldns_rr_list_rr(records, i));

		if (text != NULL)
			write_record(to, text);
		free(text);
	}
}

/* `KEY NUMBER` of which the number has a name. */
static void write_named(FILE *to, const char *key, char *name)
{
	fprintf(to, "%s%s\n", key, name != NULL ? name : "unknown");
	free(name);
}

static void write_message(FILE *to, char *hex)
{
	ldns_pkt *message = NULL;
	size_t len;

	if (!from_hex(hex, &len) ||
	    ldns_wire2pkt(&message, (const uint8_t *)hex, len) != LDNS_STATUS_OK) {
		fprintf(to, "unreadable true\n");
		return;
	}
	write_named(to, "rcode ", ldns_pkt_rcode2str(ldns_pkt_get_rcode(message)));
	write_section(to, ldns_pkt_answer(message));
	write_section(to, ldns_pkt_authority(message));
	write_section(to, ldns_pkt_additional(message));
	ldns_pkt_free(message);
}

char *ctl_cache(char *lines)
{
	char *at = lines, *line, *shown = NULL;
	size_t len;
	FILE *to = open_memstream(&shown, &len);

	while (to != NULL && (line = strsep(&at, "\n")) != NULL && *line != '\0') {
		if (strncmp(line, MESSAGE, strlen(MESSAGE)) == 0)
			write_message(to, line + strlen(MESSAGE));
		else if (strncmp(line, FAILURE, strlen(FAILURE)) == 0)
			write_named(to, FAILURE,
			    ldns_pkt_rcode2str((ldns_pkt_rcode)number_of(line + strlen(FAILURE))));
		else if (strncmp(line, CLASS, strlen(CLASS)) == 0)
			write_named(to, CLASS,
			    ldns_rr_class2str((ldns_rr_class)number_of(line + strlen(CLASS))));
		else
			fprintf(to, "%s\n", line);
	}
	if (to != NULL && fclose(to) != 0) {
		free(shown);
		shown = NULL;
	}
	free(lines);
	return shown;
}
