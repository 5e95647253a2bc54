/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The configuration: syntax, every key of the table, checks, what follows from the values.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exec/core/config.h"
#include "exec/core/config_parse.h"
#include "exec/core/config_schema.h"

#define MS_NS	UINT64_C(1000000)
#define LIST	"nodelist {\n node {\n ring0_addr: 10.0.0.1\n nodeid: 1\n }\n" \
		" node {\n ring0_addr: 10.0.0.2\n nodeid: 2\n }\n}\n"

static struct config config;
static struct config_reports reports;

static void
setup(void)
{
	ck_assert_int_eq(config_reports_init(&reports), 0);
}

static void
teardown(void)
{
	config_reports_done(&reports);
}

/* The whole way of a file's text. */
static void
read_config(const char *text)
{
	config_reports_done(&reports);
	ck_assert_int_eq(config_reports_init(&reports), 0);
	config_init(&config);
	if (config_read_text(&config, "t.conf", text, strlen(text), &reports) == 0)
		config_finish(&config, "t.conf", &reports);
}

/* `totem { version: 2 … }` and two nodes. */
static void
read_totem(const char *keys)
{
	char text[4096];

	(void) snprintf(text, sizeof text, "totem {\nversion: 2\n%s\n}\n" LIST, keys);
	read_config(text);
}

static const struct config_report *
report_with(const char *part)
{
	for (size_t i = 0; i < reports.count; i++) {
		if (strstr(reports.report[i].text, part) != NULL)
			return &reports.report[i];
	}
	return NULL;
}

static void
expect(enum config_report_kind kind, const char *part)
{
	const struct config_report *report = report_with(part);

	if (report == NULL) {
		for (size_t i = 0; i < reports.count; i++)
			fprintf(stderr, "  %s\n", reports.report[i].text);
	}
	ck_assert_msg(report != NULL, "no report has: %s", part);
	ck_assert_int_eq(report->kind, kind);
}

/* --- syntax ---------------------------------------------------------------------------------- */

struct seen {
	char text[1024];
};

static int
collect(void *host, const struct config_event *event)
{
	struct seen *seen = host;
	size_t len = strlen(seen->text);

	if (event->key == NULL)
		(void) snprintf(seen->text + len, sizeof seen->text - len, "%u[%s] ", event->line,
		    event->section);
	else
		(void) snprintf(seen->text + len, sizeof seen->text - len, "%u%s.%s=%s| ",
		    event->line, event->section, event->key, event->value);
	return 0;
}

static int
parse(const char *text, struct seen *ret_seen, struct config_syntax_error *ret_error)
{
	*ret_seen = (struct seen) { "" };
	return config_parse(text, strlen(text), collect, ret_seen, ret_error);
}

START_TEST(syntax_sections_keys_comments)
{
	struct config_syntax_error error;
	struct seen seen;

	ck_assert_int_eq(parse("# head\n\n a  {  # why\n\tkey :  a value: with {}  \r\n  b{\n"
	    "x:\n }\n}\n# end", &seen, &error), 0);
	ck_assert_str_eq(seen.text, "3[a] 4a.key=a value: with {}| 5[a.b] 6a.b.x=| ");
	ck_assert_int_eq(parse("", &seen, &error), 0);
	ck_assert_int_eq(parse("k: v", &seen, &error), 0);
	ck_assert_str_eq(seen.text, "1.k=v| ");
}
END_TEST

START_TEST(syntax_errors_name_the_line)
{
	static const struct {
		const char *text, *part;
		unsigned int line;
	} bad[] = {
		{ "a {\nkey: 1\n", "section a has no '}'", 1 },
		{ "a {\n}\n}\n", "without a section", 3 },
		{ "a {\nnonsense\n}\n", "neither", 2 },
		{ "a { key: 1 }\n", "text behind '{'", 1 },
		{ "a {\n} b {\n}\n", "text behind '}'", 2 },
		{ "{\n}\n", "without a name", 1 },
		{ "a {\n: 3\n}\n", "without a name", 2 },
		{ "a b {\n}\n", "with a blank", 1 },
		{ "a {\nk\303\266y: 1\n}\n", "non-ASCII", 2 },
		{ "a {\nkey: \001\n}\n", "control character", 2 },
		{ "a{\na{\na{\na{\na{\na{\na{\na{\na{\n", "nested deeper", 9 },
	};
	struct config_syntax_error error;
	struct seen seen;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		ck_assert_int_eq(parse(bad[i].text, &seen, &error), -EBADMSG);
		ck_assert_uint_eq(error.line, bad[i].line);
		ck_assert_msg(strstr(error.text, bad[i].part) != NULL, "%s: %s", bad[i].text,
		    error.text);
	}
	ck_assert_int_eq(config_parse("a\0b", 3, collect, &seen, &error), -EBADMSG);
}
END_TEST

