/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Tags hold the subsystem's number, so levels by subsystem need no filter rules in libqb: it asks
 * log_filter() once for each place of its own that logs, and we once for each of ours.
 *
 * libqb's own table of places allocates when a line is logged for the first time, and crashes when
 * it cannot: ours are kept here.  Its thread reads them late, so they stay as they are.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <qb/qbdefs.h>
#include <qb/qblog.h>
#include <qb/qbutil.h>

#include "exec/base/assert.h"
#include "exec/base/text.h"
#include "exec/core/log.h"

#define LOG_LINE_BYTES_MAX	1024
/* With longer ones libqb allocates, and when that fails it never logs again.  Its own limit is 512,
 * with time, host and name in front. */
#define LOG_PIECE_BYTES_MAX	360u
#define LOG_BREAK_BYTES_MAX	80u	/* so much shorter, to end at a blank */
#define LOG_TAG_BYTES_MAX	16
#define LOG_PLACES_MAX		512u	/* a power of two; more than the daemon has */
#define LOG_PRIORITIES		(LOG_TRACE_PRIORITY + 1)

/* The least urgent priority of each target that a subsystem's lines still go to; -1: none. */
struct subsys {
	char tag[LOG_TAG_BYTES_MAX];
	int to_stderr, to_logfile, to_syslog;
};

static struct {
	bool begun;
	const struct config *config;	/* lives as long as the daemon */
	struct subsys subsys[LOG_SUBSYS_COUNT_MAX];
	unsigned int subsys_count;
	int32_t file_target;		/* -1: none */
	int crash_file_fd, crash_syslog_fd;
} log_state = {
	.subsys = {
		[LOG_SUBSYS_MAIN] = { "MAIN", LOG_DEBUG, -1, -1 },
		[LOG_SUBSYS_TOTEM] = { "TOTEM", LOG_DEBUG, -1, -1 },
		[LOG_SUBSYS_NET] = { "NET", LOG_DEBUG, -1, -1 },
		[LOG_SUBSYS_IPC] = { "IPC", LOG_DEBUG, -1, -1 },
		[LOG_SUBSYS_SERV] = { "SERV", LOG_DEBUG, -1, -1 },
		[LOG_SUBSYS_SYNC] = { "SYNC", LOG_DEBUG, -1, -1 },
		[LOG_SUBSYS_STATE] = { "STATE", LOG_DEBUG, -1, -1 },
		[LOG_SUBSYS_QUORUM] = { "QUORUM", LOG_DEBUG, -1, -1 },
		[LOG_SUBSYS_QB] = { "QB", LOG_DEBUG, -1, -1 },
	},
	.subsys_count = LOG_SUBSYS_FIXED_COUNT,
	.file_target = -1,
	.crash_file_fd = -1,
	.crash_syslog_fd = -1,
};

static bool log_foreground;

static const struct subsys *
subsys_of(const struct qb_log_callsite *cs)
{
	if ((cs->tags & QB_LOG_TAG_LIBQB_MSG) != 0 || cs->tags >= log_state.subsys_count)
		return &log_state.subsys[LOG_SUBSYS_QB];
	return &log_state.subsys[cs->tags];
}

static void
target_set(struct qb_log_callsite *cs, int32_t target, int least)
{
	if ((int) cs->priority <= least)
		qb_bit_set(cs->targets, (uint32_t) target);
	else
		qb_bit_clear(cs->targets, (uint32_t) target);
}

static void
log_filter(struct qb_log_callsite *cs)
{
	const struct subsys *s = subsys_of(cs);

	target_set(cs, QB_LOG_STDERR, s->to_stderr);
	target_set(cs, QB_LOG_SYSLOG, s->to_syslog);
	if (log_state.file_target >= 0)
		target_set(cs, log_state.file_target, s->to_logfile);
}

static const char *
tag_text(uint32_t tags)
{
	if ((tags & QB_LOG_TAG_LIBQB_MSG) != 0 || tags >= log_state.subsys_count)
		return log_state.subsys[LOG_SUBSYS_QB].tag;
	return log_state.subsys[tags].tag;
}

