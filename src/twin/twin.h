/* The twin: a stand-in for providers, on this machine. It has two faces.
 *
 * Inside a server, behind test keys, it is the provider "twin": it makes a real file of the kind, pixels and length that a call's
 * canonical inputs ask for (engine/local.c renders, plan.h says what). As a program, `puras twin`, it is a server on loopback that
 * speaks the wire protocols of real providers, written from their documents and never from the descriptions in catalog/. */
#pragma once
#include "base/err.h"

struct loop;
struct helper;
struct twin_server;
struct twin_server_options {
    struct loop *loop;
    struct helper *helper;
    const char *listen; /* HOST:PORT */
    const char *folder; /* for the files it makes; its own, emptied at the end */
};
[[nodiscard]] err twin_server_start(const struct twin_server_options *o, struct why *why, struct twin_server **out);
int twin_server_port(const struct twin_server *s);
void twin_server_stop(struct twin_server *s); /* what is being made is waited for; NULL is fine */