START_TEST(syntax_limits)
{
	struct config_syntax_error error;
	char text[CONFIG_LINE_MAX + 16];
	struct seen seen;

	memset(text, 'k', sizeof text);
	text[CONFIG_NAME_MAX] = ':';
	text[CONFIG_LINE_MAX] = '\0';
	ck_assert_int_eq(parse(text, &seen, &error), 0);
	text[CONFIG_NAME_MAX] = 'k';
	text[CONFIG_NAME_MAX + 1] = ':';
	ck_assert_int_eq(parse(text, &seen, &error), -EBADMSG);
	text[1] = ':';
	text[CONFIG_LINE_MAX] = 'k';
	text[CONFIG_LINE_MAX + 1] = '\0';
	ck_assert_int_eq(parse(text, &seen, &error), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(error.text, "longer"));
}
END_TEST

/* Any bytes end in an answer; the seed is the loop's index.  Sections never stay open unnoticed. */
START_TEST(syntax_survives_noise)
{
	static const char letters[] = "ab{}:#\n\n \t.\001\303";
	struct config_syntax_error error;
	unsigned int seed = (unsigned int) _i;
	char text[200];

	for (int round = 0; round < 200; round++) {
		struct seen seen = { "" };
		size_t len = (size_t) rand_r(&seed) % sizeof text;
		int open = 0, r;

		for (size_t i = 0; i < len; i++)
			text[i] = letters[(size_t) rand_r(&seed) % (sizeof letters - 1)];
		r = config_parse(text, len, collect, &seen, &error);
		for (size_t i = 0; r == 0 && i < len; i++) {
			bool alone = i == 0 || text[i - 1] == '\n';

			open -= alone && text[i] == '}';
		}
		ck_assert(r == 0 || r == -EBADMSG);
		if (r == 0)
			ck_assert_int_le(open, 0);
		else
			ck_assert_uint_ge(error.line, 1);
	}
}
END_TEST

/* --- the table ------------------------------------------------------------------------------- */

/* No key twice, every sentence there, every initial value within its own limits. */
START_TEST(table_is_sound)
{
	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *key = &config_keys[i];
		bool number = key->type == CONFIG_MS || key->type == CONFIG_COUNT
		    || key->type == CONFIG_BYTES || key->type == CONFIG_PERCENT;

		ck_assert_ptr_eq(config_key_find(key->section, key->key), key);
		ck_assert_uint_gt(strlen(key->what), 5);
		ck_assert(config_section_known(key->section));
		if (key->effect == CONFIG_USED && number && key->initial != CONFIG_UNSET)
			ck_assert_msg(key->initial >= key->min && key->initial <= key->max, "%s",
			    key->key);
		if (key->effect == CONFIG_USED && key->type == CONFIG_CHOICE)
			ck_assert_ptr_nonnull(key->choices);
	}
}
END_TEST

/* Each used number: its limits are taken, one beyond is refused and both limits are named. */
START_TEST(table_limits_hold)
{
	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *key = &config_keys[i];
		char keys[256], part[128], least[128];

		if (strcmp(key->section, "totem") != 0 || key->effect != CONFIG_USED
		    || (key->type != CONFIG_COUNT && key->type != CONFIG_BYTES
		    && key->type != CONFIG_MS && key->type != CONFIG_PERCENT)
		    || strcmp(key->key, "version") == 0)
			continue;
		/* Not what checks against other values say: that has no quotes. */
		(void) snprintf(part, sizeof part, "t.conf:3: totem.%s: '", key->key);
		(void) snprintf(least, sizeof least, "t.conf:3: totem.%s: The ", key->key);
		for (int which = 0; which < 4; which++) {
			bool good = which < 2;
			uint64_t value = which % 2 == 0 ? key->min : key->max;

			if (!good && ((which == 2 && value == 0) || value == UINT64_MAX - 1))
				continue;
			if (!good)
				value += which == 2 ? UINT64_MAX : 1;
			(void) snprintf(keys, sizeof keys, "%s: %llu", key->key,
			    (unsigned long long) value);
			read_totem(keys);
			ck_assert_msg((report_with(part) == NULL && report_with(least) == NULL)
			    == good, "%s", keys);
		}
	}
}
END_TEST

