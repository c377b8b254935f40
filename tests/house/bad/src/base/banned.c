/* strcpy(a, b) in a comment is none */
#include <string.h>
void my_strcpy(char *a);
void f(char *a, const char *b) {
    strcpy(a, b);
    sprintf (a, "%s", b);
    my_strcpy(a);
}
