/* Functions that write without knowing where the buffer ends, or read numbers without saying whether they could. */
#ifndef SM_BASE_POISON_H
#define SM_BASE_POISON_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__GNUC__)
#pragma GCC poison sprintf vsprintf strcpy strcat strncpy strncat strtok atoi atol atof gets
#endif

#endif