START_TEST(table_refuses_what_is_no_number)
{
	static const char *const bad[] = { "", "x", "-1", "+5", "0x10", "1 ", "10ms", "1e3",
	    "99999999999999999999999", "1000 # ms" };
	char keys[128];

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		(void) snprintf(keys, sizeof keys, "token: %s", bad[i]);
		read_totem(keys);
		/* A blank at the end is no part of the value. */
		if (strcmp(bad[i], "1 ") == 0)
			expect(CONFIG_ERROR, "The token timeout parameter (1 ms) may not be less");
		else
			expect(CONFIG_ERROR, "a number from 30 to 3600000 ms");
	}
	expect(CONFIG_ERROR, "t.conf:3: totem.token: '1000 # ms' is not allowed");
	expect(CONFIG_ERROR, "a comment has a line of its own");
}
END_TEST

/* --- what is said about keys ----------------------------------------------------------------- */

START_TEST(unknown_names_get_one_line)
{
	read_config("totme {\n tokne: 5\n x {\n y: 1\n }\n}\ntotem {\n version: 2\n tokne: 5\n"
	    " ring0_addr: x\n qqqqqq: 1\n interfaec {\n ttl: 1\n }\n}\n" LIST);
	expect(CONFIG_WARNING, "t.conf:1: unknown section totme is ignored; the nearest known one"
	    " is totem");
	expect(CONFIG_WARNING, "t.conf:9: unknown key totem.tokne is ignored; the nearest known one"
	    " is token");
	expect(CONFIG_WARNING, "t.conf:10: unknown key totem.ring0_addr is ignored; a key of that"
	    " name belongs into section nodelist.node");
	expect(CONFIG_WARNING, "t.conf:11: unknown key totem.qqqqqq is ignored");
	expect(CONFIG_WARNING, "t.conf:12: unknown section totem.interfaec is ignored; the nearest"
	    " known one is totem.interface");
	ck_assert_uint_eq(reports.count, 5);
	ck_assert_uint_eq(reports.error_count, 0);
	read_config("totem {\n version: 2\n}\n" LIST "nodelst {\n}\n");
	expect(CONFIG_WARNING, "unknown section nodelst is ignored; the nearest known one is"
	    " nodelist");
}
END_TEST

START_TEST(keys_given_twice_are_named)
{
	read_config("totem {\n version: 2\n token: 1000\n token: 5000\n}\n"
	    "totem {\n token: 6000\n}\nnodelist {\n node {\n ring0_addr: a\n nodeid: 1\n"
	    " }\n node {\n ring0_addr: b\n"
	    " nodeid: 2\n nodeid: 3\n }\n}\nuidgid {\n uid: 12\n uid: 13\n}\n");
	expect(CONFIG_WARNING, "t.conf:4: totem.token is given at line 3 already; this one is"
	    " used");
	expect(CONFIG_WARNING, "t.conf:7: totem.token is given at line 4 already");
	expect(CONFIG_WARNING, "t.conf:17: nodelist.node.nodeid is given at line 16 already");
	ck_assert_uint_eq(reports.count, 3);
	ck_assert_uint_eq(config.token_ms, 6000);
	ck_assert_uint_eq(config.uid_count, 2);
}
END_TEST

/* Where the structure is broken, nothing is said but that. */
START_TEST(broken_structure_is_one_line)
{
	static const char *const bad[] = { "totem {\n version: 2\n}\n}\n" LIST,
	    "totem {\n version: 2\n", "\177ELF\002", "nonsense\n" };

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		read_config(bad[i]);
		ck_assert_uint_eq(reports.count, 1);
		ck_assert_uint_eq(reports.error_count, 1);
	}
	read_config("\xef\xbb\xbf" "totem {\n version: 2\n}\n" LIST);
	ck_assert_uint_eq(reports.count, 0);
}
END_TEST

START_TEST(stock_file_starts_as_it_is)
{
	read_config("totem {\n version: 2\n cluster_name: debian\n crypto_cipher: none\n"
	    " crypto_hash: none\n}\nlogging {\n fileline: off\n to_stderr: yes\n"
	    " to_logfile: yes\n logfile: /var/log/corosync/corosync.log\n to_syslog: yes\n"
	    " debug: off\n logger_subsys {\n subsys: QUORUM\n debug: off\n }\n}\n"
	    "quorum {\n provider: corosync_votequorum\n expected_votes: 2\n device {\n"
	    " model: net\n net {\n host: q\n anything: 1\n }\n }\n}\nnodelist {\n node {\n"
	    " name: node1\n nodeid: 1\n ring0_addr: 127.0.0.1\n quorum_votes: 1\n }\n}\n");
	ck_assert_uint_eq(reports.error_count, 0);
	ck_assert_uint_eq(reports.count, 1);
	expect(CONFIG_NOTE, "t.conf:19: section quorum has no effect: the quorum engine is not"
	    " installed");
	ck_assert_str_eq(config.nodes[0].name, "node1");
	ck_assert_uint_eq(config.log.to_logfile, 1);
	ck_assert_uint_eq(config.subsys_count, 1);
}
END_TEST

