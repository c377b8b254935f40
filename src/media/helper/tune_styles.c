/* The styles that `tune` plays, as data. Called by tune_plan.c and the players. */
#include "media/helper/tune.h"

const int tune_scales[MODE_COUNT][7] = {
    [MODE_MAJOR] = {0, 2, 4, 5, 7, 9, 11},   [MODE_MINOR] = {0, 2, 3, 5, 7, 8, 10},  [MODE_DORIAN] = {0, 2, 3, 5, 7, 9, 10},
    [MODE_MIXOLYDIAN] = {0, 2, 4, 5, 7, 9, 10}, [MODE_LYDIAN] = {0, 2, 4, 6, 7, 9, 11}, [MODE_PHRYGIAN] = {0, 1, 3, 5, 7, 8, 10}};

const char *tune_mode_name(enum tune_mode m) {
    static const char *const names[MODE_COUNT] = {"major", "minor", "dorian", "mixolydian", "lydian", "phrygian"};
    return names[m];
}

const char *tune_kind_name(enum tune_kind k) {
    static const char *const names[] = {"intro", "verse", "chorus", "bridge", "end"};
    return names[k];
}

/* General MIDI percussion */
enum { RIM = 37, SNARE = 38, CLAP = 39, BRUSH = 40, HAT = 42, PEDAL_HAT = 44, OPEN_HAT = 46, RIDE = 51, TAMBOURINE = 54, COWBELL = 56, BONGO = 60, CONGA = 63,
       TOM = 45, SHAKER = 70, CLAVES = 75, TRIANGLE = 81 };
/* General MIDI instruments */
enum { PIANO = 0, BRIGHT_PIANO = 1, ELECTRIC_PIANO = 4, SOFT_PIANO = 5, CELESTA = 8, MUSIC_BOX = 10, VIBRAPHONE = 11, ORGAN = 16, ROCK_ORGAN = 18, ACCORDION = 21,
       HARMONICA = 22, NYLON = 24, STEEL = 25, JAZZ_GUITAR = 26, CLEAN_GUITAR = 27, MUTED_GUITAR = 28, OVERDRIVE = 29, DISTORTION = 30, UPRIGHT = 32, FINGER_BASS = 33,
       PICK_BASS = 34, SLAP_BASS = 36, SYNTH_BASS = 38, VIOLIN = 40, CELLO = 42, PIZZICATO = 45, HARP = 46, STRINGS = 48, SLOW_STRINGS = 49, SYNTH_STRINGS = 50, CHOIR = 52,
       TRUMPET = 56, MUTED_TRUMPET = 59, HORN = 60, BRASS = 61, ALTO_SAX = 65, TENOR_SAX = 66, OBOE = 68, CLARINET = 71, FLUTE = 73, SQUARE = 80, SAW = 81,
       NEW_AGE = 88, WARM_PAD = 89, POLYSYNTH = 90, HALO = 94, BANJO = 105, FIDDLE = 110 };

