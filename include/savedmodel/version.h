/* The version compiled against (macros) and the version running (function). Semantic versioning. */
#ifndef SAVEDMODEL_VERSION_H
#define SAVEDMODEL_VERSION_H

#include <savedmodel/status.h>

#define SM_VERSION_MAJOR 0
#define SM_VERSION_MINOR 1
#define SM_VERSION_PATCH 0
#define SM_VERSION_STRING "0.1.0"

SM_BEGIN_DECLS

/** Version of the library in use, such as "0.1.0". Static storage, any thread. */
SM_API const char *sm_version(void);

SM_END_DECLS

#endif
