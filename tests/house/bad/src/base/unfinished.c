/* TODO: finish */
int x;