const char *tune_program_name(int program) {
    static const struct { int program; const char *name; } names[] = {
        {PIANO, "piano"}, {BRIGHT_PIANO, "bright piano"}, {ELECTRIC_PIANO, "electric piano"}, {SOFT_PIANO, "soft electric piano"}, {CELESTA, "celesta"},
        {MUSIC_BOX, "music box"}, {VIBRAPHONE, "vibraphone"}, {12, "marimba"}, {13, "xylophone"}, {14, "bells"}, {ORGAN, "organ"}, {ROCK_ORGAN, "rock organ"},
        {19, "church organ"}, {ACCORDION, "accordion"}, {HARMONICA, "harmonica"}, {NYLON, "nylon guitar"}, {STEEL, "acoustic guitar"},
        {JAZZ_GUITAR, "jazz guitar"}, {CLEAN_GUITAR, "electric guitar"}, {MUTED_GUITAR, "muted guitar"}, {OVERDRIVE, "overdriven guitar"},
        {DISTORTION, "distorted guitar"}, {UPRIGHT, "double bass"}, {FINGER_BASS, "electric bass"}, {PICK_BASS, "picked bass"}, {35, "fretless bass"},
        {SLAP_BASS, "slap bass"}, {SYNTH_BASS, "synth bass"}, {39, "deep synth bass"}, {VIOLIN, "violin"}, {41, "viola"}, {CELLO, "cello"}, {43, "contrabass"},
        {PIZZICATO, "pizzicato strings"}, {HARP, "harp"}, {47, "timpani"}, {STRINGS, "strings"}, {SLOW_STRINGS, "slow strings"}, {SYNTH_STRINGS, "synth strings"},
        {CHOIR, "choir"}, {TRUMPET, "trumpet"}, {57, "trombone"}, {58, "tuba"}, {MUTED_TRUMPET, "muted trumpet"}, {HORN, "french horn"}, {BRASS, "brass section"},
        {64, "soprano sax"}, {ALTO_SAX, "alto sax"}, {TENOR_SAX, "tenor sax"}, {OBOE, "oboe"}, {CLARINET, "clarinet"}, {FLUTE, "flute"}, {74, "recorder"},
        {75, "pan flute"}, {SQUARE, "square lead"}, {SAW, "saw lead"}, {NEW_AGE, "bell pad"}, {WARM_PAD, "warm pad"}, {POLYSYNTH, "polysynth"}, {HALO, "halo pad"},
        {104, "sitar"}, {BANJO, "banjo"}, {107, "koto"}, {109, "bagpipe"}, {FIDDLE, "fiddle"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].program == program) return names[i].name;
    return "synthesiser";
}

