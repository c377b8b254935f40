/* The twin: a stand-in for providers, on this machine. It has two faces.
 *
 * Inside a server, behind test keys, it is the provider "twin": it makes a real file of the kind, pixels and length that a call's
 * canonical inputs ask for (engine/local.c renders, this room says what). As a program, `puras twin`, it is a server on loopback that
 * speaks the wire protocols of real providers, written from their documents and never from the descriptions in catalog/. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
