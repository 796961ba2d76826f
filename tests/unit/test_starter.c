/* test_starter.c - the starter list: sound, and free of names that everybody needs. */
#include "tests/unit/lists.h"

#include "blocklists/feed.h"
#include "blocklists/starter.h"

struct list {
	struct listed rules[1000];
	size_t n;
};

static int on_rule(void *ctx, const struct rule *rule, uint64_t line)
{
	struct list *list = ctx;
	struct listed *listed = &list->rules[list->n++];

	(void)line;
	assert_true(list->n <= COUNT(list->rules) && rule->kind < RULE_NAME_KINDS);
	assert_int_equal(rule->effect_len, 0);
	listed->rule.kind = rule->kind;
	memcpy(listed->name, rule->name, rule->name_len);
	return 0;
}

static struct list list;
static struct feed_counts counts;

static int read_list(void **state)
{
	struct feed_sink sink = {.ctx = &list, .rule = on_rule};
	struct why why = {""};

	(void)state;
	if (feed_parse(starter_text, starter_len, NULL, &sink, &counts, &why) != 0)
		fail_msg("%s", why.text);
	return 0;
}

static bool blocks(const char *text)
{
	struct listed name = rule_of(text, RULE_EXACT, 0);

	for (size_t i = 0; i < list.n; i++) {
		if (rule_covers(list.rules[i].rule.kind, list.rules[i].name, name.name))
			return true;
	}
	return false;
}

static void test_is_clean(void **state)
{
	(void)state;
	assert_ptr_equal(feed_detect(starter_text, starter_len, NULL), feed_find("domains"));
	assert_int_equal(strlen(starter_text), starter_len);
	assert_true(list.n >= 300);
	assert_int_equal(counts.rules, list.n);
	for (size_t i = 0; i < FEED_SKIPS; i++)
		assert_int_equal(counts.skips[i], 0);
}

static void test_no_rule_twice_or_below_another(void **state)
{
	(void)state;
	for (size_t i = 0; i < list.n; i++) {
		char text[NAME_TEXT_SIZE];
		unsigned n_covering = 0;

		assert_true(name_labels(list.rules[i].name) >= 2);
		for (size_t k = 0; k < list.n; k++)
			n_covering += rule_covers(
			    list.rules[k].rule.kind, list.rules[k].name, list.rules[i].name);
		if (n_covering != 1)
			fail_msg("%s", name_to_text(list.rules[i].name, text));
	}
}

static void test_blocks_the_best_known(void **state)
{
	static const char *const names[] = {"doubleclick.net", "ad.doubleclick.net",
	    "pagead2.googlesyndication.com", "www.google-analytics.com", "www.googletagmanager.com",
	    "www.googleadservices.com", "ib.adnxs.com", "static.criteo.net", "cdn.taboola.com",
	    "widgets.outbrain.com", "sb.scorecardresearch.com", "static.hotjar.com",
	    "app-measurement.com", "c.amazon-adsystem.com", "fastlane.rubiconproject.com"};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		if (!blocks(names[i]))
			fail_msg("%s", names[i]);
	}
}