#define BACKBEAT "....X.......X..."
#define EIGHTHS "x.o.x.o.x.o.x.o."
#define SIXTEENTHS "xoooxoooxoooxooo"
#define FOUR "X...X...X...X..."
#define OFFBEATS "..x...x...x...x."
/* Lead, chords, pad, bass, an extra line in the chorus, and the second voice. The first style is the one for words that name none. */
const struct tune_style tune_styles[] = {
    {"pop", "pop radio k_pop boyband top_40 dance_pop", 96, 124, 4, 0, false, {MODE_MAJOR, MODE_MAJOR, MODE_MAJOR, MODE_MINOR},
     {{"1 5 6 4", "1 6 4 5"}, {"1 6 3 7", "1 4 6 7"}}, {{"4 1 5 6", "1 5 6 4"}, {"6 7 1 3", "1 6 3 7"}},
     {"X.......X.x.....", BACKBEAT, EIGHTHS, NULL, SNARE, HAT, 0}, {"X..x..x.X.x.....", BACKBEAT, EIGHTHS, "....X.......X...", SNARE, OPEN_HAT, CLAP},
     {"r-------r---5-a-", "r-r-r-r-r-r-5-a-"}, COMP_BLOCK, {"x.......x.......", "x...x.x.x...x.x."},
     {SAW, BRIGHT_PIANO, WARM_PAD, FINGER_BASS, CLEAN_GUITAR, SAW}, 55, 35, 62, false},
    {"rock", "rock rocker rocking grunge indie alternative punk garage stadium guitar_band hard_rock", 112, 144, 4, 0, false, {MODE_MAJOR, MODE_MIXOLYDIAN, MODE_MINOR, MODE_MINOR},
     {{"1 b7M 4 1", "1 4 1 5"}, {"1 7 6 7", "1 3 7 4"}}, {{"1 5 6 4", "4 5 1 1"}, {"1 6 3 7", "6 7 1 1"}},
     {"X.....x.X.x.....", BACKBEAT, EIGHTHS, NULL, SNARE, HAT, 0}, {"X.x...x.X.x...x.", BACKBEAT, EIGHTHS, NULL, SNARE, OPEN_HAT, 0},
     {"r-r-r-r-r-r-r-r-", "r-r-r-r-r-r-5-a-"}, COMP_POWER, {"x.x.x.x.x.x.x.x.", "X-..x-x-X-..x-x-"},
     {OVERDRIVE, DISTORTION, ROCK_ORGAN, PICK_BASS, CLEAN_GUITAR, OVERDRIVE}, 55, 40, 60, true},
    {"metal", "metal heavy_metal thrash doom djent metalcore headbanging brutal", 140, 176, 4, 0, false, {MODE_MINOR, MODE_PHRYGIAN, MODE_MINOR, MODE_PHRYGIAN},
     {{"1 1 6 7", "1 6 7 1"}, {"1 1 6 7", "1 2M 1 7"}}, {{"1 6 3 7", "6 7 1 1"}, {"1 6 3 7", "6 7 1 2M"}},
     {"X.xxX.xxX.xxX.xx", BACKBEAT, "x...x...x...x...", NULL, SNARE, RIDE, 0}, {"xxxxxxxxxxxxxxxx", BACKBEAT, "X...X...X...X...", NULL, SNARE, 52, 0},
     {"r.rrr.rrr.rrr.rr", "rrrrrrrrrrrrrrrr"}, COMP_POWER, {"x.xxx.xxx.xxx.xx", "X---X---X---X-x-"},
     {DISTORTION, DISTORTION, CHOIR, PICK_BASS, OVERDRIVE, DISTORTION}, 70, 30, 59, false},
    {"jazz", "jazz jazzy swing swinging bebop big_band smoky crooner lounge ragtime dixieland", 104, 152, 4, 28, false, {MODE_MAJOR, MODE_MAJOR, MODE_DORIAN, MODE_MINOR},
     {{"27,5d 17,67 27,5d 17,6d", "17,6d 27,5d 37,6d 27,5d"}, {"17 2h,5d 17 67,5d", "17,47 77,37 67,2h 5d"}},
     {{"47,b7d 37,6d 27,5d 17,5d", "17 1d,47 27,5d 17"}, {"47,7d 37,67 2h,5d 17", "17 67 2h,5d 17"}},
     {"o.......o.......", "......o.......o.", "x...X.o.x...X.o.", "....x.......x...", BRUSH, RIDE, PEDAL_HAT}, {"o.....o.o.......", "...o..o....o..x.", "x...X.o.x...X.o.", "....x.......x...", SNARE, RIDE, PEDAL_HAT},
     {"r---w---w---a---", "r---w---w---a---"}, COMP_STAB, {"..x...........x.", "x.....x.......x."},
     {TENOR_SAX, PIANO, SLOW_STRINGS, UPRIGHT, JAZZ_GUITAR, TRUMPET}, 62, 45, 56, false},
    {"lofi", "lofi lo_fi chillhop study beats_to chill_beats vaporwave bedroom", 68, 84, 4, 18, true, {MODE_MAJOR, MODE_DORIAN, MODE_MINOR, MODE_MAJOR},
     {{"27 57 17 67", "47 37 27 17"}, {"17 47 67 57", "67 77 17 37"}}, {{"47 37 67 57", "17 67 27 57"}, {"67 57 17 17", "17 67 37 77"}},
     {"X......x..x.....", "....x.......x...", "x.o.x.oox.o.x.o.", NULL, BRUSH, HAT, 0}, {"X..x...x..x.....", "....X.......X..o", "x.oox.oox.oox.oo", NULL, SNARE, HAT, 0},
     {"r-----r-..5-----", "r-----r-5---a---"}, COMP_BLOCK, {"x.............x.", "x.....x.......x."},
     {VIBRAPHONE, ELECTRIC_PIANO, WARM_PAD, 35, JAZZ_GUITAR, SOFT_PIANO}, 40, 40, 64, true},
    {"ambient", "ambient drone meditation meditative spa atmospheric new_age ethereal soundscape", 60, 76, 4, 0, false, {MODE_LYDIAN, MODE_MAJOR, MODE_DORIAN, MODE_MINOR},
     {{"17 2M 17 5s", "1 3 4 1"}, {"17 6 4 1", "1 7 6 7"}}, {{"47 17 2 5s", "1 5 4 5"}, {"6 7 1 5", "17 3 7 4"}},
     {NULL, NULL, "o...............", NULL, 0, TRIANGLE, 0}, {"o...............", NULL, "o...o...o...o...", NULL, 0, SHAKER, 0},
     {"r---------------", "r-------5-------"}, COMP_ARPEGGIO, {"0...1...2...3...", "0.1.2.3.2.1.2.1."},
     {FLUTE, HARP, HALO, 35, NEW_AGE, CHOIR}, 22, 10, 67, true},
    {"classical", "classical orchestra orchestral symphony baroque sonata mozart bach string_quartet chamber concerto piano_solo romantic_era", 92, 126, 4, 0, false, {MODE_MAJOR, MODE_MAJOR, MODE_MINOR, MODE_MAJOR},
     {{"1 4,5 1 5", "1 5 6,4 5"}, {"1 4 5M 1", "1 5M 6,4 5M"}}, {{"1 5,1 4 5", "6 2,5 1 5"}, {"6 3 4,5M 1", "1 7 3 5M"}},
     {NULL, NULL, NULL, NULL, 0, 0, 0}, {"o...............", NULL, NULL, "o...............", 0, 0, TRIANGLE},
     {"r-------5-------", "r---5---o---5---"}, COMP_ARPEGGIO, {"0.2.1.2.0.2.1.2.", "0.2.1.2.0.2.1.2."},
     {VIOLIN, PIANO, STRINGS, CELLO, FLUTE, OBOE}, 58, 8, 65, false},
    {"cinematic", "cinematic trailer film_score movie_score soundtrack", 84, 112, 4, 0, false, {MODE_MINOR, MODE_MINOR, MODE_DORIAN, MODE_MAJOR},
     {{"1 5 6 4", "1 3 4 1"}, {"1 6 3 7", "1 7 6 7"}}, {{"4 1 5 6", "1 b7M 4 1"}, {"6 7 1 1", "1 3 7 4"}},
     {"X.....o.x.....o.", NULL, "o.o.o.o.o.o.o.o.", NULL, 0, TAMBOURINE, 0}, {"X..x..x.X..x..xx", "........X.......", "x.o.x.o.x.o.x.o.", "x..x..x.x.x.x.x.", SNARE, TAMBOURINE, TOM},
     {"r---------------", "r--r--r-r--r--r-"}, COMP_ARPEGGIO, {"0.1.2.1.0.1.2.1.", "0010201000102010"},
     {HORN, STRINGS, CHOIR, 43, BRASS, TRUMPET}, 38, 15, 60, false},
    {"electronic", "electronic edm house techno trance club rave dance dancefloor electro synth dubstep drum_and_bass", 120, 132, 4, 0, false, {MODE_MINOR, MODE_MINOR, MODE_DORIAN, MODE_MAJOR},
     {{"1 1 4 4", "6 4 1 5"}, {"1 1 6 7", "1 3 7 6"}}, {{"6 4 1 5", "4 5 6 1"}, {"6 7 1 3", "1 6 3 7"}},
     {FOUR, "....x.......x...", OFFBEATS, NULL, CLAP, HAT, 0}, {FOUR, BACKBEAT, OFFBEATS, "xoxoxoxoxoxoxoxo", CLAP, OPEN_HAT, HAT},
     {"..r-..r-..r-..r-", "r.rr..rrr.rr..or"}, COMP_STAB, {"x..x..x...x..x..", "x..x..x.x..x..x."},
     {SAW, POLYSYNTH, SYNTH_STRINGS, SYNTH_BASS, SQUARE, SAW}, 65, 50, 62, false},
    {"synthwave", "synthwave retro 80s eighties outrun neon retrowave synth_pop new_wave", 96, 118, 4, 0, false, {MODE_MINOR, MODE_MINOR, MODE_DORIAN, MODE_MAJOR},
     {{"1 5 6 4", "6 4 1 5"}, {"1 6 7 7", "1 3 7 6"}}, {{"4 5 6 1", "1 5 6 4"}, {"6 7 1 3", "1 6 3 7"}},
     {FOUR, "....X.......X...", "x.x.x.x.x.x.x.x.", NULL, SNARE, HAT, 0}, {FOUR, BACKBEAT, SIXTEENTHS, "....X.......X..x", SNARE, HAT, CLAP},
     {"r.r.r.r.r.r.r.r.", "rroorroorroorroo"}, COMP_ARPEGGIO, {"0.1.2.1.0.1.2.1.", "0120123201201232"},
     {SQUARE, POLYSYNTH, SYNTH_STRINGS, SYNTH_BASS, SAW, SAW}, 48, 35, 62, false},
    {"hip-hop", "hip_hop hiphop rap trap boom_bap drill rapper", 80, 96, 4, 10, true, {MODE_MINOR, MODE_MINOR, MODE_DORIAN, MODE_PHRYGIAN},
     {{"1 1 4 4", "1 6 1 5"}, {"1 1 6 5M", "1 4 1 7"}}, {{"6 4 1 5", "1 6 4 5"}, {"6 7 1 1", "1 6 4 5M"}},
     {"X..x......x.....", "....X.......X...", "x.x.x.x.x.x.x.x.", NULL, SNARE, HAT, 0}, {"X..x...x..x..x..", "....X.......X...", "x.x.x.xxx.x.xxxx", "....X.......X...", SNARE, HAT, CLAP},
     {"r-----....r-----", "r--r--....r---a-"}, COMP_STAB, {"x.....x.........", "x.....x...x....."},
     {ELECTRIC_PIANO, PIANO, STRINGS, 39, PIZZICATO, FLUTE}, 50, 60, 60, true},
    {"funk", "funk funky groove groovy soul r_and_b rnb motown", 98, 114, 4, 8, true, {MODE_DORIAN, MODE_MIXOLYDIAN, MODE_DORIAN, MODE_MIXOLYDIAN},
     {{"1d 1d 4d 1d", "1d 4d 1d 5d"}, {"17 17 4d 17", "17 4d 17 4d"}}, {{"4d 4d 1d 5d", "b7M 4 1d 1d"}, {"47 17 47 5d", "b7M 4M 17 17"}},
     {"X..x......x..x..", "....X..o.o..X..o", "x.x.x.x.x.x.x.x.", NULL, SNARE, HAT, 0}, {"X..x..x...x..x..", "....X..o.o..X..o", SIXTEENTHS, "..x...x...x...x.", SNARE, HAT, COWBELL},
     {"r..r..o...r.5.a.", "r..r..o.rr.o5.a."}, COMP_STAB, {"..x..x....x..x..", "x..x..x...x..x.."},
     {ALTO_SAX, MUTED_GUITAR, ORGAN, SLAP_BASS, BRASS, TRUMPET}, 58, 65, 60, true},
    {"disco", "disco boogie 70s seventies", 112, 124, 4, 0, false, {MODE_MINOR, MODE_MAJOR, MODE_DORIAN, MODE_MINOR},
     {{"1 6 2 5", "17 67 27 57"}, {"1 4 7 3", "17 47 1 5M"}}, {{"4 5 3 6", "1 6 4 5"}, {"6 7 1 1", "4 7 3 6"}},
     {FOUR, "....X.......X...", OFFBEATS, NULL, SNARE, OPEN_HAT, 0}, {FOUR, BACKBEAT, OFFBEATS, "x.xxx.xxx.xxx.xx", SNARE, OPEN_HAT, HAT},
     {"r-o-r-o-r-o-r-o-", "r-o-r-o-r-o-5-a-"}, COMP_STAB, {"..x..xx...x..xx.", "x..x..x.x..x..x."},
     {BRASS, CLEAN_GUITAR, STRINGS, FINGER_BASS, ELECTRIC_PIANO, STRINGS}, 55, 40, 62, false},
    {"reggae", "reggae ska dub jamaica jamaican rasta island", 72, 88, 4, 12, true, {MODE_MAJOR, MODE_MAJOR, MODE_MINOR, MODE_MIXOLYDIAN},
     {{"1 4 1 5", "1 2 4 1"}, {"1 4 1 7", "1 7 6 7"}}, {{"1 5 6 4", "4 1 5 1"}, {"6 7 1 1", "4 1 7 1"}},
     {"........X.......", "........X.......", OFFBEATS, NULL, RIM, HAT, 0}, {"X.......X.......", "........X.....o.", "..x.o.x...x.o.x.", NULL, SNARE, HAT, 0},
     {"r---..r-5-r-....", "r---..r-5-o-..a-"}, COMP_STAB, {"..x...x...x...x.", "..xx..x...xx..x."},
     {HARMONICA, CLEAN_GUITAR, ORGAN, FINGER_BASS, ROCK_ORGAN, TRUMPET}, 45, 40, 62, true},
    {"latin", "latin bossa bossa_nova salsa samba rumba cuban brazilian tango mambo flamenco spanish mexican", 108, 132, 4, 0, false, {MODE_MINOR, MODE_MAJOR, MODE_MINOR, MODE_DORIAN},
     {{"17 6d 27 5d", "17 27 37 5d"}, {"17 47 5d 17", "17 2h 5d 17"}}, {{"47 b7d 37 6d", "27 5d 17 6d"}, {"47 7d 37 67", "67 5d 17 17"}},
     {"X..xX..xX..xX..x", "x..x..x...x..x..", "x.x.x.x.x.x.x.x.", NULL, RIM, SHAKER, 0}, {"X..xX..xX..xX..x", "x..x..x...x.x...", "xoxoxoxoxoxoxoxo", "..x.x.x...x.xx..", CLAVES, SHAKER, CONGA},
     {"r-----5-o-----5-", "r-----5-o---5-a-"}, COMP_STAB, {"x..x..x...x..x..", "x..x..x..x.x..x."},
     {NYLON, PIANO, SLOW_STRINGS, UPRIGHT, FLUTE, TRUMPET}, 55, 55, 60, false},
    {"folk", "folk acoustic campfire ballad celtic irish singer_songwriter americana sea_shanty shanty medieval", 88, 112, 4, 0, false, {MODE_MAJOR, MODE_MAJOR, MODE_DORIAN, MODE_MIXOLYDIAN},
     {{"1 4 1 5", "1 5 4 1"}, {"1 7 1 5", "1 7 4 1"}}, {{"4 1 5 6", "1 4 1,5 1"}, {"3 7 1 7", "6 7 1 1"}},
     {"o.......o.......", NULL, "o.x.o.x.o.x.o.x.", NULL, 0, SHAKER, 0}, {"X.......X.......", "....o.......o...", "x.x.x.x.x.x.x.x.", NULL, BRUSH, TAMBOURINE, 0},
     {"r-------5-------", "r---5---r---5-a-"}, COMP_STRUM, {"x...x.x...x.x.x.", "x...x.xxx.x.x.xx"},
     {FIDDLE, STEEL, ACCORDION, UPRIGHT, BANJO, FLUTE}, 52, 15, 62, true},
    {"country", "country western nashville cowboy honky_tonk bluegrass", 100, 132, 4, 0, false, {MODE_MAJOR, MODE_MAJOR, MODE_MAJOR, MODE_MIXOLYDIAN},
     {{"1 1 4 1", "1 4 5 1"}, {"1 7 1 7", "1 4 7 1"}}, {{"4 1 5 1", "1 5 4 1"}, {"6 7 1 1", "3 7 4 1"}},
     {"X.......X.......", "....x.......x...", EIGHTHS, NULL, RIM, HAT, 0}, {"X.......X.x.....", BACKBEAT, EIGHTHS, NULL, SNARE, HAT, 0},
     {"r-------5-------", "r-------5-----a-"}, COMP_STRUM, {"....x.......x.x.", "x...x.xxx...x.xx"},
     {FIDDLE, STEEL, ORGAN, FINGER_BASS, BANJO, HARMONICA}, 55, 20, 62, true},
    {"blues", "blues bluesy delta chicago shuffle slow_blues twelve_bar boogie_woogie", 76, 112, 4, 30, false, {MODE_MIXOLYDIAN, MODE_MIXOLYDIAN, MODE_MINOR, MODE_MIXOLYDIAN},
     {{"1d 4d 1d 1d 4d 4d 1d 1d 5d 4d 1d 5d", "1d 1d 1d 1d 4d 4d 1d 1d 5d 4d 1d 5d"}, {"17 17 17 17 47 47 17 17 6 5d 17 5d", "17 47 17 17 47 47 17 17 6 5d 17 5d"}},
     {{"4d 4d 1d 1d 5d 4d 1d 1d", "4d 1d 5d 1d"}, {"47 47 17 17 6 5d 17 17", "47 17 5d 17"}},
     {"X...x...X...x...", "....X.......X...", "x.x.x.x.x.x.x.x.", NULL, SNARE, RIDE, 0}, {"X...x...X..xx...", BACKBEAT, "x.x.x.x.x.x.x.x.", NULL, SNARE, RIDE, 0},
     {"r---w---w---w---", "r-r-w-w-5-5-w-w-"}, COMP_STAB, {"..x...x...x...x.", "x...x.x.x...x.x."},
     {CLEAN_GUITAR, PIANO, ORGAN, FINGER_BASS, HARMONICA, TENOR_SAX}, 48, 50, 58, true},
    {"waltz", "waltz 3_4 three_four viennese ballroom carousel musette minuet", 126, 168, 3, 0, false, {MODE_MAJOR, MODE_MAJOR, MODE_MINOR, MODE_MAJOR},
     {{"1 1 5d 5d 5d 5d 1 1", "1 6 2 5d"}, {"1 1 5d 5d 5d 5d 1 1", "1 4 5d 1"}}, {{"4 1 5d 1", "1 4 5d 1"}, {"4 1 5d 1", "6 3 4 5d"}},
     {"o...........", NULL, "....o...o...", NULL, 0, TRIANGLE, 0}, {"X...........", "....o...o...", "....o...o...", NULL, BRUSH, TRIANGLE, 0},
     {"r---........", "r---........"}, COMP_STAB, {"....x...x...", "....x...x..."},
     {VIOLIN, ACCORDION, STRINGS, UPRIGHT, CLARINET, FLUTE}, 45, 5, 64, false},
    {"lullaby", "lullaby cradle bedtime nursery", 72, 92, 3, 0, false, {MODE_MAJOR, MODE_MAJOR, MODE_MAJOR, MODE_LYDIAN},
     {{"1 4 1 5", "1 5 4 1"}, {"1 4 1 7", "1 7 6 7"}}, {{"4 1 5 1", "6 4 1 5"}, {"6 7 1 1", "4 1 7 1"}},
     {NULL, NULL, NULL, NULL, 0, 0, 0}, {NULL, NULL, "o...........", NULL, 0, TRIANGLE, 0},
     {"r-----------", "r-------5---"}, COMP_ARPEGGIO, {"0...1...2...", "0.1.2.3.2.1."},
     {MUSIC_BOX, NYLON, SLOW_STRINGS, CELLO, CELESTA, FLUTE}, 38, 5, 67, true},
};
const size_t tune_style_count = sizeof tune_styles / sizeof *tune_styles;