START_TEST(keys_without_effect_are_named)
{
	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *key = &config_keys[i];
		char keys[256], part[300];

		if (strcmp(key->section, "totem") != 0 || key->effect != CONFIG_IGNORED)
			continue;
		(void) snprintf(keys, sizeof keys, "%s: 1", key->key);
		(void) snprintf(part, sizeof part, "t.conf:3: totem.%s has no effect: ", key->key);
		read_totem(keys);
		expect(CONFIG_NOTE, part);
		ck_assert_uint_eq(reports.error_count, 0);
	}
	read_config("network {\n version: 2\n token: 5000\n}\nresources {\n a {\n b: 1\n }\n}\n"
	    "compatibility: none\n" LIST);
	expect(CONFIG_NOTE, "section resources has no effect");
	expect(CONFIG_NOTE, "compatibility has no effect: it is of 1.x");
	ck_assert_uint_eq(config.token_ms, 5000);
}
END_TEST

START_TEST(encryption_is_never_run_in_clear)
{
	static const char *const asks[] = { "secauth: on", "crypto_cipher: aes256",
	    "crypto_hash: sha256", "crypto_type: nss", "secauth: perhaps" };
	static const char *const does_not[] = { "secauth: off", "crypto_cipher: none",
	    "crypto_hash: none" };

	for (size_t i = 0; i < sizeof asks / sizeof asks[0]; i++) {
		read_totem(asks[i]);
		expect(CONFIG_ERROR, "asks for encryption");
	}
	for (size_t i = 0; i < sizeof does_not / sizeof does_not[0]; i++) {
		read_totem(does_not[i]);
		ck_assert_uint_eq(reports.count, 0);
	}
}
END_TEST

START_TEST(choices_and_transports)
{
	static const struct { const char *keys; uint64_t transport; } good[] = {
		{ "", CONFIG_TRANSPORT_UDPU }, { "transport: none", CONFIG_TRANSPORT_UDPU },
		{ "transport: knet", CONFIG_TRANSPORT_UDPU },
		{ "transport: UDPU", CONFIG_TRANSPORT_UDPU },
		{ "transport: udp\ncluster_name: x", CONFIG_TRANSPORT_UDP },
	};

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		read_totem(good[i].keys);
		ck_assert_uint_eq(reports.error_count, 0);
		ck_assert_uint_eq(config.transport, good[i].transport);
	}
	read_totem("transport: iba");
	expect(CONFIG_ERROR, "t.conf:3: totem.transport: 'iba' is not allowed; allowed: udpu knet");
	read_totem("transport: ud");
	ck_assert_uint_eq(reports.error_count, 1);
	read_totem("udp_offload: maybe");
	expect(CONFIG_ERROR, "allowed: no off 0 false yes on 1 true");
	read_totem("udp_offload: no");
	ck_assert_uint_eq(config.udp_offload, 0);
	read_totem("transport: udp");
	expect(CONFIG_ERROR, "mcastaddr is missing");
	read_totem("transport: udp\ninterface {\nmcastaddr: 10.0.0.1\n}");
	expect(CONFIG_ERROR, "'10.0.0.1' is not allowed; allowed: a multicast address");
}
END_TEST

/* --- nodes and links ------------------------------------------------------------------------- */

START_TEST(nodes_are_sorted_and_derived)
{
	read_config("totem {\n version: 2\n interface {\n mcastport: 6000\n }\n}\nnodelist {\n"
	    " node {\n ring0_addr: 10.0.0.9\n }\n node {\n ring0_addr: b\n nodeid: 7\n port: 99\n"
	    " }\n node {\n ring0_addr: a\n nodeid: 3\n }\n}\n");
	ck_assert_uint_eq(reports.error_count, 0);
	ck_assert_uint_eq(config.node_count, 3);
	ck_assert_uint_eq(config.nodes[0].node_id, 3);
	ck_assert_uint_eq(config.nodes[0].port, 6000);
	ck_assert_uint_eq(config.nodes[1].port, 99);
	ck_assert_uint_eq(config.nodes[2].node_id, 0x0a000009);
	ck_assert_int_eq(config_node_index(&config, 7), 1);
	ck_assert_int_eq(config_node_index(&config, 8), -ENOENT);
}
END_TEST

