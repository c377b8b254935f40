/* core may include base alone */
#include "store/store.h"
#include "record.h"
#include "base/str.h"
