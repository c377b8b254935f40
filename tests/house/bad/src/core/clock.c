/* time(NULL) in a comment is none */
struct io { long (*random)(void); };
long clock_of(struct io *io) { return io->random(); } /* a member is none */
long a_clock(void) { return time(0); }
long a_chance(void) { return getrandom(0, 0, 0); }
const char *name(void) { return "time(0)"; }