START_TEST(nodes_that_cannot_be)
{
	read_config("totem {\n version: 2\n nodeid: 9\n}\nnodelist {\n node {\n ring0_addr: a\n"
	    " nodeid: 1\n }\n node {\n ring0_addr: b\n nodeid: 1\n }\n node {\n nodeid: 4\n }\n"
	    " node {\n ring0_addr: name\n }\n node {\n ring0_addr: a\n nodeid: 5\n }\n}\n");
	expect(CONFIG_ERROR, "is the id of the node at line");
	expect(CONFIG_ERROR, "ring0_addr is missing");
	expect(CONFIG_ERROR, "nodeid is missing for 'name'");
	expect(CONFIG_ERROR, "nodes on one machine need a port of their own");
	expect(CONFIG_ERROR, "totem.nodeid: 9 is not in the node list");
	read_config("totem {\n version: 2\n}\n");
	expect(CONFIG_ERROR, "no nodelist");
	read_config(LIST);
	expect(CONFIG_ERROR, "totem.version is missing");
}
END_TEST

/* What is there and refused is not called missing, nor alike, as well. */
START_TEST(refused_is_said_once)
{
	read_config("totem {\nversion: 3\n}\n" LIST);
	expect(CONFIG_ERROR, "t.conf:2: totem.version: '3' is not allowed; allowed: 2");
	ck_assert_uint_eq(reports.count, 1);
	read_config("totem {\nversion: 2\nnodeid: 1\n}\nnodelist {\nnode {\nring0_addr: a\n"
	    "nodeid: 1x\n}\nnode {\nring0_addr: b\nnodeid: 2x\n}\n}\n");
	ck_assert_uint_eq(reports.count, 2);
	read_config("totem {\nversion: 2\n}\nnodelist {\nnode {\n}\nnode {\n}\n}\n");
	expect(CONFIG_ERROR, "t.conf:7: nodelist.node: ring0_addr is missing");
	ck_assert_uint_eq(reports.count, 2);
}
END_TEST

START_TEST(addresses_mistyped)
{
	static const char *const bad[] = { "127.0.0.999", "10.0.0", "1", "10.0.0.1:5405", "::g" };
	static const char *const good[] = { "10.0.0.3", "::1", "fe80::1%eth0", "n1", "1.a",
	    "3com" };
	char text[256];

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		(void) snprintf(text, sizeof text, "totem {\n version: 2\n}\nnodelist {\n node {\n"
		    " nodeid: 1\n ring0_addr: %s\n }\n}\n", bad[i]);
		read_config(text);
		ck_assert_uint_eq(reports.error_count, 1);
		expect(CONFIG_ERROR, "t.conf:5: nodelist.node.ring0_addr: '");
	}
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		(void) snprintf(text, sizeof text, "totem {\n version: 2\n}\nnodelist {\n node {\n"
		    " nodeid: 1\n ring0_addr: %s\n }\n}\n", good[i]);
		read_config(text);
		ck_assert_uint_eq(reports.count, 0);
	}
}
END_TEST

/* It would be waited for as if it were a name. */
START_TEST(addresses_of_a_family_that_is_excluded)
{
	static const char *const version[] = { "ipv4", "ipv6", "ipv4-6", "ipv6-4" };
	static const char *const address[] = { "fd00::1%eth0", "10.0.0.1", "name" };
	char text[256];

	for (size_t i = 0; i < 4 * 3; i++) {
		size_t v = i / 3, a = i % 3;

		(void) snprintf(text, sizeof text, "totem {\nversion: 2\nip_version: %s\n}\n"
		    "nodelist {\nnode {\nnodeid: 1\nring0_addr: %s\n}\n}\n", version[v],
		    address[a]);
		read_config(text);
		ck_assert_uint_eq(reports.count, v == a && v < 2);
		if (reports.count > 0)
			expect(CONFIG_ERROR, "t.conf:6: nodelist.node.ring0_addr: '");
	}
	read_totem("ip_version: ipv6");
	expect(CONFIG_ERROR, "t.conf:6: nodelist.node.ring0_addr: '10.0.0.1' is an IPv4 address,"
	    " but totem.ip_version at line 3 is ipv6; allowed: an IPv6 address, or ip_version:"
	    " ipv4-6");
	read_config("totem {\nversion: 2\ntransport: udp\nip_version: ipv4\ninterface {\n"
	    "bindnetaddr: fd00::\nmcastaddr: ff15::1\n}\n}\n");
	expect(CONFIG_ERROR, "t.conf:5: totem.interface.bindnetaddr: 'fd00::' is an IPv6 address");
	expect(CONFIG_ERROR, "t.conf:5: totem.interface.mcastaddr: 'ff15::1' is an IPv6 address");
}
END_TEST

