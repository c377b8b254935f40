#include "catalog/near.h"

static int min3(int a, int b, int c) {
    int m = a < b ? a : b;
    return m < c ? m : c;
}

int near_distance(struct str a, struct str b) {
    if (a.len > NEAR_MAX || b.len > NEAR_MAX) return NEAR_FAR;
    int rows[3][NEAR_MAX + 1];
    int *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b.len; j++) last[j] = (int)j;
    for (size_t i = 1; i <= a.len; i++) {
        row[0] = (int)i;
        for (size_t j = 1; j <= b.len; j++) {
            int other = a.ptr[i - 1] != b.ptr[j - 1];
            row[j] = min3(last[j] + 1, row[j - 1] + 1, last[j - 1] + other);
            bool swapped = i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1];
            if (swapped && before[j - 2] + 1 < row[j]) row[j] = before[j - 2] + 1;
        }
        int *spare = before;
        before = last;
        last = row;
        row = spare;
    }
    return last[b.len];
}

int near_score(struct str typed, struct str name) {
    int distance = near_distance(typed, name);
    int allowed = (int)typed.len / 3;
    return distance <= (allowed < 1 ? 1 : allowed) ? distance : NEAR_FAR;
}

const char *near_word(struct str typed, const char *const *list) {
    const char *best = NULL;
    int best_score = NEAR_FAR;
    for (; *list; list++) {
        int score = near_score(typed, str_of(*list));
        if (score < best_score) best_score = score, best = *list;
    }
    return best;
}
