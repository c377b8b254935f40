/* PLANTED(name) is true in the one build and run that shows a planted bug (plants.def), and 0 everywhere else. */
#pragma once
#include "base/err.h"

enum plant {
    PLANT_none,
#define PLANT(name, text) PLANT_##name,
#include "base/plants.def"
#undef PLANT
    PLANT_COUNT
};

#ifdef PURAS_PLANTS
extern int plant_active; /* an enum plant; set by the simulator before a run */
#define PLANTED(name) (plant_active == PLANT_##name)
#define PLANTED_ANY   (plant_active != PLANT_none)
#else
#define PLANTED(name) 0
#define PLANTED_ANY   0
#endif

/* An invariant that a planted bug may break: there the proof has to notice, not this line. */
#define must_unplanted(cond) (PLANTED_ANY ? (void)0 : must(cond))

/* What rows that came out wrong elsewhere would break again at each start, so that no server insists on it: the simulator does, whose rows are
 * all its own. */
#ifdef PURAS_PLANTS
#define must_simulated(cond) must_unplanted(cond)
#else
#define must_simulated(cond) ((void)0)
#endif