START_TEST(links_beyond_the_first_are_named)
{
	read_config("totem {\n version: 2\n interface {\n linknumber: 1\n mcastport: 2\n }\n"
	    " interface {\n linknumber: 0\n mcastport: 3\n }\n}\nnodelist {\n node {\n"
	    " ring0_addr: a\n ring1_addr: b\n nodeid: 1\n }\n}\n");
	ck_assert_uint_eq(reports.error_count, 0);
	ck_assert_uint_eq(reports.count, 2);
	expect(CONFIG_WARNING, "t.conf:7: totem.interface: several links are configured; only link"
	    " 0 is used");
	expect(CONFIG_WARNING, "only link 0 (ring0_addr)");
	ck_assert_uint_eq(config.link.port, 3);
}
END_TEST

START_TEST(too_much_is_an_error)
{
	char *text = malloc(200000);
	size_t len = 0;

	ck_assert_ptr_nonnull(text);
	len += (size_t) snprintf(text, 200000, "totem {\nversion: 2\n}\nnodelist {\n");
	for (unsigned int i = 1; i <= CONFIG_NODES_MAX + 2; i++)
		len += (size_t) snprintf(text + len, 200000 - len,
		    "node {\nring0_addr: n%u\nnodeid: %u\n}\n", i, i);
	(void) snprintf(text + len, 200000 - len, "}\n");
	read_config(text);
	expect(CONFIG_ERROR, "more than 128 nodes");
	ck_assert_uint_eq(reports.error_count, 2);
	ck_assert_uint_eq(config.node_count, CONFIG_NODES_MAX);
	free(text);
}
END_TEST

/* --- timing ---------------------------------------------------------------------------------- */

START_TEST(timing_by_default)
{
	char text[8192] = "totem {\nversion: 2\n}\nnodelist {\n";
	size_t len = strlen(text);

	read_totem("");
	ck_assert_uint_eq(config.timing.token_ns, 3000 * MS_NS);
	ck_assert_uint_eq(config.timing.consensus_ns, 3600 * MS_NS);
	ck_assert_uint_eq(config.timing.token_retransmit_ns / MS_NS, 714);
	ck_assert_uint_eq(config.timing.hold_ns / MS_NS, 561);
	for (unsigned int i = 1; i <= 16; i++)
		len += (size_t) snprintf(text + len, sizeof text - len,
		    "node {\nring0_addr: n%u\nnodeid: %u\n}\n", i, i);
	(void) snprintf(text + len, sizeof text - len, "}\n");
	read_config(text);
	ck_assert_uint_eq(config.timing.token_ns, 12100 * MS_NS);
	ck_assert_uint_eq(config.timing.consensus_ns, 14520 * MS_NS);
}
END_TEST

START_TEST(timing_checked)
{
	read_totem("token: 29");
	expect(CONFIG_ERROR, "The token timeout parameter (29 ms) may not be less than (30 ms).");
	read_totem("token: 5000\nconsensus: 5500");
	expect(CONFIG_NOTE, "t.conf:4: totem.consensus has no effect: the failure detector ends"
	    " waiting; a daemon that waits for it wants at least 1.2 * token (6000 ms), and it is"
	    " 5500 ms");
	ck_assert_uint_eq(config.timing.consensus_ns, 6000 * MS_NS);
	read_totem("token: 1000\nconsensus: 40");
	expect(CONFIG_ERROR, "t.conf:4: totem.consensus: 40 ms is not allowed; allowed: at least"
	    " join (50 ms)");
	read_totem("token: 1000\njoin: 1300");
	expect(CONFIG_ERROR, "t.conf:4: totem.join: 1300 ms is not allowed; allowed: at most 1.2 *"
	    " token (1200 ms)");
	read_totem("token: 1000\ntoken_retransmit: 1000");
	expect(CONFIG_ERROR, "t.conf:4: Not appropriate token or"
	    " token_retransmits_before_loss_const");
	read_totem("heartbeat_interval: 400");
	expect(CONFIG_ERROR, "at least twice heartbeat_interval");
	read_config("totem {\nversion: 2\n}\n" LIST "logging {\nto_logfile: yes\n}\n");
	expect(CONFIG_ERROR, "t.conf:15: logging.logfile is missing");
	read_totem("silence_timeout: 5000");
	expect(CONFIG_NOTE, "but token is 3000 ms and comes first");
	/* What does not fit into the token is quickened where it can be, and never slowed. */
	read_totem("probe_count: 100");
	expect(CONFIG_NOTE, "the failure detector needs 3200 ms");
	read_totem("silence_timeout: 2900");
	expect(CONFIG_NOTE, "the failure detector needs 3050 ms");
	read_totem("token: 600");
	ck_assert_uint_eq(config.timing.silence_ns, 300 * MS_NS);
	ck_assert_uint_eq(config.timing.probe_ns, 20 * MS_NS);
	/* With a short silence heartbeats are as many before it. */
	read_totem("silence_timeout: 300");
	ck_assert_uint_eq(reports.count, 0);
	ck_assert_uint_eq(config.timing.heartbeat_ns, 60 * MS_NS);
	read_totem("silence_timeout: 700");
	ck_assert_uint_eq(config.timing.heartbeat_ns, 100 * MS_NS);
	read_totem("heartbeat_interval: 50\nsilence_timeout: 300\nprobe_interval: 20\n"
	    "probe_count: 3");
	ck_assert_uint_eq(reports.count, 0);
	ck_assert_uint_eq(config.timing.silence_ns, 300 * MS_NS);
	ck_assert_uint_eq(config.timing.probe_ns, 20 * MS_NS);
	ck_assert_uint_eq(config.timing.probe_count, 3);
	/* A short token quickens the detector. */
	read_totem("token: 200");
	ck_assert_uint_eq(reports.count, 0);
	ck_assert_uint_lt(config.timing.silence_ns
	    + config.timing.probe_ns * config.timing.probe_count, 200 * MS_NS);
}
END_TEST