static void test_blocks_nothing_that_everybody_needs(void **state)
{
	static const char *const names[] = {/* is there an internet: what systems ask */
	    "captive.apple.com", "connectivitycheck.gstatic.com", "connectivitycheck.android.com",
	    "clients3.google.com", "www.msftconnecttest.com", "ipv6.msftconnecttest.com",
	    "www.msftncsi.com", "dns.msftncsi.com", "detectportal.firefox.com", "nmcheck.gnome.org",
	    "network-test.debian.org", "connectivity-check.ubuntu.com", "ping.archlinux.org",
	    "spectrum.s3.amazonaws.com", "connect.rom.miui.com",
	    "connectivitycheck.platform.hicloud.com",
	    /* the time */
	    "pool.ntp.org", "0.debian.pool.ntp.org", "time.apple.com", "time.windows.com",
	    "time.google.com", "time.cloudflare.com", "time.android.com", "ntp.ubuntu.com",
	    "time.nist.gov", "ptbtime1.ptb.de",
	    /* updates, stores and signatures of systems */
	    "deb.debian.org", "security.debian.org", "archive.raspberrypi.com",
	    "archive.raspberrypi.org", "archive.ubuntu.com", "security.ubuntu.com",
	    "dl.fedoraproject.org", "www.kernel.org", "api.snapcraft.io", "dl.flathub.org",
	    "update.microsoft.com", "windowsupdate.com", "download.windowsupdate.com",
	    "dl.delivery.mp.microsoft.com", "settings-win.data.microsoft.com", "swcdn.apple.com",
	    "gdmf.apple.com", "itunes.apple.com", "apps.apple.com", "play.google.com",
	    "play.googleapis.com", "android.clients.google.com", "store.steampowered.com",
	    "f-droid.org", "addons.mozilla.org", "ocsp.digicert.com", "ocsp.apple.com",
	    "r3.o.lencr.org", "acme-v02.api.letsencrypt.org", "crl.microsoft.com", "push.apple.com",
	    "fcm.googleapis.com", "mtalk.google.com",
	    /* searching, maps, knowledge */
	    "google.com", "www.google.com", "www.google.de", "maps.google.com", "www.bing.com",
	    "duckduckgo.com", "www.ecosia.org", "search.yahoo.com", "www.wikipedia.org",
	    "en.wikipedia.org", "upload.wikimedia.org", "www.openstreetmap.org",
	    /* what pages are made of */
	    "fonts.googleapis.com", "fonts.gstatic.com", "ajax.googleapis.com", "www.gstatic.com",
	    "cdn.jsdelivr.net", "cdnjs.cloudflare.com", "unpkg.com", "code.jquery.com",
	    "d111111abcdef8.cloudfront.net", "e1234.dscb.akamaiedge.net", "a248.e.akamai.net",
	    "global.fastly.net", "www.fastly.com", "s3.amazonaws.com", "cdn.cloudflare.net",
	    "azureedge.net", "storage.googleapis.com", "js.stripe.com", "www.recaptcha.net",
	    "challenges.cloudflare.com", "hcaptcha.com", "i0.wp.com", "s.w.org",
	    "raw.githubusercontent.com",
	    /* signing in, mail, talking */
	    "accounts.google.com", "login.microsoftonline.com", "login.live.com",
	    "appleid.apple.com", "graph.facebook.com", "www.facebook.com", "api.twitter.com",
	    "x.com", "www.linkedin.com", "www.reddit.com", "www.pinterest.com", "www.tiktok.com",
	    "www.snapchat.com", "www.instagram.com", "mail.google.com", "imap.gmail.com",
	    "outlook.office365.com", "smtp.office365.com", "imap.mail.me.com", "mail.yahoo.com",
	    "imap.gmx.net", "mail.proton.me", "web.whatsapp.com", "g.whatsapp.net", "signal.org",
	    "chat.signal.org", "api.telegram.org", "discord.com", "slack.com", "zoom.us",
	    "teams.microsoft.com", "meet.google.com",
	    /* seeing, hearing, playing */
	    "www.youtube.com", "i.ytimg.com", "r1---sn-abc.googlevideo.com", "www.netflix.com",
	    "occ-0-1.1.nflxso.net", "www.primevideo.com", "www.disneyplus.com", "open.spotify.com",
	    "audio-fa.scdn.co", "www.twitch.tv", "www.bbc.co.uk", "www.ardmediathek.de",
	    "xboxlive.com", "www.playstation.com", "www.nintendo.com", "www.roku.com",
	    "api.roku.com", "www.samsung.com", "www.lg.com", "www.mi.com",
	    /* money, trade, offices */
	    "www.paypal.com", "www.visa.com", "www.mastercard.com", "www.chase.com", "www.hsbc.com",
	    "www.deutsche-bank.de", "www.sparkasse.de", "www.ing.com", "www.barclays.co.uk",
	    "www.amazon.com", "www.amazon.de", "www.ebay.com", "www.gov.uk", "www.irs.gov",
	    "www.bund.de", "www.who.int",
	    /* work and its tools */
	    "github.com", "api.github.com", "gitlab.com", "www.dropbox.com", "drive.google.com",
	    "docs.google.com", "www.icloud.com", "onedrive.live.com", "www.office.com", "pypi.org",
	    "registry.npmjs.org", "hub.docker.com", "stackoverflow.com", "www.mozilla.org",
	    "www.cloudflare.com", "one.one.one.one", "dns.google", "dns.quad9.net"};

	(void)state;
	assert_true(COUNT(names) >= 120);
	for (size_t i = 0; i < COUNT(names); i++) {
		if (blocks(names[i]))
			fail_msg("%s", names[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_is_clean),
	    cmocka_unit_test(test_no_rule_twice_or_below_another),
	    cmocka_unit_test(test_blocks_the_best_known),
	    cmocka_unit_test(test_blocks_nothing_that_everybody_needs),
	};

	return cmocka_run_group_tests(tests, read_list, NULL);
}
