#pragma once
#include "http/cycle.h"