/* --- files ----------------------------------------------------------------------------------- */

static void
file_write(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

START_TEST(files_and_uidgid)
{
	char dir[] = "/tmp/test_config.XXXXXX", path[64], command[128];

	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void) snprintf(path, sizeof path, "%s/c.conf", dir);
	ck_assert_int_eq(config_load(&config, path, &reports), -ENOENT);
	expect(CONFIG_ERROR, "cannot be read: No such file");
	file_write(path, "totem {\nversion: 2\n}\n" LIST "uidgid {\nuid: 12\ngid: 0\n}\n");
	(void) snprintf(command, sizeof command, "mkdir %s/uidgid.d", dir);
	ck_assert_int_eq(system(command), 0);
	(void) snprintf(path, sizeof path, "%s/uidgid.d/x", dir);
	file_write(path, "uidgid {\nuid: root\n}\n");
	(void) snprintf(path, sizeof path, "%s/c.conf", dir);
	config_reports_done(&reports);
	ck_assert_int_eq(config_reports_init(&reports), 0);
	ck_assert_int_eq(config_load(&config, path, &reports), 0);
	ck_assert_uint_eq(config.uid_count, 2);
	ck_assert_uint_eq(config.uids[0], 12);
	ck_assert_uint_eq(config.uids[1], 0);
	ck_assert_uint_eq(config.gid_count, 1);
	(void) snprintf(path, sizeof path, "%s/uidgid.d/x", dir);
	file_write(path, "uidgid {\nuid: no-such-user-here\n}\n");
	(void) snprintf(path, sizeof path, "%s/c.conf", dir);
	ck_assert_int_eq(config_load(&config, path, &reports), -EBADMSG);
	expect(CONFIG_ERROR, "uidgid.d/x:2: uidgid.uid: 'no-such-user-here' is not allowed");
	(void) snprintf(command, sizeof command, "rm -r %s", dir);
	ck_assert_int_eq(system(command), 0);
}
END_TEST

/* What config_load() says about a log file of that path. */
static int
load_with_logfile(const char *dir, const char *logfile)
{
	char path[128], text[1024];

	(void) snprintf(path, sizeof path, "%s/c.conf", dir);
	(void) snprintf(text, sizeof text, "totem {\nversion: 2\n}\n" LIST
	    "logging {\nto_logfile: yes\nlogfile: %s\n}\n", logfile);
	file_write(path, text);
	config_reports_done(&reports);
	ck_assert_int_eq(config_reports_init(&reports), 0);
	return config_load(&config, path, &reports);
}

