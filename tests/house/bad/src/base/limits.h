#pragma once
#define LIMIT_BEATS 3