/* A subsystem's own value, or logging's. */
static uint64_t
own_or(uint64_t own, uint64_t other)
{
	return own != CONFIG_UNSET ? own : other;
}

static void
subsys_configure(struct subsys *s)
{
	const struct config_log *all = &log_state.config->log;
	struct config_log own = {
		.to_stderr = CONFIG_UNSET, .to_logfile = CONFIG_UNSET, .to_syslog = CONFIG_UNSET,
		.logfile_priority = CONFIG_UNSET, .syslog_priority = CONFIG_UNSET,
		.debug = CONFIG_UNSET,
	};
	int file, system, debug = -1;

	for (size_t i = 0; i < log_state.config->subsys_count; i++) {
		if (strcasecmp(log_state.config->subsys[i].subsys, s->tag) == 0)
			own = log_state.config->subsys[i];
	}
	file = (int) own_or(own.logfile_priority, all->logfile_priority);
	system = (int) own_or(own.syslog_priority, all->syslog_priority);
	if (own_or(own.debug, all->debug) == CONFIG_DEBUG_ON)
		debug = LOG_DEBUG;
	else if (own_or(own.debug, all->debug) == CONFIG_DEBUG_TRACE)
		debug = LOG_TRACE_PRIORITY;
	/* libqb tells much that is of no use to an administrator. */
	if (s == &log_state.subsys[LOG_SUBSYS_QB] && own.debug == CONFIG_UNSET) {
		debug = -1;
		if (own.logfile_priority == CONFIG_UNSET && file > LOG_WARNING)
			file = LOG_WARNING;
		if (own.syslog_priority == CONFIG_UNSET && system > LOG_WARNING)
			system = LOG_WARNING;
	}
	if (debug >= 0)
		file = system = debug;
	s->to_stderr = log_foreground && own_or(own.to_stderr, all->to_stderr) ? file : -1;
	s->to_logfile = own_or(own.to_logfile, all->to_logfile) ? file : -1;
	s->to_syslog = own_or(own.to_syslog, all->to_syslog) ? system : -1;
}

static void
format_set(int32_t target, const char *head)
{
	char format[128];

	(void) snprintf(format, sizeof format, "%s[%%6g] %s%s%%b", head,
	    log_state.config->fileline ? "%f:%l " : "",
	    log_state.config->function_name ? "%n() " : "");
	qb_log_format_set(target, format);
}

static void
formats_set(void)
{
	const char *time = "";
	char head[64];

	if (log_state.config->timestamp == CONFIG_TIMESTAMP_ON)
		time = "%t ";
	else if (log_state.config->timestamp == CONFIG_TIMESTAMP_HIRES)
		time = "%T ";
	(void) snprintf(head, sizeof head, "%s%%7p ", time);
	format_set(QB_LOG_STDERR, head);
	format_set(QB_LOG_SYSLOG, "");
	if (log_state.file_target < 0)
		return;
	(void) snprintf(head, sizeof head, "%s[%%P] %%H %%N %%7p ", time);
	format_set(log_state.file_target, head);
}

static bool
subsys_uses(size_t offset)
{
	for (unsigned int i = 0; i < log_state.subsys_count; i++) {
		const char *at = (const char *) &log_state.subsys[i] + offset;
		int least;

		memcpy(&least, at, sizeof least);
		if (least >= 0)
			return true;
	}
	return false;
}

static void
target_begin(int32_t target)
{
	(void) qb_log_ctl(target, QB_LOG_CONF_ENABLED, QB_TRUE);
	/* Last: after it libqb takes a lock that qb_log_thread_start() is yet to make. */
	(void) qb_log_ctl(target, QB_LOG_CONF_THREADED, QB_TRUE);
}

/* What a signal handler writes to; it can neither open files nor use libqb. */
static void
crash_open(const struct config *config)
{
	const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };

	if (log_state.file_target >= 0)
		log_state.crash_file_fd = open(config->log.logfile,
		    O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY);
	if (!subsys_uses(offsetof(struct subsys, to_syslog)))
		return;
	log_state.crash_syslog_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (log_state.crash_syslog_fd >= 0)
		(void) connect(log_state.crash_syslog_fd, (const struct sockaddr *) &address,
		    sizeof address);
}