START_TEST(logfile_must_be_writable)
{
	static const struct {
		const char *below, *part;	/* below the directory of the test */
	} bad[] = {
		{ "/missing/x", "/missing: No such file or directory; allowed: a file in a" },
		{ "/c.conf/x", "cannot be written: Not a directory" },
		{ "/sub", "cannot be written: Is a directory" },
		{ "/sub/", "cannot be written: Is a directory" },
		{ "/fifo", "it is a pipe, socket or disk" },
	};
	char dir[] = "/tmp/test_config.XXXXXX", path[128], part[256], command[256];

	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void) snprintf(command, sizeof command, "mkdir %s/sub && mkfifo %s/fifo", dir, dir);
	ck_assert_int_eq(system(command), 0);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		(void) snprintf(path, sizeof path, "%s%s", dir, bad[i].below);
		ck_assert_int_eq(load_with_logfile(dir, path), -EBADMSG);
		(void) snprintf(part, sizeof part, "c.conf:16: logging.logfile: '%s' cannot be"
		    " written: ", path);
		expect(CONFIG_ERROR, part);
		expect(CONFIG_ERROR, bad[i].part);
		ck_assert_uint_eq(reports.count, 1);
	}
	if (geteuid() != 0)
		ck_assert_int_eq(load_with_logfile(dir, "/proc/version"), -EBADMSG);
	(void) snprintf(path, sizeof path, "%s/sub/log", dir);
	ck_assert_int_eq(load_with_logfile(dir, path), 0);
	ck_assert_int_eq(access(path, F_OK), -1);	/* only looked at */
	file_write(path, "");
	ck_assert_int_eq(load_with_logfile(dir, path), 0);
	ck_assert_int_eq(load_with_logfile(dir, "/dev/null"), 0);
	ck_assert_uint_eq(reports.count, 0);
	(void) snprintf(command, sizeof command, "rm -r %s", dir);
	ck_assert_int_eq(system(command), 0);
}
END_TEST

START_TEST(subsystems_are_known)
{
	static const char *const known[] = { "MAIN", "totem", "QUORUM", "VOTEQ", "CONFDB", "KNET" };
	char text[512];

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		(void) snprintf(text, sizeof text, "totem {\nversion: 2\n}\n" LIST
		    "logging {\nlogger_subsys {\nsubsys: %s\n}\n}\n", known[i]);
		read_config(text);
		ck_assert_uint_eq(reports.count, 0);
	}
	read_config("totem {\nversion: 2\n}\n" LIST "logging {\nlogger_subsys {\ndebug: on\n"
	    "subsys: TOTME\n}\nlogger_subsys {\nsubsys: zzzzzz\n}\n}\n");
	expect(CONFIG_WARNING, "t.conf:17: logging.logger_subsys.subsys: unknown subsystem 'TOTME'"
	    " has no effect, unless an engine brings it; the nearest known one is TOTEM");
	expect(CONFIG_WARNING, "t.conf:20: logging.logger_subsys.subsys: unknown subsystem 'zzzzzz'"
	    " has no effect, unless an engine brings it");
	ck_assert_uint_eq(reports.count, 2);
}
END_TEST

static TCase *
case_add(Suite *suite, const char *name)
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	suite_add_tcase(suite, tc);
	return tc;
}

int
main(void)
{
	Suite *suite = suite_create("config");
	SRunner *runner = srunner_create(suite);
	TCase *tc = case_add(suite, "syntax");
	int failed;

	tcase_add_test(tc, syntax_sections_keys_comments);
	tcase_add_test(tc, syntax_errors_name_the_line);
	tcase_add_test(tc, syntax_limits);
	tcase_add_loop_test(tc, syntax_survives_noise, 0, 50);
	tc = case_add(suite, "table");
	tcase_add_test(tc, table_is_sound);
	tcase_add_test(tc, table_limits_hold);
	tcase_add_test(tc, table_refuses_what_is_no_number);
	tcase_add_test(tc, unknown_names_get_one_line);
	tcase_add_test(tc, keys_given_twice_are_named);
	tcase_add_test(tc, broken_structure_is_one_line);
	tcase_add_test(tc, stock_file_starts_as_it_is);
	tcase_add_test(tc, keys_without_effect_are_named);
	tcase_add_test(tc, encryption_is_never_run_in_clear);
	tcase_add_test(tc, choices_and_transports);
	tc = case_add(suite, "nodes");
	tcase_add_test(tc, nodes_are_sorted_and_derived);
	tcase_add_test(tc, nodes_that_cannot_be);
	tcase_add_test(tc, refused_is_said_once);
	tcase_add_test(tc, addresses_mistyped);
	tcase_add_test(tc, addresses_of_a_family_that_is_excluded);
	tcase_add_test(tc, links_beyond_the_first_are_named);
	tcase_add_test(tc, too_much_is_an_error);
	tcase_add_test(tc, timing_by_default);
	tcase_add_test(tc, timing_checked);
	tcase_add_test(tc, files_and_uidgid);
	tcase_add_test(tc, logfile_must_be_writable);
	tcase_add_test(tc, subsystems_are_known);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
