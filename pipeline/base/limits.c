#include "limits.h"

const struct limit limits[LIMIT_COUNT] = {
#define X(name, value, why) [LIMIT_ID_##name] = {#name, value, why},
    LIMITS(X)
#undef X
};
