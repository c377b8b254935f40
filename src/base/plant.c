/* Which planted bug is awake; only in builds that have them. */
#include "base/plant.h"

#ifdef PURAS_PLANTS
int plant_active = PLANT_none;
#endif
