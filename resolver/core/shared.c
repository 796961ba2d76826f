/* shared.c - the names that many share. */
#include "resolver/core/shared.h"

#include <assert.h>
#include <string.h>

#include "lib/dns/name.h"

/* Here stand names to which operators tell their customers to point an alias, or below which they give them
 * one: by their manuals.  Names that an operator uses for services of its own alone do not belong here. */
static const char *const names[] = {
    /* Akamai */
    "akadns.net",
    "akamai.net",
    "akamaiedge.net",
    "akamaihd.net",
    "akamaized.net",
    "edgekey.net",
    "edgesuite.net",
    /* Alibaba */
    "alikunlun.com",
    "cdngslb.com",
    "kunlunca.com",
    /* Amazon */
    "amazonaws.com",
    "awsglobalaccelerator.com",
    "cloudfront.net",
    "elasticbeanstalk.com",
    "elb.amazonaws.com",
    "s3.amazonaws.com",
    /* Cloudflare */
    "cdn.cloudflare.net",
    "pages.dev",
    "r2.dev",
    "workers.dev",
    /* Fastly */
    "fastly.net",
    "fastlylb.net",
    "freetls.fastly.net",
    "global.fastly.net",
    "map.fastly.net",
    "ssl.fastly.net",
    /* GitHub, GitLab */
    "github.io",
    "gitlab.io",
    /* Google */
    "appspot.com",
    "c.storage.googleapis.com",
    "firebaseapp.com",
    "ghs.google.com",
    "ghs.googlehosted.com",
    "googlehosted.com",
    "googleusercontent.com",
    "run.app",
    "storage.googleapis.com",
    "web.app",
    /* Microsoft */
    "azureedge.net",
    "azurefd.net",
    "azurewebsites.net",
    "blob.core.windows.net",
    "cloudapp.azure.com",
    "cloudapp.net",
    "core.windows.net",
    "trafficmanager.net",
    /* Tencent */
    "cdn.dnsv1.com",
    "qcloudcdn.com",
    /* Others */
    "b-cdn.net",
    "cachefly.net",
    "cdn77.net",
    "cdn77.org",
    "cname.vercel-dns.com",
    "edgecastcdn.net",
    "fly.dev",
    "footprint.net",
    "gcdn.co",
    "herokuapp.com",
    "herokudns.com",
    "hwcdn.net",
    "impervadns.net",
    "incapdns.net",
    "kxcdn.com",
    "lldns.net",
    "llnwd.net",
    "myshopify.com",
    "netlify.app",
    "netlifyglobalcdn.com",
    "ondigitalocean.app",
    "onrender.com",
    "squarespace.com",
    "stackpathcdn.com",
    "systemcdn.net",
    "vercel.app",
    "vercel-dns.com",
    "wixdns.net",
    "wpengine.com",
};

void shared_put(struct zones *zones)
{
	uint8_t name[NAME_SIZE];
	size_t len;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int err = name_from_text(names[i], strlen(names[i]), name, &len);

		if (err == 0)
			err = zones_add(zones, name, (uint8_t)name_labels(name));
		assert(err == 0);
		(void)err;
	}
}
