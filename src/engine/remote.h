/* Carries out CALL_SUBMIT, CALL_POLL, CALL_FETCH, CALL_CANCEL and CALL_LOOKUP: builds requests as the provider's description says, sends
 * them, reads what comes back, and brings outputs into the drive.
 *
 * Everything starts and ends on the loop's thread. Programs of descriptions, decoding and the disk run on threads of its own. A call
 * under way owns all it needs in one struct errand; nothing of it is kept when it is done. */
#pragma once
#include "drive/drive.h"
#include "engine/atlas.h"
#include "io/loop.h"
#include "io/upstream.h"
#include "jq/jq.h"
#include "media/media.h"

struct remote_options {
    struct loop *loop;
    struct upstream *upstream;
    struct jq *jq;
    struct drive *drive;
    struct helper *helper;
    const struct signer *signer;
    struct atlas *atlas;
    const char *public_url;     /* links for providers begin with it; must live as long */
    /* The credential for a provider that needs one, into the arena. E_NO_PROVIDER_KEY with a sentence. */
    err (*key)(void *arg, const struct provider_info *p, struct arena *a, struct why *why, struct str *out);
    bool (*may_act)(void *arg); /* false: another node may have taken over what this one has, and no submit leaves */
    void *arg;
};
struct remote;
struct remote *remote_create(const struct remote_options *o);
/* Ends its threads and requests; calls under way are never answered. Then loop_flush, then remote_destroy, before the upstream's end. */
void remote_stop(struct remote *r);
void remote_destroy(struct remote *r); /* NULL is fine */
/* A loop_call_fn for the five kinds. */
void remote_call(void *self, const struct call *c, call_stage_fn *stage, call_done_fn *done, void *arg);

struct remote_stats {
    int64_t calls, downloads; /* under way */
    uint64_t requests, failed, unknown_statuses, resumed, bytes_in;
};
struct remote_stats remote_stats(const struct remote *r);
