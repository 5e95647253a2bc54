/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Every limit of the ring protocol, on one page.  Sizes that meet on the wire or in memory are
 * related below by static assertions, so that changing one cannot silently break another.
 */
#ifndef TOTEM_LIMITS_H
#define TOTEM_LIMITS_H

#define TOTEM_NODES_MAX		128u	/* members of one ring */
#define TOTEM_MESSAGE_BYTES_MAX	(1048576u + 4096u)	/* 1 MiB and an engine's header */

#define TOTEM_FRAME_BYTES_MIN	1000u	/* a JOIN of 128 nodes fits in one frame */
#define TOTEM_FRAME_BYTES_MAX	65000u	/* below the largest UDP payload */
#define TOTEM_HEADER_BYTES	40u	/* wire.h: common frame header */
#define TOTEM_LAST_WORDS_BYTES	80u	/* totem_last_words() */
#define TOTEM_TAG_BYTES		16u	/* kept free for the seal */

#define TOTEM_POOL_BYTES	(12u * 1024u * 1024u)	/* frame store, one ring */
#define TOTEM_POOL_FRAMES_MAX	8192u
#define TOTEM_POOL_FRAMES_MIN	256u
#define TOTEM_WINDOW_MIN	(TOTEM_POOL_FRAMES_MIN / 2u)	/* one store's frames */
#define TOTEM_SEND_FRAMES_MAX	512u	/* frames one holder sends per visit at most */
#define TOTEM_RTR_RANGES_MAX	64u	/* retransmission requests, as ranges, in one token */
#define TOTEM_OUTPUT_MAX	2048u	/* queued outputs between two inputs */

#define TOTEM_APP_QUEUE_BYTES	(4u * 1024u * 1024u)	/* accepted, not yet ordered */
#define TOTEM_SYNC_QUEUE_BYTES	(2u * 1024u * 1024u)

#define TOTEM_RING_SEQ_BLOCK	(UINT64_C(1) << 20)	/* reserved ahead on stable storage */

#endif