int
log_begin(const struct config *config, const char *ident, bool foreground)
{
	static const int facility[] = { LOG_KERN, LOG_USER, LOG_MAIL, LOG_DAEMON, LOG_AUTH,
	    LOG_SYSLOG, LOG_LPR, LOG_NEWS, LOG_UUCP, LOG_CRON, LOG_AUTHPRIV, LOG_FTP, 12 << 3,
	    13 << 3, 14 << 3, 15 << 3, LOG_LOCAL0, LOG_LOCAL1, LOG_LOCAL2, LOG_LOCAL3, LOG_LOCAL4,
	    LOG_LOCAL5, LOG_LOCAL6, LOG_LOCAL7 };

	int r;

	cs_assert(!log_state.begun);
	cs_assert(config->log.syslog_facility < sizeof facility / sizeof facility[0]);
	log_state.config = config;
	log_foreground = foreground;
	for (unsigned int i = 0; i < log_state.subsys_count; i++)
		subsys_configure(&log_state.subsys[i]);
	qb_log_init(ident, facility[config->log.syslog_facility], LOG_WARNING);
	(void) qb_log_ctl(QB_LOG_SYSLOG, QB_LOG_CONF_ENABLED, QB_FALSE);
	(void) qb_log_ctl(QB_LOG_STDERR, QB_LOG_CONF_ENABLED, QB_FALSE);
	(void) qb_log_ctl(QB_LOG_BLACKBOX, QB_LOG_CONF_ENABLED, QB_FALSE);
	if (subsys_uses(offsetof(struct subsys, to_logfile))) {
		log_state.file_target = qb_log_file_open(config->log.logfile);
		if (log_state.file_target < 0) {
			r = log_state.file_target;
			log_state.file_target = -1;
			qb_log_fini();
			return r;
		}
	}
	qb_log_tags_stringify_fn_set(tag_text);
	formats_set();
	(void) qb_log_filter_fn_set(log_filter);
	if (log_state.file_target >= 0)
		target_begin(log_state.file_target);
	if (subsys_uses(offsetof(struct subsys, to_stderr)))
		target_begin(QB_LOG_STDERR);
	if (subsys_uses(offsetof(struct subsys, to_syslog)))
		target_begin(QB_LOG_SYSLOG);
	(void) qb_log_thread_priority_set(SCHED_OTHER, 0);
	r = qb_log_thread_start();
	if (r < 0)
		return r;
	crash_open(config);
	log_state.begun = true;
	return 0;
}

void
log_end(void)
{
	if (!log_state.begun)
		return;
	log_state.begun = false;
	qb_log_fini();		/* waits until all is written */
}

