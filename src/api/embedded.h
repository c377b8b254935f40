/* openapi_schemas.json as the build put it into the program: {"parameters": {...}, "schemas": {...}}. */
#pragma once
extern const char openapi_schemas[];
