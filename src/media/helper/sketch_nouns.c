/* What the renderer can draw: names, the words for them, and the drawings (language in pen.h). A const table, read by
 * sketch_words.c and sketch.c. Areas in the main colour outweigh every other in a drawing, because a colour that the prompt names must be the one seen. */
#include "media/helper/plan.h"

#define G PLACE_GROUND
#define S PLACE_SKY
#define W PLACE_WATER
#define HILLS SETTING_HILLS
#define ROOM  SETTING_ROOM
#define SEA   SETTING_SEA

const struct noun sketch_nouns[] = {
    /* on wheels, rails, water and wings */
    {"bicycle", "bicycle bicycles bike bikes cycle cycles", "d8443c", G, HILLS, 1.0,
     "l! E22 60 19 19|l! E78 60 19 19|m-7 E22 60 18.5 18.5|m-7 E78 60 18.5 18.5"
     "|t-0.8 M22 44 L22 76 M6 60 L38 60 M11 49 L33 71 M33 49 L11 71 M78 44 L78 76 M62 60 L94 60 M67 49 L89 71 M89 49 L67 71"
     "|l! M35 34 L66 34 L48 60 Z|m-6.5 M22 60 L36 33 L66 33 L48 60 Z M36 33 L48 60|m-6.5 M78 60 L64 24"
     "|k-4 M55 19 L63 23 L71 18|k-6 M28 27 L43 27|k-3.5 M36 32 L35 27|t E48 60 5 5|k-3 M48 60 L54 69 M50 69.5 L58 69.5"
     "|k E22 60 3 3|k E78 60 3 3"},
    {"car", "car cars automobile automobiles taxi taxis sedan sedans racecar", "3a6fc4", G, HILLS, 1.0,
     "m M3 66 C3 54 8 50 20 48 L31 30 C33 26 37 24 42 24 L66 24 C71 24 75 26 78 30 L89 47 C97 49 99 54 98 66 C98 70 96 71 93 71"
     " L8 71 C5 71 3 70 3 66 Z|u M37 32 L30 47 L53 47 L53 30 L41 30 C39 30 38 30 37 32 Z"
     "|u M57 30 L57 47 L83 47 L75 33 C73 31 71 30 68 30 Z|w! M40 33 L36 42 L41 42 L45 33 Z|w! M61 33 L61 42 L66 42 L64 33 Z"
     "|d-1.2 M55 49 L55 67 M27 50 L27 58|k-2 M60 54 L66 54|k E24 71 11.5 11.5|t E24 71 5.5 5.5|k E78 71 11.5 11.5"
     "|t E78 71 5.5 5.5|y E95 56 2.6 4|r R3 54 4 7 1.5|l! M36 66 L66 66 L66 63 L36 63 Z"},
    {"truck", "truck trucks lorry lorries van vans fire_truck fire_engine", "d9822b", G, HILLS, 1.15,
     "m R2 18 60 50 2|m M64 32 L82 32 C86 32 89 36 91 42 L97 52 L97 68 L64 68 Z|u M69 37 L81 37 L87 50 L69 50 Z"
     "|d-1.4 M17 20 L17 66 M32 20 L32 66 M47 20 L47 66|k-2 M70 55 L75 55|t R1 66 97 5 1|k E20 71 10 10|t E20 71 4.5 4.5"
     "|k E40 71 10 10|t E40 71 4.5 4.5|k E82 71 10 10|t E82 71 4.5 4.5|y E95 59 2 3.4"},
    {"train", "train trains locomotive locomotives steam_train steam_engine", "2f7d5b", G, HILLS, 1.2,
     "w! E37 9 6 4|m R34 32 44 30 4|m R74 16 24 46 2|d R71 11 30 7 2|u R79 22 14 15 2|k M38 14 L50 14 L47 32 L41 32 Z"
     "|d M58 32 C58 22 68 22 68 32 Z|d E34 47 5 14|y E30 47 3.4 4|t R28 61 72 5 1|r M30 62 L22 80 L34 80 L34 62 Z"
     "|d E44 72 9 9|t E44 72 4 4|d E64 72 9 9|t E64 72 4 4|d E86 70 11 11|t E86 70 5 5|k-2.2 M44 74 L86 74|l-2 M37 40 L72 40"},
    {"boat", "boat boats sailboat sailboats ship ships yacht yachts dinghy sailing_boat", "c8473d", W, SEA, 1.2,
     "b-3 M48 4 L48 72|m M52 7 C82 14 97 40 94 63 L52 63 Z|m M44 13 C22 24 7 44 6 63 L44 63 Z|d-1.4 M54 26 C66 29 74 30 82 30 M54 45 C68 48 78 49 90 48|r M49 3 L60 6 L49 10 Z"
     "|m M4 70 L96 70 C93 84 86 92 76 94 L24 94 C14 92 7 84 4 70 Z|d-2.4 M8 78 L92 78|w E36 84 3 3|w E50 84 3 3|w E64 84 3 3"},
    {"plane", "plane planes airplane airplanes aeroplane aeroplanes aircraft jet jets", "e8e4da", S, HILLS, 0.8,
     "d M40 36 L26 10 L36 10 L60 36 Z|m M6 14 L14 14 L26 34 C46 30 74 30 88 34 C98 37 99 46 90 49 C68 55 30 54 18 48 C10 44 9 28 6 14 Z"
     "|u M80 34 L90 37 L90 41 L78 40 Z|k! E34 41 1.8 2.2|k! E42 41 1.8 2.2|k! E50 41 1.8 2.2|k! E58 41 1.8 2.2|k! E66 41 1.8 2.2"
     "|d M52 46 L32 72 L43 72 L68 46 Z|a M4 44 L24 42 L24 46 L8 49 Z"},
    {"rocket", "rocket rockets spaceship spaceships spacecraft rocketship", "d8443c", S, SETTING_SPACE, 1.5,
     "o M36 78 C34 88 43 90 50 99 C57 90 66 88 64 78 Z|y! M43 78 C42 85 46 87 50 92 C54 87 58 85 57 78 Z"
     "|d M30 46 C16 56 14 70 16 84 L36 74 Z|d M70 46 C84 56 86 70 84 84 L64 74 Z"
     "|m M50 2 C72 16 80 46 72 80 L28 80 C20 46 28 16 50 2 Z|l! M50 6 C38 18 32 32 33 52 L39 52 C39 30 43 18 50 6 Z"
     "|t E50 36 11 11|u E50 36 7.5 7.5|w! E47.5 33.5 2 2|d R46.5 58 7 24 3|d-2 M30 71 L70 71"},
    {"balloon", "balloon balloons hot_air_balloon hot_air_balloons", "e0503f", S, HILLS, 0.85,
     "k-1.2 M50 76 C40 88 60 94 48 112|m M50 2 C78 2 90 22 88 40 C86 58 68 70 54 74 L57 80 L43 80 L46 74 C32 70 14 58 12 40 C10 22 22 2 50 2 Z"
     "|l! M28 18 C22 24 20 32 22 40 C26 40 26 26 34 18 C34 14 31 15 28 18 Z"},
    /* animals */
    {"cat", "cat cats kitten kittens kitty kitties", "c98a4b", G, HILLS, 0.8,
     "m-9 M72 88 C98 92 100 62 87 52|m M50 42 C75 44 81 74 79 94 L23 94 C19 74 26 44 50 42 Z|l! E50 74 11 14"
     "|d-1.6 M41 94 L41 78 M59 94 L59 78 M30 94 C29 88 32 86 36 86 M70 94 C71 88 68 86 64 86"
     "|m M25 34 L22 5 L40 15 C46 13 54 13 60 15 L78 5 L75 34 C75 48 62 55 50 55 C38 55 25 48 25 34 Z"
     "|p! M27 24 L26 12 L35 18 Z|p! M73 24 L74 12 L65 18 Z|d-1.6 M46 15 L47 22 M50 14 L50 23 M54 15 L53 22"
     "|y E39 32 5 5.6|y E61 32 5 5.6|k! E39 32.5 1.9 4.6|k! E61 32.5 1.9 4.6|p M46.5 40 L53.5 40 L50 44 Z"
     "|k-1.2 M50 44 C50 48 45 49 42 47 M50 44 C50 48 55 49 58 47|k-0.7 M34 42 L16 38 M34 45 L16 47 M66 42 L84 38 M66 45 L84 47"},
    {"dog", "dog dogs puppy puppies hound hounds doggy", "b57a45", G, HILLS, 0.9,
     "m-8 M24 82 C8 80 4 66 8 56|m M48 46 C72 46 78 74 76 95 L26 95 C20 76 26 46 48 46 Z|l! E50 72 11 15"
     "|d-1.6 M42 95 L42 78 M58 95 L58 78|m M26 26 C26 8 38 4 50 4 C62 4 74 8 74 26 C74 44 66 56 50 56 C34 56 26 44 26 26 Z"
     "|d M30 8 C16 8 12 24 14 40 C15 46 24 46 27 40 C30 32 28 18 34 10 Z|d M70 8 C84 8 88 24 86 40 C85 46 76 46 73 40 C70 32 72 18 66 10 Z"
     "|l M50 30 C60 30 64 38 63 45 C62 52 56 54 50 54 C44 54 38 52 37 45 C36 38 40 30 50 30 Z|k E41 24 3.4 4.2|k E59 24 3.4 4.2"
     "|w! E42 22.6 1.2 1.4|w! E60 22.6 1.2 1.4|k M44 33 C47 31 53 31 56 33 C56 38 52 40 50 40 C48 40 44 38 44 33 Z"
     "|k-1.3 M50 40 L50 45 C47 49 43 48 42 46 M50 45 C53 49 57 48 58 46|p M47 47.5 L53 47.5 C54 53 52 55 50 55 C48 55 46 53 47 47.5 Z"
     "|a M33 55 C44 61 56 61 67 55 L67 60 C56 66 44 66 33 60 Z|y E50 65 3 3"},
    {"bird", "bird birds sparrow sparrows robin robins parrot parrots seagull seagulls crow crows pigeon pigeons dove doves", "3f8fd0",
     S, HILLS, 0.5,
     "d M22 50 L0 34 L4 48 L0 60 L24 66 Z|m M10 54 C14 28 38 16 58 24 C64 8 90 8 94 28 C96 40 92 50 89 58 C82 80 52 90 32 80 C18 74 8 66 10 54 Z"
     "|l! M62 74 C74 70 84 58 87 44 C90 60 80 78 60 80 C50 81 52 77 62 74 Z|d M28 52 C36 36 58 38 70 46 C72 60 60 70 46 70 C34 70 26 62 28 52 Z|d-1.6 M40 62 L60 58 M44 54 L66 52"
     "|o M92 24 L105 31 L92 37 Z|w E80 26 4.4 4.4|k! E81 26.4 2.3 2.5|o-2 M44 82 L42 90 M56 82 L57 90"},
    {"duck", "duck ducks duckling ducklings goose geese swan swans", "f2c83f", W, SEA, 0.6,
     "m M6 46 C14 54 26 50 36 48 C48 46 56 42 56 34 C48 28 48 8 66 6 C82 5 88 18 84 28 C82 34 80 38 84 48 C92 66 78 84 52 84 C26 84 6 70 6 46 Z"
     "|d M22 58 C34 50 54 52 60 60 C54 74 32 76 22 58 Z|o M84 18 C92 16 98 18 102 22 C96 27 90 28 84 27 Z|k E72 17 2.8 3.2|w! E73 16 1 1"},
    {"fish", "fish fishes goldfish salmon trout", "f08a35", W, SEA, 0.6,
     "d M36 26 C44 10 60 10 68 14 L62 32 Z|d M42 74 C46 86 54 90 62 88 L60 68 Z"
     "|m M4 50 C14 14 62 10 77 44 L97 22 C91 42 91 58 97 78 L77 56 C62 90 14 86 4 50 Z|a! M38 24 C44 40 44 60 38 76 L44 77 C50 60 50 40 44 23 Z"
     "|l! M14 42 C22 34 32 30 38 31 C32 36 22 40 14 46 Z|d M50 50 C58 44 66 46 68 50 C64 56 56 58 50 50 Z|w E20 46 5 5|k! E19.5 46 2.6 2.6"
     "|k-1.2 M7 55 C10 57 13 57 15 56|d-1.1 M80 46 L90 38 M81 50 L91 50 M80 54 L90 62"},
    {"whale", "whale whales", "4a78a8", W, SEA, 1.1,
     "u-2.4 M32 20 C32 10 24 6 20 10 M32 20 C32 10 40 6 44 10|m M4 56 C6 34 24 24 42 26 C64 28 72 44 84 40 C86 30 82 22 78 16 C86 16 90 20 92 26 C94 20 99 16 106 18"
     " C100 24 98 32 96 42 C92 66 74 82 46 82 C20 82 4 76 4 56 Z|l! M6 62 C18 70 40 72 60 70 C50 80 30 81 18 77 C10 74 7 69 6 62 Z"
     "|d M42 64 C46 74 56 78 62 76 C60 68 52 62 42 64 Z|w E22 50 3.4 3.4|k! E22 50.4 1.9 1.9|k-1.3 M5 60 C12 63 18 62 22 59"},
    {"horse", "horse horses pony ponies stallion mare foal unicorn unicorns", "8a5a34", G, HILLS, 1.15,
     "d-9 M17 42 C8 50 8 62 7 74|d M28 60 L36 91 L26 91 L20 62 Z|d M56 60 L62 91 L52 91 L48 66 Z"
     "|m M12 46 C14 34 34 34 48 36 C56 36 60 28 64 16 C67 8 73 4 80 4 L82 -1 L87 6 C94 12 100 22 101 30 C100 37 94 38 90 35 C87 33 84 33 82 34"
     " C84 48 82 58 77 64 L78 91 L63 91 L60 75 C52 78 38 78 31 74 L28 82 L29 91 L13 91 L12 72 C7 66 8 54 12 46 Z"
     "|d M80 3 C69 2 62 10 60 19 C56 29 50 34 46 36 C55 39 63 33 67 25 C70 17 73 9 80 3 Z|k E87 16 2.2 2.6|k! E97 30 1 1.4"
     "|k M63 88 L78 88 L78 91.5 L63 91.5 Z|k M13 88 L29 88 L29 91.5 L13 91.5 Z|k-1 M93 33 C95 33 97 32 98 31"},
    {"rabbit", "rabbit rabbits bunny bunnies hare hares", "c9b39a", G, HILLS, 0.75,
     "w E78 82 9 9|m M38 34 C28 18 28 2 34 1 C42 2 46 18 46 32 Z|p! M38 28 C33 18 33 8 35 6 C39 8 41 20 42 29 Z|m M54 32 C54 18 58 2 66 1 C72 2 72 18 62 34 Z"
     "|p! M58 29 C59 20 61 8 65 6 C67 8 67 18 62 28 Z|m M50 54 C72 54 80 74 76 95 L24 95 C20 74 28 54 50 54 Z|l! E50 78 11 14"
     "|m M26 46 C26 34 38 28 50 28 C62 28 74 34 74 46 C74 58 62 64 50 64 C38 64 26 58 26 46 Z|k E40 43 3 4|k E60 43 3 4|w! E41 41.6 1.1 1.3"
     "|w! E61 41.6 1.1 1.3|p M46.5 50 L53.5 50 L50 54 Z|k-1.2 M50 54 C50 58 45 59 43 57 M50 54 C50 58 55 59 57 57|w R47 57.5 6 5 1"
     "|d-1.5 M42 95 L42 84 M58 95 L58 84"},
    {"penguin", "penguin penguins", "34405a", G, SETTING_SNOW, 0.8,
     "o M34 92 C26 94 24 98 30 99 L46 98 L44 90 Z|o M66 92 C74 94 76 98 70 99 L54 98 L56 90 Z|m M24 44 C12 56 10 70 14 80 C22 76 26 66 28 58 Z"
     "|m M76 44 C88 56 90 70 86 80 C78 76 74 66 72 58 Z|m M50 4 C68 4 74 18 74 32 C82 56 80 84 66 95 L34 95 C20 84 18 56 26 32 C26 18 32 4 50 4 Z"
     "|w M50 46 C64 46 68 62 66 76 C64 88 58 92 50 92 C42 92 36 88 34 76 C32 62 36 46 50 46 Z|w E41 24 6 7|w E59 24 6 7|k! E42 25 2.6 3.2|k! E58 25 2.6 3.2"
     "|o M43 31 L57 31 L50 41 Z"},
    {"butterfly", "butterfly butterflies moth moths", "e58a2e", S, HILLS, 0.5,
     "m M48 44 C34 10 4 4 2 22 C0 40 20 52 46 52 Z|m M52 44 C66 10 96 4 98 22 C100 40 80 52 54 52 Z|m M46 52 C20 52 8 70 18 84 C30 94 44 76 48 58 Z"
     "|m M54 52 C80 52 92 70 82 84 C70 94 56 76 52 58 Z|a E18 26 6.5 7|a E82 26 6.5 7|d E28 72 5.5 6|d E72 72 5.5 6|l! E32 36 5 4|l! E68 36 5 4"
     "|k-1.3 M49 36 C46 24 40 16 36 12 M51 36 C54 24 60 16 64 12|k E50 54 3.2 20|k E36 11 1.6 1.6|k E64 11 1.6 1.6"},
    /* plants and weather */
    {"tree", "tree trees oak oaks maple maples birch willow", "4f9645", G, HILLS, 1.6,
     "b M44 98 C47 84 46 70 44 58 L56 58 C54 70 53 84 57 98 Z|b-3 M50 70 L64 56"
     "|m M22 62 C6 60 4 42 16 36 C10 20 28 10 38 16 C44 2 66 4 68 18 C84 14 94 30 86 40 C96 52 84 66 70 62 C62 70 50 68 46 64 C38 70 28 68 22 62 Z"
     "|l! E34 32 11 7|l! E60 24 9 6|d-1.6 M26 50 C30 54 36 54 39 50 M56 48 C60 53 67 53 70 48 M44 38 C48 42 54 42 57 38"},
    {"pine", "pine pines fir firs spruce christmas_tree christmas_trees conifer evergreen", "2f7048", G, HILLS, 1.7,
     "b R44 84 12 15 1|m M50 40 L86 86 C62 90 38 90 14 86 Z|m M50 22 L80 64 C60 68 40 68 20 64 Z|m M50 2 L72 40 C58 44 42 44 28 40 Z"
     "|d-1.5 M36 56 L42 60 M58 54 L64 60 M30 78 L38 82 M60 78 L68 82|l-1.5 M44 24 L38 34 M40 46 L32 58"},
    {"flower", "flower flowers rose roses tulip tulips daisy daisies sunflower sunflowers poppy poppies blossom blossoms lily lilies",
     "e2557f", G, HILLS, 0.62,
     "g-4 M50 52 C52 70 48 84 50 100|g M50 84 C34 84 26 74 22 66 C38 64 48 72 50 84 Z|g M50 78 C64 78 74 68 78 60 C62 60 52 66 50 78 Z"
     "|m E50 13 13 14|m E50 53 13 14|m E29 24 14 12.5|m E71 24 14 12.5|m E29 44 14 12.5|m E71 44 14 12.5|y E50 34 11.5 11.5|o! E53 37 5 5"},
    {"mushroom", "mushroom mushrooms toadstool toadstools", "d23c34", G, SETTING_FOREST, 0.6,
     "n M40 50 C42 66 36 84 34 94 C44 98 58 98 66 94 C62 84 58 66 60 50 Z|m M4 54 C4 24 26 4 50 4 C74 4 96 24 96 54 C80 64 20 64 4 54 Z"
     "|w E30 32 7 6|w E54 20 8 6|w E74 38 7 6|w E50 46 6 4.5|w E18 48 4 3.6|w E86 52 3.4 3"},
    {"cactus", "cactus cacti cactuses", "4a9a58", G, SETTING_DESERT, 1.1,
     "m M31 34 C31 24 16 24 16 34 L16 50 C16 62 26 68 42 68 L42 54 C34 54 31 52 31 46 Z|m M69 26 C69 16 84 16 84 26 L84 44 C84 56 74 62 58 62 L58 48 C66 48 69 46 69 40 Z"
     "|m M34 98 L34 18 C34 -3 66 -3 66 18 L66 98 Z|d-1.4 M44 10 L44 96 M55 10 L55 96|w-1 M38 28 L35 26 M50 36 L50 32 M60 24 L64 22 M40 76 L36 74 M60 80 L64 78 M50 60 L50 56"
     "|p E50 2 6 4.4|p E77 18 4 3"},
    {"mountain", "mountain mountains peak peaks volcano volcanoes", "7c86a0", G, HILLS, 2.0,
     "d M56 96 L96 34 C102 40 124 78 134 96 Z|w M96 34 L86 50 L92 48 L96 54 L101 47 L107 51 Z|m M2 96 L52 4 C62 18 86 70 102 96 Z"
     "|w M52 4 L36 34 L43 30 L49 38 L56 29 L62 36 L67 31 Z|d-1.4 M52 40 L48 58 L54 66 M64 50 L70 66 M34 58 L28 72"},
    {"sun", "sun suns", "f7c02e", S, HILLS, 0.9,
     "m M50 0 L57 20 L43 20 Z|m M50 100 L57 80 L43 80 Z|m M0 50 L20 43 L20 57 Z|m M100 50 L80 43 L80 57 Z|m M15 15 L34 24 L24 34 Z|m M85 85 L66 76 L76 66 Z"
     "|m M85 15 L76 34 L66 24 Z|m M15 85 L24 66 L34 76 Z|m E50 50 27 27|l! E42 42 11 10|k! E41 47 2.4 3|k! E59 47 2.4 3|k-1.8 M40 58 C45 64 55 64 60 58"},
    {"moon", "moon moons crescent full_moon", "f3e3a1", S, HILLS, 0.8,
     "m M62 2 C30 4 8 28 10 56 C12 82 36 100 62 96 C74 94 84 88 90 80 C64 84 44 66 44 44 C44 26 50 12 62 2 Z|d! E26 52 4 5|d! E38 76 5 4|d! E30 34 3 3"
     "|k-1.5 M22 60 C25 63 29 62 31 59"},
    {"star", "star stars", "f8d24c", S, HILLS, 0.45,
     "m M50 2 L70 26 L99 38 L82 65 L81 96 L50 88 L19 96 L18 65 L1 38 L30 26 Z|l! M50 12 L58 34 L48 42 L40 36 Z|k! E42 52 2 2.8|k! E58 52 2 2.8|k-1.6 M44 61 C47 65 53 65 56 61"},
    {"cloud", "cloud clouds", "f4f3ef", S, HILLS, 0.5,
     "m M22 66 C2 66 0 42 18 40 C16 18 44 10 54 26 C66 14 88 22 86 40 C102 42 102 66 84 66 Z|l! E44 32 12 7|d-1.4 M26 56 C34 60 44 60 50 56 M60 52 C66 56 74 56 79 52"},
    /* buildings */
    {"house", "house houses cottage cottages home cabin cabins hut huts barn barns", "d98c5f", G, HILLS, 1.5,
     "b R68 12 11 26 1|m R14 44 72 52 1|d M4 48 L50 8 L96 48 L88 54 L50 22 L12 54 Z|m M50 24 L80 50 L20 50 Z|b R42 64 17 32 1.5|y E55 81 1.6 1.6|y R20 60 16 16 1"
     "|y R65 60 16 16 1|b-1.3 M28 60 L28 76 M20 68 L36 68 M73 60 L73 76 M65 68 L81 68|u E50 40 6 6|d-1 M16 82 L26 82 M20 88 L32 88 M68 84 L78 84 M72 90 L82 90"},
    {"castle", "castle castles fortress palace palaces", "a9a49c", G, HILLS, 1.9,
     "m M20 46 L20 38 L28 38 L28 43 L36 43 L36 38 L44 38 L44 43 L56 43 L56 38 L64 38 L64 43 L72 43 L72 38 L80 38 L80 98 L20 98 Z"
     "|m R4 30 22 68 1|m R74 30 22 68 1|m R39 20 22 40 1|d M1 31 L15 4 L29 31 Z|d M71 31 L85 4 L99 31 Z|d M36 21 L50 -6 L64 21 Z|r M15 4 L15 -6 L25 -2.5 L15 1 Z"
     "|r M85 4 L85 -6 L95 -2.5 L85 1 Z|b M40 98 L40 78 C40 66 60 66 60 78 L60 98 Z|k-1 M45 98 L45 71 M50 98 L50 69 M55 98 L55 71|k R12 42 6 11 3|k R82 42 6 11 3|k R47 30 6 11 3"
     "|d-1.2 M28 56 L36 56 M32 62 L40 62 M64 56 L72 56 M62 64 L70 64 M8 66 L16 66 M12 72 L20 72 M80 70 L88 70 M84 78 L92 78"},
    {"lighthouse", "lighthouse lighthouses light_house", "d8443c", G, SEA, 1.9,
     "t M22 98 C24 88 76 88 78 98 Z|m M35 34 L65 34 L72 92 L28 92 Z|w! M33.3 49 L66.7 49 L68 60 L32 60 Z|w! M30.6 72 L69.4 72 L70.5 81 L29.4 81 Z|k R31 29 38 5 1|y R39 15 22 14 1|k-1.2 M46 15 L46 29 M54 15 L54 29"
     "|m M35 15 L50 2 L65 15 Z|b R45 82 10 10 3|k R47 39 6 7 2.5"},
    {"bridge", "bridge bridges", "b0563f", G, SEA, 1.0,
     "m R24 4 9 66 1|m R107 4 9 66 1|m-2.6 M0 42 Q20 30 28 8 Q70 66 112 8 Q120 30 140 42|d-1.4 M40 26 L40 46 M52 36 L52 46 M64 40 L64 46 M76 40 L76 46 M88 36 L88 46 M100 26 L100 46 M12 36 L12 46 M128 36 L128 46"
     "|m R0 42 140 12 2|d-1.3 M2 50 L138 50|l! R4 44 132 2.5 1|t R20 66 17 8 1|t R103 66 17 8 1"},
    {"snowman", "snowman snowmen", "f6f7fa", G, SETTING_SNOW, 1.1,
     "b-2.4 M26 52 L4 38 M10 42 L4 48|b-2.4 M74 52 L96 38 M90 42 L96 48|m E50 80 27 19|m E50 51 20 17|m E50 27 15 14|k R38 4 24 14 1.5|k R31 15 38 4 2|k! E45 25 1.8 2|k! E55 25 1.8 2"
     "|o M50 29 L64 32 L50 33 Z|a M36 37 C44 43 56 43 64 37 L65 42 C56 48 44 48 35 42 Z|a M56 43 L63 42 L64 58 L57 58 Z|k! E50 52 1.9 1.9|k! E50 60 1.9 1.9|k! E50 74 1.9 1.9"},
    /* people and machines */
    {"person", "person persons people man men woman women boy boys girl girls child children kid kids figure figures human astronaut", "3f77b8", G,
     HILLS, 1.0,
     "d M38 62 L34 96 L46 96 L50 72 L54 96 L66 96 L62 62 Z|b M33 95 L47 95 L47 99 L32 99 Z|b M53 95 L67 95 L68 99 L53 99 Z|s E29 63 4 4|s E71 63 4 4|m M36 34 C28 38 26 50 25 62 L33 62 L37 50 L36 74 C44 77 56 77 64 74 L63 50 L67 62 L75 62 C74 50 72 38 64 34 C58 31 42 31 36 34 Z"
     "|s R45 26 10 9 3|s E50 17 11.5 13|b M38 18 C36 2 64 2 62 18 C60 12 56 10 50 10 C44 10 40 12 38 18 Z|k! E45.5 18 1.4 1.7|k! E54.5 18 1.4 1.7|k-1.1 M46 24 C48 26 52 26 54 24|d-1.2 M50 36 L50 74"},
    {"robot", "robot robots android androids", "7fa3b5", G, ROOM, 1.0,
     "k-2 M50 14 L50 6|r E50 5 3.4 3.4|m R28 14 44 30 6|t R35 22 30 12 4|y E43 28 3.6 3.6|y E57 28 3.6 3.6|k! E43 28 1.5 1.5|k! E57 28 1.5 1.5|k-1.3 M40 39 L60 39|t R44 44 12 5 1|d R22 24 6 10 2|d R72 24 6 10 2"
     "|m R10 52 11 28 5|m R79 52 11 28 5|d E15 84 5 4.4|d E85 84 5 4.4|m R24 49 52 32 5|w R33 55 20 14 2|k-1.3 M35 64 L39 64 L42 58 L45 66 L48 62 L51 62|r E62 58 3 3|g E62 67 3 3|l! R28 74 44 3 1|m R30 81 14 14 2|m R56 81 14 14 2|k R26 94 20 5 2|k R54 94 20 5 2"},
    {"heart", "heart hearts", "dd3b4b", S, SETTING_PLAIN, 0.8,
     "m M50 94 C20 70 2 50 4 28 C6 6 36 0 50 24 C64 0 94 6 96 28 C98 50 80 70 50 94 Z|l! M20 20 C12 26 12 38 18 46 C18 34 22 28 30 20 C28 16 24 17 20 20 Z"},
    /* things */
    {"apple", "apple apples", "d2333a", G, ROOM, 0.55,
     "m M50 28 C60 16 92 16 92 50 C92 76 74 98 62 97 C56 97 54 94 50 94 C46 94 44 97 38 97 C26 98 8 76 8 50 C8 16 40 16 50 28 Z|b-3 M50 30 C50 20 52 12 57 5|g M54 18 C62 4 78 4 86 8 C80 20 66 24 54 18 Z|l! M22 36 C16 44 16 56 20 64 C26 60 24 46 32 36 C30 32 25 32 22 36 Z"},
    {"orange", "oranges tangerine tangerines clementine", "f28c28", G, ROOM, 0.5,
     "m E50 54 44 43|g M50 14 C58 2 74 2 82 8 C74 18 62 20 50 14 Z|b! E50 14 3 2.4|l! E34 38 11 9|d-1.2 M60 70 L60.5 70.5 M70 60 L70.5 60.5 M52 80 L52.5 80.5 M74 46 L74.5 46.5 M44 66 L44.5 66.5"},
    {"pumpkin", "pumpkin pumpkins", "e8832a", G, HILLS, 0.6,
     "g M46 20 C46 10 42 6 38 4 L48 1 C54 6 55 12 54 20 Z|m E20 58 18 34|m E80 58 18 34|m E34 58 20 38|m E66 58 20 38|m E50 58 17 40|l! E44 38 4 10"},
    {"cup", "cup cups mug mugs teacup teacups coffee tea", "4f86b5", G, ROOM, 0.55,
     "w-2.2 M34 20 C28 14 40 10 34 2 M50 20 C44 14 56 10 50 2|m-7 M72 44 C94 38 96 74 68 74|m M10 32 L76 32 C76 60 74 84 64 92 L22 92 C12 84 10 60 10 32 Z|d E43 32 33 7|b E43 33 28 4.6|l! M18 44 C18 60 20 74 25 82 L30 82 C25 72 24 58 24 44 Z"},
    {"chair", "chair chairs armchair armchairs stool stools seat", "b5652f", G, ROOM, 1.0,
     "d R26 58 6 34 1|d R66 58 6 34 1|m M20 6 C36 2 62 2 78 6 L76 52 L22 52 Z|d-1.6 M36 10 L37 48 M50 8 L50 48 M63 10 L62 48|m M14 52 L84 52 L90 66 L8 66 Z|m R8 66 82 6 1.5|m R10 71 8 28 1.5|m R80 71 8 28 1.5"},
    {"lamp", "lamp lamps lantern lanterns desk_lamp", "e3b23c", G, ROOM, 0.9,
     "t R47 46 6 42 1|y! M28 46 L72 46 L64 52 L36 52 Z|m M32 4 L68 4 L88 48 L12 48 Z|l! M36 8 L46 8 L38 44 L22 44 Z|m M26 96 C26 84 74 84 74 96 Z|k-1.2 M62 49 L62 62|k! E62 63 2 2"},
    {"table", "table tables desk desks", "a86b3c", G, ROOM, 0.8, "d R22 34 6 40 1|d R92 34 6 40 1|m M14 14 L106 14 L118 30 L2 30 Z|m R2 30 116 8 1.5|m R8 38 8 50 1|m R104 38 8 50 1"},
    {"umbrella", "umbrella umbrellas parasol parasols", "d0453f", G, HILLS, 0.95,
     "b-4 M50 8 L50 80 C50 90 37 90 37 80|m M2 62 C2 24 24 4 50 4 C76 4 98 24 98 62 C92 54 78 54 73 62 C66 54 56 54 50 62 C44 54 34 54 27 62 C22 54 8 54 2 62 Z"
     "|l! M27 60 C28 32 38 12 50 5 C36 18 34 38 34 57 C31 57 29 58 27 60 Z|d-1.5 M27 62 C28 34 38 12 50 4 M73 62 C72 34 62 12 50 4 M50 62 L50 4|k E50 3 2 2.6"},
    {"guitar", "guitar guitars ukulele ukuleles", "c4752d", G, ROOM, 1.0,
     "d R44 6 12 12 2|d R46 17 8 34 1|t! E42 9 1.8 1.6|t! E42 14 1.8 1.6|t! E58 9 1.8 1.6|t! E58 14 1.8 1.6"
     "|m M50 38 C70 34 80 42 77 52 C75 58 78 61 82 66 C92 82 76 100 50 100 C24 100 8 82 18 66 C22 61 25 58 23 52 C20 42 30 34 50 38 Z|k E50 62 7 7|b R38 82 24 4.5 1|n-0.7 M47.6 10 L47.6 84 M50 10 L50 84 M52.4 10 L52.4 84|l! E29 80 5 8"},
    {"book", "book books novel novels notebook notebooks", "3a62a0", G, ROOM, 0.6,
     "m M2 20 C18 12 38 14 50 22 C62 14 82 12 98 20 L98 84 C82 77 62 78 50 86 C38 78 18 77 2 84 Z|w M10 22 C24 17 38 19 48 26 L48 52 C38 45 24 44 10 47 Z|w M90 22 C76 17 62 19 52 26 L52 52 C62 45 76 44 90 47 Z"
     "|k-0.9 M15 28 C24 26 34 27 43 32 M15 34 C24 32 34 33 43 38 M15 40 C24 38 34 39 43 44 M85 28 C76 26 66 27 57 32 M85 34 C76 32 66 33 57 38 M85 40 C76 38 66 39 57 44|d-2 M50 24 L50 84|r M70 17 L76 17 L76 34 L73 30 L70 34 Z"},
    {"cake", "cake cakes birthday_cake cupcake cupcakes", "f0a3b5", G, ROOM, 0.75,
     "t E50 94 46 5|m M12 56 L88 56 L88 92 C70 97 30 97 12 92 Z|m M24 30 L76 30 L76 56 L24 56 Z|w M12 56 C12 50 88 50 88 56 C88 64 82 64 80 60 C78 68 70 68 68 61 C64 70 56 70 54 61 C50 68 42 68 40 61 C36 70 28 68 27 60 C22 66 12 64 12 56 Z"
     "|w M24 31 C24 25 76 25 76 31 C76 38 70 38 68 34 C64 42 56 40 55 35 C50 42 42 40 41 35 C36 42 30 38 29 34 C26 38 24 36 24 31 Z|u R34 14 4 14 1|y R48 12 4 16 1|g R62 14 4 14 1|o E36 10 2.4 4|o E50 8 2.4 4|o E64 10 2.4 4|r! E24 78 2.4 2.4|r! E40 82 2.4 2.4|r! E60 82 2.4 2.4|r! E76 78 2.4 2.4"},
    {"hat", "hat hats cap caps top_hat fedora", "7a4a8c", G, ROOM, 0.55,
     "m M2 76 C12 64 88 64 98 76 C100 88 72 94 50 94 C28 94 0 88 2 76 Z|m M24 74 C24 48 26 24 34 18 C44 12 48 22 50 22 C52 22 56 12 66 18 C74 24 76 48 76 74 C62 82 38 82 24 74 Z|a M23.6 64 C38 72 62 72 76.4 64 L76 75 C62 82 38 82 24 75 Z|l! M34 26 C31 34 30 46 30 56 L36 58 C36 46 38 34 40 26 Z"},
    {"shoe", "shoe shoes sneaker sneakers boot boots trainer trainers", "3f8a6d", G, ROOM, 0.5,
     "m M8 22 C16 26 26 24 34 18 C40 34 54 44 74 48 C92 50 98 58 98 68 L98 72 L4 72 C2 54 4 36 8 22 Z|w M3 70 L99 70 C100 80 96 84 90 84 L10 84 C4 84 2 78 3 70 Z|w-2.2 M40 36 L50 30 M48 42 L57 36 M57 46 L65 40|d M84 51 C94 54 98 62 98 70 L76 70 C76 62 78 54 84 51 Z|a! M14 50 C26 46 30 58 44 58 L44 62 C28 62 24 52 14 55 Z"},
    {"key", "key keys", "d9a531", G, ROOM, 0.5,
     "m M22 8 C46 6 56 20 57 32 L106 32 L112 42 L106 52 L102 52 L102 68 L88 68 L88 53 L82 53 L82 62 L70 62 L70 54 L57 54 C55 70 42 80 24 80 C4 80 -6 64 -6 44 C-6 24 4 10 22 8 Z|d E19 44 11 12|k! E19 44 7.5 8.5|l! M62 36 L104 36 L104 39 L62 39 Z|l! E2 28 4 7"},
    {"clock", "clock clocks watch watches alarm_clock", "c24b42", G, ROOM, 0.65,
     "d M26 86 L18 98 L26 98 L34 90 Z|d M74 86 L82 98 L74 98 L66 90 Z|d E24 12 13 9|d E76 12 13 9|m E50 52 44 44|l E50 52 33 33|w! E50 52 26 26|k-2 M50 22 L50 27 M50 77 L50 82 M20 52 L25 52 M75 52 L80 52|k-3 M50 52 L50 33|k-3 M50 52 L65 60|r E50 52 3 3"},
    {"candle", "candle candles", "efe2bd", G, ROOM, 0.7,
     "y! E50 18 20 22|o M50 2 C60 14 60 26 50 28 C40 26 40 14 50 2 Z|y! M50 12 C54 18 54 24 50 25 C46 24 46 18 50 12 Z|k-1.6 M50 36 L50 26|m M30 38 C36 33 64 33 70 38 L70 92 L30 92 Z|l M30 38 C36 33 64 33 70 38 C71 46 68 58 64 56 C61 55 62 46 58 46 C54 46 56 62 51 62 C46 62 48 46 43 46 C38 46 40 52 35 52 C31 52 29 44 30 38 Z|t M18 90 L82 90 C80 98 20 98 18 90 Z"},
    {"ball", "ball balls football footballs beach_ball", "d64545", G, HILLS, 0.5,
     "m E50 50 46 46|a! M50 4 C34 20 34 80 50 96 C42 96 34 94 28 90 C16 70 16 30 28 10 C34 6 42 4 50 4 Z|l! E66 30 9 8|d-1.4 M50 4 C72 22 72 78 50 96"},
    {"crown", "crown crowns tiara", "e9b52e", G, ROOM, 0.5,
     "m M6 80 L2 24 L28 48 L50 8 L72 48 L98 24 L94 80 C70 87 30 87 6 80 Z|d M6 76 C30 83 70 83 94 76 L93 88 C70 94 30 94 7 88 Z|r E50 62 6 7|u E26 64 4.5 5.4|u E74 64 4.5 5.4|m E2 22 4 4|m E50 7 4.4 4.4|m E98 22 4 4"},
    {"gift", "gift gifts present presents gift_box parcel parcels", "3e8f7a", G, ROOM, 0.6,
     "m R10 42 80 54 1.5|m R4 26 92 18 1.5|a R43 26 14 70 0.5|a M50 26 C34 26 18 18 22 8 C28 -2 46 8 50 26 Z|a M50 26 C66 26 82 18 78 8 C72 -2 54 8 50 26 Z|d-1.4 M12 46 L43 46 M57 46 L88 46"},
    {"leaf", "leaf leaves", "6aa84f", G, SETTING_FOREST, 0.45, "m M92 6 C98 50 78 92 30 88 C18 86 12 78 12 66 C10 26 50 10 92 6 Z|d-2 M4 98 C24 70 50 42 80 18 M34 66 L32 46 M48 51 L48 32 M36 64 L58 68 M52 48 L74 50"},
};
const size_t sketch_noun_count = sizeof sketch_nouns / sizeof *sketch_nouns;
