int guard(void);