int
log_reopen(void)
{
	int fd, r;

	if (log_state.file_target < 0)
		return 0;
	r = qb_log_file_reopen(log_state.file_target, NULL);
	fd = open(log_state.config->log.logfile, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return r < 0 ? r : -errno;
	/* Better the old one than none. */
	if (log_state.crash_file_fd >= 0)
		(void) close(log_state.crash_file_fd);
	log_state.crash_file_fd = fd;
	return r;
}

unsigned int
log_subsys_number(const char *tag)
{
	unsigned int i;

	for (i = 0; i < log_state.subsys_count; i++) {
		if (strcmp(log_state.subsys[i].tag, tag) == 0)
			return i;
	}
	if (i == LOG_SUBSYS_COUNT_MAX)
		return LOG_SUBSYS_SERV;
	(void) snprintf(log_state.subsys[i].tag, sizeof log_state.subsys[i].tag, "%s", tag);
	if (log_state.config != NULL)
		subsys_configure(&log_state.subsys[i]);
	log_state.subsys_count++;
	return i;
}

bool
log_wanted(unsigned int subsys, int priority)
{
	const struct subsys *s = &log_state.subsys[subsys];

	cs_assert(subsys < log_state.subsys_count);
	return priority <= s->to_stderr || priority <= s->to_logfile || priority <= s->to_syslog;
}

static struct qb_log_callsite *
place_make(struct qb_log_callsite *place, unsigned int subsys, int priority, const char *function,
    const char *file, int line)
{
	place->function = function;
	place->filename = file;
	place->format = "%s";
	place->priority = (uint8_t) priority;
	place->lineno = (uint32_t) line;
	place->tags = subsys;
	log_filter(place);
	return place;
}

/* The names are the compiler's: one place has one pointer.  With the table full, lines do without
 * their place's name. */
static struct qb_log_callsite *
place_find(unsigned int subsys, int priority, const char *function, const char *file, int line)
{
	static struct qb_log_callsite places[LOG_PLACES_MAX];
	static struct qb_log_callsite nameless[LOG_SUBSYS_COUNT_MAX][LOG_PRIORITIES];
	unsigned int at = (unsigned int) line * 31u + subsys * 7u + (unsigned int) priority;

	for (unsigned int i = 0; i < LOG_PLACES_MAX; i++) {
		struct qb_log_callsite *place = &places[(at + i) % LOG_PLACES_MAX];

		if (place->format == NULL)
			return place_make(place, subsys, priority, function, file, line);
		if (place->function == function && place->lineno == (uint32_t) line &&
		    place->tags == subsys && place->priority == priority)
			return place;
	}
	return place_make(&nameless[subsys][priority], subsys, priority, "", "", 0);
}

static void
place_log(struct qb_log_callsite *place, ...)
{
	va_list args;

	va_start(args, place);
	qb_log_real_va_(place, args);
	va_end(args);
}

/* Bytes of the next piece of a line. */
static size_t
piece_length(const char *text)
{
	size_t len = strlen(text);

	if (len <= LOG_PIECE_BYTES_MAX)
		return len;
	for (size_t at = LOG_PIECE_BYTES_MAX; at > LOG_PIECE_BYTES_MAX - LOG_BREAK_BYTES_MAX; at--)
		if (text[at - 1] == ' ')
			return at;
	return LOG_PIECE_BYTES_MAX;
}

/* A long line in pieces; all but the first begin with dots. */
static void
pieces_log(struct qb_log_callsite *place, const char *text)
{
	char piece[LOG_LINE_BYTES_MAX];
	const char *dots = "";

	do {
		size_t len = piece_length(text);

		(void) snprintf(piece, sizeof piece, "%s%.*s", dots, (int) len, text);
		place_log(place, piece);
		text += len;
		dots = "... ";
	} while (*text != '\0');
}

void
log_write(unsigned int subsys, int priority, const char *function, const char *file, int line,
    const char *format, ...)
{
	char text[LOG_LINE_BYTES_MAX], line_text[LOG_LINE_BYTES_MAX];
	va_list args;

	if (priority < 0)
		priority = 0;		/* an engine's may be anything */
	if (!log_wanted(subsys, priority) || priority >= LOG_PRIORITIES)
		return;
	va_start(args, format);
	(void) vsnprintf(text, sizeof text, format, args);
	va_end(args);
	/* Whatever text of others is in it: one line stays one line. */
	(void) text_escape(TEXT_LINE, text, strlen(text), line_text, sizeof line_text);
	if (log_state.begun)
		pieces_log(place_find(subsys, priority, function, file, line), line_text);
	else
		fprintf(stderr, "%s\n", line_text);
}

void
log_crash(const char *text, size_t len)
{
	struct pollfd room = { .fd = STDERR_FILENO, .events = POLLOUT };
	char packet[256];
	int n;

	/* Nobody may read the pipe that it can be. */
	if (poll(&room, 1, 0) == 1)
		(void) !write(STDERR_FILENO, text, len);
	if (log_state.crash_file_fd >= 0)
		(void) !write(log_state.crash_file_fd, text, len);
	if (log_state.crash_syslog_fd < 0)
		return;
	n = snprintf(packet, sizeof packet, "<%d>%.*s", LOG_DAEMON | LOG_CRIT, (int) len, text);
	if (n > 0 && (size_t) n < sizeof packet)
		(void) send(log_state.crash_syslog_fd, packet, (size_t) n, MSG_NOSIGNAL |
		    MSG_DONTWAIT);
}
