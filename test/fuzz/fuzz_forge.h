/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Frames that know where the fields are: what blind mutation would hardly ever hit.
 */
#ifndef FUZZ_FORGE_H
#define FUZZ_FORGE_H
#include "test/fuzz/fuzz_cluster.h"

#define FUZZ_FRAME_BYTES	70000u

struct fuzz_forged {
	uint8_t data[FUZZ_FRAME_BYTES];
	size_t len;
	struct wire_header header;	/* of a real frame; to be sealed with */
	size_t target;
};

/* Values at which arithmetic goes wrong. */
uint64_t fuzz_interesting(struct prng *prng);

/* A frame that is on its way, of this type (0: any, rare ones preferred), header decoded. */
bool fuzz_take_flying(struct fuzz_cluster *cluster, uint8_t type, struct fuzz_forged *forged);

/* One well-aimed forgery, not sealed yet.  False: nothing to begin with. */
bool fuzz_forge(struct fuzz_cluster *cluster, struct fuzz_forged *forged);
/* Messages without end: all that is on its way says that it continues. */
void fuzz_forge_endless(struct fuzz_cluster *cluster);
#endif
